//! Shapes, versions and values in the words of pages. Only words.

use selvage_model::manifest::mapping::Allowed;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::scalar::VersionRange;

/// A text in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

pub(super) fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// What an attribute's values are.
pub(super) fn shape(shape: &Shape) -> String {
    match shape {
        Shape::String { max: Some(max) } => format!("string of at most {max}"),
        Shape::String { max: None } => "string".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Integer => "integer".to_owned(),
        Shape::Decimal => "decimal".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Enum { values } => {
            let words: Vec<String> = values.iter().map(|value| code(&value.value)).collect();
            format!("one of {}", words.join(", "))
        }
        Shape::Code { set } => format!("code of {set}"),
        Shape::Ref { object } => format!("reference to {object}"),
        Shape::Quantity { dimension: Some(dimension) } => format!("quantity of {dimension}"),
        Shape::Quantity { dimension: None } => "quantity".to_owned(),
        Shape::Money => "money".to_owned(),
        Shape::Timestamp => "timestamp".to_owned(),
        Shape::Date => "date".to_owned(),
        Shape::Duration => "duration".to_owned(),
        Shape::List(of) if members(of).is_some() => "list of".to_owned(),
        Shape::List(of) => format!("list: {}", self::shape(of)),
        Shape::Group(_) => "group".to_owned(),
    }
}

/// The members of a group, or of a list of groups.
pub(super) fn members(shape: &Shape) -> Option<&[Attribute]> {
    match shape {
        Shape::Group(members) => Some(members),
        Shape::List(of) => members(of),
        _ => None,
    }
}

/// A range of versions.
pub(super) fn ranged(range: VersionRange) -> String {
    match (range.from, range.until) {
        (None, None) => "any".to_owned(),
        (Some(from), Some(until)) if from == until => from.to_string(),
        (Some(from), Some(until)) => format!("{from} to {until}"),
        (Some(from), None) => format!("{from} and later"),
        (None, Some(until)) => format!("{until} and before"),
    }
}

/// What a field must have.
pub(super) fn allowed(allowed: &Allowed) -> String {
    match allowed {
        Allowed::OneOf(values) => values.iter().map(|value| code(&value.to_string())).collect::<Vec<_>>().join(" or "),
        Allowed::AtLeast(least) => format!("at least `{least}`"),
    }
}
