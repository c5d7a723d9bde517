//! A snapshot in use: its interfaces and leases joined with their counters and limits, so that a request needs no
//! name. Each is joined when it is used first, so that a snapshot of thousands is swapped in as fast as one of few.

mod join;
mod open;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use selvage_model::scalar::Quota;
use selvage_model::usage::Used;

use crate::admission::{Doors, Entered, UpstreamRules, UpstreamState};
use crate::budget::{Limited as LimitedBy, Shared};
use crate::cache::{Cache, Caches};
use crate::config::Sharing;
use crate::decide::Permit;
use crate::limit::{Allowance, GrantLimits, InterfaceLimits, Limits, Meter, Spent};
use crate::precedence::Pace;
use crate::quota::{Counted, Counter, CountsIn};
use crate::refusal::Refusal;
use crate::snapshot::{Kind, Lease, Served, Snapshot};
use crate::tally::{NOWHERE, Names, Shard, Slab};
use crate::token::TokenCounts;

/// What outlives every snapshot of a node.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) names: Names,
    pub(crate) limits: Limits,
    pub(crate) caches: Caches,
    pub(crate) shards: Vec<Arc<Shard>>,
    pub(crate) tokens: TokenCounts,
    epoch: Instant,
    /// Until when this node knows that it heard every change of the access state; nanoseconds of the epoch.
    heard_until: AtomicU64,
}

impl Books {
    pub(crate) fn new(threads: usize, sharing: Sharing, max_kept: u64) -> Self {
        let shards = (0..threads).map(|_| Arc::new(Shard::new())).collect();
        Self {
            names: Names::default(),
            limits: Limits::new(sharing),
            caches: Caches::new(max_kept),
            shards,
            tokens: TokenCounts::default(),
            epoch: Instant::now(),
            heard_until: AtomicU64::new(u64::MAX),
        }
    }

    /// When grants and keys were used last, in seconds since 1970.
    pub(crate) fn last_used(&self) -> Vec<(Used, i64)> {
        let newest = |slab: fn(&Shard) -> &Slab<AtomicU64>, index: u32| {
            let seen = self.shards.iter().filter_map(|shard| slab(shard).seen(index));
            seen.map(|last| last.load(Ordering::Relaxed)).max().filter(|last| *last > 0)
        };
        let second = |second: u64| i64::try_from(second).unwrap_or(i64::MAX);
        let mut used = Vec::new();
        for (index, id) in (0..).zip(self.names.all_grants()) {
            used.extend(newest(|shard| &shard.grants, index).map(|at| (Used::Grant(id), second(at))));
        }
        for (index, id) in (0..).zip(self.names.all_keys()) {
            used.extend(newest(|shard| &shard.keys, index).map(|at| (Used::Key(id), second(at))));
        }
        used
    }

    /// Takes note that every change of the access state is heard until then.
    pub(crate) fn heard(&self, until: Instant) {
        self.heard_until.store(self.nanos(until), Ordering::Relaxed);
    }

    /// For how long, in nanoseconds, changes of the access state may have been missed.
    pub(crate) fn deaf(&self, now: u64) -> u64 {
        now.saturating_sub(self.heard_until.load(Ordering::Relaxed))
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
    books: Arc<Books>,
    /// By key of the snapshot.
    keys: Joined<u32>,
    leases: Joined<LiveLease>,
    /// Shared by the snapshots of one release.
    served: Arc<Joined<LiveInterface>>,
    upstreams: Arc<[LiveUpstream]>,
    /// By interface, of those that keep answers.
    caches: HashMap<u32, Arc<Cache>>,
    /// No store keeps the quotas.
    alone: bool,
    cut_off: Arc<AtomicBool>,
}

/// What belongs to each item of a snapshot, joined at its first use.
type Joined<T> = Slab<OnceLock<T>>;

#[derive(Debug)]
struct LiveLease {
    /// By operation.
    series: Box<[u32]>,
    /// The grant's index among those that were ever used.
    grant: u32,
    limits: Option<Arc<GrantLimits>>,
}

#[derive(Debug)]
struct LiveInterface {
    index: u32,
    /// By operation.
    operations: Box<[u32]>,
    /// By attribute of its object.
    attributes: Box<[u32]>,
    limits: Arc<InterfaceLimits>,
}

#[derive(Clone, Debug)]
struct LiveUpstream {
    /// Of its counters.
    index: u32,
    state: Arc<UpstreamState>,
    rules: UpstreamRules,
}

/// What a request took.
#[derive(Default)]
pub(crate) struct Taken<'s> {
    /// Its places among the requests in hand, and its way past the breaker.
    pub(crate) entered: Entered,
    /// It has to wait for them.
    pub(crate) queued: Option<Box<Queued<'s>>>,
    /// What is left of a limit, for the `RateLimit` headers.
    pub(crate) left: Option<Left>,
}

/// A request that waits for its places, with what it took of the limits meanwhile.
pub(crate) struct Queued<'l> {
    doors: Doors<'l>,
    spent: Spent4<'l>,
}

type Spent4<'l> = [Option<Owed<'l>>; 4];

impl Queued<'_> {
    /// Without waiting, where nothing is shut.
    pub(crate) fn enter_now(&self, now: u64) -> Option<Entered> {
        self.doors.enter(now).ok()
    }

    /// Waits; what is refused gives back what it took.
    pub(crate) async fn enter(self, now: impl Fn() -> u64) -> Result<Entered, Problem> {
        self.doors.enter_in_turn(&now).await.map_err(|shut| {
            give_back(&self.spent, now());
            shut.problem()
        })
    }
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
    /// A snapshot with the books that it is joined with. What is awake of the limits before stays so. Its answers are kept from
    /// [`Self::takes_over`] on.
    pub(crate) fn new(snapshot: Arc<Snapshot>, before: Option<&Self>, books: &Arc<Books>) -> Self {
        let same = before.filter(|before| before.snapshot.declares_the_same(&snapshot));
        let (served, upstreams) = match same {
            Some(before) => (Arc::clone(&before.served), Arc::clone(&before.upstreams)),
            None => {
                let upstreams = snapshot.upstreams().iter().map(|upstream| join::upstream(upstream, books));
                (Arc::new(Slab::with_room(snapshot.served().len())), upstreams.collect())
            }
        };
        let live = Self {
            keys: Slab::with_room(snapshot.key_ids().len()),
            leases: Slab::with_room(snapshot.leases().len()),
            served,
            upstreams,
            caches: HashMap::new(),
            alone: books.limits.sharing == Sharing::None,
            cut_off: Arc::clone(&books.limits.cut_off),
            books: Arc::clone(books),
            snapshot,
        };
        if let Some(before) = before {
            join::awake(&live, before);
        }
        live
    }

    /// Takes the kept answers over from the snapshot before, and forgets those that it does not keep.
    pub(crate) fn takes_over(mut self) -> Self {
        self.caches = self.books.caches.renew(&self.snapshot);
        self
    }

    /// Takes its snapshot apart in steps, where nobody else has it: it may be large.
    pub(crate) fn take_apart(self) {
        if let Some(snapshot) = Arc::into_inner(self.snapshot) {
            snapshot.take_apart(&Pace::begin(true));
        }
    }

    /// What belongs to a lease of the snapshot.
    fn lease(&self, lease: &Lease) -> Option<&LiveLease> {
        Some(self.leases.at(lease.index)?.get_or_init(|| join::lease(&self.snapshot, lease, &self.books)))
    }

    /// What belongs to an interface of the snapshot.
    fn served(&self, served: &Served) -> Option<&LiveInterface> {
        Some(self.served.at(served.index)?.get_or_init(|| join::interface(served, &self.books)))
    }

    /// Joins an interface before anybody asks for it.
    pub(crate) fn know(&self, interface: &InterfaceRef) {
        self.snapshot.named(interface).and_then(|served| self.served(served));
    }

    fn key(&self, index: u32) -> Option<u32> {
        let id = self.snapshot.key_ids().get(index as usize)?;
        Some(*self.keys.at(index)?.get_or_init(|| self.books.names.key(id)))
    }

    /// The series of a permit.
    pub(crate) fn series(&self, permit: &Permit<'_>) -> u32 {
        let lease = self.lease(permit.lease);
        lease.and_then(|lease| lease.series.get(permit.operation as usize)).copied().unwrap_or(NOWHERE)
    }

    /// The grant and the key that a permit goes by, for their last use.
    pub(crate) fn proofs(&self, permit: &Permit<'_>) -> (u32, u32) {
        let grant = self.lease(permit.lease).map_or(NOWHERE, |lease| lease.grant);
        (grant, permit.credential.and_then(|index| self.key(index)).unwrap_or(NOWHERE))
    }

    /// The index of an attribute of a served object; [`NOWHERE`] for the whole.
    pub(crate) fn attribute(&self, served: &Served, place: Option<usize>) -> u32 {
        let live = self.served(served);
        place.and_then(|place| live?.attributes.get(place)).copied().unwrap_or(NOWHERE)
    }

    /// The counters of an interface.
    pub(crate) fn interface(&self, served: &Served) -> u32 {
        self.served(served).map_or(NOWHERE, |live| live.index)
    }

    /// The counters of an operation.
    pub(crate) fn operation(&self, permit: &Permit<'_>) -> u32 {
        let live = self.served(permit.served);
        live.and_then(|live| live.operations.get(permit.operation as usize)).copied().unwrap_or(NOWHERE)
    }

    /// The kept answers of an interface, where it keeps any.
    pub(crate) fn cache(&self, served: &Served) -> Option<&Cache> {
        self.caches.get(&served.index).map(Arc::as_ref)
    }

    /// The counters of an upstream.
    pub(crate) fn upstream(&self, upstream: u32) -> u32 {
        self.upstreams.get(upstream as usize).map_or(NOWHERE, |live| live.index)
    }

    fn doors<'l>(&'l self, served: &Served, live: &'l LiveInterface) -> Doors<'l> {
        let upstream = match served.kind {
            Kind::Direct(index) => self.upstreams.get(index as usize),
            Kind::Mediated | Kind::Events => None,
        };
        Doors {
            criticality: served.criticality,
            interface: served.room.map(|room| (&live.limits.gate, room)),
            upstream: upstream.map(|upstream| (&upstream.state, upstream.rules)),
        }
    }

    /// The places that a request needs which goes out a second time; of limits it takes nothing more.
    pub(crate) fn queue_again<'s>(&'s self, permit: &Permit<'s>) -> Option<Box<Queued<'s>>> {
        let live = self.served(permit.served)?;
        Some(Box::new(Queued { doors: self.doors(permit.served, live), spent: [None; 4] }))
    }

    /// Whether nodes may share any limit that is declared; of all, or of the quotas alone.
    pub(crate) fn has_shared(&self, quotas_alone: bool) -> bool {
        let mut limited = self.snapshot.limited_leases().iter().chain(self.snapshot.limited_interfaces());
        limited.any(|(_, is_quota)| *is_quota || !quotas_alone)
    }

    /// Every limit that nodes may share, with its state.
    pub(crate) fn shared(&self) -> impl Iterator<Item = Shared<'_>> {
        self.shared_of(true)
    }

    /// The quotas, and the rates that there may be something to settle about: there may be thousands that nobody meets.
    pub(crate) fn awake(&self) -> impl Iterator<Item = Shared<'_>> {
        self.shared_of(false)
    }

    /// What can be said of them without looking at what declares them comes first.
    fn shared_of(&self, all: bool) -> impl Iterator<Item = Shared<'_>> {
        let grants = self.snapshot.limited_leases().iter().filter_map(move |(index, is_quota)| {
            if !all && !is_quota && !self.lease_is_awake(*index) {
                return None;
            }
            let lease = self.snapshot.leases().get(*index as usize)?;
            let limits = self.lease(lease)?.limits.as_ref()?;
            let served = self.snapshot.served().get(lease.served as usize)?;
            let (rate, quota, refuses) = (lease.allowance, lease.quota, served.refuses_cut_off);
            let limits = LimitedBy::Grant(Arc::clone(limits));
            let is_delivered = matches!(served.kind, Kind::Events);
            Some(Shared { name: &lease.opened.grant, limits, rate, quota, refuses, is_delivered })
        });
        let interfaces = self.snapshot.limited_interfaces().iter().filter_map(move |(index, is_quota)| {
            if !all && !is_quota && !self.interface_is_awake(*index) {
                return None;
            }
            let served = self.snapshot.served().get(*index as usize)?;
            Some(Shared {
                name: &served.reference,
                limits: LimitedBy::Interface(Arc::clone(&self.served(served)?.limits)),
                rate: served.rate,
                quota: served.quota,
                refuses: served.refuses_cut_off,
                // They have the limits of grants alone.
                is_delivered: false,
            })
        });
        grants.chain(interfaces)
    }

    /// Whether there may be something to settle about the rate of a lease: of what nobody used there is not.
    fn lease_is_awake(&self, index: u32) -> bool {
        let lease = self.leases.seen(index).and_then(OnceLock::get);
        lease.and_then(|lease| lease.limits.as_ref()).is_some_and(|limits| limits.rate.is_awake())
    }

    fn interface_is_awake(&self, index: u32) -> bool {
        self.served.seen(index).and_then(OnceLock::get).is_some_and(|live| live.limits.rate.is_awake())
    }

    /// Takes from every limit that stands over a permit, or from none.
    pub(crate) fn take<'s>(&'s self, permit: &Permit<'s>, now: Now) -> Result<Taken<'s>, Box<Limited<'s>>> {
        let mut taken = Taken::default();
        let Some(live) = self.served(permit.served) else { return Ok(taken) };
        let (served, lease) = (permit.served, permit.lease);
        let grant = self.lease(lease).and_then(|lease| lease.limits.as_deref());
        let rate = |meter, allowance| Limit::Rate(meter, allowance);
        let quota = |counter, quota| Limit::Quota(counter, quota);
        // The grant first: who is over its own limits takes nothing of what all share.
        let limits = [
            ("grant", grant.zip(lease.allowance).map(|(grant, of)| rate(&grant.rate, of))),
            ("grant-quota", grant.zip(lease.quota).map(|(grant, of)| quota(&grant.quota, of))),
            ("interface", served.rate.map(|of| rate(&live.limits.rate, of))),
            ("quota", served.quota.map(|of| quota(&live.limits.quota, of))),
        ];
        let mut spent: Spent4<'_> = [None; 4];
        for (place, (name, limit)) in limits.into_iter().enumerate() {
            let Some(limit) = limit else { continue };
            match limit.take(now, self.alone) {
                Ok((owed, requests, seconds)) => {
                    if let Some(spent) = spent.get_mut(place) {
                        *spent = Some(owed);
                    }
                    // The limit that ends first is told.
                    if taken.left.as_ref().is_none_or(|left| requests < left.requests) {
                        taken.left = Some(Left { name, policy: lease.policy.clone(), requests, seconds });
                    }
                }
                Err(seconds) => {
                    give_back(&spent, now.nanos);
                    let left = Left { name, policy: lease.policy.clone(), requests: 0, seconds };
                    let cut_off = served.refuses_cut_off && self.cut_off.load(Ordering::Relaxed);
                    let refusal = if cut_off { no_store(permit) } else { too_many(permit, &left) };
                    return Err(Box::new(Limited { refusal, left: Some(left) }));
                }
            }
        }
        let doors = self.doors(served, live);
        if served.cache.is_some() {
            // What is kept needs no place: whoever is given nothing of it takes one then.
            taken.queued = Some(Box::new(Queued { doors, spent }));
            return Ok(taken);
        }
        match doors.enter(now.nanos) {
            Ok(entered) => taken.entered = entered,
            Err((_, wait)) if !wait.is_zero() => taken.queued = Some(Box::new(Queued { doors, spent })),
            Err((shut, _)) => {
                give_back(&spent, now.nanos);
                let refusal = Refusal::of(shut.problem()).at(served, Some(permit.operation)).by(permit.consumer);
                return Err(Box::new(Limited { refusal, left: None }));
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

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Nanoseconds after the gateway's epoch.
    pub(crate) nanos: u64,
    /// The time of day, which quotas go by.
    pub(crate) wall: Timestamp,
}

/// One limit over a request, with its state.
#[derive(Clone, Copy)]
enum Limit<'l> {
    Rate(&'l Meter, Allowance),
    Quota(&'l Counter, Quota),
}

/// What one limit gave to a request, so that it can be given back.
#[derive(Clone, Copy)]
enum Owed<'l> {
    Rate { meter: &'l Meter, allowance: Allowance, paid_at: u64 },
    Quota(&'l Counter, CountsIn),
}

impl<'l> Limit<'l> {
    /// What was taken, how many are left and for how many seconds; or how many seconds to wait.
    fn take(self, now: Now, alone: bool) -> Result<(Owed<'l>, u64, u64), u64> {
        match self {
            Self::Rate(meter, allowance) => match meter.take(now.nanos, allowance) {
                Spent::Passed { left, full_after, paid_at } => {
                    Ok((Owed::Rate { meter, allowance, paid_at }, left, ceil(full_after)))
                }
                Spent::Wait(wait) => Err(ceil(wait).max(1)),
            },
            Self::Quota(counter, quota) => match counter.take(now.wall, quota, alone) {
                Counted::Passed { left, seconds, counts_in } => Ok((Owed::Quota(counter, counts_in), left, seconds)),
                Counted::Over { seconds } => Err(seconds),
            },
        }
    }
}

fn give_back(spent: &[Option<Owed<'_>>], now: u64) {
    for owed in spent.iter().flatten() {
        match owed {
            Owed::Rate { meter, allowance, paid_at } => meter.give_back(now, *allowance, *paid_at),
            Owed::Quota(counter, counts_in) => counter.give_back(*counts_in),
        }
    }
}

fn ceil(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn too_many<'s>(permit: &Permit<'s>, left: &Left) -> Refusal<'s> {
    let (code, what) = match left.name {
        "grant" => (code::GRANT_RATE, "rate of this grant"),
        "grant-quota" => (code::GRANT_QUOTA, "quota of this grant"),
        "interface" => (code::INTERFACE_RATE, "rate of this interface"),
        _ => (code::INTERFACE_RATE, "quota of this interface"),
    };
    let detail = format!("the {what} is used up; the next request passes in {} s", left.seconds);
    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
    refusal.problem.retry_after = Some(u32::try_from(left.seconds).unwrap_or(u32::MAX));
    refusal.at(permit.served, Some(permit.operation)).by(permit.consumer)
}

fn no_store<'s>(permit: &Permit<'s>) -> Refusal<'s> {
    let detail =
        "this node cannot reach the store that its limits are shared out from, and the interface says to refuse";
    let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code::LIMIT_CUT_OFF, detail);
    refusal.problem.retry_after = Some(1);
    refusal.at(permit.served, Some(permit.operation)).by(permit.consumer)
}
