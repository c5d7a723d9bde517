//! The pages of changes, and the form by which somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use selvage_governance::approval::Standing;
use selvage_model::change::{Change, DecisionVerdict};
use serde::Deserialize;

use super::entry::{Filled, Governed, Named};
use super::{Shared, refusal};
use crate::api::{Governance, line};
use crate::desk::lease::{AccessWaits, Pending};
use crate::desk::{Deciding, DeskError};
use crate::page;

/// What waits for whom, and every change.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    match listed(&shared, &governance).await {
        Ok((board, changes)) => {
            Html(page::changes(&overview, &board, &changes, &operator).into_string()).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Changes", &because, &operator).into_string())).into_response()
        }
    }
}

/// What waits for whom, as `selvage board` lists it, and every change.
async fn listed(shared: &Shared, governance: &Governance) -> Result<(page::Board, Vec<(Change, Standing)>), DeskError> {
    let desk = &governance.desk;
    let waits = desk.board(None).await?;
    let late = desk.late_on_board().await?;
    let board = match desk.access_by((shared.catalogue)().await.fabric).await {
        Ok(fabric) => {
            let pending = Pending::all(waits, desk.access_due(&fabric, None).await?);
            page::Board { pending, late, access: desk.access_waits(&fabric).await?, untold: None }
        }
        // Whose access it is cannot be told here; changes can.
        Err(error @ DeskError::Refused { .. }) => {
            let (pending, untold) = (Pending::all(waits, Vec::new()), Some(refusal(&error).1));
            page::Board { pending, late, access: AccessWaits::default(), untold }
        }
        Err(error) => return Err(error),
    };
    Ok((board, desk.changes().await?))
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
