//! Which stream a call goes to: that of the event interface which has the type.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};
use selvage_model::manifest::webhook::WebhookInterface;
use selvage_model::name::InterfaceRef;

/// Where the events of a webhook go.
pub(super) struct Target<'f> {
    pub(super) stream: &'f InterfaceRef,
    pub(super) event: &'f EventType,
    /// What orders the events of the stream, as declared.
    pub(super) lane: Option<&'f str>,
}

impl<'f> Target<'f> {
    /// The newest served interface that has the type.
    pub(super) fn of(fabric: &'f Fabric, webhook: &WebhookInterface) -> Option<Self> {
        let wanted = &webhook.into.as_ref()?.event.value;
        fabric.interfaces.iter().rev().find_map(|(stream, interface)| {
            let InterfaceBody::Event(body) = &interface.body else { return None };
            if !matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_)) {
                return None;
            }
            let event = body.events.iter().find(|event| &event.name.value == wanted)?;
            Some(Self { stream, event, lane: body.lane.as_deref() })
        })
    }
}
