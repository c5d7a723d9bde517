//! What of a record the lenses look at and write, and which questions about other records that raises.
//! Answers none of them.

use selvage_model::manifest::mapping::CodeBy;
use serde_json::Value;

use crate::lens::{CurrencyFrom, Field, Lens, Spot, Target, UnitFrom};
use crate::link::LinkQuery;
use crate::reading::Reading;
use crate::record;

/// The lens of the elements, where there are several.
pub(crate) fn of_elements(lens: &Lens) -> &Lens {
    match lens {
        Lens::Many(element, _) | Lens::Only(element) | Lens::First(element) => element,
        lens => lens,
    }
}

/// Everything of the record, and of those behind it, that these lenses look at.
pub(super) fn read(fields: &[Field], reading: &mut Reading) {
    for field in fields {
        field.spots().for_each(|spot| reading.add(&spot.at));
        match of_elements(&field.lens) {
            Lens::Quantity(UnitFrom::Field { at, .. }) | Lens::Money(CurrencyFrom::Field { at, .. }) => {
                reading.add(&at.at);
            }
            Lens::Group(members) => read(members, reading),
            Lens::Lines(lines) => {
                if let Some(at) = &field.at {
                    let inner = reading.add_lines(&at.at);
                    lines.only.iter().for_each(|(field, _)| inner.add(field));
                    read(&lines.members, inner);
                }
            }
            Lens::Expression(expression) => {
                expression.members_of("record").iter().for_each(|member| reading.add(member));
            }
            _ => {}
        }
    }
}

/// Every name in a record that these lenses look at.
pub(crate) fn looked_at(fields: &[Field], found: &mut Vec<String>) {
    for field in fields {
        found.extend(field.spots().map(|spot| spot.at.clone()));
        match of_elements(&field.lens) {
            Lens::Quantity(UnitFrom::Field { at, .. }) | Lens::Money(CurrencyFrom::Field { at, .. }) => {
                found.push(at.at.clone());
            }
            Lens::Group(members) => looked_at(members, found),
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
                found.push(at.at.clone());
                found.extend(field.at.iter().map(|at| at.at.clone()));
            }
            _ => found.extend(field.at.iter().map(|at| at.at.clone())),
        }
    }
}

/// The field that an attribute is read from, and what the record has there: the first that has something.
pub(super) fn found<'r>(field: &'r Field, record: &'r Value) -> Option<(&'r Spot, &'r Value)> {
    let takes_false = field.takes_false();
    field.spots().find_map(|spot| Some((spot, record::present(record, &spot.at, takes_false)?)))
}

/// What must be looked up to read these attributes: the record's field, and the question.
pub(crate) fn queries(fields: &[Field], record: &Value, queries_found: &mut Vec<(String, LinkQuery)>) {
    for field in fields.iter().filter(|field| field.readable) {
        match &field.lens {
            Lens::Group(members) => queries(members, record, queries_found),
            lens => {
                if let Some((spot, value)) = found(field, record) {
                    of_lens(lens, spot, value, record, queries_found);
                }
            }
        }
    }
}

fn of_lens(lens: &Lens, spot: &Spot, value: &Value, record: &Value, found: &mut Vec<(String, LinkQuery)>) {
    let id = |value: &Value| record::link(value).ok().map(|(id, _)| id);
    let external = |spot: &Spot, id: i64| LinkQuery::ExternalId { field: spot.path.clone(), id };
    let (spot, query) = match (lens, value) {
        (Lens::Lines(lines), Value::Array(records)) => {
            let told = records.iter().filter(|record| lines.tell(record));
            return told.for_each(|record| queries(&lines.members, record, found));
        }
        (Lens::Many(element, _), Value::Array(elements)) => {
            return elements.iter().for_each(|value| of_lens(element, spot, value, record, found));
        }
        (Lens::Only(element), value) => {
            return record::only(value).into_iter().for_each(|value| of_lens(element, spot, value, record, found));
        }
        (Lens::First(element), value) => {
            return record::first(value).into_iter().for_each(|value| of_lens(element, spot, value, record, found));
        }
        (Lens::Code { by: CodeBy::ExternalId, .. }, value) => (spot, id(value).map(|id| external(spot, id))),
        (Lens::Quantity(UnitFrom::Field { at, by: CodeBy::ExternalId, .. }), _) => {
            (at, record::present(record, &at.at, false).and_then(id).map(|id| external(at, id)))
        }
        (Lens::Ref(Target::Key(object)), value) => {
            (spot, id(value).map(|id| LinkQuery::Key { object: object.clone(), id }))
        }
        (Lens::Ref(Target::Attribute(object, attribute)), value) => {
            let (object, attribute) = (object.clone(), attribute.clone());
            (spot, id(value).map(|id| LinkQuery::Attribute { object, attribute, id }))
        }
        (Lens::Site, value) => (spot, id(value).map(|company| LinkQuery::Site { company })),
        _ => return,
    };
    if let Some(query) = query
        && !found.iter().any(|(_, other)| *other == query)
    {
        found.push((spot.path.clone(), query));
    }
}
