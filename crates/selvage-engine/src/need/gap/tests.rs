//! Each way in which a server can lack something, and what is said of it.

use std::collections::BTreeMap;

use selvage_connect::odoo::{Dialect, OdooVersion, Server};

use super::*;

fn seen(major: u32, models: impl IntoIterator<Item = (&'static str, ModelSeen)>) -> Fingerprint {
    let version = OdooVersion { major, minor: 0, text: format!("{major}.0") };
    Fingerprint {
        server: Server { version, dialect: Dialect::JsonRpc, user: 2 },
        models: models.into_iter().map(|(model, seen)| (model.to_owned(), seen)).collect(),
    }
}

fn there(fields: &[(&str, FieldSeen)], rights: &[(Right, bool)]) -> ModelSeen {
    let fields = fields.iter().map(|(name, field)| ((*name).to_owned(), field.clone())).collect();
    ModelSeen::There { fields: Some(fields), rights: rights.iter().copied().collect() }
}

fn field(kind: &str) -> FieldSeen {
    FieldSeen { kind: kind.to_owned(), relation: None, readonly: false, words: Vec::new() }
}

fn need(what: What) -> Need {
    let purpose = "`lot` of production-order@1".to_owned();
    Need { model: "mrp.production".to_owned(), path: Vec::new(), what, purpose }
}

fn wants(names: &[&str], kinds: &'static [&'static str], written: bool) -> Need {
    let written = if written { Written::Always } else { Written::No };
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    need(What::Field { names, kinds, relation: None, words: Vec::new(), written })
}

/// Code, reason and fix of the one gap.
fn told(need: &Need, model: ModelSeen) -> Option<String> {
    let found = gaps([need, need], &seen(19, [("mrp.production", model)]), "svc-mrp");
    assert!(found.len() <= 1, "told once: {found:#?}");
    found.first().map(|gap| format!("{} {}. {}", gap.code, gap.reason, gap.fix))
}

fn check(table: impl IntoIterator<Item = (Need, ModelSeen, Option<&'static str>)>) {
    for (need, model, expected) in table {
        assert_eq!(told(&need, model).as_deref(), expected);
    }
}

#[test]
fn what_is_missing_is_said_with_its_fix() {
    let lot = || wants(&["lot_producing_id"], &[], false);
    let either = wants(&["lot_producing_ids", "lot_producing_id"], &[], false);
    check([
        (lot(), there(&[("lot_producing_id", field("many2one"))], &[]), None),
        (
            lot(),
            there(&[("lot_producing_ids", field("many2many"))], &[]),
            Some(
                "FAB5112 `mrp.production` has no field `lot_producing_id` in Odoo 19: it is called `lot_producing_ids` there; it is \
                 for `lot` of production-order@1. map it by version as the pack `odoo` does: `at: {\"<=18\": lot_producing_id, \
                 \">=19\": lot_producing_ids}`",
            ),
        ),
        (
            lot(),
            there(&[], &[]),
            Some(
                "FAB5112 `mrp.production` has no field `lot_producing_id`, which is for `lot` of production-order@1. map the \
                 attribute to a field that is there, or put the field back; one that groups hide needs the account in them",
            ),
        ),
        (either, there(&[("lot_producing_id", field("many2one"))], &[]), None),
        (
            lot(),
            ModelSeen::Absent,
            Some(
                "FAB5111 there is no model `mrp.production`. install the module `mrp`, or take out of service what is mapped \
                 to it",
            ),
        ),
        (
            need(What::Right(Right::Create)),
            there(&[], &[(Right::Create, false)]),
            Some(
                "FAB5114 the account `svc-mrp` may not create `mrp.production`. give `svc-mrp` the right to create \
                 `mrp.production` in Odoo",
            ),
        ),
    ]);
}

#[test]
fn what_does_not_fit_is_said_with_its_fix() {
    let rights = |may| [(Right::Write, may), (Right::Create, may)];
    let locked = |may| there(&[("origin", FieldSeen { readonly: true, ..field("char") })], &rights(may));
    let of_lots = FieldSeen { relation: Some("stock.lot".to_owned()), ..field("many2one") };
    let link = need(What::Field {
        names: vec!["lot_producing_id".to_owned()],
        kinds: &["many2one"],
        relation: Some("product.product".to_owned()),
        words: Vec::new(),
        written: Written::No,
    });
    check([
        (
            wants(&["origin"], &["float"], false),
            there(&[("origin", field("char"))], &[]),
            Some(
                "FAB5113 `origin` of `mrp.production` is a char and must be float for `lot` of production-order@1. map the \
                 attribute to another field, or with the lens that fits",
            ),
        ),
        (
            link,
            there(&[("lot_producing_id", of_lots)], &[]),
            Some(
                "FAB5113 `lot_producing_id` of `mrp.production` is a link to `stock.lot` and must be one to `product.product` for \
                 `lot` of production-order@1. map the attribute to another field, or with the lens that fits",
            ),
        ),
        (
            wants(&["origin"], &[], true),
            locked(true),
            Some(
                "FAB5113 `origin` of `mrp.production` cannot be written, and `lot` of production-order@1 writes it. make it \
                 `direction: read` in the mapping, or map another field",
            ),
        ),
        // To an account without the right all fields are read only: it is the right that is missing.
        (wants(&["origin"], &[], true), locked(false), None),
    ]);
}

#[test]
fn what_stands_behind_a_record_is_followed() {
    let behind = Need { path: vec!["move_raw_ids".to_owned()], ..wants(&["product_uom"], &["many2one"], false) };
    let lines = FieldSeen { relation: Some("stock.move".to_owned()), ..field("one2many") };
    let order = there(&[("move_raw_ids", lines)], &[]);
    let told = |models: Vec<(&'static str, ModelSeen)>| {
        let found = gaps([&behind], &seen(19, models), "svc");
        found.first().map(|gap| gap.reason.clone())
    };
    assert_eq!(told(vec![("mrp.production", order.clone())]), None, "the moves were not asked");
    assert_eq!(told(vec![("mrp.production", there(&[], &[]))]), None, "the link itself is another gap");
    let moves = there(&[("product_uom", field("many2one"))], &[]);
    assert_eq!(told(vec![("mrp.production", order.clone()), ("stock.move", moves)]), None);
    let without = told(vec![("mrp.production", order), ("stock.move", there(&[], &[]))]).unwrap();
    assert!(without.starts_with("`stock.move` has no field `product_uom`"), "{without}");
}

#[test]
fn unknown_is_not_missing() {
    let unasked = ModelSeen::There { fields: None, rights: BTreeMap::new() };
    for need in [wants(&["lot"], &[], true), need(What::Right(Right::Read))] {
        assert_eq!(gaps([&need], &seen(18, []), "svc"), []);
        assert_eq!(gaps([&need], &seen(18, [("mrp.production", unasked.clone())]), "svc"), []);
    }
}

#[test]
fn strange_words_are_mild() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let state = FieldSeen { words: words(&["draft", "held"]), ..field("selection") };
    let need = need(What::Field {
        names: vec!["state".to_owned()],
        kinds: &["selection", "char"],
        relation: None,
        words: words(&["draft", "done"]),
        written: Written::No,
    });
    let found = gaps([&need], &seen(18, [("mrp.production", there(&[("state", state)], &[]))]), "svc");
    assert_eq!(found.len(), 1);
    assert!(found[0].mild && found[0].reason.contains("`held`"), "{found:?}");
}
