//! The sample factory: a simulated Odoo with state and faults on request, a small MES that drives a shift, and an old
//! warehouse's stock API, and a receiver of webhooks that misbehaves. For the demo, the gates and the tests; it never talks to a real system and keeps everything in memory.

mod factory;
mod line;
pub mod mes;
pub mod odoo;
pub mod receiver;
pub mod wms;

pub use factory::{Factory, FactoryConfig, FactoryError, RunningFactory};

/// The key of the user `svc-read` that the default configuration has: it reads and changes nothing.
pub const READ_KEY: &str = "demo-read-key";

/// The key of the user `svc-mrp` that the default configuration has: it reads and writes.
pub const PRODUCTION_KEY: &str = "demo-mrp-key";
