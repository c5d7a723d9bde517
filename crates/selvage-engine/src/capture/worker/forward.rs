//! Whether a system's time went on: one that was put back in time does not know what was captured since.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::code;
use selvage_store::{Captured, Standing, Unmoved};

use super::{Halt, Worker};
use crate::capture::compare::Seen;
use crate::capture::looking::Looking;

/// How many of the records that were written last are asked whether they still say so.
const NEWEST: usize = 40;
/// So many of them are enough to find that all of them are gone.
const ALL_GONE: usize = 20;
/// So many of the records that were made last are not deleted together, with nothing made since.
const LAST_MADE: usize = 10;

impl Worker<'_> {
    /// INVARIANT: NOTHING-LOST: a system that was put back in time is named, and nothing of it is told as deleted.
    pub(super) async fn ensure_forward(&self, looking: &Looking) -> Result<(), Halt> {
        if self.state.stage.is_by_word() {
            return Ok(());
        }
        let (store, capture) = (&self.shared.store, self.hold.capture);
        let newest = store.newest_captured(capture, NEWEST).await?;
        let last_made = store.highest_captured(capture, LAST_MADE).await?;
        let ids: BTreeSet<i64> = newest.iter().chain(&last_made).map(|known| known.record).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let now = looking.seconds(&ids).await.map_err(|trouble| self.trouble(&trouble))?;
        let both = newest.iter().chain(&last_made).filter_map(|known| Some((known, now.get(&known.record)?)));
        for (known, says) in both {
            self.ensure_later(known, says, looking.present())?;
        }
        let record = &self.watched.record;
        let is_gone = |known: &Unmoved| !now.contains_key(&known.record);
        if newest.len() >= ALL_GONE && newest.iter().all(is_gone) {
            let because = format!("all {} records of `{record}` that were written last are gone", newest.len());
            return Err(Halt::Paused(code::CAPTURE_WENT_BACK, because));
        }
        if let Some(last) = last_made.first().filter(|_| last_made.len() == LAST_MADE && last_made.iter().all(is_gone))
        {
            let later = looking.all_after(last.record, 1).await.map_err(|trouble| self.trouble(&trouble))?;
            if later.is_empty() {
                let because = format!(
                    "the {LAST_MADE} records of `{record}` that were made last are gone, and none was made since"
                );
                return Err(Halt::Paused(code::CAPTURE_WENT_BACK, because));
            }
        }
        Ok(())
    }

    /// Of what was written in a second that is still to come for the system, its clock is behind, and not its records.
    fn ensure_later(&self, known: &Unmoved, says: &Unmoved, present: Option<i64>) -> Result<(), Halt> {
        self.ensure_same(known.record, known.created, says.created)?;
        let to_come = present.is_some_and(|present| known.written > present);
        if says.written >= known.written || to_come {
            return Ok(());
        }
        let because = format!(
            "`{}` {} says that it was written at {}, and had already been written at {}",
            self.watched.record,
            known.record,
            moment(says.written),
            moment(known.written)
        );
        Err(Halt::Paused(code::CAPTURE_WENT_BACK, because))
    }

    /// No system gives an id twice: a record with the id of another is one of an older database that went on.
    pub(super) fn ensure_nobody_elses(&self, known: &[Captured], seen: &[Seen]) -> Result<(), Halt> {
        if self.state.stage.is_by_word() {
            return Ok(());
        }
        for seen in seen {
            // One that was gone before a person's last word may have lost its id by that.
            let counts = |known: &&Captured| {
                known.record == seen.record
                    && (known.standing != Standing::Gone || known.generation == self.state.generation)
            };
            if let Some(known) = known.iter().find(counts) {
                self.ensure_same(known.record, known.created, seen.created)?;
            }
        }
        Ok(())
    }

    fn ensure_same(&self, record: i64, known: Option<i64>, says: Option<i64>) -> Result<(), Halt> {
        match (known, says) {
            (Some(known), Some(says)) if known != says => {
                let because = format!(
                    "`{}` {record} says that it was made at {}, and the one with this id was made at {}",
                    self.watched.record,
                    moment(says),
                    moment(known)
                );
                Err(Halt::Paused(code::CAPTURE_WENT_BACK, because))
            }
            _ => Ok(()),
        }
    }
}

fn moment(second: i64) -> String {
    Timestamp::from_second(second).map(|at| at.to_string()).unwrap_or_default()
}
