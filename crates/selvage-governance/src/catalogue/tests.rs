//! The catalogue by tables: what is found by which words, what an entry says, and that samples fit their contracts.

use selvage_mapping::openapi;
use selvage_model::access::GrantTerms;
use selvage_model::read::{self, Sources};
use serde_json::json;

use super::*;

const FABRIC: &str = "kind: System
name: odoo
connector: odoo
owner: erp
zone: cloud
environments: {dev: {url: 'http://127.0.0.1:8069'}}
---
kind: Team
name: erp
roles: {owner: [e.peeters], on_call: [erp.desk]}
---
kind: CodeSet
name: colour
codes: [{code: red}, {code: blue}]
---
kind: Object
name: product
version: 1.0
owner: erp
description: What is made and sold
identity: [code]
attributes:
  code: {type: string, max: 8}
  colour: {type: code, set: colour}
  weight: {type: quantity, dimension: mass}
  note: {type: text, optional: true}
  made: {type: timestamp, read_only: true}
authority: [{attributes: '*', record: odoo}]
---
kind: Interface
name: products
type: api
version: 1.4
owner: erp
description: What is bought, made and sold.
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 4h}, data: internal}
control: mediated
serves: {object: product@1, system: odoo, operations: [list, get, create, archive], reads: {copy: product-events@1}}
slo: [{availability: 99.9%, window: 30d}, {latency: {quantile: 0.99, under: 400ms}, window: 30d}]
---
kind: Interface
name: old-products
type: api
version: 1.0
owner: erp
description: The list before the list.
lifecycle: deprecated
deprecation: {since: 2026-09-01, sunset: 2027-03-01, successor: products@1}
control: direct
contract: {openapi: contracts/stock.yaml}
upstream: {system: odoo, path: /}
---
kind: Interface
name: product-events
type: event
version: 1.0
owner: erp
lifecycle: active
events: {sales.product.changed: {object: product@1}}
produced_by: odoo
copy: {max_age: 60s}
---
kind: Consumer
name: web-shop
owner: erp
identity: {api_key: {}}
---
kind: Grant
consumer: web-shop
interface: products@1
operations: [list, get]
purpose: Shows what can be bought
until: 2028-06-30T18:00+02:00
";
const CONTRACT: &str = "openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /items: {get: {operationId: listItems, responses: {'200': {description: Items}}}}
";

fn fabric() -> Fabric {
    let mut sources = Sources::new();
    sources.insert("fabric.yaml", FABRIC);
    sources.insert("contracts/stock.yaml", CONTRACT);
    let reading = read::read(&sources);
    assert_eq!(reading.findings, []);
    reading.fabric
}

fn of(fabric: &Fabric, name: &str, known: Known<'_>) -> Entry {
    entry(fabric, &name.parse().unwrap(), known).unwrap()
}

#[test]
fn words_find_interfaces() {
    let fabric = fabric();
    let all = entries(&fabric, Known::default());
    for (words, expected) in [
        ("", "product-events@1 products@1 old-products@1"),
        ("products", "products@1 old-products@1 product-events@1"),
        ("LIST before", "old-products@1"),
        ("web-shop", "products@1"),
        ("bought sold", "products@1"),
        ("peeters product events", "product-events@1 products@1"),
        ("colour", "product-events@1 products@1"),
        ("archive", "products@1"),
        ("products nowhere", ""),
        ("deprecated", "old-products@1"),
    ] {
        let found: Vec<String> = search(&all, words).iter().map(|entry| entry.interface.to_string()).collect();
        assert_eq!(found.join(" "), expected, "{words}");
    }
}

#[test]
fn an_entry_says_whose_it_is_and_what_it_stands_on() {
    let fabric = fabric();
    let entry = of(&fabric, "products@1", Known::default());
    assert_eq!((entry.version.as_str(), entry.domain.as_str()), ("1.4", "group"));
    assert_eq!(entry.on_call(), ["erp.desk"]);
    assert_eq!(entry.slos, ["99.9% of requests are answered, over 30d", "99% of answers come within 400ms, over 30d"]);
    let names: Vec<String> = entry.dependencies.iter().map(|it| format!("{} {}", it.by, it.name)).collect();
    let expected =
        ["code-set colour", "copy product-events@1", "events product-events@1", "object product@1", "system odoo"];
    assert_eq!(names, expected);
    let paths: Vec<String> = entry.operations.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let expected = [
        "GET /products/v1/products",
        "GET /products/v1/products/{id}",
        "POST /products/v1/products",
        "POST /products/v1/products/{id}/archive",
    ];
    assert_eq!(paths, expected);
    let keeper = of(&fabric, "product-events@1", Known::default());
    assert!(keeper.dependencies.contains(&Dependency { by: "read-by", name: "products@1".to_owned() }));
    let old = of(&fabric, "old-products@1", Known::default());
    assert_eq!(old.stands(), "deprecated since 2026-09-01, ends on 2027-03-01; use products@1 instead");
    assert_eq!(shown(&old, &[])["sunset"], "2027-03-01");
}

#[test]
fn consumers_are_those_who_are_let_in() {
    let fabric = fabric();
    let declared = of(&fabric, "products@1", Known::default());
    assert_eq!(declared.consumers.len(), 1);
    assert_eq!((declared.consumers[0].grant.clone(), declared.consumers[0].last_used), (None, None));
    let terms = GrantTerms::whole(["list"]);
    let grant = |id: &str, consumer: &str, ended: Option<Timestamp>| LiveGrant {
        id: id.to_owned(),
        consumer: consumer.parse().unwrap(),
        interface: "products@1".parse().unwrap(),
        terms: terms.clone().into(),
        environment: None,
        ended,
    };
    let now: Timestamp = "2026-11-27T04:00:00Z".parse().unwrap();
    let live = [grant("grt_1", "planning", None), grant("grt_2", "gone", Some(now))];
    let last = BTreeMap::from([(Used::Grant("grt_1".to_owned()), now)]);
    let known = Known { grants: Some(&live), last_used: Some(&last) };
    let consumers = of(&fabric, "products@1", known).consumers;
    assert_eq!(consumers.len(), 1, "what has ended opens nothing");
    assert_eq!((consumers[0].consumer.as_str(), consumers[0].last_used), ("planning", Some(now)));
}

#[test]
fn examples_can_be_typed() {
    let fabric = fabric();
    let lines = |name: &str| {
        let all = examples(&fabric, &name.parse().unwrap());
        all.into_iter().map(|it| it.line).collect::<Vec<_>>()
    };
    assert_eq!(
        lines("products@1"),
        [
            "curl -H \"Authorization: Bearer $KEY\" \"$SELVAGE/products/v1/products?limit=10\"",
            "curl -H \"Authorization: Bearer $KEY\" \"$SELVAGE/products/v1/products/{id}\"",
            "curl -X POST -H \"Authorization: Bearer $KEY\" -H \"Idempotency-Key: $(uuidgen)\" -H \"Content-Type: application/json\" \
             -d '{\"code\":\"code-1\",\"colour\":\"red\",\"weight\":{\"value\":\"10\",\"unit\":\"kg\"}}' \"$SELVAGE/products/v1/products\"",
            "curl -X POST -H \"Authorization: Bearer $KEY\" -H \"Idempotency-Key: $(uuidgen)\" -H \"Content-Type: application/json\" \
             -d @body.json \"$SELVAGE/products/v1/products/{id}/archive\"",
        ]
    );
    assert_eq!(lines("old-products@1"), ["curl -H \"Authorization: Bearer $KEY\" \"$SELVAGE/old-products/v1/items\""]);
    assert!(lines("product-events@1").iter().any(|line| line.contains("application/cloudevents+json")));
}

/// A sample is a body that the contract takes, for every object that ships.
#[test]
fn samples_fit_their_contracts() {
    let mut sources = Sources::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/odoo");
    for directory in ["codes", "mappings", "objects"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("pack/{directory}/{}", path.file_name().unwrap().display());
            sources.insert(&name, std::fs::read(&path).unwrap());
        }
    }
    let shipped = read::read(&sources).fabric;
    let mut tried = 0;
    for object in shipped.objects.keys() {
        let interface = format!(
            "kind: Interface\nname: tried\ntype: api\nversion: 1.0\nowner: erp\nlifecycle: active\ncontrol: mediated\n\
             serves: {{object: {object}, system: odoo, operations: [create]}}\n"
        );
        sources.insert("tried.yaml", interface);
        let fabric = read::read(&sources).fabric;
        let reference = "tried@1".parse().unwrap();
        let Some(declared) = fabric.object_of(&reference) else { continue };
        if declared.attributes.iter().all(|attribute| attribute.read_only) {
            continue;
        }
        let document = openapi::document(&fabric, &reference, "/").unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let (name, _) = schemas.iter().find(|(name, _)| name.ends_with("New")).unwrap();
        let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body = sample(&fabric, declared);
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{object}: {body}");
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn an_event_of_a_schema_stands_on_it_and_is_published_as_it_says() {
    let mut sources = Sources::new();
    sources.insert("fabric.yaml", FABRIC.replace("{object: product@1}}", "{schema: contracts/change.json}}"));
    sources.insert("contracts/stock.yaml", CONTRACT);
    for (schema, expected) in [
        (r#"{"type": "object", "examples": [{"code": "FRM-1"}]}"#, r#""data":{"code":"FRM-1"}}'"#),
        (r#"{"type": "object"}"#, "-d @event.json"),
    ] {
        sources.insert("contracts/change.json", schema);
        let reading = read::read(&sources);
        assert_eq!(reading.findings, []);
        let entry = of(&reading.fabric, "product-events@1", Known::default());
        assert!(entry.dependencies.iter().any(|it| it.by == "schema" && it.name == "contracts/change.json"));
        let all = examples(&reading.fabric, &"product-events@1".parse().unwrap());
        let published = all.iter().find(|it| it.operation == "publish").unwrap();
        assert!(published.line.contains(expected), "{}", published.line);
    }
}

#[test]
fn what_is_found_comes_in_pages() {
    let fabric = fabric();
    let entries = entries(&fabric, Known::default());
    let all: Vec<String> = search(&entries, "").into_iter().map(|entry| entry.interface.to_string()).collect();
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let (page, next) = page(search(&entries, ""), after.as_deref(), 1);
        assert!(page.len() <= 1);
        seen.extend(page.into_iter().map(|entry| entry.interface.to_string()));
        let Some(next) = next else { break };
        after = Some(next);
    }
    assert_eq!(seen, all);
    let (none, next) = page(search(&entries, ""), Some("nothing@1"), 1);
    assert!(none.is_empty() && next.is_none());
}
