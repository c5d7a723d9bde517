//! What of a record the body of a verb sets or counts against: who is not shown an attribute does not write it by a verb either, nor
//! learn of it by what a verb makes of it. Told by the fields of the system's record, which the mapping gives their names here.
//! A verb whose body gives nothing sets what its name says: whoever is granted it is granted that.

use selvage_mapping::openapi::MAJORS;
use selvage_mapping::{CompiledMapping, FieldNeed};
use selvage_model::code;
use selvage_model::exchange::{MediatedRequest, Scope};
use selvage_model::problem::{FieldError, Problem};
use selvage_model::verb::Verb;
use serde_json::Value;

use crate::fabric::{Active, Served};

/// A member of a body, `*` for each index, and the fields that it sets; dots lead to those of lines.
type Sets = (&'static str, &'static [&'static str]);

const USED: &[&str] = &["move_raw_ids.quantity", "move_raw_ids.quantity_done"];
const LOTS_USED: &[&str] = &["move_raw_ids.lot_ids", "move_raw_ids.move_line_ids.lot_id"];
const MOVED: &[&str] =
    &["move_ids.quantity", "move_ids.quantity_done", "move_line_ids.quantity", "move_line_ids.qty_done"];
const LOTS_MOVED: &[&str] = &["move_ids.lot_ids", "move_line_ids.lot_id", "move_ids.move_line_ids.lot_id"];

/// What stands in the body of a verb.
fn sets(verb: Verb) -> &'static [Sets] {
    match verb {
        Verb::ReportProduction => &[
            ("/quantity", &["qty_producing", "qty_produced"]),
            ("/lot", &["lot_producing_id", "lot_producing_ids"]),
            ("/components/*/quantity", USED),
            ("/components/*/lot", LOTS_USED),
            ("/scrapped", &["scrap_ids.scrap_qty"]),
        ],
        Verb::ConsumeComponent => &[("/quantity", USED), ("/lot", LOTS_USED)],
        Verb::ReceivePurchase => &[("/lines/*/quantity", &["order_line.qty_received"])],
        Verb::ShipSale => &[("/lines/*/quantity", &["order_line.qty_delivered"])],
        Verb::ShipShipment => &[("/lines/*/quantity", MOVED), ("/lines/*/lots", LOTS_MOVED)],
        Verb::AdjustPosition | Verb::ScrapPosition => &[("/quantity", &["quantity", "inventory_quantity"])],
        Verb::QuarantineLot => &[("/site", &["company_id"])],
        Verb::ReleaseLot => &[("/site", &["company_id"]), ("/to", &["location_id"])],
        // The first two are checked with their object, the others give nothing.
        Verb::Update
        | Verb::ReviseBill
        | Verb::Archive
        | Verb::ReleaseProduction
        | Verb::CancelProduction
        | Verb::CloseMaintenance
        | Verb::StartWork
        | Verb::PauseWork
        | Verb::FinishWork
        | Verb::ReleasePurchase
        | Verb::ReleaseSale => &[],
    }
}

/// The refusal of a verb whose body sets what the grant leaves out or does not see.
pub(crate) fn refusal(active: &Active, served: &Served, verb: Verb, request: &MediatedRequest) -> Option<Problem> {
    let (scope, body) = (&request.scope, request.body.as_ref()?);
    if scope.except.is_empty() && scope.masked.is_empty() {
        return None;
    }
    let needs = needs(active, served);
    let (mut left_out, mut masked) = (Vec::new(), Vec::new());
    for (member, fields) in sets(verb) {
        let set = needs.iter().filter(|need| fields.contains(&path(need).as_str()));
        let Some((words, is_left_out)) = set.filter_map(|need| unshown(scope, &need.attribute)).max_by_key(|it| it.1)
        else {
            continue;
        };
        let mut places = Vec::new();
        given(body, member, "", &mut places);
        let found = if is_left_out { &mut left_out } else { &mut masked };
        found.extend(places.into_iter().map(|pointer| FieldError { pointer, detail: words.clone() }));
    }
    if !left_out.is_empty() {
        let problem = Problem::new(403, code::ATTRIBUTE_EXCEPTED, "the grant leaves out attributes that the body sets");
        return Some(problem.with_errors(left_out));
    }
    let problem = || Problem::new(403, code::ATTRIBUTE_MASKED, "the body sets what is masked for the grant");
    (!masked.is_empty()).then(|| problem().with_errors(masked))
}

/// What the mappings of the object read, in every version that they are for.
fn needs(active: &Active, served: &Served) -> Vec<FieldNeed> {
    let (object, system) = (served.object.reference(), served.connection.system());
    let mapped = MAJORS.filter(|major| active.fabric.mapping(&object, system, Some(*major)).is_some());
    let compiled = mapped.filter_map(|major| active.mapping(&object, system, major).ok());
    compiled.flat_map(|mapping| CompiledMapping::needs(&mapping)).collect()
}

fn path(need: &FieldNeed) -> String {
    need.path.iter().map(String::as_str).chain([need.field.as_str()]).collect::<Vec<_>>().join(".")
}

/// Why an attribute, with dots to those within, is not shown; whether it is left out.
fn unshown(scope: &Scope, attribute: &str) -> Option<(String, bool)> {
    let first = attribute.split('.').next().unwrap_or_default();
    if scope.except.iter().any(|excepted| excepted.as_str() == first) {
        return Some((format!("this sets `{attribute}`, which the grant leaves out"), true));
    }
    let hides = |pointer: &str| {
        let mut own = pointer.split('/').filter(|name| !matches!(*name, "" | "*"));
        // All of it, what it stands in, or a part of it.
        let mut names = attribute.split('.');
        loop {
            match (own.next(), names.next()) {
                (Some(own), Some(name)) if own == name => {}
                (None, _) | (_, None) => return true,
                _ => return false,
            }
        }
    };
    let masked = scope.masked.iter().find(|masked| hides(&masked.pointer))?;
    Some((format!("this sets `{attribute}`, and the grant does not see `{}` data", masked.class), false))
}

/// Where a body gives a member, even as nothing.
fn given(body: &Value, member: &str, at: &str, found: &mut Vec<String>) {
    let Some(rest) = member.strip_prefix('/') else {
        found.push(at.to_owned());
        return;
    };
    let (name, rest) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
    match body {
        Value::Array(items) if name == "*" => {
            items.iter().enumerate().for_each(|(index, item)| given(item, rest, &format!("{at}/{index}"), found));
        }
        body => {
            if let Some(inner) = body.get(name) {
                given(inner, rest, &format!("{at}/{name}"), found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::class::Masked;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_shown_of_an_attribute() {
        let masked = |pointer: &str| Masked { pointer: pointer.to_owned(), class: "personal".parse().unwrap() };
        let scope = Scope {
            except: vec!["lot".parse().unwrap()],
            masked: vec![masked("/lines/*/received"), masked("/contact")],
            rows: vec![],
        };
        let table = [
            ("lot", Some(true)),
            ("lines.received", Some(false)),
            ("lines.received.unit", Some(false)),
            ("lines.price", None),
            ("contact.email", Some(false)),
            ("contacts", None),
            ("produced", None),
        ];
        for (attribute, expected) in table {
            assert_eq!(unshown(&scope, attribute).map(|it| it.1), expected, "{attribute}");
        }
    }

    #[test]
    fn where_a_body_gives_a_member() {
        let body = json!({"quantity": null, "lines": [{"quantity": 1}, {"product": "p"}, {"quantity": {}}]});
        let places = |member: &str| {
            let mut found = Vec::new();
            given(&body, member, "", &mut found);
            found
        };
        assert_eq!(places("/quantity"), ["/quantity"]);
        assert_eq!(places("/lines/*/quantity"), ["/lines/0/quantity", "/lines/2/quantity"]);
        assert!(places("/lot").is_empty() && places("/quantity/*/a").is_empty());
    }
}
