//! Settles with the store what grants let through to whom is delivered, a few times a second and beside the deliveries. Requests under
//! the same grants draw on the same quotas, and on the same rates where nodes share them.

use std::time::Duration;

use jiff::Timestamp;
use selvage_delivery::Rations;
use selvage_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

const EVERY: Duration = Duration::from_millis(250);
/// How long what a node took in hand is its own without another word.
const LEASE: Duration = Duration::from_secs(6);

/// The dealings of one node with its store about what grants let through.
pub(super) struct Settling {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Settling {
    /// Begins to settle; the rations are what deliveries take from.
    pub(super) fn start(store: &Store, node: &str) -> (Rations, Self) {
        let rations = Rations::new(LEASE, store.is_shared());
        let (stop, stopped) = watch::channel(false);
        // What the gateway of this node has in hand is another part of the same limits.
        let settler = Settler { store: store.clone(), node: format!("{node}/deliveries"), rations: rations.clone() };
        (rations, Self { stop, task: tokio::spawn(settler.run(stopped)) })
    }

    /// Gives back what is in hand, and ends.
    pub(super) async fn end(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

struct Settler {
    store: Store,
    node: String,
    rations: Rations,
}

impl Settler {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                _ = ticks.tick() => false,
                _ = stop.changed() => true,
            };
            self.settle(last).await;
            if last {
                return;
            }
        }
    }

    async fn settle(&self, last: bool) {
        let round = self.rations.round(Timestamp::now(), last);
        if round.asks.is_empty() {
            return;
        }
        // The lease runs from before it is asked for, so that it is over here first.
        let asked = Timestamp::now();
        match self.store.settle_budgets(&self.node, LEASE, &round.asks).await {
            Ok(shares) => {
                let lost = self.rations.settled(&round, &shares, asked);
                if lost > 0 {
                    tracing::warn!(lost, "a node ended without a word: what it had in hand of quotas counts as used");
                }
            }
            Err(error) => tracing::debug!(%error, "what grants let through could not be settled"),
        }
    }
}
