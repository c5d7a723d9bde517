//! Lists: their items, first ones and others, how many there are, and which must be among them.

use selvage_model::yaml::Node;

use super::form::{All, Contains, Form, Items};
use super::kinds::Kinds;
use super::limit::{Measure, Size};
use super::{Run, Step, classes};

/// First items that are compared one by one.
const MOST_FIRST: usize = 64;

impl<'a> Run<'a> {
    /// Compares what is said of lists.
    pub(super) fn lists(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        if !inner.kinds.and(outer.kinds).meets(Kinds::LIST) {
            return;
        }
        let none = |_: &Form<'a>, _: &Size<'a>| false;
        self.size(&classes::MIN_ITEMS, Measure::LeastItems, old, new, none);
        self.size(&classes::MAX_ITEMS, Measure::MostItems, old, new, none);
        let most = inner.sizes.iter().filter(|size| size.measure == Measure::MostItems).map(|size| size.size).min();
        let short =
            |form: &Form<'a>| form.sizes.iter().any(|size| size.measure == Measure::MostItems && size.size <= 1);
        let holds = outer.unique.is_none() || inner.unique.is_some() || short(inner);
        let back = inner.unique.is_none() || outer.unique.is_some() || short(outer);
        self.judge(&classes::UNIQUE_ITEMS, (holds, back), old.unique, new.unique);
        self.contained(old, new);
        let first = |form: &Form<'a>| form.items.iter().map(|items| items.first.len()).max().unwrap_or(0);
        let longest = first(old).max(first(new)).min(MOST_FIRST);
        let reached = |place: usize| most.is_none_or(|most| u64::try_from(place).unwrap_or(u64::MAX) < most);
        for place in (0..longest).take_while(|place| reached(*place)) {
            let (before, after) = (at(old, place), at(new, place));
            self.within(Step::Item(place), |run| run.visit(&before, &after));
        }
        if reached(longest) {
            let (before, after) = (at(old, usize::MAX), at(new, usize::MAX));
            self.within(Step::Items, |run| run.visit(&before, &after));
        }
        if first(old).max(first(new)) > MOST_FIRST {
            self.note_both(&classes::TOO_LARGE, old.parts.first().copied(), new.parts.first().copied());
        }
    }

    fn contained(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        let (mine, theirs) = (inner.contains.clone(), outer.contains.clone());
        let holds = theirs.iter().all(|one| self.is_contained(&mine, one, false));
        let back = mine.iter().all(|one| self.is_contained(&theirs, one, true));
        let node = |form: &Form<'a>| form.contains.first().map(|contains| contains.schema);
        self.judge(&classes::CONTAINS, (holds, back), node(old), node(new));
    }

    /// Whether one of these says as much; `back` where they are those of the wider side.
    fn is_contained(&mut self, from: &[Contains<'a>], one: &Contains<'a>, back: bool) -> bool {
        if one.least == 0 && one.most.is_none() {
            return true;
        }
        from.iter().any(|known| {
            let few = one.most.is_none_or(|most| known.most.is_some_and(|known| known <= most));
            let (mine, theirs) = if back { (one.schema, known.schema) } else { (known.schema, one.schema) };
            let (old, new) = self.roles(mine, theirs);
            few && known.least >= one.least && self.same.of(old, new, &self.sides)
        })
    }
}

/// What is said of the item at this place.
fn at<'a>(form: &Form<'a>, place: usize) -> All<'a> {
    let of = |items: &Items<'a>| -> Option<&'a Node> { items.first.get(place).or(items.rest) };
    form.items.iter().filter_map(of).collect()
}
