//! The pages of changes, and the form by which somebody decides.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use selvage_model::change::DecisionVerdict;
use serde::Deserialize;

use super::{Shared, missing, refusal, session};
use crate::api::line;
use crate::desk::Deciding;
use crate::page;

/// What waits for whom, and every change.
pub(super) async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    let overview = (shared.observe)().await;
    let found = match governance.desk.board(None).await {
        Ok(waits) => governance.desk.changes().await.map(|changes| (waits, changes)),
        Err(error) => Err(error),
    };
    match found {
        Ok((waits, changes)) => {
            Html(page::changes(&overview, &waits, &changes, &admitted.operator).into_string()).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Changes", &because, &admitted.operator).into_string()))
                .into_response()
        }
    }
}

/// One change.
pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    one(&shared, &id, &admitted.operator, None).await
}

async fn one(shared: &Shared, id: &str, operator: &str, refused: Option<(StatusCode, String)>) -> Response {
    let Some(governance) = &shared.governance else { return missing().await };
    let overview = (shared.observe)().await;
    match governance.desk.change(id).await {
        Ok((change, standing)) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            let page = page::change(&overview, &change, &standing, because.as_deref(), operator);
            (status, Html(page.into_string())).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Changes", &because, operator).into_string())).into_response()
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Said {
    verdict: DecisionVerdict,
    because: String,
    version: u32,
}

/// Decides, in the name of who is logged in and about the version that was looked at.
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    let operator = admitted.operator;
    let Some(because) = line(&said.because) else {
        let why = "say why, in a line of at most 200 characters".to_owned();
        return one(&shared, &id, &operator, Some((StatusCode::UNPROCESSABLE_ENTITY, why))).await;
    };
    let (verdict, version) = (said.verdict, Some(said.version));
    let deciding = Deciding { change: id.clone(), version, person: operator.clone(), verdict, because };
    match governance.desk.decide(deciding).await {
        Ok((change, _)) => Redirect::to(&format!("/changes/{}", change.id)).into_response(),
        Err(error) => one(&shared, &id, &operator, Some(refusal(&error))).await,
    }
}
