//! What the demo shows of events, through the ports that its people use: the gateway, the console's API, the MES and Odoo.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HeaderName};
use hyper::{Method, Request};
use selvage_model::event::Position;
use serde_json::{Value, json};

use super::printed::Printed;
use crate::http::{self, Answer};
use crate::load::{Speech, Target, open};

/// Whose facts the MES is told.
const EVENTS: &str = "/api/events/production-order-events@1";
const ORDERS: &str = "/production-orders/v1/production-orders";
/// What a board asks for; the last of the products, which there is not, differs from read to read.
const STOCK: &str = "/stock-board/v1/inventory-positions?limit=20&site=ghent&product=WHL-1&product=PRT-";
/// The fact that the MES is told.
const RELEASED: &str = ".production-order.released";

const WITHIN: Duration = Duration::from_secs(30);
/// How soon a MES that was stopped has to have heard of everything.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How many orders are released and cancelled while the MES is stopped: a lane each, with two facts in it.
const WHILE_STOPPED: usize = 6;
const CONNECTIONS: usize = 16;

/// How a MES caught up that was stopped.
pub(super) struct CaughtUp {
    /// How long after it was started again it had heard of everything.
    pub(super) after: Duration,
    /// How many facts did not come in the order of their lane, or twice.
    pub(super) astray: f64,
}

/// What came of reading stock.
pub(super) struct Reads {
    pub(super) a_second: f64,
    pub(super) p99_ms: f64,
    /// Calls that Odoo was made while it was read, beyond those of a time as long in which it was not.
    pub(super) odoo_calls: f64,
}

/// Releases the order that the demo names, and waits until the MES shows that it was told of this one: the demo released others before.
pub(super) async fn told(demo: &Printed) -> Result<Duration> {
    let path = demo.release.strip_suffix("/release").context("the demo names a release")?;
    let order = http::get_with_key(demo.gateway, path, &demo.planning, WITHIN).await?.json()?;
    let number = order.get("number").and_then(Value::as_str).context("an order has a number")?;
    let began = Instant::now();
    plan(demo, &demo.release, "bench-demo", &json!({})).await?;
    loop {
        let told = of_mes(demo).await?;
        let is_release = |item: &Heard| item.kind.ends_with(RELEASED) && item.lane == number;
        if told.items.iter().any(is_release) {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < WITHIN, "the MES is not told of the release");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Stops the MES while orders are released and cancelled, starts it again, and waits until it has heard of everything.
pub(super) async fn caught_up(demo: &Printed) -> Result<CaughtUp> {
    let head = logged(demo, None).await?.head;
    let before = of_mes(demo).await?;
    stop(demo, true).await?;
    let mut orders = Vec::new();
    for number in 0..WHILE_STOPPED {
        let order = json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent"});
        let made = plan(demo, ORDERS, &format!("bench-make-{number}"), &order).await?.json()?;
        let id = made.get("id").and_then(Value::as_str).context("an order has an id")?.to_owned();
        plan(demo, &format!("{ORDERS}/{id}/release"), &format!("bench-release-{number}"), &json!({})).await?;
        orders.push(id);
    }
    // One fact is in the log before the next is made, so that none of them is overtaken before it was looked at.
    logs(demo, &head, WHILE_STOPPED).await?;
    for (number, id) in orders.iter().enumerate() {
        plan(demo, &format!("{ORDERS}/{id}/cancel"), &format!("bench-cancel-{number}"), &json!({})).await?;
    }
    let facts = logs(demo, &head, 2 * WHILE_STOPPED).await?;
    let meanwhile = of_mes(demo).await?;
    ensure!(meanwhile.items.len() == before.items.len(), "a MES that is stopped takes nothing");
    stop(demo, false).await?;
    let began = Instant::now();
    loop {
        let heard = of_mes(demo).await?;
        let new = heard.items.get(before.items.len()..).unwrap_or_default();
        if new.len() >= facts.len() {
            let disordered = (heard.disordered - before.disordered) as f64;
            return Ok(CaughtUp { after: began.elapsed(), astray: astray(&facts, new) + disordered });
        }
        ensure!(began.elapsed() < CAUGHT_UP_WITHIN, "{} of {} facts reached the MES", new.len(), facts.len());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How many places of the lanes do not have the fact that the log has there.
fn astray(facts: &[(String, String)], heard: &[Heard]) -> f64 {
    let mut lanes: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (lane, sequence) in facts {
        lanes.entry(lane).or_default().0.push(sequence);
    }
    for one in heard {
        lanes.entry(&one.lane).or_default().1.push(&one.sequence);
    }
    let differ = |(logged, heard): &(Vec<&str>, Vec<&str>)| {
        let paired = logged.iter().zip(heard).filter(|(left, right)| left != right).count();
        paired + logged.len().abs_diff(heard.len())
    };
    lanes.values().map(differ).sum::<usize>() as f64
}

/// Reads stock so often and so long, and counts what Odoo is asked meanwhile and in as long a time before.
pub(super) async fn reads(demo: &Printed, rate: f64, lasts: Duration) -> Result<Reads> {
    let before = calls(demo).await?;
    tokio::time::sleep(lasts).await;
    let alone = calls(demo).await? - before;
    let keys = demo.board.as_str().into();
    let target = Target { address: demo.gateway, path: STOCK.to_owned(), keys, speech: Speech::Http1 };
    let first = http::get_with_key(demo.gateway, &format!("{STOCK}0"), &demo.board, WITHIN).await?.json()?;
    let kind = first.pointer("/source/kind").and_then(Value::as_str);
    ensure!(kind == Some("copy"), "it is not the copy that answers: {first}");
    let before = calls(demo).await?;
    let latencies = open(target, CONNECTIONS, rate, lasts).await?;
    let while_read = calls(demo).await? - before;
    Ok(Reads {
        a_second: latencies.answers() as f64 / lasts.as_secs_f64(),
        p99_ms: latencies.quantile(0.99)?.as_secs_f64() * 1e3,
        odoo_calls: (while_read - alone).max(0.0),
    })
}

/// Something that planning does.
async fn plan(demo: &Printed, path: &str, key: &str, body: &Value) -> Result<Answer> {
    let headers = [
        (AUTHORIZATION, format!("Bearer {}", demo.planning)),
        (HeaderName::from_static("idempotency-key"), key.to_owned()),
    ];
    let answer = http::post(demo.gateway, path, &headers, body, WITHIN).await?;
    ensure!(answer.status < 300, "{path} is answered with {}: {}", answer.status, answer.json()?);
    Ok(answer)
}

/// A message that the MES took.
struct Heard {
    kind: String,
    lane: String,
    sequence: String,
}

/// What the MES took, in the order in which it came.
struct Taken {
    items: Vec<Heard>,
    disordered: u64,
}

async fn of_mes(demo: &Printed) -> Result<Taken> {
    let told = http::get(demo.mes, "/api/events").await?.json()?;
    let items = told.get("items").and_then(Value::as_array).context("the MES shows no events")?;
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let heard =
        |item: &Value| Heard { kind: text(item, "type"), lane: text(item, "lane"), sequence: text(item, "sequence") };
    let disordered = told.get("disordered").and_then(Value::as_u64).context("the MES does not judge order")?;
    Ok(Taken { items: items.iter().map(heard).collect(), disordered })
}

async fn stop(demo: &Printed, stopped: bool) -> Result<()> {
    let body = json!({"stopped": stopped}).to_string();
    let request = Request::builder().method(Method::PUT).uri("/api/events").header("content-type", "application/json");
    let answer = http::send(demo.mes, request.body(Full::from(body))?, WITHIN).await?;
    ensure!(answer.status < 300, "the MES is not stopped or started: {}", answer.status);
    Ok(())
}

/// What the log has.
struct Logged {
    /// Each fact's lane and sequence.
    facts: Vec<(String, String)>,
    head: String,
}

/// The facts of the log behind a position, as the control API tells them.
async fn logged(demo: &Printed, after: Option<&str>) -> Result<Logged> {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let path = format!("{EVENTS}?limit=200{after}");
    let page = http::get_with_key(demo.console, &path, &demo.operator, WITHIN).await?.json()?;
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let items = page.get("items").and_then(Value::as_array).with_context(|| format!("no events: {page}"))?;
    let fact = |item: &Value| {
        let position: Position = text(item, "position").parse()?;
        Ok((text(item, "lane"), position.sequence().to_string()))
    };
    Ok(Logged { facts: items.iter().map(fact).collect::<Result<_>>()?, head: text(&page, "head") })
}

/// Waits until the log has so many facts behind a position.
async fn logs(demo: &Printed, after: &str, many: usize) -> Result<Vec<(String, String)>> {
    let began = Instant::now();
    loop {
        let facts = logged(demo, Some(after)).await?.facts;
        if facts.len() >= many {
            ensure!(facts.len() == many, "{} facts were made of {many}", facts.len());
            return Ok(facts);
        }
        ensure!(began.elapsed() < WITHIN, "{} of {many} facts are in the log", facts.len());
        tokio::time::sleep(LOOK_EVERY * 10).await;
    }
}

/// How many calls Odoo was made.
async fn calls(demo: &Printed) -> Result<f64> {
    let state = http::get(demo.odoo, "/_factory/state").await?.json()?;
    state.get("calls").and_then(Value::as_f64).context("Odoo counts no calls")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_order_missing_or_double_is_counted() {
        let facts: Vec<(String, String)> =
            [("a", "1"), ("b", "2"), ("a", "3")].map(|(lane, at)| (lane.to_owned(), at.to_owned())).to_vec();
        let heard = |came: &[(&str, &str)]| -> Vec<Heard> {
            let one = |(lane, at): &(&str, &str)| Heard {
                kind: String::new(),
                lane: (*lane).to_owned(),
                sequence: (*at).to_owned(),
            };
            came.iter().map(one).collect()
        };
        for (came, expected) in [
            (&[("a", "1"), ("a", "3"), ("b", "2")][..], 0.0),
            (&[("a", "3"), ("a", "1"), ("b", "2")], 2.0),
            (&[("a", "1"), ("a", "3")], 1.0),
            (&[("a", "1"), ("a", "3"), ("b", "2"), ("b", "2")], 1.0),
        ] {
            assert!((astray(&facts, &heard(came)) - expected).abs() < 1e-9);
        }
    }
}
