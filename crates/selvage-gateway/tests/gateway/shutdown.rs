//! Shutting down: what is in hand finishes, for a bounded time.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use selvage_gateway::Gateway;

use super::client::{authorization, head};
use super::running::Running;

fn shut_down(gateway: Gateway) -> Duration {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(gateway.shutdown());
    began.elapsed()
}

#[test]
fn what_is_in_hand_finishes() {
    let running = Running::start();
    let address = running.gateway.address();
    let mut idle = running.client();
    assert_eq!(idle.get("shop", "/stock/v1/items").status, 200);
    let mut busy = running.client();
    busy.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(300));
    let took = shut_down(running.gateway);
    assert!((Duration::from_millis(500)..Duration::from_secs(5)).contains(&took), "{took:?}");
    assert_eq!(busy.read().status, 200);
    assert!(busy.is_closed() && idle.is_closed());
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

/// Clients connect ahead of need.
#[test]
fn nobody_waits_for_a_connection_that_said_nothing() {
    let running = Running::start();
    let mut silent = running.client();
    let mut idle = running.client();
    assert_eq!(idle.get("shop", "/stock/v1/items").status, 200);
    std::thread::sleep(Duration::from_millis(100));
    let took = shut_down(running.gateway);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(silent.is_closed() && idle.is_closed());
}

#[test]
fn the_wait_is_bounded() {
    let running = Running::with(|config| config.drain = Duration::from_millis(300));
    let mut busy = running.client();
    busy.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(200));
    let took = shut_down(running.gateway);
    assert!(took < Duration::from_millis(1000), "{took:?}");
    assert!(busy.try_read(false).is_none());
}

#[test]
fn readiness_ends_with_the_beginning_of_the_end() {
    let running = Running::start();
    let mut admin = running.admin();
    assert_eq!(admin.request("GET", "/readyz", &[], b"").status, 200);
    let mut busy = running.client();
    busy.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(200));
    let Running { gateway, .. } = running;
    let stopping = std::thread::spawn(move || shut_down(gateway));
    std::thread::sleep(Duration::from_millis(200));
    let answer = admin.request("GET", "/readyz", &[], b"");
    assert_eq!((answer.status, answer.text()), (503, "draining\n"));
    assert_eq!(admin.request("GET", "/livez", &[], b"").status, 200);
    stopping.join().unwrap();
    assert_eq!(busy.read().status, 200);
}

#[test]
fn readiness_begins_when_everything_is_there_and_requests_are_served_before() {
    let running = Running::with(|config| config.ready_at_once = false);
    let (mut admin, mut client) = (running.admin(), running.client());
    for ready in [&mut admin, &mut client] {
        let answer = ready.request("GET", "/readyz", &[], b"");
        assert_eq!((answer.status, answer.text()), (503, "starting\n"));
        assert_eq!(ready.request("GET", "/livez", &[], b"").status, 200);
    }
    assert_eq!(client.get("shop", "/stock/v1/items").status, 200);
    running.gateway.ready();
    for ready in [&mut admin, &mut client] {
        assert_eq!(ready.request("GET", "/readyz", &[], b"").status, 200);
    }
}
