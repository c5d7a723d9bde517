//! Usage: written once whatever happens to the answer, rolled up without losing or doubling, kept for 15 months, and what a
//! node took with it is named.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use selvage_model::usage::{
    AttributeUse, PromiseCount, PromiseKey, PromiseRow, Promised, ShadowGroup, ShadowShape, UsageCount, UsageKey,
    UsageRow, Used, UsedIn, Way,
};

use super::both;
use super::stage::{Stage, tamper};
use crate::{NewNode, SignOfLife, Store, UsageBatch};

both!(
    a_batch_is_written_once,
    minutes_become_hours_and_days_and_go,
    what_a_node_took_with_it_is_named,
    a_node_that_was_given_up_writes_nothing_twice,
    shadows_and_last_uses_are_kept,
    promises_are_counted_by_environment_and_roll_up,
    what_nodes_ran_is_known_and_for_how_long,
    the_last_use_is_told_apart_by_environment,
);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key(consumer: &str, attribute: Option<&str>) -> UsageKey {
    UsageKey {
        interface: "inventory@2".parse().unwrap(),
        consumer: Some(consumer.parse().unwrap()),
        operation: "list".to_owned(),
        attribute: attribute.map(|name| AttributeUse { way: Way::Asked, attribute: name.to_owned() }),
    }
}

fn row(minute: &str, consumer: &str, requests: u64) -> UsageRow {
    UsageRow {
        minute: at(minute),
        key: key(consumer, None),
        count: UsageCount { requests, refused: 1, failed: 0, planned: 0 },
    }
}

fn batch(number: u64, rows: Vec<UsageRow>) -> UsageBatch {
    UsageBatch { number, covers_until: at("2026-11-26T10:00:00Z"), rows, ..UsageBatch::default() }
}

async fn promises_are_counted_by_environment_and_roll_up(stage: &Stage) {
    let store = stage.open().await;
    let promise = |hour: &str, promise, answers, kept| PromiseRow {
        hour: at(hour),
        key: PromiseKey { interface: "inventory@2".parse().unwrap(), promise },
        count: PromiseCount { answers, kept },
    };
    let under = Promised::Within(Duration::from_millis(250));
    let of = |number, environment: &str, promises| UsageBatch {
        environment: Some(environment.parse().unwrap()),
        promises,
        ..batch(number, Vec::new())
    };
    let first = of(1, "prod", vec![promise("2026-11-26T09:00:00Z", under, 5, 4)]);
    assert!(store.add_usage("node-a", &first).await.unwrap());
    assert!(!store.add_usage("node-a", &first).await.unwrap(), "its answer was lost, not the batch");
    let more = [promise("2026-11-26T09:00:00Z", under, 2, 2), promise("2026-11-26T10:00:00Z", Promised::Well, 9, 8)];
    store.add_usage("node-a", &of(2, "prod", more.to_vec())).await.unwrap();
    store.add_usage("node-b", &of(1, "test", vec![promise("2026-11-26T09:00:00Z", under, 1, 0)])).await.unwrap();
    let seen = async |from: &str, now: &str| {
        let found = store.promises_between(at(from), at("2026-11-26T11:00:00Z"), at(now)).await.unwrap();
        let mut found: Vec<_> = found
            .into_iter()
            .map(|(it, key, count)| (it.to_string(), key.promise, count.answers, count.kept))
            .collect();
        found.sort();
        found
    };
    let prod = |promise, answers, kept| ("prod".to_owned(), promise, answers, kept);
    let all = [prod(Promised::Well, 9, 8), prod(under, 7, 6), ("test".to_owned(), under, 1, 0)];
    assert_eq!(seen("2026-11-26T09:30:00Z", "2026-11-26T11:00:00Z").await, all);
    assert_eq!(seen("2026-11-26T10:30:00Z", "2026-11-26T11:00:00Z").await, all[..1]);
    // Two months later, by whole days; 15 months later, no more.
    store.roll_up_usage(at("2027-01-26T11:00:00Z")).await.unwrap();
    assert_eq!(seen("2026-11-26T10:30:00Z", "2027-01-26T11:00:00Z").await, all);
    store.roll_up_usage(at("2028-03-26T11:00:00Z")).await.unwrap();
    assert!(seen("2026-11-26T10:30:00Z", "2028-03-26T11:00:00Z").await.is_empty());
}

async fn what_nodes_ran_is_known_and_for_how_long(stage: &Stage) {
    let store = stage.open().await;
    let test = "test".parse().unwrap();
    assert!(store.runs_in(&test).await.unwrap().is_empty());
    let parts = |release: &str| BTreeMap::from([("group".parse().unwrap(), release.to_owned())]);
    store.note_runs(&test, &parts("rel_1")).await.unwrap();
    tamper(&store, "UPDATE release_run SET first_at = first_at - 20000000, last_at = last_at - 20000000").await;
    store.note_runs(&test, &parts("rel_1")).await.unwrap();
    let run = store.runs_in(&test).await.unwrap().remove(0);
    assert!(run.ran_for >= Duration::from_secs(20) && run.last > run.first, "{run:?}");
    // Nobody said a word for long: who knows.
    tamper(&store, "UPDATE release_run SET last_at = last_at - 900000000").await;
    store.note_runs(&test, &parts("rel_1")).await.unwrap();
    store.note_runs(&test, &parts("rel_2")).await.unwrap();
    let runs = store.runs_in(&test).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.release.as_str()).collect::<Vec<_>>(), ["rel_1", "rel_2"]);
    assert!(runs[0].ran_for < Duration::from_secs(800) && runs[1].ran_for.is_zero(), "{runs:?}");
    assert!(store.runs_in(&"prod".parse().unwrap()).await.unwrap().is_empty());
}

async fn the_last_use_is_told_apart_by_environment(stage: &Stage) {
    let store = stage.open().await;
    let of = |environment: Option<&str>, minute: &str| UsageBatch {
        environment: environment.map(|name| name.parse().unwrap()),
        ..batch(1, vec![row(minute, "mes-ghent", 1)])
    };
    let (old, early, late) = ("2026-11-24T09:00:00Z", "2026-11-25T09:00:12Z", "2026-11-26T09:00:12Z");
    store.add_usage("node-a", &of(Some("test"), late)).await.unwrap();
    store.add_usage("node-b", &of(Some("prod"), early)).await.unwrap();
    store.add_usage("node-c", &of(Some("test"), early)).await.unwrap();
    store.add_usage("node-d", &of(None, old)).await.unwrap();
    let used = async |since: &str| {
        let used = store.used_in_environments(at(since), at("2026-11-26T10:00:00Z")).await.unwrap();
        assert!(used.iter().all(|it| it.key == key("mes-ghent", None)), "{used:?}");
        let told = |it: UsedIn| (it.environment.map(|name| name.to_string()).unwrap_or_default(), it.last.to_string());
        used.into_iter().map(told).collect::<BTreeMap<String, String>>()
    };
    let last = [("", old), ("prod", "2026-11-25T09:00:00Z"), ("test", "2026-11-26T09:00:00Z")];
    let last = last.map(|(environment, at)| (environment.to_owned(), at.to_owned()));
    assert_eq!(used("2026-11-01T00:00:00Z").await, BTreeMap::from(last.clone()));
    assert_eq!(used("2026-11-26T08:00:00Z").await, BTreeMap::from([last[2].clone()]));
    store.roll_up_usage(at("2028-02-27T08:00:00Z")).await.unwrap();
    assert_eq!(used("2026-11-01T00:00:00Z").await, BTreeMap::from([last[2].clone()]));
}

async fn requests(store: &Store, since: &str, now: &str) -> u64 {
    let totals = store.usage_since(at(since), at(now)).await.unwrap();
    totals.iter().map(|total| total.count.requests).sum()
}

async fn a_batch_is_written_once(stage: &Stage) {
    let store = stage.open().await;
    let first =
        batch(1, vec![row("2026-11-26T09:59:12Z", "mes-ghent", 5), row("2026-11-26T09:59:40Z", "mes-ghent", 2)]);
    assert!(store.add_usage("node-a", &first).await.unwrap());
    assert!(!store.add_usage("node-a", &first).await.unwrap(), "its answer was lost, not the batch");
    assert!(store.add_usage("node-b", &first).await.unwrap(), "another node counts for itself");
    assert!(store.add_usage("node-a", &batch(2, vec![row("2026-11-26T09:59:59Z", "board", 1)])).await.unwrap());
    let totals = store.usage_since(at("2026-11-26T09:59:30Z"), at("2026-11-26T10:00:00Z")).await.unwrap();
    let mut seen: Vec<_> = totals.iter().map(|total| (total.key.consumer.clone().unwrap(), total.count)).collect();
    seen.sort_by_key(|(consumer, _)| consumer.to_string());
    let count = |requests, refused| UsageCount { requests, refused, failed: 0, planned: 0 };
    assert_eq!(seen, [("board".parse().unwrap(), count(1, 1)), ("mes-ghent".parse().unwrap(), count(14, 4))]);
    assert_eq!(totals[0].last, at("2026-11-26T09:59:00Z"));
    let course = store.usage_course(at("2026-11-26T09:00:00Z"), at("2026-11-26T10:00:00Z"), Duration::from_secs(3600));
    let course = course.await.unwrap();
    assert_eq!((course.len(), course[0].0, course[0].2.requests), (1, at("2026-11-26T09:00:00Z"), 15));
}

async fn minutes_become_hours_and_days_and_go(stage: &Stage) {
    let store = stage.open().await;
    let rows: Vec<_> = ["2026-11-26T08:01:00Z", "2026-11-26T08:59:00Z", "2026-11-26T09:00:00Z", "2026-11-27T09:00:00Z"]
        .map(|minute| row(minute, "mes-ghent", 10))
        .into();
    store.add_usage("node-a", &batch(1, rows)).await.unwrap();
    let long_ago = "2026-01-01T00:00:00Z";
    let mut now = at("2026-11-27T11:30:00Z");
    for _ in 0..3 {
        store.roll_up_usage(now).await.unwrap();
        assert_eq!(requests(&store, long_ago, "2026-11-27T11:30:00Z").await, 40);
    }
    // One that was late is added to the hour that is there already.
    store.add_usage("node-a", &batch(2, vec![row("2026-11-26T08:30:00Z", "mes-ghent", 2)])).await.unwrap();
    store.roll_up_usage(now).await.unwrap();
    let rows = store.usage_since(at(long_ago), now).await.unwrap();
    assert_eq!((rows.len(), rows[0].count), (1, UsageCount { requests: 42, refused: 5, failed: 0, planned: 0 }));
    let hourly = store.usage_course(at(long_ago), now, Duration::from_secs(60)).await.unwrap();
    let slots: Vec<_> = hourly.iter().map(|(slot, _, count)| (slot.to_string(), count.requests)).collect();
    let expected = [("2026-11-26T08:00:00Z", 22), ("2026-11-26T09:00:00Z", 10), ("2026-11-27T09:00:00Z", 10)];
    assert_eq!(slots, expected.map(|(slot, requests)| (slot.to_owned(), requests)));
    now = at("2027-01-20T00:00:00Z");
    store.roll_up_usage(now).await.unwrap();
    let daily = store.usage_course(at(long_ago), now, Duration::from_secs(60)).await.unwrap();
    assert_eq!(daily.iter().map(|(_, _, count)| count.requests).collect::<Vec<_>>(), [32, 10]);
    store.roll_up_usage(at("2028-02-01T00:00:00Z")).await.unwrap();
    assert_eq!(requests(&store, long_ago, "2028-02-01T00:00:00Z").await, 42, "for 15 months");
    store.roll_up_usage(at("2028-03-15T00:00:00Z")).await.unwrap();
    assert_eq!(requests(&store, long_ago, "2028-03-15T00:00:00Z").await, 0);
}

async fn what_a_node_took_with_it_is_named(stage: &Stage) {
    let store = stage.open().await;
    let sign = SignOfLife { revision: 0, lease: Duration::from_secs(5), serves_for: Duration::ZERO };
    for id in ["node-a", "node-b", "node-c"] {
        let node = NewNode { id: id.to_owned(), environment: "dev".to_owned(), address: "a:1".to_owned() };
        store.register_node(&node, sign).await.unwrap();
    }
    let now = Timestamp::now();
    let covered = UsageBatch { number: 1, covers_until: now - 10.seconds(), ..UsageBatch::default() };
    for id in ["node-a", "node-b", "node-c"] {
        store.add_usage(id, &covered).await.unwrap();
    }
    store.end_usage("node-b").await.unwrap();
    store.roll_up_usage(now + 9.minutes()).await.unwrap();
    assert_eq!(store.usage_gaps(now - 1.hour()).await.unwrap(), [], "they may be slow");
    // An hour later, none of them has said anything. Looking again changes nothing.
    for _ in 0..2 {
        store.roll_up_usage(now + 1.hour()).await.unwrap();
        let gaps = store.usage_gaps(now - 1.hour()).await.unwrap();
        let nodes: Vec<_> = gaps.iter().map(|gap| gap.node.as_str()).collect();
        assert_eq!(nodes, ["node-a", "node-c"], "one ended in order");
        // From what was written last until it was last known to live.
        for gap in &gaps {
            let (from, until) = (gap.from.as_microsecond(), gap.until.as_microsecond());
            assert_eq!(from, covered.covers_until.as_microsecond(), "{gap:?}");
            assert!((0..5_000_000).contains(&(until - now.as_microsecond())), "{gap:?}: its lease was of 5 s");
        }
    }
    // One of them was only slow, and writes what it counted.
    let late = UsageBatch { number: 2, covers_until: now, ..UsageBatch::default() };
    assert!(store.add_usage("node-a", &late).await.unwrap());
    let gaps = store.usage_gaps(now - 1.hour()).await.unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.node.as_str()).collect::<Vec<_>>(), ["node-c"]);
    // The other says at its end that nothing is missing.
    store.end_usage("node-c").await.unwrap();
    assert_eq!(store.usage_gaps(now - 1.hour()).await.unwrap(), []);
}

async fn a_node_that_was_given_up_writes_nothing_twice(stage: &Stage) {
    let store = stage.open().await;
    let first = batch(1, vec![row("2026-11-26T09:59:12Z", "mes-ghent", 5)]);
    assert!(store.add_usage("node-a", &first).await.unwrap());
    // Its answer is lost, and for an hour nothing is heard of the node.
    store.roll_up_usage(at("2026-11-26T11:00:00Z")).await.unwrap();
    assert!(!store.add_usage("node-a", &first).await.unwrap(), "it was written before the node was given up");
    let second = batch(2, vec![row("2026-11-26T10:30:00Z", "mes-ghent", 2)]);
    assert!(store.add_usage("node-a", &second).await.unwrap());
    assert_eq!(requests(&store, "2026-11-26T09:00:00Z", "2026-11-26T11:00:00Z").await, 7);
}

async fn shadows_and_last_uses_are_kept(stage: &Stage) {
    let store = stage.open().await;
    let group = |path: &str, requests, first: &str, last: &str| ShadowGroup {
        shape: ShadowShape { method: "GET".to_owned(), path: path.to_owned() },
        likely: Some("inventory@2".parse().unwrap()),
        requests,
        first: at(first),
        last: at(last),
    };
    let (morning, noon) = ("2026-11-26T08:00:00Z", "2026-11-26T12:00:00Z");
    let used = |at_: &str| vec![(Used::Grant("grt_1".to_owned()), at(at_)), (Used::Key("key_1".to_owned()), at(at_))];
    let first = UsageBatch {
        used: used(noon),
        shadows: vec![group("/inventory/v3/{number}", 5, morning, morning), group("/x", 1, morning, morning)],
        ..batch(1, Vec::new())
    };
    let second = UsageBatch {
        used: used(morning),
        shadows: vec![group("/inventory/v3/{number}", 2, noon, noon)],
        ..batch(2, Vec::new())
    };
    store.add_usage("node-a", &first).await.unwrap();
    store.add_usage("node-a", &second).await.unwrap();
    assert_eq!(store.last_used().await.unwrap().len(), 2);
    assert!(
        store.last_used().await.unwrap().iter().all(|(_, last)| *last == at(noon)),
        "the last, not the latest told"
    );
    let all = store.shadow_since(at(morning)).await.unwrap();
    assert_eq!(all[0], group("/inventory/v3/{number}", 7, morning, noon));
    assert_eq!(all.len(), 2);
    store.roll_up_usage(at(noon)).await.unwrap();
    assert_eq!(store.shadow_since(at(noon)).await.unwrap().len(), 1);
}
