//! Campaigns over HTTP, in which somebody answers for each grant.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::{AttributeName, DomainName, InterfaceRef};
use selvage_store::{ItemState, StoreError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::grants::Taken;
use super::request::{Asked, At, Body, Id, Line, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::{Answering, LOOKED_BACK, Starting, Verdict, shown, until};

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
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    let store = &api.governance.store;
    let (campaigns, items) = (store.recertifications().await?, store.recertification_items().await?);
    Ok(listed(campaigns.iter().map(|campaign| shown::campaign(campaign, &items))))
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
) -> Answer {
    let store = &api.governance.store;
    let (campaigns, items) = (store.recertifications().await?, store.recertification_items().await?);
    let Some(campaign) = campaigns.iter().find(|campaign| campaign.id == id.as_str()) else {
        return Err(StoreError::NotFound { what: "recertification", id: id.into_inner() }.into());
    };
    let fabric = api.counting().await?;
    let of = items.iter().filter(|item| item.campaign == campaign.id && (!which.open || item.state.is_open()));
    let sitting = api.governance.desk.sitting().await?;
    let mut told = Vec::new();
    for item in of {
        told.push(shown::item(item, &api.governance.desk.who_answers(&fabric, item, &sitting).await?));
    }
    let mut body = shown::campaign(campaign, &items);
    if let Some(members) = body.as_object_mut() {
        members.insert("items".to_owned(), told.into());
    }
    Ok(Json(body).into_response())
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
pub(super) async fn start(State(api): State<Api>, operator: Operator, Body(body): Body<Begun>) -> Answer {
    let fabric = api.counting().await?;
    if !matches!(
        (&body.domain, &body.interface, body.all),
        (Some(_), None, false) | (None, Some(_), false) | (None, None, true)
    ) {
        return Err(unfit("say one of `domain`, `interface` and `all`".to_owned()).into());
    }
    let until = until(&body.until).map_err(unfit)?;
    let since = body.since.as_deref().map_or(Ok(LOOKED_BACK), super::span).map_err(unfit)?;
    let starting = Starting { domain: body.domain, interface: body.interface, until, since, by: operator.0 };
    let begun = api.governance.desk.recertify(&fabric, &starting).await?;
    let body = json!({
        "campaign": begun.campaign.id, "about": begun.campaign.scope,
        "until": begun.campaign.until.to_string(), "grants": begun.grants, "answer": begun.answer,
    });
    Ok(super::made(&format!("/api/recertifications/{}", begun.campaign.id), body))
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
    because: Line,
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
) -> Answer {
    let Said { verdict, because: Line(because), operations, except, rows, until } = body;
    let narrowing = (Taken { operations, except, rows, until }).narrowing().map_err(unfit)?;
    let verdict = match verdict {
        Word::Narrow => Verdict::Narrow(narrowing),
        _ if !narrowing.is_nothing() => return Err(unfit("what is taken is said only with `narrow`".to_owned()).into()),
        Word::Keep => Verdict::Keep,
        Word::End => Verdict::End,
    };
    let (since, fabric) = (Timestamp::now(), api.counting().await?);
    let answering = Answering { item: item.into_inner(), verdict, person: operator.0, because };
    let after = api.governance.desk.answer(&fabric, answering).await?;
    let desk = &api.governance.desk;
    let body = shown::item(&after, &desk.who_answers(&fabric, &after, &desk.sitting().await?).await?);
    let is_kept = after.state == ItemState::Kept;
    Ok(if is_kept { Json(body).into_response() } else { api.when_known(since, body).await })
}
