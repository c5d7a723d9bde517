//! Names in objects, code sets and mappings.

use selvage_model::manifest::mapping::{FieldMapping, Lens, Mapping, UnitSource};
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::name::ObjectName;
use selvage_model::source::Spanned;

use super::Search;

pub(super) fn search(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    for object in fabric.objects.values() {
        of_object(search, object);
    }
    for set in fabric.code_sets.values() {
        for (system, _) in &set.systems {
            search.key(&set.name, "system", system, &fabric.systems);
        }
    }
    for declared in fabric.mappings.values() {
        mapping(search, declared);
    }
}

fn of_object(search: &mut Search<'_, '_>, object: &Object) {
    let fabric = search.fabric;
    let about = object.reference();
    search.key(&about, "team", &object.owner, &fabric.teams);
    if let Some(stewards) = &object.stewards {
        search.key(&about, "team", stewards, &fabric.teams);
    }
    let known = &search.names.systems_and_roles;
    for authority in &object.authority {
        search.word(&about, "system or role", &authority.record, known);
    }
    attributes(search, &about, &object.attributes);
}

fn attributes(search: &mut Search<'_, '_>, about: &impl ToString, attributes_of: &[Attribute]) {
    for attribute in attributes_of {
        shape(search, about, &attribute.shape);
    }
}

fn shape(search: &mut Search<'_, '_>, about: &impl ToString, declared: &Shape) {
    match declared {
        Shape::Code { set } => search.key(about, "code set", set, &search.fabric.code_sets),
        Shape::Ref { object } => of_name(search, about, object),
        Shape::List(of) => shape(search, about, of),
        Shape::Group(members) => attributes(search, about, members),
        _ => {}
    }
}

/// An object in any version.
fn of_name(search: &mut Search<'_, '_>, about: &impl ToString, name: &Spanned<ObjectName>) {
    search.word(about, "object", name, &search.names.objects);
}

/// The names in one mapping.
pub(super) fn mapping(search: &mut Search<'_, '_>, mapping: &Mapping) {
    let fabric = search.fabric;
    search.key(&mapping.name, "object", &mapping.object, &fabric.objects);
    search.key(&mapping.name, "system", &mapping.system, &fabric.systems);
    fields(search, mapping, &mapping.fields);
}

fn fields(search: &mut Search<'_, '_>, mapping: &Mapping, fields_of: &[FieldMapping]) {
    for field in fields_of {
        lens(search, mapping, &field.lens);
    }
}

fn lens(search: &mut Search<'_, '_>, mapping: &Mapping, declared: &Lens) {
    let sets = &search.fabric.code_sets;
    match declared {
        Lens::Code { set, .. } => search.key(&mapping.name, "code set", set, sets),
        Lens::Quantity(UnitSource::Field { set, .. }) => search.key(&mapping.name, "code set", set, sets),
        Lens::Ref { object, .. } => of_name(search, &mapping.name, object),
        Lens::Many(element) | Lens::Only(element) | Lens::First(element) => lens(search, mapping, element),
        Lens::Lines(lines) => fields(search, mapping, &lines.fields),
        Lens::Group(members) => fields(search, mapping, members),
        _ => {}
    }
}
