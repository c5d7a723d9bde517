//! How a limit is shared out among the nodes on one store: what a node asks for, what it gets, and the arithmetic between.
//! Never more is given out than the limit. Pure; the store keeps the figures, the gateway spends them.

/// What a node asks for of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetAsk {
    /// Which limit.
    pub name: String,
    /// The window's beginning, seconds since 1970; 0 for a rate, which has none.
    pub begins: i64,
    /// Until when the figures are kept, seconds since 1970.
    pub ends: i64,
    /// How many requests the limit lets pass, over all nodes: in the window, or in the rate's span.
    pub limit: u64,
    /// Requests of the window that passed here and were not told before; always 0 for a rate.
    pub spent: u64,
    /// How many to have in hand; for a rate anything but 0 means a fair part. 0 gives back.
    pub want: u64,
    /// How much is asked for here, to weigh nodes by.
    pub demand: u64,
}

/// What a node has of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetShare {
    /// So many may pass here.
    pub held: u64,
    /// So many passed on all nodes or were lost, as far as told.
    pub spent: u64,
    /// So many were held by nodes that ended without a word: counted as passed.
    pub lost: u64,
}

/// What another node has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSlice {
    /// So many.
    pub held: u64,
    /// How much is asked for there.
    pub demand: u64,
}

impl BudgetAsk {
    /// Whether it is a rate.
    pub fn is_rate(&self) -> bool {
        self.begins == 0
    }

    /// How many the node may have, where so many were spent and the others have these.
    pub fn held(&self, spent: u64, others: &[BudgetSlice]) -> u64 {
        let given: u64 = others.iter().map(|slice| slice.held).sum();
        let left = self.limit.saturating_sub(spent).saturating_sub(given);
        let want = if self.is_rate() && self.want > 0 { self.fair(others) } else { self.want };
        want.min(left)
    }

    /// Half of the limit in equal parts, half by demand: who asks little now is not without a share a moment later.
    fn fair(&self, others: &[BudgetSlice]) -> u64 {
        if others.is_empty() {
            return self.limit;
        }
        let nodes = others.len() as u128 + 1;
        let demand: u128 = others.iter().map(|slice| u128::from(slice.demand)).sum::<u128>() + u128::from(self.demand);
        let (own, limit) = (u128::from(self.demand), u128::from(self.limit));
        let part = match demand {
            0 => limit / nodes,
            _ => limit / (2 * nodes) + limit * own / (2 * demand),
        };
        u64::try_from(part).unwrap_or(self.limit).clamp(1, self.limit.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(begins: i64, limit: u64, want: u64, demand: u64) -> BudgetAsk {
        BudgetAsk { name: "a".to_owned(), begins, ends: 0, limit, spent: 0, want, demand }
    }

    #[test]
    fn never_more_than_the_limit() {
        let slice = |held, demand| BudgetSlice { held, demand };
        let table: &[(BudgetAsk, u64, &[BudgetSlice], u64)] = &[
            (ask(60, 100, 10, 1), 0, &[], 10),
            (ask(60, 100, 10, 1), 95, &[], 5),
            (ask(60, 100, 10, 1), 100, &[], 0),
            (ask(60, 100, 10, 1), 250, &[], 0),
            (ask(60, 100, 10, 1), 80, &[slice(15, 1)], 5),
            (ask(60, 100, 0, 0), 0, &[], 0),
            (ask(0, 100, 1, 7), 0, &[], 100),
            (ask(0, 100, 0, 0), 0, &[], 0),
            // The other has all until it asks again.
            (ask(0, 100, 1, 7), 0, &[slice(100, 7)], 0),
            (ask(0, 100, 1, 7), 0, &[slice(0, 7)], 50),
            (ask(0, 100, 1, 30), 0, &[slice(0, 10)], 62),
            (ask(0, 100, 1, 0), 0, &[slice(0, 0)], 50),
            (ask(0, 1, 1, 5), 0, &[slice(0, 5)], 1),
            (ask(0, 1, 1, 5), 0, &[slice(1, 5)], 0),
        ];
        for (ask, spent, others, held) in table {
            assert_eq!(ask.held(*spent, others), *held, "{ask:?} {spent} {others:?}");
        }
    }

    #[test]
    fn two_nodes_come_to_their_shares_and_never_above() {
        let (mut left, mut right) = (BudgetSlice { held: 0, demand: 90 }, BudgetSlice { held: 0, demand: 10 });
        for _ in 0..3 {
            left.held = ask(0, 200, 1, left.demand).held(0, &[right]);
            right.held = ask(0, 200, 1, right.demand).held(0, &[left]);
            assert!(left.held + right.held <= 200);
        }
        assert_eq!((left.held, right.held), (140, 60));
    }
}
