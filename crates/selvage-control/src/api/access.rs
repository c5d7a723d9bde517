//! Requests for access over HTTP, what should not be so, and what owners were told of what ends.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_governance::access::{Known, deciders_beside, review};
use selvage_model::access::GrantTerms;
use selvage_model::code;
use selvage_model::name::{AttributeName, ClassName, ConsumerName, InterfaceRef};
use selvage_store::RequestState;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::request::{Asked, At, Body, Id, Line, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::{Asking, Counted, Settling, shown, until, whole};

/// Requests, remarks, and what owners were told.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/access/requests", list), "listAccessRequests", "Requests that wait, or all; oldest first")
            .asks([
                query("consumer", "ConsumerName", "Only for this consumer."),
                query("interface", "InterfaceRef", "Only of this interface."),
                query("all", "Flag", "Settled ones too."),
            ])
            .lists("The requests.", "AccessRequest"),
        route(Route::post("/access/requests", ask), "askForAccess", "Ask for access")
            .takes("NewAccessRequest")
            .makes("The request.", "AccessRequestDetail")
            .refuses(&[code::ACCESS_ENDING, code::ACCESS_FAR])
            .checks(),
        route(Route::get("/access/requests/{id}", show), "getAccessRequest", "One request")
            .gives("The request, with who decides.", "AccessRequestDetail")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/access/requests/{id}/decisions", decide), "decideAccess", "Decide about a request")
            .may(Who::Deciders)
            .takes("AccessDecision")
            .gives("The request; approved, when every node knows.", "AccessRequest")
            .refuses(&[code::NOT_IN_STORE, code::ACCESS_DECIDER, code::ACCESS_STANDS, code::ACCESS_REFUSED]),
        route(Route::get("/access/review", review_all), "reviewAccess", "What of access should not be so")
            .asks([query("unused", "Span", "What was not used for so long is idle; 90 days where nothing is said.")])
            .gives("Remarks, and what is not known.", "Review"),
        route(Route::get("/access/notices", notices), "listNotices", "What consumers' owners were told of what ends")
            .asks([query("untold", "Flag", "Only what was not told yet.")])
            .lists("The notices, oldest first.", "Notice"),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    consumer: Option<ConsumerName>,
    interface: Option<InterfaceRef>,
    #[serde(default)]
    all: bool,
}

/// Requests, oldest first: those that nobody has decided, or all.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let requests = api.governance.store.access_requests().await?;
    let is_meant = |asked: &(&ConsumerName, &InterfaceRef)| {
        which.consumer.as_ref().is_none_or(|one| one == asked.0)
            && which.interface.as_ref().is_none_or(|one| one == asked.1)
    };
    let found = requests
        .iter()
        .filter(|it| which.all || it.state == RequestState::Open)
        .filter(|it| is_meant(&(&it.asked.consumer, &it.asked.interface)));
    Ok(listed(found.map(shown::request)))
}

/// One request, with who decides about it.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Answer {
    let request = api.governance.store.access_request(id.as_str()).await?;
    let fabric = api.counting().await?;
    let asked = &request.asked;
    let sitting = api.governance.desk.sitting().await?;
    let deciders = deciders_beside(&fabric, (&asked.interface, &asked.terms), &asked.by, &sitting);
    Ok(Json(shown::decided_by(shown::request(&request), &deciders)).into_response())
}

/// What a grant opens, as it is asked for.
pub(super) struct Scope {
    pub(super) operations: Vec<String>,
    pub(super) rows: Map<String, Value>,
    pub(super) except: Vec<AttributeName>,
    pub(super) classes: Vec<ClassName>,
}

impl Scope {
    /// The terms, with a purpose and an end; what its end does is said elsewhere.
    pub(super) fn terms(self, purpose: Option<String>, until: Option<Timestamp>) -> Result<GrantTerms, String> {
        few("operations", &self.operations)?;
        few("except", &self.except)?;
        few("classes", &self.classes)?;
        let terms = whole(self.operations, purpose, until);
        Ok(GrantTerms { rows: rows(self.rows)?, except: self.except, classes: self.classes, ..terms })
    }
}

/// Most names that a list of a grant has: it is read by people, and copied wherever the grant goes.
const MOST_NAMES: usize = 200;

/// Names, each once and not too many.
fn few<T: Ord>(of: &str, names: &[T]) -> Result<(), String> {
    if names.len() > MOST_NAMES {
        return Err(format!("`{of}` has {} names, and {MOST_NAMES} at most", names.len()));
    }
    let each: BTreeSet<&T> = names.iter().collect();
    let is_once = each.len() == names.len();
    is_once.then_some(()).ok_or_else(|| format!("`{of}` has a name twice"))
}

/// `{"site": ["ghent"]}`, or `{"site": "ghent"}`.
pub(super) fn rows(rows: Map<String, Value>) -> Result<Vec<(AttributeName, Vec<Value>)>, String> {
    let row = |(name, value): (String, Value)| {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        let is_plain = (1..=MOST_NAMES).contains(&values.len())
            && values.iter().all(|it| it.is_string() || it.is_i64() || it.is_boolean());
        match name.parse() {
            Ok(name) if is_plain => Ok((name, values)),
            _ => Err(format!("`where` names attributes with their values; `{name}` is none, or has none")),
        }
    };
    rows.into_iter().map(row).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    consumer: ConsumerName,
    interface: InterfaceRef,
    operations: Vec<String>,
    #[serde(default, rename = "where")]
    rows: Map<String, Value>,
    #[serde(default)]
    except: Vec<AttributeName>,
    #[serde(default)]
    classes: Vec<ClassName>,
    purpose: Line,
    until: String,
}

/// Asks for access, in the name of the operator.
pub(super) async fn ask(State(api): State<Api>, operator: Operator, Body(body): Body<Wanted>) -> Answer {
    let until = until(&body.until).map_err(unfit)?;
    let Wanted { consumer, interface, operations, rows, except, classes, purpose: Line(purpose), .. } = body;
    let terms = (Scope { operations, rows, except, classes }).terms(Some(purpose), Some(until)).map_err(unfit)?;
    let asking = Asking { consumer, interface, terms, by: operator.0 };
    let fabric = api.counting().await?;
    let asked = api.governance.desk.ask(&fabric, asking).await?;
    let body = shown::decided_by(shown::request(&asked.request), &asked.deciders);
    Ok(super::made(&format!("/api/access/requests/{}", asked.request.id), body))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Approve,
    Reject,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    verdict: Word,
    because: Line,
}

/// Decides, in the name of the operator; approved, it returns when every node knows the grant.
pub(super) async fn decide(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Decided>,
) -> Answer {
    let approve = matches!(body.verdict, Word::Approve);
    let settling = Settling { request: id.into_inner(), approve, person: operator.0, because: body.because.0 };
    let since = Timestamp::now();
    let fabric = api.counting().await?;
    let body = shown::request(&api.governance.desk.settle(&fabric, settling).await?);
    Ok(if approve { api.when_known(since, body).await } else { Json(body).into_response() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Idle {
    unused: Option<String>,
}

/// What is not used, has no owner, is shared, ends soon, or is used though it should not be.
pub(super) async fn review_all(State(api): State<Api>, _operator: Operator, Asked(idle): Asked<Idle>) -> Answer {
    let span = super::span(idle.unused.as_deref().unwrap_or("90d")).map_err(unfit)?;
    let store = &api.governance.store;
    let counted = Counted::read(store, span).await?;
    let (access, leases) = (store.access_state().await?, store.leases().await?);
    let fabric = api.counting().await?;
    let granted = leases.into_iter().map(|lease| (lease.grant.id, lease.granted)).collect();
    let remarks = review(Known {
        fabric: &fabric,
        access: &access,
        granted: &granted,
        used: counted.last(),
        totals: &counted.totals,
        since: counted.since,
        now: counted.now,
    });
    let unknown: Vec<String> = counted.unknown().collect();
    let remarks: Vec<Value> = remarks.iter().map(shown::remark).collect();
    Ok(Json(json!({"remarks": remarks, "unknown": unknown})).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Untold {
    #[serde(default)]
    untold: bool,
}

/// What consumers' owners were told of what ends, oldest first.
pub(super) async fn notices(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Untold>) -> Answer {
    let notices = api.governance.store.lifecycle_notices().await?;
    Ok(listed(notices.iter().filter(|it| !which.untold || it.told.is_none()).map(shown::notice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_names_few_things_each_once() {
        let names = |count: usize| (0..count).map(|it| it.to_string()).collect::<Vec<_>>();
        assert_eq!(few("operations", &names(200)), Ok(()));
        assert_eq!(few("operations", &names(201)), Err("`operations` has 201 names, and 200 at most".to_owned()));
        assert_eq!(few("except", &["a", "b", "a"]), Err("`except` has a name twice".to_owned()));
    }
}
