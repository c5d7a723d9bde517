//! The control API: what the commands do, over HTTP and for people who log in. Each request shows an operator's key; what the operator
//! may do is said by what the domains released last. Problems are RFC 9457.

mod access;
mod answer;
mod blocks;
mod boards;
mod captures;
mod catalogue;
mod changes;
mod document;
mod emergencies;
mod events;
mod evidence;
mod grants;
mod keys;
mod lanes;
mod readers;
mod recertifications;
mod release_keys;
mod releases;
mod replays;
mod request;
mod route;
mod schema;
mod subscriptions;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use selvage_governance::seat::{Act, may};
use selvage_log::EventLog;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, DomainName, EnvironmentName, InterfaceRef};
use selvage_model::problem::Problem;
use selvage_model::scalar;
use selvage_store::Store;
use serde_json::{Value, json};

use crate::console::{Authenticate, Observe, ViewCatalogue};
use crate::desk::{Desk, DeskError, Seal, cut, lease};
use crate::listener;

use answer::problem;
pub(crate) use answer::{status_of, told};
pub use document::description;
pub(crate) use evidence::page;
use request::Operator;
pub(crate) use request::line;
use route::{Route, served};

/// Waits until every node knows of what was changed at this moment and, where it was activated in an environment, runs it there; says when
/// each did, or why not.
pub type Acknowledge = Arc<dyn Fn(Timestamp, Option<EnvironmentName>) -> BoxFuture<'static, Value> + Send + Sync>;

/// What the control API stands on.
#[derive(Clone)]
pub struct Governance {
    /// Where changes are proposed and decided.
    pub desk: Desk,
    /// What signs releases, where this node does that.
    pub seal: Option<Arc<Seal>>,
    /// What signs the ledger and evidence, where this node does that.
    pub ledger_seal: Option<Arc<Seal>>,
    /// What waits for nodes.
    pub acknowledge: Acknowledge,
    /// What is delivered, and what is set aside.
    pub store: Store,
    /// Where events are.
    pub log: Arc<dyn EventLog>,
}

/// Most bytes of a body.
const MOST_BYTES: usize = 256 << 10;
/// The same where it holds the files of a domain.
const MOST_BYTES_OF_FILES: usize = 64 << 20;

#[derive(Clone)]
pub(crate) struct Api {
    governance: Governance,
    authenticate: Authenticate,
    catalogue: ViewCatalogue,
    observe: Observe,
}

/// The routes of the API, to stand under `/api`.
pub(crate) fn routes(
    governance: Governance,
    authenticate: Authenticate,
    (catalogue, observe): (ViewCatalogue, Observe),
) -> Router {
    let api = Api { governance, authenticate, catalogue, observe };
    served(table())
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn(listener::at_work))
        .with_state(api)
}

/// Every route: what is served and what is described are made of it.
fn table() -> Vec<Route> {
    let own = Route::get("/openapi.json", document::show).says("api", "describe", "This description").gives_as(
        200,
        "The description, as OpenAPI 3.1.",
        json!({"type": "object"}),
    );
    let parts = [
        changes::routes(),
        boards::routes(),
        releases::routes(),
        release_keys::routes(),
        catalogue::routes(),
        access::routes(),
        grants::routes(),
        blocks::routes(),
        keys::routes(),
        recertifications::routes(),
        emergencies::routes(),
        lanes::routes(),
        subscriptions::routes(),
        replays::routes(),
        captures::routes(),
        events::routes(),
        readers::routes(),
        evidence::routes(),
    ];
    parts.into_iter().flatten().chain([own]).collect()
}

async fn missing(_operator: Operator) -> Response {
    problem(&Problem::new(404, code::API_MISSING, "the control API has no such path"))
}

async fn not_allowed(_operator: Operator) -> Response {
    problem(&Problem::new(405, code::API_METHOD, "the control API does not take this method here: `Allow` says which"))
}

/// What was made, and where it is.
fn made(place: &str, body: Value) -> Response {
    let mut answer = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(place) = HeaderValue::from_str(place) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// A span of time, as `90d`.
fn span(text: &str) -> Result<Duration, String> {
    scalar::duration(text).ok_or_else(|| format!("`{text}` is no span of time: write `90d` or `4h`"))
}

impl Api {
    /// By what access is judged: what runs here, or in the environment that is protected where this one is not.
    async fn counting(&self) -> Result<Arc<Fabric>, DeskError> {
        self.governance.desk.access_by(self.fabric().await).await
    }

    /// What runs here.
    async fn fabric(&self) -> Arc<Fabric> {
        (self.catalogue)().await.fabric
    }

    /// The desk at this node: who may is said by what runs here where nothing that was released names anybody.
    async fn desk(&self) -> Desk {
        self.governance.desk.where_runs(self.fabric().await)
    }

    /// Waits until every node knows what was changed at this moment, and tells it with the answer. INVARIANT: REVOKED-NOW
    async fn when_known(&self, since: Timestamp, mut body: Value) -> Response {
        let nodes = (self.governance.acknowledge)(since, None).await;
        if let Some(members) = body.as_object_mut() {
            members.insert("nodes".to_owned(), nodes);
        }
        Json(body).into_response()
    }

    /// Refuses who answers neither for the consumer nor for the interface.
    async fn must_answer(
        &self,
        operator: &Operator,
        consumer: &ConsumerName,
        interface: &InterfaceRef,
    ) -> Result<(), Response> {
        let fabric = self.counting().await.map_err(|error| told(&error))?;
        if lease::answers(&fabric, &operator.0, consumer, interface) {
            return Ok(());
        }
        let detail = format!("`{}` answers neither for {consumer} nor for {interface}", operator.0);
        Err(problem(&Problem::new(403, code::API_FORBIDDEN, detail)))
    }

    /// By what it is judged who may take a step.
    async fn judging(&self, act: Act) -> Result<Arc<Fabric>, Response> {
        self.governance.desk.judging(act, self.fabric().await).await.map_err(|error| told(&error))
    }

    /// Refuses what the operator may not do in the domain.
    async fn let_pass(&self, operator: &Operator, act: Act, domain: &DomainName) -> Result<(), Response> {
        let fabric = self.judging(act).await?;
        if may(&fabric, &operator.0, act, domain) {
            return Ok(());
        }
        Err(forbidden(&operator.0, domain))
    }
}

fn forbidden(operator: &str, domain: &DomainName) -> Response {
    told(&cut::forbidden(operator, domain))
}
