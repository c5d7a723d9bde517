//! What Selvage talks about, as data: names, manifests, the fabric they make, access, exchanges, problems.
//! Pure: no IO, no clock, no async. Compiled forms (routes, lenses, validators) live where they are used.

pub mod access;
pub mod announce;
pub mod arrival;
pub mod budget;
pub mod change;
pub mod class;
pub mod cloud_event;
pub mod code;
pub mod contract_check;
pub mod cost;
pub mod data_schema;
pub mod delivery;
pub mod domain;
pub mod event;
pub mod exchange;
pub mod fabric;
pub mod finding;
pub mod mail;
pub mod manifest;
pub mod media;
pub mod name;
pub mod network;
pub mod notice;
pub mod openapi;
pub mod operation;
pub mod overview;
pub mod problem;
pub mod publication;
pub mod pull;
pub mod read;
pub mod scalar;
pub mod schema;
pub mod sight;
pub mod source;
pub mod subscription;
pub mod text;
pub mod usage;
pub mod verb;
pub mod yaml;

pub use rust_decimal::Decimal;
