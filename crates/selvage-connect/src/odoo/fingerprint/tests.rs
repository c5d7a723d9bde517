//! The verbs' tables against what recorded servers say of their fields.

use super::super::needs::{ModelNeeds, VERBS, names};
use super::*;

/// Every `fields_get` of a recording, by model.
fn recorded(text: &str, model_of: fn(&Value) -> Option<&str>) -> BTreeMap<String, BTreeMap<String, FieldSeen>> {
    let exchanges: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut models = BTreeMap::new();
    for exchange in &exchanges {
        let Some(model) = model_of(exchange) else { continue };
        let response = &exchange["response"];
        let told = response.get("result").unwrap_or(response).as_object().unwrap();
        let fields = told.iter().map(|(name, told)| (name.clone(), field(told).unwrap())).collect();
        models.insert(model.to_owned(), fields);
    }
    models
}

fn wants(needs: &ModelNeeds, fields: &BTreeMap<String, FieldSeen>) -> Vec<String> {
    let has = |entry: &&&'static str| names(entry).any(|name| fields.contains_key(name));
    let writable =
        |entry: &&&'static str| names(entry).any(|name| fields.get(name).is_some_and(|field| !field.readonly));
    let missing = needs.reads.iter().filter(|entry| !has(entry)).map(|entry| format!("{} {entry}", needs.model));
    let locked = needs.writes.iter().filter(|entry| !writable(entry)).map(|entry| format!("{} {entry}!", needs.model));
    missing.chain(locked).collect()
}

#[test]
fn recorded_servers_have_what_verbs_need() {
    let eighteen = recorded(include_str!("../../../tests/recordings/18/fields.json"), |exchange| {
        exchange["step"].as_str().filter(|step| step.contains('.'))
    });
    let nineteen = recorded(include_str!("../../../tests/recordings/19/json2.json"), |exchange| {
        exchange["step"].as_str()?.strip_prefix("fields of ")
    });
    for (version, models, least) in [(18, &eighteen, 30), (19, &nineteen, 5)] {
        assert!(models.len() >= least, "{version}: {} models", models.len());
        let tables = VERBS.iter().flat_map(|verb| verb.models);
        let gaps: Vec<String> =
            tables.filter_map(|needs| models.get(needs.model).map(|fields| wants(needs, fields))).flatten().collect();
        assert_eq!(gaps, Vec::<String>::new(), "{version}");
    }
}

#[test]
fn a_model_that_is_not_there_is_told_from_one_that_is_hidden() {
    let refused = |kind, message: &str| Failure::Refused { kind, message: message.to_owned(), field: None };
    let table = [
        (refused(Refusal::User, "Object mrp.eco doesn't exist"), true),
        (refused(Refusal::NotFound, "the model 'mrp.eco' does not exist"), true),
        (refused(Refusal::Access, "You are not allowed to access 'ECO' (mrp.eco) records."), false),
        (refused(Refusal::User, "The database is being upgraded."), false),
        (Failure::Unavailable { reason: "no answer in time".to_owned() }, false),
    ];
    for (failure, absent) in table {
        assert_eq!(says_absent(&failure, "mrp.eco"), absent, "{failure}");
    }
}

#[test]
fn rights_are_asked_of_no_record() {
    let new = ask_right("stock.lot", HAS_ACCESS, Right::Create);
    assert_eq!(Value::Object(new.args), json!({"operation": "create", "ids": []}));
    let old = ask_right("stock.lot", CHECK_RIGHTS, Right::Read);
    assert_eq!(Value::Object(old.args), json!({"operation": "read", "raise_exception": false}));
}
