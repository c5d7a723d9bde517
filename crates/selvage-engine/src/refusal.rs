//! Failures of connectors and mappings as problems for a caller: Odoo's own words where a user can act on them,
//! never a traceback, a secret or an address.

use selvage_connect::odoo::{Failure, Refusal};
use selvage_mapping::{MapCause, MapError};
use selvage_model::code::{self, Code};
use selvage_model::name::SystemName;
use selvage_model::problem::{FieldError, Problem};

use crate::state::Event;

/// Seconds after which a system that is down may be asked again.
const RETRY_DOWN: u32 = 5;
/// Seconds after which a conflict with another transaction has passed.
const RETRY_CONFLICT: u32 = 1;
/// Seconds after which a system that is busy may be asked again, where it cannot be known better.
const RETRY_BUSY: u32 = 2;

/// What a failure of a read, or of a write that surely did nothing, tells the caller.
pub(crate) fn of_failure(system: &SystemName, failure: &Failure) -> Problem {
    let code = code::find(failure.code()).map_or(code::SYSTEM_LATE, |(code, _)| code);
    match failure {
        Failure::Refused { kind, message, field } => refused(system, code, *kind, message, field.as_deref()),
        Failure::TryAgain { reason } => {
            Problem::new(503, code, format!("`{system}` rolled it back: {reason}")).retry_after(RETRY_CONFLICT)
        }
        Failure::Busy { reason, after, rests } => {
            let seconds = after.map_or(RETRY_BUSY, |after| after.as_secs_f64().ceil().max(1.0) as u32);
            let why = if *rests { "is left alone for a while" } else { "is asked as much as it bears" };
            Problem::new(503, code, format!("`{system}` {why}: {reason}")).retry_after(seconds)
        }
        Failure::Unreachable { reason } => {
            Problem::new(503, code, format!("`{system}` cannot be reached: {reason}")).retry_after(RETRY_DOWN)
        }
        Failure::Unavailable { reason } => {
            Problem::new(504, code, format!("`{system}` did not answer: {reason}")).retry_after(RETRY_DOWN)
        }
        Failure::Unauthenticated => Problem::new(502, code, format!("`{system}` does not accept Selvage's account")),
        Failure::Protocol { reason } => {
            Problem::new(502, code, format!("what answered for `{system}` is not Odoo: {reason}"))
        }
        Failure::Unknown { reason } => {
            Problem::new(504, code, format!("whether `{system}` did it is not known: {reason}"))
        }
        Failure::Mismatch { what, meant, found } => {
            Problem::new(502, code, format!("`{system}`: {what} should be `{meant}` and is `{found}`"))
        }
    }
}

fn refused(system: &SystemName, code: Code, kind: Refusal, message: &str, field: Option<&str>) -> Problem {
    let status = match kind {
        Refusal::Missing => 404,
        Refusal::Changed => 412,
        Refusal::Access => 403,
        Refusal::NotFound => 502,
        // What the record's state does not let be is no 409: that says of a key that it is in flight, and is tried again.
        _ => 422,
    };
    // What a verb found wrong in its own body, it names by its place there.
    if let Some(pointer) = field.filter(|field| field.is_empty() || field.starts_with('/')) {
        let error = FieldError { pointer: pointer.to_owned(), detail: message.to_owned() };
        return Problem::new(status, code, format!("`{system}` cannot do it: {message}")).with_errors(vec![error]);
    }
    // The field is the system's own; which attribute it is only the mapping knows, so it is said in words.
    let about = field.map_or_else(String::new, |field| format!(" (field `{field}`)"));
    Problem::new(status, code, format!("`{system}` refused it: {message}{about}"))
}

/// What a body that cannot be put into the system's terms tells its sender.
pub(crate) fn of_put(error: &MapError) -> Problem {
    let problem = Problem::new(422, error.code, error.message.clone());
    problem.with_errors(vec![FieldError { pointer: error.pointer.clone(), detail: error.message.clone() }])
}

/// What a filter that the mapping cannot make tells its sender.
pub(crate) fn of_filter(error: &MapError) -> Problem {
    Problem::new(400, error.code, error.message.clone())
}

/// What a record that is no object tells the reader: it is the steward's to resolve.
pub(crate) fn of_get(error: &MapError) -> Problem {
    let who = match error.cause {
        MapCause::Code | MapCause::Reference => "a steward has to resolve it",
        _ => "the mapping has to be corrected",
    };
    Problem::new(502, code::RECORD_UNSHOWABLE, format!("{} ({}); {who}", error.message, error.code))
}

/// What a failure means for a write under way.
pub(crate) fn event(failure: &Failure) -> Event {
    match failure {
        Failure::TryAgain { .. } | Failure::Busy { .. } | Failure::Unreachable { .. } | Failure::Unavailable { .. } => {
            Event::Nothing
        }
        Failure::Refused { .. } => Event::Refused,
        Failure::Mismatch { .. } => Event::Differs,
        Failure::Unauthenticated | Failure::Protocol { .. } => Event::Unusable,
        Failure::Unknown { .. } => Event::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_status_and_its_event() {
        let reason = || "x".to_owned();
        let refused = |kind| Failure::Refused { kind, message: "Not so.".to_owned(), field: None };
        let mismatch = Failure::Mismatch { what: reason(), meant: reason(), found: reason() };
        let table = [
            (Failure::TryAgain { reason: reason() }, 503, Event::Nothing),
            (Failure::Busy { reason: reason(), after: None, rests: false }, 503, Event::Nothing),
            (Failure::Busy { reason: reason(), after: None, rests: true }, 503, Event::Nothing),
            (Failure::Unreachable { reason: reason() }, 503, Event::Nothing),
            (Failure::Unavailable { reason: reason() }, 504, Event::Nothing),
            (Failure::Unauthenticated, 502, Event::Unusable),
            (Failure::Protocol { reason: reason() }, 502, Event::Unusable),
            (Failure::Unknown { reason: reason() }, 504, Event::Unclear),
            (mismatch, 502, Event::Differs),
            (refused(Refusal::User), 422, Event::Refused),
            (refused(Refusal::Access), 403, Event::Refused),
            (refused(Refusal::Missing), 404, Event::Refused),
            (refused(Refusal::Target), 422, Event::Refused),
            (refused(Refusal::Short), 422, Event::Refused),
            (refused(Refusal::Period), 422, Event::Refused),
        ];
        let system: SystemName = "odoo".parse().unwrap();
        for (failure, status, expected) in table {
            let problem = of_failure(&system, &failure);
            assert_eq!(problem.status, status, "{failure}");
            assert_eq!(problem.code.as_str(), failure.code(), "{failure}");
            assert_eq!(event(&failure), expected, "{failure}");
        }
    }

    #[test]
    fn what_a_verb_found_in_its_body_is_named_by_its_place() {
        let failure = Failure::Refused {
            kind: Refusal::Quantity,
            message: "It is below zero.".to_owned(),
            field: Some("/lines/0/quantity/value".to_owned()),
        };
        let problem = of_failure(&"odoo".parse().unwrap(), &failure);
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/lines/0/quantity/value"));
    }

    #[test]
    fn a_refusal_keeps_the_systems_words() {
        let failure = Failure::Refused {
            kind: Refusal::Validation,
            message: "The lot is unknown.".to_owned(),
            field: Some("lot_id".to_owned()),
        };
        let problem = of_failure(&"odoo".parse().unwrap(), &failure);
        assert_eq!(problem.detail, "`odoo` refused it: The lot is unknown. (field `lot_id`)");
    }
}
