//! The schemas that a document is made of, and the ways from one to the next: within the same value, or one value deeper. Each is
//! there once, however often it is referred to.

use std::collections::{BTreeMap, HashMap};

use crate::code;
use crate::yaml::{Content, Node};

use super::reference::{self, escaped};
use super::{Found, judge_dialect};

/// The most schemas that a document is made of.
const MOST: usize = 5_000;

/// How a value that a schema is for lies to the one that the schema before it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way<'n> {
    /// It is the same value.
    Same,
    /// Its member of this name.
    Member(&'n str),
    /// Any of its members.
    AnyMember,
    /// Its members that are not named.
    OtherMember,
    /// Its item of this place.
    Item(usize),
    /// Any of its items.
    AnyItem,
    /// Its items that have no place of their own.
    OtherItem,
    /// No value at all: it is only referred to.
    Kept,
}

impl Way<'_> {
    /// Whether the value stays the same.
    pub(super) fn stays(self) -> bool {
        self == Self::Same
    }
}

/// Keywords with one schema.
const SINGLE: &[(&str, Way<'static>)] = &[
    ("not", Way::Same),
    ("if", Way::Same),
    ("then", Way::Same),
    ("else", Way::Same),
    ("additionalProperties", Way::OtherMember),
    ("unevaluatedProperties", Way::OtherMember),
    ("propertyNames", Way::AnyMember),
    ("items", Way::OtherItem),
    ("unevaluatedItems", Way::AnyItem),
    ("contains", Way::AnyItem),
    ("contentSchema", Way::Kept),
];
/// Keywords with a list of schemas.
const LISTED: &[(&str, Way<'static>)] = &[("allOf", Way::Same), ("anyOf", Way::Same), ("oneOf", Way::Same)];
/// Keywords with schemas by name.
const NAMED: &[(&str, Way<'static>)] = &[
    ("patternProperties", Way::AnyMember),
    ("dependentSchemas", Way::Same),
    ("$defs", Way::Kept),
    ("definitions", Way::Kept),
];

/// One schema.
struct Part<'n> {
    node: &'n Node,
    ways: Vec<(Way<'n>, usize)>,
}

/// The schemas of a document.
pub(super) struct Parts<'n> {
    parts: Vec<Part<'n>>,
}

/// A schema that is still to be looked at.
struct Due<'n> {
    from: Option<(usize, Way<'n>)>,
    pointer: String,
    node: &'n Node,
}

impl<'n> Parts<'n> {
    /// The whole document's.
    pub(super) const ROOT: usize = 0;

    /// Finds them all.
    pub(super) fn of(root: &'n Node, found: &mut Found) -> Self {
        let mut parts = Self { parts: Vec::new() };
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut due = vec![Due { from: None, pointer: String::new(), node: root }];
        while let Some(next) = due.pop() {
            let index = *known.entry(next.pointer.clone()).or_insert(parts.parts.len());
            if let Some((from, way)) = next.from
                && let Some(part) = parts.parts.get_mut(from)
            {
                part.ways.push((way, index));
            }
            if index < parts.parts.len() {
                continue;
            }
            if index == MOST {
                let message = format!("the schema is made of more than {MOST} schemas");
                found.note(
                    code::SCHEMA_BOUNDS,
                    &next.node.place,
                    message,
                    "declare an event type for each thing that is meant",
                );
                return parts;
            }
            parts.parts.push(Part { node: next.node, ways: Vec::new() });
            judge_dialect(next.node, found);
            reference::judge_names(next.node, index == Self::ROOT, found);
            within(&next, index, &mut due);
            if let Some((pointer, node)) = reference::of(next.node, root, found) {
                due.push(Due { from: Some((index, Way::Same)), pointer, node });
            }
        }
        parts
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.parts.len()
    }

    /// Where one stands.
    pub(super) fn node(&self, part: usize) -> Option<&'n Node> {
        self.parts.get(part).map(|part| part.node)
    }

    /// The ways from one to the next.
    pub(super) fn ways(&self, part: usize) -> impl Iterator<Item = (Way<'n>, usize)> + '_ {
        self.parts.get(part).map(|part| part.ways.as_slice()).unwrap_or_default().iter().copied()
    }

    /// All that the value of this one is held to: itself and what it is made of, each once.
    pub(super) fn together(&self, part: usize) -> Vec<usize> {
        let mut all = vec![part];
        let mut at = 0;
        while let Some(part) = all.get(at).copied() {
            for (_, to) in self.ways(part).filter(|(way, _)| way.stays()) {
                if !all.contains(&to) {
                    all.push(to);
                }
            }
            at += 1;
        }
        all
    }

    /// Whether what its value is held to is looked at twice: what nothing else says anything of is only known when all else is.
    pub(super) fn looks_again(&self, part: usize) -> bool {
        let has = |keyword: &str| self.node(part).is_some_and(|node| node.get(keyword).is_some());
        has("unevaluatedProperties") || has("unevaluatedItems")
    }

    /// What holds for members and items of its value, by the way to them.
    pub(super) fn deeper(&self, part: usize) -> BTreeMap<Way<'n>, Vec<usize>> {
        let mut by_way: BTreeMap<Way<'n>, Vec<usize>> = BTreeMap::new();
        for (way, to) in self.ways(part).filter(|(way, _)| !way.stays() && *way != Way::Kept) {
            by_way.entry(way).or_default().push(to);
        }
        by_way
    }
}

/// The schemas that stand in a schema, in reverse: the last is looked at first.
fn within<'n>(due: &Due<'n>, index: usize, all: &mut Vec<Due<'n>>) {
    let mut add = |way: Way<'n>, tokens: String, node: &'n Node| {
        let pointer = format!("{}/{tokens}", due.pointer);
        all.push(Due { from: Some((index, way)), pointer, node });
    };
    for (key, node) in due.node.entries() {
        let keyword = key.value.as_ref();
        let of =
            |table: &[(&str, Way<'static>)]| table.iter().find(|(known, _)| *known == keyword).map(|(_, way)| *way);
        if let Some(way) = of(SINGLE) {
            add(way, keyword.to_owned(), node);
        }
        if let (Some(way), Content::List(items)) = (of(LISTED), &node.content) {
            items.iter().enumerate().for_each(|(number, item)| add(way, format!("{keyword}/{number}"), item));
        }
        if let (Some(way), Content::Map(entries)) = (of(NAMED), &node.content) {
            entries.iter().for_each(|(name, node)| add(way, format!("{keyword}/{}", escaped(&name.value)), node));
        }
        if let ("prefixItems", Content::List(items)) = (keyword, &node.content) {
            items
                .iter()
                .enumerate()
                .for_each(|(number, item)| add(Way::Item(number), format!("{keyword}/{number}"), item));
        }
        if let ("properties", Content::Map(entries)) = (keyword, &node.content) {
            for (name, node) in entries {
                add(Way::Member(&name.value), format!("{keyword}/{}", escaped(&name.value)), node);
            }
        }
    }
}
