//! How the API says no: each refusal of the desk and of the store with the status that fits it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvage_model::code::{self, Code};
use selvage_model::problem::Problem;
use selvage_store::StoreError;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::desk::{self, DeskError};

/// What a handler answers, or how it says no.
pub(super) type Answer = Result<Response, Refused>;

/// A no, as an answer.
pub(super) struct Refused(Response);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0
    }
}

impl From<Response> for Refused {
    fn from(answer: Response) -> Self {
        Self(answer)
    }
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Self {
        Self(told(&error))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        DeskError::Store(error).into()
    }
}

/// A list, as lists are answered.
pub(super) fn listed(items: impl Iterator<Item = Value>) -> Response {
    Json(json!({"items": items.collect::<Vec<_>>()})).into_response()
}

/// A problem as an answer.
pub(super) fn problem(problem: &Problem) -> Response {
    answer(problem, Value::Null)
}

fn answer(problem: &Problem, findings: Value) -> Response {
    let mut body = problem.body(&Uuid::new_v4().to_string());
    if let (Some(body), false) = (body.as_object_mut(), findings.is_null()) {
        body.insert("findings".to_owned(), findings);
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = (status, body.to_string()).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Most findings that an answer has: whoever mends so many asks again.
const MOST_FINDINGS: usize = 500;

/// A refusal of the desk as an answer.
pub(crate) fn told(error: &DeskError) -> Response {
    match error {
        DeskError::Store(error) => {
            let mut problem = Problem::new(status_of_store(error), error.code(), error.to_string());
            if error.is_transient() {
                problem = problem.retry_after(1);
            }
            answer(&problem, Value::Null)
        }
        DeskError::Refused { code, message, fix, findings } => {
            let more = match findings.len().saturating_sub(MOST_FINDINGS) {
                0 => String::new(),
                more => format!("; {more} more findings are left out"),
            };
            let problem = Problem::new(status(*code), *code, format!("{message}: {fix}{more}"));
            let findings: Vec<_> = findings.iter().take(MOST_FINDINGS).map(desk::finding).collect();
            answer(&problem, if findings.is_empty() { Value::Null } else { json!(findings) })
        }
    }
}

/// The status of what the desk refused.
pub(crate) fn status_of(error: &DeskError) -> u16 {
    match error {
        DeskError::Store(error) => status_of_store(error),
        DeskError::Refused { code, .. } => status(*code),
    }
}

fn status_of_store(error: &StoreError) -> u16 {
    match error {
        StoreError::NotFound { .. }
        | StoreError::ChangeStands { .. }
        | StoreError::ChangeStale { .. }
        | StoreError::LetterSettled { .. }
        | StoreError::AccessStands { .. }
        | StoreError::ActivationMoved { .. }
        | StoreError::BreakGlassStands { .. }
        | StoreError::OwnAccess { .. }
        | StoreError::Unnarrowed { .. }
        | StoreError::SubscriptionStands { .. }
        | StoreError::NoReplay { .. }
        | StoreError::ReplayUnsent { .. }
        | StoreError::ReplayTarget { .. }
        | StoreError::BreakGlassLong { .. } => status(error.code()),
        error if error.is_transient() => 503,
        _ => 500,
    }
}

/// The status with which this is refused.
pub(super) fn status(code: Code) -> u16 {
    match code {
        code::API_BODY => 400,
        code::API_KEY => 401,
        code::API_FORBIDDEN
        | code::NOT_YOURS_TO_DECIDE
        | code::SEAT_NOT_YOURS
        | code::EMERGENCY_STRANGER
        | code::ACCESS_DECIDER
        | code::RECERTIFICATION_OTHERS => 403,
        code::API_MISSING
        | code::EVIDENCE_UNKNOWN
        | code::ROLLBACK_UNKNOWN
        | code::NOT_IN_STORE
        | code::EVENT_UNKNOWN
        | code::STREAM_UNOPENED
        | code::POSITION_AHEAD => 404,
        code::API_METHOD => 405,
        code::EVENTS_RETIRED => 410,
        code::CHANGE_UNFIT
        | code::CHANGE_EMPTY
        | code::FILES_ASTRAY
        | code::ENVIRONMENT_UNDECLARED
        | code::EMERGENCY_ORDER => 422,
        code::PACKAGE_UNREADABLE | code::PACKAGE_ALTERED | code::PACKAGE_AHEAD => 422,
        code::SEAT_OVER | code::ACCESS_ENDING | code::ACCESS_FAR | code::RECERTIFICATION_VAIN => 422,
        code::GRANT_UNNARROWED | code::BREAK_GLASS_LONG | code::EVIDENCE_LARGE | code::NAME_UNDECLARED => 422,
        // What is asked for does not pass the check.
        code if code.as_str().starts_with("FAB2") => 422,
        code::API_BROKE_OFF => 500,
        _ => 409,
    }
}

/// A body or a query that cannot be meant.
pub(super) fn unfit(because: String) -> Response {
    problem(&Problem::new(400, code::API_BODY, because))
}
