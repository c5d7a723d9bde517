//! The same hunt through fabrics: objects that an API or events carry, and schemas that events carry. The judge is the contract that
//! holds what is sent and published where Selvage runs; the verdict is that of the whole comparison, or of a promise of compatibility.

use selvage_mapping::{EventData, check_body, check_change, check_event};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::object::Object;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

use super::trial::{Trial, Tried, hunt, nothing_is_lost};
use super::{PARTS, Random, objects, schemas, values, wanted};
use crate::compare::compatibility::{Earlier, broken};
use crate::compare::{Direction, Verdict, fabrics};

/// Where the values go in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Creates, updates and answers of a mediated API.
    Api,
    /// Events that carry the object.
    Event,
    /// Events that carry what a schema says.
    Schema,
}

/// Who says that a change is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The comparison of the two states, both ways.
    Comparison,
    /// A promise of the object that is kept.
    Object(&'static str),
    /// A promise of the event interface that is kept.
    Interface(&'static str),
}

impl By {
    /// Whether it says that what was written before is taken now, and that what is written now is understood as before.
    fn ways(self) -> Vec<Direction> {
        match self {
            Self::Object(word) | Self::Interface(word) if word.starts_with("backward") => vec![Direction::Request],
            Self::Object("forward") | Self::Interface("forward") => vec![Direction::Response],
            _ => vec![Direction::Request, Direction::Response],
        }
    }
}

/// A state of a fabric, with what holds values to it.
struct State {
    text: String,
    schema: Value,
    fabric: Fabric,
    data: EventData,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\nschema: {}", self.text, self.schema)
    }
}

/// What a state is made of.
#[derive(Clone, PartialEq)]
struct Parts {
    object: Value,
    sets: Vec<Value>,
    schema: Value,
}

impl Parts {
    fn state(&self, door: Door, by: By) -> Option<State> {
        let mut object = self.object.clone();
        let carried = match door {
            Door::Schema => json!({"schema": "schemas/thing.json"}),
            _ => json!({"object": "thing@1"}),
        };
        let mut interface = match door {
            Door::Api => json!({
                "type": "api", "control": "mediated", "because": "It is narrower",
                "serves": {"object": "thing@1", "system": "erp", "operations": ["list", "get", "create", "update"]},
            }),
            _ => json!({"type": "event", "events": {"things.thing.changed": carried}, "lane": "subject"}),
        };
        interface["kind"] = json!("Interface");
        interface["name"] = json!("things");
        interface["version"] = json!("1.0");
        match by {
            By::Object(word) => object["compatibility"] = json!(word),
            By::Interface(word) => interface["compatibility"] = json!(word),
            By::Comparison => {}
        }
        let documents: Vec<String> = [object, interface].iter().chain(&self.sets).map(ToString::to_string).collect();
        let text = documents.join("\n---\n");
        let mut sources = Sources::of("fabric.yaml", &text);
        sources.insert("schemas/thing.json", self.schema.to_string());
        let reading = read::read(&sources);
        let told = reading.findings.iter().find(|finding| finding.place.file.as_ref() == "fabric.yaml");
        assert!(told.is_none() || door == Door::Schema, "{told:?}: {text}");
        let fabric = reading.fabric;
        let data = EventData::compile(&fabric).ok()?;
        Some(State { text, schema: self.schema.clone(), fabric, data })
    }
}

impl State {
    fn object(&self) -> &Object {
        self.fabric.objects.values().next().unwrap()
    }

    fn kind(&self) -> &EventType {
        match &self.fabric.interfaces.values().next().unwrap().body {
            InterfaceBody::Event(event) => &event.events[0],
            _ => unreachable!("the interface has events"),
        }
    }

    /// Whether a value that is sent, or shown, fits this state.
    fn fits(&self, door: Door, way: Direction, value: &Value) -> bool {
        let found = match (door, way) {
            (Door::Api, Direction::Request) => match value.get("create") {
                Some(body) => check_body(self.object(), &self.fabric, body),
                None => check_change(self.object(), &self.fabric, &value["update"]),
            },
            (Door::Api, _) => check_event(self.object(), &self.fabric, value),
            (Door::Event | Door::Schema, _) => self.data.errors(&self.fabric, self.kind(), value),
        };
        found.is_empty()
    }

    /// What of a value a reader knows who was made for this state.
    fn known(&self, door: Door, value: &Value) -> Value {
        match door {
            Door::Schema => value.clone(),
            Door::Api | Door::Event => objects::known(&self.object().attributes, value),
        }
    }
}

/// States that followed each other, the last of which is compared with those before.
#[derive(Debug)]
struct Change {
    door: Door,
    by: By,
    before: Vec<State>,
    after: State,
    /// Codes of differences that the comparison is made blind for.
    forgotten: &'static [&'static str],
}

impl Trial for Change {
    fn told(&self) -> Option<usize> {
        let (last, after) = (self.before.last()?, &self.after.fabric);
        let found = fabrics(&last.fabric, after);
        let is_kept = match self.by {
            By::Comparison => {
                let grave = found.iter().filter(|one| one.verdict != Verdict::Safe);
                grave.filter(|one| !self.forgotten.contains(&one.class.code)).count() == 0
            }
            By::Object(_) | By::Interface(_) => {
                let state = |state: &'static str, fabric| Earlier { name: state, fabric };
                let earlier: Vec<_> = self.before.iter().map(|it| state("an earlier one", &it.fabric)).collect();
                broken(state("the one before", &last.fabric), &earlier, after).is_empty()
            }
        };
        // Whatever it is made blind for it would say something of.
        is_kept.then(|| found.len().max(usize::from(!self.forgotten.is_empty())))
    }

    fn tried(&self, random: &mut Random) -> Tried {
        let way = *random.pick(&self.by.ways());
        // What a transitive promise is of goes back beyond the last.
        let before = random.pick(&self.before);
        let (inner, outer) = match way {
            Direction::Request => (before, &self.after),
            _ => (&self.after, before),
        };
        let made_of = if random.once_in(2) { inner } else { outer };
        let mut value = match self.door {
            Door::Schema => values::near(&made_of.schema, (&inner.schema, &outer.schema), random),
            Door::Api | Door::Event => objects::near(&made_of.object().attributes, random),
        };
        if (self.door, way) == (Door::Api, Direction::Request) {
            value = if random.once_in(3) { json!({"update": value}) } else { json!({"create": value}) };
        }
        let fits = inner.fits(self.door, way, &value);
        Tried::of((way, &value), fits, || match way {
            Direction::Request => outer.fits(self.door, way, &value),
            _ => outer.fits(self.door, way, &outer.known(self.door, &value)),
        })
    }
}

/// A state and what became of it, in one step or in two where all that was before counts.
fn change(random: &mut Random, door: Door, by: By, forgotten: &'static [&'static str]) -> Option<Change> {
    let mut parts =
        Parts { object: objects::whole(random), sets: objects::sets(random), schema: schemas::whole(random) };
    let steps = match by {
        By::Object(word) | By::Interface(word) if word.ends_with("transitive") => 2,
        _ => 1,
    };
    let mut states = vec![parts.state(door, by)?];
    for _ in 0..steps {
        let was = parts.clone();
        match door {
            Door::Schema => parts.schema = schemas::changed(&parts.schema, random),
            _ if random.once_in(4) => parts.sets = objects::changed_sets(&parts.sets, random),
            _ => parts.object = objects::changed(&parts.object, random),
        }
        if parts == was {
            return None;
        }
        states.push(parts.state(door, by)?);
    }
    let after = states.pop()?;
    Some(Change { door, by, before: states, after, forgotten })
}

fn no_value_is_lost(door: Door, by: By, part: u64) {
    nothing_is_lost(part << 32, wanted().div_ceil(PARTS), |random| change(random, door, by, &[]));
}

macro_rules! parts {
    ($($name:ident $door:ident $by:expr, $part:literal;)*) => {
        $(#[test]
        fn $name() {
            no_value_is_lost(Door::$door, $by, $part);
        })*
    };
}

parts! {
    what_is_safe_for_objects_of_apis_loses_none_1 Api By::Comparison, 200;
    what_is_safe_for_objects_of_apis_loses_none_2 Api By::Comparison, 201;
    what_is_safe_for_objects_of_events_loses_none_1 Event By::Comparison, 202;
    what_is_safe_for_objects_of_events_loses_none_2 Event By::Comparison, 203;
    what_is_safe_for_schemas_of_events_loses_none_1 Schema By::Comparison, 204;
    what_is_safe_for_schemas_of_events_loses_none_2 Schema By::Comparison, 205;
    what_is_safe_for_a_backward_object_loses_none Event By::Object("backward"), 206;
    what_is_safe_for_a_forward_object_loses_none Event By::Object("forward"), 207;
    what_is_safe_for_a_full_object_loses_none Event By::Object("full"), 208;
    what_is_safe_for_an_object_backward_through_all_loses_none Event By::Object("backward-transitive"), 209;
    what_is_safe_for_backward_events_loses_none Event By::Interface("backward"), 210;
    what_is_safe_for_forward_events_loses_none Event By::Interface("forward"), 211;
    what_is_safe_for_backward_schemas_loses_none Schema By::Interface("backward"), 212;
    what_is_safe_for_forward_schemas_loses_none Schema By::Interface("forward"), 213;
    what_is_safe_for_schemas_backward_through_all_loses_none Schema By::Interface("backward-transitive"), 214;
}

/// A comparison that forgets a class is found out: else the tests above would show nothing of it.
fn a_hole_is_found(door: Door, codes: &'static [&'static str]) {
    let seen = hunt(220 << 32, 40_000, |random| change(random, door, By::Comparison, codes));
    assert!(seen.is_err(), "a comparison without {codes:?} is not found out: {seen:?}");
}

#[test]
fn a_comparison_of_objects_that_forgets_a_class_is_found_out() {
    let forgotten: [&'static [&'static str]; 9] = [
        &["object.attribute.removed"],
        &["object.required-attribute.added.request"],
        &["object.attribute.required.request"],
        &["object.attribute.optional.response"],
        &["object.max.lowered.request", "object.max.raised.response"],
        &["object.value.removed.request"],
        &["object.value.added.response"],
        &["object.type.changed"],
        &["object.code-set.changed"],
    ];
    for codes in forgotten {
        a_hole_is_found(Door::Event, codes);
    }
}

#[test]
fn a_comparison_of_objects_and_sets_that_forgets_a_class_is_found_out() {
    a_hole_is_found(Door::Event, &["object.shown-attribute.added.request"]);
    a_hole_is_found(Door::Event, &["object.dimension.changed"]);
    a_hole_is_found(Door::Event, &["code-set.code.removed.request"]);
    a_hole_is_found(Door::Event, &["code-set.code.added.response"]);
    a_hole_is_found(Door::Event, &["code-set.unmatched.changed"]);
    for codes in [&["object.attribute.read-only.request"], &["object.attribute.demanded.request"]] {
        a_hole_is_found(Door::Api, codes);
    }
}
