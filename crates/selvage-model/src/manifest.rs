//! The kinds of manifests, each a type that cannot be wrong in itself. What concerns several of them (does the
//! system exist, does it have the authority) is lint, in selvage-governance.

pub mod api;
pub mod compatibility;
pub mod consumer;
pub mod event;
pub mod flow;
pub mod interface;
pub mod issuer;
pub mod kind;
pub mod mapping;
pub mod object;
pub mod organisation;
pub mod rule;
pub mod system;
pub mod webhook;
