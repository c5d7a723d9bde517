//! The way out of the gateway for requests on objects: a trait that the binary fills with the engine, in this process
//! or on another machine.

use std::future::Future;
use std::pin::Pin;

use selvage_model::arrival::{Arrival, WebhookCall};
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_model::publication::{Publication, Published};
use selvage_model::pull::{Pull, Pulled};
use serde_json::Value;

use crate::burden::Held;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where mediated requests go.
///
/// The futures are polled on the gateway's threads, one slow poll there delays every request of the thread: an
/// implementation spawns the work on a runtime of its own and returns a future that only waits for it.
/// The gateway drops a future when its client is gone or the time is up; a write must go on regardless.
pub trait Mediation: Send + Sync + 'static {
    /// Does what an authenticated, granted and limited request asks for. What it weighs is kept until the work is done,
    /// whoever still waits for it.
    fn execute(&self, request: MediatedRequest, held: Held) -> BoxFuture<'static, MediatedAnswer>;

    /// The body of `GET /operations/{id}`; `None` where there is no such operation of this consumer.
    fn operation(&self, consumer: ConsumerName, id: OperationId) -> BoxFuture<'static, Option<Value>>;

    /// Keeps events that an authenticated, granted and limited request brings. What they weigh is kept as long.
    /// INVARIANT: DURABLE-ACK: they are on stable storage when it answers that they are kept.
    fn publish(&self, publication: Publication, held: Held) -> BoxFuture<'static, Published> {
        drop((publication, held));
        let problem = Problem::new(503, code::EVENTS_UNTAKEN, "nobody keeps events here").retry_after(1);
        Box::pin(std::future::ready(Published::Refused(problem)))
    }

    /// Reads events for an authenticated, granted and limited request, or does what it asks of a group. Dropped where the client
    /// is gone or its right has ended.
    fn pull(&self, pull: Pull) -> BoxFuture<'static, Pulled> {
        drop(pull);
        let problem = Problem::new(503, code::EVENTS_UNTAKEN, "nobody keeps events here").retry_after(1);
        Box::pin(std::future::ready(Pulled::Refused { problem, next: None }))
    }

    /// Takes a call of a webhook that was proven to be its sender's: answered once what becomes of it is on stable storage.
    /// What it weighs is kept as long.
    fn call(&self, call: WebhookCall, held: Held) -> BoxFuture<'static, Arrival> {
        drop((call, held));
        let problem = Problem::new(503, code::WEBHOOK_UNHEARD, "nobody takes calls of webhooks here").retry_after(1);
        Box::pin(std::future::ready(Arrival::Refused(problem)))
    }

    /// What it counts itself, in Prometheus' text format, to stand behind the gateway's own figures. Soon done: it is asked
    /// on the operators' thread.
    fn figures(&self) -> String {
        String::new()
    }
}
