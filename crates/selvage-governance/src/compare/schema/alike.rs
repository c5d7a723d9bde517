//! Whether two things that are no schemas are the same with all that they refer to, and which of their fields nothing names.

use std::collections::HashSet;

use selvage_model::yaml::{Content, Node};

use super::same::{Pair, equal};
use super::side::Side;

/// How deep is looked; what lies deeper is not the same.
const MOST_DEPTH: usize = 256;

/// Whether two things are the same with all that they refer to.
pub(crate) fn alike(sides: &(Side<'_>, Side<'_>), old: &Node, new: &Node) -> bool {
    Alike { sides: *sides, assumed: HashSet::new(), depth: 0 }.of(old, new)
}

/// Whether neither is there, or both are and are the same.
pub(crate) fn both<'a>(
    old: Option<&'a Node>,
    new: Option<&'a Node>,
    same: impl FnOnce(&'a Node, &'a Node) -> bool,
) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => same(old, new),
        _ => false,
    }
}

/// A field that the two do not say alike: what it was, and what it is.
pub(crate) type Unlike<'a> = (Option<&'a Node>, Option<&'a Node>);

/// The fields of two things that are not among these and are not the same. A thing may be written in several maps, of which an
/// earlier one goes before a later one.
pub(crate) fn rest<'a>(
    sides: &(Side<'a>, Side<'a>),
    known: impl Fn(&str) -> bool,
    old: &[&'a Node],
    new: &[&'a Node],
) -> Vec<Unlike<'a>> {
    let mut seen: HashSet<&'a str> = HashSet::new();
    let field = |levels: &[&'a Node], name: &str| levels.iter().find_map(|level| level.get(name));
    let names = old.iter().chain(new).flat_map(|level| level.entries()).map(|(name, _)| name.value.as_ref());
    names
        .filter(|name| !known(name) && seen.insert(name))
        .map(|name| (field(old, name), field(new, name)))
        .filter(|(was, is)| !both(*was, *is, |was, is| alike(sides, was, is)))
        .collect()
}

struct Alike<'a> {
    sides: (Side<'a>, Side<'a>),
    /// Taken for the same as long as nothing speaks against it: what refers to itself.
    assumed: HashSet<Pair>,
    depth: usize,
}

impl Alike<'_> {
    fn of(&mut self, old: &Node, new: &Node) -> bool {
        if self.depth >= MOST_DEPTH {
            return false;
        }
        self.depth += 1;
        let same = self.content(old, new);
        self.depth -= 1;
        same
    }

    fn content(&mut self, old: &Node, new: &Node) -> bool {
        match (&old.content, &new.content) {
            (Content::Map(before), Content::Map(after)) => {
                if !self.assumed.insert((std::ptr::from_ref(old), std::ptr::from_ref(new))) {
                    return true;
                }
                let references = (old.get("$ref"), new.get("$ref"));
                let (Some(was), Some(is)) = references else {
                    return before.len() == after.len() && self.members(old, new, |_| true);
                };
                let bare = self.sides.0.dialect.has_bare_references() && self.sides.1.dialect.has_bare_references();
                let beside = bare || (before.len() == after.len() && self.members(old, new, |name| name != "$ref"));
                beside && self.targets(was, is)
            }
            (Content::List(before), Content::List(after)) => {
                before.len() == after.len() && before.iter().zip(after).all(|(was, is)| self.of(was, is))
            }
            _ => equal(old, new),
        }
    }

    fn members(&mut self, old: &Node, new: &Node, counts: impl Fn(&str) -> bool) -> bool {
        let mut counted = old.entries().iter().filter(|(name, _)| counts(&name.value));
        counted.all(|(name, was)| new.get(&name.value).is_some_and(|is| self.of(was, is)))
    }

    fn targets(&mut self, was: &Node, is: &Node) -> bool {
        let (Some(was), Some(is)) = (was.text(), is.text()) else { return false };
        let (Some(old), Some(new)) = (self.sides.0.follow(was), self.sides.1.follow(is)) else { return false };
        was == is && self.of(old, new)
    }
}
