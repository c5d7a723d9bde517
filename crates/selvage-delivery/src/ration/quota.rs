//! The quota of a grant: how many messages arrived in this window, and how many more this node may send before it asks again. A clock
//! that goes back opens no window again. Pure.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::budget::{BudgetAsk, BudgetShare};
use selvage_model::scalar::Quota;
use selvage_model::subscription::WaitsFor;

use super::{Moment, SOON, Wait};

/// A fiftieth of a quota is taken in hand at a time, or twice what went in the last look.
const SLICE: u64 = 50;
/// How soon it is looked again where the quota is used up: what did not arrive is given back, and a quota may be raised.
const AGAIN: Duration = Duration::from_secs(30);
/// How long the store keeps a window that is over, in seconds.
const KEPT: i64 = 86_400;

#[derive(Debug)]
pub(super) struct QuotaPart {
    quota: Quota,
    lease: Duration,
    /// The window, seconds since 1970.
    begins: i64,
    ends: i64,
    /// How many went here in this window and arrived, or may.
    used: u64,
    /// How many may have gone here at most.
    allowed: u64,
    /// How many the store was told.
    told: u64,
    /// How many had gone at the last look, and how many went between two looks lately.
    seen: u64,
    pace: u64,
    /// When the store was told last that this node has something in hand.
    renewed: Option<Timestamp>,
    /// None was in hand when one was to go.
    wanted: bool,
    /// There are no more in this window.
    spent: bool,
}

impl QuotaPart {
    /// A quota as it is granted now; what went in the same window counts.
    pub(super) fn follow(before: Option<Self>, quota: Quota, lease: Duration) -> Self {
        match before {
            Some(before) if before.quota == quota => before,
            Some(before) if before.quota.window == quota.window => {
                Self { quota, spent: false, allowed: before.allowed.min(quota.count), ..before }
            }
            _ => Self {
                quota,
                lease,
                begins: 0,
                ends: 0,
                used: 0,
                allowed: 0,
                told: 0,
                seen: 0,
                pace: 0,
                renewed: None,
                wanted: false,
                spent: false,
            },
        }
    }

    fn turn(&mut self, now: Timestamp) {
        let (begins, ends) = self.quota.window.span(now);
        if begins != self.begins && ends != self.begins {
            // What the store was not told of the window before, it counts when what is in hand of it runs out.
            *self = Self { begins, ends, wanted: self.wanted, ..Self::follow(None, self.quota, self.lease) };
        }
    }

    fn in_hand(&self, moment: Moment) -> u64 {
        let own = self.renewed.is_some_and(|at| !moment.is_over(at));
        if own { self.allowed.saturating_sub(self.used) } else { 0 }
    }

    /// Takes one, and says of which window.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<i64, Wait> {
        self.turn(now);
        // What was given back after the store was told of it counts there as gone from here: it is this node's, whatever lease it has.
        let given_back = self.used < self.told;
        if given_back || self.in_hand(Moment { now, lease: self.lease, last: false }) > 0 {
            self.used += 1;
            return Ok(self.begins);
        }
        self.wanted = true;
        if self.spent {
            let ends = Timestamp::from_second(self.ends).unwrap_or(now);
            let again = now.checked_add(AGAIN).unwrap_or(ends);
            return Err(Wait { what: Some(WaitsFor::Quota), until: ends.min(again).max(now) });
        }
        Err(Wait { what: None, until: now.checked_add(SOON).unwrap_or(now) })
    }

    pub(super) fn give_back(&mut self, begins: i64) {
        if begins == self.begins {
            self.used = self.used.saturating_sub(1);
        }
    }

    pub(super) fn deals(&self) -> bool {
        self.renewed.is_some() || self.used != self.told
    }

    /// What is asked of the store, where something is.
    pub(super) fn ask(&mut self, grant: &str, moment: Moment) -> Option<BudgetAsk> {
        self.turn(moment.now);
        let moved = self.used.saturating_sub(self.seen);
        (self.seen, self.pace) = (self.used, moved.max(self.pace / 2));
        let slice = (self.quota.count / SLICE).max(1).max(2 * self.pace).min(self.quota.count);
        let (in_hand, untold) = (self.in_hand(moment), self.used.saturating_sub(self.told));
        let lacks = in_hand < slice.div_ceil(2) && (self.wanted || moved > 0) && !self.spent;
        let due = match self.renewed {
            None => self.wanted || untold > 0,
            Some(at) => moment.last || lacks || moment.is_past(at, moment.lease / 3),
        };
        if !due {
            return None;
        }
        let gives_back = moment.last || (self.pace == 0 && !self.wanted);
        let want = if gives_back { 0 } else { slice };
        self.wanted = false;
        // What is given back is not used any more before that is told.
        self.allowed = self.allowed.min(self.told.max(self.used) + in_hand.min(want));
        Some(BudgetAsk {
            name: format!("quota of {grant}"),
            begins: self.begins,
            ends: self.ends + KEPT,
            limit: self.quota.count,
            spent: untold,
            want,
            demand: self.pace,
        })
    }

    pub(super) fn settled(&mut self, ask: &BudgetAsk, share: &BudgetShare, now: Timestamp) {
        if ask.begins != self.begins {
            return;
        }
        self.told += ask.spent;
        self.renewed = (ask.want > 0).then_some(now);
        self.allowed = self.told + if ask.want > 0 { share.held } else { 0 };
        self.spent = ask.want > 0 && share.held == 0 && share.spent >= self.quota.count;
    }
}
