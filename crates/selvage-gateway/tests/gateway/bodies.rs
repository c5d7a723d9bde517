//! Bodies that a node holds because messages are read whole: a flood of slow ones fills what it takes, and not its memory.

use std::time::{Duration, Instant};

use super::client::{Client, authorization, head};
use super::contracts::{roomy, send};
use super::fabric;
use super::running::Running;

const PART: usize = 100_000;
const JSON: &str = "Content-Type: application/json";

/// A body of so many bytes that is JSON.
fn body() -> String {
    let empty = r#"{"product":""}"#;
    empty.replace("\"\"", &format!("\"{}\"", "x".repeat(PART - empty.len())))
}

/// Sends all of a body but its last byte, and stops.
fn begin(running: &Running, path: &str) -> Client {
    let mut client = running.client();
    client.send(head("POST", path, &[&authorization("shop"), JSON, "Idempotency-Key: k"], PART));
    client.send(&body()[..PART - 1]);
    client
}

fn held(running: &Running) -> usize {
    let metrics = running.gateway.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix("selvage_gateway_bodies_held_bytes "));
    line.unwrap().parse().unwrap()
}

/// Waits until so many bytes are held.
fn holds(running: &Running, bytes: usize) {
    let began = Instant::now();
    while held(running) != bytes {
        assert!(began.elapsed() < Duration::from_secs(10), "{} are held, not {bytes}", held(running));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_flood_of_slow_bodies_fills_what_the_node_takes_and_no_more() {
    for (criticality, fit) in [("tier-1", 10), ("tier-2", 8), ("tier-3", 6)] {
        let running = Running::serving(
            |upstream| fabric::orders_of(criticality, upstream),
            |config| config.max_held = 10 * (PART as u64 + 500),
        );
        let mut slow: Vec<Client> = (0..fit).map(|_| begin(&running, "/orders/v1/orders")).collect();
        holds(&running, fit * (PART - 1));
        for _ in 0..20 {
            let refused = begin(&running, "/orders/v1/orders").read();
            assert_eq!(refused.said(), (503, "FAB4173".to_owned()), "{criticality}");
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        assert!(held(&running) <= fit * PART);
        // Those that came first are not stopped by it, and make room.
        let mut first = slow.remove(0);
        first.send(&body()[PART - 1..]);
        assert_eq!(first.read().status, 201, "{criticality}");
        holds(&running, (fit - 1) * (PART - 1));
        slow.push(begin(&running, "/orders/v1/orders"));
        holds(&running, fit * (PART - 1));
        drop(slow);
        holds(&running, 0);
    }
}

#[test]
fn a_body_is_weighed_as_what_it_becomes() {
    // Alone it would be too much: then it is no use to ask again.
    let running = Running::with(|config| config.max_held = 4 * PART as u64);
    let dense = format!("{{\"product\": [{}1]}}", "1,".repeat(PART / 2 - 20));
    let headers = [&authorization("shop"), JSON, "Idempotency-Key: k"];
    let answer = running.client().request("POST", "/orders/v1/orders", &headers, dense.as_bytes());
    assert_eq!((answer.said(), answer.header("retry-after")), ((413, "FAB4034".to_owned()), None));
    assert!(running.engine.asked.lock().unwrap().is_empty());
    holds(&running, 0);
}

#[test]
fn what_is_worked_on_is_held_though_its_caller_left() {
    let running = Running::with(|config| config.max_held = 4 * PART as u64);
    let mut client = running.client();
    client.send(head("POST", "/orders/v1/orders", &[&authorization("shop"), JSON, "Idempotency-Key: kept"], PART));
    client.send(body());
    let began = Instant::now();
    while running.engine.kept.lock().unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody works on it");
        std::thread::sleep(Duration::from_millis(10));
    }
    let weight = held(&running);
    assert!(weight >= PART, "{weight}");
    drop(client);
    // Long enough for the gateway to see that nobody waits for the answer.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(held(&running), weight);
    running.engine.kept.lock().unwrap().clear();
    holds(&running, 0);
}

/// The most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_body_becomes_is_never_more_than_the_node_holds() {
    const MIB: usize = 1024 * 1024;
    let running = Running::with(|config| (config.max_held, config.max_body) = (16 * MIB as u64, 8 * MIB as u64));
    let dense = format!("{{\"product\": [{}{{}}]}}", "{},".repeat(2 * MIB));
    let headers = [&authorization("shop"), JSON, "Idempotency-Key: k"];
    let before = most_memory();
    let answer = running.client().request("POST", "/orders/v1/orders", &headers, dense.as_bytes());
    assert_eq!(answer.said(), (413, "FAB4034".to_owned()));
    // As a whole it would take 150.
    let more = (most_memory() - before) / MIB;
    assert!(more < 60, "{more} MiB");
    holds(&running, 0);
}

#[test]
fn what_cannot_be_held_is_refused_where_checks_are_enforced_and_streams_on_where_not() {
    let running = Running::serving(roomy, |config| config.max_held = 10 * (PART as u64 - 1));
    // Nobody called these critical: three fifths are theirs.
    let slow: Vec<Client> = (0..6).map(|_| begin(&running, "/new/v1/parts?day=2026-11-23")).collect();
    holds(&running, 6 * (PART - 1));
    let said = "X-Say: 200|Content-Type: application/json|X-Count: 1|[]";
    let part = r#"{"code": "A-1"}"#;
    let enforced = send(&mut running.client(), "POST", "/new/v1/parts?day=2026-11-23", &[JSON, said], part);
    assert_eq!(enforced.said(), (503, "FAB4173".to_owned()));
    assert_eq!(enforced.header("retry-after"), Some("1"));
    let reported = send(&mut running.client(), "POST", "/told/v1/parts?day=2026-11-23", &[JSON, said], part);
    assert_eq!((reported.status, reported.text()), (200, "[]"), "{}", reported.text());
    let read = send(&mut running.client(), "GET", "/kept/v1/parts", &[said], "");
    assert_eq!((read.said(), read.header("retry-after")), ((503, "FAB4173".to_owned()), Some("1")));
    let written = send(&mut running.client(), "POST", "/kept/v1/parts?day=2026-11-23", &[JSON, said], part);
    assert_eq!((written.said(), written.header("retry-after")), ((503, "FAB4173".to_owned()), None));
    assert!(written.text().contains("what it did is done"), "{}", written.text());
    drop(slow);
    holds(&running, 0);
    let read = send(&mut running.client(), "GET", "/kept/v1/parts", &[said], "");
    assert_eq!((read.status, read.text()), (200, "[]"));
    holds(&running, 0);
}
