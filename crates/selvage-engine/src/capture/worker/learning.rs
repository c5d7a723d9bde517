//! What records that were read teach, beside what is known of them, and the writing of it.

use jiff::Timestamp;
use selvage_store::{CaptureStep, Captured, Echo};

use super::{Halt, Worker};
use crate::capture::compare::{self, Seen};
use crate::capture::echo;
use crate::capture::looking::Looking;

impl Worker<'_> {
    /// What these records teach beside what is known of them.
    pub(super) async fn learned(&self, looking: &Looking, seen: Vec<Seen>) -> Result<CaptureStep, Halt> {
        let store = &self.shared.store;
        let ids: Vec<i64> = seen.iter().map(|seen| seen.record).collect();
        let known = store.captured(self.hold.capture, &ids).await?;
        self.ensure_nobody_elses(&known, &seen)?;
        // Asked in this order: whoever is not in a record any more has said what it left.
        let busy = self.busy(looking, &ids, &known).await?;
        let echoes = store.echoes(self.hold.capture, &ids).await?;
        let mut step = CaptureStep { again: busy, ..CaptureStep::default() };
        for seen in &seen {
            if step.again.contains(&seen.record) {
                continue;
            }
            let known = known.iter().find(|known| known.record == seen.record);
            let of_record: Vec<&Echo> = echoes.iter().filter(|echo| echo.record == seen.record).collect();
            let echo = match &seen.object {
                Ok(object) if !of_record.is_empty() => {
                    let before = known.and_then(compare::last_told);
                    echo::heard(before.as_ref(), object, &looking.stamps, &of_record)
                }
                _ => None,
            };
            let effect = echo.map(|echo| echo.effect.as_str());
            compare::learn(&self.watched, self.during(&looking.stamps), known, seen, effect, &mut step);
            step.heard.extend(echo.cloned());
        }
        Ok(step)
    }

    /// Adds to the step that those of these records are gone that it does not speak of.
    pub(super) async fn missing(&self, looking: &Looking, ids: &[i64], step: &mut CaptureStep) -> Result<(), Halt> {
        let of_step = |id: &i64| {
            let known = step.known.iter().map(|known| known.record);
            let others = step
                .seen
                .iter()
                .map(|seen| seen.record)
                .chain(step.parked.iter().map(|of| of.record))
                .chain(step.again.iter().copied());
            known.chain(others).any(|record| record == *id)
        };
        let gone: Vec<i64> = ids.iter().copied().filter(|id| !of_step(id)).collect();
        let known: Vec<Captured> = self.shared.store.captured(self.hold.capture, &gone).await?;
        // What was parked before anything was known of it.
        step.forgotten = gone.iter().copied().filter(|id| known.iter().all(|known| known.record != *id)).collect();
        for known in &known {
            compare::lost(&self.watched, self.during(&looking.stamps), known, Timestamp::now(), step);
        }
        Ok(())
    }

    pub(super) async fn write(&mut self, step: CaptureStep) -> Result<(), Halt> {
        self.shared.store.capture(self.hold, self.state.generation, &step).await?;
        self.events += step.events.len() as u64;
        if let Some(state) = step.progress {
            self.state = state;
        }
        if !step.parked.is_empty() {
            self.parked = self.parked.max(step.parked.len() as u64);
            for parked in &step.parked {
                let (interface, record, code) = (&self.watched.interface, parked.record, &parked.code);
                tracing::warn!(%interface, record, code, "a record is parked in its capture");
            }
        }
        Ok(())
    }
}
