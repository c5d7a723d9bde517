//! The sample factory: a simulated Odoo with state and faults on request, a small MES that drives a shift, and an old
//! warehouse's stock API. For the demo and the tests; it never talks to a real system and keeps everything in memory.

mod factory;
mod line;
pub mod mes;
pub mod odoo;
pub mod wms;

pub use factory::{Factory, FactoryConfig, FactoryError, RunningFactory};
