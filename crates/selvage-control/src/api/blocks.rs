//! Cutting consumers and interfaces off over HTTP, for whoever is on call, and lifting that again, for who sits over them.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use selvage_model::access::{Block, Blocked};
use selvage_model::code;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::Word;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::request::{At, Because, Body, Id, Line, Operator};
use super::route::{Route, Who};

/// Blocks.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/blocks", list), "listBlocks", "Blocks that stand, oldest first")
            .lists("The blocks.", "Block"),
        route(Route::post("/blocks", block), "block", "Cut a consumer or an interface off at once")
            .may(Who::Cutters)
            .takes("NewBlock")
            .gives_as(201, "The block, when every node knows.", super::schema::reference("BlockKnown"))
            .refuses(&[code::API_FORBIDDEN, code::NAME_UNDECLARED]),
        route(Route::post("/blocks/{id}/lift", lift), "liftBlock", "Lift a block")
            .may(Who::Overseers)
            .takes("Because")
            .gives("What was blocked, when every node knows.", "BlockKnown")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN]),
    ]
}

/// Blocks that stand, oldest first.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    let blocks = api.governance.store.blocks().await?;
    Ok(listed(blocks.iter().map(shown)))
}

fn shown(block: &Block) -> Value {
    let (consumer, interface) = match &block.what {
        Blocked::Consumer(name) => (Some(name.to_string()), None),
        Blocked::Interface(interface) => (None, Some(interface.to_string())),
    };
    json!({
        "block": block.id, "consumer": consumer, "interface": interface, "since": block.since.to_string(),
        "by": block.by, "because": block.because,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    consumer: Option<ConsumerName>,
    interface: Option<InterfaceRef>,
    because: Line,
    /// Also what nothing declares.
    #[serde(default)]
    anyway: bool,
}

/// Cuts one off; returns when every node knows.
pub(super) async fn block(State(api): State<Api>, operator: Operator, Body(body): Body<Cut>) -> Answer {
    let what = match (body.consumer, body.interface) {
        (Some(name), None) => Blocked::Consumer(name),
        (None, Some(interface)) => Blocked::Interface(interface),
        _ => return Err(unfit("say one of `consumer` and `interface`".to_owned()).into()),
    };
    let word = Word { by: &operator.0, because: &body.because.0 };
    let block = api.governance.desk.cut_off(api.counting().await?, (&what, body.anyway), word).await?;
    let mut answer = api.when_known(block.since, shown(&block)).await;
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

/// Lifts a block; returns when every node knows.
pub(super) async fn lift(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(Because { because }): Body<Because>,
) -> Answer {
    let since = Timestamp::now();
    let word = Word { by: &operator.0, because: &because.0 };
    let block = api.governance.desk.lift(api.counting().await?, id.as_str(), word).await?;
    Ok(api.when_known(since, shown(&block)).await)
}
