//! The access state, compiled: keys by hash, leases by consumer and interface.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;
use selvage_model::access::{Blocked, EndAction, KeyHash, LiveGrant, Principal};
use selvage_model::exchange::Scope;
use selvage_model::manifest::consumer::{Consumer, Identity};
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::{ConsumerName, IssuerName};
use selvage_model::scalar::Quota;

use super::declared::Declared;
use super::opened::{Ends, Opened};
use super::scope::{self, DirectScope};
use super::served::{Served, index};
use super::{SnapshotSource, mark};
use crate::condition::{Conditions, GrantCondition, HeldLast};
use crate::identify::key_hash;
use crate::limit::Allowance;
use crate::token::Issuers;

/// A consumer's key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its id.
    pub(crate) id: Box<str>,
    /// Its index in the snapshot.
    pub(crate) index: u32,
    pub(crate) consumer: u32,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) revoked: bool,
    /// It is a client's secret: it gets tokens, and opens nothing by itself.
    pub(crate) for_tokens: bool,
}

impl Key {
    /// INVARIANT: REVOKED-NOW: a revocation counts whatever this node's clock says.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked || self.expires.is_some_and(|expires| expires <= now)
    }
}

/// A live grant on one interface.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Its index in the snapshot.
    pub(crate) index: u32,
    /// What its counters and limits are known by.
    pub(crate) mark: u64,
    /// What it opens, for streams that outlive the snapshot.
    pub(crate) opened: Arc<Opened>,
    pub(crate) consumer: u32,
    pub(crate) served: u32,
    /// By operation of the interface: whether it is granted.
    pub(crate) operations: Box<[bool]>,
    /// What answers say of what is masked in them, where something is.
    pub(crate) masks: Option<Box<MaskHeaders>>,
    /// The scope of a direct interface, ready to be applied.
    pub(crate) direct: Option<Box<DirectScope>>,
    /// What stands for all of its scope, where its interface keeps answers: equal ones show the same.
    pub(crate) shows: Option<KeyHash>,
    pub(crate) purpose: Option<String>,
    pub(crate) until: Option<Timestamp>,
    /// Whether it goes on after `until`, with an alarm.
    pub(crate) goes_on: bool,
    /// A person ended it.
    pub(crate) ended: bool,
    pub(crate) allowance: Option<Allowance>,
    pub(crate) quota: Option<Quota>,
    /// The `RateLimit-Policy` header: every limit over a request.
    pub(crate) policy: Option<HeaderValue>,
    /// When its condition was found to hold last.
    pub(crate) held: HeldLast,
}

impl Lease {
    pub(crate) fn includes(&self, operation: u32) -> bool {
        self.operations.get(operation as usize).copied().unwrap_or(false)
    }

    /// Whether it has a limit of its own.
    pub(crate) fn is_limited(&self) -> bool {
        self.allowance.is_some() || self.quota.is_some()
    }

    /// The grant's id, which its limit's state is kept by.
    pub(crate) fn id(&self) -> &str {
        &self.opened.grant
    }

    /// What of the interface it opens.
    pub(crate) fn scope(&self) -> &Scope {
        &self.opened.scope
    }

    /// Under which condition it opens anything, where there is one.
    pub(crate) fn condition(&self) -> Option<&Arc<GrantCondition>> {
        self.opened.condition.as_ref()
    }

    /// When it ends by itself, where it does.
    pub(crate) fn ends(&self) -> Ends {
        self.until.filter(|_| !self.goes_on)
    }

    /// A digest of all that decides what it shows.
    fn digest(&self) -> KeyHash {
        key_hash(format!("{:?} {:?}", self.scope(), self.direct).as_bytes())
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

#[derive(Default)]
pub(super) struct Access {
    pub(super) keys: HashMap<KeyHash, Key, KeyHasher>,
    /// The ids of keys, by index.
    pub(super) key_ids: Vec<String>,
    pub(super) operators: HashMap<KeyHash, Option<Timestamp>, KeyHasher>,
    pub(super) issuers: Issuers,
    /// By the subject or an alternative name of a certificate.
    pub(super) certified: HashMap<Box<str>, u32>,
    /// Those that get tokens, by their ids.
    pub(super) keys_by_id: HashMap<Box<str>, KeyHash>,
    pub(super) consumers: Vec<ConsumerName>,
    pub(super) consumer_of: HashMap<ConsumerName, u32>,
    /// Why a consumer is blocked, by its index.
    pub(super) blocked: HashMap<u32, String>,
    pub(super) leases: Vec<Lease>,
    /// Those with a limit, and whether it is a quota.
    pub(super) limited: Vec<(u32, bool)>,
    pub(super) leases_of: HashMap<(u32, u32), Vec<u32>>,
}

pub(super) fn compile(source: &SnapshotSource<'_>, declared: &Declared) -> Access {
    let state = source.access;
    let mut access = Access {
        leases: Vec::with_capacity(state.grants.len()),
        leases_of: HashMap::with_capacity(state.grants.len()),
        ..Access::default()
    };
    let mut conditions = Conditions::default();
    access.take_keys(source);
    let mut identities: HashMap<&ConsumerName, Arc<str>> = HashMap::new();
    for block in &state.blocks {
        if let Blocked::Consumer(name) = &block.what {
            let consumer = access.consumer(name);
            access.blocked.insert(consumer, block.because.clone());
        }
    }
    for grant in &state.grants {
        // A grant on something that this snapshot does not serve opens nothing.
        let Some(served) = declared.named(&grant.interface) else { continue };
        let consumer = access.consumer(&grant.consumer);
        let identity = || identity(source.fabric.consumers.get(&grant.consumer));
        let identity = Arc::clone(identities.entry(&grant.consumer).or_insert_with(identity));
        let about = (identity, conditions.of(&grant.terms));
        let scope = Scope::on(&grant.terms, source.fabric, &grant.interface);
        let mut lease = lease(grant, about, (served, scope), (index(access.leases.len()), consumer));
        lease.direct = scope::compile(source.fabric, served, &grant.terms);
        lease.shows = served.cache.as_ref().map(|_| lease.digest());
        // A block ends them all for as long as it stands; that it is one is looked up when a request is refused.
        lease.ended |= access.blocked.contains_key(&consumer);
        access.leases_of.entry((consumer, served.index)).or_default().push(lease.index);
        if lease.is_limited() {
            access.limited.push((lease.index, lease.quota.is_some()));
        }
        access.leases.push(lease);
    }
    let issuers = Issuers::compile(source.fabric, source.environment, source.keys, |name| access.consumer(name));
    access.issuers = issuers;
    for consumer in source.fabric.consumers.values() {
        if let Identity::Mtls { subject } = &consumer.identity {
            let index = access.consumer(&consumer.name);
            access.certified.insert(Box::from(subject.value.as_str()), index);
        }
    }
    access
}

/// The consumers that Selvage gives tokens to in this environment.
fn clients<'a>(source: &SnapshotSource<'a>) -> HashSet<&'a ConsumerName> {
    let here = |name: &IssuerName| source.fabric.issuers.get(name)?.environment(source.environment);
    let is_client = |consumer: &&Consumer| match &consumer.identity {
        Identity::OAuth { issuer, .. } => here(&issuer.value).is_some_and(|here| here.signing.is_some()),
        _ => false,
    };
    source.fabric.consumers.values().filter(is_client).map(|consumer| &consumer.name).collect()
}

impl Access {
    /// The keys of consumers and of operators.
    fn take_keys(&mut self, source: &SnapshotSource<'_>) {
        let clients = clients(source);
        for credential in &source.access.credentials {
            let Principal::Consumer(name) = &credential.principal else {
                if credential.revoked.is_none() {
                    self.operators.insert(credential.hash, credential.expires);
                }
                continue;
            };
            let consumer = self.consumer(name);
            self.key_ids.push(credential.id.clone());
            let for_tokens = clients.contains(name);
            if for_tokens {
                self.keys_by_id.insert(Box::from(credential.id.as_str()), credential.hash);
            }
            let key = Key {
                id: if for_tokens { Box::from(credential.id.as_str()) } else { Box::default() },
                index: index(self.key_ids.len() - 1),
                consumer,
                expires: credential.ends(source.fabric.key_age(name, source.environment)),
                revoked: credential.revoked.is_some(),
                for_tokens,
            };
            self.keys.insert(credential.hash, key);
        }
    }

    fn consumer(&mut self, name: &ConsumerName) -> u32 {
        *self.consumer_of.entry(name.clone()).or_insert_with(|| {
            self.consumers.push(name.clone());
            index(self.consumers.len() - 1)
        })
    }
}

/// Whom a certificate or a token has to name. A key's own state is looked up where one proved somebody.
fn identity(consumer: Option<&Consumer>) -> Arc<str> {
    let Some(consumer) = consumer else { return Arc::default() };
    match (&consumer.identity, consumer.token_subject()) {
        (Identity::Mtls { subject }, _) => format!("certificate {}", subject.value).into(),
        (_, Some((issuer, subject))) => format!("token of {} {subject}", issuer.value).into(),
        _ => Arc::default(),
    }
}

fn lease(
    grant: &LiveGrant,
    (identity, condition): (Arc<str>, Option<Arc<GrantCondition>>),
    (served, scope): (&Served, Scope),
    (index, consumer): (u32, u32),
) -> Lease {
    let terms = &grant.terms;
    let masks = MaskHeaders::compile(&scope);
    let opened = Opened {
        interface: grant.interface.clone(),
        consumer: grant.consumer.clone(),
        identity,
        grant: grant.id.clone(),
        scope,
        unseen: scope::unseen(served, terms),
        condition,
        operations: Arc::clone(&served.operations),
    };
    let granted = |name: &str| terms.operations.iter().any(|operation| operation == name);
    let allowance = terms.rate.map(Allowance::of);
    let is_limited = allowance.is_some() || terms.quota.is_some();
    Lease {
        index,
        mark: mark::of((&grant.id, &grant.consumer, is_limited, served.mark)),
        opened: Arc::new(opened),
        consumer,
        served: served.index,
        operations: served.operations.iter().map(|operation| granted(&operation.name)).collect(),
        masks,
        direct: None,
        shows: None,
        purpose: terms.purpose.clone(),
        until: terms.until,
        goes_on: goes_on(terms.on_end, served.criticality),
        ended: grant.ended.is_some(),
        allowance,
        held: HeldLast::default(),
        quota: terms.quota,
        policy: super::announce::policy(&[
            ("grant", allowance.map(|rate| (rate.burst, rate.window))),
            ("grant-quota", terms.quota.map(super::announce::quota)),
            ("interface", served.rate.map(|rate| (rate.burst, rate.window))),
            ("quota", served.quota.map(super::announce::quota)),
        ]),
    }
}

/// Whether a lease goes on past its end, with an alarm. INVARIANT: FAIL-SAFE
fn goes_on(on_end: EndAction, criticality: Criticality) -> bool {
    match on_end {
        EndAction::Alarm => true,
        EndAction::End => criticality == Criticality::Tier1,
        EndAction::Cut => false,
    }
}

/// `Selvage-Masked` of an object by itself and in lists.
#[derive(Debug)]
pub(crate) struct MaskHeaders {
    one: HeaderValue,
    listed: HeaderValue,
}

impl MaskHeaders {
    /// That of a list, or of one.
    pub(crate) fn of(&self, listed: bool) -> &HeaderValue {
        if listed { &self.listed } else { &self.one }
    }

    fn compile(scope: &Scope) -> Option<Box<Self>> {
        let below = |above: &str| {
            let places: Vec<String> = scope.masked.iter().map(|masked| format!("{above}{}", masked.pointer)).collect();
            HeaderValue::try_from(places.join(", ")).ok()
        };
        // Names of attributes are words, so that they always stand in a header.
        let header = |above: &str| below(above).unwrap_or(HeaderValue::from_static("*"));
        (!scope.masked.is_empty()).then(|| Box::new(Self { one: header(""), listed: header("/items/*") }))
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
