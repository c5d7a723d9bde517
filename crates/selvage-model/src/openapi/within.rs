//! What the schemas of a contract are made of: of other schemas, and of members. A write of one writes what is within it.

use std::collections::{BTreeSet, HashSet};

use super::follow;
use crate::yaml::{Content, Node};

/// Schemas that are looked at for one member, where schemas refer to schemas.
const MOST_SCHEMAS: usize = 4096;
/// Under which a schema has another that its values or their elements are of, or a list of such.
const ONE: [&str; 16] = [
    "schema",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "not",
];
/// Under which it has some by names that are no members' names.
const NAMED: [&str; 3] = ["patternProperties", "dependentSchemas", "content"];

/// Shows every schema that a schema, parameter, header or body is made of, itself first, and not those of its members; whether
/// that were all.
pub(super) fn each<'a>(node: &'a Node, root: &'a Node, see: &mut impl FnMut(&'a Node)) -> bool {
    let mut known: HashSet<*const Node> = HashSet::new();
    let mut next = vec![node];
    while let Some(schema) = next.pop() {
        if !known.insert(std::ptr::from_ref(schema)) {
            continue;
        }
        if known.len() > MOST_SCHEMAS {
            return false;
        }
        see(schema);
        let target = schema.get("$ref").and_then(Node::text).and_then(|target| follow(target.strip_prefix('#')?, root));
        next.extend(target);
        for part in ONE.into_iter().filter_map(|name| schema.get(name)) {
            match &part.content {
                Content::List(parts) => next.extend(parts),
                _ => next.push(part),
            }
        }
        let named = NAMED.into_iter().filter_map(|name| schema.get(name));
        next.extend(named.flat_map(|parts| parts.entries()).map(|(_, part)| part));
    }
    true
}

/// What members of a schema or body are called, and not what stands within those; whether that were all.
pub(super) fn names(node: &Node, root: &Node) -> (BTreeSet<String>, bool) {
    let mut names = BTreeSet::new();
    let is_all = each(node, root, &mut |schema| {
        let members = schema.get("properties").into_iter().flat_map(|members| members.entries());
        names.extend(members.map(|(name, _)| name.value.as_ref().to_owned()));
    });
    (names, is_all)
}
