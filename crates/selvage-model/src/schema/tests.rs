//! The JSON Schemas say what the reader says: both take the samples, and both refuse what is bent in structure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::json;

use super::shape::{Record, Shape};
use super::*;
use crate::read::{Sources, read};
use crate::yaml::{self, Limits};

const SAMPLES: [&str; 3] = [
    include_str!("../read/tests/organisation.yaml"),
    include_str!("../read/tests/objects.yaml"),
    include_str!("../read/tests/interfaces.yaml"),
];

/// The documents of the samples, as an editor sees them.
fn documents() -> Vec<Value> {
    let parse = |text: &str| yaml::parse(text.as_bytes(), &Arc::from("a.yaml"), &Limits::MANIFESTS).0;
    SAMPLES.iter().flat_map(|text| parse(text)).map(|node| node.to_value()).collect()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).expect("a valid schema");
    jsonschema::validator_for(schema).expect("a schema that compiles")
}

#[test]
fn the_samples_are_valid() {
    let any = validator(&schema(None));
    let each: BTreeMap<&str, Validator> =
        Kind::ALL.iter().map(|kind| (kind.as_str(), validator(&schema(Some(*kind))))).collect();
    for document in documents() {
        let kind = document["kind"].as_str().unwrap();
        for validator in [&any, &each[kind]] {
            let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{document}: {errors:#?}");
        }
    }
    for wrong in [
        json!({}),
        json!({"kind": "Banana"}),
        json!({"kind": "Team"}),
        json!({"kind": "Team", "name": "a", "x": 1}),
        json!([]),
    ] {
        assert!(!any.is_valid(&wrong), "{wrong}");
    }
    assert!(!each["Team"].is_valid(&json!({"kind": "Site", "name": "a"})));
}

#[test]
fn every_record_has_a_name_of_its_own_and_every_field_is_described_once() {
    let mut seen = BTreeMap::new();
    for kind in Kind::ALL {
        walk(tables::of(*kind), &mut seen);
    }
    assert!(seen.len() > 50, "{}", seen.len());
}

fn walk(record: &'static Record, seen: &mut BTreeMap<&'static str, *const Record>) {
    if let Some(known) = seen.insert(record.name, record) {
        assert!(std::ptr::eq(known, record), "two records are called `{}`", record.name);
        return;
    }
    let cases = record.variants.map_or(&[][..], |variants| variants.cases);
    assert!(record.about.ends_with('.'), "{}", record.name);
    for (word, _) in std::iter::once(&("", &[][..])).chain(cases) {
        let mut names: Vec<&str> = record.fields.iter().chain(record.case(word)).map(|field| field.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{} {word}: a field stands twice", record.name);
    }
    for name in record.one_of {
        assert!(record.fields.iter().any(|field| field.name == *name), "{}: {name}", record.name);
    }
    for field in record.all_fields() {
        assert!(field.about.ends_with('.'), "{}.{}", record.name, field.name);
        walk_shape(&field.shape, seen);
    }
}

fn walk_shape(shape: &'static Shape, seen: &mut BTreeMap<&'static str, *const Record>) {
    match shape {
        Shape::Record(record) => walk(record, seen),
        Shape::List(of, _) | Shape::Map(_, of) | Shape::Either(_, of) => walk_shape(of, seen),
        Shape::Typed(typed, other) => {
            walk_shape(typed, seen);
            walk_shape(other, seen);
        }
        Shape::Text(_) | Shape::Any => {}
    }
}

/// A way to bend a document.
#[derive(Clone, Debug)]
enum Bend {
    /// Take a value of a map or list away.
    Remove,
    /// Add a field that nothing has.
    Add,
    /// Put something else there.
    Replace(Value),
}

fn bend() -> impl Strategy<Value = Bend> {
    let others = [
        json!([]),
        json!({}),
        json!([[]]),
        json!({"zz-top": []}),
        json!(true),
        json!("\u{1f980}"),
        json!(null),
        json!([null]),
    ];
    prop_oneof![Just(Bend::Remove), Just(Bend::Add), prop::sample::select(others.to_vec()).prop_map(Bend::Replace)]
}

/// Bends the value at this pointer.
fn apply(document: &mut Value, pointer: &str, bend: &Bend) {
    let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", ""));
    match bend {
        Bend::Replace(value) => *document.pointer_mut(pointer).unwrap() = value.clone(),
        Bend::Add => {
            if let Value::Object(map) = document.pointer_mut(pointer).unwrap() {
                map.insert("Zz top".into(), json!({}));
            }
        }
        Bend::Remove if !pointer.is_empty() => match document.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.shift_remove(&last.replace("~1", "/").replace("~0", "~"))),
            Value::Array(list) => drop(list.remove(last.parse().unwrap())),
            _ => {}
        },
        Bend::Remove => {}
    }
}

fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, &format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                pointers(value, &format!("{here}/{index}"), all);
            }
        }
        _ => {}
    }
}

/// What the reader says that no schema can: how fields and names within a manifest go together.
fn beyond_schemas(message: &str) -> bool {
    [
        "does not say where",
        "does not say what it serves",
        "does not say what for",
        "api needs the field",
        "`for_each` needs the field",
        "needs `deprecation`",
        "is not a code of this set",
        "has no attribute",
        "has no step",
        "belongs to",
        "does not have this",
        "says how it ends",
        "is for retired",
        "no code set is named",
        "no object is referred to",
        "needs one of its fields `currency`",
        "only reads",
        "there is no file",
        "both mediated and direct",
        "stands twice",
        "does not say which values",
        "is not signed: anybody",
        "in which header it stands",
        "the body is signed, once",
        "all that can be signed",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reader_and_the_schemas_agree(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bend in bend()) {
        thread_local! {
            static ANY: Validator = validator(&schema(None));
            static DOCUMENTS: Vec<Value> = documents();
        }
        let mut document = DOCUMENTS.with(|documents| which.get(documents).clone());
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        let pointer = at.get(&all);
        apply(&mut document, pointer, &bend);
        // An empty document is none.
        prop_assume!(!document.is_null());
        // JSON is YAML.
        let mut sources = Sources::of("a.yaml", &document.to_string());
        sources.insert("contracts/old-stock.yaml", include_str!("../read/tests/old-stock.yaml"));
        sources.insert("scenarios/engineering-change.yaml", "- none");
        let reading = read(&sources);
        // What is not named by the bent document is no manifest, and not meant here.
        let told: Vec<_> = reading.findings.iter().filter(|finding| finding.place.file.as_ref() == "a.yaml").collect();
        let structural: Vec<_> = told.iter().filter(|finding| !beyond_schemas(&finding.message)).collect();
        let valid = ANY.with(|validator| validator.is_valid(&document));
        prop_assert_eq!(structural.is_empty(), valid, "{:?} at {}: {} {:#?}", bend, pointer, document, structural);
    }
}

#[test]
fn what_an_editor_completes() {
    let team = schema(Some(Kind::Team));
    insta::assert_snapshot!(serde_json::to_string_pretty(&team).unwrap());
    let any = schema(None);
    assert_eq!(any["allOf"].as_array().unwrap().len(), Kind::ALL.len());
    let field = &any["$defs"]["Field"]["properties"]["quantity"];
    assert_eq!(field["anyOf"][1], json!({"$ref": "#/$defs/UnitOfQuantity"}));
}
