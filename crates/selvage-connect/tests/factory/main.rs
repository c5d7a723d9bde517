//! The connector beside the simulated Odoo, every version in every dialect that it has: what its verbs come to over time, with
//! lost answers, conflicts and hung servers in between. What is proved here is the end that stands in Odoo, not the calls that led to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod fingerprint;
mod keys;
mod plant;
mod positions;
mod production;
mod quarantine;
mod receipts;
mod records;
mod rights;
mod shipments;
mod versions;
mod warehouse;
