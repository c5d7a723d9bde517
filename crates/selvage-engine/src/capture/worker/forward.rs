//! Whether a system's time went on: one that was put back in time does not know what was captured since.

use jiff::Timestamp;
use selvage_model::code;

use super::{Halt, Worker};
use crate::capture::looking::Looking;

/// How many of the records that were written last are asked whether they still say so.
const NEWEST: usize = 40;
/// So many of them are enough to find that all of them are gone.
const ALL_GONE: usize = 20;

impl Worker<'_> {
    /// INVARIANT: NOTHING-LOST: a system that was put back in time is named, and nothing of it is told as deleted.
    pub(super) async fn ensure_forward(&self, looking: &Looking) -> Result<(), Halt> {
        let newest = self.shared.store.newest_captured(self.hold.capture, NEWEST).await?;
        let ids: Vec<i64> = newest.iter().map(|(record, _)| *record).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let now = looking.written(&ids).await.map_err(|trouble| self.trouble(&trouble))?;
        for (record, written) in &newest {
            if let Some(says) = now.get(record).filter(|says| *says < written) {
                let at = |second: i64| Timestamp::from_second(second).map(|at| at.to_string()).unwrap_or_default();
                let because = format!(
                    "`{}` {record} says that it was written at {}, and had already been written at {}",
                    self.watched.record,
                    at(*says),
                    at(*written)
                );
                return Err(Halt::Paused(code::CAPTURE_WENT_BACK, because));
            }
        }
        if now.is_empty() && ids.len() >= ALL_GONE {
            let because =
                format!("all {} records of `{}` that were written last are gone", ids.len(), self.watched.record);
            return Err(Halt::Paused(code::CAPTURE_WENT_BACK, because));
        }
        Ok(())
    }
}
