//! The page of access: what was asked for and waits, what was opened in an emergency, and the forms by which somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use selvage_governance::access::Narrowing;
use selvage_model::fabric::Fabric;
use serde::Deserialize;

use super::ask::listed;
use super::entry::{Filled, Governed, Named};
use super::{Shared, missing, refusal};
use crate::api::line;
use crate::desk::DeskError;
use crate::desk::lease::{Answering, Reviewing, Settling, Verdict};
use crate::page;

/// What waits for whom, and what came of what was asked for.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    all(&shared, &who, None).await
}

async fn all(shared: &Shared, who: &Governed, refused: Option<(StatusCode, String)>) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    let waits = match judged_by(shared, who).await {
        Ok(fabric) => governance.desk.access_waits(&fabric).await,
        Err(error) => Err(error),
    };
    match waits {
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
    Keep,
    Narrow,
    End,
}

/// The page that a form was filled in on, where it was not this one.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Page {
    Changes,
}

#[derive(Deserialize)]
pub(super) struct Said {
    verdict: Word,
    because: String,
    from: Option<Page>,
    /// Of a grant that is narrowed.
    #[serde(default)]
    operations: String,
}

/// Decides about a request, in the name of who is logged in; approved, the page comes back when every node knows the grant.
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(request): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let approve = match said.verdict {
        Word::Approve => true,
        Word::Reject => false,
        _ => return missing().await,
    };
    let Some(because) = line(&said.because) else { return all(&shared, &who, why()).await };
    let since = Timestamp::now();
    let settling = Settling { request, approve, person: who.operator.clone(), because };
    let settled = match judged_by(&shared, &who).await {
        Ok(fabric) => who.governance.desk.settle(&fabric, settling).await.map(|_| approve),
        Err(error) => Err(error),
    };
    answer(&shared, &who, (since, settled), said.from).await
}

/// Answers for a grant that a campaign asks about, in the name of who is logged in.
pub(super) async fn recertify(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(item): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let verdict = match said.verdict {
        Word::Keep => Verdict::Keep,
        Word::Narrow => {
            let operations = Some(listed(&said.operations).map(str::to_owned).collect());
            Verdict::Narrow(Narrowing { operations, ..Narrowing::default() })
        }
        Word::End => Verdict::End,
        _ => return missing().await,
    };
    let Some(because) = line(&said.because) else { return all(&shared, &who, why()).await };
    let (since, is_kept) = (Timestamp::now(), verdict == Verdict::Keep);
    let answering = Answering { item, verdict, person: who.operator.clone(), because };
    let answered = match judged_by(&shared, &who).await {
        Ok(fabric) => who.governance.desk.answer(&fabric, answering).await.map(|_| !is_kept),
        Err(error) => Err(error),
    };
    answer(&shared, &who, (since, answered), said.from).await
}

/// Says of access in an emergency whether it was right, in the name of who is logged in.
pub(super) async fn review(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(grant): Named,
    Filled(said): Filled<Said>,
) -> Response {
    let ratified = match said.verdict {
        Word::Ratify => true,
        Word::Disown => false,
        _ => return missing().await,
    };
    let Some(because) = line(&said.because) else { return all(&shared, &who, why()).await };
    let since = Timestamp::now();
    let reviewing = Reviewing { grant, ratified, person: who.operator.clone(), because };
    let reviewed = match judged_by(&shared, &who).await {
        Ok(fabric) => who.governance.desk.review_break_glass(&fabric, reviewing).await.map(|_| !ratified),
        Err(error) => Err(error),
    };
    answer(&shared, &who, (since, reviewed), said.from).await
}

/// Goes back to the page, when every node knows what was changed; what was said is not sent again by who loads it anew.
async fn answer(
    shared: &Shared,
    who: &Governed,
    (since, changed): (Timestamp, Result<bool, DeskError>),
    from: Option<Page>,
) -> Response {
    match changed {
        Ok(is_changed) => {
            if is_changed {
                (who.governance.acknowledge)(since, None).await;
            }
            Redirect::to(from.map_or("/access", |Page::Changes| "/changes")).into_response()
        }
        Err(error) => all(shared, who, Some(refusal(&error))).await,
    }
}

/// By what access is judged here.
pub(super) async fn judged_by(shared: &Shared, who: &Governed) -> Result<Arc<Fabric>, DeskError> {
    who.governance.desk.access_by((shared.catalogue)().await.fabric).await
}

fn why() -> Option<(StatusCode, String)> {
    Some((StatusCode::UNPROCESSABLE_ENTITY, "Say why, in a line of at most 200 characters.".to_owned()))
}
