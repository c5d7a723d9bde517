//! What goes on while it is asked: WebSockets where they are declared, and bodies that come as they are sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::{Client, authorization, head};
use super::fabric::{access, fabric, saying, try_compile};
use super::running::Running;

/// A client that asked to become a WebSocket.
fn ask(running: &Running, path: &str, more: &[&str]) -> Client {
    let proof = authorization("shop");
    let mut headers = vec!["Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    headers.extend(["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: stock", &proof]);
    headers.extend(more);
    let mut client = running.client();
    client.send(head("GET", path, &headers, 0));
    client
}

#[test]
fn a_websocket_passes_where_it_is_declared() {
    let running = Running::start();
    let mut client = ask(&running, "/live-stock/v1/socket", &[]);
    let answer = client.read();
    assert_eq!((answer.status, answer.header("sec-websocket-accept")), (101, Some("agreed")));
    assert_eq!((answer.header("connection"), answer.header("upgrade")), (Some("upgrade"), Some("websocket")));
    assert_eq!(answer.header("keep-alive"), None);
    assert!(answer.header("correlation-id").is_some());
    assert_eq!(client.bytes(5).as_deref(), Some("hello"), "what came right behind the answer");
    for text in ["one", "two", "three"] {
        client.send(text);
        assert_eq!(client.bytes(text.len()).as_deref(), Some(text));
    }
    let large = "x".repeat(1_000_000);
    client.send(&large);
    assert_eq!(client.bytes(large.len()), Some(large));
    let metrics = running.gateway.metrics();
    assert!(
        metrics.contains("{interface=\"live-stock@1\",consumer=\"shop\",operation=\"talk\",status=\"2xx\"} 1"),
        "{metrics}"
    );
}

#[test]
fn what_is_sent_before_the_answer_arrives() {
    let running = Running::start();
    let mut client = ask(&running, "/live-stock/v1/socket", &[]);
    client.send("early");
    assert_eq!(client.read().status, 101);
    assert_eq!(client.bytes(10).as_deref(), Some("helloearly"));
}

#[test]
fn it_passes_nowhere_else_and_by_nobody_else() {
    let running = Running::start();
    let answer = ask(&running, "/stock/v1/socket", &[]).read();
    assert_eq!(answer.status, 426, "the upstream was not asked to switch: {}", answer.text());
    assert!(!answer.text().contains("upgrade"), "{}", answer.text());
    let mut stranger = running.client();
    let headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"];
    stranger.send(head("GET", "/live-stock/v1/socket", &headers, 0));
    assert_eq!(stranger.read().said(), (401, "FAB4010".to_owned()));
    // A head that does not ask for it whole is passed on as any other.
    let proof = authorization("shop");
    for headers in [
        vec!["Upgrade: websocket", "Sec-WebSocket-Key: x", &proof],
        vec!["Connection: Upgrade", "Upgrade: h2c", "Sec-WebSocket-Key: x", &proof],
        vec!["Connection: Upgrade", "Upgrade: websocket", &proof],
    ] {
        let answer = running.client().request("GET", "/live-stock/v1/socket", &headers, b"");
        assert_eq!(answer.status, 426, "{headers:?}");
    }
}

#[test]
fn an_idle_websocket_is_closed_and_gives_its_place_back() {
    let running = Running::with(|config| config.tunnel_idle = Duration::from_millis(500));
    let mut clients: Vec<_> = (0..3).map(|_| ask(&running, "/live-stock/v1/socket", &[])).collect();
    for client in &mut clients {
        assert_eq!(client.read().status, 101);
        assert_eq!(client.bytes(5).as_deref(), Some("hello"));
    }
    assert_eq!(running.client().get("shop", "/live-stock/v1/items").said(), (503, "FAB4042".to_owned()));
    // One that goes on now and then lives longer than nothing may go through.
    let mut alive = clients.pop().unwrap();
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(200));
        alive.send("x");
        assert_eq!(alive.bytes(1).as_deref(), Some("x"));
    }
    assert!(clients.iter_mut().all(Client::is_closed));
    assert_eq!(running.client().get("shop", "/live-stock/v1/items").status, 200);
}

#[test]
fn a_websocket_ends_with_either_side_and_with_the_node() {
    let running = Running::with(|config| config.drain = Duration::from_millis(300));
    let mut client = ask(&running, "/live-stock/v1/socket", &[]);
    assert_eq!(client.read().status, 101);
    drop(client);
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.gateway.metrics().contains("selvage_gateway_connections 0\n"));
    let mut client = ask(&running, "/live-stock/v1/socket", &[]);
    assert_eq!(client.read().status, 101);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(running.gateway.shutdown());
    assert_eq!(client.bytes(5).as_deref(), Some("hello"));
    assert!(client.is_closed());
}

/// What was opened by a right ends with it; what another right opened goes on.
#[test]
fn a_websocket_ends_with_the_right_that_opened_it() {
    let running = Running::start();
    let fabric = fabric(&running.upstream.address.to_string());
    let whole = access(&fabric);
    let mut revoked = whole.clone();
    for credential in revoked.credentials.iter_mut().filter(|credential| credential.id == "key_shop") {
        credential.revoked = Some("2020-01-01T00:00:00Z".parse().unwrap());
    }
    let mut ended = whole.clone();
    for grant in ended.grants.iter_mut().filter(|grant| grant.interface.to_string() == "live-stock@1") {
        grant.ended = Some("2020-01-01T00:00:00Z".parse().unwrap());
    }
    for less in [revoked, ended] {
        let mut client = ask(&running, "/live-stock/v1/socket", &[]);
        assert_eq!(client.read().status, 101);
        // Another snapshot alone ends nothing.
        running.gateway.swap(Arc::new(try_compile(&fabric, &whole, "dev").unwrap()));
        std::thread::sleep(Duration::from_millis(600));
        client.send("on");
        assert_eq!(client.bytes(7).as_deref(), Some("helloon"));
        running.gateway.swap(Arc::new(try_compile(&fabric, &less, "dev").unwrap()));
        let began = Instant::now();
        assert!(client.is_closed());
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        running.gateway.swap(Arc::new(try_compile(&fabric, &whole, "dev").unwrap()));
    }
}

/// What a release takes back of it ends it as well; what else a release changes does not.
#[test]
fn a_websocket_ends_with_what_declared_it() {
    let declared = "upstream: {system: wms, path: /api, websocket: true}\n";
    for (instead, ends) in [
        ("upstream: {system: wms, path: /api}\n".to_owned(), true),
        ("upstream: {system: wms, path: /other, websocket: true}\n".to_owned(), true),
        (format!("{declared}validation: {{response: enforce}}\n"), true),
        (format!("{declared}validation: {{response: report}}\n"), false),
    ] {
        let running = Running::start();
        let mut client = ask(&running, "/live-stock/v1/socket", &[]);
        assert_eq!(client.read().status, 101);
        assert_eq!(client.bytes(5).as_deref(), Some("hello"));
        running.gateway.swap(Arc::new(saying(&running.upstream.address.to_string(), declared, &instead)));
        std::thread::sleep(Duration::from_millis(900));
        let goes_on = client.try_send(b"on") && client.bytes(2).as_deref() == Some("on");
        assert_eq!(goes_on, !ends, "{instead}");
    }
}

#[test]
fn events_come_as_they_happen() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("GET", "/live-stock/v1/events", &[&authorization("shop")], 0));
    let began = Instant::now();
    let first = client.bytes_until("data: 0");
    assert!(first.contains("text/event-stream") && began.elapsed() < Duration::from_millis(700), "{first}");
    client.bytes_until("data: 4");
    assert!(began.elapsed() > Duration::from_millis(600), "the last came later: {:?}", began.elapsed());
}

/// Bytes trickle both ways at once: each is given back before the next is sent.
#[test]
fn bodies_trickle_both_ways() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("POST", "/live-stock/v1/duplex", &[&authorization("shop"), "Transfer-Encoding: chunked"], 0));
    for word in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{word}\r\n", word.len()));
        let came = client.bytes_until(word);
        assert!(came.contains(word), "{came}");
        std::thread::sleep(Duration::from_millis(100));
    }
    client.send("0\r\n\r\n");
    assert!(client.bytes_until("0\r\n\r\n").ends_with("0\r\n\r\n"));
}
