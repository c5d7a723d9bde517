//! The XML-RPC dialect: `/xmlrpc/2/common` and `/xmlrpc/2/object`, with database, user and secret inside the body. Failures are
//! faults with HTTP 200: a number for the few kinds that Odoo tells apart, and otherwise a traceback, of which only the
//! exception at its end is read.

use serde_json::Value;

use super::call::CallClass;
use super::classify;
use super::dialect::Dialect;
use super::failure::{Failure, Refusal};
use super::wire::{Reply, Request};
use super::xml::{self, Answer};

/// A method of a service, as `execute_kw` of `object`.
pub(super) fn request(service: &str, method: &str, args: &[Value]) -> Result<Request, Failure> {
    let body = xml::call(method, args).map_err(|why| Failure::refused(Refusal::Unsendable, why.0))?;
    Ok(Request {
        path: format!("/xmlrpc/2/{service}"),
        body: Some(body),
        dialect: Dialect::XmlRpc,
        bearer: None,
        sent_by: None,
    })
}

/// What the reply means.
pub(super) fn result(reply: &Reply, class: CallClass) -> Result<Value, Failure> {
    if reply.status != 200 {
        return Err(classify::status(reply.status, class));
    }
    match xml::answer(&reply.body) {
        Ok(Answer::Result(value)) => Ok(value),
        Ok(Answer::Fault { code, text }) => fault(code, &text, class),
        Err(_) => Err(classify::status(reply.status, class)),
    }
}

/// The numbers are those of Odoo's handler for `/xmlrpc/2`.
fn fault(code: i64, text: &str, class: CallClass) -> Result<Value, Failure> {
    let raised = |name| Err(classify::raised(name, text, class));
    match code {
        // Also what Odoo says of a record that is not there; it has no number of its own.
        2 if names_missing(text) => raised("odoo.exceptions.MissingError"),
        2 => raised("odoo.exceptions.UserError"),
        3 => raised("odoo.exceptions.AccessDenied"),
        4 => raised("odoo.exceptions.AccessError"),
        _ => match exception(text) {
            // The method is done and committed; it was its answer that could not be written.
            ("TypeError", message) if message.starts_with("cannot marshal None") => Ok(Value::Null),
            ("OverflowError", message) if message.contains("XML-RPC limits") => {
                Err(classify::lost("the answer holds a number that XML-RPC cannot carry".to_owned(), class))
            }
            (name, message) => Err(classify::raised(name, message, class)),
        },
    }
}

/// Whether a message ends as Odoo's about a missing record does in every language: `(Record: res.partner(7,), User: 2)`.
fn names_missing(text: &str) -> bool {
    let Some((_, last)) = text.trim_end().rsplit_once('\n') else { return false };
    let inside = last.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let Some((model, ids)) = inside.and_then(|inside| inside.split_once('(')) else { return false };
    let model = model.rsplit([' ', ':']).next().unwrap_or_default();
    let ids = ids.split_once(')').map_or("", |(ids, _)| ids);
    let listed = ids.contains(',') && ids.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b' '));
    named(model) && listed
}

/// Whether this is a dotted name of Python's.
fn named(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// What stands between the tracebacks of exceptions that followed one another; the last one is the one that was raised.
const BETWEEN: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Name and message of the exception at the end of a traceback: the first line that is not indented, and what follows it.
fn exception(text: &str) -> (&str, &str) {
    let last = BETWEEN.iter().fold(text, |rest, between| rest.rsplit(between).next().unwrap_or(rest));
    let frames = last.split_once("Traceback (most recent call last)").map_or(last, |(_, frames)| frames);
    let mut rest = frames;
    while let Some((line, after)) = rest.split_once('\n') {
        // What stands behind the heading, and the frames with their code.
        let heading = rest.len() == frames.len() && frames.len() != last.len();
        if !heading && !line.is_empty() && !line.starts_with([' ', '\t']) {
            break;
        }
        rest = after;
    }
    let (name, message) = rest.split_once(':').unwrap_or((rest.trim_end(), ""));
    if named(name) { (name, message.trim()) } else { ("", "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exception_stands_at_the_end_of_its_traceback() {
        let frames = "  File \"/opt/odoo/odoo/service/model.py\", line 156, in retrying\n    result = func()\n             ^^^^^^\n";
        let chained = format!(
            "Traceback (most recent call last):\n{frames}psycopg2.errors.UniqueViolation: duplicate key\n\n{}\n\nTraceback (most \
             recent call last):\n{frames}ValueError: the second\n",
            BETWEEN[0]
        );
        let plain = |end: &str| format!("Traceback (most recent call last):\n{frames}{end}");
        for (text, expected) in [
            (
                "Traceback (most recent call last): ...\nAttributeError: no 'x'\n".to_owned(),
                ("AttributeError", "no 'x'"),
            ),
            (plain("KeyError: 'nope'\n"), ("KeyError", "'nope'")),
            (plain("ValueError: two\nlines: of it\n"), ("ValueError", "two\nlines: of it")),
            (plain("odoo.addons.x.Strange\n"), ("odoo.addons.x.Strange", "")),
            (chained, ("ValueError", "the second")),
            ("Server error".to_owned(), ("", "")),
            (plain("not a name: at all"), ("", "")),
            (String::new(), ("", "")),
        ] {
            assert_eq!(exception(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_record_is_known_in_every_language() {
        for (text, expected) in [
            ("Record does not exist or has been deleted.\n(Record: res.partner(999999999,), User: 2)", true),
            ("Der Datensatz ist nicht vorhanden.\n(Datensatz: mrp.production(7,), Benutzer: 2)", true),
            ("Record does not exist or has been deleted.\n(Record: res.partner(7, 8), User: 2)", true),
            ("You need to supply a Lot/Serial Number for product:\n- [PNT-1] Paint (blue)", false),
            ("(Record: res.partner(7,), User: 2)", false),
            ("Not now.\n(call us (now,), please)", false),
            ("", false),
        ] {
            assert_eq!(names_missing(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_by_number_and_by_name() {
        let told = |code, text: &str, class| match fault(code, text, class) {
            Ok(value) => value.to_string(),
            Err(failure) => format!("{} {failure}", failure.code()),
        };
        let traceback =
            |end: &str| format!("Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    f()\n{end}\n");
        for (code, text, write, read) in [
            (2, "No.".to_owned(), "FAB6002 odoo refused it: No.", "FAB6002 odoo refused it: No."),
            (3, "Access Denied".to_owned(), "FAB6007", "FAB6007"),
            (4, "Not you.".to_owned(), "FAB6003 odoo refused it: Not you.", "FAB6003"),
            (1, traceback("TypeError: cannot marshal None unless allow_none is enabled"), "null", "null"),
            (1, traceback("OverflowError: int exceeds XML-RPC limits"), "FAB6010", "FAB6009"),
            (1, traceback("psycopg2.errors.SerializationFailure: could not serialize access"), "FAB6001", "FAB6001"),
            (1, traceback("psycopg2.OperationalError: server closed the connection"), "FAB6010", "FAB6009"),
            (
                1,
                traceback("ValueError: Invalid field 'a' on model 'b'"),
                "FAB6002 odoo refused it: Invalid field 'a'",
                "FAB6002",
            ),
            (1, "what is this".to_owned(), "FAB6002 odoo refused it: it gave no reason", "FAB6002"),
        ] {
            let (of_write, of_read) = (told(code, &text, CallClass::Write), told(code, &text, CallClass::Read));
            assert!(of_write.starts_with(write) && of_read.starts_with(read), "{text}: {of_write}, {of_read}");
            assert!(!of_write.contains("Traceback") && !of_write.contains("x.py"), "{of_write}");
        }
    }
}
