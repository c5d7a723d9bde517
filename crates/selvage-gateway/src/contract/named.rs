//! What of a contract counts as an attribute where use is counted: parameters of queries, and the members at the top of bodies that
//! requests send. Names alone; values are never looked at.

use std::collections::HashMap;

use serde_json::Value;

use super::parameter::{Parameter, Style};
use super::values::{self, Separator, Shape};
use super::violation::Where;

/// Names that a contract tells apart; what would be more is not counted by itself.
const MOST_NAMES: usize = 4_096;

/// The names of a contract, each with its place.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
}

impl Names {
    /// The place of a name, which gets one where it has none.
    pub(super) fn place(&mut self, name: &str) -> Option<u32> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        let place = u32::try_from(self.all.len()).ok().filter(|_| self.all.len() < MOST_NAMES)?;
        self.all.push(name.into());
        self.places.insert(name.into(), place);
        Some(place)
    }

    /// All of them, each at its place.
    pub(super) fn into_list(self) -> Vec<Box<str>> {
        self.all
    }
}

/// Names that count, with their places among those of the contract.
#[derive(Debug, Default)]
pub(super) struct Counted(Box<[(Box<str>, Option<u32>)]>);

impl Counted {
    pub(super) fn new(names: impl IntoIterator<Item = Box<str>>, known: &mut Names) -> Self {
        let placed = names.into_iter().map(|name| {
            let place = known.place(&name);
            (name, place)
        });
        Self(placed.collect())
    }

    /// Of these parameters, those of queries.
    pub(super) fn in_queries(parameters: &[Parameter], known: &mut Names) -> Self {
        let of_queries = parameters.iter().filter(|parameter| parameter.place == Where::Query);
        let names = of_queries.flat_map(|parameter| match &parameter.shape {
            // It does not stand there itself: its members do.
            Shape::Group(members, _) if parameter.exploded && parameter.style == Style::Form(Separator::Comma) => {
                members.iter().map(|(name, _)| name.clone()).collect()
            }
            _ => vec![parameter.name.clone()],
        });
        Self::new(names, known)
    }

    /// Those whose bits are set, in the order in which they were given.
    pub(super) fn of_bits(&self, bits: u64) -> Vec<u32> {
        let set = self.0.iter().zip(0_u32..64).filter(|(_, bit)| bits >> bit & 1 == 1);
        set.filter_map(|((_, place), _)| *place).collect()
    }

    /// Those that an object has.
    pub(super) fn of_object(&self, body: &Value) -> Vec<u32> {
        let Some(members) = body.as_object() else { return Vec::new() };
        self.0.iter().filter(|(name, _)| members.contains_key(&**name)).filter_map(|(_, place)| *place).collect()
    }

    /// Those that a query has, each once.
    pub(super) fn of_query(&self, query: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for pair in query.split('&') {
            let written = pair.split('=').next().unwrap_or_default();
            let is_plain = !written.contains(['%', '+']);
            let decoded = if is_plain { None } else { values::decoded(written, true) };
            let name = decoded.as_deref().unwrap_or(written);
            let name = name.split('[').next().unwrap_or_default();
            let known = self.0.iter().find(|(known, _)| **known == *name).and_then(|(_, place)| *place);
            found.extend(known.filter(|place| !found.contains(place)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_found_in_queries_and_bodies_each_once() {
        let mut names = Names::default();
        let _other = Counted::new(["other".into()], &mut names);
        let counted = Counted::new(["limit", "at", "größe"].map(Box::from), &mut names);
        for (query, expected) in [
            ("", vec![]),
            ("limit=1&limit=2&x=3", vec![1]),
            ("at[row]=1&at%5Bbin%5D=2&limit", vec![2, 1]),
            ("gr%C3%B6%C3%9Fe=1", vec![3]),
            ("lim%zz=1", vec![]),
        ] {
            assert_eq!(counted.of_query(query), expected, "{query}");
        }
        assert_eq!(counted.of_bits(0b101), [1, 3]);
        assert_eq!(counted.of_object(&json!({"at": null, "more": 1})), [2]);
        assert_eq!(names.into_list(), ["other", "limit", "at", "größe"].map(Box::from));
    }
}
