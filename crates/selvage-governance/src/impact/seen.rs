//! What was seen of use, by interface and consumer, and what of it concerns a difference.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_model::access::{EndAction, LiveGrant};
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::interface::Used;
use selvage_model::name::{ConsumerName, InterfaceRef, SystemName};
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_model::usage::{UsageTotal, Way};

use super::{Known, Unknown, Use};
use crate::compare::{Class, Difference, Direction};

/// Where a whole object was asked for.
const WHOLE: &str = "*";

/// Everything that is known of one consumer at one interface.
#[derive(Default)]
struct Pair<'a> {
    usage: Vec<&'a UsageTotal>,
    grants: Vec<&'a LiveGrant>,
    subscriptions: Vec<&'a LiveSubscription>,
}

/// What was seen, in order.
pub(super) struct Seen<'a> {
    known: &'a Known<'a>,
    pairs: BTreeMap<&'a InterfaceRef, BTreeMap<&'a ConsumerName, Pair<'a>>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(known: &'a Known<'a>) -> Self {
        let mut pairs: BTreeMap<&InterfaceRef, BTreeMap<&ConsumerName, Pair<'a>>> = BTreeMap::new();
        let counted = known.usage.iter().filter(|total| total.count.requests > 0 && !total.key.operation.is_empty());
        for total in counted {
            let Some(consumer) = &total.key.consumer else { continue };
            pairs.entry(&total.key.interface).or_default().entry(consumer).or_default().usage.push(total);
        }
        for grant in known.grants.iter().filter(|grant| is_alive(grant, known.now)) {
            pairs.entry(&grant.interface).or_default().entry(&grant.consumer).or_default().grants.push(grant);
        }
        let alive = known.subscriptions.iter().filter(|subscription| subscription.state != SubscriptionState::Ended);
        for subscription in alive {
            let of_interface = pairs.entry(&subscription.interface).or_default();
            of_interface.entry(&subscription.consumer).or_default().subscriptions.push(subscription);
        }
        Self { known, pairs }
    }

    /// Every interface of which anything is known.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &'a InterfaceRef> {
        self.pairs.keys().copied()
    }

    /// Who uses what is different, or may.
    pub(super) fn users(&self, interface: &InterfaceRef, difference: &Difference) -> Vec<(&'a ConsumerName, Use)> {
        let Some(pairs) = self.pairs.get(interface) else { return Vec::new() };
        let concerns =
            |consumer: &ConsumerName| difference.consumers.is_empty() || difference.consumers.contains(consumer);
        let pairs = pairs.iter().filter(|(consumer, _)| concerns(consumer));
        pairs.filter_map(|(consumer, pair)| Some((*consumer, self.uses(interface, pair, difference)?))).collect()
    }

    /// Who is sent events to a system, of whichever interface.
    pub(super) fn delivered_to(&self, system: &SystemName) -> Vec<(&'a InterfaceRef, &'a ConsumerName, Use)> {
        let goes_there = |it: &&LiveSubscription| it.terms.deliver.as_ref().is_some_and(|to| to.system == *system);
        let mut found = Vec::new();
        for (interface, pairs) in &self.pairs {
            for (consumer, pair) in pairs {
                let sent: Vec<_> = pair.subscriptions.iter().copied().filter(goes_there).collect();
                if !sent.is_empty() {
                    let last = sent.iter().filter_map(|it| self.known.delivered.get(&it.id)).max();
                    found.push((*interface, *consumer, Use::Unknown(Unknown::Subscribed(last.copied()))));
                }
            }
        }
        found
    }

    fn uses(&self, interface: &InterfaceRef, pair: &Pair<'_>, difference: &Difference) -> Option<Use> {
        let operation =
            |name: &str| difference.operations.is_empty() || difference.operations.iter().any(|it| it == name);
        let usage: Vec<&UsageTotal> = pair.usage.iter().copied().filter(|it| operation(&it.key.operation)).collect();
        let counted = if difference.attributes.is_empty() {
            requests(&usage)
        } else {
            self.attributes(interface, &usage, difference)
        };
        counted.or_else(|| self.unseen(interface, pair, operation, difference))
    }

    /// Of requests whose attributes matter.
    fn attributes(&self, interface: &InterfaceRef, usage: &[&UsageTotal], difference: &Difference) -> Option<Use> {
        let mediated = self.known.fabric.interfaces.get(interface).and_then(|interface| interface.api());
        if !matches!(mediated, Some(Api::Mediated(_))) {
            return requests(usage).and_then(Use::last).map(|last| Use::Unknown(Unknown::Attributes(last)));
        }
        let named = usage.iter().filter(|total| {
            let attribute = total.key.attribute.as_ref();
            attribute.is_some_and(|used| {
                meets(difference.class, used.way) && difference.attributes.contains(&used.attribute)
            })
        });
        if let Some(seen) = sum(named.copied()) {
            return Some(seen);
        }
        if difference.class.direction == Direction::Request {
            return None;
        }
        let last = |totals: &mut dyn Iterator<Item = &&UsageTotal>| totals.map(|total| total.last).max();
        let whole = last(
            &mut usage.iter().filter(|total| total.key.attribute.as_ref().is_some_and(|used| used.attribute == WHOLE)),
        );
        // What a write is answered with holds the object as well.
        let writes = last(&mut usage.iter().filter(|total| {
            total.key.attribute.is_none() && total.key.operation.parse::<Operation>().is_ok_and(Operation::writes)
        }));
        whole
            .map(|last| Use::Unknown(Unknown::WholeObjects(last)))
            .or(writes.map(|last| Use::Unknown(Unknown::Attributes(last))))
    }

    /// Use that nobody counts, or that was not observed for long enough.
    fn unseen(
        &self,
        interface: &InterfaceRef,
        pair: &Pair<'_>,
        operation: impl Fn(&str) -> bool,
        difference: &Difference,
    ) -> Option<Use> {
        let is_sent = operation(selvage_model::subscription::SUBSCRIBE);
        if is_sent && !pair.subscriptions.is_empty() && difference.class.direction != Direction::Request {
            let last = pair.subscriptions.iter().filter_map(|it| self.known.delivered.get(&it.id)).max();
            return Some(Use::Unknown(Unknown::Subscribed(last.copied())));
        }
        let covers = |grant: &&&LiveGrant| grant.terms.operations.iter().any(|granted| operation(granted));
        let grants: Vec<&&LiveGrant> = pair.grants.iter().filter(covers).collect();
        if grants.is_empty() {
            return None;
        }
        let declared = self.known.fabric.interfaces.get(interface).and_then(|interface| interface.used);
        let silence = declared.unwrap_or(Used::DEFAULT).silence();
        let since = self.known.now.checked_sub(silence).ok();
        let given = grants.iter().filter_map(|grant| self.known.granted.get(&grant.id)).min();
        let is_observed =
            |from: Option<&Timestamp>| from.zip(since.as_ref()).is_some_and(|(from, since)| from <= since);
        if !is_observed(given) || !is_observed(self.known.counted_since.as_ref()) {
            return Some(Use::Unknown(Unknown::TooSoon));
        }
        let lost = self.known.gaps.iter().any(|gap| since.is_none_or(|since| gap.until >= since));
        lost.then_some(Use::Unknown(Unknown::Gap))
    }
}

fn is_alive(grant: &LiveGrant, now: Timestamp) -> bool {
    let lasts = grant.terms.until.is_none_or(|until| until > now) || grant.terms.on_end == EndAction::Alarm;
    grant.ended.is_none() && lasts
}

/// Whether who uses an attribute this way meets differences of a class.
fn meets(class: &Class, way: Way) -> bool {
    class.direction != Direction::Request || way == Way::Sent || class.meets_searches()
}

/// Requests as such.
fn requests(usage: &[&UsageTotal]) -> Option<Use> {
    sum(usage.iter().copied().filter(|total| total.key.attribute.is_none()))
}

fn sum<'a>(totals: impl Iterator<Item = &'a UsageTotal>) -> Option<Use> {
    let totals: Vec<&UsageTotal> = totals.collect();
    let last = totals.iter().map(|total| total.last).max()?;
    // The same request may be counted under several attributes.
    let operations: BTreeSet<&str> = totals.iter().map(|total| total.key.operation.as_str()).collect();
    let most = |operation: &str| {
        let of = totals.iter().filter(|total| total.key.operation == operation);
        of.map(|total| total.count.requests).max().unwrap_or(0)
    };
    let requests = operations.into_iter().map(most).fold(0, u64::saturating_add);
    Some(Use::Seen { requests, last })
}
