//! Writes: one operation for one key, whoever asks how often.
//!
//! A write is checked, claims its key, and is carried through by a task of its own, so that a caller who stops waiting
//! stops nothing. The answer is kept for the key:
//!
//! - done or refused: the same key gets the same answer again;
//! - not known, or not known within the caller's patience: 202, and the operation says what is being done about it;
//! - the system could not take it and surely did nothing: 503, and the operation is *given back*. It is not pushed any
//!   further by itself. The same request with the same key makes it due again; whoever takes it then carries it out
//!   under the same operation. Nobody asks again within the lifetime of keys: it is refused for good.
//!   A verb of which a part was sent is never given back but carried through.
//!
//! While a request is worked on, the same key gets 409 with `Retry-After: 1`. An operation that is parked begins nothing; a
//! key of an earlier write is answered all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_store::{Claim, NewClaim};
use tokio::sync::oneshot;

use crate::asked::Asked;
use crate::deed::Deed;
use crate::drive::{Drive, Ending};
use crate::hold::Hold;
use crate::job::Draft;
use crate::reach;
use crate::same;
use crate::shared::Shared;
use crate::state::{Event, Phase, Progress};
use crate::{answer, body, payload, query};

/// A keyed write waits this long for its claim. INVARIANT: SHIELDED-PATH
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

/// What came of a claim, for whoever waits.
enum Claimed {
    /// The answer is there.
    Answer(MediatedAnswer),
    /// It is being worked on.
    Operation(OperationId),
}

/// Answers a write.
pub(crate) async fn execute(shared: &Arc<Shared>, request: MediatedRequest) -> MediatedAnswer {
    let begun = Instant::now();
    let patience = request.patience;
    let (draft, claim) = match checked(shared, &request) {
        Ok(checked) => checked,
        Err(problem) => return refused(problem),
    };
    if let Err(parked) = draft.served.parking.admit(draft.kind, &claim.interface) {
        return while_parked(&draft, &claim, parked, patience).await;
    }
    let (tell_claimed, claimed) = oneshot::channel();
    let (tell_ended, ended) = oneshot::channel();
    // INVARIANT: ONE-EFFECT: from here on the write is its own task's; dropping this future ends nothing.
    shared.runtime.spawn(async move {
        if let Some(answer) = carry(draft, claim, patience, tell_claimed).await {
            let _ = tell_ended.send(answer);
        }
    });
    let operation = match tokio::time::timeout(CLAIM_PATIENCE, claimed).await {
        Ok(Ok(Claimed::Answer(answer))) => return answer,
        Ok(Ok(Claimed::Operation(operation))) => operation,
        Ok(Err(_)) | Err(_) => return refused(claim_late()),
    };
    match tokio::time::timeout(patience.saturating_sub(begun.elapsed()), ended).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => MediatedAnswer::Accepted { operation },
    }
}

/// Everything that can be said without the key and without the system.
fn checked(shared: &Arc<Shared>, request: &MediatedRequest) -> Result<(Draft, NewClaim), Problem> {
    let active = shared.active();
    let served = reach::declared(&active, &request.interface, request.operation)?;
    query::none(&request.query)?;
    let Some(key) = request.key.clone() else {
        return Err(Problem::new(400, code::WRITE_WITHOUT_KEY, "a write needs an `Idempotency-Key`"));
    };
    let body = body::checked(&active, &served, request)?;
    let asked = Asked::of(request, body);
    let claim = NewClaim {
        consumer: request.consumer.clone(),
        interface: request.interface.clone(),
        operation: request.operation,
        key,
        payload_hash: payload::hash(request.id.as_deref(), request.body.as_ref(), request.if_match.as_deref()),
        request: asked.keep(),
        node: shared.config.node.clone(),
        lease: shared.config.lease,
    };
    let draft = Draft { shared: Arc::clone(shared), active, served, kind: request.operation, asked };
    Ok((draft, claim))
}

/// The answer where the operation is parked: nothing is begun, and a key that has its operation already is told of it.
async fn while_parked(draft: &Draft, claim: &NewClaim, parked: Problem, patience: Duration) -> MediatedAnswer {
    let look = tokio::time::timeout(CLAIM_PATIENCE, draft.shared.store.claimed(claim)).await;
    match look {
        Ok(Ok(None)) => refused(parked),
        Ok(Ok(Some(Claim::OtherPayload { operation }))) => refused(key_reused(&operation)),
        Ok(Ok(Some(Claim::New { operation, .. } | Claim::Same { operation, .. }))) => {
            let stands = same::without_beginning(&draft.shared, &operation, &draft.asked.scope, patience);
            stands.await.unwrap_or_else(|| refused(parked))
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "key not looked for");
            refused(claim_late())
        }
        Err(_) => refused(claim_late()),
    }
}

/// Claims the key and carries the write through; the answer for whoever still waits.
async fn carry(
    draft: Draft,
    claim: NewClaim,
    patience: Duration,
    tell: oneshot::Sender<Claimed>,
) -> Option<MediatedAnswer> {
    let since = Instant::now();
    let shared = Arc::clone(&draft.shared);
    let claimed = shared.store.claim(&claim).await;
    let (operation, epoch) = match claimed {
        Ok(Claim::New { operation, epoch }) => (operation, epoch),
        Ok(Claim::Same { operation, .. }) => {
            return taken(&draft, operation, patience, tell).await;
        }
        Ok(Claim::OtherPayload { operation }) => {
            let _ = tell.send(Claimed::Answer(refused(key_reused(&operation))));
            return None;
        }
        Err(error) => {
            tracing::warn!(%error, "key not claimed");
            let _ = tell.send(Claimed::Answer(refused(claim_late())));
            return None;
        }
    };
    let job = draft.job(operation.clone());
    let hold = Hold::begin(shared.store.clone(), operation.clone(), epoch, shared.config.lease, since);
    let _ = tell.send(Claimed::Operation(operation.clone()));
    let deed = Deed::new(job.kind, &job.served);
    let progress = Progress { phase: Phase::Claimed, proof: deed.proof(), tries: 0, sends: 0, probes: 0 };
    let ending = Box::pin(Drive::new(&job, hold, deed, progress).run(Event::Begun)).await;
    let correlation = job.asked.correlation.as_str();
    tracing::info!(%operation, correlation, verb = %job.kind, ending = ending.as_str(), ms = since.elapsed().as_millis(), "write");
    Some(match ending {
        Ending::Done(kept) => answer::fresh(kept),
        Ending::Refused(problem) | Ending::GivenBack(problem) => refused(problem),
        Ending::Open | Ending::Lost => MediatedAnswer::Accepted { operation },
    })
}

/// The key has its operation already.
async fn taken(
    draft: &Draft,
    operation: OperationId,
    patience: Duration,
    tell: oneshot::Sender<Claimed>,
) -> Option<MediatedAnswer> {
    let (shared, scope) = (&draft.shared, &draft.asked.scope);
    match same::stands(shared, &operation, scope, patience).await {
        same::Standing::Answer(answer) => {
            let _ = tell.send(Claimed::Answer(answer));
            None
        }
        same::Standing::Again => {
            let _ = tell.send(Claimed::Operation(operation.clone()));
            Some(same::wait(shared, &operation, scope, patience).await)
        }
    }
}

fn key_reused(operation: &OperationId) -> Problem {
    Problem::new(422, code::KEY_REUSED, format!("the key was used for another request: operation `{operation}`"))
}

fn claim_late() -> Problem {
    let detail = "the key could not be claimed in time: send the same request again with the same key";
    Problem::new(503, code::CLAIM_LATE, detail).retry_after(1)
}

fn refused(problem: Problem) -> MediatedAnswer {
    MediatedAnswer::Refused { problem, replayed: false }
}
