//! Boards over HTTP: who sits where, and seats that are lent to deputies for a time and taken back.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use selvage_model::change::Delegation;
use selvage_model::code;
use selvage_model::manifest::organisation::Domain;
use selvage_model::name::DomainName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::request::{At, Body, Id, Line, Operator};
use super::route::{Route, Who};
use crate::desk::Boards;
use crate::desk::lease::until;

/// Boards and their seats.
pub(super) fn routes() -> Vec<Route> {
    let route = |route: Route, id, says| route.says("changes", id, says);
    vec![
        route(Route::get("/boards", list), "listBoards", "Who sits on which board, and to whom seats are lent")
            .lists("The boards.", "BoardOfDomain"),
        route(Route::post("/boards/{domain}/delegations", lend), "lendSeat", "Lend a seat to a deputy for a time")
            .may(Who::Seated)
            .takes("NewDelegation")
            .gives_as(201, "The seat, as it is lent.", super::schema::reference("Delegation"))
            .refuses(&[code::SEAT_NOT_YOURS, code::SEAT_OVER]),
        route(Route::post("/delegations/{id}/end", end), "takeSeatBack", "Take a seat back before its time")
            .may(Who::Lenders)
            .gives("The seat, as it was lent.", "Delegation")
            .refuses(&[code::NOT_IN_STORE, code::SEAT_NOT_YOURS]),
    ]
}

/// Who sits where.
pub(super) async fn list(State(api): State<Api>, _operator: Operator) -> Answer {
    let boards = api.governance.desk.boards().await?;
    Ok(listed(boards.domains().map(|domain| board(&boards, domain))))
}

fn board(boards: &Boards, domain: &Domain) -> Value {
    let seat = |(discipline, people): &(selvage_model::source::Spanned<String>, Vec<String>)| {
        let lent: Vec<Value> = boards.lent(domain, &discipline.value).map(shown).collect();
        json!({"discipline": discipline.value, "people": people, "lent": lent})
    };
    let seats: Vec<Value> = domain.board.iter().map(seat).collect();
    json!({"domain": domain.name.as_str(), "quorum": domain.quorum, "seats": seats})
}

fn shown(it: &Delegation) -> Value {
    json!({
        "id": it.id, "domain": it.domain.as_str(), "discipline": it.discipline, "from": it.from, "to": it.to,
        "until": it.until.to_string(), "unproven": it.unproven,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lent {
    discipline: Line,
    to: Line,
    until: String,
}

/// Lends a seat of whoever asks.
pub(super) async fn lend(
    State(api): State<Api>,
    operator: Operator,
    At(domain): At<DomainName>,
    Body(body): Body<Lent>,
) -> Answer {
    let until = until(&body.until).map_err(unfit)?;
    let (discipline, to) = (body.discipline.0, body.to.0);
    let new = Delegation { id: String::new(), domain, discipline, from: operator.0, to, until, unproven: false };
    let lent = api.governance.desk.lend(&new).await?;
    Ok((StatusCode::CREATED, Json(shown(&lent))).into_response())
}

/// Takes a seat back.
pub(super) async fn end(State(api): State<Api>, operator: Operator, At(id): At<Id>) -> Answer {
    let lent = api.governance.desk.take_back(id.as_str(), &operator.0).await?;
    Ok(Json(shown(&lent)).into_response())
}
