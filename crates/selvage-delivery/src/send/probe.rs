//! The message that asks an endpoint whether it takes messages: a subscription is active once it was answered by a 2xx. It is signed as
//! every other, so an endpoint that verifies proves with it that both sides have the same secret.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::{Message, MessageId};

/// The type of the event in it.
pub const PROBED: &str = "selvage.subscription.probed";

/// A probe of a subscription (`consumer/name`). Each is another message.
pub fn probe(subscription: &str, now: Timestamp) -> Message {
    let id = MessageId::new(&format!("msg_probe_{subscription}_{}", now.as_microsecond()));
    let event = json!({
        "specversion": "1.0",
        "id": id.as_str(),
        "source": "/selvage/subscriptions",
        "type": PROBED,
        "subject": subscription,
        "time": now.to_string(),
        "datacontenttype": "application/json",
        "data": {"subscription": subscription},
    });
    Message {
        id,
        kind: PROBED.to_owned(),
        content_type: "application/cloudevents+json",
        body: Bytes::from(event.to_string()),
        appended_at: now,
        attempts_before: 0,
    }
}
