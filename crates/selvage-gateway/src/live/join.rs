//! Joins the leases and interfaces of a snapshot with their counters and limits. Nearly all are as they were in the snapshot before
//! and are taken from there: a look into the books costs far more than a comparison.

use crate::live::{Books, Live, LiveInterface, LiveLease};
use crate::snapshot::{Lease, Served, Snapshot};
use crate::tally::SeriesName;

/// What belongs to a snapshot's leases.
pub(super) fn leases(snapshot: &Snapshot, before: Option<&Live>, books: &Books) -> Vec<LiveLease> {
    let known = before.map_or_else(Vec::new, |before| before.snapshot.leases().iter().zip(&before.leases).collect());
    let same = |lease: &Lease, (old, _): &(&Lease, &LiveLease)| {
        before.is_some_and(|before| is_same_lease((snapshot, lease), (&before.snapshot, old)))
    };
    joined(snapshot.leases(), &known, same, |lease| live_lease(snapshot, lease, books))
}

/// What belongs to its interfaces.
pub(super) fn interfaces(snapshot: &Snapshot, before: Option<&Live>, books: &Books) -> Vec<LiveInterface> {
    let known = before.map_or_else(Vec::new, |before| before.snapshot.served().iter().zip(&before.served).collect());
    let same = |served: &Served, (old, _): &(&Served, &LiveInterface)| is_same_interface(served, old);
    joined(snapshot.served(), &known, same, |served| live_interface(served, books))
}

/// How many entries of the snapshot before are looked at for the next one of this: some came, some went, the order stays.
const AHEAD: usize = 8;

/// What belongs to each item: of the snapshot before, where it is the same there, or made anew.
fn joined<Item, Old: Copy, Joined: Clone>(
    items: &[Item],
    known: &[(Old, &Joined)],
    same: impl Fn(&Item, &(Old, &Joined)) -> bool,
    make: impl Fn(&Item) -> Joined,
) -> Vec<Joined> {
    let mut next = 0;
    let join = |item: &Item| {
        let ahead = known.get(next..).unwrap_or_default().iter().take(AHEAD);
        match ahead.enumerate().find(|(_, old)| same(item, old)) {
            Some((skipped, (_, joined))) => {
                next += skipped + 1;
                Joined::clone(joined)
            }
            None => make(item),
        }
    };
    items.iter().map(join).collect()
}

fn is_same_lease((snapshot, lease): (&Snapshot, &Lease), (before, old): (&Snapshot, &Lease)) -> bool {
    let is_limited = |lease: &Lease| lease.allowance.is_some() || lease.quota.is_some();
    lease.id() == old.id()
        && is_limited(lease) == is_limited(old)
        && snapshot.consumer(lease.consumer) == before.consumer(old.consumer)
        && match (snapshot.served().get(lease.served as usize), before.served().get(old.served as usize)) {
            (Some(served), Some(old)) => is_same_interface(served, old),
            _ => false,
        }
}

/// Whether all its counters are the same.
fn is_same_interface(served: &Served, old: &Served) -> bool {
    served.reference == old.reference
        && served.attributes == old.attributes
        && served.operations.iter().map(|operation| &operation.name).eq(old.operations.iter().map(|old| &old.name))
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
        let known: Vec<(u32, &u32)> = before.iter().copied().zip(&joined_before).collect();
        let cases: [(&str, Vec<u32>, usize); 6] = [
            ("the same", (0..20).collect(), 0),
            ("one came", (0..10).chain([99]).chain(10..20).collect(), 1),
            ("some went", (0..3).chain(8..20).collect(), 0),
            ("more went than is looked ahead", (0..3).chain(15..20).collect(), 5),
            ("another order", [3, 2, 1, 0].to_vec(), 3),
            ("none", Vec::new(), 0),
        ];
        for (case, items, anew) in cases {
            let made = Cell::new(0);
            let make = |item: &u32| {
                made.set(made.get() + 1);
                item * 10
            };
            let all = joined(&items, &known, |item, (old, _)| item == old, make);
            assert_eq!(all, items.iter().map(|item| item * 10).collect::<Vec<_>>(), "{case}");
            assert_eq!(made.get(), anew, "{case}");
        }
    }
}
