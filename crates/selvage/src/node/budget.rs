//! Settles the gateway's limits with the store, a few times a second and never while a request waits: what was spent is
//! told, what may be spent next is taken in hand. INVARIANT: SHIELDED-PATH

use std::pin::pin;
use std::sync::Weak;
use std::time::Duration;

use selvage_gateway::{BudgetMoment, Gateway};
use selvage_store::Store;
use tokio::time::{Instant, MissedTickBehavior};

const EVERY: Duration = Duration::from_millis(250);
/// How long what a node took in hand is its own without another word.
const LEASE: Duration = Duration::from_secs(6);
/// How often windows that are over are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// The dealings of one node with its store about limits.
#[derive(Clone)]
pub(super) struct Budgets {
    store: Store,
    node: String,
}

impl Budgets {
    pub(super) fn new(store: Store, node: String) -> Self {
        Self { store, node }
    }

    /// Settles for as long as the gateway runs.
    pub(super) async fn follow(self, gateway: Weak<Gateway>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut forgotten = Instant::now();
        loop {
            ticks.tick().await;
            let Some(gateway) = gateway.upgrade() else { return };
            self.settle(&gateway, BudgetMoment::Due).await;
            if forgotten.elapsed() >= FORGET_EVERY {
                forgotten = Instant::now();
                if let Err(error) = self.store.forget_budgets().await {
                    tracing::debug!(%error, "quotas of windows that are over could not be forgotten");
                }
            }
        }
    }

    /// Settles while the gateway ends, and gives back what is in hand once no request passes any more: what passed between would be
    /// forgiven.
    pub(super) async fn see_out(&self, gateway: &Gateway) {
        let mut drained = pin!(gateway.drain());
        while tokio::time::timeout(EVERY, &mut drained).await.is_err() {
            self.settle(gateway, BudgetMoment::Due).await;
        }
        self.settle(gateway, BudgetMoment::Last).await;
    }

    /// Settles what is due.
    pub(super) async fn settle(&self, gateway: &Gateway, moment: BudgetMoment) {
        let Some(round) = gateway.budgets(moment, LEASE) else { return };
        match self.store.settle_budgets(&self.node, LEASE, &round.asks).await {
            Ok(shares) => {
                let lost = gateway.settled(&round, &shares);
                if lost > 0 {
                    tracing::warn!(lost, "a node ended without a word: what it had in hand of quotas counts as used");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "limits could not be settled");
                if gateway.unsettled(LEASE) {
                    tracing::warn!(%error, "limits cannot be settled: interfaces go on or refuse as they declare");
                }
            }
        }
    }
}
