//! Names and documents of the exports. Whether Backstage takes the entities is judged by its own validators, through the front door.

use std::time::Duration;

use selvage_model::read::{self, Sources};

use super::*;

const FABRIC: &str = "kind: Team
name: erp
roles: {owner: [e.peeters], on_call: [erp.desk]}
---
kind: Interface
name: products
type: api
version: 1.4
owner: erp
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, data: internal}
slo: [{availability: 99.9%, window: 30d}, {latency: {quantile: 0.99, under: 400ms}, window: 90m}]
control: direct
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms, path: /}
";
const CONTRACT: &str = "openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /items: {get: {operationId: listItems, responses: {'200': {description: Items}}}}
";
const BOUNDS: [u64; 4] = [250, 100_000, 250_000, 500_000];

fn fabric() -> selvage_model::fabric::Fabric {
    let mut sources = Sources::new();
    sources.insert("domains/ghent/contracts/stock.yaml", CONTRACT);
    let text = FABRIC.replace("contracts/", "domains/ghent/contracts/");
    sources.insert("domains/ghent/fabric.yaml", text);
    let reading = read::read(&sources);
    assert_eq!(reading.findings, []);
    reading.fabric
}

#[test]
fn names_fit() {
    let long = "a".repeat(62);
    for (name, expected) in [("products@1".to_owned(), "products-v1".to_owned()), (format!("{long}@12"), String::new())]
    {
        let name = name_of(&name.parse().unwrap());
        assert!(expected.is_empty() || name == expected, "{name}");
        assert!(name.len() <= LONGEST);
    }
    let (one, other) = (format!("{long}-b@1"), format!("{long}-c@1"));
    assert_ne!(name_of(&one.parse().unwrap()), name_of(&other.parse().unwrap()));
}

#[test]
fn promises_are_measured_by_what_nodes_serve() {
    let documents = openslo::documents(&fabric(), &BOUNDS);
    let kinds: Vec<&str> = documents.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Service", "SLO", "SLO"]);
    let query = |number: usize, side: &str| {
        let ratio = &documents[number]["spec"]["indicator"]["spec"]["ratioMetric"];
        ratio[side]["metricSource"]["spec"]["query"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        query(1, "good"),
        "sum(rate(selvage_gateway_requests_total{interface=\"products@1\",status!~\"5xx|planned\"}[5m]))"
    );
    assert_eq!(
        query(1, "total"),
        "sum(rate(selvage_gateway_requests_total{interface=\"products@1\",status!=\"planned\"}[5m]))"
    );
    assert_eq!(
        query(2, "good"),
        "sum(rate(selvage_gateway_request_duration_seconds_bucket{interface=\"products@1\",le=\"0.25\"}[5m]))"
    );
    assert_eq!(documents[1]["spec"]["objectives"][0]["target"], 0.999);
    let windows: Vec<&str> =
        documents[1..].iter().map(|it| it["spec"]["timeWindow"][0]["duration"].as_str().unwrap()).collect();
    assert_eq!(windows, ["30d", "90m"]);
    assert_eq!(documents[2]["metadata"]["name"], "products-v1-latency-2");
}

#[test]
fn a_bound_is_never_kinder_than_the_promise() {
    let bound = |under| openslo::bound(&BOUNDS, Duration::from_millis(under));
    for (under, expected) in [(400, "0.25"), (250, "0.25"), (100_000, "0.5"), (0, "0.00025")] {
        assert_eq!(bound(under), expected, "{under}");
    }
}

#[test]
fn an_interface_is_an_api_of_its_owner() {
    let entities = backstage::entities(&fabric(), "/");
    let of = |kind: &str| entities.iter().filter(|it| it["kind"] == kind).collect::<Vec<_>>();
    let names: Vec<&str> = of("Group").iter().map(|it| it["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["erp", "ghent.board", "group.board"]);
    let api = of("API")[0];
    assert_eq!(api["metadata"]["annotations"]["selvage/interface"], "products@1");
    assert_eq!(api["spec"]["owner"], "group:default/erp");
    assert_eq!(api["spec"]["lifecycle"], "production");
    assert_eq!(api["metadata"]["tags"], serde_json::json!(["api", "tier-2", "near-real-time", "internal"]));
    assert!(api["spec"]["definition"].as_str().unwrap().contains("listItems"));
}
