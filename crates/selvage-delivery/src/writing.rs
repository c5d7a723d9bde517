//! Writes what the subscriptions of this node came to: what waits at the same time is one transaction, so that a thousand of them cost
//! the store hardly more than one. It knows nothing of lanes, and no subscription waits for another's endpoint here.

use std::future::Future;
use std::pin::Pin;

use selvage_model::event::LaneKey;
use selvage_store::{Deliveries, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

/// So much is written in one transaction at most.
const MOST: usize = 256;

/// What came of writing.
pub(crate) type Written = Result<Vec<LaneKey>, StoreError>;
/// An answer that is waited for.
pub(crate) type Writing = Pin<Box<dyn Future<Output = Written> + Send>>;
type Job = (Deliveries, oneshot::Sender<Written>);

/// Where subscriptions of this node hand in what is to be written. It ends with the last of its clones.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::UnboundedSender<Job>);

impl Writer {
    /// Begins to write to this store.
    pub(crate) fn start(store: Store) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        tokio::spawn(work(store, queue));
        Self(jobs)
    }

    /// Hands it in; the answer comes when it is written, or was not.
    pub(crate) fn write(&self, deliveries: Deliveries) -> Writing {
        let (answer, answered) = oneshot::channel();
        let _ = self.0.send((deliveries, answer));
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(unwritten("the node ends".to_owned()))) })
    }
}

async fn work(store: Store, mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some((first, answer)) = queue.recv().await {
        let (mut group, mut answers) = (vec![first], vec![answer]);
        while group.len() < MOST
            && let Ok((next, answer)) = queue.try_recv()
        {
            group.push(next);
            answers.push(answer);
        }
        // Rows are always locked in the same order.
        match store.record_deliveries(&group).await {
            Ok(all) => all.into_iter().zip(answers).for_each(|(one, answer)| drop(answer.send(one))),
            Err(error) => {
                let reason = error.to_string();
                answers.into_iter().for_each(|answer| drop(answer.send(Err(unwritten(reason.clone())))));
            }
        }
    }
}

fn unwritten(reason: String) -> StoreError {
    StoreError::Unavailable { reason, source: None }
}
