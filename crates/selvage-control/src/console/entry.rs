//! Who comes in: whoever is logged in, and pages that are there only where changes are governed. Anybody else is led to the login. What
//! comes with them is read here too: what cannot be read is a page that says so.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;

use super::{Shared, missing, session, unavailable};
use crate::api::Governance;
use crate::page;

/// Somebody who is logged in.
pub(super) struct LoggedIn {
    pub(super) operator: String,
}

impl FromRequestParts<Arc<Shared>> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        match session(shared, &parts.headers).await {
            Ok(Some(admitted)) => Ok(Self { operator: admitted.operator }),
            Err(error) => Err(unavailable(&error)),
            Ok(None) => Err(Redirect::to("/login").into_response()),
        }
    }
}

/// The same, where changes are governed.
pub(super) struct Governed {
    pub(super) operator: String,
    pub(super) governance: Governance,
}

impl FromRequestParts<Arc<Shared>> for Governed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        let LoggedIn { operator } = LoggedIn::from_request_parts(parts, shared).await?;
        match &shared.governance {
            Some(governance) => Ok(Self { operator, governance: governance.clone() }),
            None => Err(missing().await),
        }
    }
}

/// A form as it was filled in.
pub(super) struct Filled<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Filled<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        match Form::<T>::from_request(request, shared).await {
            Ok(Form(filled)) => Ok(Self(filled)),
            Err(rejection) => Err(unread(rejection.status(), &rejection.body_text())),
        }
    }
}

/// What the address asks for, behind its `?`.
pub(super) struct Sought<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Sought<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        match Query::<T>::from_request_parts(parts, shared).await {
            Ok(Query(sought)) => Ok(Self(sought)),
            Err(rejection) => Err(unread(rejection.status(), &rejection.body_text())),
        }
    }
}

/// What the path names.
pub(super) struct Named(pub(super) String);

impl FromRequestParts<Arc<Shared>> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        match Path::<String>::from_request_parts(parts, shared).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(missing().await),
        }
    }
}

fn unread(status: StatusCode, because: &str) -> Response {
    (status, Html(page::unread(because).into_string())).into_response()
}
