//! The fabric's own rules, `kind: Rule`: an expression over each interface, true where something is to be said.

use std::collections::BTreeMap;

use selvage_mapping::expression::Expression;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Criticality, DataClass, Interface, Latency};
use selvage_model::manifest::rule::Rule;
use serde_json::{Value, json};

use super::LintRule;
use crate::lint::{Context, Found, Report};

pub(crate) const FOUND: LintRule = LintRule {
    code: code::OWN_RULE,
    name: "own-rules",
    bad: "\
kind: Rule
name: lists-are-described
when: \"'list' in interface.operations && interface.description == null && interface.name == 'product-list'\"
severity: warning
says: Say in `description` what the list holds
---
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    good: "\
kind: Rule
name: lists-are-described
when: \"'list' in interface.operations && interface.description == null && interface.name == 'product-list'\"
severity: warning
says: Say in `description` what the list holds
---
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
description: What can be made and bought
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    waivable: true,
    check: found,
};

fn found(context: &Context<'_>, report: &mut Report) {
    each(context, |rule, interface, outcome| {
        if outcome == Ok(Value::Bool(true)) {
            let message = format!("`{}`: {}", interface.reference(), rule.says);
            let mut finding = Finding::error(code::OWN_RULE, &interface.place, message);
            finding.severity = rule.severity;
            let finding = finding.fix(format!("see the rule `{}` at {}", rule.name, rule.place));
            let about = vec![interface.reference().to_string()];
            report.found.push(Found { about, own_rule: Some(rule.name.to_string()), finding });
        }
    });
}

pub(crate) const FAILED: LintRule = LintRule {
    code: code::OWN_RULE_FAILED,
    name: "own-rules-can-be-applied",
    bad: "\
kind: Rule
name: tier-1-is-mediated
when: \"interface.critcality == 'tier-1' && interface.control == 'direct'\"
severity: error
says: Tier-1 is mediated
",
    good: "\
kind: Rule
name: tier-1-is-mediated
when: \"interface.criticality == 'tier-1' && interface.control == 'direct'\"
severity: error
says: Tier-1 is mediated
",
    waivable: false,
    check: failed,
};

/// Once for each rule: it fails on all interfaces alike.
fn failed(context: &Context<'_>, report: &mut Report) {
    let mut told: BTreeMap<String, Finding> = BTreeMap::new();
    each(context, |rule, interface, outcome| {
        let why = match outcome {
            Ok(Value::Bool(_)) => return,
            Ok(_) => "it is neither true nor false".to_owned(),
            Err(error) => error,
        };
        let message = format!("the rule cannot be applied to `{}`: {why}", interface.reference());
        let finding = Finding::error(code::OWN_RULE_FAILED, &rule.when.place, message);
        let fix = format!("an interface has {}", KNOWN.map(|name| format!("`{name}`")).join(", "));
        told.entry(rule.name.to_string()).or_insert(finding.fix(fix));
    });
    for (name, finding) in told {
        report.add(&name, finding);
    }
}

fn each(context: &Context<'_>, mut judge: impl FnMut(&Rule, &Interface, Result<Value, String>)) {
    let rules: Vec<(&Rule, Expression)> = context
        .fabric
        .rules
        .values()
        .filter_map(|rule| Some((rule, Expression::parse(&rule.when.value).ok()?)))
        .collect();
    if rules.is_empty() {
        return;
    }
    for interface in context.fabric.interfaces.values() {
        let variables = BTreeMap::from([("interface".to_owned(), value(context.fabric, interface))]);
        for (rule, expression) in &rules {
            judge(rule, interface, expression.evaluate(&variables));
        }
    }
}

/// What a rule may look at, besides these `major`.
const KNOWN: [&str; 16] = [
    "name",
    "version",
    "type",
    "owner",
    "domain",
    "description",
    "lifecycle",
    "criticality",
    "latency",
    "data",
    "control",
    "because",
    "object",
    "system",
    "connector",
    "operations",
];

/// An interface as rules see it; what it does not say is null.
fn value(fabric: &Fabric, interface: &Interface) -> Value {
    let (control, object, system, operations) = match interface.api() {
        Some(Api::Direct { upstream, .. }) => (Some("direct"), None, Some(&upstream.system.value), Vec::new()),
        Some(Api::Mediated(serves)) => {
            let operations = serves.operations.iter().map(|operation| operation.value.as_str()).collect();
            (Some("mediated"), Some(serves.object.value.to_string()), Some(&serves.system.value), operations)
        }
        None => (None, None, None, Vec::new()),
    };
    let class = interface.classification.as_ref();
    let connector = system.and_then(|system| fabric.systems.get(system)).map(|system| connector_word(system.connector));
    json!({
        "name": interface.name.as_str(),
        "version": interface.version.to_string(),
        "major": interface.version.major,
        "type": interface.body.type_word(),
        "owner": interface.owner.as_ref().map(|owner| owner.value.as_str()),
        "domain": interface.domain.as_ref().map(|domain| domain.value.as_str()),
        "description": interface.description,
        "lifecycle": interface.lifecycle.as_str(),
        "criticality": class.map(|class| criticality_word(class.criticality)),
        "latency": class.and_then(|class| class.latency).map(latency_word),
        "data": class.and_then(|class| class.data).map(data_word),
        "control": control,
        "because": interface.because,
        "object": object,
        "system": system.map(|system| system.as_str()),
        "connector": connector,
        "operations": operations,
    })
}

fn criticality_word(criticality: Criticality) -> &'static str {
    match criticality {
        Criticality::Tier1 => "tier-1",
        Criticality::Tier2 => "tier-2",
        Criticality::Tier3 => "tier-3",
    }
}

fn latency_word(latency: Latency) -> &'static str {
    match latency {
        Latency::RealTime => "real-time",
        Latency::NearRealTime => "near-real-time",
        Latency::Batch => "batch",
    }
}

fn data_word(data: DataClass) -> &'static str {
    match data {
        DataClass::Public => "public",
        DataClass::Internal => "internal",
        DataClass::Confidential => "confidential",
        DataClass::Restricted => "restricted",
    }
}

fn connector_word(connector: selvage_model::manifest::system::Connector) -> &'static str {
    use selvage_model::manifest::system::Connector;
    match connector {
        Connector::Odoo => "odoo",
        Connector::Http => "http",
        Connector::Mqtt => "mqtt",
        Connector::File => "file",
    }
}
