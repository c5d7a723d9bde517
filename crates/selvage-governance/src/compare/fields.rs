//! Nothing that is declared passes in silence: every value of the model's sample, which has every field of every kind, is replaced by
//! others and taken away, and each time a comparison has something to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use selvage_model::yaml::{self, Limits};
use serde_json::{Value, json};

use super::{BACKSTOPS, fabrics};

const SAMPLES: [&str; 3] = [
    include_str!("../../../selvage-model/src/read/tests/organisation.yaml"),
    include_str!("../../../selvage-model/src/read/tests/objects.yaml"),
    include_str!("../../../selvage-model/src/read/tests/interfaces.yaml"),
];
const CONTRACT: &str = include_str!("../../../selvage-model/src/read/tests/old-stock.yaml");

/// What signs a text has, by which its likes are known.
fn signs(value: &Value) -> (bool, Vec<char>) {
    let text = value.to_string();
    let mut signs: Vec<char> = text.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
    signs.sort_unstable();
    signs.dedup();
    (text.contains(|c: char| c.is_ascii_digit()), signs)
}

/// Texts of every format, and then words of fields that take no others.
const TEXTS: &str = "\
    zz zz_top zz@7 zz.zz.zz 7.0 >=7 7s 7m 7h 7d 7/s 7/day 7/month 7% 7MB 2031-01-01 2026-08-01 2027-07-20 \
    2031-01-01T00:00Z 2027-02-10T09:30+01:00 America/New_York https://zz.example zz@zz.example zz/zz /zz site:zz 10.77.0.0/16 USD X-Zz true==true \
    {timestamp}{body} direct mediated draft active retired tier-2 batch public refuse serve report off enforce \
    live of-each-grant same-for-all list create silent told events baseline csv any lane newest oldest end alarm \
    undo park exponential fixed error advice grant count volume both write value label external-id seconds odoo \
    mqtt json-2 xml-rpc RS256 sha1 hex base64 text bearer standard-webhooks secret-path pass reject yearly weekly \
    webhook code name left ring none mass forward backward-transitive";

/// What a value may be replaced by, what looks like it first; the reader says which of them can be.
fn others(value: &Value) -> Vec<Value> {
    let plain = [json!(true), json!(false), json!(7), json!(77), json!(0.5)];
    let own = signs(value);
    let mut all: Vec<Value> =
        TEXTS.split_whitespace().map(Value::from).chain(plain).filter(|other| other != value).collect();
    all.sort_by_key(|other| (signs(other) != own, signs(other).0 != own.0));
    all
}

fn fabric(document: &Value) -> Option<Fabric> {
    // JSON is YAML.
    let mut sources = Sources::of("a.yaml", &document.to_string());
    sources.insert("contracts/old-stock.yaml", CONTRACT);
    sources.insert("scenarios/engineering-change.yaml", "- none");
    sources.insert("zz/zz", "");
    sources.insert("tls/leipzig.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let reading = read::read(&sources);
    let told = reading.findings.iter().any(|finding| finding.place.file.as_ref() == "a.yaml");
    (!told).then_some(reading.fabric)
}

pub(super) fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, &format!("{here}/{}", escaped(key)), all));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| pointers(value, &format!("{here}/{at}"), all));
        }
        _ => {}
    }
    all.push(here.to_owned());
}

fn without(document: &Value, pointer: &str) -> Option<Value> {
    let mut document = document.clone();
    let (parent, last) = pointer.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        Value::Object(map) => drop(map.shift_remove(&last.replace("~1", "/").replace("~0", "~"))?),
        Value::Array(list) => drop(list.remove(last.parse().ok()?)),
        _ => return None,
    }
    Some(document)
}

/// Places of a document by its pointers without the numbers of lists, so that a field counts once.
fn field(kind: &str, pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    format!("{kind}{}", parts.collect::<Vec<_>>().join("/"))
}

/// What a type may become: others need more beside them.
const TYPES: [&str; 2] = ["text", "webhook"];

/// What has no other value that stands by itself: codes are named by the words of systems beside them, and what takes one word or
/// else a list or a map is bent by parts.
const ALONE: [&str; 3] = ["CodeSet/codes/*/code", "Consumer/identity", "Object/authority/*/attributes"];

/// What says the same as nothing: the default is written out.
const SAME: &[&str] = &[
    "Fabric/environments/test/protected",
    "System/zone",
    "Mapping/fields/weight/direction",
    "Mapping/fields/tags/many/by",
    "Mapping/fields/revision/direction",
    "Interface/lifecycle",
    "Interface/control",
    "Interface/validation/request",
    "Interface/source/signing/hmac/hash",
    "Interface/capture/start",
    "Grant/on_end",
    "Subscription/deliver/max_in_flight",
];

/// The document without the parts beside a field of a mapping or an attribute of an object, which only cost time.
fn shrunk(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (part, kept, gone) = match pointer.split('/').nth(1) {
        Some("fields") => ("fields", None, "examples"),
        Some("attributes") => ("attributes", Some("code"), "authority"),
        _ => return document,
    };
    let own = pointer.split('/').nth(2).map(str::to_owned);
    if let (Some(own), Some(map)) = (own, document.as_object_mut()) {
        map.shift_remove(gone);
        if let Some(members) = map.get_mut(part).and_then(Value::as_object_mut) {
            members.retain(|name, _| *name == own || Some(name.as_str()) == kept);
        }
    }
    document
}

#[test]
fn no_field_of_who_and_where_changes_in_silence() {
    changes_in_silence(SAMPLES[0]);
}

#[test]
fn no_field_of_objects_and_mappings_changes_in_silence() {
    changes_in_silence(SAMPLES[1]);
}

#[test]
fn no_field_of_interfaces_and_access_changes_in_silence() {
    changes_in_silence(SAMPLES[2]);
}

fn changes_in_silence(sample: &str) {
    let backstops: Vec<&str> = BACKSTOPS.iter().map(|class| class.code).collect();
    // Each field, and whether a change of it could be read at all.
    let mut fields: BTreeMap<String, bool> = BTreeMap::new();
    let mut silent = Vec::new();
    let mut bend = |document: &Value, before: &Fabric, pointer: &str, bent: &Value, what: &str| {
        let kind = document["kind"].as_str().unwrap();
        let Some(after) = fabric(bent) else { return false };
        fields.insert(field(kind, pointer), true);
        let found = fabrics(before, &after);
        let backstop = found.iter().find(|difference| backstops.contains(&difference.class.code));
        if found.is_empty() || backstop.is_some() {
            silent.push(format!("{} {what}: {backstop:?}", field(kind, pointer)));
        }
        true
    };
    let parse = |text: &str| yaml::parse(text.as_bytes(), &Arc::from("a.yaml"), &Limits::MANIFESTS).0;
    let mut seen = Vec::new();
    for document in parse(sample).into_iter().map(|node| node.to_value()) {
        let whole = document;
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        for pointer in all.iter().filter(|pointer| !pointer.is_empty() && *pointer != "/kind") {
            let is_value = whole.pointer(pointer).is_some_and(|value| !value.is_object() && !value.is_array());
            if is_value && !pointer.ends_with("/type") {
                seen.push(field(whole["kind"].as_str().unwrap(), pointer));
            }
            let document = shrunk(&whole, pointer);
            let before = fabric(&document).unwrap_or_else(|| panic!("{document}"));
            assert_eq!(fabrics(&before, &before), []);
            let value = document.pointer(pointer).unwrap();
            if !value.is_object() && !value.is_array() {
                let is_type = pointer.ends_with("/type");
                let fits = |other: &Value| !is_type || TYPES.iter().any(|word| other == word);
                for other in others(value).into_iter().filter(fits) {
                    let mut bent = document.clone();
                    *bent.pointer_mut(pointer).unwrap() = other.clone();
                    // One is enough: more would say the same.
                    if bend(&document, &before, pointer, &bent, &format!("becomes {other}")) {
                        break;
                    }
                }
            }
            if let Some(bent) = without(&document, pointer) {
                bend(&document, &before, pointer, &bent, "goes");
            }
        }
    }
    silent.retain(|line| !SAME.iter().any(|same| *line == format!("{same} goes: None")));
    assert!(silent.is_empty(), "{}\n{}", silent.len(), silent.join("\n"));
    let unbent: Vec<String> =
        seen.into_iter().filter(|field| !fields.contains_key(field) && !ALONE.contains(&field.as_str())).collect();
    assert!(unbent.is_empty(), "nothing else could be put there:\n{}", unbent.join("\n"));
}
