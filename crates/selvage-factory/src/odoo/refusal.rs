//! The exceptions of Odoo that a call can end in, with the names, messages, statuses and faults that the dialects give them.
//! A refusal means that nothing was changed; it never describes a fault of the network.

use serde_json::{Value as Json, json};

use super::OdooVersion;

/// Which exception of Odoo, Python or the database driver is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    User,
    Validation,
    Access,
    Denied,
    Missing,
    Value,
    Type,
    Attribute,
    Key,
    Overflow,
    Database,
    Serialization,
    NotFound,
    Unauthorized,
    BadRequest,
    Unprocessable,
}

impl Exception {
    /// The name that `error.data.name` carries.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "odoo.exceptions.UserError",
            Self::Validation => "odoo.exceptions.ValidationError",
            Self::Access => "odoo.exceptions.AccessError",
            Self::Denied => "odoo.exceptions.AccessDenied",
            Self::Missing => "odoo.exceptions.MissingError",
            Self::Value => "builtins.ValueError",
            Self::Type => "builtins.TypeError",
            Self::Attribute => "builtins.AttributeError",
            Self::Key => "builtins.KeyError",
            Self::Overflow => "builtins.OverflowError",
            Self::Database => "psycopg2.OperationalError",
            Self::Serialization => "psycopg2.errors.SerializationFailure",
            Self::NotFound => "werkzeug.exceptions.NotFound",
            Self::Unauthorized => "werkzeug.exceptions.Unauthorized",
            Self::BadRequest => "werkzeug.exceptions.BadRequest",
            Self::Unprocessable => "werkzeug.exceptions.UnprocessableEntity",
        }
    }

    /// The HTTP status of JSON-2; JSON-RPC answers 200 to all of them.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::User | Self::Validation | Self::Unprocessable => 422,
            Self::Access | Self::Denied => 403,
            Self::Missing | Self::NotFound => 404,
            Self::Unauthorized => 401,
            Self::BadRequest => 400,
            Self::Value
            | Self::Type
            | Self::Attribute
            | Self::Key
            | Self::Overflow
            | Self::Database
            | Self::Serialization => 500,
        }
    }

    /// The number of the fault in XML-RPC; all that it does not tell apart is 1, with a traceback for a text.
    pub(crate) fn fault(self) -> u8 {
        match self {
            Self::User | Self::Validation | Self::Missing => 2,
            Self::Denied => 3,
            Self::Access => 4,
            _ => 1,
        }
    }

    /// The reason phrase with its number, where the exception is one of HTTP.
    fn http(self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("404 Not Found"),
            Self::Unauthorized => Some("401 Unauthorized"),
            Self::BadRequest => Some("400 Bad Request"),
            Self::Unprocessable => Some("422 Unprocessable Entity"),
            _ => None,
        }
    }
}

/// A call that ended in an exception and left everything as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) exception: Exception,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self { exception, message: message.into() }
    }

    pub(crate) fn user(message: impl Into<String>) -> Self {
        Self::new(Exception::User, message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(Exception::Validation, message)
    }

    pub(crate) fn access(message: impl Into<String>) -> Self {
        Self::new(Exception::Access, message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(Exception::Value, message)
    }

    /// What the database says when two transactions changed the same row and the retries are used up.
    pub(crate) fn serialization() -> Self {
        Self::new(Exception::Serialization, "could not serialize access due to concurrent update\n")
    }

    /// A record that a write or an action names does not exist.
    pub(crate) fn missing(model: &str, id: super::value::Id, user: super::value::Id) -> Self {
        let message = format!("Record does not exist or has been deleted.\n(Record: {model}({id},), User: {user})");
        Self::new(Exception::Missing, message)
    }

    /// A field that the model does not have, named in a list of fields or in the values of a write.
    pub(crate) fn unknown_field(version: OdooVersion, model: &str, field: &str) -> Self {
        Self::value(match version {
            OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => {
                format!("Invalid field '{field}' on model '{model}'")
            }
            OdooVersion::V19 => format!("Invalid field '{field}' on '{model}'"),
        })
    }

    /// A mandatory field without a value; `model` and `label` name where the database column is.
    pub(crate) fn required(version: OdooVersion, model: (&str, &str), field: (&str, &str)) -> Self {
        let ((label, model), (title, field)) = (model, field);
        Self::validation(match version {
            OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => format!(
                "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another model requires \
                 the record being deleted. If possible, archive it instead.\n\nModel: {label} ({model})\nField: {title} ({field})\n"
            ),
            OdooVersion::V19 => format!(
                "The operation cannot be completed: Missing required value for the field '{title}' ({field}).\nModel: '{label}' ({model})\n\
                 - create/update: a mandatory field is not set\n- delete: another model requires the record being deleted, you can \
                 archive it instead\n"
            ),
        })
    }

    /// A many2one to a record that does not exist.
    pub(crate) fn dangling(label: &str, model: &str, field: &str) -> Self {
        let table = model.replace('.', "_");
        Self::validation(format!(
            "The operation cannot be completed: another model requires the record being deleted. If possible, archive it instead.\n\n\
             Model: {label} ({model})\nConstraint: {table}_{field}_fkey\n"
        ))
    }

    /// The text of the fault in XML-RPC: the message, or a traceback for what has no number of its own.
    pub(crate) fn fault_text(&self) -> String {
        if self.exception.fault() != 1 {
            return self.message.clone();
        }
        let name = self.exception.name();
        traceback(&format!("{}: {}", name.strip_prefix("builtins.").unwrap_or(name), self.message))
    }

    /// The body that both JSON dialects carry: `{name, message, arguments, context, debug}`, with a traceback in `debug`.
    pub(crate) fn body(&self) -> Json {
        let message = &self.message;
        let name = self.exception.name();
        let raised = name.strip_prefix("builtins.").unwrap_or(name);
        let (arguments, last) = match self.exception.http() {
            Some(http) => (json!([message, self.exception.status()]), format!("{raised}: {http}: {message}")),
            None => (json!([message]), format!("{raised}: {message}")),
        };
        let debug = traceback(&last);
        json!({ "name": name, "message": message, "arguments": arguments, "context": {}, "debug": debug })
    }
}

/// A traceback as Python writes it, with the exception on its last line.
fn traceback(last: &str) -> String {
    format!(
        "Traceback (most recent call last):\n  File \"/opt/odoo/odoo/http.py\", line 2187, in _transactioning\n    \
         return service_model.retrying(func, env=self.env)\n  File \"/opt/odoo/odoo/service/model.py\", line 156, in retrying\n    \
         result = func()\n{last}\n"
    )
}
