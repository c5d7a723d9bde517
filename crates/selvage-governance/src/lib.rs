//! The rules by which a fabric is judged before it runs: lint of what several manifests say together, and waivers.
//! Pure: no IO and no clock; all findings at once, each with its place and the way out.

pub mod access;
pub mod advice;
pub mod approval;
mod brought;
pub mod catalogue;
pub mod compare;
pub mod condition;
mod contract;
pub mod export;
mod graph;
pub mod impact;
pub mod lint;
mod nearest;
pub mod notice;
pub mod replay;
pub mod retirement;
pub mod rule;
pub mod seat;
#[cfg(test)]
mod tests;

pub use brought::brought;
pub use lint::{FoundBy, found_by, lint};
pub use rule::{LintRule, RULES};
