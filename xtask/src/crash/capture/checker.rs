//! Judges what a capture told by what its system has: replayed onto an empty table, the events are its records. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// An event, as a consumer was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: String,
    /// The record.
    pub(super) subject: String,
    pub(super) fact: Fact,
    /// When it was written.
    pub(super) time: String,
    /// The object, as text.
    pub(super) data: String,
    pub(super) code: String,
    pub(super) name: String,
}

/// What was told of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Created,
    Changed,
    Deleted,
}

/// Code and name of each record.
pub(super) type Table = BTreeMap<String, (String, String)>;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Broken {
    /// The record stands otherwise than was told last.
    Lost(String),
    /// It was told twice.
    Doubled(String),
    /// It was told before something that happened earlier.
    Reordered(String),
}

/// What the events say that there is.
pub(super) fn replayed(events: &[Told]) -> Table {
    let mut table = Table::new();
    for event in events {
        match event.fact {
            Fact::Deleted => drop(table.remove(&event.subject)),
            Fact::Created | Fact::Changed => {
                table.insert(event.subject.clone(), (event.code.clone(), event.name.clone()));
            }
        }
    }
    table
}

/// Everything that was broken.
pub(super) fn check(events: &[Told], records: &Table) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut ids = BTreeSet::new();
    let mut last: BTreeMap<&str, &Told> = BTreeMap::new();
    for event in events {
        if !ids.insert(&event.id) {
            broken.push(Broken::Doubled(format!("{} is told at two places", event.id)));
            continue;
        }
        let before = last.insert(&event.subject, event);
        broken.extend(follows(before, event));
    }
    let table = replayed(events);
    for subject in table.keys().chain(records.keys()).collect::<BTreeSet<_>>() {
        let (told, stands) = (table.get(subject), records.get(subject));
        if told != stands {
            broken.push(Broken::Lost(format!("{subject} is {stands:?}, and was told as {told:?}")));
        }
    }
    broken
}

/// What is wrong with an event behind the one before it of the same record.
fn follows(before: Option<&Told>, event: &Told) -> Option<Broken> {
    let subject = &event.subject;
    let exists = before.is_some_and(|before| before.fact != Fact::Deleted);
    if (event.fact == Fact::Created) == exists {
        let what = format!("{subject} is {:?} while it {}", event.fact, if exists { "is there" } else { "is not" });
        return Some(Broken::Reordered(what));
    }
    let before = before?;
    if event.fact == Fact::Changed && before.data == event.data {
        return Some(Broken::Doubled(format!("{subject} is told again as it was")));
    }
    (before.time > event.time).then(|| Broken::Reordered(format!("{subject}: {} behind {}", event.time, before.time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str, fact: Fact, time: &str, name: &str) -> Told {
        let text = str::to_owned;
        let (subject, code) = (text("odoo-1"), text("CAP-1"));
        Told { id: text(id), subject, fact, time: text(time), data: text(name), code, name: text(name) }
    }

    #[test]
    fn each_broken_promise_is_named() {
        let good = [told("a", Fact::Created, "1", "x"), told("b", Fact::Changed, "2", "y")];
        let records = Table::from([("odoo-1".to_owned(), ("CAP-1".to_owned(), "y".to_owned()))]);
        assert_eq!(check(&good, &records), []);
        let only = |broken: &[Broken], kind: fn(&Broken) -> bool| broken.iter().any(kind);
        assert!(only(&check(&good[..1], &records), |broken| matches!(broken, Broken::Lost(_))));
        assert!(only(&check(&[], &records), |broken| matches!(broken, Broken::Lost(_))));
        assert!(only(&check(&good, &Table::new()), |broken| matches!(broken, Broken::Lost(_))));
        let twice = [&good[..], &good[1..]].concat();
        assert!(only(&check(&twice, &records), |broken| matches!(broken, Broken::Doubled(_))));
        let again = [&good[..], &[told("c", Fact::Changed, "2", "y")]].concat();
        assert!(only(&check(&again, &records), |broken| matches!(broken, Broken::Doubled(_))));
        let turned = [good[1].clone(), good[0].clone()];
        assert!(only(&check(&turned, &records), |broken| matches!(broken, Broken::Reordered(_))));
        let early = [&good[..], &[told("c", Fact::Changed, "1", "z")]].concat();
        assert!(only(&check(&early, &records), |broken| matches!(broken, Broken::Reordered(_))));
    }
}
