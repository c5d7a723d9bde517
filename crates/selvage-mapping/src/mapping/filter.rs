//! An attribute's value as a condition on records. What cannot be said exactly is refused, never widened.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::Shape;
use selvage_model::name::SystemName;
use serde_json::Value;

use super::put::{record_id, write_plain};
use crate::error::{MapCause, MapError};
use crate::filter::Filter;
use crate::lens::{Field, Lens, Target};
use crate::link::LinkQuery;
use crate::shape::shown;

/// The records whose attribute has this value.
pub(super) fn filter(system: &SystemName, field: &Field, value: &Value, pointer: &str) -> Result<Filter, MapError> {
    if !field.readable {
        return Err(not_filterable(field, pointer, "it is not read from the record"));
    }
    let value = &typed(&field.attribute.shape, value);
    let by_default = field.default.as_ref().is_some_and(|default| default == value);
    match (&field.lens, &field.at) {
        (Lens::Const(constant), _) => Ok(if constant == value { Filter::Everything } else { Filter::Nothing }),
        (Lens::Absent, _) => {
            let default = field.default.as_ref().unwrap_or(&Value::Null);
            Ok(if default == value { Filter::Everything } else { Filter::Nothing })
        }
        (_, Some(_)) if !field.or.is_empty() => Err(not_filterable(field, pointer, "it is read from several fields")),
        (_, Some(at)) if value.is_null() => empty(field, &at.at, pointer),
        (lens, Some(at)) => {
            let exact = present(system, field, lens, &at.at, value, pointer)?;
            if by_default { or_empty(field, exact, pointer) } else { Ok(exact) }
        }
        (_, None) => Err(not_filterable(field, pointer, "it has no one field in the record")),
    }
}

/// A query parameter is a text; a boolean or a number is meant where the attribute is one.
fn typed(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Boolean, Value::String(text)) if text == "true" || text == "false" => Value::Bool(text == "true"),
        (Shape::Integer, Value::String(text)) => text.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        _ => value.clone(),
    }
}

fn empty(field: &Field, at: &str, pointer: &str) -> Result<Filter, MapError> {
    if field.default.is_some() {
        return Ok(Filter::Nothing);
    }
    if field.lens.can_be_emptied(&field.attribute.shape) && searchable(&field.lens) {
        Ok(Filter::Equals { field: at.to_owned(), value: Value::Bool(false) })
    } else {
        Err(not_filterable(field, pointer, "the system does not tell an empty one from others"))
    }
}

fn searchable(lens: &Lens) -> bool {
    matches!(
        lens,
        Lens::Plain | Lens::Code { .. } | Lens::Ref(_) | Lens::Record | Lens::Label | Lens::Site | Lens::Enum(_)
    )
}

fn present(
    system: &SystemName,
    field: &Field,
    lens: &Lens,
    at: &str,
    value: &Value,
    pointer: &str,
) -> Result<Filter, MapError> {
    let text = || value.as_str().ok_or_else(|| wrong(pointer, format!("{} is no string", shown(value))));
    match lens {
        Lens::Plain => plain(field, at, value, pointer),
        Lens::Enum(words) => {
            let ours = text()?;
            let theirs = words.iter().filter(|(_, word)| word == ours).map(|(word, _)| word.as_str());
            Ok(one_of(at, theirs.collect()))
        }
        Lens::Flag(words) => {
            let ours = text()?;
            let theirs: Vec<Value> =
                words.iter().filter(|(_, word)| word == ours).map(|(flag, _)| (*flag).into()).collect();
            Ok(match theirs.as_slice() {
                [] => Filter::Nothing,
                [flag] => Filter::Equals { field: at.to_owned(), value: flag.clone() },
                _ => Filter::Everything,
            })
        }
        Lens::Code { codes, by } => {
            let code = text()?;
            let mut words = codes.words(code);
            if words.is_empty() && codes.passes() {
                words.extend(codes.word(code).ok());
            }
            match (by, words.as_slice()) {
                (_, []) => Ok(Filter::Nothing),
                (CodeBy::Value, _) => Ok(one_of(at, words)),
                (CodeBy::ExternalId, [word]) => {
                    let query = LinkQuery::ByExternalId { external_id: (*word).to_owned() };
                    Ok(Filter::Link { field: at.to_owned(), query })
                }
                _ => Err(not_filterable(field, pointer, "several of the system's words stand for it")),
            }
        }
        Lens::Ref(Target::Record) => Ok(match record_id(system, text()?) {
            Some(id) => Filter::Equals { field: at.to_owned(), value: id.into() },
            None => Filter::Nothing,
        }),
        Lens::Ref(Target::Key(object)) => {
            let query = LinkQuery::ByKey { object: object.clone(), key: text()?.to_owned() };
            Ok(Filter::Link { field: at.to_owned(), query })
        }
        Lens::Ref(Target::Attribute(object, attribute)) => {
            let (object, attribute, value) = (object.clone(), attribute.clone(), text()?.to_owned());
            Ok(Filter::Link { field: at.to_owned(), query: LinkQuery::ByAttribute { object, attribute, value } })
        }
        Lens::Record => Ok(record_id(system, text()?).map_or(Filter::Nothing, Filter::Id)),
        Lens::Site => Ok(text()?.parse().map_or(Filter::Nothing, Filter::Company)),
        _ => Err(not_filterable(field, pointer, "the system cannot search by it exactly")),
    }
}

fn plain(field: &Field, at: &str, value: &Value, pointer: &str) -> Result<Filter, MapError> {
    match field.attribute.shape {
        // Systems keep moments and decimals finer than they show them: `=` would miss what it is asked for.
        Shape::Timestamp | Shape::Decimal => {
            Err(not_filterable(field, pointer, "the system keeps it finer than it shows it"))
        }
        _ => {
            let value = write_plain(&field.attribute.shape, value).map_err(|error| wrong(pointer, error))?;
            Ok(Filter::Equals { field: at.to_owned(), value })
        }
    }
}

fn one_of(at: &str, words: Vec<&str>) -> Filter {
    match words.as_slice() {
        [] => Filter::Nothing,
        [word] => Filter::Equals { field: at.to_owned(), value: Value::from(*word) },
        _ => Filter::OneOf { field: at.to_owned(), values: words.into_iter().map(Value::from).collect() },
    }
}

/// The default is also what empty fields read as.
fn or_empty(field: &Field, exact: Filter, pointer: &str) -> Result<Filter, MapError> {
    let nothing = Value::Bool(false);
    match exact {
        Filter::Equals { field, value } => Ok(Filter::OneOf { field, values: vec![value, nothing] }),
        Filter::OneOf { field, mut values } => {
            values.push(nothing);
            Ok(Filter::OneOf { field, values })
        }
        Filter::Nothing => {
            let at = field.at.as_ref().map(|spot| spot.at.clone()).unwrap_or_default();
            Ok(Filter::Equals { field: at, value: nothing })
        }
        _ => Err(not_filterable(field, pointer, "it is also what empty fields read as")),
    }
}

fn wrong(pointer: &str, message: String) -> MapError {
    MapError::new(MapCause::Shape, pointer, message)
}

fn not_filterable(field: &Field, pointer: &str, because: &str) -> MapError {
    let message = format!("`{}` cannot be searched by: {because}", field.name());
    MapError::new(MapCause::NotFilterable, pointer, message)
}
