//! `GET /operations/{id}`: what an operation has come to, told to the consumer whose operation it is. Each costs the store a
//! look, so they are bounded, counted and ended as other requests are, though no interface declares them.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_model::scalar::Rate;

use crate::answer;
use crate::body::Reply;
use crate::gate::Place;
use crate::limit::{Allowance, GrantLimits, Spent};
use crate::refusal::Refusal;
use crate::serve::{Asked, OneMore};
use crate::tally::{NOWHERE, Shard};

/// How often a consumer may ask at one node.
const MOST: Rate = Rate { count: 50, per: Duration::from_secs(1) };
/// How many of its questions a node has in hand at a time.
const MOST_AT_A_TIME: u32 = 8;

/// A question that is in hand, by whom. It is counted once: its answer, or that its client went away.
pub(crate) struct Entered<'a> {
    consumer: &'a ConsumerName,
    shard: &'a Shard,
    answered: bool,
    _in_hand: OneMore<'a>,
    _place: Place,
    /// As long as it is used, nobody forgets it.
    _limits: Arc<GrantLimits>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shard.look_gone();
        }
    }
}

/// Takes a question in hand, where this node has room for it and its consumer does not ask too often.
pub(crate) fn admit<'a>(asked: Asked<'a>, consumer: &'a ConsumerName) -> Result<Entered<'a>, Box<Refusal<'a>>> {
    let books = &asked.worker.shared.books;
    let now = books.nanos(asked.started);
    // It may wait: whoever asks can ask again, and what the operation does goes on meanwhile.
    let no_room = || asked.no_room(Criticality::Tier3);
    if let Some(refusal) = asked.unheard(now, asked.snapshot().serves_for()).or_else(no_room) {
        return Err(Box::new(refusal));
    }
    let limits = books.limits.own(&format!("operations of {consumer}"));
    let Some(place) = limits.gate.enter(MOST_AT_A_TIME) else {
        let detail = format!("{MOST_AT_A_TIME} questions after operations of this consumer are in hand");
        return Err(too_many(detail, Duration::ZERO));
    };
    if let Spent::Wait(wait) = limits.rate.take(now, Allowance::of(MOST)) {
        let detail = format!("a consumer asks at most {} times a second what operations have come to", MOST.count);
        return Err(too_many(detail, wait));
    }
    let in_hand = OneMore::begin(&asked.worker.in_hand);
    let shard = &asked.worker.shard;
    Ok(Entered { consumer, shard, answered: false, _in_hand: in_hand, _place: place, _limits: limits })
}

/// Says what an operation has come to.
pub(crate) async fn look<'a>(asked: Asked<'a>, mut entered: Entered<'a>, id: OperationId) -> Response<Reply> {
    let looking = asked.worker.shared.mediation.operation(entered.consumer.clone(), id);
    let found = tokio::time::timeout(asked.worker.config().request_timeout, looking).await;
    entered.answered = true;
    let problem = match found {
        Ok(Some(body)) => {
            entered.shard.looked(StatusCode::OK.as_u16());
            return answer::json(StatusCode::OK, &body, "application/json");
        }
        Ok(None) => Refusal::no_operation().problem,
        Err(_) => Problem::new(504, code::OUTCOME_LATE, "the answer was not ready in time").retry_after(1),
    };
    asked.tell(&problem);
    entered.shard.looked(problem.status);
    entered.shard.refused(NOWHERE, problem.code, problem.status);
    answer::problem(&problem, asked.exchange.correlation())
}

fn too_many<'a>(detail: String, wait: Duration) -> Box<Refusal<'a>> {
    let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Box::new(Refusal::of(Problem::new(429, code::LOOK_RATE, detail).retry_after(seconds)))
}
