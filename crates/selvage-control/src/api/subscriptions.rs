//! Subscriptions over HTTP: who is sent which events, how each stands, how far it is, and what was delivered lately. It shows names and
//! figures, never a message's data, and changes nothing.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use selvage_model::code;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::subscription::SubscriptionState;
use selvage_store::{KeptDelivery, StoreError, SubscriptionView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::told;
use super::request::{Asked, At, Id, Operator};
use super::route::{Route, query};

/// So many deliveries are told of one subscription at most, the last.
const MOST_DELIVERIES: u32 = 100;

/// Subscriptions.
pub(super) fn routes() -> Vec<Route> {
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
async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Response {
    let is_asked = |view: &SubscriptionView| {
        let it = &view.subscription;
        which.consumer.as_ref().is_none_or(|consumer| consumer == &it.consumer)
            && which.interface.as_ref().is_none_or(|interface| interface == &it.interface)
            && (which.ended || it.state != SubscriptionState::Ended)
    };
    match api.governance.store.subscription_views().await {
        Ok(views) => {
            let items: Vec<Value> = views.iter().filter(|view| is_asked(view)).map(subscription).collect();
            Json(json!({"items": items})).into_response()
        }
        Err(error) => told(&error.into()),
    }
}

/// One subscription, with its last deliveries.
async fn show(State(api): State<Api>, _operator: Operator, At(id): At<Id>) -> Response {
    match detail(&api, id.as_str()).await {
        Ok(detail) => Json(detail).into_response(),
        Err(error) => told(&error.into()),
    }
}

async fn detail(api: &Api, id: &str) -> Result<Value, StoreError> {
    let store = &api.governance.store;
    let view = store.subscription_views().await?.into_iter().find(|view| view.subscription.id == id);
    let view = view.ok_or_else(|| StoreError::NotFound { what: "subscription", id: id.to_owned() })?;
    let deliveries = store.last_deliveries(id, MOST_DELIVERIES).await?;
    let mut shown = subscription(&view);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("deliveries".to_owned(), deliveries.iter().map(delivery).collect());
    }
    Ok(shown)
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
    })
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
