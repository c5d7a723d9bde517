//! Comparison: what is different between two states of a fabric, and what each difference means for who uses it. A difference is safe
//! where it provably breaks nobody, breaking where somebody may break, and unproven where that cannot be told: then it counts as breaking.
//! Never says who is concerned: that is for impact, which knows use.

mod access;
mod api;
mod asyncapi;
mod authority;
mod class;
mod code_set;
pub mod compatibility;
mod contract;
pub mod document;
mod event;
#[cfg(test)]
mod examples;
mod fabric;
#[cfg(test)]
mod fields;
mod file;
mod flow;
mod interface;
mod limit;
mod mapping;
mod object;
mod openapi;
mod organisation;
#[cfg(test)]
mod random;
mod rule;
mod schema;
mod served;
mod slo;
mod sunset;
mod system;
#[cfg(test)]
mod tests;
mod told;
mod two;
mod webhook;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef, IssuerName, SystemName};
use selvage_model::source::Place;

pub use asyncapi::asyncapi;
pub use fabric::fabrics;
pub use openapi::openapi;
pub use schema::schema;
pub use sunset::judge_by_day;

/// The classes of all areas, a table for each engine: the taxonomy that docs/comparison shows.
pub static TABLES: &[&[&Class]] = &[
    openapi::classes::CLASSES,
    schema::classes::CLASSES,
    asyncapi::classes::CLASSES,
    interface::CLASSES,
    api::CLASSES,
    contract::CLASSES,
    webhook::CLASSES,
    event::CLASSES,
    file::CLASSES,
    limit::CLASSES,
    slo::CLASSES,
    object::CLASSES,
    authority::CLASSES,
    code_set::CLASSES,
    mapping::CLASSES,
    flow::CLASSES,
    access::CLASSES,
    rule::CLASSES,
    organisation::CLASSES,
    system::CLASSES,
    fabric::CLASSES,
];

/// What is left to each area: unproven, since no other class says what is different. Nothing that can be declared today is.
pub static BACKSTOPS: &[&Class] = &[
    &interface::OTHER,
    &event::OTHER,
    &file::OTHER,
    &limit::OTHER,
    &slo::OTHER,
    &object::OTHER,
    &code_set::OTHER,
    &mapping::OTHER,
    &flow::OTHER,
    &access::OTHER,
    &rule::OTHER,
    &organisation::OTHER,
];

/// What a difference means for who uses what is compared, from the lightest to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It breaks nobody.
    Safe,
    /// Whether it breaks somebody cannot be told.
    Unproven,
    /// It may break somebody.
    Breaking,
}

impl Verdict {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unproven => "unproven",
            Self::Breaking => "breaking",
        }
    }
}

/// Which kind of document or declaration a class of differences is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// OpenAPI contracts.
    OpenApi,
    /// JSON Schema, and the schemas within other contracts.
    Schema,
    /// AsyncAPI contracts.
    AsyncApi,
    /// Objects and their attributes.
    Object,
    /// Event types.
    Event,
    /// Layouts of files.
    File,
    /// Mappings.
    Mapping,
    /// Code sets.
    CodeSet,
    /// Flows.
    Flow,
    /// What an interface declares beside its contract: lifecycle, operations, classification.
    Interface,
    /// Limits.
    Limit,
    /// Service level objectives.
    Slo,
    /// Authority over attributes.
    Authority,
    /// Rules, rules of approval and waivers.
    Rule,
    /// Consumers, grants and subscriptions.
    Access,
    /// Systems, sites, teams, domains and issuers.
    Organisation,
}

impl Area {
    /// Its word, the first part of a class's code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenApi => "openapi",
            Self::Schema => "schema",
            Self::AsyncApi => "asyncapi",
            Self::Object => "object",
            Self::Event => "event",
            Self::File => "file",
            Self::Mapping => "mapping",
            Self::CodeSet => "code-set",
            Self::Flow => "flow",
            Self::Interface => "interface",
            Self::Limit => "limit",
            Self::Slo => "slo",
            Self::Authority => "authority",
            Self::Rule => "rule",
            Self::Access => "access",
            Self::Organisation => "organisation",
        }
    }
}

/// Which way what is different travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the consumer: a request, a published event.
    Request,
    /// To the consumer: an answer, a delivered event.
    Response,
    /// Neither, or both.
    Both,
}

impl Direction {
    /// Its word, the last part of the code of a class that has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Both => "both",
        }
    }
}

/// A class of differences: one row of the taxonomy.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// `<area>.<element>.<action>`, and `.<direction>` where it has one: `openapi.property.removed.response`. It never changes.
    pub code: &'static str,
    /// The area.
    pub area: Area,
    /// What is different: `operation`, `property`, `maximum`, …
    pub element: &'static str,
    /// What happened to it: `added`, `removed`, `tightened`, …
    pub action: &'static str,
    /// Which way it travels.
    pub direction: Direction,
    /// What it means.
    pub verdict: Verdict,
    /// Why, in one sentence for whoever reads the comparison.
    pub because: &'static str,
}

/// What only who sends an object meets: whether it may be sent, or has to be, and through which system.
const SENT_ALONE: [&str; 6] = [
    "object.required-attribute.added.request",
    "object.shown-attribute.added.request",
    "object.attribute.required.request",
    "object.attribute.read-only.request",
    "object.attribute.demanded.request",
    "mapping.direction.read-only.request",
];

impl Class {
    /// Whether who searches by an attribute meets it: values that are searched by are held to what values may be as those that are sent
    /// are. What answers hold is met by who reads them.
    pub fn meets_searches(&self) -> bool {
        let is_sent_alone = self.area == Area::Authority || SENT_ALONE.contains(&self.code);
        self.direction != Direction::Response && !is_sent_alone
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its class.
    pub class: &'static Class,
    /// What it means here.
    pub verdict: Verdict,
    /// The interface, where it is within one.
    pub interface: Option<InterfaceRef>,
    /// What it is about, for people: `GET /orders, answer 200, /items/*/code`, or `mapping product-odoo`.
    pub at: String,
    /// Where it stands: in the new state, or in the old one where it is gone.
    pub place: Place,
    /// What was there before, as written; none where it was added.
    pub before: Option<String>,
    /// What is there now; none where it was removed.
    pub after: Option<String>,
    /// The operations whose use it concerns, as grants name them; all of the interface's where there are none.
    pub operations: Vec<String>,
    /// The attributes whose use it concerns; all where there are none.
    pub attributes: Vec<String>,
    /// The only consumers whom it concerns; all who use it where there are none.
    pub consumers: Vec<ConsumerName>,
    /// What it is of, where it is within no interface, and others stand on that.
    pub ground: Option<Ground>,
}

/// What interfaces and consumers stand on: what is different of it is different for whoever uses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A system, in one of its environments or in all.
    System(SystemName, Option<EnvironmentName>),
    /// An issuer of tokens, in one of its environments or in all.
    Issuer(IssuerName, Option<EnvironmentName>),
    /// An environment; all of them where it has no name.
    Environment(Option<EnvironmentName>),
}

impl Ground {
    /// The same in the environment of this name, where it is in none yet.
    fn within(&self, environment: Option<EnvironmentName>) -> Self {
        match self {
            Self::System(system, None) => Self::System(system.clone(), environment),
            Self::Issuer(issuer, None) => Self::Issuer(issuer.clone(), environment),
            Self::Environment(None) => Self::Environment(environment),
            within => within.clone(),
        }
    }
}

impl Difference {
    /// A difference of this class with the class's verdict.
    pub fn new(class: &'static Class, at: impl Into<String>, place: &Place) -> Self {
        Self {
            class,
            verdict: class.verdict,
            interface: None,
            at: at.into(),
            place: place.clone(),
            before: None,
            after: None,
            operations: Vec::new(),
            attributes: Vec::new(),
            consumers: Vec::new(),
            ground: None,
        }
    }

    /// The same with what was there and what is there now.
    #[must_use]
    pub fn values(mut self, before: Option<impl fmt::Display>, after: Option<impl fmt::Display>) -> Self {
        self.before = before.map(|value| value.to_string());
        self.after = after.map(|value| value.to_string());
        self
    }
}

/// What tells two differences apart: class, place, what was and what is.
type Told = (&'static str, Place, Option<String>, Option<String>);

/// The same thing in several operations is told once, with all of them.
fn merged(found: Vec<Difference>) -> Vec<Difference> {
    let mut known: HashMap<Told, usize> = HashMap::new();
    let mut all: Vec<Difference> = Vec::new();
    for difference in found {
        let nowhere = difference.before.is_none() && difference.after.is_none();
        let before = if nowhere { Some(difference.at.clone()) } else { difference.before.clone() };
        let key = (difference.class.code, difference.place.clone(), before, difference.after.clone());
        match known.entry(key) {
            Entry::Vacant(free) => {
                free.insert(all.len());
                all.push(difference);
            }
            Entry::Occupied(taken) => {
                let Some(one) = all.get_mut(*taken.get()) else { continue };
                join(&mut one.operations, difference.operations);
                join(&mut one.attributes, difference.attributes);
            }
        }
    }
    all
}

/// All of both; nothing stands for everything.
fn join(names: &mut Vec<String>, more: Vec<String>) {
    if more.is_empty() || names.is_empty() {
        return names.clear();
    }
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
}
