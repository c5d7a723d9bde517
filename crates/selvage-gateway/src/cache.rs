//! Answers of direct interfaces that may be given again: kept in memory within a bound, the one used longest ago going
//! first, asked for once however many want them, and forgotten when what they tell of is changed. It never decides who may
//! have one: a request comes here when it has passed, and finds only what its own grant shows.

mod change;
pub(crate) mod freshness;
pub(crate) mod key;
mod shelf;
pub(crate) mod validator;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::InterfaceRef;
use tokio::sync::watch;

use crate::burden::{Bearer, Burden};
use crate::pool::Address;
use crate::snapshot::{Life, Served, Snapshot};
use freshness::{Lifetime, Wish};
pub(crate) use key::{Key, Keys};
use shelf::{Shelf, What};

/// How the answers of an interface are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheRules {
    /// An answer that may be shared is for all whose grants show as much.
    pub(crate) same_for_all: bool,
    /// Bytes that are kept.
    pub(crate) size: u64,
    /// Bytes of the largest answer that is kept.
    pub(crate) largest: u64,
    /// Seconds that an answer is good at most.
    pub(crate) most: Option<u64>,
    /// Where answers come from: when this changes, or what follows, all that is kept is forgotten.
    pub(crate) address: Arc<Address>,
    /// What else they depend on, and how they were checked.
    pub(crate) origin: String,
    /// What they were checked against.
    pub(crate) contract: Arc<str>,
}

/// A moment, by a clock that only goes forward and by the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) wall: Timestamp,
}

/// An answer that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) lifetime: Lifetime,
    /// When it was asked for.
    pub(crate) since: Moment,
}

/// How often what happened.
#[derive(Debug, Default)]
pub(crate) struct CacheCounts {
    /// Given without asking.
    pub(crate) hits: AtomicU64,
    /// Given when the upstream had confirmed it.
    pub(crate) confirmed: AtomicU64,
    /// Asked for.
    pub(crate) misses: AtomicU64,
    /// Requests that nothing is kept for.
    pub(crate) passed: AtomicU64,
    /// Answers that went because there was no room.
    pub(crate) evicted: AtomicU64,
}

/// The kept answers of every interface of a node.
#[derive(Debug)]
pub(crate) struct Caches {
    all: Mutex<BTreeMap<InterfaceRef, Arc<Cache>>>,
    /// Their bodies, as long as they are kept or on their way to somebody: never more than the node has room for.
    burden: Arc<Burden>,
    most: u64,
}

/// The kept answers of one interface.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) rules: CacheRules,
    pub(crate) counts: Arc<CacheCounts>,
    /// Bytes that it keeps: what is declared, or its part of what the node has room for.
    share: AtomicU64,
    /// Answers in a row that could not be kept, while none was.
    unkept: AtomicU32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    shelf: Shelf,
    /// Requests that others wait for.
    flights: HashMap<Key, watch::Receiver<()>>,
    /// By place: requests that are on their way.
    asking: BTreeMap<Arc<str>, Asking>,
    /// Places that may change yet, and until when that is waited for.
    unsettled: Vec<(Arc<str>, Instant)>,
}

#[derive(Debug, Default)]
struct Asking {
    requests: u32,
    /// How often the place was changed since the first of them.
    changes: u64,
}

/// What there is for a request.
pub(crate) enum Look<'c> {
    /// An answer that may be given.
    Good(Arc<Answer>),
    /// Nothing, or what is not good any more: the caller asks.
    Ask(Errand<'c>),
    /// Another asks; it is done when this changes.
    Wait(watch::Receiver<()>),
}

/// A request for an answer, on its way.
pub(crate) struct Errand<'c> {
    cache: &'c Cache,
    place: Arc<str>,
    changes: u64,
    /// Whom others wait for.
    flight: Option<Key>,
    _done: Option<watch::Sender<()>>,
    /// What is kept, and has to be confirmed.
    pub(crate) stale: Option<Arc<Answer>>,
}

impl Caches {
    /// Keeps so many bytes at most, of all interfaces together.
    pub(crate) fn new(most: u64) -> Self {
        Self { all: Mutex::default(), burden: Burden::new(most), most }
    }

    /// The caches of a snapshot, by the indices of its interfaces that keep answers. What an interface that changed had kept is forgotten, and so is what one
    /// had that is blocked, retired or gone.
    pub(crate) fn renew(&self, snapshot: &Snapshot) -> HashMap<u32, Arc<Cache>> {
        let keeps = || {
            let is_served = |served: &&Served| matches!(snapshot.life(served), Life::Served);
            snapshot.caching().filter(is_served).filter_map(|served| Some((served, served.cache.as_deref()?)))
        };
        let declared: u128 = keeps().map(|(_, rules)| u128::from(rules.size)).sum();
        let share = |size: u64| match declared <= u128::from(self.most) {
            true => size,
            false => u64::try_from(u128::from(size) * u128::from(self.most) / declared.max(1)).unwrap_or(size),
        };
        let mut known = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        let caches = keeps().map(|(served, rules)| {
            let cache = match before.remove(&served.reference) {
                Some(cache) if cache.rules == *rules => cache,
                other => Arc::new(Cache::new(rules.clone(), other.map(|cache| Arc::clone(&cache.counts)))),
            };
            cache.share.store(share(rules.size), Ordering::Relaxed);
            known.insert(served.reference.clone(), Arc::clone(&cache));
            (served.index, cache)
        });
        caches.collect()
    }

    /// Every interface that keeps answers, with them.
    pub(crate) fn all(&self) -> BTreeMap<InterfaceRef, Arc<Cache>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A body in memory of its own, to be kept; `None` where the node has no room for more.
    pub(crate) fn bear(&self, body: &[u8]) -> Option<Bytes> {
        let mut load = Bearer::new(&self.burden, Criticality::Tier1).begin();
        load.more(body.len()).then(|| load.of(Bytes::copy_from_slice(body)))
    }

    /// Bytes of the bodies that are kept, or on their way to somebody.
    pub(crate) fn held(&self) -> u64 {
        self.burden.held()
    }
}

impl Moment {
    /// How long ago it was, by the clock that says more: the time of day may be set back, the other stands still while a
    /// machine sleeps.
    fn elapsed(self, now: Self) -> Duration {
        let wall = u64::try_from(now.wall.as_millisecond() - self.wall.as_millisecond()).unwrap_or(0);
        now.at.saturating_duration_since(self.at).max(Duration::from_millis(wall))
    }
}

impl Answer {
    /// One with headers in memory of its own: what came in lies in buffers of the connection, and so must no body.
    pub(crate) fn owned(
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        lifetime: Lifetime,
        since: Moment,
    ) -> Self {
        let own = headers.iter().filter(|(name, _)| !key::is_mark(name.as_str())).map(|(name, value)| {
            // It was one before.
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""));
            (name.clone(), value)
        });
        let mut headers = HeaderMap::with_capacity(headers.len());
        own.for_each(|(name, value)| {
            headers.append(name, value);
        });
        if status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Self { status, headers, body, lifetime, since }
    }

    /// How old it is, in seconds.
    pub(crate) fn age(&self, now: Moment) -> u64 {
        self.lifetime.age.saturating_add(self.since.elapsed(now).as_secs())
    }

    /// For how many seconds more it is good.
    pub(crate) fn left(&self, now: Moment) -> u64 {
        self.lifetime.seconds.saturating_sub(self.age(now))
    }

    /// Whether it may be given without asking.
    pub(crate) fn serves(&self, wish: Wish, now: Moment) -> bool {
        let (age, left) = (self.age(now), self.left(now));
        let young = wish.oldest.is_none_or(|oldest| age <= oldest);
        left > 0 && !wish.confirmed && young && wish.fresh_for.is_none_or(|least| left >= least)
    }

    fn bytes(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        (self.body.len() + headers) as u64
    }
}

impl Cache {
    fn new(rules: CacheRules, counts: Option<Arc<CacheCounts>>) -> Self {
        let share = AtomicU64::new(rules.size);
        Self { rules, counts: counts.unwrap_or_default(), share, unkept: AtomicU32::new(0), inner: Mutex::default() }
    }

    /// Whether nothing is kept and the last answers could not be: then nothing is looked for, and nobody waits for another's answer.
    pub(crate) fn is_barren(&self) -> bool {
        self.unkept.load(Ordering::Relaxed) >= BARREN
    }

    /// An answer came that may be kept: the next ones are.
    pub(crate) fn bears(&self) {
        self.unkept.store(0, Ordering::Relaxed);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is for a request; where it has to be asked for, the caller is the one who does.
    pub(crate) fn look(&self, keys: &Keys, asked: &HeaderMap, wish: Wish, (now, waited): (Moment, bool)) -> Look<'_> {
        let mut inner = self.inner();
        let (mut stale, mut flight) = (None, None);
        for key in keys.all() {
            let found = inner.shelf.find(key, asked);
            match found {
                Some(What::Answer(answer)) if answer.serves(wish, now) => return Look::Good(answer),
                Some(What::Answer(answer)) => stale = stale.or(Some(answer)),
                Some(What::Unkept(until)) if until > now.at => continue,
                Some(What::Unkept(_)) | None => {}
            }
            flight = flight.or(Some(key));
        }
        // Whoever wants it confirmed wants it so from now on, not as of another's question. Nobody waits for what will not do,
        // and nobody twice: one after the other they would wait for as long as all of them take.
        let each_time = stale.as_ref().is_some_and(|answer: &Arc<Answer>| answer.lifetime.seconds == 0);
        let own = wish.confirmed || wish.oldest == Some(0) || wish.fresh_for.is_some();
        let conditional = stale.is_none() && validator::is_conditional(asked);
        let flight = flight.filter(|_| !(waited || own || each_time || conditional));
        if let Some(done) = flight.and_then(|key| inner.flights.get(key)) {
            return Look::Wait(done.clone());
        }
        let sender = flight.map(|key| {
            let (sender, done) = watch::channel(());
            inner.flights.insert(key.clone(), done);
            sender
        });
        let place = Arc::clone(&keys.own.place);
        let asking = inner.asking.entry(Arc::clone(&place)).or_default();
        asking.requests += 1;
        Look::Ask(Errand { cache: self, place, changes: asking.changes, flight: flight.cloned(), _done: sender, stale })
    }

    /// The answer to such a request, good or not.
    pub(crate) fn find(&self, keys: &Keys, asked: &HeaderMap) -> Option<Arc<Answer>> {
        let mut inner = self.inner();
        keys.all().find_map(|key| match inner.shelf.find(key, asked)? {
            What::Answer(answer) => Some(answer),
            What::Unkept(_) => None,
        })
    }

    /// Forgets the answer to such a request.
    pub(crate) fn forget(&self, keys: &Keys, asked: &HeaderMap) {
        let mut inner = self.inner();
        keys.all().for_each(|key| inner.shelf.remove(key, asked));
    }

    /// How many answers are kept, and their bytes.
    pub(crate) fn kept(&self) -> (usize, u64) {
        let inner = self.inner();
        (inner.shelf.len(), inner.shelf.bytes())
    }

    fn put(
        &self,
        inner: &mut Inner,
        key: &Key,
        what: What,
        vary: Vec<(HeaderName, Vec<HeaderValue>)>,
        asked: &HeaderMap,
    ) {
        inner.shelf.remove(key, asked);
        let evicted = inner.shelf.put(key, what, vary, self.share.load(Ordering::Relaxed));
        self.counts.evicted.fetch_add(evicted, Ordering::Relaxed);
    }
}

/// How long nobody waits for another's answer where it turned out that none is kept.
const UNKEPT: Duration = Duration::from_secs(30);
/// After so many answers in a row that could not be kept, while none is kept, it is taken that none will be.
const BARREN: u32 = 64;

impl CacheCounts {
    /// One more.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Errand<'_> {
    /// Keeps the answer, in the place of the one before. Not where what it tells of was changed meanwhile.
    pub(crate) fn keep(&self, keys: &Keys, asked: &HeaderMap, answer: &Arc<Answer>) -> bool {
        let mut inner = self.cache.inner();
        let changes = inner.asking.get(&self.place).map(|asking| asking.changes);
        let Some(vary) = freshness::vary(&answer.headers).filter(|_| changes == Some(self.changes)) else {
            return false;
        };
        if inner.is_unsettled(&self.place) {
            while !inner.shelf.forget_some(&self.place).is_empty() {}
            return false;
        }
        let vary = key::unkeyed(vary, asked);
        let key = match &keys.shared {
            Some(shared) if answer.lifetime.shared => shared,
            Some(shared) => {
                let until = answer.since.at + UNKEPT;
                self.cache.put(&mut inner, shared, What::Unkept(until), Vec::new(), asked);
                &keys.own
            }
            None => &keys.own,
        };
        self.cache.put(&mut inner, key, What::Answer(Arc::clone(answer)), vary, asked);
        self.cache.bears();
        true
    }

    /// Remembers that such answers are not kept, so that nobody waits for one.
    pub(crate) fn keep_none(&self, keys: &Keys, asked: &HeaderMap, now: Moment) {
        let mut inner = self.cache.inner();
        if inner.shelf.len() > 0 {
            self.cache.bears();
        } else if self.cache.unkept.fetch_add(1, Ordering::Relaxed) + 1 >= BARREN {
            // It is not counted without end, and who waits for whom is remembered no more.
            self.cache.unkept.store(BARREN, Ordering::Relaxed);
            inner.shelf = Shelf::default();
            return;
        }
        for key in keys.all() {
            // One that is still good is not made to go by an answer that is none.
            if matches!(inner.shelf.find(key, asked), Some(What::Answer(answer)) if answer.left(now) > 0) {
                continue;
            }
            self.cache.put(&mut inner, key, What::Unkept(now.at + UNKEPT), Vec::new(), asked);
        }
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        let mut inner = self.cache.inner();
        if let Some(key) = &self.flight {
            inner.flights.remove(key);
        }
        if let Some(asking) = inner.asking.get_mut(&self.place) {
            asking.requests -= 1;
            if asking.requests == 0 {
                inner.asking.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
