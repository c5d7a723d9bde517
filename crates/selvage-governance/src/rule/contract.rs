//! What the OpenAPI contract of a direct interface owes those who call it. Interfaces that are on their way out are left alone.

use selvage_model::code;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::name::InterfaceRef;

use super::LintRule;
use crate::contract::{Contract, Operation};
use crate::lint::{Context, Report};
use crate::nearest::shortened;

/// Active direct interfaces with their contracts.
fn active<'c, 'a: 'c>(context: &'c Context<'a>) -> impl Iterator<Item = (&'a InterfaceRef, &'c Contract)> {
    let active = context.fabric.interfaces.iter().filter(|(_, interface)| interface.lifecycle == Lifecycle::Active);
    active.filter_map(|(reference, interface)| Some((reference, context.contract(interface)?)))
}

/// The operations of which something is so, at the first of them, by name.
fn those(contract: &Contract, is_so: impl Fn(&Operation) -> bool) -> Option<(&Operation, String)> {
    let found: Vec<&Operation> = contract.operations.iter().filter(|operation| is_so(operation)).collect();
    let first = found.first().copied()?;
    let name = |it: &&Operation| it.id.clone().unwrap_or_else(|| format!("{} {}", it.method, it.path));
    let names: Vec<String> = found.iter().map(name).collect();
    Some((first, shortened(&names)))
}

pub(crate) const REPEATED: LintRule = LintRule {
    code: code::WRITE_UNREPEATABLE,
    name: "writes-can-be-repeated",
    severity: Severity::Advice,
    waivable: true,
    check: repeated,
};

fn repeated(context: &Context<'_>, report: &mut Report) {
    for (reference, contract) in active(context) {
        let Some((first, names)) = those(contract, Operation::may_repeat) else { continue };
        let message = format!("{names} of `{reference}` may be done twice when an answer is lost and it is sent again");
        let finding = REPEATED.finding(&first.place, message);
        let fix = "let the system take an `Idempotency-Key` header, where it can, and declare it as a parameter";
        report.add(reference, finding.fix(fix));
    }
}

pub(crate) const PROBLEMS: LintRule = LintRule {
    code: code::ERRORS_UNTOLD,
    name: "errors-are-problems",
    severity: Severity::Advice,
    waivable: true,
    check: problems,
};

fn problems(context: &Context<'_>, report: &mut Report) {
    for (reference, contract) in active(context) {
        let Some((first, names)) = those(contract, |operation| !operation.tells_problems) else { continue };
        let message = format!("{names} of `{reference}` declare no error as `application/problem+json` (RFC 9457)");
        let finding = PROBLEMS.finding(&first.place, message);
        let fix = "add a `default` response with that media type: the gateway's own refusals have it already";
        report.add(reference, finding.fix(fix));
    }
}

pub(crate) const KEY: LintRule = LintRule {
    code: code::KEY_IN_ADDRESS,
    name: "no-key-in-addresses",
    severity: Severity::Warning,
    waivable: true,
    check: key,
};

fn key(context: &Context<'_>, report: &mut Report) {
    for (reference, contract) in active(context) {
        for place in &contract.keys_in_addresses {
            let message = format!("callers of `{reference}` write a key into the address, where every log keeps it");
            let finding = KEY.finding(place, message);
            report.add(reference, finding.fix("take the key in a header: `in: header`"));
        }
    }
}

pub(crate) const WHO: LintRule = LintRule {
    code: code::CONTRACT_SECURITY,
    name: "contract-says-who-may",
    severity: Severity::Advice,
    waivable: true,
    check: who,
};

fn who(context: &Context<'_>, report: &mut Report) {
    for (reference, contract) in active(context).filter(|(_, contract)| !contract.says_who) {
        let message = format!(
            "the contract of `{reference}` does not say how callers prove who they are; clients made of it fail"
        );
        let finding = WHO.finding(&contract.place, message);
        report.add(reference, finding.fix("add `security` and its scheme; `security: []` where nobody has to"));
    }
}

pub(crate) const PARAMETERS: LintRule = LintRule {
    code: code::PARAMETER_UNDECLARED,
    name: "path-parameters-are-declared",
    severity: Severity::Warning,
    waivable: true,
    check: parameters,
};

fn parameters(context: &Context<'_>, report: &mut Report) {
    for (reference, contract) in active(context) {
        for operation in contract.operations.iter().filter(|operation| !operation.undeclared.is_empty()) {
            let Operation { method, path, .. } = operation;
            let names = shortened(&operation.undeclared);
            let message = format!("{method} {} of `{reference}` does not declare {names}", show(path));
            let finding = PARAMETERS.finding(&operation.place, message);
            report.add(reference, finding.fix("add `{name: …, in: path, required: true, schema: …}` to `parameters`"));
        }
    }
}
