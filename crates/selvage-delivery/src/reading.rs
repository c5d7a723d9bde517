//! Reads the log for all subscriptions of this node: what one of them was given is kept for a moment for the others, which are mostly
//! about as far, so that a thousand of them cost the log hardly more than one. Who is far behind reads alone, and a few at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use selvage_log::{Batch, EventLog, LogError, ReadLimit};
use selvage_model::event::{Position, Record};
use selvage_model::name::InterfaceRef;
use tokio::sync::Semaphore;

/// So many events of a stream are kept, and so many bytes of them.
const MOST: usize = 4_096;
const MOST_BYTES: usize = 8_000_000;
/// So many read alone at a time.
const ALONE: usize = 2;
/// After the log could not be read, nobody asks it for so long.
const REST: Duration = Duration::from_millis(200);

/// The log, as subscriptions read it.
pub(crate) struct Readings {
    log: Arc<dyn EventLog>,
    streams: Mutex<HashMap<InterfaceRef, Arc<tokio::sync::Mutex<Recent>>>>,
    alone: Semaphore,
}

impl Readings {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, streams: Mutex::default(), alone: Semaphore::new(ALONE) }
    }

    /// What comes after a position; waited for where `wait` says that there was nothing a moment ago.
    pub(crate) async fn read(
        &self,
        stream: &InterfaceRef,
        after: Position,
        limit: ReadLimit,
        wait: bool,
    ) -> Result<Batch, LogError> {
        if wait {
            self.log.wait(stream, after).await?;
        }
        let recent = self.recent(stream);
        let mut recent = recent.lock().await;
        if let Some(batch) = recent.after(after, limit) {
            return Ok(batch);
        }
        if recent.rests_until.is_some_and(|until| Instant::now() < until) {
            return Err(LogError::unavailable("the log could not be read a moment ago"));
        }
        if !recent.is_empty() && after < recent.from {
            drop(recent);
            let _permit = self.alone.acquire().await;
            return self.log.read(stream, after, limit).await;
        }
        let read = self.log.read(stream, after, limit).await;
        match &read {
            Ok(batch) => recent.add(after, batch),
            Err(error) => recent.rests_until = error.is_transient().then(|| Instant::now() + REST),
        }
        read
    }

    fn recent(&self, stream: &InterfaceRef) -> Arc<tokio::sync::Mutex<Recent>> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.get(stream) {
            Some(recent) => Arc::clone(recent),
            None => Arc::clone(streams.entry(stream.clone()).or_default()),
        }
    }
}

/// What was read last of a stream: everything behind `from`, without a hole.
struct Recent {
    from: Position,
    records: VecDeque<Record>,
    bytes: usize,
    head: Position,
    rests_until: Option<Instant>,
}

impl Default for Recent {
    fn default() -> Self {
        let (from, head) = (Position::START, Position::START);
        Self { from, records: VecDeque::new(), bytes: 0, head, rests_until: None }
    }
}

impl Recent {
    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What is kept behind a position; none where that is nothing, or not all of it.
    fn after(&self, after: Position, limit: ReadLimit) -> Option<Batch> {
        let last = self.records.back()?.position;
        if after < self.from || after >= last {
            return None;
        }
        let first = self.records.partition_point(|record| record.position <= after);
        let (mut records, mut bytes) = (Vec::new(), 0);
        for record in self.records.range(first..).take(limit.records) {
            bytes += record.body.len();
            records.push(record.clone());
            if bytes >= limit.bytes {
                break;
            }
        }
        Some(Batch { records, head: self.head })
    }

    /// Keeps what was read behind a position: behind what is kept, or instead of it.
    fn add(&mut self, after: Position, batch: &Batch) {
        self.rests_until = None;
        if self.records.back().is_none_or(|last| last.position != after) {
            self.records.clear();
            (self.from, self.bytes) = (after, 0);
        }
        self.head = batch.head;
        self.bytes += batch.records.iter().map(|record| record.body.len()).sum::<usize>();
        self.records.extend(batch.records.iter().cloned());
        while self.records.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.records.pop_front() else { break };
            (self.from, self.bytes) = (oldest.position, self.bytes - oldest.body.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position::new(1, offset).unwrap()
    }

    fn batch(offsets: std::ops::RangeInclusive<u64>, head: u64) -> Batch {
        let record = |offset: u64| Record {
            position: at(offset),
            id: format!("e-{offset}").parse().unwrap(),
            lane: "a".parse().unwrap(),
            appended_at: jiff::Timestamp::UNIX_EPOCH,
            body: vec![b'x'; 10],
        };
        Batch { records: offsets.map(record).collect(), head: at(head) }
    }

    fn offsets(recent: &Recent, after: u64, records: usize) -> Option<Vec<u64>> {
        let batch = recent.after(at(after), ReadLimit { records, bytes: 1_000 })?;
        Some(batch.records.iter().map(|record| record.position.offset()).collect())
    }

    #[test]
    fn what_one_was_given_others_are_given() {
        let mut recent = Recent::default();
        assert_eq!(offsets(&recent, 0, 10), None);
        recent.add(at(2), &batch(3..=5, 7));
        recent.add(at(5), &batch(6..=7, 7));
        assert_eq!(offsets(&recent, 2, 10), Some(vec![3, 4, 5, 6, 7]));
        assert_eq!(offsets(&recent, 4, 2), Some(vec![5, 6]));
        // Before what is kept, and where the log has to be asked.
        assert_eq!((offsets(&recent, 1, 10), offsets(&recent, 7, 10)), (None, None));
    }

    #[test]
    fn a_hole_is_never_bridged() {
        let mut recent = Recent::default();
        recent.add(at(0), &batch(1..=3, 3));
        // Somebody went on behind what the log lost.
        recent.add(at(9), &batch(10..=11, 11));
        assert_eq!((offsets(&recent, 2, 10), offsets(&recent, 9, 10)), (None, Some(vec![10, 11])));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut recent = Recent::default();
        let most = MOST as u64;
        recent.add(at(0), &batch(1..=most + 5, most + 5));
        assert_eq!((recent.records.len(), recent.from), (MOST, at(5)));
        assert_eq!(offsets(&recent, 4, 1), None);
        assert_eq!(offsets(&recent, 5, 1), Some(vec![6]));
        recent.add(at(most + 5), &Batch { records: Vec::new(), head: at(most + 5) });
        assert_eq!(offsets(&recent, 5, 1), Some(vec![6]), "nothing more changes nothing");
    }
}
