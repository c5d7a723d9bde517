//! What a look at a system taught, in one transaction: the last known state of records, what is told of it, what could not be
//! read, and how far the capture is. INVARIANT: NOTHING-LOST: an event and the state that it comes of are there together.

use std::collections::BTreeSet;

use selvage_model::delivery::Cause;
use selvage_model::event::NewRecord;

use super::finding;
use super::hint::Echo;
use super::known::Captured;
use super::{CaptureHold, CaptureState, outbox};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

statements! {
    HELD = "UPDATE capture SET fence = fence WHERE id = $1 AND fence = $2 RETURNING next_out";
    KNOW = "INSERT INTO captured (capture, record, standing, generation, written, change, business_key, content, told, created) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (capture, record) DO UPDATE SET \
            standing = excluded.standing, generation = excluded.generation, written = excluded.written, \
            change = excluded.change, business_key = excluded.business_key, content = excluded.content, \
            told = excluded.told, created = excluded.created";
    SEEN = "UPDATE captured SET generation = $1, written = $2, created = COALESCE($5, created) WHERE capture = $3 AND record = $4";
    PARK = "INSERT INTO capture_parked (capture, record, code, reason, since, cause) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (capture, record) DO UPDATE SET code = excluded.code, reason = excluded.reason, cause = excluded.cause";
    UNPARK = "DELETE FROM capture_parked WHERE capture = $1 AND record = $2";
    OUT = "INSERT INTO event_outbox (capture, number, id, lane, body, checksum) VALUES ($1, $2, $3, $4, $5, $6)";
    ADVANCE = "UPDATE capture SET next_out = $1 WHERE id = $2";
    PROGRESS = "UPDATE capture SET stage = $1, place = $2, front = $3, settled = $4, looked_at = $5, reconciled_at = $6 \
                WHERE id = $7";
    AGAIN = "INSERT INTO capture_hint (capture, record, asked) VALUES ($1, $2, 1) ON CONFLICT (capture, record) DO NOTHING";
    HEEDED = "DELETE FROM capture_hint WHERE capture = $1 AND record = $2 AND asked = $3";
    HEARD = "DELETE FROM capture_echo WHERE capture = $1 AND record = $2 AND content = $3 AND effect = $4";
    PAST = "DELETE FROM capture_echo WHERE capture = $1 AND record = $2 AND NOT EXISTS \
            (SELECT 1 FROM capture_hint WHERE capture_hint.capture = $1 AND capture_hint.record = $2)";
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureStep {
    /// Records whose state is another than was known.
    pub known: Vec<Captured>,
    /// Records that are as they were known.
    pub seen: Vec<Unmoved>,
    /// Records that cannot be captured as they are. What else the step knows of them is written all the same.
    pub parked: Vec<ParkedCapture>,
    /// Records that were parked, and nothing is known of them any more.
    pub forgotten: Vec<i64>,
    /// What is told, in this order.
    pub events: Vec<NewRecord>,
    /// Records that are to be looked at again soon: an operation of Selvage is about to say what it left in them.
    pub again: Vec<i64>,
    /// Hints that were followed: the record, and how often it had been asked for.
    pub heeded: Vec<(i64, i64)>,
    /// What Selvage wrote and a change was known by: it is no other's, should the record come to be so again.
    pub heard: Vec<Echo>,
    /// How far the capture is now, where that changed.
    pub progress: Option<CaptureState>,
}

/// A record that is as it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmoved {
    /// The system's id.
    pub record: i64,
    /// In which second it says it was written, by the system's clock.
    pub written: i64,
    /// In which it says it was made, where it says so.
    pub created: Option<i64>,
}

/// A record that cannot be captured as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedCapture {
    /// The system's id.
    pub record: i64,
    /// The code of what is in its way.
    pub code: String,
    /// Of which class that is.
    pub cause: Cause,
    /// The same, for a person.
    pub reason: String,
}

impl CaptureStep {
    /// Records that do not stand in the way of their capture, whatever was before.
    fn unparked(&self) -> impl Iterator<Item = i64> {
        let captured = self.known.iter().map(|known| known.record).chain(self.seen.iter().map(|seen| seen.record));
        let parked: BTreeSet<i64> = self.parked.iter().map(|parked| parked.record).collect();
        captured.chain(self.forgotten.iter().copied()).filter(move |record| !parked.contains(record))
    }
}

impl Store {
    /// Writes what was learned, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`] where another node, or a person, has taken the capture.
    pub async fn capture(&self, hold: CaptureHold, generation: i64, step: &CaptureStep) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let mut next = ensure_held(&mut transaction, hold).await?.integer("next_out")?;
        let now = transaction.now().await?;
        let capture = hold.capture;
        for record in &step.known {
            know(&mut transaction, capture, generation, record).await?;
        }
        for Unmoved { record, written, created } in &step.seen {
            transaction.run(SEEN, bind![generation, *written, capture, *record, *created]).await?;
        }
        for record in step.unparked() {
            transaction.run(UNPARK, bind![capture, record]).await?;
        }
        for ParkedCapture { record, code, cause, reason } in &step.parked {
            let row = bind![capture, *record, code.as_str(), reason.as_str(), now, cause.as_str()];
            transaction.run(PARK, row).await?;
        }
        for event in &step.events {
            let (id, lane) = (event.id.as_str(), event.lane.as_str());
            let sealed = outbox::sealed(capture, next, (id, lane), &event.body);
            transaction.run(OUT, bind![capture, next, id, lane, event.body.as_slice(), sealed]).await?;
            next += 1;
        }
        if !step.events.is_empty() {
            transaction.run(ADVANCE, bind![next, capture]).await?;
        }
        for record in &step.again {
            transaction.run(AGAIN, bind![capture, *record]).await?;
        }
        for (record, asked) in &step.heeded {
            transaction.run(HEEDED, bind![capture, *record, *asked]).await?;
            // Whoever notes what they wrote hints at it: without another hint, all of it was there when the record was read.
            transaction.run(PAST, bind![capture, *record]).await?;
        }
        for Echo { record, content, effect, .. } in &step.heard {
            transaction.run(HEARD, bind![capture, *record, *content, effect.as_str()]).await?;
        }
        if let Some(state) = &step.progress {
            progress(&mut transaction, capture, state).await?;
        }
        transaction.commit().await
    }
}

/// Refuses what is done under a hold that is lost, and lets no other writer of the capture in between.
pub(super) async fn ensure_held(transaction: &mut Transaction, hold: CaptureHold) -> Result<Row, StoreError> {
    let row = transaction.first(HELD, bind![hold.capture, hold.fence]).await?;
    row.ok_or(StoreError::CaptureFenced { fence: hold.fence })
}

async fn know(
    transaction: &mut Transaction,
    capture: i64,
    generation: i64,
    record: &Captured,
) -> Result<(), StoreError> {
    let Captured { record: id, standing, written, created, change, key, content, told, .. } = record;
    let (change, key, content) = (change.as_str(), key.as_str(), content.as_str());
    let (number, told) = (standing.number(), told.clone());
    let row = bind![capture, *id, number, generation, *written, change, key, content, told, *created];
    transaction.run(KNOW, row).await?;
    finding::write(transaction, capture, record).await
}

async fn progress(transaction: &mut Transaction, capture: i64, state: &CaptureState) -> Result<(), StoreError> {
    let CaptureState { stage, place, front, settled, looked_at, reconciled_at, .. } = state;
    let times = [looked_at, reconciled_at].map(|time| time.map(Micros::from));
    let [looked_at, reconciled_at] = times;
    let row = bind![stage.as_str(), place.clone(), *front, *settled, looked_at, reconciled_at, capture];
    transaction.run(PROGRESS, row).await.map(drop)
}
