//! What is handed out is held to the contract of its interface as it is now: an event that was kept under an older release, or that was
//! only counted when it came, may not fit it. Who knows contracts is asked, and its words hold no value of what carries a class.

use std::sync::Arc;

use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::delivery::Cause;
use selvage_model::event::Position;
use selvage_model::exchange::Scope;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::problem::{FieldError, Problem};

/// How many places are named to a person.
const MOST_NAMED: usize = 3;

/// Who has events of what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// Of which interface.
    pub interface: &'a InterfaceRef,
    /// To whom.
    pub consumer: &'a ConsumerName,
    /// By which operation, as grants name it.
    pub operation: &'static str,
}

/// An event that is about to be handed out.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    /// Of what, and to whom.
    pub hands: Hands<'a>,
    /// The whole of it, also what the consumer is not shown.
    pub event: &'a CloudEvent,
}

/// Holds events to the contract of their interface, and counts what became of them. An event may be looked at more often than it is
/// handed out, so that looking counts nothing.
pub trait Contracts: Send + Sync {
    /// How an event fits.
    fn hold(&self, handed: Handed<'_>) -> Held;

    /// An event was handed out that fits so; or it is kept back now, since it does not fit.
    fn count(&self, hands: Hands<'_>, held: &Held);
}

/// What knows the contracts.
pub type Holding = Arc<dyn Contracts>;

/// What holding an event to its contract came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What does not fit, by pointers into the data.
    pub errors: Vec<FieldError>,
    /// Of which class that is.
    pub cause: Cause,
    /// Whether what does not fit is not handed out; else it is only to be counted.
    pub refuses: bool,
    /// Whether it was looked at all: what nobody looks at is not counted.
    pub checked: bool,
}

impl Held {
    /// Nothing was looked for.
    pub fn unchecked() -> Self {
        Self { errors: Vec::new(), cause: Cause::Contract, refuses: false, checked: false }
    }

    /// Whether the event may not be handed out.
    pub(crate) fn withholds(&self) -> bool {
        self.refuses && !self.errors.is_empty()
    }

    /// Why not, for people who run deliveries.
    pub(crate) fn because(&self, interface: &InterfaceRef) -> String {
        let named = self.errors.iter().take(MOST_NAMED).map(|error| format!("/data{} {}", error.pointer, error.detail));
        let more = match self.errors.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let named: Vec<String> = named.collect();
        format!("{}: it does not fit the contract of `{interface}`: {}{more}", code::EVENT_WITHHELD, named.join("; "))
    }

    /// What a consumer is told who pulls it: nothing of what it is not shown.
    pub(crate) fn problem(self, interface: &InterfaceRef, at: Position, scope: &Scope) -> Problem {
        let is_hidden = |pointer: &str| {
            let attribute = pointer.split('/').nth(1).unwrap_or_default();
            scope.except.iter().any(|except| except.as_str() == attribute)
                || scope.masked.iter().any(|masked| masked.concerns(pointer))
        };
        let shown = self.errors.into_iter().filter(|error| !is_hidden(&error.pointer));
        let errors = shown.map(|error| FieldError { pointer: format!("/data{}", error.pointer), ..error }).collect();
        let detail = format!(
            "the event at {at} does not fit the contract of `{interface}`, and is not handed out; what is behind it comes with `after={at}`"
        );
        Problem::new(409, code::EVENT_WITHHELD, detail).with_errors(errors)
    }
}
