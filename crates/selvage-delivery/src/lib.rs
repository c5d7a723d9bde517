//! Deliveries: who subscribed to events gets them, each lane in order, and a slow or dead endpoint delays nobody else. Lanes
//! decide what is sent when; what sends knows no lanes, no store and no log. Never looks into an event's data.

mod attempt;
mod endpoint;
mod message;
pub mod send;

pub use attempt::{Attempt, Sent};
pub use endpoint::{AddressPolicy, Endpoint, EndpointLimits, EndpointTls, Signing};
pub use message::{Message, MessageId, Sending};
