//! What a node does with rights that end, and while it cannot hear whether they have. INVARIANT: REVOKED-NOW

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use selvage_model::access::{AccessState, Block, Blocked, EndAction, GrantTerms};

use super::client::{authorization, head};
use super::fabric::{self, access, compile_after};
use super::running::Running;

fn swap(running: &Running, change: impl FnOnce(&mut AccessState)) {
    let fabric = fabric::fabric(&running.upstream.address.to_string());
    let mut changed = access(&fabric);
    change(&mut changed);
    running.gateway.swap(Arc::new(compile_after(&fabric, &access(&fabric), &changed)));
}

fn end_grants(access: &mut AccessState) {
    access.grants.iter_mut().for_each(|grant| grant.ended = Some("2026-01-01T00:00:00Z".parse().unwrap()));
}

fn revoke_keys(access: &mut AccessState) {
    access.credentials.iter_mut().for_each(|key| key.revoked = Some("2026-01-01T00:00:00Z".parse().unwrap()));
}

fn block(what: Blocked) -> Block {
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    Block { id: "blk_1".to_owned(), what, by: None, because: "it floods".to_owned(), since }
}

#[test]
fn a_node_that_cannot_hear_serves_what_is_declared_and_for_so_long() {
    let running = Running::start();
    let asks = |path: &str| running.client().get("shop", path);
    let (declared, unsaid) = ("/narrow-stock/v1/items/1", "/stock/v1/items/1");
    assert_eq!((asks(declared).status, asks(unsaid).status), (200, 200), "nobody said that it should hear");
    running.gateway.heard(Instant::now() + Duration::from_secs(60));
    assert_eq!(asks(declared).status, 200);
    running.gateway.heard(Instant::now() - Duration::from_secs(5));
    let refused = asks(declared);
    assert_eq!(refused.said(), (503, "FAB4140".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(asks(unsaid).status, 200, "an hour where nothing is said");
    let metrics = running.admin().request("GET", "/metrics", &[], b"");
    let unheard = metrics.text().lines().find(|line| line.starts_with("selvage_gateway_access_unheard_seconds "));
    assert!(unheard.is_some_and(|line| !line.ends_with(" 0")), "{unheard:?}");
    // Whoever may not pass learns that all the same, and nothing else.
    assert_eq!(running.client().get("stranger", declared).said().1, "FAB4020");
    running.gateway.heard(Instant::now() + Duration::from_secs(60));
    assert_eq!(asks(declared).status, 200);
}

#[test]
fn blocks_are_stronger_than_grants_and_releases() {
    let running = Running::start();
    let said = |path: &str| running.client().get("shop", path).said();
    swap(&running, |access| access.blocks.push(block(Blocked::Consumer("shop".parse().unwrap()))));
    assert_eq!(said("/stock/v1/items/1"), (403, "FAB4141".to_owned()));
    assert_eq!(said("/orders/v1/orders"), (403, "FAB4141".to_owned()));
    assert_eq!(said("/operations/op_00000000000000000000000000000007"), (403, "FAB4141".to_owned()));
    let answer = running.client().get("shop", "/stock/v1/items/1");
    assert!(answer.json()["detail"].as_str().unwrap().contains("it floods"));
    swap(&running, |access| access.blocks.push(block(Blocked::Interface("stock@1".parse().unwrap()))));
    assert_eq!(said("/stock/v1/items/1"), (403, "FAB4004".to_owned()));
    assert_eq!(said("/orders/v1/orders").0, 200);
    swap(&running, |_| {});
    assert_eq!(said("/stock/v1/items/1").0, 200);
}

/// Changes of the access state, and whether they end what flows.
type Change = fn(&mut AccessState);

const CHANGES: [(Change, bool); 5] = [
    (end_grants, true),
    (revoke_keys, true),
    (|access| access.blocks.push(block(Blocked::Consumer("shop".parse().unwrap()))), true),
    (|access| access.blocks.push(block(Blocked::Interface("stock@1".parse().unwrap()))), true),
    (|access| access.revision = 7, false),
];

/// The terms of the shop's grants.
fn terms(access: &mut AccessState) -> impl Iterator<Item = &mut GrantTerms> {
    access
        .grants
        .iter_mut()
        .filter(|grant| grant.consumer.as_str() == "shop")
        .map(|grant| Arc::make_mut(&mut grant.terms))
}

/// What narrows a grant that stays, and what does not.
const NARROWED: [(Change, bool); 6] = [
    (|access| terms(access).for_each(|terms| terms.operations.retain(|name| !name.ends_with("-item"))), true),
    (
        |access| terms(access).for_each(|terms| terms.rows = vec![("site".parse().unwrap(), vec!["leipzig".into()])]),
        true,
    ),
    (|access| terms(access).for_each(|terms| terms.except = vec!["product".parse().unwrap()]), true),
    (|access| terms(access).for_each(|terms| terms.when = Some("time.hour >= 0".to_owned())), true),
    (|access| terms(access).for_each(|terms| terms.operations.retain(|name| name.ends_with("-item"))), false),
    (|access| terms(access).for_each(|terms| terms.rate = Some("1/day".parse().unwrap())), false),
];

/// A condition that is true of this minute alone, which ends in five to ten seconds.
fn until_the_minute_ends() -> String {
    loop {
        let now = Timestamp::now().as_second();
        if (50..55).contains(&now.rem_euclid(60)) {
            return format!("time.minute == {}", now.div_euclid(60).rem_euclid(60));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Takes up to a minute of waiting: that is what conditions tell apart.
#[test]
fn what_flows_is_cut_when_the_time_of_its_condition_is_over() {
    let running = Running::start();
    let when = until_the_minute_ends();
    swap(&running, |access| terms(access).for_each(|terms| terms.when = Some(when.clone())));
    let mut answer = running.client();
    answer.send(head("GET", "/stock/v1/items/linger", &[&authorization("shop")], 0));
    let began = Instant::now();
    assert!(answer.try_read(false).is_none());
    // The upstream would go on for half a minute.
    assert!((3..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(running.client().get("shop", "/stock/v1/items/1").said(), (403, "FAB4090".to_owned()));
}

/// INVARIANT: LIVE-LIFECYCLE
#[test]
fn an_answer_that_flows_is_cut_when_a_brownout_begins() {
    let running = Running::start();
    let now = Timestamp::now();
    let window = format!("brownouts: [{{from: \"{:.0}\", to: \"{:.0}\"}}]", now + 4.seconds(), now + 1.hours());
    let words = "name: stock\ntype: api\nversion: 1.0\nowner: owners\nlifecycle: ";
    let instead = format!("{words}deprecated\ndeprecation: {{since: 2026-09-01, sunset: 2099-01-01, {window}}}");
    let planned = fabric::saying(&running.upstream.address.to_string(), &format!("{words}active"), &instead);
    running.gateway.swap(Arc::new(planned));
    let mut answer = running.client();
    answer.send(head("GET", "/stock/v1/items/linger", &[&authorization("shop")], 0));
    let began = Instant::now();
    assert!(answer.try_read(false).is_none());
    // The upstream would go on for half a minute.
    assert!((2..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(running.client().get("shop", "/stock/v1/items/1").said(), (503, "FAB7153".to_owned()));
}

#[test]
fn an_answer_that_flows_is_cut_when_its_right_ends() {
    for (change, cuts) in CHANGES.into_iter().chain(NARROWED) {
        let running = Running::start();
        let mut client = running.client();
        client.send(head("GET", "/stock/v1/items/stall", &[&authorization("shop")], 0));
        std::thread::sleep(Duration::from_millis(1200));
        swap(&running, change);
        let began = Instant::now();
        // The head and half the body came; the rest would come never.
        assert!(client.try_read(false).is_none());
        assert_eq!(began.elapsed() < Duration::from_secs(2), cuts, "{:?}", began.elapsed());
    }
}

#[test]
fn an_upload_that_flows_is_cut_when_its_right_ends() {
    for (change, cuts) in CHANGES.into_iter().chain(NARROWED) {
        let running = Running::start();
        let mut client = running.client();
        client.send(head("PUT", "/narrow-stock/v1/items/1", &[&authorization("shop")], 100));
        client.send("half");
        std::thread::sleep(Duration::from_millis(1200));
        swap(&running, |access| {
            change(access);
            for block in &mut access.blocks {
                if matches!(block.what, Blocked::Interface(_)) {
                    block.what = Blocked::Interface("narrow-stock@1".parse().unwrap());
                }
            }
        });
        let began = Instant::now();
        let answer = client.try_read(false);
        assert_eq!(began.elapsed() < Duration::from_secs(2), cuts, "{:?} {answer:?}", began.elapsed());
        if cuts {
            assert_eq!(answer.unwrap().said(), (403, "FAB4022".to_owned()));
        }
    }
}

/// A write that trickles is no way around a revocation: it is asked again when its body is there.
#[test]
fn a_write_whose_right_ends_while_its_body_comes_is_not_done() {
    let [.., of_rows, of_attributes, of_condition, _, _] = NARROWED;
    for (change, ends) in [CHANGES[0], CHANGES[1], CHANGES[4], of_rows, of_attributes, of_condition] {
        let running = Running::start();
        let mut client = running.client();
        let headers = [&authorization("shop"), "Content-Type: application/json", "Idempotency-Key: k-1"];
        let body = r#"{"product": "BIK-1"}"#;
        client.send(head("POST", "/orders/v1/orders", &headers, body.len()));
        client.send(&body[..5]);
        std::thread::sleep(Duration::from_millis(100));
        swap(&running, change);
        client.send(&body[5..]);
        assert_eq!(client.read().said() == (403, "FAB4022".to_owned()), ends);
    }
}

/// Waiting for a place is no way around a revocation.
#[test]
fn a_write_whose_right_ends_while_it_waits_for_a_place_is_not_sent() {
    for (change, ends) in [CHANGES[0], CHANGES[1], CHANGES[4]] {
        for body in ["", "whole"] {
            let running = Running::limits(|config| config.threads = 1);
            let changed = Arc::new(fabric::limits_by(&running.upstream.address.to_string(), change));
            let (mut first, mut waiting) = (running.client(), running.client());
            let authorization = authorization("counted");
            first.send(head("GET", "/patient-stock/v1/items/pause", &[&authorization], 0));
            std::thread::sleep(Duration::from_millis(60));
            waiting.send(head("PUT", "/patient-stock/v1/items/1", &[&authorization], body.len()) + body);
            std::thread::sleep(Duration::from_millis(60));
            running.gateway.swap(changed);
            let answer = waiting.read();
            match ends {
                true => assert_eq!(answer.said(), (403, "FAB4022".to_owned()), "{body}"),
                false => assert_eq!(answer.status, 200, "{body}"),
            }
            assert_eq!(first.read().status, 200);
            assert_eq!(running.upstream.requests(), if ends { 1 } else { 2 }, "{body}");
        }
    }
}

/// A grant that opens more than it did opens what flows, too.
#[test]
fn a_stream_goes_on_when_its_grant_is_widened() {
    let running = Running::start();
    let narrow: Change = |access| {
        terms(access).for_each(|terms| {
            terms.rows = Vec::new();
            terms.when = Some("time.hour >= 0".to_owned());
            terms.until = Some(Timestamp::now() + Duration::from_secs(2));
        });
    };
    swap(&running, narrow);
    let mut client = running.client();
    client.send(head("GET", "/stock/v1/items/stall", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(1200));
    swap(&running, |_| {});
    let began = Instant::now();
    assert!(client.try_read(false).is_none());
    assert!(began.elapsed() > Duration::from_secs(2), "neither by its condition nor by its end of before");
}

/// Whoever holds two grants that open the same loses nothing with one of them.
#[test]
fn a_stream_goes_on_by_another_grant_that_opens_as_much() {
    fn renewed(access: &mut AccessState) {
        let mut others = access.grants.clone();
        others.iter_mut().for_each(|grant| grant.id.push_str("_renewed"));
        end_grants(access);
        access.grants.extend(others);
    }
    let narrower: Change = |access| {
        renewed(access);
        terms(access).for_each(|terms| terms.except = vec!["product".parse().unwrap()]);
    };
    for (change, cuts) in [(renewed as Change, false), (narrower, true)] {
        let running = Running::start();
        let mut client = running.client();
        client.send(head("GET", "/stock/v1/items/stall", &[&authorization("shop")], 0));
        std::thread::sleep(Duration::from_millis(1200));
        swap(&running, change);
        let began = Instant::now();
        assert!(client.try_read(false).is_none());
        assert_eq!(began.elapsed() < Duration::from_secs(2), cuts, "{:?}", began.elapsed());
    }
}

#[test]
fn a_stream_ends_with_the_time_of_its_key_or_its_grant() {
    fn soon() -> Option<Timestamp> {
        Some(Timestamp::now() + Duration::from_secs(2))
    }
    let ends: [(Change, bool); 3] = [
        (|access| access.credentials.iter_mut().for_each(|key| key.expires = soon()), true),
        (|access| terms(access).for_each(|terms| terms.until = soon()), true),
        // Where it goes on with an alarm, time alone ends nothing.
        (|access| terms(access).for_each(|terms| (terms.until, terms.on_end) = (soon(), EndAction::Alarm)), false),
    ];
    for (place, (change, cuts)) in ends.into_iter().enumerate() {
        let running = Running::start();
        swap(&running, change);
        let mut client = running.client();
        client.send(head("GET", "/stock/v1/items/stall", &[&authorization("shop")], 0));
        let began = Instant::now();
        assert!(client.try_read(false).is_none());
        assert_eq!(began.elapsed() < Duration::from_secs(4), cuts, "{place}: {:?}", began.elapsed());
    }
}

/// What is not served while nobody can be heard of does not flow on either.
#[test]
fn a_stream_ends_where_changes_may_have_been_missed_for_too_long() {
    for (path, cuts) in [("/narrow-stock/v1/items/stall", true), ("/stock/v1/items/stall", false)] {
        let running = Running::start();
        let mut client = running.client();
        client.send(head("GET", path, &[&authorization("shop")], 0));
        std::thread::sleep(Duration::from_millis(1200));
        running.gateway.heard(Instant::now() - Duration::from_secs(5));
        let began = Instant::now();
        assert!(client.try_read(false).is_none());
        assert_eq!(began.elapsed() < Duration::from_secs(2), cuts, "{path}: {:?}", began.elapsed());
    }
}

/// An answer that is long in coming is no way around a revocation either; what a write did is told all the same.
#[test]
fn an_answer_that_was_long_in_coming_is_given_by_the_right_of_then() {
    let path = "/narrow-stock/v1/items/slow";
    for (method, change, code) in [
        ("GET", CHANGES[0].0, Some("FAB4022")),
        ("GET", CHANGES[1].0, Some("FAB4022")),
        ("GET", CHANGES[4].0, None),
        ("PUT", CHANGES[0].0, None),
    ] {
        let running = Running::start();
        let mut client = running.client();
        client.send(head(method, path, &[&authorization("shop")], 0));
        std::thread::sleep(Duration::from_millis(300));
        swap(&running, change);
        let answer = client.read();
        match code {
            Some(code) => assert_eq!(answer.said(), (403, code.to_owned()), "{method}"),
            None => assert_eq!(answer.status, 200, "{method}"),
        }
    }
    // As if the process had stood still: nothing is known of what happened meanwhile.
    let running = Running::start();
    let mut client = running.client();
    client.send(head("GET", path, &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(300));
    running.gateway.heard(Instant::now() - Duration::from_secs(5));
    assert_eq!(client.read().said(), (503, "FAB4140".to_owned()));
}
