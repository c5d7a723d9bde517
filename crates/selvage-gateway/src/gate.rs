//! Places: how many requests may be in hand at once at an interface or an upstream. Who finds none free is refused at
//! once or waits a bounded time; the less critical find none earlier, so that the critical always do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use selvage_model::manifest::interface::Criticality;
use tokio::sync::Notify;

/// How many places there are, and how long one is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// By criticality, tier-1 first: places that may be taken while so many are in hand.
    most: [u32; 3],
    pub(crate) wait: Duration,
}

impl Room {
    /// The same for all.
    pub(crate) fn even(most: u32, wait: Duration) -> Self {
        Self { most: [most; 3], wait }
    }

    /// With a part (in thousandths) kept for tier-1, and as much again that tier-3 does not get.
    pub(crate) fn reserved(most: u32, thousandths: u32, wait: Duration) -> Self {
        let kept = |times: u32| {
            let kept = u64::from(most) * u64::from(thousandths) * u64::from(times) / 1_000;
            most.saturating_sub(u32::try_from(kept).unwrap_or(u32::MAX)).max(1)
        };
        Self { most: [most, kept(1), kept(2)], wait }
    }

    /// How many may be in hand for one more of this criticality.
    pub(crate) fn most(self, criticality: Criticality) -> u32 {
        let [first, second, third] = self.most;
        match criticality {
            Criticality::Tier1 => first,
            Criticality::Tier2 => second,
            Criticality::Tier3 => third,
        }
    }
}

/// The places of one interface or upstream.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    in_hand: AtomicU32,
    waiting: AtomicU32,
    freed: Notify,
}

/// A request's places among those in hand, at one gate or at two; gives them back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Option<Arc<Gate>>,
    other: Option<Arc<Gate>>,
}

impl Place {
    /// This one, with one at another gate.
    pub(crate) fn with(mut self, other: Option<Self>) -> Self {
        self.other = other.and_then(|mut other| other.gate.take());
        self
    }
}

impl Gate {
    /// A place among `most`, where one is free.
    pub(crate) fn enter(self: &Arc<Self>, most: u32) -> Option<Place> {
        // Who is refused must not even for a moment seem to be one more in hand.
        let one_more = |in_hand: u32| (in_hand < most).then_some(in_hand + 1);
        self.in_hand.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Place { gate: Some(Arc::clone(self)), other: None })
    }

    /// A place, as soon as one is free, within this time.
    pub(crate) async fn enter_within(self: &Arc<Self>, most: u32, wait: Duration) -> Option<Place> {
        if wait.is_zero() {
            return self.enter(most);
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self);
        let waiting = async {
            loop {
                let freed = self.freed.notified();
                if let Some(place) = self.enter(most) {
                    return place;
                }
                freed.await;
            }
        };
        tokio::time::timeout(wait, waiting).await.ok()
    }

    /// How many are in hand.
    pub(crate) fn in_hand(&self) -> u32 {
        self.in_hand.load(Ordering::Relaxed)
    }
}

struct Waiting<'g>(&'g Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    fn leave(&self) {
        self.in_hand.fetch_sub(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // All look: whoever is woken may be one that must leave room for the more critical.
            self.freed.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for gate in [&self.gate, &self.other].into_iter().flatten() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_critical_find_no_place_earlier() {
        let room = Room::reserved(10, 200, Duration::ZERO);
        let table = [(Criticality::Tier1, 10), (Criticality::Tier2, 8), (Criticality::Tier3, 6)];
        for (criticality, most) in table {
            assert_eq!(room.most(criticality), most, "{criticality:?}");
        }
        assert_eq!(Room::reserved(1, 900, Duration::ZERO).most(Criticality::Tier3), 1, "never nothing");
        let gate = Arc::new(Gate::default());
        let enter = |criticality: Criticality, times: usize| -> Vec<Place> {
            (0..times).map_while(|_| gate.enter(room.most(criticality))).collect()
        };
        let third = enter(Criticality::Tier3, 20);
        let second = enter(Criticality::Tier2, 20);
        let first = enter(Criticality::Tier1, 20);
        assert_eq!((third.len(), second.len(), first.len(), gate.in_hand()), (6, 2, 2, 10));
        drop((third, second, first));
        assert_eq!(gate.in_hand(), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_waits_gets_the_next_place_or_none_in_time() {
        let gate = Arc::new(Gate::default());
        let place = gate.enter(1).unwrap();
        assert!(gate.enter_within(1, Duration::from_millis(20)).await.is_none());
        let waits = async { gate.enter_within(1, Duration::from_secs(20)).await.is_some() };
        let frees = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(place);
        };
        assert!(tokio::join!(waits, frees).0);
        assert_eq!((gate.in_hand(), gate.waiting.load(Ordering::SeqCst)), (0, 0));
    }
}
