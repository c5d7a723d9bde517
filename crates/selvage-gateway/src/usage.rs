//! Which attributes a request asks for or sends: the names in its query and at the top of its body, as far as the object has them,
//! or the contract of a direct interface whose requests are looked into. Values are never looked at.

use std::time::Duration;

use http::Method;
use http::request::Parts;
use selvage_model::manifest::api::Operation;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::usage::{
    AttributeUse, PromiseCount, PromiseKey, Promised, ShadowShape, UsageCount, UsageKey, Used, Way,
};
use serde_json::Value;

use crate::decide::Permit;
use crate::live::Books;
use crate::serve::Asked;
use crate::snapshot::Served;
use crate::tally::{CLASSES, SeriesName};

/// Everything that a whole object has.
const WHOLE: &str = "*";
const FIELDS: &str = "fields";

/// Tells each attribute that takes part in a request, by its place among the object's, once.
fn attributes(
    served: &Served,
    verb: Operation,
    query: &[(String, String)],
    body: Option<&Value>,
    mut tell: impl FnMut(Way, Option<usize>),
) {
    let place = |name: &str| {
        let name = name.split(['.', '[']).next().unwrap_or_default();
        served.attributes.iter().position(|attribute| **attribute == *name)
    };
    if verb.writes() {
        let sent = body.and_then(Value::as_object).into_iter().flat_map(|body| body.keys());
        sent.filter_map(|name| place(name)).for_each(|place| tell(Way::Sent, Some(place)));
        return;
    }
    let mut asked: Vec<usize> = Vec::new();
    let mut whole = true;
    for (name, value) in query {
        if name == FIELDS {
            whole = false;
            asked.extend(value.split(',').filter_map(|name| place(name.trim())));
        } else {
            asked.extend(place(name));
        }
    }
    asked.sort_unstable();
    asked.dedup();
    asked.into_iter().for_each(|place| tell(Way::Asked, Some(place)));
    if whole {
        tell(Way::Asked, None);
    }
}

impl Asked<'_> {
    /// Counts which attributes take part in a permitted request.
    pub(crate) fn count_attributes(
        self,
        permit: &Permit<'_>,
        verb: Operation,
        query: &[(String, String)],
        body: Option<&Value>,
    ) {
        let (live, shard) = (&self.local.live, &self.worker.shard);
        let series = live.series(permit);
        attributes(permit.served, verb, query, body, |way, place| {
            shard.attribute(series, way, live.attribute(permit.served, place));
        });
    }
}

/// What takes part in a request of a direct interface that was looked into, by places in its contract.
pub(crate) struct Places {
    /// By what it is asked.
    pub(crate) asked: Vec<u32>,
    /// What its body has.
    pub(crate) sent: Vec<u32>,
    /// Whether it asks for everything that an answer has.
    pub(crate) whole: bool,
}

/// Whether a request reads, and names no `fields` of what it wants.
pub(crate) fn asks_for_all(parts: &Parts) -> bool {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let mut names = parts.uri.query().unwrap_or_default().split('&').map(|pair| pair.split('=').next());
    reads && !names.any(|name| name == Some(FIELDS))
}

impl Asked<'_> {
    /// Counts what takes part in a request of a direct interface that was looked into.
    pub(crate) fn count_places(self, permit: &Permit<'_>, Places { asked, sent, whole }: Places) {
        if asked.is_empty() && sent.is_empty() && !whole {
            return;
        }
        let live = &self.local.live;
        let index = |place: u32| live.attribute(permit.served, usize::try_from(place).ok());
        let asked = asked.into_iter().map(|place| (Way::Asked, index(place)));
        let sent = sent.into_iter().map(|place| (Way::Sent, index(place)));
        let whole = whole.then(|| (Way::Asked, live.attribute(permit.served, None)));
        self.worker.shard.attributes(live.series(permit), asked.chain(sent).chain(whole));
    }

    /// Counts what events had that were published, by the places of their objects' attributes.
    pub(crate) fn count_sent(self, permit: &Permit<'_>, places: impl IntoIterator<Item = usize>) {
        let live = &self.local.live;
        let sent = places.into_iter().map(|place| (Way::Sent, live.attribute(permit.served, Some(place))));
        self.worker.shard.attributes(live.series(permit), sent);
    }

    /// Counts that whole events were asked for.
    pub(crate) fn count_whole(self, permit: &Permit<'_>) {
        let live = &self.local.live;
        self.worker.shard.attribute(live.series(permit), Way::Asked, live.attribute(permit.served, None));
    }
}

/// What was counted since the start: it only grows, so that whoever keeps it takes the difference.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Requests and attributes.
    pub counts: Vec<(UsageKey, UsageCount)>,
    /// When grants and keys were used last, in seconds since 1970.
    pub used: Vec<(Used, i64)>,
    /// Requests that nothing declares, with the time of the last in seconds since 1970.
    pub shadows: Vec<(ShadowShape, u64, i64)>,
    /// What came of promised latencies.
    pub latencies: Vec<(PromiseKey, PromiseCount)>,
}

/// Merges what the threads counted.
pub(crate) fn usage(books: &Books) -> Usage {
    let mut usage = Usage::default();
    let names = books.names.all_series();
    for (index, name) in (0..).zip(&names) {
        let mut sums = [0; CLASSES.len()];
        for answers in books.shards.iter().filter_map(|shard| shard.answers.seen(index)) {
            answers.add_to(&mut sums);
        }
        let [_, _, refused, failed, _, planned] = sums;
        let count = UsageCount { requests: sums.iter().sum(), refused, failed, planned };
        if !count.is_nothing() {
            usage.counts.push((key(name, None), count));
        }
    }
    let attributes = books.names.all_attributes();
    let mut merged = std::collections::BTreeMap::new();
    let mut shadows = std::collections::BTreeMap::new();
    for shard in &books.shards {
        let rare = shard.rare();
        for (of, requests) in &rare.attributes {
            *merged.entry(*of).or_insert(0) += requests;
        }
        for (shape, (requests, at)) in &rare.shapes {
            let seen = shadows.entry(shape.clone()).or_insert((0, *at));
            *seen = (seen.0 + requests, seen.1.max(*at));
        }
    }
    for ((series, way, attribute), requests) in merged {
        let Some(name) = names.get(series as usize) else { continue };
        let attribute = attributes.get(attribute as usize).map_or(WHOLE, |name| name);
        let attribute = AttributeUse { way, attribute: attribute.to_owned() };
        usage.counts.push((key(name, Some(attribute)), UsageCount { requests, ..UsageCount::default() }));
    }
    usage.shadows = shadows.into_iter().map(|(shape, (requests, at))| (shape, requests, at)).collect();
    usage.used.extend(books.last_used());
    usage.latencies = latencies(books);
    usage
}

/// Counts these bounds by themselves from now on, for every operation of their interfaces that is known.
pub(crate) fn promise(books: &Books, promises: &[PromiseKey]) {
    for (index, (interface, _)) in (0..).zip(books.names.all_operations()) {
        for promise in promises.iter().filter(|promise| promise.interface == interface) {
            let Promised::Within(under) = promise.promise else { continue };
            let under = u64::try_from(under.as_micros()).unwrap_or(u64::MAX).max(1);
            let latencies = books.shards.iter().filter_map(|shard| shard.latencies.at(index));
            latencies.for_each(|latency| latency.promise(under));
        }
    }
}

fn latencies(books: &Books) -> Vec<(PromiseKey, PromiseCount)> {
    let mut sums: std::collections::BTreeMap<PromiseKey, PromiseCount> = std::collections::BTreeMap::new();
    for (index, (interface, _)) in (0..).zip(books.names.all_operations()) {
        for latency in books.shards.iter().filter_map(|shard| shard.latencies.seen(index)) {
            for (under, within, answers) in latency.kept() {
                let key = PromiseKey {
                    interface: interface.clone(),
                    promise: Promised::Within(Duration::from_micros(under)),
                };
                let sum = sums.entry(key).or_default();
                *sum = sum.plus(PromiseCount { answers, kept: within });
            }
        }
    }
    sums.into_iter().collect()
}

fn key(name: &SeriesName, attribute: Option<AttributeUse>) -> UsageKey {
    let SeriesName { interface, consumer, operation } = name;
    let (interface, consumer): (&InterfaceRef, &Option<ConsumerName>) = (interface, consumer);
    UsageKey { interface: interface.clone(), consumer: consumer.clone(), operation: operation.to_string(), attribute }
}
