//! The dialect JSON-2 of Odoo 19: `POST /json/2/<model>/<method>` with named arguments, a bearer key, and statuses that mean something.
//! Odoo 18 does not have it and answers 404.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method as Verb, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value as Json};

use super::call::{Call, speaks_json2};
use super::database::{Database, Login};
use super::execute::Answer;
use super::refusal::{Exception, Refusal};
use super::serve::{Connection, Ending, json_response, perform, proxy_error, reset, with_type};

pub(crate) async fn serve(
    State(database): State<Arc<Database>>,
    ConnectInfo(cutter): Connection,
    Path((model, method)): Path<(String, String)>,
    verb: Verb,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !speaks_json2(database.version) {
        return with_type(StatusCode::NOT_FOUND, "text/html; charset=utf-8", "<h1>Not Found</h1>".to_owned());
    }
    let (login, call) = match read(&database, &model, &method, &verb, &headers, &body) {
        Ok(read) => read,
        Err(refusal) => return refused(&refusal),
    };
    match perform(database, login, call).await {
        Ending::Answered(Ok(Answer::Value(value))) => json_response(200, &value),
        Ending::Answered(Ok(Answer::Nothing)) => json_response(200, &Json::Null),
        Ending::Answered(Err(refusal)) => refused(&refusal),
        Ending::Status(code) => proxy_error(code),
        Ending::Reset => reset(&cutter),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = json_response(refusal.exception.status(), &refusal.body());
    if refusal.exception == Exception::Unauthorized {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer "));
    }
    response
}

fn read(
    database: &Database,
    model: &str,
    method: &str,
    verb: &Verb,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Login, Call), Refusal> {
    if verb != Verb::POST {
        return Err(Refusal::new(Exception::NotFound, "Did you mean POST /json/2/<model>/<method>?"));
    }
    let named = headers.get("x-odoo-database").map(|name| name.to_str().unwrap_or_default());
    if named.is_some_and(|name| name != database.name) {
        return Err(Refusal::new(Exception::NotFound, "the requested database does not exist"));
    }
    let login = bearer(database, headers)?;
    let body = read_body(body)?;
    Ok((login, Call::named(model, method, &body)?))
}

fn bearer(database: &Database, headers: &HeaderMap) -> Result<Login, Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let unauthorized = |message| Refusal::new(Exception::Unauthorized, message);
    let (_, key) =
        key.ok_or_else(|| unauthorized("User not authenticated, use an API Key with a Bearer Authorization header."))?;
    database.bearer(key.trim()).ok_or_else(|| unauthorized("Invalid apikey"))
}

/// Anything but an object stands for no arguments, as an empty body does.
fn read_body(body: &[u8]) -> Result<Map<String, Json>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let broken = |error: serde_json::Error| {
        let place =
            format!("line {} column {} (char {})", error.line(), error.column(), error.column().saturating_sub(1));
        let message =
            format!("could not parse the body as json: Expecting property name enclosed in double quotes: {place}");
        Refusal::new(Exception::BadRequest, message)
    };
    match serde_json::from_slice(body).map_err(broken)? {
        Json::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}
