//! What attributes and code sets look like as JSON Schema, wherever an object stands: in bodies, in answers, in events.
//! Knows no operation and no grant.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Attribute, OnUnmatched, Shape};
use serde_json::{Map, Value, json};

use super::pascal;
use super::schema::reference;
use crate::lens::{Field, Lens};

/// In which body an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// In an answer.
    Shown,
    /// In a create.
    Given,
    /// In an event that somebody publishes: with what only systems set, and nothing that the object does not have.
    Published,
    /// In an event that Selvage hands out: a grant may mask it, a newer version of the object may have more.
    Told,
    /// In an update: any part of it. What stands in lists is given whole.
    Changed,
}

impl Side {
    /// Whether what only systems set stands there too.
    fn has_read_only(self) -> bool {
        matches!(self, Self::Shown | Self::Told | Self::Published)
    }

    /// Whether there may be more than the object has.
    fn is_open(self) -> bool {
        matches!(self, Self::Shown | Self::Told)
    }
}

/// What a mapping says of the attributes at one place; nothing where it says nothing.
pub(crate) type Carried<'m> = Vec<Option<&'m [Field]>>;

/// The schemas of the fabric's code sets by their names.
pub(crate) fn code_sets(fabric: &Fabric) -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, set) in &fabric.code_sets {
        let codes: Vec<&str> = set.codes.iter().map(|entry| entry.code.value.as_str()).collect();
        let about = format!("A code of the set {name}.");
        let schema = match set.on_unmatched {
            OnUnmatched::Pass => json!({"type": "string", "description": about, "examples": codes}),
            OnUnmatched::Park | OnUnmatched::Reject => {
                json!({"type": "string", "enum": codes, "description": about})
            }
        };
        schemas.insert(code_name(name.as_str()), schema);
    }
    schemas
}

fn code_name(set: &str) -> String {
    format!("{}Code", pascal(set))
}

/// Makes schemas of attributes.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'f> {
    pub(crate) fabric: &'f Fabric,
}

impl Attributes<'_> {
    /// An object's or a group's members; `carried` is what each mapping says of them.
    pub(crate) fn members(&self, attributes: &[Attribute], carried: &Carried<'_>, side: Side) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<&str> = Vec::new();
        for attribute in attributes.iter().filter(|attribute| side.has_read_only() || !attribute.read_only) {
            let name = attribute.name.value.as_str();
            let fields: Vec<Option<&Field>> =
                carried.iter().map(|fields| fields.and_then(|all| all.iter().find(|f| f.name() == name))).collect();
            properties.insert(name.to_owned(), self.attribute(attribute, &fields, side));
            let always = match side {
                Side::Shown => fields.iter().flatten().all(|field| field.readable),
                Side::Told => !attribute.optional && fields.iter().flatten().all(|field| field.readable),
                Side::Given | Side::Published => !attribute.optional,
                Side::Changed => false,
            };
            if always {
                required.push(name);
            }
        }
        let mut schema = json!({"type": "object", "required": required, "properties": properties});
        if let (Some(members), true) = (schema.as_object_mut(), !side.is_open()) {
            members.insert("additionalProperties".to_owned(), false.into());
        }
        schema
    }

    fn attribute(&self, attribute: &Attribute, fields: &[Option<&Field>], side: Side) -> Value {
        let empty = |field: &Option<&Field>| field.is_none_or(|field| matches!(field.lens, Lens::Absent));
        // Whatever grants see today: a client that is made of the contract takes what is masked.
        let masked = attribute.class.is_some();
        let unsure = match side {
            Side::Shown => masked || fields.is_empty() || fields.iter().any(empty),
            Side::Told => masked || fields.iter().any(empty),
            Side::Given | Side::Published | Side::Changed => false,
        };
        let may_be_null = attribute.optional || unsure;
        let mut schema = self.shape(&attribute.shape, fields, side);
        if may_be_null {
            schema = or_null(schema);
        }
        let about = attribute.description.as_deref().map(str::to_owned).or_else(|| described(&attribute.shape));
        if let (Some(about), Some(members)) = (about, schema.as_object_mut()) {
            members.insert("description".to_owned(), about.into());
        }
        if let (Some(class), Some(members)) = (&attribute.class, schema.as_object_mut()) {
            members.insert("x-selvage-class".to_owned(), class.value.as_str().into());
        }
        schema
    }

    fn shape(&self, shape: &Shape, fields: &[Option<&Field>], side: Side) -> Value {
        match shape {
            Shape::List(element) => {
                // An element has no place where the rest of it could stay as it is.
                let side = if side == Side::Changed { Side::Given } else { side };
                let inner: Vec<Option<&Field>> = Vec::new();
                let items = match element.as_ref() {
                    Shape::Group(members) => {
                        let lines = fields.iter().map(|field| match field.map(|field| &field.lens) {
                            Some(Lens::Lines(lines)) => Some(lines.members.as_slice()),
                            _ => None,
                        });
                        self.members(members, &lines.collect(), side)
                    }
                    other => self.shape(other, &inner, side),
                };
                json!({"type": "array", "items": items})
            }
            Shape::Group(members) => {
                let groups = fields.iter().map(|field| match field.map(|field| &field.lens) {
                    Some(Lens::Group(members)) => Some(members.as_slice()),
                    _ => None,
                });
                self.members(members, &groups.collect(), side)
            }
            Shape::Quantity { .. } => reference("Quantity"),
            Shape::Money => reference("Money"),
            Shape::Decimal => reference("Decimal"),
            Shape::Code { set } if self.fabric.code_sets.contains_key(&set.value) => {
                reference(&code_name(set.value.as_str()))
            }
            scalar => scalar_schema(scalar),
        }
    }
}

/// A scalar by itself; anything else is any string.
pub(super) fn scalar_schema(shape: &Shape) -> Value {
    match shape {
        Shape::String { max } => {
            json!({"type": "string", "maxLength": max.unwrap_or(65_536), "pattern": "^[^\\r\\n\\u0000]*$"})
        }
        Shape::Text => json!({"type": "string", "maxLength": 65_536}),
        Shape::Integer => json!({"type": "integer", "format": "int64"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Enum { values } => {
            let words: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
            json!({"type": "string", "enum": words})
        }
        Shape::Ref { .. } => json!({"type": "string", "minLength": 1}),
        Shape::Timestamp => json!({"type": "string", "format": "date-time"}),
        Shape::Date => json!({"type": "string", "format": "date"}),
        Shape::Duration => json!({"type": "string", "format": "duration"}),
        _ => json!({"type": "string"}),
    }
}

/// What the shape says where nobody described the attribute.
fn described(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Ref { object } => Some(format!("The {object}, by its key.")),
        Shape::Quantity { dimension: Some(dimension) } => Some(format!("A quantity of {}.", dimension)),
        _ => None,
    }
}

/// The same or nothing.
fn or_null(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    match members.get("type").cloned() {
        Some(Value::String(word)) => {
            members.insert("type".to_owned(), json!([word, "null"]));
            if let Some(Value::Array(values)) = members.get_mut("enum") {
                values.push(Value::Null);
            }
            Value::Object(members)
        }
        _ => json!({"anyOf": [Value::Object(members), {"type": "null"}]}),
    }
}
