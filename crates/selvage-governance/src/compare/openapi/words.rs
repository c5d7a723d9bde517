//! Whether two contracts are the same but for what is for people: the last word where the comparison has found nothing. It knows
//! nothing of what changes mean, and so it cannot forget one.

use std::collections::HashSet;

use selvage_model::yaml::{Content, Key, Node};

use super::side;
use crate::compare::Direction;
use crate::compare::schema::{Run, Side, alike, both};

/// What is for people, wherever it stands as a field.
const WORDS: [&str; 6] = ["summary", "description", "example", "examples", "externalDocs", "tags"];
/// Under which things stand by names.
const NAMED: [&str; 9] =
    ["paths", "webhooks", "responses", "headers", "content", "encoding", "callbacks", "variables", "securitySchemes"];
/// Under which everything counts as it is.
const WHOLE: [&str; 3] = ["links", "flows", "security"];

/// Whether the two say the same, but for words. Parts that nothing refers to do not count; what is referred to counts where it is used.
pub(in crate::compare) fn says_the_same(before: &Node, after: &Node) -> bool {
    let sides = (side(before), side(after));
    let mut work = Words { sides, run: Run::new(sides.0, sides.1), assumed: HashSet::new() };
    let of = |root| -> Option<&Node> { Node::get(root, "components")?.get("securitySchemes") };
    both(of(before), of(after), |was, is| work.named(was, is, "securitySchemes"))
        && work.fields(before, after, |word| !matches!(word, "info" | "components" | "openapi"))
}

struct Words<'a> {
    sides: (Side<'a>, Side<'a>),
    run: Run<'a>,
    /// Taken for the same as long as nothing speaks against it.
    assumed: HashSet<(*const Node, *const Node)>,
}

impl<'a> Words<'a> {
    /// Two things that have fields.
    fn thing(&mut self, old: &'a Node, new: &'a Node) -> bool {
        let (Some(old), Some(new)) = (self.sides.0.resolve(old), self.sides.1.resolve(new)) else { return false };
        match (&old.content, &new.content) {
            (Content::Map(_), Content::Map(_)) => {
                let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
                !self.assumed.insert(pair) || self.fields(old, new, |_| true)
            }
            (Content::List(before), Content::List(after)) => {
                before.len() == after.len() && before.iter().zip(after).all(|(old, new)| self.thing(old, new))
            }
            _ => alike(&self.sides, old, new),
        }
    }

    fn fields(&mut self, old: &'a Node, new: &'a Node, counts: impl Fn(&str) -> bool) -> bool {
        let counted = |name: &str| counts(name) && !WORDS.contains(&name);
        let none_new = |(name, _): &&(Key, Node)| old.get(&name.value).is_none();
        let mut gone = new.entries().iter().filter(|(name, _)| counted(&name.value)).filter(none_new);
        if gone.next().is_some() {
            return false;
        }
        old.entries()
            .iter()
            .filter(|(name, _)| counted(&name.value))
            .all(|(name, was)| new.get(&name.value).is_some_and(|is| self.field(&name.value, was, is)))
    }

    fn field(&mut self, name: &str, old: &'a Node, new: &'a Node) -> bool {
        if name == "schema" {
            // The same said otherwise is the same: nothing is found either way.
            let ways = [Direction::Request, Direction::Response];
            return ways.into_iter().all(|way| self.run.compare(way, Some(old), Some(new)).is_empty());
        }
        if NAMED.contains(&name) {
            return self.named(old, new, name);
        }
        if WHOLE.contains(&name) { alike(&self.sides, old, new) } else { self.thing(old, new) }
    }

    /// Things by names, which are no words.
    fn named(&mut self, old: &'a Node, new: &'a Node, name: &str) -> bool {
        let (before, after) = (old.entries(), new.entries());
        before.len() == after.len()
            && before.iter().all(|(key, was)| {
                let is = new.get(&key.value);
                is.is_some_and(|is| if name == "callbacks" { self.called(was, is) } else { self.thing(was, is) })
            })
    }

    /// What is called by expressions.
    fn called(&mut self, old: &'a Node, new: &'a Node) -> bool {
        let (Some(old), Some(new)) = (self.sides.0.resolve(old), self.sides.1.resolve(new)) else { return false };
        self.named(old, new, "paths")
    }
}
