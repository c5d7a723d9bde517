//! The schemas of a document, compiled: each a validator of JSON Schema 2020-12 whose references stay in the document.

use jsonschema::{Draft, PatternCache, PatternOptions, Registry, ValidationError, Validator};
use serde_json::{Value, json};

use super::document::encoded;
use super::glance::{self, Glance};
use super::named::{Counted, Names};

const BASE: &str = "selvage:/contract";
/// How large a compiled pattern may be.
const MOST_PATTERN: usize = 1 << 20;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct Schema {
    validator: Validator,
    /// Where bodies are checked against it.
    glance: Option<Glance>,
    /// Members at the top of bodies that count as attributes; in the glance's order, where there is one.
    pub(super) counted: Counted,
}

impl Schema {
    /// Whether a value fits.
    pub(super) fn fits(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Whether a body surely fits, as far as a glance can tell: then which members it has, by bits.
    pub(super) fn surely_fits(&self, body: &[u8]) -> Option<u64> {
        self.glance.as_ref()?.seen(body)
    }

    /// Counts the members that bodies may have at their top: those of the glance, or else these.
    pub(super) fn count<'n>(&mut self, members: impl Iterator<Item = &'n str>, known: &mut Names) {
        self.counted = match &self.glance {
            Some(glance) => Counted::new(glance.names().map(Box::from), known),
            None => Counted::new(members.map(Box::from), known),
        };
    }

    /// What is wrong with a value, as far as that.
    pub(super) fn errors<'i>(&'i self, value: &'i Value, most: usize) -> Vec<ValidationError<'i>> {
        self.validator.iter_errors(value).take(most).collect()
    }
}

/// The schemas of one document.
pub(super) struct Schemas<'a> {
    document: &'a Value,
    registry: Registry<'a>,
    patterns: PatternCache,
    /// A pointer means the same wherever it stands in the document.
    plain: bool,
}

impl<'a> Schemas<'a> {
    /// Of a document whose schemas are JSON Schema 2020-12.
    pub(super) fn new(document: &'a Value) -> Result<Self, String> {
        let registry = Registry::new().draft(Draft::Draft202012).add(BASE, document);
        let registry = registry.and_then(jsonschema::RegistryBuilder::prepare).map_err(|error| error.to_string())?;
        Ok(Self { document, registry, patterns: PatternCache::default(), plain: glance::is_plain(document) })
    }

    /// The schema at this pointer.
    pub(super) fn at(&self, pointer: &str) -> Result<Schema, String> {
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .with_pattern_options(PatternOptions::regex().size_limit(MOST_PATTERN))
            .with_pattern_cache(self.patterns.clone())
            .should_validate_formats(true);
        let schema = json!({"$ref": format!("{BASE}#{}", encoded(pointer))});
        let validator = options.build(&schema).map_err(|error| error.masked().to_string())?;
        Ok(Schema { validator, glance: None, counted: Counted::default() })
    }

    /// The schema at this pointer, for bodies of JSON.
    pub(super) fn of_body(&self, pointer: &str) -> Result<Schema, String> {
        let schema = self.at(pointer)?;
        let glance = if self.plain { Glance::of(self.document, pointer, self) } else { None };
        Ok(Schema { glance, ..schema })
    }
}
