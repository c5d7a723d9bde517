//! Many records of one pattern that take no memory: each is computed from its id when it is asked for, until it is changed.
//! They were written one after the other, a fixed time apart, so the order of their dates is that of their ids.

use std::ops::{Bound, Range};
use std::sync::Arc;

use super::row::{Key, Row};
use super::table::Span;
use crate::odoo::value::{Id, Stamp, Value};

/// A text that ends in the number of the record, with zeros before it up to the width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    pub(crate) field: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) width: usize,
}

impl Numbered {
    fn text(self, number: i64) -> String {
        format!("{}{number:0width$}", self.prefix, width = self.width)
    }

    fn number(self, text: &str) -> Option<i64> {
        let number = text.strip_prefix(self.prefix)?.parse().ok()?;
        (self.text(number) == text).then_some(number)
    }
}

/// The pattern.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    /// The id of the first record, whose number is 1.
    pub(crate) first: i64,
    pub(crate) count: i64,
    /// What all of them have.
    pub(crate) common: Arc<Row>,
    pub(crate) texts: Vec<Numbered>,
    /// A many2one to the record of the same number in another bulk, which begins with that id.
    pub(crate) twin: Option<(&'static str, i64)>,
    /// When the first was written.
    pub(crate) started: Stamp,
    /// Microseconds from one to the next.
    pub(crate) spacing: i64,
}

impl Bulk {
    pub(super) fn last(&self) -> i64 {
        self.first + self.count - 1
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        (self.first..=self.last()).contains(&id.0)
    }

    fn date(&self, id: i64) -> Stamp {
        self.started.plus_micros((id - self.first).saturating_mul(self.spacing))
    }

    pub(super) fn row(&self, id: Id) -> Option<Row> {
        if !self.contains(id) {
            return None;
        }
        let place = id.0 - self.first;
        let mut row = Row::over(&self.common);
        for text in &self.texts {
            row.set(text.field, text.text(place + 1).into());
        }
        if let Some((field, first)) = self.twin {
            row.set(field, Value::Ref(Id(first + place)));
        }
        for field in ["create_date", "write_date"] {
            row.set(field, self.date(id.0).into());
        }
        Some(row)
    }

    /// The ids between the bounds.
    pub(super) fn within(&self, span: Span<Id>) -> impl DoubleEndedIterator<Item = Id> + use<> {
        let from = match span.from {
            Bound::Included(Id(id)) => id,
            Bound::Excluded(Id(id)) => id.saturating_add(1),
            Bound::Unbounded => self.first,
        };
        let to = match span.to {
            Bound::Included(Id(id)) => id.saturating_add(1),
            Bound::Excluded(Id(id)) => id,
            Bound::Unbounded => self.last() + 1,
        };
        self.clipped(from..to).map(Id)
    }

    /// The records that were written between the bounds.
    pub(super) fn written(&self, span: Span<Stamp>) -> impl DoubleEndedIterator<Item = (Stamp, Id)> + '_ {
        // How many steps after the first the moment is: the whole ones, and whether it is not on a step.
        let steps = |stamp: Stamp| {
            let micros = stamp.micros_since(self.started);
            let spacing = self.spacing.max(1);
            (self.first.saturating_add(micros.div_euclid(spacing)), micros.rem_euclid(spacing) != 0)
        };
        let from = match span.from {
            Bound::Included(stamp) => {
                let (id, between) = steps(stamp);
                if between { id + 1 } else { id }
            }
            Bound::Excluded(stamp) => steps(stamp).0 + 1,
            Bound::Unbounded => self.first,
        };
        let to = match span.to {
            Bound::Included(stamp) => steps(stamp).0 + 1,
            Bound::Excluded(stamp) => {
                let (id, between) = steps(stamp);
                if between { id + 1 } else { id }
            }
            Bound::Unbounded => self.last() + 1,
        };
        self.clipped(from..to).map(|id| (self.date(id), Id(id)))
    }

    fn clipped(&self, range: Range<i64>) -> Range<i64> {
        range.start.max(self.first)..range.end.min(self.last() + 1)
    }

    /// The records that have the value in the field.
    pub(super) fn with_key(&self, key: &(&'static str, Key)) -> impl Iterator<Item = Id> + use<> {
        self.range_of(key).map(Id)
    }

    /// How many those are.
    pub(super) fn count_key(&self, key: &(&'static str, Key)) -> usize {
        let range = self.range_of(key);
        usize::try_from(range.end - range.start).unwrap_or(0)
    }

    fn range_of(&self, (field, key): &(&'static str, Key)) -> Range<i64> {
        let found = match (self.texts.iter().find(|text| text.field == *field), self.twin, key) {
            (Some(text), _, Key::Text(wanted)) => single(text.number(wanted).map(|number| self.first + number - 1)),
            (_, Some((twin, first)), Key::Ref(target)) if twin == *field => single(Some(self.first + target.0 - first)),
            (None, _, _) => {
                let all = match (self.common.get(field), key) {
                    (Value::Ref(id), Key::Ref(wanted)) => id == wanted,
                    (Value::Text(text), Key::Text(wanted)) => text == wanted,
                    _ => false,
                };
                if all { self.first..self.last() + 1 } else { 0..0 }
            }
            _ => 0..0,
        };
        self.clipped(found)
    }
}

fn single(id: Option<i64>) -> Range<i64> {
    id.map_or(0..0, |id| id..id.saturating_add(1))
}
