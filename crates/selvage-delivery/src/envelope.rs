//! From an event of the log to the message that a receiver gets: the same event, with its `sequence`. Never looks into its data.

use bytes::Bytes;
use selvage_model::cloud_event::{self, CloudEvent};
use selvage_model::event::EventId;
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::EventInterface;
use selvage_store::ParkedMessage;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::shown::shown;
use crate::{Message, MessageId};

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

/// The event's type; none where the body is no event.
pub(crate) fn kind(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Head<'_>>(body).ok().map(|head| head.kind.into_owned())
}

/// What the log has.
pub(crate) fn event(body: &[u8]) -> Result<CloudEvent, NoEvent> {
    CloudEvent::from_record(body).map_err(|_| NoEvent)
}

/// The same as what is granted shows it; none where that is nothing. INVARIANT: DECLARED
pub(crate) fn covered(body: &[u8], interface: &EventInterface, scope: &Scope) -> Result<Option<CloudEvent>, NoEvent> {
    Ok(shown(event(body)?, interface, scope))
}

/// The body is no event.
#[derive(Debug)]
pub(crate) struct NoEvent;

/// The message for a subscription.
pub(crate) fn message(subscription: &str, parked: &ParkedMessage, event: CloudEvent, attempts_before: u32) -> Message {
    Message {
        id: id(subscription, &parked.event),
        content_type: cloud_event::STRUCTURED,
        body: Bytes::from(event.told(parked.position).to_string()),
        kind: event.kind,
        appended_at: parked.appended,
        attempts_before,
    }
}

/// The same for the same event and subscription, on every node and at each attempt.
fn id(subscription: &str, event: &EventId) -> MessageId {
    let mut digest = Sha256::new();
    digest.update(subscription.as_bytes());
    digest.update(b"\n");
    digest.update(event.as_str().as_bytes());
    let hash: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    MessageId::new(&format!("msg_{hash}"))
}

#[cfg(test)]
mod tests {
    use selvage_model::event::Position;

    use super::*;

    #[test]
    fn a_message_is_the_event_with_its_sequence() {
        let parked = ParkedMessage {
            is_damaged: false,
            position: Position::new(1, 42).unwrap(),
            event: "mes#1".parse().unwrap(),
            body: br#"{"specversion":"1.0","id":"1","source":"mes","type":"a.b.made","data":{"amount":1.10}}"#.to_vec(),
            appended: "2027-03-01T08:00:00Z".parse().unwrap(),
        };
        let of = |subscription: &str| message(subscription, &parked, CloudEvent::from_record(&parked.body).unwrap(), 0);
        let sent = of("sub_1");
        let text = String::from_utf8(sent.body.to_vec()).unwrap();
        assert!(text.contains(r#""sequence":"0001000000000000042""#) && text.contains(r#""amount":1.10"#), "{text}");
        assert_eq!((sent.kind.as_str(), kind(&parked.body).as_deref()), ("a.b.made", Some("a.b.made")));
        assert_eq!(of("sub_1").id, sent.id);
        assert_ne!(of("sub_2").id, sent.id);
        assert_eq!(kind(b"not an event"), None);
    }
}
