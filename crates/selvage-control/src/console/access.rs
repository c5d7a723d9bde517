//! The page of access: what was asked for and waits, what was opened in an emergency, and the forms by which somebody decides.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Shared, missing, refusal, session};
use crate::api::{Governance, line};
use crate::desk::DeskError;
use crate::desk::lease::{Reviewing, Settling};
use crate::page;

/// What waits for whom, and what came of what was asked for.
pub(super) async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    all(&shared, governance, &admitted.operator, None).await
}

async fn all(
    shared: &Shared,
    governance: &Governance,
    operator: &str,
    refused: Option<(StatusCode, String)>,
) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.catalogue)().await);
    match governance.desk.access_waits(&view.fabric).await {
        Ok(waits) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            (status, Html(page::access(&overview, &waits, because.as_deref(), operator).into_string())).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Access", &because, operator).into_string())).into_response()
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Approve,
    Reject,
    Ratify,
    Disown,
}

#[derive(Deserialize)]
pub(super) struct Said {
    verdict: Word,
    because: String,
}

/// Decides about a request, in the name of who is logged in; approved, the page comes back when every node knows the grant.
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(request): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    let operator = admitted.operator;
    let approve = match said.verdict {
        Word::Approve => true,
        Word::Reject => false,
        _ => return missing().await,
    };
    let Some(because) = line(&said.because) else { return all(&shared, governance, &operator, why()).await };
    let fabric = (shared.catalogue)().await.fabric;
    let since = Timestamp::now();
    let settling = Settling { request, approve, person: operator.clone(), because };
    let settled = governance.desk.settle(&fabric, settling).await.map(|_| approve);
    answer(&shared, governance, &operator, (since, settled)).await
}

/// Says of access in an emergency whether it was right, in the name of who is logged in.
pub(super) async fn review(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(grant): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    let operator = admitted.operator;
    let ratified = match said.verdict {
        Word::Ratify => true,
        Word::Disown => false,
        _ => return missing().await,
    };
    let Some(because) = line(&said.because) else { return all(&shared, governance, &operator, why()).await };
    let fabric = (shared.catalogue)().await.fabric;
    let since = Timestamp::now();
    let reviewing = Reviewing { grant, ratified, person: operator.clone(), because };
    let reviewed = governance.desk.review_break_glass(&fabric, reviewing).await.map(|_| !ratified);
    answer(&shared, governance, &operator, (since, reviewed)).await
}

/// Goes back to the page, when every node knows what was changed; what was said is not sent again by who loads it anew.
async fn answer(
    shared: &Shared,
    governance: &Governance,
    operator: &str,
    (since, changed): (Timestamp, Result<bool, DeskError>),
) -> Response {
    match changed {
        Ok(is_changed) => {
            if is_changed {
                (governance.acknowledge)(since, None).await;
            }
            Redirect::to("/access").into_response()
        }
        Err(error) => all(shared, governance, operator, Some(refusal(&error))).await,
    }
}

fn why() -> Option<(StatusCode, String)> {
    Some((StatusCode::UNPROCESSABLE_ENTITY, "Say why, in a line of at most 200 characters.".to_owned()))
}
