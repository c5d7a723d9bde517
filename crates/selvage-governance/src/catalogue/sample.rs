//! A body that fits an object: one value for each attribute that has to be given. It is for reading and for a first try; it names no
//! record that there is.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::scalar::Dimension;
use serde_json::{Map, Value, json};

/// An object as a create gives it: what has to be given and is the sender's; where nothing has to be, what may be.
pub fn sample(fabric: &Fabric, object: &Object) -> Value {
    let given: Vec<&Attribute> = object.attributes.iter().filter(|attribute| !attribute.read_only).collect();
    let needed: Vec<&Attribute> = given.iter().copied().filter(|attribute| !attribute.optional).collect();
    members(fabric, if needed.is_empty() { &given } else { &needed })
}

/// An object as an event carries it: also what only systems set.
pub fn carried(fabric: &Fabric, object: &Object) -> Value {
    let needed: Vec<&Attribute> = object.attributes.iter().filter(|attribute| !attribute.optional).collect();
    members(fabric, &needed)
}

fn members(fabric: &Fabric, attributes: &[&Attribute]) -> Value {
    let values = attributes.iter().map(|attribute| {
        let name = attribute.name.value.as_str();
        (name.to_owned(), value(fabric, name, &attribute.shape))
    });
    Value::Object(values.collect::<Map<_, _>>())
}

fn value(fabric: &Fabric, name: &str, shape: &Shape) -> Value {
    match shape {
        Shape::String { max } => {
            let most = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
            format!("{name}-1").chars().take(most).collect::<String>().into()
        }
        Shape::Text => format!("some words about {name}").into(),
        Shape::Integer => json!(1),
        Shape::Decimal => json!("1.5"),
        Shape::Boolean => json!(true),
        Shape::Enum { values } => values.first().map_or(Value::Null, |word| word.value.as_str().into()),
        Shape::Code { set } => {
            let first = fabric.code_sets.get(&set.value).and_then(|set| set.codes.first());
            first.map_or_else(|| json!("A"), |entry| entry.code.value.as_str().into())
        }
        Shape::Ref { object } => format!("{object}-1").into(),
        Shape::Quantity { dimension } => json!({"value": "10", "unit": unit(*dimension)}),
        Shape::Money => json!({"amount": "9.50", "currency": "EUR"}),
        Shape::Timestamp => json!("2026-11-23T06:00:00Z"),
        Shape::Date => json!("2026-11-23"),
        Shape::Duration => json!("PT15M"),
        Shape::List(element) => json!([value(fabric, name, element)]),
        Shape::Group(inner) => {
            let needed: Vec<&Attribute> =
                inner.iter().filter(|attribute| !attribute.read_only && !attribute.optional).collect();
            members(fabric, &needed)
        }
    }
}

/// The unit in which most people give it.
fn unit(dimension: Option<Dimension>) -> &'static str {
    match dimension {
        Some(Dimension::Count) | None => "1",
        Some(Dimension::Mass) => "kg",
        Some(Dimension::Length) => "m",
        Some(Dimension::Area) => "m2",
        Some(Dimension::Volume) => "L",
        Some(Dimension::Time) => "s",
        Some(Dimension::Temperature) => "Cel",
        Some(Dimension::Energy) => "J",
    }
}
