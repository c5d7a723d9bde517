//! Recovery targets: said where a plant depends on them, and met by the way in which changes are captured.

use std::time::Duration;

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::interface::{Interface, InterfaceBody};

use super::LintRule;
use super::interface::is_tier_1;
use crate::lint::{Context, Report};
use selvage_model::scalar::spell;

pub(crate) const MET: LintRule = LintRule {
    code: code::RECOVERY_UNMET,
    name: "recovery-can-be-met",
    severity: Severity::Warning,
    waivable: true,
    check: met,
};

fn met(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let target = interface.classification.as_ref().and_then(|class| class.recovery_point);
        let (Some(target), Some(every)) = (target, looked_at_every(interface)) else { continue };
        if every > target {
            let (target, every) = (spell(target), spell(every));
            let message = format!("`{reference}` may lose {target} and looks for changes every {every}");
            let finding = MET.finding(&interface.place, message);
            report.add(reference, finding.fix("poll at least as often as `rpo` says, or say what may really be lost"));
        }
    }
}

/// How often changes are looked for, where they are polled.
fn looked_at_every(interface: &Interface) -> Option<Duration> {
    match &interface.body {
        InterfaceBody::Event(event) => event.capture.as_ref()?.poll,
        InterfaceBody::File(file) => file.source.poll,
        _ => None,
    }
}

pub(crate) const OVERLAP: LintRule = LintRule {
    code: code::CAPTURE_GAP,
    name: "overlap-covers-transactions",
    severity: Severity::Warning,
    waivable: true,
    check: overlap,
};

fn overlap(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let InterfaceBody::Event(event) = &interface.body else { continue };
        let Some(capture) = event.capture.as_ref().filter(|capture| capture.poll.is_some()) else { continue };
        let system = event.produced_by.as_ref().and_then(|name| context.fabric.systems.get(&name.value));
        let Some(system) = system else { continue };
        let longest = system.limits.longest_transaction;
        let overlap = capture.overlap.unwrap_or_default();
        if overlap < longest {
            let message = format!(
                "`{reference}` looks {} back, and a transaction of `{}` may take {}: what it commits late is never seen",
                spell(overlap),
                system.name,
                spell(longest)
            );
            let finding = OVERLAP.finding(&interface.place, message);
            report.add(reference, finding.fix(format!("write `overlap: {}` or more", spell(longest))));
        }
    }
}

pub(crate) const STATED: LintRule = LintRule {
    code: code::RECOVERY_SILENT,
    name: "tier-1-needs-recovery",
    severity: Severity::Advice,
    waivable: true,
    check: stated,
};

fn stated(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served().filter(|(_, interface)| is_tier_1(interface)) {
        let class = interface.classification.as_ref();
        if class.is_some_and(|class| class.recovery_point.is_none() || class.recovery_time.is_none()) {
            let message =
                format!("`{reference}` is tier-1 and does not say what may be lost and how long it may be gone");
            let finding = STATED.finding(&interface.place, message);
            report.add(reference, finding.fix("add `recovery: {rpo: …, rto: …}` to `classification`"));
        }
    }
}
