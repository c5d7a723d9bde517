//! What only a broker can suffer: it loses its end while nobody looks or while somebody writes, it loses something from the middle,
//! somebody else publishes to its subjects. INVARIANT: NOTHING-LOST: all of it is found, and named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod accounts;
mod proxy;

use std::sync::atomic::Ordering;

use proxy::{Monitoring, Proxy};
use selvage_log::{EventLog as _, JetStreamConfig, JetStreamLog, LogError, OpenedStream, ReadLimit};
use selvage_model::code;
use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use tempfile::TempDir;
use uuid::Uuid;

const ALL: ReadLimit = ReadLimit { records: 100_000, bytes: usize::MAX };

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests with `cargo xtask test`, which starts a NATS server")
    })
}

struct Stage {
    directory: TempDir,
    prefix: String,
}

impl Stage {
    fn new() -> Self {
        let prefix = format!("test-{:016x}", Uuid::new_v4().as_u128() as u64);
        Self { directory: TempDir::new().unwrap(), prefix }
    }

    fn config(&self) -> JetStreamConfig {
        JetStreamConfig {
            monitoring: vec![named("SELVAGE_TEST_NATS_MONITORING")],
            prefix: self.prefix.clone(),
            ..JetStreamConfig::new(named("SELVAGE_TEST_NATS"))
        }
    }

    /// The log as a node with this store opens it.
    async fn log(&self, store: &str) -> (JetStreamLog, OpenedStream) {
        let url = format!("sqlite:{}", self.directory.path().join(store).display());
        let log = JetStreamLog::connect(&self.config(), Store::open(&url).await.unwrap()).await.unwrap();
        let opened = log.open(&orders()).await.unwrap();
        (log, opened)
    }

    /// Asks JetStream as an administrator would.
    async fn ask(&self, what: &str, content: &str) {
        let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
        let subject = format!("$JS.API.{what}.{}-work-order-events-v1", self.prefix);
        let answer = client.request(subject, content.to_owned().into()).await.unwrap();
        let answer = String::from_utf8(answer.payload.to_vec()).unwrap();
        assert!(answer.contains(r#""success":true"#), "{answer}");
    }

    async fn end(self, log: JetStreamLog) {
        log.end().await;
        self.ask("STREAM.DELETE", "").await;
    }
}

fn orders() -> InterfaceRef {
    "work-order-events@1".parse().unwrap()
}

fn record(number: usize) -> NewRecord {
    let (id, lane) = (format!("e-{number}"), format!("wo-{}", number % 5));
    NewRecord { id: id.parse().unwrap(), lane: lane.parse().unwrap(), body: b"{}".to_vec() }
}

fn at(epoch: u32, offset: u64) -> Position {
    Position::new(epoch, offset).unwrap()
}

async fn read(log: &JetStreamLog, after: Position) -> Result<Vec<Position>, LogError> {
    let batch = log.read(&orders(), after, ALL).await?;
    Ok(batch.records.iter().map(|record| record.position).collect())
}

#[tokio::test]
async fn a_broker_that_lost_its_end_is_found_behind_when_it_is_opened() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    log.end().await;
    stage.ask("STREAM.DELETE", "").await;
    let (log, opened) = stage.log("one").await;
    let gap = opened.gap.unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch), (Position::START, 10, 2));
    log.told(&gap).await.unwrap();
    let appended = log.append(&orders(), (8..10).map(record).collect()).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 1), false));
    assert!(appended[0].position.sequence() > at(1, 10).sequence());
    for after in [Position::START, at(1, 4), at(1, 10)] {
        assert_eq!(read(&log, after).await.unwrap(), [at(2, 1), at(2, 2)], "{after}");
    }
    log.end().await;
    let (log, opened) = stage.log("one").await;
    assert_eq!((opened.gap, opened.head), (None, at(2, 2)));
    stage.end(log).await;
}

#[tokio::test]
async fn a_loss_while_a_node_writes_is_told_to_who_appends_and_it_goes_on() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    stage.ask("STREAM.DELETE", "").await;
    // Made again by another installation.
    let (other, _) = stage.log("two").await;
    let told = log.append(&orders(), vec![record(10)]).await.unwrap_err();
    assert_eq!(told.code(), code::LOG_GAP);
    let appended = log.append(&orders(), vec![record(10)]).await.unwrap();
    assert_eq!(appended[0].position, at(2, 1));
    assert_eq!(read(&log, at(1, 10)).await.unwrap(), [at(2, 1)]);
    other.end().await;
    stage.end(log).await;
}

#[tokio::test]
async fn a_stream_that_is_gone_while_a_node_writes_is_made_again_and_its_loss_told() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    stage.ask("STREAM.DELETE", "").await;
    // Nobody answers a publish to a stream that is not there.
    let told = log.append(&orders(), vec![record(10)]).await.unwrap_err();
    assert_eq!(told.code(), code::LOG_GAP, "{told}");
    let appended = log.append(&orders(), vec![record(10)]).await.unwrap();
    assert_eq!(appended[0].position, at(2, 1));
    stage.end(log).await;
}

/// However much is in it: positions of before do not mean what stands there now.
#[tokio::test]
async fn a_stream_that_somebody_made_anew_is_not_read_as_the_one_before() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    assert_eq!(read(&log, at(1, 4)).await.unwrap().len(), 6);
    stage.ask("STREAM.DELETE", "").await;
    let (other, _) = stage.log("two").await;
    other.append(&orders(), (20..35).map(record).collect()).await.unwrap();
    let told = read(&log, at(1, 4)).await.unwrap_err();
    assert_eq!(told.code(), code::LOG_GAP, "{told}");
    let LogError::Gap(gap) = told else { panic!("{told}") };
    assert_eq!((gap.after, gap.epoch), (Position::START, 2));
    log.told(&gap).await.unwrap();
    let again = read(&log, at(1, 4)).await.unwrap();
    assert_eq!((again.len(), again[0]), (15, at(2, 1)));
    let appended = log.append(&orders(), vec![record(25), record(40)]).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 6), true));
    assert_eq!((appended[1].position, appended[1].known), (at(2, 16), false));
    other.end().await;
    stage.end(log).await;
}

/// INVARIANT: DURABLE-ACK: every connection is a reason to ask again.
#[tokio::test]
async fn a_broker_is_asked_again_whether_it_writes_after_each_break() {
    let stage = Stage::new();
    let broker = Proxy::to(&named("SELVAGE_TEST_NATS")).await;
    let monitoring = Proxy::to(&named("SELVAGE_TEST_NATS_MONITORING")).await;
    let address = |proxy: &Proxy| proxy.url.replace("nats:", "http:");
    let config = JetStreamConfig { url: broker.url.clone(), monitoring: vec![address(&monitoring)], ..stage.config() };
    let url = format!("sqlite:{}", stage.directory.path().join("one").display());
    let log = JetStreamLog::connect(&config, Store::open(&url).await.unwrap()).await.unwrap();
    log.open(&orders()).await.unwrap();
    log.append(&orders(), vec![record(0)]).await.unwrap();
    monitoring.deny();
    log.append(&orders(), vec![record(1)]).await.unwrap();
    broker.lose_an_answer();
    let refused = log.append(&orders(), vec![record(2)]).await.unwrap_err();
    assert_eq!(refused.code(), code::BROKER_UNSAFE, "{refused}");
    monitoring.allow();
    let appended = log.append(&orders(), vec![record(2)]).await.unwrap();
    assert_eq!(appended[0].position, at(1, 3));
    stage.end(log).await;
}

#[tokio::test]
async fn a_server_that_keeps_the_stream_and_was_not_asked_is_refused() {
    let stage = Stage::new();
    let other = Monitoring::of("another-server").await;
    let config = JetStreamConfig { monitoring: vec![other], ..stage.config() };
    let url = format!("sqlite:{}", stage.directory.path().join("one").display());
    let log = JetStreamLog::connect(&config, Store::open(&url).await.unwrap()).await.unwrap();
    let refused = log.open(&orders()).await.unwrap_err();
    assert_eq!(refused.code(), code::BROKER_UNSAFE, "{refused}");
    stage.end(log).await;
}

#[tokio::test]
async fn a_node_may_start_before_its_broker() {
    let stage = Stage::new();
    let broker = Proxy::to(&named("SELVAGE_TEST_NATS")).await;
    broker.deny();
    let config = JetStreamConfig { url: broker.url.clone(), ..stage.config() };
    let url = format!("sqlite:{}", stage.directory.path().join("one").display());
    let log = JetStreamLog::start(&config, Store::open(&url).await.unwrap()).await.unwrap();
    assert_eq!(log.open(&orders()).await.unwrap_err().code(), code::LOG_UNAVAILABLE);
    broker.allow();
    log.open(&orders()).await.unwrap();
    log.append(&orders(), vec![record(0)]).await.unwrap();
    stage.end(log).await;
}

#[tokio::test]
async fn a_node_goes_on_in_the_epoch_that_another_began() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stage.ask("STREAM.DELETE", "").await;
    let (other, opened) = stage.log("one").await;
    let gap = opened.gap.unwrap();
    assert_eq!((gap.until, gap.epoch), (10, 2));
    other.told(&gap).await.unwrap();
    // As much as the first node has seen, and more: what it has seen was something else.
    other.append(&orders(), (20..30).map(record).collect()).await.unwrap();
    let appended = log.append(&orders(), vec![record(3), record(25)]).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 11), false));
    assert_eq!((appended[1].position, appended[1].known), (at(2, 6), true));
    assert_eq!(read(&log, at(1, 10)).await.unwrap().len(), 11);
    other.end().await;
    stage.end(log).await;
}

#[tokio::test]
async fn what_is_lost_from_the_middle_or_the_beginning_is_named() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..10).map(record).collect()).await.unwrap();
    // The subjects of the lanes are not known here: everything but one subject goes, one after the other.
    let lane_of = |position: Position| (position.offset() - 1) % 5;
    for partition in 0..16 {
        let subject = format!("{}.work-order-events.v1.{partition}", stage.prefix);
        let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
        let purge = format!("$JS.API.STREAM.PURGE.{}-work-order-events-v1", stage.prefix);
        client.request(purge, format!(r#"{{"filter":"{subject}"}}"#).into()).await.unwrap();
        match read(&log, Position::START).await {
            Ok(read) if read.len() == 10 => continue,
            Ok(read) => {
                let after = *read.last().unwrap();
                let error = log.read(&orders(), after, ALL).await.unwrap_err();
                assert_eq!(error.code(), code::EVENTS_MISSING, "after lane {}: {error}", lane_of(after));
            }
            Err(error) => assert_eq!(error.code(), code::EVENTS_MISSING, "{error}"),
        }
        break;
    }
    stage.end(log).await;
}

#[tokio::test]
async fn what_somebody_else_published_is_damage() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    log.append(&orders(), (0..3).map(record).collect()).await.unwrap();
    let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
    let subject = format!("{}.work-order-events.v1.3", stage.prefix);
    client.request(subject, "not an event".into()).await.unwrap();
    // The next append finds that another was there, and goes on behind it.
    let appended = log.append(&orders(), (3..10).map(record).collect()).await.unwrap();
    assert_eq!(appended.last().unwrap().position, at(1, 11));
    assert_eq!(read(&log, Position::START).await.unwrap().len(), 3);
    let error = log.read(&orders(), at(1, 3), ALL).await.unwrap_err();
    assert_eq!(error.to_string(), "the event at 1-4 of `work-order-events@1` is damaged");
    assert_eq!(read(&log, at(1, 4)).await.unwrap().len(), 7);
    stage.end(log).await;
}

/// The broker has the event, and nobody was told so: it is found, and not published again.
#[tokio::test]
async fn a_lost_answer_is_looked_for_and_the_event_is_there_once() {
    let stage = Stage::new();
    let proxy = Proxy::to(&named("SELVAGE_TEST_NATS")).await;
    let config = JetStreamConfig { url: proxy.url.clone(), ..stage.config() };
    let url = format!("sqlite:{}", stage.directory.path().join("one").display());
    let log = JetStreamLog::connect(&config, Store::open(&url).await.unwrap()).await.unwrap();
    log.open(&orders()).await.unwrap();
    log.append(&orders(), (0..3).map(record).collect()).await.unwrap();
    for (number, together) in [(3, 1), (4, 20)] {
        proxy.lose_an_answer();
        let appended = log.append(&orders(), (number..number + together).map(record).collect()).await.unwrap();
        assert_eq!(appended[0].position, at(1, number as u64 + 1));
    }
    assert_eq!(proxy.lost.load(Ordering::SeqCst), 2);
    assert_eq!(read(&log, Position::START).await.unwrap().len(), 24);
    stage.end(log).await;
}

/// Whatever the broker's own duplicate window is: it is not asked. Nor does it matter who appended it, and how long ago.
#[tokio::test]
async fn an_event_that_is_repeated_behind_20_000_others_is_where_it_was_first() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    for first in (0..25_000).step_by(500) {
        log.append(&orders(), (first..first + 500).map(record).collect()).await.unwrap();
    }
    let again = |numbers: &'static [usize]| numbers.iter().map(|number| record(*number)).collect::<Vec<_>>();
    let appended = log.append(&orders(), again(&[24_999, 0, 3_000, 25_000, 0])).await.unwrap();
    let places: Vec<_> = appended.iter().map(|one| (one.position, one.known)).collect();
    let expected = [(25_000, true), (1, true), (3_001, true), (25_001, false), (1, true)]
        .map(|(offset, known)| (at(1, offset), known));
    assert_eq!(places, expected);
    assert_eq!(log.find(&orders(), &record(7).id).await.unwrap().unwrap().position, at(1, 8));

    // Another node beside it, and one that begins later.
    let (other, _) = stage.log("one").await;
    let appended = other.append(&orders(), again(&[2, 25_000, 25_001])).await.unwrap();
    let places: Vec<_> = appended.iter().map(|one| (one.position, one.known)).collect();
    assert_eq!(places, [(at(1, 3), true), (at(1, 25_001), true), (at(1, 25_002), false)]);
    let appended = log.append(&orders(), again(&[25_001, 1])).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(1, 25_002), true), "what the other appended");
    assert_eq!((appended[1].position, appended[1].known), (at(1, 2), true));
    log.end().await;
    other.end().await;
    let (log, _) = stage.log("one").await;
    let appended = log.append(&orders(), again(&[1, 25_002])).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(1, 2), true));
    assert_eq!((appended[1].position, appended[1].known), (at(1, 25_003), false));

    // What retention took is new again, as it is in the SQL log.
    let all = Retention { time: std::time::Duration::ZERO, at_least: None, at_most: None };
    while log.retire(&orders(), all, true).await.unwrap().more {}
    let appended = log.append(&orders(), again(&[1])).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(1, 25_004), false));
    stage.end(log).await;
}

/// What the index says of ids that the broker lost means nothing any more.
#[tokio::test]
async fn what_a_broker_lost_is_appended_again_however_long_it_was_known() {
    let stage = Stage::new();
    let (log, _) = stage.log("one").await;
    for first in (0..24_000).step_by(500) {
        log.append(&orders(), (first..first + 500).map(record).collect()).await.unwrap();
    }
    log.end().await;
    stage.ask("STREAM.DELETE", "").await;
    let (log, opened) = stage.log("one").await;
    log.told(&opened.gap.unwrap()).await.unwrap();
    let appended = log.append(&orders(), vec![record(5), record(23_999)]).await.unwrap();
    let places: Vec<_> = appended.iter().map(|one| (one.position, one.known)).collect();
    assert_eq!(places, [(at(2, 1), false), (at(2, 2), false)]);
    let appended = log.append(&orders(), vec![record(5)]).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 1), true));
    stage.end(log).await;
}

#[tokio::test]
async fn a_stream_that_keeps_less_than_asked_is_refused() {
    let stage = Stage::new();
    let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
    let name = format!("{}-work-order-events-v1", stage.prefix);
    let lossy = format!(
        r#"{{"name":"{name}","subjects":["{}.work-order-events.v1.*"],"max_msgs":5,"storage":"memory"}}"#,
        stage.prefix
    );
    client.request(format!("$JS.API.STREAM.CREATE.{name}"), lossy.into()).await.unwrap();
    let url = format!("sqlite:{}", stage.directory.path().join("one").display());
    let log = JetStreamLog::connect(&stage.config(), Store::open(&url).await.unwrap()).await.unwrap();
    let refused = log.open(&orders()).await.unwrap_err();
    assert_eq!(refused.code(), code::BROKER_UNFIT, "{refused}");
    stage.end(log).await;
}

#[tokio::test]
async fn a_broker_that_nobody_asked_whether_it_writes_is_refused_unless_waived() {
    let stage = Stage::new();
    let store =
        || async { Store::open(&format!("sqlite:{}", stage.directory.path().join("one").display())).await.unwrap() };
    let unasked = JetStreamConfig { monitoring: vec![], ..stage.config() };
    let refused = JetStreamLog::connect(&unasked, store().await).await.err().unwrap();
    assert_eq!(refused.code(), code::BROKER_UNSAFE);
    let silent = JetStreamConfig { monitoring: vec!["http://127.0.0.1:9".to_owned()], ..stage.config() };
    let refused = JetStreamLog::connect(&silent, store().await).await.err().unwrap();
    assert_eq!(refused.code(), code::BROKER_UNSAFE);
    let waived = JetStreamConfig { unsynced_because: Some("three power domains".to_owned()), ..unasked };
    JetStreamLog::connect(&waived, store().await).await.unwrap();
}
