//! What stands in the way of a request on its way to a system: the system's failure, a refusal, or that it must wait.

use selvage_connect::odoo::Failure;
use selvage_model::name::SystemName;
use selvage_model::problem::Problem;

use crate::refusal;
use crate::state::Event;

/// What stands in the way.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The system failed or refused.
    Failure(Failure),
    /// Selvage refuses, and would refuse again.
    Refusal(Problem),
    /// Not now; nothing was done.
    Later(Problem),
}

impl Trouble {
    /// What the caller is told.
    pub(crate) fn problem(&self, system: &SystemName) -> Problem {
        match self {
            Self::Failure(failure) => refusal::of_failure(system, failure),
            Self::Refusal(problem) | Self::Later(problem) => problem.clone(),
        }
    }

    /// What it means for a write.
    pub(crate) fn event(&self) -> Event {
        match self {
            Self::Failure(failure) => refusal::event(failure),
            // A 5xx is about us or the system and not about the request: it is no answer to keep for a key.
            Self::Refusal(problem) if problem.status >= 500 => Event::Unusable,
            Self::Refusal(_) => Event::Refused,
            Self::Later(_) => Event::Unusable,
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Refusal(problem)
    }
}
