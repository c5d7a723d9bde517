//! A snapshot in use: its interfaces and leases joined with their counters and limits, so that a request needs no
//! name. Made off the path when a snapshot is swapped in.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, StatusCode};
use selvage_model::code;

use crate::decide::Permit;
use crate::limit::{Allowance, InterfaceLimits, Limits, Meter, Place, Spent};
use crate::refusal::Refusal;
use crate::snapshot::{Lease, Served, Snapshot};
use crate::tally::{NOWHERE, Names, SeriesName, Shard};

/// What outlives every snapshot of a node.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) names: Names,
    pub(crate) limits: Limits,
    pub(crate) shards: Vec<Arc<Shard>>,
    epoch: Instant,
}

impl Books {
    pub(crate) fn new(threads: usize) -> Self {
        let shards = (0..threads).map(|_| Arc::new(Shard::new())).collect();
        Self { names: Names::default(), limits: Limits::default(), shards, epoch: Instant::now() }
    }

    /// Nanoseconds since the gateway's epoch.
    pub(crate) fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A snapshot in use.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) snapshot: Arc<Snapshot>,
    leases: Vec<LiveLease>,
    served: Vec<LiveInterface>,
}

#[derive(Debug)]
struct LiveLease {
    /// By operation.
    series: Box<[u32]>,
    meter: Option<Arc<Meter>>,
}

#[derive(Debug)]
struct LiveInterface {
    index: u32,
    /// By operation.
    operations: Box<[u32]>,
    limits: Arc<InterfaceLimits>,
}

/// What a request took.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Its place among the requests in hand.
    pub(crate) place: Option<Place>,
    /// What is left of a limit, for the `RateLimit` headers.
    pub(crate) left: Option<Left>,
}

/// What is left of a limit.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub(crate) name: &'static str,
    pub(crate) policy: Option<HeaderValue>,
    pub(crate) requests: u64,
    /// Seconds until all are back, or until the next one where none is left.
    pub(crate) seconds: u64,
}

impl Live {
    /// Joins a snapshot with the books.
    pub(crate) fn new(snapshot: Arc<Snapshot>, books: &Books) -> Self {
        let leases = snapshot.leases().iter().map(|lease| live_lease(&snapshot, lease, books)).collect();
        let served = snapshot.served().iter().map(|served| live_interface(served, books)).collect();
        Self { leases, served, snapshot }
    }

    /// The series of a permit.
    pub(crate) fn series(&self, permit: &Permit<'_>) -> u32 {
        let lease = self.leases.get(permit.lease.index as usize);
        lease.and_then(|lease| lease.series.get(permit.operation as usize)).copied().unwrap_or(NOWHERE)
    }

    /// The counters of an interface.
    pub(crate) fn interface(&self, served: &Served) -> u32 {
        self.served.get(served.index as usize).map_or(NOWHERE, |live| live.index)
    }

    /// The counters of an operation.
    pub(crate) fn operation(&self, permit: &Permit<'_>) -> u32 {
        let live = self.served.get(permit.served.index as usize);
        live.and_then(|live| live.operations.get(permit.operation as usize)).copied().unwrap_or(NOWHERE)
    }

    /// Takes from every limit that stands over a permit, or from none.
    pub(crate) fn take<'s>(&self, permit: &Permit<'s>, now: u64) -> Result<Taken, Box<Limited<'s>>> {
        let mut taken = Taken::default();
        let Some(live) = self.served.get(permit.served.index as usize) else { return Ok(taken) };
        let meter = self.leases.get(permit.lease.index as usize).and_then(|lease| lease.meter.as_deref());
        let grant = meter.zip(permit.lease.allowance);
        let rate = permit.served.rate.map(|allowance| (&live.limits.rate, allowance));
        let quota = permit.served.quota.map(|allowance| (&live.limits.quota, allowance));
        let mut spent: [Option<(&Meter, Allowance)>; 3] = [None; 3];
        // The grant first: who is over its own rate takes nothing of what all share.
        let grant_policy = &permit.lease.policy;
        let limits =
            [("grant", grant, grant_policy), ("interface", rate, &permit.served.rate_policy), ("quota", quota, &None)];
        for (place, (name, limit, policy)) in limits.into_iter().enumerate() {
            let Some((meter, allowance)) = limit else { continue };
            match meter.take(now, allowance) {
                Spent::Passed { left, full_after } => {
                    if let Some(spent) = spent.get_mut(place) {
                        *spent = Some((meter, allowance));
                    }
                    let left = Left { name, policy: policy.clone(), requests: left, seconds: ceil(full_after) };
                    taken.left.get_or_insert(left);
                }
                Spent::Wait(wait) => {
                    give_back(&spent);
                    let left = Left { name, policy: policy.clone(), requests: 0, seconds: ceil(wait).max(1) };
                    return Err(Box::new(Limited { refusal: too_many(permit, &left), left: Some(left) }));
                }
            }
        }
        if let Some(most) = permit.served.concurrency {
            taken.place = Place::take(&live.limits, most);
            if taken.place.is_none() {
                give_back(&spent);
                return Err(Box::new(Limited { refusal: busy(permit, most), left: None }));
            }
        }
        Ok(taken)
    }
}

/// A permitted request that a limit stops.
#[derive(Debug)]
pub(crate) struct Limited<'s> {
    pub(crate) refusal: Refusal<'s>,
    pub(crate) left: Option<Left>,
}

fn give_back(spent: &[Option<(&Meter, Allowance)>]) {
    for (meter, allowance) in spent.iter().flatten() {
        meter.give_back(*allowance);
    }
}

fn ceil(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn too_many<'s>(permit: &Permit<'s>, left: &Left) -> Refusal<'s> {
    let code = if left.name == "grant" { code::GRANT_RATE } else { code::INTERFACE_RATE };
    let detail = format!("the rate of this {} is used up; the next request passes in {} s", left.name, left.seconds);
    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
    refusal.problem.retry_after = Some(u32::try_from(left.seconds).unwrap_or(u32::MAX));
    refusal.at(permit.served, Some(permit.operation)).by(permit.consumer)
}

fn busy<'s>(permit: &Permit<'s>, most: u32) -> Refusal<'s> {
    let detail = format!("the interface has {most} requests in hand, as many as it bears");
    let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code::INTERFACE_BUSY, detail);
    refusal.problem.retry_after = Some(1);
    refusal.at(permit.served, Some(permit.operation)).by(permit.consumer)
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
        meter: lease.allowance.is_some().then(|| books.limits.grant(&lease.id)),
    }
}

fn live_interface(served: &Served, books: &Books) -> LiveInterface {
    let operations =
        served.operations.iter().map(|operation| books.names.operation(&served.reference, &operation.name));
    LiveInterface {
        index: books.names.interface(&served.reference),
        operations: operations.collect(),
        limits: books.limits.interface(&served.reference),
    }
}
