//! A snapshot swapped under load: nothing is lost, and what is revoked is refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::{authorization, head};
use super::fabric::{self, access, try_compile};
use super::running::Running;

#[test]
fn swaps_under_load_lose_nothing() {
    let running = Running::start();
    let upstream = running.upstream.address.to_string();
    let over = AtomicBool::new(false);
    let asked: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut client, mut asked) = (running.client(), 0);
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        for _ in 0..100 {
            running.gateway.swap(Arc::new(fabric::snapshot(&upstream)));
            std::thread::sleep(Duration::from_millis(3));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let traffic = running.gateway.traffic();
    let stock = &traffic.interfaces[&"stock@1".parse().unwrap()];
    assert_eq!((stock.requests, stock.refused, stock.failed), (asked, 0, 0), "counters survive swaps");
}

#[test]
fn a_request_in_hand_finishes_on_its_snapshot() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("GET", "/stock/v1/items/pause", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(100));
    let fabric = fabric::fabric(&running.upstream.address.to_string());
    let mut ended = access(&fabric);
    ended.revision = 2;
    ended.credentials.clear();
    running.gateway.swap(Arc::new(try_compile(&fabric, &ended, "dev").unwrap()));
    assert_eq!(running.gateway.snapshot().revision(), 2);
    // INVARIANT: REVOKED-NOW: on every thread, on the very next request.
    let began = Instant::now();
    for _ in 0..8 {
        assert_eq!(running.client().get("shop", "/stock/v1/items/1").said(), (401, "FAB4011".to_owned()));
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(client.read().status, 200);
    assert_eq!(client.get("shop", "/stock/v1/items/1").status, 401, "the next one on that connection is refused");
}
