//! One of the two documents that are compared: how its schemas are to be read, and where its references lead. Never leaves it.

use selvage_model::yaml::{Content, Node};

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
    /// Whether this word of 2020-12 is none of this dialect.
    pub(crate) fn is_foreign(self, word: &str) -> bool {
        const LATER: [&str; 7] = [
            "prefixItems",
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
            "unevaluatedItems",
            "minContains",
            "maxContains",
        ];
        const NEVER: [&str; 7] = ["const", "contains", "patternProperties", "propertyNames", "if", "then", "else"];
        match self {
            Self::Draft => false,
            Self::Seven => LATER.contains(&word),
            Self::Old => LATER.contains(&word) || NEVER.contains(&word),
        }
    }

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

/// A schema that a discriminator leads to.
pub(crate) struct Subtype<'a> {
    /// The name by which it is known.
    pub(crate) name: &'a str,
    /// What the discriminator says that the name stands for; nothing where the name is its own.
    pub(crate) mapped: Option<&'a str>,
    /// The schema, where it is within the document.
    pub(crate) schema: Option<&'a Node>,
}

impl Subtype<'_> {
    /// Whether it is in another document.
    pub(crate) fn leads_out(&self) -> bool {
        self.mapped.is_some_and(|text| !text.starts_with('#') && text.contains(['#', '/', '.']))
    }
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

    /// The schemas that the discriminator of a schema leads to beside its alternatives: those that it names, and those that are
    /// made of the schema and known by their own names. Nothing stands where a name leads nowhere.
    pub(crate) fn subtypes(&self, schema: &'a Node) -> Vec<Subtype<'a>> {
        let components = self.root.get("components").and_then(|components| components.get("schemas"));
        let named = |text: &str| if text.contains(['#', '/', '.']) { self.follow(text) } else { components?.get(text) };
        let refers = |part: &Node, target: &Node| {
            let reference = part.get("$ref").and_then(Node::text).and_then(|text| self.follow(text));
            reference.is_some_and(|found| std::ptr::eq(found, target))
        };
        let alternatives: Vec<&Node> =
            ["oneOf", "anyOf"].into_iter().filter_map(|word| schema.get(word)).flat_map(Node::items).collect();
        let mapping = schema.get("discriminator").and_then(|found| found.get("mapping")).map(Node::entries);
        let mut all: Vec<Subtype<'a>> = mapping
            .unwrap_or_default()
            .iter()
            .map(|(name, target)| Subtype {
                name: &name.value,
                mapped: target.text(),
                schema: target.text().and_then(named),
            })
            .filter(|one| !one.schema.is_some_and(|target| alternatives.iter().any(|part| refers(part, target))))
            .collect();
        if alternatives.is_empty() {
            let made = |schema_of: &Node| {
                schema_of.get("allOf").map(Node::items).unwrap_or_default().iter().any(|part| refers(part, schema))
            };
            let known = components.map(Node::entries).unwrap_or_default().iter().filter(|(_, other)| made(other));
            all.extend(known.map(|(name, other)| Subtype { name: &name.value, mapped: None, schema: Some(other) }));
        }
        all
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

/// The references of a document that lead out of it, wherever they stand.
fn outside<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter().for_each(|item| outside(item, found)),
        Content::Map(entries) => {
            let leads_out = |node: &&Node| node.text().is_some_and(|text| !text.starts_with('#'));
            found.extend(node.get("$ref").filter(leads_out));
            entries.iter().for_each(|(_, inner)| outside(inner, found));
        }
    }
}

/// Whether two documents say the same and refer to nothing else: what lies outside may be another in either state.
pub(crate) fn is_one(before: &Node, after: &Node) -> bool {
    let mut found = Vec::new();
    equal(before, after) && {
        outside(after, &mut found);
        found.is_empty()
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
