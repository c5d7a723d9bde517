//! What a release declares, compiled for an environment: its routes, its limits and where its systems are. It knows nobody who may use
//! them, so that it is the same for every access state, and made before the release is active.

use std::collections::HashMap;
use std::sync::Arc;

use selvage_model::access::{AccessState, Blocked};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{EnvironmentName, InterfaceRef};

use super::access::KnownGrants;
use super::direct::{Contracts, Systems};
use super::insiders::Insiders;
use super::served::{self, Life, Served, Upstream};
use crate::pool::Address;
use crate::precedence::Pace;

/// What a release declares, compiled for an environment.
#[derive(Debug)]
pub struct Declared {
    pub(super) served: Vec<Served>,
    pub(super) upstreams: Vec<Upstream>,
    /// Each address of the upstreams once.
    pub(super) addresses: Vec<Arc<Address>>,
    prefixes: HashMap<Box<str>, u32>,
    places: HashMap<InterfaceRef, u32>,
    /// The interfaces that keep answers.
    caching: Vec<u32>,
    /// Those with a limit over all, and whether it is a quota.
    pub(super) limited: Vec<(u32, bool)>,
    /// How long a node serves that cannot hear the access state, where nothing else is said, in nanoseconds.
    pub(super) serves_for: u64,
    /// The longest that anything is served so.
    pub(super) serves_for_most: u64,
    /// Who may be told how decisions come about.
    pub(super) insiders: Insiders,
    /// What grants came to in the access state that it was compiled with last.
    pub(super) granted: KnownGrants,
}

/// What is being compiled, with what is read once of it.
pub(super) struct Declaring<'f> {
    pub(super) fabric: &'f Fabric,
    pub(super) environment: &'f EnvironmentName,
    pub(super) systems: Systems,
    pub(super) contracts: Contracts,
}

impl Declared {
    /// Compiles what is declared; all findings together.
    pub fn compile(fabric: &Fabric, environment: &EnvironmentName) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let (systems, contracts) = (Systems::default(), Contracts::default());
        let mut declaring = Declaring { fabric, environment, systems, contracts };
        let (served, upstreams) = served::compile(&mut declaring, &mut findings);
        if !findings.is_empty() {
            return Err(findings);
        }
        let serves_for = served::nanos(served::unsaid_on_partition(fabric, environment));
        let longest = served.iter().map(|served| served.serves_for).max();
        let limited = served.iter().filter(|served| served.rate.is_some() || served.quota.is_some());
        let indexed = || served.iter().map(|served| (served, served.index));
        Ok(Self {
            prefixes: indexed().map(|(served, index)| (Box::from(served.prefix()), index)).collect(),
            places: indexed().map(|(served, index)| (served.reference.clone(), index)).collect(),
            caching: served.iter().filter(|served| served.cache.is_some()).map(|served| served.index).collect(),
            limited: limited.map(|served| (served.index, served.quota.is_some())).collect(),
            serves_for,
            insiders: Insiders::compile(fabric, &served),
            serves_for_most: longest.unwrap_or_default().max(serves_for),
            served,
            upstreams,
            addresses: declaring.systems.addresses,
            granted: KnownGrants::default(),
        })
    }

    /// The interface that answers at `{name}/v{major}`.
    pub(super) fn at_prefix(&self, prefix: &str) -> Option<&Served> {
        self.served.get(*self.prefixes.get(prefix)? as usize)
    }

    /// The interface of this name.
    pub(super) fn named(&self, interface: &InterfaceRef) -> Option<&Served> {
        self.served.get(*self.places.get(interface)? as usize)
    }

    pub(super) fn caching(&self) -> impl Iterator<Item = &Served> {
        self.caching.iter().filter_map(|index| self.served.get(*index as usize))
    }

    /// The interfaces that the access state blocks, by their index. INVARIANT: REVOKED-NOW
    pub(super) fn cut_off_by(&self, access: &AccessState) -> HashMap<u32, Life> {
        let mut cut_off = HashMap::new();
        for block in &access.blocks {
            let Blocked::Interface(interface) = &block.what else { continue };
            if let Some(served) = self.named(interface) {
                cut_off.entry(served.index).or_insert_with(|| Life::Blocked(Some(block.because.clone())));
            }
        }
        cut_off
    }

    /// Takes it apart in steps.
    pub(super) fn take_apart(self, pace: &Pace) {
        self.served.into_iter().for_each(|_| pace.step());
        self.upstreams.into_iter().for_each(|_| pace.step());
        self.prefixes.into_iter().for_each(|_| pace.step());
        self.places.into_iter().for_each(|_| pace.step());
        self.granted.take_apart(pace);
    }
}
