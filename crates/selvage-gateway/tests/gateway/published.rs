//! Events that are published and pulled: what is counted of them, and what of those that do not fit is shown.

use selvage_model::usage::Way;
use serde_json::{Value, json};

use super::client::{Answer, authorization};
use super::fabric;
use super::running::Running;

const STRUCTURED: &str = "Content-Type: application/cloudevents+json";
const BATCH: &str = "Content-Type: application/cloudevents-batch+json";

/// Orders and what is told of them, besides the rest.
const TOLD: &str = "kind: Object
name: parcel
version: 1.0
owner: owners
identity: [number]
attributes:
  number: {type: string}
  weight: {type: integer, optional: true}
authority: [{attributes: \"*\", record: odoo}]
---
kind: Interface
name: order-events
type: event
version: 1.0
owner: owners
lifecycle: active
classification: {criticality: tier-3, data: internal}
events: {sales.order.made: {object: order@1}, sales.parcel.sent: {object: parcel@1}}
lane: data.number
---
kind: Grant
consumer: shop
interface: order-events@1
operations: [publish, read]
purpose: Tells what it sold
until: 2099-01-01T00:00:00Z
---
kind: Consumer
name: stranger
";

fn running(data: &str) -> Running {
    let told = TOLD.replace("data: internal", &format!("data: {data}"));
    Running::serving(|address| fabric::saying(address, "kind: Consumer\nname: stranger\n", &told), |_| {})
}

fn event(id: &str, kind: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": kind, "data": data})
}

fn post(running: &Running, headers: &[&str], body: &Value) -> Answer {
    let by = authorization("shop");
    let all: Vec<&str> = std::iter::once(by.as_str()).chain(headers.iter().copied()).collect();
    running.client().request("POST", "/order-events/v1/events", &all, body.to_string().as_bytes())
}

/// Which attributes were counted, and how often.
fn attributes(running: &Running) -> Vec<(String, u64)> {
    let counts = running.gateway.counted().usage().counts.into_iter();
    let mut all: Vec<(String, u64)> = counts
        .filter_map(|(key, count)| {
            let of = key.attribute?;
            let way = if of.way == Way::Sent { "sent" } else { "asked" };
            Some((format!("{} {} {way} {}", key.interface, key.operation, of.attribute), count.requests))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_kept_and_what_is_pulled_is_counted_by_attribute() {
    let running = running("internal");
    let made = event("a", "sales.order.made", &json!({"number": "O-1", "weight": 3, "other": 1}));
    assert_eq!(post(&running, &[STRUCTURED], &made).status, 202);
    let sent = event("b", "sales.parcel.sent", &json!({"number": "P-1", "weight": 3}));
    assert_eq!(post(&running, &[BATCH], &json!([sent, sent, made])).status, 202);
    // What is not kept is no use.
    assert_eq!(post(&running, &[STRUCTURED], &event("unfit", "sales.order.made", &json!({"number": 1}))).status, 422);
    running.client().get("shop", "/order-events/v1/events?wait=0s");
    running.client().request("POST", "/order-events/v1/groups/g/lease", &[&authorization("shop")], b"");
    let expected = [
        ("order-events@1 publish sent number", 2),
        ("order-events@1 publish sent weight", 1),
        ("order-events@1 read asked *", 1),
    ];
    assert_eq!(attributes(&running), expected.map(|(what, times)| (what.to_owned(), times)), "orders have no weight");
}

/// What does not fit, with its sample: field, rule and what stood there.
fn found(running: &Running) -> Vec<String> {
    let rows = running.gateway.contracts().into_iter();
    let mut all: Vec<String> = rows
        .flat_map(|row| row.fields)
        .map(|field| format!("{} {} {}", field.name, field.rule, field.sample))
        .collect();
    all.sort();
    all
}

#[test]
fn what_does_not_fit_is_shown_masked_or_as_it_is_where_everybody_may_see_it() {
    for (data, number) in [("internal", "a number of 2 digits"), ("public", "42")] {
        let running = running(data);
        let unfit = event("unfit", "sales.order.made", &json!({"number": 42}));
        assert_eq!(post(&running, &[STRUCTURED], &unfit).status, 422);
        let ill = event("ill", "sales.order.made", &json!({"number": 42}));
        assert_eq!(post(&running, &[BATCH], &json!([ill])).status, 202);
        let binary = [
            "Content-Type: application/json",
            "ce-specversion: 1.0",
            "ce-id: unfit",
            "ce-source: /shop",
            "ce-type: sales.order.made",
        ];
        assert_eq!(post(&running, &binary, &json!({"number": 42})).status, 422);
        let expected = [format!("/*/data/number object {number}"), format!("/data/number object {number}")];
        assert_eq!(found(&running), expected, "{data}");
    }
}

#[test]
fn an_event_of_a_type_that_nobody_declares_is_shadow_traffic() {
    let running = running("internal");
    for kind in ["sales.order.lost", "sales.order.lost", "sales.sk_live_51H8aBcD9eFgH1jK"] {
        assert_eq!(post(&running, &[STRUCTURED], &event("stray", kind, &json!({"number": "O-1"}))).status, 422);
    }
    // One of a type that is declared was refused for something else.
    assert_eq!(post(&running, &[STRUCTURED], &event("stray", "sales.order.made", &json!({}))).status, 422);
    let shadows = running.gateway.counted().usage().shadows;
    let seen: Vec<_> =
        shadows.iter().map(|(shape, requests, _)| (format!("{} {}", shape.method, shape.path), *requests)).collect();
    let expected = [
        ("PUBLISH /order-events/v1/sales.order.lost".to_owned(), 2),
        ("PUBLISH /order-events/v1/sales.{secret}".to_owned(), 1),
    ];
    assert_eq!(seen, expected);
    assert!(running.gateway.traffic().shadow_samples.iter().all(|sample| !sample.path.contains("sk_live")));
}
