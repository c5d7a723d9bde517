//! An upstream's answer beside its contract. Where checks are enforced, an answer that does not fit is kept from the caller,
//! who learns only that it did not.

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use selvage_model::code;
use selvage_model::manifest::interface::Check;
use selvage_model::problem::Problem;

use super::request::{is_coded, text};
use crate::body::{Broken, Reply};
use crate::burden::Bearer;
use crate::contract::{Expected, OperationContract, Reading, Violation};
use crate::held;
use crate::snapshot::Checks;
use crate::tally::{Noted, Side, Verdict};
use crate::whole::AHEAD;

/// One check of one answer.
pub(super) struct Round<'a> {
    pub(super) contract: &'a OperationContract,
    pub(super) checks: &'a Checks,
    /// The caller asked for no body.
    pub(super) is_head: bool,
    pub(super) bearer: Bearer<'a>,
}

/// What was read of an answer's body.
pub(crate) enum Gathered {
    Whole(Bytes),
    /// So far, and there is more than was asked for.
    TooLarge(Bytes),
    /// So far, and the node has no room for more.
    NoRoom(Bytes),
    /// It broke off or stalled.
    Broken,
    /// The right to it ended.
    Revoked,
}

/// Reads the body of an answer, up to so many bytes.
pub(crate) async fn gather(body: &mut Reply, most: u64, bearer: Bearer<'_>) -> Gathered {
    let ahead = usize::try_from(body.size_hint().lower().min(most).min(AHEAD)).unwrap_or(0);
    let (mut bytes, mut load) = (BytesMut::with_capacity(ahead), bearer.begin());
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(Broken::Revoked) => return Gathered::Revoked,
            Err(_) => return Gathered::Broken,
        };
        let Ok(data) = frame.into_data() else { break };
        let room = load.more(data.len());
        bytes.extend_from_slice(&data);
        if bytes.len() as u64 > most {
            return Gathered::TooLarge(load.of(bytes.freeze()));
        }
        if !room {
            return Gathered::NoRoom(load.of(bytes.freeze()));
        }
    }
    Gathered::Whole(load.of(bytes.freeze()))
}

/// What was found of a body.
enum Seen {
    /// It goes back as it is.
    Streamed(Verdict),
    Read(Bytes, Vec<Violation>),
    /// More than is checked.
    TooLarge(Bytes),
    /// More than the node has room for.
    NoRoom(Bytes),
    /// It broke off or stalled.
    Broken,
    /// The right to it ended.
    Revoked,
}

impl Round<'_> {
    /// What was found, and what the caller gets instead where it may not have this answer.
    pub(super) async fn check(self, response: &mut Response<Reply>) -> (Option<Noted>, Option<Problem>) {
        let mut violations = Vec::new();
        let verdict = match self.look(response, &mut violations).await {
            Seen::Streamed(verdict) => verdict,
            Seen::Read(bytes, found) => {
                violations.extend(found);
                response.body_mut().hold(bytes);
                Verdict::Fits
            }
            Seen::TooLarge(ahead) => {
                response.body_mut().put_back(ahead);
                Verdict::Unchecked
            }
            Seen::NoRoom(ahead) if self.checks.validation.response == Check::Enforce => {
                return (None, Some(self.bearer.no_room(ahead.len())));
            }
            Seen::NoRoom(ahead) => {
                response.body_mut().put_back(ahead);
                Verdict::Unchecked
            }
            Seen::Revoked => return (None, Some(held::ended())),
            Seen::Broken => {
                let detail = "the upstream system broke off its answer";
                return (None, Some(Problem::new(502, code::UPSTREAM_BROKE, detail)));
            }
        };
        let noted = Noted::new(Side::Response, verdict, violations);
        let problem = self.refusal(&noted);
        (Some(noted), problem)
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
            Expected::Nothing => self.nothing(response, violations).await,
            Expected::Unread => Seen::Streamed(Verdict::Unread),
            Expected::Read(_) if is_coded(response.headers()) || status == StatusCode::PARTIAL_CONTENT => {
                Seen::Streamed(Verdict::Unchecked)
            }
            Expected::Read(reading) => self.read(reading, response.body_mut()).await,
        }
    }

    /// The contract declares no body of it: one that is empty in the end is none. What streams without end is not waited for.
    async fn nothing(&self, response: &mut Response<Reply>, violations: &mut Vec<Violation>) -> Seen {
        let media_type = text(response.headers(), &header::CONTENT_TYPE);
        let streams = media_type.is_some_and(|media_type| media_type.starts_with("text/event-stream"));
        let body = response.body_mut();
        if !streams && body.size_hint().lower() == 0 {
            match gather(body, 0, self.bearer).await {
                Gathered::Whole(bytes) => return Seen::Read(bytes, Vec::new()),
                Gathered::TooLarge(ahead) | Gathered::NoRoom(ahead) => body.put_back(ahead),
                Gathered::Broken => return Seen::Broken,
                Gathered::Revoked => return Seen::Revoked,
            }
        }
        violations.push(Violation::of_whole_body("undeclared", "the contract declares no body of this answer"));
        Seen::Streamed(Verdict::Fits)
    }

    async fn read(&self, reading: Reading<'_>, body: &mut Reply) -> Seen {
        let most = self.checks.validation.up_to;
        let hint = body.size_hint();
        if hint.lower() > most {
            return Seen::Streamed(Verdict::Unchecked);
        }
        let bytes = match gather(body, most, self.bearer).await {
            Gathered::Whole(bytes) => bytes,
            Gathered::TooLarge(ahead) => return Seen::TooLarge(ahead),
            Gathered::NoRoom(ahead) => return Seen::NoRoom(ahead),
            Gathered::Broken => return Seen::Broken,
            Gathered::Revoked => return Seen::Revoked,
        };
        let found = reading.violations(&bytes, self.checks.shows_values);
        Seen::Read(bytes, found)
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
