//! Changes over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use selvage_model::change::{ChangeState, DecisionVerdict};
use selvage_model::code::{self, Code};
use selvage_model::name::DomainName;
use selvage_model::problem::Problem;
use selvage_store::{AskedChanges, ChangeStates};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, problem, unfit};
use super::request::{Asked, At, Because, Body, Id, Line, Operator, PAGE, page_size};
use super::route::{Route, Who, query};
use super::{Api, MOST_BYTES_OF_FILES};
use crate::desk::lease::Pending;
use crate::desk::{Deciding, Files, Proposal, shown};

/// Changes, from a proposal to a release.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("changes", id, says);
    let of_domain = query("domain", "DomainName", "Only of this domain.");
    vec![
        route(Route::get("/changes", list), "listChanges", "Changes, the newest first")
            .asks([&[of_domain, query("state", "ChangeState", "Only those that stand so.")], &PAGE[..]].concat())
            .pages("The changes.", "ChangeSummary"),
        route(Route::post("/changes", propose), "proposeChange", "Propose a change, or another version of one")
            .may(Who::Proposers)
            .takes("NewChange")
            .takes_most(MOST_BYTES_OF_FILES)
            .makes("The change.", "Change")
            .gives("The version that was proposed.", "Change")
            .refuses(PROPOSED),
        route(Route::get("/changes/{id}", show), "getChange", "One change")
            .gives("The change.", "Change")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/changes/{id}/decisions", decide), "decideChange", "Say something about a change")
            .may(Who::Seats)
            .takes("NewDecision")
            .gives("The change.", "Change")
            .refuses(&[code::NOT_IN_STORE, code::NOT_YOURS_TO_DECIDE, code::CHANGE_STANDS]),
        route(Route::post("/changes/{id}/withdrawal", withdraw), "withdrawChange", "Take a change back")
            .may(Who::Author)
            .takes("Because")
            .gives("The change as it stands.", "ChangeSettled")
            .refuses(&[code::NOT_IN_STORE, code::NOT_YOURS_TO_DECIDE, code::CHANGE_STANDS]),
        route(Route::post("/changes/{id}/release", release), "releaseChange", "Make an approved change a release")
            .may(Who::Proposers)
            .gives_as(201, "The release.", super::schema::reference("ReleaseMade"))
            .refuses(RELEASED),
        route(Route::get("/board", board), "board", "What waits for whom")
            .asks([query("person", "Person", "Only what waits for this person.")])
            .gives("What waits, changes and access in one list: emergencies first, then the oldest.", "Board"),
    ]
}

const PROPOSED: &[Code] = &[
    code::NOT_IN_STORE,
    code::API_FORBIDDEN,
    code::EMERGENCY_STRANGER,
    code::NOT_YOURS_TO_DECIDE,
    code::CHANGE_STANDS,
    code::CHANGE_STALE,
    code::CHANGE_UNFIT,
    code::CHANGE_EMPTY,
    code::FILES_ASTRAY,
    code::EMERGENCY_ORDER,
    code::RETIREMENT_EARLY,
    code::ACCESS_ENDING,
    code::RELEASE_UNSIGNED,
];

const RELEASED: &[Code] = &[
    code::NOT_IN_STORE,
    code::API_FORBIDDEN,
    code::EMERGENCY_STRANGER,
    code::API_SEAL,
    code::CHANGE_STANDS,
    code::CHANGE_STALE,
    code::CHANGE_UNAPPROVED,
    code::CHANGE_UNFIT,
    code::FILES_ASTRAY,
    code::EMERGENCY_ORDER,
    code::RETIREMENT_EARLY,
    code::ACCESS_ENDING,
    code::RELEASE_UNSIGNED,
    code::RELEASE_KEY_NEW,
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    domain: Option<DomainName>,
    state: Option<ChangeState>,
    after: Option<Id>,
    limit: Option<u32>,
}

/// Changes, the newest first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let limit = page_size(which.limit).map_err(unfit)?;
    let states = which.state.map_or(ChangeStates::All, ChangeStates::Only);
    let asked = AskedChanges { domain: which.domain, states, after: which.after.map(Id::into_inner), limit };
    let (changes, next) = api.governance.desk.changes_page(&asked).await?;
    let items: Vec<Value> = changes.iter().map(|(change, standing)| summary(&shown(change, standing))).collect();
    Ok(Json(json!({"items": items, "next": next})).into_response())
}

/// What a list shows of a change.
fn summary(shown: &Value) -> Value {
    let members = [
        "id",
        "domain",
        "title",
        "author",
        "version",
        "state",
        "emergency",
        "ratify_until",
        "ratified_late",
        "proposed",
        "approved",
        "risk",
    ];
    members.into_iter().map(|name| (name.to_owned(), shown[name].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// One change.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Answer {
    let (change, standing) = api.governance.desk.change(id.as_str()).await?;
    Ok(Json(shown(&change, &standing)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proposed {
    domain: DomainName,
    title: Line,
    files: Files,
    #[serde(default)]
    emergency: bool,
    amends: Option<Id>,
}

/// A new change, or another version of one.
pub(super) async fn propose(State(api): State<Api>, operator: Operator, Body(body): Body<Proposed>) -> Answer {
    let is_new = body.amends.is_none();
    let proposal = Proposal {
        domain: Some(body.domain),
        files: body.files,
        title: body.title.0,
        author: operator.0,
        emergency: body.emergency,
        amends: body.amends.map(Id::into_inner),
    };
    let change = api.desk().await.propose(proposal).await?;
    let (change, standing) = api.governance.desk.change(&change.id).await?;
    let mut answer = super::made(&format!("/api/changes/{}", change.id), shown(&change, &standing));
    if !is_new {
        *answer.status_mut() = StatusCode::OK;
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    verdict: DecisionVerdict,
    because: Line,
    version: Option<u32>,
}

/// What the operator says about a change.
pub(super) async fn decide(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Decided>,
) -> Answer {
    let Decided { verdict, because: Line(because), version } = body;
    if version.is_none() && verdict != DecisionVerdict::Comment {
        let detail = "say `version`: the one that was looked at, so that nothing else is decided about";
        return Err(unfit(detail.to_owned()).into());
    }
    let deciding = Deciding { change: id.into_inner(), version, person: operator.0, verdict, because };
    let (change, standing) = api.governance.desk.decide(deciding).await?;
    Ok(Json(shown(&change, &standing)).into_response())
}

/// The author takes a change back.
pub(super) async fn withdraw(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    let change = api.governance.desk.withdraw(id.as_str(), &operator.0, &because.0).await?;
    Ok(Json(json!({"id": change.id, "state": change.state.as_str()})).into_response())
}

/// An approved change becomes a release.
pub(super) async fn release(State(api): State<Api>, operator: Operator, At(id): At<Id>) -> Answer {
    let Some(seal) = &api.governance.seal else {
        let detail = "this node signs no releases: it has no `--signing-key`";
        return Err(problem(&Problem::new(409, code::API_SEAL, detail)).into());
    };
    let release = api.desk().await.release(id.as_str(), &operator.0, seal).await?;
    let body = json!({
        "release": release.id, "domain": release.domain.as_str(), "change": release.change, "signed_with": release.key,
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    person: Option<String>,
}

/// What waits for whom, `person=me` for the operator; for everybody with emergencies that were ratified late, as long as they stand there.
pub(super) async fn board(State(api): State<Api>, operator: Operator, Asked(whose): Asked<Whose>) -> Answer {
    let person = whose.person.as_deref().map(|person| if person == "me" { operator.0.as_str() } else { person });
    let waits = api.governance.desk.board(person).await?;
    let due = api.governance.desk.access_due(api.counting().await?.as_ref(), person).await?;
    let late = match person {
        Some(_) => Vec::new(),
        None => api.governance.desk.late_on_board().await?,
    };
    let pending = Pending::all(waits, due);
    let waiting = pending.iter().map(|it| match it {
        Pending::Change(waits) => json!({"change": shown(&waits.change, &waits.standing), "breach": it.is_breach()}),
        Pending::Access(due) => json!({"access": due.shown(), "breach": it.is_breach()}),
    });
    let late = late.iter().map(|(change, standing)| json!({"change": shown(change, standing), "breach": true}));
    let items: Vec<Value> = waiting.chain(late).collect();
    Ok(Json(json!({"items": items})).into_response())
}

pub(super) fn no_line(member: &str) -> Response {
    let detail = format!("`{member}` is said in 1 to 200 characters, on one line");
    problem(&Problem::new(400, code::API_BODY, detail))
}
