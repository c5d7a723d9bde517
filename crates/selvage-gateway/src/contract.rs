//! Contracts as messages are checked against them: an OpenAPI document, compiled once into what each operation takes and
//! answers. Pure and bounded; it never reaches out of the document, and never matches a pattern in more than linear time.

mod compile;
mod document;
mod form;
mod glance;
mod kinds;
mod media;
mod named;
mod parameter;
mod schemas;
mod translate;
mod values;
mod violation;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use http::{HeaderMap, StatusCode};

use crate::json;
use form::Form;
use media::Media;
use named::Counted;
pub(crate) use parameter::Given;
use parameter::Parameter;
use schemas::Schema;
pub(crate) use violation::{Violation, Where};

/// What is said about one message at most.
const MOST_VIOLATIONS: usize = 32;

/// A contract, compiled.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    operations: HashMap<Box<str>, Arc<OperationContract>>,
    /// What cannot be checked against, with the reason.
    pub(crate) problems: Vec<String>,
    /// Bodies that are declared and never read, with the operations that have them: of requests, and of answers.
    pub(crate) unread: (Vec<String>, Vec<String>),
    /// What counts as an attribute where use is counted, each name once.
    pub(crate) attributes: Vec<Box<str>>,
}

/// What an operation takes and answers.
#[derive(Debug, Default)]
pub(crate) struct OperationContract {
    parameters: Vec<Parameter>,
    /// Those of queries that count as attributes.
    queries: Counted,
    /// Those that tell rows apart.
    rows: Vec<RowParameter>,
    body: Option<BodyContract>,
    answers: Vec<(Statuses, AnswerContract)>,
}

/// A parameter that carries an attribute by which grants cover rows: `x-selvage-row` in the contract.
#[derive(Clone, Debug)]
pub(crate) struct RowParameter {
    pub(crate) attribute: Box<str>,
    pub(crate) place: Where,
    pub(crate) name: Box<str>,
    /// Which segment of a path it is.
    pub(crate) segment: usize,
}

/// The body of a request.
#[derive(Debug)]
pub(crate) struct BodyContract {
    required: bool,
    media: Vec<Media>,
}

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerContract {
    headers: Vec<Parameter>,
    media: Vec<Media>,
}

/// Which statuses an answer is declared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Statuses {
    One(u16),
    /// `2XX`.
    Hundred(u16),
    Default,
}

/// What a body is to be checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected<'a> {
    /// It is read and checked.
    Read(Reading<'a>),
    /// The contract promises more of it than anybody here reads.
    Unread,
    /// Nothing that is checked: text, bytes, or without a schema.
    Anything,
    /// The contract declares no body of this media type.
    Undeclared,
    /// The contract declares no body at all.
    Nothing,
}

/// How a body is read, and what it is checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    schema: &'a Schema,
    /// JSON where there is none.
    form: Option<&'a Form>,
}

impl Reading<'_> {
    /// What is wrong with a body; `shows` where its values are for everyone.
    pub(crate) fn violations(&self, body: &[u8], shows: bool) -> Vec<Violation> {
        self.look(body, shows).0
    }

    /// The same, and which of the contract's attributes stand in it, by their places.
    pub(crate) fn look(&self, body: &[u8], shows: bool) -> (Vec<Violation>, Vec<u32>) {
        let seen = if self.form.is_none() { self.schema.surely_fits(body) } else { None };
        match seen {
            Some(bits) => (Vec::new(), self.schema.counted.of_bits(bits)),
            None => self.in_full(body, shows),
        }
    }

    fn in_full(&self, body: &[u8], shows: bool) -> (Vec<Violation>, Vec<u32>) {
        let read = match self.form {
            None => json::read(body).map_err(|error| ("json", error)),
            Some(form) => form.read(body).map_err(|error| ("form", error.to_owned())),
        };
        match read {
            Ok(value) => {
                let errors = self.schema.errors(&value, MOST_VIOLATIONS);
                let violations = errors.into_iter().map(|error| Violation::of_body(&error, shows)).collect();
                (violations, self.schema.counted.of_object(&value))
            }
            Err((rule, error)) => (vec![Violation::of_whole_body(rule, error)], Vec::new()),
        }
    }
}

/// The contract of this text, compiled before or now: snapshots are compiled anew whenever a grant changes, and their
/// contracts stay the same.
pub(crate) fn compiled(file: &str, text: &Arc<str>) -> Arc<Compiled> {
    type Known = Mutex<HashMap<(Box<str>, Arc<str>), Weak<Compiled>>>;
    static KNOWN: LazyLock<Known> = LazyLock::new(Mutex::default);
    let key = (Box::from(file), Arc::clone(text));
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key).and_then(Weak::upgrade);
    if let Some(known) = known {
        return known;
    }
    let compiled = Arc::new(compile::compile(file, text));
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|_, contract| contract.strong_count() > 0);
    known.insert(key, Arc::downgrade(&compiled));
    compiled
}

/// Whether a body of this media type is JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    media::parts(media_type).is_some_and(|(kind, subtype)| media::is_json(kind, subtype))
}

impl Compiled {
    /// The contract of an operation.
    pub(crate) fn operation(&self, id: &str) -> Option<&Arc<OperationContract>> {
        self.operations.get(id)
    }
}

impl OperationContract {
    /// What is wrong with the parameters of a request.
    pub(crate) fn parameters(&self, given: &Given<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        for parameter in &self.parameters {
            parameter.check(given, &mut found);
        }
        found.truncate(MOST_VIOLATIONS);
        found
    }

    /// Which of the contract's attributes a query has, by their places.
    pub(crate) fn asked(&self, query: &str) -> Vec<u32> {
        self.queries.of_query(query)
    }

    /// Its parameters that tell rows apart.
    pub(crate) fn rows(&self) -> &[RowParameter] {
        &self.rows
    }

    /// Whether a request needs a body.
    pub(crate) fn needs_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.required)
    }

    /// What the body of a request is to be checked against.
    pub(crate) fn body(&self, media_type: Option<&str>) -> Expected<'_> {
        match &self.body {
            Some(body) => media::expected(&body.media, media_type),
            None => Expected::Nothing,
        }
    }

    /// The answer of this status; nothing where the contract declares none.
    pub(crate) fn answer(&self, status: StatusCode) -> Option<&AnswerContract> {
        let status = status.as_u16();
        let fits = |statuses: &Statuses| match statuses {
            Statuses::One(one) => *one == status,
            Statuses::Hundred(hundred) => *hundred == status / 100,
            Statuses::Default => true,
        };
        // In their order, the more exact come first.
        self.answers.iter().find(|(statuses, _)| fits(statuses)).map(|(_, answer)| answer)
    }
}

impl AnswerContract {
    /// What is wrong with the headers of an answer.
    pub(crate) fn headers(&self, headers: &HeaderMap, shows: bool) -> Vec<Violation> {
        let given = Given { path: "", query: None, headers, shows };
        let mut found = Vec::new();
        for header in &self.headers {
            header.check(&given, &mut found);
        }
        found.truncate(MOST_VIOLATIONS);
        found
    }

    /// What the body is to be checked against.
    pub(crate) fn body(&self, media_type: Option<&str>) -> Expected<'_> {
        if self.media.is_empty() { Expected::Nothing } else { media::expected(&self.media, media_type) }
    }
}
