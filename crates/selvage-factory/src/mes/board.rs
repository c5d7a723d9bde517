//! What the MES knows: the orders it has seen, what it reported, and what came of its requests.
//! Bounded: old reports and orders give way to new ones.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// How many reports and orders are kept.
const KEPT: usize = 1000;

/// How requests to Selvage ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done: 2xx but 202.
    pub done: u64,
    /// Not decided yet: 202, an operation was named.
    pub accepted: u64,
    /// In flight under the same key, or changed by another: 409.
    pub conflicts: u64,
    /// Not allowed, not valid, or too many: any other 4xx.
    pub refused: u64,
    /// 5xx.
    pub failed: u64,
    /// No answer.
    pub unreachable: u64,
}

impl Counts {
    pub(crate) fn write(self) -> Value {
        json!({
            "done": self.done, "accepted": self.accepted, "conflicts": self.conflicts, "refused": self.refused,
            "failed": self.failed, "unreachable": self.unreachable,
        })
    }
}

/// One report of production, as it was last answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The id of the production order.
    pub order: String,
    /// The plant.
    pub site: String,
    /// The decimal quantity that was reported as made.
    pub quantity: String,
    /// The lot of what was made.
    pub lot: String,
    /// `backorder` or `close`.
    pub remainder: String,
    /// The HTTP status, `None` where no answer came.
    pub status: Option<u16>,
}

impl Report {
    pub(crate) fn write(&self) -> Value {
        json!({
            "order": self.order, "site": self.site, "quantity": self.quantity, "lot": self.lot, "remainder": self.remainder,
            "status": self.status,
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Board {
    orders: BTreeMap<String, Value>,
    seen: VecDeque<String>,
    reports: VecDeque<Report>,
    counts: Counts,
    shifts: usize,
}

impl Board {
    /// Notes an order as Selvage showed it.
    pub(super) fn see(&mut self, id: &str, order: Value) {
        if self.orders.insert(id.to_owned(), order).is_none() {
            self.seen.push_back(id.to_owned());
        }
        if self.seen.len() > KEPT {
            self.seen.pop_front().and_then(|oldest| self.orders.remove(&oldest));
        }
    }

    /// Notes a report; one that is sent again replaces what it was answered before.
    pub(super) fn report(&mut self, report: Report) {
        match self.reports.iter_mut().rev().find(|known| known.order == report.order && known.lot == report.lot) {
            Some(known) => *known = report,
            None => self.reports.push_back(report),
        }
        if self.reports.len() > KEPT {
            self.reports.pop_front();
        }
    }

    /// Counts how a request ended: its status, or no answer.
    pub(super) fn count(&mut self, status: Option<u16>) {
        let counter = match status {
            Some(202) => &mut self.counts.accepted,
            Some(200..=299) => &mut self.counts.done,
            Some(409) => &mut self.counts.conflicts,
            Some(status) if status < 500 => &mut self.counts.refused,
            Some(_) => &mut self.counts.failed,
            None => &mut self.counts.unreachable,
        };
        *counter += 1;
    }

    pub(super) fn shift_began(&mut self) {
        self.shifts += 1;
    }

    pub(super) fn shift_ended(&mut self) {
        self.shifts = self.shifts.saturating_sub(1);
    }

    pub(super) fn shifts(&self) -> usize {
        self.shifts
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn orders(&self) -> Vec<&Value> {
        self.orders.values().collect()
    }

    pub(super) fn reports(&self) -> Vec<Report> {
        self.reports.iter().cloned().collect()
    }
}
