//! What a node asks the store of the limits that nodes share, and what it does with the answer or without one. All of it
//! beside the requests, which only meet what is in hand: `crate::limit` and `crate::quota`. INVARIANT: SHIELDED-PATH

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_model::budget::{BudgetAsk, BudgetShare};
use selvage_model::scalar::Quota;

use crate::config::Sharing;
use crate::limit::{Allowance, GrantLimits, InterfaceLimits, Meter};
use crate::live::{Books, Live};
use crate::quota::{Counter, Span};

/// A fiftieth of a quota is taken in hand at a time, or twice what went in the last tick.
const SLICE: u64 = 50;
const LEAST_SLICE: u64 = 5;
/// So many seconds before a window begins a part of it is taken in hand, so that nothing passes in it that the store does not know of.
const BEFORE_WINDOW: i64 = 10;
/// How long a rate's row is kept after it was last used, in seconds.
const KEPT: i64 = 86_400;

/// Which limits a round is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetMoment {
    /// Those that are due.
    Due,
    /// All quotas, so that a node that begins knows what was spent before it.
    First,
    /// All that is in hand, to give it back.
    Last,
}

/// What a node asks in one round.
pub struct BudgetRound {
    /// To be settled with the store, in this order.
    pub asks: Vec<BudgetAsk>,
    targets: Vec<Target>,
    began: u64,
    lease: u64,
}

struct Target {
    limits: Limited,
    used: u64,
    of: Of,
}

#[derive(Clone, Copy)]
enum Of {
    Rate(Allowance),
    /// Of what is given back, so many may pass again before the store is heard.
    Quota {
        quota: Quota,
        span: Span,
        ahead: u64,
    },
    /// Of the window that comes next.
    Next(Span),
}

/// Whose limits.
#[derive(Clone)]
pub(crate) enum Limited {
    Grant(Arc<GrantLimits>),
    Interface(Arc<InterfaceLimits>),
}

/// What is known of a limit's dealings with the store.
#[derive(Debug, Default)]
pub(crate) struct LimitBooks {
    rate: RateBook,
    quota: QuotaBook,
}

#[derive(Debug, Default)]
struct RateBook {
    demand: u64,
    renewed: Option<u64>,
    /// Since when the node asks without having given back.
    joined: u64,
}

#[derive(Debug, Default)]
struct QuotaBook {
    begins: i64,
    /// How many of the window the store was told.
    told: u64,
    /// How many had passed at the last look.
    seen: u64,
    /// How many passed between two looks lately.
    pace: u64,
    renewed: Option<u64>,
    /// When a part of the next window was asked for.
    reserved: Option<u64>,
}

/// One limit as declared, with its state.
pub(crate) struct Shared<'l> {
    pub(crate) name: &'l dyn std::fmt::Display,
    pub(crate) limits: Limited,
    pub(crate) rate: Option<Allowance>,
    pub(crate) quota: Option<Quota>,
    /// What happens while the store cannot be reached.
    pub(crate) refuses: bool,
    /// Deliveries may draw on the same limits beside the requests.
    pub(crate) is_delivered: bool,
}

/// A part of a quota that was not renewed for so long has run out, in nanoseconds: no lease is as long.
const RUN_OUT: u64 = 60_000_000_000;

impl LimitBooks {
    /// Whether the store counts on this node to tell what became of a part of the quota.
    pub(crate) fn deals(&self, now: u64) -> bool {
        self.quota.renewed.is_some_and(|renewed| now.saturating_sub(renewed) < RUN_OUT)
    }

    #[cfg(test)]
    pub(crate) fn renewed(&mut self, at: u64) {
        self.quota.renewed = Some(at);
    }
}

impl Limited {
    fn rate(&self) -> &Meter {
        match self {
            Self::Grant(limits) => &limits.rate,
            Self::Interface(limits) => &limits.rate,
        }
    }

    fn quota(&self) -> &Counter {
        match self {
            Self::Grant(limits) => &limits.quota,
            Self::Interface(limits) => &limits.quota,
        }
    }

    fn books(&self) -> MutexGuard<'_, LimitBooks> {
        let books = match self {
            Self::Grant(limits) => &limits.books,
            Self::Interface(limits) => &limits.books,
        };
        books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time and the lease of a round.
#[derive(Clone, Copy)]
struct Moment {
    nanos: u64,
    wall: Timestamp,
    lease: u64,
    round: BudgetMoment,
    sharing: Sharing,
}

impl Moment {
    fn since(self, before: Option<u64>) -> u64 {
        before.map_or(u64::MAX, |before| self.nanos.saturating_sub(before))
    }
}

/// Whether a store keeps any limit that is declared.
pub(crate) fn is_any_shared(live: &Live, sharing: Sharing) -> bool {
    match sharing {
        Sharing::None => false,
        Sharing::Quotas => live.has_shared(true),
        Sharing::All => live.has_shared(false),
    }
}

/// A store has nothing to keep: as long as that is so, nobody is cut off from it, and no silence is counted.
pub(crate) fn unneeded(books: &Books) {
    books.limits.heard.store(books.nanos(Instant::now()), Ordering::Relaxed);
    books.limits.cut_off.store(false, Ordering::Relaxed);
}

/// What is to be asked now.
pub(crate) fn round(live: &Live, books: &Books, round: BudgetMoment, lease: Duration) -> BudgetRound {
    let nanos = books.nanos(Instant::now());
    let lease = u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX);
    let moment = Moment { nanos, wall: Timestamp::now(), lease, round, sharing: books.limits.sharing };
    let mut asked = BudgetRound { asks: Vec::new(), targets: Vec::new(), began: nanos, lease };
    for shared in live.awake() {
        if let (Some(allowance), Sharing::All) = (shared.rate, books.limits.sharing) {
            asked.add_rate(&shared, allowance, moment);
        }
        if let Some(quota) = shared.quota {
            asked.add_quota(&shared, quota, moment);
            asked.add_next(&shared, quota, moment);
        }
    }
    asked
}

impl BudgetRound {
    fn add_rate(&mut self, shared: &Shared<'_>, allowance: Allowance, moment: Moment) {
        let meter = shared.limits.rate();
        let mut books = shared.limits.books();
        let book = &mut books.rate;
        let fresh = meter.take_demand();
        book.demand = if book.renewed.is_none() { fresh } else { (book.demand + fresh) / 2 };
        // What was used of the burst lately is not another's to use again: the share stays until that is paid.
        let idle = book.demand == 0 && meter.is_settled(moment.nanos);
        let period = if meter.held() == Some(allowance.burst) { moment.lease / 3 } else { moment.lease / 6 };
        let due = match (book.renewed, moment.round) {
            (None, BudgetMoment::Due) => book.demand > 0,
            (None, BudgetMoment::First | BudgetMoment::Last) => false,
            (Some(_), BudgetMoment::Last) => true,
            (renewed, _) => moment.since(renewed) >= period,
        };
        if !due {
            return;
        }
        let gives_back = idle || moment.round == BudgetMoment::Last;
        self.asks.push(BudgetAsk {
            name: format!("rate of {}", shared.name),
            begins: 0,
            ends: moment.wall.as_second() + KEPT,
            limit: allowance.burst,
            spent: 0,
            want: u64::from(!gives_back),
            demand: book.demand,
        });
        self.targets.push(Target { limits: shared.limits.clone(), used: 0, of: Of::Rate(allowance) });
    }

    fn add_quota(&mut self, shared: &Shared<'_>, quota: Quota, moment: Moment) {
        let counter = shared.limits.quota();
        let span = Span::at(quota.window, moment.wall);
        let mut books = shared.limits.books();
        let book = &mut books.quota;
        if book.begins != span.begins {
            // What the store was not told of the window before, it counts when the slice of it runs out.
            *book = QuotaBook { begins: span.begins, ..QuotaBook::default() };
        }
        let used = counter.used(span);
        let moved = used.saturating_sub(book.seen);
        (book.seen, book.pace) = (used, moved.max(book.pace / 2));
        let slice = slice(quota, book.pace);
        let in_hand = counter.in_hand(span, used, quota);
        // Nobody else asks for it: what is in hand stays in hand, so that a node that is killed forgives nothing.
        let keeps = moment.sharing == Sharing::Quotas && !shared.is_delivered;
        let period = if in_hand == 0 { moment.lease / 6 } else { moment.lease / 3 };
        let due = match (book.renewed, moment.round) {
            (_, BudgetMoment::First) => true,
            (None, BudgetMoment::Due) => keeps || used > book.told || in_hand == 0 || counter.has_reserved(span),
            (None, BudgetMoment::Last) => used > book.told || counter.has_reserved(span),
            (Some(_), BudgetMoment::Last) => true,
            (renewed, _) => {
                let rests = keeps && used == book.told && in_hand > 0;
                (moved > 0 && in_hand < slice / 2) || (!rests && moment.since(renewed) >= period)
            }
        };
        if !due {
            return;
        }
        let idle = !keeps && book.pace == 0 && in_hand > 0 && moment.round == BudgetMoment::Due;
        let want = if idle || moment.round == BudgetMoment::Last { 0 } else { slice };
        // What is given back is not used any more before it is told: whoever takes at this moment sees that, or is seen.
        counter.allow(span, used + in_hand.min(want));
        let used = counter.used(span);
        self.asks.push(BudgetAsk {
            name: format!("quota of {}", shared.name),
            begins: span.begins,
            ends: span.ends + KEPT,
            limit: quota.count,
            spent: used.saturating_sub(book.told),
            want,
            demand: book.pace,
        });
        // A node that is killed may have passed as much of it as it would have had in hand, and no more.
        let ahead =
            if moment.round == BudgetMoment::Last { 0 } else { Counter::ahead(quota).min(self::slice(quota, 0)) };
        self.targets.push(Target { limits: shared.limits.clone(), used, of: Of::Quota { quota, span, ahead } });
    }

    /// Of a window that is about to begin a part is taken in hand where the node deals in this one: a node that is killed in its first
    /// moments has passed nothing of it that the store does not know of.
    fn add_next(&mut self, shared: &Shared<'_>, quota: Quota, moment: Moment) {
        let span = Span::at(quota.window, moment.wall);
        let mut books = shared.limits.books();
        let book = &mut books.quota;
        let is_near = span.ends - moment.wall.as_second() <= BEFORE_WINDOW;
        let gives_back = moment.round == BudgetMoment::Last || book.renewed.is_none();
        let is_due = match book.reserved {
            None => is_near && !gives_back,
            Some(_) if gives_back => true,
            // On a file nobody else takes note of how old it is.
            Some(reserved) => moment.sharing == Sharing::All && moment.since(Some(reserved)) >= moment.lease / 3,
        };
        if !is_due || book.begins != span.begins {
            return;
        }
        let next = span.next(quota.window);
        self.asks.push(BudgetAsk {
            name: format!("quota of {}", shared.name),
            begins: next.begins,
            ends: next.ends + KEPT,
            limit: quota.count,
            spent: 0,
            want: if gives_back { 0 } else { slice(quota, book.pace) },
            demand: book.pace,
        });
        self.targets.push(Target { limits: shared.limits.clone(), used: 0, of: Of::Next(next) });
    }

    /// Takes the shares that the store gave, in the order of the asks; how many requests were lost by nodes that ended.
    pub(crate) fn settled(&self, shares: &[BudgetShare], books: &Books) -> u64 {
        for ((ask, target), share) in self.asks.iter().zip(&self.targets).zip(shares) {
            match target.of {
                Of::Rate(allowance) => self.take_rate(ask, target, allowance, share, books),
                Of::Quota { quota, span, ahead } => take_quota(self.began, (ask, share), target, (quota, span, ahead)),
                Of::Next(span) => take_next(self.began, (ask, share), target, span),
            }
        }
        books.limits.heard.store(self.began, Ordering::Relaxed);
        shares.iter().map(|share| share.lost).sum()
    }

    fn take_rate(&self, ask: &BudgetAsk, target: &Target, allowance: Allowance, share: &BudgetShare, books: &Books) {
        let meter = target.limits.rate();
        let mut kept = target.limits.books();
        if ask.want == 0 {
            kept.rate.renewed = None;
            meter.share();
            meter.deals(false);
            return;
        }
        if kept.rate.renewed.replace(self.began).is_none() {
            kept.rate.joined = self.began;
        }
        meter.deals(true);
        // Those who have it all learn of a node that joins when they ask next: meanwhile it passes what it may unheard.
        if share.held == 0 && self.began.saturating_sub(kept.rate.joined) < self.lease / 2 {
            return;
        }
        meter.hold(books.nanos(Instant::now()), allowance, share.held);
    }
}

fn take_quota(
    began: u64,
    (ask, share): (&BudgetAsk, &BudgetShare),
    target: &Target,
    (quota, span, ahead): (Quota, Span, u64),
) {
    let counter = target.limits.quota();
    let mut kept = target.limits.books();
    let book = &mut kept.quota;
    if book.begins != span.begins {
        return;
    }
    book.told = target.used;
    book.renewed = (ask.want > 0).then_some(began);
    let left = quota.count.saturating_sub(share.spent);
    let in_hand = if ask.want > 0 { share.held } else { ahead.min(left) };
    counter.heard(span, share.spent.saturating_sub(target.used));
    counter.allow(span, target.used + in_hand);
    if counter.has_reserved(span) {
        counter.reserve(span, 0);
    }
}

fn take_next(began: u64, (ask, share): (&BudgetAsk, &BudgetShare), target: &Target, span: Span) {
    let mut kept = target.limits.books();
    let book = &mut kept.quota;
    // Where the window has begun meanwhile, it is settled as any other.
    if book.begins < span.begins {
        book.reserved = (ask.want > 0).then_some(began);
        target.limits.quota().reserve(span, if ask.want > 0 { share.held } else { 0 });
    }
}

/// What a node takes in hand of a quota at a time.
fn slice(quota: Quota, pace: u64) -> u64 {
    (quota.count / SLICE).max(LEAST_SLICE).max(2 * pace).min(quota.count)
}

/// The store did not answer. Once every lease has run out, the node does what each interface declares; whether it
/// begins with that.
pub(crate) fn missed(live: &Live, books: &Books, lease: Duration) -> bool {
    let heard = books.limits.heard.load(Ordering::Relaxed);
    let now = books.nanos(Instant::now());
    if Duration::from_nanos(now.saturating_sub(heard)) < lease {
        return false;
    }
    for shared in live.shared() {
        let meter = shared.limits.rate();
        if let (Some(allowance), Sharing::All) = (shared.rate, books.limits.sharing) {
            if shared.refuses {
                meter.hold(now, allowance, 0);
            } else {
                meter.go_on_alone();
            }
        }
        if let Some(quota) = shared.quota {
            let span = Span::at(quota.window, Timestamp::now());
            let counter = shared.limits.quota();
            counter.allow(span, if shared.refuses { counter.used(span) } else { quota.count });
        }
    }
    !books.limits.cut_off.swap(true, Ordering::Relaxed)
}

/// The store answers again: what each limit has in hand is asked for anew.
pub(crate) fn found(live: &Live, books: &Books) {
    if !books.limits.cut_off.swap(false, Ordering::Relaxed) {
        return;
    }
    for shared in live.shared() {
        let mut kept = shared.limits.books();
        if shared.rate.is_some() && books.limits.sharing == Sharing::All {
            kept.rate.renewed = None;
            shared.limits.rate().share();
            shared.limits.rate().deals(false);
        }
        if let Some(quota) = shared.quota {
            kept.quota.renewed = None;
            let span = Span::at(quota.window, Timestamp::now());
            shared.limits.quota().allow(span, shared.limits.quota().used(span));
        }
    }
}
