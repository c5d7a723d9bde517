//! The mappings that ship: they read cleanly, compile for every version they are for, their examples hold and their
//! lenses keep the laws.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::path::Path;

use selvage_mapping::event_data::EventData;
use selvage_mapping::{CompiledMapping, Filter, LinkAnswer, LinkQuery, Links, MapCause, check_body, trial};
use selvage_model::delivery::Cause;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{Carried, EventType};
use selvage_model::read::{self, Sources};
use selvage_model::source::{Place, Spanned};
use serde_json::{Value, json};

const SURROUNDINGS: &str = r#"
kind: Fabric
name: test
environments: {dev: {}}
---
kind: Team
name: manufacturing-it
roles: {owner: [a.b]}
---
kind: Team
name: warehouse-it
roles: {owner: [a.b]}
---
kind: Team
name: master-data
roles: {owner: [a.b]}
---
kind: System
name: odoo
connector: odoo
owner: manufacturing-it
zone: cloud
environments: {dev: {url: "http://127.0.0.1:8069", database: velo, accounts: {default: {login: a, api_key: {secret: odoo/a}}}}}
---
kind: Site
name: ghent
time_zone: Europe/Brussels
binds: {company: {odoo: BE01}}
---
kind: Site
name: brno
time_zone: Europe/Prague
binds: {company: {odoo: CZ01}}
"#;

fn pack() -> Fabric {
    let mut sources = Sources::of("surroundings.yaml", SURROUNDINGS);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/odoo");
    for folder in ["codes", "objects", "mappings"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            sources.insert(name, std::fs::read(path).unwrap());
        }
    }
    let reading = read::read(&sources);
    assert_eq!(reading.findings, [], "{:#?}", reading.findings);
    reading.fabric
}

fn compiled(fabric: &Fabric, name: &str, version: u32) -> CompiledMapping {
    CompiledMapping::compile(&fabric.mappings[&name.parse().unwrap()], fabric, version).unwrap()
}

#[test]
fn examples_hold_and_laws_are_kept() {
    let fabric = pack();
    assert_eq!(fabric.mappings.len(), fabric.objects.len(), "a mapping for each object");
    for mapping in fabric.mappings.values() {
        let trial = trial::run(mapping, &fabric, 150, 7);
        assert!(trial.passed(), "{}: {trial:#?}", mapping.name);
        assert!(!trial.examples.is_empty(), "{}", mapping.name);
        for law in &trial.laws {
            assert!(law.held >= law.refused, "{} shows too little: {law:?}", mapping.name);
        }
    }
}

#[test]
fn a_trial_is_the_same_each_time() {
    let fabric = pack();
    let mapping = &fabric.mappings[&"production-order-odoo".parse().unwrap()];
    assert_eq!(trial::run(mapping, &fabric, 50, 3), trial::run(mapping, &fabric, 50, 3));
}

#[test]
fn an_order_is_created_as_odoo_wants_it() {
    let fabric = pack();
    let mapping = compiled(&fabric, "production-order-odoo", 18);
    let body = json!({
        "product": "BIK-1", "quantity": {"value": "5.00", "unit": "1"}, "planned_start": "2026-11-24T06:00:00+01:00",
        "origin": null, "site": "ghent"
    });
    assert_eq!(check_body(&fabric.objects[mapping.object()], &fabric, &body), []);
    let queries = mapping.put_links(&body).unwrap();
    let by_key = LinkQuery::ByKey { object: "product".parse().unwrap(), key: "BIK-1".to_owned() };
    let unit = LinkQuery::ByExternalId { external_id: "uom.product_uom_unit".to_owned() };
    let company = LinkQuery::Company { site: "ghent".parse().unwrap() };
    assert_eq!(queries, [by_key.clone(), unit.clone(), company.clone()]);
    let mut links: Links =
        [(by_key.clone(), LinkAnswer::Id(47)), (unit, LinkAnswer::Id(1)), (company, LinkAnswer::Id(1))]
            .into_iter()
            .collect();
    let values = mapping.put(&body, None, &links).unwrap();
    let wanted = json!({
        "product_id": 47, "product_qty": 5, "product_uom_id": 1, "date_start": "2026-11-24 05:00:00", "company_id": 1
    });
    assert_eq!(sorted(&Value::Object(values)), sorted(&wanted));
    links.insert(by_key, LinkAnswer::Missing);
    let error = mapping.put(&body, None, &links).unwrap_err();
    assert_eq!((error.cause, error.pointer.as_str()), (MapCause::Reference, "/product"));
}

fn sorted(value: &Value) -> std::collections::BTreeMap<String, Value> {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn fields_follow_the_version() {
    let fabric = pack();
    let has = |version, field: &str| {
        compiled(&fabric, "production-order-odoo", version).fields().iter().any(|name| name == field)
    };
    assert!(has(16, "date_planned_start") && !has(16, "date_start"));
    assert!(has(17, "date_start") && has(18, "lot_producing_id"));
    assert!(!has(19, "lot_producing_id") && has(19, "id") && has(19, "write_date"));
    let newest = CompiledMapping::compile(&fabric.mappings[&"product-odoo".parse().unwrap()], &fabric, 20);
    assert_eq!(newest.unwrap_err()[0].code.as_str(), "FAB3007");
    assert_eq!(compiled(&fabric, "product-odoo", 18).language(), Some("en_US"));
}

#[test]
fn attributes_become_filters_or_say_why_not() {
    let fabric = pack();
    let filter = |mapping: &str, attribute: &str, value: Value| {
        compiled(&fabric, mapping, 18).filter(&attribute.parse().unwrap(), &value).map_err(|error| error.cause)
    };
    let equals = |field: &str, value: Value| Ok(Filter::Equals { field: field.to_owned(), value });
    let order = "production-order-odoo";
    assert_eq!(filter(order, "id", json!("odoo-20")), Ok(Filter::Id(20)));
    for nobody in ["odoo-", "odoo-020", "odoo-0", "wms-20", "20", "odoo--1", "odoo-99999999999999999999"] {
        assert_eq!(filter(order, "id", json!(nobody)), Ok(Filter::Nothing), "{nobody}");
    }
    assert_eq!(filter(order, "status", json!("cancelled")), equals("state", json!("cancel")));
    assert_eq!(filter(order, "status", json!("gone")), Ok(Filter::Nothing));
    assert_eq!(filter(order, "site", json!("ghent")), Ok(Filter::Company("ghent".parse().unwrap())));
    assert_eq!(filter(order, "origin", Value::Null), equals("origin", json!(false)));
    let query = LinkQuery::ByKey { object: "product".parse().unwrap(), key: "BIK-1".to_owned() };
    assert_eq!(filter(order, "product", json!("BIK-1")), Ok(Filter::Link { field: "product_id".to_owned(), query }));
    for refused in ["quantity", "updated_at", "lot"] {
        assert_eq!(filter(order, refused, json!("1")), Err(MapCause::NotFilterable), "{refused}");
    }
    assert_eq!(filter(order, "colour", json!("red")), Err(MapCause::NotFilterable));
    let values = vec![json!("pending"), json!("waiting"), json!("blocked")];
    let waiting = Ok(Filter::OneOf { field: "state".to_owned(), values });
    assert_eq!(filter("work-order-odoo", "status", json!("pending")), waiting);
    assert_eq!(filter("work-order-odoo", "production_order", json!("odoo-7")), equals("production_id", json!(7)));
    assert_eq!(filter("product-odoo", "active", json!("true")), equals("active", json!(true)));
    assert_eq!(filter("product-odoo", "code", json!("FRM-1")), equals("default_code", json!("FRM-1")));
    let query = LinkQuery::ByExternalId { external_id: "uom.product_uom_kgm".to_owned() };
    assert_eq!(filter("product-odoo", "uom", json!("kg")), Ok(Filter::Link { field: "uom_id".to_owned(), query }));
}

#[test]
fn bodies_are_checked_whole() {
    let fabric = pack();
    let object = &fabric.objects[&"production-order@1".parse().unwrap()];
    let body = json!({
        "id": "odoo-1", "product": 7, "quantity": {"value": 5, "unit": "stone"}, "planned_start": "tomorrow",
        "colour/size": "red", "origin": "a\nb"
    });
    let pointers: Vec<String> = check_body(object, &fabric, &body).into_iter().map(|error| error.pointer).collect();
    assert_eq!(pointers, ["/colour~1size", "/id", "/product", "/quantity", "/planned_start", "/origin", "/site"]);
    assert_eq!(check_body(object, &fabric, &json!([]))[0].pointer, "");
    let product = &fabric.objects[&"product@1".parse().unwrap()];
    let body = json!({"code": "x".repeat(65), "name": "n", "uom": "stone", "weight": {"value": "1e3", "unit": "m"}, "tracking": "box"});
    let pointers: Vec<String> = check_body(product, &fabric, &body).into_iter().map(|error| error.pointer).collect();
    assert_eq!(pointers, ["/code", "/uom", "/weight/value", "/weight/unit", "/tracking"]);
}

#[test]
fn a_key_needs_few_fields_and_no_look_up() {
    let fabric = pack();
    let product = compiled(&fabric, "product-odoo", 18);
    assert_eq!(product.key_fields(), ["id", "default_code"]);
    assert_eq!(product.key(&json!({"id": 44, "default_code": "FRM-1"})).unwrap().as_deref(), Some("FRM-1"));
    assert_eq!(product.key(&json!({"id": 44, "default_code": false})).unwrap(), None);
    let order = compiled(&fabric, "production-order-odoo", 19);
    assert_eq!(order.key(&json!({"id": 20})).unwrap().as_deref(), Some("odoo-20"));
}

#[test]
fn what_does_not_fit_an_event_has_a_class() {
    let fabric = pack();
    let place = Place::start("events.yaml");
    let declared = EventType {
        name: Spanned::new("masterdata.product.changed".to_owned(), place.clone()),
        carried: Carried::Object(Spanned::new("product@1".parse().unwrap(), place)),
        when: None,
    };
    let product = |uom: &str, unit: &str, tracking: &str| {
        json!({
            "code": "FRM-1", "name": "Frame", "uom": uom, "weight": {"value": "1", "unit": unit}, "tracking": tracking,
            "updated_at": "2026-11-23T06:00:00Z",
        })
    };
    for (data, cause) in [
        (product("days", "kg", "none"), Cause::Code),
        (product("kg", "stone", "none"), Cause::Unit),
        (product("kg", "m", "none"), Cause::Unit),
        (product("kg", "kg", "box"), Cause::Contract),
        // What is more than a steward's to mend is its producer's first.
        (product("days", "stone", "none"), Cause::Contract),
        (product("days", "kg", "box"), Cause::Contract),
        (json!(null), Cause::Contract),
    ] {
        let compiled = EventData::default();
        assert!(!compiled.errors(&fabric, &declared, &data).is_empty(), "{data}");
        assert_eq!(compiled.cause(&fabric, &declared, &data), cause, "{data}");
    }
    assert_eq!(EventData::default().errors(&fabric, &declared, &product("kg", "kg", "none")), []);
}

#[test]
fn what_a_value_lacks_tells_who_mends_it() {
    for (cause, class) in [
        (MapCause::Code, Cause::Code),
        (MapCause::Reference, Cause::Reference),
        (MapCause::Unit, Cause::Unit),
        (MapCause::Shape, Cause::Mapping),
        (MapCause::NotWritable, Cause::Mapping),
        (MapCause::NotFilterable, Cause::Mapping),
    ] {
        assert_eq!(cause.class(), class);
    }
}
