//! What the data of events is held to: the object that its type carries, or the JSON Schema that it names, compiled once for a fabric.
//! What is wrong is told by pointer, with the keyword and what would be right; the words never hold the value.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use selvage_model::code;
use selvage_model::data_schema::DataSchema;
use selvage_model::delivery::Cause;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::event::{Carried, EventType};
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};
use selvage_model::problem::FieldError;
use serde_json::Value;

use crate::body::{check_event, event_cause};

/// How large a compiled pattern may be. Patterns are matched in time that grows with the text alone.
const MOST_PATTERN: usize = 1 << 18;
/// How much is told of one event.
const MOST_ERRORS: usize = 50;
/// How long what is told of a field may be.
const LONGEST: usize = 300;

/// The schemas of a fabric's event types.
#[derive(Debug, Default)]
pub struct EventData {
    by_file: BTreeMap<String, DataCheck>,
}

/// A compiled schema.
#[derive(Debug)]
pub struct DataCheck {
    validator: Validator,
}

/// Why a schema cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompiled {
    /// Where in the schema: a JSON Pointer.
    pub pointer: String,
    /// In words.
    pub because: String,
}

impl EventData {
    /// Compiles what the event types of served interfaces name.
    ///
    /// # Errors
    /// With a finding for each schema that cannot be.
    pub fn compile(fabric: &Fabric) -> Result<Self, Vec<Finding>> {
        let (mut compiled, mut findings) = (Self::default(), Vec::new());
        let served = fabric
            .interfaces
            .values()
            .filter(|interface| matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_)));
        let types = served.filter_map(|interface| match &interface.body {
            InterfaceBody::Event(event) => Some(&event.events),
            _ => None,
        });
        for file in types.flatten().filter_map(EventType::schema) {
            if compiled.by_file.contains_key(&file.value) {
                continue;
            }
            let checked = fabric.schemas.get(&file.value).map(|schema| DataCheck::compile(schema));
            match checked {
                Some(Ok(check)) => drop(compiled.by_file.insert(file.value.clone(), check)),
                Some(Err(wrong)) => {
                    let message =
                        format!("nothing can be held to the schema, because of {}: {}", wrong.pointer, wrong.because);
                    findings.push(Finding::error(code::SCHEMA_UNUSABLE, &file.place, message));
                }
                // That it is not there, or is no schema, was found when it was read.
                None => {
                    findings.push(Finding::error(code::SCHEMA_UNUSABLE, &file.place, "there is no such schema"));
                }
            }
        }
        if findings.is_empty() { Ok(compiled) } else { Err(findings) }
    }

    /// Everything that is wrong with the data of an event of this type; empty where it is right.
    pub fn errors(&self, fabric: &Fabric, declared: &EventType, data: &Value) -> Vec<FieldError> {
        let unknown =
            |what: String| vec![FieldError { pointer: String::new(), detail: format!("{what} is not known here") }];
        match &declared.carried {
            Carried::Object(object) => match fabric.objects.get(&object.value) {
                Some(object) => check_event(object, fabric, data),
                None => unknown(format!("`{object}`")),
            },
            Carried::Schema(file) => match self.by_file.get(&file.value) {
                Some(check) => check.errors(data),
                None => unknown(format!("the schema of `{}`", declared.name)),
            },
        }
    }

    /// Of which class it is what [`Self::errors`] finds wrong with data.
    pub fn cause(&self, fabric: &Fabric, declared: &EventType, data: &Value) -> Cause {
        let object = declared.object().and_then(|object| fabric.objects.get(&object.value));
        object.map_or(Cause::Contract, |object| event_cause(object, fabric, data))
    }
}

impl DataCheck {
    /// Compiles a schema that was read and judged.
    ///
    /// # Errors
    /// Where a keyword has no value that it can have, or a pattern is one that takes more than time in its text's length.
    pub fn compile(schema: &DataSchema) -> Result<Self, Uncompiled> {
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(MOST_PATTERN))
            .should_validate_formats(true);
        let validator = options.build(&schema.value).map_err(|error| Uncompiled {
            pointer: error.instance_path().as_str().to_owned(),
            because: cut(error.to_string()),
        })?;
        Ok(Self { validator })
    }

    /// Everything that is wrong with this data, as far as a person reads.
    pub fn errors(&self, data: &Value) -> Vec<FieldError> {
        if self.validator.is_valid(data) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for error in self.validator.iter_errors(data) {
            fields(&error, &mut found);
            if found.len() >= MOST_ERRORS {
                break;
            }
        }
        found.truncate(MOST_ERRORS);
        found
    }
}

/// What an error of the validator says of fields.
fn fields(error: &ValidationError<'_>, found: &mut Vec<FieldError>) {
    let path = error.instance_path().as_str();
    let below = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    let keyword = error.kind().keyword();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let pointer = below(property.as_str().unwrap_or_default());
            found.push(FieldError { pointer, detail: "is missing (`required`): give it".to_owned() });
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let detail = format!("is not known (`{keyword}`): leave it out");
            let each = unexpected.iter().take(MOST_ERRORS);
            found.extend(each.map(|name| FieldError { pointer: below(name), detail: detail.clone() }));
        }
        kind => {
            let detail = match words(kind) {
                Some(words) => format!("{} (`{keyword}`)", cut(words)),
                None => format!("{} (`{keyword}`)", cut(error.masked().to_string())),
            };
            found.push(FieldError { pointer: path.to_owned(), detail });
        }
    }
}

/// What would be right; none where the validator's own words say it.
fn words(kind: &ValidationErrorKind) -> Option<String> {
    use ValidationErrorKind as Kind;
    Some(match kind {
        Kind::Type { kind: TypeKind::Single(one) } => format!("has to be of the type {one}"),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let types: Vec<String> = types.iter().map(|one| one.to_string()).collect();
            format!("has to be of one of the types {}", types.join(", "))
        }
        Kind::Enum { options } => format!("has to be one of {options}"),
        Kind::Constant { expected_value } => format!("has to be {expected_value}"),
        Kind::FalseSchema => "is not allowed here: leave it out".to_owned(),
        Kind::Format { format } => format!("has to be written as `{format}` says"),
        Kind::Pattern { pattern } => format!("has to match `{pattern}`"),
        Kind::Minimum { limit } => format!("has to be {limit} at least"),
        Kind::ExclusiveMinimum { limit } => format!("has to be more than {limit}"),
        Kind::Maximum { limit } => format!("has to be {limit} at most"),
        Kind::ExclusiveMaximum { limit } => format!("has to be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("has to be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("has to have {limit} characters at least"),
        Kind::MaxLength { limit } => format!("has to have {limit} characters at most"),
        Kind::MinItems { limit } => format!("has to have {limit} items at least"),
        Kind::MaxItems { limit } => format!("has to have {limit} items at most"),
        Kind::MinProperties { limit } => format!("has to have {limit} members at least"),
        Kind::MaxProperties { limit } => format!("has to have {limit} members at most"),
        Kind::UniqueItems => "has an item twice".to_owned(),
        Kind::Contains => "has no item, too few or too many of what it has to contain".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits none of its alternatives".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits more than one of alternatives of which it may fit one".to_owned(),
        Kind::Not { .. } => "fits what it must not fit".to_owned(),
        _ => return None,
    })
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str) -> DataCheck {
        let (schema, findings) = DataSchema::read(text, "scan.yaml");
        DataCheck::compile(&schema.unwrap_or_else(|| panic!("{findings:?}"))).unwrap()
    }

    #[test]
    fn what_is_wrong_is_told_by_field() {
        let check = check(
            "
type: object
required: [part, at]
additionalProperties: false
properties:
  part: {type: string, pattern: '^[A-Z]+-[0-9]+$', maxLength: 12}
  at: {type: string, format: date-time}
  weight: {type: [number, 'null'], minimum: 0}
  result: {enum: [pass, fail]}
  marks: {type: array, uniqueItems: true, items: {type: string}}
",
        );
        assert_eq!(check.errors(&json!({"part": "P-1", "at": "2027-03-01T08:00:00Z", "weight": null})), []);
        let wrong = json!({"part": "secret", "weight": -1, "result": "maybe", "marks": ["a", "a", 1], "a/b": 1});
        let mut told: Vec<String> =
            check.errors(&wrong).iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "/at is missing (`required`): give it",
                "/a~1b is not known (`additionalProperties`): leave it out",
                "/marks has an item twice (`uniqueItems`)",
                "/marks/2 has to be of the type string (`type`)",
                "/part has to match `^[A-Z]+-[0-9]+$` (`pattern`)",
                "/result has to be one of [\"pass\",\"fail\"] (`enum`)",
                "/weight has to be 0 at least (`minimum`)",
            ]
        );
        assert_eq!(check.errors(&json!(null)).len(), 1);
    }

    #[test]
    fn what_cannot_be_compiled_says_where() {
        for (text, pointer) in [
            ("properties: {a: {type: text}}", "/properties/a/type"),
            ("properties: {a: {minimum: low}}", "/properties/a/minimum"),
            // What looks back or ahead takes time that grows beyond the text's length.
            ("properties: {a: {pattern: '(a+)+(?=b)'}}", "/properties/a/pattern"),
            ("properties: {a: {pattern: '(((\\w{100}){100}){100})'}}", "/properties/a/pattern"),
        ] {
            let schema = DataSchema::read(text, "s.yaml").0.unwrap();
            assert_eq!(DataCheck::compile(&schema).unwrap_err().pointer, pointer, "{text}");
        }
    }

    /// A pattern and a value that keep an engine busy for ever that tries one way after the other.
    #[test]
    fn what_is_hostile_is_soon_done() {
        let slow = check("properties: {a: {pattern: '^(a+)+$'}}");
        let text = "a".repeat(100_000) + "b";
        assert_eq!(slow.errors(&json!({"a": text})).len(), 1);
        let tree = check("anyOf: [{type: string}, {type: array, items: {$ref: '#'}}]");
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(tree.errors(&deep).len(), 1);
        let wide = check("items: {type: string}");
        assert_eq!(wide.errors(&Value::Array(vec![json!(1); 100_000])).len(), MOST_ERRORS);
    }
}
