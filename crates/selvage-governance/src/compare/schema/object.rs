//! Objects: which members they have, which they must have, and what those are that nothing declares.

use selvage_model::yaml::Node;

use super::form::{All, Form};
use super::kinds::Kinds;
use super::limit::{Measure, Size};
use super::{Run, Step, classes, truth};
use crate::compare::{Class, Difference, Direction};

impl<'a> Form<'a> {
    /// The schema that declares a member.
    fn declared(&self, name: &str) -> Option<&'a Node> {
        self.members.iter().find_map(|members| members.properties?.get(name))
    }

    fn requires(&self, name: &str) -> bool {
        self.required.iter().any(|(known, _)| *known == name)
    }

    /// What surely holds of a member.
    fn surely(&self, name: &str) -> All<'a> {
        let of = |members: &super::form::Members<'a>| {
            let declared = members.properties.and_then(|properties| properties.get(name));
            // A name that matches a pattern is no other.
            declared.or(if members.patterns.is_none() { members.others } else { None })
        };
        self.members.iter().filter_map(of).collect()
    }

    /// All that may have to hold of a member, but for patterns that the narrower side has as well.
    fn asks(&self, name: &str, inner: &Self) -> All<'a> {
        let mut all = Vec::new();
        for members in &self.members {
            let declared = members.properties.and_then(|properties| properties.get(name));
            all.extend(declared.or(members.others));
            let patterns = members.patterns.map(Node::entries).unwrap_or_default().iter();
            all.extend(
                patterns.filter(|(pattern, _)| inner.pattern(&pattern.value).is_empty()).map(|(_, schema)| schema),
            );
        }
        all
    }

    /// What is said of members whose names match a pattern.
    fn pattern(&self, pattern: &str) -> All<'a> {
        self.members.iter().filter_map(|members| members.patterns?.get(pattern)).collect()
    }

    fn patterns(&self) -> Vec<(&'a str, &'a Node)> {
        let entries = self.members.iter().filter_map(|members| members.patterns).flat_map(Node::entries);
        entries.map(|(pattern, schema)| (pattern.value.as_ref(), schema)).collect()
    }

    /// What is said of every other member.
    fn others(&self) -> All<'a> {
        self.members.iter().filter_map(|members| members.others).collect()
    }

    /// The schema that lets no other member through.
    fn closed(&self) -> Option<&'a Node> {
        self.others().into_iter().find(|others| truth(others) == Some(false))
    }
}

impl<'a> Run<'a> {
    /// Compares what is said of objects.
    pub(super) fn objects(&mut self, old: &Form<'a>, new: &Form<'a>) {
        if !old.kinds.and(new.kinds).meets(Kinds::OBJECT) {
            return;
        }
        let mut names: Vec<&'a str> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for properties in old.members.iter().chain(&new.members).filter_map(|members| members.properties) {
            let all = properties.entries().iter().map(|(name, _)| name.value.as_ref());
            names.extend(all.filter(|name| known.insert(*name)));
        }
        for name in names {
            self.path.push(Step::Member(name));
            self.member(old, new, name);
            self.path.pop();
        }
        self.others(old, new);
        self.patterns(old, new);
        self.required(old, new);
        let needed = |form: &Form<'a>, size: &Size<'a>| {
            let names: std::collections::BTreeSet<&str> = form.required.iter().map(|(name, _)| *name).collect();
            u64::try_from(names.len()).unwrap_or(0) >= size.size
        };
        self.size(&classes::MIN_PROPERTIES, Measure::LeastMembers, old, new, needed);
        self.size(&classes::MAX_PROPERTIES, Measure::MostMembers, old, new, |_, _| false);
        self.names(old, new);
        self.dependent(old, new);
    }

    fn member(&mut self, old: &Form<'a>, new: &Form<'a>, name: &'a str) {
        let request = self.way == Direction::Request;
        let (before, after) =
            if request { (old.surely(name), new.asks(name, old)) } else { (old.asks(name, new), new.surely(name)) };
        match (old.declared(name), new.declared(name)) {
            (Some(_), Some(_)) => {
                let start = self.found.len();
                self.visit(&before, &after);
                if request && old.requires(name) && new.requires(name) {
                    self.demand(start);
                }
            }
            (None, Some(is)) if request && new.requires(name) && !old.requires(name) => {
                self.note(&classes::ADDED_REQUIRED, None, Some(is));
                self.spare_last();
            }
            (None, Some(is)) => {
                let known = self.proves(&before, &after);
                let class: &'static Class = match (request, known) {
                    (true, true) => &classes::ADDED_REQUEST,
                    (true, false) => &classes::CLAIMED_REQUEST,
                    (false, true) => &classes::ADDED_RESPONSE,
                    (false, false) => &classes::UNEXPECTED_RESPONSE,
                };
                self.note(class, None, Some(is));
            }
            (Some(was), None) if !request => self.note(&classes::REMOVED_RESPONSE, Some(was), None),
            (Some(was), None) if new.closed().is_some() => self.note(&classes::REFUSED_REQUEST, Some(was), None),
            (Some(was), None) => {
                let start = self.found.len();
                self.visit(&before, &after);
                let elsewhere = new.members.is_empty() && !new.choices.is_empty();
                if self.is_safe_since(start) && !elsewhere {
                    self.found.truncate(start);
                    self.note(&classes::REMOVED_REQUEST, Some(was), None);
                }
            }
            (None, None) => {}
        }
    }

    /// A member that was required and read only was sent by nobody: now that it may be sent, it has to be.
    fn demand(&mut self, start: usize) {
        let at = self.pointer();
        let Some(Step::Member(name)) = self.path.last() else { return };
        let allowed = |one: &&mut Difference| one.class == &classes::NOT_READ_ONLY && one.at == at;
        for difference in self.found.iter_mut().skip(start).filter(allowed) {
            difference.class = &classes::READ_ONLY_NEEDED;
            difference.verdict = classes::READ_ONLY_NEEDED.verdict;
            difference.attributes.retain(|known| known != name);
        }
    }

    /// What was noted last concerns those who leave the member out, whatever else they use.
    fn spare_last(&mut self) {
        let Some(Step::Member(name)) = self.path.last() else { return };
        let outer = self.path.iter().rev().skip(1).any(|step| *step == Step::Member(name));
        if let Some(last) = self.found.last_mut().filter(|_| !outer) {
            last.attributes.retain(|known| known != name);
        }
    }

    /// Members that nothing declares, and whose names match no pattern.
    fn others(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let (was, is) = (old.closed(), new.closed());
        match (inner.closed(), outer.closed()) {
            (Some(_), Some(_)) => {}
            (Some(_), None) => self.with(
                &classes::ADDITIONAL_PROPERTIES,
                was.or(old.others().first().copied()),
                is.or(new.others().first().copied()),
            ),
            (None, Some(_)) => self.against(
                &classes::ADDITIONAL_PROPERTIES,
                was.or(old.others().first().copied()),
                is.or(new.others().first().copied()),
            ),
            (None, None) => {
                let (before, after) = (old.others(), new.others());
                self.within(Step::Others, |run| run.visit(&before, &after));
            }
        }
    }

    /// Members whose names match a pattern.
    fn patterns(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let (mine, theirs) = (inner.patterns(), outer.patterns());
        for (pattern, schema) in &theirs {
            if mine.iter().any(|(known, _)| known == pattern) {
                let (before, after) = self.roles(inner.pattern(pattern), vec![*schema]);
                self.within(Step::Others, |run| run.visit(&before, &after));
                continue;
            }
            let others = inner.others();
            let mut holds = inner.closed().is_some() || self.fits(&others, schema);
            holds = holds && mine.iter().all(|(_, known)| self.fits(&[*known], schema));
            let (before, after) = self.roles(None, Some(*schema));
            if holds {
                self.with(&classes::PATTERN_PROPERTIES, before, after);
            } else {
                self.against(&classes::PATTERN_PROPERTIES, before, after);
            }
        }
        for (pattern, schema) in &mine {
            let without = |members: &&super::form::Members<'a>| {
                members.patterns.is_none_or(|patterns| patterns.get(pattern).is_none())
            };
            let others: Vec<&Node> =
                outer.members.iter().filter(without).filter_map(|members| members.others).collect();
            let holds = others.iter().all(|others| self.fits(&[*schema], others));
            let known = theirs.iter().any(|(known, _)| known == pattern);
            let (before, after) = self.roles(Some(*schema), None);
            match (holds, known) {
                (false, _) => self.against(&classes::PATTERN_PROPERTIES, before, after),
                (true, false) => self.with(&classes::PATTERN_PROPERTIES, before, after),
                (true, true) => {}
            }
        }
    }

    /// Whether what fits all these schemas of the narrower side fits one of the other.
    fn fits(&mut self, mine: &[&'a Node], theirs: &'a Node) -> bool {
        let theirs = [theirs];
        let (old, new) = self.roles(mine, theirs.as_slice());
        self.proves(old, new)
    }

    fn required(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let request = self.way == Direction::Request;
        let mut seen = std::collections::HashSet::new();
        for (name, node) in &outer.required {
            let told = if request {
                new.declared(name).is_some() && old.declared(name).is_none()
            } else {
                old.declared(name).is_some() && new.declared(name).is_none()
            };
            if !seen.insert(*name) || inner.requires(name) || told {
                continue;
            }
            let (before, after) = self.roles(None, Some(*node));
            self.within(Step::Member(name), |run| {
                run.against(&classes::REQUIRED, before, after);
                if request {
                    run.spare_last();
                }
            });
        }
        for (name, node) in &inner.required {
            let moved = old.declared(name).is_some() != new.declared(name).is_some();
            if !seen.insert(*name) || outer.requires(name) || moved {
                continue;
            }
            let (before, after) = self.roles(Some(*node), None);
            self.within(Step::Member(name), |run| run.with(&classes::REQUIRED, before, after));
        }
    }

    fn names(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let holds = outer.names.iter().all(|theirs| inner.names.iter().any(|mine| self.fits(&[*mine], theirs)));
        let (before, after) = (old.names.first().copied(), new.names.first().copied());
        if !holds {
            self.against(&classes::PROPERTY_NAMES, before, after);
        } else if outer.names.is_empty() && !inner.names.is_empty() {
            self.with(&classes::PROPERTY_NAMES, before, after);
        }
    }

    fn dependent(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let says = |form: &Form<'a>, (name, need): (&str, &str)| {
            form.requires(need) || form.dependent.iter().any(|(known, needs, _)| (*known, *needs) == (name, need))
        };
        let lacking = |from: &Form<'a>, form: &Form<'a>| {
            from.dependent.iter().find(|(name, need, _)| !says(form, (name, need))).map(|(_, _, node)| *node)
        };
        let (missing, spare) = (lacking(outer, inner), lacking(inner, outer));
        let (before, after) = self.roles(spare, missing);
        self.judge(&classes::DEPENDENT_REQUIRED, (missing.is_none(), spare.is_none()), before, after);
        for (name, theirs) in &outer.dependent_schemas {
            let mine: All<'a> =
                inner.dependent_schemas.iter().filter(|(known, _)| known == name).map(|(_, schema)| *schema).collect();
            if !self.fits(&mine, theirs) {
                let (before, after) = self.roles(mine.first().copied(), Some(*theirs));
                self.against(&classes::DEPENDENT_SCHEMAS, before, after);
            }
        }
        for (name, mine) in &inner.dependent_schemas {
            if !outer.dependent_schemas.iter().any(|(known, _)| known == name) {
                let (before, after) = self.roles(Some(*mine), None);
                self.with(&classes::DEPENDENT_SCHEMAS, before, after);
            }
        }
    }
}
