//! What the console shows of the traffic: plain data, merged from the threads when asked for.

mod contracts;

use std::collections::BTreeMap;

use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::overview::KeptRow;

pub use contracts::{BrokenField, ContractTraffic};

/// The traffic since the gateway started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// By interface; those without a request are left out.
    pub interfaces: BTreeMap<InterfaceRef, InterfaceTraffic>,
    /// Requests that nothing declares: unknown paths, and undeclared paths or methods of known interfaces.
    pub shadow: u64,
    /// Some of them, newest last.
    pub shadow_samples: Vec<ShadowSample>,
}

/// The traffic of one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceTraffic {
    /// Requests.
    pub requests: u64,
    /// Refused by Selvage: 4xx.
    pub refused: u64,
    /// Failed: 5xx, by the system or by Selvage.
    pub failed: u64,
    /// Requests in each of the last 60 minutes, oldest first; the last is the running one.
    pub minutes: Vec<u32>,
    /// Refusals and failures of Selvage by code, most first.
    pub refusals: Vec<(String, u64)>,
    /// Requests by consumer, most first.
    pub consumers: Vec<(ConsumerName, u64)>,
    /// What became of its kept answers, where it keeps any.
    pub kept: Option<KeptRow>,
}

/// One request that nothing declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowSample {
    /// Its method, truncated.
    pub method: String,
    /// Its path without the query, truncated.
    pub path: String,
    /// When, seconds since 1970.
    pub at: i64,
}
