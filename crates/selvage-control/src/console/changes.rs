//! The pages of changes, and the form by which somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use selvage_model::change::DecisionVerdict;
use serde::Deserialize;

use super::entry::{Filled, Governed, Named};
use super::{Shared, refusal};
use crate::api::line;
use crate::desk::Deciding;
use crate::page;

/// What waits for whom, and every change.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    let found = match governance.desk.board(None).await {
        Ok(waits) => governance.desk.changes().await.map(|changes| (waits, changes)),
        Err(error) => Err(error),
    };
    match found {
        Ok((waits, changes)) => {
            Html(page::changes(&overview, &waits, &changes, &operator).into_string()).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Changes", &because, &operator).into_string())).into_response()
        }
    }
}

/// One change.
pub(super) async fn show(State(shared): State<Arc<Shared>>, who: Governed, Named(id): Named) -> Response {
    one(&shared, &id, &who, None).await
}

async fn one(shared: &Shared, id: &str, who: &Governed, refused: Option<(StatusCode, String)>) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    match governance.desk.change(id).await {
        Ok((change, standing)) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            let counts = governance.desk.may_decide(&change, operator).await.is_ok();
            let reader = page::Reader { operator, counts };
            let page = page::change(&overview, &change, &standing, because.as_deref(), &reader);
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
    who: Governed,
    Named(id): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let Some(because) = line(&said.because) else {
        let why = "say why, in a line of at most 200 characters".to_owned();
        return one(&shared, &id, &who, Some((StatusCode::UNPROCESSABLE_ENTITY, why))).await;
    };
    let (verdict, version) = (said.verdict, Some(said.version));
    let deciding = Deciding { change: id.clone(), version, person: who.operator.clone(), verdict, because };
    match who.governance.desk.decide(deciding).await {
        Ok((change, _)) => Redirect::to(&format!("/changes/{}", change.id)).into_response(),
        Err(error) => one(&shared, &id, &who, Some(refusal(&error))).await,
    }
}
