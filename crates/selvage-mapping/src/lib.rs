//! The two-way translation between a system's own records and objects: lenses, exact decimals, units, code sets,
//! references, guarded expressions, and the trial of their laws. Pure: no IO, no clock; links are looked up by the caller.

mod answered;
pub mod asyncapi;
pub mod body;
mod code;
pub mod decimal;
mod duration;
pub mod error;
pub mod event_data;
pub mod expression;
pub mod filter;
mod lens;
pub mod link;
pub mod mapping;
pub mod openapi;
pub mod page;
mod pointer;
pub mod quantity;
pub mod reading;
mod record;
mod shape;
pub mod trace;
pub mod trial;

pub use answered::AnswerCheck;
pub use body::{check_body, check_change, check_event};
pub use error::{MapCause, MapError};
pub use event_data::EventData;
pub use filter::Filter;
pub use link::{LinkAnswer, LinkQuery, Links};
pub use mapping::{CompiledMapping, FieldNeed, Form, To};
pub use reading::Reading;
pub use shape::{LONGEST_TEXT, check_scalar};
