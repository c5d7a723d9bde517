//! Mappings: where attributes stand in records. Told of each interface that has the object from that system.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::mapping::{Direction, FieldMapping, Lens, Mapping};
use selvage_model::scalar::VersionRange;

use super::Difference;
use super::class::{backstop, classes};
use super::served::{Served, spread};
use super::told::{Told, plain};
use super::two::{Spot, Two, pair};

classes! { Mapping "mapping":
    REMOVED = "declaration" "removed" Both Breaking "The object cannot be had from the system any more.";
    ADDED = "declaration" "added" Both Unproven "Where another mapping served, this one may.";
    OBJECT_CHANGED = "object" "changed" Both Breaking "It is of another object.";
    SYSTEM_CHANGED = "system" "changed" Both Breaking "It is of another system.";
    RECORD_CHANGED = "record" "changed" Both Breaking "Other records of the system are the object.";
    VERSIONS_NARROWED = "versions" "narrowed" Both Breaking "It does not serve some versions of the system any more.";
    VERSIONS_WIDENED = "versions" "widened" Both Safe "What it served it serves.";
    ONLY_CHANGED = "only" "changed" Both Unproven "Other records may be objects.";
    FIELD_REMOVED = "field" "removed" Both Breaking "The attribute is empty, and is not written.";
    FIELD_ADDED = "field" "added" Both Unproven "The attribute has values that it did not have.";
    AT_CHANGED = "at" "changed" Both Unproven "The attribute stands in another field of the record.";
    READ_ONLY = "direction" "read-only" Request Breaking "The attribute is not written any more.";
    WRITE_ONLY = "direction" "write-only" Response Breaking "The attribute is not read any more.";
    DIRECTION_WIDENED = "direction" "widened" Both Unproven "The attribute goes a way that it did not go.";
    DEFAULT_CHANGED = "default" "changed" Response Unproven "Where the record has nothing, the attribute has something else.";
    LENS_CHANGED = "lens" "changed" Both Unproven "Values are translated in another way.";
    EXPRESSION_CHANGED = "expression" "changed" Response Unproven "What an expression gives cannot be told.";
    EXAMPLES_CHANGED = "examples" "changed" Both Safe "They are tests.";
    UNVERIFIED = "trial" "taken-back" Both Unproven "It says that it was never tried.";
    VERIFIED = "trial" "done" Both Safe "It says that it was tried.";
}

backstop! { Mapping "mapping" }

/// Every mapping of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, served: &Served<'_>, found: &mut Vec<Difference>) {
    let spot = |it: &Mapping| Spot::new(format!("mapping {}", it.name), &it.place);
    let mut lone = Vec::new();
    let sides = (&before.mappings, &after.mappings);
    pair(&mut lone, sides, (&REMOVED, &ADDED), spot, |_, was, is, spot| {
        let mut differences = Vec::new();
        one(&mut differences, Two::new(was, is, spot, |it| &mut it.place));
        spread(found, differences, &served.of_system(&was.object.value, &was.system.value));
    });
    for difference in lone {
        let name = difference.at.trim_start_matches("mapping ").to_owned();
        let all = before.mappings.values().chain(after.mappings.values());
        let known = all.into_iter().find(|mapping| mapping.name.as_str() == name);
        let interfaces = known.map(|known| served.of_system(&known.object.value, &known.system.value));
        spread(found, vec![difference], &interfaces.unwrap_or_default());
    }
}

fn one(found: &mut Vec<Difference>, mut two: Two<Mapping>) {
    two.changed(found, (&OBJECT_CHANGED, "object"), |it| &mut it.object);
    two.changed(found, (&SYSTEM_CHANGED, "system"), |it| &mut it.system);
    two.changed(found, (&RECORD_CHANGED, "record"), |it| &mut it.record);
    two.judged(
        found,
        "versions",
        |it| &mut it.versions,
        |was, is| {
            if covers(*is, *was) { &VERSIONS_WIDENED } else { &VERSIONS_NARROWED }
        },
    );
    two.map(found, (&ONLY_CHANGED, &ONLY_CHANGED, &ONLY_CHANGED), "only", |it| &mut it.only);
    two.judged(found, "unverified", |it| &mut it.unverified, |_, is| if *is { &UNVERIFIED } else { &VERIFIED });
    let part = two.part(|it| &mut it.fields);
    fields(found, (&part.before, &part.after), &part.spot, None);
    if two.before.examples != two.after.examples {
        let bare = |mapping: &Mapping| {
            let each = mapping.examples.iter();
            each.map(|it| (it.version, it.local.clone(), it.canonical.clone(), it.links.clone())).collect::<Vec<_>>()
        };
        if bare(&two.before) != bare(&two.after) {
            found.push(two.spot.difference(&EXAMPLES_CHANGED, "examples"));
        }
        two.settle(|it| &mut it.examples);
    }
    two.rest(found, &OTHER);
}

/// Whether every version of the one is of the other.
fn covers(wide: VersionRange, narrow: VersionRange) -> bool {
    let from = wide.from.is_none_or(|from| narrow.from.is_some_and(|narrow| from <= narrow));
    let until = wide.until.is_none_or(|until| narrow.until.is_some_and(|narrow| narrow <= until));
    from && until
}

/// `top` is the attribute of the object that the fields lie in, where they do.
fn fields(
    found: &mut Vec<Difference>,
    (before, after): (&[FieldMapping], &[FieldMapping]),
    spot: &Spot,
    top: Option<&str>,
) {
    let named = |all: &[FieldMapping], one: &FieldMapping| all.iter().find(|it| it.attribute == one.attribute).cloned();
    for was in before {
        let name = was.attribute.value.as_str();
        let top = top.unwrap_or(name);
        let spot = Spot { what: format!("{}, /{name}", spot.what), place: was.attribute.place.clone(), ..spot.clone() };
        let first = found.len();
        match named(after, was) {
            Some(is) if is == *was => {}
            Some(is) => field(found, was, &is, Spot { place: is.attribute.place.clone(), ..spot }, top),
            None => found.push(spot.difference(&FIELD_REMOVED, "")),
        }
        of_attribute(found, first, top);
    }
    for is in after.iter().filter(|is| named(before, is).is_none()) {
        let (name, first) = (is.attribute.value.as_str(), found.len());
        let mut difference = spot.difference(&FIELD_ADDED, &format!("/{name}"));
        difference.place = is.attribute.place.clone();
        found.push(difference);
        of_attribute(found, first, top.unwrap_or(name));
    }
}

fn of_attribute(found: &mut [Difference], first: usize, attribute: &str) {
    found.iter_mut().skip(first).for_each(|difference| difference.attributes = vec![attribute.to_owned()]);
}

fn field(found: &mut Vec<Difference>, was: &FieldMapping, is: &FieldMapping, spot: Spot, top: &str) {
    let mut two = Two { before: was.clone(), after: is.clone(), spot };
    two.changed(found, (&AT_CHANGED, "at"), |it| &mut it.at);
    two.changed(found, (&AT_CHANGED, "or"), |it| &mut it.or);
    two.changed(found, (&DEFAULT_CHANGED, "default"), |it| &mut it.default);
    two.judged(
        found,
        "direction",
        |it| &mut it.direction,
        |was, is| match (was, is) {
            (Direction::Both | Direction::Write, Direction::Read) => &READ_ONLY,
            (Direction::Both | Direction::Read, Direction::Write) => &WRITE_ONLY,
            _ => &DIRECTION_WIDENED,
        },
    );
    let part = two.part(|it| &mut it.lens);
    lens(found, (&part.before, &part.after), &part.spot, top);
    two.rest(found, &OTHER);
}

fn lens(found: &mut Vec<Difference>, (was, is): (&Lens, &Lens), spot: &Spot, top: &str) {
    match (was, is) {
        (was, is) if was == is => {}
        (Lens::Expression(was), Lens::Expression(is)) => {
            if plain(&was.value) != plain(&is.value) {
                found.push(spot.difference(&EXPRESSION_CHANGED, "read").values(Some(was), Some(is)));
            }
        }
        (Lens::Group(was), Lens::Group(is)) => fields(found, (was, is), spot, Some(top)),
        (Lens::Lines(was), Lens::Lines(is)) => {
            fields(found, (&was.fields, &is.fields), spot, Some(top));
            let mut two = Two { before: was.clone(), after: is.clone(), spot: spot.clone() };
            two.settle(|it| &mut it.fields);
            two.map(found, (&ONLY_CHANGED, &ONLY_CHANGED, &ONLY_CHANGED), "only", |it| &mut it.only);
            two.changed(found, (&LENS_CHANGED, "key of lines"), |it| &mut it.key);
            two.rest(found, &LENS_CHANGED);
        }
        (Lens::Many(was), Lens::Many(is)) | (Lens::Only(was), Lens::Only(is)) | (Lens::First(was), Lens::First(is)) => {
            lens(found, (was, is), spot, top);
        }
        (was, is) => found.push(spot.difference(&LENS_CHANGED, "lens").values(word(was), word(is))),
    }
}

/// What a lens is, in a word or two.
fn word(lens: &Lens) -> Option<String> {
    match lens {
        Lens::Plain => None,
        Lens::Text { lang } => Some(format!("text in {lang}")),
        Lens::Const(value) => Some(value.to_string()),
        Lens::Code { set, by } => Some(format!("code of {set} by {}", by.told().unwrap_or_default())),
        Lens::Ref { object, .. } => Some(format!("ref to {object}")),
        Lens::Record => Some("record".to_owned()),
        Lens::Label => Some("label".to_owned()),
        Lens::Site => Some("site".to_owned()),
        Lens::Enum(words) => Some(format!("enum of {}", words.told().unwrap_or_default())),
        Lens::Quantity(_) => Some("quantity".to_owned()),
        Lens::Money { .. } => Some("money".to_owned()),
        Lens::Duration(unit) => Some(format!("duration in {}", unit.told().unwrap_or_default())),
        Lens::Many(of) | Lens::Only(of) | Lens::First(of) => word(of),
        Lens::Lines(_) => Some("lines".to_owned()),
        Lens::Group(_) => Some("group".to_owned()),
        Lens::Expression(expression) => Some(expression.value.clone()),
    }
}
