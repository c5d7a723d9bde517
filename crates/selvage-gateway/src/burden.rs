//! Bytes of bodies that this node holds at once: messages that are read whole before they go on, because they are mediated,
//! checked or looked through. Whoever would make them too many is refused, the less critical sooner, so that the critical
//! always find room. Bodies that stream on are held by nobody, and not counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::problem::Problem;

/// Fifths of all that may be held while one more of this criticality comes.
fn fifths(criticality: Criticality) -> u64 {
    match criticality {
        Criticality::Tier1 => 5,
        Criticality::Tier2 => 4,
        Criticality::Tier3 => 3,
    }
}

/// In what steps it is borne what becomes of a body.
const STEP: usize = 1024;

/// What this node holds.
#[derive(Debug)]
pub(crate) struct Burden {
    held: AtomicU64,
    most: u64,
}

impl Burden {
    /// Bears so many bytes.
    pub(crate) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), most })
    }

    /// How many it holds.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

/// By whom the bodies of one request are borne.
#[derive(Clone, Copy)]
pub(crate) struct Bearer<'a> {
    burden: &'a Arc<Burden>,
    criticality: Criticality,
    of: Of,
}

/// What it is a body of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A request, for which nothing was done yet.
    Request,
    /// The answer of a system; whether the request asked for nothing to change.
    Answer { is_safe: bool },
}

impl<'a> Bearer<'a> {
    /// Of a request of this criticality.
    pub(crate) fn new(burden: &'a Arc<Burden>, criticality: Criticality) -> Self {
        Self { burden, criticality, of: Of::Request }
    }

    /// The same for the answer of a system, which has done what it was asked for.
    pub(crate) fn of_answer(self, is_safe: bool) -> Self {
        Self { of: Of::Answer { is_safe }, ..self }
    }

    /// Begins with a body.
    pub(crate) fn begin(self) -> Load {
        Load { burden: Arc::clone(self.burden), most: self.most(), bytes: 0 }
    }

    /// Begins with what becomes of a body of so many bytes that is borne already.
    pub(crate) fn scale(self, ahead: usize) -> Scale<'a> {
        Scale { bearer: self, load: self.begin(), ahead, beyond: 0, weight: 0, is_full: false }
    }

    fn most(self) -> u64 {
        let most = u128::from(self.burden.most) * u128::from(fifths(self.criticality)) / 5;
        most.try_into().unwrap_or(u64::MAX)
    }

    /// What a caller is told whose body of at least so many bytes, or whose answer, finds no room.
    pub(crate) fn no_room(self, bytes: usize) -> Problem {
        let most = self.most();
        // It would find none if it were the only one.
        let never = bytes as u64 > most;
        let detail = "this node holds as many bytes of bodies as it takes of this criticality";
        match self.of {
            Of::Request if never => {
                let detail =
                    format!("the body takes more, once it is read, than the {most} bytes that this node holds");
                Problem::new(413, code::BODY_TOO_LARGE, detail)
            }
            Of::Request => Problem::new(503, code::BODIES_HELD, detail).retry_after(1),
            Of::Answer { is_safe: true } if !never => Problem::new(503, code::BODIES_HELD, detail).retry_after(1),
            Of::Answer { .. } => {
                let detail = format!("{detail}; the upstream system has answered, and what it did is done");
                Problem::new(503, code::BODIES_HELD, detail)
            }
        }
    }
}

/// The part of one body; given back when it is dropped.
pub(crate) struct Load {
    burden: Arc<Burden>,
    /// How many bytes may be held with it.
    most: u64,
    bytes: u64,
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Load {
    /// Bears so many bytes more, where there is room.
    pub(crate) fn more(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let with = |held: u64| held.checked_add(bytes).filter(|held| *held <= self.most);
        let room = self.burden.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with).is_ok();
        if room {
            self.bytes += bytes;
        }
        room
    }

    /// The body that it is of, which is borne until nobody holds any of it.
    pub(crate) fn of(self, body: Bytes) -> Bytes {
        if body.is_empty() { body } else { Bytes::from_owner(Borne { body, _load: self }) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.burden.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What becomes of a body as it is read. What it takes beyond the body's bytes is borne while it grows; what those bore, once
/// they are gone.
pub(crate) struct Scale<'a> {
    bearer: Bearer<'a>,
    load: Load,
    ahead: usize,
    /// What is borne already.
    beyond: usize,
    weight: usize,
    is_full: bool,
}

impl Scale<'_> {
    /// Weighs so many bytes more; whether there is room.
    pub(crate) fn more(&mut self, bytes: usize) -> bool {
        self.weight = self.weight.saturating_add(bytes);
        let more = self.weight.saturating_sub(self.ahead).saturating_sub(self.beyond);
        if more == 0 {
            return true;
        }
        // Not for every few bytes: all threads count in one place.
        let more = more.checked_next_multiple_of(STEP).unwrap_or(usize::MAX);
        self.beyond = self.beyond.saturating_add(more);
        self.is_full = !self.load.more(more);
        !self.is_full
    }

    /// Whether there was no room.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// What a caller is told whose body found no room.
    pub(crate) fn no_room(&self) -> Problem {
        self.bearer.no_room(self.weight.max(self.ahead.saturating_add(self.beyond)))
    }

    /// Bears all of it: its bytes are gone.
    pub(crate) fn whole(mut self) -> Result<Load, Problem> {
        if self.load.more(self.weight.saturating_sub(self.beyond)) { Ok(self.load) } else { Err(self.no_room()) }
    }
}

/// What a request weighs on this node. Whoever works on it keeps this until they are done with its body: a caller who left takes
/// nothing of it away.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "it is given back when it is dropped")] Load);

impl Load {
    /// For whoever works on what it is of.
    pub(crate) fn held(self) -> Held {
        Held(self)
    }
}

struct Borne {
    body: Bytes,
    _load: Load,
}

impl AsRef<[u8]> for Borne {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_critical_find_no_room_sooner_and_all_is_given_back() {
        let burden = Burden::new(100);
        let mut held = Vec::new();
        for (criticality, fits) in [(Criticality::Tier3, 60), (Criticality::Tier2, 20), (Criticality::Tier1, 20)] {
            let mut load = Bearer::new(&burden, criticality).begin();
            assert!(load.more(fits) && !load.more(1), "{criticality:?}");
            held.push(load.of(Bytes::from(vec![0; fits])));
        }
        assert_eq!(burden.held(), 100);
        let part = held[0].slice(1..2);
        held.clear();
        assert_eq!(burden.held(), 60, "a part of a body holds it");
        drop(part);
        assert_eq!(burden.held(), 0);
        assert!(
            !Bearer::new(&Burden::new(10), Criticality::Tier1).begin().more(usize::MAX),
            "nor by counting over the end"
        );
    }
}
