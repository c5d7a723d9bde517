//! Access in an emergency over HTTP: opened by who answers for the consumer or the interface, and said by somebody else to have been right.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::{AttributeName, ClassName, ConsumerName, InterfaceRef};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use super::access::{Scope, of_store};
use super::answer::{told, unfit};
use super::changes::{line, no_line};
use super::request::{Asked, At, Body, Id, Operator};
use super::route::{Route, Who, query};
use crate::desk::lease::{Opening, Reviewing, shown};

/// Access without approval.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("break-glass", id, says);
    vec![
        route(Route::get("/break-glass", list), "listBreakGlass", "What is open or waits for a review, or all")
            .asks([query("all", "Flag", "What was reviewed, too.")])
            .lists("What was opened, oldest first.", "BreakGlass"),
        route(Route::post("/break-glass", open), "breakGlass", "Open access without approval")
            .may(Who::EitherSide)
            .takes("NewBreakGlass")
            .gives_as(201, "What was opened, when every node knows.", super::schema::reference("BreakGlass"))
            .refuses(&[code::API_FORBIDDEN, code::BREAK_GLASS_STANDS, code::BREAK_GLASS_LONG])
            .checks(),
        route(Route::post("/break-glass/{grant}/reviews", review), "reviewBreakGlass", "Say whether it was right")
            .may(Who::Deciders)
            .takes("BreakGlassReview")
            .gives("What was opened; disowned, when every node knows.", "BreakGlass")
            .refuses(&[code::NOT_IN_STORE, code::ACCESS_DECIDER, code::ACCESS_STANDS, code::BREAK_GLASS_STANDS]),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    all: bool,
}

/// What is open or waits for a review, or all that was ever opened; oldest first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Response {
    let store = &api.governance.store;
    let found = if which.all { store.break_glasses().await } else { store.pending_break_glasses().await };
    match found {
        Ok(opened) => {
            let now = Timestamp::now();
            let items: Vec<Value> = opened.iter().map(|it| shown::opened(it, now)).collect();
            Json(json!({"items": items})).into_response()
        }
        Err(error) => of_store(error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    consumer: ConsumerName,
    interface: InterfaceRef,
    operations: Vec<String>,
    #[serde(default, rename = "where")]
    rows: Map<String, Value>,
    #[serde(default)]
    except: Vec<AttributeName>,
    #[serde(default)]
    classes: Vec<ClassName>,
    #[serde(rename = "for")]
    lasts: String,
    because: String,
}

/// Opens access without approval; returns when every node knows.
pub(super) async fn open(State(api): State<Api>, operator: Operator, Body(body): Body<Opened>) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let lasts = match super::span(&body.lasts) {
        Ok(lasts) => lasts,
        Err(because) => return unfit(because),
    };
    let Opened { consumer, interface, operations, rows, except, classes, .. } = body;
    if let Err(refused) = api.must_answer(&operator, &consumer, &interface).await {
        return refused;
    }
    let terms = match (Scope { operations, rows, except, classes }).terms(None, None) {
        Ok(terms) => terms,
        Err(because) => return unfit(because),
    };
    let since = Timestamp::now();
    let opening = Opening { consumer, interface, terms, lasts, by: operator.0, because };
    let fabric = api.fabric().await;
    match api.governance.desk.break_glass(&fabric, opening).await {
        Ok(opened) => {
            let (consumer, interface, by) = (&opened.grant.consumer, &opened.grant.interface, &opened.by);
            let (code, ends) = (code::BREAK_GLASS_OPENED, opened.ends);
            tracing::error!("{code}: {by} opens {interface} for {consumer} without approval until {ends:.0}");
            let mut answer = api.when_known(since, shown::opened(&opened, since)).await;
            *answer.status_mut() = StatusCode::CREATED;
            answer
        }
        Err(error) => told(&error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Ratify,
    Disown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reviewed {
    verdict: Word,
    because: String,
}

/// Says whether it was right; disowned, it ends, and this returns when every node knows.
pub(super) async fn review(
    State(api): State<Api>,
    operator: Operator,
    At(grant): At<Id>,
    Body(body): Body<Reviewed>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let ratified = matches!(body.verdict, Word::Ratify);
    let since = Timestamp::now();
    let reviewing = Reviewing { grant: grant.into_inner(), ratified, person: operator.0, because };
    let fabric = api.fabric().await;
    match api.governance.desk.review_break_glass(&fabric, reviewing).await {
        Ok(opened) if ratified => Json(shown::opened(&opened, since)).into_response(),
        Ok(opened) => api.when_known(since, shown::opened(&opened, since)).await,
        Err(error) => told(&error),
    }
}
