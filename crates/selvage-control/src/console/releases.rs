//! The page of releases, and the form that goes back to the one before.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use selvage_governance::seat::{Act, may};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{Activated, ForeignReceipt, ReleaseImport, SignedRelease};
use serde::Deserialize;

use super::entry::{Filled, Governed, Sought};
use super::{Shared, refusal};
use crate::api::{Governance, line};
use crate::desk::{Activating, DeskError, GoingBack};
use crate::page;

/// Releases of other stores whose receipts are shown.
const MOST_RELEASES: usize = 50;

/// What is active where, what was, and every release.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: Governed) -> Response {
    all(&shared, &who, None).await
}

async fn all(shared: &Shared, who: &Governed, refused: Option<(StatusCode, String)>) -> Response {
    let Governed { operator, governance } = who;
    let overview = (shared.observe)().await;
    match gather(governance, operator).await {
        Ok(view) => {
            let (status, because) = refused.map_or((StatusCode::OK, None), |(status, because)| (status, Some(because)));
            let page = page::releases(&overview, &view, because.as_deref(), operator);
            (status, Html(page.into_string())).into_response()
        }
        Err(error) => {
            let (status, because) = refusal(&error);
            (status, Html(page::trouble(&overview, "Releases", &because, operator).into_string())).into_response()
        }
    }
}

async fn gather(governance: &Governance, operator: &str) -> Result<page::ReleasesView, DeskError> {
    let (releases, active) = governance.desk.releases().await?;
    let history = governance.desk.activations().await?;
    let fabric = governance.desk.released().await?;
    let mut domains: Vec<DomainName> = active.iter().map(|it| it.domain.clone()).collect();
    domains.retain(|domain| may(&fabric, operator, Act::RollBack, domain));
    let (now, mut nodes) = governance.store.nodes().await?;
    // What is not heard of any more, and was not ended in order, is told by its alarms.
    nodes.retain(|node| node.lease_until > now);
    let imports = governance.store.release_imports().await?;
    let receipts = receipts(governance, &releases, &imports).await?;
    Ok(page::ReleasesView { releases, imports, receipts, active, history, nodes, may_go_back: domains })
}

/// What other stores saw of the newest of what was taken over.
async fn receipts(
    governance: &Governance,
    releases: &[SignedRelease],
    imports: &[ReleaseImport],
) -> Result<Vec<(DomainName, String, ForeignReceipt)>, DeskError> {
    let mut receipts = Vec::new();
    let taken_over = |it: &&SignedRelease| imports.iter().any(|import| import.change == it.change);
    for it in releases.iter().rev().filter(taken_over).take(MOST_RELEASES) {
        let of_it = governance.store.receipts_of(&it.domain, &it.id).await?;
        receipts.extend(of_it.into_iter().map(|receipt| (it.domain.clone(), it.id.clone(), receipt)));
    }
    Ok(receipts)
}

#[derive(Deserialize)]
pub(super) struct Planned {
    environment: EnvironmentName,
    release: String,
    #[serde(default)]
    going_back: bool,
}

/// What activating a release would do to access.
pub(super) async fn plan(State(shared): State<Arc<Shared>>, who: Governed, Sought(asked): Sought<Planned>) -> Response {
    match who.governance.desk.plan(&asked.release, &asked.environment, asked.going_back).await {
        Ok(plan) => {
            let overview = (shared.observe)().await;
            Html(page::plan(&overview, &plan, &who.operator).into_string()).into_response()
        }
        Err(error) => all(&shared, &who, Some(refusal(&error))).await,
    }
}

#[derive(Deserialize)]
pub(super) struct Back {
    environment: EnvironmentName,
    domain: DomainName,
    from: String,
    to: String,
    because: String,
}

/// Goes back, in the name of who is logged in.
pub(super) async fn roll_back(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Filled(back): Filled<Back>,
) -> Response {
    let Some(because) = line(&back.because) else {
        let why = "say why, in a line of at most 200 characters".to_owned();
        return all(&shared, &who, Some((StatusCode::UNPROCESSABLE_ENTITY, why))).await;
    };
    match go(&who.governance, &who.operator, back, because).await {
        Ok(()) => Redirect::to("/releases").into_response(),
        Err(refused) => all(&shared, &who, Some(refused)).await,
    }
}

async fn go(governance: &Governance, operator: &str, back: Back, because: String) -> Result<(), (StatusCode, String)> {
    let Back { environment, domain, from, to, .. } = back;
    let activating = Activating { environment, by: operator.to_owned(), because };
    let back = GoingBack { domain, from: Some(from), to: Some(to) };
    let went = governance.desk.roll_back(&back, &activating).await.map_err(|error| refusal(&error))?;
    if let Activated::Now(since) = went.activated {
        // The page that follows shows what every node runs.
        (governance.acknowledge)(since, Some(activating.environment)).await;
    }
    Ok(())
}
