//! What an event interface tells: each type with its members, whether an object or a JSON Schema says what its data is.

use selvage_model::data_schema::DataSchema;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{Carried, EventType};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::object::{Attribute, Object, Shape};
use serde_json::Value;

/// An event type.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// Of what its data is: `object machine-state@1`, `schema contracts/inspection.yaml`.
    pub carries: String,
    /// When a change is this fact: CEL, as written.
    pub when: Option<String>,
    /// The members of its data, in the order written.
    pub members: Vec<Member>,
    /// The JSON Schema that says all of it, where one does.
    pub schema: Option<Value>,
}

/// A member of an event's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it is, in a word: `string`, `quantity`, `list of group`.
    pub is: String,
    /// Whether it is always there.
    pub required: bool,
    /// The class of data that it carries.
    pub class: Option<String>,
}

/// What an interface tells; nothing where it has no events.
pub(super) fn told(fabric: &Fabric, interface: &Interface) -> Vec<Told> {
    let InterfaceBody::Event(event) = &interface.body else { return Vec::new() };
    event.events.iter().map(|it| of_type(fabric, it)).collect()
}

fn of_type(fabric: &Fabric, event: &EventType) -> Told {
    let (carries, members, schema) = match &event.carried {
        Carried::Object(name) => {
            let object = fabric.objects.get(&name.value);
            (format!("object {}", name.value), object.map(of_object).unwrap_or_default(), None)
        }
        Carried::Schema(file) => {
            let schema = fabric.schemas.get(&file.value);
            let value = schema.map(|schema| schema.value.clone());
            (format!("schema {}", file.value), schema.map(|it| of_schema(it)).unwrap_or_default(), value)
        }
    };
    let when = event.when.as_ref().map(|when| when.value.clone());
    Told { name: event.name.value.clone(), carries, when, members, schema }
}

fn of_object(object: &Object) -> Vec<Member> {
    let member = |it: &Attribute| Member {
        name: it.name.value.as_str().to_owned(),
        is: word(&it.shape),
        required: !it.optional,
        class: it.class.as_ref().map(|class| class.value.as_str().to_owned()),
    };
    object.attributes.iter().map(member).collect()
}

fn word(shape: &Shape) -> String {
    match shape {
        Shape::String { .. } => "string".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Integer => "integer".to_owned(),
        Shape::Decimal => "decimal".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Enum { values } => {
            format!("one of {}", values.iter().map(|it| it.value.as_str()).collect::<Vec<_>>().join(", "))
        }
        Shape::Code { set } => format!("code of {}", set.value),
        Shape::Ref { object } => format!("reference to {}", object.value),
        Shape::Quantity { .. } => "quantity".to_owned(),
        Shape::Money => "money".to_owned(),
        Shape::Timestamp => "timestamp".to_owned(),
        Shape::Date => "date".to_owned(),
        Shape::Duration => "duration".to_owned(),
        Shape::List(element) => format!("list of {}", word(element)),
        Shape::Group(_) => "group".to_owned(),
    }
}

/// The members that the schema itself names; what stands behind references and choices, it says alone.
fn of_schema(schema: &DataSchema) -> Vec<Member> {
    let named = schema.value.get("properties").and_then(Value::as_object);
    let required = schema.value.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)));
    let class = |name: &str| {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        schema.classes.iter().find(|it| it.pointer == pointer).map(|it| it.class.as_str().to_owned())
    };
    let member = |(name, part): (&String, &Value)| Member {
        name: name.clone(),
        is: said(part),
        required: is_required(name),
        class: class(name),
    };
    named.into_iter().flatten().map(member).collect()
}

fn said(part: &Value) -> String {
    if let Some(Value::Array(words)) = part.get("enum") {
        let words: Vec<String> =
            words.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
        return format!("one of {}", words.join(", "));
    }
    let types = match part.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => return "as the schema says".to_owned(),
    };
    match part.get("format").and_then(Value::as_str) {
        Some(format) => format!("{types}, {format}"),
        None => types,
    }
}
