//! Recovery targets: said where a plant depends on them, and met by the way in which changes are captured.

use std::time::Duration;

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::name::InterfaceRef;

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
        let Some(target) = target else { continue };
        let (looks, copy) = match looks(interface) {
            Some(looks) => (looks, None),
            None => match behind(context, interface) {
                Some((looks, copy)) => (looks, Some(copy)),
                None => continue,
            },
        };
        let how = match looks {
            Looks::Every(every) if every > target => format!("looks for changes every {}", spell(every)),
            Looks::Every(_) => continue,
            Looks::WhenTold => "learns of changes by hints alone, which get lost".to_owned(),
        };
        let target = spell(target);
        let message = match copy {
            Some(copy) => format!("`{reference}` may lose {target} and reads the copy of `{copy}`, which {how}"),
            None => format!("`{reference}` may lose {target} and {how}"),
        };
        let finding = MET.finding(&interface.place, message);
        report.add(reference, finding.fix("poll at least as often as `rpo` says, or say what may really be lost"));
    }
}

/// When changes are looked for.
enum Looks {
    Every(Duration),
    /// Where a system says that something changed, and never else.
    WhenTold,
}

/// When an interface looks for changes, where it does.
fn looks(interface: &Interface) -> Option<Looks> {
    match &interface.body {
        InterfaceBody::Event(event) => {
            let capture = event.capture.as_ref()?;
            capture.poll.map(Looks::Every).or(capture.webhook.then_some(Looks::WhenTold))
        }
        InterfaceBody::File(file) => file.source.poll.map(Looks::Every),
        _ => None,
    }
}

/// When whoever keeps the copy that an interface reads looks for changes: asked where a plant depends on what it reads.
fn behind<'a>(context: &Context<'a>, interface: &'a Interface) -> Option<(Looks, &'a InterfaceRef)> {
    if !is_tier_1(interface) {
        return None;
    }
    let Some(Api::Mediated(serves)) = interface.api() else { return None };
    let copy = &serves.reads.as_ref()?.copy.value;
    Some((looks(context.fabric.interfaces.get(copy)?)?, copy))
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
