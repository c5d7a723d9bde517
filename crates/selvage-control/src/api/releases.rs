//! Releases and activations over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_model::code::{self, Code};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::problem::Problem;
use selvage_store::{Activated, SignedRelease, StoreError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, problem, unfit};
use super::request::{Asked, At, Body, Id, Line, Operator, PAGE, page_size};
use super::route::{Route, Who, query};
use super::{Api, MOST_BYTES_OF_FILES};
use crate::desk::{Activating, DeskError, GoingBack, Went, import_shown, planned, receipt_shown};

/// Releases, and what is active where.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("releases", id, says);
    let (activation, rollback) = ("/environments/{environment}/activations", "/environments/{environment}/rollbacks");
    vec![
        route(Route::get("/releases", list), "listReleases", "Releases, the newest first")
            .asks([&[query("domain", "DomainName", "Only of this domain.")], &PAGE[..]].concat())
            .pages(
                "The releases; `next` names one by its change, since the same files may be released again.",
                "ReleaseSummary",
            ),
        route(Route::get("/releases/{id}", show), "getRelease", "One release")
            .gives("The release.", "Release")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::get("/releases/{id}/package", export), "exportRelease", "A release, for another store")
            .may(Who::Proposers)
            .gives("The package, signed with the key of this node.", "ReleasePackage")
            .refuses(EXPORTED),
        route(Route::post("/releases/packages", import), "importRelease", "Take a release of another store over")
            .may(Who::Proposers)
            .takes("ReleasePackage")
            .takes_most(MOST_BYTES_OF_FILES)
            .gives("What came of it; again is no change, but for newer receipts.", "ReleaseImported")
            .refuses(IMPORTED),
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
            .may(Who::Activators)
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

const EXPORTED: &[Code] = &[
    code::NOT_IN_STORE,
    code::API_FORBIDDEN,
    code::EMERGENCY_STRANGER,
    code::API_SEAL,
    code::RELEASE_KEY_NEW,
    code::RELEASE_UNSIGNED,
    code::PACKAGE_UNAPPROVED,
];

const IMPORTED: &[Code] = &[
    code::API_FORBIDDEN,
    code::EMERGENCY_STRANGER,
    code::PACKAGE_UNREADABLE,
    code::PACKAGE_ALTERED,
    code::PACKAGE_ASTRAY,
    code::PACKAGE_UNAPPROVED,
    code::PACKAGE_AHEAD,
    code::RELEASE_KEY_NEW,
    code::CHANGE_STANDS,
    code::CHANGE_STALE,
    code::CHANGE_UNFIT,
    code::FILES_ASTRAY,
    code::EMERGENCY_ORDER,
    code::RETIREMENT_EARLY,
    code::ACCESS_ENDING,
    code::RELEASE_UNSIGNED,
];

const ACTIVATED: &[Code] = &[
    code::NOT_IN_STORE,
    code::ROLLBACK_UNKNOWN,
    code::API_FORBIDDEN,
    code::EMERGENCY_STRANGER,
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
    after: Option<Id>,
    limit: Option<u32>,
}

/// Releases, the newest first, and where each is active.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let limit = usize::try_from(page_size(which.limit).map_err(unfit)?).unwrap_or(usize::MAX);
    let (releases, active) = api.governance.desk.releases().await?;
    let is_meant = |domain: &DomainName| which.domain.as_ref().is_none_or(|one| one == domain);
    let mut found: Vec<&SignedRelease> = releases.iter().rev().filter(|release| is_meant(&release.domain)).collect();
    if let Some(after) = &which.after {
        let behind = found.iter().position(|release| release.change == after.as_str()).map_or(found.len(), |at| at + 1);
        found.drain(..behind);
    }
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let next = found.last().filter(|_| !is_last).map(|release| release.change.clone());
    let items: Vec<Value> = found
        .into_iter()
        .map(|release| {
            let here = active.iter().filter(|it| it.release == release.id && it.domain == release.domain);
            json!({
                "release": release.id,
                "domain": release.domain.as_str(),
                "change": release.change,
                "made": release.recorded.to_string(),
                "by": release.by,
                "unproven": release.unproven,
                "signed_with": release.key,
                "active": here.map(|it| json!({"environment": it.environment.as_str(), "since": it.since.to_string()})).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(Json(json!({"items": items, "next": next})).into_response())
}

/// One release with its files, and what other stores know of it.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Answer {
    let release = api.governance.desk.find_release(id.as_str()).await?;
    let (import, receipts) = api.governance.desk.of_other_stores(&release).await?;
    let body = json!({
        "release": release.id, "domain": release.domain.as_str(), "change": release.change,
        "made": release.recorded.to_string(), "by": release.by, "unproven": release.unproven, "signed_with": release.key,
        "files": release.content, "imported": import.as_ref().map(import_shown),
        "receipts": receipts.iter().map(receipt_shown).collect::<Vec<_>>(),
    });
    Ok(Json(body).into_response())
}

/// A release, for another store.
pub(super) async fn export(State(api): State<Api>, operator: Operator, At(id): At<Id>) -> Answer {
    if api.governance.store.signed_release(id.as_str()).await?.is_none() {
        return Err(StoreError::NotFound { what: "release", id: id.into_inner() }.into());
    }
    let Some(seal) = &api.governance.seal else {
        let detail = "this node signs no packages: it has no `--signing-key`";
        return Err(problem(&Problem::new(409, code::API_SEAL, detail)).into());
    };
    let exported = api.desk().await.export(id.as_str(), seal, Some(&operator.0)).await?;
    Ok(([(CONTENT_TYPE, "application/json")], exported.text).into_response())
}

/// A release of another store becomes one of this store.
pub(super) async fn import(
    State(api): State<Api>,
    operator: Operator,
    Body(package): Body<Map<String, Value>>,
) -> Answer {
    let it = api.desk().await.import_value(&Value::Object(package), &operator.0).await?;
    let body = json!({
        "release": it.release, "domain": it.domain.as_str(), "change": it.change, "from": it.from, "released": it.is_new,
        "receipts": it.receipts,
    });
    Ok(Json(body).into_response())
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
) -> Answer {
    let plan = api.governance.desk.plan(asked.release.as_str(), &environment, asked.going_back).await?;
    Ok(Json(planned(&plan)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    release: Id,
    because: Line,
}

/// Activates a release.
pub(super) async fn activate(
    State(api): State<Api>,
    operator: Operator,
    At(environment): At<EnvironmentName>,
    Body(body): Body<Activation>,
) -> Answer {
    let activating = Activating { environment: environment.clone(), by: operator.0, because: body.because.0 };
    let desk = api.desk().await;
    let act = async move { desk.activate(body.release.as_str(), &activating).await };
    answer(&api, act, environment).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    domain: DomainName,
    from: Option<Id>,
    to: Option<Id>,
    because: Line,
}

/// Goes back.
pub(super) async fn roll_back(
    State(api): State<Api>,
    operator: Operator,
    At(environment): At<EnvironmentName>,
    Body(body): Body<Rollback>,
) -> Answer {
    let activating = Activating { environment: environment.clone(), by: operator.0, because: body.because.0 };
    let back = GoingBack { domain: body.domain, from: body.from.map(Id::into_inner), to: body.to.map(Id::into_inner) };
    let desk = api.desk().await;
    let act = async move { desk.roll_back(&back, &activating).await };
    answer(&api, act, environment).await
}

/// Carries out to its end what was asked for, also where nobody waits for the answer any more: gates take minutes, and half of it would
/// be neither.
async fn answer(
    api: &Api,
    act: impl Future<Output = Result<Went, DeskError>> + Send + 'static,
    environment: EnvironmentName,
) -> Answer {
    let broke_off = |_| problem(&Problem::new(500, code::API_BROKE_OFF, "what was asked for broke off"));
    let went = tokio::spawn(act).await.map_err(broke_off)??;
    let (since, is_new) = match went.activated {
        Activated::Now(since) => (since, true),
        Activated::Before => (Timestamp::now(), false),
    };
    let nodes = (api.governance.acknowledge)(since, Some(environment)).await;
    let body = json!({
        "release": went.release,
        "domain": went.domain.as_str(),
        "activated": is_new,
        "gates": went.gates,
        "held_back": went.held_back,
        "nodes": nodes,
    });
    Ok(Json(body).into_response())
}
