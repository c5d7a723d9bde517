//! What of schemas is taken, and what is refused before any data is held to it.

use super::*;

fn read(text: &str) -> (Option<DataSchema>, Vec<String>) {
    let (schema, findings) = DataSchema::read(text, "s.yaml");
    let told = findings.iter().map(|found| format!("{}:{} {}", found.place.line, found.place.column, found.code));
    (schema, told.collect())
}

#[test]
fn what_is_refused_and_where() {
    let table = [
        ("- 1", "1:1 FAB2770"),
        ("$schema: http://json-schema.org/draft-07/schema#", "1:10 FAB2771"),
        ("type: array\nitems: [{type: string}]", "2:8 FAB2771"),
        ("dependencies: {a: [b]}", "1:1 FAB2771"),
        ("$ref: https://example.com/a.json", "1:7 FAB2772"),
        ("$ref: other.json#/a", "1:7 FAB2772"),
        ("properties:\n  a: {$ref: '#/$defs/a'}", "2:13 FAB2772"),
        ("properties:\n  a: {$anchor: a}", "2:7 FAB2772"),
        ("properties:\n  a: {$id: a}", "2:7 FAB2772"),
        ("$dynamicRef: '#a'", "1:1 FAB2772"),
        ("$ref: '#'", "1:1 FAB2773"),
        ("allOf: [{$ref: '#/$defs/a'}]\n$defs:\n  a: {anyOf: [{$ref: '#/$defs/a'}, {}]}", "3:6 FAB2773"),
        ("additionalProperties: {x-selvage-class: personal}", "1:41 FAB2774"),
        ("x-selvage-class: personal", "1:18 FAB2774"),
        ("properties: {a: {x-selvage-class: 7 b}}", "1:35 FAB2774"),
        ("properties: {a/b: {x-selvage-class: personal}}", "1:19 FAB2774"),
    ];
    for (text, expected) in table {
        assert_eq!(read(text), (None, vec![expected.to_owned()]), "{text}");
    }
}

#[test]
fn what_is_taken() {
    for text in [
        "{}",
        "$schema: https://json-schema.org/draft/2020-12/schema\n$id: https://example.com/scan\ntype: object",
        "{\"type\": \"object\", \"properties\": {\"$ref\": {\"type\": \"string\"}}}",
        // A tree, and a list of texts or of such lists.
        "properties: {name: {type: string}, children: {type: array, items: {$ref: '#'}}}",
        "anyOf: [{type: string}, {type: array, items: {$ref: '#'}}]",
        "properties: {'a/b~c': {type: string}, d: {$ref: '#/properties/a~1b~0c'}, e: {$ref: '#/properties/a%7E1b~0c'}}",
        // Alternatives that are told apart above what repeats.
        "properties: {left: {$ref: '#'}, right: {$ref: '#'}}\nadditionalProperties: {$ref: '#'}",
    ] {
        let (schema, told) = read(text);
        assert!(schema.is_some(), "{text}: {told:?}");
    }
}

/// Each of these would keep a thread busy for ever, with an event of a few hundred bytes.
#[test]
fn what_grows_with_each_level_is_refused() {
    let doubling = "properties: {a: {$ref: '#'}}\nallOf: [{properties: {a: {$ref: '#'}}}]";
    let patterns = "patternProperties: {a: {$ref: '#'}, b: {$ref: '#'}}";
    let unevaluated = "unevaluatedProperties: false\nallOf: [{properties: {a: {$ref: '#'}}}]";
    let alternatives = "oneOf: [{properties: {a: {$ref: '#'}}}, {properties: {a: {$ref: '#'}}}]";
    let items = "items: {$ref: '#'}\ncontains: {$ref: '#'}";
    let mut laughs = String::from("$ref: '#/$defs/a0'\n$defs:\n");
    for level in 0..40 {
        let next = level + 1;
        laughs
            .push_str(&format!("  a{level}: {{allOf: [{{$ref: '#/$defs/a{next}'}}, {{$ref: '#/$defs/a{next}'}}]}}\n"));
    }
    laughs.push_str("  a40: {type: string}\n");
    let deeper = laughs
        .replace("allOf: [{$ref", "properties: {x: {$ref")
        .replace("'}, {$ref:", "'}}, patternProperties: {y: {$ref:")
        .replace("'}]}", "'}}}");
    for text in [doubling, patterns, unevaluated, alternatives, items, &laughs, &deeper] {
        let (schema, told) = read(text);
        let codes: Vec<&str> = told.iter().filter_map(|told| told.split(' ').nth(1)).collect();
        assert_eq!((schema, codes), (None, vec!["FAB2773"]), "{text}");
    }
    let many: String = (0..6_000).map(|number| format!("  a{number}: {{}}\n")).collect();
    assert_eq!(read(&format!("properties:\n{many}")).1.len(), 1);
}

#[test]
fn members_and_classes_are_known() {
    let text = "
allOf:
  - {properties: {site: {type: string}}, required: [site]}
properties:
  worker: {$ref: '#/$defs/worker'}
  lines: {type: array, items: {properties: {worker: {type: string, x-selvage-class: personal}}}}
$defs:
  worker: {type: object, x-selvage-class: personal, properties: {name: {type: string, x-selvage-class: secret}}}
";
    let schema = read(text).0.unwrap();
    assert_eq!(schema.members.iter().map(String::as_str).collect::<Vec<_>>(), ["lines", "site", "worker"]);
    let mut places: Vec<&str> = schema.classes.iter().map(|masked| masked.pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/lines/*/worker", "/worker", "/worker/name"]);
    let unseen = schema.masked(&["personal".parse().unwrap()]);
    assert_eq!(unseen.iter().map(|masked| masked.pointer.as_str()).collect::<Vec<_>>(), ["/worker/name"]);
    let tree = "properties: {who: {x-selvage-class: personal}, children: {items: {$ref: '#'}}}";
    assert_eq!(read(tree), (None, vec!["1:1 FAB2774".to_owned()]));
}

#[test]
fn what_orders_events_is_always_there() {
    let text = "
required: [machine, at]
properties:
  machine: {$ref: '#/$defs/machine'}
  at: {type: number}
  shift: {type: string}
allOf: [{properties: {line: {enum: [a, b]}}, required: [line]}]
oneOf:
  - {properties: {kind: {const: a}, part: {type: string}}, required: [kind, part]}
  - {properties: {kind: {const: b}, part: {type: integer}}, required: [kind, part]}
  - {properties: {kind: {const: c}, part: {type: integer}, other: {type: string}}, required: [kind, part]}
$defs:
  machine: {type: object, required: [id], properties: {id: {type: string}, name: {type: string}}}
";
    let schema = read(text).0.unwrap();
    for (way, expected) in [
        (&["machine", "id"][..], Some(true)),
        (&["machine", "name"], Some(false)),
        (&["machine"], Some(false)),
        (&["at"], Some(false)),
        (&["shift"], Some(false)),
        (&["line"], Some(true)),
        (&["kind"], Some(true)),
        (&["part"], Some(true)),
        (&["other"], Some(false)),
        (&["gone"], None),
        (&["machine", "gone"], None),
    ] {
        assert_eq!(schema.orders(way), expected, "{way:?}");
    }
}
