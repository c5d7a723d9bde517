//! Campaigns over HTTP, in which somebody answers for each grant.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::{AttributeName, DomainName, InterfaceRef};
use selvage_store::{ItemState, Store, StoreError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use super::access::of_store;
use super::answer::{told, unfit};
use super::changes::{line, no_line};
use super::grants::Taken;
use super::request::{Asked, At, Body, Id, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::{Answering, Starting, Verdict, shown, until, who_answers};

/// Campaigns.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("recertification", id, says);
    vec![
        route(
            Route::get("/recertifications", list),
            "listRecertifications",
            "Campaigns with their progress, oldest first",
        )
        .lists("The campaigns.", "Recertification"),
        route(Route::post("/recertifications", start), "startRecertification", "Begin a campaign")
            .may(Who::Overseers)
            .takes("NewRecertification")
            .makes("The campaign.", "RecertificationBegun")
            .refuses(&[code::RECERTIFICATION_OTHERS, code::RECERTIFICATION_VAIN]),
        route(Route::get("/recertifications/{id}", show), "getRecertification", "One campaign with its grants")
            .asks([query("open", "Flag", "Only grants that nobody has answered for.")])
            .gives("The campaign.", "RecertificationDetail")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/recertification-items/{id}/answers", answer), "answerForGrant", "Answer for a grant")
            .may(Who::Deciders)
            .takes("RecertificationAnswer")
            .gives("The grant in its campaign; taken from, when every node knows.", "RecertificationItem")
            .refuses(&[code::NOT_IN_STORE, code::ACCESS_DECIDER, code::ACCESS_STANDS, code::GRANT_UNNARROWED]),
    ]
}

/// Campaigns with their progress, oldest first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Response {
    let read = async |store: &Store| {
        Ok::<_, StoreError>((store.recertifications().await?, store.recertification_items().await?))
    };
    match read(&api.governance.store).await {
        Ok((campaigns, items)) => {
            let told: Vec<Value> = campaigns.iter().map(|campaign| shown::campaign(campaign, &items)).collect();
            Json(json!({"items": told})).into_response()
        }
        Err(error) => of_store(error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    open: bool,
}

/// One campaign with its grants, and who answers for each.
pub(super) async fn show(
    State(api): State<Api>,
    _operator: Operator,
    At(id): At<Id>,
    Asked(which): Asked<Which>,
) -> Response {
    let store = &api.governance.store;
    let (campaigns, items) = match (store.recertifications().await, store.recertification_items().await) {
        (Ok(campaigns), Ok(items)) => (campaigns, items),
        (Err(error), _) | (_, Err(error)) => return of_store(error),
    };
    let Some(campaign) = campaigns.iter().find(|campaign| campaign.id == id.as_str()) else {
        return of_store(StoreError::NotFound { what: "recertification", id: id.into_inner() });
    };
    let fabric = api.fabric().await;
    let of = items.iter().filter(|item| item.campaign == campaign.id && (!which.open || item.state.is_open()));
    let of: Vec<Value> = of.map(|item| shown::item(item, &who_answers(&fabric, item))).collect();
    let mut body = shown::campaign(campaign, &items);
    if let Some(members) = body.as_object_mut() {
        members.insert("items".to_owned(), of.into());
    }
    Json(body).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    domain: Option<DomainName>,
    interface: Option<InterfaceRef>,
    #[serde(default)]
    all: bool,
    until: String,
    since: Option<String>,
}

/// Begins a campaign; the desk says who may.
pub(super) async fn start(State(api): State<Api>, operator: Operator, Body(body): Body<Begun>) -> Response {
    let fabric = api.fabric().await;
    if !matches!(
        (&body.domain, &body.interface, body.all),
        (Some(_), None, false) | (None, Some(_), false) | (None, None, true)
    ) {
        return unfit("say one of `domain`, `interface` and `all`".to_owned());
    }
    let (until, since) = match (until(&body.until), super::span(body.since.as_deref().unwrap_or("90d"))) {
        (Ok(until), Ok(since)) => (until, since),
        (Err(because), _) | (_, Err(because)) => return unfit(because),
    };
    let starting = Starting { domain: body.domain, interface: body.interface, until, since, by: operator.0 };
    match api.governance.desk.recertify(&fabric, &starting).await {
        Ok(begun) => {
            let body = json!({
                "campaign": begun.campaign.id, "about": begun.campaign.scope,
                "until": begun.campaign.until.to_string(), "grants": begun.grants, "answer": begun.answer,
            });
            super::made(&format!("/api/recertifications/{}", begun.campaign.id), body)
        }
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Keep,
    Narrow,
    End,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    verdict: Word,
    because: String,
    operations: Option<Vec<String>>,
    #[serde(default)]
    except: Vec<AttributeName>,
    #[serde(default, rename = "where")]
    rows: Map<String, Value>,
    until: Option<String>,
}

/// Answers for a grant; returns when every node knows what was taken.
pub(super) async fn answer(
    State(api): State<Api>,
    operator: Operator,
    At(item): At<Id>,
    Body(body): Body<Said>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let Said { verdict, operations, except, rows, until, .. } = body;
    let narrowing = match (Taken { operations, except, rows, until }).narrowing() {
        Ok(narrowing) => narrowing,
        Err(because) => return unfit(because),
    };
    let verdict = match verdict {
        Word::Narrow => Verdict::Narrow(narrowing),
        _ if !narrowing.is_nothing() => return unfit("what is taken is said only with `narrow`".to_owned()),
        Word::Keep => Verdict::Keep,
        Word::End => Verdict::End,
    };
    let (since, fabric) = (Timestamp::now(), api.fabric().await);
    let answering = Answering { item: item.into_inner(), verdict, person: operator.0, because };
    match api.governance.desk.answer(&fabric, answering).await {
        Ok(after) => {
            let body = shown::item(&after, &who_answers(&fabric, &after));
            if after.state == ItemState::Kept {
                return Json(body).into_response();
            }
            api.when_known(since, body).await
        }
        Err(error) => told(&error),
    }
}
