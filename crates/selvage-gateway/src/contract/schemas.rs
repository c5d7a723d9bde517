//! The schemas of a document, compiled: each a validator of JSON Schema 2020-12 whose references stay in the document.

use jsonschema::{Draft, PatternCache, PatternOptions, Registry, ValidationError, Validator};
use serde_json::{Value, json};

use super::document::encoded;

const BASE: &str = "selvage:/contract";
/// How large a compiled pattern may be.
const MOST_PATTERN: usize = 1 << 20;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct Schema(Validator);

impl Schema {
    /// Whether a value fits.
    pub(super) fn fits(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    /// What is wrong with a value, as far as that.
    pub(super) fn errors<'i>(&'i self, value: &'i Value, most: usize) -> Vec<ValidationError<'i>> {
        self.0.iter_errors(value).take(most).collect()
    }
}

/// The schemas of one document.
pub(super) struct Schemas<'a> {
    registry: Registry<'a>,
    patterns: PatternCache,
}

impl<'a> Schemas<'a> {
    /// Of a document whose schemas are JSON Schema 2020-12.
    pub(super) fn new(document: &'a Value) -> Result<Self, String> {
        let registry = Registry::new().draft(Draft::Draft202012).add(BASE, document);
        let registry = registry.and_then(jsonschema::RegistryBuilder::prepare).map_err(|error| error.to_string())?;
        Ok(Self { registry, patterns: PatternCache::default() })
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
        options.build(&schema).map(Schema).map_err(|error| error.masked().to_string())
    }
}
