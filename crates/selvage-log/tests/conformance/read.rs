//! Reading: from any position, in batches, without a hole; waiting for what comes next, whoever appends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_log::{Edge, ReadLimit, last_before};
use selvage_model::code;
use selvage_model::event::{NewRecord, Position};

use crate::stage::Stage;
use crate::{every, ids, orders, read_all, record, records};

every!(
    a_stream_is_read_in_batches,
    a_batch_is_bounded_by_bytes_and_is_never_empty,
    who_waits_is_woken,
    who_waits_hears_of_what_another_node_appended,
    an_event_is_found_by_its_id,
    a_position_ahead_of_the_log_is_told,
    reading_goes_on_while_others_append,
    what_came_before_a_moment_is_found,
);

async fn a_stream_is_read_in_batches(stage: &Stage) {
    let log = stage.log().await;
    let new = records(0..250);
    log.append(&orders(), new.clone()).await.unwrap();
    let mut after = Position::START;
    let mut read = Vec::new();
    loop {
        let batch = log.read(&orders(), after, ReadLimit { records: 40, bytes: usize::MAX }).await.unwrap();
        assert_eq!(batch.head, Position::new(1, 250).unwrap());
        let Some(last) = batch.records.last() else { break };
        assert!(batch.records.len() <= 40);
        after = last.position;
        read.extend(batch.records);
    }
    assert_eq!(read.len(), 250);
    for (read, new) in read.iter().zip(&new) {
        assert_eq!((&read.id, &read.lane, &read.body), (&new.id, &new.lane, &new.body));
    }
    assert_eq!(ids(&read_all(&*log, &orders(), Position::new(1, 248).unwrap()).await), ["e-248", "e-249"]);
}

async fn a_batch_is_bounded_by_bytes_and_is_never_empty(stage: &Stage) {
    let log = stage.log().await;
    let large = |id: &str| NewRecord { body: vec![b'x'; 100_000], ..record(id, "one") };
    log.append(&orders(), vec![large("a"), large("b"), large("c"), record("d", "one")]).await.unwrap();
    let read = |after: u64, bytes| {
        let log = Arc::clone(&log);
        async move {
            let after = Position::new(1, after).unwrap();
            let batch = log.read(&orders(), after, ReadLimit { records: 100, bytes }).await.unwrap();
            ids(&batch.records).join(" ")
        }
    };
    assert_eq!(read(0, 1).await, "a");
    assert_eq!(read(0, 150_000).await, "a b");
    assert_eq!(read(2, 1_000_000).await, "c d");
}

async fn who_waits_is_woken(stage: &Stage) {
    let log = stage.log().await;
    let waits = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { (log.wait(&orders(), Position::START).await.unwrap(), Instant::now()) })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waits.is_finished());
    log.append(&orders(), records(0..2)).await.unwrap();
    let appended = Instant::now();
    let (head, woken) = waits.await.unwrap();
    assert_eq!(head, Position::new(1, 2).unwrap());
    assert!(woken.saturating_duration_since(appended) < Duration::from_millis(100));
    // What is there is not waited for.
    assert_eq!(log.wait(&orders(), Position::START).await.unwrap(), head);
}

async fn who_waits_hears_of_what_another_node_appended(stage: &Stage) {
    let (log, other) = (stage.log().await, stage.log().await);
    let waits = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(&orders(), Position::START).await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    other.append(&orders(), records(0..1)).await.unwrap();
    let head = tokio::time::timeout(Duration::from_secs(2), waits).await.unwrap().unwrap();
    assert_eq!(head, Position::new(1, 1).unwrap());
}

async fn an_event_is_found_by_its_id(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..20)).await.unwrap();
    let found = log.find(&orders(), &"e-7".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((found.position, found.lane.as_str()), (Position::new(1, 8).unwrap(), "wo-0"));
    assert_eq!(log.find(&orders(), &"e-20".parse().unwrap()).await.unwrap(), None);
}

async fn a_position_ahead_of_the_log_is_told(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..3)).await.unwrap();
    for (epoch, offset, ahead) in [(1, 3, false), (1, 4, true), (2, 1, true)] {
        let after = Position::new(epoch, offset).unwrap();
        let read = log.read(&orders(), after, crate::ALL).await;
        assert_eq!(read.as_ref().err().map(|error| error.code()), ahead.then_some(code::POSITION_AHEAD), "{after}");
    }
}

async fn reading_goes_on_while_others_append(stage: &Stage) {
    let (log, other) = (stage.log().await, stage.log().await);
    let appending = tokio::spawn(async move {
        for number in 0..60 {
            other.append(&orders(), records(number * 5..number * 5 + 5)).await.unwrap();
        }
    });
    let mut after = Position::START;
    let mut seen = 0;
    while seen < 300 {
        let waited = tokio::time::timeout(Duration::from_secs(10), log.wait(&orders(), after)).await;
        waited.expect("nothing came").unwrap();
        for record in log.read(&orders(), after, crate::ALL).await.unwrap().records {
            assert_eq!(record.id.as_str(), format!("e-{seen}"));
            seen += 1;
            after = record.position;
        }
    }
    appending.await.unwrap();
}

async fn what_came_before_a_moment_is_found(stage: &Stage) {
    let log = stage.log().await;
    let before = async |moment| last_before(&*log, &orders(), moment).await.unwrap();
    assert_eq!(before(Timestamp::MAX).await, Position::START, "there is nothing");
    for batch in 0..4 {
        log.append(&orders(), records(batch * 25..batch * 25 + 25)).await.unwrap();
        // The batches come at moments of their own, whatever the clock's grain.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = read_all(&*log, &orders(), Position::START).await;
    for moment in all.iter().map(|record| record.appended_at).chain([Timestamp::MIN, Timestamp::MAX]) {
        let last = all.iter().rev().find(|record| record.appended_at < moment);
        assert_eq!(before(moment).await, last.map_or(Position::START, |last| last.position), "{moment}");
    }
    let moment = all[60].appended_at;
    let (begins, ends) = (Edge::Moment(moment), Edge::At(all[70].position));
    let first = begins.begins_after(&*log, &orders()).await.unwrap();
    assert!(all.iter().all(|record| (record.appended_at >= moment) == (record.position > first)));
    assert_eq!(ends.ends_with(&*log, &orders()).await.unwrap(), all[70].position);
    assert_eq!(ends.begins_after(&*log, &orders()).await.unwrap(), all[69].position);
}
