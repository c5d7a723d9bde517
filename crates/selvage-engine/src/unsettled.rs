//! Records whose last write has no known outcome. A verb does not overtake such a write: done late, it would set the
//! record back. Marks are made at once in the node that wrote and gathered from the store for what other nodes wrote.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use selvage_model::code;
use selvage_model::manifest::api::Operation;
use selvage_model::operation::{OperationId, OperationState};
use selvage_model::problem::Problem;
use selvage_store::{OperationRecord, Store};
use serde_json::Value;

use crate::lane::RecordKey;
use crate::reason::Reason;

/// Marks by record.
#[derive(Default)]
pub(crate) struct Unsettled {
    marks: Mutex<HashMap<RecordKey, OperationId>>,
}

impl Unsettled {
    /// The outcome of this operation on this record is not known.
    pub(crate) fn mark(&self, key: RecordKey, operation: &OperationId) {
        // The first mark stays: of several, the write that came first is settled first.
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.entry(key).or_insert_with(|| operation.clone());
    }

    /// Marks what the store says of writes by any node.
    pub(crate) fn gather(&self, records: &[OperationRecord]) {
        for record in records.iter().filter(|record| is_doubtful(record)) {
            if let Some(key) = record_key(record) {
                self.mark(key, &record.id);
            }
        }
    }

    /// Why another operation on this record has to wait.
    pub(crate) async fn before(&self, store: &Store, key: &RecordKey, own: &OperationId) -> Option<Problem> {
        let other = self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()?;
        if &other == own {
            return None;
        }
        // The mark says where to look; the store says how it stands.
        let settled = match store.operation(&other).await {
            Ok(record) => record.is_none_or(|record| !is_doubtful(&record)),
            Err(_) => false,
        };
        if settled {
            let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            if marks.get(key) == Some(&other) {
                marks.remove(key);
            }
            return None;
        }
        let detail = format!("an earlier write on this record has no known outcome yet: see operation `{other}`");
        Some(Problem::new(503, code::RECORD_UNSETTLED, detail).retry_after(5))
    }
}

fn is_doubtful(record: &OperationRecord) -> bool {
    let given_back = matches!(Reason::of(record), Some(Reason::GivenBack(_) | Reason::AskedAgain));
    matches!(record.state, OperationState::Unknown { .. }) && !given_back
}

fn record_key(record: &OperationRecord) -> Option<RecordKey> {
    if record.operation == Operation::Create {
        return None;
    }
    let effect = &record.effects.last()?.effect;
    let part = |name: &str| effect.target.get(name);
    Some((effect.system.clone(), part("record")?.as_str()?.to_owned(), part("id").and_then(Value::as_i64)?))
}
