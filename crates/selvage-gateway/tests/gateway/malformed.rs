//! Requests that are broken, hostile, or that two servers could read in two ways, byte by byte: what is answered, whether
//! the connection goes on, and what the upstream saw of it. The whole table is a golden file.

mod requests;

use std::fmt::Write;

use super::client::Client;
use super::running::Running;

/// Behind each request: it is answered only where the connection goes on with it, and it ends the connection.
const PROBE: &str = "GET /livez HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
/// What every request to the upstream has.
const ALWAYS: [&str; 6] =
    ["host", "correlation-id", "traceparent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// What becomes of some bytes.
fn fate(running: &Running, bytes: &[u8]) -> String {
    let mut client = Client::connect(running.gateway.address());
    let whole = client.try_send(bytes);
    client.try_send(PROBE.as_bytes());
    let mut answers = Vec::new();
    let mut goes_on = false;
    while let Some(answer) = client.try_read(false) {
        goes_on = answer.status == 200 && answer.body == b"ok\n";
        if goes_on {
            break;
        }
        let (status, code) = answer.said();
        if answer.status != 100 {
            let correlation = answer.header("correlation-id");
            assert!(correlation.is_some_and(|id| !id.is_empty()), "an answer without a mark: {answer:?}");
            assert!(!code.is_empty() || status < 400, "an error that is no problem: {answer:?}");
        }
        answers.push(format!("{status} {code}").trim_end().to_owned());
    }
    let answers = if answers.is_empty() { "nothing".to_owned() } else { answers.join(", ") };
    let end = if goes_on { "goes on" } else { "closed" };
    assert!(whole || !goes_on);
    format!("{answers}; {end}")
}

/// A request as the upstream saw it, without what every one has.
fn seen(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap();
    let mut others: Vec<&str> =
        lines.filter(|line| !ALWAYS.iter().any(|name| line.split(": ").next() == Some(*name))).collect();
    others.sort_unstable();
    format!("{line} {others:?} {body:?}")
}

#[test]
fn the_table_of_malformed_requests() {
    let running = Running::with(|config| config.threads = 1);
    let mut table = String::new();
    for (name, bytes) in requests::all() {
        let fate = fate(&running, &bytes);
        writeln!(table, "{name}: {fate}").unwrap();
        for request in running.upstream.take_requests() {
            writeln!(table, "    {}", seen(&request)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200, "the gateway is well");
    let metrics = running.gateway.metrics();
    assert!(metrics.contains("selvage_gateway_refusals_total{interface=\"\",code=\"FAB4070\"}"), "{metrics}");
}
