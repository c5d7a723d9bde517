//! What a domain declares and the gate of faults does not try, by its type: no interface is passed over in silence. Pure.

use selvage_model::manifest::api::Api;
use selvage_model::manifest::event::EventInterface;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};

use super::is_odoo;
use crate::looking::answers::Answers;

/// Each interface that the domain declares and that is not tried, or not all of it, with the reason.
pub(super) fn named(answers: &Answers<'_>) -> Vec<String> {
    let declared = answers.fabric.interfaces.values().filter(|it| is_served(it) && answers.declares(it));
    declared.flat_map(|it| why(it, answers).into_iter().map(|why| format!("{}: {why}", it.reference()))).collect()
}

/// Whether there is anything to try: what is a draft or retired is not served.
pub(super) fn is_served(interface: &Interface) -> bool {
    !matches!(interface.lifecycle, Lifecycle::Draft | Lifecycle::Retired { .. })
}

fn why(interface: &Interface, answers: &Answers<'_>) -> Vec<&'static str> {
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(serves)) if is_odoo(answers.fabric, &serves.system.value) => {
            serves.reads.iter().map(|_| "its copy is not tried, and reads are tried without it").collect()
        }
        InterfaceBody::Api(Api::Mediated(_)) => vec!["its system is not simulated"],
        InterfaceBody::Api(Api::Direct { .. }) => vec!["direct interfaces are not tried"],
        InterfaceBody::Webhook(_) => vec!["webhooks of systems are not tried"],
        InterfaceBody::File(_) => vec!["interfaces of files are not tried"],
        InterfaceBody::Flow => vec!["flows are not tried"],
        InterfaceBody::Event(event) => of_events(interface, event, answers),
    }
}

/// Events are tried where they are delivered; where they come from a system is not.
fn of_events(interface: &Interface, event: &EventInterface, answers: &Answers<'_>) -> Vec<&'static str> {
    let reference = interface.reference();
    let mut delivered = answers.fabric.subscriptions.iter().filter(|it| it.deliver.is_some());
    let is_delivered = delivered.any(|it| it.interface.value == reference);
    let capture = event.capture.is_some().then_some("its capture is not tried");
    capture.into_iter().chain((!is_delivered).then_some("its events are delivered to nobody")).collect()
}
