//! Captures of systems' changes and the copies kept from them, over HTTP: how each stands, what is parked in it, and the word of who
//! answers for it on one that stands still. It asks no system anything.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use selvage_model::code;
use selvage_model::name::InterfaceRef;
use selvage_store::{CaptureRow, CaptureStage, ParkedRow, StoreError, Word};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed};
use super::request::{At, Because, Body, Line, Operator};
use super::route::{Route, Who};

/// So many parked records are shown of one capture at most; `GET /parked-records` has the others.
const MOST_PARKED: usize = 500;

/// Captures and copies.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("captures", id, says);
    vec![
        route(Route::get("/captures", list), "listCaptures", "Captures of systems' changes, and how far each is")
            .lists("The captures.", "Capture"),
        route(Route::get("/captures/{interface}", show), "getCapture", "One capture with the records parked in it")
            .gives("The capture.", "CaptureDetail")
            .refuses(&[code::NOT_IN_STORE]),
        route(
            Route::post("/captures/{interface}/resume", resume),
            "resumeCapture",
            "Let a capture go on that stands still",
        )
        .may(Who::Operators)
        .takes("CaptureResumed")
        .gives("The capture, which goes on.", "Capture")
        .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
        route(Route::get("/copies", copies), "listCopies", "Copies of objects: how many records, how old")
            .lists("The copies, each with the interface that keeps it.", "Copy"),
        route(
            Route::post("/copies/{interface}/rebuild", rebuild),
            "rebuildCopy",
            "Read everything anew while what is there is served; what is other is told as events",
        )
        .may(Who::Operators)
        .takes("Because")
        .gives("The capture that keeps it.", "Capture")
        .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
    ]
}

/// Captures, by interface.
async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    Ok(listed(api.governance.store.captures().await?.iter().map(capture)))
}

/// One capture, with the records that are parked in it.
async fn show(State(api): State<Api>, _operator: Operator, At(interface): At<InterfaceRef>) -> Answer {
    let row = find(&api, &interface).await?;
    let parked = api.governance.store.parked_captures(row.id, 0, MOST_PARKED).await?;
    let mut shown = capture(&row);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("records_parked".to_owned(), parked.iter().map(|parked| record(&row, parked)).collect());
    }
    Ok(Json(shown).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// What is other than last known is told.
    Tell,
    /// How the records are now becomes the last known state, untold.
    Baseline,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resumed {
    how: How,
    because: Line,
}

/// Lets a capture go on that stands still.
async fn resume(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Body(body): Body<Resumed>,
) -> Answer {
    api.may_operate(&operator, &interface).await?;
    let how = match body.how {
        How::Tell => CaptureStage::Telling,
        How::Baseline => CaptureStage::Baseline,
    };
    let word = Word { by: &operator.0, because: &body.because.0 };
    api.governance.store.resume_capture(&interface, how, word).await?;
    Ok(Json(capture(&find(&api, &interface).await?)).into_response())
}

/// Copies, by the interface that keeps each.
async fn copies(State(api): State<Api>, _operator: Operator) -> Answer {
    let rows = api.governance.store.captures().await?;
    Ok(listed(rows.iter().filter(|row| row.keeps_copy).map(copy)))
}

/// Builds a copy anew while it is served.
async fn rebuild(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    api.may_operate(&operator, &interface).await?;
    api.governance.store.rebuild_copy(&interface, Word { by: &operator.0, because: &because.0 }).await?;
    Ok(Json(capture(&find(&api, &interface).await?)).into_response())
}

async fn find(api: &Api, interface: &InterfaceRef) -> Result<CaptureRow, StoreError> {
    let mut rows = api.governance.store.captures().await?.into_iter();
    let unknown = || StoreError::NotFound { what: "capture", id: interface.to_string() };
    rows.find(|row| &row.interface == interface).ok_or_else(unknown)
}

fn capture(row: &CaptureRow) -> Value {
    json!({
        "interface": row.interface.to_string(),
        "system": row.system.as_str(),
        "record": row.record,
        "state": row.stands(),
        "looked_at": row.state.looked_at.map(|at| at.to_string()),
        "records": row.records,
        "parked": row.parked,
        "to_tell": row.waiting,
        "node": Some(&row.node).filter(|node| !node.is_empty()),
        "paused": row.paused.as_ref().map(|why| json!({"code": why.code, "because": why.because})),
    })
}

fn copy(row: &CaptureRow) -> Value {
    json!({
        "kept_by": row.interface.to_string(),
        "system": row.system.as_str(),
        "record": row.record,
        "state": row.stands(),
        "looked_at": row.state.looked_at.map(|at| at.to_string()),
        "records": row.records,
    })
}

fn record(row: &CaptureRow, parked: &ParkedRow) -> Value {
    json!({
        "record": format!("{}-{}", row.system, parked.record),
        "system": row.system.as_str(),
        "interface": row.interface.to_string(),
        "since": parked.since.to_string(),
        "cause": parked.cause.as_str(),
        "code": parked.code,
        "because": parked.reason,
    })
}
