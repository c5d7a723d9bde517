//! From the log into the lanes: what is read, what of it the subscription has, and what is said where the log does not have it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use selvage_log::{Batch, LogError, ReadLimit};
use selvage_model::code::{self, Code};
use selvage_model::event::{Gap, Position};
use selvage_store::PassedEvents;

use super::{AGAIN_AFTER, Run};
use crate::envelope;

/// Events are read so many at a time.
const READ: ReadLimit = ReadLimit { records: 256, bytes: 1_000_000 };

/// What was read, and what the log lost of what it had acknowledged where that goes past it.
pub(super) type Read = Result<(Batch, Vec<Gap>), LogError>;
/// What is being read.
pub(super) type Reading = Pin<Box<dyn Future<Output = Read> + Send>>;

/// What is being read; for ever where nothing is.
pub(super) async fn read(reading: &mut Option<Reading>) -> Read {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

impl Run {
    pub(super) fn begin_reading(&mut self) {
        if self.reading.is_some() || self.read_all || Instant::now() < self.read_at {
            return;
        }
        let Some(after) = self.lanes.wants(Timestamp::now()) else { return };
        let (means, stream) = (Arc::clone(&self.means), self.job.subscription.interface.clone());
        // The first look is always at the log itself: it says whether the cursor stands where anything was.
        let wait = self.at_head == Some(after);
        self.reading = Some(Box::pin(async move {
            let batch = means.readings.read(&stream, after, READ, wait).await?;
            if batch.records.is_empty() {
                means.config.log.wait(&stream, after).await?;
            }
            let to = batch.records.last().map_or(after, |last| last.position);
            // Nothing was lost before the first epoch.
            let lost = match to.epoch() > after.epoch().max(1) {
                true => means.config.store.event_gaps(&stream, after, to).await?,
                false => Vec::new(),
            };
            Ok((batch, lost))
        }));
    }

    pub(super) fn read(&mut self, read: Read) {
        self.reading = None;
        let (batch, lost) = match read {
            Ok(read) => read,
            Err(error) => return self.unread(&error),
        };
        for gap in lost {
            self.goes_past(&gap);
        }
        if batch.records.last().is_none_or(|last| last.position >= batch.head) {
            self.at_head = Some(batch.records.last().map_or(self.lanes.read_to(), |last| last.position));
        }
        let (through, head) = (self.through(), batch.head);
        let last = batch.records.last().map_or(head, |last| last.position);
        self.read_all = through.is_some_and(|through| last >= through);
        if !batch.records.is_empty() {
            self.lanes.has_read(Timestamp::now());
        }
        for record in batch.records {
            if through.is_some_and(|through| record.position > through) {
                break;
            }
            let kind = envelope::kind(&record.body);
            if kind.is_none() {
                let because = format!("{} at {} is no event", record.id, record.position);
                tracing::error!(code = %code::EVENTS_PASSED, "{because}");
                self.lanes.not_had(passed(record.position, code::EVENTS_PASSED, because));
            }
            let terms = &self.job.subscription.terms;
            let of_lane = |lanes: &[String]| lanes.is_empty() || lanes.iter().any(|lane| lane == record.lane.as_str());
            let repeated = terms.replay.as_ref().is_none_or(|replay| of_lane(&replay.lanes));
            let wanted = repeated && kind.is_some_and(|kind| terms.events.contains(&kind));
            let covered = wanted && (self.job.scope.rows.is_empty() || self.covers(&record.body));
            self.lanes.take(record, covered);
        }
    }

    fn covers(&self, body: &[u8]) -> bool {
        // What cannot be read is passed on to where it is told.
        envelope::covered(body, &self.job.interface, &self.job.scope).map_or(true, |event| event.is_some())
    }

    /// INVARIANT: NOTHING-LOST: what was acknowledged and never sent is named, also where the log goes on as if it had not been. Where nobody
    /// knows of anything that was lost, as after a backup was restored without marks, nothing stands with the subscription.
    fn goes_past(&mut self, gap: &Gap) {
        if gap.until <= gap.after.offset() {
            return tracing::warn!(code = %code::LOG_GAP, "`{}` goes on: {gap}", self.endpoint.name);
        }
        tracing::error!(code = %code::EVENTS_PASSED, "`{}` goes on behind what was lost: {gap}", self.endpoint.name);
        let last = Position::new(gap.after.epoch().max(1), gap.until.max(gap.after.offset()));
        self.lanes.not_had(passed(last.unwrap_or(gap.after), code::LOG_GAP, gap.to_string()));
    }

    /// INVARIANT: NOTHING-LOST: what the log does not have is named before anything goes on behind it.
    fn unread(&mut self, error: &LogError) {
        let behind = match error {
            LogError::Damaged { position, .. } => Some(*position),
            LogError::Missing { to, .. } | LogError::Retired { to, .. } => {
                Position::new(self.lanes.read_to().epoch().max(1), *to)
            }
            _ => None,
        };
        let label = &self.endpoint.name;
        if let Some(position) = behind {
            tracing::error!(code = %code::EVENTS_PASSED, "`{label}` goes on behind {position}: {error}");
            self.read_all = self.through().is_some_and(|through| position >= through);
            return self.lanes.pass(passed(position, error.code(), error.to_string()));
        }
        tracing::warn!("{}: the log is read again for `{label}`: {error}", error.code());
        self.read_at = Instant::now() + AGAIN_AFTER;
    }
}

/// What was not had, as it is noted.
fn passed(position: Position, code: Code, because: String) -> PassedEvents {
    PassedEvents { position, code: code.to_string(), because, at: Timestamp::now() }
}
