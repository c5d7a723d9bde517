//! The query of a list: how many, from where, since when, and which values of which attributes. Pure; says everything
//! that is wrong with it at once and never ignores a parameter.

use jiff::Timestamp;
use selvage_mapping::check_scalar;
use selvage_mapping::openapi::LONGEST_SOUGHT;
use selvage_model::code;
use selvage_model::exchange::Scope;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::name::AttributeName;
use selvage_model::problem::{ParameterError, Problem};
use serde_json::{Number, Value};

use crate::nearest::nearest;
use crate::scope;

/// The most records of a page.
pub(crate) const LIMIT_MOST: usize = 500;
const LIMIT_DEFAULT: usize = 100;
/// The most characters of a value that is looked for.
const LONGEST: usize = LONGEST_SOUGHT as usize;
const RESERVED: &[&str] = &["limit", "cursor", "updated_since"];

/// A list as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    /// The most records of the page.
    pub(crate) limit: usize,
    /// Where the page before ended, as it was given.
    pub(crate) cursor: Option<String>,
    /// Only what was written then or later.
    pub(crate) updated_since: Option<Timestamp>,
    /// Each attribute has one of these values.
    pub(crate) filters: Vec<(AttributeName, Vec<Value>)>,
}

/// Reads the parameters of a list of this object.
pub(crate) fn read(parameters: &[(String, String)], object: &Object, scope: &Scope) -> Result<Query, Problem> {
    let mut query = Query { limit: LIMIT_DEFAULT, cursor: None, updated_since: None, filters: Vec::new() };
    let mut wrong: Vec<ParameterError> = Vec::new();
    let mut excepted: Vec<String> = Vec::new();
    let mut masked: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (name, text) in parameters {
        let again = seen.contains(&name.as_str());
        seen.push(name);
        if again && RESERVED.contains(&name.as_str()) {
            wrong.push(unusable(name, format!("`{name}` is given twice")));
            continue;
        }
        let taken = match name.as_str() {
            "limit" => limit(text).map(|limit| query.limit = limit),
            "cursor" => {
                query.cursor = Some(text.clone());
                Ok(())
            }
            "updated_since" => moment(text).map(|moment| query.updated_since = Some(moment)),
            _ => match filter(name, text, object) {
                Ok((attribute, _)) if scope::is_excepted(scope, &attribute) => {
                    excepted.push(format!("`{name}`"));
                    Ok(())
                }
                Ok((attribute, _)) if scope::class_masked(scope, &attribute).is_some() => {
                    masked.push(format!("`{name}`"));
                    Ok(())
                }
                Ok((attribute, value)) => {
                    add(&mut query.filters, attribute, value);
                    Ok(())
                }
                Err(problem) => Err(problem),
            },
        };
        wrong.extend(taken.err().map(|detail| unusable(name, detail)));
    }
    if !wrong.is_empty() {
        return Err(refusal(wrong));
    }
    if !excepted.is_empty() {
        let detail = format!("the grant leaves out {}, so it cannot be searched by", excepted.join(", "));
        return Err(Problem::new(403, code::ATTRIBUTE_EXCEPTED, detail));
    }
    if !masked.is_empty() {
        // Whoever could ask by it would be told what it is, one question after the other.
        let detail = format!("the grant does not see {}, so it cannot be searched by", masked.join(", "));
        return Err(Problem::new(403, code::ATTRIBUTE_MASKED, detail));
    }
    Ok(query)
}

/// Refuses parameters where an operation takes none.
pub(crate) fn none(parameters: &[(String, String)]) -> Result<(), Problem> {
    let Some((name, _)) = parameters.first() else { return Ok(()) };
    Err(refusal(vec![unusable(name, format!("`{name}` is given, and this operation takes no parameters"))]))
}

fn unusable(name: &str, detail: String) -> ParameterError {
    ParameterError { place: "query", name: name.to_owned(), detail }
}

fn refusal(parameters: Vec<ParameterError>) -> Problem {
    let details: Vec<&str> = parameters.iter().map(|error| error.detail.as_str()).collect();
    let problem = Problem::new(400, code::QUERY_UNUSABLE, details.join("; "));
    Problem { parameters, ..problem }
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MOST).contains(limit));
    limit.ok_or_else(|| format!("`limit` is `{text}` and must be a whole number from 1 to {LIMIT_MOST}"))
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("`updated_since` is `{text}` and must be RFC 3339, as `2026-11-23T06:00:00Z`"))
}

fn filter(name: &str, text: &str, object: &Object) -> Result<(AttributeName, Value), String> {
    let attribute = object.attributes.iter().find(|attribute| attribute.name.value.as_str() == name);
    let Some(attribute) = attribute else {
        let known = object.attributes.iter().map(|attribute| attribute.name.value.as_str());
        let known: Vec<&str> = known.chain(RESERVED.iter().copied()).collect();
        let hint = nearest(name, &known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(format!("`{name}` is neither a parameter of lists nor an attribute of {}{hint}", object.name));
    };
    let value = value(attribute, text)?;
    Ok((attribute.name.value.clone(), value))
}

fn value(attribute: &Attribute, text: &str) -> Result<Value, String> {
    let name = &attribute.name.value;
    match &attribute.shape {
        Shape::Enum { values } => {
            if values.iter().any(|value| value.value == text) {
                return Ok(Value::from(text));
            }
            let words: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
            Err(format!("`{name}` is `{text}` and must be one of {}", words.join(", ")))
        }
        Shape::Integer => {
            let number = text.parse::<i64>().map_err(|_| format!("`{name}` is `{text}` and must be a whole number"))?;
            Ok(Value::Number(Number::from(number)))
        }
        Shape::Boolean => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("`{name}` is `{text}` and must be `true` or `false`")),
        },
        Shape::Quantity { .. } | Shape::Money | Shape::List(_) | Shape::Group(_) => {
            Err(format!("`{name}` cannot be searched by: it is not a single value"))
        }
        // Nothing that an attribute could be is that long, and a link to it would not be followed.
        _ if text.chars().count() > LONGEST => {
            Err(format!("`{name}` is longer than the {LONGEST} characters that are looked for"))
        }
        shape => {
            let value = Value::from(text);
            check_scalar(shape, &value).map_err(|wrong| format!("`{name}`: {wrong}"))?;
            Ok(value)
        }
    }
}

fn add(filters: &mut Vec<(AttributeName, Vec<Value>)>, attribute: AttributeName, value: Value) {
    match filters.iter_mut().find(|(known, _)| known == &attribute) {
        Some((_, values)) if values.contains(&value) => {}
        Some((_, values)) => values.push(value),
        None => filters.push((attribute, vec![value])),
    }
}

#[cfg(test)]
mod tests;
