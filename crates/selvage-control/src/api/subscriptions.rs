//! Subscriptions over HTTP: who is sent which events, how each stands, how far it is, and what was delivered lately. It shows names and
//! figures, never a message's data. Approved, suspended, resumed and ended by who answers for either side.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_store::{KeptDelivery, PassedEvents, StoreError, SubscriptionStep, SubscriptionView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed};
use super::request::{Asked, At, Because, Body, Id, Operator};
use super::route::{Route, Who, query};

/// So many deliveries are told of one subscription at most, the last.
const MOST_DELIVERIES: u32 = 100;

/// Subscriptions.
pub(super) fn routes() -> Vec<Route> {
    let act = |route: Route, id, says| {
        route
            .says("lanes", id, says)
            .may(Who::EitherSide)
            .takes("Because")
            .gives("The subscription, when every node knows.", "SubscriptionKnown")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::SUBSCRIPTION_STANDS])
    };
    vec![
        Route::get("/subscriptions", list)
            .says("lanes", "listSubscriptions", "Subscriptions and how far each is, the oldest first")
            .asks([
                query("consumer", "ConsumerName", "Only of this consumer."),
                query("interface", "InterfaceRef", "Only of this interface."),
                query("ended", "Flag", "Those that have ended, too."),
            ])
            .lists("The subscriptions.", "Subscription"),
        Route::get("/subscriptions/{id}", show)
            .says("lanes", "getSubscription", "One subscription with what was delivered lately")
            .gives("The subscription.", "SubscriptionDetail")
            .refuses(&[code::NOT_IN_STORE]),
        act(
            Route::post("/subscriptions/{id}/approve", approve),
            "approveSubscription",
            "Let one be that is asked for; its endpoint is probed, then events are delivered",
        ),
        act(
            Route::post("/subscriptions/{id}/suspend", suspend),
            "suspendSubscription",
            "Send nothing until it is resumed; nothing is skipped",
        ),
        act(
            Route::post("/subscriptions/{id}/resume", resume),
            "resumeSubscription",
            "Go on where it was, once its endpoint has taken a probe",
        ),
        act(
            Route::post("/subscriptions/{id}/end", end),
            "endSubscription",
            "End it for good; what waits for it is given up",
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    consumer: Option<ConsumerName>,
    interface: Option<InterfaceRef>,
    #[serde(default)]
    ended: bool,
}

/// Subscriptions, the oldest first; replays are among them.
async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let views = api.governance.store.subscription_views().await?;
    let is_asked = |view: &&SubscriptionView| {
        let it = &view.subscription;
        which.consumer.as_ref().is_none_or(|consumer| consumer == &it.consumer)
            && which.interface.as_ref().is_none_or(|interface| interface == &it.interface)
            && (which.ended || it.state != SubscriptionState::Ended)
    };
    Ok(listed(views.iter().filter(is_asked).map(subscription)))
}

/// One subscription, with its last deliveries.
async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Answer {
    Ok(Json(detail(&api, id.as_str()).await?).into_response())
}

async fn detail(api: &Api, id: &str) -> Result<Value, StoreError> {
    let deliveries = api.governance.store.last_deliveries(id, MOST_DELIVERIES).await?;
    let passed = api.governance.store.passed_events(id, MOST_DELIVERIES).await?;
    let mut shown = subscription(&view(api, id).await?);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("deliveries".to_owned(), deliveries.iter().map(delivery).collect());
        shown.insert("passed".to_owned(), passed.iter().map(not_had).collect());
    }
    Ok(shown)
}

async fn approve(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::Approve).await
}

async fn suspend(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::Suspend).await
}

async fn resume(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::Resume).await
}

async fn end(state: State<Api>, operator: Operator, at: At<Id>, body: Body<Because>) -> Answer {
    step(state, operator, at, body, SubscriptionStep::End).await
}

/// Takes a step with a subscription; returns when every node knows. INVARIANT: REVOKED-NOW
async fn step(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
    step: SubscriptionStep,
) -> Answer {
    let found = find(&api, id.as_str()).await?;
    if step == SubscriptionStep::Approve {
        let running = vec![(*api.counting().await?).clone()];
        api.governance.desk.may_approve(running, &operator.0, &found).await?;
    } else {
        api.must_answer(&operator, &found.consumer, &found.interface).await?;
    }
    let since = Timestamp::now();
    api.governance.store.step_subscription(&found.id, step, &operator.0, &because.0).await?;
    let body = subscription(&view(&api, &found.id).await?);
    Ok(api.when_known(since, body).await)
}

/// A subscription by its id.
pub(super) async fn find(api: &Api, id: &str) -> Result<LiveSubscription, StoreError> {
    let all = api.governance.store.subscriptions().await?;
    all.into_iter().find(|it| it.id == id).ok_or_else(|| unknown(id))
}

async fn view(api: &Api, id: &str) -> Result<SubscriptionView, StoreError> {
    let views = api.governance.store.subscription_views().await?;
    views.into_iter().find(|view| view.subscription.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> StoreError {
    StoreError::NotFound { what: "subscription", id: id.to_owned() }
}

fn subscription(view: &SubscriptionView) -> Value {
    let it = &view.subscription;
    let to = it.terms.deliver.as_ref();
    json!({
        "id": it.id,
        "subscription": it.label(),
        "interface": it.interface.to_string(),
        "events": it.terms.events,
        "to": to.map(|deliver| json!({"system": deliver.system.to_string(), "path": deliver.path})),
        "replay": it.terms.replay.is_some(),
        "state": it.state.as_str(),
        "waits_for": view.waits.as_ref().map(|waits| waits.what.as_str()),
        "because": view.because(),
        "since": it.changed.to_string(),
        "until": it.terms.until.map(|until| until.to_string()),
        "position": view.position.map(|position| position.to_string()),
        "head": view.head.map(|head| head.to_string()),
        "node": view.node,
        "places_passed": view.passed.as_ref().map_or(0, |passed| passed.places),
    })
}

fn not_had(it: &PassedEvents) -> Value {
    json!({"position": it.position.to_string(), "at": it.at.to_string(), "code": it.code, "because": it.because})
}

fn delivery(it: &KeptDelivery) -> Value {
    json!({
        "position": it.position.to_string(),
        "at": it.at.to_string(),
        "took_ms": u64::try_from(it.took.as_millis()).unwrap_or(u64::MAX),
        "status": it.status,
        "attempts": it.attempts,
    })
}
