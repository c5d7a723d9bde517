//! Keeps what the gateway counts: the difference since the last look, by minute, written in batches by a task of its own. The
//! data path never waits for it. While the store is away the counts wait here, bounded; a batch whose answer was lost is
//! sent again as it is, and written once.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use selvage_gateway::{Counted, Usage};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{InterfaceBody, Objective};
use selvage_model::name::{EnvironmentName, InterfaceRef};
use selvage_model::usage::{
    PromiseCount, PromiseKey, PromiseRow, Promised, ShadowGroup, ShadowShape, UsageCount, UsageKey, UsageRow, Used,
};
use selvage_store::{Store, UsageBatch};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::release::Current;

/// How often it is written; a node that is killed takes so much with it at most.
const EVERY: Duration = Duration::from_secs(15);
const ROLL_UP_EVERY: Duration = Duration::from_secs(600);
/// Rows of a batch.
const MOST_ROWS: usize = 2_000;
/// Counts that wait for the store; beyond it, minutes are put together, and what then is too much is given up and told.
const MOST_WAITING: usize = 50_000;
const AT_THE_END: Duration = Duration::from_secs(5);

/// What the keeper says about itself.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    waiting: AtomicU64,
    given_up: AtomicU64,
    written: AtomicU64,
}

impl Figures {
    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let table = [
            ("waiting_rows", "gauge", "Counts of usage that wait for the store.", &self.waiting),
            (
                "given_up_requests_total",
                "counter",
                "Requests whose usage was given up while the store was away.",
                &self.given_up,
            ),
            ("written_rows_total", "counter", "Counts of usage that were written.", &self.written),
        ];
        for (name, kind, help, value) in table {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP selvage_usage_{name} {help}\n# TYPE selvage_usage_{name} {kind}");
            let _ = writeln!(text, "selvage_usage_{name} {value}");
        }
        text
    }
}

/// The task that keeps usage.
struct Keeper {
    counted: Counted,
    store: Store,
    node: String,
    environment: EnvironmentName,
    current: Arc<Current>,
    figures: Arc<Figures>,
}

/// What was seen, and what is on its way.
#[derive(Default)]
struct Books {
    counts: HashMap<UsageKey, UsageCount>,
    used: HashMap<Used, i64>,
    shadows: HashMap<ShadowShape, u64>,
    rows: BTreeMap<(Timestamp, UsageKey), UsageCount>,
    last_used: BTreeMap<Used, Timestamp>,
    groups: BTreeMap<ShadowShape, ShadowGroup>,
    /// What was counted of promised latencies, and what waits of all that interfaces promise, by hour.
    latencies: HashMap<PromiseKey, PromiseCount>,
    promises: BTreeMap<(Timestamp, PromiseKey), PromiseCount>,
    number: u64,
    sent: Option<UsageBatch>,
    covers_until: Timestamp,
}

/// Usage that is being kept.
pub(crate) struct Keeping {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keeping {
    /// Writes what is left, and ends.
    pub(crate) async fn end(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Begins to keep what a gateway counts.
pub(crate) fn keep(
    counted: Counted,
    store: &Store,
    (environment, node): (&EnvironmentName, &str),
    current: &Arc<Current>,
    figures: Arc<Figures>,
) -> Keeping {
    let (stop, stopped) = watch::channel(false);
    let (store, node, current) = (store.clone(), node.to_owned(), Arc::clone(current));
    let keeper = Keeper { counted, store, node, environment: environment.clone(), current, figures };
    Keeping { stop, task: tokio::spawn(keeper.run(stopped)) }
}

impl Keeper {
    /// Keeps usage until told to stop; then writes what is left.
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut books = Books::default();
        let mut ticks = tokio::time::interval(EVERY);
        let mut roll_ups = tokio::time::interval(ROLL_UP_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.keep(&mut books).await,
                _ = roll_ups.tick() => {
                    if let Err(error) = self.store.roll_up_usage(Timestamp::now()).await {
                        tracing::warn!("usage was not rolled up: {error}");
                    }
                }
                _ = stop.changed() => break,
            }
        }
        let last = async {
            self.keep(&mut books).await;
            if books.is_empty() && self.store.end_usage(&self.node).await.is_err() {
                tracing::warn!("the store was not told that this node's usage is complete");
            }
        };
        if tokio::time::timeout(AT_THE_END, last).await.is_err() {
            tracing::warn!("the last usage was not written in time");
        }
    }

    async fn keep(&self, books: &mut Books) {
        let now = Timestamp::now();
        let active = self.current.active();
        self.counted.promise(&promised(&active.release.fabric));
        if !active.release.parts.is_empty()
            && let Err(error) = self.store.note_runs(&self.environment, &active.release.parts).await
        {
            tracing::warn!("the store was not told what this node runs: {error}");
        }
        books.merge(self.counted.usage(), now, &Declared::of(&active.release.fabric));
        let given_up = books.bound();
        self.figures.given_up.fetch_add(given_up, Ordering::Relaxed);
        while let Some(batch) = books.next_batch() {
            batch.environment = Some(self.environment.clone());
            match self.store.add_usage(&self.node, batch).await {
                Ok(_) => {
                    self.figures.written.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
                    books.sent = None;
                }
                Err(error) => {
                    tracing::warn!("usage waits for the store: {error}");
                    break;
                }
            }
        }
        self.figures.waiting.store(books.rows.len() as u64, Ordering::Relaxed);
    }
}

impl Books {
    fn is_empty(&self) -> bool {
        let no_counts = self.rows.is_empty() && self.promises.is_empty();
        self.sent.is_none() && no_counts && self.last_used.is_empty() && self.groups.is_empty()
    }

    /// Takes what came since the last look.
    fn merge(&mut self, usage: Usage, now: Timestamp, declared: &Declared) {
        self.covers_until = now;
        let began =
            |span: i64| Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(span)).unwrap_or(now);
        let (minute, hour) = (began(60), began(3600));
        for (key, count) in usage.counts {
            let before = self.counts.insert(key.clone(), count).unwrap_or_default();
            let more = count.since(before);
            if !more.is_nothing() {
                if key.attribute.is_none() {
                    let well = PromiseKey { interface: key.interface.clone(), promise: Promised::Well };
                    let answers = more.promised();
                    let kept = answers.saturating_sub(more.failed);
                    self.promise(hour, well, PromiseCount { answers, kept });
                }
                let row = self.rows.entry((minute, key)).or_default();
                *row = row.plus(more);
            }
        }
        for (key, count) in usage.latencies {
            let more = count.since(self.latencies.insert(key.clone(), count).unwrap_or_default());
            self.promise(hour, key, more);
        }
        for (used, second) in usage.used {
            if self.used.insert(used.clone(), second) != Some(second) {
                self.last_used.insert(used, Timestamp::from_second(second).unwrap_or(now));
            }
        }
        for (shape, requests, second) in usage.shadows {
            let more = requests.saturating_sub(self.shadows.insert(shape.clone(), requests).unwrap_or(0));
            if more == 0 {
                continue;
            }
            let last = Timestamp::from_second(second).unwrap_or(now);
            let likely = declared.likely(&shape);
            let new = || ShadowGroup { shape: shape.clone(), likely: None, requests: 0, first: last, last };
            let group = self.groups.entry(shape.clone()).or_insert_with(new);
            (group.requests, group.likely, group.last) = (group.requests + more, likely, last);
        }
    }

    fn promise(&mut self, hour: Timestamp, key: PromiseKey, more: PromiseCount) {
        if more.answers > 0 {
            let waits = self.promises.entry((hour, key)).or_default();
            *waits = waits.plus(more);
        }
    }

    /// Puts minutes together where too many counts wait, and gives up what is too much then; says how many requests.
    fn bound(&mut self) -> u64 {
        if self.rows.len() > MOST_WAITING {
            let rows = std::mem::take(&mut self.rows);
            for ((minute, key), count) in rows {
                let second = minute.as_second() - minute.as_second().rem_euclid(3600);
                let row = self.rows.entry((Timestamp::from_second(second).unwrap_or(minute), key)).or_default();
                *row = row.plus(count);
            }
        }
        let mut given_up = 0;
        while self.rows.len() > MOST_WAITING {
            let Some((_, count)) = self.rows.pop_first() else { break };
            given_up += count.requests;
        }
        given_up
    }

    /// The batch to be sent: the one that has no answer yet, or the next.
    fn next_batch(&mut self) -> Option<&mut UsageBatch> {
        if self.sent.is_none() {
            // The first one is sent even when it is empty: from then on, what this node takes with it is missed.
            if self.number > 0 && self.is_empty() {
                return None;
            }
            self.number += 1;
            let mut rows = Vec::new();
            while let (true, Some(((minute, key), count))) = (rows.len() < MOST_ROWS, self.rows.pop_first()) {
                rows.push(UsageRow { minute, key, count });
            }
            self.sent = Some(UsageBatch {
                number: self.number,
                covers_until: self.covers_until,
                rows,
                used: std::mem::take(&mut self.last_used).into_iter().collect(),
                shadows: std::mem::take(&mut self.groups).into_values().collect(),
                environment: None,
                promises: std::mem::take(&mut self.promises)
                    .into_iter()
                    .map(|((hour, key), count)| PromiseRow { hour, key, count })
                    .collect(),
            });
        }
        self.sent.as_mut()
    }
}

/// The latencies that interfaces promise.
fn promised(fabric: &Fabric) -> Vec<PromiseKey> {
    let promises = fabric.interfaces.iter().flat_map(|(reference, interface)| {
        interface.slo.iter().filter_map(|slo| match &slo.objective {
            Objective::Latency { under, .. } => {
                Some(PromiseKey { interface: reference.clone(), promise: Promised::Within(*under) })
            }
            Objective::Availability(_) => None,
        })
    });
    promises.collect()
}

/// What a request can have meant.
#[derive(Default)]
struct Declared {
    interfaces: Vec<InterfaceRef>,
    /// By event type, the newest interface that declares it.
    types: BTreeMap<String, InterfaceRef>,
}

impl Declared {
    fn of(fabric: &Fabric) -> Self {
        let mut types = BTreeMap::new();
        for (reference, interface) in &fabric.interfaces {
            let InterfaceBody::Event(event) = &interface.body else { continue };
            types.extend(event.events.iter().map(|kind| (kind.name.value.clone(), reference.clone())));
        }
        Self { interfaces: fabric.interfaces.keys().cloned().collect(), types }
    }

    /// The interface that was probably meant. An event was probably meant for the interface that declares its type, where there is one.
    fn likely(&self, shape: &ShadowShape) -> Option<InterfaceRef> {
        let kind = shape.path.rsplit('/').next().filter(|_| shape.method == ShadowShape::PUBLISH);
        let by_kind = kind.and_then(|kind| self.types.get(kind)).cloned();
        by_kind.or_else(|| likely(&shape.path, &self.interfaces))
    }
}

/// The interface that an undeclared path probably meant: the one it names, or names almost.
fn likely(path: &str, interfaces: &[InterfaceRef]) -> Option<InterfaceRef> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let first = segments.first()?;
    let major = segments.get(1).and_then(|version| version.strip_prefix('v')?.parse::<u32>().ok());
    let named = |interface: &&InterfaceRef| segments.contains(&interface.name.as_str());
    let exact = interfaces.iter().filter(named).find(|interface| Some(interface.major) == major);
    if let Some(exact) = exact {
        return Some(exact.clone());
    }
    if let Some(found) = newest(interfaces.iter().filter(named)) {
        return Some(found);
    }
    let distance = |interface: &&InterfaceRef| strsim::levenshtein(interface.name.as_str(), first);
    let nearest = interfaces.iter().min_by_key(distance)?;
    let most = (first.chars().count() / 4).max(1);
    if distance(&nearest) > most {
        return None;
    }
    newest(interfaces.iter().filter(|interface| interface.name == nearest.name))
}

fn newest<'a>(found: impl Iterator<Item = &'a InterfaceRef>) -> Option<InterfaceRef> {
    found.max_by_key(|interface| interface.major).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces() -> Vec<InterfaceRef> {
        ["inventory@1", "inventory@2", "products@1", "production-orders@1"].map(|text| text.parse().unwrap()).into()
    }

    #[test]
    fn the_likely_interface_is_the_one_that_is_named_or_almost() {
        let table = [
            ("/inventory/v3/items/{number}", Some("inventory@2")),
            ("/inventory/v1/nothing", Some("inventory@1")),
            ("/api/products/{number}", Some("products@1")),
            ("/product/v1/products", Some("products@1")),
            ("/inventroy/v2/items", Some("inventory@2")),
            ("/wp-admin", None),
            ("/", None),
        ];
        for (path, expected) in table {
            let found = likely(path, &interfaces()).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_stray_event_was_meant_for_who_declares_its_type_or_where_it_was_sent() {
        let types = BTreeMap::from([("masterdata.product.changed".to_owned(), "products@1".parse().unwrap())]);
        let declared = Declared { interfaces: interfaces(), types };
        for (path, expected) in [
            ("/inventory/v1/masterdata.product.changed", "products@1"),
            ("/inventory/v1/masterdata.product.lost", "inventory@1"),
        ] {
            let shape = |method: &str| ShadowShape { method: method.to_owned(), path: path.to_owned() };
            assert_eq!(declared.likely(&shape("PUBLISH")).unwrap().to_string(), expected, "{path}");
            assert_eq!(declared.likely(&shape("GET")).unwrap().to_string(), "inventory@1");
        }
    }

    fn counted(requests: u64) -> Usage {
        let key = UsageKey {
            interface: "inventory@2".parse().unwrap(),
            consumer: None,
            operation: "list".to_owned(),
            attribute: None,
        };
        Usage { counts: vec![(key, UsageCount { requests, ..UsageCount::default() })], ..Usage::default() }
    }

    fn total(batch: &UsageBatch) -> u64 {
        batch.rows.iter().map(|row| row.count.requests).sum()
    }

    #[test]
    fn what_is_not_written_yet_is_sent_again_as_it_was_and_what_came_since_follows() {
        let mut books = Books::default();
        let now = |second| Timestamp::from_second(second).unwrap();
        books.merge(counted(5), now(60), &Declared::default());
        let first = books.next_batch().unwrap().clone();
        assert_eq!((first.number, total(&first)), (1, 5));
        books.merge(counted(8), now(75), &Declared::default());
        assert_eq!(books.next_batch().unwrap(), &first, "its answer was lost");
        books.sent = None;
        let second = books.next_batch().unwrap().clone();
        assert_eq!((second.number, total(&second), second.covers_until), (2, 3, now(75)));
        books.sent = None;
        assert!(books.next_batch().is_none());
        books.merge(counted(8), now(90), &Declared::default());
        assert!(books.next_batch().is_none(), "nothing came");
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_given_up_is_told() {
        let mut books = Books::default();
        let key = |n: usize| UsageKey {
            interface: "inventory@2".parse().unwrap(),
            consumer: None,
            operation: format!("operation-{n}"),
            attribute: None,
        };
        let one = UsageCount { requests: 1, ..UsageCount::default() };
        for n in 0..MOST_WAITING + 10 {
            books.rows.insert((Timestamp::from_second(60 * (n as i64 % 2)).unwrap(), key(n / 2)), one);
        }
        assert_eq!(books.bound(), 0, "minutes of an hour are put together");
        assert_eq!(books.rows.len(), MOST_WAITING / 2 + 5);
        for n in 0..MOST_WAITING + 10 {
            books.rows.insert((Timestamp::from_second(7200).unwrap(), key(n)), one);
        }
        assert!(books.bound() > 0);
        assert_eq!(books.rows.len(), MOST_WAITING);
    }
}
