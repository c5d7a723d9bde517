//! What of a record the lenses look at and write, and which questions about other records that raises.
//! Answers none of them.

use selvage_model::manifest::mapping::CodeBy;
use serde_json::Value;

use crate::lens::{CurrencyFrom, Field, Lens, Target, UnitFrom};
use crate::link::LinkQuery;
use crate::record;

/// Every field of the record that these lenses look at.
pub(super) fn read_fields(fields: &[Field], found: &mut Vec<String>) {
    for field in fields {
        found.extend(field.at.clone());
        let lens = match &field.lens {
            Lens::Many(element, _) => element,
            lens => lens,
        };
        match lens {
            Lens::Quantity(UnitFrom::Field { at, .. }) | Lens::Money(CurrencyFrom::Field(at)) => found.push(at.clone()),
            // Elements of a list are records of their own.
            Lens::Group(members) if field.at.is_none() => read_fields(members, found),
            Lens::Expression(expression) => found.extend(expression.members_of("record")),
            _ => {}
        }
    }
}

/// Every field of the record that these lenses write.
pub(super) fn written_fields(fields: &[Field], found: &mut Vec<String>) {
    for field in fields.iter().filter(|field| field.writable) {
        match &field.lens {
            Lens::Group(members) => written_fields(members, found),
            Lens::Quantity(UnitFrom::Field { at, .. }) => {
                found.extend([at.clone()].into_iter().chain(field.at.clone()));
            }
            _ => found.extend(field.at.clone()),
        }
    }
}

/// What must be looked up to read this attribute: the record's field, and the question.
pub(super) fn queries(fields: &[Field], record: &Value, found: &mut Vec<(String, LinkQuery)>) {
    for field in fields.iter().filter(|field| field.readable) {
        match (&field.lens, &field.at) {
            (Lens::Group(members), _) => queries(members, record, found),
            (lens, Some(at)) => {
                if let Some(value) = record::present(record, at, false) {
                    lens_queries(lens, at, value, record, found);
                }
            }
            _ => {}
        }
    }
}

fn lens_queries(lens: &Lens, at: &str, value: &Value, record: &Value, found: &mut Vec<(String, LinkQuery)>) {
    let id = |value: &Value| record::link(value).ok().map(|(id, _)| id);
    let (at, query) = match (lens, value) {
        (Lens::Many(element, _), Value::Array(elements)) => {
            for value in elements {
                match element.as_ref() {
                    Lens::Group(members) => queries(members, value, found),
                    lens => lens_queries(lens, at, value, record, found),
                }
            }
            return;
        }
        (Lens::Code { by: CodeBy::ExternalId, .. }, value) => {
            (at, id(value).map(|id| LinkQuery::ExternalId { field: at.to_owned(), id }))
        }
        (Lens::Quantity(UnitFrom::Field { at, by: CodeBy::ExternalId, .. }), _) => {
            let unit = record::present(record, at, false).and_then(id);
            (at.as_str(), unit.map(|id| LinkQuery::ExternalId { field: at.clone(), id }))
        }
        (Lens::Ref(Target::Key(object)), value) => {
            (at, id(value).map(|id| LinkQuery::Key { object: object.clone(), id }))
        }
        (Lens::Site, value) => (at, id(value).map(|company| LinkQuery::Site { company })),
        _ => return,
    };
    if let Some(query) = query
        && !found.iter().any(|(_, other)| *other == query)
    {
        found.push((at.to_owned(), query));
    }
}
