//! What was found when messages were checked, as data: by consumer, interface, operation and side.

use selvage_model::name::{ConsumerName, InterfaceRef};

/// The checks of one side of an operation, for one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractTraffic {
    /// Which interface.
    pub interface: InterfaceRef,
    /// Whose messages.
    pub consumer: Option<ConsumerName>,
    /// Which operation.
    pub operation: String,
    /// `request` or `response`.
    pub side: &'static str,
    /// Messages that were checked.
    pub checked: u64,
    /// Messages that did not fit.
    pub unfit: u64,
    /// Messages whose body could not be checked: too large, or compressed.
    pub unchecked: u64,
    /// Where they did not fit, the most frequent first.
    pub fields: Vec<BrokenField>,
}

/// A field that a rule of the contract was broken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenField {
    /// `path`, `query`, `header`, `cookie` or `body`.
    pub place: &'static str,
    /// A parameter's name, or a JSON Pointer with `*` for indexes.
    pub name: String,
    /// The keyword of the schema.
    pub rule: &'static str,
    /// How often.
    pub count: u64,
    /// When first, seconds since 1970.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// What stood there last: the value where everyone may see it, else what it looks like.
    pub sample: String,
}
