//! Lines of a record: how they are read, the commands that they become, and what is asked about them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use selvage_mapping::{CompiledMapping, LinkAnswer, LinkQuery, Links, MapCause};
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

const FABRIC: &str = r#"
kind: CodeSet
name: uom
codes: [{code: "1"}, {code: kg}, {code: g}]
systems: {erp: {x.unit: "1", x.kg: kg, x.g: g}}
---
kind: Object
name: item
version: 1.0
owner: people
identity: [code]
attributes: {code: {type: string}}
---
kind: Object
name: recipe
version: 1.0
owner: people
identity: [code]
attributes:
  code: {type: string}
  family: {type: string, optional: true, read_only: true}
  components:
    type: list
    of: {product: {type: ref, object: item}, quantity: {type: quantity}, note: {type: string, optional: true}}
---
kind: Mapping
name: item-erp
object: item@1
system: erp
record: item
fields: {code: {at: code}}
---
kind: Mapping
name: recipe-erp
object: recipe@1
system: erp
record: mrp.bom
only: {rank: {at_least: 1}, type: [normal, phantom], "tmpl_id.kind": bike}
fields:
  code: {at: code}
  family: {at: tmpl_id.family}
  components:
    at: bom_line_ids
    lines:
      record: mrp.bom.line
      key: [product]
      only: {kind: false}
      fields:
        product: {at: product_id, ref: item}
        quantity: {at: qty, quantity: {unit: uom_id, code: uom, by: external-id}}
        note: {at: note}
"#;

fn mapping() -> CompiledMapping {
    let reading = read::read(&Sources::of("f.yaml", FABRIC));
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    let fabric = reading.fabric;
    CompiledMapping::compile(&fabric.mappings[&"recipe-erp".parse().unwrap()], &fabric, 18).unwrap()
}

fn record() -> Value {
    json!({
        "id": 1, "code": "R-1", "tmpl_id": [7, "Bicycle"], "tmpl_id.family": "bikes",
        "bom_line_ids": [
            {"id": 11, "product_id": [3, "Frame"], "qty": 1.0, "uom_id": [1, "Units"], "note": false},
            {"id": 12, "product_id": [4, "Paint"], "qty": 0.25, "uom_id": [2, "kg"], "note": "two coats"},
        ]
    })
}

fn links() -> Links {
    let item = || "item".parse().unwrap();
    let mut links = Links::new();
    for (id, code) in [(3, "FRM"), (4, "PNT"), (5, "WHL")] {
        links.insert(LinkQuery::Key { object: item(), id }, LinkAnswer::Text(code.to_owned()));
        links.insert(LinkQuery::ByKey { object: item(), key: code.to_owned() }, LinkAnswer::Id(id));
    }
    for (id, word) in [(1, "x.unit"), (2, "x.kg"), (3, "x.g")] {
        let field = "bom_line_ids.uom_id".to_owned();
        links.insert(LinkQuery::ExternalId { field, id }, LinkAnswer::Text(word.to_owned()));
        links.insert(LinkQuery::ByExternalId { external_id: word.to_owned() }, LinkAnswer::Id(id));
    }
    links
}

fn component(product: &str, value: &str, unit: &str) -> Value {
    json!({"product": product, "quantity": {"value": value, "unit": unit}})
}

#[test]
fn lines_are_read_as_groups() {
    let mapping = mapping();
    assert_eq!(mapping.fields(), ["id", "write_date", "code", "tmpl_id", "bom_line_ids"]);
    let reading = mapping.reading();
    assert_eq!(reading.lines["bom_line_ids"].fields, ["id", "kind", "product_id", "qty", "uom_id", "note"]);
    assert_eq!(reading.through["tmpl_id"].fields, ["family"]);
    let questions = mapping.links(&record());
    let field = "bom_line_ids.uom_id".to_owned();
    assert!(questions.contains(&LinkQuery::ExternalId { field, id: 2 }), "{questions:?}");
    assert_eq!(questions.len(), 4);
    let got = mapping.get(&record(), &links()).unwrap();
    let note = |mut component: Value, note: Value| {
        component["note"] = note;
        component
    };
    let components = json!([
        note(component("FRM", "1", "1"), Value::Null),
        note(component("PNT", "0.25", "kg"), "two coats".into()),
    ]);
    assert_eq!(got, json!({"code": "R-1", "family": "bikes", "components": components}));
}

#[test]
fn lines_become_the_fewest_commands() {
    let mapping = mapping();
    let put = |components: Value| {
        let changes = mapping.put(&json!({"components": components}), Some(&record()), &links()).unwrap();
        changes.get("bom_line_ids").cloned().unwrap_or_else(|| json!([]))
    };
    let (frame, paint) = (component("FRM", "1", "1"), component("PNT", "250", "g"));
    let got = mapping.get(&record(), &links()).unwrap();
    assert_eq!(put(got["components"].clone()), json!([]));
    assert_eq!(put(json!([frame, paint])), json!([]), "what is not given stays, and 250 g are 0.25 kg");
    assert_eq!(put(json!([paint, frame])), json!([]), "lines with a key have no order");
    assert_eq!(put(json!([frame])), json!([[2, 12, 0]]));
    assert_eq!(put(json!([])), json!([[2, 11, 0], [2, 12, 0]]));
    assert_eq!(put(json!([component("PNT", "0.5", "kg"), frame])), json!([[1, 12, {"qty": 0.5}]]));
    let wheels = component("WHL", "2", "1");
    let made = json!([0, 0, {"product_id": 5, "qty": 2, "uom_id": 1}]);
    assert_eq!(put(json!([frame, wheels])), json!([made, [2, 12, 0]]));
    let emptied = json!([frame, {"product": "PNT", "note": null}]);
    assert_eq!(put(emptied), json!([[1, 12, {"note": false}]]));
    assert_eq!(put(json!([frame, frame, paint]))[0][0], 0, "a second one of the same key is another line");
    let created = mapping.put(&json!({"code": "R", "components": [wheels]}), None, &links()).unwrap();
    assert_eq!(Value::Object(created), json!({"code": "R", "bom_line_ids": [made], "rank": 1}));
}

#[test]
fn lines_that_cannot_be_told_are_refused() {
    let mapping = mapping();
    let unread = json!({"id": 1, "code": "R-1", "bom_line_ids": [11, 12]});
    let error = mapping.get(&unread, &links()).unwrap_err();
    assert_eq!((error.cause, error.pointer.as_str()), (MapCause::Shape, "/components"), "{error}");
    let one = json!({"components": [component("FRM", "1", "1")]});
    assert!(mapping.put(&one, Some(&unread), &links()).is_err());
    // Without knowing which product a line is of, no line is taken for another's and none is removed.
    let error = mapping.put(&one, Some(&record()), &Links::new()).unwrap_err();
    assert_eq!(error.cause, MapCause::Reference, "{error}");
    let error = mapping.put(&json!({"components": [component("FRM", "x", "1")]}), Some(&record()), &links());
    assert_eq!(error.unwrap_err().pointer, "/components/0/quantity/value");
    let error = mapping.put(&json!({"family": "cars"}), Some(&record()), &links()).unwrap_err();
    assert_eq!(error.cause, MapCause::NotWritable);
}

#[test]
fn one_of_several_is_not_overwritten() {
    let text =
        FABRIC.replace("components: {", "").replace("family: {at: tmpl_id.family}", "family: {at: tags, only: {}}");
    let text = text
        .replace("family: {type: string, optional: true, read_only: true}", "family: {type: string, optional: true}");
    let fabric = read::read(&Sources::of("f.yaml", &text)).fabric;
    let mapping = CompiledMapping::compile(&fabric.mappings[&"recipe-erp".parse().unwrap()], &fabric, 18).unwrap();
    let put = |tags: Value, family: Value| {
        let record = json!({"id": 1, "code": "R", "tags": tags, "bom_line_ids": []});
        mapping.put(&json!({"family": family}), Some(&record), &Links::new()).map(Value::Object)
    };
    assert_eq!(put(json!(["a"]), json!("a")), Ok(json!({})));
    assert_eq!(put(json!(["a"]), json!("b")), Ok(json!({"tags": ["b"]})));
    assert_eq!(put(json!([]), json!("b")), Ok(json!({"tags": ["b"]})));
    assert_eq!(put(json!(["a", "b"]), Value::Null), Ok(json!({})));
    assert_eq!(put(json!(["a", "b"]), json!("c")).unwrap_err().cause, MapCause::NotWritable);
}

/// A note between the lines: it is not told, nothing is asked about it, and it stays where it is.
#[test]
fn lines_that_are_not_told_stay_as_they_are() {
    let mapping = mapping();
    assert!(mapping.reading().lines["bom_line_ids"].fields.contains(&"kind".to_owned()));
    let plain = record();
    let mut noted = record();
    noted["bom_line_ids"].as_array_mut().unwrap().insert(1, json!({"id": 19, "kind": "note", "product_id": false}));
    assert_eq!(mapping.links(&noted), mapping.links(&plain));
    let told = mapping.get(&noted, &links()).unwrap();
    assert_eq!(told, mapping.get(&plain, &links()).unwrap());
    assert_eq!(mapping.put(&told, Some(&noted), &links()).unwrap(), serde_json::Map::new());
    let mut none = told;
    none["components"] = json!([]);
    let changes = mapping.put(&none, Some(&noted), &links()).unwrap();
    assert_eq!(changes["bom_line_ids"], json!([[2, 11, 0], [2, 12, 0]]));
}

/// A record that the mapping would not find again is never made.
#[test]
fn a_new_record_is_one_of_the_mapping() {
    let given = json!({"code": "R-9", "components": []});
    let made = mapping().put(&given, None, &Links::new()).unwrap();
    assert_eq!(
        Value::Object(made),
        json!({"code": "R-9", "rank": 1}),
        "what may be several, or is another's, is not guessed"
    );
    let changed = mapping().put(&json!({"code": "R-9"}), Some(&record()), &Links::new()).unwrap();
    assert_eq!(Value::Object(changed), json!({"code": "R-9"}));
}
