//! Use, whoever moves the message: requests, which gateways count, and deliveries, for which nobody asks. Whoever judges use by requests
//! alone takes an interface that is captured and pushed for one that nobody uses. INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::subscription::{LiveSubscription, SUBSCRIBE};
use selvage_model::usage::{UsageCount, UsageKey, UsageTotal, Used, UsedIn};
use selvage_store::{Store, StoreError};

/// What was used since a time, and when what was used last.
pub struct Uses {
    /// By consumer, interface, operation and attribute. Deliveries are `subscribe` without requests.
    pub totals: Vec<UsageTotal>,
    /// The last of each of these by the environment in which it was. Deliveries have none: they are of the environment that keeps the
    /// events, and count everywhere.
    pub by_environment: Vec<UsedIn>,
    /// When each grant and key was used last, however long ago.
    pub last: BTreeMap<Used, Timestamp>,
    /// Every subscription that is alive or was.
    pub subscriptions: Vec<LiveSubscription>,
}

/// Reads what was used since then.
///
/// # Errors
/// Those of the store.
pub async fn uses(store: &Store, since: Timestamp, now: Timestamp) -> Result<Uses, StoreError> {
    let mut totals = store.usage_since(since, now).await?;
    let mut by_environment = store.used_in_environments(since, now).await?;
    let mut last: BTreeMap<Used, Timestamp> = store.last_used().await?.into_iter().collect();
    let subscriptions = store.subscriptions().await?;
    let moved = store.subscriptions_moved().await?;
    let grants = store.access_state().await?.grants;
    for subscription in &subscriptions {
        let Some(at) = moved.get(&subscription.id).copied() else { continue };
        if at >= since {
            let total = delivered(subscription, at);
            by_environment.push(UsedIn { environment: None, key: total.key.clone(), last: at });
            totals.push(total);
        }
        for grant in grants.iter().filter(|grant| grant.ended.is_none() && lets(grant, subscription)) {
            let of_grant = last.entry(Used::Grant(grant.id.clone())).or_insert(at);
            *of_grant = at.max(*of_grant);
        }
    }
    Ok(Uses { totals, by_environment, last, subscriptions })
}

/// Whether a grant lets a subscription have its events.
fn lets(grant: &LiveGrant, subscription: &LiveSubscription) -> bool {
    grant.consumer == subscription.consumer
        && grant.interface == subscription.interface
        && grant.terms.operations.iter().any(|operation| operation == SUBSCRIBE)
}

fn delivered(subscription: &LiveSubscription, last: Timestamp) -> UsageTotal {
    let key = UsageKey {
        interface: subscription.interface.clone(),
        consumer: Some(subscription.consumer.clone()),
        operation: SUBSCRIBE.to_owned(),
        attribute: None,
    };
    UsageTotal { key, count: UsageCount::default(), last }
}
