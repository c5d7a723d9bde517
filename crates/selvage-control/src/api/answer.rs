//! How the API says no: each refusal of the desk and of the store with the status that fits it.

use axum::Json;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvage_model::code::{self, Code};
use selvage_model::problem::Problem;
use selvage_store::StoreError;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use crate::desk::{self, DeskError};

/// A problem as an answer.
pub(super) fn problem(problem: &Problem) -> Response {
    answer(problem, serde_json::Value::Null)
}

fn answer(problem: &Problem, findings: serde_json::Value) -> Response {
    let mut body = problem.body(&Uuid::new_v4().to_string());
    if let (Some(body), false) = (body.as_object_mut(), findings.is_null()) {
        body.insert("findings".to_owned(), findings);
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    (status, [kind], body.to_string()).into_response()
}

/// A refusal of the desk as an answer.
pub(crate) fn told(error: &DeskError) -> Response {
    match error {
        DeskError::Store(error) => {
            let mut problem = Problem::new(status_of_store(error), error.code(), error.to_string());
            if error.is_transient() {
                problem = problem.retry_after(1);
            }
            answer(&problem, serde_json::Value::Null)
        }
        DeskError::Refused { code, message, fix, findings } => {
            let problem = Problem::new(status(*code), *code, format!("{message}: {fix}"));
            let findings: Vec<_> = findings.iter().map(desk::finding).collect();
            answer(&problem, if findings.is_empty() { serde_json::Value::Null } else { json!(findings) })
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
        StoreError::NotFound { .. } => 404,
        StoreError::ChangeStands { .. }
        | StoreError::ChangeStale { .. }
        | StoreError::AccessStands { .. }
        | StoreError::ActivationMoved { .. }
        | StoreError::BreakGlassStands { .. } => 409,
        StoreError::OwnAccess { .. } => 403,
        StoreError::Unnarrowed { .. } | StoreError::BreakGlassLong { .. } => 422,
        error if error.is_transient() => 503,
        _ => 500,
    }
}

fn status(code: Code) -> u16 {
    match code {
        code::NOT_YOURS_TO_DECIDE | code::SEAT_NOT_YOURS | code::ACCESS_DECIDER => 403,
        code::ROLLBACK_UNKNOWN => 404,
        code::CHANGE_UNFIT
        | code::CHANGE_EMPTY
        | code::FILES_ASTRAY
        | code::ENVIRONMENT_UNDECLARED
        | code::EMERGENCY_ORDER => 422,
        code::ACCESS_ENDING | code::ACCESS_FAR | code::RECERTIFICATION_VAIN => 422,
        // What is asked for does not pass the check.
        code if code.as_str().starts_with("FAB2") => 422,
        _ => 409,
    }
}

/// A body or a query that cannot be meant.
pub(super) fn unfit(because: String) -> Response {
    problem(&Problem::new(400, code::API_BODY, because))
}

/// A body of JSON, refused as a problem where it is none.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let status = match &rejection {
                    JsonRejection::BytesRejection(_) => 413,
                    JsonRejection::MissingJsonContentType(_) => 415,
                    _ => 400,
                };
                Err(problem(&Problem::new(status, code::API_BODY, rejection.body_text())))
            }
        }
    }
}
