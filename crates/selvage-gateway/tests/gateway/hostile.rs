//! Requests that are broken, or that two servers could read in two ways, byte by byte.

use std::time::{Duration, Instant};

use super::client::{authorization, head};
use super::running::Running;

/// Status and code, or nothing where the connection closes without a word.
type Said = Option<(u16, String)>;

/// What becomes of raw bytes.
fn said(running: &Running, bytes: &[u8]) -> Said {
    let mut client = running.client();
    client.try_send(bytes);
    client.try_read(false).map(|answer| answer.said())
}

#[test]
fn broken_requests_are_refused() {
    let running = Running::start();
    let authorization = authorization("shop");
    let long_header = format!("X-Long: {}", "x".repeat(100_000));
    let many_headers: Vec<String> = (0..150).map(|number| format!("X-{number}: 1")).collect();
    let many_headers = many_headers.join("\r\n");
    let request = |line: &str, rest: &str| format!("{line}\r\nHost: a\r\n{authorization}\r\n{rest}\r\n\r\n");
    let items = "GET /stock/v1/items HTTP/1.1";
    let upload = "POST /stock/v1/upload HTTP/1.1";
    let bare = |status: u16| Some((status, String::new()));
    let coded = |status: u16, code: &str| Some((status, code.to_owned()));
    let table: &[(&str, String, Said)] = &[
        ("not HTTP", "\x16\x03\x01\x02\x00\r\n\r\n".to_owned(), bare(400)),
        ("a space in the path", request("GET /stock/v1/items x HTTP/1.1", "A: b"), bare(400)),
        ("HTTP/2 in the line", request("GET /stock/v1/items HTTP/2.0", "A: b"), bare(400)),
        ("a space before the colon", request(items, "A : b"), bare(400)),
        ("a folded header", request(items, "A: b\r\n c"), bare(400)),
        ("a null in a header", request(items, "A: b\0c"), bare(400)),
        ("a lone return in a header", request(items, "A: b\rc"), bare(400)),
        ("a header too long", request(items, &long_header), bare(431)),
        ("too many headers", request(items, &many_headers), bare(431)),
        ("two lengths", request(upload, "Content-Length: 3\r\nContent-Length: 4"), bare(400)),
        ("a list of lengths", request(upload, "Content-Length: 3, 4"), bare(400)),
        ("a signed length", request(upload, "Content-Length: +3"), bare(400)),
        ("a negative length", request(upload, "Content-Length: -3"), bare(400)),
        ("a hexadecimal length", request(upload, "Content-Length: 0x3"), bare(400)),
        ("a length beyond numbers", request(upload, "Content-Length: 99999999999999999999"), bare(400)),
        ("another coding", request(upload, "Transfer-Encoding: gzip"), bare(400)),
        ("chunked, then another coding", request(upload, "Transfer-Encoding: chunked, gzip"), bare(400)),
        ("another coding, then chunked", request(upload, "Transfer-Encoding: gzip, chunked"), coded(400, "FAB4005")),
        ("a coding that is almost chunked", request(upload, "Transfer-Encoding: xchunked"), bare(400)),
        ("chunked in HTTP/1.0", request("POST /stock/v1/upload HTTP/1.0", "Transfer-Encoding: chunked"), bare(400)),
        ("no host", format!("{items}\r\n{authorization}\r\n\r\n"), coded(400, "FAB4005")),
        ("two hosts", request(items, "Host: b"), coded(400, "FAB4005")),
        ("connect", request("CONNECT other.test:80 HTTP/1.1", "A: b"), coded(404, "FAB4001")),
        ("a length beyond the limit", request(upload, "Content-Length: 20000000"), coded(413, "FAB4034")),
        ("a broken chunk", request(upload, "Transfer-Encoding: chunked\r\n\r\nzz"), coded(400, "FAB4005")),
        (
            "an overflowing chunk",
            request(upload, "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff"),
            coded(400, "FAB4005"),
        ),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(said(&running, bytes.as_bytes()), *expected, "{name}");
    }
    assert_eq!(running.upstream.requests(), 0, "nothing of it reached the upstream");
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200, "the gateway is well");
}

/// Both framings: read by the chunks alone (RFC 9112 §6.3), passed on with the chunks alone, and closed after, so what
/// follows is never taken for a second request.
#[test]
fn a_request_with_both_framings_smuggles_nothing() {
    let running = Running::start();
    for lengths in
        ["Content-Length: 6\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 6"]
    {
        let mut client = running.client();
        let smuggled = "GET /stock/v1/items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let authorization = authorization("shop");
        client.send(format!(
            "POST /stock/v1/upload HTTP/1.1\r\nHost: a\r\n{authorization}\r\n{lengths}\r\n\r\n0\r\n\r\n{smuggled}"
        ));
        assert_eq!(client.read().text(), "0 bytes, pattern true");
        assert!(client.is_closed());
    }
    assert_eq!(running.upstream.requests(), 2);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let running = Running::start();
    let mut client = running.client();
    let authorization = authorization("shop");
    let requests = ["1", "2", "3"].map(|id| head("GET", &format!("/stock/v1/items/{id}"), &[&authorization], 0));
    client.send(requests.concat());
    for id in ["1", "2", "3"] {
        assert!(client.read().text().starts_with(&format!("GET /api/items/{id} HTTP/1.1")));
    }
}

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
