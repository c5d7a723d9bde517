//! An entry as JSON, for scripts and the control API.

use selvage_model::manifest::interface::Lifecycle;
use serde_json::{Map, Value, json};

use super::{Consumes, Dependency, Entry, Example, Member, Offered, Told};

/// An entry, with its examples where they were made.
pub fn shown(entry: &Entry, examples: &[Example]) -> Value {
    let (since, sunset) = match &entry.lifecycle {
        Lifecycle::Deprecated(end) => (Some(end.since.to_string()), end.sunset.map(|sunset| sunset.to_string())),
        _ => (None, None),
    };
    let people: Map<String, Value> = entry.people.iter().map(|(role, people)| (role.clone(), json!(people))).collect();
    let classification: Map<String, Value> =
        entry.classification.iter().map(|(word, value)| ((*word).to_owned(), json!(value))).collect();
    json!({
        "interface": entry.interface.to_string(),
        "version": entry.version,
        "type": entry.kind,
        "description": entry.description,
        "owner": entry.owner.as_ref().map(ToString::to_string),
        "people": people,
        "domain": entry.domain.as_str(),
        "state": entry.state(),
        "since": since,
        "sunset": sunset,
        "successor": entry.successor().map(ToString::to_string),
        "classification": classification,
        "classes": entry.classes,
        "slos": entry.slos,
        "operations": entry.operations.iter().map(operation).collect::<Vec<_>>(),
        "events": entry.events.iter().map(told).collect::<Vec<_>>(),
        "contract": entry.contract,
        "consumers": entry.consumers.iter().map(consumer).collect::<Vec<_>>(),
        "dependencies": entry.dependencies.iter().map(dependency).collect::<Vec<_>>(),
        "examples": examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn operation(it: &Offered) -> Value {
    json!({"name": it.name, "method": it.method, "path": it.path})
}

fn told(it: &Told) -> Value {
    let member = |it: &Member| json!({"name": it.name, "is": it.is, "required": it.required, "class": it.class});
    json!({
        "type": it.name, "carries": it.carries, "when": it.when, "members": it.members.iter().map(member).collect::<Vec<_>>(),
        "schema": it.schema,
    })
}

fn consumer(it: &Consumes) -> Value {
    json!({
        "consumer": it.consumer.as_str(),
        "owner": it.owner,
        "grant": it.grant,
        "operations": it.operations,
        "purpose": it.purpose,
        "until": it.until.map(|until| until.to_string()),
        "last_used": it.last_used.map(|last| last.to_string()),
    })
}

fn dependency(it: &Dependency) -> Value {
    json!({"by": it.by, "name": it.name})
}

fn example(it: &Example) -> Value {
    json!({"operation": it.operation, "line": it.line, "body": it.body})
}
