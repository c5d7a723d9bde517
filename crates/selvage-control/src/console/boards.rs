//! The page of boards: who sits where, to whom seats are lent, and the forms by which somebody lends a seat of theirs and takes one back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use selvage_model::change::Delegation;
use selvage_model::name::DomainName;
use serde::Deserialize;

use super::entry::{Filled, Governed, Named};
use super::{Shared, missing, refusal};
use crate::api::line;
use crate::desk::DeskError;
use crate::desk::lease::until;
use crate::page;

/// Who sits where.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    all(&shared, &who, None).await
}

async fn all(shared: &Shared, who: &Governed, refused: Option<(StatusCode, String)>) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    match governance.desk.boards().await {
        Ok(boards) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            let page = page::boards(&overview, &boards, because.as_deref(), operator);
            (status, Html(page.into_string())).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Changes", &because, operator).into_string())).into_response()
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Lent {
    discipline: String,
    to: String,
    until: String,
}

/// Lends a seat of who is logged in.
pub(super) async fn lend(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(domain): Named,
    Filled(lent): Filled<Lent>,
) -> Response {
    let Ok(domain) = domain.parse::<DomainName>() else { return missing().await };
    let unfit = |why: String| Some((StatusCode::UNPROCESSABLE_ENTITY, why));
    let Some(to) = line(&lent.to) else {
        return all(&shared, &who, unfit("Say to whom the seat is lent, as boards and teams name people.".to_owned()))
            .await;
    };
    let until = match until(lent.until.trim()) {
        Ok(until) => until,
        Err(why) => return all(&shared, &who, unfit(format!("Say until when: {why}."))).await,
    };
    let from = who.operator.clone();
    let new = Delegation { id: String::new(), domain, discipline: lent.discipline, from, to, until, unproven: false };
    let done = who.governance.desk.lend(&new).await;
    answer(&shared, &who, done).await
}

/// Takes a seat back, in the name of who is logged in.
pub(super) async fn end(State(shared): State<Arc<Shared>>, who: Governed, Named(id): Named) -> Response {
    let done = who.governance.desk.take_back(&id, &who.operator).await;
    answer(&shared, &who, done).await
}

async fn answer(shared: &Shared, who: &Governed, done: Result<Delegation, DeskError>) -> Response {
    match done {
        Ok(_) => Redirect::to("/boards").into_response(),
        Err(error) => all(shared, who, Some(refusal(&error))).await,
    }
}
