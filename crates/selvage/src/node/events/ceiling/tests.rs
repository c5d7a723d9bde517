//! A burst of twice what may be kept, between two looks: who loses is named before, then what is too much goes, then who lost it is named.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_log::{EventLog as _, SqlLog};
use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_store::{CursorMove, NewCursor, TakenCursor};

use super::{Behindhand, Ceiling, InterfaceRef, Store, WAITS};

const MOST: u64 = 10_000;
const BODY: u64 = 100;
/// So many events are all that may be kept.
const ALL: u64 = MOST / BODY;
const KEPT: Retention = Retention { time: Duration::from_secs(3_600), at_least: None, at_most: Some(MOST) };

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
    log: SqlLog,
    store: Store,
    stream: InterfaceRef,
    behind: Behindhand,
    told: Told,
    _told: tracing::subscriber::DefaultGuard,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let (log, stream) = (SqlLog::new(store.clone(), None).unwrap(), "orders@1".parse().unwrap());
        log.open(&stream).await.unwrap();
        let told = Told::default();
        let written = told.clone();
        let telling = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
        let _told = tracing::subscriber::set_default(telling);
        Self { log, store, stream, behind: Behindhand::default(), told, _told, _directory: directory }
    }

    async fn append(&self, numbers: std::ops::Range<u64>) {
        let record = |number: u64| NewRecord {
            id: format!("e-{number}").parse().unwrap(),
            lane: "one".parse().unwrap(),
            body: vec![b'x'; BODY as usize],
        };
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
        let ceiling = Ceiling { log: &self.log, store: &self.store, behind: &self.behind };
        super::super::retire(&ceiling, &self.stream, KEPT).await.unwrap();
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
        self.store.event_stream(&self.stream).await.unwrap().bytes / BODY
    }
}

#[tokio::test]
async fn who_loses_by_a_burst_is_named_a_look_before() {
    let place = Place::new().await;
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
    assert_eq!(place.left().await, ALL);
    // The subscription has not read on: it is named until it does. Whoever lost what it pulls is told by what it pulls.
    assert_eq!(place.look().await, ["FAB5226 subscription/suspended"]);
    place.reads("subscription/suspended", ALL * 2).await;
    assert!(place.look().await.is_empty(), "a stream at its ceiling is no alarm where nobody is behind");
    place.append(ALL * 2..ALL * 3).await;
    place.reads("subscription/suspended", ALL * 3).await;
    place.reads("group/boards/all", ALL * 3).await;
    assert!(place.look().await.is_empty());
    assert_eq!(place.left().await, ALL, "what everybody has read goes at once");
}

#[tokio::test]
async fn readers_that_are_new_at_each_look_hold_a_stream_for_some_looks_only() {
    let place = Place::new().await;
    place.append(0..ALL * 2).await;
    for look in 0..WAITS {
        place.reads(&format!("group/boards/{look}"), 1).await;
        assert_eq!(place.look().await.len(), 1 + look as usize);
        assert_eq!(place.left().await, ALL * 2, "{look}");
    }
    place.reads("group/boards/last", 1).await;
    place.look().await;
    assert_eq!(place.left().await, ALL);
}

#[tokio::test]
async fn who_is_behind_by_four_fifths_is_named_before_there_is_too_much() {
    let place = Place::new().await;
    place.append(0..ALL * 9 / 10).await;
    place.reads("subscription/late", ALL / 20).await;
    place.reads("subscription/close", ALL / 5).await;
    place.pulls("wms", 0).await;
    assert_eq!(place.look().await, ["FAB5226 subscription/late", "FAB5226 pull/wms"]);
    assert_eq!(place.left().await, ALL * 9 / 10);
}
