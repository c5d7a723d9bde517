//! What the members of a contract's schemas are called, which of them carry a class of data, and which are never `null`.
//! By name alone: a name that carries a class in one place of a contract carries it in all.

use super::{Contract, follow, within};
use crate::source::{Place, Spanned};
use crate::yaml::{Content, Key, Node};

const CLASS: &str = "x-selvage-class";
/// Schemas that are looked at for one member, where schemas refer to schemas.
const MOST_SCHEMAS: u32 = 64;
/// What schemas are made of other schemas by.
const PARTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Gathers what stands under `properties`, `parameters` and `headers`, however deep.
pub(super) fn gather(node: &Node, root: &Node, contract: &mut Contract) {
    match &node.content {
        Content::Map(entries) => {
            for (key, node) in entries {
                match key.value.as_ref() {
                    "properties" => node.entries().iter().for_each(|entry| member(entry, root, contract)),
                    "headers" => {
                        for (name, header) in node.entries() {
                            if classed(name, header, root, contract) {
                                contract.classed_headers.insert(name.value.as_ref().to_owned());
                            }
                        }
                    }
                    "parameters" => parameters(node, root, contract),
                    _ => {}
                }
                gather(node, root, contract);
            }
        }
        Content::List(items) => items.iter().for_each(|item| gather(item, root, contract)),
        Content::Scalar(_) => {}
    }
}

fn member((name, schema): &(Key, Node), root: &Node, contract: &mut Contract) {
    contract.members.insert(name.value.as_ref().to_owned());
    let mut left = MOST_SCHEMAS;
    if !takes_null(schema, root, &mut left) {
        contract.never_null.insert(name.value.as_ref().to_owned());
    }
    let (names, is_all) = within::names(schema, root);
    if !names.is_empty() {
        contract.within.entry(name.value.as_ref().to_owned()).or_default().extend(names);
    }
    if !is_all {
        contract.boundless.push(Spanned::new(name.value.as_ref().to_owned(), name.place.clone()));
    }
    classed(name, schema, root, contract);
}

/// Parameters of a path or an operation, or those among the components by their own names there.
fn parameters(node: &Node, root: &Node, contract: &mut Contract) {
    let listed = items(node).iter().chain(node.entries().iter().map(|(_, parameter)| parameter));
    for parameter in listed {
        let Some((name, place)) = parameter.get("name").and_then(|name| Some((name.text()?, &name.place))) else {
            continue;
        };
        let is_classed = classed(&Spanned::new(name.into(), place.clone()), parameter, root, contract);
        if is_classed && parameter.get("in").and_then(Node::text) == Some("header") {
            contract.classed_headers.insert(name.to_owned());
        }
    }
}

/// Notes the class of this name; whether it has one.
fn classed(name: &Key, node: &Node, root: &Node, contract: &mut Contract) -> bool {
    let mut left = MOST_SCHEMAS;
    let Some((class, place)) = class_of(node, root, &mut left) else { return false };
    let name = Spanned::new(name.value.as_ref().to_owned(), name.place.clone());
    contract.classes.push((name, Spanned::new(class.to_owned(), place.clone())));
    true
}

/// The class that a schema, parameter or header is marked with: itself, by what it refers to, or by a part of it.
fn class_of<'a>(node: &'a Node, root: &'a Node, left: &mut u32) -> Option<(&'a str, &'a Place)> {
    *left = left.checked_sub(1)?;
    if let Some(marked) = node.get(CLASS) {
        return Some((marked.text()?, &marked.place));
    }
    let target = node.get("$ref").and_then(Node::text).and_then(|target| follow(target.strip_prefix('#')?, root));
    let within = ["schema", "items"].into_iter().filter_map(|name| node.get(name));
    let parts = PARTS.into_iter().filter_map(|name| node.get(name)).flat_map(items);
    target.into_iter().chain(within).chain(parts).find_map(|schema| class_of(schema, root, left))
}

/// Whether a schema takes `null`; one that is not told to be anything takes all.
fn takes_null(schema: &Node, root: &Node, left: &mut u32) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    let mut takes = |schema: &Node| takes_null(schema, root, left);
    if let Some(target) = schema.get("$ref").and_then(Node::text) {
        return target.strip_prefix('#').and_then(|pointer| follow(pointer, root)).is_some_and(&mut takes);
    }
    let is_null = |node: &Node| node.is_null() || node.text() == Some("null");
    let said = schema.get("nullable").and_then(Node::text) == Some("true");
    let of_type = schema.get("type").is_none_or(|node| is_null(node) || items(node).iter().any(is_null));
    let listed = schema.get("enum").is_none_or(|node| items(node).iter().any(Node::is_null));
    let constant = schema.get("const").is_none_or(Node::is_null);
    let all = schema.get("allOf").is_none_or(|node| items(node).iter().all(&mut takes));
    let mut any = |name: &str| schema.get(name).is_none_or(|node| items(node).iter().any(&mut takes));
    (said || of_type) && listed && constant && all && any("anyOf") && any("oneOf")
}

fn items(node: &Node) -> &[Node] {
    match &node.content {
        Content::List(items) => items,
        _ => &[],
    }
}
