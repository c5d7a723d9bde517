//! The engine through its public handle, against the simulated Odoo and a real store: what one key does once, whatever
//! breaks in between; what a grant lets through; how reports end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod answered;
mod bench;
mod booked;
mod capture;
mod claim;
mod clock;
mod consume;
mod copies;
mod create;
mod echo;
mod governor;
mod library;
mod list;
mod maintenance;
mod masks;
mod outage;
mod rest;
mod revise;
mod rotation;
mod scope;
mod takeover;
mod unknown;
mod update;
mod verb;
