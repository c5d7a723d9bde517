//! How much of a stream is kept at most, where its interface says so. What is more goes, whoever has not read it; but nobody loses anything
//! at a look who was not named at an earlier one. It never holds the stream at more than its ceiling for long.
//! INVARIANT: NOTHING-LOST: who is about to lose events is told to operators before.

use std::collections::BTreeSet;

use selvage_log::{EventLog, LogError, ReadLimit};
use selvage_model::event::Position;
use selvage_model::manifest::event::Retention;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::{EventEpochs, Store};

use super::behind::{Behindhand, Unread};

/// An alarm is raised for whoever has not read so much of what may be kept: hundredths.
const FULL: u128 = 80;
/// So many looks in a row wait for readers who are named anew, at most: the disk has an end.
const WAITS: u32 = 3;
/// What is read at once where it is looked who stands in what goes.
const PAGE: ReadLimit = ReadLimit { records: 1_000, bytes: 8_000_000 };
/// A log takes no more records in one step.
const STEP: u64 = 1_000;
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };

/// Who was named at the last look, and how many looks in a row have waited since for somebody who was named anew.
#[derive(Debug, Default)]
pub(super) struct Told {
    readers: BTreeSet<String>,
    waited: u32,
}

/// A reader that has not read everything.
struct Reader {
    name: String,
    /// It has what stands up to here.
    read: u64,
    /// Where it is a consumer that pulls without a group, which nothing is kept for.
    pulls: Option<ConsumerName>,
}

/// What the judgement stands on.
pub(super) struct Ceiling<'a> {
    pub(super) log: &'a dyn EventLog,
    pub(super) store: &'a Store,
    pub(super) behind: &'a Behindhand,
}

impl Ceiling<'_> {
    /// Names who is about to lose events of a stream that has so many bytes left, and takes what is more than may be kept, unless somebody
    /// stands in it who is named for the first time.
    pub(super) async fn keep(&self, stream: &InterfaceRef, retention: Retention, left: u64) -> Result<(), LogError> {
        let Some(most) = retention.ceiling() else {
            self.behind.fill(stream, left, None);
            return Ok(());
        };
        let left = match self.name(stream, left, most).await? {
            Some(goes_to) if left > most => self.take(stream, retention, goes_to).await?,
            _ => left,
        };
        self.behind.fill(stream, left, Some(most));
        Ok(())
    }

    /// Raises the alarm for who is about to lose events; up to which offset what is too much may go now, if it may.
    async fn name(&self, stream: &InterfaceRef, left: u64, most: u64) -> Result<Option<u64>, LogError> {
        if left == 0 || !is_nearly(left, most) {
            self.behind.nearly(stream, left, most, &[]);
            self.behind.told(stream, None);
            return Ok(Some(u64::MAX));
        }
        let epochs = self.store.event_epochs(stream).await?;
        let (head, retired) = (self.head(stream).await?, epochs.retired_to());
        let readers = self.readers(stream, &epochs, head).await?;
        let count = head.saturating_sub(retired).max(1);
        let goes_to = self.goes_to(stream, left.saturating_sub(most), left / count, &readers).await;
        // What a reader has not read is as large as events are on the average; who stands in what goes now is known better.
        let kept = u128::from(count);
        let unread = |reader: &Reader| u128::from(left) * u128::from(head - reader.read.max(retired).min(head)) / kept;
        let stands = |reader: &Reader| reader.read < goes_to;
        let is_losing = |reader: &&Reader| stands(reader) || unread(reader) * 100 >= u128::from(most) * FULL;
        let losing: Vec<&Reader> = readers.iter().filter(is_losing).collect();
        let named =
            losing.iter().map(|it| Unread { reader: it.name.clone(), from: it.read.max(retired) + 1, to: head });
        self.behind.nearly(stream, left, most, &named.collect::<Vec<_>>());
        let before = self.behind.told(stream, None).unwrap_or_default();
        let is_new = losing.iter().any(|it| stands(it) && !before.readers.contains(&it.name));
        let waits = is_new && before.waited < WAITS;
        let told = Told {
            readers: losing.iter().map(|it| it.name.clone()).collect(),
            waited: if waits { before.waited + 1 } else { 0 },
        };
        self.behind.told(stream, Some(told));
        // Everybody who has not read all of it is named where nobody stands behind it.
        let is_behind_all = readers.iter().all(&stands);
        Ok((!waits).then_some(if is_behind_all { u64::MAX } else { goes_to }))
    }

    /// Takes what is more than may be kept, as far as it was looked who loses it, names who did, and says how much is left. A broker tells how
    /// much it freed only afterwards: where that was less than events take on the average, the rest goes at the next look.
    async fn take(&self, stream: &InterfaceRef, retention: Retention, goes_to: u64) -> Result<u64, LogError> {
        let left = loop {
            let retired = self.log.retire(stream, retention, false).await?;
            let lost = retired.lost.iter().map(|it| Unread { reader: it.reader.to_string(), from: it.from, to: it.to });
            self.behind.have_lost(stream, &lost.collect::<Vec<_>>());
            let retired_to = self.store.event_epochs(stream).await?.retired_to();
            let is_done = !retired.more || retired_to.saturating_add(STEP) > goes_to;
            if is_done {
                break retired.left;
            }
        };
        let epochs = self.store.event_epochs(stream).await?;
        let retired = epochs.retired_to();
        for Reader { name, read, pulls } in self.readers(stream, &epochs, retired).await? {
            if let Some(consumer) = pulls {
                self.behind.have_lost(stream, &[Unread { reader: name, from: read + 1, to: retired }]);
                self.store.forget_pulled(stream, &consumer).await?;
            }
        }
        Ok(left)
    }

    /// Who has not read everything up to an offset.
    async fn readers(&self, stream: &InterfaceRef, epochs: &EventEpochs, to: u64) -> Result<Vec<Reader>, LogError> {
        let reader = |name, position, pulls| Reader { name, read: epochs.read_up_to(position), pulls };
        let cursors = self.store.cursors(stream).await?.into_iter();
        let cursors = cursors.map(|cursor| reader(cursor.reader.to_string(), cursor.position, None));
        let pulled = self.store.pulled(stream).await?.into_iter();
        let pulled = pulled.map(|it| reader(format!("pull/{}", it.consumer), it.position, Some(it.consumer)));
        Ok(cursors.chain(pulled).filter(|reader| reader.read < to).collect())
    }

    /// The last offset. What is damaged at the beginning hides it from no alarm.
    async fn head(&self, stream: &InterfaceRef) -> Result<u64, LogError> {
        let head = match self.log.read(stream, Position::START, ONE).await {
            Ok(batch) => batch.head,
            Err(_) => self.log.wait(stream, Position::START).await?,
        };
        Ok(head.offset())
    }

    /// The offset up to which goes what is too much, as far as that matters to a reader, where an event takes so much on the average. Rather
    /// too far: of what cannot be read nobody knows how much it is.
    async fn goes_to(&self, stream: &InterfaceRef, too_much: u64, average: u64, readers: &[Reader]) -> u64 {
        let furthest = readers.iter().map(|reader| reader.read).max().unwrap_or_default();
        let (mut after, mut bytes) = (Position::START, 0_u64);
        while bytes < too_much && after.offset() <= furthest {
            let records = match self.log.read(stream, after, PAGE).await {
                Ok(batch) if !batch.records.is_empty() => batch.records,
                _ => return u64::MAX,
            };
            for record in records {
                if bytes >= too_much {
                    break;
                }
                (after, bytes) = (record.position, bytes + self.log.counts(record.body.len(), average));
            }
        }
        after.offset()
    }
}

/// Whether so much is nearly all that may be kept.
fn is_nearly(kept: u64, most: u64) -> bool {
    u128::from(kept) * 100 >= u128::from(most) * FULL
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "a test may fail loudly")]
mod tests;
