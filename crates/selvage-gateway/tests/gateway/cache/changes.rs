//! What is written is not hidden by what was read before: changes through Selvage forget what is kept, and what was on its
//! way meanwhile is not kept.

use super::*;
use crate::client::head;

fn version(running: &Running, consumer: &str, path: &str) -> u64 {
    send(running, consumer, "GET", path, &[]).json()["version"].as_u64().unwrap()
}

#[test]
fn a_change_is_seen_at_once_by_everyone() {
    let running = start();
    let item = "/own/v1/items/keep-60";
    // The place itself, however it is spelled and asked for; what it is a part of; its parts; and none beside it.
    let touched = [item, "/own/v1/items/keep-60?a=1", "/own/v1/items?keep-60", "/own/v1/items/keep-60/picture?keep-60"];
    let beside = ["/own/v1/items/keep-60-public", "/own/v1/sites/a/items?keep-60"];
    for spelling in [item, "/own/v1/items/keep%2D60", "/own/v1/items/KEEP-60"] {
        let numbers = |paths: &[&str], consumer: &str| -> Vec<u64> {
            paths.iter().map(|path| number(&send(&running, consumer, "GET", path, &[]))).collect()
        };
        let before = (numbers(&touched, "shop"), numbers(&touched, "counted"), numbers(&beside, "shop"));
        assert_eq!(numbers(&touched, "shop"), before.0);
        assert!(send(&running, "counted", "PUT", spelling, &[]).status < 500);
        let after = (numbers(&touched, "shop"), numbers(&touched, "counted"), numbers(&beside, "shop"));
        let anew = |before: &[u64], after: &[u64]| before.iter().zip(after).all(|(before, after)| before != after);
        assert!(anew(&before.0, &after.0) && anew(&before.1, &after.1), "{spelling}: {before:?} {after:?}");
        assert_eq!(before.2, after.2, "{spelling}");
    }
    let list = ask(&running, "/own/v1/items?keep-60");
    assert_eq!(send(&running, "shop", "POST", "/own/v1/items?keep-1", &[]).status, 200);
    assert_ne!(ask(&running, "/own/v1/items?keep-60"), list);
    let answer = send(&running, "shop", "POST", "/own/v1/items?keep-1", &[]);
    assert_eq!(from(&answer), "selvage; fwd=method");
}

#[test]
fn a_change_of_which_nobody_knows_what_came_counts_as_one() {
    let running = start();
    let path = "/own/v1/items/keep-60-tag";
    let reset = "/own/v1/items/keep-60-tag?keep-reset";
    assert_eq!(version(&running, "shop", path), 0);
    assert_eq!(send(&running, "shop", "PUT", reset, &[]).status, 502);
    assert_eq!(version(&running, "shop", path), 1);
    // Its caller goes away before it is over.
    let mut gone = running.client();
    gone.send(head("PUT", path, &[&authorization("shop")], 40));
    gone.send(b"half of it");
    std::thread::sleep(Duration::from_millis(100));
    drop(gone);
    std::thread::sleep(Duration::from_millis(200));
    // It may come yet, so nothing is kept of the place for a while, and of the places beside it as always.
    let told = |answer: Answer| from(&answer).contains("stored");
    assert!(!told(get(&running, path, &["X-Anew: 1"])) && told(get(&running, "/own/v1/items/keep-60", &[])));
}

#[test]
fn what_was_on_its_way_while_something_changed_is_not_kept() {
    let running = start();
    let path = "/own/v1/items/keep-60-slow";
    let mut reads = running.client();
    reads.send(head("GET", path, &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(send(&running, "shop", "PUT", path, &[]).status, 200);
    let old = reads.read();
    assert_eq!((old.json()["version"].as_u64(), from(&old).contains("stored")), (Some(0), false));
    assert_eq!(version(&running, "shop", path), 1, "who asks after the change sees it");
    assert_eq!(version(&running, "shop", path), 1);
    assert_eq!(running.upstream.requests(), 3);
}
