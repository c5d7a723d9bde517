//! Where answers stand: by place and key, with the order in which they were used, and never more bytes than declared. It
//! knows nothing of how long they are good.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Answer;
use super::key::{self, Key};

/// Answers to one key that differ by what is in no key.
const MOST_VARIANTS: usize = 16;
/// How many are taken away at a time.
const STEP: usize = 256;
/// Bytes that an entry takes besides what it holds, about.
const ENTRY: u64 = 512;

/// What stands there.
#[derive(Clone, Debug)]
pub(super) enum What {
    Answer(Arc<Answer>),
    /// Answers to this are not kept; until then nobody waits for one.
    Unkept(Instant),
}

/// What a request says in headers that are in no key.
pub(super) type Vary = Vec<(HeaderName, Vec<HeaderValue>)>;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    places: BTreeMap<Arc<str>, Requests>,
    /// By when each was used last.
    order: BTreeMap<u64, Key>,
    bytes: u64,
    uses: u64,
    answers: usize,
}

/// What stands at one place, by the rest of its key; several where they differ by what is in no key.
type Requests = HashMap<Arc<[u8]>, Vec<Kept>>;

/// One of them.
#[derive(Debug)]
pub(super) struct Kept {
    vary: Vary,
    what: What,
    bytes: u64,
    used: u64,
}

impl Shelf {
    /// What stands there for such a request.
    pub(super) fn find(&mut self, key: &Key, asked: &HeaderMap) -> Option<What> {
        let variants = self.places.get_mut(&key.place)?.get_mut(&key.request)?;
        let kept = variants.iter_mut().find(|kept| kept.is_for(asked))?;
        self.uses += 1;
        self.order.remove(&kept.used);
        kept.used = self.uses;
        self.order.insert(kept.used, key.clone());
        Some(kept.what.clone())
    }

    /// Puts this there; what was used longest ago makes room. How many answers did.
    pub(super) fn put(&mut self, key: &Key, what: What, vary: Vary, most: u64) -> u64 {
        let said: usize = vary.iter().flat_map(|(_, values)| values).map(HeaderValue::len).sum();
        let of_answer = if let What::Answer(answer) = &what { answer.bytes() } else { 0 };
        let bytes = of_answer + (key.place.len() + key.request.len() + said) as u64 + ENTRY;
        // What only spares a wait makes no answer go.
        let fits = matches!(what, What::Answer(_)) || self.bytes + bytes <= most;
        if bytes > most || !fits {
            return 0;
        }
        self.uses += 1;
        let used = self.uses;
        self.answers += usize::from(matches!(what, What::Answer(_)));
        self.bytes += bytes;
        let variants = self.places.entry(Arc::clone(&key.place)).or_default();
        let variants = variants.entry(Arc::clone(&key.request)).or_default();
        variants.push(Kept { vary, what, bytes, used });
        let oldest = variants.iter().map(|kept| kept.used).min().filter(|_| variants.len() > MOST_VARIANTS);
        self.order.insert(used, key.clone());
        let before = self.answers;
        if let Some(oldest) = oldest {
            self.take(oldest);
        }
        while self.bytes > most
            && let Some((oldest, _)) = self.order.first_key_value()
        {
            self.take(*oldest);
        }
        (before - self.answers) as u64
    }

    /// Takes away what stands there for such a request.
    pub(super) fn remove(&mut self, key: &Key, asked: &HeaderMap) {
        let variants = self.places.get(&key.place).and_then(|requests| requests.get(&key.request));
        let all: Vec<u64> =
            variants.into_iter().flatten().filter(|kept| kept.is_for(asked)).map(|kept| kept.used).collect();
        all.into_iter().for_each(|used| drop(self.take(used)));
    }

    /// Takes away some of what stands at a place, at what it is a part of, and at its parts; nothing, where nothing does.
    pub(super) fn forget_some(&mut self, place: &str) -> Vec<Kept> {
        let mut gone = Vec::new();
        while gone.len() < STEP
            && let Some(place) = key::first_related(&self.places, place)
        {
            let requests = self.places.get(&place).into_iter().flat_map(|requests| requests.values());
            let some: Vec<u64> = requests.flatten().map(|kept| kept.used).take(STEP - gone.len()).collect();
            gone.extend(some.into_iter().filter_map(|used| self.take(used)));
        }
        gone
    }

    /// Answers that are kept.
    pub(super) fn len(&self) -> usize {
        self.answers
    }

    /// Their bytes, with all that is needed to find them.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes away what was used then.
    fn take(&mut self, used: u64) -> Option<Kept> {
        let key = self.order.remove(&used)?;
        let requests = self.places.get_mut(&key.place)?;
        let variants = requests.get_mut(&key.request)?;
        let place = variants.iter().position(|kept| kept.used == used)?;
        let gone = variants.swap_remove(place);
        self.bytes -= gone.bytes;
        self.answers -= usize::from(matches!(gone.what, What::Answer(_)));
        if variants.is_empty() {
            requests.remove(&key.request);
        }
        if requests.is_empty() {
            self.places.remove(&key.place);
        }
        Some(gone)
    }
}

impl Kept {
    fn is_for(&self, asked: &HeaderMap) -> bool {
        self.vary.iter().all(|(name, values)| asked.get_all(name).iter().eq(values.iter()))
    }
}
