//! The access state, compiled: keys by hash, leases by consumer and interface.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use jiff::Timestamp;
use selvage_model::access::{AccessState, EndAction, KeyHash, LiveGrant, Principal};
use selvage_model::exchange::Scope;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::served::{Served, index};
use crate::limit::Allowance;

/// A consumer's key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) consumer: u32,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) revoked: bool,
}

/// A live grant on one interface.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Its index in the snapshot.
    pub(crate) index: u32,
    /// The grant's id, which its limit's state is kept by.
    pub(crate) id: String,
    pub(crate) consumer: u32,
    pub(crate) served: u32,
    /// By operation of the interface: whether it is granted.
    pub(crate) operations: Box<[bool]>,
    pub(crate) scope: Scope,
    pub(crate) until: Option<Timestamp>,
    /// Whether it goes on after `until`, with an alarm.
    pub(crate) goes_on: bool,
    /// A person ended it.
    pub(crate) ended: bool,
    pub(crate) allowance: Option<Allowance>,
    /// The `RateLimit-Policy` header of its allowance.
    pub(crate) policy: Option<http::HeaderValue>,
}

impl Lease {
    pub(crate) fn includes(&self, operation: u32) -> bool {
        self.operations.get(operation as usize).copied().unwrap_or(false)
    }

    /// Whether its time is over.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it allows anything now. INVARIANT: FAIL-SAFE: time alone ends only what is not tier-1.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        !self.ended && (self.goes_on || !self.is_overdue(now))
    }
}

pub(super) struct Access {
    pub(super) keys: HashMap<KeyHash, Key, KeyHasher>,
    pub(super) operators: HashMap<KeyHash, Option<Timestamp>, KeyHasher>,
    pub(super) consumers: Vec<ConsumerName>,
    pub(super) leases: Vec<Lease>,
    pub(super) leases_of: HashMap<(u32, u32), Vec<u32>>,
}

pub(super) fn compile(state: &AccessState, served: &[Served]) -> Access {
    let mut access = Access {
        keys: HashMap::default(),
        operators: HashMap::default(),
        consumers: Vec::new(),
        leases: Vec::new(),
        leases_of: HashMap::default(),
    };
    let mut consumers = HashMap::new();
    for credential in &state.credentials {
        let Principal::Consumer(name) = &credential.principal else {
            if credential.revoked.is_none() {
                access.operators.insert(credential.hash, credential.expires);
            }
            continue;
        };
        let consumer = access.consumer(name, &mut consumers);
        let key = Key { consumer, expires: credential.expires, revoked: credential.revoked.is_some() };
        access.keys.insert(credential.hash, key);
    }
    let interfaces: HashMap<&InterfaceRef, u32> =
        served.iter().enumerate().map(|(place, served)| (&served.reference, index(place))).collect();
    for grant in &state.grants {
        // A grant on something that this snapshot does not serve opens nothing.
        let Some(place) = interfaces.get(&grant.interface) else { continue };
        let Some(served) = served.get(*place as usize) else { continue };
        let consumer = access.consumer(&grant.consumer, &mut consumers);
        let lease = lease(grant, served, *place, consumer, index(access.leases.len()));
        access.leases_of.entry((consumer, *place)).or_default().push(lease.index);
        access.leases.push(lease);
    }
    access
}

impl Access {
    fn consumer(&mut self, name: &ConsumerName, known: &mut HashMap<ConsumerName, u32>) -> u32 {
        *known.entry(name.clone()).or_insert_with(|| {
            self.consumers.push(name.clone());
            index(self.consumers.len() - 1)
        })
    }
}

fn lease(grant: &LiveGrant, served: &Served, place: u32, consumer: u32, index: u32) -> Lease {
    let terms = &grant.terms;
    let granted = |name: &str| terms.operations.iter().any(|operation| operation == name);
    let allowance = terms.rate.map(Allowance::of);
    Lease {
        index,
        id: grant.id.clone(),
        consumer,
        served: place,
        operations: served.operations.iter().map(|operation| granted(&operation.name)).collect(),
        scope: Scope { rows: terms.rows.clone(), except: terms.except.clone() },
        until: terms.until,
        goes_on: terms.on_end == EndAction::Alarm || served.tier_1,
        ended: grant.ended.is_some(),
        allowance,
        policy: allowance.and_then(|allowance| super::announce::rate_policy("grant", allowance)),
    }
}

/// Takes eight bytes of what is already a hash: SHA-256 needs no second one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstBytes(u64);

pub(crate) type KeyHasher = BuildHasherDefault<FirstBytes>;

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // Arrays announce their length first; it says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
