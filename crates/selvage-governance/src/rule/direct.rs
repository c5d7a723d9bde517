//! Direct interfaces: when they should not be.

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
    name: "direct-is-not-checked",
    bad: "\
kind: Interface
name: stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms, path: /api/stock}
validation: {request: enforce}
",
    good: "\
kind: Interface
name: stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms, path: /api/stock}
",
    waivable: true,
    check: unchecked,
};

fn unchecked(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let asked = [interface.validation.request, interface.validation.response];
        let is_direct = matches!(interface.api(), Some(Api::Direct { .. }));
        if is_direct && asked.iter().any(|check| *check != Check::Off) {
            let message = format!(
                "`{reference}` asks for `validation`, and the messages of direct interfaces are not checked yet"
            );
            let finding = Finding::warning(code::DIRECT_UNCHECKED, &interface.place, message);
            report.add(reference, finding.fix("take `validation` out, or serve an object with `control: mediated`"));
        }
    }
}
