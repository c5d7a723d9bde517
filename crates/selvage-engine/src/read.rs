//! Reads: list and get. They end with whoever waits for them.

use std::sync::Arc;

use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use selvage_model::name::SystemName;
use selvage_model::problem::Problem;
use tokio::task::JoinHandle;

use crate::fabric::Active;
use crate::reach::{self, Reach};
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::{answered, copy, get, list};

/// Answers a read, or says that it took too long.
pub(crate) async fn execute(shared: &Arc<Shared>, request: MediatedRequest) -> MediatedAnswer {
    let patience = request.patience;
    let work = Arc::clone(shared);
    let task = Abandoned(shared.runtime.spawn(async move { answer(&work, &request).await }));
    match tokio::time::timeout(patience, task.wait()).await {
        Ok(Some(answer)) => answer,
        Ok(None) => refused(Problem::new(500, code::SYSTEM_LATE, "the read ended without an answer")),
        Err(_) => {
            let detail = format!("the system did not answer within {} ms", patience.as_millis());
            refused(Problem::new(504, code::SYSTEM_LATE, detail).retry_after(1))
        }
    }
}

async fn answer(shared: &Shared, request: &MediatedRequest) -> MediatedAnswer {
    let active = shared.active();
    let answer = found(shared, Arc::clone(&active), request).await;
    answered::compared(&active, (&request.interface, request.operation, &request.scope), answer)
}

async fn found(shared: &Shared, active: Arc<Active>, request: &MediatedRequest) -> MediatedAnswer {
    match from_copy(shared, &active, request).await {
        Ok(None) => {}
        Ok(Some(answer)) => return answer,
        Err((trouble, system)) => return refused(trouble.problem(&system)),
    }
    let served = match reach::served(&active, &request.interface, request.operation) {
        Ok(served) => served,
        Err(problem) => return refused(problem),
    };
    let system = served.connection.system().clone();
    let outcome = async {
        let reach = Reach::open(active, served).await?;
        match request.operation {
            Operation::List => list::list(&reach, request).await,
            _ => get::get(&reach, request).await,
        }
    };
    outcome.await.unwrap_or_else(|trouble: Trouble| refused(trouble.problem(&system)))
}

/// The answer from a copy, where the interface reads one.
async fn from_copy(
    shared: &Shared,
    active: &Active,
    request: &MediatedRequest,
) -> Result<Option<MediatedAnswer>, (Trouble, SystemName)> {
    let Ok(served) = reach::declared(active, &request.interface, request.operation) else { return Ok(None) };
    let Some(copied) = &served.copied else { return Ok(None) };
    let answer = copy::answer(shared, &served, copied, request).await;
    answer.map_err(|trouble| (trouble, served.connection.system().clone()))
}

fn refused(problem: Problem) -> MediatedAnswer {
    MediatedAnswer::Refused { problem, replayed: false }
}

/// Work that ends when nobody waits for it any more.
struct Abandoned<T>(JoinHandle<T>);

impl<T> Abandoned<T> {
    async fn wait(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Abandoned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
