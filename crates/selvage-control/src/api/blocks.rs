//! Cutting consumers and interfaces off over HTTP, for whoever is on call, and lifting that again, for who sits over them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use selvage_governance::access::unknown;
use selvage_governance::seat::{Act, may};
use selvage_model::access::{AccessState, Block, Blocked, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef};
use selvage_model::problem::Problem;
use selvage_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::access::of_store;
use super::answer::{problem, unfit};
use super::changes::{line, no_line};
use super::request::{At, Body, Id, Operator};
use super::route::{Route, Who};
use crate::desk::lease::{answers_for, domain_of};

/// Blocks.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("access", id, says);
    vec![
        route(Route::get("/blocks", list), "listBlocks", "Blocks that stand, oldest first")
            .lists("The blocks.", "Block"),
        route(Route::post("/blocks", block), "block", "Cut a consumer or an interface off at once")
            .may(Who::EitherSide)
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
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Response {
    match api.governance.store.access_state().await {
        Ok(state) => Json(json!({"items": state.blocks.iter().map(shown).collect::<Vec<_>>()})).into_response(),
        Err(error) => of_store(error),
    }
}

fn shown(block: &Block) -> Value {
    let (consumer, interface) = match &block.what {
        Blocked::Consumer(name) => (Some(name.to_string()), None),
        Blocked::Interface(interface) => (None, Some(interface.to_string())),
    };
    json!({
        "block": block.id, "consumer": consumer, "interface": interface, "since": block.since.to_string(), "because": block.because,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    consumer: Option<ConsumerName>,
    interface: Option<InterfaceRef>,
    because: String,
    /// Also what nothing declares.
    #[serde(default)]
    anyway: bool,
}

/// Cuts one off; returns when every node knows.
pub(super) async fn block(State(api): State<Api>, operator: Operator, Body(body): Body<Cut>) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let what = match (body.consumer, body.interface) {
        (Some(name), None) => Blocked::Consumer(name),
        (None, Some(interface)) => Blocked::Interface(interface),
        _ => return unfit("say one of `consumer` and `interface`".to_owned()),
    };
    let fabric = match api.judging(Act::Operate).await {
        Ok(fabric) => fabric,
        Err(refused) => return refused,
    };
    if !may_cut(&fabric, &operator.0, &what) {
        return super::forbidden(&operator.0, &whose(&fabric, &what));
    }
    let store = &api.governance.store;
    if !body.anyway {
        match store.access_state().await {
            Ok(state) if is_known(&state, &what) => {}
            Ok(_) => {
                if let Some(unknown) = unknown([&*fabric], &what) {
                    let detail =
                        format!("{}: {}; say `anyway` where it is not declared yet", unknown.says, unknown.fix);
                    return problem(&Problem::new(422, code::NAME_UNDECLARED, detail));
                }
            }
            Err(error) => return of_store(error),
        }
    }
    match store.block(&what, &operator.0, &because).await {
        Ok(block) => {
            let mut answer = api.when_known(block.since, shown(&block)).await;
            *answer.status_mut() = StatusCode::CREATED;
            answer
        }
        Err(error) => of_store(error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lifted {
    because: String,
}

/// Lifts a block; returns when every node knows.
pub(super) async fn lift(
    State(api): State<Api>,
    operator: Operator,
    At(id): At<Id>,
    Body(body): Body<Lifted>,
) -> Response {
    let Some(because) = line(&body.because) else { return no_line("because") };
    let store = &api.governance.store;
    let block = match store.access_state().await {
        Ok(state) => state.blocks.into_iter().find(|block| block.id == id.as_str()),
        Err(error) => return of_store(error),
    };
    let Some(block) = block else { return of_store(StoreError::NotFound { what: "block", id: id.into_inner() }) };
    let fabric = match api.judging(Act::Operate).await {
        Ok(fabric) => fabric,
        Err(refused) => return refused,
    };
    let domain = whose(&fabric, &block.what);
    if !may(&fabric, &operator.0, Act::Oversee, &domain) {
        return super::forbidden(&operator.0, &domain);
    }
    let since = Timestamp::now();
    match store.lift_block(&block.id, &operator.0, &because).await {
        Ok(block) => api.when_known(since, shown(&block)).await,
        Err(error) => of_store(error),
    }
}

/// The domain that a consumer or an interface is of; the group's where nothing declares it.
fn whose(fabric: &Fabric, what: &Blocked) -> DomainName {
    match what {
        Blocked::Consumer(name) => fabric.home(name).unwrap_or_else(DomainName::group),
        Blocked::Interface(interface) => domain_of(fabric, interface),
    }
}

/// Who answers for it, or is on call where it is.
fn may_cut(fabric: &Fabric, person: &str, what: &Blocked) -> bool {
    let answers = matches!(what, Blocked::Consumer(name) if answers_for(fabric, person, name));
    answers || may(fabric, person, Act::Operate, &whose(fabric, what))
}

/// Whether it has a key or a grant: then it is no name that was mistyped, whatever is declared.
fn is_known(state: &AccessState, what: &Blocked) -> bool {
    match what {
        Blocked::Consumer(name) => {
            let own = Principal::Consumer(name.clone());
            state.credentials.iter().any(|key| key.principal == own)
                || state.grants.iter().any(|it| &it.consumer == name)
        }
        Blocked::Interface(interface) => state.grants.iter().any(|it| &it.interface == interface),
    }
}
