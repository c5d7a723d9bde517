//! Connectors: how Selvage speaks with the systems that take part, each in a folder of its own.
//! A connector knows its system's protocol, errors and traps; it never knows interfaces, grants, mappings or the store.

pub mod governor;
pub mod odoo;
