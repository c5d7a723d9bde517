//! A request beside its contract: its parameters, its media type, its body. Says what passes, what is refused and what was
//! found; counts nothing itself.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use hyper::body::Incoming;
use selvage_model::code;
use selvage_model::manifest::interface::Check;
use selvage_model::problem::Problem;

use super::coming::Coming;
use crate::body::{Progress, Upload};
use crate::connection::Watch;
use crate::contract::{Expected, Given, OperationContract, Reading, Violation};
use crate::forward;
use crate::mediate::in_foreign_charset;
use crate::snapshot::Checks;
use crate::tally::{Noted, Side, Verdict};
use crate::whole::{Read, Terms};

/// One check of one request.
pub(super) struct Round<'a> {
    pub(super) contract: &'a OperationContract,
    pub(super) checks: &'a Checks,
    pub(super) prefix: usize,
    pub(super) terms: Terms<'a>,
    /// How large any body may be.
    pub(super) max_body: u64,
    pub(super) watch: &'a Rc<Watch>,
}

/// What becomes of it.
pub(super) enum Outcome {
    Passes(Passing),
    Refused {
        problem: Box<Problem>,
        noted: Noted,
        /// What of the body nobody has read.
        unread: Option<Incoming>,
    },
}

/// A request that goes on.
pub(super) struct Passing {
    pub(super) upload: Upload,
    pub(super) progress: Option<Rc<Cell<Progress>>>,
    pub(super) noted: Noted,
    /// Which of the contract's attributes its body has, by their places.
    pub(super) sent: Vec<u32>,
}

impl Passing {
    /// One of whose body nothing was read.
    fn unread((upload, progress): (Upload, Option<Rc<Cell<Progress>>>), noted: Noted) -> Self {
        Self { upload, progress, noted, sent: Vec::new() }
    }
}

impl Round<'_> {
    pub(super) async fn check(self, parts: &Parts, body: Coming) -> Outcome {
        let path = parts.uri.path().get(self.prefix..).unwrap_or_default();
        let given = Given { path, query: parts.uri.query(), headers: &parts.headers, shows: self.checks.shows_values };
        let mut violations = self.contract.parameters(&given);
        if body.is_nothing() {
            if self.contract.needs_body() {
                violations.push(Violation::of_whole_body("required", "the body is missing"));
            }
            return self.decided(violations, Verdict::Fits, body);
        }
        let media_type = text(&parts.headers, &header::CONTENT_TYPE);
        let expected = self.contract.body(media_type);
        if matches!(expected, Expected::Read(_))
            && let Some(problem) = media_type.and_then(in_foreign_charset)
        {
            return self.unchecked(violations, problem, body);
        }
        match expected {
            Expected::Anything => self.decided(violations, Verdict::Fits, body),
            Expected::Undeclared => {
                let said = media_type.map_or("none".to_owned(), |said| format!("`{said}`"));
                violations
                    .push(Violation::of_whole_body("content", format!("the contract declares no body of type {said}")));
                self.decided(violations, Verdict::Fits, body)
            }
            // Large beside what waits for no body.
            Expected::Nothing => Box::pin(self.nothing(violations, body)).await,
            Expected::Unread => self.decided(violations, Verdict::Unread, body),
            Expected::Read(_) if is_coded(&parts.headers) => {
                let detail = "send the body without `Content-Encoding`: it is checked as it comes";
                self.unchecked(violations, Problem::new(415, code::BODY_CODED, detail), body)
            }
            Expected::Read(_) if body.least() > self.checks.validation.up_to => {
                self.unchecked(violations, self.too_large(), body)
            }
            // What is refused anyway is not read.
            Expected::Read(_) if self.enforces() && !violations.is_empty() => {
                self.decided(violations, Verdict::Fits, body)
            }
            Expected::Read(reading) => Box::pin(self.read(violations, reading, body)).await,
        }
    }

    /// Its contract declares no body: one that is empty in the end is none.
    async fn nothing(&self, mut violations: Vec<Violation>, body: Coming) -> Outcome {
        let undeclared = || Violation::of_whole_body("undeclared", "the contract declares no body");
        if body.least() > 0 {
            violations.push(undeclared());
            return self.decided(violations, Verdict::Fits, body);
        }
        match body.read(0, self.terms).await {
            Read::Whole(bytes) => self.decided(violations, Verdict::Fits, Coming::Whole(bytes)),
            Read::Part(ahead, rest) | Read::NoRoom(ahead, rest) => {
                violations.push(undeclared());
                let noted = Noted::new(Side::Request, Verdict::Fits, violations);
                match self.refusal(&noted) {
                    Some(problem) => Outcome::Refused { problem, noted, unread: Some(rest) },
                    None => self.passes_half_read(noted, (ahead, rest)),
                }
            }
            Read::Failed(problem) => {
                let noted = Noted::new(Side::Request, Verdict::Unchecked, violations);
                Outcome::Refused { problem: Box::new(problem), noted, unread: None }
            }
        }
    }

    fn enforces(&self) -> bool {
        self.checks.validation.request == Check::Enforce
    }

    async fn read(&self, mut violations: Vec<Violation>, reading: Reading<'_>, body: Coming) -> Outcome {
        let most = self.checks.validation.up_to;
        match body.read(most, self.terms).await {
            Read::Whole(bytes) => {
                let (found, sent) = reading.look(&bytes, self.checks.shows_values);
                violations.extend(found);
                let noted = Noted::new(Side::Request, Verdict::Fits, violations);
                match self.refusal(&noted) {
                    Some(problem) => Outcome::Refused { problem, noted, unread: None },
                    None => Outcome::Passes(Passing { upload: Upload::whole(bytes), progress: None, noted, sent }),
                }
            }
            Read::Part(ahead, rest) => self.half_read(violations, self.too_large(), (ahead, rest)),
            Read::NoRoom(ahead, rest) => {
                self.half_read(violations, self.terms.bearer.no_room(ahead.len()), (ahead, rest))
            }
            Read::Failed(problem) => {
                let noted = Noted::new(Side::Request, Verdict::Unchecked, violations);
                Outcome::Refused { problem: Box::new(problem), noted, unread: None }
            }
        }
    }

    /// Its body was not read to its end: refused where checks are enforced, streamed on otherwise.
    fn half_read(&self, violations: Vec<Violation>, problem: Problem, (ahead, rest): (Bytes, Incoming)) -> Outcome {
        let noted = Noted::new(Side::Request, Verdict::Unchecked, violations);
        if self.enforces() {
            return Outcome::Refused { problem: Box::new(problem), noted, unread: Some(rest) };
        }
        self.passes_half_read(noted, (ahead, rest))
    }

    fn passes_half_read(&self, noted: Noted, (ahead, rest): (Bytes, Incoming)) -> Outcome {
        let left = self.max_body.saturating_sub(ahead.len() as u64);
        let (upload, progress) = forward::streamed(rest, left, self.watch);
        Outcome::Passes(Passing::unread((upload.after(ahead), progress), noted))
    }

    /// Goes on or is refused with what was found; its body is not read.
    fn decided(&self, violations: Vec<Violation>, verdict: Verdict, body: Coming) -> Outcome {
        let noted = Noted::new(Side::Request, verdict, violations);
        match self.refusal(&noted) {
            Some(problem) => Outcome::Refused { problem, noted, unread: body.unread() },
            None => Outcome::Passes(Passing::unread(body.into_upload(self.max_body, self.watch), noted)),
        }
    }

    /// Its body cannot be checked: refused where checks are enforced, counted otherwise.
    fn unchecked(&self, violations: Vec<Violation>, problem: Problem, body: Coming) -> Outcome {
        if self.enforces() {
            let noted = Noted::new(Side::Request, Verdict::Unchecked, violations);
            return Outcome::Refused { problem: Box::new(problem), noted, unread: body.unread() };
        }
        self.decided(violations, Verdict::Unchecked, body)
    }

    fn refusal(&self, noted: &Noted) -> Option<Box<Problem>> {
        (self.enforces() && !noted.violations.is_empty()).then(|| Box::new(problem(&noted.violations)))
    }

    fn too_large(&self) -> Problem {
        let most = self.checks.validation.up_to;
        Problem::new(413, code::BODY_UNCHECKED, format!("bodies are checked here, up to {most} bytes"))
    }
}

/// What the sender is told: 415 for another media type, 422 for a body that does not fit, 400 for the rest.
pub(super) fn problem(violations: &[Violation]) -> Problem {
    let is = |rule: &str| violations.iter().all(|violation| violation.rule == rule);
    let first = violations.first().map(|violation| violation.detail.clone()).unwrap_or_default();
    if is("content") {
        return Problem::new(415, code::BODY_TYPE_UNDECLARED, first);
    }
    if is("json") {
        return Problem::new(400, code::BODY_NOT_JSON, first);
    }
    if is("form") {
        return Problem::new(400, code::FORM_BROKEN, first);
    }
    let errors: Vec<_> = violations.iter().filter_map(Violation::as_field).collect();
    let parameters: Vec<_> = violations.iter().filter_map(Violation::as_parameter).collect();
    let status = if parameters.is_empty() && !is("required") { 422 } else { 400 };
    let detail = match violations.len() {
        1 => "the request does not fit the contract in one place".to_owned(),
        many => format!("the request does not fit the contract in {many} places"),
    };
    Problem { parameters, ..Problem::new(status, code::REQUEST_UNFIT, detail).with_errors(errors) }
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a body is compressed.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}
