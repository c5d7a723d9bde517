//! What all subscriptions share at this node that send to one address: how many messages are under way there, how fast they follow each
//! other, and whether it failed so often that it is left alone. As much as the one of them is let that is let most, so that a second
//! subscription does not double what an endpoint is sent. What an endpoint asks for (`Retry-After`) is each subscription's own. Whoever
//! comes first goes first, so that one that sends much keeps no place from one that sends little.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use selvage_model::scalar::Rate;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::gate::{Gate, NotNow, Pass, SOON, Went, apart, slack};
use crate::EndpointLimits;

/// A message waits so long for its place, and then it is as if nobody had tried.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The addresses to which this node sends, for as long as anybody does.
#[derive(Default)]
pub(super) struct Addresses(Mutex<HashMap<String, Weak<Address>>>);

/// One address.
pub(super) struct Address {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    /// Whom it is shared by, and what each is let.
    members: BTreeMap<u64, EndpointLimits>,
    next_member: u64,
    rate: Option<Rate>,
    /// How many places there are, and how many of those in use are to go when they are free again.
    places: usize,
    surplus: usize,
    /// When the next message is due by the rate, if messages came evenly.
    due: Option<Instant>,
    breaker: Gate,
}

/// Somebody who sends there; no more once it is dropped.
pub(super) struct Member {
    address: Arc<Address>,
    id: u64,
}

/// A message under way. However it ends, its place is free again.
pub(super) struct Berth {
    address: Arc<Address>,
    permit: Option<OwnedSemaphorePermit>,
    pass: Pass,
    went: Went,
}

impl Addresses {
    /// Somebody more sends to this address, and is let so much.
    pub(super) fn join(&self, url: &str, limits: EndpointLimits) -> Member {
        let mut known = held(&self.0);
        known.retain(|_, address| address.strong_count() > 0);
        let found = known.get(url).and_then(Weak::upgrade);
        let address = found.unwrap_or_else(|| Arc::new(Address::new()));
        known.insert(url.to_owned(), Arc::downgrade(&address));
        let id = address.add(limits);
        Member { address, id }
    }
}

impl Member {
    /// The place of one message, waited for a little.
    pub(super) async fn enter(&self) -> Result<Berth, NotNow> {
        let address = &self.address;
        // Where it is left alone nobody waits for a place.
        let pass = held(&address.state).breaker.enter(Instant::now())?;
        let mut berth = Berth { address: Arc::clone(address), permit: None, pass, went: Went::Nothing };
        let waited = timeout(LONGEST_WAIT, Arc::clone(&address.places).acquire_owned()).await;
        let Ok(Ok(permit)) = waited else {
            let because = "as many messages as the endpoint takes at a time are under way, with those of others";
            return Err(NotNow { because: because.to_owned(), retry_after: SOON });
        };
        berth.permit = Some(permit);
        let reserved = held(&address.state).reserve(Instant::now());
        if let Some(until) = reserved? {
            tokio::time::sleep_until(until).await;
        }
        Ok(berth)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.address.remove(self.id);
    }
}

impl Berth {
    /// How it went, as far as it tells about the endpoint.
    pub(super) fn ends(mut self, went: Went) {
        self.went = match went {
            // Who is asked to wait is one subscription; another may be answered.
            Went::Later(_) => Went::Nothing,
            went => went,
        };
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        let mut state = held(&self.address.state);
        state.breaker.leave(Instant::now(), self.pass, self.went);
        if let Some(permit) = self.permit.take()
            && state.surplus > 0
        {
            state.surplus -= 1;
            permit.forget();
        }
    }
}

impl Address {
    fn new() -> Self {
        // Places and pace are kept here; what leaves an endpoint alone is the same as for one subscription.
        let open = EndpointLimits { rate: None, concurrency: u32::MAX, timeout: Duration::ZERO };
        let state = State {
            members: BTreeMap::new(),
            next_member: 0,
            rate: None,
            places: 0,
            surplus: 0,
            due: None,
            breaker: Gate::new(open),
        };
        Self { places: Arc::new(Semaphore::new(0)), state: Mutex::new(state) }
    }

    fn add(&self, limits: EndpointLimits) -> u64 {
        let mut state = held(&self.state);
        let id = state.next_member;
        state.next_member += 1;
        state.members.insert(id, limits);
        self.resize(&mut state);
        id
    }

    fn remove(&self, id: u64) {
        let mut state = held(&self.state);
        state.members.remove(&id);
        self.resize(&mut state);
    }

    /// As much as the one is let that is let most.
    fn resize(&self, state: &mut State) {
        let places = state.members.values().map(|limits| limits.concurrency.max(1)).max().unwrap_or(0);
        let places = usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        if places > state.places {
            let more = places - state.places;
            let kept = more.min(state.surplus);
            state.surplus -= kept;
            self.places.add_permits(more - kept);
        } else {
            let fewer = state.places - places;
            state.surplus += fewer - self.places.forget_permits(fewer);
        }
        state.places = places;
        let rates: Option<Vec<Rate>> = state.members.values().map(|limits| limits.rate).collect();
        state.rate = rates.unwrap_or_default().into_iter().min_by_key(|rate| apart(*rate));
    }
}

impl State {
    /// Until when the next message waits, whose time is then spoken for; too late where nobody waits so long.
    fn reserve(&mut self, now: Instant) -> Result<Option<Instant>, NotNow> {
        let Some(rate) = self.rate else { return Ok(None) };
        let due = self.due.map_or(now, |due| due.max(now));
        let wait = due.saturating_duration_since(now + slack(rate));
        if wait > LONGEST_WAIT {
            let because = "the endpoint was sent as many messages as its rate allows, with those of others";
            return Err(NotNow { because: because.to_owned(), retry_after: wait });
        }
        self.due = Some(due + apart(rate));
        Ok(Some(now + wait).filter(|_| !wait.is_zero()))
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(concurrency: u32, rate: Option<&str>) -> EndpointLimits {
        EndpointLimits { rate: rate.map(|rate| rate.parse().unwrap()), concurrency, timeout: Duration::from_secs(1) }
    }

    const URL: &str = "https://mes.example.com/hooks";

    #[tokio::test]
    async fn two_that_send_to_one_address_have_its_places_together() {
        let addresses = Addresses::default();
        let (one, other) = (addresses.join(URL, limits(2, None)), addresses.join(URL, limits(3, None)));
        let elsewhere = addresses.join("https://board.example.com/hooks", limits(1, None));
        let mut under_way = vec![one.enter().await.unwrap(), one.enter().await.unwrap(), other.enter().await.unwrap()];
        let full = other.enter().await.err().unwrap();
        assert_eq!(full.retry_after, SOON);
        assert!(elsewhere.enter().await.is_ok());
        under_way.pop();
        under_way.push(one.enter().await.unwrap());
        // Who was let most sends there no more: of what is under way one is over it.
        drop(other);
        under_way.pop();
        assert!(one.enter().await.is_err(), "two are under way");
        under_way.pop();
        assert!(one.enter().await.is_ok());
    }

    #[tokio::test]
    async fn who_comes_first_goes_first() {
        let addresses = Addresses::default();
        let (much, little) = (Arc::new(addresses.join(URL, limits(1, None))), addresses.join(URL, limits(1, None)));
        let first = much.enter().await.unwrap();
        let little = tokio::spawn(async move { little.enter().await.unwrap() });
        tokio::task::yield_now().await;
        let again = tokio::spawn(async move { much.enter().await.map(drop) });
        tokio::task::yield_now().await;
        drop(first);
        let second = little.await.unwrap();
        assert!(!again.is_finished(), "it came later");
        drop(second);
        assert!(again.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn two_that_send_to_one_address_have_its_rate_together() {
        let addresses = Addresses::default();
        let (one, other) = (addresses.join(URL, limits(8, Some("20/s"))), addresses.join(URL, limits(8, Some("5/s"))));
        let began = Instant::now();
        for number in 0..30 {
            let sends = if number % 2 == 0 { &one } else { &other };
            sends.enter().await.unwrap();
        }
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(400),
            "as many at once as a second has, and ten after each other: {took:?}"
        );
        // One that is not bounded leaves the endpoint unbounded; each keeps its own bound.
        let free = addresses.join(URL, limits(8, None));
        let began = Instant::now();
        for _ in 0..100 {
            free.enter().await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(1));
        // Nobody waits for half a minute with a place in hand.
        let slow = addresses.join("https://slow.example.com/", limits(8, Some("2/m")));
        slow.enter().await.unwrap();
        assert!(slow.enter().await.err().unwrap().retry_after > Duration::from_secs(20));
    }

    #[tokio::test]
    async fn what_fails_for_one_is_left_alone_by_all() {
        let addresses = Addresses::default();
        let (one, other) = (addresses.join(URL, limits(8, None)), addresses.join(URL, limits(8, None)));
        for sends in [&one, &other, &one, &other] {
            sends.enter().await.unwrap().ends(Went::Failed);
        }
        // Who is asked to wait waits alone.
        one.enter().await.unwrap().ends(Went::Later(Duration::from_secs(3_600)));
        other.enter().await.unwrap().ends(Went::Failed);
        for sends in [&one, &other] {
            let rests = sends.enter().await.err().unwrap();
            assert!(rests.because.contains("left alone"), "{}", rests.because);
        }
        // Nobody sends there any more: what was met is forgotten.
        drop((one, other));
        assert!(addresses.join(URL, limits(1, None)).enter().await.is_ok());
    }
}
