//! What a schema says beside what fits: defaults, who may send and see a member, what is on its way out, and how alternatives
//! are told apart.

use std::collections::BTreeSet;

use selvage_model::yaml::Node;

use super::alike::{alike, both, rest};
use super::form::Form;
use super::known::KNOWN;
use super::side::{Dialect, Side};
use super::{Both, Run, classes, equal, is_true};
use crate::compare::Direction;

impl<'a> Form<'a> {
    /// What all of its parts say under this word.
    fn marks(&self, word: &str) -> Vec<&'a Node> {
        self.parts.iter().filter_map(|part| part.get(word)).collect()
    }

    /// What the first of its parts that says something says under this word.
    fn mark(&self, word: &str) -> Option<&'a Node> {
        self.marks(word).first().copied()
    }

    /// Where any of its parts says yes to this word.
    fn yes(&self, word: &str) -> Option<&'a Node> {
        self.marks(word).into_iter().find(|node| is_true(Some(node)))
    }

    /// The part that tells its alternatives apart.
    fn discriminated(&self) -> Option<&'a Node> {
        self.parts.iter().find(|part| part.get("discriminator").is_some()).copied()
    }

    /// What no class of its own names, by its word.
    fn unnamed(&self, side: &Side<'_>) -> Vec<(&'a str, &'a Node)> {
        let is_other = |part: &Node, word: &str| match word {
            "nullable" => side.dialect != Dialect::Old || part.get("type").is_none(),
            // The root's own name is for others: what refers to it by that name is found nowhere.
            "$id" => !std::ptr::eq(part, side.root),
            _ => !KNOWN.contains(&word),
        };
        let of = |part: &&'a Node| -> Vec<(&'a str, &'a Node)> {
            let words = part.entries().iter().map(|(word, node)| (word.value.as_ref(), node));
            words.filter(|(word, _)| is_other(part, word)).collect()
        };
        self.parts.iter().flat_map(of).collect()
    }
}

impl<'a> Run<'a> {
    /// Compares what is said beside.
    pub(super) fn marks(&mut self, old: &Form<'a>, new: &Form<'a>) {
        self.marked(old, new, "default", &classes::DEFAULT_CHANGED);
        self.marked(old, new, "xml", &classes::XML_CHANGED);
        self.marked(old, new, "x-selvage-class", &classes::CLASS_CHANGED);
        self.content(old, new);
        let (was, is) = (old.yes("deprecated"), new.yes("deprecated"));
        match (was, is) {
            (None, Some(_)) => self.note_both(&classes::DEPRECATED, was, is),
            (Some(_), None) => self.note_both(&classes::UNDEPRECATED, was, is),
            _ => {}
        }
        let (word, set, unset) = match self.way {
            Direction::Response => ("writeOnly", &classes::WRITE_ONLY, &classes::NOT_WRITE_ONLY),
            Direction::Request | Direction::Both => ("readOnly", &classes::READ_ONLY, &classes::NOT_READ_ONLY),
        };
        match (old.yes(word), new.yes(word)) {
            (None, Some(is)) => self.note(set, old.mark(word), Some(is)),
            (Some(was), None) => self.note(unset, Some(was), new.mark(word)),
            _ => {}
        }
        self.extensible(old.mark("x-extensible-enum"), new.mark("x-extensible-enum"));
        self.discriminator(old, new);
        self.unnamed(old, new);
    }

    fn marked(&mut self, old: &Form<'a>, new: &Form<'a>, word: &str, class: &'static Both) {
        if let Some((was, is)) = unlike(&old.marks(word), &new.marks(word), equal) {
            self.note_both(class, was, is);
        }
    }

    /// What a text carries. The schema of it is the same, or is not.
    fn content(&mut self, old: &Form<'a>, new: &Form<'a>) {
        for word in ["contentMediaType", "contentEncoding", "contentSchema"] {
            let (sides, is_schema) = (self.sides, word == "contentSchema");
            let mut same = |old: &Node, new: &Node| match is_schema {
                true => self.same.of(old, new, &sides),
                false => equal(old, new),
            };
            if let Some((was, is)) = unlike(&old.marks(word), &new.marks(word), &mut same) {
                return self.note_both(&classes::CONTENT_CHANGED, was, is);
            }
        }
    }

    /// Words that no class names: what they mean is not known, and so not what a change of them means.
    fn unnamed(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (before, after) = (old.unnamed(&self.sides.0), new.unnamed(&self.sides.1));
        let mut words: Vec<&str> = Vec::new();
        for word in before.iter().chain(&after).map(|(word, _)| *word) {
            if words.contains(&word) {
                continue;
            }
            words.push(word);
            let of = |all: &[(&'a str, &'a Node)]| -> Vec<&'a Node> {
                all.iter().filter(|(other, _)| *other == word).map(|(_, node)| *node).collect()
            };
            let sides = self.sides;
            let same = |old: &Node, new: &Node| alike(&sides, old, new);
            if let Some((was, is)) = unlike(&of(&before), &of(&after), same) {
                self.note_both(&classes::OTHER, was, is);
            }
        }
    }

    /// A list that says of itself that it may grow.
    fn extensible(&mut self, old: Option<&'a Node>, new: Option<&'a Node>) {
        let (Some(was), Some(is)) = (old, new) else {
            if old.is_some() || new.is_some() {
                self.note_both(&classes::EXTENSIBLE_CHANGED, old, new);
            }
            return;
        };
        let lacks =
            |from: &Node, list: &Node| from.items().iter().any(|item| !list.items().iter().any(|one| equal(item, one)));
        if lacks(was, is) {
            self.note_both(&classes::EXTENSIBLE_REMOVED, Some(was), Some(is));
        }
        if lacks(is, was) {
            self.note_both(&classes::EXTENSIBLE_ADDED, Some(was), Some(is));
        }
    }

    fn discriminator(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let of = |part: Option<&'a Node>| part.and_then(|part| part.get("discriminator"));
        let (before, after) = (old.discriminated(), new.discriminated());
        let (Some(was), Some(is)) = (of(before), of(after)) else {
            match (of(before), of(after)) {
                (None, Some(is)) => self.note_both(&classes::DISCRIMINATOR_ADDED, None, Some(is)),
                (Some(was), None) => self.note_both(&classes::DISCRIMINATOR_REMOVED, Some(was), None),
                _ => {}
            }
            return;
        };
        // AsyncAPI has nothing but the name of the member.
        let member = |node: &'a Node| if node.text().is_some() { Some(node) } else { node.get("propertyName") };
        let known = |word: &str| matches!(word, "propertyName" | "mapping");
        if !both(member(was), member(is), equal) {
            self.note_both(&classes::DISCRIMINATOR_CHANGED, member(was), member(is));
        } else if let Some((was, is)) = rest(&self.sides, known, &[was], &[is]).first() {
            self.note_both(&classes::DISCRIMINATOR_CHANGED, *was, *is);
        }
        let mapping = |node: &'a Node| node.get("mapping").map(Node::entries).unwrap_or_default();
        let kept: BTreeSet<&str> = mapping(was).iter().map(|(name, _)| name.value.as_ref()).collect();
        for (name, before) in mapping(was) {
            let after = is.get("mapping").and_then(|mapping| mapping.get(&name.value));
            if !both(Some(before), after, equal) {
                self.note_both(&classes::MAPPING_CHANGED, Some(before), after);
            }
        }
        for (_, after) in mapping(is).iter().filter(|(name, _)| !kept.contains(name.value.as_ref())) {
            self.note_both(&classes::MAPPING_ADDED, None, Some(after));
        }
        if let (Some(before), Some(after)) = (before, after)
            && !self.same.of_subtypes(before, after, &self.sides)
        {
            self.note_both(&classes::SUBTYPE_CHANGED, Some(was), Some(is));
        }
    }
}

/// Of two lists, the first of each that has none like it in the other; nothing where they have the same, in whatever order.
fn unlike<'a>(
    old: &[&'a Node],
    new: &[&'a Node],
    mut same: impl FnMut(&Node, &Node) -> bool,
) -> Option<(Option<&'a Node>, Option<&'a Node>)> {
    let was = old.iter().find(|was| !new.iter().any(|is| same(was, is))).copied();
    let is = new.iter().find(|is| !old.iter().any(|was| same(was, is))).copied();
    (was.is_some() || is.is_some()).then(|| (was.or(old.first().copied()), is.or(new.first().copied())))
}
