//! Releases and activations over HTTP.

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use selvage_governance::seat::Act;
use selvage_model::code::{self, Code};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::problem::Problem;
use selvage_store::Activated;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{problem, told};
use super::changes::{line, no_line};
use super::request::{Asked, At, Body, Id, Operator};
use super::route::{Route, Who, query};
use crate::desk::{Activating, DeskError, GoingBack, Went, planned};
use crate::listener::Working;

/// The connection that an act is asked for on.
type Connection = Option<Extension<ConnectInfo<Working>>>;

/// Releases, and what is active where.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("releases", id, says);
    let (activation, rollback) = ("/environments/{environment}/activations", "/environments/{environment}/rollbacks");
    vec![
        route(Route::get("/releases", list), "listReleases", "Releases, the newest first")
            .asks([query("domain", "DomainName", "Only of this domain.")])
            .lists("The releases.", "ReleaseSummary"),
        route(Route::get("/releases/{id}", show), "getRelease", "One release")
            .gives("The release.", "Release")
            .refuses(&[code::NOT_IN_STORE]),
        route(
            Route::get("/environments/{environment}/plan", plan),
            "planActivation",
            "What activating a release would do to access",
        )
        .asks([
            query("release", "Id", "The release.").needed(),
            query("going_back", "Flag", "Going back to it, which passes no gates."),
        ])
        .gives("What it would do.", "Plan")
        .refuses(&[
            code::NOT_IN_STORE,
            code::RELEASES_UNFIT,
            code::RELEASE_UNSIGNED,
            code::ENVIRONMENT_UNDECLARED,
        ]),
        route(Route::post(activation, activate), "activate", "Activate a release; answers when every node knows")
            .may(Who::Board)
            .takes("NewActivation")
            .gives("What came of it.", "Went")
            .refuses(ACTIVATED),
        route(Route::post(rollback, roll_back), "rollBack", "Go back; answers when every node knows")
            .may(Who::OnCall)
            .takes("NewRollback")
            .gives("What came of it.", "Went")
            .refuses(ACTIVATED),
    ]
}

const ACTIVATED: &[Code] = &[
    code::NOT_IN_STORE,
    code::ROLLBACK_UNKNOWN,
    code::API_FORBIDDEN,
    code::ACTIVATION_EARLY,
    code::ACTIVATION_MOVED,
    code::RELEASES_UNFIT,
    code::RELEASE_UNSIGNED,
    code::RETIREMENT_EARLY,
    code::ENVIRONMENT_UNDECLARED,
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    domain: Option<DomainName>,
}

/// Releases, the newest first, and where each is active.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Response {
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
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Response {
    match api.governance.desk.find_release(id.as_str()).await {
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
    release: Id,
    #[serde(default)]
    going_back: bool,
}

/// What activating a release would do to access.
pub(super) async fn plan(
    State(api): State<Api>,
    _operator: Operator,
    At(environment): At<EnvironmentName>,
    Asked(asked): Asked<Planned>,
) -> Response {
    match api.governance.desk.plan(asked.release.as_str(), &environment, asked.going_back).await {
        Ok(plan) => Json(planned(&plan)).into_response(),
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    release: Id,
    because: String,
}

/// Activates a release.
pub(super) async fn activate(
    State(api): State<Api>,
    operator: Operator,
    At(environment): At<EnvironmentName>,
    connection: Connection,
    Body(body): Body<Activation>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let domain = match api.governance.desk.find_release(body.release.as_str()).await {
        Ok(release) => release.domain,
        Err(error) => return told(&error),
    };
    if let Err(refused) = api.let_pass(&operator, Act::Activate, &domain).await {
        return refused;
    }
    let activating = Activating { environment: environment.clone(), by: operator.0, because };
    let desk = api.governance.desk.clone();
    let act = async move { desk.activate(body.release.as_str(), &activating).await };
    answer(&api, act, environment, connection).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    domain: DomainName,
    from: Option<Id>,
    to: Option<Id>,
    because: String,
}

/// Goes back.
pub(super) async fn roll_back(
    State(api): State<Api>,
    operator: Operator,
    At(environment): At<EnvironmentName>,
    connection: Connection,
    Body(body): Body<Rollback>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    if let Err(refused) = api.let_pass(&operator, Act::RollBack, &body.domain).await {
        return refused;
    }
    let activating = Activating { environment: environment.clone(), by: operator.0, because };
    let back = GoingBack { domain: body.domain, from: body.from.map(Id::into_inner), to: body.to.map(Id::into_inner) };
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
