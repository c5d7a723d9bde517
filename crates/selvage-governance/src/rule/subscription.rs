//! Subscriptions name events that their interface has and will send, to those who have a grant and can tell them from forged ones.

use std::collections::BTreeSet;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};
use selvage_model::subscription::SUBSCRIBE;

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

pub(crate) const TWICE: LintRule = LintRule {
    code: code::SUBSCRIPTION_TWICE,
    name: "subscription-has-its-own-name",
    severity: Severity::Error,
    waivable: false,
    check: twice,
};

fn twice(context: &Context<'_>, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for subscription in &context.fabric.subscriptions {
        let Some(name) = subscription.known_as() else { continue };
        let consumer = &subscription.consumer;
        if !seen.insert((&consumer.value, name.clone())) {
            let message = format!("`{consumer}` has another subscription that is called `{name}`");
            let place = subscription.name.as_ref().map_or(&subscription.place, |name| &name.place);
            let finding = TWICE.finding(place, message).fix("give one of them a `name` of its own, or make them one");
            report.add_lease(consumer, &subscription.interface, finding);
        }
    }
}

pub(crate) const KEYLESS: LintRule = LintRule {
    code: code::SIGNED_BY,
    name: "signed-by-a-secret",
    severity: Severity::Error,
    waivable: false,
    check: keyless,
};

fn keyless(context: &Context<'_>, report: &mut Report) {
    for subscription in &context.fabric.subscriptions {
        let Some(deliver) = &subscription.deliver else { continue };
        let (message, place, fix) = match (&deliver.signing, deliver.secrets.first()) {
            (Some(signing), None) => {
                let message = format!("deliveries to `{}` are signed, and no secret is named", deliver.system);
                (message, &signing.place, format!("add `secret: {{secret: {}/hooks}}` to `deliver`", deliver.system))
            }
            (None, Some(secret)) => {
                let message = format!("deliveries to `{}` have a secret, and are not signed", deliver.system);
                (message, &secret.place, "add `signing: standard-webhooks` to `deliver`".to_owned())
            }
            _ => continue,
        };
        let finding = KEYLESS.finding(place, message).fix(fix);
        report.add_lease(&subscription.consumer, &subscription.interface, finding);
    }
}

pub(crate) const UNGRANTED: LintRule = LintRule {
    code: code::SUBSCRIPTION_UNGRANTED,
    name: "subscription-needs-a-grant",
    severity: Severity::Error,
    waivable: false,
    check: ungranted,
};

fn ungranted(context: &Context<'_>, report: &mut Report) {
    let mut granted = BTreeSet::new();
    for grant in &context.fabric.grants {
        if grant.operations.iter().any(|operation| operation.value == SUBSCRIBE) {
            granted.insert((&grant.consumer.value, &grant.interface.value));
        }
    }
    for subscription in &context.fabric.subscriptions {
        let (consumer, interface) = (&subscription.consumer, &subscription.interface);
        if !granted.contains(&(&consumer.value, &interface.value)) {
            let message = format!("`{consumer}` has no grant to subscribe to `{interface}`");
            let finding = UNGRANTED.finding(&subscription.place, message);
            let fix = format!("grant `{interface}` to `{consumer}` with `operations: [{SUBSCRIBE}]`");
            report.add_lease(consumer, interface, finding.fix(fix));
        }
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
