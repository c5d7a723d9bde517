//! The control endpoints under `/_factory`: faults, what is hidden, webhooks, limits, the clock, counts, raw records and the journal, for
//! tests in another process.
//! They are open to whoever reaches the port; the simulated Odoo listens on 127.0.0.1 only.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::automation::Automation;
use super::database::Database;
use super::fault::{Fault, FaultId};
use super::hidden::Hidden;
use super::schema::Model;
use super::serve::json_response;
use super::webhook::Inbound;

pub(crate) fn router() -> Router<Arc<Database>> {
    Router::new()
        .route("/_factory/faults", get(list_faults).post(inject).delete(clear))
        .route("/_factory/faults/{id}", delete(remove))
        .route("/_factory/webhooks", post(automate).delete(forget))
        .route("/_factory/hooks", post(accept))
        .route("/_factory/hidden", post(hide).delete(show_all))
        .route("/_factory/limits", put(limit))
        .route("/_factory/clock", put(clock))
        .route("/_factory/state", get(state))
        .route("/_factory/records/{model}", get(records))
        .route("/_factory/journal", get(journal))
}

async fn inject(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    match read(&body).and_then(|json| Fault::read(&json)) {
        Ok(fault) => json_response(201, &json!({ "id": database.faults().inject(fault).0 })),
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn list_faults(State(database): State<Arc<Database>>) -> Response {
    let list = database.faults().list();
    let faults: Vec<Json> = list
        .into_iter()
        .map(|(id, fault, strikes)| json!({ "id": id.0, "strikes": strikes, "fault": fault.write() }))
        .collect();
    json_response(200, &json!({ "faults": faults }))
}

async fn clear(State(database): State<Arc<Database>>) -> Response {
    database.faults().clear();
    json_response(200, &json!({ "faults": [] }))
}

async fn remove(State(database): State<Arc<Database>>, Path(id): Path<u64>) -> Response {
    let removed = database.faults().remove(FaultId(id));
    json_response(if removed { 200 } else { 404 }, &json!({ "removed": removed }))
}

async fn hide(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    match read(&body).and_then(|json| Hidden::read(&json)) {
        Ok(hidden) => {
            database.hidden().push(hidden);
            json_response(201, &json!({ "hidden": database.hidden().len() }))
        }
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn automate(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    let made = read(&body).and_then(|json| Automation::read(&json)).and_then(|rule| database.automate(&rule));
    match made {
        Ok(id) => json_response(201, &json!({ "id": id })),
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn accept(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    match read(&body).and_then(|json| Inbound::read(&json)) {
        Ok(rule) => json_response(201, &json!({ "path": database.accept(rule) })),
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn limit(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    let wrong = || "`longest_transaction_ms` is a number of milliseconds, or null for none".to_owned();
    let limits = read(&body).and_then(|json| match json.get("longest_transaction_ms") {
        Some(Json::Null) => Ok(None),
        Some(millis) => millis.as_u64().map(|millis| Some(Duration::from_millis(millis))).ok_or_else(wrong),
        None => Err(wrong()),
    });
    match limits {
        Ok(longest) => {
            database.set_longest(longest);
            json_response(200, &json!({}))
        }
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn clock(State(database): State<Arc<Database>>, body: Bytes) -> Response {
    let wrong = || "`ahead_ms` is a number of milliseconds, below zero for a clock that is behind".to_owned();
    let ahead = read(&body).and_then(|json| json.get("ahead_ms").and_then(Json::as_i64).ok_or_else(wrong));
    match ahead {
        Ok(millis) => {
            database.set_clock(SignedDuration::from_millis(millis));
            json_response(200, &json!({ "now": database.now().micros() }))
        }
        Err(message) => json_response(400, &json!({ "error": message })),
    }
}

async fn forget(State(database): State<Arc<Database>>) -> Response {
    database.clear_rules();
    json_response(200, &json!({}))
}

fn read(body: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

async fn show_all(State(database): State<Arc<Database>>) -> Response {
    database.hidden().clear();
    json_response(200, &json!({ "hidden": 0 }))
}

async fn state(State(database): State<Arc<Database>>) -> Response {
    json_response(200, &database.state())
}

async fn records(State(database): State<Arc<Database>>, Path(model): Path<String>) -> Response {
    match Model::parse(&model) {
        Some(known) => json_response(200, &Json::Array(database.raw(known))),
        None => json_response(404, &json!({ "error": format!("there is no model `{model}`") })),
    }
}

async fn journal(State(database): State<Arc<Database>>) -> Response {
    let entries = database.journal().entries();
    json_response(200, &entries.iter().map(super::journal::JournalEntry::write).collect())
}
