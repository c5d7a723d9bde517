//! What must be looked up before an object can be written. Asks; answers nothing.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::name::SiteName;
use serde_json::{Map, Value};

use super::value::string;
use crate::error::{MapCause, MapError};
use crate::lens::{Field, Lens, Target, UnitFrom};
use crate::link::LinkQuery;
use crate::pointer::Pointer;
use crate::shape::{shown, two_strings};

/// What must be looked up before these members can be written.
pub(in crate::mapping) fn queries(
    fields: &[Field],
    given: &Map<String, Value>,
    pointer: &Pointer<'_>,
    found: &mut Vec<LinkQuery>,
) -> Result<(), MapError> {
    for field in fields.iter().filter(|field| field.writable) {
        let Some(value) = given.get(field.name()).filter(|value| !value.is_null()) else { continue };
        let pointer = pointer.name(field.name());
        match (&field.lens, value) {
            (Lens::Group(members), Value::Object(given)) => queries(members, given, &pointer, found)?,
            (Lens::Many(element, _), Value::Array(elements)) => {
                for (index, value) in elements.iter().enumerate() {
                    found.extend(backward(element, value, &pointer.place(index))?);
                }
            }
            (Lens::Lines(lines), Value::Array(elements)) => {
                for (index, line) in elements.iter().enumerate() {
                    let Value::Object(line) = line else { continue };
                    queries(&lines.members, line, &pointer.place(index), found)?;
                }
            }
            (lens, value) => found.extend(backward(lens, value, &pointer)?),
        }
    }
    Ok(())
}

/// What must be looked up to write this value.
pub(super) fn backward(lens: &Lens, given: &Value, pointer: &Pointer<'_>) -> Result<Option<LinkQuery>, MapError> {
    match lens {
        Lens::Code { codes, by: CodeBy::ExternalId } => {
            let code = string(given, pointer)?;
            let word = codes.word(code).map_err(|error| MapError::new(MapCause::Code, pointer, error))?;
            Ok(Some(LinkQuery::ByExternalId { external_id: word.to_owned() }))
        }
        Lens::Quantity(UnitFrom::Field { codes, by: CodeBy::ExternalId, .. }) => {
            // A unit without a word may still convert into the one that the record has.
            let unit = two_strings(given, "value", "unit").and_then(|(_, unit)| codes.word(unit).ok());
            Ok(unit.map(|word| LinkQuery::ByExternalId { external_id: word.to_owned() }))
        }
        Lens::Ref(Target::Key(object)) => {
            let key = string(given, pointer)?.to_owned();
            Ok(Some(LinkQuery::ByKey { object: object.clone(), key }))
        }
        Lens::Ref(Target::Attribute(object, attribute)) => {
            let value = string(given, pointer)?.to_owned();
            Ok(Some(LinkQuery::ByAttribute { object: object.clone(), attribute: attribute.clone(), value }))
        }
        Lens::Only(element) => backward(element, given, pointer),
        Lens::Site => {
            let site: SiteName = string(given, pointer)?
                .parse()
                .map_err(|_| MapError::new(MapCause::Reference, pointer, format!("{} is no site", shown(given))))?;
            Ok(Some(LinkQuery::Company { site }))
        }
        _ => Ok(None),
    }
}
