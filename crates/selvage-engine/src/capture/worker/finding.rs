//! By what a copy finds its records. Where the copy is switched on for records that are known already, or the object has other attributes
//! than before, that is written for all of them from what is known: the system is asked nothing. Meanwhile lists go through all records.

use serde_json::Value;

use super::{Halt, Worker};
use crate::capture::compare;

/// Records that are written at once.
const PAGE: usize = 500;

impl Worker<'_> {
    /// Another page of it; whether all of it is written.
    pub(super) async fn find(&mut self) -> Result<bool, Halt> {
        let object = &self.watched.served.object;
        let wanted = self.watched.copy.then(|| compare::found_by(object));
        if self.found_by == wanted {
            return Ok(true);
        }
        let store = &self.shared.store;
        if self.found_by.is_some() {
            // What changes from now on is written as it is wanted now.
            store.captured_found_by(self.hold, None).await?;
            self.found_by = None;
        }
        let Some(wanted) = wanted else { return Ok(true) };
        let mut records = store.captured_behind(self.hold.capture, self.found_to, PAGE).await?;
        let Some(last) = records.last().map(|last| last.record) else {
            store.captured_found_by(self.hold, Some(&wanted)).await?;
            self.found_by = Some(wanted);
            return Ok(true);
        };
        for record in &mut records {
            let content = serde_json::from_str(&record.content).unwrap_or(Value::Null);
            record.values = compare::values(object, &content);
        }
        store.find_captured(self.hold, &records).await?;
        self.found_to = last;
        Ok(false)
    }
}
