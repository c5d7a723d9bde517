//! A glance at a JSON body: whether it surely fits its schema, told from its bytes without making values of them. What is not sure
//! is read and checked in full; so a glance may miss what fits, and never lets pass what does not. It knows the part of JSON Schema
//! that most contracts are made of; a text with a pattern or a format is asked of the full validator, alone.

mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::document::decoded;
use super::schemas::{Schema, Schemas};
use crate::json;

/// Members that are told apart in one object.
const MOST_MEMBERS: usize = 64;
/// Schemas that are looked at for one body.
const MOST_NODES: usize = 4_096;
/// The place of what may be anything.
const ANYTHING: usize = 0;
/// How many references may follow one another.
const MOST_HOPS: usize = 32;
/// What says nothing about a value.
const SILENT: &[&str] = &[
    "$comment",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];
/// What is asked of the full validator, of texts.
const ASKED: &[&str] = &["pattern", "format"];
/// Formats of numbers: nobody checks them.
const OF_NUMBERS: &[&str] = &["int32", "int64", "float", "double"];

/// A schema as a glance knows it.
#[derive(Debug)]
pub(super) struct Glance {
    nodes: Vec<Node>,
    root: usize,
}

/// One schema of it.
#[derive(Debug, Default)]
enum Node {
    /// Whatever is JSON.
    Anything,
    /// A glance cannot tell.
    #[default]
    Unsure,
    Rules(Box<Rules>),
}

/// What a schema has of a value, by the kind of the value.
#[derive(Debug)]
struct Rules {
    kinds: Kinds,
    /// The texts that there are, where they are listed.
    texts: Option<Box<[Box<str>]>>,
    /// How many characters a text has.
    length: Bounds,
    /// Who knows the rest of it.
    asked: Option<Schema>,
    /// From and to, both within.
    number: (Option<i64>, Option<i64>),
    count: Bounds,
    items: Option<usize>,
    members: Box<[(Box<str>, usize)]>,
    /// Which of the members must be there, by bits.
    required: u64,
    /// Members of other names; nothing where there are none.
    others: Option<usize>,
}

/// At least and at most.
#[derive(Clone, Copy, Debug)]
struct Bounds(usize, usize);

/// A set of kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u8);

impl Bounds {
    const NONE: Self = Self(0, usize::MAX);

    fn hold(self, count: usize) -> bool {
        (self.0..=self.1).contains(&count)
    }
}

impl Kinds {
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(2);
    const INTEGER: Self = Self(4);
    /// Numbers of every sort.
    const NUMBER: Self = Self(4 | 8);
    const STRING: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);
    const ALL: Self = Self(127);

    /// Whether it has all of these.
    fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    fn of(said: &Value) -> Option<Self> {
        match said {
            Value::String(word) => Self::named(word),
            Value::Array(words) => {
                words.iter().try_fold(Self(0), |all, word| Some(all.or(Self::named(word.as_str()?)?)))
            }
            _ => None,
        }
    }
}

impl Glance {
    /// Of the schema at this pointer; nothing where a glance can never tell.
    pub(super) fn of(root: &Value, pointer: &str, schemas: &Schemas<'_>) -> Option<Self> {
        let mut making = Making { root, schemas, nodes: vec![Node::Anything], known: HashMap::new() };
        let place = making.node(pointer.to_owned());
        let nodes = making.nodes;
        let sure = !matches!(nodes.get(place), None | Some(Node::Unsure));
        sure.then_some(Self { nodes, root: place })
    }

    /// Where a body surely fits: which of the members it has at its top, by bits.
    pub(super) fn seen(&self, body: &[u8]) -> Option<u64> {
        scan::seen(self, body)
    }

    /// Whether a body surely fits.
    #[cfg(test)]
    fn fits(&self, body: &[u8]) -> bool {
        self.seen(body).is_some()
    }

    /// The members that it knows at the top of a body, in the order of their bits.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let members = match self.nodes.get(self.root) {
            Some(Node::Rules(rules)) => &*rules.members,
            _ => &[],
        };
        members.iter().map(|(name, _)| &**name)
    }
}

/// A glance in the making.
struct Making<'a> {
    root: &'a Value,
    schemas: &'a Schemas<'a>,
    nodes: Vec<Node>,
    /// By pointer.
    known: HashMap<String, usize>,
}

impl<'a> Making<'a> {
    /// The place of the schema at this pointer, behind its references.
    fn node(&mut self, mut pointer: String) -> usize {
        for _ in 0..MOST_HOPS {
            match self.root.pointer(&pointer).and_then(target) {
                Some(next) => pointer = next,
                None => break,
            }
        }
        if let Some(place) = self.known.get(&pointer) {
            return *place;
        }
        let place = self.nodes.len();
        // What leads back to itself finds its place.
        self.nodes.push(Node::Unsure);
        self.known.insert(pointer.clone(), place);
        let made = if place < MOST_NODES { self.made(&pointer) } else { None };
        if let Some(node) = self.nodes.get_mut(place) {
            *node = made.unwrap_or_default();
        }
        place
    }

    fn made(&mut self, pointer: &str) -> Option<Node> {
        let members = match self.root.pointer(pointer)? {
            Value::Bool(true) => return Some(Node::Anything),
            Value::Object(members) => members,
            _ => return None,
        };
        if members.keys().all(|keyword| is_silent(keyword)) {
            return Some(Node::Anything);
        }
        let mut rules = Rules::new(match members.get("type") {
            Some(said) => Kinds::of(said)?,
            None => Kinds::ALL,
        });
        for (keyword, said) in members {
            match keyword.as_str() {
                "type" | "properties" | "required" | "additionalProperties" => {}
                "enum" => rules.listed(said.as_array()?)?,
                "const" => rules.listed(std::slice::from_ref(said))?,
                "minLength" => rules.length.0 = number(said)?,
                "maxLength" => rules.length.1 = number(said)?,
                "minItems" => rules.count.0 = number(said)?,
                "maxItems" => rules.count.1 = number(said)?,
                "minimum" => rules.from(said.as_i64()?),
                "maximum" => rules.to(said.as_i64()?),
                "exclusiveMinimum" => rules.from(said.as_i64()?.checked_add(1)?),
                "exclusiveMaximum" => rules.to(said.as_i64()?.checked_sub(1)?),
                "items" => rules.items = Some(self.node(format!("{pointer}/items"))),
                "format" if OF_NUMBERS.contains(&said.as_str()?) && !rules.kinds.has(Kinds::STRING) => {}
                word if ASKED.contains(&word) => {
                    // Of texts alone, and nothing else that would have to be asked.
                    if !Kinds::STRING.or(Kinds::NULL).has(rules.kinds) {
                        return None;
                    }
                    rules.asked = Some(self.schemas.at(pointer).ok()?);
                }
                word if is_silent(word) => {}
                _ => return None,
            }
        }
        self.members(pointer, members, &mut rules)?;
        Some(Node::Rules(Box::new(rules)))
    }

    /// What an object has.
    fn members(&mut self, pointer: &str, members: &Map<String, Value>, rules: &mut Rules) -> Option<()> {
        rules.others = match members.get("additionalProperties") {
            None => Some(ANYTHING),
            Some(Value::Bool(false)) => None,
            Some(_) => Some(self.node(format!("{pointer}/additionalProperties"))),
        };
        let mut all: Vec<(Box<str>, usize)> = Vec::new();
        if let Some(properties) = members.get("properties") {
            for name in properties.as_object()?.keys() {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                all.push((name.as_str().into(), self.node(format!("{pointer}/properties/{escaped}"))));
            }
        }
        let required = match members.get("required") {
            Some(required) => required.as_array()?.as_slice(),
            None => &[],
        };
        for name in required {
            let name = name.as_str()?;
            let place = match all.iter().position(|(known, _)| **known == *name) {
                Some(place) => place,
                None => {
                    all.push((name.into(), rules.others?));
                    all.len() - 1
                }
            };
            rules.required |= 1_u64.checked_shl(u32::try_from(place).ok()?)?;
        }
        let sure = all.len() <= MOST_MEMBERS && !all.iter().any(|(name, _)| **name == *json::NUMBER);
        rules.members = all.into();
        sure.then_some(())
    }
}

impl Rules {
    fn new(kinds: Kinds) -> Self {
        Self {
            kinds,
            texts: None,
            length: Bounds::NONE,
            asked: None,
            number: (None, None),
            count: Bounds::NONE,
            items: None,
            members: Box::default(),
            required: 0,
            others: Some(ANYTHING),
        }
    }

    /// Only these values: texts, and nothing.
    fn listed(&mut self, values: &[Value]) -> Option<()> {
        let mut texts = Vec::new();
        let mut kinds = 0;
        for value in values {
            match value {
                Value::Null => kinds |= Kinds::NULL.0,
                Value::String(text) => {
                    kinds |= Kinds::STRING.0;
                    texts.push(text.as_str().into());
                }
                _ => return None,
            }
        }
        // Two lists are rare, and what both have is not worth a look.
        if self.texts.is_some() {
            return None;
        }
        self.kinds = Kinds(self.kinds.0 & kinds);
        self.texts = Some(texts.into());
        Some(())
    }

    fn from(&mut self, least: i64) {
        self.number.0 = self.number.0.max(Some(least));
    }

    fn to(&mut self, most: i64) {
        self.number.1 = Some(self.number.1.map_or(most, |known| known.min(most)));
    }
}

/// Where a schema leads that is a reference and nothing more.
fn target(schema: &Value) -> Option<String> {
    let members = schema.as_object()?;
    let reference = members.get("$ref")?.as_str()?.strip_prefix('#')?;
    let alone = members.keys().all(|keyword| keyword == "$ref" || is_silent(keyword));
    (alone && reference.starts_with('/')).then(|| decoded(reference).map(Cow::into_owned)).flatten()
}

fn is_silent(keyword: &str) -> bool {
    SILENT.contains(&keyword) || keyword.starts_with("x-")
}

fn number(said: &Value) -> Option<usize> {
    usize::try_from(said.as_u64()?).ok()
}

/// Whether references of a document mean what stands at their pointers: nothing in it has a base of its own.
pub(super) fn is_plain(document: &Value) -> bool {
    match document {
        Value::Object(members) => members.iter().all(|(name, member)| {
            !matches!(name.as_str(), "$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$schema")
                && is_plain(member)
        }),
        Value::Array(items) => items.iter().all(is_plain),
        _ => true,
    }
}
