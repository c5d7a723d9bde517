//! Replays over HTTP: events that a subscription had are sent to its endpoint again, asked for by whom the interface lets, paused, resumed
//! and cancelled by who answers for either side. What is sent, and how fast, is for nodes.

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_log::{Edge, lanes_absent};
use selvage_model::code;
use selvage_model::event::LaneKey;
use selvage_model::problem::Problem;
use selvage_model::scalar::Rate;
use selvage_model::subscription::SubscriptionState;
use selvage_store::{NewReplay, StoreError, SubscriptionStep, SubscriptionView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed, problem, unfit};
use super::events;
use super::request::{Asked, At, Because, Body, Id, Line, Operator, SubscriptionChoice};
use super::route::{Route, Who, query};
use super::subscriptions::find;

/// Replays.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("replays", id, says);
    let act = |made: Route, id, says| {
        route(made, id, says)
            .may(Who::EitherSide)
            .takes("Because")
            .gives("The replay, when every node knows.", "ReplayKnown")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::SUBSCRIPTION_STANDS])
    };
    vec![
        route(Route::get("/replays", list), "listReplays", "Replays and how far each is, the oldest first")
            .asks([query("ended", "Flag", "Those that are over, too.")])
            .lists("The replays.", "Replay"),
        route(Route::get("/replays/{id}", show), "getReplay", "One replay")
            .gives("The replay.", "Replay")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/replays", begin), "beginReplay", "Send events again that a subscription had")
            .may(Who::Replayers)
            .takes("NewReplay")
            .makes("The replay; a node begins with it, or ends it and says why.", "ReplayBegun")
            .refuses(&[
                code::NOT_IN_STORE,
                code::API_FORBIDDEN,
                code::NO_REPLAY,
                code::REPLAY_UNSENT,
                code::REPLAY_TARGET,
                code::STREAM_UNOPENED,
                code::EVENTS_RETIRED,
            ]),
        act(Route::post("/replays/{id}/pause", pause), "pauseReplay", "Send nothing until it is resumed"),
        act(Route::post("/replays/{id}/resume", resume), "resumeReplay", "Go on where it was"),
        act(Route::post("/replays/{id}/cancel", cancel), "cancelReplay", "End it; what was sent stays sent"),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    ended: bool,
}

/// Replays, the oldest first.
async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let views = api.governance.store.subscription_views().await?;
    let is_asked = |view: &&SubscriptionView| which.ended || view.subscription.state != SubscriptionState::Ended;
    Ok(listed(views.iter().filter(is_asked).filter_map(|view| replay(view, &views))))
}

/// One replay.
async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Answer {
    Ok(Json(shown(&api, id.as_str()).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRange {
    /// The subscription, by its id or as `consumer/name`: it says which interface, and where to.
    subscription: SubscriptionChoice,
    /// Another one of its consumer, to whose endpoint they are sent instead.
    target: Option<SubscriptionChoice>,
    /// A position, a time, or `oldest`.
    from: String,
    /// A position or a time; the newest event where nothing is said.
    to: Option<String>,
    #[serde(default)]
    lanes: Vec<String>,
    rate: Option<String>,
    because: Line,
}

/// Asks for a replay, where the interface lets the operator; a node judges it, too.
async fn begin(State(api): State<Api>, operator: Operator, Body(body): Body<NewRange>) -> Answer {
    let NewRange { subscription, target, from, to, lanes, rate, because: Line(because) } = body;
    let from: Edge = read(&from).map_err(unfit)?;
    let to: Option<Edge> = to.as_deref().map(read).transpose().map_err(unfit)?;
    let lanes: Vec<LaneKey> = lanes.iter().map(|lane| read(lane)).collect::<Result<_, _>>().map_err(unfit)?;
    let rate = rate.as_deref().map(read_rate).transpose().map_err(unfit)?;
    let of = api.governance.store.subscription_called(&subscription.into_inner()).await?;
    let target = match target {
        Some(target) => Some(api.governance.store.subscription_called(&target.into_inner()).await?.id),
        None => None,
    };
    if let Some(because) = selvage_governance::replay::against(&*api.fabric().await, &of.interface, &operator.0) {
        return Err(problem(&Problem::new(403, code::API_FORBIDDEN, because)).into());
    }
    let (log, stream) = (&*api.governance.log, &of.interface);
    let after = from.begins_after(log, stream).await.map_err(|error| events::refused(&error))?;
    let through = match to {
        Some(to) => Some(to.ends_with(log, stream).await.map_err(|error| events::refused(&error))?),
        None => None,
    };
    let new = NewReplay { of: of.id.clone(), target, after, through, lanes, rate, by: operator.0, because };
    let absent = lanes_absent(log, stream, (after, new.through), &new.lanes).await;
    let absent = absent.map_err(|error| events::refused(&error))?;
    if !absent.is_empty() {
        return Err(StoreError::NoReplay { label: of.label(), because: new.without(&absent) }.into());
    }
    let asked = api.governance.store.ask_for_replay(&new).await?;
    let mut body = shown(&api, &asked.id).await?;
    if let Some(body) = body.as_object_mut() {
        body.insert("notes".to_owned(), new.shortened(&asked).into_iter().collect());
    }
    Ok(super::made(&format!("/api/replays/{}", asked.id), body))
}

/// A part of the body that is more than a text.
fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn read_rate(text: &str) -> Result<Rate, String> {
    text.parse().map_err(|()| format!("`{text}` is no rate: write `50/s` or `600/m`"))
}

async fn pause(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::Suspend).await
}

async fn resume(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::Resume).await
}

async fn cancel(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::End).await
}

async fn step(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
    step: SubscriptionStep,
) -> Answer {
    let found = find(&api, id.as_str()).await?;
    if found.terms.replay.is_none() {
        return Err(unknown(id.as_str()).into());
    }
    api.must_answer(&operator, &found.consumer, &found.interface).await?;
    let since = Timestamp::now();
    api.governance.store.step_subscription(&found.id, step, &operator.0, &because.0).await?;
    let body = shown(&api, &found.id).await?;
    Ok(api.when_known(since, body).await)
}

fn unknown(id: &str) -> StoreError {
    StoreError::NotFound { what: "replay", id: id.to_owned() }
}

async fn shown(api: &Api, id: &str) -> Result<Value, StoreError> {
    let views = api.governance.store.subscription_views().await?;
    let found = views.iter().find(|view| view.subscription.id == id);
    found.and_then(|view| replay(view, &views)).ok_or_else(|| unknown(id))
}

/// A replay as it is shown; nothing for what is none.
fn replay(view: &SubscriptionView, all: &[SubscriptionView]) -> Option<Value> {
    let (it, terms) = (&view.subscription, view.subscription.terms.replay.as_ref()?);
    let label = |id: &str| {
        let found = all.iter().find(|view| view.subscription.id == id);
        found.map_or_else(|| id.to_owned(), |view| view.subscription.label())
    };
    let (at, done) = view.progress()?;
    let to = it.terms.deliver.as_ref();
    Some(json!({
        "id": it.id,
        "of": terms.of,
        "subscription": label(&terms.of),
        "target": label(terms.sent_as()),
        "interface": it.interface.to_string(),
        "to": to.map(|deliver| json!({"system": deliver.system.as_str(), "path": deliver.path})),
        "after": it.begins.to_string(),
        "through": terms.through.to_string(),
        "lanes": terms.lanes,
        "rate": it.rate().map(|rate| rate.to_string()),
        "asked_rate": to.and_then(|deliver| deliver.rate).map(|rate| rate.to_string()),
        "interface_rate": terms.most.map(|rate| rate.to_string()),
        "shared_by": view.shared_by(all),
        "by": terms.by,
        "reason": terms.reason,
        "state": it.state.as_str(),
        "at": at.to_string(),
        "done_percent": done,
        "waits_for": view.waits.as_ref().map(|waits| waits.what.as_str()),
        "because": view.because(),
        "since": it.changed.to_string(),
    }))
}
