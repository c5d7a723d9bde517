//! What is declared and nothing uses. Packs may bring more than a fabric takes of them.

use std::collections::BTreeSet;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::flow::{Action, Step};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{ObjectRef, SystemName};

use super::LintRule;
use super::cycle::inner;
use super::pack::is_of_pack;
use crate::lint::{Context, Report};

pub(crate) const SYSTEM: LintRule = LintRule {
    code: code::SYSTEM_IDLE,
    name: "system-is-used",
    severity: Severity::Advice,
    waivable: true,
    check: system,
};

fn system(context: &Context<'_>, report: &mut Report) {
    let used = systems(context.fabric);
    for system in context.fabric.systems.values().filter(|system| !used.contains(system.name.as_str())) {
        let message = format!("nothing uses the system `{}`: its accounts are kept for nobody", system.name);
        let finding = SYSTEM.finding(&system.place, message);
        report.add(&system.name, finding.fix("remove it, with its accounts, or declare what uses it"));
    }
}

/// Systems that anything names, and roles that are systems' names.
fn systems(fabric: &Fabric) -> BTreeSet<&str> {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut by = |name: &'_ SystemName| -> () {
        if let Some((known, _)) = fabric.systems.get_key_value(name) {
            used.insert(known.as_str());
        }
    };
    for interface in fabric.interfaces.values() {
        match &interface.body {
            InterfaceBody::Api(Api::Direct { upstream, .. }) => by(&upstream.system.value),
            InterfaceBody::Api(Api::Mediated(serves)) => by(&serves.system.value),
            InterfaceBody::Webhook(body) => body.source.iter().for_each(|system| by(&system.value)),
            InterfaceBody::Event(body) => body.produced_by.iter().for_each(|system| by(&system.value)),
            InterfaceBody::File(body) => by(&body.source.system.value),
            InterfaceBody::Flow => {}
        }
    }
    fabric.mappings.values().for_each(|mapping| by(&mapping.system.value));
    fabric.sites.values().flat_map(|site| &site.roles).for_each(|(_, system)| by(&system.value));
    let notices = fabric.teams.values().filter_map(|team| team.notices.as_ref());
    let notices = notices.chain(fabric.domains.values().filter_map(|domain| domain.notices.as_ref()));
    let delivered = fabric.subscriptions.iter().filter_map(|it| it.deliver.as_ref());
    delivered.chain(notices).for_each(|deliver| by(&deliver.system.value));
    let records = fabric.objects.values().flat_map(|object| &object.authority);
    used.extend(records.map(|authority| authority.record.value.as_str()));
    fabric.flows.values().for_each(|flow| called(&flow.steps, &mut used));
    used
}

fn called<'a>(steps: &'a [Step], used: &mut BTreeSet<&'a str>) {
    for step in steps {
        if let Action::Call { target, .. } = &step.action {
            used.extend(target.value.split('.').next());
        }
        inner(step).into_iter().for_each(|steps| called(steps, used));
    }
}

pub(crate) const OBJECT: LintRule = LintRule {
    code: code::OBJECT_IDLE,
    name: "what-is-declared-is-used",
    severity: Severity::Advice,
    waivable: true,
    check: object,
};

fn object(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let used = objects(fabric);
    let referred = referred(fabric);
    for (reference, object) in fabric.objects.iter().filter(|(_, object)| !is_of_pack(&object.place)) {
        if !used.contains(reference) && !referred.contains(reference.name.as_str()) {
            let message = format!("no interface carries `{reference}`, and no other object names it");
            let finding = OBJECT.finding(&object.place, message);
            report.add(reference, finding.fix("serve it, or remove it: what nobody uses nobody keeps right"));
        }
    }
    for mapping in fabric.mappings.values().filter(|mapping| !is_of_pack(&mapping.place)) {
        let object = &mapping.object.value;
        let is_known = fabric.objects.contains_key(object);
        if is_known && !used.contains(object) && !referred.contains(object.name.as_str()) {
            let message =
                format!("nothing goes through the mapping `{}`: no interface carries `{object}`", mapping.name);
            let finding = OBJECT.finding(&mapping.place, message);
            report.add(&mapping.name, finding.fix("serve the object, or remove the mapping"));
        }
    }
}

/// Objects that interfaces carry.
fn objects(fabric: &Fabric) -> BTreeSet<&ObjectRef> {
    let mut used = BTreeSet::new();
    for interface in fabric.interfaces.values() {
        match &interface.body {
            InterfaceBody::Api(Api::Mediated(serves)) => drop(used.insert(&serves.object.value)),
            InterfaceBody::Event(body) => {
                used.extend(body.events.iter().filter_map(|event| Some(&event.object()?.value)));
            }
            InterfaceBody::File(body) => used.extend(body.into.object.iter().map(|object| &object.value)),
            InterfaceBody::Webhook(body) => {
                let into = body.into.iter().filter_map(|into| into.object.as_ref());
                used.extend(into.map(|object| &object.value));
            }
            InterfaceBody::Api(Api::Direct { .. }) | InterfaceBody::Flow => {}
        }
    }
    used
}

/// Objects that other objects name.
fn referred(fabric: &Fabric) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    fabric.objects.values().for_each(|object| attributes(&object.attributes, &mut found));
    found
}

fn attributes<'a>(of: &'a [Attribute], found: &mut BTreeSet<&'a str>) {
    of.iter().for_each(|attribute| shape(&attribute.shape, found));
}

fn shape<'a>(of: &'a Shape, found: &mut BTreeSet<&'a str>) {
    match of {
        Shape::Ref { object } => drop(found.insert(object.value.as_str())),
        Shape::List(element) => shape(element, found),
        Shape::Group(members) => attributes(members, found),
        _ => {}
    }
}
