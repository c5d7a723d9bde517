//! The contract that is made of manifests says of bodies what the engine says of them: what it lets through is read, and what it refuses
//! is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use selvage_mapping::{check_change, openapi};
use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

const FABRIC: &str = r#"
kind: Fabric
name: test
environments: {dev: {}}
---
kind: Team
name: it
roles: {owner: [a.b]}
---
kind: System
name: odoo
connector: odoo
owner: it
zone: cloud
environments: {dev: {url: "http://127.0.0.1:8069", database: velo, accounts: {default: {login: a, api_key: {secret: odoo/a}}}}}
---
kind: Object
name: bill
version: 1.0
owner: it
identity: [id]
attributes:
  id: {type: string, read_only: true}
  revision: {type: string, max: 8, optional: true}
  quantity: {type: quantity}
  plant: {type: group, attributes: {line: {type: string}, shift: {type: string, optional: true}}}
  components:
    type: list
    of:
      product: {type: string}
      note: {type: string, optional: true}
authority: [{attributes: "*", record: odoo}]
---
kind: Mapping
name: bill-odoo
object: bill@1
system: odoo
record: mrp.bom
fields:
  id: {at: id}
  revision: {at: code}
  quantity: {at: product_qty, quantity: kg}
  plant: {group: {line: {at: line}, shift: {at: shift}}}
  components: {at: bom_line_ids, lines: {record: mrp.bom.line, key: [product], fields: {product: {at: name}, note: {at: note}}}}
---
kind: Interface
name: bills
type: api
version: 1.0
owner: it
lifecycle: active
classification: {criticality: tier-3, latency: near-real-time, data: internal}
control: mediated
serves: {object: bill@1, system: odoo, operations: [list, get, create, update, revise]}
"#;

/// The schema of an operation's body, with everything that it may refer to.
fn body(document: &Value, path: &str, method: &str) -> Value {
    let schema = &document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path}");
    json!({"allOf": [schema], "components": document["components"]})
}

fn fabric() -> Fabric {
    let reading = read::read(&Sources::of("fabric.yaml", FABRIC));
    assert!(reading.is_clean(), "{:?}", reading.findings);
    reading.fabric
}

#[test]
fn changes_are_as_the_engine_reads_them() {
    let fabric = fabric();
    let object = fabric.objects.values().next().unwrap();
    let document = openapi::document(&fabric, &"bills@1".parse().unwrap(), "/").unwrap();
    let change = jsonschema::validator_for(&body(&document, "/bills/v1/bills/{id}", "patch")).unwrap();
    let revision = jsonschema::validator_for(&body(&document, "/bills/v1/bills/{id}/revise", "post")).unwrap();
    for (given, is_right) in [
        (json!({"components": [{"product": "FRM-1"}]}), true),
        (json!({"components": [{"product": "FRM-1", "note": null}]}), true),
        (json!({"components": []}), true),
        (json!({"components": [{"note": "left"}]}), false),
        (json!({"components": [{"product": "FRM-1"}, {}]}), false),
        (json!({"components": [{"product": null}]}), false),
        (json!({"components": null}), false),
        (json!({"plant": {"shift": "late"}}), true),
        (json!({"plant": {"line": null}}), false),
        (json!({"quantity": {"value": "1", "unit": "kg"}}), true),
        (json!({"quantity": null}), false),
        (json!({"id": "odoo-7"}), false),
    ] {
        assert_eq!(check_change(object, &fabric, &given).is_empty(), is_right, "the engine: {given}");
        assert_eq!(change.is_valid(&given), is_right, "the contract: {given}");
        assert!(!revision.is_valid(&given), "without a name: {given}");
        let mut named = given.clone();
        named["revision"] = json!("B");
        assert_eq!(revision.is_valid(&named), is_right, "{named}");
    }
    for revision_of in [json!(null), json!(""), json!("much too long"), json!(7)] {
        assert!(!revision.is_valid(&json!({"revision": revision_of})), "{revision_of}");
    }
    assert!(revision.is_valid(&json!({"revision": "B"})), "a copy under another name");
    assert!(change.is_valid(&json!({"revision": null})), "an update may take the name away");
}
