//! Deliveries keep to what their grant lets through, wait for a secret that is gone, and say so; and what arrived is kept.

use std::time::{Duration, Instant};

use jiff::{Timestamp, Unit};
use reqwest::Method;
use serde_json::{Value, json};

use crate::deliveries::{LANES, Operator, Receiver, append, place, run};
use crate::fixture::{Place, eventually};
use crate::two_nodes::database;

const LABEL: &str = "mes-ghent/order-facts-v1";
const UNTIL: &str = "until: 2028-06-30T18:00+02:00\n";

/// What a node says for this subscription by a metric of this name, whatever its other labels.
async fn metric(metrics: &str, name: &str) -> Option<String> {
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let of = format!("selvage_delivery_{name}{{subscription=\"{LABEL}\"");
    text.lines().find(|line| line.starts_with(&of)).map(str::to_owned)
}

fn arrived(receiver: &Receiver) -> usize {
    LANES.iter().map(|lane| receiver.of(lane).len()).sum()
}

/// A test that counts in windows of an hour does not begin just before one ends.
async fn away_from_the_full_hour() {
    let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    if now.minute() == 59 {
        let next = now.round((Unit::Hour, 1)).unwrap();
        tokio::time::sleep(Duration::try_from(next.timestamp().duration_since(Timestamp::now())).unwrap()).await;
    }
}

/// What is told to an operator, once the node knows of them.
async fn listed(operator: &Operator, path: &str) -> Value {
    eventually("the node knows the operator", || async {
        let (status, told) = operator.ask(Method::GET, path, None).await;
        (status == 200).then_some(told)
    })
    .await
}

fn limit(place: &Place, limits: &str) {
    place.edit("deliveries.yaml", UNTIL, &format!("{UNTIL}limits: {{{limits}}}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_the_grant_holds_deliveries_and_nothing_is_lost_or_parked() {
    away_from_the_full_hour().await;
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    limit(&place, "quota: 5/hour");
    let node = place.serve(&place.data(), &["--watch"]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..3).await;
    eventually("it says that it waits", || async {
        let list = run(&place, &["subscriptions", "list"]);
        (list.contains("waiting: quota used up") && list.contains("5 in each hour")).then_some(())
    })
    .await;
    // It may say so while the last of them is under way.
    eventually("what the quota allows arrives", || async { (arrived(&receiver) == 5).then_some(()) }).await;
    let waits = eventually("the metric says so", || metric(&node.metrics, "waiting")).await;
    assert!(waits.ends_with("for=\"quota\"} 1"), "{waits}");
    let operator = Operator::new(&place, &node);
    let listed = listed(&operator, "/subscriptions?consumer=mes-ghent").await;
    let it = &listed["items"][0];
    assert_eq!((&it["state"], &it["waits_for"]), (&json!("active"), &json!("quota")), "{listed:#}");
    assert!(run(&place, &["lanes"]).starts_with("none") && run(&place, &["dead-letters", "list"]).starts_with("none"));

    // A node that ends and comes back begins no quota anew.
    drop(node);
    let node = place.serve(&place.data(), &["--watch"]);
    eventually("it waits again", || metric(&node.metrics, "waiting")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(arrived(&receiver), 5);

    // More is granted, also within the window.
    place.edit("deliveries.yaml", "quota: 5/hour", "quota: 500/hour");
    eventually("everything arrives", || async { (arrived(&receiver) == 12).then_some(()) }).await;
    for lane in LANES {
        assert_eq!(receiver.of(lane), [0, 1, 2], "in order");
    }
    eventually("it waits no more", || async {
        let list = run(&place, &["subscriptions", "list"]);
        (list.contains("active") && metric(&node.metrics, "waiting").await.is_none()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_subscriptions_on_two_nodes_share_the_quota_and_the_rate_of_their_grant() {
    away_from_the_full_hour().await;
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    limit(&place, "quota: 60/hour, rate: 20/s");
    let path = place.fabric().join("deliveries.yaml");
    let declared = std::fs::read_to_string(&path).unwrap();
    let (_, subscription) = declared.rsplit_once("---\n").unwrap();
    let others =
        (2..=6).map(|number| subscription.replace("from: oldest", &format!("name: copy-{number}\nfrom: oldest")));
    let all: Vec<String> = [declared.clone()].into_iter().chain(others).collect();
    std::fs::write(&path, all.join("---\n")).unwrap();
    let store = database().await;
    let _nodes = [place.serve(&store, &["--lease", "2s"]), place.serve(&store, &["--lease", "2s"])];
    let begun = Instant::now();
    // Six subscriptions to four lanes of five: 120 messages.
    append(&store[1], 0..5).await;
    let came = || {
        let taken = receiver.taken.lock().unwrap();
        taken.lanes.values().map(Vec::len).sum::<usize>()
    };
    // Slices of nodes that wait for each other may leave some of it, but never exceed it.
    eventually("most of the quota has arrived", || async { (came() >= 50).then_some(()) }).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1_200), "at 20 in a second, and one second's worth ahead: {took:?}");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(came() <= 60, "{}", came());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_whose_secret_is_gone_says_that_it_waits() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    append(&url, 0..1).await;
    eventually("it is delivered", || async { (arrived(&receiver) == 4).then_some(()) }).await;
    let secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    let without: Vec<&str> = secrets.lines().filter(|line| !line.starts_with("board/hooks")).collect();
    std::fs::write(place.path("secrets"), without.join("\n") + "\n").unwrap();
    drop(node);
    let node = place.serve(&place.data(), &[]);
    append(&url, 1..2).await;
    let list = eventually("it says that it waits", || async {
        Some(run(&place, &["subscriptions", "list"])).filter(|list| list.contains("waiting: secret missing"))
    })
    .await;
    assert!(list.contains("board/hooks") && !list.contains("active"), "{list}");
    let shown = run(&place, &["subscriptions", "show", LABEL]);
    assert!(shown.contains("waiting: secret missing") && shown.contains("`board/hooks` is not there"), "{shown}");
    let waits = eventually("the metric says so", || metric(&node.metrics, "waiting")).await;
    assert!(waits.ends_with("for=\"secret\"} 1"), "{waits}");
    let operator = Operator::new(&place, &node);
    let listed = listed(&operator, "/subscriptions").await;
    assert_eq!(listed["items"][0]["waits_for"], "secret", "{listed:#}");
    assert_eq!(arrived(&receiver), 4, "nothing is sent unsigned");

    drop(node);
    std::fs::write(place.path("secrets"), secrets).unwrap();
    let _node = place.serve(&place.data(), &[]);
    eventually("it goes on", || async { (arrived(&receiver) == 8).then_some(()) }).await;
    eventually("and says so", || async { run(&place, &["subscriptions", "list"]).contains("active").then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_is_kept_with_when_it_was_its_status_and_how_often_it_was_sent() {
    let receiver = Receiver::start();
    receiver.answers(|lane| if lane == "wo-1" { 503 } else { 200 });
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..2).await;
    eventually("the others arrive", || async { (arrived(&receiver) == 6).then_some(()) }).await;
    eventually("the lane is tried again", || async { run(&place, &["lanes"]).contains("wo-1").then_some(()) }).await;
    receiver.answers(|_| 200);
    eventually("everything arrives", || async { (arrived(&receiver) == 8).then_some(()) }).await;
    let operator = Operator::new(&place, &node);
    let listed = listed(&operator, "/subscriptions").await;
    let id = listed["items"][0]["id"].as_str().unwrap();
    let detail = eventually("all of it is kept", || async {
        let (_, detail) = operator.ask(Method::GET, &format!("/subscriptions/{id}"), None).await;
        Some(detail).filter(|detail| detail["deliveries"].as_array().is_some_and(|all| all.len() == 8))
    })
    .await;
    let of = |position: &str| {
        let all = detail["deliveries"].as_array().unwrap();
        all.iter().find(|one| one["position"] == position).unwrap_or_else(|| panic!("{detail:#}")).clone()
    };
    assert_eq!((&of("1-2")["attempts"], &of("1-2")["status"]), (&json!(1), &json!(200)));
    assert!(of("1-1")["attempts"].as_u64().unwrap() > 1, "{detail:#}");
    let shown = run(&place, &["subscriptions", "show", LABEL]);
    assert!(shown.contains("1-2 200") && shown.contains("at once") && shown.contains("sends"), "{shown}");
    let event = run(&place, &["events", "show", "order-facts@1", "1-2"]);
    assert!(event.contains(LABEL) && event.contains("delivered"), "{event}");
    let event: Value =
        serde_json::from_str(&run(&place, &["events", "show", "order-facts@1", "1-1", "--json"])).unwrap();
    let sends = event["deliveries"].as_array().unwrap();
    assert_eq!((&sends[0]["number"], &sends[0]["status"]), (&json!(1), &json!(503)), "{event:#}");
    assert_eq!(sends.last().unwrap()["status"], 200, "{event:#}");
    let (status, told) = operator.ask(Method::GET, "/events/order-facts@1/1-1/deliveries", None).await;
    assert_eq!((status, &told["items"]), (200, &event["deliveries"]), "{told:#}");
}
