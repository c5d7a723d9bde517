//! Judges a whole fabric: runs every rule, raises guardrails, sets aside what is waived, and judges the waivers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use selvage_mapping::CompiledMapping;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::{Api, Serves};
use selvage_model::manifest::consumer::Grant;
use selvage_model::manifest::interface::{Interface, Lifecycle};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::name::{InterfaceRef, ObjectRef, SystemName};
use selvage_model::openapi;

use crate::contract::Contract;
use crate::rule::{self, LintRule, RULES};

/// Everything that is wrong with the fabric as a whole, by place. `today` decides what has ended.
pub fn lint(fabric: &Fabric, today: Date) -> Vec<Finding> {
    let context = Context::new(fabric, today);
    let mut report = Report::default();
    rule::mapping::compile(&context, &mut report);
    for rule in RULES {
        (rule.check)(&context, &mut report);
    }
    raise_guardrails(&context, &mut report);
    rule::waiver::apply(&context, &mut report);
    let mut findings: Vec<Finding> = report.found.into_iter().map(|found| found.finding).collect();
    findings.sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    findings.dedup();
    findings
}

/// What one rule finds in one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBy {
    /// What it says.
    pub finding: Finding,
    /// What it is about, as waivers name it.
    pub about: Vec<String>,
    /// A waiver sets it aside.
    pub is_waived: bool,
}

/// Everything that one rule finds, what is waived too: a built-in one by its name or code, or one of the fabric's own by its name.
/// Nothing where there is no such rule.
pub fn found_by(fabric: &Fabric, today: Date, rule: &str) -> Option<Vec<FoundBy>> {
    let context = Context::new(fabric, today);
    let mut report = Report::default();
    let is_own = fabric.rules.keys().any(|name| name.as_str() == rule);
    if is_own {
        (rule::own_rule::FOUND.check)(&context, &mut report);
        report.found.retain(|found| found.own_rule.as_deref() == Some(rule));
    } else {
        let built_in = context.rule(rule)?;
        rule::mapping::compile(&context, &mut report);
        (built_in.check)(&context, &mut report);
        report.found.retain(|found| found.own_rule.is_none() && found.finding.code == built_in.code);
    }
    let all = report.found.iter().map(|found| (found.finding.clone(), found.about.clone()));
    let all: Vec<(Finding, Vec<String>)> = all.collect();
    rule::waiver::apply(&context, &mut report);
    let is_left = |finding: &Finding| report.found.iter().any(|found| &found.finding == finding);
    Some(all.into_iter().map(|(finding, about)| FoundBy { is_waived: !is_left(&finding), finding, about }).collect())
}

/// What rules look at.
pub(crate) struct Context<'a> {
    pub(crate) fabric: &'a Fabric,
    pub(crate) today: Date,
    /// Contracts of direct interfaces, by path, where they can be read.
    contracts: BTreeMap<&'a str, Contract>,
    /// Mappings that compile, by object and system: for the newest version of the system.
    mappings: BTreeMap<(&'a ObjectRef, &'a SystemName), CompiledMapping>,
    /// Mappings as declared, by object and system.
    declared: BTreeMap<(&'a ObjectRef, &'a SystemName), Vec<&'a Mapping>>,
    grants: BTreeMap<&'a InterfaceRef, Vec<&'a Grant>>,
    /// Systems and the roles that they play somewhere.
    roles: BTreeSet<(&'a str, &'a str)>,
    /// Names of rules that no domain may loosen.
    guardrails: BTreeSet<&'a str>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(fabric: &'a Fabric, today: Date) -> Self {
        let paths: BTreeSet<&str> = fabric.interfaces.values().filter_map(path_of_contract).collect();
        let named = fabric.files.iter().filter(|(path, _)| paths.contains(path.as_str()));
        let contracts = named.filter_map(|(path, text)| Some((path.as_str(), Contract::read(text, path)?))).collect();
        let mut declared: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for mapping in fabric.mappings.values() {
            declared.entry((&mapping.object.value, &mapping.system.value)).or_default().push(mapping);
        }
        let mut grants: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for grant in &fabric.grants {
            grants.entry(&grant.interface.value).or_default().push(grant);
        }
        let roles = fabric.sites.values().flat_map(|site| &site.roles);
        let roles = roles.map(|(role, system)| (system.value.as_str(), role.value.as_str())).collect();
        let compiled = |mapping: &'a _| {
            let newest = rule::mapping::versions(mapping).last().copied()?;
            let compiled = CompiledMapping::compile(mapping, fabric, newest).ok()?;
            Some(((&mapping.object.value, &mapping.system.value), compiled))
        };
        let mappings = fabric.mappings.values().filter_map(compiled).collect();
        let guardrails = fabric.settings.iter().flat_map(|settings| &settings.guardrails);
        let guardrails = guardrails.map(|name| name.value.as_str()).collect();
        Self { fabric, today, contracts, mappings, declared, grants, roles, guardrails }
    }

    /// The contract of a direct interface.
    pub(crate) fn contract(&self, interface: &Interface) -> Option<&Contract> {
        self.contracts.get(path_of_contract(interface)?)
    }

    /// The contract of a direct interface as the gateway reads it, where it can be used.
    pub(crate) fn usable(&self, interface: &Interface) -> Option<&'a openapi::Contract> {
        self.fabric.contracts.get(path_of_contract(interface)?).map(AsRef::as_ref)
    }

    /// The compiled mapping of a mediated interface.
    pub(crate) fn mapping(&self, serves: &'a Serves) -> Option<&CompiledMapping> {
        self.mappings.get(&(&serves.object.value, &serves.system.value))
    }

    /// The mappings of this object and system, as declared.
    pub(crate) fn mappings_of(&self, object: &'a ObjectRef, system: &'a SystemName) -> &[&'a Mapping] {
        self.declared.get(&(object, system)).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many consumers have grants on an interface.
    pub(crate) fn consumers_of(&self, interface: &InterfaceRef) -> usize {
        let grants = self.grants.get(interface).map(Vec::as_slice).unwrap_or_default();
        grants.iter().map(|grant| &grant.consumer.value).collect::<BTreeSet<_>>().len()
    }

    /// The grants on an interface.
    pub(crate) fn grants_on(&self, interface: &'a InterfaceRef) -> &[&'a Grant] {
        self.grants.get(interface).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the system plays this role at any site.
    pub(crate) fn plays(&self, system: &SystemName, role: &str) -> bool {
        self.roles.contains(&(system.as_str(), role))
    }

    /// The rule of this code or name.
    pub(crate) fn rule(&self, word: &str) -> Option<&'static LintRule> {
        RULES.iter().find(|rule| rule.code.as_str() == word || rule.name == word)
    }

    /// Whether no domain may loosen the rule of this name: what a manifest says for itself does not excuse it then.
    pub(crate) fn is_guardrail(&self, name: &str) -> bool {
        self.guardrails.contains(name)
    }

    /// The names of everything that a waiver can be about.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let fabric = self.fabric;
        let interfaces = fabric.interfaces.keys().map(ToString::to_string);
        let mut names: BTreeSet<String> = interfaces.chain(fabric.objects.keys().map(ToString::to_string)).collect();
        names.extend(fabric.consumers.keys().map(ToString::to_string));
        names.extend(fabric.issuers.keys().map(ToString::to_string));
        names.extend(fabric.systems.keys().map(ToString::to_string));
        names.extend(fabric.code_sets.keys().map(ToString::to_string));
        names.extend(fabric.mappings.keys().map(ToString::to_string));
        names.extend(fabric.flows.keys().map(ToString::to_string));
        names.extend(fabric.teams.keys().map(ToString::to_string));
        names
    }

    /// Interfaces that take traffic: active and deprecated ones.
    pub(crate) fn served(&self) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface)> {
        let serves =
            |interface: &Interface| matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_));
        self.fabric.interfaces.iter().filter(move |(_, interface)| serves(interface))
    }
}

fn path_of_contract(interface: &Interface) -> Option<&str> {
    match interface.api()? {
        Api::Direct { openapi, .. } => Some(&openapi.value),
        Api::Mediated(_) => None,
    }
}

/// What rules have found.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) found: Vec<Found>,
}

/// A finding, and the things that it is about, by which waivers name it.
pub(crate) struct Found {
    pub(crate) about: Vec<String>,
    /// Where a rule of the fabric's own found it, its name.
    pub(crate) own_rule: Option<String>,
    pub(crate) finding: Finding,
}

impl Report {
    pub(crate) fn add(&mut self, about: &(impl ToString + ?Sized), finding: Finding) {
        self.found.push(Found { about: vec![about.to_string()], own_rule: None, finding });
    }

    /// About a grant or a subscription: it goes by its consumer and by its interface.
    pub(crate) fn add_lease(&mut self, consumer: &impl ToString, interface: &impl ToString, finding: Finding) {
        let about = vec![consumer.to_string(), interface.to_string()];
        self.found.push(Found { about, own_rule: None, finding });
    }
}

/// A guardrail is an error whatever the rule says of itself.
fn raise_guardrails(context: &Context<'_>, report: &mut Report) {
    for found in &mut report.found {
        let built_in = RULES.iter().find(|rule| rule.code == found.finding.code).map(|rule| rule.name);
        let name = found.own_rule.as_deref().or(built_in);
        if name.is_some_and(|name| context.is_guardrail(name)) {
            found.finding.severity = Severity::Error;
        }
    }
}
