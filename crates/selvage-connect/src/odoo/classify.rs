//! What an exception of Odoo's, or an HTTP status, means for the call: a pure table.
//! The exception's traceback is not looked at and not kept.

use super::call::CallClass;
use super::failure::{Failure, NO_DATABASE, Refusal};

/// More of Odoo's words than this help nobody.
const MESSAGE_LIMIT: usize = 2_000;

/// The failure that an exception stands for, by its qualified name.
pub(super) fn raised(name: &str, message: &str, class: CallClass) -> Failure {
    let short = name.rsplit('.').next().unwrap_or(name);
    match short {
        "SerializationFailure" | "DeadlockDetected" | "LockNotAvailable" | "ConcurrencyError" | "LockError" => {
            Failure::TryAgain { reason: words(message) }
        }
        "AccessDenied" | "Unauthorized" | "SessionExpiredException" => Failure::Unauthenticated,
        "OperationalError" | "InterfaceError" => database(message, class),
        _ => {
            let message = words(message);
            let field = field(&message);
            Failure::Refused { kind: kind(name, short), message, field }
        }
    }
}

fn kind(name: &str, short: &str) -> Refusal {
    match short {
        "UserError" | "RedirectWarning" | "Warning" => Refusal::User,
        "ValidationError" => Refusal::Validation,
        "AccessError" | "Forbidden" => Refusal::Access,
        "MissingError" => Refusal::Missing,
        "ValueError" | "KeyError" | "BadRequest" => Refusal::Value,
        "TypeError" | "UnprocessableEntity" => Refusal::Type,
        "AttributeError" | "NotFound" => Refusal::NotFound,
        _ if name.starts_with("psycopg2.") && short.ends_with("Violation") => Refusal::Validation,
        _ => Refusal::Other,
    }
}

/// Odoo lost its own database. While connecting, nothing had begun; later, the commit may or may not have arrived.
fn database(message: &str, class: CallClass) -> Failure {
    let reason = "odoo has no connection to its database".to_owned();
    let connecting = message.starts_with("connection to server") || message.starts_with("could not connect");
    match class {
        _ if connecting && message.contains("FATAL:  database") && message.contains("does not exist") => {
            Failure::Unreachable { reason: NO_DATABASE.to_owned() }
        }
        _ if connecting => Failure::Unreachable { reason },
        CallClass::Read => Failure::Unavailable { reason },
        CallClass::Write => Failure::Unknown { reason },
    }
}

/// The failure that a status stands for where the body does not say it in Odoo's own form.
pub(super) fn status(status: u16, class: CallClass) -> Failure {
    let reason = format!("HTTP {status} without odoo's own body");
    match status {
        401 => Failure::Unauthenticated,
        // Refused at the door, before any transaction began.
        429 => Failure::TryAgain { reason: "the server asks to slow down".to_owned() },
        // A proxy may have lost the way back from a transaction that was committed; so may what answered 200 with a foreign body.
        200..=299 | 500..=599 => lost(reason, class),
        _ => Failure::Protocol { reason },
    }
}

/// The answer to a call that was sent is lost.
pub(super) fn lost(reason: String, class: CallClass) -> Failure {
    match class {
        CallClass::Read => Failure::Unavailable { reason },
        CallClass::Write => Failure::Unknown { reason },
    }
}

/// Odoo's words: trimmed, without a traceback, not endless.
pub(super) fn words(message: &str) -> String {
    let said = message.split("Traceback (most recent call last)").next().unwrap_or_default().trim();
    if said.is_empty() {
        return "it gave no reason".to_owned();
    }
    match said.char_indices().nth(MESSAGE_LIMIT) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or(said)),
        None => said.to_owned(),
    }
}

/// The field that a message is about, where it says so in one of the ways Odoo has.
fn field(message: &str) -> Option<String> {
    let after = |marker: &str| message.split_once(marker).map(|(_, rest)| rest);
    // "Field: Name (name)" up to 18; "Missing required value for the field 'Name' (name)." from 19.
    if let Some(rest) = after("Field: ").or_else(|| after("for the field ")) {
        let line = rest.lines().next().unwrap_or_default();
        return line.split_once('(').and_then(|(_, name)| name.split_once(')')).map(|(name, _)| name.to_owned());
    }
    if let Some(rest) = after("Invalid field ") {
        let name = rest.trim_start_matches('\'').split(['\'', ' ']).next()?;
        return name.rsplit('.').next().map(str::to_owned);
    }
    // "Wrong value for product.template.type: 'nonsense'"
    let path = after("Wrong value for ")?.split(':').next()?;
    path.rsplit('.').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_that_no_recording_holds() {
        let again = |name: &str| matches!(raised(name, "x", CallClass::Write), Failure::TryAgain { .. });
        for name in [
            "psycopg2.errors.SerializationFailure",
            "psycopg2.errors.DeadlockDetected",
            "psycopg2.errors.LockNotAvailable",
            "odoo.exceptions.ConcurrencyError",
        ] {
            assert!(again(name), "{name}");
        }
        let lost = "server closed the connection unexpectedly";
        assert!(matches!(raised("psycopg2.OperationalError", lost, CallClass::Write), Failure::Unknown { .. }));
        assert!(matches!(raised("psycopg2.OperationalError", lost, CallClass::Read), Failure::Unavailable { .. }));
    }

    #[test]
    fn statuses_without_a_body() {
        for (given, write, read) in [
            (502, "FAB6010", "FAB6009"),
            (504, "FAB6010", "FAB6009"),
            (500, "FAB6010", "FAB6009"),
            (200, "FAB6010", "FAB6009"),
            (429, "FAB6001", "FAB6001"),
            (401, "FAB6007", "FAB6007"),
            (404, "FAB6011", "FAB6011"),
            (413, "FAB6011", "FAB6011"),
            (302, "FAB6011", "FAB6011"),
        ] {
            assert_eq!(status(given, CallClass::Write).code(), write, "{given}");
            assert_eq!(status(given, CallClass::Read).code(), read, "{given}");
        }
    }

    #[test]
    fn words_end_before_a_traceback() {
        assert_eq!(words(" no such thing \nTraceback (most recent call last):\n  File …"), "no such thing");
        assert_eq!(words("Traceback (most recent call last): …"), "it gave no reason");
        assert_eq!(words(&"é".repeat(5_000)).chars().count(), MESSAGE_LIMIT + 1);
    }

    #[test]
    fn fields_are_found_in_messages() {
        for (message, expected) in [
            ("Model: Product (product.template)\nField: Name (name)\n", Some("name")),
            ("Missing required value for the field 'Name' (name).\nModel: 'Product' (product.template)", Some("name")),
            ("Invalid field 'no_field' on model 'res.partner'", Some("no_field")),
            ("Invalid field res.partner.no_field in leaf ('no_field', '=', 1)", Some("no_field")),
            ("Wrong value for product.template.type: 'nonsense'", Some("type")),
            ("Reference must be unique per Company!", None),
        ] {
            assert_eq!(field(message).as_deref(), expected, "{message}");
        }
    }
}
