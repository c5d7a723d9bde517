//! Advice by tables: small interfaces, what is advised about them, and which facts speak for it and against it.

use std::fmt::Write as _;

use jiff::Timestamp;
use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use selvage_model::usage::{UsageCount, UsageKey, UsageTotal};

use super::*;

const BEHIND: &str = "kind: System
name: odoo
connector: odoo
owner: erp
zone: cloud
environments: {dev: {url: 'http://127.0.0.1:8069'}}
limits: {concurrency: 1}
---
kind: System
name: online
connector: odoo
owner: erp
zone: cloud
environments: {dev: {url: 'https://velo.odoo.com'}}
---
kind: System
name: wms
connector: http
owner: erp
zone: cloud
environments: {dev: {url: 'http://127.0.0.1:8072'}}
---
kind: Object
name: product
version: 1.0
owner: erp
identity: [code]
attributes: {code: {type: string}}
authority: [{attributes: '*', record: odoo}]
";

const EVENTS: &str = "---
kind: Interface
name: product-events
type: event
version: 1.0
owner: erp
lifecycle: active
events: {sales.product.changed: {object: product@1}}
produced_by: odoo
";

const CONTRACT: &str = "openapi: 3.1.0
info: {title: Stock, version: '1'}
paths:
  /items: {get: {operationId: listItems, responses: {'200': {description: Items}}}}
  /items/{id}: {put: {operationId: putItem, responses: {'200': {description: Item}}}}
";

fn api(rest: &str) -> String {
    format!("---\nkind: Interface\nname: products\ntype: api\nversion: 1.0\nowner: erp\nlifecycle: active\n{rest}")
}

fn mediated(system: &str, operations: &str, rest: &str) -> String {
    api(&format!(
        "control: mediated\nserves: {{object: product@1, system: {system}, operations: [{operations}]}}\n{rest}"
    ))
}

fn direct(system: &str, rest: &str) -> String {
    api(&format!(
        "control: direct\ncontract: {{openapi: contracts/stock.yaml}}\nupstream: {{system: {system}, path: /}}\n{rest}"
    ))
}

fn capture(rest: &str) -> String {
    format!("{EVENTS}{rest}")
}

fn grants(count: usize) -> String {
    let grant = |number: usize| {
        format!(
            "---\nkind: Consumer\nname: c{number}\nowner: erp\nidentity: {{api_key: {{}}}}\n---\nkind: Grant\nconsumer: c{number}\ninterface: products@1\noperations: [list]\n"
        )
    };
    (0..count).map(grant).collect()
}

fn fabric(manifests: &str) -> Fabric {
    let mut sources = Sources::new();
    sources.insert("fabric.yaml", format!("{BEHIND}{manifests}"));
    if manifests.contains("stock.yaml") {
        sources.insert("contracts/stock.yaml", CONTRACT);
    }
    let reading = read::read(&sources);
    assert_eq!(reading.findings, [], "{manifests}");
    reading.fabric
}

/// So many requests of these operations, in so many hours of thirty days, as many in each.
fn seen(fabric: &Fabric, operations: &[(&str, u64)], hours: i64) -> Traffic {
    let interface: InterfaceRef = "products@1".parse().unwrap();
    let count = |requests| UsageCount { requests, refused: 0, failed: 0, planned: 0 };
    let total = |(operation, requests): &(&str, u64)| UsageTotal {
        key: UsageKey {
            interface: interface.clone(),
            consumer: Some("c0".parse().unwrap()),
            operation: (*operation).to_owned(),
            attribute: None,
        },
        count: count(*requests),
        last: Timestamp::UNIX_EPOCH,
    };
    let totals: Vec<UsageTotal> = operations.iter().map(total).collect();
    let each = operations.iter().map(|(_, requests)| requests).sum::<u64>() / u64::try_from(hours).unwrap();
    let at = |hour| Timestamp::from_second(hour * 3600).unwrap();
    let hourly: Vec<_> = (0..hours).map(|hour| (at(hour), interface.clone(), count(each))).collect();
    Traffic::of(fabric, &totals, &hourly, std::time::Duration::from_secs(30 * 86_400))
}

/// `answer (clear, ignored): facts that speak for it | facts that speak against it`.
fn line(fabric: &Fabric, traffic: Option<&Traffic>, interface: &str, question: Question) -> String {
    let all = advise(fabric, traffic);
    let is_it = |advice: &&Advice| advice.interface.to_string() == interface && advice.question == question;
    let Some(advice) = all.iter().find(is_it) else { return "no question".to_owned() };
    let mut line = advice.answer.to_string();
    if advice.is_clear {
        line.push_str(" clearly");
    }
    if advice.is_ignored() {
        line.push_str(" ignored");
    }
    let names = |reasons: &[Reason]| reasons.iter().map(|reason| reason.fact).collect::<Vec<_>>().join(" ");
    let _ = write!(line, ": {} | {}", names(&advice.reasons), names(&advice.against));
    line
}

#[test]
fn direct_or_mediated() {
    let ends = "deprecation: {since: 2026-09-01, sunset: 2027-03-01}\n";
    let table = [
        (mediated("odoo", "list, create", ""), "mediated clearly: odoo-behind changes-records waits-its-turn | "),
        (
            direct("odoo", "") + &grants(3),
            "mediated clearly ignored: odoo-behind changes-records waits-its-turn several-consumers | ",
        ),
        (
            direct("odoo", "because: The shop's plugin speaks to it.\n"),
            "mediated clearly: odoo-behind changes-records waits-its-turn | ",
        ),
        (direct("wms", ""), "direct clearly: no-records-behind | changes-records"),
        (
            direct("odoo", ends).replace("lifecycle: active", "lifecycle: deprecated"),
            "mediated clearly ignored: odoo-behind changes-records waits-its-turn | ends-soon",
        ),
        (
            mediated("odoo", "list", "slo: [{latency: {quantile: 0.99, under: 30ms}, window: 30d}]\n") + &grants(1),
            "mediated: odoo-behind waits-its-turn | no-time-to-translate one-consumer",
        ),
        (
            direct("odoo", "").replace("path: /", "path: /, websocket: true"),
            "direct clearly: stays-open | odoo-behind changes-records waits-its-turn",
        ),
    ];
    for (manifests, expected) in table {
        let fabric = fabric(&manifests);
        assert_eq!(line(&fabric, None, "products@1", Question::Path), expected, "{manifests}");
    }
}

#[test]
fn real_time_or_batch() {
    let class = |words: &str| format!("classification: {{{words}}}\n");
    let table = [
        (
            mediated(
                "odoo",
                "list, create",
                &class("criticality: tier-1, latency: real-time, recovery: {rpo: 0s, rto: 1h}"),
            ),
            None,
            "real-time clearly: is-waited-for acts stops-a-plant little-may-be-lost | ",
        ),
        (
            mediated("odoo", "list", &class("criticality: tier-3, latency: batch")),
            None,
            "batch clearly: hours-do can-wait | ",
        ),
        // Declared to be waited for, and used once a night.
        (
            mediated("odoo", "list", &class("criticality: tier-3, latency: near-real-time")),
            Some((&[("list", 900_000)][..], 30)),
            "batch clearly ignored: used-in-bursts beyond-its-system can-wait whole-lists | minutes-matter",
        ),
        (
            mediated("odoo", "list", &class("criticality: tier-2, latency: near-real-time")),
            Some((&[("list", 720)][..], 720)),
            "real-time: minutes-matter used-all-day | whole-lists",
        ),
        // Nobody says anything.
        (mediated("odoo", "list", ""), None, "real-time:  | "),
    ];
    for (manifests, traffic, expected) in table {
        let fabric = fabric(&manifests);
        let traffic = traffic.map(|(operations, hours)| seen(&fabric, operations, hours));
        assert_eq!(line(&fabric, traffic.as_ref(), "products@1", Question::Pace), expected, "{manifests}");
    }
}

#[test]
fn copy_or_live() {
    let near = "classification: {criticality: tier-2, latency: near-real-time}\n";
    let now = "classification: {criticality: tier-1, latency: real-time}\n";
    let kept = |age: &str, poll: &str| {
        capture(&format!("capture: {{record: product.product, poll: {poll}}}\ncopy: {{max_age: {age}}}\n"))
    };
    let table = [
        (mediated("odoo", "list, get", near), None, "live: nothing-captures | only-reads"),
        (
            mediated("odoo", "list", near) + &kept("60s", "10s"),
            None,
            "copy clearly ignored: copy-is-kept only-reads | ",
        ),
        (mediated("odoo", "list", near) + &kept("1d", "10s"), None, "copy: only-reads | "),
        (
            mediated("odoo", "list", near) + &kept("60s", "5m"),
            None,
            "live: captured-too-seldom | copy-is-kept only-reads",
        ),
        (
            mediated("odoo", "list, update", now) + &kept("60s", "10s"),
            None,
            "live clearly: reads-what-it-wrote has-to-be-now | outlasts-its-system",
        ),
        (
            mediated("odoo", "list", near) + &kept("60s", "10s"),
            Some((&[("list", 900_000)][..], 720)),
            "copy clearly ignored: copy-is-kept only-reads | ",
        ),
        (
            mediated("odoo", "list", near) + &kept("60s", "10s"),
            Some((&[("list", 9_000_000)][..], 720)),
            "copy clearly ignored: loads-its-system copy-is-kept only-reads | ",
        ),
        (
            mediated("odoo", "list", near) + &kept("60s", "10s"),
            Some((&[("list", 720)][..], 720)),
            "live: seldom-read | copy-is-kept only-reads",
        ),
        (
            mediated("online", "list", "limits: {rate: 10/s}\n") + &grants(3),
            None,
            "copy clearly ignored: may-load-its-system one-call-a-second only-reads several-readers | nothing-captures",
        ),
        (direct("odoo", ""), None, "no question"),
    ];
    for (manifests, traffic, expected) in table {
        let fabric = fabric(&manifests);
        let traffic = traffic.map(|(operations, hours)| seen(&fabric, operations, hours));
        assert_eq!(line(&fabric, traffic.as_ref(), "products@1", Question::Reads), expected, "{manifests}");
    }
}

#[test]
fn webhook_or_poll() {
    let now = "classification: {criticality: tier-1, latency: real-time}\n";
    let near = "classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 10s, rto: 1h}}\n";
    let table = [
        (
            capture(&format!("{now}capture: {{record: product.product, poll: 5s}}\n")),
            None,
            "product-events@1",
            "webhook: told-at-once | hints-get-lost nothing-takes-hints",
        ),
        (
            capture(&format!("{near}capture: {{record: product.product, poll: 5m}}\n")),
            None,
            "product-events@1",
            "poll: minutes-do hints-get-lost nothing-takes-hints | polled-too-seldom",
        ),
        (
            capture("capture: {record: product.product, poll: 1s}\n"),
            None,
            "product-events@1",
            "poll: hints-get-lost nothing-takes-hints | polls-cost",
        ),
        (capture(""), None, "product-events@1", "no question"),
        (mediated("odoo", "list", ""), None, "products@1", "poll clearly: no-events | "),
        (
            mediated("odoo", "list", "") + EVENTS,
            Some((&[("list", 86_400)][..], 720)),
            "products@1",
            "webhook clearly: events-are-there asked-again-and-again | ",
        ),
        (
            mediated("odoo", "list", "") + EVENTS,
            Some((&[("list", 300)][..], 30)),
            "products@1",
            "poll: seldom-asked | events-are-there",
        ),
        (mediated("odoo", "get", ""), None, "products@1", "no question"),
    ];
    for (manifests, traffic, interface, expected) in table {
        let fabric = fabric(&manifests);
        let traffic = traffic.map(|(operations, hours)| seen(&fabric, operations, hours));
        assert_eq!(line(&fabric, traffic.as_ref(), interface, Question::Arrival), expected, "{manifests}");
    }
}

#[test]
fn what_ended_is_not_advised_about() {
    let retired = mediated("odoo", "list", "").replace("lifecycle: active", "lifecycle: retired");
    assert_eq!(advise(&fabric(&retired), None), []);
}

/// The guide shows the table as it is: `SELVAGE_BLESS=1` writes it there.
#[test]
fn the_guide_shows_the_facts() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/catalogue.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- facts -->\n").unwrap();
    let (shown, after) = rest.split_once("<!-- /facts -->").unwrap();
    let mut table = String::from("| fact | speaks for | weight | when |\n| --- | --- | --- | --- |\n");
    for fact in FACTS.iter().flat_map(|facts| facts.iter()) {
        let _ = writeln!(table, "| `{}` | {} | {} | {} |", fact.name, fact.speaks_for, fact.weight, fact.holds_when);
    }
    #[allow(clippy::disallowed_methods, reason = "a person says so to the test")]
    if std::env::var_os("SELVAGE_BLESS").is_some() {
        std::fs::write(&path, format!("{before}<!-- facts -->\n{table}<!-- /facts -->{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "run it with SELVAGE_BLESS=1");
    let mut names: Vec<&str> = Vec::new();
    for fact in FACTS.iter().flat_map(|facts| facts.iter()) {
        assert!(fact.question.answers().contains(&fact.speaks_for), "{}", fact.name);
        assert!(!names.contains(&fact.name), "{} is there twice", fact.name);
        names.push(fact.name);
    }
}
