//! The gateway through its port: real sockets, raw bytes, an upstream that misbehaves on request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod client;
mod fabric;
mod forms;
mod running;
mod upstream;
mod upstreams;

mod answers;
mod bodies;
mod budgets;
mod cache;
mod compile;
mod condition;
mod contracts;
mod decide;
mod explain;
mod hostile;
mod http2;
mod lifecycle;
mod limits;
mod listener;
mod malformed;
mod masks;
mod matrix;
mod mediated;
mod mint;
mod mtls;
mod oauth;
mod proxy;
mod published;
mod revocation;
mod scope;
mod shutdown;
mod signer;
mod swap;
mod systems;
mod telemetry;
mod tls;
mod token;
mod trace;
mod tunnel;
mod usage;
