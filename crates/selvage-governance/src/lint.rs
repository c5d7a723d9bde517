//! Judges a whole fabric: runs every rule, raises guardrails, sets aside what is waived, and judges the waivers.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use selvage_mapping::CompiledMapping;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::{Api, Serves};
use selvage_model::manifest::interface::{Interface, Lifecycle};
use selvage_model::name::{InterfaceRef, ObjectRef, SystemName};
use selvage_model::openapi::Contract;

use crate::rule::{self, LintRule, RULES};

/// Everything that is wrong with the fabric as a whole, by place. `today` decides what has ended.
pub fn lint(fabric: &Fabric, today: Date) -> Vec<Finding> {
    let context = Context::new(fabric, today);
    let mut report = Report::default();
    rule::mapping::compile(&context, &mut report);
    for rule in RULES {
        (rule.check)(&context, &mut report);
    }
    raise_guardrails(fabric, &mut report);
    rule::waiver::apply(&context, &mut report);
    let mut findings: Vec<Finding> = report.found.into_iter().map(|found| found.finding).collect();
    findings.sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    findings.dedup();
    findings
}

/// What rules look at.
pub(crate) struct Context<'a> {
    pub(crate) fabric: &'a Fabric,
    pub(crate) today: Date,
    /// Contracts of direct interfaces, by path, where they can be read.
    contracts: BTreeMap<&'a str, Contract>,
    /// Mappings that compile, by object and system: for the newest version of the system.
    mappings: BTreeMap<(&'a ObjectRef, &'a SystemName), CompiledMapping>,
}

impl<'a> Context<'a> {
    fn new(fabric: &'a Fabric, today: Date) -> Self {
        let read = |(path, text): (&'a String, _)| {
            let (contract, findings) = Contract::read(text, path);
            findings.is_empty().then_some((path.as_str(), contract))
        };
        let paths: BTreeSet<&str> = fabric.interfaces.values().filter_map(openapi).collect();
        let named = fabric.files.iter().filter(|(path, _)| paths.contains(path.as_str()));
        let contracts = named.filter_map(|(path, text)| read((path, text.as_ref()))).collect();
        let compiled = |mapping: &'a _| {
            let newest = rule::mapping::versions(mapping).last().copied()?;
            let compiled = CompiledMapping::compile(mapping, fabric, newest).ok()?;
            Some(((&mapping.object.value, &mapping.system.value), compiled))
        };
        let mappings = fabric.mappings.values().filter_map(compiled).collect();
        Self { fabric, today, contracts, mappings }
    }

    /// The contract of a direct interface.
    pub(crate) fn contract(&self, interface: &Interface) -> Option<&Contract> {
        self.contracts.get(openapi(interface)?)
    }

    /// The compiled mapping of a mediated interface.
    pub(crate) fn mapping(&self, serves: &'a Serves) -> Option<&CompiledMapping> {
        self.mappings.get(&(&serves.object.value, &serves.system.value))
    }

    /// The rule of this code or name.
    pub(crate) fn rule(&self, word: &str) -> Option<&'static LintRule> {
        RULES.iter().find(|rule| rule.code.as_str() == word || rule.name == word)
    }

    /// Whether something that a waiver can be about has this name.
    pub(crate) fn fabric_knows(&self, name: &str) -> bool {
        let fabric = self.fabric;
        let references =
            fabric.interfaces.keys().map(ToString::to_string).chain(fabric.objects.keys().map(ToString::to_string));
        let others = fabric.consumers.keys().map(|name| name.as_str());
        let others = others.chain(fabric.issuers.keys().map(|name| name.as_str()));
        let others = others.chain(fabric.systems.keys().map(|name| name.as_str()));
        let mut others = others.chain(fabric.code_sets.keys().map(|name| name.as_str()));
        others.any(|known| known == name) || references.into_iter().any(|known| known == name)
    }

    /// Interfaces that take traffic: active and deprecated ones.
    pub(crate) fn served(&self) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface)> {
        let serves =
            |interface: &Interface| matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_));
        self.fabric.interfaces.iter().filter(move |(_, interface)| serves(interface))
    }
}

fn openapi(interface: &Interface) -> Option<&str> {
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
fn raise_guardrails(fabric: &Fabric, report: &mut Report) {
    let guardrails = fabric.settings.iter().flat_map(|settings| &settings.guardrails);
    let names: BTreeSet<&str> = guardrails.map(|name| name.value.as_str()).collect();
    for found in &mut report.found {
        let built_in = RULES.iter().find(|rule| rule.code == found.finding.code).map(|rule| rule.name);
        let name = found.own_rule.as_deref().or(built_in);
        if name.is_some_and(|name| names.contains(name)) {
            found.finding.severity = Severity::Error;
        }
    }
}
