//! Compatibility of objects and of what events carry, in the words of schema registries: backward, forward, full, and transitive over all
//! that went before; and whether what is promised of it is kept.

mod promise;

use std::collections::BTreeMap;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::Object;
use selvage_model::name::ObjectRef;

use super::{Difference, Direction, Verdict, object};

pub(super) use promise::covers;
pub use promise::{Earlier, broken, looks_back};

/// The element of classes that say what is promised, and not what is.
const PROMISED: &str = "compatibility";

/// How well what was written and what was read before goes together with what is written and read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compatibility {
    /// What was written before, for who reads now: kept events, copies, who sends as before.
    pub backward: Verdict,
    /// What is written now, for who reads as before.
    pub forward: Verdict,
}

impl Compatibility {
    /// By these differences.
    pub fn of<'a>(differences: impl IntoIterator<Item = &'a Difference>) -> Self {
        let mut compatibility = Self { backward: Verdict::Safe, forward: Verdict::Safe };
        for difference in differences.into_iter().filter(|it| it.class.element != PROMISED) {
            let (direction, verdict) = (difference.class.direction, difference.verdict);
            if direction != Direction::Response {
                compatibility.backward = compatibility.backward.max(verdict);
            }
            if direction != Direction::Request {
                compatibility.forward = compatibility.forward.max(verdict);
            }
        }
        compatibility
    }

    /// Of two states of an object.
    pub fn of_objects(before: &Object, after: &Object) -> Self {
        Self::of(&object::differences(before, after))
    }

    /// Of an object with every state that it had: what is two changes old is still kept, and still read.
    pub fn transitive<'a>(history: impl IntoIterator<Item = &'a Object>, now: &Object) -> Self {
        let each = history.into_iter().map(|before| Self::of_objects(before, now));
        let none = Self { backward: Verdict::Safe, forward: Verdict::Safe };
        each.fold(none, |worst, one| Self {
            backward: worst.backward.max(one.backward),
            forward: worst.forward.max(one.forward),
        })
    }

    /// Of every object that two states of a fabric have and that is another, or whose values are of another set of codes.
    pub fn of_fabrics(before: &Fabric, after: &Fabric) -> BTreeMap<ObjectRef, Self> {
        let both = before.objects.iter().filter_map(|(name, was)| Some((name, was, after.objects.get(name)?)));
        let each = both.map(|(name, was, is)| {
            let sets = promise::of_sets((before, was), after);
            (name.clone(), Self::of(object::differences(was, is).iter().chain(&sets)))
        });
        let safe = Self { backward: Verdict::Safe, forward: Verdict::Safe };
        each.filter(|(_, compatibility)| *compatibility != safe).collect()
    }

    /// Both ways.
    pub fn full(self) -> Verdict {
        self.backward.max(self.forward)
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::read::{self, Sources};

    use super::*;

    fn object(attributes: &str) -> Object {
        let text = format!(
            "kind: Object\nname: order\nversion: 1.0\nowner: it\nidentity: [id]\nattributes: {{id: {{type: string}}, {attributes}}}"
        );
        let reading = read::read(&Sources::of("object.yaml", &text));
        assert_eq!(reading.findings, []);
        reading.fabric.objects.into_values().next().unwrap()
    }

    #[test]
    fn each_way_is_judged_by_itself() {
        let state = |values: &str| format!("it: {{type: enum, values: [{values}]}}");
        for (before, after, backward, forward) in [
            (state("a, b"), state("a, b, c"), Verdict::Safe, Verdict::Breaking),
            (state("a, b"), state("a"), Verdict::Breaking, Verdict::Safe),
            (state("a"), state("b"), Verdict::Breaking, Verdict::Breaking),
            ("it: {type: text}".into(), "it: {type: text, optional: true}".into(), Verdict::Safe, Verdict::Breaking),
            ("it: {type: text, optional: true}".into(), "it: {type: text}".into(), Verdict::Breaking, Verdict::Safe),
            ("it: {type: text}".into(), "it: {type: text, description: Words}".into(), Verdict::Safe, Verdict::Safe),
            (
                "it: {type: string, max: 8}".into(),
                "it: {type: string, max: 9}".into(),
                Verdict::Safe,
                Verdict::Unproven,
            ),
        ] {
            let found = Compatibility::of_objects(&object(&before), &object(&after));
            assert_eq!(found, Compatibility { backward, forward }, "{before} -> {after}");
            assert_eq!(found.full(), backward.max(forward));
        }
    }

    /// Step by step each change may be safe one way, while the first and the last are not.
    #[test]
    fn history_counts() {
        let states = ["a, b", "a", "a, b"].map(|values| object(&format!("it: {{type: enum, values: [{values}]}}")));
        let [first, second, now] = &states;
        assert_eq!(Compatibility::of_objects(first, now).full(), Verdict::Safe);
        let all = Compatibility::transitive([first, second], now);
        assert_eq!(all, Compatibility { backward: Verdict::Safe, forward: Verdict::Breaking });
    }
}
