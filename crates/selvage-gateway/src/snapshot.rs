//! What a node runs: the interfaces of the fabric compiled into routes, with the access state compiled into hash
//! tables. Made off the path, never changed, swapped whole. Compiling is pure. What is declared is compiled once for a release, and
//! shared by the snapshots of all its access states.

mod access;
mod announce;
mod checks;
mod declared;
mod direct;
mod insiders;
mod mediated;
mod opened;
mod scope;
mod served;
mod tags;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::{AccessState, KeyHash};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};

use crate::certificate::ClientCertificate;
use crate::pool::Address;
use crate::precedence::Pace;
use crate::token::{Issuers, KeysOfIssuers};

pub(crate) use access::{Key, KeyHasher, Lease, Operator};
pub(crate) use checks::Checks;
pub use checks::uncheckable;
pub use declared::Declared;
pub(crate) use opened::{Ends, HeldBy, earlier};
pub(crate) use scope::{DirectScope, Row, Rows, Withheld, Writes, plain};
pub(crate) use served::{Kind, Life, Methods, Served, Upstream};
pub(crate) use tags::Tags;

/// What a snapshot is made of.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotSource<'a> {
    /// The active release.
    pub fabric: &'a Fabric,
    /// Who may do what, alive.
    pub access: &'a AccessState,
    /// The keys of the issuers whose tokens are taken, as far as they could be had.
    pub keys: &'a KeysOfIssuers,
    /// Whose addresses are used.
    pub environment: &'a EnvironmentName,
    /// The release's id.
    pub release: &'a str,
}

/// What a node runs.
#[derive(Debug)]
pub struct Snapshot {
    release: String,
    revision: u64,
    declared: Arc<Declared>,
    /// Why an interface is blocked by the access state, by its index.
    cut_off: HashMap<u32, Life>,
    keys: HashMap<KeyHash, Key, KeyHasher>,
    key_ids: Vec<String>,
    /// Valid keys of operators.
    operators: HashMap<KeyHash, Operator, KeyHasher>,
    keys_by_id: HashMap<Box<str>, KeyHash>,
    issuers: Issuers,
    certified: HashMap<Box<str>, u32>,
    consumers: Vec<ConsumerName>,
    consumer_of: HashMap<ConsumerName, u32>,
    blocked: HashMap<u32, String>,
    leases: Vec<Lease>,
    /// The leases with a limit, and whether it is a quota.
    limited: Vec<(u32, bool)>,
    leases_of: HashMap<(u32, u32), Vec<u32>>,
}

impl Snapshot {
    /// Takes it apart in steps.
    pub(crate) fn take_apart(self, pace: &Pace) {
        self.leases.into_iter().for_each(|_| pace.step());
        self.leases_of.into_iter().for_each(|_| pace.step());
        if let Some(declared) = Arc::into_inner(self.declared) {
            declared.take_apart(pace);
        }
    }

    /// Compiles what is declared and alive; all findings together.
    pub fn compile(source: &SnapshotSource<'_>) -> Result<Self, Vec<Finding>> {
        let declared = Declared::compile(source.fabric, source.environment)?;
        Ok(Self::of(Arc::new(declared), source))
    }

    /// What is alive, of what is declared: that of the same fabric in the same environment.
    pub fn of(declared: Arc<Declared>, source: &SnapshotSource<'_>) -> Self {
        let cut_off = declared.cut_off_by(source.access);
        let access = access::compile(source, &declared);
        Self {
            release: source.release.to_owned(),
            revision: source.access.revision,
            declared,
            cut_off,
            keys: access.keys,
            key_ids: access.key_ids,
            operators: access.operators,
            keys_by_id: access.keys_by_id,
            issuers: access.issuers,
            certified: access.certified,
            consumers: access.consumers,
            consumer_of: access.consumer_of,
            blocked: access.blocked,
            limited: access.limited,
            leases: access.leases,
            leases_of: access.leases_of,
        }
    }

    /// The release's id.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The revision of the access state that it was compiled with.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The interfaces that it answers for.
    pub fn interfaces(&self) -> impl Iterator<Item = &InterfaceRef> {
        self.served().iter().map(|served| &served.reference)
    }

    /// The interface that a path belongs to, and the rest of the path.
    pub(crate) fn route<'s, 'p>(&'s self, path: &'p str) -> Option<(&'s Served, &'p str)> {
        let second = path.get(1..)?.find('/')? + 1;
        let end = path.get(second + 1..)?.find('/').map_or(path.len(), |found| second + 1 + found);
        Some((self.declared.at_prefix(path.get(1..end)?)?, path.get(end..)?))
    }

    /// How an interface lives. A block is stronger than what the release says. INVARIANT: REVOKED-NOW
    pub(crate) fn life<'s>(&'s self, served: &'s Served) -> &'s Life {
        self.cut_off.get(&served.index).unwrap_or(&served.life)
    }

    pub(crate) fn key(&self, hash: &KeyHash) -> Option<&Key> {
        self.keys.get(hash)
    }

    /// The key of this id, where it gets tokens.
    pub(crate) fn key_by_id(&self, id: &str) -> Option<&Key> {
        self.keys.get(self.keys_by_id.get(id)?)
    }

    /// What the key of this id is known by, where it gets tokens.
    pub(crate) fn hash_by_id(&self, id: &str) -> Option<KeyHash> {
        self.keys_by_id.get(id).copied()
    }

    /// The issuers whose tokens are taken.
    pub(crate) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The consumer whom a certificate names by its subject or by an alternative name.
    pub(crate) fn certifies(&self, certificate: &ClientCertificate) -> Option<u32> {
        let mut names = std::iter::once(&certificate.subject).chain(&certificate.names);
        names.find_map(|name| self.certified.get(name.as_str()).copied())
    }

    pub(crate) fn consumer(&self, index: u32) -> Option<&ConsumerName> {
        self.consumers.get(index as usize)
    }

    /// The ids of keys, by index.
    pub(crate) fn key_ids(&self) -> &[String] {
        &self.key_ids
    }

    /// A consumer by its name.
    pub(crate) fn consumer_named(&self, name: &ConsumerName) -> Option<(u32, &ConsumerName)> {
        let index = *self.consumer_of.get(name)?;
        Some((index, self.consumer(index)?))
    }

    /// Why a consumer is blocked, where it is.
    pub(crate) fn block_of(&self, consumer: u32) -> Option<&str> {
        self.blocked.get(&consumer).map(String::as_str)
    }

    /// How long operations are told of while the access state is not heard, in nanoseconds.
    pub(crate) fn serves_for(&self) -> u64 {
        self.declared.serves_for
    }

    /// The longest that anything is served while the access state is not heard.
    pub fn serves_for_most(&self) -> Duration {
        Duration::from_nanos(self.declared.serves_for_most)
    }

    /// The operator whose valid key this is.
    pub(crate) fn operator(&self, hash: &KeyHash, now: Timestamp) -> Option<&Operator> {
        self.operators.get(hash).filter(|operator| operator.expires.is_none_or(|expires| expires > now))
    }

    /// Whether an operator may be told how a request on this interface by this consumer is decided about.
    pub(crate) fn may_be_told(
        &self,
        operator: &Operator,
        served: Option<&Served>,
        consumer: Option<&ConsumerName>,
    ) -> bool {
        self.declared.insiders.may_know(&operator.person, served, consumer)
    }

    pub(crate) fn leases_of(&self, consumer: u32, served: u32) -> impl Iterator<Item = &Lease> {
        let indices = self.leases_of.get(&(consumer, served)).map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|index| self.leases.get(*index as usize))
    }

    /// The interface of this name, where it is answered for.
    pub(crate) fn named(&self, interface: &InterfaceRef) -> Option<&Served> {
        self.declared.named(interface)
    }

    pub(crate) fn served(&self) -> &[Served] {
        &self.declared.served
    }

    /// The interfaces that keep answers.
    pub(crate) fn caching(&self) -> impl Iterator<Item = &Served> {
        self.declared.caching()
    }

    /// The interfaces with a limit over all, by their indices, and whether it is a quota.
    pub(crate) fn limited_interfaces(&self) -> &[(u32, bool)] {
        &self.declared.limited
    }

    /// The leases with a limit, by their indices, and whether it is a quota.
    pub(crate) fn limited_leases(&self) -> &[(u32, bool)] {
        &self.limited
    }

    /// Whether both are of the same release, compiled once.
    pub(crate) fn declares_the_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.declared, &other.declared)
    }

    pub(crate) fn leases(&self) -> &[Lease] {
        &self.leases
    }

    pub(crate) fn upstreams(&self) -> &[Upstream] {
        &self.declared.upstreams
    }

    pub(crate) fn upstream(&self, index: u32) -> Option<&Upstream> {
        self.declared.upstreams.get(index as usize)
    }

    /// Where the upstreams are, each address once; by [`Upstream::at`].
    pub(crate) fn addresses(&self) -> &[Arc<Address>] {
        &self.declared.addresses
    }
}
