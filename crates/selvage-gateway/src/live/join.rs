//! Joins what a snapshot declares with its counters and limits.

use std::sync::Arc;

use crate::live::{Books, Live, LiveInterface, LiveLease, LiveUpstream};
use crate::snapshot::{Lease, Served, Snapshot, Upstream};
use crate::tally::SeriesName;

pub(super) fn lease(snapshot: &Snapshot, lease: &Lease, books: &Books) -> LiveLease {
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
        limits: lease.is_limited().then(|| books.limits.grant(lease.id())),
    }
}

pub(super) fn interface(served: &Served, books: &Books) -> LiveInterface {
    let operations =
        served.operations.iter().map(|operation| books.names.operation(&served.reference, &operation.name));
    LiveInterface {
        index: books.names.interface(&served.reference),
        operations: operations.collect(),
        attributes: served.attributes.iter().map(|name| books.names.attribute(name)).collect(),
        limits: books.limits.interface(&served.reference),
    }
}

pub(super) fn upstream(upstream: &Upstream, books: &Books) -> LiveUpstream {
    LiveUpstream {
        index: books.names.upstream(&upstream.system),
        state: books.limits.upstream(&upstream.system),
        rules: upstream.rules,
    }
}

/// Joins what was awake of the limits before, so that it is settled whether or not anybody asks again.
pub(super) fn awake(live: &Live, before: &Live) {
    for (index, _) in before.snapshot.limited_leases().iter().filter(|(index, _)| before.lease_is_awake(*index)) {
        let Some(old) = before.snapshot.leases().get(*index as usize) else { continue };
        let (Some(served), Some(consumer)) =
            (live.snapshot.named(&old.opened.interface), live.snapshot.consumer_named(&old.opened.consumer))
        else {
            continue;
        };
        let mut leases = live.snapshot.leases_of(consumer.0, served.index);
        leases.find(|lease| lease.id() == old.id()).and_then(|lease| live.lease(lease));
    }
    if Arc::ptr_eq(&live.served, &before.served) {
        return;
    }
    for (index, _) in before.snapshot.limited_interfaces().iter().filter(|(index, _)| before.interface_is_awake(*index))
    {
        let old = before.snapshot.served().get(*index as usize);
        old.and_then(|old| live.served(live.snapshot.named(&old.reference)?));
    }
}
