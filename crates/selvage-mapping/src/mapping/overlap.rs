//! Attributes that would overwrite each other: two that write one field, and one that writes the unit of another's number.

use std::collections::BTreeMap;

use selvage_model::name::AttributeName;

use crate::lens::{Field, Lens, UnitFrom};

/// Each attribute that is in the way of another, and how.
pub(super) fn overlaps(fields: &[Field]) -> Vec<(AttributeName, String)> {
    let mut leaves = Vec::new();
    flatten(fields, &mut leaves);
    let mut found = Vec::new();
    let mut written: BTreeMap<&str, &Field> = BTreeMap::new();
    for field in leaves.iter().filter(|field| field.writable) {
        let Some(at) = field.at.as_ref().map(|spot| spot.path.as_str()) else { continue };
        let name = field.attribute.name.value.clone();
        if let Some(other) = written.insert(at, field) {
            found.push((name, format!("`{}` and `{}` both write the field `{at}`", other.name(), field.name())));
        }
    }
    for field in &leaves {
        let Lens::Quantity(UnitFrom::Field { at, .. }) = &field.lens else { continue };
        if let Some(writer) = written.get(at.path.as_str()) {
            let message =
                format!("`{}` writes the field `{}`, which is the unit of `{}`", writer.name(), at.path, field.name());
            found.push((writer.attribute.name.value.clone(), message));
        }
    }
    found
}

fn flatten<'f>(fields: &'f [Field], leaves: &mut Vec<&'f Field>) {
    for field in fields {
        match &field.lens {
            Lens::Group(members) => flatten(members, leaves),
            Lens::Lines(lines) => {
                leaves.push(field);
                flatten(&lines.members, leaves);
            }
            _ => leaves.push(field),
        }
    }
}
