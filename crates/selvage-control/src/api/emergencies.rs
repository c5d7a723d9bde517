//! Access in an emergency over HTTP: opened by who answers for the consumer or the interface, and said by somebody else to have been right.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::{AttributeName, ClassName, ConsumerName, InterfaceRef};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Api;
use super::access::Scope;
use super::answer::{Answer, listed, unfit};
use super::request::{Asked, At, Body, Id, Line, Operator};
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
pub(super) async fn list(State(api): State<Api>, _operator: Operator, Asked(which): Asked<Which>) -> Answer {
    let (store, now) = (&api.governance.store, Timestamp::now());
    let opened = if which.all { store.break_glasses().await? } else { store.pending_break_glasses().await? };
    Ok(listed(opened.iter().map(|it| shown::opened(it, now))))
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
    because: Line,
}

/// Opens access without approval; returns when every node knows.
pub(super) async fn open(State(api): State<Api>, operator: Operator, Body(body): Body<Opened>) -> Answer {
    let lasts = super::span(&body.lasts).map_err(unfit)?;
    let Opened { consumer, interface, operations, rows, except, classes, because: Line(because), .. } = body;
    api.must_answer(&operator, &consumer, &interface).await?;
    let terms = (Scope { operations, rows, except, classes }).terms(None, None).map_err(unfit)?;
    let since = Timestamp::now();
    let opening = Opening { consumer, interface, terms, lasts, by: operator.0, because };
    let fabric = api.counting().await?;
    let opened = api.governance.desk.break_glass(&fabric, opening).await?;
    let (consumer, interface, by) = (&opened.grant.consumer, &opened.grant.interface, &opened.by);
    let (code, ends) = (code::BREAK_GLASS_OPENED, opened.ends);
    tracing::error!("{code}: {by} opens {interface} for {consumer} without approval until {ends:.0}");
    let mut answer = api.when_known(since, shown::opened(&opened, since)).await;
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
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
    because: Line,
}

/// Says whether it was right; disowned, it ends, and this returns when every node knows.
pub(super) async fn review(
    State(api): State<Api>,
    operator: Operator,
    At(grant): At<Id>,
    Body(body): Body<Reviewed>,
) -> Answer {
    let ratified = matches!(body.verdict, Word::Ratify);
    let since = Timestamp::now();
    let reviewing = Reviewing { grant: grant.into_inner(), ratified, person: operator.0, because: body.because.0 };
    let fabric = api.counting().await?;
    let opened = api.governance.desk.review_break_glass(&fabric, reviewing).await?;
    let body = shown::opened(&opened, since);
    Ok(if ratified { Json(body).into_response() } else { api.when_known(since, body).await })
}
