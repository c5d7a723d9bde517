//! What a glance says of bodies, held against the reading and the validator that it saves: it may be unsure, and never wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::schemas::Schemas;
use super::Glance;
use crate::json;

/// What a glance and the full check say of a body.
fn both(document: &Value, body: &str) -> (bool, bool) {
    let schemas = Schemas::new(document).unwrap();
    let glance = Glance::of(document, "/it", &schemas);
    let sure = glance.is_some_and(|glance| glance.fits(body.as_bytes()));
    let schema = schemas.at("/it").unwrap();
    let fits = json::read(body.as_bytes()).is_ok_and(|value| schema.errors(&value, 1).is_empty());
    (sure, fits)
}

fn item() -> Value {
    json!({
        "it": {
            "type": "object",
            "required": ["code", "weight"],
            "additionalProperties": false,
            "properties": {
                "code": {"type": "string", "minLength": 1, "maxLength": 5, "description": "d"},
                "weight": {"$ref": "#/parts/weight", "description": "d"},
                "kind": {"enum": ["lot", "none", null]},
                "count": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "format": "int32"},
                "day": {"type": ["string", "null"], "format": "date"},
                "parts": {"type": "array", "items": {"$ref": "#/it"}, "maxItems": 2},
                "free": {"type": "object", "additionalProperties": {"type": "number"}, "required": ["x"]},
                "any": true,
            },
        },
        "parts": {"weight": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"}},
    })
}

#[test]
fn what_fits_is_sure_and_what_does_not_is_not() {
    let table = [
        (r#"{"code":"a","weight":"2.5"}"#, true),
        (" {\n\t\"weight\" : \"2\", \"code\" : \"größe\" } \r\n", true),
        (
            r#"{"code":"a","weight":"2","kind":"lot","count":9,"day":"2026-01-31","parts":[],"any":[{"a":[1e5,-0.5,true,null]}]}"#,
            true,
        ),
        (r#"{"code":"a","weight":"2","kind":null,"day":null,"free":{"x":1,"y":2.5}}"#, true),
        (r#"{"code":"a","weight":"2","parts":[{"code":"b","weight":"1","parts":[{"code":"c","weight":"1"}]}]}"#, true),
        (r#"{"code":"a\n","weight":"2"}"#, false),
        (r#"{"code":"","weight":"2"}"#, false),
        (r#"{"code":"abcdef","weight":"2"}"#, false),
        (r#"{"code":"a","weight":"2."}"#, false),
        (r#"{"code":"a"}"#, false),
        (r#"{"code":"a","weight":"2","more":1}"#, false),
        (r#"{"code":"a","code":"a","weight":"2"}"#, false),
        (r#"{"code":"a","weight":"2","any":{"b":1,"b":1}}"#, false),
        (r#"{"code":"a","weight":"2","kind":"other"}"#, false),
        (r#"{"code":"a","weight":"2","count":10}"#, false),
        (r#"{"code":"a","weight":"2","count":1.5}"#, false),
        (r#"{"code":"a","weight":"2","day":"31.1.2026"}"#, false),
        (r#"{"code":"a","weight":"2","free":{"y":1}}"#, false),
        (r#"{"code":"a","weight":"2","parts":[{"code":"b","weight":"1","parts":[{"code":"c"}]}]}"#, false),
        (r#"{"code":"a","weight":"2"} x"#, false),
        (r#"{"code":"a","weight":"2",}"#, false),
        (r#"{"code":"a","weight":"2","any":01}"#, false),
        (r#"{"code":"a","weight":"2","any":1.}"#, false),
        (r#"{"code":"a","weight":"2","any":"\ud800"}"#, false),
        (r#"{"code":"a","weight":"2","any":"\x"}"#, false),
        (r#"{"code":"a","weight":"2","any":{"$serde_json::private::Number":"1"}}"#, false),
        ("{\"code\":\"a\",\"weight\":\"2\",\"any\":\"\u{1}\"}", false),
        ("\u{feff}{}", false),
        ("[]", false),
        ("", false),
    ];
    let document = item();
    for (body, expected) in table {
        let (sure, fits) = both(&document, body);
        assert_eq!(sure, expected, "{body}");
        assert!(fits || !sure, "{body}");
    }
    let schemas = Schemas::new(&document).unwrap();
    assert!(!Glance::of(&document, "/it", &schemas).unwrap().fits(b"{\"code\":\"\xff\",\"weight\":\"2\"}"));
    let (deep, flat) =
        (format!("{}1{}", "[".repeat(120), "]".repeat(120)), format!("{}1{}", "[".repeat(90), "]".repeat(90)));
    assert_eq!((both(&json!({"it": true}), &deep), both(&json!({"it": true}), &flat)), ((false, true), (true, true)));
}

#[test]
fn escapes_are_passed_over_where_nothing_depends_on_them() {
    let document = json!({"it": {"type": "array", "items": {"type": "string", "maxLength": 20}}});
    assert_eq!(both(&document, r#"["a\n\"b\\", "\u00e9\/", "ä\tö"]"#), (true, true));
    assert_eq!(both(&document, r#"["\u0061\u0061\u0061\u0061\u0061"]"#), (false, true));
    let document = json!({"it": {"enum": ["a\n"]}});
    assert_eq!(both(&document, r#""a\n""#), (false, true));
}

#[test]
fn what_a_glance_does_not_know_is_left_to_the_full_check() {
    for schema in [
        json!({"allOf": [{"type": "string"}]}),
        json!({"type": "object", "patternProperties": {"^a": false}}),
        json!({"type": "array", "uniqueItems": true}),
        json!({"type": "number", "multipleOf": 2}),
        json!({"type": ["string", "object"], "pattern": "a"}),
        json!({"enum": [1, 2]}),
        json!({"minProperties": 1}),
        json!({"$ref": "#/other", "type": "string"}),
        json!({"maximum": 1.5}),
        json!(false),
    ] {
        let document = json!({"it": schema, "other": {"type": "string"}});
        let schemas = Schemas::new(&document).unwrap();
        assert!(Glance::of(&document, "/it", &schemas).is_none(), "{document}");
    }
    let document = json!({"it": {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}});
    assert_eq!((both(&document, "{\"b\":1}"), both(&document, "{\"a\":\"\"}")), ((true, true), (false, true)));
}

#[test]
fn a_document_with_bases_of_its_own_is_not_glanced_at() {
    let document = json!({"it": {"$id": "https://a.example/", "properties": {"a": {"$ref": "#/x"}}}, "x": true});
    assert!(!super::is_plain(&document) && super::is_plain(&item()));
}

/// Schemas of what a glance knows and of what it does not, in the same document as the parts that they refer to.
fn schema() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        json!({"type": "string"}),
        json!({"type": "string", "minLength": 2}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "string", "pattern": "^[a-c]*$"}),
        json!({"type": ["string", "null"], "format": "date", "enum": ["2026-01-01", "ab", null]}),
        json!({"minLength": 1, "maximum": 5}),
    ]);
    let scalar = prop::sample::select(vec![
        json!({"type": "integer"}),
        json!({"type": "number"}),
        json!({"type": "integer", "minimum": -2, "maximum": 10}),
        json!({"exclusiveMinimum": 0}),
        json!({"type": "boolean"}),
        json!({"enum": ["a", "b", null]}),
        json!({"const": "a"}),
        json!({"type": ["null", "boolean", "array"]}),
        json!({"multipleOf": 2}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"$ref": "#/part"}),
        json!({"$ref": "#/it"}),
        json!(true),
        json!(false),
        json!({}),
    ]);
    let name = || prop::sample::select(vec!["a", "b", "c", "ä", "a/b~"]);
    prop_oneof![text, scalar].prop_recursive(3, 24, 4, move |inner| {
        let members = prop::collection::btree_map(name(), inner.clone(), 0..4);
        let required = prop::collection::btree_set(name(), 0..3);
        let others = prop::option::of(prop_oneof![Just(json!(false)), inner.clone()]);
        let object = (members, required, others, any::<bool>()).prop_map(|(properties, required, others, typed)| {
            let mut schema = json!({"properties": properties, "required": required});
            if let Some(others) = others {
                schema["additionalProperties"] = others;
            }
            if typed {
                schema["type"] = json!("object");
            }
            schema
        });
        let list = (inner, 0..3_u8, 0..4_u8).prop_map(
            |(items, least, most)| json!({"type": "array", "items": items, "minItems": least, "maxItems": most}),
        );
        prop_oneof![3 => object, 1 => list]
    })
}

/// Texts that are mostly JSON, and sometimes almost.
fn body() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "7",
        "-3",
        "10",
        "1.0",
        "2.5",
        "1e2",
        "1E-2",
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "123456789012345678",
        "1234567890123456789012",
        "\"\"",
        "\"a\"",
        "\"ab\"",
        "\"abc\"",
        "\"2026-01-01\"",
        "\"ä\"",
        "\"äö\"",
        "\"\\n\"",
        "\"\\u0061\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\x\"",
        "\"a",
        "\"\u{7}\"",
        "\"a long text that is one\"",
        "tru",
        "nul",
        "[",
        "{",
        "",
    ]);
    let name = prop::sample::select(vec!["a", "b", "c", "ä", "a/b~", "d", "\\u0061", "$serde_json::private::Number"]);
    let blank = || prop::sample::select(vec!["", "", "", " ", "\n\t", "\r"]);
    let leaf = (blank(), scalar, blank()).prop_map(|(before, text, behind)| format!("{before}{text}{behind}"));
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let comma = || prop::sample::select(vec!["", "", "", "", ",", "x"]);
        let list = (prop::collection::vec(inner.clone(), 0..4), comma(), blank())
            .prop_map(|(items, end, blank)| format!("[{blank}{}{end}]", items.join(",")));
        let member =
            (name.clone(), blank(), inner).prop_map(|(name, blank, value)| format!("{blank}\"{name}\"{blank}:{value}"));
        let object = (prop::collection::vec(member, 0..4), comma(), blank())
            .prop_map(|(members, end, blank)| format!("{blank}{{{}{end}{blank}}}{blank}", members.join(",")));
        prop_oneof![2 => object, 1 => list]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn what_is_sure_fits(schema in schema(), part in schema(), bodies in prop::collection::vec(body(), 1..12)) {
        let document = json!({"it": schema, "part": part});
        // A circle of references is no schema.
        let Ok(schemas) = Schemas::new(&document) else { return Ok(()) };
        let (Ok(full), Some(glance)) = (schemas.at("/it"), Glance::of(&document, "/it", &schemas)) else { return Ok(()) };
        for body in bodies {
            if glance.fits(body.as_bytes()) {
                let value = json::read(body.as_bytes());
                prop_assert!(value.is_ok(), "{body} is not read: {value:?}");
                let value = value.unwrap();
                let errors = full.errors(&value, 1);
                prop_assert!(errors.is_empty(), "{body} does not fit {document}: {errors:?}");
            }
        }
    }

    #[test]
    fn what_fits_a_plain_schema_is_sure(values in prop::collection::vec((0..1_000_i64, "[a-z äö]{0,40}", any::<bool>()), 0..8)) {
        let document = json!({
            "it": {"type": "array", "items": {"$ref": "#/part"}},
            "part": {"type": "object", "required": ["n"], "properties": {
                "n": {"type": "integer"}, "t": {"type": "string", "maxLength": 40}, "b": {"type": "boolean"}, "o": {"$ref": "#/part"},
            }},
        });
        let items = values.iter().map(|(n, t, b)| json!({"n": n, "t": t, "b": b, "o": {"n": n}, "more": [n]}));
        let body = Value::Array(items.collect());
        prop_assert_eq!(both(&document, &body.to_string()), (true, true));
        prop_assert_eq!(both(&document, &format!("{body:#}")), (true, true));
    }
}
