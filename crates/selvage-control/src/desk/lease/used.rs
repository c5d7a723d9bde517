//! What is known of the use of grants: counts of a span, last uses, and what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_governance::access::{Breadth, Use};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_model::usage::{UsageGap, UsageTotal, Used};
use selvage_store::{Store, StoreError};

use crate::desk::{Uses, uses};

/// What was counted since then.
pub struct Counted {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub now: Timestamp,
    /// By consumer, interface, operation and attribute.
    pub totals: Vec<UsageTotal>,
    /// What nodes took with them.
    pub gaps: Vec<UsageGap>,
    last: BTreeMap<Used, Timestamp>,
    subscriptions: Vec<LiveSubscription>,
}

impl Counted {
    /// Reads what was counted in this span, from the beginning of time where it is longer.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read(store: &Store, span: Duration) -> Result<Self, StoreError> {
        let now = Timestamp::now();
        let since = now.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
        let Uses { totals, last, subscriptions } = uses(store, since, now).await?;
        Ok(Self { since, now, totals, gaps: store.usage_gaps(since).await?, last, subscriptions })
    }

    /// How much of a grant is used.
    pub fn breadth(&self, fabric: &Fabric, grant: &LiveGrant) -> Breadth {
        let subscribed = self.subscriptions.iter().any(|it| {
            it.state != SubscriptionState::Ended && it.consumer == grant.consumer && it.interface == grant.interface
        });
        Breadth::of(fabric, grant, Use { totals: &self.totals, subscribed })
    }

    /// When a grant was used last, however long ago.
    pub fn last_use(&self, grant: &LiveGrant) -> Option<Timestamp> {
        self.last.get(&Used::Grant(grant.id.clone())).copied()
    }

    /// When what was used last.
    pub fn last(&self) -> &BTreeMap<Used, Timestamp> {
        &self.last
    }

    /// What nobody can know, in words.
    pub fn unknown(&self) -> impl Iterator<Item = String> {
        let told = |UsageGap { node, from, until }: &UsageGap| {
            format!(
                "node {node} ended without a word: what it served from {from:.0} to {until:.0} is not counted, and may be use"
            )
        };
        self.gaps.iter().map(told)
    }
}
