//! Keys over HTTP: which there are, and taking one back. A key itself is never shown, nor issued here: it would travel through whatever
//! keeps answers. INVARIANT: SECRET-FREE

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use selvage_governance::seat::{Act, may};
use selvage_model::access::{Credential, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::DomainName;
use selvage_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::access::of_store;
use super::changes::{line, no_line};
use super::request::{At, Body, Id, Operator};
use super::route::{Route, Who};
use crate::desk::lease::answers_for;

/// Keys.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/keys", list), "listKeys", "Keys, oldest first, by their ids").lists("The keys.", "Key"),
        route(Route::post("/keys/{id}/revocation", revoke), "revokeKey", "Take a key back for good")
            .may(Who::EitherSide)
            .takes("Because")
            .gives("The key, when every node knows.", "KeyKnown")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
    ]
}

/// Every key, oldest first, without the keys.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Response {
    match api.governance.store.access_state().await {
        Ok(state) => Json(json!({"items": state.credentials.iter().map(shown).collect::<Vec<_>>()})).into_response(),
        Err(error) => of_store(error),
    }
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoked {
    because: String,
}

/// Takes a key back for good; returns when every node knows.
pub(super) async fn revoke(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Revoked>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let store = &api.governance.store;
    let key = match store.access_state().await {
        Ok(state) => state.credentials.into_iter().find(|key| key.id == id.as_str()),
        Err(error) => return of_store(error),
    };
    let Some(key) = key else { return of_store(StoreError::NotFound { what: "key", id: id.into_inner() }) };
    let fabric = match api.judging(Act::Operate).await {
        Ok(fabric) => fabric,
        Err(refused) => return refused,
    };
    if let Err(domain) = may_revoke(&fabric, &operator.0, &key.principal) {
        return super::forbidden(&operator.0, &domain);
    }
    let since = Timestamp::now();
    match store.revoke_key(&key.id, &operator.0, &because).await {
        Ok(key) => api.when_known(key.revoked.unwrap_or(since), shown(&key)).await,
        Err(error) => of_store(error),
    }
}

/// A consumer's key: who answers for it, or is on call in its domain. A person's: that person, and who sits over everybody.
fn may_revoke(fabric: &Fabric, person: &str, of: &Principal) -> Result<(), DomainName> {
    let (domain, allowed) = match of {
        Principal::Consumer(name) => {
            let home = fabric.home(name).unwrap_or_else(DomainName::group);
            let allowed = answers_for(fabric, person, name) || may(fabric, person, Act::Operate, &home);
            (home, allowed)
        }
        Principal::Operator(name) => {
            let group = DomainName::group();
            let allowed = name == person || may(fabric, person, Act::Oversee, &group);
            (group, allowed)
        }
    };
    if allowed { Ok(()) } else { Err(domain) }
}
