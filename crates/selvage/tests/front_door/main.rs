//! Everything here goes through the front door: the binary, its exit codes, its ports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod asyncapi;
mod authoring;
mod backup;
mod broker;
mod brought;
mod captures;
mod catalogue;
mod changes;
mod check;
mod cloudevents;
mod control_api;
mod decide;
mod deliveries;
mod demo;
mod dialect;
mod diff;
mod docs;
mod emergencies;
mod ending;
mod environments;
mod event_schemas;
mod events;
mod evidence;
mod export;
mod fixture;
mod fmt;
mod gates;
mod governed;
mod granted;
mod graph;
mod help;
mod import;
mod issuer;
mod keys;
mod leases;
mod ledger;
mod listener;
mod lsp;
mod mail;
mod masks;
mod objects;
mod openapi;
mod packages;
mod parking;
mod peers;
mod plans;
mod probe;
mod publishing;
mod pulling;
#[path = "../../../selvage-control/tests/stage/reading.rs"]
mod reading;
mod replays;
mod revocation;
mod rolling;
mod rotation;
mod rules;
mod schemathesis;
mod serve;
mod signatures;
#[path = "../../../selvage-delivery/tests/mail/smtp.rs"]
mod smtp;
mod stock;
mod story;
mod systems;
mod taking;
mod two_nodes;
mod usage;
mod violations;
mod webhooks;
