//! Calls in from systems: proven by something that only they have, told apart, and made into events that somebody has.

use selvage_model::code;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::event::{EventInterface, EventType};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::webhook::{CallId, SignedPart, Signing, WebhookInterface};
use selvage_model::name::InterfaceRef;

use super::LintRule;
use super::event::events;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

pub(super) fn webhooks<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface, &'a WebhookInterface)> {
    context.served().filter_map(|(reference, interface)| match &interface.body {
        InterfaceBody::Webhook(webhook) => Some((reference, interface, webhook)),
        _ => None,
    })
}

/// The event type that a webhook's calls become, where a served interface has it.
pub(super) fn target<'a>(
    context: &Context<'a>,
    webhook: &WebhookInterface,
) -> Option<(&'a EventInterface, &'a EventType)> {
    let wanted = &webhook.into.as_ref()?.event.value;
    let mut all = events(context).flat_map(|(_, _, body)| body.events.iter().map(move |event| (body, event)));
    all.find(|(_, event)| &event.name.value == wanted)
}

pub(crate) const OPEN: LintRule = LintRule {
    code: code::WEBHOOK_OPEN,
    name: "secret-paths-have-networks",
    severity: Severity::Warning,
    waivable: true,
    check: open,
};

fn open(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let Some(signing) = webhook.signing.as_ref().filter(|signing| signing.value == Signing::SecretPath) else {
            continue;
        };
        if webhook.from.is_empty() {
            let message = format!("`{reference}` believes whoever knows its path, from wherever they call");
            let finding = OPEN.finding(&signing.place, message);
            let fix = "add the networks that the sender calls from: `from: [192.0.2.0/24]`";
            report.add(reference, finding.fix(fix));
        }
    }
}

pub(crate) const NOWHERE: LintRule = LintRule {
    code: code::WEBHOOK_NOWHERE,
    name: "webhooks-become-declared-events",
    severity: Severity::Error,
    waivable: false,
    check: nowhere,
};

fn nowhere(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, webhook) in webhooks(context) {
        let Some(into) = &webhook.into else {
            if !webhook.hints {
                let message = format!("`{reference}` does not say what its calls become");
                let finding = NOWHERE.finding(&interface.place, message);
                report.add(
                    reference,
                    finding.fix("add `into: {event: …}`, or `into: hints` for an Odoo's automation rules"),
                );
            }
            continue;
        };
        if target(context, webhook).is_none() {
            let known = events(context).flat_map(|(_, _, body)| &body.events).map(|event| event.name.value.as_str());
            let message = format!("no event interface that is served has {}", show(&into.event.value));
            let finding = NOWHERE.finding(&into.event.place, message);
            report.add(
                reference,
                finding.fix(suggest(&into.event.value, known, "declare it in a `type: event` interface")),
            );
        }
    }
}

pub(crate) const SECRETS: LintRule = LintRule {
    code: code::WEBHOOK_SECRETS,
    name: "webhooks-name-their-secrets",
    severity: Severity::Error,
    waivable: false,
    check: secrets,
};

fn secrets(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let Some(signing) = &webhook.signing else { continue };
        let (message, fix) = match (&signing.value, webhook.secrets.is_empty()) {
            (Signing::Mtls { .. }, false) => (
                format!("the calls of `{reference}` are proven by a certificate, and secrets are named"),
                "remove `secrets`",
            ),
            (Signing::Mtls { .. }, true) | (_, false) => continue,
            (_, true) => {
                let message = format!("nothing can prove a call of `{reference}`: no secret is named");
                (message, "add `secrets: [{secret: <its name>}]` to `source`")
            }
        };
        report.add(reference, SECRETS.finding(&signing.place, message).fix(fix));
    }
}

pub(crate) const OBJECT: LintRule = LintRule {
    code: code::WEBHOOK_OBJECT,
    name: "webhooks-carry-their-events-object",
    severity: Severity::Error,
    waivable: false,
    check: object,
};

fn object(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let Some((_, event)) = target(context, webhook) else { continue };
        let Some(own) = webhook.into.as_ref().and_then(|into| into.object.as_ref()) else { continue };
        let name = show(&event.name.value);
        match event.object() {
            Some(object) if own.value == object.value => {}
            Some(object) => {
                let message = format!("`{reference}` makes a `{own}`, and its event {name} carries a `{object}`");
                let finding = OBJECT.finding(&own.place, message);
                report.add(reference, finding.fix(format!("write `object: {object}`, or leave it out")));
            }
            None => {
                let message = format!("`{reference}` makes a `{own}`, and its event {name} carries what a schema says");
                report.add(reference, OBJECT.finding(&own.place, message).fix("leave `object` out"));
            }
        }
    }
}

pub(crate) const RECORD: LintRule = LintRule {
    code: code::WEBHOOK_RECORD,
    name: "webhook-records-are-mapped",
    severity: Severity::Error,
    waivable: false,
    check: record,
};

fn record(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let (Some(record), Some(system)) = (&webhook.record, &webhook.source) else { continue };
        let Some((_, event)) = target(context, webhook) else { continue };
        // That data without an object is made of no record is told by another rule.
        let Some(object) = event.object() else { continue };
        let mappings = context.mappings_of(&object.value, &system.value);
        if mappings.iter().all(|mapping| mapping.record != record.value) {
            let called = show(&record.value);
            let message = format!("no mapping makes a `{object}` of a {called} of `{system}`");
            let finding = RECORD.finding(&record.place, message);
            report.add(reference, finding.fix("declare the mapping, or leave `record` out where a call is the object"));
        }
    }
}

pub(crate) const ALIKE: LintRule = LintRule {
    code: code::WEBHOOK_ALIKE,
    name: "calls-are-told-apart",
    severity: Severity::Warning,
    waivable: true,
    check: alike,
};

fn alike(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let Some(signing) = &webhook.signing else { continue };
        let has_id = webhook.id.is_some() || signing.value == Signing::StandardWebhooks;
        if webhook.into.is_some() && !has_id {
            let message = format!("two calls of `{reference}` that say the same are taken for one that was repeated");
            let finding = ALIKE.finding(&signing.place, message);
            let fix = "say where the sender puts an id: `id: {header: X-Delivery}` or `id: {at: /event/id}`";
            report.add(reference, finding.fix(fix));
        }
    }
}

pub(crate) const REPLAYED: LintRule = LintRule {
    code: code::WEBHOOK_REPLAYED,
    name: "ids-of-calls-are-proven",
    severity: Severity::Warning,
    waivable: true,
    check: replayed,
};

fn replayed(context: &Context<'_>, report: &mut Report) {
    for (reference, _, webhook) in webhooks(context) {
        let Some(signing) = &webhook.signing else { continue };
        let is_timeless = matches!(&signing.value, Signing::Hmac(hmac) if !hmac.signs.contains(&SignedPart::Timestamp));
        if webhook.into.is_some() && is_timeless && matches!(webhook.id, Some(CallId::Header(_))) {
            let message = format!(
                "nothing proves the id of a call of `{reference}`, nor when it was made: \
                 two that say the same are taken for one that was repeated"
            );
            let finding = REPLAYED.finding(&signing.place, message);
            let fix = "take the id from the body (`id: {at: /event/id}`), or a scheme that signs a time";
            report.add(reference, finding.fix(fix));
        }
    }
}

pub(crate) const UNHEARD: LintRule = LintRule {
    code: code::HINTS_UNHEARD,
    name: "hints-are-heard",
    severity: Severity::Warning,
    waivable: true,
    check: unheard,
};

fn unheard(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, webhook) in webhooks(context) {
        let Some(system) = webhook.source.as_ref().filter(|_| webhook.hints) else { continue };
        let hears = |body: &EventInterface| {
            let of_system = body.produced_by.as_ref().is_some_and(|own| own.value == system.value);
            of_system && body.capture.as_ref().is_some_and(|capture| capture.webhook)
        };
        if !events(context).any(|(_, _, body)| hears(body)) {
            let message = format!("no capture of `{system}` listens to the hints of `{reference}`");
            let finding = UNHEARD.finding(&interface.place, message);
            report
                .add(reference, finding.fix("write `capture: {webhook: true, …}` in an event interface of the system"));
        }
    }
}

pub(crate) const UNTOLD: LintRule = LintRule {
    code: code::CAPTURE_UNHINTED,
    name: "captures-are-told-hints",
    severity: Severity::Advice,
    waivable: true,
    check: untold,
};

fn untold(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, body) in events(context) {
        let Some(system) = &body.produced_by else { continue };
        if !body.capture.as_ref().is_some_and(|capture| capture.webhook) {
            continue;
        }
        let tells = |webhook: &WebhookInterface| {
            webhook.hints && webhook.source.as_ref().is_some_and(|own| own.value == system.value)
        };
        if !webhooks(context).any(|(_, _, webhook)| tells(webhook)) {
            let message = format!("`{reference}` listens to hints of `{system}`, and no webhook takes any");
            let finding = UNTOLD.finding(&interface.place, message);
            report.add(
                reference,
                finding.fix("declare a webhook of the system with `into: hints`, or leave `webhook` out"),
            );
        }
    }
}
