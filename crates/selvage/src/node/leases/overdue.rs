//! Tells of subscriptions whose time comes, is over, or was, and of what was given up with them: each once by each node. It ends none.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::subscription::{LiveSubscription, SubscriptionState};

/// So long before its time is over it is told that it will be.
const BEFORE: Duration = Duration::from_secs(7 * 86_400);

/// What was told already.
#[derive(Default)]
pub(super) struct Overdue {
    alive: BTreeSet<String>,
    over: BTreeSet<String>,
    soon: BTreeSet<String>,
}

impl Overdue {
    /// Tells what is new, and says how many go on though their time is over. INVARIANT: FAIL-SAFE
    pub(super) fn tell(&mut self, subscriptions: &[LiveSubscription], now: Timestamp) -> usize {
        let soon = now.checked_add(BEFORE).unwrap_or(Timestamp::MAX);
        let mut overdue = 0;
        for it in subscriptions {
            let label = it.label();
            if it.state == SubscriptionState::Ended {
                self.ended(it, &label);
                continue;
            }
            self.alive.insert(it.id.clone());
            let Some(until) = it.terms.until else { continue };
            if it.is_overdue(now) {
                overdue += 1;
                if !it.ends_by_time(now) && self.over.insert(it.id.clone()) {
                    let code = code::SUBSCRIPTION_OVERDUE;
                    tracing::error!(code = %code, "the time of `{label}` was over at {until:.0}: it goes on, since a plant depends on it");
                }
            } else if until <= soon && self.soon.insert(it.id.clone()) {
                let code = code::SUBSCRIPTION_OVERDUE;
                tracing::warn!(code = %code, "the time of `{label}` is over at {until:.0}, with whatever waits for it by then");
            }
        }
        overdue
    }

    fn ended(&mut self, it: &LiveSubscription, label: &str) {
        let because = it.because.as_deref().unwrap_or("nobody said why");
        if !self.alive.remove(&it.id) {
            return;
        }
        if because.contains("given up") {
            let code = code::MESSAGES_GIVEN_UP;
            tracing::error!(code = %code, "`{label}` has ended: {because}");
        } else {
            tracing::warn!("`{label}` has ended: {because}");
        }
    }
}
