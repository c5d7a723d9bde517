//! Appending: durable, whole, each id once, however many ask at once.

use std::sync::Arc;

use selvage_model::code;
use selvage_model::event::{MOST_BODY, MOST_RECORDS, NewRecord, Position};

use crate::stage::Stage;
use crate::{every, orders, read_all, record, records};

every!(
    positions_follow_one_another,
    an_id_is_appended_once,
    an_id_within_one_batch_is_appended_once,
    an_id_that_fifty_append_at_once_is_there_once,
    streams_do_not_share_ids_or_positions,
    what_is_too_large_is_refused_and_the_rest_goes_on,
    an_event_of_the_largest_size_is_taken,
    an_append_of_nothing_is_nothing,
    an_unopened_stream_is_named,
    what_was_acknowledged_is_there_when_opened_again,
    after_its_end_nothing_is_taken,
);

async fn positions_follow_one_another(stage: &Stage) {
    let log = stage.log().await;
    let first = log.append(&orders(), records(0..3)).await.unwrap();
    let second = log.append(&orders(), records(3..5)).await.unwrap();
    let positions: Vec<Position> = first.iter().chain(&second).map(|appended| appended.position).collect();
    let expected: Vec<Position> = (1..=5).map(|offset| Position::new(1, offset).unwrap()).collect();
    assert_eq!(positions, expected);
    assert!(first.iter().chain(&second).all(|appended| !appended.known));
}

async fn an_id_is_appended_once(stage: &Stage) {
    let log = stage.log().await;
    let first = log.append(&orders(), records(0..40)).await.unwrap();
    let again = log.append(&orders(), records(20..60)).await.unwrap();
    for (number, appended) in again.iter().enumerate() {
        assert_eq!(appended.known, number < 20, "{number}");
    }
    assert_eq!(again[0].position, first[20].position);
    assert_eq!(again[20].position, Position::new(1, 41).unwrap());
    let other = stage.log().await.append(&orders(), records(0..60)).await.unwrap();
    assert!(other.iter().all(|appended| appended.known));
    assert_eq!(read_all(&*log, &orders(), Position::START).await.len(), 60);
}

async fn an_id_within_one_batch_is_appended_once(stage: &Stage) {
    let log = stage.log().await;
    let batch = vec![record("a", "one"), record("b", "one"), record("a", "two")];
    let appended = log.append(&orders(), batch).await.unwrap();
    assert_eq!(appended[2].position, appended[0].position);
    assert!(appended[2].known);
    assert_eq!(read_all(&*log, &orders(), Position::START).await.len(), 2);
}

async fn an_id_that_fifty_append_at_once_is_there_once(stage: &Stage) {
    let logs = [stage.log().await, stage.log().await];
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let log = Arc::clone(&logs[number % 2]);
            tokio::spawn(async move { log.append(&orders(), vec![record("same", "one")]).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        let appended = task.await.unwrap();
        assert_eq!(appended[0].position, Position::new(1, 1).unwrap());
        new += usize::from(!appended[0].known);
    }
    assert_eq!(new, 1);
}

async fn streams_do_not_share_ids_or_positions(stage: &Stage) {
    let log = stage.log().await;
    let stock = "stock-events@2".parse().unwrap();
    log.open(&stock).await.unwrap();
    log.append(&orders(), records(0..5)).await.unwrap();
    let appended = log.append(&stock, records(0..2)).await.unwrap();
    assert!(appended.iter().all(|appended| !appended.known));
    assert_eq!(appended[1].position, Position::new(1, 2).unwrap());
    assert_eq!(read_all(&*log, &stock, Position::START).await.len(), 2);
}

async fn what_is_too_large_is_refused_and_the_rest_goes_on(stage: &Stage) {
    let log = stage.log().await;
    let huge = NewRecord { body: vec![b'x'; MOST_BODY + 1], ..record("huge", "one") };
    let refused = log.append(&orders(), vec![record("a", "one"), huge]).await.unwrap_err();
    assert_eq!(refused.code(), code::EVENT_UNFIT);
    assert!(refused.to_string().contains("`huge` has 1000001 bytes"), "{refused}");
    let refused = log.append(&orders(), records(0..MOST_RECORDS + 1)).await.unwrap_err();
    assert_eq!(refused.code(), code::EVENT_UNFIT);
    let appended = log.append(&orders(), records(0..MOST_RECORDS)).await.unwrap();
    assert_eq!(appended[0].position, Position::new(1, 1).unwrap());
    assert_eq!(read_all(&*log, &orders(), Position::START).await.len(), MOST_RECORDS);
}

async fn an_event_of_the_largest_size_is_taken(stage: &Stage) {
    let log = stage.log().await;
    let largest = NewRecord { body: (0..MOST_BODY).map(|byte| byte as u8).collect(), ..record("largest", "ü/1 ✓") };
    log.append(&orders(), vec![largest.clone()]).await.unwrap();
    let read = read_all(&*log, &orders(), Position::START).await;
    assert!(read[0].body == largest.body);
    assert_eq!((&read[0].id, &read[0].lane), (&largest.id, &largest.lane));
}

async fn an_append_of_nothing_is_nothing(stage: &Stage) {
    let log = stage.log().await;
    assert!(log.append(&orders(), Vec::new()).await.unwrap().is_empty());
    let batch = log.read(&orders(), Position::START, crate::ALL).await.unwrap();
    assert!(batch.records.is_empty());
    assert_eq!(batch.head.offset(), 0);
}

async fn an_unopened_stream_is_named(stage: &Stage) {
    let log = stage.log().await;
    let unopened = "unopened@1".parse().unwrap();
    let refused = log.append(&unopened, records(0..1)).await.unwrap_err();
    assert_eq!(refused.code(), code::STREAM_UNOPENED);
    assert_eq!(log.read(&unopened, Position::START, crate::ALL).await.unwrap_err().code(), code::STREAM_UNOPENED);
    assert_eq!(log.wait(&unopened, Position::START).await.unwrap_err().code(), code::STREAM_UNOPENED);
}

async fn what_was_acknowledged_is_there_when_opened_again(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..25)).await.unwrap();
    log.end().await;
    let log = stage.log().await;
    assert_eq!(read_all(&*log, &orders(), Position::START).await.len(), 25);
    let appended = log.append(&orders(), records(25..26)).await.unwrap();
    assert_eq!(appended[0].position, Position::new(1, 26).unwrap());
}

async fn after_its_end_nothing_is_taken(stage: &Stage) {
    let log = stage.log().await;
    let waits = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(&orders(), Position::START).await })
    };
    tokio::task::yield_now().await;
    log.end().await;
    let refused = log.append(&orders(), records(0..1)).await.unwrap_err();
    assert!([code::LOG_UNAVAILABLE, code::STREAM_UNOPENED].contains(&refused.code()), "{refused}");
    assert!(waits.await.unwrap().is_err());
    let batch = stage.log().await.read(&orders(), Position::START, crate::ALL).await.unwrap();
    assert_eq!(batch.records.len(), 0);
}
