//! A key that has its operation already: its answer again, where to look, or the operation made due once more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_model::operation::{OperationId, OperationState};
use selvage_model::problem::Problem;
use selvage_store::{OperationRecord, StoreError};

use crate::answer;
use crate::asked;
use crate::drive::given_back;
use crate::reason::Reason;
use crate::shared::Shared;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the key gets.
pub(crate) enum Standing {
    /// This.
    Answer(MediatedAnswer),
    /// It was given back and is due again: wait for it.
    Again,
}

/// How the operation of a key stands for another request with it.
pub(crate) async fn stands(
    shared: &Arc<Shared>,
    operation: &OperationId,
    scope: &Scope,
    patience: Duration,
) -> Standing {
    let record = match shared.store.operation(operation).await {
        Ok(Some(record)) => record,
        Ok(None) | Err(_) => return Standing::Answer(in_flight()),
    };
    match as_it_stands(&record, scope, patience) {
        Some(answer) => Standing::Answer(answer),
        None => make_due(shared, &record).await,
    }
}

/// The same where nothing may be begun: `None` for what was given back.
pub(crate) async fn without_beginning(
    shared: &Arc<Shared>,
    operation: &OperationId,
    scope: &Scope,
    patience: Duration,
) -> Option<MediatedAnswer> {
    match shared.store.operation(operation).await {
        Ok(Some(record)) => as_it_stands(&record, scope, patience),
        Ok(None) | Err(_) => Some(in_flight()),
    }
}

/// What the key is told of its operation; `None` where that was given back and can be begun once more.
fn as_it_stands(record: &OperationRecord, scope: &Scope, patience: Duration) -> Option<MediatedAnswer> {
    if let Some(answer) = answer::again(&record.state, scope, &asked::scope_of(record)) {
        return Some(answer);
    }
    match (&record.state, Reason::of(record)) {
        (OperationState::Unknown { .. }, Reason::GivenBack(_)) => None,
        (OperationState::Pending, _) | (_, Reason::AskedAgain) if is_fresh(record, patience) => Some(in_flight()),
        _ => Some(MediatedAnswer::Accepted { operation: record.id.clone() }),
    }
}

/// Waits until an operation that was made due ends, is given back again, or the caller's patience does.
pub(crate) async fn wait(
    shared: &Arc<Shared>,
    operation: &OperationId,
    scope: &Scope,
    patience: Duration,
) -> MediatedAnswer {
    let begun = Instant::now();
    let accepted = || MediatedAnswer::Accepted { operation: operation.clone() };
    while begun.elapsed() < patience {
        tokio::time::sleep(LOOK_EVERY).await;
        let Ok(Some(record)) = shared.store.operation(operation).await else { continue };
        if let Some(answer) = answer::again(&record.state, scope, &asked::scope_of(&record)) {
            return first_time(answer);
        }
        match (&record.state, Reason::of(&record)) {
            (OperationState::Unknown { .. }, Reason::GivenBack(why)) => {
                let problem = given_back(&Problem::new(503, code::GIVEN_BACK, why));
                return MediatedAnswer::Refused { problem, replayed: false };
            }
            (OperationState::Pending, _) | (_, Reason::AskedAgain) => {}
            _ => return accepted(),
        }
    }
    accepted()
}

/// Makes a given-back operation due. Whoever takes it raises its epoch, so two who ask at once do it once.
async fn make_due(shared: &Arc<Shared>, record: &OperationRecord) -> Standing {
    match shared.store.ask_again(&record.id, record.epoch).await {
        Ok(()) => {
            shared.due.notify_one();
            Standing::Again
        }
        // Somebody else asked again and it was taken already.
        Err(StoreError::Fenced { .. }) => Standing::Answer(in_flight()),
        Err(error) => {
            tracing::warn!(operation = %record.id, %error, "operation not made due");
            Standing::Answer(in_flight())
        }
    }
}

/// Whether whoever works on it may still be waited for by its first caller.
fn is_fresh(record: &OperationRecord, patience: Duration) -> bool {
    let since = match &record.state {
        OperationState::Unknown { probe_at, .. } => *probe_at,
        _ => record.created,
    };
    let age = Timestamp::now().duration_since(since);
    age.is_negative() || age.unsigned_abs() <= patience
}

fn in_flight() -> MediatedAnswer {
    let detail = "a request with this key is being worked on";
    let problem = Problem::new(409, code::KEY_IN_FLIGHT, detail).retry_after(1);
    MediatedAnswer::Refused { problem, replayed: false }
}

/// The first answer of an operation that was carried out because it was asked for again.
fn first_time(answer: MediatedAnswer) -> MediatedAnswer {
    match answer {
        MediatedAnswer::Done { status, body, location, etag, next, age, found, .. } => {
            MediatedAnswer::Done { status, body, location, etag, next, age, replayed: false, found }
        }
        MediatedAnswer::Refused { problem, .. } => MediatedAnswer::Refused { problem, replayed: false },
        accepted @ MediatedAnswer::Accepted { .. } => accepted,
    }
}
