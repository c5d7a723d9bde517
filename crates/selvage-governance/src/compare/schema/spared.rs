//! Which members are not asked for one way, though they are required: what only one side may send.

use selvage_model::yaml::Node;

use super::side::{Dialect, Side, is_true};
use crate::compare::Direction;

/// Whether OpenAPI 3.0 does not ask for this member in messages that travel this way, though it is required.
pub(super) fn spares(property: &Node, side: &Side<'_>, way: Direction) -> bool {
    let word = match way {
        Direction::Request => "readOnly",
        Direction::Response => "writeOnly",
        Direction::Both => return false,
    };
    side.dialect == Dialect::Old && says(property, word, side, MOST_HOPS)
}

/// Schemas within one another in which a mark is looked for.
const MOST_HOPS: usize = 16;

/// Whether a schema says yes to a word, itself or by what it is made of.
fn says(schema: &Node, word: &str, side: &Side<'_>, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else { return false };
    let target = schema.get("$ref").and_then(Node::text).and_then(|reference| side.follow(reference));
    if target.is_some_and(|target| says(target, word, side, left)) {
        return true;
    }
    let own = target.is_none() || !side.dialect.has_bare_references();
    let parts = schema.get("allOf").map(Node::items).unwrap_or_default();
    own && (is_true(schema.get(word)) || parts.iter().any(|part| says(part, word, side, left)))
}
