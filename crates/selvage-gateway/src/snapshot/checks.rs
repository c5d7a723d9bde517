//! What of a direct interface's messages is checked, and what becomes of those that do not fit.

use std::sync::Arc;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Check, DataClass, Interface, Lifecycle, Validation};
use selvage_model::manifest::object::Object;

use super::served::{Operation, Served};
use crate::contract::{self, OperationContract};

/// The checks of an interface. Without operations, somebody else does them.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) validation: Validation,
    /// Whether everyone may see the values that it carries.
    pub(crate) shows_values: bool,
    /// By operation of the interface.
    operations: Box<[Arc<OperationContract>]>,
}

impl Checks {
    /// What the messages of an operation are checked against.
    pub(crate) fn operation(&self, index: u32) -> Option<&Arc<OperationContract>> {
        self.operations.get(index as usize)
    }
}

/// The checks of a direct interface, where it has any.
pub(super) fn compile(
    fabric: &Fabric,
    interface: &Interface,
    file: &str,
    (operations, shows_values): (&[Operation], bool),
) -> Option<Box<Checks>> {
    let validation = interface.validation;
    if validation.request == Check::Off && validation.response == Check::Off {
        return None;
    }
    let contract = contract::compiled(file, fabric.files.get(file)?);
    let of = |operation: &Operation| contract.operation(&operation.name).cloned().unwrap_or_default();
    Some(Box::new(Checks { validation, shows_values, operations: operations.iter().map(of).collect() }))
}

/// What of a direct interface counts as an attribute: where nothing looks into its requests, nothing does.
pub(super) fn attributes(fabric: &Fabric, interface: &Interface, file: &str) -> Vec<Box<str>> {
    let text = fabric.files.get(file).filter(|_| interface.validation.request != Check::Off);
    text.map(|text| contract::compiled(file, text).attributes.clone()).unwrap_or_default()
}

/// The checks of a mediated interface: what does not fit its object is found by who answers for it.
pub(super) fn of_object(interface: &Interface, object: Option<&Object>) -> Option<Box<Checks>> {
    let validation = interface.validation;
    let shows_values = shows_objects(interface, object);
    let checks = Checks { validation, shows_values, operations: Box::default() };
    (validation.response != Check::Off).then(|| Box::new(checks))
}

/// Whether everyone may see the values that an interface carries: what is public, and of it nothing carries a class.
pub(super) fn shows_values(interface: &Interface, served: &Served) -> bool {
    is_public(interface) && served.classes.is_empty()
}

/// The same of an interface that carries objects.
pub(super) fn shows_objects<'o>(interface: &Interface, objects: impl IntoIterator<Item = &'o Object>) -> bool {
    is_public(interface) && objects.into_iter().all(|object| object.classed().is_empty())
}

fn is_public(interface: &Interface) -> bool {
    let class = interface.classification.as_ref().and_then(|classification| classification.data);
    class == Some(DataClass::Public)
}

/// What of the contracts of checked interfaces cannot be checked against. Where a check is enforced that is an error: what
/// it promises would not hold.
pub fn uncheckable(fabric: &Fabric) -> Vec<Finding> {
    let mut findings = Vec::new();
    for interface in fabric.interfaces.values() {
        let Some(Api::Direct { openapi, .. }) = interface.api() else { continue };
        let Validation { request, response, .. } = interface.validation;
        let idle = request == Check::Off && response == Check::Off;
        let over = matches!(interface.lifecycle, Lifecycle::Retired { .. } | Lifecycle::Blocked { .. });
        let Some(text) = fabric.files.get(&openapi.value).filter(|_| !idle && !over) else { continue };
        let enforced = request == Check::Enforce || response == Check::Enforce;
        let compiled = contract::compiled(&openapi.value, text);
        for (check, side, unread) in
            [(request, "requests", &compiled.unread.0), (response, "answers", &compiled.unread.1)]
        {
            for what in unread.iter().filter(|_| check == Check::Enforce) {
                let message = format!("`{}` enforces its {side}, and {what} is never checked", interface.reference());
                let finding = Finding::error(code::CONTENT_UNREAD, &openapi.place, message);
                let hint = "take JSON or a form there, or know that such bodies pass as they are";
                findings.push(Finding { severity: Severity::Warning, ..finding }.fix(hint));
            }
        }
        for problem in &compiled.problems {
            let message =
                format!("`{}` cannot be checked against a part of its contract: {problem}", interface.reference());
            let finding = Finding::error(code::CONTRACT_UNCHECKABLE, &openapi.place, message);
            let severity = if enforced { Severity::Error } else { Severity::Warning };
            findings.push(
                Finding { severity, ..finding }.fix("change that part of the contract, or set `validation` to off"),
            );
        }
    }
    findings
}
