//! HTTP/2 with clients: the same decisions and the same hygiene as over HTTP/1.1, and bounds of its own.

mod frames;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

use super::fabric::key;
use super::running::Running;
use super::upstream::{digest, pattern};
use frames::{Frames, GO_AWAY, PING, PRIORITY, RESET, SETTINGS, WINDOW};

type Sender = SendRequest<Full<Bytes>>;

/// Runs a client.
fn block_on<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), client).await.unwrap() })
}

async fn connect(address: SocketAddr) -> Sender {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A request of the shop.
fn request(method: &str, path: &str) -> http::request::Builder {
    let uri = format!("http://gateway.test{path}");
    Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {}", key("shop")))
}

fn empty() -> Full<Bytes> {
    Full::default()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Status and code of an answer.
async fn said(sender: &mut Sender, request: Request<Full<Bytes>>) -> (u16, String) {
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("correlation-id"));
    let code = serde_json::from_str(&text(response).await).ok();
    let code = code.and_then(|body: Value| Some(body.get("code")?.as_str()?.to_owned()));
    (status, code.unwrap_or_default())
}

#[test]
fn a_request_reaches_the_upstream_as_over_http1() {
    let running = Running::start();
    let head = block_on(async {
        let mut sender = connect(running.gateway.address()).await;
        let request = request("GET", "/stock/v1/items/a%20b?x=1")
            .header("cookie", "a=b")
            .header("cookie", "c=d")
            .header("te", "trailers")
            .header("x-forwarded-for", "6.6.6.6")
            .header("accept", "text/plain");
        let response = sender.send_request(request.body(empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("correlation-id").map(http::HeaderValue::len), Some(32));
        text(response).await
    });
    let mut lines: Vec<&str> = head
        .trim_end()
        .lines()
        .filter(|line| !line.starts_with("traceparent: ") && !line.starts_with("correlation-id: "))
        .collect();
    lines[1..].sort_unstable();
    let upstream = running.upstream.address;
    let expected = format!(
        "GET /api/items/a%20b?x=1 HTTP/1.1|accept: text/plain|cookie: a=b; c=d|host: {upstream}|\
         x-forwarded-for: 127.0.0.1|x-forwarded-host: gateway.test|x-forwarded-proto: http"
    );
    assert_eq!(lines.join("|"), expected);
}

#[test]
fn decisions_are_the_same() {
    let running = Running::with(|config| config.max_head = 8 * 1024);
    let many =
        (0..150).fold(request("GET", "/stock/v1/items"), |request, number| request.header(format!("x-{number}"), "1"));
    let stranger = |path: &str| Request::builder().uri(format!("http://gateway.test{path}"));
    let coded = |status: u16, code: &str| (status, code.to_owned());
    block_on(async {
        let mut sender = connect(running.gateway.address()).await;
        for (request, expected) in [
            (request("GET", "/stock/v1/items"), coded(200, "")),
            (stranger("/stock/v1/items"), coded(401, "FAB4010")),
            (request("GET", "/stock/v1/nothing"), coded(404, "FAB4001")),
            (request("DELETE", "/stock/v1/items"), coded(405, "FAB4002")),
            (request("DELETE", "/stock/v1/items/1"), coded(403, "FAB4021")),
            (request("GET", "/stock/v1/items/..%2f"), coded(400, "FAB4005")),
            (request("GET", "/stock/v1/items").header("host", "other.test"), coded(400, "FAB4005")),
            (request("GET", "/stock/v1/items").header("x-long", "x".repeat(9_000)), coded(431, "FAB4070")),
            (many, coded(431, "FAB4070")),
            (request("GET", "/gone-stock/v1/items"), coded(410, "FAB4003")),
            (request("GET", "/stock/v1/items/slow"), coded(504, "FAB4051")),
        ] {
            let request = request.body(empty()).unwrap();
            let name = format!("{} {}", request.method(), request.uri());
            assert_eq!(said(&mut sender, request).await, expected, "{name}");
        }
    });
}

#[test]
fn large_bodies_stream_both_ways() {
    let running = Running::start();
    block_on(async {
        let mut sender = connect(running.gateway.address()).await;
        let down = request("GET", "/stock/v1/stream/10000000").body(empty()).unwrap();
        let response = sender.send_request(down).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(digest(&body), "10000000 bytes, pattern true");
        let body: Vec<u8> = (0..3_000_000).map(pattern).collect();
        let up = request("POST", "/stock/v1/upload").body(Full::from(body)).unwrap();
        let response = sender.send_request(up).await.unwrap();
        assert_eq!(text(response).await, "3000000 bytes, pattern true");
    });
}

#[test]
fn a_body_beyond_the_limit_ends_its_stream_alone() {
    let running = Running::with(|config| config.max_body = 100_000);
    block_on(async {
        let mut sender = connect(running.gateway.address()).await;
        // Also one that is larger than what may come before it is asked for.
        for length in [200_000, 24_000_000] {
            let up = request("POST", "/stock/v1/upload").body(Full::from(vec![0; length])).unwrap();
            assert_eq!(said(&mut sender, up).await, (413, "FAB4034".to_owned()));
        }
        let next = request("GET", "/stock/v1/items").body(empty()).unwrap();
        assert_eq!(said(&mut sender, next).await.0, 200);
    });
    assert_eq!(running.upstream.requests(), 1);
}

/// One stream whose client takes nothing costs a bounded buffer, holds up nobody, and ends alone.
#[test]
fn a_stream_that_is_not_taken_ends_alone() {
    let running = Running::with(|config| config.stall_timeout = Duration::from_millis(600));
    let mut frames = Frames::connect(running.gateway.address());
    frames.get(1, "/stock/v1/stream/200000000");
    let began = Instant::now();
    // The windows are never opened again; of other streams only heads and a few bytes come.
    let reset = frames.until(|frame| (frame.kind, frame.stream) == (RESET, 1));
    assert!(reset.is_some() && began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(frames.received < 70_000, "no more came than the window lets");
    frames.open_window(0, 1_000_000);
    frames.get(3, "/stock/v1/items");
    assert_eq!(frames.answer(3), "200");
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let running = Running::with(|config| {
        config.idle_timeout = Duration::from_millis(500);
        config.head_timeout = Duration::from_millis(500);
    });
    let mut frames = Frames::connect(running.gateway.address());
    frames.get(1, "/narrow-stock/v1/items/slow");
    assert_eq!(frames.answer(1), "200", "it took longer than anything idle may");
    let began = Instant::now();
    assert!(frames.until(|_| false).is_none());
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[test]
fn no_more_streams_than_configured_are_in_hand() {
    let running = Running::with(|config| config.max_streams = 2);
    let mut frames = Frames::connect(running.gateway.address());
    for stream in [1, 3, 5] {
        frames.get(stream, "/narrow-stock/v1/items/slow");
    }
    assert_eq!(frames.answer(5), "reset REFUSED_STREAM");
    assert_eq!((frames.answer(1), frames.answer(3)), ("200".to_owned(), "200".to_owned()));
}

/// CVE-2023-44487: streams that are opened and reset at once, as fast as the client can.
#[test]
fn a_rapid_reset_ends_the_connection() {
    let running = Running::with(|config| config.threads = 1);
    let mut frames = Frames::connect(running.gateway.address());
    for stream in (1..4_000).step_by(2) {
        if !frames.try_get(stream, "/stock/v1/items/slow") || !frames.reset(stream) {
            break;
        }
    }
    assert!(frames.ends(), "the connection is ended");
    assert!(running.upstream.requests() < 200, "{}", running.upstream.requests());
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
}

/// CVE-2024-27316: a head that never ends.
#[test]
fn an_endless_head_ends_the_connection() {
    let running = Running::start();
    let mut frames = Frames::connect(running.gateway.address());
    frames.begin_head(1);
    for _ in 0..2_000 {
        if !frames.go_on_with_head(1, 16_000) {
            break;
        }
    }
    assert!(frames.ends(), "the connection is ended");
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
}

/// CVE-2019-9512, 9513, 9515 and their like: frames that ask for work and bring no request, beside a stream that is in hand.
#[test]
fn a_flood_of_frames_without_a_request_ends_the_connection() {
    let running = Running::with(|config| config.threads = 1);
    let floods: [(&str, u8, u32, &[u8]); 6] = [
        ("pings", PING, 0, &[7; 8]),
        ("settings", SETTINGS, 0, &[0, 3, 0, 0, 0, 100]),
        ("priorities", PRIORITY, 3, &[0, 0, 0, 1, 5]),
        ("windows", WINDOW, 0, &[0, 0, 0, 1]),
        ("resets", RESET, 1, &[0, 0, 0, 8]),
        ("unknown frames", 0x42, 0, b"x"),
    ];
    for (what, kind, stream, payload) in floods {
        let mut frames = Frames::connect(running.gateway.address());
        frames.get(1, "/narrow-stock/v1/items/slow");
        let went = (0..100).take_while(|_| frames.flood(kind, stream, payload, 1_000)).count();
        let began = Instant::now();
        let mut last = None;
        while let Some(frame) = frames.next() {
            last = Some(frame);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{what}: the connection is ended, after {went} thousand");
        let why = last.filter(|last| last.kind == GO_AWAY).map(|last| last.payload[4..].to_vec());
        assert_eq!(why, Some(vec![0, 0, 0, 11]), "{what}: it is told that it is to be calm");
        assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200, "{what}");
    }
}

#[test]
fn frames_that_a_client_needs_are_no_flood() {
    let running = Running::with(|config| config.threads = 1);
    let mut frames = Frames::connect(running.gateway.address());
    for stream in (1..2_001).step_by(2) {
        frames.get(stream, "/stock/v1/items");
        assert_eq!(frames.answer(stream), "200", "{stream}");
        assert!(frames.flood(PING, 0, &[7; 8], 1) && frames.flood(WINDOW, 0, &[0, 0, 4, 0], 2), "{stream}");
    }
}

/// A head that stops in the middle, where the connection is kept busy by another stream.
#[test]
fn a_head_that_comes_too_slowly_ends_the_connection() {
    let running = Running::with(|config| config.head_timeout = Duration::from_millis(500));
    for in_hand in [false, true] {
        let mut frames = Frames::connect(running.gateway.address());
        if in_hand {
            frames.get(1, "/narrow-stock/v1/items/stall");
        }
        frames.begin_head(3);
        let began = Instant::now();
        while frames.next().is_some() {}
        assert!(began.elapsed() < Duration::from_secs(4), "{in_hand}: {:?}", began.elapsed());
    }
}

#[test]
fn malformed_streams_are_reset() {
    let running = Running::start();
    let good = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/stock/v1/items")];
    let with = |name, value| [&good[..], &[(name, value)]].concat();
    let table = [
        ("well, but for the key", good.to_vec()),
        ("a transfer coding", with("transfer-encoding", "chunked")),
        ("a connection header", with("connection", "close")),
        ("an upgrade", with("upgrade", "websocket")),
        ("capitals in a name", with("X-One", "1")),
        ("a return in a value", with("x-one", "1\r\nx-two: 2")),
        ("a null in a value", with("x-one", "1\x002")),
        ("a length and no body", with("content-length", "3")),
        ("a pseudo-header twice", with(":path", "/stock/v1/items/2")),
        ("an unknown pseudo-header", with(":who", "me")),
        ("an extended connect", with(":protocol", "websocket")),
        ("no path", good[..3].to_vec()),
        ("another host", with("host", "b")),
    ];
    let fates = table.map(|(name, headers)| {
        let mut frames = Frames::connect(running.gateway.address());
        frames.head(1, &headers);
        format!("{name}: {}", frames.answer(1))
    });
    insta::assert_snapshot!(fates.join("\n"));
    assert_eq!(running.upstream.requests(), 0);
}

/// A body is as long as its frames; what is said besides must say the same, or the system behind reads another request.
#[test]
fn no_length_passes_but_the_body_s_own() {
    let running = Running::start();
    let proof = format!("Bearer {}", key("shop"));
    let head = [
        (":method", "PUT"),
        (":scheme", "http"),
        (":authority", "gateway.test"),
        (":path", "/stock/v1/items/1"),
        ("authorization", proof.as_str()),
    ];
    for (lengths, fate) in [
        (&["3"][..], "200"),
        (&[], "200"),
        (&["3", "30"], "reset PROTOCOL_ERROR"),
        (&["3", "3"], "400"),
        (&["2"], "reset PROTOCOL_ERROR"),
        (&["30"], "reset PROTOCOL_ERROR"),
        (&["3, 30"], "reset PROTOCOL_ERROR"),
        (&["+3"], "reset PROTOCOL_ERROR"),
    ] {
        let mut frames = Frames::connect(running.gateway.address());
        let lengths: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
        frames.request(1, &[&head[..], &lengths].concat(), b"abc");
        assert_eq!(frames.answer(1), fate, "{lengths:?}");
        for request in running.upstream.take_requests() {
            assert!(request.ends_with("abc") && request.matches("content-length").count() <= 1, "{request}");
        }
    }
}

#[test]
fn a_shutdown_lets_streams_finish() {
    let running = Running::start();
    let mut frames = Frames::connect(running.gateway.address());
    frames.get(1, "/narrow-stock/v1/items/slow");
    std::thread::sleep(Duration::from_millis(300));
    let Running { gateway, .. } = running;
    let stopping = std::thread::spawn(move || block_on(gateway.shutdown()));
    assert_eq!(frames.answer(1), "200");
    assert!(frames.until(|_| false).is_none(), "and it is closed");
    stopping.join().unwrap();
}
