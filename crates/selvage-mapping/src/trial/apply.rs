//! A record after a system took what was put: plain values stand, lines follow their commands. What a system adds to a
//! new line by itself is taken from the line that was meant.

use serde_json::{Map, Value, json};

use crate::lens::{Field, Lens};
use crate::record::same;

/// The record with these changes; `meant` is the record whose object was put.
pub(super) fn applied(
    members: &[Field],
    record: Map<String, Value>,
    changes: Map<String, Value>,
    meant: &Value,
) -> Map<String, Value> {
    let mut record = record;
    for (name, value) in changes {
        let value = match lines_of(members, &name) {
            Some(inner) => lines(inner, record.get(&name), &value, meant.get(&name).unwrap_or(&Value::Null)),
            None => value,
        };
        record.insert(name, value);
    }
    record
}

/// The members of the lines in this field.
fn lines_of<'m>(members: &'m [Field], name: &str) -> Option<&'m [Field]> {
    members.iter().find_map(|member| match &member.lens {
        Lens::Lines(lines) if member.at.as_ref().is_some_and(|at| at.at == name) => Some(lines.members.as_slice()),
        Lens::Group(inner) => lines_of(inner, name),
        _ => None,
    })
}

fn lines(members: &[Field], before: Option<&Value>, commands: &Value, meant: &Value) -> Value {
    let mut lines: Vec<Value> = before.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut meant: Vec<&Value> = meant.as_array().map(|lines| lines.iter().collect()).unwrap_or_default();
    for command in commands.as_array().into_iter().flatten() {
        let id = command.get(1).cloned().unwrap_or_default();
        let values = command.get(2).and_then(Value::as_object).cloned().unwrap_or_default();
        let place = lines.iter().position(|line| line.get("id") == Some(&id));
        match (command.get(0).and_then(Value::as_i64), place) {
            (Some(0), _) => {
                let agrees = |line: &&Value| {
                    values.iter().all(|(name, value)| line.get(name).is_some_and(|meant| same(meant, value)))
                };
                let like = meant.iter().position(agrees).map(|place| meant.remove(place));
                let mut line = like.and_then(Value::as_object).cloned().unwrap_or_default();
                line.insert("id".to_owned(), json!(1_000_000 + lines.len()));
                let like = Value::Object(line.clone());
                lines.push(Value::Object(applied(members, line, values, &like)));
            }
            (Some(1), Some(place)) => {
                if let Some(line) = lines.get_mut(place) {
                    let old = line.as_object().cloned().unwrap_or_default();
                    *line = Value::Object(applied(members, old, values, &Value::Null));
                }
            }
            (_, Some(place)) => drop(lines.remove(place)),
            _ => {}
        }
    }
    Value::Array(lines)
}
