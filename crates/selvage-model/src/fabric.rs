//! The fabric: everything declared, by name. Made by reading manifests; immutable after that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::data_schema::DataSchema;
use crate::manifest::api::Api;
use crate::manifest::consumer::{Consumer, Grant, Identity, Subscription};
use crate::manifest::flow::Flow;
use crate::manifest::interface::Interface;
use crate::manifest::issuer::Issuer;
use crate::manifest::kind::Kind;
use crate::manifest::mapping::Mapping;
use crate::manifest::object::{CodeSet, Object};
use crate::manifest::organisation::{Domain, FabricSettings, Site, Team};
use crate::manifest::rule::{ApprovalRule, Rule, Waiver};
use crate::manifest::system::System;
use crate::name::{
    CodeSetName, ConsumerName, DomainName, EnvironmentName, FlowName, InterfaceRef, IssuerName, MappingName,
    ObjectName, ObjectRef, RuleName, SiteName, SystemName, TeamName,
};
use crate::openapi::Contract;

/// Everything declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fabric {
    /// `kind: Fabric`.
    pub settings: Option<FabricSettings>,
    /// Domains.
    pub domains: BTreeMap<DomainName, Domain>,
    /// Sites.
    pub sites: BTreeMap<SiteName, Site>,
    /// Teams.
    pub teams: BTreeMap<TeamName, Team>,
    /// Systems.
    pub systems: BTreeMap<SystemName, System>,
    /// Objects.
    pub objects: BTreeMap<ObjectRef, Object>,
    /// Code sets.
    pub code_sets: BTreeMap<CodeSetName, CodeSet>,
    /// Mappings.
    pub mappings: BTreeMap<MappingName, Mapping>,
    /// Interfaces.
    pub interfaces: BTreeMap<InterfaceRef, Interface>,
    /// Issuers of tokens.
    pub issuers: BTreeMap<IssuerName, Issuer>,
    /// Consumers.
    pub consumers: BTreeMap<ConsumerName, Consumer>,
    /// Grants that manifests ask for.
    pub grants: Vec<Grant>,
    /// Subscriptions that manifests ask for.
    pub subscriptions: Vec<Subscription>,
    /// Flows.
    pub flows: BTreeMap<FlowName, Flow>,
    /// Rules of lint.
    pub rules: BTreeMap<RuleName, Rule>,
    /// Rules of approval.
    pub approval_rules: BTreeMap<RuleName, ApprovalRule>,
    /// Waivers.
    pub waivers: Vec<Waiver>,
    /// Contracts and other files that manifests name, by path relative to the directory, as text.
    pub files: BTreeMap<String, Arc<str>>,
    /// The contracts among the files that can be used, read.
    pub contracts: BTreeMap<String, Arc<Contract>>,
    /// The schemas among the files that data can be held to.
    pub schemas: BTreeMap<String, Arc<DataSchema>>,
    /// What is declared by manifests that cannot be taken: their kind and name. Such a name is known, though nothing is
    /// known of what it stands for.
    pub unread: BTreeSet<(Kind, String)>,
}

impl Fabric {
    /// How long a key of this consumer lasts in an environment at most, whatever it was issued for; without an end where
    /// nothing says.
    pub fn key_age(&self, consumer: &ConsumerName, environment: &EnvironmentName) -> Option<Duration> {
        let environments = self.settings.iter().flat_map(|settings| &settings.environments);
        let here = environments.filter(|known| &known.name.value == environment).find_map(|known| known.key_age);
        let own = self.consumers.get(consumer).and_then(|consumer| match consumer.identity {
            Identity::ApiKey { max_age } => max_age,
            _ => None,
        });
        here.into_iter().chain(own).min()
    }

    /// The object that a mediated interface serves.
    pub fn object_of(&self, interface: &InterfaceRef) -> Option<&Object> {
        match self.interfaces.get(interface)?.api()? {
            Api::Mediated(serves) => self.objects.get(&serves.object.value),
            Api::Direct { .. } => None,
        }
    }

    /// The newest major version of the object of this name.
    pub fn newest_object(&self, name: &ObjectName) -> Option<&Object> {
        let of = |major| ObjectRef { name: name.clone(), major };
        self.objects.range(of(0)..=of(u32::MAX)).next_back().map(|(_, object)| object)
    }

    /// The mapping of this object to this system for this major version of the system; any version where `None`.
    pub fn mapping(&self, object: &ObjectRef, system: &SystemName, major: Option<u32>) -> Option<&Mapping> {
        self.mappings.values().find(|mapping| {
            &mapping.object.value == object
                && &mapping.system.value == system
                && major.is_none_or(|major| mapping.versions.contains(major))
        })
    }
}
