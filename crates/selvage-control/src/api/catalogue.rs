//! The catalogue over HTTP: what interfaces there are, and all that is known of each.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use selvage_governance::catalogue;
use selvage_model::code;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{problem, told};
use super::{Api, Operator};

#[derive(Deserialize)]
pub(super) struct Sought {
    q: Option<String>,
}

/// Every interface that runs here, or those that words find, the best first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Query(sought): Query<Sought>) -> Response {
    let view = (api.catalogue)().await;
    let entries = catalogue::entries(&view.fabric, view.known());
    let found = catalogue::search(&entries, sought.q.as_deref().unwrap_or_default());
    let items: Vec<Value> = found.into_iter().map(|entry| catalogue::shown(entry, &[])).collect();
    Json(json!({"items": items})).into_response()
}

/// One interface: contract, owner, state, consumers, dependencies, examples, changelog.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, Path(name): Path<String>) -> Response {
    let view = (api.catalogue)().await;
    let found = name.parse::<InterfaceRef>().ok();
    let Some(entry) = found.as_ref().and_then(|it| catalogue::entry(&view.fabric, it, view.known())) else {
        return problem(&Problem::new(404, code::API_MISSING, "no interface that runs here has this name"));
    };
    let examples = catalogue::examples(&view.fabric, &entry.interface);
    let history = match api.governance.desk.history(&entry.interface).await {
        Ok(history) => history,
        Err(error) => return told(&error),
    };
    let mut body = catalogue::shown(&entry, &examples);
    if let Some(members) = body.as_object_mut() {
        members.insert("changelog".to_owned(), history.iter().map(crate::desk::Passage::shown).collect());
    }
    Json(body).into_response()
}
