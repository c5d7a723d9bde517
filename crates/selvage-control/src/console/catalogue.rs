//! The pages of the catalogue, and the form that asks for access.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use selvage_governance::catalogue::{self, Entry, Known};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::name::InterfaceRef;
use selvage_model::usage::Used;
use serde::Deserialize;

use super::{Shared, missing, refusal, session};
use crate::api::line;
use crate::desk::Passage;
use crate::desk::lease::{Asking, until, whole};
use crate::page;

/// What the catalogue is made of.
#[derive(Clone, Default)]
pub struct CatalogueView {
    /// What runs.
    pub fabric: Arc<Fabric>,
    /// The leases that are or were alive.
    pub grants: Vec<LiveGrant>,
    /// When they were used last.
    pub last_used: BTreeMap<Used, Timestamp>,
}

impl CatalogueView {
    pub(crate) fn known(&self) -> Known<'_> {
        Known { grants: Some(&self.grants), last_used: Some(&self.last_used) }
    }
}

#[derive(Deserialize)]
pub(super) struct Sought {
    q: Option<String>,
}

/// Every interface, or those that words find.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(sought): Query<Sought>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let (overview, view) = ((shared.observe)().await, (shared.catalogue)().await);
    let entries = catalogue::entries(&view.fabric, view.known());
    let words = sought.q.unwrap_or_default();
    let found = catalogue::search(&entries, &words);
    Html(page::catalogue(&overview, &found, entries.len(), &words, &admitted.operator).into_string()).into_response()
}

#[derive(Deserialize)]
pub(super) struct Told {
    asked: Option<String>,
}

/// One interface.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(told): Query<Told>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let answer = told.asked.map(Answer::Asked);
    one(&shared, &name, &admitted.operator, answer).await
}

/// What came of asking.
pub(crate) enum Answer {
    /// A request with this id.
    Asked(String),
    /// Nothing, because of this.
    Refused(String),
}

async fn one(shared: &Shared, name: &str, operator: &str, answer: Option<Answer>) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.catalogue)().await);
    let found = name.parse::<InterfaceRef>().ok();
    let entry: Option<Entry> = found.as_ref().and_then(|it| catalogue::entry(&view.fabric, it, view.known()));
    let Some(entry) = entry else { return missing().await };
    let examples = catalogue::examples(&view.fabric, &entry.interface);
    let history: Vec<Passage> = match &shared.governance {
        Some(governance) => governance.desk.history(&entry.interface).await.unwrap_or_else(|error| {
            tracing::warn!("what releases made of an interface cannot be shown: {error}");
            Vec::new()
        }),
        None => Vec::new(),
    };
    let consumers: Vec<String> = view.fabric.consumers.keys().map(ToString::to_string).collect();
    let status = match &answer {
        Some(Answer::Refused(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let asked = page::Asks { consumers: &consumers, can: shared.governance.is_some(), answer: answer.as_ref() };
    let page = page::interface(&overview, &entry, &examples, &history, &asked, operator);
    (status, Html(page.into_string())).into_response()
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    consumer: String,
    operations: String,
    purpose: String,
    until: String,
}

/// Asks for access, in the name of who is logged in.
pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Response {
    let Some(admitted) = session(&shared, &headers) else {
        return Redirect::to("/login").into_response();
    };
    let Some(governance) = &shared.governance else { return missing().await };
    let asking = match asking(&name, &wanted, &admitted.operator) {
        Ok(asking) => asking,
        Err(because) => return one(&shared, &name, &admitted.operator, Some(Answer::Refused(because))).await,
    };
    let (interface, view) = (asking.interface.clone(), (shared.catalogue)().await);
    if !view.fabric.interfaces.contains_key(&interface) {
        return missing().await;
    }
    match governance.desk.ask(&view.fabric, asking).await {
        // What was said is not sent again by who loads the page anew.
        Ok(asked) => Redirect::to(&format!("/catalogue/{interface}?asked={}", asked.request.id)).into_response(),
        Err(error) => {
            let because = refusal(&error).1;
            one(&shared, &name, &admitted.operator, Some(Answer::Refused(because))).await
        }
    }
}

fn asking(name: &str, wanted: &Wanted, by: &str) -> Result<Asking, String> {
    let interface = name.parse().map_err(|_| format!("`{name}` is no interface"))?;
    let consumer = wanted.consumer.trim().parse().map_err(|_| format!("`{}` is no consumer", wanted.consumer))?;
    let operations: Vec<String> =
        wanted.operations.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if operations.is_empty() {
        return Err("say which operations".to_owned());
    }
    let purpose = line(&wanted.purpose).ok_or("say in a line of at most 200 characters what it is for")?;
    let end = until(&wanted.until).map_err(|because| format!("say until when: {because}"))?;
    let terms = whole(operations, Some(purpose), Some(end));
    Ok(Asking { consumer, interface, terms, by: by.to_owned() })
}
