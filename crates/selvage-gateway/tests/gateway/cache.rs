//! Answers that are kept: given again as long as they are good, confirmed, asked for once, and within a bound.

mod changes;
mod hostile;
mod scope;

use std::time::{Duration, Instant};

use selvage_gateway::Snapshot;
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};

use super::client::{Answer, authorization};
use super::fabric::{access, try_compile};
use super::running::Running;

const MANIFESTS: &str = include_str!("data/cache.yaml");

fn fabric_of(manifests: &str, upstream: &str) -> Fabric {
    let mut sources = Sources::of("fabric.yaml", &manifests.replace("http://UPSTREAM", &format!("http://{upstream}")));
    sources.insert("contracts/kept.yaml", include_str!("data/kept.yaml"));
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

fn snapshot(upstream: &str) -> Snapshot {
    let fabric = fabric_of(MANIFESTS, upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

fn start() -> Running {
    Running::serving(snapshot, |_| {})
}

fn send(running: &Running, consumer: &str, method: &str, path: &str, headers: &[&str]) -> Answer {
    let authorization = authorization(consumer);
    let headers: Vec<&str> = headers.iter().copied().chain([authorization.as_str()]).collect();
    running.client().request(method, path, &headers, b"")
}

fn get(running: &Running, path: &str, headers: &[&str]) -> Answer {
    send(running, "shop", "GET", path, headers)
}

/// Which answer of the upstream it is.
fn number(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["answer"].as_u64().unwrap()
}

fn ask(running: &Running, path: &str) -> u64 {
    number(&get(running, path, &[]))
}

/// Where an answer says that it comes from.
fn from(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap_or_default()
}

/// What is told of an interface's answers in the metrics.
fn figure(running: &Running, name: &str, interface: &str, more: &str) -> u64 {
    let metrics = running.gateway.metrics();
    let start = format!("selvage_gateway_cache_{name}{{interface=\"{interface}\"{more}}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("{start}: {metrics}")).parse().unwrap()
}

const ITEM: &str = "/own/v1/items/keep-60-tag";

#[test]
fn an_answer_is_given_again_as_long_as_it_is_good() {
    let running = start();
    let first = get(&running, ITEM, &[]);
    assert!(from(&first).starts_with("selvage; fwd=uri-miss; fwd-status=200; stored; ttl="), "{}", from(&first));
    assert_eq!((first.header("age"), first.header("x-request-id")), (None, None), "what marks one request is not kept");
    let second = get(&running, ITEM, &[]);
    assert_eq!((second.status, number(&second)), (200, number(&first)));
    assert!(from(&second).starts_with("selvage; hit; ttl="), "{}", from(&second));
    let age: u64 = second.header("age").unwrap().parse().unwrap();
    assert!(age <= 1 && second.header("etag") == Some("\"v0\"") && second.header("content-type").is_some());
    assert!(second.header("correlation-id").is_some_and(|id| Some(id) != first.header("correlation-id")));
    assert_eq!(running.upstream.requests(), 1);
    assert_ne!(ask(&running, &format!("{ITEM}?page=2")), number(&first), "another query is another answer");
    let told = |from: &str| figure(&running, "answers_total", "own@1", &format!(",from=\"{from}\""));
    assert_eq!((told("kept"), told("asked"), told("confirmed"), told("passed")), (1, 2, 0, 0));
    assert_eq!(figure(&running, "entries", "own@1", ""), 2);
    let traffic = running.gateway.traffic();
    assert_eq!(traffic.interfaces[&"own@1".parse().unwrap()].requests, 3, "what is kept is counted like what is asked");
}

#[test]
fn an_answer_is_good_no_longer_than_it_says_or_its_interface() {
    let running = start();
    for path in ["/own/v1/items/keep-1", "/brief/v1/items/keep-60", "/own/v1/items/keep-1-tag"] {
        let before = running.upstream.requests();
        let first = ask(&running, path);
        assert_eq!(ask(&running, path), first, "{path}");
        std::thread::sleep(Duration::from_millis(1_100));
        let third = get(&running, path, &[]);
        assert_eq!(running.upstream.requests(), before + 2, "{path}");
        let confirmed = path.ends_with("tag");
        assert_eq!((number(&third) == first, from(&third).contains("fwd=stale")), (confirmed, true), "{path}");
    }
    assert_ne!(ask(&running, "/own/v1/items/keep-expired"), ask(&running, "/own/v1/items/keep-expired"));
}

#[test]
fn who_has_it_already_is_told_so() {
    let running = start();
    ask(&running, ITEM);
    let table = [
        ("If-None-Match: \"v0\"", 304),
        ("If-None-Match: W/\"v0\"", 304),
        ("If-None-Match: \"a\", \"v0\"", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"v1\"", 200),
        ("If-None-Match: v0", 200),
    ];
    for (header, status) in table {
        let answer = get(&running, ITEM, &[header]);
        assert_eq!((answer.status, answer.body.is_empty()), (status, status == 304), "{header}");
        assert_eq!((answer.header("etag"), answer.header("age").is_some()), (Some("\"v0\""), true), "{header}");
    }
    let dated = "/own/v1/items/keep-60-since";
    ask(&running, dated);
    let since = |day: &str| get(&running, dated, &[&format!("If-Modified-Since: {day} 2020 11:00:00 GMT")]).status;
    assert_eq!((since("Thu, 26 Nov"), since("Fri, 27 Nov"), since("Wed, 25 Nov")), (304, 304, 200));
    assert_eq!(running.upstream.requests(), 2);
    let head = send(&running, "shop", "HEAD", ITEM, &[]);
    assert_eq!((head.status, from(&head).starts_with("selvage; hit")), (200, true), "a HEAD is told of what a GET had");
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert_eq!((length, running.upstream.requests()), (get(&running, ITEM, &[]).body.len(), 2));
    // What is not kept yet is asked for as the caller does.
    let fresh = "/own/v1/items/keep-60-tag-first";
    assert_eq!(get(&running, fresh, &["If-None-Match: \"v0\""]).status, 304);
    assert_eq!(get(&running, fresh, &["If-None-Match: \"v7\""]).status, 200);
    assert!(from(&get(&running, fresh, &["If-None-Match: \"v0\""])).contains("; hit"));
}

#[test]
fn what_must_be_confirmed_is() {
    let running = start();
    let path = "/own/v1/items/keep-tag";
    let first = ask(&running, path);
    let second = get(&running, path, &[]);
    assert_eq!((number(&second), running.upstream.requests()), (first, 2), "the upstream said 304");
    assert!(from(&second).starts_with("selvage; fwd=stale; fwd-status=304"), "{}", from(&second));
    assert_eq!(get(&running, path, &["If-None-Match: \"v0\""]).status, 304);
    assert_eq!(figure(&running, "answers_total", "own@1", ",from=\"confirmed\""), 2);
    // What changed without Selvage is found out then.
    let other = super::client::Client::connect(running.upstream.address);
    let mut other = other;
    other.request("PUT", "/api/items/keep-tag", &[], b"");
    let third = get(&running, path, &["If-None-Match: \"v0\""]);
    assert_eq!((number(&third) > first, third.json()["version"].as_u64()), (true, Some(1)));
    // An upstream that confirms another answer than the one it was asked about.
    let path = "/own/v1/items/keep-tag-other";
    let first = ask(&running, path);
    let before = running.upstream.requests();
    let anew = get(&running, path, &[]);
    assert!(number(&anew) > first && from(&anew).contains("fwd-status=200; stored"), "{}", from(&anew));
    assert_eq!(running.upstream.requests(), before + 2, "it is asked for whole");
    // On an interface of one place, too: what is asked anew finds the place that the first question had.
    let path = "/weak/v1/items/keep-tag-other";
    assert!(ask(&running, path) < ask(&running, path));
    // One that confirms what nobody asked about, and goes on to.
    let path = "/own/v1/items/keep-tag-stuck";
    ask(&running, path);
    assert_eq!(get(&running, path, &[]).said(), (502, "FAB4052".to_owned()));
}

#[test]
fn who_waits_for_another_waits_no_longer_than_for_the_system() {
    let running = start();
    let path = "/timed/v1/items/keep-60-private-lazy";
    let (first, second) = std::thread::scope(|scope| {
        let asks = scope.spawn(|| get(&running, path, &[]).status);
        until_asked(&running);
        let waits = scope.spawn(|| get(&running, path, &[]).said());
        (asks.join().unwrap(), waits.join().unwrap())
    });
    // The answer to the first came when little of the second's time was left, and was none for others.
    assert_eq!((first, second), (200, (504, "FAB4051".to_owned())));
}

fn until_asked(running: &Running) {
    while running.upstream.requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn whoever_wants_a_kept_answer_or_none_is_no_failure() {
    let running = start();
    let only = "Cache-Control: only-if-cached";
    for path in ["/own/v1/items/keep-60", "/own/v1/items/keep-60?a=1"] {
        assert_eq!(get(&running, path, &[only]).said(), (504, "FAB4150".to_owned()));
    }
    let own = running.gateway.traffic().interfaces[&"own@1".parse().unwrap()].clone();
    assert_eq!((own.requests, own.refused, own.failed), (2, 0, 0), "it is the caller who wanted it so");
    assert!(!running.gateway.metrics().contains("code=\"FAB4150\""));
}

#[test]
fn all_kept_answers_of_a_node_are_bounded_together() {
    // The interfaces declare six times 16 MB and 16 KB: half of that is there.
    let half = Running::serving(snapshot, |config| config.max_kept = 48_008_000);
    for number in 0..40 {
        get(&half, &format!("/own/v1/items/keep-60?page={number}"), &[]);
    }
    let bytes = figure(&half, "bytes", "own@1", "");
    assert!((4_000..=8_100).contains(&bytes), "{bytes}");
    let none = Running::serving(snapshot, |config| config.max_kept = 0);
    assert_ne!(ask(&none, ITEM), ask(&none, ITEM), "it passes, and is not kept");
    assert!(none.gateway.metrics().contains("selvage_gateway_bodies_kept_bytes 0\n"));
}

#[test]
fn what_a_caller_says_about_kept_answers_counts() {
    let running = start();
    let first = ask(&running, ITEM);
    let wants = |header: &str| {
        let before = running.upstream.requests();
        let answer = get(&running, ITEM, &[header]);
        (answer.status, number(&answer) == first, running.upstream.requests() - before)
    };
    for asks in ["Cache-Control: no-cache", "Cache-Control: max-age=0, min-fresh=61", "Pragma: no-cache"] {
        assert_eq!(wants(asks), (200, true, 1), "{asks}: confirmed");
    }
    for takes in ["Cache-Control: max-age=50", "Cache-Control: only-if-cached", "Cache-Control: max-stale=9"] {
        assert_eq!(wants(takes), (200, true, 0), "{takes}");
    }
    assert_eq!(wants("Cache-Control: no-store"), (200, false, 1));
    assert_eq!(ask(&running, ITEM), first, "its own answer was not kept");
    let before = running.upstream.requests();
    for path in ["/own/v1/items/keep-60-none", "/plain/v1/items/keep-60"] {
        let answer = get(&running, path, &["Cache-Control: only-if-cached"]);
        let expected = if path.starts_with("/own") { (504, "FAB4150".to_owned()) } else { (200, String::new()) };
        assert_eq!(answer.said(), expected, "{path}: only where something may be kept at all");
    }
    assert_eq!(running.upstream.requests(), before + 1);
}

#[test]
fn what_may_not_be_kept_is_not() {
    let running = start();
    let never = ["60-private", "60-unstored", "60-cookie", "60-any", "nothing", "60-large", "60-large-chunked", "0"];
    for words in never {
        let path = format!("/own/v1/items/keep-{words}");
        let (first, second) = (get(&running, &path, &[]), get(&running, &path, &[]));
        assert_ne!(number(&first), number(&second), "{words}");
        assert!(!from(&second).contains("stored") && !from(&second).contains("hit"), "{words}: {}", from(&second));
        let filler = second.json()["filler"].as_str().unwrap().len();
        assert_eq!(filler, if words.contains("large") { 5_000 } else { 0 }, "{words}: it passes whole");
    }
    assert_eq!(figure(&running, "entries", "own@1", ""), 0);
    for path in ["/own/v1/items/missing", "/own/v1/items/1"] {
        let before = running.upstream.requests();
        let statuses = [get(&running, path, &[]).status, get(&running, path, &[]).status];
        assert_eq!((statuses[0], running.upstream.requests()), (statuses[1], before + 2), "{path}");
    }
    let plain = get(&running, "/plain/v1/items/keep-60", &[]);
    assert_ne!(ask(&running, "/plain/v1/items/keep-60"), number(&plain), "nothing is kept where nothing is declared");
    assert_eq!(plain.header("cache-status"), None);
    // These are.
    for words in ["60-chunked", "60-gone"] {
        let path = format!("/own/v1/items/keep-{words}");
        let (first, second) = (get(&running, &path, &[]), get(&running, &path, &[]));
        assert_eq!((first.status, first.body), (second.status, second.body), "{words}");
    }
}

#[test]
fn what_does_not_fit_its_contract_is_not_kept() {
    let running = start();
    let path = "/strict/v1/items/keep-60-public-unfit";
    for _ in 0..2 {
        assert_eq!(get(&running, path, &[]).said(), (502, "FAB4124".to_owned()));
    }
    assert_eq!((running.upstream.requests(), figure(&running, "entries", "strict@1", "")), (2, 0));
    let path = "/told/v1/items/keep-60-unfit";
    assert_ne!(get(&running, path, &[]).body, get(&running, path, &[]).body, "it passes, and is counted each time");
    let good = ask(&running, "/strict/v1/items/keep-60");
    assert_eq!(ask(&running, "/strict/v1/items/keep-60"), good);
}

#[test]
fn many_who_want_it_ask_once() {
    let running = start();
    let many = |path: &str, consumers: &[&str]| {
        let began = Instant::now();
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..12)
                .map(|one| {
                    let (consumer, running) = (consumers[one % consumers.len()], &running);
                    scope.spawn(move || number(&send(running, consumer, "GET", path, &[])))
                })
                .collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        (all.len(), began.elapsed())
    };
    assert_eq!(many("/same/v1/items/keep-60-public-slow", &["shop", "counted"]).0, 1);
    assert_eq!(running.upstream.requests(), 1);
    // Each grant has its own where an answer may not be shared, and nobody waits for what is not kept.
    assert_eq!(many("/own/v1/items/keep-60-slow", &["shop", "counted"]).0, 2);
    ask(&running, "/own/v1/items/keep-60-private-slow");
    let (answers, took) = many("/own/v1/items/keep-60-private-slow", &["shop"]);
    assert_eq!(answers, 12);
    assert!(took < Duration::from_millis(1_600), "{took:?}");
}

#[test]
fn what_is_confirmed_each_time_is_not_waited_for_one_after_the_other() {
    let running = start();
    for path in ["/own/v1/items/keep-tag-slow", "/own/v1/items/keep-60-tag-slow"] {
        let headers: &[&str] = if path.contains("60") { &["If-None-Match: \"v0\""] } else { &[] };
        for round in 0..2 {
            let began = Instant::now();
            std::thread::scope(|scope| {
                (0..12).for_each(|_| drop(scope.spawn(|| assert!(get(&running, path, headers).status < 400))));
            });
            assert!(began.elapsed() < Duration::from_millis(2_400), "{path} {round}: {:?}", began.elapsed());
        }
    }
}

#[test]
fn who_waits_is_answered_when_the_one_who_asks_goes_away_or_fails() {
    let running = start();
    let path = "/own/v1/items/keep-60-slow";
    let mut gone = running.client();
    gone.send(super::client::head("GET", path, &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(100));
    drop(gone);
    ask(&running, path);
    let path = "/own/v1/items/keep-60-slow-reset";
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(|| get(&running, path, &[]).status)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert_eq!(statuses, [502; 3]);
}

#[test]
fn what_is_kept_needs_no_place_and_is_given_while_the_system_is_left_alone() {
    let running = start();
    let kept = ask(&running, "/weak/v1/items/keep-60");
    let mut busy = running.client();
    busy.send(super::client::head("GET", "/weak/v1/items/slow", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(get(&running, "/weak/v1/items/1", &[]).said(), (503, "FAB4102".to_owned()), "it has one place");
    assert_eq!(ask(&running, "/weak/v1/items/keep-60"), kept);
    assert_eq!(busy.read().status, 200);
    for _ in 0..4 {
        get(&running, "/weak/v1/items/reset-now", &[]);
    }
    assert_eq!(get(&running, "/weak/v1/items/1", &[]).said(), (503, "FAB4103".to_owned()), "it is left alone");
    assert_eq!(ask(&running, "/weak/v1/items/keep-60"), kept);
}

#[test]
fn limits_count_what_is_kept_too() {
    let running = start();
    let path = "/brief/v1/items/keep-60";
    let statuses: Vec<u16> = (0..4).map(|_| send(&running, "counted", "GET", path, &[]).status).collect();
    assert_eq!((statuses.as_slice(), running.upstream.requests()), (&[200, 200, 200, 429][..], 1));
}

#[test]
fn where_no_answer_may_be_kept_none_is_looked_for_until_one_may() {
    let running = start();
    let told = |from: &str| figure(&running, "answers_total", "own@1", &format!(",from=\"{from}\""));
    let statuses: Vec<u16> = (0..80).map(|it| get(&running, &format!("/own/v1/items/{it}"), &[]).status).collect();
    assert_eq!(statuses, [200; 80]);
    let last = get(&running, "/own/v1/items/81", &[]);
    assert_eq!((from(&last), told("asked")), ("selvage; fwd=uri-miss; fwd-status=200", 81));
    assert_eq!(get(&running, ITEM, &["Cache-Control: only-if-cached"]).said(), (504, "FAB4150".to_owned()));
    // The first one that may be kept tells that answers may be; from the next on they are.
    let first = get(&running, ITEM, &[]);
    assert!(!from(&first).contains("stored"), "{}", from(&first));
    let second = ask(&running, ITEM);
    assert_ne!(second, number(&first));
    assert_eq!(ask(&running, ITEM), second);
    // What is kept is given however many others may not be.
    for it in 0..80 {
        get(&running, &format!("/own/v1/items/{it}"), &[]);
    }
    assert_eq!(ask(&running, ITEM), second);
    assert_eq!(told("kept"), 2);
}
