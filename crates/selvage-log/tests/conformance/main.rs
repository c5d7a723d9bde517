//! One suite over every log, through the trait: what any of them has to do. What only one can suffer is tested beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod append;
mod lane;
mod read;
mod retention;
mod stage;

use selvage_log::{EventLog, ReadLimit};
use selvage_model::event::{NewRecord, Position, Record};
use selvage_model::name::InterfaceRef;

/// Runs each case on every log, each on a stage of its own.
macro_rules! every {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&$crate::stage::Stage::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let stage = $crate::stage::Stage::postgres().await;
                super::$case(&stage).await;
                stage.end().await;
            })*
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let stage = $crate::stage::Stage::jetstream().await;
                super::$case(&stage).await;
                stage.end().await;
            })*
        }
    };
}

use every;

const ALL: ReadLimit = ReadLimit { records: 100_000, bytes: usize::MAX };

fn orders() -> InterfaceRef {
    "work-order-events@1".parse().unwrap()
}

fn record(id: &str, lane: &str) -> NewRecord {
    let body = format!(r#"{{"specversion":"1.0","id":"{id}","partitionkey":"{lane}"}}"#).into_bytes();
    NewRecord { id: id.parse().unwrap(), lane: lane.parse().unwrap(), body }
}

fn records(ids: std::ops::Range<usize>) -> Vec<NewRecord> {
    ids.map(|number| record(&format!("e-{number}"), &format!("wo-{}", number % 7))).collect()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

/// Reads a stream from a position to its end, in batches.
async fn read_all(log: &dyn EventLog, stream: &InterfaceRef, mut after: Position) -> Vec<Record> {
    let mut all = Vec::new();
    loop {
        let batch = log.read(stream, after, ALL).await.unwrap();
        let Some(last) = batch.records.last() else { return all };
        after = last.position;
        all.extend(batch.records);
    }
}
