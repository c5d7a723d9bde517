//! What was found when messages were checked against their contracts: how many were seen, how many did not fit, and in
//! which fields. Bounded: what would be too many fields is counted as one.

use std::collections::HashMap;

use crate::contract::{Violation, Where};

/// Fields that are counted apart, for a series and a side.
const MOST_FIELDS: usize = 64;
/// The rule of what is not counted apart.
const OTHERS: &str = "others";

/// Whose messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Request,
    Response,
}

/// Whether a message could be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of it that a contract speaks of.
    Fits,
    /// Its body was too large, or compressed.
    Unchecked,
    /// Its body is of a kind that is never read.
    Unread,
}

/// What was found of one message.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) side: Side,
    pub(crate) verdict: Verdict,
    pub(crate) violations: Vec<Violation>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) seen: HashMap<(u32, Side), Seen>,
    pub(crate) fields: HashMap<Field, Broken>,
}

/// How many messages of a series and a side there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) checked: u64,
    pub(crate) unfit: u64,
    pub(crate) unchecked: u64,
    fields: usize,
}

/// A field that a rule was broken in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(crate) series: u32,
    pub(crate) side: Side,
    pub(crate) place: Where,
    pub(crate) name: String,
    pub(crate) rule: &'static str,
}

/// How often a rule was broken in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) count: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// What stood there last, masked.
    pub(crate) sample: String,
}

impl Noted {
    pub(crate) fn new(side: Side, verdict: Verdict, violations: Vec<Violation>) -> Self {
        Self { side, verdict, violations }
    }
}

impl Seen {
    /// Adds what another thread has seen.
    pub(crate) fn add(&mut self, more: &Self) {
        self.checked += more.checked;
        self.unfit += more.unfit;
        self.unchecked += more.unchecked;
    }
}

impl Broken {
    /// Adds what another thread has seen.
    pub(crate) fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.first = self.first.min(more.first);
        if more.last > self.last {
            self.last = more.last;
            self.sample.clone_from(&more.sample);
        }
    }
}

impl Side {
    /// Its word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

impl Book {
    /// Counts what was found of a message.
    pub(crate) fn note(&mut self, series: u32, noted: &Noted, at: i64) {
        let seen = self.seen.entry((series, noted.side)).or_default();
        match noted.verdict {
            Verdict::Fits => seen.checked += 1,
            Verdict::Unchecked | Verdict::Unread => seen.unchecked += 1,
        }
        seen.unfit += u64::from(!noted.violations.is_empty());
        for violation in &noted.violations {
            let Violation { place, counted, rule, .. } = violation;
            let side = noted.side;
            let mut field = Field { series, side, place: *place, name: counted.clone(), rule };
            if !self.fields.contains_key(&field) {
                if seen.fields >= MOST_FIELDS {
                    field = Field { series, side, place: Where::Body, name: String::new(), rule: OTHERS };
                } else {
                    seen.fields += 1;
                }
            }
            let new = || Broken { count: 0, first: at, last: at, sample: String::new() };
            let broken = self.fields.entry(field).or_insert_with(new);
            broken.count += 1;
            broken.last = at;
            broken.sample.clone_from(&violation.sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(names: impl Iterator<Item = String>) -> Noted {
        let violations = names.map(|name| Violation::of_parameter(Where::Query, &name, "type", "no"));
        Noted::new(Side::Request, Verdict::Fits, violations.collect())
    }

    #[test]
    fn fields_are_counted_apart_up_to_a_bound() {
        let mut book = Book::default();
        book.note(1, &noted(std::iter::empty()), 10);
        book.note(1, &noted((0..100).map(|number| format!("p{number}"))), 11);
        book.note(1, &noted(std::iter::once("p7".to_owned())), 12);
        assert_eq!(book.fields.len(), MOST_FIELDS + 1);
        let others = book.fields.iter().find(|(field, _)| field.rule == OTHERS).map(|(_, broken)| broken.count);
        assert_eq!(others, Some(100 - MOST_FIELDS as u64));
        let seventh = book.fields.iter().find(|(field, _)| field.name == "p7").map(|(_, broken)| broken).unwrap();
        assert_eq!((seventh.count, seventh.first, seventh.last), (2, 11, 12));
        let seen = book.seen[&(1, Side::Request)];
        assert_eq!((seen.checked, seen.unfit, seen.unchecked), (3, 2, 0));
    }
}
