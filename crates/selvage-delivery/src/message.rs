//! One message on its way to an endpoint, and the function that sends it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{Attempt, Endpoint};

/// What a receiver knows a message by. Made of the event's id in the log and the subscription, so that whatever is sent again,
/// by whichever node, has the same. INVARIANT: ONE-EFFECT
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Arc<str>);

impl MessageId {
    /// A message id; letters, digits, `_`, `-` and `.` of `text`, others become `_`.
    pub fn new(text: &str) -> Self {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
        Self(text.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect::<String>().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What is sent: the same bytes at each attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same at each attempt.
    pub id: MessageId,
    /// The event's type.
    pub kind: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The event, as structured JSON with its `sequence`.
    pub body: Bytes,
    /// When the event was appended to the log.
    pub appended_at: Timestamp,
    /// How often it was sent before.
    pub attempts_before: u32,
}

/// Sends one message to an endpoint and says what came of it. It ends by itself, within the endpoint's timeout, and it waits for
/// nobody else's endpoint: where a limit or a breaker stands in the way, it answers [`crate::Sent::NotSent`] at once.
pub type Sending =
    Arc<dyn Fn(Arc<Endpoint>, Message) -> Pin<Box<dyn Future<Output = Attempt> + Send>> + Send + Sync + 'static>;
