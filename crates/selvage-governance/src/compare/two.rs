//! One thing in its two states. Each comparison of a part takes what it compared out of the two; what is left in the end is what no
//! class names, and is told as such: nothing that is declared passes in silence.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::source::Place;

use super::told::{Key, Told};
use super::{Class, Difference, Ground, Verdict};

/// What is said of a thing beside what is different in it.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// What it is, for people: `system odoo`.
    pub(super) what: String,
    /// Where it stands now, or stood.
    pub(super) place: Place,
    /// The interface that it is, or belongs to.
    pub(super) interface: Option<InterfaceRef>,
    /// The operations that it concerns; all where there are none.
    pub(super) operations: Vec<String>,
    /// The only consumers that it concerns; all where there are none.
    pub(super) consumers: Vec<ConsumerName>,
    /// What it is of, where others stand on that.
    pub(super) ground: Option<Ground>,
    /// Nobody can use it yet, or any more: whatever is different breaks nobody.
    pub(super) idle: bool,
}

impl Spot {
    pub(super) fn new(what: impl Into<String>, place: &Place) -> Self {
        let (what, place) = (what.into(), place.clone());
        Self { what, place, interface: None, operations: Vec::new(), consumers: Vec::new(), ground: None, idle: false }
    }

    /// The same, within an interface.
    pub(super) fn of(mut self, interface: &InterfaceRef) -> Self {
        self.interface = Some(interface.clone());
        self
    }

    /// A difference of a part of it; of itself where the part is not named.
    pub(super) fn difference(&self, class: &'static Class, part: &str) -> Difference {
        let at = if part.is_empty() { self.what.clone() } else { format!("{}, {part}", self.what) };
        let mut difference = Difference::new(class, at, &self.place);
        difference.interface.clone_from(&self.interface);
        difference.operations.clone_from(&self.operations);
        difference.consumers.clone_from(&self.consumers);
        difference.ground.clone_from(&self.ground);
        if self.idle {
            difference.verdict = Verdict::Safe;
        }
        difference
    }
}

/// Things of one kind that both states may have: (those of before, those of now).
pub(super) type Sides<'a, K, T> = (&'a BTreeMap<K, T>, &'a BTreeMap<K, T>);

/// Values by name.
type Entries<'a, K, V> = &'a [(K, V)];

/// Which of two ends of a range a bound without a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// As much as there may be.
    Most,
    /// Nothing.
    Least,
    /// What each node has for it, which nobody sees here: where the value goes, this is what can be said.
    Elsewhere(&'static Class),
}

/// A thing in its two states.
#[derive(Clone, Debug)]
pub(super) struct Two<T> {
    pub(super) before: T,
    pub(super) after: T,
    pub(super) spot: Spot,
}

impl<T: Clone + PartialEq> Two<T> {
    /// The two states, whose own place is no difference.
    pub(super) fn new(before: &T, after: &T, spot: Spot, place: impl Fn(&mut T) -> &mut Place) -> Self {
        let mut two = Self { before: before.clone(), after: after.clone(), spot };
        two.settle(place);
        two
    }

    /// Takes a part for equal, because it was compared in another way, or because it is for people only.
    pub(super) fn settle<V: Clone>(&mut self, part: impl Fn(&mut T) -> &mut V) {
        *part(&mut self.after) = part(&mut self.before).clone();
    }

    /// A part, to be compared by its own parts.
    pub(super) fn part<V: Clone + PartialEq>(&mut self, part: impl Fn(&mut T) -> &mut V) -> Two<V> {
        let (before, after) = (part(&mut self.before).clone(), part(&mut self.after).clone());
        self.settle(part);
        Two { before, after, spot: self.spot.clone() }
    }

    /// A part that is another or is not.
    pub(super) fn changed<V: Told>(
        &mut self,
        found: &mut Vec<Difference>,
        (class, name): (&'static Class, &str),
        part: impl Fn(&mut T) -> &mut V,
    ) {
        self.judged(found, name, part, |_, _| class);
    }

    /// A part that is another, of a class by what it was and is.
    pub(super) fn judged<V: Told>(
        &mut self,
        found: &mut Vec<Difference>,
        name: &str,
        part: impl Fn(&mut T) -> &mut V,
        class: impl Fn(&V, &V) -> &'static Class,
    ) {
        let (before, after) = (part(&mut self.before).clone(), part(&mut self.after).clone());
        self.settle(part);
        if before != after {
            let mut difference = self.spot.difference(class(&before, &after), name);
            if let Some(place) = after.place().or(before.place()) {
                difference.place = place.clone();
            }
            found.push(difference.values(before.told(), after.told()));
        }
    }

    /// A bound that may be lower or higher than it was.
    pub(super) fn bound<V: Told + Ord>(
        &mut self,
        found: &mut Vec<Difference>,
        (lower, higher, absent): (&'static Class, &'static Class, Absent),
        name: &str,
        part: impl Fn(&mut T) -> &mut Option<V>,
    ) {
        self.judged(found, name, part, |before, after| {
            let is_lower = match (before, after, absent) {
                (Some(before), Some(after), _) => after < before,
                (_, None, Absent::Elsewhere(class)) => return class,
                (_, after, Absent::Most | Absent::Elsewhere(_)) => after.is_some(),
                (_, after, Absent::Least) => after.is_none(),
            };
            if is_lower { lower } else { higher }
        });
    }

    /// Names of which some went and some came; their order says nothing.
    pub(super) fn names<V: Told>(
        &mut self,
        found: &mut Vec<Difference>,
        (removed, added): (&'static Class, &'static Class),
        name: &str,
        part: impl Fn(&mut T) -> &mut Vec<V>,
    ) {
        let keyed =
            |two: &mut T| -> Vec<(Key<V>, ())> { part(two).iter().map(|value| (Key(value.clone()), ())).collect() };
        let (before, after) = (keyed(&mut self.before), keyed(&mut self.after));
        self.spot.entries(found, (removed, added, removed), name, (&before, &after));
        self.settle(part);
    }

    /// Values by name, of which some went, some came and some are others.
    pub(super) fn map<K: Told, V: Told>(
        &mut self,
        found: &mut Vec<Difference>,
        (removed, added, changed): (&'static Class, &'static Class, &'static Class),
        name: &str,
        part: impl Fn(&mut T) -> &mut Vec<(K, V)>,
    ) {
        let (before, after) = (part(&mut self.before).clone(), part(&mut self.after).clone());
        self.settle(part);
        self.spot.entries(found, (removed, added, changed), name, (&before, &after));
    }

    /// Whatever is left: no class names it.
    pub(super) fn rest(self, found: &mut Vec<Difference>, other: &'static Class) {
        if self.before != self.after {
            found.push(self.spot.difference(other, ""));
        }
    }
}

impl Spot {
    fn entries<K: Told, V: Told>(
        &self,
        found: &mut Vec<Difference>,
        (removed, added, changed): (&'static Class, &'static Class, &'static Class),
        name: &str,
        (before, after): (Entries<'_, K, V>, Entries<'_, K, V>),
    ) {
        let word = |key: &K| key.told().unwrap_or_default();
        let by_word = |entries: &[(K, V)]| -> BTreeMap<String, Vec<(K, V)>> {
            let mut all: BTreeMap<String, Vec<(K, V)>> = BTreeMap::new();
            entries
                .iter()
                .for_each(|(key, value)| all.entry(word(key)).or_default().push((key.clone(), value.clone())));
            all
        };
        let (before, after) = (by_word(before), by_word(after));
        let words: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for word in words {
            let (was, is) = (before.get(word), after.get(word));
            let class = match (was, is) {
                (Some(_), None) => removed,
                (None, _) => added,
                (Some(was), Some(is)) if was == is => continue,
                (Some(_), Some(_)) => changed,
            };
            let mut difference = self.difference(class, &format!("{name} {word}"));
            let first = |entries: Option<&Vec<(K, V)>>| entries.and_then(|entries| entries.first()).cloned();
            let (was, is) = (first(was), first(is));
            if let Some(place) = is.as_ref().or(was.as_ref()).and_then(|(key, value)| value.place().or(key.place())) {
                difference.place = place.clone();
            }
            let shown = |entry: Option<(K, V)>| entry.map(|(_, value)| value.told().unwrap_or_else(|| word.clone()));
            found.push(difference.values(shown(was), shown(is)));
        }
    }
}

/// The things that only one of the two states has are told; those that both have and that are not equal are compared.
pub(super) fn pair<K: Ord, T: PartialEq>(
    found: &mut Vec<Difference>,
    (before, after): Sides<'_, K, T>,
    (removed, added): (&'static Class, &'static Class),
    spot: impl Fn(&T) -> Spot,
    mut both: impl FnMut(&mut Vec<Difference>, &T, &T, Spot),
) {
    for (name, was) in before {
        match after.get(name) {
            Some(is) if was == is => {}
            Some(is) => both(found, was, is, spot(is)),
            None => found.push(spot(was).difference(removed, "")),
        }
    }
    for (_, is) in after.iter().filter(|(name, _)| !before.contains_key(name)) {
        found.push(spot(is).difference(added, ""));
    }
}
