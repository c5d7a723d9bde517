//! Whether two schemas say the same word for word, with everything that they refer to. Texts for people do not count.

use std::collections::HashSet;

use selvage_model::yaml::{Content, Node};

use super::alike::alike;
use super::side::{Side, Subtype};

/// A schema of the one document and a schema of the other.
pub(super) type Pair = (*const Node, *const Node);

/// What was found to be the same.
#[derive(Default)]
pub(super) struct Sameness {
    proven: HashSet<Pair>,
    /// Taken for the same as long as nothing speaks against it: what refers to itself.
    assumed: HashSet<Pair>,
    /// How deep what is looked at lies.
    depth: usize,
}

/// How deep is looked; what lies deeper is not the same.
const MOST_DEPTH: usize = 512;

/// What is said to people.
const WORDS: [&str; 6] = ["title", "description", "example", "examples", "externalDocs", "$comment"];
/// Under which schemas stand by names.
const NAMED: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "dependencies"];
/// Under which schemas stand that nothing but references uses.
const KEPT: [&str; 2] = ["$defs", "definitions"];
/// Under which values stand as they are: what looks like a reference there is none.
const VALUES: [&str; 4] = ["enum", "const", "default", "required"];
/// Under which a schema stands, or a list of them.
const SCHEMAS: [&str; 17] = [
    "items",
    "prefixItems",
    "contains",
    "unevaluatedItems",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
    "additionalItems",
    "schema",
];

impl Sameness {
    /// Whether the two schemas are the same.
    pub(super) fn of(&mut self, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        if sides.0.dialect != sides.1.dialect {
            return false;
        }
        let same = self.schema(old, new, sides);
        if same {
            self.proven.extend(self.assumed.drain());
        }
        self.assumed.clear();
        same
    }

    /// Whether the schemas that a discriminator leads to are the same, but for what they have of the schema that it stands in.
    pub(super) fn of_subtypes(&mut self, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        self.assumed.insert((std::ptr::from_ref(old), std::ptr::from_ref(new)));
        let same = sides.0.dialect == sides.1.dialect && self.subtypes(old, new, sides);
        // Nothing is proven of what stands on that.
        self.assumed.clear();
        same
    }

    fn schema(&mut self, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        if self.depth >= MOST_DEPTH {
            return false;
        }
        self.depth += 1;
        let same = self.content(old, new, sides);
        self.depth -= 1;
        same
    }

    fn content(&mut self, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        let (Content::Map(before), Content::Map(after)) = (&old.content, &new.content) else {
            return match (&old.content, &new.content) {
                (Content::List(before), Content::List(after)) => {
                    before.len() == after.len()
                        && before.iter().zip(after).all(|(old, new)| self.schema(old, new, sides))
                }
                _ => equal(old, new),
            };
        };
        let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
        if self.proven.contains(&pair) || !self.assumed.insert(pair) {
            return true;
        }
        let counts = |name: &str| !WORDS.contains(&name) && !KEPT.contains(&name);
        let kept = |entries: &[(selvage_model::yaml::Key, Node)]| {
            entries.iter().filter(|(name, _)| counts(&name.value)).count()
        };
        kept(before) == kept(after)
            && before.iter().filter(|(name, _)| counts(&name.value)).all(|(name, value)| {
                new.get(&name.value).is_some_and(|other| self.keyword(&name.value, value, other, sides))
            })
            && (old.get("discriminator").is_none() || self.subtypes(old, new, sides))
    }

    fn keyword(&mut self, name: &str, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        if name == "$ref" {
            let (Some(before), Some(after)) = (old.text(), new.text()) else { return false };
            return match (sides.0.follow(before), sides.1.follow(after)) {
                (Some(old), Some(new)) => before == after && self.schema(old, new, sides),
                _ => false,
            };
        }
        if NAMED.contains(&name) {
            let (before, after) = (old.entries(), new.entries());
            return before.len() == after.len()
                && before
                    .iter()
                    .all(|(name, value)| new.get(&name.value).is_some_and(|other| self.schema(value, other, sides)));
        }
        // A reference that leads elsewhere than it says cannot be told from here.
        if matches!(name, "$dynamicRef" | "$recursiveRef" | "$id") {
            return false;
        }
        if SCHEMAS.contains(&name) {
            return self.schema(old, new, sides);
        }
        if VALUES.contains(&name) { equal(old, new) } else { alike(sides, old, new) }
    }

    /// What a discriminator names otherwise than before is told by itself.
    fn subtypes(&mut self, old: &Node, new: &Node, sides: &(Side<'_>, Side<'_>)) -> bool {
        let (before, after) = (sides.0.subtypes(old), sides.1.subtypes(new));
        let count = |all: &[Subtype<'_>]| all.iter().filter(|one| one.mapped.is_none()).count();
        count(&before) == count(&after)
            && before.iter().all(|was| {
                let twin = after.iter().find(|is| (is.name, is.mapped) == (was.name, was.mapped));
                match twin.map(|is| (was.schema, is.schema)) {
                    Some((Some(old), Some(new))) => self.schema(old, new, sides),
                    // A name that leads nowhere means nothing in either; one that leads out may mean something else.
                    Some((None, None)) => !was.leads_out(),
                    Some(_) => false,
                    None => was.mapped.is_some(),
                }
            })
    }
}

/// Whether two nodes hold the same, in whatever order their members stand.
pub(crate) fn equal(old: &Node, new: &Node) -> bool {
    match (&old.content, &new.content) {
        (Content::Scalar(one), Content::Scalar(other)) => {
            one.text == other.text && (one.plain == other.plain || old.to_value() == new.to_value())
        }
        (Content::List(one), Content::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Content::Map(one), Content::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((name, value), (other_name, other))| {
                    if name.value == other_name.value {
                        return equal(value, other);
                    }
                    new.get(&name.value).is_some_and(|other| equal(value, other))
                })
        }
        _ => false,
    }
}
