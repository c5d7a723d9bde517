//! What goes wrong in a seed: what Odoo does, and when which gateway is killed. The same seed, the same trouble.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::random::Random;

/// What the simulated Odoo does to the create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// Commits, then resets the connection.
    ResetAfterCommit,
    /// Resets the connection, having done nothing.
    ResetBeforeCommit,
    /// Answers nothing, and commits after the client gave up and before the longest transaction has passed.
    HangThenCommit,
    /// Says that transactions collided, having done nothing.
    SerializationFailures,
}

/// The trouble of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    fault: Fault,
    /// How many calls in a row the fault strikes.
    times: u64,
    /// How long Odoo hangs, in milliseconds.
    hangs_for: u64,
    /// How long every call to Odoo takes at least, in milliseconds, so that a kill may land within or between any of them.
    latency: u64,
    /// Which of the two gateways is killed.
    pub(super) victim: usize,
    /// How long after the first request.
    pub(super) kill_after: Duration,
    /// How long after that it comes back; where it does not, only after all clients have their answer.
    pub(super) back_after: Option<Duration>,
}

impl Trouble {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let fault = match random.within(0..5) {
            0 => Fault::None,
            1 => Fault::ResetAfterCommit,
            2 => Fault::ResetBeforeCommit,
            3 => Fault::HangThenCommit,
            _ => Fault::SerializationFailures,
        };
        // Most of a create happens within tens of milliseconds; the rest is waiting for an outcome.
        let kill_after = match random.once_in(4) {
            true => random.millis(100..2500),
            false => random.millis(0..100),
        };
        let back_after = (!random.once_in(3)).then(|| random.millis(0..1500));
        Self {
            fault,
            times: random.within(1..3),
            hangs_for: random.within(1100..1900),
            latency: random.within(0..40),
            victim: usize::from(random.once_in(2)),
            kill_after,
            back_after,
        }
    }

    /// The trouble of a seed without what Odoo does.
    pub(super) fn without_fault(seed: u64) -> Self {
        Self { fault: Fault::None, ..Self::of(seed) }
    }

    /// What Odoo does, as the simulated one takes it.
    pub(super) fn faults(&self) -> Vec<Value> {
        let of_create = |mut fault: Value| {
            if let Some(fields) = fault.as_object_mut() {
                fields.insert("model".to_owned(), json!("mrp.production"));
                fields.insert("method".to_owned(), json!("load"));
                fields.insert("times".to_owned(), json!(self.times));
            }
            fault
        };
        let hang = json!({"kind": "hang", "answer_after_ms": self.hangs_for, "commit": "after"});
        let mut faults = vec![json!({"kind": "latency", "ms": self.latency})];
        match self.fault {
            Fault::None => {}
            Fault::ResetAfterCommit => faults.push(of_create(json!({"kind": "reset-after"}))),
            Fault::ResetBeforeCommit => faults.push(of_create(json!({"kind": "reset-before"}))),
            Fault::HangThenCommit => faults.push(of_create(hang)),
            Fault::SerializationFailures => faults.push(of_create(json!({"kind": "serialization"}))),
        }
        faults
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, hangs_for, latency, victim, kill_after, .. } = self;
        match self.fault {
            Fault::None => write!(f, "no fault")?,
            Fault::ResetAfterCommit => write!(f, "{times} × reset after commit")?,
            Fault::ResetBeforeCommit => write!(f, "{times} × reset before commit")?,
            Fault::HangThenCommit => write!(f, "{times} × hang {hangs_for} ms, then commit")?,
            Fault::SerializationFailures => write!(f, "{times} × serialization failure")?,
        }
        write!(f, ", {latency} ms a call, gateway {victim} killed after {} ms", kill_after.as_millis())?;
        match self.back_after {
            Some(back_after) => write!(f, " and back {} ms later", back_after.as_millis()),
            None => write!(f, " and gone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_cover_every_fault_and_both_gateways() {
        let troubles: Vec<Trouble> = (1..=20).map(Trouble::of).collect();
        let faults = [
            Fault::None,
            Fault::ResetAfterCommit,
            Fault::ResetBeforeCommit,
            Fault::HangThenCommit,
            Fault::SerializationFailures,
        ];
        for fault in faults {
            assert!(troubles.iter().any(|trouble| trouble.fault == fault), "{fault:?}");
        }
        for victim in [0, 1] {
            assert!(troubles.iter().any(|trouble| trouble.victim == victim));
        }
        assert!(troubles.iter().any(|trouble| trouble.back_after.is_none()));
    }
}
