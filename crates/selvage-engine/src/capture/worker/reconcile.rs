//! Deleted records, found by comparing which ids there are with which are known; nothing else tells of them. And those that came
//! without having been written: a right or a company more. And those that were written when the system's clock was behind what it had
//! been before: no look at what is new finds them.

use jiff::Timestamp;
use selvage_model::code;
use selvage_store::{CaptureState, CaptureStep, CapturedId};

use super::{Halt, PAGE, Worker};
use crate::capture::compare;
use crate::capture::looking::Looking;

/// Ids that are compared at once.
const IDS: usize = 1_000;
/// So many may always be gone.
const FEW: usize = 20;
/// And one of so many.
const SHARE: u64 = 5;

impl Worker<'_> {
    /// Compares ids, where that is declared and its time has come.
    pub(super) async fn reconcile_if_due(&mut self, looking: &Looking) -> Result<(), Halt> {
        let Some(every) = self.watched.declared.reconcile_deletes else { return Ok(()) };
        let now = self.shared.store.now().await?;
        let since = self.state.reconciled_at.map(|at| now.duration_since(at).unsigned_abs());
        if since.is_some_and(|since| since < every) {
            return Ok(());
        }
        self.reconcile(looking).await?;
        let progress = Some(CaptureState { reconciled_at: Some(now), ..self.state.clone() });
        self.write(CaptureStep { progress, ..CaptureStep::default() }).await
    }

    async fn reconcile(&mut self, looking: &Looking) -> Result<(), Halt> {
        self.ensure_forward(looking).await?;
        let mut gone = Vec::new();
        let mut after = 0;
        loop {
            let there = looking.all_after(after, IDS).await.map_err(|trouble| self.trouble(&trouble))?;
            let is_last = there.len() < IDS;
            let until = if is_last { i64::MAX } else { there.last().map_or(i64::MAX, |(record, _)| *record) };
            let known = self.known_between(after, until).await?;
            let is_gone = |of: &&CapturedId| there.binary_search_by_key(&of.record, |(record, _)| *record).is_err();
            gone.extend(known.iter().filter(is_gone).map(|of| of.record));
            self.ensure_few(gone.len()).await?;
            // INVARIANT: NOTHING-LOST: whichever way a system's clock goes, another second is another second.
            let is_known = |(record, written): &(i64, i64)| {
                let of = known.binary_search_by_key(record, |of| of.record).ok().and_then(|index| known.get(index));
                of.is_some_and(|of| of.written == *written)
            };
            let other: Vec<i64> = there.iter().filter(|of| !is_known(of)).map(|(record, _)| *record).collect();
            for page in other.chunks(PAGE) {
                let seen = looking.these(page).await.map_err(|trouble| self.trouble(&trouble))?;
                let step = self.learned(looking, seen).await?;
                self.write(step).await?;
            }
            if is_last {
                break;
            }
            after = until;
        }
        self.lose(looking, &gone).await
    }

    /// What is known behind one id and up to another.
    async fn known_between(&self, mut after: i64, until: i64) -> Result<Vec<CapturedId>, Halt> {
        let mut found: Vec<CapturedId> = Vec::new();
        loop {
            let page = self.shared.store.captured_ids(self.hold.capture, after, IDS).await?;
            let full = page.len() == IDS;
            let before = found.len();
            found.extend(page.iter().filter(|of| of.record <= until));
            if !full || found.len() - before < page.len() {
                return Ok(found);
            }
            after = found.last().map_or(until, |of| of.record);
        }
    }

    /// Stops where more are gone than are told unasked.
    pub(super) async fn ensure_few(&self, gone: usize) -> Result<(), Halt> {
        if gone <= FEW {
            return Ok(());
        }
        let known = self.shared.store.captured_count(self.hold.capture).await?;
        if (gone as u64).saturating_mul(SHARE) <= known {
            return Ok(());
        }
        let because = format!("at least {gone} of {known} records of `{}` are not there any more", self.watched.record);
        Err(Halt::Paused(code::CAPTURE_MANY_GONE, because))
    }

    /// Tells of records that are gone, a page at a time.
    pub(super) async fn lose(&mut self, looking: &Looking, gone: &[i64]) -> Result<(), Halt> {
        for page in gone.chunks(PAGE) {
            let known = self.shared.store.captured(self.hold.capture, page).await?;
            let mut step = CaptureStep::default();
            for known in &known {
                compare::lost(&self.watched, self.during(&looking.stamps), known, Timestamp::now(), &mut step);
            }
            self.write(step).await?;
        }
        Ok(())
    }
}
