//! Which fact a change is: the condition of an event type over `before` and `after`. Pure. What cannot be judged is an error, so
//! that no fact is passed over in silence.

use std::collections::BTreeMap;

use selvage_mapping::expression::Expression;
use selvage_model::manifest::event::EventType;
use selvage_model::name::AttributeName;
use serde_json::{Map, Value};

const BEFORE: &str = "before";
const AFTER: &str = "after";

/// An event type that was compiled.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) name: String,
    when: Option<Expression>,
    /// Every attribute of the object without a value: how a record that was not there looks to a condition that reads members.
    nothing: Value,
}

impl Fact {
    /// Compiles the condition of a type of this object.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn compile<'a>(
        declared: &EventType,
        attributes: impl Iterator<Item = &'a AttributeName>,
    ) -> Result<Self, String> {
        let when = declared.when.as_ref().map(|when| Expression::parse(&when.value)).transpose()?;
        let nothing: Map<String, Value> = attributes.map(|name| (name.to_string(), Value::Null)).collect();
        Ok(Self { name: declared.name.value.clone(), when, nothing: Value::Object(nothing) })
    }

    /// Whether the change is this fact. Without a condition every change is that leaves the record there.
    ///
    /// Of a record that was not there before, a condition that asks for `before` itself (`before == null`) finds `null`, and
    /// one that only reads its members finds each of them `null`. That a record is gone is only a fact for conditions that ask
    /// for `after` itself.
    ///
    /// # Errors
    /// When it cannot be judged, in words.
    pub(crate) fn holds(&self, before: Option<&Value>, after: Option<&Value>) -> Result<bool, String> {
        let Some(when) = &self.when else { return Ok(after.is_some()) };
        if after.is_none() && !when.reads_whole(AFTER) {
            return Ok(false);
        }
        let mut variables = BTreeMap::new();
        for (name, state) in [(BEFORE, before), (AFTER, after)] {
            if when.variables().contains(name) {
                variables.insert(name.to_owned(), self.seen(when, name, state));
            }
        }
        match when.evaluate(&variables)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }

    fn seen(&self, when: &Expression, name: &str, state: Option<&Value>) -> Value {
        if when.reads_whole(name) {
            return state.cloned().unwrap_or(Value::Null);
        }
        // What it does not read costs it nothing.
        let state = state.unwrap_or(&self.nothing);
        let members = when.members_of(name).into_iter().map(|member| {
            let value = state.get(&member).cloned().unwrap_or(Value::Null);
            (member, value)
        });
        Value::Object(members.collect())
    }
}

/// The attributes whose values differ, by name. An attribute that the earlier state does not have at all was not declared then: it
/// is no change.
pub(crate) fn changed(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    let members = |state: Option<&Value>| state.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before_members, after_members) = (members(before), members(after));
    let mut names: Vec<String> = match (before, after) {
        (Some(_), Some(_)) => {
            let both = after_members
                .iter()
                .filter(|(name, value)| before_members.get(*name).is_some_and(|known| known != *value));
            both.map(|(name, _)| name.clone()).collect()
        }
        _ => {
            let either = before_members.iter().chain(&after_members);
            either.filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect()
        }
    };
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use selvage_model::manifest::event::Carried;
    use selvage_model::source::{Place, Spanned};
    use serde_json::json;

    use super::*;

    fn fact(when: Option<&str>) -> Fact {
        let place = Place::start("events.yaml");
        let declared = EventType {
            name: Spanned::new("a.b.c".to_owned(), place.clone()),
            carried: Carried::Object(Spanned::new("work-order@1".parse().unwrap(), place.clone())),
            when: when.map(|when| Spanned::new(when.to_owned(), place)),
        };
        let attributes: Vec<AttributeName> = ["id", "status"].map(|name| name.parse().unwrap()).into();
        Fact::compile(&declared, attributes.iter()).unwrap()
    }

    #[test]
    fn facts_are_told_by_before_and_after() {
        let of = |status: &str| Some(json!({"id": "odoo-1", "status": status}));
        let started = Some("before.status in ['pending', 'ready'] && after.status in ['progress', 'done']");
        let completed = Some("before.status != 'done' && after.status == 'done'");
        let created = Some("before == null");
        let deleted = Some("after == null");
        let table = [
            (started, of("ready"), of("progress"), true),
            (started, of("pending"), of("done"), true),
            (started, of("progress"), of("done"), false),
            // One that nobody saw before it was done was completed all the same.
            (started, None, of("progress"), false),
            (completed, None, of("done"), true),
            (completed, of("progress"), of("done"), true),
            (completed, of("progress"), None, false),
            (created, None, of("ready"), true),
            (created, of("ready"), of("done"), false),
            (deleted, of("ready"), None, true),
            (deleted, of("ready"), of("done"), false),
            (None, None, of("ready"), true),
            (None, of("ready"), of("done"), true),
            (None, of("ready"), None, false),
            (Some("before == null || before.status != after.status"), None, of("ready"), true),
        ];
        for (when, before, after, expected) in table {
            assert_eq!(
                fact(when).holds(before.as_ref(), after.as_ref()),
                Ok(expected),
                "{when:?} {before:?} {after:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_judged_is_not_passed_over() {
        let (before, after) = (json!({"status": "a"}), json!({"status": "b"}));
        for when in ["before.status.code == 'a'", "after.status"] {
            assert!(fact(Some(when)).holds(Some(&before), Some(&after)).is_err(), "{when}");
        }
    }

    #[test]
    fn a_new_attribute_of_the_object_is_no_change_of_its_records() {
        let before = json!({"id": "1", "status": "a", "old": 1});
        let after = json!({"id": "1", "status": "b", "new": null, "more": "x"});
        assert_eq!(changed(Some(&before), Some(&after)), ["status"]);
        assert_eq!(changed(Some(&before), Some(&before)), [""; 0]);
        assert_eq!(changed(None, Some(&after)), ["id", "more", "status"]);
        assert_eq!(changed(Some(&before), None), ["id", "old", "status"]);
    }
}
