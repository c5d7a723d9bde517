//! Direct interfaces, when they should not be; and what only direct interfaces can be told about checks.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::Check;
use selvage_model::manifest::system::Connector;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const ERP: LintRule = LintRule {
    code: code::DIRECT_ERP,
    name: "no-direct-erp-internals",
    bad: "\
kind: Interface
name: odoo-stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
control: direct
contract: {openapi: contracts/stock.yaml}
upstream: {system: odoo, path: /api/stock}
",
    good: "\
kind: Interface
name: odoo-stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
control: direct
because: The scanners speak nothing else until they are replaced in spring
contract: {openapi: contracts/stock.yaml}
upstream: {system: odoo, path: /api/stock}
",
    waivable: true,
    check: erp,
};

fn erp(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(Api::Direct { upstream, .. }) = interface.api() else { continue };
        let system = context.fabric.systems.get(&upstream.system.value);
        let is_odoo = system.is_some_and(|system| system.connector == Connector::Odoo);
        if is_odoo && interface.because.is_none() {
            let message = format!(
                "`{reference}` passes requests to Odoo as they are: its consumers depend on Odoo's own records"
            );
            let finding = Finding::error(code::DIRECT_ERP, &upstream.system.place, message);
            let finding = Finding { severity: Severity::Advice, ..finding };
            report.add(
                reference,
                finding.fix("serve an object instead (`control: mediated`), or say why not with `because`"),
            );
        }
    }
}

pub(crate) const UNCHECKED: LintRule = LintRule {
    code: code::DIRECT_UNCHECKED,
    name: "mediated-is-always-checked",
    bad: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list, get]}
validation: {request: report}
",
    good: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list, get]}
",
    waivable: true,
    check: unchecked,
};

fn unchecked(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let is_mediated = matches!(interface.api(), Some(Api::Mediated(_)));
        if is_mediated && interface.validation.request != Check::Enforce {
            let message =
                format!("`{reference}` is mediated: what does not fit the object is refused, whatever it says");
            let finding = Finding::warning(code::DIRECT_UNCHECKED, &interface.place, message);
            report.add(reference, finding.fix("write `validation: {request: enforce}`, or leave it out"));
        }
    }
}
