//! What a grant leaves out of a direct interface or does not see of it, applied to what is asked. What cannot be looked through is
//! not passed on; where something is masked, nothing is made to depend on a state that tells of it.

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use hyper::body::Incoming;
use selvage_model::code;
use selvage_model::problem::{FieldError, ParameterError, Problem};
use serde_json::Value;

use super::coming::Coming;
use super::named::{named, named_by_value, named_in};
use super::request::{is_coded, text};
use crate::contract::{Given, Where};
use crate::json;
use crate::mediate::in_foreign_charset;
use crate::path;
use crate::snapshot::{DirectScope, Row, Rows, Withheld, Writes, plain};
use crate::whole::{Read, Terms};

/// Places that are named in one refusal.
pub(super) const MOST_NAMED: usize = 32;

/// A refusal, and what of the body nobody has read.
pub(super) type Refused = Box<(Problem, Option<Incoming>)>;

/// Lets a request pass that asks for and gives nothing that is left out; its body as far as it was read.
pub(super) async fn admit(
    scope: &DirectScope,
    operation: u32,
    parts: &Parts,
    prefix: usize,
    body: Incoming,
    terms: Terms<'_>,
) -> Result<Coming, Refused> {
    let below = parts.uri.path().get(prefix..).unwrap_or_default();
    let given = Given { path: below, query: parts.uri.query(), headers: &parts.headers, shows: false };
    if let Some(problem) = by_head(scope, operation, &parts.method, &given) {
        return Err(Box::new((problem, Some(body))));
    }
    let coming = Coming::Stream(body);
    let erases = match scope.writes(operation) {
        Writes::Whole => false,
        Writes::Unsaid => scope.withholds() && parts.method == Method::PUT && !coming.is_nothing(),
        Writes::Freely => false,
    };
    if erases {
        return Err(Box::new((replaces(scope), coming.unread())));
    }
    let media_type = text(&parts.headers, &header::CONTENT_TYPE);
    if !coming.is_nothing() && media_type.is_some_and(is_form) && tells_by_query(scope, operation) {
        let detail = "the grant covers only some rows, and the fields of a form could name others";
        return Err(Box::new((Problem::new(403, code::ROWS_WITHHELD, detail), coming.unread())));
    }
    if !scope.withholds() || coming.is_nothing() {
        return Ok(coming);
    }
    let unreadable = |detail: &str| Problem::new(403, code::ATTRIBUTE_WITHHELD, detail);
    if !media_type.is_some_and(is_plain_json) || is_coded(&parts.headers) {
        let detail = "the grant does not show every member, so a body passes only as plain JSON";
        return Err(Box::new((unreadable(detail), coming.unread())));
    }
    if let Some(problem) = media_type.and_then(in_foreign_charset) {
        return Err(Box::new((problem, coming.unread())));
    }
    let too_large =
        || unreadable("the grant does not show every member, and the body is larger than what is looked through");
    if coming.least() > scope.up_to {
        return Err(Box::new((too_large(), coming.unread())));
    }
    let bytes = match Box::pin(coming.read(scope.up_to, terms)).await {
        Read::Whole(bytes) => bytes,
        Read::Part(_, rest) => return Err(Box::new((too_large(), Some(rest)))),
        Read::NoRoom(ahead, rest) => return Err(Box::new((terms.bearer.no_room(ahead.len()), Some(rest)))),
        Read::Failed(problem) => return Err(Box::new((problem, None))),
    };
    let value = json::read(&bytes).map_err(|error| Box::new((Problem::new(400, code::BODY_NOT_JSON, error), None)))?;
    let is_change = parts.method == Method::PATCH;
    if is_change && !value.is_object() {
        return Err(Box::new((replaces(scope), None)));
    }
    let mut found = Vec::new();
    find((scope, is_change), &value, &mut String::new(), &mut found);
    if found.is_empty() {
        return Ok(Coming::Whole(bytes));
    }
    let problem = refusal(&found, |(_, why)| *why, "what the body gives");
    let error = |(pointer, why): (String, Withheld<'_>)| FieldError { pointer, detail: words(why) };
    Err(Box::new((problem.with_errors(found.into_iter().map(error).collect()), None)))
}

/// Why a request is refused by what its head asks for.
pub(super) fn by_head(scope: &DirectScope, operation: u32, method: &Method, given: &Given<'_>) -> Option<Problem> {
    let refused = outside(scope, operation, given).or_else(|| asks(scope, operation, given));
    let erases = || scope.writes(operation) == Writes::Whole && *method == Method::PUT;
    refused.or_else(|| tells(scope, method, given.headers)).or_else(|| erases().then(|| replaces(scope)))
}

/// What is not shown would be erased, or set to what it is not.
fn replaces(scope: &DirectScope) -> Problem {
    let code = if scope.masks() { code::ATTRIBUTE_MASKED } else { code::ATTRIBUTE_WITHHELD };
    Problem::new(403, code, "the request replaces the whole of something that the grant does not see all of")
}

/// Why what was found is refused: as left out where anything of it is, otherwise as masked.
fn refusal<T>(found: &[T], why: impl Fn(&T) -> Withheld<'_>, what: &str) -> Problem {
    if found.iter().any(|found| matches!(why(found), Withheld::Out)) {
        return Problem::new(403, code::ATTRIBUTE_WITHHELD, format!("the grant leaves out {what}"));
    }
    Problem::new(403, code::ATTRIBUTE_MASKED, format!("the grant does not see {what}"))
}

fn words(why: Withheld<'_>) -> String {
    match why {
        Withheld::Out => "the grant leaves this out, or something in it".to_owned(),
        Withheld::Masked(class) => format!("the grant does not see `{class}` data"),
    }
}

/// Whether headers ask by what is masked, or by a state of it.
fn tells(scope: &DirectScope, method: &Method, headers: &HeaderMap) -> Option<Problem> {
    if !scope.masks() {
        return None;
    }
    let refused = |detail: &str| Some(Problem::new(403, code::ATTRIBUTE_MASKED, detail));
    let depends = |name| headers.get_all(name).iter().any(|value| value.as_bytes().trim_ascii() != b"*");
    let writes = !matches!(*method, Method::GET | Method::HEAD);
    let states = depends(header::IF_MATCH) || (writes && depends(header::IF_NONE_MATCH));
    if states || headers.contains_key(header::IF_UNMODIFIED_SINCE) {
        return refused(
            "the grant does not see everything that the state of a record tells of, so nothing depends on it",
        );
    }
    let named = headers.keys().find_map(|name| {
        let detail = words(Withheld::Masked(scope.masked_header(name.as_str())?));
        Some(ParameterError { place: "header", name: name.as_str().to_owned(), detail })
    })?;
    let problem = refused("the grant does not see what a header asks by")?;
    Some(Problem { parameters: vec![named], ..problem })
}

/// Whether a request names another row than the grant's.
fn outside(scope: &DirectScope, operation: u32, given: &Given<'_>) -> Option<Problem> {
    let refused = |detail: String| Problem::new(403, code::ROWS_WITHHELD, detail);
    let rows = match scope.rows(operation) {
        Some(Rows::Told(rows)) => rows,
        Some(Rows::Untold(attribute)) => {
            let detail = format!("the grant covers rows by `{attribute}`, and this operation does not tell them apart");
            return Some(refused(detail));
        }
        Some(Rows::Masked(parameter)) => {
            let detail = format!("the path names `{parameter}`, whose class of data the grant does not see");
            return Some(Problem::new(403, code::ATTRIBUTE_MASKED, detail));
        }
        None => return Some(refused("the grant does not cover this operation".to_owned())),
    };
    let wrong: Vec<ParameterError> = rows.iter().filter(|row| !row.holds(given)).map(Row::as_error).collect();
    if wrong.is_empty() {
        return None;
    }
    let problem = refused("the grant covers only some rows, and the request has to name them".to_owned());
    Some(Problem { parameters: wrong, ..problem })
}

/// Whether a query asks by something that is left out.
fn asks(scope: &DirectScope, operation: u32, given: &Given<'_>) -> Option<Problem> {
    let query = given.query.filter(|_| scope.withholds())?;
    let Some(pairs) = path::decode_query(Some(query)) else {
        return Some(Problem::new(400, code::MALFORMED, "the query is not percent-encoded UTF-8"));
    };
    if query.contains(';') {
        return Some(Problem::new(
            403,
            code::ATTRIBUTE_WITHHELD,
            "the grant does not show every member, and a `;` is read in two ways",
        ));
    }
    let named = |(name, value): &(String, String)| {
        let why = named(scope, name).or_else(|| named_by_value(scope, name, value))?;
        Some((name.clone(), why))
    };
    let found: Vec<(String, Withheld<'_>)> = pairs.iter().filter_map(named).take(MOST_NAMED).collect();
    if found.is_empty() {
        let undeclared = pairs.into_iter().map(|(name, _)| name).filter(|name| !scope.takes(operation, name));
        return undeclared_problem(scope, undeclared.take(MOST_NAMED).collect());
    }
    let problem = refusal(&found, |(_, why)| *why, "what the query asks by");
    let error = |(name, why): (String, Withheld<'_>)| ParameterError { place: "query", name, detail: words(why) };
    Some(Problem { parameters: found.into_iter().map(error).collect(), ..problem })
}

/// Why parameters are refused that the contract does not have: nobody knows what an upstream does with them.
fn undeclared_problem(scope: &DirectScope, names: Vec<String>) -> Option<Problem> {
    if names.is_empty() {
        return None;
    }
    let detail = "the grant does not see every member, and the query has what the contract does not declare";
    let error = |name| ParameterError { place: "query", name, detail: "the contract does not declare this".to_owned() };
    let parameters = names.into_iter().map(error).collect();
    let code = if scope.masks() { code::ATTRIBUTE_MASKED } else { code::ATTRIBUTE_WITHHELD };
    Some(Problem { parameters, ..Problem::new(403, code, detail) })
}

/// Whether rows are told apart by the query: many servers read fields of a form as if they stood there, and those last.
fn tells_by_query(scope: &DirectScope, operation: u32) -> bool {
    match scope.rows(operation) {
        Some(Rows::Told(rows)) => rows.iter().any(|row| row.parameter.place == Where::Query),
        _ => false,
    }
}

fn is_form(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["application/x-www-form-urlencoded", "multipart/form-data"].iter().any(|form| essence.eq_ignore_ascii_case(form))
}

/// JSON that says what it is by its members alone: a list of changes names them in values (RFC 6902).
fn is_plain_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"].iter().any(|plain| essence.eq_ignore_ascii_case(plain))
}

impl Row {
    /// Whether a request names one of the grant's rows, once and in no second spelling that an upstream might read.
    fn holds(&self, given: &Given<'_>) -> bool {
        let allowed = |text: &str| self.allowed.iter().any(|allowed| allowed == text);
        match self.parameter.place {
            Where::Path => {
                let segment = given.path.split('/').nth(self.parameter.segment);
                segment.and_then(path::decode_segment).is_some_and(|text| allowed(&text))
            }
            Where::Query => {
                let Some(query) = given.query.filter(|query| !query.contains(';')) else { return false };
                let Some(pairs) = path::decode_query(Some(query)) else { return false };
                // Some servers make one name of `a.b`, `a b` and `a_b`, and cut a name where a control character stands.
                let spelled =
                    |name: &str| plain(name.split(|c: char| c == '[' || c.is_control()).next().unwrap_or_default());
                let wanted = plain(&self.parameter.name);
                let own = |name: &str| spelled(name.trim_start_matches(char::is_control)) == wanted;
                let mut named = pairs.iter().filter(|(name, _)| own(name));
                match (named.next(), named.next()) {
                    (Some((name, value)), None) => **name == *self.parameter.name && allowed(value),
                    _ => false,
                }
            }
            Where::Header => {
                // Some servers read `_` as `-`.
                let own =
                    |name: &str| name.replace('_', "-").eq_ignore_ascii_case(&self.parameter.name.replace('_', "-"));
                let mut named = given.headers.iter().filter(|(name, _)| own(name.as_str()));
                let (first, second) = (named.next(), named.next());
                let is_spelled = |name: &HeaderName| name.as_str().eq_ignore_ascii_case(&self.parameter.name);
                let first = first.filter(|(name, _)| is_spelled(name)).and_then(|(_, value)| value.to_str().ok());
                second.is_none() && first.is_some_and(allowed)
            }
            Where::Cookie | Where::Body => false,
        }
    }

    fn as_error(&self) -> ParameterError {
        let words: Vec<String> = self.allowed.iter().map(|word| format!("`{word}`")).collect();
        ParameterError {
            place: self.parameter.place.as_str(),
            name: self.parameter.name.to_string(),
            detail: format!("the grant covers only {}", words.join(", ")),
        }
    }
}

/// Looks for what is left out or masked. What is changed by its parts is replaced by what a part gives: whatever it holds.
fn find<'s>(
    (scope, is_change): (&'s DirectScope, bool),
    value: &Value,
    pointer: &mut String,
    found: &mut Vec<(String, Withheld<'s>)>,
) {
    if found.len() >= MOST_NAMED {
        return;
    }
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                let held = || scope.holds_withheld(name).filter(|_| is_change);
                match named(scope, name).or_else(held) {
                    Some(why) => found.push((pointer.clone(), why)),
                    None => find((scope, is_change), member, pointer, found),
                }
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                find((scope, is_change), item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::String(text) => {
            // A search names what it asks by in its values.
            let masked = named_in(scope, text).filter(|why| matches!(why, Withheld::Masked(_)));
            found.extend(masked.map(|why| (pointer.clone(), why)));
        }
        _ => {}
    }
}
