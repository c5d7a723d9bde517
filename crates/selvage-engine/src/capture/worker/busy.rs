//! Records that an operation of Selvage is in: what it leaves there is not known yet, so they are looked at again when it is. Otherwise
//! the hint of the system's webhook, which comes before the operation has read back, would tell the echo as anybody's change.

use selvage_store::{CaptureStage, Captured};

use super::{Halt, Worker};
use crate::capture::looking::Looking;
use crate::job::MODULE;

impl Worker<'_> {
    /// Those of these records.
    pub(super) async fn busy(&self, looking: &Looking, ids: &[i64], known: &[Captured]) -> Result<Vec<i64>, Halt> {
        if self.state.stage == CaptureStage::Baseline {
            return Ok(Vec::new());
        }
        let lane = |id: &i64| format!("{}/{}/{id}", self.watched.system(), self.watched.record);
        let lanes: Vec<String> = ids.iter().map(lane).collect();
        let occupied = self.shared.store.occupied_lanes(&lanes).await?;
        let mut busy: Vec<i64> = ids.iter().copied().filter(|id| occupied.contains(&lane(id))).collect();
        busy.extend(self.being_made(looking, ids, known).await?);
        Ok(busy)
    }

    /// New records that a create of Selvage, which is not settled yet, has made.
    async fn being_made(&self, looking: &Looking, ids: &[i64], known: &[Captured]) -> Result<Vec<i64>, Halt> {
        let new: Vec<i64> = ids.iter().copied().filter(|id| known.iter().all(|known| known.record != *id)).collect();
        let system = self.watched.served.connection.system();
        if new.is_empty() || !self.shared.active().makes(system, &self.watched.record) {
            return Ok(Vec::new());
        }
        let names = looking.external_ids(&new).await.map_err(|trouble| self.trouble(&trouble))?;
        let made =
            names.iter().filter_map(|(id, name)| Some((*id, name.strip_prefix(MODULE)?.strip_prefix('.')?.to_owned())));
        let (ids, operations): (Vec<i64>, Vec<String>) = made.unzip();
        let open = self.shared.store.open_operations(&operations).await?;
        let of_open = ids.into_iter().zip(&operations).filter(|(_, operation)| open.contains(operation));
        Ok(of_open.map(|(id, _)| id).collect())
    }
}
