//! What is known of the use of grants: counts of a span, last uses, and what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_governance::access::{Breadth, Use};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::name::EnvironmentName;
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_model::usage::{UsageCount, UsageGap, UsageKey, UsageTotal, Used, UsedIn};
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
    by_environment: BTreeMap<Option<EnvironmentName>, Vec<UsageTotal>>,
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
        let Uses { totals, by_environment: used, last, subscriptions } = uses(store, since, now).await?;
        let mut by_environment: BTreeMap<_, Vec<UsageTotal>> = BTreeMap::new();
        for UsedIn { environment, key, last } in used {
            by_environment.entry(environment).or_default().push(UsageTotal { key, count: UsageCount::default(), last });
        }
        Ok(Self { since, now, totals, gaps: store.usage_gaps(since).await?, by_environment, last, subscriptions })
    }

    /// How much of a grant is used. A grant of one environment is used by what was asked there, and by what nobody can say where it was; one
    /// of all of them, anywhere.
    pub fn breadth(&self, fabric: &Fabric, grant: &LiveGrant) -> Breadth {
        match &grant.environment {
            Some(environment) => self.breadth_in(fabric, grant, environment),
            None => self.breadth_by(fabric, grant, &self.totals),
        }
    }

    /// How much of a grant is used in one environment.
    fn breadth_in(&self, fabric: &Fabric, grant: &LiveGrant, environment: &EnvironmentName) -> Breadth {
        let of = |environment: Option<EnvironmentName>| self.by_environment.get(&environment).into_iter().flatten();
        let totals: Vec<UsageTotal> = of(Some(environment.clone()))
            .chain(of(None))
            .filter(|total| {
                total.key.interface == grant.interface && total.key.consumer.as_ref() == Some(&grant.consumer)
            })
            .cloned()
            .collect();
        self.breadth_by(fabric, grant, &totals)
    }

    /// In which environments each operation of a grant was used last, and when; what nobody can say where it was is not among it.
    pub fn operations_by_environment(
        &self,
        grant: &LiveGrant,
    ) -> BTreeMap<&EnvironmentName, BTreeMap<&str, Timestamp>> {
        let mut found: BTreeMap<&EnvironmentName, BTreeMap<&str, Timestamp>> = BTreeMap::new();
        for (environment, totals) in &self.by_environment {
            let Some(environment) = environment else { continue };
            let is_meant = |total: &&UsageTotal| {
                let UsageKey { interface, consumer, operation, attribute } = &total.key;
                (interface, consumer.as_ref(), attribute) == (&grant.interface, Some(&grant.consumer), &None)
                    && grant.terms.operations.contains(operation)
            };
            for total in totals.iter().filter(is_meant) {
                found.entry(environment).or_default().insert(&total.key.operation, total.last);
            }
        }
        found
    }

    fn breadth_by(&self, fabric: &Fabric, grant: &LiveGrant, totals: &[UsageTotal]) -> Breadth {
        let subscribed = self.subscriptions.iter().any(|it| {
            it.state != SubscriptionState::Ended && it.consumer == grant.consumer && it.interface == grant.interface
        });
        Breadth::of(fabric, grant, Use { totals, subscribed })
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
