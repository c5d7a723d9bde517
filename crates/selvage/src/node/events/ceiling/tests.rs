//! A burst of twice what may be kept, between two looks: who loses is named before, then what is too much goes, then who lost it is named.
//! The same wherever events are kept: in a file, at the server of `SELVAGE_TEST_POSTGRES`, at the broker of `SELVAGE_TEST_NATS`.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_log::{EventLog, JetStreamConfig, JetStreamLog, SqlLog};
use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_store::{CursorMove, NewCursor, TakenCursor};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::{Behindhand, Ceiling, InterfaceRef, Store, WAITS};

const BODY: u64 = 100;
/// So many events are all that may be kept.
const ALL: u64 = 100;

/// Where events are kept.
#[derive(Clone, Copy, Debug)]
enum Keeping {
    Sqlite,
    Postgres,
    JetStream,
}

macro_rules! everywhere {
    ($($test:ident),* $(,)?) => {
        $(mod $test {
            #[tokio::test]
            async fn in_a_file() {
                super::$test(super::Keeping::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$test(super::Keeping::Postgres).await;
            }

            #[tokio::test]
            async fn at_a_broker() {
                super::$test(super::Keeping::JetStream).await;
            }
        })*
    };
}

everywhere!(
    who_loses_by_a_burst_is_named_a_look_before,
    readers_that_are_new_at_each_look_hold_a_stream_for_some_looks_only,
    who_loses_small_events_among_large_ones_is_named_a_look_before,
    who_is_behind_by_four_fifths_is_named_before_there_is_too_much,
);

#[expect(clippy::disallowed_methods, reason = "the servers that tests use are named by their runner")]
fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests with `cargo xtask test`, which starts the servers that they need")
    })
}

/// Where what is told is written.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl io::Write for Told {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(written);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream with a ceiling, and what operators are told of it.
struct Place {
    log: Box<dyn EventLog>,
    /// What one event takes: a broker counts what it keeps beside it too.
    size: u64,
    prefix: String,
    store: Store,
    stream: InterfaceRef,
    behind: Behindhand,
    told: Told,
    _told: tracing::subscriber::DefaultGuard,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn new(keeping: Keeping) -> Self {
        let (directory, unique) = (tempfile::tempdir().unwrap(), format!("{:016x}", Uuid::new_v4().as_u128() as u64));
        let store = match keeping {
            Keeping::Postgres => Store::open(&database(&unique).await).await.unwrap(),
            _ => {
                let path = directory.path().join("selvage.db");
                Store::open(&format!("sqlite:{}", path.display())).await.unwrap()
            }
        };
        let stream = "orders@1".parse().unwrap();
        let log: Box<dyn EventLog> = match keeping {
            Keeping::JetStream => {
                let config = JetStreamConfig {
                    monitoring: vec![named("SELVAGE_TEST_NATS_MONITORING")],
                    prefix: format!("test-{unique}"),
                    ..JetStreamConfig::new(named("SELVAGE_TEST_NATS"))
                };
                Box::new(JetStreamLog::connect(&config, store.clone()).await.unwrap())
            }
            _ => Box::new(SqlLog::new(store.clone(), None).unwrap()),
        };
        log.open(&stream).await.unwrap();
        let size = size(&*log).await;
        let told = Told::default();
        let written = told.clone();
        let telling = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
        let _told = tracing::subscriber::set_default(telling);
        Self {
            log,
            size,
            prefix: format!("test-{unique}"),
            store,
            stream,
            behind: Behindhand::default(),
            told,
            _told,
            _directory: directory,
        }
    }

    async fn append(&self, numbers: std::ops::Range<u64>) {
        self.log.append(&self.stream, numbers.map(record).collect()).await.unwrap();
    }

    /// A reader of its own cursor has read so many events.
    async fn reads(&self, reader: &str, to: u64) {
        let (stream, reader) = (self.stream.clone(), reader.parse().unwrap());
        let (node, lease) = ("node-a".to_owned(), Duration::from_secs(30));
        let new = NewCursor { stream: stream.clone(), reader, start: Position::START, node, lease };
        let TakenCursor::Taken { fence, .. } = self.store.take_cursor(&new).await.unwrap() else { panic!("not taken") };
        let to = Position::new(1, to).unwrap();
        self.store.move_cursor(&CursorMove { stream, reader: new.reader, fence, to }).await.unwrap();
    }

    /// A consumer without a group was answered with so many events.
    async fn pulls(&self, consumer: &str, to: u64) {
        let pulled = (self.stream.clone(), consumer.parse().unwrap(), Position::new(1, to).unwrap());
        self.store.note_pulled(&[pulled]).await.unwrap();
    }

    /// What a look tells: codes, and who is named.
    async fn look(&self) -> Vec<String> {
        self.look_for(ALL * self.size).await
    }

    /// The same where so many bytes may be kept.
    async fn look_for(&self, at_most: u64) -> Vec<String> {
        let ceiling = Ceiling { log: &*self.log, store: &self.store, behind: &self.behind };
        let kept = Retention { at_most: Some(at_most), ..LONG };
        super::super::retire(&ceiling, &self.stream, kept).await.unwrap();
        let told = std::mem::take(&mut *self.told.0.lock().unwrap());
        let told = String::from_utf8(told).unwrap();
        let alarms = told.lines().filter_map(|line| {
            let code = line.split("code=").nth(1)?.split_whitespace().next()?;
            let who = line.split("may be kept: `").nth(1).or(line.split("may be kept of it: `").nth(1))?;
            Some(format!("{code} {who}"))
        });
        alarms.map(|alarm| alarm.split('`').next().unwrap().to_owned()).collect()
    }

    async fn left(&self) -> u64 {
        (self.log.retire(&self.stream, LONG, false).await.unwrap().left + self.size / 2) / self.size
    }

    /// As much is left as may be. Of a broker it is known on the average alone how large an event is.
    async fn is_full(&self) -> bool {
        let least = if self.size > BODY { ALL - 1 } else { ALL };
        (least..=ALL).contains(&self.left().await)
    }

    /// Nothing is left at the broker.
    async fn end(self, keeping: Keeping) {
        if let Keeping::JetStream = keeping {
            let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
            for stream in ["orders-v1", "sizing-v1"] {
                let delete = format!("$JS.API.STREAM.DELETE.{}-{stream}", self.prefix);
                client.request(delete, "".into()).await.unwrap();
            }
        }
    }
}

/// Everything is kept.
const LONG: Retention = Retention { time: Duration::from_secs(3_600), at_least: None, at_most: None };

/// As large as every other.
fn record(number: u64) -> NewRecord {
    NewRecord {
        id: format!("e-{number:04}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: vec![b'x'; BODY as usize],
    }
}

/// What one event takes where it is kept.
async fn size(log: &dyn EventLog) -> u64 {
    let stream = "sizing@1".parse().unwrap();
    log.open(&stream).await.unwrap();
    log.append(&stream, (0..ALL).map(record).collect()).await.unwrap();
    log.retire(&stream, LONG, false).await.unwrap().left / ALL
}

/// A database of its own.
async fn database(unique: &str) -> String {
    let server = named("SELVAGE_TEST_POSTGRES");
    let name = format!("selvage_ceiling_{unique}");
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

async fn who_loses_by_a_burst_is_named_a_look_before(keeping: Keeping) {
    let place = Place::new(keeping).await;
    place.append(0..ALL / 2).await;
    place.reads("subscription/suspended", 10).await;
    place.reads("group/boards/all", ALL / 2).await;
    place.pulls("wms", 20).await;
    assert!(place.look().await.is_empty(), "half of it is there");
    place.append(ALL / 2..ALL * 2).await;
    place.reads("group/boards/all", ALL * 2 - 10).await;
    let named = place.look().await;
    assert_eq!(named, ["FAB5226 subscription/suspended", "FAB5226 pull/wms"]);
    assert_eq!(place.left().await, ALL * 2, "nobody has lost anything yet");
    let lost = place.look().await;
    let expected = ["subscription/suspended", "pull/wms"];
    let expected =
        [expected.map(|who| format!("FAB5226 {who}")), expected.map(|who| format!("FAB5227 {who}"))].concat();
    assert_eq!(lost, expected);
    assert!(place.is_full().await);
    // The subscription has not read on: it is named until it does. Whoever lost what it pulls is told by what it pulls.
    assert_eq!(place.look().await, ["FAB5226 subscription/suspended"]);
    place.reads("subscription/suspended", ALL * 2).await;
    assert!(place.look().await.is_empty(), "a stream at its ceiling is no alarm where nobody is behind");
    place.append(ALL * 2..ALL * 3).await;
    place.reads("subscription/suspended", ALL * 3).await;
    place.reads("group/boards/all", ALL * 3).await;
    assert!(place.look().await.is_empty());
    assert!(place.is_full().await, "what everybody has read goes at once");
    place.end(keeping).await;
}

/// INVARIANT: NOTHING-LOST: a broker frees less by small events than events take on the average, and goes no further than it was looked.
async fn who_loses_small_events_among_large_ones_is_named_a_look_before(keeping: Keeping) {
    const SMALL: u64 = 6_000;
    const AT_MOST: u64 = 2_900_000;
    let place = Place::new(keeping).await;
    let of_size = |number: u64, bytes: usize| NewRecord { body: vec![b'x'; bytes], ..record(number) };
    for first in (0..SMALL).step_by(500) {
        let small = (first..first + 500).map(|number| of_size(number, 100));
        place.log.append(&place.stream, small.collect()).await.unwrap();
    }
    for first in (SMALL..SMALL + 400).step_by(100) {
        let large = (first..first + 100).map(|number| of_size(number, 10_000));
        place.log.append(&place.stream, large.collect()).await.unwrap();
    }
    place.reads("subscription/behind", 4_000).await;
    let (mut named, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..12 {
        let told = place.look_for(AT_MOST).await;
        let told: Vec<(&str, &str)> = told.iter().filter_map(|alarm| alarm.split_once(' ')).collect();
        for (_, who) in told.iter().filter(|(code, _)| *code == "FAB5227") {
            assert!(named.contains(*who), "{who} has lost events and was named at no look before: {told:?}");
            lost.insert((*who).to_owned());
        }
        named.extend(told.iter().filter(|(code, _)| *code == "FAB5226").map(|(_, who)| (*who).to_owned()));
    }
    assert!(lost.contains("subscription/behind"), "{named:?}");
    assert!(place.left().await * place.size <= AT_MOST);
    place.end(keeping).await;
}

async fn readers_that_are_new_at_each_look_hold_a_stream_for_some_looks_only(keeping: Keeping) {
    let place = Place::new(keeping).await;
    place.append(0..ALL * 2).await;
    for look in 0..WAITS {
        place.reads(&format!("group/boards/{look}"), 1).await;
        assert_eq!(place.look().await.len(), 1 + look as usize);
        assert_eq!(place.left().await, ALL * 2, "{look}");
    }
    place.reads("group/boards/last", 1).await;
    place.look().await;
    assert!(place.is_full().await);
    place.end(keeping).await;
}

async fn who_is_behind_by_four_fifths_is_named_before_there_is_too_much(keeping: Keeping) {
    let place = Place::new(keeping).await;
    place.append(0..ALL * 9 / 10).await;
    place.reads("subscription/late", ALL / 20).await;
    place.reads("subscription/close", ALL / 5).await;
    place.pulls("wms", 0).await;
    assert_eq!(place.look().await, ["FAB5226 subscription/late", "FAB5226 pull/wms"]);
    assert_eq!(place.left().await, ALL * 9 / 10);
    place.end(keeping).await;
}
