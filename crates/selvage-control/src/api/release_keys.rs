//! Keys that sign releases over HTTP: which the store knows, letting one in, and letting nothing count any more that one signs. Private halves
//! are never here. INVARIANT: SECRET-FREE

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvage_model::code;
use selvage_store::{KnownKey, StoreError, Word};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::request::{At, Because, Body, Id, Line, Operator};
use super::route::{Route, Who};
use crate::desk::public_key;

/// Keys that sign releases.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("releases", id, says);
    vec![
        route(Route::get("/release-keys", list), "listReleaseKeys", "Keys that sign releases, oldest first")
            .lists("The keys.", "ReleaseKey"),
        route(Route::post("/release-keys", trust), "trustReleaseKey", "Let a key sign releases of this store")
            .may(Who::Overseers)
            .takes("NewReleaseKey")
            .gives("The key; again is no change.", "ReleaseKey")
            .refuses(&[code::API_FORBIDDEN]),
        route(
            Route::post("/release-keys/{id}/distrust", distrust),
            "distrustReleaseKey",
            "Let nothing count any more that a key signs",
        )
        .may(Who::Overseers)
        .takes("Because")
        .gives("The key; again is no change.", "ReleaseKey")
        .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
    ]
}

/// Every key that the store knows.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    let keys = api.governance.store.known_release_keys().await?;
    Ok(listed(keys.iter().map(shown)))
}

fn shown(known: &KnownKey) -> Value {
    json!({
        "key": known.key.id, "public": STANDARD.encode(known.key.public), "known": known.made.to_string(),
        "distrusted": known.distrusted.map(|at| at.to_string()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    public: String,
    because: Line,
}

/// Lets a key sign.
pub(super) async fn trust(State(api): State<Api>, operator: Operator, Body(body): Body<New>) -> Answer {
    let key = public_key(&body.public).map_err(unfit)?;
    let word = Word { by: &operator.0, because: &body.because.0 };
    api.desk().await.trust(&key, word).await?;
    let known = api.governance.store.known_release_keys().await?;
    let known = known.into_iter().find(|known| known.key.id == key.id);
    let known = known.ok_or_else(|| StoreError::NotFound { what: "release key", id: key.id.clone() })?;
    Ok(Json(shown(&known)).into_response())
}

/// Lets nothing count any more that it signs.
pub(super) async fn distrust(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    let word = Word { by: &operator.0, because: &because.0 };
    let known = api.desk().await.distrust(id.as_str(), word).await?;
    Ok(Json(shown(&known)).into_response())
}
