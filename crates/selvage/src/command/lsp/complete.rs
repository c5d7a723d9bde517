//! What may be written at the cursor: kinds, fields, words, and the names of what the fabric declares.

use selvage_governance::RULES;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::kind::Kind;
use serde_json::{Value, json};

use super::cursor::{self, Cursor};

/// Numbers of the protocol for what an item is.
const FIELD: u8 = 5;
const WORD: u8 = 12;
const REFERENCE: u8 = 18;
const KIND: u8 = 7;

/// The items for a cursor.
pub(super) fn items(cursor: &Cursor, fabric: &Fabric) -> Vec<Value> {
    let key = cursor.path.last().map(String::as_str);
    if cursor.in_value && cursor.path.len() == 1 && key == Some("kind") {
        return Kind::ALL.iter().map(|kind| json!({"label": kind.as_str(), "kind": KIND})).collect();
    }
    let Some(kind) = cursor.kind else {
        return vec![json!({"label": "kind", "kind": FIELD, "insertText": "kind: "})];
    };
    let schema = cursor::schema_at(kind, &cursor.path).map(|(schema, _)| schema).unwrap_or_default();
    if !cursor.in_value {
        let named = own_keys(cursor, fabric).into_iter().filter(|name| !cursor.siblings.contains(name));
        let named = named.map(|name| json!({"label": name, "kind": REFERENCE, "insertText": format!("{name}: ")}));
        return named.chain(fields(&schema, cursor)).collect();
    }
    let names = key.map(|key| names(kind, key, fabric)).unwrap_or_default();
    let names = names.into_iter().map(|name| json!({"label": name, "kind": REFERENCE}));
    names.chain(words(&schema).into_iter().map(|word| json!({"label": word, "kind": WORD}))).collect()
}

fn fields(schema: &Value, cursor: &Cursor) -> Vec<Value> {
    let branches = ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    let mut known: Vec<(String, Value)> = cursor::properties(schema);
    known.extend(branches.flat_map(cursor::properties));
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let item = |(name, property): (String, Value)| {
        let about = property.get("description").cloned().unwrap_or_default();
        let must = required.contains(&Value::from(name.as_str()));
        json!({
            "label": name,
            "kind": FIELD,
            "detail": if must { "required" } else { "" },
            "documentation": about,
            "insertText": format!("{name}: "),
            "sortText": format!("{}{name}", if must { "0" } else { "1" }),
        })
    };
    known.into_iter().filter(|(name, _)| !cursor.siblings.contains(name)).map(item).collect()
}

/// The words that a value may be.
fn words(schema: &Value) -> Vec<String> {
    let own = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let mut words: Vec<String> = own.filter_map(|word| Some(word.as_str()?.to_owned())).collect();
    if schema.get("type") == Some(&json!("boolean")) {
        words.extend(["true".to_owned(), "false".to_owned()]);
    }
    for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        words.extend(self::words(branch));
    }
    words
}

/// Keys that the fabric names, and no schema: environments.
fn own_keys(cursor: &Cursor, fabric: &Fabric) -> Vec<String> {
    let has_environments = matches!(cursor.kind, Some(Kind::System | Kind::Issuer));
    let is_there = cursor.path.last().is_some_and(|key| key == "environments");
    if has_environments && is_there { environments(fabric) } else { Vec::new() }
}

fn environments(fabric: &Fabric) -> Vec<String> {
    let all = fabric.settings.iter().flat_map(|settings| &settings.environments);
    all.map(|environment| environment.name.value.to_string()).collect()
}

/// Every type of event that some interface has.
fn event_types(fabric: &Fabric) -> Vec<String> {
    let bodies = fabric.interfaces.values().filter_map(|interface| match &interface.body {
        InterfaceBody::Event(body) => Some(&body.events),
        _ => None,
    });
    bodies.flatten().map(|kind| kind.name.value.clone()).collect()
}

/// What a waiver may set aside: codes of the rules that can be, and the fabric's own rules.
fn rules(fabric: &Fabric) -> Vec<String> {
    let built_in = RULES.iter().filter(|rule| rule.waivable).map(|rule| rule.code.to_string());
    built_in.chain(fabric.rules.keys().map(ToString::to_string)).collect()
}

/// The names of what a key refers to.
pub(super) fn names(kind: Kind, key: &str, fabric: &Fabric) -> Vec<String> {
    fn all<'k, T: ToString + 'k>(keys: impl Iterator<Item = &'k T>) -> Vec<String> {
        keys.map(ToString::to_string).collect()
    }
    match key {
        "system" | "produced_by" => all(fabric.systems.keys()),
        "record" if kind == Kind::Object => all(fabric.systems.keys()),
        "owner" | "stewards" => all(fabric.teams.keys()),
        "object" => all(fabric.objects.keys()),
        "interface" | "successor" | "on" | "copy" => all(fabric.interfaces.keys()),
        "event" | "events" => event_types(fabric),
        "issuer" => all(fabric.issuers.keys()),
        "class" | "classes" => fabric.classes().into_iter().map(str::to_owned).collect(),
        "rule" => rules(fabric),
        "after" if kind == Kind::Fabric => environments(fabric),
        "consumer" => all(fabric.consumers.keys()),
        "domain" => all(fabric.domains.keys()),
        "set" | "code" => all(fabric.code_sets.keys()),
        "site" => all(fabric.sites.keys()),
        "extends" if kind == Kind::Mapping => all(fabric.mappings.keys()),
        "extends" if kind == Kind::CodeSet => all(fabric.code_sets.keys()),
        "extends" => all(fabric.objects.keys()),
        _ => Vec::new(),
    }
}
