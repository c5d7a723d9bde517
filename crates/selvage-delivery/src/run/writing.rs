//! What a subscription came to, into the store, and its lease with it. A move of the cursor alone is not waited for; what sets lanes
//! aside is, since the lanes go on from there. INVARIANT: LANE-ORDER: every write names the fence.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::event::Position;
use selvage_store::{CursorMove, Deliveries, KeptDelivery, StoreError};

use super::{AGAIN_AFTER, Ended, Run};
use crate::lanes::Progress;
use crate::writing::{Writing, Written};

/// Moves of the cursor are gathered for so long.
const WRITE_EVERY: Duration = Duration::from_millis(250);

/// After so many that arrived, those of long ago are forgotten.
pub(super) const FORGET_AFTER: usize = 1_000;

/// A move of the cursor, or an extension of the lease, that is being written.
pub(super) struct Moving {
    to: Position,
    asked: Instant,
    writing: Writing,
    /// What arrived, and is written with it.
    arrived: Vec<KeptDelivery>,
}

/// What came of a move; for ever where none is being written.
pub(super) async fn moved(moving: &mut Option<Moving>) -> Written {
    match moving {
        Some(moving) => (&mut moving.writing).await,
        None => std::future::pending().await,
    }
}

impl Run {
    /// Extends the lease; the cursor stays.
    pub(super) fn renew(&mut self) {
        self.begin_to_move(Progress::to(self.held.to));
    }

    /// Writes what is to be written.
    pub(super) async fn write(&mut self) -> Result<(), Ended> {
        self.settle().await?;
        self.write_at = Instant::now() + WRITE_EVERY;
        let Some(progress) = self.lanes.progress() else { return Ok(()) };
        if progress.is_move() {
            self.begin_to_move(progress);
            return Ok(());
        }
        let (asked, arrived) = (Instant::now(), self.lanes.take_arrived());
        let deliveries = self.deliveries(progress.clone(), &arrived);
        match self.means.writer.write(deliveries).await {
            Ok(unparked) => {
                self.held_since(asked, progress.to);
                self.lanes.written(&progress, &unparked, Timestamp::now());
                for message in &progress.withheld {
                    let (label, because) = (&self.endpoint.name, &message.because);
                    tracing::warn!(lane = %message.lane, "the message at {} is withheld from `{label}`: {because}", message.position);
                }
                for letter in &progress.dead {
                    let (label, lane) = (&self.endpoint.name, &letter.lane);
                    let because = &letter.because;
                    tracing::error!(code = %code::DEAD_LETTER, letter = letter.id, "lane `{lane}` of `{label}` is parked: {because}");
                }
                Ok(())
            }
            Err(error) => {
                self.lanes.keep_arrived(arrived);
                self.unwritten(&error)?;
                tokio::time::sleep(AGAIN_AFTER).await;
                Ok(())
            }
        }
    }

    /// Notes what has arrived, of a run that lost its lease for want of the store: nobody is sent it again where nobody has taken the
    /// cursor since, which the fence says. Its lease is given back.
    ///
    /// # Errors
    /// Those of the database, where it may be tried again.
    pub(crate) async fn note(&mut self) -> Result<(), StoreError> {
        if self.moving.is_some() {
            let written = moved(&mut self.moving).await;
            let _ = self.moved(written);
        }
        while let Ok((parcel, attempt)) = self.outcomes.1.try_recv() {
            self.sent(&parcel, &attempt);
        }
        let Some(progress) = self.lanes.progress() else { return Ok(()) };
        let arrived = self.lanes.take_arrived();
        let deliveries = Deliveries { lease: Duration::ZERO, ..self.deliveries(progress, &arrived) };
        match self.means.writer.write(deliveries).await {
            Ok(_) | Err(StoreError::CursorFenced { .. } | StoreError::NotFound { .. }) => Ok(()),
            Err(error) => {
                self.lanes.keep_arrived(arrived);
                Err(error)
            }
        }
    }

    /// Waits for a move that is being written.
    pub(super) async fn settle(&mut self) -> Result<(), Ended> {
        if self.moving.is_none() {
            return Ok(());
        }
        let written = moved(&mut self.moving).await;
        self.moved(written)
    }

    /// Takes what came of the move that was being written.
    pub(super) fn moved(&mut self, written: Written) -> Result<(), Ended> {
        let Some(moving) = self.moving.take() else { return Ok(()) };
        match written {
            Ok(_) => {
                self.held_since(moving.asked, moving.to);
                self.lanes.moved(moving.to);
                Ok(())
            }
            Err(error) => {
                self.lanes.keep_arrived(moving.arrived);
                self.unwritten(&error)
            }
        }
    }

    fn begin_to_move(&mut self, progress: Progress) {
        let (to, asked, arrived) = (progress.to, Instant::now(), self.lanes.take_arrived());
        let deliveries = self.deliveries(progress, &arrived);
        let writing = self.means.writer.write(deliveries);
        self.moving = Some(Moving { to, asked, writing, arrived });
    }

    fn held_since(&mut self, asked: Instant, to: Position) {
        let lease = self.means.config.lease;
        (self.until, self.renew_at, self.held.to) = (asked + lease, asked + lease / 3, to);
    }

    fn unwritten(&mut self, error: &StoreError) -> Result<(), Ended> {
        if matches!(error, StoreError::CursorFenced { .. } | StoreError::NotFound { .. }) {
            return Err(Ended::Lost);
        }
        tracing::warn!("{}: what came of `{}` is noted later: {error}", error.code(), self.endpoint.name);
        let again = Instant::now() + AGAIN_AFTER;
        (self.write_at, self.renew_at) = (again, again);
        Ok(())
    }

    fn deliveries(&mut self, progress: Progress, arrived: &[KeptDelivery]) -> Deliveries {
        self.kept += arrived.len();
        let forgets = !arrived.is_empty() && self.kept >= FORGET_AFTER;
        if forgets {
            self.kept = 0;
        }
        Deliveries {
            subscription: self.job.subscription.id.clone(),
            moved: CursorMove { to: progress.to, ..self.held.clone() },
            lease: self.means.config.lease,
            delivered: progress.delivered,
            troubles: progress.troubles,
            aside: progress.aside,
            dead: progress.dead,
            attempts: progress.attempts,
            drained: progress.drained,
            held: progress.held,
            withheld: progress.withheld,
            passed: progress.passed,
            arrived: arrived.to_vec(),
            forgets,
        }
    }

    pub(super) async fn take_acts(&mut self) -> Result<(), StoreError> {
        let lanes = self.means.config.store.parked_lanes(&self.job.subscription.id).await?;
        self.lanes.acted(lanes);
        Ok(())
    }
}
