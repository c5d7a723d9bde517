//! The bridge from the gateway's threads to the engine's runtime, in one process.

use futures_util::future::BoxFuture;
use selvage_engine::Engine;
use selvage_gateway::Mediation;
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use serde_json::Value;
use tokio::runtime::Handle;

/// The engine in this process.
pub(crate) struct EngineMediation {
    engine: Engine,
    runtime: Handle,
}

impl EngineMediation {
    /// Work is done on the runtime that this is called in.
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, runtime: Handle::current() }
    }
}

impl Mediation for EngineMediation {
    fn execute(&self, request: MediatedRequest) -> BoxFuture<'static, MediatedAnswer> {
        let engine = self.engine.clone();
        let work = self.runtime.spawn(async move { engine.execute(request).await });
        Box::pin(async move {
            work.await.unwrap_or_else(|_| {
                let detail = "the work on this request ended before its answer; ask again with the same key";
                MediatedAnswer::Refused {
                    problem: Problem::new(503, code::WORK_ENDED, detail).retry_after(1),
                    replayed: false,
                }
            })
        })
    }

    fn operation(&self, consumer: ConsumerName, id: OperationId) -> BoxFuture<'static, Option<Value>> {
        let engine = self.engine.clone();
        let work = self.runtime.spawn(async move { engine.operation(&consumer, &id).await });
        Box::pin(async move { work.await.unwrap_or(None) })
    }
}
