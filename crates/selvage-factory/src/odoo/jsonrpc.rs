//! The dialect JSON-RPC: one path, HTTP 200 for success and for every error of a call.
//! A method that returns nothing answers without a `result`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{Method as Verb, StatusCode};
use axum::response::Response;
use serde_json::{Value as Json, json};

use super::database::Database;
use super::execute::Answer;
use super::refusal::Refusal;
use super::serve::{Connection, Ending, json_response, proxy_error, reset, with_type};
use super::service;

pub(crate) async fn serve(
    State(database): State<Arc<Database>>,
    ConnectInfo(cutter): Connection,
    verb: Verb,
    body: Bytes,
) -> Response {
    let request =
        serde_json::from_slice::<Json>(&body).ok().filter(|request| request.is_object() && verb == Verb::POST);
    let Some(request) = request else {
        return with_type(StatusCode::BAD_REQUEST, "text/html; charset=utf-8", "Invalid JSON data".to_owned());
    };
    let id = request.get("id").cloned().unwrap_or(Json::Null);
    let text = |at: &str| request.pointer(at).and_then(Json::as_str).unwrap_or_default();
    let args = request.pointer("/params/args").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    match service::dispatch(database, text("/params/service"), text("/params/method"), args).await {
        Ending::Answered(answer) => json_response(200, &envelope(&id, answer)),
        Ending::Status(code) => proxy_error(code),
        Ending::Reset => reset(&cutter),
    }
}

fn envelope(id: &Json, answer: Result<Answer, Refusal>) -> Json {
    match answer {
        Ok(Answer::Value(result)) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Ok(Answer::Nothing) => json!({ "jsonrpc": "2.0", "id": id }),
        Err(refusal) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": 200, "message": "Odoo Server Error", "data": refusal.body() } })
        }
    }
}
