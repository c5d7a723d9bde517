//! Grants over HTTP: what they open, what of it is used, and taking what is not needed.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_governance::access::{Narrowing, deciders};
use selvage_model::code;
use selvage_model::name::{AttributeName, ConsumerName, InterfaceRef};
use selvage_store::LeaseRecord;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use super::access::rows;
use super::answer::{Answer, Refused, listed, unfit};
use super::request::{Asked, At, Because, Body, Id, Line, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::{Counted, shown, until};

/// Grants.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/grants", list), "listGrants", "Grants that are alive, or all")
            .asks([
                query("consumer", "ConsumerName", "Only of this consumer."),
                query("interface", "InterfaceRef", "Only of this interface."),
                query("all", "Flag", "Those that have ended, too."),
            ])
            .lists("The grants.", "Grant"),
        route(Route::get("/grants/{id}", show), "getGrant", "One grant, with what of it is used")
            .asks([query("since", "Span", "For how long use is looked at; 90 days where nothing is said.")])
            .gives("The grant.", "GrantDetail")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/grants/{id}/narrowing", narrow), "narrowGrant", "Take something from a grant")
            .may(Who::EitherSide)
            .takes("Narrowing")
            .gives("The grant, when every node knows.", "GrantNarrowed")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::ACCESS_STANDS, code::GRANT_UNNARROWED]),
        route(Route::post("/grants/{id}/end", end), "endGrant", "End a grant for good")
            .may(Who::EitherSide)
            .takes("Because")
            .gives("The grant, when every node knows.", "GrantEnded")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::ACCESS_STANDS]),
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

/// Grants: those that are alive, or all.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let leases = api.governance.store.leases().await?;
    let is_meant = |LeaseRecord { grant, .. }: &&LeaseRecord| {
        (which.all || grant.ended.is_none())
            && which.consumer.as_ref().is_none_or(|one| one == &grant.consumer)
            && which.interface.as_ref().is_none_or(|one| one == &grant.interface)
    };
    let one = |LeaseRecord { grant, origin, granted }: &LeaseRecord| {
        json!({
            "grant": grant.id, "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(),
            "from": origin.as_str(), "environment": grant.environment.as_ref().map(|it| it.as_str()), "granted": granted.to_string(), "ended": grant.ended.map(|at| at.to_string()),
            "terms": *grant.terms,
        })
    };
    Ok(listed(leases.iter().filter(is_meant).map(one)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    since: Option<String>,
}

/// One grant, with who decides about it and what of it is used.
pub(super) async fn show(
    State(api): State<Api>,
    _operator: Operator,
    At(id): At<Id>,
    Asked(since): Asked<Since>,
) -> Answer {
    let span = super::span(since.since.as_deref().unwrap_or("90d")).map_err(unfit)?;
    let store = &api.governance.store;
    let lease = store.lease(id.as_str()).await?;
    let counted = Counted::read(store, span).await?;
    let fabric = api.counting().await?;
    let breadth = counted.breadth(&fabric, &lease.grant);
    let deciders = deciders(&fabric, &lease.grant.interface, &lease.grant.terms);
    let mut body = shown::decided_by(shown::grant(&lease, &counted, &breadth), &deciders);
    if let Some(members) = body.as_object_mut() {
        members.insert("unknown".to_owned(), counted.unknown().collect());
    }
    Ok(Json(body).into_response())
}

/// What is taken from a grant.
pub(super) struct Taken {
    pub(super) operations: Option<Vec<String>>,
    pub(super) except: Vec<AttributeName>,
    pub(super) rows: Map<String, Value>,
    pub(super) until: Option<String>,
}

impl Taken {
    /// As it was said.
    pub(super) fn narrowing(self) -> Result<Narrowing, String> {
        let until = self.until.as_deref().map(until).transpose()?;
        Ok(Narrowing { operations: self.operations, except: self.except, rows: rows(self.rows)?, until })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Narrowed {
    operations: Option<Vec<String>>,
    #[serde(default)]
    except: Vec<AttributeName>,
    #[serde(default, rename = "where")]
    rows: Map<String, Value>,
    until: Option<String>,
    because: Line,
}

/// Takes something from a grant; returns when every node knows.
pub(super) async fn narrow(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Narrowed>,
) -> Answer {
    let Narrowed { operations, except, rows, until, because: Line(because) } = body;
    let narrowing = (Taken { operations, except, rows, until }).narrowing().map_err(unfit)?;
    whose(&api, &operator, id.as_str()).await?;
    let (since, store) = (Timestamp::now(), &api.governance.store);
    let grant = store.narrow_grant(id.as_str(), |terms| narrowing.of(terms), &operator.0, &because).await?;
    let body = json!({
        "grant": grant.id, "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(),
        "terms": *grant.terms,
    });
    Ok(api.when_known(since, body).await)
}

/// Ends a grant for good; returns when every node knows.
pub(super) async fn end(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    whose(&api, &operator, id.as_str()).await?;
    let since = Timestamp::now();
    let grant = api.governance.store.end_grant(id.as_str(), &operator.0, &because.0).await?;
    let ended = grant.ended.map(|at| at.to_string());
    Ok(api.when_known(since, json!({"grant": grant.id, "ended": ended})).await)
}

/// Refuses who answers neither for the grant's consumer nor for its interface.
async fn whose(api: &Api, operator: &Operator, id: &str) -> Result<(), Refused> {
    let lease = api.governance.store.lease(id).await?;
    Ok(api.must_answer(operator, &lease.grant.consumer, &lease.grant.interface).await?)
}
