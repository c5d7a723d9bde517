//! The rate of a grant: the node's part of it, spent evenly. Pure.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::budget::{BudgetAsk, BudgetShare};
use selvage_model::scalar::Rate;
use selvage_model::subscription::WaitsFor;

use super::{Moment, SOON, Wait};
use crate::pace::Pace;

/// How long the store keeps a rate after it was last used, in seconds.
const KEPT: i64 = 86_400;

#[derive(Debug)]
pub(super) struct RatePart {
    rate: Rate,
    /// How much of it is this node's.
    held: u64,
    pace: Pace,
    /// Messages that wanted to go since the last look, and lately.
    fresh: u64,
    demand: u64,
    /// When the store was told last that this node has a part.
    renewed: Option<Timestamp>,
}

impl RatePart {
    /// A rate as it is granted now; what was sent under the one before counts.
    pub(super) fn follow(before: Option<Self>, rate: Rate, shares: bool) -> Self {
        match before {
            Some(before) if before.rate == rate => before,
            before => {
                let held = if shares { 0 } else { rate.count };
                let pace = before.map_or_else(|| Pace::new(Some(rate)), |before| before.pace.at_rate(rate));
                Self { rate, held, pace, fresh: 0, demand: 0, renewed: None }
            }
        }
    }

    /// Whether one may be sent.
    pub(super) fn allows(&mut self, now: Timestamp) -> Result<(), Wait> {
        self.fresh += 1;
        if self.held == 0 {
            return Err(Wait { what: None, until: now.checked_add(SOON).unwrap_or(now) });
        }
        match self.pace.next().filter(|at| *at > now) {
            Some(until) => Err(Wait { what: Some(WaitsFor::Rate), until }),
            None => Ok(()),
        }
    }

    pub(super) fn spend(&mut self, now: Timestamp) {
        self.pace.spend(now);
    }

    pub(super) fn deals(&self) -> bool {
        self.renewed.is_some()
    }

    /// What is asked of the store, where something is. What it does not renew in time is others'.
    pub(super) fn ask(&mut self, grant: &str, moment: Moment) -> Option<BudgetAsk> {
        if self.renewed.is_some_and(|at| moment.is_over(at)) {
            self.held = 0;
        }
        let fresh = std::mem::take(&mut self.fresh);
        self.demand = if self.renewed.is_none() {
            fresh
        } else {
            if fresh > 0 { (self.demand + fresh).div_ceil(2) } else { self.demand / 2 }
        };
        let period: Duration = if self.held == self.rate.count { moment.lease / 3 } else { moment.lease / 6 };
        let due = match self.renewed {
            None => self.demand > 0 && !moment.last,
            Some(at) => moment.last || moment.is_past(at, period),
        };
        // What was sent is paid for before another node sends by the same part.
        let owes = self.pace.next().is_some_and(|at| at > moment.now);
        let gives_back = moment.last || (self.demand == 0 && !owes);
        due.then(|| BudgetAsk {
            name: format!("rate of {grant}"),
            begins: 0,
            ends: moment.now.as_second() + KEPT,
            limit: self.rate.count,
            spent: 0,
            want: u64::from(!gives_back),
            demand: self.demand,
        })
    }

    pub(super) fn settled(&mut self, ask: &BudgetAsk, share: &BudgetShare, now: Timestamp) {
        self.renewed = (ask.want > 0).then_some(now);
        self.held = if ask.want > 0 { share.held.min(self.rate.count) } else { 0 };
        if self.held > 0 {
            self.pace = self.pace.at_rate(Rate { count: self.held, per: self.rate.per });
        }
    }
}
