//! One of the two documents that are compared: how its schemas are to be read, and where its references lead. Never leaves it.

use selvage_model::yaml::{Content, Node};

/// How schemas are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON Schema 2020-12, as in OpenAPI 3.1 and by itself.
    Draft,
    /// OpenAPI 3.0: `nullable`, exclusive bounds as booleans, references without siblings.
    Old,
}

/// A document.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) root: &'a Node,
    pub(crate) dialect: Dialect,
}

impl<'a> Side<'a> {
    pub(crate) fn new(root: &'a Node, dialect: Dialect) -> Self {
        Self { root, dialect }
    }

    /// What a reference within the document names.
    pub(crate) fn follow(&self, reference: &str) -> Option<&'a Node> {
        let fragment = reference.strip_prefix('#')?;
        let mut node = self.root;
        if fragment.is_empty() {
            return Some(node);
        }
        for token in fragment.strip_prefix('/')?.split('/') {
            let token = decoded(token)?.replace("~1", "/").replace("~0", "~");
            node = match &node.content {
                Content::Map(_) => node.get(&token)?,
                Content::List(items) => items.get(token.parse::<usize>().ok()?)?,
                Content::Scalar(_) => return None,
            };
        }
        Some(node)
    }

    /// What a schema stands for that is nothing but a reference.
    pub(crate) fn meant(&self, node: &'a Node) -> &'a Node {
        let mut node = node;
        for _ in 0..MOST_HOPS {
            let alone = node.entries().len() == 1 || self.dialect == Dialect::Old;
            let reference = node.get("$ref").filter(|_| alone).and_then(Node::text);
            let Some(target) = reference.and_then(|reference| self.follow(reference)) else { return node };
            node = target;
        }
        node
    }

    /// Where the references of something that is no schema lead; nothing where they lead nowhere or in a circle.
    pub(crate) fn resolve(&self, node: &'a Node) -> Option<&'a Node> {
        let mut node = node;
        for _ in 0..MOST_HOPS {
            let Some(reference) = node.get("$ref") else { return Some(node) };
            node = self.follow(reference.text()?)?;
        }
        None
    }
}

/// References that are followed one after another.
const MOST_HOPS: usize = 32;

/// A part of a URI's fragment without its percent signs.
fn decoded(token: &str) -> Option<String> {
    if !token.contains('%') {
        return Some(token.to_owned());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Whether a scalar says yes: `true`, without quotes.
pub(crate) fn is_true(node: Option<&Node>) -> bool {
    node.is_some_and(|node| truth(node) == Some(true))
}

/// A boolean, where it is one.
pub(crate) fn truth(node: &Node) -> Option<bool> {
    match &node.content {
        Content::Scalar(scalar) if scalar.plain && scalar.text.as_ref() == "true" => Some(true),
        Content::Scalar(scalar) if scalar.plain && scalar.text.as_ref() == "false" => Some(false),
        _ => None,
    }
}
