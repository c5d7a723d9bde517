//! What an upstream bears: places by criticality, waiting for them, being left alone, being asked again, and being waited
//! for so long and no longer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::client::{Client, authorization, head};
use super::fabric;
use super::running::Running;

fn one_thread() -> Running {
    Running::limits(|config| config.threads = 1)
}

/// Sends a request and does not wait for its answer.
fn begin(running: &Running, path: &str) -> Client {
    let mut client = running.client();
    client.send(head("GET", path, &[&authorization("counted")], 0));
    client
}

fn get(running: &Running, path: &str) -> (u16, String) {
    running.client().get("counted", path).said()
}

fn is_told(running: &Running, line: &str) {
    let metrics = running.gateway.metrics();
    assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
}

#[test]
fn the_last_places_of_an_upstream_are_for_tier_1() {
    let running = Running::limits(|_| {});
    let mut slow: Vec<Client> = (0..3).map(|_| begin(&running, "/spare-stock/v1/items/slow")).collect();
    std::thread::sleep(Duration::from_millis(300));
    let refused = running.client().get("counted", "/spare-stock/v1/items/1");
    assert_eq!(refused.said(), (503, "FAB4102".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    slow.push(begin(&running, "/vital-stock/v1/items/slow"));
    std::thread::sleep(Duration::from_millis(200));
    is_told(&running, "selvage_gateway_upstream_in_hand{system=\"narrow\"} 4");
    assert_eq!(get(&running, "/vital-stock/v1/items/1").0, 200, "the fifth place");
    slow.push(begin(&running, "/vital-stock/v1/items/slow"));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(get(&running, "/vital-stock/v1/items/1"), (503, "FAB4102".to_owned()), "now there is none");
    for client in &mut slow {
        assert_eq!(client.read().status, 200);
    }
    assert_eq!(get(&running, "/spare-stock/v1/items/1").0, 200);
    is_told(&running, "selvage_gateway_upstream_in_hand{system=\"narrow\"} 0");
}

#[test]
fn tier_1_goes_on_in_a_flood_of_tier_3() {
    let running = Running::limits(|_| {});
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = running.client();
                while !over.load(Ordering::Relaxed) {
                    match client.get("counted", "/spare-stock/v1/items/pause").status {
                        200 => {}
                        503 => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        other => panic!("{other}"),
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        let mut vital = running.client();
        let answers: Vec<u16> = (0..100).map(|_| vital.get("counted", "/vital-stock/v1/items/1").status).collect();
        over.store(true, Ordering::Relaxed);
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    });
    assert!(refused.load(Ordering::Relaxed) > 20);
}

#[test]
fn a_node_that_is_full_refuses_the_least_critical_first() {
    let running = Running::with(|config| {
        config.threads = 1;
        config.max_in_hand = 5;
    });
    let shop = |path: &str| {
        let mut client = running.client();
        client.send(head("GET", path, &[&authorization("shop")], 0));
        client
    };
    let mut slow: Vec<Client> = (0..3).map(|_| shop("/stock/v1/items/slow")).collect();
    std::thread::sleep(Duration::from_millis(250));
    let refused = running.client().get("shop", "/stock/v1/items/1");
    assert_eq!(refused.said(), (503, "FAB4104".to_owned()));
    assert_eq!(running.client().get("shop", "/orders/v1/orders/o-1").status, 200, "tier-1 passes");
    for client in &mut slow {
        assert_eq!(client.read().status, 504);
    }
    assert_eq!(running.client().get("shop", "/stock/v1/items/1").status, 200);
}

#[test]
fn a_place_is_waited_for_as_long_as_declared() {
    let running = Running::limits(|_| {});
    let mut both = [begin(&running, "/patient-stock/v1/items/pause"), begin(&running, "/patient-stock/v1/items/pause")];
    for client in &mut both {
        assert_eq!(client.read().status, 200, "one after the other");
    }
    let mut slow = begin(&running, "/patient-stock/v1/items/slow");
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    assert_eq!(get(&running, "/patient-stock/v1/items/1"), (503, "FAB4042".to_owned()));
    let waited = began.elapsed();
    assert!((Duration::from_millis(590)..Duration::from_millis(1_200)).contains(&waited), "{waited:?}");
    // Who goes away while waiting leaves nothing behind.
    drop(begin(&running, "/patient-stock/v1/items/1"));
    assert_eq!(slow.read().status, 200);
    assert_eq!(get(&running, "/patient-stock/v1/items/1").0, 200);
}

#[test]
fn an_upstream_that_fails_is_left_alone_and_tried_again() {
    let running = one_thread();
    for _ in 0..4 {
        assert_eq!(get(&running, "/fragile-stock/v1/items/reset-now"), (502, "FAB4052".to_owned()));
    }
    let before = running.upstream.requests();
    let refused = running.client().get("counted", "/fragile-stock/v1/items/1");
    assert_eq!(refused.said(), (503, "FAB4103".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(running.upstream.requests(), before, "it is left alone");
    is_told(&running, "selvage_gateway_upstream_breaker{system=\"fragile\"} 2");
    is_told(&running, "selvage_gateway_upstream_breaker_opened_total{system=\"fragile\"} 1");
    is_told(&running, "selvage_gateway_upstream_requests_total{system=\"fragile\",outcome=\"broken\"} 4");
    assert_eq!(get(&running, "/stable-stock/v1/items/1").0, 200, "another system is not concerned");
    std::thread::sleep(Duration::from_millis(500));
    // The first try fails: left alone again.
    assert_eq!(get(&running, "/fragile-stock/v1/items/reset-now").0, 502);
    assert_eq!(get(&running, "/fragile-stock/v1/items/1").0, 503);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(get(&running, "/fragile-stock/v1/items/1").0, 200);
    is_told(&running, "selvage_gateway_upstream_breaker{system=\"fragile\"} 0");
    // What a caller did wrong, and an answer that says no, are no failures of the system.
    for _ in 0..8 {
        assert_eq!(get(&running, "/fragile-stock/v1/items/missing").0, 404);
    }
    assert_eq!(get(&running, "/fragile-stock/v1/items/1").0, 200);
}

#[test]
fn what_may_be_sent_again_is_within_its_budget() {
    let running = one_thread();
    // One is saved up at the beginning, and half a one with each request.
    for (tries, total) in [(2, 2), (2, 4), (1, 5), (2, 7)] {
        assert_eq!(get(&running, "/flaky-stock/v1/items/reset-now").0, 502);
        assert_eq!(running.upstream.requests(), total, "{tries} tries");
    }
    is_told(&running, "selvage_gateway_upstream_sent_again_total{system=\"flaky\"} 3");
    assert_eq!(get(&running, "/stable-stock/v1/items/reset-now").0, 502);
    assert_eq!(running.upstream.requests(), 8, "none where none is declared");
}

#[test]
fn a_write_whose_bytes_went_out_is_never_sent_again() {
    let running = one_thread();
    let auth = authorization("counted");
    let key = "Idempotency-Key: k-1";
    let answer = running.client().request("PUT", "/flaky-stock/v1/items/reset-now", &[&auth, key], b"x");
    assert_eq!(answer.said(), (502, "FAB4052".to_owned()));
    assert_eq!(running.upstream.requests(), 1);
    is_told(&running, "selvage_gateway_upstream_sent_again_total{system=\"flaky\"} 0");
    // One that found no connection may.
    let answer = running.client().request("PUT", "/silent-stock/v1/items/1", &[&auth], b"x");
    assert_eq!(answer.said(), (502, "FAB4050".to_owned()));
    is_told(&running, "selvage_gateway_upstream_sent_again_total{system=\"silent\"} 1");
    is_told(&running, "selvage_gateway_upstream_requests_total{system=\"silent\",outcome=\"unreachable\"} 1");
}

#[test]
fn connecting_is_waited_for_as_long_as_declared() {
    // A server that accepts nobody: once its queue is full, the kernel lets connections wait.
    let server = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    server.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    server.listen(0).unwrap();
    let address = server.local_addr().unwrap().as_socket().unwrap();
    let queue: Vec<_> =
        (0..4).map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))).collect();
    assert!(queue.iter().any(Result::is_err), "the queue is full");
    let running = Running::serving(
        |upstream| fabric::limits_with(upstream, &address.to_string()),
        |config| config.connect_timeout = Duration::from_secs(20),
    );
    let began = Instant::now();
    assert_eq!(get(&running, "/silent-stock/v1/items/1"), (504, "FAB4050".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn an_answer_is_whole_in_time_or_broken_off() {
    let running = Running::limits(|_| {});
    let began = Instant::now();
    let mut client = begin(&running, "/brief-stock/v1/items/stall");
    assert!(client.try_read(false).is_none(), "the body stops, and so does the connection");
    assert!((Duration::from_millis(400)..Duration::from_secs(3)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(get(&running, "/brief-stock/v1/items/slow"), (504, "FAB4051".to_owned()), "nor does its head");
    assert_eq!(get(&running, "/brief-stock/v1/items/1").0, 200);
}
