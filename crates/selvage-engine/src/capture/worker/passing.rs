//! Going through all records: at the beginning, and when a person wants it. Page by page; a node that goes on for another begins
//! where that one was.

use std::time::Instant;

use selvage_connect::odoo::Cursor;
use selvage_store::{CaptureStage, CaptureState, CaptureStep};

use super::clock::not_ahead;
use super::{Halt, PAGE, Worker};
use crate::capture::looking::Looking;

impl Worker<'_> {
    /// One page of it. Behind the last, what was not seen is looked for, and then what changes is followed.
    pub(super) async fn pass(&mut self, looking: &Looking) -> Result<(), Halt> {
        let (began, began_at) = (Instant::now(), self.shared.store.now().await?);
        let cursor: Option<Cursor> = self.state.place.as_deref().and_then(|place| place.parse().ok());
        if cursor.is_none() {
            self.ensure_forward(looking).await?;
            // What is not committed yet had begun at most the overlap before this.
            let newest = looking.newest().await.map_err(|trouble| self.trouble(&trouble))?;
            self.state.settled = not_ahead(newest, looking.present());
        }
        let (seen, next) = looking.page(0, cursor, PAGE).await.map_err(|trouble| self.trouble(&trouble))?;
        let front = seen.iter().map(|seen| seen.written).max().unwrap_or_default().max(self.state.front);
        let front = not_ahead(front, looking.present());
        let mut step = self.learned(looking, seen).await?;
        let place = next.map(|next| next.to_string());
        let is_last = place.is_none();
        step.progress =
            Some(CaptureState { place: place.or_else(|| self.state.place.clone()), front, ..self.state.clone() });
        self.write(step).await?;
        if is_last {
            self.unseen(looking).await?;
            let progress = Some(CaptureState {
                stage: CaptureStage::Following,
                place: None,
                looked_at: Some(began_at),
                reconciled_at: Some(began_at),
                ..self.state.clone()
            });
            let step = CaptureStep { progress, ..CaptureStep::default() };
            self.write(step).await?;
            self.looked = Some(began);
        }
        Ok(())
    }

    /// Records that are known and were not seen: they are gone, or have changed while others were read.
    async fn unseen(&mut self, looking: &Looking) -> Result<(), Halt> {
        let mut after = 0;
        let mut gone: Vec<i64> = Vec::new();
        loop {
            let known = self.shared.store.captured_ids(self.hold.capture, after, PAGE).await?;
            let Some(last) = known.last() else { break };
            after = last.record;
            let unseen: Vec<i64> =
                known.iter().filter(|of| of.generation < self.state.generation).map(|of| of.record).collect();
            if unseen.is_empty() {
                continue;
            }
            let there = looking.these(&unseen).await.map_err(|trouble| self.trouble(&trouble))?;
            gone.extend(unseen.iter().filter(|id| there.iter().all(|seen| seen.record != **id)));
            let step = self.learned(looking, there).await?;
            self.write(step).await?;
            // Where a person has said how it goes on, they know what is gone.
            if self.state.stage == CaptureStage::Rebuilding {
                self.ensure_few(gone.len()).await?;
            }
        }
        self.lose(looking, &gone).await
    }
}
