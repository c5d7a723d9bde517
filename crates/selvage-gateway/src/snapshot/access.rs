//! The access state, compiled: keys by hash, leases by consumer and interface.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use jiff::Timestamp;
use selvage_model::access::{Blocked, EndAction, GrantTerms, KeyHash, LiveGrant, Principal};
use selvage_model::exchange::Scope;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::{Consumer, Identity};
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::{ConsumerName, IssuerName};
use selvage_model::scalar::Quota;

use super::SnapshotSource;
use super::declared::Declared;
use super::opened::{Ends, Opened};
use super::scope::{self, DirectScope};
use super::served::{Served, index};
use crate::condition::{Conditions, GrantCondition, HeldLast};
use crate::identify::key_hash;
use crate::limit::Allowance;
use crate::precedence::Pace;
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

/// Whose a valid key of an operator is.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) person: Box<str>,
    pub(crate) expires: Option<Timestamp>,
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
    pub(crate) consumer: u32,
    /// A person ended it.
    pub(crate) ended: bool,
    /// When its condition was found to hold last.
    pub(crate) held: HeldLast,
    granted: Arc<Granted>,
}

impl Deref for Lease {
    type Target = Granted;

    fn deref(&self) -> &Granted {
        &self.granted
    }
}

/// What a grant comes to by its terms, of what is declared: the same in all access states of a release in which the terms are the same.
#[derive(Debug)]
pub(crate) struct Granted {
    /// What it opens, for streams that outlive the snapshot.
    pub(crate) opened: Arc<Opened>,
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
    pub(crate) allowance: Option<Allowance>,
    pub(crate) quota: Option<Quota>,
    /// The `RateLimit-Policy` header: every limit over a request.
    pub(crate) policy: Option<HeaderValue>,
}

impl Granted {
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
}

impl Lease {
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
    pub(super) operators: HashMap<KeyHash, Operator, KeyHasher>,
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
    access.take_keys(source);
    for block in &state.blocks {
        if let Blocked::Consumer(name) = &block.what {
            let consumer = access.consumer(name);
            access.blocked.insert(consumer, block.because.clone());
        }
    }
    let mut granting = Granting::new(source.fabric, declared);
    // INVARIANT: DECLARED: what another environment's release asks for opens nothing here.
    for grant in state.grants_in(source.environment) {
        // A grant on something that this snapshot does not serve opens nothing.
        let Some(served) = declared.named(&grant.interface) else { continue };
        let consumer = access.consumer(&grant.consumer);
        // A block ends them all for as long as it stands; that it is one is looked up when a request is refused.
        let ended = grant.ended.is_some() || access.blocked.contains_key(&consumer);
        let (index, granted) = (index(access.leases.len()), granting.of(grant, served));
        access.leases_of.entry((consumer, served.index)).or_default().push(index);
        if granted.is_limited() {
            access.limited.push((index, granted.quota.is_some()));
        }
        access.leases.push(Lease { index, consumer, ended, held: HeldLast::default(), granted });
    }
    declared.granted.keep(granting.made);
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
            let name = match &credential.principal {
                Principal::Consumer(name) => name,
                Principal::Operator(person) => {
                    if credential.revoked.is_none() {
                        let (person, expires) = (Box::from(person.as_str()), credential.expires);
                        self.operators.insert(credential.hash, Operator { person, expires });
                    }
                    continue;
                }
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
        if let Some(known) = self.consumer_of.get(name) {
            return *known;
        }
        self.consumers.push(name.clone());
        let index = index(self.consumers.len() - 1);
        self.consumer_of.insert(name.clone(), index);
        index
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

/// What grants come to, by their ids, with the terms that it was made of.
type ByGrant = HashMap<String, (Arc<GrantTerms>, Arc<Granted>)>;

/// Grants as they were compiled last for a release: most of them are as they were in the access state before.
#[derive(Debug, Default)]
pub(super) struct KnownGrants(Mutex<ByGrant>);

impl KnownGrants {
    fn take(&self) -> ByGrant {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, made: ByGrant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = made;
    }

    /// Takes them apart in steps.
    pub(super) fn take_apart(self, pace: &Pace) {
        self.take().into_iter().for_each(|_| pace.step());
    }
}

/// Grants being compiled, with what is made once of them.
struct Granting<'f> {
    fabric: &'f Fabric,
    conditions: Conditions,
    identities: HashMap<ConsumerName, Arc<str>>,
    known: ByGrant,
    made: ByGrant,
}

impl<'f> Granting<'f> {
    fn new(fabric: &'f Fabric, declared: &Declared) -> Self {
        let known = declared.granted.take();
        let made = HashMap::with_capacity(known.len());
        Self { fabric, conditions: Conditions::default(), identities: HashMap::new(), known, made }
    }

    /// What this one comes to.
    fn of(&mut self, grant: &LiveGrant, served: &Served) -> Arc<Granted> {
        let known = self.known.remove_entry(&grant.id).filter(|(_, (terms, granted))| {
            let is_of_same = granted.opened.consumer == grant.consumer && granted.opened.interface == grant.interface;
            is_of_same && (Arc::ptr_eq(terms, &grant.terms) || terms == &grant.terms)
        });
        let (id, entry) = known.unwrap_or_else(|| {
            let granted = self.compile(grant, served);
            (grant.id.clone(), (Arc::clone(&grant.terms), Arc::new(granted)))
        });
        let granted = Arc::clone(&entry.1);
        self.made.insert(id, entry);
        granted
    }

    fn compile(&mut self, grant: &LiveGrant, served: &Served) -> Granted {
        let fabric = self.fabric;
        let identity = || identity(fabric.consumers.get(&grant.consumer));
        let identity = Arc::clone(self.identities.entry(grant.consumer.clone()).or_insert_with(identity));
        let consumer = self.fabric.consumers.get(&grant.consumer);
        let about = (identity, self.conditions.of(&grant.terms, consumer));
        let scope = Scope::on(&grant.terms, fabric, &grant.interface);
        let mut granted = granted(grant, about, (served, scope));
        granted.direct = scope::compile(fabric, served, &grant.terms);
        granted.shows = served.cache.as_ref().map(|_| granted.digest());
        granted
    }
}

fn granted(
    grant: &LiveGrant,
    (identity, condition): (Arc<str>, Option<Arc<GrantCondition>>),
    (served, scope): (&Served, Scope),
) -> Granted {
    let terms = &*grant.terms;
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
    Granted {
        opened: Arc::new(opened),
        served: served.index,
        operations: served.operations.iter().map(|operation| granted(&operation.name)).collect(),
        masks,
        direct: None,
        shows: None,
        purpose: terms.purpose.clone(),
        until: terms.until,
        goes_on: goes_on(terms.on_end, served.criticality),
        allowance,
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
