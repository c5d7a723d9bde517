//! Joins the leases and interfaces of a snapshot with their counters and limits. Nearly all are as they were in the snapshot before
//! and are taken from there: a look into the books costs far more than a comparison.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use crate::live::{Books, Live, LiveInterface, LiveLease, LiveUpstream};
use crate::precedence::Pace;
use crate::snapshot::{Lease, Served, Snapshot, Upstream};
use crate::tally::SeriesName;

/// What belongs to a snapshot's leases.
pub(super) fn leases(snapshot: &Snapshot, before: Option<&Live>, (books, pace): (&Books, &Pace)) -> Vec<LiveLease> {
    let known = before.map_or_else(Vec::new, |before| before.snapshot.leases().iter().zip(&before.leases).collect());
    let same = |lease: &Lease, old: &Lease| lease.mark == old.mark;
    joined(snapshot.leases(), &known, |lease| lease.mark, same, (|lease| live_lease(snapshot, lease, books), pace))
}

/// What belongs to its interfaces: that of the snapshot before, where it is of the same release.
pub(super) fn interfaces(
    snapshot: &Snapshot,
    before: Option<&Live>,
    (books, pace): (&Books, &Pace),
) -> Arc<[LiveInterface]> {
    if let Some(before) = before.filter(|before| before.snapshot.declares_the_same(snapshot)) {
        return Arc::clone(&before.served);
    }
    let known =
        before.map_or_else(Vec::new, |before| before.snapshot.served().iter().zip(before.served.iter()).collect());
    let same = |served: &Served, old: &Served| served.mark == old.mark;
    joined(snapshot.served(), &known, |served| served.mark, same, (|served| live_interface(served, books), pace)).into()
}

/// What belongs to its upstreams.
pub(super) fn upstreams(
    snapshot: &Snapshot,
    before: Option<&Live>,
    (books, pace): (&Books, &Pace),
) -> Arc<[LiveUpstream]> {
    if let Some(before) = before.filter(|before| before.snapshot.declares_the_same(snapshot)) {
        return Arc::clone(&before.upstreams);
    }
    let known = before
        .map_or_else(Vec::new, |before| before.snapshot.upstreams().iter().zip(before.upstreams.iter()).collect());
    let same = |upstream: &Upstream, old: &Upstream| upstream.system == old.system;
    let make = |upstream: &Upstream| LiveUpstream {
        index: books.names.upstream(&upstream.system),
        state: books.limits.upstream(&upstream.system),
        rules: upstream.rules,
    };
    let mut all = joined(snapshot.upstreams(), &known, |upstream| &upstream.system, same, (make, pace));
    for (live, upstream) in all.iter_mut().zip(snapshot.upstreams()) {
        live.rules = upstream.rules;
    }
    all.into()
}

/// What belongs to its keys.
pub(super) fn keys(snapshot: &Snapshot, before: Option<&Live>, (books, pace): (&Books, &Pace)) -> Vec<u32> {
    let known = before.map_or_else(Vec::new, |before| before.snapshot.key_ids().iter().zip(&before.keys).collect());
    let same = |id: &String, old: &String| id == old;
    joined(snapshot.key_ids(), &known, String::as_str, same, (|id| books.names.key(id), pace))
}

/// How many entries of the snapshot before are looked at for the next one of this: some came, some went, the order stays.
const AHEAD: usize = 8;

/// What belongs to each item: of the snapshot before, where it is the same there, or made anew. What stands far from where
/// it stood is looked for by its name, and the next beside it.
fn joined<'i, Item, Joined: Clone, Name: Hash + Eq>(
    items: &'i [Item],
    known: &[(&'i Item, &Joined)],
    name: impl Fn(&'i Item) -> Name,
    same: impl Fn(&Item, &Item) -> bool,
    (make, pace): (impl Fn(&Item) -> Joined, &Pace),
) -> Vec<Joined> {
    let (mut next, mut places) = (0, None::<HashMap<Name, usize>>);
    let by_name =
        || -> HashMap<Name, usize> { known.iter().enumerate().map(|(place, &(old, _))| (name(old), place)).collect() };
    let join = |(at, item): (usize, &'i Item)| {
        pace.step();
        let near = known.iter().enumerate().skip(next).take(AHEAD).find(|(_, (old, _))| same(item, old));
        let found = near.or_else(|| {
            // It came, where the one behind it is the next that was known: to look for it everywhere costs more than to make it.
            let came = items.get(at + 1).zip(known.get(next)).is_some_and(|(behind, (old, _))| same(behind, old));
            if came {
                return None;
            }
            let place = *places.get_or_insert_with(by_name).get(&name(item))?;
            known.get(place).filter(|(old, _)| same(item, old)).map(|old| (place, old))
        });
        match found {
            Some((place, (_, joined))) => {
                next = place + 1;
                Joined::clone(joined)
            }
            None => make(item),
        }
    };
    items.iter().enumerate().map(join).collect()
}

fn live_lease(snapshot: &Snapshot, lease: &Lease, books: &Books) -> LiveLease {
    let served = snapshot.served().get(lease.served as usize);
    let series = served.map(|served| {
        let series = served.operations.iter().map(|operation| {
            books.names.series(SeriesName {
                interface: served.reference.clone(),
                consumer: snapshot.consumer(lease.consumer).cloned(),
                operation: operation.name.clone(),
            })
        });
        series.collect()
    });
    LiveLease {
        series: series.unwrap_or_default(),
        grant: books.names.grant(lease.id()),
        limits: (lease.allowance.is_some() || lease.quota.is_some()).then(|| books.limits.grant(lease.id())),
    }
}

fn live_interface(served: &Served, books: &Books) -> LiveInterface {
    let operations =
        served.operations.iter().map(|operation| books.names.operation(&served.reference, &operation.name));
    LiveInterface {
        index: books.names.interface(&served.reference),
        operations: operations.collect(),
        attributes: served.attributes.iter().map(|name| books.names.attribute(name)).collect(),
        limits: books.limits.interface(&served.reference),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_was_joined_before_is_found_again() {
        let before: Vec<u32> = (0..20).collect();
        let joined_before: Vec<u32> = before.iter().map(|number| number * 10).collect();
        let known: Vec<(&u32, &u32)> = before.iter().zip(&joined_before).collect();
        let cases: [(&str, Vec<u32>, usize); 7] = [
            ("the same", (0..20).collect(), 0),
            ("one came", (0..10).chain([99]).chain(10..20).collect(), 1),
            ("some went", (0..3).chain(8..20).collect(), 0),
            ("more went than is looked ahead", (0..3).chain(15..20).collect(), 0),
            ("more came than is looked ahead", (0..3).chain(30..50).chain(3..20).collect(), 20),
            ("another order", [3, 2, 1, 0].to_vec(), 0),
            ("none", Vec::new(), 0),
        ];
        for (case, items, anew) in cases {
            let made = Cell::new(0);
            let make = |item: &u32| {
                made.set(made.get() + 1);
                item * 10
            };
            let all = joined(&items, &known, |item| *item, |item, old| item == old, (make, &Pace::begin(false)));
            assert_eq!(all, items.iter().map(|item| item * 10).collect::<Vec<_>>(), "{case}");
            assert_eq!(made.get(), anew, "{case}");
        }
    }
}
