//! What is wrong with a message: where, against which rule of the contract, and in words. The words never hold the value.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use selvage_model::problem::{FieldError, ParameterError, Problem};
use serde_json::Value;

use crate::json;

/// Where in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Where {
    Path,
    Query,
    Header,
    Cookie,
    Body,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) place: Where,
    /// A parameter's name, or a JSON Pointer into the body.
    pub(crate) field: String,
    /// The same for counting: without indexes and without names that the sender chose.
    pub(crate) counted: String,
    /// The keyword of the schema, or a word of ours.
    pub(crate) rule: &'static str,
    /// In words.
    pub(crate) detail: String,
    /// The value, or only its shape where its class of data is not for everyone.
    pub(crate) sample: String,
}

impl Where {
    /// By its word.
    fn of(word: &str) -> Self {
        match word {
            "path" => Self::Path,
            "header" => Self::Header,
            "cookie" => Self::Cookie,
            "body" => Self::Body,
            _ => Self::Query,
        }
    }

    /// Its word in answers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Body => "body",
        }
    }
}

impl Violation {
    /// Of a parameter.
    pub(crate) fn of_parameter(place: Where, name: &str, rule: &'static str, detail: impl Into<String>) -> Self {
        let sample = String::new();
        Self { place, field: name.to_owned(), counted: name.to_owned(), rule, detail: detail.into(), sample }
    }

    /// Of the body as a whole.
    pub(crate) fn of_whole_body(rule: &'static str, detail: impl Into<String>) -> Self {
        Self::of_parameter(Where::Body, "", rule, detail)
    }

    /// Of a part of the body.
    pub(crate) fn of_body(error: &ValidationError<'_>, shows: bool) -> Self {
        let path = error.instance_path().as_str();
        let counted = folded(path, error.evaluation_path().as_str());
        let (field, counted) = match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default().replace('~', "~0").replace('/', "~1");
                (format!("{path}/{name}"), format!("{counted}/{name}"))
            }
            _ => (path.to_owned(), counted),
        };
        let sample = match error.kind() {
            ValidationErrorKind::Required { .. } => String::new(),
            _ => sample(error.instance(), shows),
        };
        Self { place: Where::Body, field, counted, rule: rule(error), detail: words(error), sample }
    }

    /// What somebody else found and refused, by a rule of theirs. Parameters that nothing declares count as one: the sender chose
    /// their names.
    pub(crate) fn of_problem(problem: &Problem, rule: &'static str, declares: impl Fn(&str) -> bool) -> Vec<Self> {
        if !problem.parameters.is_empty() {
            let of = |error: &ParameterError| {
                let counted = if declares(&error.name) { error.name.clone() } else { "*".to_owned() };
                Self { counted, ..Self::of_parameter(Where::of(error.place), &error.name, rule, error.detail.clone()) }
            };
            return problem.parameters.iter().map(of).collect();
        }
        if problem.errors.is_empty() {
            return vec![Self::of_whole_body(rule, problem.detail.clone())];
        }
        problem.errors.iter().map(|error| Self::of_field(error, rule)).collect()
    }

    /// What somebody else found of one field; which item of a list it is does not count.
    pub(crate) fn of_field(error: &FieldError, rule: &'static str) -> Self {
        let fold = |token: &str| {
            let is_index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
            if is_index { "*".to_owned() } else { token.to_owned() }
        };
        let counted = error.pointer.split('/').map(fold).collect::<Vec<_>>().join("/");
        Self { field: error.pointer.clone(), counted, ..Self::of_whole_body(rule, error.detail.clone()) }
    }

    /// What somebody else found in one field of this body, with what stands there: itself where it `shows`.
    pub(crate) fn of_answer(error: &FieldError, rule: &'static str, (body, shows): (&Value, bool)) -> Self {
        let sample = body.pointer(&error.pointer).map(|value| sample(value, shows)).unwrap_or_default();
        Self { sample, ..Self::of_field(error, rule) }
    }

    /// What somebody else found in the body of a request, with what stands there. The body begins `below` what the fields begin with. It
    /// is read again: only what does not fit costs that.
    pub(crate) fn with_samples(found: Vec<Self>, body: Option<&[u8]>, (below, shows): (&str, bool)) -> Vec<Self> {
        let is_of_body = |violation: &Self| violation.place == Where::Body;
        let body = body.filter(|_| found.iter().any(is_of_body)).and_then(|bytes| json::read(bytes).ok());
        let Some(body) = body else { return found };
        let with_sample = |violation: Self| {
            let at = violation.field.strip_prefix(below).filter(|_| is_of_body(&violation));
            let sample = at.and_then(|at| body.pointer(at)).map(|value| sample(value, shows)).unwrap_or_default();
            Self { sample, ..violation }
        };
        found.into_iter().map(with_sample).collect()
    }

    /// As an error of a field, where it is one of the body.
    pub(crate) fn as_field(&self) -> Option<FieldError> {
        (self.place == Where::Body).then(|| FieldError { pointer: self.field.clone(), detail: self.detail.clone() })
    }

    /// As an error of a parameter, where it is one.
    pub(crate) fn as_parameter(&self) -> Option<ParameterError> {
        (self.place != Where::Body).then(|| ParameterError {
            place: self.place.as_str(),
            name: self.field.clone(),
            detail: self.detail.clone(),
        })
    }
}

/// The keyword that an error is against.
pub(super) fn rule(error: &ValidationError<'_>) -> &'static str {
    const KEYWORDS: &[&str] = &[
        "additionalItems",
        "additionalProperties",
        "anyOf",
        "const",
        "contains",
        "contentEncoding",
        "contentMediaType",
        "dependentRequired",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "propertyNames",
        "required",
        "type",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    ];
    let keyword = error.kind().keyword();
    KEYWORDS.iter().copied().find(|known| *known == keyword).unwrap_or("schema")
}

/// An error in words, without the value. What the sender chose to call a member is cut.
pub(super) fn words(error: &ValidationError<'_>) -> String {
    const LONGEST: usize = 300;
    let text = match error.kind() {
        ValidationErrorKind::Required { .. } => "is missing".to_owned(),
        ValidationErrorKind::FalseSchema => "is not allowed here".to_owned(),
        _ => error.masked().to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A value as a sample: itself where everyone may see it, else only what it looks like.
pub(super) fn sample(value: &Value, shows: bool) -> String {
    const LONGEST: usize = 80;
    if shows {
        return value.to_string().chars().take(LONGEST).collect();
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) => {
            let digits = number.to_string().bytes().filter(u8::is_ascii_digit).count();
            format!("a number of {digits} digits")
        }
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of {} items", items.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
    }
}

/// A pointer with `*` in the place of every index, and of every name that the schema does not have: the way that the
/// schema was gone tells which those are.
fn folded(pointer: &str, way: &str) -> String {
    let mut tokens = way.split('/').skip(1).peekable();
    let mut counted = String::new();
    while let Some(keyword) = tokens.next() {
        // The last one is what is broken, and leads nowhere.
        if tokens.peek().is_none() {
            break;
        }
        match keyword {
            "properties" => {
                counted.push('/');
                counted.push_str(tokens.next().unwrap_or_default());
            }
            "patternProperties" | "prefixItems" => {
                tokens.next();
                counted.push_str("/*");
            }
            "items"
            | "contains"
            | "additionalItems"
            | "unevaluatedItems"
            | "additionalProperties"
            | "unevaluatedProperties" => counted.push_str("/*"),
            "dependentSchemas" | "allOf" | "anyOf" | "oneOf" | "$defs" => {
                tokens.next();
            }
            _ => {}
        }
    }
    let same_length = counted.matches('/').count() == pointer.matches('/').count();
    if same_length { counted } else { "/*".repeat(pointer.matches('/').count()) }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn indexes_and_the_senders_own_names_are_folded() {
        for (pointer, way, expected) in [
            ("", "/type", ""),
            ("/a", "/$ref/properties/a/type", "/a"),
            ("/lines/12/qty", "/properties/lines/items/allOf/0/properties/qty/minimum", "/lines/*/qty"),
            ("/prices/anna", "/properties/prices/additionalProperties/type", "/prices/*"),
            ("/properties", "/properties/properties/type", "/properties"),
            ("/0/1", "/prefixItems/0/items/enum", "/*/*"),
            ("/a/b", "/somehow/else", "/*/*"),
        ] {
            assert_eq!(folded(pointer, way), expected, "{pointer} by {way}");
        }
    }
}
