//! Operations as their consumer and the console see them: how they stand, and what is being done about them.

use selvage_model::exchange::Scope;
use selvage_model::manifest::api::Operation;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::operation::{OperationId, OperationState};
use selvage_model::overview::OperationRow;
use selvage_store::OperationRecord;
use serde_json::{Value, json};

use crate::answer;
use crate::asked;
use crate::reason::Reason;
use crate::scope;
use crate::shared::Shared;

const MOST_SHOWN: u32 = 200;

/// The body of `GET /operations/{id}`. Nobody but its consumer sees an operation; of its answer, what `covered` says.
pub(crate) async fn show(
    shared: &Shared,
    consumer: &ConsumerName,
    id: &OperationId,
    covered: impl FnOnce(&InterfaceRef) -> Option<Scope>,
) -> Option<Value> {
    let record = match shared.store.operation(id).await {
        Ok(record) => record?,
        Err(error) => {
            tracing::warn!(%id, %error, "operation not read");
            return None;
        }
    };
    let is_theirs = &record.consumer == consumer && is_here(shared, &record);
    is_theirs.then(|| body(&record, covered(&record.interface).as_ref()))
}

/// Operations of this environment, or of none, without an outcome, for the console. Those that were given back wait for their consumer, not for us.
pub(crate) async fn unresolved(shared: &Shared) -> Vec<OperationRow> {
    let records = shared.store.unresolved(MOST_SHOWN).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "unresolved operations not read");
        Vec::new()
    });
    let waiting =
        |record: &&OperationRecord| is_here(shared, record) && !matches!(Reason::of(record), Reason::GivenBack(_));
    let row = |record: &OperationRecord| OperationRow {
        id: record.id.to_string(),
        what: format!("{} {}", record.interface, record.operation),
        consumer: record.consumer.to_string(),
        since: record.created,
        state: word(record).to_owned(),
        note: note(record),
    };
    records.iter().filter(waiting).map(row).collect()
}

/// Whether it is of the environment of this node, or of none: then it may be.
fn is_here(shared: &Shared, record: &OperationRecord) -> bool {
    record.environment.as_ref().is_none_or(|environment| environment == &shared.config.environment)
}

fn body(record: &OperationRecord, scope: Option<&Scope>) -> Value {
    let then = asked::scope_of(record);
    let mut masked: Vec<&str> = Vec::new();
    for part in then.masked.iter().chain(scope.iter().flat_map(|scope| &scope.masked)) {
        if !masked.contains(&part.pointer.as_str()) {
            masked.push(&part.pointer);
        }
    }
    let mut answer = match &record.state {
        OperationState::Done(answer) => scope
            .and_then(|scope| answer::body_within(answer, scope, &then))
            .map_or(Value::Null, |body| json!({"status": answer.status, "body": body, "location": answer.location})),
        OperationState::Refused(answer) => {
            let mut body = answer.body.clone();
            scope::veil_body(&mut body, !masked.is_empty());
            json!({"status": answer.status, "body": body, "location": answer.location})
        }
        OperationState::Pending | OperationState::Unknown { .. } | OperationState::Stuck { .. } => Value::Null,
    };
    if let (OperationState::Done(_), false, Some(members)) = (&record.state, masked.is_empty(), answer.as_object_mut())
    {
        members.insert("masked".to_owned(), json!(masked));
    }
    json!({
        "id": record.id.as_str(),
        "state": word(record),
        "interface": record.interface.to_string(),
        "operation": record.operation.as_str(),
        "created_at": record.created.to_string(),
        "note": note(record),
        "answer": answer,
    })
}

/// `pending`, `unknown`, `given-back`, `done`, `refused` or `stuck`. What was given back has sent nothing that could be in
/// doubt, and goes on only when its consumer sends it again: whoever waits for its end must be told so.
fn word(record: &OperationRecord) -> &'static str {
    match (&record.state, Reason::of(record)) {
        (OperationState::Unknown { .. }, Reason::GivenBack(_)) => "given-back",
        (OperationState::Unknown { .. }, Reason::AskedAgain) => "pending",
        (state, _) => state.as_str(),
    }
}

fn note(record: &OperationRecord) -> String {
    let because = record.because.as_deref().unwrap_or("no answer came");
    match (&record.state, Reason::of(record)) {
        (OperationState::Done(_), _) => "done, and read back".to_owned(),
        (OperationState::Refused(_), _) if record.operation == Operation::Create || record.effects.is_empty() => {
            "refused; nothing was changed".to_owned()
        }
        // A verb is several calls: the ones before the refusal may stand.
        (OperationState::Refused(_), _) => "refused; the record did not come to what was asked for".to_owned(),
        (OperationState::Stuck { because }, _) => format!("a person has to decide: {because}"),
        (_, Reason::GivenBack(why)) => {
            format!("nothing was done ({why}); send the request again with the same key, or leave it")
        }
        (_, Reason::AskedAgain) | (OperationState::Pending, _) => "it is being worked on".to_owned(),
        (OperationState::Unknown { probe_at, probes }, _) => {
            format!("its outcome is not known ({because}); it is looked up at {probe_at}, {probes} times so far")
        }
    }
}
