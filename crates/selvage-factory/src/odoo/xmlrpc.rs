//! The dialect XML-RPC: `/xmlrpc/2/common` and `/xmlrpc/2/object`, HTTP 200 for success and for every fault.
//! A method that returns nothing has done its work when its answer fails.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value as Json;

use super::database::Database;
use super::execute::Answer;
use super::refusal::{Exception, Refusal};
use super::serve::{Connection, Ending, proxy_error, reset, with_type};
use super::{service, xml};

pub(crate) async fn serve(
    State(database): State<Arc<Database>>,
    ConnectInfo(cutter): Connection,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let (method, args) = match xml::call(&body) {
        Ok(call) => call,
        Err(why) => return faulted(&Refusal::new(Exception::Value, why)),
    };
    let result = match service::dispatch(database, &service, &method, &args).await {
        Ending::Answered(Ok(Answer::Value(value))) => xml::response(&value),
        Ending::Answered(Ok(Answer::Nothing)) => xml::response(&Json::Null),
        Ending::Answered(Err(refusal)) => Err(refusal),
        Ending::Status(code) => return proxy_error(code),
        Ending::Reset => return reset(&cutter),
    };
    match result {
        Ok(text) => respond(text),
        Err(refusal) => faulted(&refusal),
    }
}

fn faulted(refusal: &Refusal) -> Response {
    respond(xml::fault(refusal.exception.fault(), &refusal.fault_text()))
}

fn respond(text: String) -> Response {
    with_type(StatusCode::OK, "text/xml; charset=utf-8", text)
}
