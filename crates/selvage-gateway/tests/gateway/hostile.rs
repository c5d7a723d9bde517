//! Clients that are slow, idle, many or deaf: what each may cost is bounded. What they may not say is in `malformed`.

use std::time::{Duration, Instant};

use super::client::{authorization, head};
use super::running::Running;

#[test]
fn a_head_that_comes_too_slowly_is_cut_off() {
    let running = Running::with(|config| config.head_timeout = Duration::from_millis(600));
    let mut slow = running.client();
    let began = Instant::now();
    slow.send("GET /stock/v1/items HTTP/1.1\r\n");
    while slow.try_send(b"X-Slow: 1\r\n") && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "it lasted {:?}", began.elapsed());
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
}

#[test]
fn an_idle_connection_is_closed() {
    let running = Running::with(|config| config.idle_timeout = Duration::from_millis(600));
    let mut client = running.client();
    assert_eq!(client.get("shop", "/stock/v1/items").status, 200);
    let began = Instant::now();
    assert!(client.is_closed());
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let running = Running::with(|config| config.stall_timeout = Duration::from_millis(600));
    let mut client = running.client();
    client.send(head("GET", "/stock/v1/stream/200000000", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_secs(2));
    assert!(client.try_read(false).is_none(), "the answer was broken off");
}

#[test]
fn no_more_connections_than_configured_are_served_at_once() {
    let running = Running::with(|config| (config.threads, config.max_connections) = (1, 2));
    let mut first = running.client();
    let mut second = running.client();
    assert_eq!(first.get("shop", "/stock/v1/items").status, 200);
    assert_eq!(second.get("shop", "/stock/v1/items").status, 200);
    let mut third = running.client();
    third.send(head("GET", "/stock/v1/items", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.upstream.requests(), 2, "the third waits");
    drop(first);
    assert_eq!(third.read().status, 200);
}

#[test]
fn a_peer_has_only_so_many_connections() {
    let running = Running::with(|config| config.max_connections_per_peer = Some(2));
    let mut kept: Vec<_> = (0..2).map(|_| running.client()).collect();
    for client in &mut kept {
        assert_eq!(client.get("shop", "/stock/v1/items").status, 200);
    }
    let mut third = running.client();
    third.try_send(head("GET", "/stock/v1/items", &[&authorization("shop")], 0).as_bytes());
    assert!(third.try_read(false).is_none(), "it is closed at once");
    assert!(running.gateway.metrics().contains("selvage_gateway_connections_turned_away_total 1\n"));
    drop(kept);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
}

#[test]
fn a_body_that_stops_coming_is_not_waited_for() {
    let running = Running::with(|config| config.stall_timeout = Duration::from_millis(300));
    // The interface would wait for 5 s.
    let mut client = running.client();
    client.send(head("PUT", "/patient-stock/v1/items/1", &[&authorization("shop")], 10));
    client.send("half");
    let began = Instant::now();
    assert_eq!(client.read().said(), (408, "FAB4035".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // One that trickles comes.
    let mut client = running.client();
    client.send(head("PUT", "/patient-stock/v1/items/1", &[&authorization("shop")], 6));
    for byte in b"trickl" {
        std::thread::sleep(Duration::from_millis(150));
        client.send([*byte]);
    }
    assert_eq!(client.read().status, 200);
}

/// Many who begin and never end: each is cut off by itself, and whoever behaves is served meanwhile.
#[test]
fn a_flood_of_slow_heads_is_survived() {
    let running = Running::with(|config| config.head_timeout = Duration::from_millis(500));
    let mut slow: Vec<_> = (0..300).map(|_| running.client()).collect();
    for client in &mut slow {
        client.send("GET /stock/v1/items HTTP/1.1\r\nX-Slow: ");
    }
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
    for client in &mut slow {
        assert!(client.is_closed());
    }
    // Closed for the client is let go of a moment later.
    let is_empty = || running.gateway.metrics().contains("selvage_gateway_connections 0\n");
    let began = Instant::now();
    while !is_empty() {
        assert!(began.elapsed() < Duration::from_secs(5), "connections are kept");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A refused request's body is let pass where it is small, so that the connection goes on; otherwise its end is said.
#[test]
fn a_refusal_ends_no_connection_unsaid() {
    let running = Running::start();
    let mut client = running.client();
    for _ in 0..3 {
        client.send(head("POST", "/stock/v1/upload", &[], 5));
        std::thread::sleep(Duration::from_millis(30));
        client.send("12345");
        let answer = client.read();
        assert_eq!((answer.status, answer.header("connection")), (401, None));
    }
    client.send(head("POST", "/stock/v1/upload", &[], 1_000_000));
    let answer = client.read();
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    assert!(client.is_closed());
}
