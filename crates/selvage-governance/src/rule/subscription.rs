//! Subscriptions name events that their interface has.

use selvage_model::code;
use selvage_model::finding::{Finding, show};
use selvage_model::manifest::interface::InterfaceBody;

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

pub(crate) const EVENT: LintRule = LintRule {
    code: code::SUBSCRIPTION_EVENT,
    name: "subscribed-event-is-there",
    bad: "\
kind: Subscription
consumer: planning
interface: product-events@1
events: [masterdata.product.chnaged]
",
    good: "\
kind: Subscription
consumer: planning
interface: product-events@1
events: [masterdata.product.changed]
",
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
