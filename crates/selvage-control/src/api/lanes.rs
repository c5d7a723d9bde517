//! Lanes that are set aside, dead letters and parked records, over HTTP: what is stuck and why, tried again or given up by who answers
//! for it.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use selvage_governance::seat::Act;
use selvage_model::code;
use selvage_model::delivery::Cause;
use selvage_model::name::InterfaceRef;
use selvage_model::overview::ParkedRow;
use selvage_model::sight::Sight;
use selvage_store::{
    DeadLetter, LaneChoice, LanePlace, LaneView, NotAPlace, ParkedRecord, RecordPlace, StoreError, Word,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::{Answer, told, unfit};
use super::changes::no_line;
use super::events::tell_hidden;
use super::request::{Asked, At, Body, Id, Object, Operator, PAGE, line, page_size};
use super::route::{Parameter, Route, Who, query};

/// Lanes and dead letters.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("lanes", id, says);
    vec![
        route(Route::get("/lanes", lanes), "listLanes", "Lanes that are set aside, the oldest first")
            .asks([WHICH, &PAGE_OF_LANES[..]].concat())
            .pages_by("The lanes.", "Lane", "LanePlace"),
        route(Route::get("/dead-letters", letters), "listDeadLetters", "Dead letters, the oldest first")
            .asks([WHICH, &PAGE[..]].concat())
            .pages("The dead letters.", "DeadLetter"),
        route(
            Route::get("/parked-records", records),
            "listParkedRecords",
            "Records that are parked in captures, the oldest first",
        )
        .asks(WHICH_RECORDS)
        .pages_by("The records.", "ParkedRecord", "RecordPlace"),
        route(
            Route::get("/parked-operations", operations),
            "listParkedOperations",
            "Operations that wait until their system has what they need, as this node knows them",
        )
        .asks(WHICH_OPERATIONS)
        .lists("The operations.", "ParkedOperation"),
        route(Route::get("/dead-letters/{id}", show), "getDeadLetter", "One dead letter with its attempts")
            .gives("The dead letter; its message for who may decide about it.", "DeadLetterDetail")
            .refuses(&[code::NOT_IN_STORE]),
        route(Route::post("/dead-letters/redrive", redrive), "redriveDeadLetters", "Try dead letters again")
            .may(Who::Operators)
            .takes("Redrive")
            .lists("Those that are tried again.", "DeadLetter")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::DEAD_LETTER_SETTLED]),
        route(Route::post("/dead-letters/discard", discard), "discardDeadLetters", "Give dead letters up")
            .may(Who::Operators)
            .takes("Discard")
            .lists("Those that were given up.", "DeadLetter")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::DEAD_LETTER_SETTLED]),
    ]
}

const WHICH: &[Parameter] = &[
    query("interface", "InterfaceRef", "Only of this interface."),
    query("subscription", "Words", "Only of this subscription, as `consumer/name`."),
    query("lane", "Words", "Only of the lane with this key."),
    query("cause", "Cause", "Only for this cause."),
    query("settled", "Flag", "Settled dead letters too."),
];

const WHICH_OPERATIONS: &[Parameter] = &[
    query("interface", "InterfaceRef", "Only of this interface."),
    query("operation", "Words", "Only this operation."),
    query("cause", "Cause", "Only for this cause."),
];

const WHICH_RECORDS: &[Parameter] = &[
    query("interface", "InterfaceRef", "Only of this interface."),
    query("cause", "Cause", "Only for this cause."),
    query("after", "RecordPlace", "Only what comes behind this: `next` of the page before."),
    PAGE[1],
];

const PAGE_OF_LANES: [Parameter; 2] =
    [query("after", "LanePlace", "Only what comes behind this: `next` of the page before."), PAGE[1]];

/// Which lanes or dead letters.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    interface: Option<InterfaceRef>,
    /// `consumer/name`.
    subscription: Option<String>,
    lane: Option<String>,
    #[serde(deserialize_with = "cause")]
    cause: Option<Cause>,
    settled: bool,
}

/// Which of them, and which page of those.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichPage<Place> {
    interface: Option<InterfaceRef>,
    subscription: Option<String>,
    lane: Option<String>,
    #[serde(default, deserialize_with = "cause")]
    cause: Option<Cause>,
    #[serde(default)]
    settled: bool,
    after: Option<Place>,
    limit: Option<u32>,
}

/// Which parked records.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WhichRecords {
    interface: Option<InterfaceRef>,
    #[serde(deserialize_with = "cause")]
    cause: Option<Cause>,
    after: Option<String>,
    limit: Option<u32>,
}

/// A cause by its word.
fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cause>, D::Error> {
    let word = Option::<String>::deserialize(from)?;
    let known = |word: String| word.parse().map_err(|_| D::Error::custom(format!("`{word}` is no cause")));
    word.map(known).transpose()
}

impl Which {
    fn choice(&self) -> LaneChoice {
        let Self { interface, subscription, lane, cause, .. } = self.clone();
        LaneChoice { interface, label: subscription, lane, cause, is_parked: None }
    }
}

/// Lanes that are set aside, the oldest first.
pub(super) async fn lanes(
    State(api): State<Api>,
    _operator: Operator,
    Asked(asked): Asked<WhichPage<String>>,
) -> Answer {
    let WhichPage { interface, subscription, lane: key, cause, settled: _, after, limit } = asked;
    let (limit, after) = (page_size(limit).map_err(unfit)?, behind::<LanePlace>(after.as_deref()).map_err(unfit)?);
    let which = LaneChoice { interface, label: subscription, lane: key, cause, is_parked: None };
    let (lanes, next) = api.governance.store.lanes_page(&which, after.as_ref(), limit).await?;
    let items: Vec<Value> = lanes.iter().map(lane).collect();
    Ok(Json(json!({"items": items, "next": next.map(|next| next.to_string())})).into_response())
}

/// Where the page before ended.
fn behind<Place: FromStr<Err = NotAPlace>>(after: Option<&str>) -> Result<Option<Place>, String> {
    after.map(str::parse).transpose().map_err(|error: NotAPlace| error.to_string())
}

fn lane(it: &LaneView) -> Value {
    json!({
        "lane": it.lane.as_str(),
        "subscription": it.label,
        "interface": it.interface.to_string(),
        "state": if it.due.is_some() { "retrying" } else { "parked" },
        "since": it.since.to_string(),
        "waiting": it.waiting,
        "cause": it.cause.as_str(),
        "because": it.because,
        "attempts": it.attempts,
        "due": it.due.map(|due| due.to_string()),
        "dead_letter": it.letter,
    })
}

/// Records that are parked in captures, the oldest first.
pub(super) async fn records(State(api): State<Api>, _operator: Operator, Asked(which): Asked<WhichRecords>) -> Answer {
    let WhichRecords { interface, cause, after, limit } = which;
    let (limit, after) = (page_size(limit).map_err(unfit)?, behind::<RecordPlace>(after.as_deref()).map_err(unfit)?);
    let which = LaneChoice { interface, cause, ..LaneChoice::default() };
    let (records, next) = api.governance.store.records_page(&which, after, limit).await?;
    let items: Vec<Value> = records.iter().map(record).collect();
    Ok(Json(json!({"items": items, "next": next.map(|next| next.to_string())})).into_response())
}

/// Which parked operations.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WhichOperations {
    interface: Option<InterfaceRef>,
    operation: Option<String>,
    #[serde(deserialize_with = "cause")]
    cause: Option<Cause>,
}

/// Operations that are parked until their system has what they need, as this node sees it.
pub(super) async fn operations(
    State(api): State<Api>,
    _operator: Operator,
    Asked(which): Asked<WhichOperations>,
) -> Answer {
    let WhichOperations { interface, operation: named, cause } = which;
    let parked = (api.observe)().await.parked;
    let fits = |row: &&ParkedRow| {
        interface.as_ref().is_none_or(|only| only == &row.interface)
            && named.as_ref().is_none_or(|only| only == row.operation.as_str())
            && cause.is_none_or(|only| only == row.cause)
    };
    let items: Vec<Value> = parked.iter().filter(fits).map(operation).collect();
    Ok(Json(json!({ "items": items })).into_response())
}

fn operation(it: &ParkedRow) -> Value {
    json!({
        "interface": it.interface.to_string(),
        "operation": it.operation.as_str(),
        "system": it.system.as_str(),
        "since": it.since.to_string(),
        "cause": it.cause.as_str(),
        "code": it.code,
        "because": it.reason,
        "fix": it.fix,
    })
}

fn record(it: &ParkedRecord) -> Value {
    json!({
        "record": it.label(),
        "system": it.system.as_str(),
        "interface": it.interface.to_string(),
        "since": it.parked.since.to_string(),
        "cause": it.parked.cause.as_str(),
        "code": it.parked.code,
        "because": it.parked.reason,
    })
}

/// Dead letters, the oldest first; settled ones too where they are asked for.
pub(super) async fn letters(
    State(api): State<Api>,
    _operator: Operator,
    Asked(asked): Asked<WhichPage<Id>>,
) -> Response {
    let WhichPage { interface, subscription, lane, cause, settled, after, limit } = asked;
    let limit = match page_size(limit) {
        Ok(limit) => limit,
        Err(because) => return unfit(because),
    };
    let which = LaneChoice { interface, label: subscription, lane, cause, is_parked: None };
    match api.governance.store.letters_page(&which, settled, after.as_ref().map(Id::as_str), limit).await {
        Ok((letters, next)) => {
            Json(json!({"items": letters.iter().map(letter).collect::<Vec<_>>(), "next": next})).into_response()
        }
        Err(error) => told(&error.into()),
    }
}

async fn chosen(api: &Api, which: &Which) -> Result<Vec<DeadLetter>, StoreError> {
    api.governance.store.chosen_letters(&which.choice(), which.settled).await
}

fn letter(it: &DeadLetter) -> Value {
    json!({
        "id": it.id,
        "subscription": it.label,
        "interface": it.interface.to_string(),
        "lane": it.lane.as_str(),
        "position": it.position.to_string(),
        "event": it.event.as_str(),
        "since": it.died.to_string(),
        "behind": it.behind,
        "cause": it.cause.as_str(),
        "because": it.because,
        "attempts": it.attempts,
        "settled": it.settled.as_ref().map(|settled| {
            json!({"how": settled.how, "at": settled.at.to_string(), "by": settled.by, "because": settled.because})
        }),
    })
}

/// One dead letter with its attempts; its message is shown to who may decide about it, and what has a class is masked there.
pub(super) async fn show(State(api): State<Api>, operator: Operator, At(id): At<Id>) -> Response {
    let detail = match api.governance.store.dead_letter(id.as_str()).await {
        Ok(detail) => detail,
        Err(error) => return told(&error.into()),
    };
    let may_see = api.may_operate(&operator, &detail.letter.interface).await.is_ok();
    let mut shown = letter(&detail.letter);
    let attempts = detail.attempts.iter().map(|attempt| {
        json!({
            "at": attempt.at.to_string(),
            "took_ms": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            "status": attempt.status,
            "because": attempt.because,
        })
    });
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("tried".to_owned(), attempts.collect());
        shown.insert("message".to_owned(), Value::Null);
    }
    if let Some(body) = detail.body.as_deref().filter(|_| may_see)
        && let Ok(mut message) = serde_json::from_slice::<Map<String, Value>>(body)
    {
        let hidden = Sight::of(&*api.fabric().await, &detail.letter.interface).hide_in(&mut message);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("message".to_owned(), Value::from(message));
        }
        tell_hidden(&mut shown, hidden);
    }
    Json(shown).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redrive {
    #[serde(default)]
    ids: Vec<Id>,
    which: Option<Object<Which>>,
    #[serde(default)]
    dry_run: bool,
    because: String,
}

/// Tries dead letters again, each at the head of its lane, with what is behind it in order.
pub(super) async fn redrive(State(api): State<Api>, operator: Operator, Body(body): Body<Redrive>) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let letters = match (&body.which, body.ids.is_empty()) {
        (Some(Object(which)), true) => chosen(&api, &Which { settled: false, ..which.clone() }).await,
        (which, _) => named(&api, &body.ids).await.map(|mut letters| {
            // Both given: those of the ids that fit, as the command has it.
            let which = which.as_ref().map(|Object(which)| which.choice()).unwrap_or_default();
            letters.retain(|it| which.takes(&it.interface, &it.label, &it.lane, it.cause));
            letters
        }),
    };
    let letters = match letters {
        Ok(letters) => letters,
        Err(error) => return told(&error.into()),
    };
    if let Err(refused) = api.may_operate_all(&operator, &letters).await {
        return refused;
    }
    if body.dry_run {
        let items: Vec<Value> = letters.iter().map(letter).collect();
        return Json(json!({"dry_run": true, "items": items})).into_response();
    }
    let ids: Vec<String> = letters.into_iter().map(|letter| letter.id).collect();
    settled(api.governance.store.redrive_dead_letters(&ids, Word { by: &operator.0, because: &because }).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    ids: Vec<Id>,
    because: String,
}

/// Gives dead letters up: what is behind each goes on.
pub(super) async fn discard(State(api): State<Api>, operator: Operator, Body(body): Body<Discard>) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let letters = match named(&api, &body.ids).await {
        Ok(letters) => letters,
        Err(error) => return told(&error.into()),
    };
    if let Err(refused) = api.may_operate_all(&operator, &letters).await {
        return refused;
    }
    let ids: Vec<String> = body.ids.into_iter().map(Id::into_inner).collect();
    settled(api.governance.store.discard_dead_letters(&ids, Word { by: &operator.0, because: &because }).await)
}

async fn named(api: &Api, ids: &[Id]) -> Result<Vec<DeadLetter>, StoreError> {
    let mut letters = Vec::with_capacity(ids.len().min(1000));
    for id in ids {
        letters.push(api.governance.store.dead_letter(id.as_str()).await?.letter);
    }
    Ok(letters)
}

fn settled(result: Result<Vec<DeadLetter>, StoreError>) -> Response {
    match result {
        Ok(letters) => Json(json!({"items": letters.iter().map(letter).collect::<Vec<_>>()})).into_response(),
        Err(error) => told(&error.into()),
    }
}

impl Api {
    async fn may_operate_all(&self, operator: &Operator, letters: &[DeadLetter]) -> Result<(), Response> {
        let mut seen: Vec<&InterfaceRef> = Vec::new();
        for letter in letters {
            if !seen.contains(&&letter.interface) {
                self.may_operate(operator, &letter.interface).await?;
                seen.push(&letter.interface);
            }
        }
        Ok(())
    }

    /// Refuses who does not answer for an interface at night.
    pub(super) async fn may_operate(&self, operator: &Operator, interface: &InterfaceRef) -> Result<(), Response> {
        let domain = self
            .judging(Act::Operate)
            .await?
            .governing(interface)
            .unwrap_or_else(selvage_model::name::DomainName::group);
        self.let_pass(operator, Act::Operate, &domain).await
    }
}
