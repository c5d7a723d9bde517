//! How much of a grant is used: its operations and attributes, each with its last use. Use is counted by consumer, interface and
//! operation, so two grants on one interface share it; what cannot be told apart counts as used.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::Object;
use selvage_model::name::AttributeName;
use selvage_model::subscription::SUBSCRIBE;
use selvage_model::usage::UsageTotal;

use super::Narrowing;

/// Asked for as a whole.
const EVERYTHING: &str = "*";

/// What is known of use.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    /// The counts.
    pub totals: &'a [UsageTotal],
    /// Whether the consumer has a subscription to the interface that is alive.
    pub subscribed: bool,
}

/// What a grant opens, each with its last use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breadth {
    /// Its operations.
    pub operations: BTreeMap<String, Option<Timestamp>>,
    /// Its attributes, where they are counted: on mediated interfaces.
    pub attributes: BTreeMap<AttributeName, Option<Timestamp>>,
    /// Whether something of it was used.
    is_used: bool,
    /// Whether its consumer is subscribed by it: then `subscribe` is used, whenever something was delivered last.
    is_subscribed: bool,
    /// Attributes that cannot be left out: the key, and what a create needs.
    needed: Vec<AttributeName>,
}

impl Breadth {
    /// Of a grant, by what was counted.
    pub fn of(fabric: &Fabric, grant: &LiveGrant, used: Use<'_>) -> Self {
        let terms = &grant.terms;
        let mut breadth = Self::default();
        breadth.operations = terms.operations.iter().map(|operation| (operation.clone(), None)).collect();
        // A delivery is nobody's request, and there may have been nothing to deliver.
        breadth.is_subscribed = used.subscribed && breadth.operations.contains_key(SUBSCRIBE);
        breadth.is_used = breadth.is_subscribed;
        let object = fabric.object_of(&grant.interface);
        for attribute in object.iter().flat_map(|object| &object.attributes) {
            if !terms.except.contains(&attribute.name.value) {
                breadth.attributes.insert(attribute.name.value.clone(), None);
            }
        }
        let of_grant = |total: &&UsageTotal| {
            total.key.interface == grant.interface
                && total.key.consumer.as_ref() == Some(&grant.consumer)
                && terms.operations.contains(&total.key.operation)
        };
        for total in used.totals.iter().filter(of_grant) {
            breadth.note(total);
        }
        breadth.needed = object.map(|object| needed(object, &terms.operations)).unwrap_or_default();
        breadth
    }

    fn note(&mut self, total: &UsageTotal) {
        self.is_used = true;
        let later = |last: &mut Option<Timestamp>| *last = (*last).max(Some(total.last));
        match &total.key.attribute {
            None => {
                self.operations.get_mut(&total.key.operation).map(later);
            }
            Some(part) if part.attribute == EVERYTHING => self.attributes.values_mut().for_each(later),
            Some(part) => {
                self.attributes.iter_mut().filter(|(name, _)| name.as_str() == part.attribute).for_each(|(_, last)| {
                    later(last);
                });
            }
        }
    }

    /// Operations that nobody used.
    pub fn idle_operations(&self) -> impl Iterator<Item = &str> {
        let idle = |(name, last): &(&String, &Option<Timestamp>)| last.is_none() && !self.is_subscription(name);
        self.operations.iter().filter(idle).map(|(name, _)| name.as_str())
    }

    /// Attributes that nobody asked for or sent, and that can be left out.
    pub fn idle_attributes(&self) -> impl Iterator<Item = &AttributeName> {
        let idle = self.attributes.iter().filter(|(_, last)| last.is_none()).map(|(name, _)| name);
        idle.filter(|name| !self.needed.contains(name))
    }

    /// Whether this operation is used by a subscription that is alive.
    pub fn is_subscription(&self, operation: &str) -> bool {
        self.is_subscribed && operation == SUBSCRIBE
    }

    /// Whether something of it was used.
    pub fn is_used(&self) -> bool {
        self.is_used
    }

    /// What could be taken without anybody missing it; nothing where nothing is used: then it can end.
    pub fn proposal(&self) -> Option<Narrowing> {
        let idle: Vec<&str> = self.idle_operations().collect();
        let used = || self.operations.keys().filter(|name| !idle.contains(&name.as_str())).cloned().collect();
        let narrowing = Narrowing {
            operations: (!idle.is_empty()).then(used),
            except: self.idle_attributes().cloned().collect(),
            ..Narrowing::default()
        };
        (self.is_used && !narrowing.is_nothing()).then_some(narrowing)
    }
}

impl fmt::Display for Breadth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = |count: usize, all: usize| format!("{} of {all}", all - count);
        write!(f, "{} operations", used(self.idle_operations().count(), self.operations.len()))?;
        if self.attributes.is_empty() {
            return Ok(());
        }
        let idle = self.attributes.values().filter(|last| last.is_none()).count();
        write!(f, ", {} attributes", used(idle, self.attributes.len()))
    }
}

/// The key, and what a create cannot do without.
fn needed(object: &Object, operations: &[String]) -> Vec<AttributeName> {
    let creates = operations.iter().any(|operation| operation == "create");
    let key = object.identity.iter().map(|name| name.value.clone());
    let of_create = object.attributes.iter().filter(|it| creates && !it.optional && !it.read_only);
    key.chain(of_create.map(|attribute| attribute.name.value.clone())).collect()
}
