//! An upstream's answer beside its contract. Where checks are enforced, an answer that does not fit is kept from the caller,
//! who learns only that it did not.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use selvage_model::code;
use selvage_model::manifest::interface::Check;
use selvage_model::problem::Problem;

use super::request::{is_coded, text};
use crate::body::Reply;
use crate::contract::{Expected, OperationContract, Schema, Violation};
use crate::forward::Got;
use crate::json;
use crate::serve::Asked;
use crate::snapshot::Checks;
use crate::tally::{Noted, Side, Verdict};

/// Asks for an answer that can be read.
pub(super) fn ask_plainly(headers: &mut HeaderMap) {
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// One check of one answer.
pub(super) struct Round<'a> {
    pub(super) contract: &'a OperationContract,
    pub(super) checks: &'a Checks,
    /// The caller asked for no body.
    pub(super) is_head: bool,
}

/// What was found of a body.
enum Seen {
    /// It goes back as it is.
    Streamed(Verdict),
    Json(Bytes, Vec<Violation>),
    /// More than is checked.
    TooLarge(Bytes),
    /// It broke off or stalled.
    Broken,
}

impl Round<'_> {
    pub(super) async fn check<'a>(self, asked: Asked<'a>, got: Got<'a>) -> Response<Reply> {
        let Got { admitted, mut response } = got;
        let mut violations = Vec::new();
        let seen = self.look(&mut response, &mut violations).await;
        let verdict = match &seen {
            Seen::Streamed(verdict) => *verdict,
            Seen::Json(..) => Verdict::Fits,
            Seen::TooLarge(_) | Seen::Broken => Verdict::Unchecked,
        };
        match seen {
            Seen::Streamed(_) => {}
            Seen::Json(bytes, found) => {
                violations.extend(found);
                response.body_mut().hold(bytes);
            }
            Seen::TooLarge(ahead) => response.body_mut().put_back(ahead),
            Seen::Broken => {
                let detail = "the upstream system broke off its answer";
                return asked.fail(admitted, &Problem::new(502, code::UPSTREAM_BROKE, detail));
            }
        }
        let noted = Noted::new(Side::Response, verdict, violations);
        asked.note(&admitted, &noted);
        match self.refusal(&noted) {
            Some(problem) => asked.fail(admitted, &problem),
            None => asked.finish(admitted, response),
        }
    }

    async fn look(&self, response: &mut Response<Reply>, violations: &mut Vec<Violation>) -> Seen {
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED {
            return Seen::Streamed(Verdict::Fits);
        }
        let Some(answer) = self.contract.answer(status) else {
            let detail = format!("the contract declares no answer with the status {}", status.as_u16());
            violations.push(Violation::of_whole_body("status", detail));
            return Seen::Streamed(Verdict::Fits);
        };
        violations.extend(answer.headers(response.headers(), self.checks.shows_values));
        if self.is_head || response.body().is_end_stream() {
            return Seen::Streamed(Verdict::Fits);
        }
        let media_type = text(response.headers(), &header::CONTENT_TYPE);
        match answer.body(media_type) {
            Expected::Anything => Seen::Streamed(Verdict::Fits),
            Expected::Undeclared => {
                let said = media_type.map_or("none".to_owned(), |said| format!("`{said}`"));
                violations
                    .push(Violation::of_whole_body("content", format!("the contract declares no body of type {said}")));
                Seen::Streamed(Verdict::Fits)
            }
            Expected::Json(_) if is_coded(response.headers()) || status == StatusCode::PARTIAL_CONTENT => {
                Seen::Streamed(Verdict::Unchecked)
            }
            Expected::Json(schema) => self.json(schema, response.body_mut()).await,
        }
    }

    async fn json(&self, schema: &Schema, body: &mut Reply) -> Seen {
        let most = self.checks.validation.up_to;
        let hint = body.size_hint();
        if hint.lower() > most {
            return Seen::Streamed(Verdict::Unchecked);
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(hint.lower()).unwrap_or(0));
        loop {
            match body.frame().await {
                None => break,
                Some(Err(_)) => return Seen::Broken,
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { break };
                    bytes.extend_from_slice(&data);
                    if bytes.len() as u64 > most {
                        return Seen::TooLarge(bytes.freeze());
                    }
                }
            }
        }
        let bytes = bytes.freeze();
        let found = match json::read(&bytes) {
            Ok(value) => schema.violations(&value, self.checks.shows_values),
            Err(_) => vec![Violation::of_whole_body("json", "the body is not JSON")],
        };
        Seen::Json(bytes, found)
    }

    /// The answer instead, where checks are enforced and this one does not pass them.
    fn refusal(&self, noted: &Noted) -> Option<Problem> {
        if self.checks.validation.response != Check::Enforce {
            return None;
        }
        if !noted.violations.is_empty() {
            let detail = "the upstream system's answer does not fit the contract; its owners see where";
            return Some(Problem::new(502, code::RESPONSE_UNFIT, detail));
        }
        (noted.verdict == Verdict::Unchecked).then(|| {
            let detail = "the upstream system's answer is compressed, partial or larger than what is checked";
            Problem::new(502, code::RESPONSE_UNCHECKED, detail)
        })
    }
}
