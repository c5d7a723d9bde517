//! The pages of the catalogue, and the form that asks for access.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use selvage_governance::catalogue::{self, Entry, Known};
use selvage_governance::export;
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::name::InterfaceRef;
use selvage_model::usage::Used;
use serde::Deserialize;

use super::ask::{Typed, objections};
use super::entry::{Filled, Governed, LoggedIn, Named, Sought};
use super::{Shared, missing};
use crate::desk::Passage;
use crate::page::{self, Answer};

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
pub(super) struct Words {
    q: Option<String>,
}

/// Every interface, or those that words find.
pub(super) async fn list(State(shared): State<Arc<Shared>>, who: LoggedIn, Sought(sought): Sought<Words>) -> Response {
    let (overview, view) = ((shared.observe)().await, (shared.catalogue)().await);
    let entries = catalogue::entries(&view.fabric, view.known());
    let words = sought.q.unwrap_or_default();
    let found = catalogue::search(&entries, &words);
    Html(page::catalogue(&overview, &found, entries.len(), &words, &who.operator).into_string()).into_response()
}

#[derive(Deserialize)]
pub(super) struct Told {
    asked: Option<String>,
}

/// One interface.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    who: LoggedIn,
    Named(name): Named,
    Sought(told): Sought<Told>,
) -> Response {
    // Only what is there was asked for, whatever an address says.
    let asked = match (&shared.governance, told.asked) {
        (Some(governance), Some(id)) => governance.store.access_request(&id).await.ok().map(|request| request.id),
        _ => None,
    };
    let answer = asked.map(Answer::Asked);
    one(&shared, &name, &who.operator, answer).await
}

/// The contract of an interface, to be saved.
pub(super) async fn contract(State(shared): State<Arc<Shared>>, _who: LoggedIn, Named(name): Named) -> Response {
    let view = (shared.catalogue)().await;
    let found = name.parse::<InterfaceRef>().ok();
    let found = found.and_then(|it| Some((export::contract(&view.fabric, &it, "/")?, export::name_of(&it))));
    let Some((contract, name)) = found else { return missing().await };
    let saved = format!("attachment; filename=\"{name}.{}.yaml\"", contract.kind);
    let kind = [(header::CONTENT_TYPE, "application/yaml".to_owned()), (header::CONTENT_DISPOSITION, saved)];
    (kind, contract.text).into_response()
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
        Some(Answer::Refused(..)) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let asked = page::Asks { consumers: &consumers, can: shared.governance.is_some(), answer: answer.as_ref() };
    let page = page::interface(&overview, &entry, &examples, &history, &asked, operator);
    (status, Html(page.into_string())).into_response()
}

/// Asks for access, in the name of who is logged in.
pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    who: Governed,
    Named(name): Named,
    Filled(typed): Filled<Typed>,
) -> Response {
    let Governed { operator, governance } = who;
    let view = (shared.catalogue)().await;
    let interface = name.parse::<InterfaceRef>().ok().filter(|it| view.fabric.interfaces.contains_key(it));
    let Some(interface) = interface else { return missing().await };
    let asking = match typed.asking(interface.clone(), &operator) {
        Ok(asking) => asking,
        Err(wrong) => return one(&shared, &name, &operator, Some(Answer::Refused(typed, wrong))).await,
    };
    let asked = match governance.desk.access_by(view.fabric).await {
        Ok(fabric) => governance.desk.ask(&fabric, asking).await,
        Err(error) => Err(error),
    };
    match asked {
        // What was said is not sent again by who loads the page anew.
        Ok(asked) => Redirect::to(&format!("/catalogue/{interface}?asked={}", asked.request.id)).into_response(),
        Err(error) => {
            let against = objections(&error);
            one(&shared, &name, &operator, Some(Answer::Refused(typed, against))).await
        }
    }
}
