//! What a schema says beside what fits: defaults, who may send and see a member, what is on its way out, and how alternatives
//! are told apart.

use std::collections::BTreeSet;

use selvage_model::yaml::Node;

use super::form::Form;
use super::{Both, Run, classes, equal, is_true};
use crate::compare::Direction;

const CONTENT: [&str; 3] = ["contentMediaType", "contentEncoding", "contentSchema"];

impl<'a> Form<'a> {
    /// What any of its parts says under this word.
    fn mark(&self, word: &str) -> Option<&'a Node> {
        self.parts.iter().find_map(|part| part.get(word))
    }

    /// Where any of its parts says yes to this word.
    fn yes(&self, word: &str) -> Option<&'a Node> {
        self.parts.iter().filter_map(|part| part.get(word)).find(|node| is_true(Some(node)))
    }
}

impl<'a> Run<'a> {
    /// Compares what is said beside.
    pub(super) fn marks(&mut self, old: &Form<'a>, new: &Form<'a>) {
        self.marked(old, new, "default", &classes::DEFAULT_CHANGED);
        self.marked(old, new, "xml", &classes::XML_CHANGED);
        self.marked(old, new, "x-selvage-class", &classes::CLASS_CHANGED);
        if let Some(word) = CONTENT.into_iter().find(|word| !is_alike(old.mark(word), new.mark(word))) {
            self.note_both(&classes::CONTENT_CHANGED, old.mark(word), new.mark(word));
        }
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
        self.extensible(old, new);
        self.discriminator(old.mark("discriminator"), new.mark("discriminator"));
    }

    fn marked(&mut self, old: &Form<'a>, new: &Form<'a>, word: &str, class: &'static Both) {
        let (was, is) = (old.mark(word), new.mark(word));
        if !is_alike(was, is) {
            self.note_both(class, was, is);
        }
    }

    /// A list that says of itself that it may grow.
    fn extensible(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (Some(was), Some(is)) = (old.mark("x-extensible-enum"), new.mark("x-extensible-enum")) else { return };
        let lacks =
            |from: &Node, list: &Node| from.items().iter().any(|item| !list.items().iter().any(|one| equal(item, one)));
        if lacks(was, is) {
            self.note_both(&classes::EXTENSIBLE_REMOVED, Some(was), Some(is));
        }
        if lacks(is, was) {
            self.note_both(&classes::EXTENSIBLE_ADDED, Some(was), Some(is));
        }
    }

    fn discriminator(&mut self, old: Option<&'a Node>, new: Option<&'a Node>) {
        let (Some(was), Some(is)) = (old, new) else {
            match (old, new) {
                (None, Some(_)) => self.note_both(&classes::DISCRIMINATOR_ADDED, old, new),
                (Some(_), None) => self.note_both(&classes::DISCRIMINATOR_REMOVED, old, new),
                _ => {}
            }
            return;
        };
        if !is_alike(was.get("propertyName"), is.get("propertyName")) {
            self.note_both(&classes::DISCRIMINATOR_CHANGED, was.get("propertyName"), is.get("propertyName"));
        }
        let mapping = |node: &'a Node| node.get("mapping").map(Node::entries).unwrap_or_default();
        let kept: BTreeSet<&str> = mapping(was).iter().map(|(name, _)| name.value.as_ref()).collect();
        for (name, before) in mapping(was) {
            let after = is.get("mapping").and_then(|mapping| mapping.get(&name.value));
            if !is_alike(Some(before), after) {
                self.note_both(&classes::MAPPING_CHANGED, Some(before), after);
            }
        }
        for (_, after) in mapping(is).iter().filter(|(name, _)| !kept.contains(name.value.as_ref())) {
            self.note_both(&classes::MAPPING_ADDED, None, Some(after));
        }
    }
}

fn is_alike(old: Option<&Node>, new: Option<&Node>) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => equal(old, new),
        _ => false,
    }
}
