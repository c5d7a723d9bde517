//! One parameter of an operation: found in a request's head, read by its style, and checked against its schema.

use http::{HeaderMap, header};
use serde_json::Value;

use super::values::{self, Separator, Shape};
use super::violation::{self, Violation, Where};
use super::{MOST_VIOLATIONS, Schema};
use crate::json;

/// The head of a request, as far as parameters stand in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// The path below the interface's prefix, as sent.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    /// Whether values are for everyone.
    pub(crate) shows: bool,
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In a path or a header.
    Simple,
    /// In a query or a cookie: apart by this where it is not exploded.
    Form(Separator),
    /// `name[member]=value`.
    Deep,
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) place: Where,
    pub(super) name: Box<str>,
    /// Which segment of a path it is.
    pub(super) segment: usize,
    pub(super) required: bool,
    /// `?name` and `?name=` say nothing that is checked.
    pub(super) may_be_empty: bool,
    pub(super) style: Style,
    pub(super) exploded: bool,
    pub(super) shape: Shape,
    pub(super) schema: Option<Schema>,
}

/// What was found of a parameter.
enum Found {
    Nothing,
    /// What it may stand for, the likelier first.
    Values(Vec<Value>),
    /// It cannot be read.
    Broken(&'static str),
}

impl Parameter {
    /// Adds what is wrong with it.
    pub(super) fn check(&self, given: &Given<'_>, violations: &mut Vec<Violation>) {
        let values = match self.find(given) {
            Found::Nothing if self.required => {
                violations.push(Violation::of_parameter(self.place, &self.name, "required", "is missing"));
                return;
            }
            Found::Nothing => return,
            Found::Broken(detail) => {
                violations.push(Violation::of_parameter(self.place, &self.name, "style", detail));
                return;
            }
            Found::Values(values) => values,
        };
        let Some(schema) = &self.schema else { return };
        if values.iter().any(|value| schema.fits(value)) {
            return;
        }
        let Some(value) = values.last() else { return };
        for error in schema.errors(value, MOST_VIOLATIONS) {
            let at = error.instance_path().as_str();
            let detail = violation::words(&error);
            let detail = if at.is_empty() { detail } else { format!("{detail}, at {at}") };
            let violation = Violation::of_parameter(self.place, &self.name, violation::rule(&error), detail);
            violations.push(Violation { sample: violation::sample(error.instance(), given.shows), ..violation });
        }
    }

    fn find(&self, given: &Given<'_>) -> Found {
        match self.place {
            Where::Path => match given.path.split('/').nth(self.segment) {
                Some(raw) => self.read_one(raw, false),
                None => Found::Nothing,
            },
            Where::Query => self.in_query(given.query.unwrap_or_default()),
            Where::Header => self.in_headers(given.headers),
            Where::Cookie => self.in_cookies(given.headers),
            Where::Body => Found::Nothing,
        }
    }

    fn in_headers(&self, headers: &HeaderMap) -> Found {
        let mut texts = Vec::new();
        for value in headers.get_all(&*self.name) {
            match value.to_str() {
                Ok(text) => texts.push(text.trim()),
                Err(_) => return Found::Broken("is not text"),
            }
        }
        if texts.is_empty() { Found::Nothing } else { self.read_one(&texts.join(","), true) }
    }

    fn in_cookies(&self, headers: &HeaderMap) -> Found {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        match pairs.find(|(name, _)| *name == &*self.name) {
            Some((_, raw)) => self.read_one(raw, true),
            None => Found::Nothing,
        }
    }

    /// Reads a text that holds all of it. Headers and cookies are not percent-encoded.
    fn read_one(&self, raw: &str, plain: bool) -> Found {
        let decode = |raw: &str| if plain { Some(raw.to_owned()) } else { values::decoded(raw, false) };
        if matches!(self.shape, Shape::Scalar(_) | Shape::Json) {
            return self.assembled(raw, &[], false, decode);
        }
        let trim = |parts: Vec<&str>| -> Vec<String> { parts.into_iter().map(|part| part.trim().to_owned()).collect() };
        let parts = trim(values::split(raw, Separator::Comma));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.assembled(raw, &parts, self.exploded && self.place != Where::Cookie, decode)
    }

    fn assembled(&self, raw: &str, parts: &[&str], pairs: bool, decode: impl Fn(&str) -> Option<String>) -> Found {
        let found = match &self.shape {
            Shape::Scalar(kinds) => decode(raw).map(|text| values::scalars_of(text, *kinds)),
            Shape::Json => match decode(raw).map(|text| json::read(text.as_bytes())) {
                Some(Ok(value)) => Some(vec![value]),
                Some(Err(_)) => return Found::Broken("is not JSON"),
                None => None,
            },
            Shape::List(kinds) => {
                let values: Option<Vec<Value>> =
                    parts.iter().map(|part| Some(values::scalar(&decode(part)?, *kinds))).collect();
                values.map(|values| vec![Value::Array(values)])
            }
            Shape::Group(..) => {
                let Some(pairs) = values::pairs(parts, pairs) else { return Found::Broken("is not made of members") };
                let members: Option<Vec<_>> =
                    pairs.into_iter().map(|(name, value)| Some((decode(name)?, decode(value)?))).collect();
                members.map(|members| vec![values::group(&self.shape, members)])
            }
        };
        found.map_or(Found::Broken("is not percent-encoded UTF-8"), Found::Values)
    }

    fn in_query(&self, query: &str) -> Found {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let named: Option<Vec<(String, &str)>> =
            pairs.map(|(name, raw)| Some((values::decoded(name, true)?, raw))).collect();
        let Some(named) = named else { return Found::Broken("the query is not percent-encoded UTF-8") };
        let decode = |raw: &str| values::decoded(raw, true);
        let separator = match self.style {
            Style::Deep => return self.deep(&named),
            Style::Form(separator) => separator,
            Style::Simple => Separator::Comma,
        };
        if let (Shape::Group(known, _), true) = (&self.shape, self.exploded) {
            let own = named.iter().filter(|(name, _)| known.iter().any(|(known, _)| **known == **name));
            return self.members(own.map(|(name, raw)| (name.as_str(), *raw)).collect());
        }
        let raws: Vec<&str> = named.iter().filter(|(name, _)| **name == *self.name).map(|(_, raw)| *raw).collect();
        match (raws.as_slice(), &self.shape) {
            ([], _) => Found::Nothing,
            ([""], _) if self.may_be_empty => Found::Nothing,
            (raws, Shape::List(_)) if self.exploded => self.assembled("", raws, false, decode),
            ([raw], _) => self.assembled(raw, &values::split(raw, separator), false, decode),
            _ => Found::Broken("stands more than once"),
        }
    }

    fn deep(&self, named: &[(String, &str)]) -> Found {
        let member = |name: &'_ str| -> Option<usize> {
            let rest = name.strip_prefix(&*self.name)?.strip_prefix('[')?;
            rest.ends_with(']').then_some(self.name.len() + 1)
        };
        let own = named.iter().filter_map(|(name, raw)| {
            let start = member(name)?;
            Some((name.get(start..name.len() - 1)?, *raw))
        });
        self.members(own.collect())
    }

    fn members(&self, members: Vec<(&str, &str)>) -> Found {
        if members.is_empty() {
            return Found::Nothing;
        }
        let decoded: Option<Vec<(String, String)>> =
            members.into_iter().map(|(name, raw)| Some((name.to_owned(), values::decoded(raw, true)?))).collect();
        match decoded {
            Some(members) => Found::Values(vec![values::group(&self.shape, members)]),
            None => Found::Broken("is not percent-encoded UTF-8"),
        }
    }
}
