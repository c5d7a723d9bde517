//! The catalogue over HTTP: what interfaces there are, and all that is known of each.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use selvage_governance::{catalogue, export};
use selvage_model::code;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{problem, told};
use super::request::{Asked, At, Operator};
use super::route::{Route, YAML, query};

/// What there is.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("catalogue", id, says);
    vec![
        route(Route::get("/catalogue", list), "searchCatalogue", "Interfaces that run here, or those that words find")
            .asks([query("q", "Words", "What is looked for.")])
            .lists("The interfaces, the best first.", "CatalogueEntry"),
        route(Route::get("/catalogue/{interface}", show), "getInterface", "All that is known of an interface")
            .gives("The interface.", "CatalogueDetail"),
        route(Route::get("/catalogue/{interface}/contract", contract), "getContract", "The contract of an interface")
            .writes("The contract: OpenAPI, or AsyncAPI for events and webhooks."),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    q: Option<String>,
}

/// Every interface that runs here, or those that words find, the best first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(sought): Asked<Sought>) -> Response {
    let view = (api.catalogue)().await;
    let entries = catalogue::entries(&view.fabric, view.known());
    let found = catalogue::search(&entries, sought.q.as_deref().unwrap_or_default());
    let items: Vec<Value> = found.into_iter().map(|entry| catalogue::shown(entry, &[])).collect();
    Json(json!({"items": items})).into_response()
}

/// The contract, as what runs here declares it.
async fn contract(State(api): State<Api>, _operator: Operator, At(name): At<InterfaceRef>) -> Response {
    let view = (api.catalogue)().await;
    match export::contract(&view.fabric, &name, "/") {
        Some(contract) => ([(CONTENT_TYPE, YAML)], contract.text).into_response(),
        None => problem(&Problem::new(404, code::API_MISSING, "no interface of this name has a contract here")),
    }
}

/// One interface: contract, owner, state, consumers, dependencies, examples, changelog.
pub(super) async fn show(State(api): State<Api>, _operator: Operator, At(name): At<InterfaceRef>) -> Response {
    let view = (api.catalogue)().await;
    let Some(entry) = catalogue::entry(&view.fabric, &name, view.known()) else {
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
