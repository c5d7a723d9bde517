//! Retention: by time and size, and never what a reader still needs unless somebody insists; then who lost what is named.

use std::time::Duration;

use selvage_log::EventLog;
use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::manifest::event::Retention;
use selvage_store::{CursorMove, NewCursor, TakenCursor};

use crate::stage::Stage;
use crate::{every, ids, orders, read_all, records};

every!(
    what_is_young_or_within_the_size_stays,
    what_a_reader_has_not_passed_stays_and_is_named,
    who_insists_is_told_who_loses,
    no_more_is_kept_than_may_be_whoever_has_not_read_it,
    a_stream_that_is_empty_goes_on_behind_what_was,
);

const NOTHING_KEPT: Retention = Retention { time: Duration::ZERO, at_least: None, at_most: None };

/// Takes everything that may be taken, and says how many records that were, and the readers that were named, with their ranges.
async fn retire(log: &dyn EventLog, retention: Retention, insist: bool) -> (u64, Vec<String>) {
    // The clock of the log has to have gone on since the last append.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut taken = 0;
    loop {
        let retired = log.retire(&orders(), retention, insist).await.unwrap();
        taken += retired.records;
        if !retired.more {
            let behind = retired.behind.iter().map(|one| format!("{} {}-{}", one.reader, one.from, one.to));
            return (taken, behind.collect());
        }
    }
}

async fn cursor(stage: &Stage, reader: &str, to: u64) {
    let new = NewCursor {
        stream: orders(),
        reader: reader.parse().unwrap(),
        start: Position::START,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(30),
    };
    let TakenCursor::Taken { fence, .. } = stage.store.take_cursor(&new).await.unwrap() else { panic!("not taken") };
    let to = Position::new(1, to).unwrap();
    stage.store.move_cursor(&CursorMove { stream: orders(), reader: new.reader, fence, to }).await.unwrap();
}

async fn what_is_young_or_within_the_size_stays(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..50)).await.unwrap();
    let hour = Retention { time: Duration::from_secs(3_600), at_least: None, at_most: None };
    assert_eq!(retire(&*log, hour, false).await, (0, vec![]));
    let much = Retention { at_least: Some(1_000_000), ..NOTHING_KEPT };
    assert_eq!(retire(&*log, much, false).await, (0, vec![]));
    // A body has about 50 bytes; a broker counts what it keeps beside it too.
    let (taken, _) = retire(&*log, Retention { at_least: Some(1_000), ..NOTHING_KEPT }, false).await;
    assert!((5..=35).contains(&taken), "{taken}");
    let left = read_all(&*log, &orders(), Position::START).await;
    assert_eq!(left.len() as u64, 50 - taken);
    assert!(left.iter().map(|record| record.body.len()).sum::<usize>() >= 1_000);
}

async fn what_a_reader_has_not_passed_stays_and_is_named(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..10)).await.unwrap();
    cursor(stage, "copy/work-order", 7).await;
    cursor(stage, "lane/wo-3", 4).await;
    cursor(stage, "subscription/wms", 10).await;
    let (taken, behind) = retire(&*log, NOTHING_KEPT, false).await;
    assert_eq!((taken, behind), (4, vec!["copy/work-order 8-10".to_owned(), "lane/wo-3 5-10".to_owned()]));
    assert_eq!(ids(&read_all(&*log, &orders(), Position::new(1, 7).unwrap()).await), ["e-7", "e-8", "e-9"]);
    stage.store.forget_cursor(&orders(), &"lane/wo-3".parse().unwrap()).await.unwrap();
    assert_eq!(retire(&*log, NOTHING_KEPT, false).await.0, 3);
    cursor(stage, "copy/work-order", 10).await;
    assert_eq!(retire(&*log, NOTHING_KEPT, false).await, (3, vec![]));
}

async fn who_insists_is_told_who_loses(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..6)).await.unwrap();
    cursor(stage, "subscription/wms", 2).await;
    let (taken, behind) = retire(&*log, NOTHING_KEPT, true).await;
    assert_eq!((taken, behind), (6, vec!["subscription/wms 3-6".to_owned()]));
    log.append(&orders(), records(6..8)).await.unwrap();
    let refused = log.read(&orders(), Position::new(1, 2).unwrap(), crate::ALL).await.unwrap_err();
    assert_eq!(refused.code(), code::EVENTS_RETIRED);
    assert!(refused.to_string().contains("offsets 3 to 6"), "{refused}");
    assert_eq!(ids(&read_all(&*log, &orders(), Position::START).await), ["e-6", "e-7"]);
}

async fn no_more_is_kept_than_may_be_whoever_has_not_read_it(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..50)).await.unwrap();
    cursor(stage, "subscription/wms", 3).await;
    let hour = Retention { time: Duration::from_secs(3_600), ..NOTHING_KEPT };
    let roomy = log.retire(&orders(), Retention { at_most: Some(1_000_000), ..hour }, false).await.unwrap();
    assert_eq!((roomy.records, roomy.lost.len()), (0, 0));
    assert!(roomy.left >= 50 * 30, "{roomy:?}");
    // Less than is kept at least is no ceiling.
    let least = Retention { at_least: Some(1_000_000), at_most: Some(1), ..hour };
    assert_eq!(retire(&*log, least, false).await, (0, vec![]));
    let most = roomy.left / 2;
    let tight = log.retire(&orders(), Retention { at_most: Some(most), ..hour }, false).await.unwrap();
    assert!((20..50).contains(&tight.records), "{tight:?}");
    let lost = tight.lost.first().unwrap();
    assert_eq!((lost.reader.as_str(), lost.from, lost.to), ("subscription/wms", 4, tight.records));
    let left = read_all(&*log, &orders(), Position::START).await;
    assert_eq!(left.len() as u64, 50 - tight.records, "the newest stay");
    let refused = log.read(&orders(), Position::new(1, 3).unwrap(), crate::ALL).await.unwrap_err();
    assert_eq!(refused.code(), code::EVENTS_RETIRED, "whoever reads on is told");
}

async fn a_stream_that_is_empty_goes_on_behind_what_was(stage: &Stage) {
    let log = stage.log().await;
    log.append(&orders(), records(0..5)).await.unwrap();
    assert_eq!(retire(&*log, NOTHING_KEPT, false).await.0, 5);
    log.end().await;
    let log = stage.log().await;
    let batch = log.read(&orders(), Position::START, crate::ALL).await.unwrap();
    assert_eq!((batch.records.len(), batch.head), (0, Position::new(1, 5).unwrap()));
    let appended = log.append(&orders(), records(5..6)).await.unwrap();
    assert_eq!(appended[0].position, Position::new(1, 6).unwrap());
}
