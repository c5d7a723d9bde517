//! Changes over HTTP.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvage_governance::seat::Act;
use selvage_model::change::{ChangeState, DecisionVerdict};
use selvage_model::code::{self, Code};
use selvage_model::name::DomainName;
use selvage_model::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{problem, told};
use super::request::{Asked, At, Body, Id, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::Due;
use crate::desk::{Deciding, Files, Proposal, shown};

/// Changes, from a proposal to a release.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("changes", id, says);
    let of_domain = query("domain", "DomainName", "Only of this domain.");
    vec![
        route(Route::get("/changes", list), "listChanges", "Changes, the newest first")
            .asks([of_domain, query("state", "ChangeState", "Only those that stand so.")])
            .lists("The changes.", "ChangeSummary"),
        route(Route::post("/changes", propose), "proposeChange", "Propose a change, or another version of one")
            .may(Who::Owners)
            .takes("NewChange")
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
            .may(Who::Owners)
            .gives_as(201, "The release.", super::schema::reference("ReleaseMade"))
            .refuses(RELEASED),
        route(Route::get("/board", board), "board", "What waits for whom")
            .asks([query("person", "Person", "Only what waits for this person.")])
            .gives("What waits, emergencies first, then the oldest; and what is due of access.", "Board"),
    ]
}

const PROPOSED: &[Code] = &[
    code::NOT_IN_STORE,
    code::API_FORBIDDEN,
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
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    domain: Option<DomainName>,
    state: Option<ChangeState>,
}

/// Changes, the newest first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Response {
    let changes = match api.governance.desk.changes().await {
        Ok(changes) => changes,
        Err(error) => return told(&error),
    };
    let is_meant = |domain: &DomainName, state: ChangeState| {
        which.domain.as_ref().is_none_or(|one| one == domain) && which.state.is_none_or(|one| one == state)
    };
    let items: Vec<Value> = changes
        .iter()
        .filter(|(change, _)| is_meant(&change.domain, change.state))
        .map(|(change, standing)| summary(&shown(change, standing)))
        .collect();
    Json(json!({"items": items})).into_response()
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
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Response {
    match api.governance.desk.change(id.as_str()).await {
        Ok((change, standing)) => Json(shown(&change, &standing)).into_response(),
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proposed {
    domain: DomainName,
    title: String,
    files: Files,
    #[serde(default)]
    emergency: bool,
    amends: Option<Id>,
}

/// A new change, or another version of one.
pub(super) async fn propose(State(api): State<Api>, operator: Operator, Body(body): Body<Proposed>) -> Response {
    if let Err(refused) = api.let_pass(&operator, Act::Propose, &body.domain).await {
        return refused;
    }
    let Some(title) = line(&body.title) else { return no_line("title") };
    let is_new = body.amends.is_none();
    let proposal = Proposal {
        domain: Some(body.domain),
        files: body.files,
        title,
        author: operator.0,
        emergency: body.emergency,
        amends: body.amends.map(Id::into_inner),
    };
    let change = match api.governance.desk.propose(proposal).await {
        Ok(change) => change,
        Err(error) => return told(&error),
    };
    match api.governance.desk.change(&change.id).await {
        Ok((change, standing)) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            let mut answer = (status, Json(shown(&change, &standing))).into_response();
            if let Ok(place) = HeaderValue::from_str(&format!("/api/changes/{}", change.id)) {
                answer.headers_mut().insert(header::LOCATION, place);
            }
            answer
        }
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    verdict: DecisionVerdict,
    because: String,
    version: Option<u32>,
}

/// What the operator says about a change.
pub(super) async fn decide(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Decided>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let (verdict, version) = (body.verdict, body.version);
    if version.is_none() && verdict != DecisionVerdict::Comment {
        let detail = "say `version`: the one that was looked at, so that nothing else is decided about";
        return problem(&Problem::new(400, code::API_BODY, detail));
    }
    let deciding = Deciding { change: id.into_inner(), version, person: operator.0, verdict, because };
    match api.governance.desk.decide(deciding).await {
        Ok((change, standing)) => Json(shown(&change, &standing)).into_response(),
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdrawn {
    because: String,
}

/// The author takes a change back.
pub(super) async fn withdraw(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Withdrawn>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    match api.governance.desk.withdraw(id.as_str(), &operator.0, &because).await {
        Ok(change) => Json(json!({"id": change.id, "state": change.state.as_str()})).into_response(),
        Err(error) => told(&error),
    }
}

/// An approved change becomes a release.
pub(super) async fn release(State(api): State<Api>, operator: Operator, At(id): At<Id>) -> Response {
    let domain = match api.governance.desk.change(id.as_str()).await {
        Ok((change, _)) => change.domain,
        Err(error) => return told(&error),
    };
    if let Err(refused) = api.let_pass(&operator, Act::Release, &domain).await {
        return refused;
    }
    let Some(seal) = &api.governance.seal else {
        return problem(&Problem::new(409, code::API_SEAL, "this node signs no releases: it has no `--signing-key`"));
    };
    match api.governance.desk.release(id.as_str(), &operator.0, seal).await {
        Ok(release) => {
            let body = json!({
                "release": release.id, "domain": release.domain.as_str(), "change": release.change, "signed_with": release.key,
            });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    person: Option<String>,
}

/// What waits for whom; `person=me` for the operator.
pub(super) async fn board(State(api): State<Api>, operator: Operator, Asked(whose): Asked<Whose>) -> Response {
    let person = whose.person.as_deref().map(|person| if person == "me" { operator.0.as_str() } else { person });
    match api.governance.desk.board(person).await {
        Ok(waits) => {
            let due = match api.governance.desk.access_due(api.fabric().await.as_ref(), person).await {
                Ok(due) => due,
                Err(error) => return told(&error),
            };
            let items: Vec<Value> = waits
                .iter()
                .map(|waits| json!({"change": shown(&waits.change, &waits.standing), "breach": waits.is_breach}))
                .collect();
            let access: Vec<Value> = due.iter().map(Due::shown).collect();
            Json(json!({"items": items, "access": access})).into_response()
        }
        Err(error) => told(&error),
    }
}

/// Words for the ledger: something, in one line that is no book.
pub(crate) fn line(text: &str) -> Option<String> {
    const MOST: usize = 200;
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MOST && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

pub(super) fn no_line(member: &str) -> Response {
    let detail = format!("`{member}` is said in 1 to 200 characters, on one line");
    problem(&Problem::new(400, code::API_BODY, detail))
}
