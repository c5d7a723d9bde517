//! Counting: each thread counts into a shard of its own by indices that were resolved before, and whoever asks merges
//! the shards. Indices belong to names (interface, consumer, operation), so counts survive every swap.

mod contracts;
mod names;
mod slab;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use selvage_model::code::Code;
use selvage_model::name::InterfaceRef;
use selvage_model::usage::{ShadowShape, Way};

use crate::outcome::{OUTCOMES, Outcome};
use crate::shadow;
use crate::traffic::ShadowSample;
pub(crate) use contracts::{Broken, Field, Noted, Seen, Side, Verdict};
pub(crate) use names::{Names, SeriesName};
pub(crate) use slab::Slab;

/// Classes of answers, clients that went away before theirs, and what a declared brownout refused.
pub(crate) const CLASSES: [&str; 6] = ["2xx", "3xx", "4xx", "5xx", "gone", "planned"];
const GONE: usize = 4;
const PLANNED: usize = 5;
/// Upper bounds of the latency buckets in microseconds; one more bucket holds the rest.
pub(crate) const BOUNDS: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];
/// The upper bounds of the histograms of latencies, in microseconds, ascending.
pub fn latency_bounds() -> &'static [u64] {
    &BOUNDS
}

/// So many bounds that were promised of an operation since the node began are counted by themselves; of more, nothing is known.
const MOST_PROMISED: usize = 4;

/// Minutes that are kept.
pub(crate) const MINUTES: usize = 60;
/// Requests that belong to no interface.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// Shapes of undeclared requests that a thread tells apart; the rest is one.
const MOST_SHAPES: usize = 512;
const SAMPLES: usize = 64;
const SAMPLE_METHOD: usize = 16;
const SAMPLE_PATH: usize = 128;

/// What one thread counted.
#[derive(Debug)]
pub(crate) struct Shard {
    /// By series (interface, consumer, operation): answers by class.
    pub(crate) answers: Slab<Answers>,
    /// By interface and operation.
    pub(crate) latencies: Slab<Latency>,
    /// By interface.
    pub(crate) minutes: Slab<Minutes>,
    /// By upstream.
    pub(crate) upstreams: Slab<Sent>,
    /// The second of a grant's last use, by its index.
    pub(crate) grants: Slab<AtomicU64>,
    /// The second of a key's last use, by its index.
    pub(crate) keys: Slab<AtomicU64>,
    /// Questions after operations.
    pub(crate) looks: Answers,
    /// Client connections now.
    pub(crate) connections: AtomicU64,
    /// Client connections that were closed at once, since their peer had as many as it may.
    pub(crate) turned_away: AtomicU64,
    /// What happens seldom.
    rare: Mutex<Rare>,
}

/// What happens seldom, by interface.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Refusals and failures of Selvage by interface (or [`NOWHERE`]) and code, with their status.
    pub(crate) refusals: HashMap<(u32, Code), (u16, u64)>,
    /// Requests by series that passed on a grant whose time is over.
    pub(crate) overdue: HashMap<u32, u64>,
    /// Requests that nothing declares.
    pub(crate) shadow: u64,
    /// Some of them.
    pub(crate) samples: VecDeque<ShadowSample>,
    /// What was found when messages were checked.
    pub(crate) contracts: contracts::Book,
    /// How they look: how many, and the second of the last.
    pub(crate) shapes: HashMap<ShadowShape, (u64, i64)>,
    /// Requests by series, way and attribute; [`NOWHERE`] stands for a whole object.
    pub(crate) attributes: HashMap<(u32, Way, u32), u64>,
}

/// Answers by class.
#[derive(Debug, Default)]
pub(crate) struct Answers(pub(crate) [AtomicU64; CLASSES.len()]);

/// Requests to an upstream: by what came of them, and those that were sent a second time.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) outcomes: [AtomicU64; OUTCOMES.len()],
    pub(crate) again: AtomicU64,
}

/// A histogram of latencies.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    pub(crate) buckets: [AtomicU64; BOUNDS.len() + 1],
    pub(crate) sum_micros: AtomicU64,
    promised: [Promised; MOST_PROMISED],
}

/// What came of a bound that is promised: set once, from outside, and never another.
#[derive(Debug, Default)]
struct Promised {
    /// In microseconds; 0 where none is promised.
    under: AtomicU64,
    within: AtomicU64,
    answers: AtomicU64,
}

/// Requests in each of the last minutes: minute since 1970 in the upper half, count in the lower.
#[derive(Debug)]
pub(crate) struct Minutes([AtomicU64; MINUTES]);

impl Default for Minutes {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; MINUTES])
    }
}

/// Adds to a counter that only this thread writes, without the price of an atomic addition.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self {
            answers: Slab::new(),
            latencies: Slab::new(),
            minutes: Slab::new(),
            upstreams: Slab::new(),
            grants: Slab::new(),
            keys: Slab::new(),
            looks: Answers::default(),
            connections: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            rare: Mutex::default(),
        }
    }

    /// Counts an answer of a series.
    pub(crate) fn answered(&self, series: u32, status: StatusCode) {
        self.class(series, class_of(status.as_u16()));
    }

    /// Counts an answer to a question after an operation.
    pub(crate) fn looked(&self, status: u16) {
        self.looks.count(class_of(status));
    }

    /// Counts a client that went away before the answer to its question after an operation.
    pub(crate) fn look_gone(&self) {
        self.looks.count(GONE);
    }

    /// Counts a client that went away before its answer.
    pub(crate) fn gone(&self, series: u32) {
        self.class(series, GONE);
    }

    /// Counts what a declared brownout refused: it is no failure of what is promised.
    pub(crate) fn planned(&self, series: u32) {
        self.class(series, PLANNED);
    }

    fn class(&self, series: u32, class: usize) {
        if let Some(answers) = self.answers.at(series) {
            answers.count(class);
        }
    }

    /// Counts how long an answer took.
    pub(crate) fn took(&self, operation: u32, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        let Some(latency) = self.latencies.at(operation) else { return };
        if let Some(counter) = latency.buckets.get(bucket) {
            add(counter, 1);
            add(&latency.sum_micros, micros);
        }
        for promised in &latency.promised {
            match promised.under.load(Ordering::Relaxed) {
                0 => break,
                under => {
                    add(&promised.answers, 1);
                    add(&promised.within, u64::from(micros <= under));
                }
            }
        }
    }

    /// Counts what came of a request to an upstream.
    pub(crate) fn came_of(&self, upstream: u32, outcome: Outcome) {
        let counter = self.upstreams.at(upstream).and_then(|sent| sent.outcomes.get(outcome.place()));
        if let Some(counter) = counter {
            add(counter, 1);
        }
    }

    /// Counts a request to an upstream that is sent a second time.
    pub(crate) fn sent_again(&self, upstream: u32) {
        if let Some(sent) = self.upstreams.at(upstream) {
            add(&sent.again, 1);
        }
    }

    /// Counts a request of an interface in its minute.
    pub(crate) fn in_minute(&self, interface: u32, minute: u64) {
        let Some(minutes) = self.minutes.at(interface) else { return };
        let place = usize::try_from(minute % (MINUTES as u64)).unwrap_or(0);
        let Some(slot) = minutes.0.get(place) else { return };
        let seen = slot.load(Ordering::Relaxed);
        let next = if seen >> 32 == minute { seen + 1 } else { (minute << 32) | 1 };
        slot.store(next, Ordering::Relaxed);
    }

    /// Counts a refusal or failure of Selvage.
    pub(crate) fn refused(&self, interface: u32, code: Code, status: u16) {
        let mut rare = self.rare();
        let entry = rare.refusals.entry((interface, code)).or_insert((status, 0));
        entry.1 += 1;
    }

    /// Counts what was found when a message was checked.
    pub(crate) fn noted(&self, series: u32, noted: &Noted, at: i64) {
        self.rare().contracts.note(series, noted, at);
    }

    /// Counts a request on a grant whose time is over.
    pub(crate) fn overdue(&self, series: u32) {
        *self.rare().overdue.entry(series).or_default() += 1;
    }

    /// Counts a request that nothing declares. INVARIANT: DECLARED
    pub(crate) fn shadow(&self, method: &str, path: &str, at: i64) {
        let sample = shadow::without_secrets(path, SAMPLE_PATH);
        self.shadowed(shadow::shape(method, path), sample, at);
    }

    /// Counts an event of a type that its interface does not declare. INVARIANT: DECLARED
    pub(crate) fn stray(&self, interface: &InterfaceRef, kind: &str, at: i64) {
        let shape = shadow::of_event(interface, kind);
        let sample = shape.path.clone();
        self.shadowed(shape, sample, at);
    }

    fn shadowed(&self, mut shape: ShadowShape, sample: String, at: i64) {
        let cut = |text: &str, most: usize| text.chars().take(most).collect();
        let mut rare = self.rare();
        rare.shadow += 1;
        if rare.samples.len() >= SAMPLES {
            rare.samples.pop_front();
        }
        rare.samples.push_back(ShadowSample { method: cut(&shape.method, SAMPLE_METHOD), path: sample, at });
        if rare.shapes.len() >= MOST_SHAPES && !rare.shapes.contains_key(&shape) {
            shape = ShadowShape { method: "…".to_owned(), path: "…".to_owned() };
        }
        let seen = rare.shapes.entry(shape).or_default();
        *seen = (seen.0 + 1, at);
    }

    /// Notes that a grant was used, and the key that came with it, in this second.
    pub(crate) fn used(&self, grant: u32, key: u32, second: u64) {
        for (slab, index) in [(&self.grants, grant), (&self.keys, key)] {
            // Written once a second: who reads it is not disturbed by every request.
            if let Some(last) = slab.at(index).filter(|last| last.load(Ordering::Relaxed) != second) {
                last.store(second, Ordering::Relaxed);
            }
        }
    }

    /// Counts that an attribute took part in a request of a series.
    pub(crate) fn attribute(&self, series: u32, way: Way, attribute: u32) {
        *self.rare().attributes.entry((series, way, attribute)).or_default() += 1;
    }

    /// Counts that these attributes took part in a request of a series.
    pub(crate) fn attributes(&self, series: u32, all: impl Iterator<Item = (Way, u32)>) {
        let mut rare = self.rare();
        for (way, attribute) in all {
            *rare.attributes.entry((series, way, attribute)).or_default() += 1;
        }
    }

    /// Takes account of a client connection that came.
    pub(crate) fn connected(&self) {
        add(&self.connections, 1);
    }

    /// Takes account of a client connection that went.
    pub(crate) fn disconnected(&self) {
        add(&self.connections, u64::MAX);
    }

    /// Takes account of a client connection that was closed at once.
    pub(crate) fn turned_away(&self) {
        add(&self.turned_away, 1);
    }

    /// What happened seldom.
    pub(crate) fn rare(&self) -> MutexGuard<'_, Rare> {
        self.rare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The class of a status.
fn class_of(status: u16) -> usize {
    usize::from(status / 100).saturating_sub(2).min(3)
}

impl Answers {
    /// Counts one, where only this thread does.
    fn count(&self, class: usize) {
        if let Some(counter) = self.0.get(class) {
            add(counter, 1);
        }
    }

    /// Adds them up, by class.
    pub(crate) fn add_to(&self, sums: &mut [u64; CLASSES.len()]) {
        for (sum, count) in sums.iter_mut().zip(&self.0) {
            *sum += count.load(Ordering::Relaxed);
        }
    }
}

impl Latency {
    /// Counts this bound by itself from now on, where there is a place for it. One thread at a time does this.
    pub(crate) fn promise(&self, under: u64) {
        for promised in &self.promised {
            match promised.under.load(Ordering::Relaxed) {
                0 => return promised.under.store(under, Ordering::Relaxed),
                known if known == under => return,
                _ => {}
            }
        }
    }

    /// What came of each bound: the bound, how many answers came within it, and of how many.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let kept = self.promised.iter().map(|promised| {
            // Within first: what is counted meanwhile is late rather than in time.
            let within = promised.within.load(Ordering::Relaxed);
            (promised.under.load(Ordering::Relaxed), within, promised.answers.load(Ordering::Relaxed))
        });
        kept.filter(|(under, _, answers)| *under > 0 && *answers > 0)
    }
}

impl Minutes {
    /// Adds the counts of the 60 minutes up to `minute`, oldest first.
    pub(crate) fn add_to(&self, sums: &mut [u32], minute: u64) {
        for slot in &self.0 {
            let value = slot.load(Ordering::Relaxed);
            let Some(age) = minute.checked_sub(value >> 32) else { continue };
            let place = usize::try_from(age).ok().and_then(|age| sums.len().checked_sub(age + 1));
            if let Some(sum) = place.and_then(|place| sums.get_mut(place)) {
                *sum += u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests;
