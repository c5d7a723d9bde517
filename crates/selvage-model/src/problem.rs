//! RFC 9457 problems: how every API that Selvage serves says no.

use serde_json::{Value, json};

use crate::code::Code;

/// One refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// What is wrong, in a sentence, without secrets.
    pub detail: String,
    /// Where in the body, with JSON Pointers.
    pub errors: Vec<FieldError>,
    /// What is wrong with parameters of the request.
    pub parameters: Vec<ParameterError>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// RFC 6901, into the request's body.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What is wrong with one parameter of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// Where it stands: `path`, `query`, `header` or `cookie`.
    pub place: &'static str,
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A refusal with this status and code.
    pub fn new(status: u16, code: Code, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), parameters: Vec::new(), retry_after: None }
    }

    /// The same with errors of fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same with a time to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body, `application/problem+json`.
    pub fn body(&self, correlation: &str) -> Value {
        let title = crate::code::find(self.code.as_str()).map_or("", |(_, title)| title);
        let mut body = json!({
            "type": format!("/errors/{}", self.code),
            "title": title,
            "status": self.status,
            "code": self.code.as_str(),
            "detail": self.detail,
            "correlation_id": correlation,
        });
        let named =
            |error: &ParameterError| json!({"in": error.place, "parameter": error.name, "detail": error.detail});
        let parameters = self.parameters.iter().map(named);
        let fields = self.errors.iter().map(|error| json!({"pointer": error.pointer, "detail": error.detail}));
        let errors: Vec<Value> = parameters.chain(fields).collect();
        if let (Some(body), false) = (body.as_object_mut(), errors.is_empty()) {
            body.insert("errors".to_owned(), errors.into());
        }
        body
    }
}
