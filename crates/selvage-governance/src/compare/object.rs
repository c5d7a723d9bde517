//! Objects: what their messages hold. What is narrower breaks who sends, what is wider breaks who reads; both are told of each
//! interface that carries the object.

use selvage_mapping::LONGEST_TEXT;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Interface;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::name::ClassName;
use selvage_model::source::Spanned;

use super::class::{backstop, classes};
use super::served::{Served, spread};
use super::told::Told;
use super::two::{Spot, Two, pair};
use super::{Class, Difference, Verdict, authority, compatibility};

classes! { Object "object":
    REMOVED = "declaration" "removed" Both Breaking "What carries it carries nothing.";
    ADDED = "declaration" "added" Both Safe "Nothing carries it yet.";
    VERSION_RAISED = "version" "raised" Both Safe "It announces that something was added.";
    VERSION_LOWERED = "version" "lowered" Both Unproven "It says of itself that it has less than before.";
    OWNER_CHANGED = "owner" "changed" Both Safe "Others answer for it; it holds the same.";
    DESCRIPTION_CHANGED = "description" "changed" Both Safe "It is for people.";
    IDENTITY_CHANGED = "identity" "changed" Both Breaking "What was one is several, or several are one.";
    ATTRIBUTE_REMOVED = "attribute" "removed" Both Breaking "Who reads it misses it, and who sends it is refused.";
    ATTRIBUTE_ADDED = "attribute" "added" Response Safe "Who reads passes over what he does not know, and nobody has to send it.";
    REQUIRED_ADDED = "required-attribute" "added" Request Breaking "Who sends the object without it is refused.";
    SHOWN_ADDED = "shown-attribute" "added" Request Breaking "An event that is kept or published without it does not fit; who calls an API does not have to send it.";
    BECAME_REQUIRED = "attribute" "required" Request Breaking "Who sends the object without it is refused.";
    BECAME_OPTIONAL = "attribute" "optional" Response Breaking "Who counts on it meets nothing.";
    BECAME_READ_ONLY = "attribute" "read-only" Request Breaking "Who sends it is refused.";
    BECAME_WRITABLE = "attribute" "writable" Request Safe "Who did not send it does not have to.";
    BECAME_DEMANDED = "attribute" "demanded" Request Breaking "It was not to be sent and has to be now: who sends the object without it is refused.";
    CLASS_ADDED = "class" "added" Response Breaking "It is masked for whoever does not see its class.";
    CLASS_CHANGED = "class" "changed" Response Breaking "It is masked for whoever saw the one class and does not see the other.";
    CLASS_REMOVED = "class" "removed" Response Unproven "What was masked is shown.";
    TYPE_CHANGED = "type" "changed" Both Breaking "Its values are written in another way.";
    MAX_LOWERED = "max" "lowered" Request Breaking "Who sends a longer text is refused.";
    MAX_RAISED = "max" "raised" Response Unproven "Who reads it may have no room for a longer text.";
    VALUE_REMOVED = "value" "removed" Request Breaking "Who sends it is refused.";
    VALUE_ADDED = "value" "added" Response Breaking "Who reads it meets a word that he does not know.";
    CODE_SET_CHANGED = "code-set" "changed" Both Breaking "Its codes are those of another set.";
    REFERENCE_CHANGED = "reference" "changed" Both Breaking "It names another object.";
    PROMISE_LOOSENED = "compatibility" "loosened" Both Unproven "Later states need not go together with what there was.";
    PROMISE_TIGHTENED = "compatibility" "tightened" Both Safe "Later states have to go together with what there was.";
    DIMENSION_CHANGED = "dimension" "changed" Both Breaking "It measures something else.";
}

backstop! { Object "object" }

/// Every object of the two, told of each interface that carries it.
pub(super) fn compare(before: &Fabric, after: &Fabric, served: &Served<'_>, found: &mut Vec<Difference>) {
    let spot = |it: &Object| Spot::new(format!("object {}", it.reference()), &it.place);
    pair(found, (&before.objects, &after.objects), (&REMOVED, &ADDED), spot, |found, was, is, spot| {
        let (shown, others) = one(was, is, spot).into_iter().partition(|one| one.class.code == SHOWN_ADDED.code);
        spread(found, others, served.of(&was.reference()));
        spread_shown(found, shown, served.of(&was.reference()));
    });
    moved(before, after, found);
}

/// What only systems set is missed where the object comes in whole: in events. An API shows it, and takes no more than it took.
fn spread_shown(found: &mut Vec<Difference>, shown: Vec<Difference>, interfaces: &[&Interface]) {
    let (apis, others): (Vec<&Interface>, Vec<&Interface>) =
        interfaces.iter().partition(|interface| interface.api().is_some());
    if others.is_empty() && !apis.is_empty() {
        found.extend(shown.into_iter().map(|one| Difference { verdict: Verdict::Safe, ..one }));
    } else {
        spread(found, shown, &others);
    }
}

/// Where an interface carries another object than before, the two objects are what its consumers see changed.
fn moved(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    for (reference, was) in &before.interfaces {
        let Some(is) = after.interfaces.get(reference) else { continue };
        let (Some(old), Some(new)) = (before.object_of(reference), after.object_of(reference)) else { continue };
        if old.reference() != new.reference() {
            let spot = Spot::new(format!("object {} for {}", new.reference(), old.reference()), &is.place);
            let differences = one(old, new, spot).into_iter().filter(|one| one.verdict != Verdict::Safe);
            spread(found, differences.collect(), &[was]);
        }
    }
}

/// What is different between two states of an object, by itself.
pub(super) fn differences(was: &Object, is: &Object) -> Vec<Difference> {
    one(was, is, Spot::new(format!("object {}", is.reference()), &is.place))
}

fn one(was: &Object, is: &Object, spot: Spot) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut two = Two::new(was, is, spot, |it| &mut it.place);
    two.settle(|it| &mut it.name);
    two.changed(&mut found, (&OWNER_CHANGED, "owner"), |it| &mut it.owner);
    two.changed(&mut found, (&OWNER_CHANGED, "stewards"), |it| &mut it.stewards);
    two.changed(&mut found, (&DESCRIPTION_CHANGED, "description"), |it| &mut it.description);
    two.judged(
        &mut found,
        "version",
        |it| &mut it.version,
        |was, is| {
            if was < is { &VERSION_RAISED } else { &VERSION_LOWERED }
        },
    );
    two.changed(&mut found, (&IDENTITY_CHANGED, "identity"), |it| &mut it.identity);
    let part = two.part(|it| &mut it.attributes);
    attributes(&mut found, (&part.before, &part.after), &part.spot, &At::default());
    authority::compare(&mut found, &mut two);
    two.judged(
        &mut found,
        "compatibility",
        |it| &mut it.compatibility,
        |was, is| {
            if compatibility::covers(is.as_ref(), was.as_ref()) { &PROMISE_TIGHTENED } else { &PROMISE_LOOSENED }
        },
    );
    two.rest(&mut found, &OTHER);
    found
}

/// Where an attribute stands in its object.
#[derive(Clone, Default)]
struct At {
    /// `/lines/*/quantity`; empty for the object itself.
    path: String,
    /// The attribute of the object that it is, or lies in.
    top: Option<String>,
}

impl At {
    fn of(&self, attribute: &Attribute) -> Self {
        let name = attribute.name.value.to_string();
        Self { path: format!("{}/{name}", self.path), top: Some(self.top.clone().unwrap_or(name)) }
    }

    fn told(&self, spot: &Spot, class: &'static Class, part: &str) -> Difference {
        let part = if part.is_empty() { self.path.clone() } else { format!("{}, {part}", self.path) };
        Difference { attributes: self.top.iter().cloned().collect(), ..spot.difference(class, &part) }
    }
}

fn attributes(found: &mut Vec<Difference>, (before, after): (&[Attribute], &[Attribute]), spot: &Spot, at: &At) {
    let named = |all: &[Attribute], one: &Attribute| all.iter().find(|other| other.name == one.name).cloned();
    for was in before {
        let at = at.of(was);
        match named(after, was) {
            Some(is) if is == *was => {}
            Some(is) => attribute(found, was, &is, spot, &at),
            None => {
                let difference = at.told(spot, &ATTRIBUTE_REMOVED, "");
                found.push(difference.values(Some(type_word(&was.shape)), None::<&str>));
            }
        }
    }
    for is in after.iter().filter(|is| named(before, is).is_none()) {
        let class = match (is.optional, is.read_only) {
            (true, _) => &ATTRIBUTE_ADDED,
            (false, true) => &SHOWN_ADDED,
            (false, false) => &REQUIRED_ADDED,
        };
        let mut difference = at.of(is).told(spot, class, "").values(None::<&str>, Some(type_word(&is.shape)));
        difference.place = is.name.place.clone();
        // Who does not send it yet is whom it concerns.
        difference.attributes.clear();
        found.push(difference);
    }
}

fn attribute(found: &mut Vec<Difference>, was: &Attribute, is: &Attribute, spot: &Spot, at: &At) {
    let spot = Spot { what: format!("{}, {}", spot.what, at.path), place: is.name.place.clone(), ..spot.clone() };
    let mut two = Two { before: was.clone(), after: is.clone(), spot };
    let first = found.len();
    two.changed(found, (&DESCRIPTION_CHANGED, "description"), |it| &mut it.description);
    two.judged(
        found,
        "optional",
        |it| &mut it.optional,
        |_, is| {
            if *is { &BECAME_OPTIONAL } else { &BECAME_REQUIRED }
        },
    );
    let is_demanded = !is.optional;
    two.judged(
        found,
        "read only",
        |it| &mut it.read_only,
        |_, is| match (is, is_demanded) {
            (true, _) => &BECAME_READ_ONLY,
            (false, true) => &BECAME_DEMANDED,
            (false, false) => &BECAME_WRITABLE,
        },
    );
    let class = |was: &Option<Spanned<ClassName>>, is: &Option<Spanned<ClassName>>| match (was, is) {
        (None, _) => &CLASS_ADDED,
        (_, None) => &CLASS_REMOVED,
        _ => &CLASS_CHANGED,
    };
    two.judged(found, "class", |it| &mut it.class, class);
    let part = two.part(|it| &mut it.shape);
    shape(found, (&part.before, &part.after), &part.spot, at);
    two.rest(found, &OTHER);
    for difference in found.iter_mut().skip(first) {
        // What one must send now, those break who do not send it: they are not known by its use.
        let concerns_senders = [BECAME_REQUIRED.code, BECAME_DEMANDED.code].contains(&difference.class.code);
        difference.attributes = at.top.iter().filter(|_| !concerns_senders).cloned().collect();
    }
}

/// `spot` names the attribute already.
fn shape(found: &mut Vec<Difference>, (was, is): (&Shape, &Shape), spot: &Spot, at: &At) {
    let two = |before: &Shape, after: &Shape| Two { before: before.clone(), after: after.clone(), spot: spot.clone() };
    match (was, is) {
        (Shape::String { max: was }, Shape::String { max: is }) => {
            let mut max = Two { before: *was, after: *is, spot: spot.clone() };
            // Without a bound of its own a text may be as long as any.
            let most = |max: &Option<u32>| max.unwrap_or(LONGEST_TEXT);
            let class = |was: &_, is: &_| if most(is) < most(was) { &MAX_LOWERED } else { &MAX_RAISED };
            max.judged(found, "max", |it| it, class);
        }
        (Shape::Enum { values: was }, Shape::Enum { values: is }) => {
            let mut values = Two { before: was.clone(), after: is.clone(), spot: spot.clone() };
            values.names(found, (&VALUE_REMOVED, &VALUE_ADDED), "value", |it| it);
        }
        (Shape::Code { set: was }, Shape::Code { set: is }) => {
            let mut set = Two { before: was.clone(), after: is.clone(), spot: spot.clone() };
            set.changed(found, (&CODE_SET_CHANGED, "code set"), |it| it);
        }
        (Shape::Ref { object: was }, Shape::Ref { object: is }) => {
            let mut object = Two { before: was.clone(), after: is.clone(), spot: spot.clone() };
            object.changed(found, (&REFERENCE_CHANGED, "reference"), |it| it);
        }
        (Shape::Quantity { dimension: was }, Shape::Quantity { dimension: is }) => {
            let mut dimension = Two { before: *was, after: *is, spot: spot.clone() };
            dimension.changed(found, (&DIMENSION_CHANGED, "dimension"), |it| it);
        }
        (Shape::List(was), Shape::List(is)) => {
            let at = At { path: format!("{}/*", at.path), ..at.clone() };
            shape(found, (was, is), &Spot { what: format!("{}/*", spot.what), ..spot.clone() }, &at);
        }
        (Shape::Group(was), Shape::Group(is)) => {
            let what = spot.what.strip_suffix(at.path.as_str()).unwrap_or(&spot.what).trim_end_matches([',', ' ']);
            attributes(found, (was, is), &Spot { what: what.to_owned(), ..spot.clone() }, at);
        }
        (was, is) if std::mem::discriminant(was) == std::mem::discriminant(is) => two(was, is).rest(found, &OTHER),
        (was, is) => {
            found.push(spot.difference(&TYPE_CHANGED, "type").values(Some(type_word(was)), Some(type_word(is))));
        }
    }
}

/// The word of a type in manifests.
fn type_word(shape: &Shape) -> String {
    let word = match shape {
        Shape::String { max: Some(max) } => return format!("string of at most {max}"),
        Shape::String { max: None } => "string",
        Shape::Text => "text",
        Shape::Integer => "integer",
        Shape::Decimal => "decimal",
        Shape::Boolean => "boolean",
        Shape::Enum { values } => return format!("enum of {}", values.told().unwrap_or_default()),
        Shape::Code { set } => return format!("code of {set}"),
        Shape::Ref { object } => return format!("ref to {object}"),
        Shape::Quantity { dimension } => {
            return dimension.map_or("quantity".to_owned(), |dimension| format!("quantity of {dimension}"));
        }
        Shape::Money => "money",
        Shape::Timestamp => "timestamp",
        Shape::Date => "date",
        Shape::Duration => "duration",
        Shape::List(of) => return format!("list of {}", type_word(of)),
        Shape::Group(_) => "group",
    };
    word.to_owned()
}
