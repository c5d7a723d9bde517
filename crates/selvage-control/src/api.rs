//! The control API: what the commands do, over HTTP and for people who log in. Each request shows an operator's key; what the operator
//! may do is said by what the domains released last. Problems are RFC 9457.

mod answer;
mod changes;
mod events;
mod lanes;
mod releases;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use selvage_governance::seat::{Act, may};
use selvage_log::EventLog;
use selvage_model::code;
use selvage_model::name::DomainName;
use selvage_model::problem::Problem;
use selvage_store::Store;
use serde_json::Value;

use crate::console::Authenticate;
use crate::desk::{Desk, Seal};

use answer::problem;
pub(crate) use answer::{status_of, told};
pub(crate) use changes::line;

/// Waits until every node knows what was changed at this moment, and says when each did.
pub type Acknowledge = Arc<dyn Fn(Timestamp) -> BoxFuture<'static, Value> + Send + Sync>;

/// What the control API stands on.
#[derive(Clone)]
pub struct Governance {
    /// Where changes are proposed and decided.
    pub desk: Desk,
    /// What signs releases, where this node does that.
    pub seal: Option<Arc<Seal>>,
    /// What waits for nodes.
    pub acknowledge: Acknowledge,
    /// What is delivered, and what is set aside.
    pub store: Store,
    /// Where events are.
    pub log: Arc<dyn EventLog>,
}

/// Most bytes of a body: the files of a domain.
const MOST_BYTES: usize = 64 << 20;

#[derive(Clone)]
pub(crate) struct Api {
    governance: Governance,
    authenticate: Authenticate,
}

/// The routes of the API, to stand under `/api`.
pub(crate) fn routes(governance: Governance, authenticate: Authenticate) -> Router {
    Router::new()
        .route("/changes", get(changes::list).post(changes::propose))
        .route("/changes/{id}", get(changes::show))
        .route("/changes/{id}/decisions", post(changes::decide))
        .route("/changes/{id}/withdrawal", post(changes::withdraw))
        .route("/changes/{id}/release", post(changes::release))
        .route("/board", get(changes::board))
        .route("/releases", get(releases::list))
        .route("/releases/{id}", get(releases::show))
        .route("/environments/{environment}/activations", post(releases::activate))
        .route("/environments/{environment}/rollbacks", post(releases::roll_back))
        .route("/lanes", get(lanes::lanes))
        .route("/dead-letters", get(lanes::letters))
        .route("/dead-letters/{id}", get(lanes::show))
        .route("/dead-letters/redrive", post(lanes::redrive))
        .route("/dead-letters/discard", post(lanes::discard))
        .route("/events/{interface}", get(events::tail))
        .fallback(missing)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(Api { governance, authenticate })
}

async fn missing(_operator: Operator) -> Response {
    problem(&Problem::new(404, code::API_MISSING, "the control API has no such path"))
}

/// Who asks. Nothing is read or told before that is known.
pub(crate) struct Operator(pub(crate) String);

impl FromRequestParts<Api> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = shown.and_then(|shown| {
            let (scheme, key) = shown.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
        });
        let admitted = match key {
            Some(key) => (api.authenticate)(key).await,
            None => None,
        };
        match admitted {
            Some(admitted) => Ok(Self(admitted.operator)),
            None => Err(problem(&Problem::new(
                401,
                code::API_KEY,
                "an operator's key is needed: `Authorization: Bearer …`",
            ))),
        }
    }
}

impl Api {
    /// Refuses what the operator may not do in the domain.
    async fn let_pass(&self, operator: &Operator, act: Act, domain: &DomainName) -> Result<(), Response> {
        let fabric = self.governance.desk.released().await.map_err(|error| told(&error))?;
        if may(&fabric, &operator.0, act, domain) {
            return Ok(());
        }
        let detail = format!("`{}` may not do this in the domain {domain}", operator.0);
        Err(problem(&Problem::new(403, code::API_FORBIDDEN, detail)))
    }
}
