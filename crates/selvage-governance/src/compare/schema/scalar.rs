//! Kinds of values, values that are listed, numbers and texts.

use selvage_model::yaml::Node;
use serde_json::Value;

use super::form::Form;
use super::kinds::{Kinds, equal};
use super::limit::{Bound, Limit, Measure, Size};
use super::{Family, Run, classes};

/// Formats of which the first is within the second.
const WITHIN: [(&str, &str); 2] = [("int32", "int64"), ("float", "double")];

impl<'a> Run<'a> {
    /// Compares the kinds of values; whether the rest can say anything more.
    pub(super) fn kinds(&mut self, old: &Form<'a>, new: &Form<'a>) -> bool {
        let (inner, outer) = self.roles(old, new);
        let at = |form: &Form<'a>| form.kinds_at.or_else(|| form.values.as_ref().map(|values| values.node));
        let (before, after) = (at(old), at(new));
        let (more, less) = (inner.kinds.without(outer.kinds), outer.kinds.without(inner.kinds));
        // Values that are listed speak for themselves.
        let listed = old.values.is_some() && new.values.is_some();
        if more != Kinds::NONE && !listed {
            if more.meets(Kinds::NULL) {
                self.against(&classes::NULL, before, after);
            }
            if more.without(Kinds::NULL) != Kinds::NONE {
                self.against(&classes::TYPE, before, after);
            }
        } else if less != Kinds::NONE && old.values.is_none() && new.values.is_none() {
            let family = if less == Kinds::NULL { &classes::NULL } else { &classes::TYPE };
            self.with(family, before, after);
        }
        inner.kinds != Kinds::NONE && (listed || inner.kinds.meets(outer.kinds))
    }

    /// Compares lists of values.
    pub(super) fn values(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let at = |form: &Form<'a>| form.values.as_ref().map(|values| values.node);
        let (before, after) = (at(old), at(new));
        match (&inner.values, &outer.values) {
            (None, None) => {}
            (Some(_), None) => self.with(&classes::ENUM, before, after),
            (None, Some(outer)) => {
                let has = |value: Value| outer.values.iter().any(|other| equal(&value, other));
                let null = !inner.kinds.meets(Kinds::NULL) || has(Value::Null);
                let truth = !inner.kinds.meets(Kinds::BOOLEAN) || (has(Value::Bool(true)) && has(Value::Bool(false)));
                let few = inner.kinds.is_within(Kinds::NULL.or(Kinds::BOOLEAN));
                if !(few && null && truth) {
                    self.against(&classes::ENUM, before, after);
                }
            }
            (Some(inner), Some(outer)) => {
                let within = |one: &[Value], other: &[Value]| {
                    one.iter().all(|value| other.iter().any(|other| equal(value, other)))
                };
                let holds = within(&inner.values, &outer.values);
                if !holds && inner.constant && outer.constant {
                    return self.note_both(&classes::CONST_CHANGED, before, after);
                }
                self.judge(&classes::VALUE, (holds, within(&outer.values, &inner.values)), before, after);
            }
        }
    }

    /// Compares bounds of numbers.
    pub(super) fn numbers(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        if !inner.kinds.and(outer.kinds).meets(Kinds::NUMBER) {
            return;
        }
        let whole = inner.is_whole();
        let families: [(Bound, &'static Family); 3] = [
            (Bound::Least, &classes::MINIMUM),
            (Bound::Most, &classes::MAXIMUM),
            (Bound::Multiple, &classes::MULTIPLE_OF),
        ];
        for (bound, family) in families {
            let of = |form: &Form<'a>| form.limits.iter().filter(|limit| limit.bound == bound).copied().collect();
            let (mine, theirs): (Vec<Limit<'a>>, Vec<Limit<'a>>) = (of(inner), of(outer));
            let implied = |from: &[Limit<'a>], limit: &Limit<'a>, form: &Form<'a>| {
                (whole && limit.is_for_all_whole())
                    || from.iter().any(|known| known.implies(limit, whole))
                    || form.values.as_ref().is_some_and(|listed| listed.values.iter().all(|value| limit.holds(value)))
            };
            let holds = theirs.iter().all(|limit| implied(&mine, limit, inner));
            let back = mine.iter().all(|limit| implied(&theirs, limit, outer));
            let nodes = |limits: &[Limit<'a>]| limits.iter().map(|limit| limit.node).collect::<Vec<_>>();
            let (before, after) = self.roles(nodes(&mine), nodes(&theirs));
            let (before, after) = apart(&before, &after);
            self.judge(family, (holds, back), before, after);
        }
    }

    /// Compares what a size is bounded to.
    pub(super) fn size(
        &mut self,
        family: &'static Family,
        measure: Measure,
        old: &Form<'a>,
        new: &Form<'a>,
        free: impl Fn(&Form<'a>, &Size<'a>) -> bool,
    ) {
        let (inner, outer) = self.roles(old, new);
        let of = |form: &Form<'a>| form.sizes.iter().filter(|size| size.measure == measure).copied().collect();
        let (mine, theirs): (Vec<Size<'a>>, Vec<Size<'a>>) = (of(inner), of(outer));
        let implied = |from: &[Size<'a>], size: &Size<'a>, form: &Form<'a>| {
            from.iter().any(|known| known.implies(size))
                || free(form, size)
                || form.values.as_ref().is_some_and(|listed| listed.values.iter().all(|value| size.holds(value)))
        };
        let holds = theirs.iter().all(|size| implied(&mine, size, inner));
        let back = mine.iter().all(|size| implied(&theirs, size, outer));
        let nodes = |sizes: &[Size<'a>]| sizes.iter().map(|size| size.node).collect::<Vec<_>>();
        let (before, after) = self.roles(nodes(&mine), nodes(&theirs));
        let (before, after) = apart(&before, &after);
        self.judge(family, (holds, back), before, after);
    }

    /// Compares what texts must be like.
    pub(super) fn texts(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let shared = inner.kinds.and(outer.kinds);
        if shared.meets(Kinds::TEXT) {
            let none = |_: &Form<'a>, _: &Size<'a>| false;
            self.size(&classes::MIN_LENGTH, Measure::LeastText, old, new, none);
            self.size(&classes::MAX_LENGTH, Measure::MostText, old, new, none);
            let known = |from: &[&Node], node: &Node| from.iter().any(|other| other.text() == node.text());
            let holds = outer.patterns.iter().all(|pattern| known(&inner.patterns, pattern));
            let back = inner.patterns.iter().all(|pattern| known(&outer.patterns, pattern));
            let (before, after) = apart(&old.patterns, &new.patterns);
            if !holds && before.is_some() && after.is_some() {
                self.note_both(&classes::PATTERN_CHANGED, before, after);
            } else {
                self.judge(&classes::PATTERN, (holds, back), before, after);
            }
        }
        if shared.meets(Kinds::TEXT.or(Kinds::NUMBER)) {
            let known = |from: &[&Node], node: &Node| {
                let is_within = |other: &&Node| match (other.text(), node.text()) {
                    (Some(one), Some(other)) => one == other || WITHIN.contains(&(one, other)),
                    _ => false,
                };
                from.iter().any(is_within)
            };
            let holds = outer.formats.iter().all(|format| known(&inner.formats, format));
            let back = inner.formats.iter().all(|format| known(&outer.formats, format));
            let (before, after) = apart(&old.formats, &new.formats);
            if !holds && before.is_some() && after.is_some() {
                self.note_both(&classes::FORMAT_CHANGED, before, after);
            } else {
                self.judge(&classes::FORMAT, (holds, back), before, after);
            }
        }
    }
}

/// Of two lists, the first of each that the other does not have as well; the first of each where they have the same.
fn apart<'a>(old: &[&'a Node], new: &[&'a Node]) -> (Option<&'a Node>, Option<&'a Node>) {
    let first = |from: &[&'a Node], other: &[&'a Node]| {
        from.iter().find(|node| !other.iter().any(|known| known.text() == node.text())).copied()
    };
    match (first(old, new), first(new, old)) {
        (None, None) => (old.first().copied(), new.first().copied()),
        found => found,
    }
}
