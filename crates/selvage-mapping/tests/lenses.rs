//! Every lens, one mapping each: what it reads and writes, the laws on generated records, and what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::sync::LazyLock;

use proptest::prelude::*;
use selvage_mapping::{CompiledMapping, LinkAnswer, LinkQuery, Links, MapCause, trial};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

const AROUND: &str = r#"
kind: Team
name: people
roles: {owner: [a.b]}
---
kind: System
name: erp
connector: odoo
owner: people
zone: cloud
---
kind: Site
name: ghent
time_zone: Europe/Brussels
binds: {company: {erp: BE01}}
---
kind: Site
name: brno
time_zone: Europe/Prague
binds: {company: {erp: CZ01}}
---
kind: CodeSet
name: colour
codes: [{code: red}, {code: green}]
systems: {erp: {ROT: red, RED: red, GRUEN: green}}
on_unmatched: park
---
kind: CodeSet
name: loose
codes: [{code: red}]
systems: {erp: {ROT: red}}
on_unmatched: pass
---
kind: CodeSet
name: own
codes: [{code: a}, {code: b}]
---
kind: CodeSet
name: uom
standard: ucum
codes: [{code: "1"}, {code: kg}, {code: g}, {code: h}]
systems: {erp: {x.unit: "1", x.kg: kg, x.g: g, x.h: h}}
---
kind: Object
name: item
version: 1.0
owner: people
identity: [code]
attributes: {code: {type: string}}
---
kind: Object
name: ticket
version: 1.0
owner: people
identity: [id]
attributes: {id: {type: string}}
---
kind: Object
name: pair
version: 1.0
owner: people
identity: [one, two]
attributes: {one: {type: string}, two: {type: string}}
---
kind: Object
name: alone
version: 1.0
owner: people
identity: [code]
attributes: {code: {type: string}}
---
kind: Mapping
name: item-erp
object: item@1
system: erp
record: item
fields: {code: {at: code}}
---
kind: Mapping
name: ticket-erp
object: ticket@1
system: erp
record: ticket
fields: {id: {at: id, record: true}}
---
kind: Mapping
name: pair-erp
object: pair@1
system: erp
record: pair
fields: {one: {at: one}, two: {at: two}}
---
"#;

/// The fabric with an object of these attributes, mapped by these fields.
fn fabric(attributes: &str, fields: &str) -> Fabric {
    let text = format!(
        "{AROUND}kind: Object\nname: thing\nversion: 1.0\nowner: people\nidentity: [id]\nattributes:\n  id: {{type: string}}\n{}---\nkind: Mapping\nname: thing-erp\nobject: thing@1\nsystem: erp\nrecord: thing\nfields:\n  id: {{at: id, record: true}}\n{}",
        indented(attributes),
        indented(fields)
    );
    let reading = read::read(&Sources::of("f.yaml", &text));
    assert!(reading.is_clean(), "{:#?}\n{text}", reading.findings);
    reading.fabric
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {}\n", line.trim())).collect()
}

fn thing(fabric: &Fabric) -> &Mapping {
    &fabric.mappings[&"thing-erp".parse().unwrap()]
}

fn compiled(attributes: &str, fields: &str) -> CompiledMapping {
    let fabric = fabric(attributes, fields);
    CompiledMapping::compile(thing(&fabric), &fabric, 18).unwrap()
}

/// (name, attributes, fields, whether it writes).
const LENSES: &[(&str, &str, &str, bool)] = &[
    ("string", "v: {type: string, max: 12, optional: true}", "v: {at: f}", true),
    ("text", "v: {type: text}", "v: {at: f, lang: en_US}", true),
    ("integer", "v: {type: integer}", "v: {at: f}", true),
    ("decimal", "v: {type: decimal, optional: true}", "v: {at: f}", true),
    ("boolean", "v: {type: boolean}", "v: {at: f}", true),
    ("plain enum", "v: {type: enum, values: [a, b]}", "v: {at: f}", true),
    ("timestamp", "v: {type: timestamp, optional: true}", "v: {at: f}", true),
    ("date", "v: {type: date}", "v: {at: f}", true),
    ("duration", "v: {type: duration}", "v: {at: f}", true),
    ("default", "v: {type: string}\nw: {type: integer}", "v: {at: f, default: none}\nw: {at: g, default: 7}", true),
    ("const", "v: {type: string}", "v: {const: here}", false),
    ("code by value", "v: {type: code, set: colour, optional: true}", "v: {at: f, code: colour}", true),
    ("code that passes", "v: {type: code, set: loose}", "v: {at: f, code: loose}", true),
    ("code of its own", "v: {type: code, set: own}", "v: {at: f, code: own}", true),
    ("code by external id", "v: {type: code, set: colour}", "v: {at: f, code: colour, by: external-id}", true),
    ("code by label", "v: {type: code, set: colour}", "v: {at: f, code: colour, by: label}", false),
    ("ref by key", "v: {type: ref, object: item, optional: true}", "v: {at: f, ref: item}", true),
    ("ref by record", "v: {type: ref, object: ticket}", "v: {at: f, ref: ticket}", true),
    ("record", "v: {type: string}", "v: {at: id, record: true}", false),
    ("label", "v: {type: string, optional: true}", "v: {at: f, label: true}", false),
    ("site", "v: {type: string, optional: true}", "v: {at: f, site: true}", true),
    ("enum", "v: {type: enum, values: [a, b], optional: true}", "v: {at: f, enum: {x: a, y: a, z: b}}", true),
    ("quantity", "v: {type: quantity, dimension: mass}", "v: {at: f, quantity: kg}", true),
    (
        "quantities with a unit",
        "v: {type: quantity}\nw: {type: quantity, optional: true}",
        "v: {at: f, quantity: {unit: u, code: uom, by: external-id}}\nw: {at: g, quantity: {unit: u, code: uom, by: external-id}}",
        true,
    ),
    ("quantity with a word", "v: {type: quantity}", "v: {at: f, quantity: {unit: u, code: uom}}", true),
    ("quantity with a label", "v: {type: quantity}", "v: {at: f, quantity: {unit: u, code: uom, by: label}}", true),
    ("money", "v: {type: money, optional: true}", "v: {at: f, money: {currency: EUR}}", true),
    ("money in a currency", "v: {type: money}", "v: {at: f, money: {currency_at: c}}", true),
    ("many", "v: {type: list, of: {type: string}}", "v: {at: f, many: {}}", true),
    ("many codes", "v: {type: list, of: {type: code, set: colour}}", "v: {at: f, many: {code: colour}}", true),
    ("many refs", "v: {type: list, of: {type: ref, object: item}}", "v: {at: f, many: {ref: item}}", true),
    ("many quantities", "v: {type: list, of: {type: quantity}}", "v: {at: f, many: {quantity: kg}}", true),
    (
        "group",
        "v: {type: group, optional: true, attributes: {a: {type: string}, b: {type: ref, object: item, optional: true}, c: {type: string, read_only: true, optional: true}}}",
        "v: {group: {a: {at: f}, b: {at: g, ref: item}, c: {at: h}}}",
        true,
    ),
    ("flag", "v: {type: enum, values: [active, archived]}", "v: {at: f, enum: {true: active, false: archived}}", true),
    ("half a flag", "v: {type: enum, values: [held], optional: true}", "v: {at: f, enum: {true: held}}", true),
    ("hours", "v: {type: duration}", "v: {at: f, duration: hours}", true),
    ("days", "v: {type: duration, optional: true}", "v: {at: f, duration: days}", true),
    ("ref by an attribute", "v: {type: ref, object: pair}", "v: {at: f, ref: pair, key: two}", true),
    ("only", "v: {type: ref, object: item, optional: true}", "v: {at: f, only: {ref: item}}", true),
    (
        "only code",
        "v: {type: code, set: colour, optional: true}",
        "v: {at: f, only: {code: colour, by: external-id}}",
        true,
    ),
    ("first", "v: {type: ref, object: item, optional: true}", "v: {at: f, first: {ref: item}}", false),
    ("linked field", "v: {type: ref, object: item}", "v: {at: f.g, ref: item}", false),
    ("first that is set", "v: {type: string}", "v: {at: f, or: [g, h.i]}", false),
    ("money of new records", "v: {type: money}", "v: {at: f, money: {currency_at: c, currency: EUR}}", true),
    (
        "lines",
        "v: {type: list, of: {a: {type: ref, object: item}, q: {type: quantity}, n: {type: string, optional: true}}}",
        "v: {at: f, lines: {key: [a], fields: {a: {at: p, ref: item}, q: {at: q, quantity: {unit: u, code: uom, by: external-id}}, n: {at: n}}}}",
        true,
    ),
    (
        "lines by their place",
        "v: {type: list, of: {a: {type: string}, s: {type: integer, read_only: true}}}",
        "v: {at: f, lines: {fields: {a: {at: a}, s: {at: s}}}}",
        true,
    ),
    (
        "lines by their id",
        "v: {type: list, of: {id: {type: string, read_only: true, optional: true}, a: {type: string, optional: true}}}",
        "v: {at: f, lines: {key: [id], fields: {id: {at: id, record: true}, a: {at: a}}}}",
        true,
    ),
    (
        "lines of lines",
        "v: {type: list, of: {a: {type: string}, w: {type: list, of: {b: {type: integer}, c: {type: ref, object: item, optional: true}}}}}",
        "v: {at: f, lines: {key: [a], fields: {a: {at: a}, w: {at: g, lines: {fields: {b: {at: b}, c: {at: c, ref: item}}}}}}}",
        true,
    ),
    ("expression", "v: {type: string}", "v: {at: f, read: \"record.f + '!'\"}", false),
    ("expression on lists", "v: {type: boolean}", "v: {at: f, read: \"record.f.exists(x, x == 'a')\"}", false),
    ("read only", "v: {type: string, read_only: true}", "v: {at: f}", false),
    ("read direction", "v: {type: string}", "v: {at: f, direction: read}", false),
    ("no field in this version", "v: {type: string, optional: true}", "v: {at: {\">=30\": f}}", false),
];

#[test]
fn every_lens_keeps_the_laws() {
    for (name, attributes, fields, writes) in LENSES {
        let fabric = fabric(attributes, fields);
        let trial = trial::run(thing(&fabric), &fabric, 300, 11);
        assert!(trial.passed(), "{name}: {trial:#?}");
        for law in &trial.laws {
            assert!(law.held * 3 >= law.refused, "{name} shows too little: {law:?}");
        }
        let mapping = CompiledMapping::compile(thing(&fabric), &fabric, 18).unwrap();
        let given = mapping.put(&json!({"v": null}), Some(&json!({"id": 1, "f": [3, "x"]})), &Links::new());
        let refused = matches!(&given, Err(error) if error.cause == MapCause::NotWritable);
        assert_eq!(refused, !writes && *name != "no field in this version", "{name}: {given:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_lens_keeps_the_laws_for_any_seed(seed: u64, which in 0..LENSES.len()) {
        let (name, attributes, fields, _) = LENSES[which];
        let fabric = fabric(attributes, fields);
        let trial = trial::run(thing(&fabric), &fabric, 20, seed);
        prop_assert!(trial.passed(), "{}: {:#?}", name, trial);
    }
}

/// A record of an order, made by proptest's own strategies rather than the trial's generator.
fn order() -> impl Strategy<Value = Value> {
    let number = (0_i64..1_000_000_000, 0_u32..6).prop_map(|(digits, scale)| {
        let text = format!("{}e-{scale}", digits);
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let unit = prop::sample::select(vec![(1, "Units"), (2, "kg"), (3, "g")]);
    let text = prop::option::of("[a-zA-Zéß 🚲/~]{1,20}");
    let moment = prop::option::of(0_i64..4_000_000_000);
    (1_i64..1_000, number.clone(), number, unit, text, moment, any::<bool>()).prop_map(
        |(id, v, w, unit, name, at, on)| {
            let at = at.map_or(json!(false), |at| {
                let moment = jiff::Timestamp::from_second(at).unwrap();
                json!(moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
            });
            let name = name.map_or(json!(false), Value::from);
            json!({"id": id, "v": v, "w": w, "u": [unit.0, unit.1], "n": name, "t": at, "b": on, "other": [1, 2]})
        },
    )
}

fn order_mapping() -> CompiledMapping {
    compiled(
        "v: {type: quantity}\nw: {type: quantity}\nn: {type: string, optional: true}\nt: {type: timestamp, optional: true}\nb: {type: boolean}",
        "v: {at: v, quantity: {unit: u, code: uom, by: external-id}}\nw: {at: w, quantity: {unit: u, code: uom, by: external-id}}\nn: {at: n}\nt: {at: t}\nb: {at: b}",
    )
}

fn units() -> Links {
    let mut links = Links::new();
    for (id, word) in [(1, "x.unit"), (2, "x.kg"), (3, "x.g")] {
        links.insert(LinkQuery::ExternalId { field: "u".to_owned(), id }, LinkAnswer::Text(word.to_owned()));
        links.insert(LinkQuery::ByExternalId { external_id: word.to_owned() }, LinkAnswer::Id(id));
    }
    links
}

/// The object without what is read only.
fn writable(mut object: Value) -> Value {
    object.as_object_mut().unwrap().remove("id");
    object
}

proptest! {
    #[test]
    fn put_what_you_got_and_nothing_changes(record in order()) {
        let (mapping, links) = (&*ORDER, units());
        let got = mapping.get(&record, &links).unwrap();
        prop_assert_eq!(mapping.put(&got, Some(&record), &links), Ok(serde_json::Map::new()));
    }

    #[test]
    fn get_what_you_put_and_it_is_what_you_put(before in order(), wanted in order()) {
        let (mapping, links) = (&*ORDER, units());
        let given = writable(mapping.get(&wanted, &links).unwrap());
        match mapping.put(&given, Some(&before), &links) {
            Ok(changes) => {
                prop_assert!(changes.keys().all(|field| field != "u" && field != "other"), "{:?}", changes);
                let mut after = before;
                after.as_object_mut().unwrap().extend(changes);
                let got = writable(mapping.get(&after, &links).unwrap());
                for attribute in ["n", "t", "b"] {
                    prop_assert_eq!(&got[attribute], &given[attribute]);
                }
                for attribute in ["v", "w"] {
                    let unit = |value: &Value| value["unit"].as_str().unwrap().parse::<selvage_mapping::quantity::Unit>().unwrap();
                    let number = |value: &Value| selvage_mapping::decimal::parse_text(value["value"].as_str().unwrap()).unwrap();
                    let converted = selvage_mapping::quantity::convert(number(&got[attribute]), &unit(&got[attribute]), &unit(&given[attribute]));
                    prop_assert_eq!(converted, Ok(number(&given[attribute])));
                }
            }
            Err(error) => prop_assert_eq!(error.cause, MapCause::Unit),
        }
    }

    #[test]
    fn no_record_makes_it_panic(value in any_json()) {
        for mapping in ALL.iter() {
            let record = json!({"id": 1, "f": value, "g": value, "u": value, "c": value});
            let _ = mapping.links(&record);
            let _ = mapping.get(&record, &Links::new());
            let given = json!({"v": value});
            let _ = mapping.put_links(&given);
            let _ = mapping.put(&given, Some(&record), &Links::new());
            let _ = mapping.filter(&"v".parse().unwrap(), &value);
        }
    }
}

static ALL: LazyLock<Vec<CompiledMapping>> =
    LazyLock::new(|| LENSES.iter().map(|(_, attributes, fields, _)| compiled(attributes, fields)).collect());

static ORDER: LazyLock<CompiledMapping> = LazyLock::new(order_mapping);

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9]{1,3}e[0-9]{1,9}".prop_map(|text| serde_json::from_str(&text).unwrap_or(Value::Null)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("(value|unit|amount|a|b|[a-z]{1,3})", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn what_cannot_be_read_says_why_and_where() {
    let table = [
        ("v: {type: string}", "v: {at: f}", json!(false), MapCause::Shape, "/v"),
        ("v: {type: string}", "v: {at: f}", json!(7), MapCause::Shape, "/v"),
        ("v: {type: string, max: 2}", "v: {at: f}", json!("abc"), MapCause::Shape, "/v"),
        ("v: {type: integer}", "v: {at: f}", json!(2.5), MapCause::Shape, "/v"),
        ("v: {type: timestamp}", "v: {at: f}", json!("today"), MapCause::Shape, "/v"),
        ("v: {type: date}", "v: {at: f}", json!("2026-02-30"), MapCause::Shape, "/v"),
        ("v: {type: enum, values: [a]}", "v: {at: f, enum: {x: a}}", json!("y"), MapCause::Code, "/v"),
        ("v: {type: code, set: colour}", "v: {at: f, code: colour}", json!("BLAU"), MapCause::Code, "/v"),
        (
            "v: {type: code, set: colour}",
            "v: {at: f, code: colour, by: external-id}",
            json!([1, "x"]),
            MapCause::Reference,
            "/v",
        ),
        ("v: {type: ref, object: item}", "v: {at: f, ref: item}", json!([1, "x"]), MapCause::Reference, "/v"),
        ("v: {type: ref, object: item}", "v: {at: f, ref: item}", json!("x"), MapCause::Shape, "/v"),
        ("v: {type: string}", "v: {at: f, label: true}", json!(12), MapCause::Shape, "/v"),
        ("v: {type: quantity}", "v: {at: f, quantity: {unit: g, code: uom}}", json!(1), MapCause::Unit, "/v"),
        (
            "v: {type: quantity, dimension: time}",
            "v: {at: f, quantity: {unit: u, code: uom}}",
            json!(1),
            MapCause::Unit,
            "/v/unit",
        ),
        ("v: {type: money}", "v: {at: f, money: {currency_at: c}}", json!(1), MapCause::Shape, "/v/currency"),
        ("v: {type: list, of: {type: string}}", "v: {at: f, many: {}}", json!(["a", 1]), MapCause::Shape, "/v/1"),
        ("v: {type: string}", "v: {at: f, read: \"record.f.size()\"}", json!("a"), MapCause::Shape, "/v"),
        ("v: {type: string}", "v: {at: f, read: \"record.missing\"}", json!("a"), MapCause::Shape, "/v"),
    ];
    for (attributes, fields, value, cause, pointer) in table {
        let mapping = compiled(attributes, fields);
        let record = json!({"id": 1, "f": value, "u": "x.kg"});
        let error = mapping.get(&record, &Links::new()).map(|got| panic!("{fields}: {got}")).unwrap_err();
        assert_eq!((error.cause, error.pointer.as_str()), (cause, pointer), "{fields}: {error}");
    }
}

#[test]
fn what_cannot_be_written_says_why_and_where() {
    let quantity = ("v: {type: quantity, dimension: mass}", "v: {at: f, quantity: kg}");
    let money = ("v: {type: money}", "v: {at: f, money: {currency_at: c}}");
    let table = [
        (("v: {type: string}", "v: {at: f, label: true}"), json!("x"), MapCause::NotWritable, "/v"),
        (("v: {type: string}", "v: {const: a}"), json!("b"), MapCause::NotWritable, "/v"),
        (("v: {type: string}", "v: {at: f}"), json!(null), MapCause::Shape, "/v"),
        (("v: {type: string, optional: true}", "v: {at: f, default: a}"), json!(null), MapCause::Shape, "/v"),
        (("v: {type: integer, optional: true}", "v: {at: f}"), json!(null), MapCause::Shape, "/v"),
        (("v: {type: timestamp}", "v: {at: f}"), json!("2026-11-23T00:00:00.5Z"), MapCause::Shape, "/v"),
        (("v: {type: code, set: colour}", "v: {at: f, code: colour}"), json!("blue"), MapCause::Code, "/v"),
        (("v: {type: code, set: loose}", "v: {at: f, code: loose}"), json!("ROT"), MapCause::Code, "/v"),
        (("v: {type: enum, values: [a, b]}", "v: {at: f, enum: {x: a}}"), json!("b"), MapCause::Code, "/v"),
        (("v: {type: ref, object: ticket}", "v: {at: f, ref: ticket}"), json!("wms-3"), MapCause::Reference, "/v"),
        (("v: {type: ref, object: item}", "v: {at: f, ref: item}"), json!("K3"), MapCause::Reference, "/v"),
        (("v: {type: string}", "v: {at: f, site: true}"), json!("No Site"), MapCause::Reference, "/v"),
        (quantity, json!({"value": "1", "unit": "m"}), MapCause::Unit, "/v/unit"),
        (quantity, json!({"value": "1", "unit": "stone"}), MapCause::Unit, "/v/unit"),
        (quantity, json!({"value": "1e3", "unit": "kg"}), MapCause::Shape, "/v/value"),
        (quantity, json!({"value": 1, "unit": "kg"}), MapCause::Shape, "/v"),
        (quantity, json!("1 kg"), MapCause::Shape, "/v"),
        (
            ("v: {type: quantity}", "v: {at: f, quantity: h}"),
            json!({"value": "1", "unit": "min"}),
            MapCause::Unit,
            "/v",
        ),
        (money, json!({"amount": "1", "currency": "CZK"}), MapCause::Unit, "/v/currency"),
        (("v: {type: string}", "v: {at: f}"), json!("a\nb"), MapCause::Shape, "/v"),
    ];
    for ((attributes, fields), value, cause, pointer) in table {
        let mapping = compiled(attributes, fields);
        let before = json!({"id": 1, "f": 5, "c": [1, "EUR"]});
        let error =
            mapping.put(&json!({"v": value}), Some(&before), &Links::new()).map(|put| panic!("{fields}: {put:?}"));
        let error = error.unwrap_err();
        assert_eq!((error.cause, error.pointer.as_str()), (cause, pointer), "{fields} {value}: {error}");
    }
    let mapping = compiled(money.0, money.1);
    let error = mapping.put(&json!({"v": {"amount": "1", "currency": "EUR"}}), None, &Links::new()).unwrap_err();
    assert_eq!(error.cause, MapCause::NotWritable);
    assert_eq!(mapping.put(&json!({"x": 1}), None, &Links::new()).unwrap_err().pointer, "/x");
}

#[test]
fn quantities_are_written_in_the_unit_that_the_record_has() {
    let (mapping, links) = (order_mapping(), units());
    let record = json!({"id": 1, "v": 2.0, "w": 1.5, "u": [2, "kg"], "n": false, "t": false, "b": true});
    let put =
        |value: Value, before: Option<&Value>| mapping.put(&json!({"v": value}), before, &links).map(Value::Object);
    let grams = |value: &str| json!({"value": value, "unit": "g"});
    assert_eq!(put(grams("2000.0"), Some(&record)), Ok(json!({})));
    assert_eq!(put(grams("2500"), Some(&record)), Ok(json!({"v": 2.5})));
    assert_eq!(put(json!({"value": "2", "unit": "t"}), Some(&record)), Ok(json!({"v": 2000})));
    assert_eq!(put(grams("2500"), None), Ok(json!({"u": 3, "v": 2500})));
    assert_eq!(put(json!({"value": "2", "unit": "1"}), Some(&record)).unwrap_err().cause, MapCause::Unit);
    assert_eq!(put(json!({"value": "2", "unit": "t"}), None).unwrap_err().cause, MapCause::Code);
    let mixed = json!({"v": grams("1"), "w": {"value": "1", "unit": "kg"}});
    assert_eq!(mapping.put(&mixed, None, &links).unwrap_err().cause, MapCause::Unit);
    let blind: Links =
        [(LinkQuery::ByExternalId { external_id: "x.g".to_owned() }, LinkAnswer::Id(3))].into_iter().collect();
    let unknown = mapping.put(&json!({"v": grams("1")}), Some(&record), &blind).unwrap_err();
    assert_eq!(unknown.cause, MapCause::Reference);
}

#[test]
fn expressions_read_what_lenses_cannot() {
    let mapping = compiled(
        "v: {type: string}\nw: {type: boolean}\nx: {type: string, optional: true}",
        "v: {at: tags, read: \"record.tags.exists(tag, tag == 'urgent') ? 'urgent' : 'normal'\"}\nw: {read: \"record.qty > 2\"}\nx: {read: \"record.ref == false ? null : record.ref\"}",
    );
    assert_eq!(mapping.fields(), ["id", "write_date", "tags", "qty", "ref"]);
    let got = mapping.get(&json!({"id": 1, "tags": ["urgent"], "qty": 3, "ref": false}), &Links::new()).unwrap();
    assert_eq!(got, json!({"id": "erp-1", "v": "urgent", "w": true, "x": null}));
}

#[test]
fn a_link_whose_text_is_the_same_stays() {
    let mapping = compiled("v: {type: ref, object: item}", "v: {at: f, ref: item}");
    let object: selvage_model::name::ObjectName = "item".parse().unwrap();
    let links: Links = [
        (LinkQuery::Key { object: object.clone(), id: 9 }, LinkAnswer::Text("K".to_owned())),
        (LinkQuery::ByKey { object, key: "K".to_owned() }, LinkAnswer::Id(5)),
    ]
    .into_iter()
    .collect();
    let put = mapping.put(&json!({"v": "K"}), Some(&json!({"id": 1, "f": [9, "twin"]})), &links);
    assert_eq!(put, Ok(serde_json::Map::new()));
}

#[test]
fn what_is_declared_wrongly_does_not_compile() {
    let table = [
        ("v: {type: string}\nw: {type: string}", "v: {at: f}", "FAB3001"),
        ("v: {type: string, optional: true}", "x: {at: f}", "FAB3001"),
        ("v: {type: quantity}", "v: {at: f}", "FAB3002"),
        ("v: {type: integer}", "v: {at: f, lang: en_US}", "FAB3002"),
        ("v: {type: enum, values: [a]}", "v: {at: f, enum: {x: b}}", "FAB3002"),
        ("v: {type: integer}", "v: {const: seven}", "FAB3002"),
        ("v: {type: integer}", "v: {at: f, default: x}", "FAB3002"),
        ("v: {type: code, set: own}", "v: {at: f, code: colour}", "FAB3002"),
        ("v: {type: list, of: {type: string}}", "v: {at: f}", "FAB3002"),
        ("v: {type: string}\nw: {type: string}", "v: {at: f, lang: en_US}\nw: {at: g, lang: cs_CZ}", "FAB3002"),
        ("v: {type: ref, object: pair}", "v: {at: f, ref: pair}", "FAB3003"),
        ("v: {type: ref, object: alone}", "v: {at: f, ref: alone}", "FAB3003"),
        ("v: {type: code, set: nowhere}", "v: {at: f, code: nowhere}", "FAB3004"),
        ("v: {type: quantity}", "v: {at: f, quantity: stone}", "FAB3004"),
        ("v: {type: quantity, dimension: time}", "v: {at: f, quantity: kg}", "FAB3004"),
        ("v: {type: quantity}", "v: {at: f, quantity: {unit: u, code: colour}}", "FAB3004"),
        ("v: {type: string}", "v: {at: f, read: \"record.f +\"}", "FAB3005"),
        ("v: {type: string}\nw: {type: string}", "v: {at: f}\nw: {at: f}", "FAB3006"),
        (
            "v: {type: quantity}\nw: {type: code, set: uom}",
            "v: {at: f, quantity: {unit: u, code: uom}}\nw: {at: u, code: uom}",
            "FAB3006",
        ),
        ("v: {type: string}", "v: {at: {\">=30\": f}}", "FAB3007"),
    ];
    for (attributes, fields, code) in table {
        let fabric = fabric(attributes, fields);
        let findings = CompiledMapping::compile(thing(&fabric), &fabric, 18).map(|_| ()).expect_err(fields);
        assert!(findings.iter().any(|finding| finding.code.as_str() == code), "{fields}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding.place.line > 1), "{fields}");
    }
}

#[test]
fn an_example_that_does_not_hold_is_told() {
    let examples = "examples:\n  - {local: {id: 1, f: RED}, canonical: {id: erp-1, v: green}}\n  - {local: {id: 1, f: RED}, canonical: {id: erp-1, v: red}}\n  - {version: 3, local: {id: 1, f: BLAU}, canonical: {id: erp-1, v: red, x: 1}}\n";
    let mut fabric = fabric("v: {type: code, set: colour}", "v: {at: f, code: colour}");
    let text = format!(
        "kind: Mapping\nname: thing-erp\nobject: thing@1\nsystem: erp\nrecord: thing\nfields: {{id: {{at: id, record: true}}, v: {{at: f, code: colour}}}}\n{examples}"
    );
    let mapping = read::read(&Sources::of("m.yaml", &text)).fabric.mappings;
    fabric.mappings.extend(mapping);
    let trial = trial::run(thing(&fabric), &fabric, 5, 1);
    let failed: Vec<usize> = trial.examples.iter().map(|example| example.failures.len()).collect();
    assert_eq!(failed, [1, 0, 1], "{trial:#?}");
    assert!(!trial.passed());
}

#[test]
fn what_is_compiled_may_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<CompiledMapping>();
}
