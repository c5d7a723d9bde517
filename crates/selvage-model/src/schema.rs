//! What manifests look like, described once: the reader checks documents against this description and the JSON Schemas
//! that editors use are made from it, so the two cannot drift apart.

pub(crate) mod format;
mod json;
pub(crate) mod shape;
pub(crate) mod tables;

use serde_json::Value;

use crate::manifest::kind::Kind;

/// JSON Schema 2020-12 of manifests: of one kind, or of any.
pub fn schema(kind: Option<Kind>) -> Value {
    match kind {
        Some(kind) => json::of_kind(kind),
        None => json::of_any(),
    }
}

#[cfg(test)]
mod tests;
