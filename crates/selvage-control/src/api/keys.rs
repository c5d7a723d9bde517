//! Keys over HTTP: which there are, and taking one back. A key itself is never shown, nor issued here: it would travel through whatever
//! keeps answers. INVARIANT: SECRET-FREE

use axum::extract::State;
use jiff::Timestamp;
use selvage_model::access::{Credential, Principal};
use selvage_model::code;
use selvage_store::Word;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed};
use super::request::{At, Because, Body, Id, Operator};
use super::route::{Route, Who};

/// Keys.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/keys", list), "listKeys", "Keys, oldest first, by their ids").lists("The keys.", "Key"),
        route(Route::post("/keys/{id}/revocation", revoke), "revokeKey", "Take a key back for good")
            .may(Who::Cutters)
            .takes("Because")
            .gives("The key, when every node knows.", "KeyKnown")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
    ]
}

/// Every key, oldest first, without the keys.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    let keys = api.governance.store.access_state().await?.credentials;
    Ok(listed(keys.iter().map(shown)))
}

fn shown(key: &Credential) -> Value {
    let (consumer, operator) = match &key.principal {
        Principal::Consumer(name) => (Some(name.as_str()), None),
        Principal::Operator(name) => (None, Some(name.as_str())),
    };
    json!({
        "key": key.id, "consumer": consumer, "operator": operator, "issued": key.issued.to_string(),
        "expires": key.expires.map(|at| at.to_string()), "revoked": key.revoked.map(|at| at.to_string()),
    })
}

/// Takes a key back for good; returns when every node knows.
pub(super) async fn revoke(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    let since = Timestamp::now();
    let word = Word { by: &operator.0, because: &because.0 };
    let key = api.governance.desk.take_key_back(api.counting().await?, id.as_str(), word).await?;
    Ok(api.when_known(key.revoked.unwrap_or(since), shown(&key)).await)
}
