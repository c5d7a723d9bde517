//! One of the two documents that are compared: how its schemas are to be read, and where its references lead. Never leaves it.

use selvage_model::yaml::{Content, Key, Node};

use super::same::equal;

/// How schemas are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON Schema 2020-12, as in OpenAPI 3.1 and by itself.
    Draft,
    /// As AsyncAPI has it, after draft 7: references without siblings.
    Seven,
    /// OpenAPI 3.0: `nullable`, exclusive bounds as booleans, references without siblings.
    Old,
}

impl Dialect {
    /// Whether what stands beside a reference says nothing.
    pub(crate) fn has_bare_references(self) -> bool {
        matches!(self, Self::Seven | Self::Old)
    }
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
            let alone = node.entries().len() == 1 || self.dialect.has_bare_references();
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

/// How deep what is not taken apart is compared.
const MOST_DEPTH: usize = 64;

/// Whether two things that are no schemas are the same with all that they refer to.
pub(crate) fn alike(sides: &(Side<'_>, Side<'_>), old: &Node, new: &Node) -> bool {
    is_alike(sides, old, new, 0)
}

fn is_alike(sides: &(Side<'_>, Side<'_>), old: &Node, new: &Node, depth: usize) -> bool {
    if depth > MOST_DEPTH {
        return false;
    }
    if let (Some(was), Some(is)) = (old.get("$ref"), new.get("$ref")) {
        let (Some(was), Some(is)) = (was.text(), is.text()) else { return false };
        let (Some(old), Some(new)) = (sides.0.follow(was), sides.1.follow(is)) else { return false };
        return was == is && is_alike(sides, old, new, depth + 1);
    }
    match (&old.content, &new.content) {
        (Content::Map(before), Content::Map(after)) => {
            let same =
                |(name, was): &(Key, Node)| new.get(&name.value).is_some_and(|is| is_alike(sides, was, is, depth + 1));
            before.len() == after.len() && before.iter().all(same)
        }
        (Content::List(before), Content::List(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(was, is)| is_alike(sides, was, is, depth + 1))
        }
        _ => equal(old, new),
    }
}

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
