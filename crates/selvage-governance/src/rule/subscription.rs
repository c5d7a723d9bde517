//! Subscriptions name events that their interface has and will send, to those who can tell them from forged ones.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};

use super::LintRule;
use super::lifecycle::successor;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

pub(crate) const EVENT: LintRule = LintRule {
    code: code::SUBSCRIPTION_EVENT,
    name: "subscribed-event-is-there",
    severity: Severity::Error,
    waivable: false,
    check: event,
};

fn event(context: &Context<'_>, report: &mut Report) {
    for subscription in &context.fabric.subscriptions {
        let (consumer, reference) = (&subscription.consumer, &subscription.interface);
        let Some(interface) = context.fabric.interfaces.get(&reference.value) else { continue };
        let known: Vec<&str> = match &interface.body {
            InterfaceBody::Event(body) => body.events.iter().map(|event| event.name.value.as_str()).collect(),
            _ => Vec::new(),
        };
        for event in subscription.events.iter().filter(|event| !known.contains(&event.value.as_str())) {
            let message = format!("`{reference}` has no event {}", show(&event.value));
            let finding = Finding::error(code::SUBSCRIPTION_EVENT, &event.place, message);
            let fix = suggest(&event.value, &known, "subscribe to an interface of type event that has it");
            report.add_lease(consumer, reference, finding.fix(fix));
        }
    }
}

pub(crate) const UNSIGNED: LintRule = LintRule {
    code: code::DELIVERY_UNSIGNED,
    name: "deliveries-are-signed",
    severity: Severity::Warning,
    waivable: true,
    check: unsigned,
};

fn unsigned(context: &Context<'_>, report: &mut Report) {
    for subscription in &context.fabric.subscriptions {
        let Some(deliver) = subscription.deliver.as_ref().filter(|deliver| deliver.signing.is_none()) else { continue };
        let message =
            format!("`{}` cannot tell deliveries of `{}` from forged ones", deliver.system, subscription.interface);
        let finding = UNSIGNED.finding(&deliver.system.place, message);
        let fix = "add `signing: standard-webhooks` to `deliver`";
        report.add_lease(&subscription.consumer, &subscription.interface, finding.fix(fix));
    }
}

pub(crate) const SILENT: LintRule = LintRule {
    code: code::SUBSCRIPTION_SILENT,
    name: "subscribed-interface-lives",
    severity: Severity::Warning,
    waivable: true,
    check: silent,
};

fn silent(context: &Context<'_>, report: &mut Report) {
    for subscription in &context.fabric.subscriptions {
        let reference = &subscription.interface;
        let Some(interface) = context.fabric.interfaces.get(&reference.value) else { continue };
        if matches!(interface.lifecycle, Lifecycle::Retired { .. } | Lifecycle::Draft) {
            let message = format!(
                "`{reference}` is {}: `{}` waits for nothing",
                interface.lifecycle.as_str(),
                subscription.consumer
            );
            let finding = SILENT.finding(&reference.place, message);
            let fix = match successor(&interface.lifecycle) {
                Some(next) => format!("subscribe to `{next}`"),
                None => "subscribe to an interface that is active".to_owned(),
            };
            report.add_lease(&subscription.consumer, reference, finding.fix(fix));
        }
    }
}
