//! Who may begin a call now: by priority, within the learnt limit, the rate and what an account may. Pure: it is told the
//! time and who comes and goes, and says whose turn it is; it never sleeps and never calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use selvage_model::manifest::system::{AccountLimits, Bounds};

use super::bucket::Bucket;
use super::count::Counts;
use super::limit::{Ended, Limit};
use super::{Busy, Outcome, Priority};

/// The most calls that wait; what comes on top is turned away, the least urgent first.
const MOST_WAITING: usize = 1_024;
/// How long room is kept for a priority after a call of it was last heard of.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// One call in so many measures how long calls take.
const SMOOTHING: f64 = 1.0 / 16.0;

/// A call that waits or is under way.
pub(super) type Ticket = u64;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This one has begun.
    Begun(Ticket),
    /// This one may begin then, for the rate's sake, if nothing changes before.
    At(Ticket, Duration),
    /// Nobody's until a call ends or another comes.
    Nobody,
}

/// How a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits.
    Waiting,
    /// It has begun.
    Begun,
    /// It was turned away.
    TurnedAway,
}

/// The state of one database's governor.
pub(super) struct Queue {
    bounds: Bounds,
    limit: Limit,
    bucket: Option<Bucket>,
    accounts: HashMap<Arc<str>, Account>,
    tiers: [Tier; 4],
    begun: HashMap<Ticket, Begun>,
    next: Ticket,
    begins: u64,
    /// Seconds that a call takes, smoothed.
    takes: Option<f64>,
    pub(super) counts: Counts,
}

/// One priority.
#[derive(Default)]
struct Tier {
    waiting: VecDeque<Waiting>,
    under_way: usize,
    /// Calls of higher priorities that began while one of this waited.
    passed_over: u32,
    heard: Option<Duration>,
}

struct Waiting {
    ticket: Ticket,
    account: Arc<str>,
    since: Duration,
}

struct Begun {
    priority: Priority,
    account: Arc<str>,
    at: Duration,
    under_way: usize,
    nth: u64,
}

#[derive(Default)]
struct Account {
    most: Option<usize>,
    bucket: Option<Bucket>,
    under_way: usize,
}

/// Whether one of a priority may begin.
enum Candidate {
    Now(usize),
    At(Ticket, Duration),
    No,
}

impl Queue {
    /// Nothing under way.
    pub(super) fn new(bounds: Bounds, now: Duration) -> Self {
        let mut queue = Self {
            bounds,
            limit: Limit::new(most(bounds.concurrency)),
            bucket: None,
            accounts: HashMap::new(),
            tiers: Default::default(),
            begun: HashMap::new(),
            next: 0,
            begins: 0,
            takes: None,
            counts: Counts::default(),
        };
        queue.declare(bounds, now);
        queue
    }

    /// Other bounds from now on.
    pub(super) fn declare(&mut self, bounds: Bounds, now: Duration) {
        self.bounds = bounds;
        self.limit.declare(most(bounds.concurrency));
        declare(&mut self.bucket, bounds.per_second, bounds.concurrency, now);
    }

    /// What an account may from now on, within the bounds of all.
    pub(super) fn declare_account(&mut self, account: &str, limits: AccountLimits, now: Duration) {
        let concurrency = limits.concurrency.unwrap_or(self.bounds.concurrency);
        let account = self.accounts.entry(Arc::from(account)).or_default();
        account.most = limits.concurrency.map(most);
        declare(&mut account.bucket, limits.per_second, concurrency, now);
    }

    /// Declared bounds.
    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The learnt limit.
    pub(super) fn limit(&self) -> usize {
        self.limit.now()
    }

    /// How many calls of a priority wait, and how many are under way.
    pub(super) fn load(&self, priority: Priority) -> (usize, usize) {
        let tier = self.tier(priority);
        (tier.waiting.len(), tier.under_way)
    }

    /// A call that wants to begin within its patience. The other ticket is of one that is turned away for it.
    pub(super) fn enter(
        &mut self,
        account: &str,
        priority: Priority,
        patience: Duration,
        now: Duration,
    ) -> Result<(Ticket, Option<Ticket>), Busy> {
        let account = self.account(account);
        self.tier_mut(priority).heard = Some(now);
        let soonest = self.soonest(&account, priority, now);
        if soonest > patience {
            self.counts.turned_away(priority);
            return Err(Busy { after: Some(soonest), full: false, rests: false });
        }
        let all: usize = self.tiers.iter().map(|tier| tier.waiting.len()).sum();
        let shed = if all < MOST_WAITING { None } else { self.shed(priority, now).map(Some)? };
        let ticket = self.next;
        self.next += 1;
        self.tier_mut(priority).waiting.push_back(Waiting { ticket, account, since: now });
        Ok((ticket, shed))
    }

    /// Lets one begin, where one may.
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        let mut next: Option<(Duration, Ticket)> = None;
        for priority in self.order() {
            match self.candidate(priority, now) {
                Candidate::Now(index) => {
                    if let Some(ticket) = self.begin(priority, index, now) {
                        return Turn::Begun(ticket);
                    }
                }
                Candidate::At(ticket, at) if next.is_none_or(|(earliest, _)| at < earliest) => {
                    next = Some((at, ticket));
                }
                Candidate::At(..) | Candidate::No => {}
            }
        }
        next.map_or(Turn::Nobody, |(at, ticket)| Turn::At(ticket, at))
    }

    /// How a ticket stands.
    pub(super) fn standing(&self, ticket: Ticket) -> Standing {
        if self.begun.contains_key(&ticket) {
            return Standing::Begun;
        }
        let waits = self.tiers.iter().any(|tier| tier.waiting.iter().any(|waiting| waiting.ticket == ticket));
        if waits { Standing::Waiting } else { Standing::TurnedAway }
    }

    /// One that waits no longer, or has begun without knowing it: nothing was sent.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Duration) {
        for tier in &mut self.tiers {
            tier.waiting.retain(|waiting| waiting.ticket != ticket);
        }
        self.end(ticket, "", Outcome::Dropped, now);
    }

    /// One whose patience is over.
    pub(super) fn give_up(&mut self, ticket: Ticket, priority: Priority, now: Duration) -> Busy {
        self.leave(ticket, now);
        self.counts.turned_away(priority);
        self.busy(priority, now, false)
    }

    /// One whose call has ended, with how.
    pub(super) fn end(&mut self, ticket: Ticket, kind: &str, outcome: Outcome, now: Duration) {
        let Some(Begun { priority, account, at, under_way, nth }) = self.begun.remove(&ticket) else { return };
        self.tier_mut(priority).under_way -= 1;
        if let Some(account) = self.accounts.get_mut(&account) {
            account.under_way = account.under_way.saturating_sub(1);
        }
        let took = now.saturating_sub(at);
        if outcome != Outcome::Dropped {
            let before = self.takes.unwrap_or(took.as_secs_f64());
            self.takes = Some(before + SMOOTHING * (took.as_secs_f64() - before));
        }
        self.counts.ended(outcome);
        let alone = under_way == 1 && nth == self.begins;
        self.limit.ended(&Ended { kind, under_way, alone, begun: at, sign: outcome.sign(took) }, now);
    }

    /// The least time that the rate makes a new call of this priority wait.
    fn soonest(&mut self, account: &Arc<str>, priority: Priority, now: Duration) -> Duration {
        let waiting = &self.tier(priority).waiting;
        let ahead = tokens(waiting.len());
        let of_account = tokens(waiting.iter().filter(|waiting| &waiting.account == account).count());
        let by_all = self.bucket.as_mut().map_or(Duration::ZERO, |bucket| bucket.wait(ahead + 1, now));
        let own = self.accounts.get_mut(account).and_then(|account| account.bucket.as_mut());
        by_all.max(own.map_or(Duration::ZERO, |bucket| bucket.wait(of_account + 1, now)))
    }

    /// Turns the newest of the least urgent away, where something less urgent than this waits.
    fn shed(&mut self, priority: Priority, now: Duration) -> Result<Ticket, Busy> {
        for lower in Priority::ALL.into_iter().rev().take_while(|lower| *lower > priority) {
            if let Some(waiting) = self.tier_mut(lower).waiting.pop_back() {
                self.counts.turned_away(lower);
                return Ok(waiting.ticket);
            }
        }
        self.counts.turned_away(priority);
        Err(self.busy(priority, now, true))
    }

    /// That it is too busy, with when it may be asked again as far as that can be known.
    pub(super) fn busy(&mut self, priority: Priority, now: Duration, full: bool) -> Busy {
        let ahead: usize = Priority::ALL.iter().filter(|p| **p <= priority).map(|p| self.tier(*p).waiting.len()).sum();
        let by_rate = self.bucket.as_mut().map(|bucket| bucket.wait(tokens(ahead) + 1, now));
        let by_work = self.takes.map(|takes| Duration::from_secs_f64(takes * ahead as f64 / self.limit.now() as f64));
        Busy { after: by_rate.max(by_work), full, rests: false }
    }

    /// Priorities in the order in which they are looked at: those that were passed over too often, then by rank.
    fn order(&self) -> impl Iterator<Item = Priority> + use<> {
        let starves = |priority: &Priority| {
            let tier = self.tier(*priority);
            !tier.waiting.is_empty() && priority.bears().is_some_and(|bears| tier.passed_over >= bears)
        };
        let starving: Vec<Priority> = Priority::ALL.into_iter().filter(starves).collect();
        starving.into_iter().chain(Priority::ALL)
    }

    fn candidate(&mut self, priority: Priority, now: Duration) -> Candidate {
        if self.tier(priority).waiting.is_empty() {
            return Candidate::No;
        }
        if !self.has_room(priority, now) {
            self.limit.wanted();
            return Candidate::No;
        }
        let kept = self.keeps_room(priority, now);
        let wait = self.bucket.as_mut().map_or(Duration::ZERO, |bucket| {
            let kept = if kept { bucket.burst() / 4 } else { 0 };
            bucket.wait(1 + kept, now)
        });
        let mut next = None;
        for (index, waiting) in self.tier(priority).waiting.iter().enumerate() {
            let Some(own) = self.accounts.get(&waiting.account).and_then(|account| account.wait(now)) else { continue };
            match wait.max(own) {
                Duration::ZERO => return Candidate::Now(index),
                wait if next.is_none_or(|(_, least)| wait < least) => next = Some((waiting.ticket, wait)),
                _ => {}
            }
        }
        next.map_or(Candidate::No, |(ticket, wait)| Candidate::At(ticket, now.saturating_add(wait)))
    }

    /// Whether something more urgent was heard of lately, for which room is kept.
    fn keeps_room(&self, priority: Priority, now: Duration) -> bool {
        let lately = |tier: &Tier| tier.heard.is_some_and(|heard| now.saturating_sub(heard) < KEPT_FOR);
        Priority::ALL.iter().filter(|higher| **higher < priority).any(|higher| lately(self.tier(*higher)))
    }

    /// Whether the limit has room for one more of this priority. Where something more urgent was heard of lately, calls of a
    /// priority and below it together leave a quarter free, and those in the background a half.
    fn has_room(&self, priority: Priority, now: Duration) -> bool {
        let allowed = self.limit.allowed();
        let quarter = allowed.div_ceil(4);
        let room = |of: Priority| match of {
            _ if !self.keeps_room(of, now) => allowed,
            Priority::Background => allowed.saturating_sub(2 * quarter).max(1),
            _ => allowed.saturating_sub(quarter).max(1),
        };
        let under_way = |from: Priority| -> usize {
            Priority::ALL.iter().filter(|p| **p >= from).map(|p| self.tier(*p).under_way).sum()
        };
        Priority::ALL.into_iter().take_while(|of| *of <= priority).all(|of| under_way(of) < room(of))
    }

    fn begin(&mut self, priority: Priority, index: usize, now: Duration) -> Option<Ticket> {
        let Waiting { ticket, account, since } = self.tier_mut(priority).waiting.remove(index)?;
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        if let Some(account) = self.accounts.get_mut(&account) {
            account.under_way += 1;
            account.bucket.as_mut().map(|bucket| bucket.take(now));
        }
        for lower in Priority::ALL.into_iter().filter(|lower| *lower > priority) {
            let tier = self.tier_mut(lower);
            tier.passed_over = if tier.waiting.is_empty() { 0 } else { tier.passed_over.saturating_add(1) };
        }
        let tier = self.tier_mut(priority);
        tier.passed_over = 0;
        tier.under_way += 1;
        let under_way = self.tiers.iter().map(|tier| tier.under_way).sum();
        self.begins += 1;
        self.begun.insert(ticket, Begun { priority, account, at: now, under_way, nth: self.begins });
        self.counts.began(priority, now.saturating_sub(since));
        Some(ticket)
    }

    fn account(&mut self, name: &str) -> Arc<str> {
        if let Some((known, _)) = self.accounts.get_key_value(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.accounts.insert(Arc::clone(&name), Account::default());
        name
    }

    fn tier(&self, priority: Priority) -> &Tier {
        let [first, second, third, background] = &self.tiers;
        match priority {
            Priority::First => first,
            Priority::Second => second,
            Priority::Third => third,
            Priority::Background => background,
        }
    }

    fn tier_mut(&mut self, priority: Priority) -> &mut Tier {
        let [first, second, third, background] = &mut self.tiers;
        match priority {
            Priority::First => first,
            Priority::Second => second,
            Priority::Third => third,
            Priority::Background => background,
        }
    }
}

impl Account {
    /// How long its own rate makes it wait; `None` while it has as much under way as it may.
    fn wait(&self, now: Duration) -> Option<Duration> {
        if self.most.is_some_and(|most| self.under_way >= most) {
            return None;
        }
        Some(self.bucket.as_ref().map_or(Duration::ZERO, |bucket| bucket.clone().wait(1, now)))
    }
}

/// A burst as large as what may be under way at once, but never more than a second's worth.
fn declare(bucket: &mut Option<Bucket>, per_second: Option<u32>, concurrency: u32, now: Duration) {
    match (per_second, bucket) {
        (None, bucket) => *bucket = None,
        (Some(rate), Some(bucket)) => bucket.declare(rate, concurrency.min(rate), now),
        (Some(rate), bucket) => *bucket = Some(Bucket::new(rate, concurrency.min(rate), now)),
    }
}

fn most(concurrency: u32) -> usize {
    usize::try_from(concurrency).unwrap_or(usize::MAX).max(1)
}

fn tokens(calls: usize) -> u32 {
    u32::try_from(calls).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests;
