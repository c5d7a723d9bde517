//! There is a fabric at all.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::kind::Kind;
use selvage_model::source::Place;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const MISSING: LintRule = LintRule {
    code: code::FABRIC_MISSING,
    name: "fabric-is-declared",
    severity: Severity::Error,
    waivable: false,
    check: missing,
};

fn missing(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let first = fabric.teams.values().map(|team| &team.place);
    let first = first.chain(fabric.systems.values().map(|system| &system.place));
    let first = first.chain(fabric.consumers.values().map(|consumer| &consumer.place));
    let first = first.chain(fabric.sites.values().map(|site| &site.place));
    let first = first.chain(fabric.interfaces.values().map(|interface| &interface.place)).min();
    let is_broken = fabric.unread.iter().any(|(kind, _)| *kind == Kind::Fabric);
    if fabric.settings.is_none()
        && !is_broken
        && let Some(place) = first
    {
        let place = Place::start(&place.file);
        let finding = Finding::error(code::FABRIC_MISSING, &place, "no manifest of `kind: Fabric` names the fabric");
        report.add("fabric", finding.fix("add one: `kind: Fabric`, a `name` and its `environments`"));
    }
}
