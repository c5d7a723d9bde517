//! What a call that did not succeed means for the record it was about. The engine decides by the class alone.
//! No failure carries a traceback, a secret or more than a screen of text.

use std::fmt;
use std::time::Duration;

use selvage_model::code;

/// Why a call did not do what was asked, by what is known of its effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Odoo rolled the call back; the same call may be sent again. The connector has already done so a few times.
    #[error("odoo rolled the call back and it may be sent again: {reason}")]
    TryAgain {
        /// What stood in the way.
        reason: String,
    },
    /// The call was not begun, since the system's limits leave no room in time; nothing was sent by it.
    #[error("the call was not begun: {reason}")]
    Busy {
        /// What stood in the way.
        reason: String,
        /// When it may be asked again with a chance, where that can be known.
        after: Option<Duration>,
        /// The system did not answer, call after call, and is left alone for a while.
        rests: bool,
    },
    /// Nothing was done and sending it again would be refused again.
    #[error("odoo refused it: {message}")]
    Refused {
        /// Of which kind the refusal is.
        kind: Refusal,
        /// Odoo's words or the connector's, never a traceback.
        message: String,
        /// The field it is about, as Odoo names it.
        field: Option<String>,
    },
    /// The call succeeded, but what stands in Odoo now is not what was meant.
    #[error("odoo does not hold what was meant: {what} should be `{meant}` and is `{found}`")]
    Mismatch {
        /// Of which record and field.
        what: String,
        /// The value that the call was for.
        meant: String,
        /// The value that was read back.
        found: String,
    },
    /// The login, key or password is not accepted; nothing was done.
    #[error("odoo does not accept the login or its key")]
    Unauthenticated,
    /// The server could not be reached; surely nothing was done.
    #[error("odoo could not be reached and nothing was sent: {reason}")]
    Unreachable {
        /// What happened to the connection.
        reason: String,
    },
    /// A read got no answer; nothing was changed by it.
    #[error("odoo did not answer a read: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// A write was sent and nobody knows what became of it: look before sending again.
    #[error("whether odoo did it is unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// Something answered that is not Odoo; it did nothing.
    #[error("the answer is not odoo's: {reason}")]
    Protocol {
        /// What came instead.
        reason: String,
    },
}

/// The reason of [`Failure::Unreachable`] where the server answers and has no database of the name.
pub const NO_DATABASE: &str = "the server has no database of this name";

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// A business rule of Odoo (UserError).
    User,
    /// A constraint on the values (ValidationError).
    Validation,
    /// The account may not (AccessError).
    Access,
    /// The record does not exist (MissingError).
    Missing,
    /// A value or field that Odoo does not know (ValueError).
    Value,
    /// Wrong arguments to a method (TypeError).
    Type,
    /// Nothing was done: Odoo asks a person in a wizard.
    Wizard,
    /// No such model or method.
    NotFound,
    /// The order cannot come to this target; found before anything was finished.
    Target,
    /// The record has changed since the write was stated, which is only for what it was; nothing was sent.
    Changed,
    /// A lot is missing or another; found before anything was finished.
    Lot,
    /// A quantity of stock that cannot be booked: below zero, finer than its unit counts, more than was ordered. Nothing was sent.
    Quantity,
    /// The company's books are closed today; nothing was sent.
    Period,
    /// Less is there than is to be moved; nothing was moved.
    Short,
    /// A lot is missing, of another product, or unknown; nothing was moved.
    LotUnfit,
    /// The connector has no form in which to send the value; nothing was sent.
    Unsendable,
    /// Any other exception; Odoo rolled back.
    Other,
}

impl Failure {
    /// The code of the page that explains it, as `FAB6001`.
    pub fn code(&self) -> &'static str {
        let code = match self {
            Self::TryAgain { .. } => code::ODOO_TRY_AGAIN,
            Self::Busy { rests: true, .. } => code::SYSTEM_RESTS,
            Self::Busy { .. } => code::SYSTEM_BUSY,
            Self::Refused { kind, .. } => match kind {
                Refusal::User | Refusal::Validation | Refusal::Value | Refusal::Type | Refusal::Other => {
                    code::ODOO_REFUSED
                }
                Refusal::Access => code::ODOO_ACCESS,
                Refusal::Missing | Refusal::NotFound => code::ODOO_MISSING,
                Refusal::Wizard => code::ODOO_WIZARD,
                Refusal::Target => code::ODOO_TARGET,
                Refusal::Lot => code::ODOO_LOT,
                Refusal::Changed => code::RECORD_CHANGED,
                Refusal::Quantity => code::ODOO_QUANTITY,
                Refusal::Period => code::ODOO_PERIOD,
                Refusal::Short => code::ODOO_SHORT,
                Refusal::LotUnfit => code::ODOO_LOT_UNFIT,
                Refusal::Unsendable => code::ODOO_UNSENDABLE,
            },
            Self::Mismatch { .. } => code::ODOO_MISMATCH,
            Self::Unauthenticated => code::ODOO_UNAUTHENTICATED,
            Self::Unreachable { .. } => code::ODOO_UNREACHABLE,
            Self::Unavailable { .. } => code::ODOO_UNAVAILABLE,
            Self::Unknown { .. } => code::ODOO_UNKNOWN,
            Self::Protocol { .. } => code::ODOO_PROTOCOL,
        };
        code.as_str()
    }

    /// Whether it may come of a server that is not as it was: without a field, a model, a method or a right that it had.
    pub fn doubts_the_server(&self) -> bool {
        let Self::Refused { kind, message, .. } = self else { return false };
        match kind {
            Refusal::NotFound | Refusal::Access => true,
            Refusal::User | Refusal::Value | Refusal::Type | Refusal::Other => {
                ["Invalid field", "doesn't exist", "does not exist"].iter().any(|sign| message.contains(sign))
            }
            _ => false,
        }
    }

    /// A refusal without a field.
    pub(super) fn refused(kind: Refusal, message: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into(), field: None }
    }

    /// A refusal of one field.
    pub(super) fn field(kind: Refusal, field: &str, message: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into(), field: Some(field.to_owned()) }
    }

    /// An answer that parses but lacks what Odoo always gives.
    pub(super) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol { reason: reason.into() }
    }

    /// A disagreement between target and record.
    pub(super) fn mismatch(what: impl Into<String>, meant: &dyn fmt::Display, found: &dyn fmt::Display) -> Self {
        Self::Mismatch { what: what.into(), meant: meant.to_string(), found: found.to_string() }
    }

    /// The same failure of a preparing read, seen from the write that was then never sent.
    pub(super) fn before_sending(self) -> Self {
        match self {
            Self::Unavailable { reason } => Self::Unreachable { reason },
            other => other,
        }
    }

    /// The same failure after a part of the verb was done for good: what is refused then is no "nothing was done", and goes to a person.
    /// What may be sent again is looked at first, as after a lost answer, so that nobody forgets what is done.
    pub(super) fn after_booking(self, what: &str) -> Self {
        match self.after_sending() {
            Self::Refused { message, .. } => {
                Self::mismatch(format!("{what}, of which a part is done already,"), &"whole", &message)
            }
            Self::TryAgain { reason } | Self::Busy { reason, .. } => {
                Self::Unknown { reason: format!("a part of {what} is done already, and the rest is not: {reason}") }
            }
            other => other,
        }
    }

    /// The same failure of a read-back, seen from the verb whose writes were already sent.
    pub(super) fn after_sending(self) -> Self {
        match self {
            Self::Unavailable { reason } | Self::Unreachable { reason } | Self::Protocol { reason } => {
                Self::Unknown { reason: format!("it was sent and could not be read back: {reason}") }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_after_a_booking_is_called_nothing() {
        let reason = || "x".to_owned();
        let shown = |failure: Failure| failure.after_booking("the receipt").code();
        for (failure, code) in [
            (Failure::refused(Refusal::Short, "x"), code::ODOO_MISMATCH),
            (Failure::TryAgain { reason: reason() }, code::ODOO_UNKNOWN),
            (Failure::Busy { reason: reason(), after: None, rests: true }, code::ODOO_UNKNOWN),
            (Failure::Unreachable { reason: reason() }, code::ODOO_UNKNOWN),
            (Failure::Unavailable { reason: reason() }, code::ODOO_UNKNOWN),
            (Failure::Unknown { reason: reason() }, code::ODOO_UNKNOWN),
            (Failure::mismatch("x", &1, &2), code::ODOO_MISMATCH),
            // Whoever the account is by then, it is looked at again before anything is said.
            (Failure::Unauthenticated, code::ODOO_UNAUTHENTICATED),
        ] {
            let name = failure.to_string();
            assert_eq!(shown(failure), code.as_str(), "{name}");
        }
    }
}
