//! Direct interfaces: what reaches the upstream, what comes back, and every way in which an upstream fails.

use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::client::{authorization, head};
use super::fabric::key;
use super::running::Running;
use super::upstream::{digest, pattern};

#[test]
fn a_request_is_passed_on_clean_and_marked() {
    let running = Running::start();
    let mut client = running.client();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = client.request(
        "GET",
        "/stock/v1/items/a%20b?x=1&y=%2F",
        &[
            &authorization("shop"),
            &format!("X-Api-Key: {}", key("shop")),
            "Connection: X-Private, keep-alive",
            "X-Private: 1",
            "Keep-Alive: timeout=5",
            "TE: trailers",
            "Proxy-Authorization: Basic eDp5",
            "Upgrade: websocket",
            "X-Forwarded-For: 6.6.6.6",
            "Forwarded: for=6.6.6.6",
            "X_Forwarded_For: 6.6.6.6",
            "X-Real-IP: 6.6.6.6",
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /admin",
            "Accept: text/plain",
            "Cookie: a=b",
            "Correlation-Id: order-42",
            &format!("traceparent: {trace}"),
            "tracestate: vendor=1",
        ],
        b"",
    );
    assert_eq!((answer.status, answer.header("correlation-id")), (200, Some("order-42")));
    let (parent, rest): (Vec<&str>, Vec<&str>) =
        answer.text().trim_end().lines().partition(|line| line.starts_with("traceparent: "));
    let mut lines: Vec<&str> = rest;
    lines[1..].sort_unstable();
    let upstream = running.upstream.address;
    let expected = format!(
        "GET /api/items/a%20b?x=1&y=%2F HTTP/1.1|accept: text/plain|cookie: a=b|correlation-id: order-42|\
         host: {upstream}|tracestate: vendor=1|x-forwarded-for: 127.0.0.1|x-forwarded-host: gateway.test|\
         x-forwarded-proto: http"
    );
    assert_eq!(lines.join("|"), expected);
    assert!(
        parent[0].starts_with("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-")
            && !parent[0].ends_with(&trace[36..])
    );
}

#[test]
fn behind_a_balancer_forwarded_headers_are_extended() {
    let running = Running::with(|config| config.trust_forwarded = true);
    let headers = [&authorization("shop"), "X-Forwarded-For: 10.0.0.9", "X-Forwarded-Proto: https"];
    let answer = running.client().request("GET", "/stock/v1/items", &headers, b"");
    let text = answer.text();
    assert!(text.contains("x-forwarded-for: 10.0.0.9, 127.0.0.1\r\n"), "{text}");
    assert!(text.contains("x-forwarded-proto: https\r\n"), "{text}");
}

#[test]
fn an_answer_comes_back_clean() {
    let running = Running::start();
    let answer = running.client().get("shop", "/stock/v1/items/hop");
    assert_eq!((answer.status, answer.text()), (200, "abcde"));
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"x-inner") && !names.contains(&"keep-alive"), "{names:?}");
    assert_eq!(answer.header("x-outer"), Some("2"));
    assert_eq!(names.iter().filter(|name| **name == "correlation-id").count(), 1);
    assert_eq!(answer.header("correlation-id").map(str::len), Some(32), "the upstream's own is replaced");
    assert_eq!(running.client().get("shop", "/stock/v1/items/missing").said(), (404, String::new()));
}

#[test]
fn head_and_options() {
    let running = Running::start();
    let mut client = running.client();
    let answer = client.request("HEAD", "/stock/v1/items/1", &[&authorization("shop")], b"");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(answer.header("content-length").is_some_and(|length| length != "0"));
    let answer = client.request("OPTIONS", "/stock/v1/items/1", &[], b"");
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, PUT, DELETE, HEAD, OPTIONS")));
    let answer = client.request("HEAD", "/nothing", &[], b"");
    assert_eq!(answer.status, 404);
    let answer = client.request("POST", "/stock/v1/items/1", &[], b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, PUT, DELETE, HEAD, OPTIONS")));
}

#[test]
fn large_bodies_stream_both_ways() {
    // They take their time on a busy machine.
    let patient = |upstream: &str| super::fabric::saying(upstream, "timeout: 700ms", "timeout: 20s");
    let running = Running::serving(patient, |_| {});
    let answer = running.client().get("shop", "/stock/v1/stream/30000000");
    assert_eq!(digest(&answer.body), "30000000 bytes, pattern true");

    let body: Vec<u8> = (0..9_000_000).map(pattern).collect();
    let answer = running.client().request("POST", "/stock/v1/upload", &[&authorization("shop")], &body);
    assert_eq!(answer.text(), "9000000 bytes, pattern true");

    let mut client = running.client();
    client.send(head("POST", "/stock/v1/upload", &[&authorization("shop"), "Transfer-Encoding: chunked"], 0));
    for chunk in body.chunks(70_000) {
        client.send(format!("{:x}\r\n", chunk.len()));
        client.send(chunk);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.read().text(), "9000000 bytes, pattern true");
}

#[test]
fn an_expectation_is_met_by_the_gateway() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("POST", "/stock/v1/upload", &[&authorization("shop"), "Expect: 100-continue"], 4));
    assert_eq!(client.read().status, 100);
    client.send([0, 1, 2, 3]);
    assert_eq!(client.read().text(), "4 bytes, pattern true");
    let mut refused = running.client();
    refused.send(head("POST", "/stock/v1/upload", &["Expect: 100-continue"], 4));
    assert_eq!(refused.read().status, 401, "a refused body is not asked for");
}

#[test]
fn a_body_beyond_the_limit_is_refused_however_it_is_framed() {
    let running = Running::with(|config| config.max_body = 100_000);
    let authorization = authorization("shop");
    let mut client = running.client();
    client.send(head("POST", "/stock/v1/upload", &[&authorization], 100_001));
    assert_eq!(client.read().said(), (413, "FAB4034".to_owned()));

    let mut client = running.client();
    client.send(head("POST", "/stock/v1/upload", &[&authorization, "Transfer-Encoding: chunked"], 0));
    for _ in 0..3 {
        client.send(format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000)));
    }
    assert_eq!(client.read().said(), (413, "FAB4034".to_owned()));
    assert_eq!(running.upstream.requests(), 0, "the upstream never got a whole one");

    let exact = running.client().request("POST", "/stock/v1/upload", &[&authorization], &vec![0; 100_000]);
    assert_eq!(exact.status, 200);
}

/// Many clients send all of a body before they read anything; closed over what they still send, they would be told nothing.
#[test]
fn a_client_that_sends_everything_first_reads_why_it_is_refused() {
    const LENGTH: usize = 24 * 1024 * 1024;
    let running = Running::with(|config| config.max_body = 100_000);
    let authorization = authorization("shop");
    let body = vec![b'x'; LENGTH];
    let json = ["Content-Type: application/json", "Idempotency-Key: k"];
    for (method, path, headers) in
        [("POST", "/stock/v1/upload", &[][..]), ("POST", "/orders/v1/orders", &json), ("POST", "/nowhere/v1", &[])]
    {
        let headers = [&[authorization.as_str()], headers].concat();
        let answer = running.client().request(method, path, &headers, &body);
        let expected = if path == "/nowhere/v1" { (404, "FAB4001") } else { (413, "FAB4034") };
        assert_eq!((answer.said(), answer.header("connection")), ((expected.0, expected.1.to_owned()), Some("close")));

        let mut client = running.client();
        client.send(head(method, path, &[&headers[..], &["Transfer-Encoding: chunked"]].concat(), 0));
        client.send(format!("{LENGTH:x}\r\n"));
        client.send(&body);
        client.send("\r\n0\r\n\r\n");
        assert_eq!(client.read().said(), (expected.0, expected.1.to_owned()), "{path} in chunks");
    }
}

#[test]
fn an_interface_may_take_smaller_and_larger_bodies_than_the_node() {
    let running = Running::with(|config| config.max_body = 1_000);
    let authorization = authorization("shop");
    let put = |path: &str, length: usize| {
        running.client().request("PUT", path, &[&authorization], &vec![b'x'; length]).said()
    };
    let (fine, too_large) = ((200, String::new()), (413, "FAB4034".to_owned()));
    assert_eq!(put("/stock/v1/items/1", 1_001), too_large);
    assert_eq!(put("/patient-stock/v1/items/1", 2_000), fine);
    assert_eq!(put("/patient-stock/v1/items/1", 2_001), too_large);
}

#[test]
fn failing_upstreams_become_answers() {
    let running = Running::with(|config| config.stall_timeout = Duration::from_millis(500));
    let mut client = running.client();
    for (path, status, code) in [
        ("/stock/v1/items/slow", 504, "FAB4051"),
        ("/stock/v1/items/reset-now", 502, "FAB4052"),
        ("/stock/v1/items/nonsense", 502, "FAB4052"),
        ("/stock/v1/items/1", 200, ""),
    ] {
        assert_eq!(client.get("shop", path).said(), (status, code.to_owned()), "{path}");
    }
    for path in ["/stock/v1/items/half", "/stock/v1/items/stall"] {
        let mut client = running.client();
        client.send(head("GET", path, &[&authorization("shop")], 0));
        let began = Instant::now();
        assert!(client.try_read(false).is_none(), "{path}: a broken answer must not look whole");
        assert!(began.elapsed() < Duration::from_secs(4), "{path}");
    }
}

#[test]
fn a_client_that_sends_its_body_too_slowly_is_told_so() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("POST", "/stock/v1/upload", &[&authorization("shop")], 10));
    client.send("half");
    assert_eq!(client.read().said(), (408, "FAB4035".to_owned()));
}

#[test]
fn an_upstream_that_is_not_there_becomes_an_answer() {
    // Bound and closed again: nobody listens there now.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = Running::start();
    running.gateway.swap(std::sync::Arc::new(super::fabric::snapshot(&nobody.to_string())));
    assert_eq!(running.client().get("shop", "/stock/v1/items").said(), (502, "FAB4050".to_owned()));
}

#[test]
fn upstream_connections_are_used_again() {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    for number in 0..50 {
        assert_eq!(client.get("shop", &format!("/stock/v1/items/{number}")).status, 200);
    }
    assert_eq!(running.upstream.connections.load(Ordering::SeqCst), 1);
}

/// The upstream closes after an answer without having said so; whatever the race, a GET is answered where one may be sent again.
#[test]
fn a_stale_upstream_connection_is_replaced() {
    let running = Running::limits(|config| config.threads = 1);
    let mut client = running.client();
    for round in 0..200 {
        assert_eq!(client.get("counted", "/flaky-stock/v1/items/last").status, 200, "round {round}");
    }
    assert_eq!(running.upstream.requests(), 200, "none was sent twice to one that answered");
}

/// Where nothing may be sent again, a connection that was seen to have closed is not used.
#[test]
fn a_connection_that_was_closed_a_while_ago_is_not_used() {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    for round in 0..20 {
        assert_eq!(client.get("shop", "/stock/v1/items/last").status, 200, "round {round}");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(running.upstream.requests(), 20);
}

/// A read that went out on a connection which was used before arrives once: it takes from what may be sent again, as on a new one.
#[test]
fn a_read_that_went_out_is_not_sent_again_for_nothing() {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
    assert_eq!(client.get("shop", "/stock/v1/items/reset-now").said(), (502, "FAB4052".to_owned()));
    assert_eq!((running.upstream.requests(), running.upstream.connections.load(Ordering::SeqCst)), (2, 1));

    // One in fifty may be, for the age of its connection.
    for _ in 0..50 {
        assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
    }
    for (sent, why) in [(54, "once more"), (56, "the next one, behind one that answers, is not")] {
        assert_eq!(client.get("shop", "/stock/v1/items/reset-now").status, 502);
        assert_eq!(running.upstream.requests(), sent, "{why}");
        assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
    }

    let running = Running::limits(|config| config.threads = 1);
    let mut client = running.client();
    assert_eq!(client.get("counted", "/flaky-stock/v1/items/1").status, 200);
    assert_eq!(client.get("counted", "/flaky-stock/v1/items/reset-now").status, 502);
    assert_eq!(running.upstream.requests(), 3, "once more");
    let again = "selvage_gateway_upstream_sent_again_total{system=\"flaky\"} 1\n";
    assert!(running.gateway.metrics().contains(again), "{}", running.gateway.metrics());
}

/// A write that went out on a connection which broke is not sent again: nobody knows whether it took effect.
#[test]
fn a_write_is_never_sent_twice() {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
    let answer = client.request("PUT", "/stock/v1/items/reset-now", &[&authorization("shop")], b"x");
    assert_eq!(answer.said(), (502, "FAB4052".to_owned()));
    assert_eq!(running.upstream.requests(), 2);
}

#[test]
fn a_client_that_goes_away_ends_its_request() {
    let running = Running::with(|config| config.threads = 1);
    let mut client = running.client();
    client.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(200));
    drop(client);
    std::thread::sleep(Duration::from_millis(300));
    let metrics = running.gateway.metrics();
    let gone = "{interface=\"narrow-stock@1\",consumer=\"shop\",operation=\"get-item\",status=\"gone\"} 1";
    assert!(metrics.contains(gone), "{metrics}");
}

#[test]
fn a_trailing_write_of_a_client_is_read() {
    let running = Running::start();
    let mut stream = std::net::TcpStream::connect(running.gateway.address()).unwrap();
    for byte in head("GET", "/livez", &[], 0).bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    let mut answer = [0; 15];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}
