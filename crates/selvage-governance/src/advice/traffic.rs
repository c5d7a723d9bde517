//! What was seen of interfaces over some days, as far as advice depends on it: reads and writes, the busiest hour, who asks again and
//! again, and what that costs the system. Made of counts that nodes kept; what they did not keep is not guessed.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::cost;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::interface::Interface;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::usage::{UsageCount, UsageTotal};

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Over how many hours.
    pub hours: u64,
    /// Of each interface that was asked at all.
    pub uses: BTreeMap<InterfaceRef, Use>,
}

/// What was seen of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Requests that read.
    pub reads: u64,
    /// Requests that change something.
    pub writes: u64,
    /// Of those that read, lists.
    pub lists: u64,
    /// Calls that they all made of the system, about.
    pub calls: u64,
    /// Calls that those that read made.
    pub read_calls: u64,
    /// Requests of the busiest hour.
    pub busiest_hour: u64,
    /// In how many hours there was any.
    pub hours_with_any: u64,
    /// Lists that each consumer asked for.
    pub lists_by: BTreeMap<ConsumerName, u64>,
}

impl Use {
    /// All requests.
    pub fn requests(&self) -> u64 {
        self.reads.saturating_add(self.writes)
    }

    /// Calls of the system in a minute of the busiest hour: all, or those of reads.
    pub(super) fn busiest_calls_a_minute(&self, calls: u64) -> u64 {
        let requests = self.requests().max(1);
        let busiest = u128::from(self.busiest_hour) * u128::from(calls) / u128::from(requests) / 60;
        u64::try_from(busiest).unwrap_or(u64::MAX)
    }
}

impl Traffic {
    /// Adds up counts of a span: totals by operation, and the requests of each hour in which there were any.
    pub fn of(
        fabric: &Fabric,
        totals: &[UsageTotal],
        hourly: &[(Timestamp, InterfaceRef, UsageCount)],
        span: Duration,
    ) -> Self {
        let mut uses: BTreeMap<InterfaceRef, Use> = BTreeMap::new();
        // What nothing declares was refused, and what only an attribute is counted for was counted as a request before.
        let requests = totals.iter().filter(|total| total.key.attribute.is_none() && !total.key.operation.is_empty());
        for total in requests {
            let Some(interface) = fabric.interfaces.get(&total.key.interface) else { continue };
            let it = uses.entry(total.key.interface.clone()).or_default();
            let count = total.count.requests;
            let asked = kind(fabric, interface, &total.key.operation);
            let calls = count.saturating_mul(asked.calls);
            it.calls = it.calls.saturating_add(calls);
            if asked.writes {
                it.writes = it.writes.saturating_add(count);
                continue;
            }
            it.reads = it.reads.saturating_add(count);
            it.read_calls = it.read_calls.saturating_add(calls);
            if asked.lists {
                it.lists = it.lists.saturating_add(count);
                if let Some(consumer) = &total.key.consumer {
                    let lists = it.lists_by.entry(consumer.clone()).or_default();
                    *lists = lists.saturating_add(count);
                }
            }
        }
        for (_, interface, count) in hourly.iter().filter(|(_, _, count)| count.requests > 0) {
            let Some(it) = uses.get_mut(interface) else { continue };
            it.hours_with_any += 1;
            it.busiest_hour = it.busiest_hour.max(count.requests);
        }
        Self { hours: (span.as_secs() / 3600).max(1), uses }
    }
}

/// What a request of an operation is.
struct Asked {
    writes: bool,
    lists: bool,
    calls: u64,
}

fn kind(fabric: &Fabric, interface: &Interface, operation: &str) -> Asked {
    match interface.api() {
        Some(Api::Mediated(_)) => {
            let known = operation.parse::<Operation>().ok();
            Asked {
                writes: known.is_some_and(Operation::writes),
                lists: known == Some(Operation::List),
                calls: known.map_or(0, |known| cost::of(known).into()),
            }
        }
        Some(Api::Direct { openapi, .. }) => {
            let contract = fabric.contracts.get(&openapi.value);
            let declared = contract.and_then(|contract| contract.operation(operation));
            let method = declared.map_or("GET", |declared| declared.method.as_str());
            let lists = declared.is_some_and(|declared| declared.method == "GET" && !declared.path.ends_with('}'));
            Asked { writes: !matches!(method, "GET" | "HEAD" | "OPTIONS"), lists, calls: 1 }
        }
        // Events are brought or read; their log is Selvage's own.
        None => Asked { writes: operation == selvage_model::manifest::event::PUBLISH, lists: false, calls: 0 },
    }
}
