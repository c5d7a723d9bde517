//! Rates and places, exact over the threads of a node.

use std::time::Duration;

use super::client::{authorization, head};
use super::fabric;
use super::running::Running;

/// So many answers of each status, asked for over several connections at once.
fn storm(running: &Running, consumer: &str, path: &str, clients: usize, each: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = running.client();
                    (0..each).map(|_| client.get(consumer, path).status).collect::<Vec<u16>>()
                })
            })
            .collect();
        statuses.extend(asking.into_iter().flat_map(|asking| asking.join().unwrap()));
    });
    statuses.sort_unstable();
    statuses
}

#[test]
fn a_grants_rate_is_exact_over_threads() {
    let running = Running::start();
    let statuses = storm(&running, "limited", "/stock/v1/items", 8, 20);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 140, "{statuses:?}");
    assert_eq!(running.upstream.requests(), 20);
}

#[test]
fn what_is_left_is_said() {
    let running = Running::start();
    let mut client = running.client();
    let answer = client.get("limited", "/stock/v1/items");
    assert_eq!(answer.header("ratelimit-policy"), Some("\"grant\";q=20;w=3600"));
    assert_eq!(answer.header("ratelimit"), Some("\"grant\";r=19;t=180"));
    for left in (0..19).rev() {
        let answer = client.get("limited", "/stock/v1/items");
        assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"grant\";r={left};")));
    }
    let answer = client.get("limited", "/stock/v1/items");
    assert_eq!(answer.said(), (429, "FAB4040".to_owned()));
    assert!(answer.header("ratelimit").unwrap().starts_with("\"grant\";r=0;t="));
    let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=180).contains(&retry_after));
    assert!(client.get("shop", "/stock/v1/items").header("ratelimit").is_none(), "no limit, no header");
}

#[test]
fn a_swap_neither_forgives_nor_forgets() {
    let running = Running::start();
    storm(&running, "limited", "/stock/v1/items", 2, 10);
    running.gateway.swap(std::sync::Arc::new(fabric::snapshot(&running.upstream.address.to_string())));
    assert_eq!(running.client().get("limited", "/stock/v1/items").status, 429);
}

#[test]
fn an_interfaces_rate_is_shared() {
    let running = Running::start();
    let statuses = storm(&running, "shop", "/shared-stock/v1/items", 4, 5);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
    let answer = running.client().get("shop", "/shared-stock/v1/items");
    assert_eq!(answer.said(), (429, "FAB4041".to_owned()));
    // What the interface refused was given back to the grant: 100 less the 3 that passed, and this one is refused too.
    let passed = "{interface=\"shared-stock@1\",consumer=\"shop\",operation=\"list-items\",status=\"2xx\"} 3";
    assert!(running.gateway.metrics().contains(passed));
}

#[test]
fn no_more_in_hand_than_an_interface_bears() {
    let running = Running::start();
    let mut busy: Vec<_> = (0..2).map(|_| running.client()).collect();
    for client in &mut busy {
        client.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    }
    std::thread::sleep(Duration::from_millis(400));
    let answer = running.client().get("shop", "/narrow-stock/v1/items/1");
    assert_eq!(answer.said(), (503, "FAB4042".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    for client in &mut busy {
        assert_eq!(client.read().status, 200);
    }
    assert_eq!(running.client().get("shop", "/narrow-stock/v1/items/1").status, 200);
}

#[test]
fn a_place_is_held_until_the_answer_is_taken_and_given_back_by_who_left() {
    let running = Running::start();
    let mut slow: Vec<_> = (0..2).map(|_| running.client()).collect();
    for client in &mut slow {
        client.send(head("GET", "/narrow-stock/v1/stream/100000000", &[&authorization("shop")], 0));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.client().get("shop", "/narrow-stock/v1/items/1").status, 503);
    drop(slow);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.client().get("shop", "/narrow-stock/v1/items/1").status, 200);
}
