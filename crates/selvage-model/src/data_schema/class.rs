//! Which parts of data carry a class: `x-selvage-class` on a member's schema, as in contracts. A mark that would mask nothing is an
//! error, since whoever wrote it believes that it does: none is passed over.

use std::collections::BTreeSet;

use crate::class::Masked;
use crate::code;
use crate::finding::show;
use crate::name::ClassName;
use crate::yaml::Node;

use super::Found;
use super::part::{Parts, Way};

const MARK: &str = "x-selvage-class";
/// How many places of the data are looked at.
const MOST_STEPS: usize = 50_000;

/// The parts that carry a class.
pub(super) fn gather(parts: &Parts<'_>, found: &mut Found) -> Vec<Masked> {
    let marked: Vec<usize> = (0..parts.count()).filter(|part| mark(parts, *part).is_some()).collect();
    if marked.is_empty() {
        return Vec::new();
    }
    let leading = leading(parts, &marked);
    let mut walk =
        Walk { parts, leading, above: Vec::new(), masked: Vec::new(), seen: BTreeSet::new(), steps: 0, found };
    walk.at(Parts::ROOT, "", false);
    let Walk { masked, seen, steps, .. } = walk;
    if steps > MOST_STEPS {
        return masked;
    }
    for part in marked.into_iter().filter(|part| !seen.contains(part)) {
        let Some(mark) = mark(parts, part) else { continue };
        let message = "the class would mask nothing: this is no member of the data that has a name";
        let fix = "mark the member below `properties` that holds it";
        found.note(code::SCHEMA_CLASS, &mark.place, message, fix);
    }
    masked
}

fn mark<'n>(parts: &Parts<'n>, part: usize) -> Option<&'n Node> {
    parts.node(part)?.get(MARK)
}

/// The parts from which a way leads to one of these.
fn leading(parts: &Parts<'_>, marked: &[usize]) -> BTreeSet<usize> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); parts.count()];
    for part in 0..parts.count() {
        for (_, to) in parts.ways(part) {
            if let Some(from) = back.get_mut(to) {
                from.push(part);
            }
        }
    }
    let mut leading = BTreeSet::new();
    let mut due = marked.to_vec();
    while let Some(part) = due.pop() {
        if leading.insert(part) {
            due.extend(back.get(part).into_iter().flatten());
        }
    }
    leading
}

struct Walk<'a, 'n> {
    parts: &'a Parts<'n>,
    /// What need not be looked at leads to no mark.
    leading: BTreeSet<usize>,
    above: Vec<usize>,
    masked: Vec<Masked>,
    /// Whose mark masks something.
    seen: BTreeSet<usize>,
    steps: usize,
    found: &'a mut Found,
}

impl Walk<'_, '_> {
    /// Looks at a part that is for what stands here; whether it is a member with a name.
    fn at(&mut self, part: usize, pointer: &str, is_member: bool) {
        if self.steps > MOST_STEPS || !self.leading.contains(&part) {
            return;
        }
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return self.endless(Parts::ROOT, "its parts are used in too many places");
        }
        if self.above.contains(&part) {
            self.steps = MOST_STEPS + 1;
            return self.endless(part, "it stands in a part that contains itself");
        }
        if let Some(mark) = mark(self.parts, part).filter(|_| is_member) {
            self.seen.insert(part);
            let text = mark.text().unwrap_or_default();
            match text.parse::<ClassName>() {
                Ok(class) => self.masked.push(Masked { pointer: pointer.to_owned(), class }),
                Err(_) => {
                    let message = format!("{} is no class of data", show(text));
                    self.found.note(code::SCHEMA_CLASS, &mark.place, message, "write a word, as `personal`");
                }
            }
        }
        self.above.push(part);
        let ways: Vec<(Way<'_>, usize)> = self.parts.ways(part).collect();
        for (way, to) in ways {
            match way {
                Way::Same => self.at(to, pointer, is_member),
                Way::Member(name) if name.contains(['/', '~']) => self.at_odd(to),
                Way::Member(name) => self.at(to, &format!("{pointer}/{name}"), true),
                Way::Item(_) | Way::AnyItem | Way::OtherItem => self.at(to, &format!("{pointer}/*"), false),
                Way::AnyMember | Way::OtherMember | Way::Kept => {}
            }
        }
        self.above.pop();
    }

    /// What is masked is found by plain names.
    fn at_odd(&mut self, part: usize) {
        if self.leading.contains(&part) {
            self.steps = MOST_STEPS + 1;
            self.endless(part, "a member's name has a `/` or a `~`");
        }
    }

    /// Where a class is in the data cannot be told.
    fn endless(&mut self, part: usize, because: &str) {
        let Some(node) = self.parts.node(part) else { return };
        let message = format!("where a class of this schema stands in the data cannot be told: {because}");
        let fix = "mark the member that holds all of it, nearer to the data itself";
        self.found.note(code::SCHEMA_CLASS, &node.place, message, fix);
    }
}
