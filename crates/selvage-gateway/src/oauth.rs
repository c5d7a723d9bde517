//! The token endpoint over HTTP: reads a client's form, bounded in bytes, time and number, and answers as RFC 6749 says. A
//! token that was issued is in no log.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use selvage_model::code::{self, Code};
use selvage_model::scalar::Rate;
use serde_json::json;
use uuid::Uuid;

use crate::answer;
use crate::body::Reply;
use crate::limit::{Allowance, Spent};
use crate::serve::Asked;
use crate::tally::NOWHERE;
use crate::token::{Document, NotIssued, TokenAsk, Whose, client, issue};

/// Bytes that a form may have.
const MOST_BYTES: usize = 8 * 1024;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tokens that a client gets: many for one that keeps them, few for one that asks before each request.
const MOST_TOKENS: Rate = Rate { count: 60, per: Duration::from_secs(60) };

/// Answers a client that asks for a token.
pub(crate) async fn token(asked: Asked<'_>, parts: Parts, body: Incoming) -> Response<Reply> {
    let form = tokio::time::timeout(PATIENCE, Limited::new(body, MOST_BYTES).collect()).await;
    let mut whose = Whose::default();
    let Ok(Ok(form)) = form else {
        note(asked, whose, Some(code::TOKEN_REQUEST));
        let detail = "the form is too large, or did not arrive in time";
        let status = StatusCode::BAD_REQUEST;
        let mut response =
            refuse(asked, &NotIssued { status, error: "invalid_request", code: code::TOKEN_REQUEST, detail }, None);
        asked.end_connection(&mut response);
        return response;
    };
    let outcome = answered(asked, &parts.headers, &form.to_bytes(), &mut whose);
    note(asked, whose, outcome.as_ref().err().map(|(refusal, _)| refusal.code));
    outcome.unwrap_or_else(|(refusal, wait)| refuse(asked, &refusal, wait))
}

/// Counts a request for the ledger.
fn note(asked: Asked<'_>, whose: Whose, refused: Option<Code>) {
    let Whose { consumer, key } = whose;
    asked.worker.shared.books.tokens.count(TokenAsk { consumer, key, refused });
}

type Refused = (NotIssued, Option<u64>);

fn answered(asked: Asked<'_>, headers: &HeaderMap, form: &[u8], whose: &mut Whose) -> Result<Response<Reply>, Refused> {
    let snapshot = asked.snapshot();
    let client = client(snapshot, headers, form, asked.now, whose).map_err(|refusal| (refusal, None))?;
    let books = &asked.worker.shared.books;
    let limits = books.limits.own(&format!("token of {}", client.consumer));
    if let Spent::Wait(wait) = limits.rate.take(books.nanos(asked.started), Allowance::of(MOST_TOKENS)) {
        let refusal = NotIssued {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "slow_down",
            code: code::TOKEN_RATE,
            detail: "the client asks for too many tokens; one is good until it ends",
        };
        return Err((refusal, Some(wait.as_secs() + 1)));
    }
    let id = Uuid::new_v4().simple().to_string();
    let issued = issue(snapshot, &client, &id, asked.now).map_err(|refusal| (refusal, None))?;
    tracing::debug!(consumer = %issued.consumer, token = id, "a token was issued");
    let body = json!({"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.lasts});
    let mut response = answer::json(StatusCode::OK, &body, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

const JSON: &str = "application/json";

fn refuse(asked: Asked<'_>, refusal: &NotIssued, wait: Option<u64>) -> Response<Reply> {
    asked.worker.shard.refused(NOWHERE, refusal.code, refusal.status.as_u16());
    let body = json!({
        "error": refusal.error, "error_description": refusal.detail, "code": refusal.code.as_str(),
        "type": format!("/errors/{}", refusal.code), "correlation_id": asked.exchange.correlation(),
    });
    let mut response = answer::json(refusal.status, &body, JSON);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if refusal.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"selvage\""));
    }
    if let Some(seconds) = wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Answers with what Selvage shows of itself as an issuer.
pub(crate) fn document(asked: Asked<'_>, document: Document) -> Response<Reply> {
    match asked.snapshot().issuers().document(document) {
        Some(body) => {
            let mut response = answer::json(StatusCode::OK, &body, JSON);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            response
        }
        None => {
            let detail = "the secret that tokens are signed with is not there";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let error = "temporarily_unavailable";
            refuse(asked, &NotIssued { status, error, code: code::ISSUER_KEYS_ABSENT, detail }, Some(1))
        }
    }
}
