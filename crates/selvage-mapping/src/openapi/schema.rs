//! What objects look like in bodies, as JSON Schema 2020-12: as they are shown, as a create gives them, and as a change
//! does. What depends on the mapping (is it carried, is it read) is taken from the mappings themselves.

use serde_json::{Map, Value, json};

use super::Subject;
use super::attribute::{Attributes, Carried, Side, code_sets, scalar_schema};

/// The attribute that tells a revision from what it is of.
const REVISION: &str = "revision";

/// The schemas that operations refer to.
pub(super) fn components(subject: &Subject<'_>) -> Value {
    let title = subject.title();
    let mut schemas = Map::new();
    let carried: Carried<'_> = subject.mappings.iter().map(|mapping| Some(mapping.members())).collect();
    let makes = Maker { subject, attributes: Attributes { fabric: subject.fabric } };
    schemas.insert(title.clone(), makes.shown(&carried));
    schemas.insert(format!("{title}Left"), makes.left(&carried));
    schemas.insert(format!("{title}New"), makes.given());
    schemas.insert(format!("{title}Change"), makes.changed());
    schemas.insert(format!("{title}Revision"), makes.revised());
    schemas.insert(format!("{title}Page"), page(&title));
    schemas.extend(code_sets(subject.fabric));
    for (name, schema) in fixed() {
        schemas.insert(name.to_owned(), schema);
    }
    Value::Object(schemas)
}

/// A reference to a schema.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn page(title: &str) -> Value {
    json!({
        "type": "object",
        "description": "One page of a list.",
        "required": ["items", "next", "source"],
        "properties": {
            "items": {"type": "array", "items": reference(title)},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page; `null` on the last."},
            "source": {
                "type": "object",
                "description": "Where the page comes from.",
                "required": ["kind"],
                "properties": {
                    "kind": {"type": "string", "description": "`live`: asked of the system now. `copy`: read from a copy."},
                    "kept_by": {"type": "string", "description": "The event interface that keeps the copy."},
                    "age": {"type": "integer", "description": "The age of the copy in seconds."},
                },
            },
            "problems": {
                "type": "array",
                "description": "Records that cannot be shown as the object, for a steward.",
                "items": {
                    "type": "object",
                    "required": ["id", "code", "detail"],
                    "properties": {
                        "id": {"type": "string"},
                        "code": {"type": "string", "pattern": "^FAB[0-9]{4}$"},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    })
}

/// Quantities, money and what problems and operations look like.
pub(crate) fn fixed() -> Vec<(&'static str, Value)> {
    let decimal = |pattern: &str, about: &str| json!({"type": "string", "pattern": pattern, "maxLength": 30, "description": about});
    let pair = |about: &str, first: (&str, Value), second: (&str, Value)| {
        json!({
            "type": "object",
            "description": about,
            "required": [first.0, second.0],
            "properties": {first.0: first.1, second.0: second.1},
            "additionalProperties": false,
        })
    };
    let unit = json!({"type": "string", "minLength": 1, "maxLength": 64, "description": "A UCUM unit.", "examples": ["1", "kg", "h"]});
    let currency =
        json!({"type": "string", "pattern": "^[A-Z]{3}$", "description": "An ISO 4217 code.", "examples": ["EUR"]});
    vec![
        ("Decimal", decimal(r"^-?[0-9]+(\.[0-9]+)?$", "An exact decimal of at most 28 digits.")),
        ("Quantity", pair("A quantity in its unit.", ("value", reference("Decimal")), ("unit", unit.clone()))),
        (
            "Amount",
            pair(
                "A quantity that is not below zero.",
                ("value", decimal(r"^[0-9]+(\.[0-9]+)?$", "An exact decimal of at most 28 digits.")),
                ("unit", unit),
            ),
        ),
        ("Money", pair("Money in its currency.", ("amount", reference("Decimal")), ("currency", currency))),
        ("Problem", problem()),
        ("Operation", operation()),
        ("Accepted", accepted()),
    ]
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a request is refused: RFC 9457.",
        "required": ["type", "title", "status", "code", "detail", "correlation_id"],
        "properties": {
            "type": {"type": "string", "description": "The page that explains the code.", "examples": ["/errors/FAB5010"]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "pattern": "^FAB[0-9]{4}$", "description": "Stable; the name of the page."},
            "detail": {"type": "string", "description": "What is wrong this time."},
            "correlation_id": {"type": "string", "description": "The exchange, as in `Correlation-Id`."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "Where in the body: a JSON Pointer."},
                        "in": {"enum": ["path", "query", "header", "cookie"], "description": "Where else in the request."},
                        "parameter": {"type": "string", "description": "Which parameter there."},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    })
}

fn operation() -> Value {
    json!({
        "type": "object",
        "description": "A write, and what it has come to.",
        "required": ["id", "state", "interface", "operation", "created_at", "note", "answer"],
        "properties": {
            "id": {"type": "string", "pattern": "^op_[0-9a-f]{32}$"},
            "state": {"type": "string", "enum": ["pending", "unknown", "done", "refused", "stuck", "given-back"]},
            "interface": {"type": "string"},
            "operation": {"type": "string"},
            "created_at": {"type": "string", "format": "date-time"},
            "note": {"type": "string", "description": "What is being done about it."},
            "answer": {
                "type": ["object", "null"],
                "description": "What the write answered, once it is done or refused.",
                "required": ["status", "body", "location"],
                "properties": {
                    "status": {"type": "integer"},
                    "body": {"description": "The object, or a problem."},
                    "location": {"type": ["string", "null"]},
                    "masked": {
                        "type": "array",
                        "description": "What is `null` in `body` because the grant does not see its class of data.",
                        "items": {"type": "string"},
                    },
                },
            },
        },
    })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "description": "The outcome is not known yet.",
        "required": ["operation", "state"],
        "properties": {"operation": {"type": "string", "pattern": "^op_[0-9a-f]{32}$"}, "state": {"type": "string"}},
    })
}

struct Maker<'s, 'f> {
    subject: &'s Subject<'f>,
    attributes: Attributes<'f>,
}

impl Maker<'_, '_> {
    fn shown(&self, carried: &Carried<'_>) -> Value {
        let mut schema = self.attributes.members(&self.subject.object.attributes, carried, Side::Shown);
        let subject = self.subject;
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            let kept = subject.object.attributes.iter().filter(|attribute| !subject.is_excepted(&attribute.name.value));
            let kept: Vec<&str> = kept.map(|attribute| attribute.name.value.as_str()).collect();
            required.retain(|name| name.as_str().is_some_and(|name| kept.contains(&name)));
        }
        self.described(schema, "As it is shown; a grant may leave attributes out.")
    }

    /// The record that a verb may have taken away: of it there is its key, or all.
    fn left(&self, carried: &Carried<'_>) -> Value {
        let mut schema = self.shown(carried);
        if let Some(members) = schema.as_object_mut() {
            members.shift_remove("required");
        }
        self.described(schema, "As it is shown, or its key alone where nothing is left of it.")
    }

    fn given(&self) -> Value {
        let attributes = &self.subject.object.attributes;
        let mut schema = self.attributes.members(attributes, &Vec::new(), Side::Given);
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            let filled = |name: &str| {
                let of = attributes.iter().find(|attribute| attribute.name.value.as_str() == name);
                of.is_some_and(|attribute| self.subject.is_filled(&attribute.name.value))
            };
            required.retain(|name| !name.as_str().is_some_and(filled));
        }
        self.described(schema, "A new one. What a grant covers one value of may be left out.")
    }

    fn changed(&self) -> Value {
        let mut schema = self.attributes.members(&self.subject.object.attributes, &Vec::new(), Side::Changed);
        if let Some(members) = schema.as_object_mut() {
            members.insert("minProperties".to_owned(), 1.into());
        }
        self.described(schema, "The attributes that change.")
    }

    /// A change that says what the revision is called.
    fn revised(&self) -> Value {
        let mut schema = self.changed();
        if let Some(members) = schema.as_object_mut() {
            members.insert("required".to_owned(), json!([REVISION]));
        }
        let called = self.subject.object.attributes.iter().find(|it| it.name.value.as_str() == REVISION);
        if let (Some(called), Some(property)) = (called, schema.pointer_mut("/properties/revision")) {
            *property = scalar_schema(&called.shape);
            if let Some(members) = property.as_object_mut() {
                members.insert("minLength".to_owned(), 1.into());
                members.insert("description".to_owned(), "Another than that of the bill that is revised.".into());
            }
        }
        self.described(schema, "What is different, and what the revision is called.")
    }

    fn described(&self, mut schema: Value, about: &str) -> Value {
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), about.into());
        }
        schema
    }
}
