//! The simulated factory through its ports: faults, companies and rights of the sample, the MES at work, the old warehouse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod client;
mod consistency;
mod faults;
mod guide;
mod mes;
mod production;
mod sample;
mod size;
mod stock;
