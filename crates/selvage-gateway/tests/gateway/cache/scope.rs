//! Whose an answer is: what one grant shows is never given by another that shows less, or that is gone.

use std::sync::Arc;

use selvage_model::access::{AccessState, Block, Blocked};

use super::*;
use crate::client::head;

fn swap(running: &Running, manifests: &str, change: impl FnOnce(&mut AccessState)) {
    let fabric = fabric_of(manifests, &running.upstream.address.to_string());
    let mut changed = access(&fabric);
    changed.revision = 2;
    change(&mut changed);
    running.gateway.swap(Arc::new(try_compile(&fabric, &changed, "dev").unwrap()));
}

fn by(running: &Running, consumer: &str, path: &str) -> u64 {
    number(&send(running, consumer, "GET", path, &[]))
}

#[test]
fn each_grant_has_its_own_unless_interface_and_answer_say_that_all_are_the_same() {
    let running = start();
    for (path, is_shared) in [
        ("/own/v1/items/keep-60-public", false),
        ("/same/v1/items/keep-60", false),
        ("/same/v1/items/keep-60-public", true),
    ] {
        let shop = by(&running, "shop", path);
        assert_eq!(by(&running, "counted", path) == shop, is_shared, "{path}");
        assert_eq!(by(&running, "shop", path), shop, "{path}");
    }
}

#[test]
fn what_a_grant_leaves_out_is_in_no_kept_answer_of_it() {
    let running = start();
    let path = "/same/v1/items/keep-60-public";
    let whole = send(&running, "shop", "GET", path, &[]);
    assert_eq!(whole.json()["price"], "12.50");
    let without = send(&running, "supplier", "GET", path, &[]);
    assert_eq!((number(&without) != number(&whole), without.json().get("price")), (true, None));
    assert_eq!(by(&running, "dealer", path), number(&without), "a grant that shows the same");
    let again = send(&running, "supplier", "GET", path, &[]);
    assert!(from(&again).contains("; hit") && again.json().get("price").is_none());
    let length: usize = again.header("content-length").unwrap().parse().unwrap();
    assert_eq!((again.body.len(), running.upstream.requests()), (length, 2));
    assert_eq!(send(&running, "counted", "GET", path, &[]).json()["price"], "12.50");
    // What may not be asked for is refused, kept or not.
    assert_eq!(send(&running, "supplier", "GET", &format!("{path}?sort=price"), &[]).said().1, "FAB4127");
}

#[test]
fn grants_that_show_different_things_share_no_tag() {
    let running = start();
    let path = "/same/v1/items/keep-60-public-tag";
    let tag = |consumer: &str| send(&running, consumer, "GET", path, &[]).header("etag").unwrap().to_owned();
    let (whole, without) = (tag("shop"), tag("supplier"));
    assert!(whole == "\"v0\"" && without != whole && tag("dealer") == without, "{whole} {without}");
    let has =
        |consumer: &str, tag: &str| send(&running, consumer, "GET", path, &[&format!("If-None-Match: {tag}")]).status;
    assert_eq!((has("supplier", &without), has("supplier", &whole)), (304, 200), "of kept answers");
    // Of live ones, and by the system: it hears of its own tag.
    let path = "/same/v1/items/keep-tag";
    let has = |tag: &str| {
        let wants = [format!("If-None-Match: {tag}"), "Cache-Control: no-store".to_owned()];
        send(&running, "supplier", "GET", path, &wants.each_ref().map(String::as_str)).status
    };
    assert_eq!((has(&without), has(&whole), has("\"v1\"")), (304, 200, 200));
    let asked = send(&running, "supplier", "GET", "/same/v1/items/keep-head", &[&format!("If-Match: {without}")]);
    assert!(asked.text().contains("if-match: \\\"v0\\\""), "{}", asked.text());
    // What is kept is confirmed by the system's tag, and goes on with its own.
    let (first, second) = (by(&running, "supplier", path), send(&running, "supplier", "GET", path, &[]));
    assert_eq!((number(&second), second.header("etag")), (first, Some(without.as_str())));
    assert!(from(&second).contains("fwd-status=304"), "{}", from(&second));
    let dated = send(&running, "supplier", "GET", "/same/v1/items/keep-60-since", &[]);
    assert_eq!(dated.header("last-modified"), None, "a time cannot be told from another's");
}

#[test]
fn what_is_masked_for_one_grant_is_masked_in_what_it_is_given_again() {
    let running = start();
    let path = "/classed/v1/items/keep-60-public";
    for _ in 0..2 {
        assert_eq!(get(&running, path, &[]).json()["price"], "12.50");
        let masked = send(&running, "counted", "GET", path, &[]);
        assert_eq!((masked.status, masked.json()["price"].is_null()), (200, true));
        assert!(masked.header("selvage-masked").is_some_and(|places| places.contains("/price")));
    }
    assert_eq!(running.upstream.requests(), 2, "each is kept for those who are shown the same");
}

#[test]
fn rows_are_looked_at_before_anything_is_given() {
    let running = start();
    let (ghent, lyon) = ("/same/v1/sites/ghent/items?keep-60-public", "/same/v1/sites/lyon/items?keep-60-public");
    let kept = by(&running, "shop", lyon);
    assert_eq!(send(&running, "portal", "GET", lyon, &[]).said(), (403, "FAB4128".to_owned()));
    assert_eq!(by(&running, "shop", lyon), kept);
    let own = by(&running, "portal", ghent);
    assert_eq!(by(&running, "portal", ghent), own);
    assert_ne!(by(&running, "shop", ghent), own, "grants of other rows do not share");
}

#[test]
fn a_grant_that_changes_finds_nothing_that_it_does_not_show_any_more() {
    let running = start();
    let path = "/own/v1/items/keep-60";
    assert_eq!(get(&running, path, &[]).json()["price"], "12.50");
    swap(&running, MANIFESTS, |access| {
        let grants = access.grants.iter_mut().filter(|grant| grant.consumer.as_str() == "shop");
        grants.map(|it| Arc::make_mut(&mut it.terms)).for_each(|terms| terms.except = vec!["price".parse().unwrap()]);
    });
    let answer = get(&running, path, &[]);
    assert_eq!((answer.status, answer.json().get("price")), (200, None));
}

#[test]
fn whoever_is_revoked_ended_or_blocked_is_given_nothing_that_is_kept() {
    let running = start();
    let past = || Some("2026-01-01T00:00:00Z".parse().unwrap());
    let path = "/same/v1/items/keep-60-public";
    let kept = by(&running, "shop", path);
    let of_shop = |id: &str| id.ends_with("shop");
    swap(&running, MANIFESTS, |access| {
        access.credentials.iter_mut().filter(|key| of_shop(&key.id)).for_each(|key| key.revoked = past());
    });
    assert_eq!(get(&running, path, &[]).said(), (401, "FAB4012".to_owned()));
    swap(&running, MANIFESTS, |access| {
        access.grants.iter_mut().filter(|grant| grant.consumer.as_str() == "shop").for_each(|it| it.ended = past());
    });
    assert_eq!(get(&running, path, &[]).said(), (403, "FAB4022".to_owned()));
    assert_eq!(by(&running, "counted", path), kept, "the others go on");
    assert_eq!(send(&running, "stranger", "GET", path, &[]).status, 401);
    swap(&running, &MANIFESTS.replace("name: same\n", "name: same\n# the same\n"), |_| {});
    assert_eq!(by(&running, "shop", path), kept, "what was kept outlives snapshots that say the same of its interface");
    let (what, because) = (Blocked::Interface("same@1".parse().unwrap()), "it tells what it must not".to_owned());
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    swap(&running, MANIFESTS, |access| {
        access.blocks.push(Block { id: "blk_1".to_owned(), what, by: None, because, since });
    });
    assert_eq!(send(&running, "counted", "GET", path, &[]).status, 403);
    swap(&running, MANIFESTS, |_| {});
    assert_ne!(by(&running, "counted", path), kept, "a block forgets what was kept");
}

#[test]
fn what_is_taken_back_while_a_request_waits_is_not_given() {
    let running = start();
    let path = "/same/v1/items/keep-60-public-slow";
    let mut first = running.client();
    first.send(head("GET", path, &[&authorization("counted")], 0));
    std::thread::sleep(Duration::from_millis(100));
    let mut waits = running.client();
    waits.send(head("GET", path, &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(100));
    swap(&running, MANIFESTS, |access| {
        let of_shop = access.credentials.iter_mut().filter(|key| key.id.ends_with("shop"));
        of_shop.for_each(|key| key.revoked = Some("2026-01-01T00:00:00Z".parse().unwrap()));
    });
    assert_eq!(first.read().status, 200);
    assert_eq!(waits.read().said(), (403, "FAB4022".to_owned()));
    assert_eq!(running.upstream.requests(), 1);
}

#[test]
fn an_interface_that_changes_forgets_and_the_others_do_not() {
    let running = start();
    let paths = ["/own/v1/items/keep-60", "/same/v1/items/keep-60", "/told/v1/items/keep-60"];
    let before = paths.map(|path| ask(&running, path));
    swap(&running, &MANIFESTS.replace("cache: {size: 16KB, largest: 4KB}", "cache: {size: 20KB}"), |_| {});
    let after = paths.map(|path| ask(&running, path));
    assert_eq!([0, 1, 2].map(|place| before[place] == after[place]), [false, true, true]);
    let told = MANIFESTS.replace("validation: {request: report, response: report", "validation: {request: report");
    swap(&running, &told, |_| {});
    let last = paths.map(|path| ask(&running, path));
    assert_eq!([0, 1, 2].map(|place| last[place] == after[place]), [false, true, false]);
    let gone = MANIFESTS.replace("cache: {answers: same-for-all}\n---", "---");
    swap(&running, &gone, |_| {});
    assert_eq!(get(&running, paths[1], &[]).header("cache-status"), None);
    assert!(!running.gateway.metrics().contains("selvage_gateway_cache_bytes{interface=\"same@1\"}"));
    let retired = MANIFESTS.replacen(
        "name: own\ntype: api\nversion: 1.0\nowner: owners\nlifecycle: active",
        "name: own\ntype: api\nversion: 1.0\nowner: owners\nlifecycle: retired",
        1,
    );
    swap(&running, &retired, |_| {});
    assert_eq!(get(&running, paths[0], &[]).status, 410);
}

#[test]
fn an_explanation_tells_that_a_kept_answer_may_be_given() {
    let running = start();
    let explain = format!("Selvage-Explain: {}", crate::fabric::key("operator"));
    for (path, said) in [
        ("/own/v1/items/keep-60", "unless an answer is kept that this grant had"),
        ("/same/v1/items/keep-60", "unless an answer is kept that is the same for all"),
    ] {
        let answer = get(&running, path, &[&explain]);
        assert!(answer.header("selvage-explain").unwrap().contains(said), "{:?}", answer.header("selvage-explain"));
    }
    let plain = get(&running, "/plain/v1/items/keep-60", &[&explain]);
    assert!(!plain.header("selvage-explain").unwrap().contains("kept that"));
}
