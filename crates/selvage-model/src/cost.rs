//! How many calls of a system a thing makes of it, once versions, companies and fields are known: the one table from which
//! loads are added up. Upper bounds of the usual case, not of the worst; a test of the engine counts that they hold.

use crate::manifest::api::Operation;

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// What is done, as operations are called.
    pub what: &'static str,
    /// Calls of the system.
    pub calls: u32,
    /// Which.
    pub because: &'static str,
}

/// Operations of mediated interfaces over Odoo.
pub const OPERATIONS: &[Cost] = &[
    Cost { what: "list", calls: 3, because: "the page, sometimes in two parts; what its records link to" },
    Cost { what: "get", calls: 2, because: "the record; what it links to, where that is not remembered" },
    Cost {
        what: "create",
        calls: 7,
        because: "two links of the object; its external id, looked for and made; the record read back with its links",
    },
    Cost {
        what: "release",
        calls: 7,
        because: "the record; its state; two actions; the record read back with its links",
    },
    Cost { what: "start", calls: 6, because: "the record; its state; the action; the record read back with its links" },
    Cost {
        what: "finish",
        calls: 6,
        because: "the record; its state; the action; the record read back with its links",
    },
    Cost {
        what: "report",
        calls: 40,
        because: "the order, its moves and their lines; quantity, lot and consumption written; done; all read back with its units",
    },
];

/// A verb that the table does not name.
pub const VERB: Cost = Cost {
    what: "verb",
    calls: 12,
    because: "the record; a few writes; the action; all of it read back with its links",
};

/// One poll of a capture.
pub const POLL: Cost = Cost { what: "poll", calls: 2, because: "what changed since the last; what it links to" };

/// Hints of a system's webhooks, in a minute: they are gathered and read together.
pub const HINTS_A_MINUTE: Cost =
    Cost { what: "hints", calls: 12, because: "what was hinted at is read together every ten seconds, with its links" };

/// One comparison of ids, which finds deletes.
pub const RECONCILE: Cost = Cost { what: "reconcile", calls: 4, because: "all ids, in a few large pages" };

/// The least time that a call of an Odoo takes, in milliseconds: so many calls at a time end so many a second.
pub const CALL_MILLIS: u32 = 50;

/// Calls that an operation makes.
pub fn of(operation: Operation) -> u32 {
    let known = OPERATIONS.iter().find(|cost| cost.what == operation.as_str());
    known.map_or(VERB.calls, |cost| cost.calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_speaks_of_operations() {
        for cost in OPERATIONS {
            assert!(cost.what.parse::<Operation>().is_ok(), "{}", cost.what);
        }
        assert_eq!(of(Operation::Get), 2);
    }
}
