//! `kind: Flow`: a durable, declared orchestration, as a graph of steps. Checked now, run by a later room.

use std::time::Duration;

use serde_json::Value;

use crate::name::{FlowName, InterfaceRef, TeamName};
use crate::source::{Place, Spanned};

/// One flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: FlowName,
    /// The interface that governs it.
    pub interface: Spanned<InterfaceRef>,
    /// The event type that starts it.
    pub trigger: Option<Spanned<String>>,
    /// What orders its runs.
    pub lane: Option<String>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What becomes of a failed run.
    pub on_failure: OnFailure,
    /// Path of its scenario tests.
    pub scenarios: Option<Spanned<String>>,
}

/// What becomes of a failed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Compensations run, last first.
    Undo,
    /// It waits for a person.
    Park,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its id in the flow.
    pub id: Spanned<String>,
    /// Whether it runs: CEL, as written.
    pub when: Option<Spanned<String>>,
    /// The steps it waits for; the one before it where not said.
    pub after: Vec<Spanned<String>>,
    /// What it does.
    pub action: Action,
}

/// How the waits between tries grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Each is longer than the one before.
    Exponential,
    /// All are the same.
    Fixed,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Calls a verb of a system or role.
    Call {
        /// `<system or role>.<object>.<verb>`.
        target: Spanned<String>,
        /// With what.
        with: Option<Value>,
        /// What undoes it.
        undo: Option<Spanned<String>>,
        /// It cannot be undone, and nothing before it is after it.
        pivot: bool,
        /// How often it is tried at most.
        attempts: Option<u32>,
        /// How the waits between tries grow.
        backoff: Backoff,
    },
    /// Emits an event.
    Emit {
        /// Its type.
        event: Spanned<String>,
        /// With what.
        with: Option<Value>,
    },
    /// Waits.
    Wait {
        /// For so long,
        time: Option<Duration>,
        /// or for this event.
        event: Option<Spanned<String>>,
    },
    /// Asks people.
    Approve {
        /// Whom.
        by: Spanned<TeamName>,
        /// How long they have.
        within: Option<Duration>,
        /// Who is asked then.
        escalate: Option<String>,
    },
    /// Makes a value.
    Map {
        /// From what.
        with: Value,
    },
    /// Steps of which one branch runs.
    Choose {
        /// The branches: a CEL condition and its steps.
        branches: Vec<(Spanned<String>, Vec<Step>)>,
    },
    /// Steps side by side.
    Parallel {
        /// The branches.
        branches: Vec<Vec<Step>>,
    },
    /// Steps for each element.
    ForEach {
        /// CEL for the list, as written.
        each: Spanned<String>,
        /// The steps.
        steps: Vec<Step>,
    },
}
