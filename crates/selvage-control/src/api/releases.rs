//! Releases and activations over HTTP.

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use selvage_governance::seat::Act;
use selvage_model::code;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::problem::Problem;
use selvage_store::Activated;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, problem, told};
use super::changes::{line, no_line};
use super::{Api, Operator};
use crate::desk::{Activating, DeskError, GoingBack, Went, planned};
use crate::listener::Working;

/// The connection that an act is asked for on.
type Connection = Option<Extension<ConnectInfo<Working>>>;

#[derive(Deserialize)]
pub(super) struct Which {
    domain: Option<DomainName>,
}

/// Releases, the newest first, and where each is active.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Query(which): Query<Which>) -> Response {
    let (releases, active) = match api.governance.desk.releases().await {
        Ok(found) => found,
        Err(error) => return told(&error),
    };
    let is_meant = |domain: &DomainName| which.domain.as_ref().is_none_or(|one| one == domain);
    let items: Vec<Value> = releases
        .iter()
        .rev()
        .filter(|release| is_meant(&release.domain))
        .map(|release| {
            let here = active.iter().filter(|it| it.release == release.id && it.domain == release.domain);
            json!({
                "release": release.id,
                "domain": release.domain.as_str(),
                "change": release.change,
                "made": release.recorded.to_string(),
                "by": release.by,
                "signed_with": release.key,
                "active": here.map(|it| json!({"environment": it.environment.as_str(), "since": it.since.to_string()})).collect::<Vec<_>>(),
            })
        })
        .collect();
    Json(json!({"items": items})).into_response()
}

/// One release with its files.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, Path(id): Path<String>) -> Response {
    match api.governance.desk.find_release(&id).await {
        Ok(release) => Json(json!({
            "release": release.id, "domain": release.domain.as_str(), "change": release.change,
            "made": release.recorded.to_string(), "by": release.by, "signed_with": release.key, "files": release.content,
        }))
        .into_response(),
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Planned {
    release: String,
    #[serde(default)]
    going_back: bool,
}

/// What activating a release would do to access.
pub(super) async fn plan(
    State(api): State<Api>,
    _operator: Operator,
    Path(environment): Path<EnvironmentName>,
    Query(asked): Query<Planned>,
) -> Response {
    match api.governance.desk.plan(&asked.release, &environment, asked.going_back).await {
        Ok(plan) => Json(planned(&plan)).into_response(),
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    release: String,
    because: String,
}

/// Activates a release.
pub(super) async fn activate(
    State(api): State<Api>,
    operator: Operator,
    Path(environment): Path<EnvironmentName>,
    connection: Connection,
    Body(body): Body<Activation>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let domain = match api.governance.desk.find_release(&body.release).await {
        Ok(release) => release.domain,
        Err(error) => return told(&error),
    };
    if let Err(refused) = api.let_pass(&operator, Act::Activate, &domain).await {
        return refused;
    }
    let activating = Activating { environment: environment.clone(), by: operator.0, because };
    let desk = api.governance.desk.clone();
    let act = async move { desk.activate(&body.release, &activating).await };
    answer(&api, act, environment, connection).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    domain: DomainName,
    from: Option<String>,
    to: Option<String>,
    because: String,
}

/// Goes back.
pub(super) async fn roll_back(
    State(api): State<Api>,
    operator: Operator,
    Path(environment): Path<EnvironmentName>,
    connection: Connection,
    Body(body): Body<Rollback>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    if let Err(refused) = api.let_pass(&operator, Act::RollBack, &body.domain).await {
        return refused;
    }
    let activating = Activating { environment: environment.clone(), by: operator.0, because };
    let back = GoingBack { domain: body.domain, from: body.from, to: body.to };
    let desk = api.governance.desk.clone();
    let act = async move { desk.roll_back(&back, &activating).await };
    answer(&api, act, environment, connection).await
}

/// Carries out to its end what was asked for, also where nobody waits for the answer any more: gates take minutes, and half of it would
/// be neither.
async fn answer(
    api: &Api,
    act: impl Future<Output = Result<Went, DeskError>> + Send + 'static,
    environment: EnvironmentName,
    connection: Connection,
) -> Response {
    let _work = connection.map(|Extension(ConnectInfo(working))| working.begin());
    let went = match tokio::spawn(act).await {
        Ok(Ok(went)) => went,
        Ok(Err(error)) => return told(&error),
        Err(_) => return problem(&Problem::new(500, code::API_BROKE_OFF, "what was asked for broke off")),
    };
    let (since, is_new) = match went.activated {
        Activated::Now(since) => (since, true),
        Activated::Before => (Timestamp::now(), false),
    };
    let nodes = (api.governance.acknowledge)(since, Some(environment)).await;
    Json(json!({
        "release": went.release,
        "domain": went.domain.as_str(),
        "activated": is_new,
        "gates": went.gates,
        "held_back": went.held_back,
        "nodes": nodes,
    }))
    .into_response()
}
