//! One table: its rows, those that are computed, what they are found by, and the order in which they were written.
//! Every change goes through `replace`, which keeps the indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::bulk::Bulk;
use super::row::{Key, Row};
use crate::odoo::value::{Id, Stamp};

/// From and to which value, each with or without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<T> {
    pub(crate) from: Bound<T>,
    pub(crate) to: Bound<T>,
}

impl<T: Ord + Copy> Span<T> {
    pub(crate) const WHOLE: Self = Self { from: Bound::Unbounded, to: Bound::Unbounded };

    /// Whether nothing can lie between the bounds.
    fn is_empty(self) -> bool {
        match (self.from, self.to) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
        }
    }

    /// Whether it has both ends.
    pub(crate) fn is_bounded(self) -> bool {
        !matches!((self.from, self.to), (Bound::Unbounded, _) | (_, Bound::Unbounded))
    }

    /// What satisfies both.
    pub(crate) fn and(self, other: Self) -> Self {
        let later = |left: Bound<T>, right: Bound<T>| match (left, right) {
            (Bound::Unbounded, bound) | (bound, Bound::Unbounded) => bound,
            (Bound::Excluded(a), Bound::Included(b)) | (Bound::Included(b), Bound::Excluded(a)) if a >= b => {
                Bound::Excluded(a)
            }
            (Bound::Included(a), Bound::Included(b)) => Bound::Included(a.max(b)),
            (Bound::Excluded(a), Bound::Excluded(b)) => Bound::Excluded(a.max(b)),
            (Bound::Excluded(_), Bound::Included(b)) | (Bound::Included(b), Bound::Excluded(_)) => Bound::Included(b),
        };
        let earlier = |left: Bound<T>, right: Bound<T>| match (left, right) {
            (Bound::Unbounded, bound) | (bound, Bound::Unbounded) => bound,
            (Bound::Excluded(a), Bound::Included(b)) | (Bound::Included(b), Bound::Excluded(a)) if a <= b => {
                Bound::Excluded(a)
            }
            (Bound::Included(a), Bound::Included(b)) => Bound::Included(a.min(b)),
            (Bound::Excluded(a), Bound::Excluded(b)) => Bound::Excluded(a.min(b)),
            (Bound::Excluded(_), Bound::Included(b)) | (Bound::Included(b), Bound::Excluded(_)) => Bound::Included(b),
        };
        Self { from: later(self.from, other.from), to: earlier(self.to, other.to) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Id, Arc<Row>>,
    pub(super) last_id: i64,
    index: HashMap<(&'static str, Key), BTreeSet<Id>>,
    dates: BTreeSet<(Stamp, Id)>,
    bulk: Option<Bulk>,
    /// Computed records that were deleted.
    gone: BTreeSet<Id>,
}

impl Table {
    pub(super) fn row(&self, id: Id) -> Option<Arc<Row>> {
        match self.rows.get(&id) {
            Some(row) => Some(Arc::clone(row)),
            None if self.gone.contains(&id) => None,
            None => self.bulk.as_ref()?.row(id).map(Arc::new),
        }
    }

    pub(super) fn next_id(&mut self) -> Id {
        self.last_id += 1;
        Id(self.last_id)
    }

    pub(super) fn add_bulk(&mut self, bulk: Bulk) {
        self.last_id = self.last_id.max(bulk.last());
        self.bulk = Some(bulk);
    }

    pub(super) fn count(&self) -> usize {
        let Some(bulk) = &self.bulk else {
            return self.rows.len();
        };
        let replaced = self.rows.keys().filter(|id| bulk.contains(**id)).count();
        let gone = self.gone.iter().filter(|id| !self.rows.contains_key(*id)).count();
        self.rows.len() + bulk.len() - replaced - gone
    }

    /// Whether the record is still the computed one.
    fn is_computed(&self, id: Id) -> bool {
        !self.rows.contains_key(&id) && !self.gone.contains(&id)
    }

    pub(super) fn ids(&self, span: Span<Id>, backwards: bool) -> Box<dyn Iterator<Item = Id> + '_> {
        if span.is_empty() {
            return Box::new(std::iter::empty());
        }
        let kept = self.rows.range((span.from, span.to)).map(|(id, _)| *id);
        let computed = self.bulk.iter().flat_map(move |bulk| bulk.within(span));
        let computed = computed.filter(|id| self.is_computed(*id));
        if backwards { merged(kept.rev(), computed.rev(), true) } else { merged(kept, computed, false) }
    }

    pub(super) fn dated(&self, span: Span<Stamp>, backwards: bool) -> Box<dyn Iterator<Item = Id> + '_> {
        if span.is_empty() {
            return Box::new(std::iter::empty());
        }
        let (first, last) = (Id(i64::MIN), Id(i64::MAX));
        let from = match span.from {
            Bound::Included(stamp) => Bound::Included((stamp, first)),
            Bound::Excluded(stamp) => Bound::Excluded((stamp, last)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let to = match span.to {
            Bound::Included(stamp) => Bound::Included((stamp, last)),
            Bound::Excluded(stamp) => Bound::Excluded((stamp, first)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let kept = self.dates.range((from, to)).copied();
        let computed = self.bulk.iter().flat_map(move |bulk| bulk.written(span));
        let computed = computed.filter(|(_, id)| self.is_computed(*id));
        let all = if backwards { merged(kept.rev(), computed.rev(), true) } else { merged(kept, computed, false) };
        Box::new(all.map(|(_, id)| id))
    }

    /// How many records have the key, those that are no longer computed counted twice.
    pub(super) fn count_key(&self, key: &(&'static str, Key)) -> usize {
        let kept = self.index.get(key).map_or(0, BTreeSet::len);
        kept + self.bulk.as_ref().map_or(0, |bulk| bulk.count_key(key))
    }

    pub(super) fn with_key(&self, key: &(&'static str, Key)) -> Vec<Id> {
        let mut ids: Vec<Id> = self.index.get(key).map(|ids| ids.iter().copied().collect()).unwrap_or_default();
        if let Some(bulk) = &self.bulk {
            let before = ids.len();
            ids.extend(bulk.with_key(key).filter(|id| self.is_computed(*id)));
            if before > 0 {
                ids.sort_unstable();
            }
        }
        ids
    }

    /// Puts a row in its place, or takes it away; the row that was there.
    pub(super) fn replace(&mut self, id: Id, new: Option<&Arc<Row>>) -> Option<Arc<Row>> {
        let before = self.row(id);
        let old = match new {
            Some(row) => self.rows.insert(id, Arc::clone(row)),
            None => self.rows.remove(&id),
        };
        if self.bulk.as_ref().is_some_and(|bulk| bulk.contains(id)) {
            self.gone.insert(id);
        }
        if let Some(old) = &old {
            for key in old.keys() {
                if let Some(ids) = self.index.get_mut(&key) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.index.remove(&key);
                    }
                }
            }
            if let Some(date) = old.stamp("write_date") {
                self.dates.remove(&(date, id));
            }
        }
        if let Some(row) = new {
            for key in row.keys() {
                self.index.entry(key).or_default().insert(id);
            }
            self.dates.extend(row.stamp("write_date").map(|date| (date, id)));
        }
        before
    }
}

/// Two ordered sequences as one.
fn merged<'a, T: Ord + 'a>(
    left: impl Iterator<Item = T> + 'a,
    right: impl Iterator<Item = T> + 'a,
    backwards: bool,
) -> Box<dyn Iterator<Item = T> + 'a> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    Box::new(std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(one), Some(other)) if (one <= other) != backwards => left.next(),
        (Some(_), None) => left.next(),
        _ => right.next(),
    }))
}
