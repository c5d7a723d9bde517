//! Deliveries: who subscribed to events gets them, each lane in order, and a slow or dead endpoint delays nobody else. Lanes
//! decide what is sent when; what sends, messages and mail, knows no lanes, no store and no log. Never looks into an event's data.

mod attempt;
mod contract;
mod endpoint;
mod envelope;
mod figures;
mod heard;
mod keeper;
mod lanes;
mod late;
pub mod mail;
mod message;
mod pace;
mod pull;
mod ration;
mod reading;
mod retry;
mod run;
pub mod send;
mod shown;
mod writing;

pub use attempt::{Attempt, Sent};
pub use contract::{Contracts, Handed, Hands, Held, Holding};
pub use endpoint::{AddressPolicy, Endpoint, EndpointLimits, EndpointTls, Signing};
pub use figures::{Figure, Figures};
pub use heard::Heard;
pub use keeper::{Keeper, preferred};
pub use lanes::LONGEST_HOLD;
pub use late::oldest_waiting;
pub use message::{Message, MessageId, Sending};
pub use pull::Puller;
pub use ration::{Granted, Rations};
pub use retry::Calendar;
pub use run::{DeliveryConfig, Job};
