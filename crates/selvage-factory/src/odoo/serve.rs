//! The HTTP server of the simulated Odoo: the routes of the dialects, and what faults do to a call.
//! A call goes on when its client has gone away, as it does in Odoo.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get, post};
use serde_json::{Value as Json, json};

use super::call::Call;
use super::closing::{Wizard, wizard};
use super::control;
use super::database::{Database, Login};
use super::execute::Answer;
use super::fault::{CommitAt, FaultKind};
use super::refusal::Refusal;
use super::{OdooVersion, json2, jsonrpc, service, webhook, xmlrpc};
use crate::line::Cutter;

/// How a call ended, as far as its client can see.
pub(crate) enum Ending {
    Answered(Result<Answer, Refusal>),
    /// A status of a proxy, without Odoo's words.
    Status(u16),
    /// No answer at all.
    Reset,
}

pub(crate) fn router(database: Arc<Database>) -> Router {
    Router::new()
        .route("/jsonrpc", any(jsonrpc::serve))
        .route("/xmlrpc/2/{service}", post(xmlrpc::serve))
        .route("/web/version", get(web_version))
        .route("/web/webclient/version_info", post(version_info))
        .route("/json/2/{model}/{method}", any(json2::serve))
        .route("/web/hook/{uuid}", any(webhook::receive))
        .merge(control::router())
        .with_state(database)
}

/// Runs a call under the faults that strike it. Never cancelled by the client.
pub(crate) async fn perform(database: Arc<Database>, login: Login, call: Call) -> Ending {
    let work = tokio::spawn(async move { struck(&database, &login, &call).await });
    // The task is never aborted; a panic in it looks like a crashed worker.
    work.await.unwrap_or(Ending::Reset)
}

/// Ends a call that lasts longer than the server lets it: what was committed by then is, and there is no answer.
async fn struck(database: &Database, login: &Login, call: &Call) -> Ending {
    let work = under_faults(database, login, call);
    match database.longest() {
        Some(longest) => tokio::time::timeout(longest, work).await.unwrap_or(Ending::Reset),
        None => work.await,
    }
}

async fn under_faults(database: &Database, login: &Login, call: &Call) -> Ending {
    let strike = database.faults().draw(call.model.name(), call.method.name());
    // Odoo stamps what it writes with the start of the transaction, however late it commits.
    let started = database.now();
    if !strike.latency.is_zero() {
        tokio::time::sleep(strike.latency).await;
    }
    // Webhooks wait for their receivers within the call that caused them.
    let run = async || {
        let (outcome, deliveries) = database.run(login, call, started);
        database.sender.send(deliveries).await;
        Ending::Answered(outcome)
    };
    match strike.kind {
        None | Some(FaultKind::Latency(_) | FaultKind::Jitter(_)) => run().await,
        Some(FaultKind::Status(code)) => Ending::Status(code),
        Some(FaultKind::ResetBefore) => Ending::Reset,
        Some(FaultKind::ResetAfter) => {
            run().await;
            Ending::Reset
        }
        Some(FaultKind::Serialization) => Ending::Answered(Err(Refusal::serialization())),
        Some(FaultKind::Refused) => Ending::Answered(Err(Refusal::user("Not today."))),
        Some(FaultKind::Wizard) => {
            Ending::Answered(Ok(Answer::Value(wizard(database.version, &Wizard::CONSUMPTION, &call.context))))
        }
        Some(FaultKind::Hang { answer_after, commit: CommitAt::Before }) => {
            let ending = run().await;
            tokio::time::sleep(answer_after).await;
            ending
        }
        Some(FaultKind::Hang { answer_after, commit: CommitAt::After }) => {
            tokio::time::sleep(answer_after).await;
            run().await
        }
    }
}

/// The answer of a proxy whose Odoo does not answer.
pub(crate) fn proxy_error(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let reason = status.canonical_reason().unwrap_or_default();
    let page = format!(
        "<html>\r\n<head><title>{code} {reason}</title></head>\r\n<body>\r\n<h1>{code} {reason}</h1>\r\n</body>\r\n</html>\r\n"
    );
    with_type(status, "text/html", page)
}

/// Ends the connection instead of answering; the response is never written.
pub(crate) fn reset(cutter: &Cutter) -> Response {
    cutter.cut();
    Response::new(Body::empty())
}

/// JSON as Odoo sends it.
pub(crate) fn json_response(status: u16, json: &Json) -> Response {
    with_type(
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        "application/json; charset=utf-8",
        json.to_string(),
    )
}

/// A response of the given content type.
pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

async fn web_version(State(database): State<Arc<Database>>) -> Response {
    match database.version {
        OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => {
            with_type(StatusCode::NOT_FOUND, "text/html; charset=utf-8", "<h1>Not Found</h1>".to_owned())
        }
        OdooVersion::V19 => {
            let version = service::version(database.version);
            json_response(
                200,
                &json!({ "version_info": version.get("server_version_info"), "version": version.get("server_version") }),
            )
        }
    }
}

async fn version_info(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    let id = serde_json::from_slice::<Json>(&body).ok().and_then(|body| body.get("id").cloned());
    json_response(200, &json!({ "jsonrpc": "2.0", "id": id, "result": service::version(database.version) }))
}

/// The connection of a request, so that it can be cut.
pub(crate) type Connection = ConnectInfo<Cutter>;
