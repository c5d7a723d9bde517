//! What is known of the use of grants: counts of a span, last uses, and what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use selvage_governance::access::{Breadth, Use};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_model::usage::{UsageGap, UsageTotal, Used};
use selvage_store::Store;

/// What was counted since then.
pub(crate) struct Counted {
    /// Since when.
    pub(crate) since: Timestamp,
    /// Until when.
    pub(crate) now: Timestamp,
    /// By consumer, interface, operation and attribute.
    pub(crate) totals: Vec<UsageTotal>,
    /// What nodes took with them.
    pub(crate) gaps: Vec<UsageGap>,
    last: BTreeMap<Used, Timestamp>,
    subscriptions: Vec<LiveSubscription>,
}

impl Counted {
    /// Reads what was counted in this span.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn read(store: &Store, span: Duration) -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let since = now.checked_sub(span).context("so long ago there was no time")?;
        Ok(Self {
            since,
            now,
            totals: store.usage_since(since, now).await?,
            gaps: store.usage_gaps(since).await?,
            last: store.last_used().await?.into_iter().collect(),
            subscriptions: store.subscriptions().await?,
        })
    }

    /// How much of a grant is used.
    pub(crate) fn breadth(&self, fabric: &Fabric, grant: &LiveGrant) -> Breadth {
        let subscribed = self.subscriptions.iter().any(|it| {
            it.state != SubscriptionState::Ended && it.consumer == grant.consumer && it.interface == grant.interface
        });
        Breadth::of(fabric, grant, Use { totals: &self.totals, subscribed })
    }

    /// When a grant was used last, however long ago.
    pub(crate) fn last_use(&self, grant: &LiveGrant) -> Option<Timestamp> {
        self.last.get(&Used::Grant(grant.id.clone())).copied()
    }

    /// When what was used last.
    pub(crate) fn last(&self) -> &BTreeMap<Used, Timestamp> {
        &self.last
    }

    /// What nobody can know, in words.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = String> {
        let told = |UsageGap { node, from, until }: &UsageGap| {
            format!(
                "node {node} ended without a word: what it served from {from:.0} to {until:.0} is not counted, and may be use"
            )
        };
        self.gaps.iter().map(told)
    }
}

/// A time to the second, or a dash.
pub(crate) fn or_dash(time: Option<Timestamp>) -> String {
    time.map_or("-".to_owned(), |time| format!("{time:.0}"))
}
