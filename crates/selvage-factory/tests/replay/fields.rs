//! The descriptions of fields: the tables of the simulation are those of the recordings, and what it answers is what was
//! answered, for every recorded model.

use std::path::Path;

use selvage_factory::odoo::OdooVersion;
use serde_json::{Map, Value as Json, json};

use crate::player::Player;
use crate::recording::{Request, Step, read};
use crate::{DIALECTS, assert_same};

/// The models that were asked for their fields, with the answers, in order.
fn described(version: &str) -> Vec<(String, Map<String, Json>)> {
    let file = if version == "18" { "fields" } else { "json2" };
    let answer = |step: Step| match step.request {
        Request::Object { model, method, .. } if method == "fields_get" => {
            Some((model, step.response["result"].as_object().unwrap().clone()))
        }
        Request::Named { model, method, .. } if method == "fields_get" => {
            Some((model, step.response.as_object().unwrap().clone()))
        }
        _ => None,
    };
    read(version, file).into_iter().filter_map(answer).collect()
}

/// The line of the table for a field.
fn line(name: &str, field: &Json) -> String {
    let flag = |attribute: &str, letter: char| (field[attribute] == json!(true)).then_some(letter);
    let mut flags: String = [flag("required", 'r'), flag("readonly", 'o')].into_iter().flatten().collect();
    flags.extend((field["store"] == json!(false)).then_some('c'));
    flags.extend([flag("company_dependent", 'p'), flag("translate", 't')].into_iter().flatten());
    let flags = if flags.is_empty() { "-".to_owned() } else { flags };
    let mut line = format!("{name} {} {flags}", field["type"].as_str().unwrap());
    if let Some(relation) = field["relation"].as_str() {
        line += &format!(" >{relation}");
        line += &field["relation_field"].as_str().map(|inverse| format!("/{inverse}")).unwrap_or_default();
    }
    if let Some(digits) = field.get("digits") {
        line += &format!(" #{digits}");
    }
    if let Some(pairs) = field["selection"].as_array() {
        let pair = |pair: &Json| format!("{}={}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        line += &format!("\t{}", pairs.iter().map(pair).collect::<Vec<_>>().join("|"));
    }
    line
}

#[test]
fn the_tables_are_those_of_the_recordings() {
    for version in ["18", "19"] {
        let mut derived = String::new();
        for (model, fields) in described(version) {
            derived += &format!("= {model}\n");
            for (name, field) in fields {
                derived += &format!("{}\n", line(&name, &field));
            }
        }
        let place = format!("src/odoo/schema/recorded/{version}.txt");
        let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&place)).unwrap();
        for (at, (left, right)) in derived.lines().zip(table.lines()).enumerate() {
            assert_eq!(left, right, "{place}:{}", at + 1);
        }
        assert_eq!(derived.len(), table.len(), "{place}");
    }
}

#[tokio::test]
async fn odoo_18_describes_its_fields_as_recorded() {
    let steps = read("18", "fields");
    assert_eq!(steps.len(), 35);
    for dialect in DIALECTS {
        let mut player = Player::speaking(dialect, OdooVersion::V18).await;
        player.play(&steps).await;
        assert_same(&player);
    }
}

/// Fields that nothing follows from are empty at first, and keep what is written to them.
#[tokio::test]
async fn what_is_only_known_is_kept() {
    let player = Player::start(OdooVersion::V18).await;
    let call = |model: &str, method: &str, args: Json| {
        player.factory.odoo.call(model, method, args.as_array().unwrap(), &Map::new()).unwrap()
    };
    let values = json!({
        "name": "Kept", "sale_delay": 4, "description_sale": "for sale", "use_expiration_date": true,
        "purchase_method": "receive", "expiration_time": 30, "volume": 1.5,
    });
    let product = call("product.product", "create", json!([values]));
    let partner = json!({
        "name": "Kept", "credit_limit": 12.5, "reminder_date_before_receipt": 3, "invoice_warn": "warning",
        "partner_latitude": 51.05, "barcode": "P-1",
    });
    let partner = (call("res.partner", "create", json!([partner])), partner);
    for (model, (id, values)) in [("product.product", (product, values)), ("res.partner", partner)] {
        let names: Vec<&String> = values.as_object().unwrap().keys().collect();
        let read = call(model, "read", json!([[id], names]));
        for (name, value) in values.as_object().unwrap() {
            assert_eq!(&read[0][name], value, "{model}.{name}");
        }
    }
    let empty = json!([[1], ["ref", "credit", "color", "message_ids", "industry_id", "employee", "debit_limit"]]);
    let read = call("res.partner", "read", empty);
    let expected = json!({
        "id": 1, "ref": false, "credit": 0.0, "color": 0, "message_ids": [], "industry_id": false, "employee": false,
        "debit_limit": 0.0,
    });
    assert_eq!(read[0], expected);
}

/// Every model of the recordings, in every version, answers all of its fields of all of its records.
#[tokio::test]
async fn every_field_can_be_read() {
    for version in [OdooVersion::V16, OdooVersion::V17, OdooVersion::V18, OdooVersion::V19] {
        let player = Player::start(version).await;
        for (model, _) in described("18") {
            let kwargs = json!({ "fields": [], "limit": 5 }).as_object().unwrap().clone();
            let read = player.factory.odoo.call(&model, "search_read", &[json!([])], &kwargs);
            assert!(read.is_ok(), "{version:?} {model}: {read:?}");
        }
    }
}
