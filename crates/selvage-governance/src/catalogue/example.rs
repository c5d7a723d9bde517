//! How an interface is called for the first time: lines for a shell, with bodies that fit the contract. `$SELVAGE` is the gateway's
//! address and `$KEY` the consumer's key; neither is ever written out. INVARIANT: SECRET-FREE

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::event::{Carried, EventInterface, PUBLISH, READ};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::name::InterfaceRef;
use serde_json::{Value, json};

use super::sample::{carried, sample};
use super::{Offered, offered};

/// A call for the first time.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The operation.
    pub operation: String,
    /// A line for a shell.
    pub line: String,
    /// The body that it sends, where it sends one.
    pub body: Option<Value>,
}

/// One example for each way of calling an interface.
pub fn examples(fabric: &Fabric, reference: &InterfaceRef) -> Vec<Example> {
    let Some(interface) = fabric.interfaces.get(reference) else { return Vec::new() };
    let operations = offered(fabric, interface);
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(_)) => operations.iter().map(|it| mediated(fabric, reference, it)).collect(),
        InterfaceBody::Api(Api::Direct { openapi, .. }) => {
            let contract = fabric.contracts.get(&openapi.value);
            let has_body = |name: &str| contract.and_then(|it| it.operation(name)).is_some_and(|it| it.has_body);
            operations.iter().map(|it| direct(it, has_body(&it.name))).collect()
        }
        InterfaceBody::Event(event) => {
            operations.iter().filter_map(|it| of_event(fabric, interface, event, it)).collect()
        }
        InterfaceBody::Webhook(_) | InterfaceBody::File(_) | InterfaceBody::Flow => Vec::new(),
    }
}

fn mediated(fabric: &Fabric, reference: &InterfaceRef, it: &Offered) -> Example {
    let operation = it.name.parse::<Operation>().ok();
    let body = match operation {
        Some(Operation::Create) => fabric.object_of(reference).map(|object| sample(fabric, object)),
        _ => None,
    };
    let path = if operation == Some(Operation::List) { format!("{}?limit=10", it.path) } else { it.path.clone() };
    let mut options = String::new();
    if operation.is_some_and(Operation::writes) {
        options.push_str(" -H \"Idempotency-Key: $(uuidgen)\"");
    }
    let body_left_open = operation.is_some_and(|it| it.writes() && it != Operation::Create);
    Example { operation: it.name.clone(), line: line(&it.method, &path, &options, body.as_ref(), body_left_open), body }
}

fn direct(it: &Offered, has_body: bool) -> Example {
    Example { operation: it.name.clone(), line: line(&it.method, &it.path, "", None, has_body), body: None }
}

fn of_event(fabric: &Fabric, interface: &Interface, event: &EventInterface, it: &Offered) -> Option<Example> {
    let operation = it.name.clone();
    if operation == READ {
        let line = line("GET", &format!("{}?limit=10", it.path), "", None, false);
        return Some(Example { operation, line, body: None });
    }
    // What a capture tells is told by nobody else.
    let first = event.events.first().filter(|_| operation == PUBLISH && event.capture.is_none())?;
    let data = match &first.carried {
        Carried::Object(object) => carried(fabric, fabric.objects.get(&object.value)?),
        // Only its owner knows a value that fits a schema, and may say one in it.
        Carried::Schema(file) => {
            let examples = fabric.schemas.get(&file.value)?.value.get("examples").and_then(Value::as_array);
            match examples.and_then(|examples| examples.first()) {
                Some(example) => example.clone(),
                None => return Some(Example { operation, line: published("@event.json", &it.path), body: None }),
            }
        }
    };
    let body = json!({
        "specversion": "1.0",
        "id": "1",
        "source": event.produced_by.as_ref().map_or_else(|| format!("/{}", interface.name), |system| format!("/{system}")),
        "type": first.name.value,
        "data": data,
    });
    let line = published(&format!("'{}'", quoted(&body)), &it.path);
    Some(Example { operation, line, body: Some(body) })
}

fn published(body: &str, path: &str) -> String {
    let to = address(path);
    format!("curl -X POST{KEY} -H \"Content-Type: application/cloudevents+json\" -d {body} {to}")
}

const KEY: &str = " -H \"Authorization: Bearer $KEY\"";

fn line(method: &str, path: &str, options: &str, body: Option<&Value>, body_left_open: bool) -> String {
    let method = if method == "GET" { String::new() } else { format!(" -X {method}") };
    let body = match body {
        Some(body) => format!(" -H \"Content-Type: application/json\" -d '{}'", quoted(body)),
        // What is sent depends on a record: the contract says what it may be.
        None if body_left_open => " -H \"Content-Type: application/json\" -d @body.json".to_owned(),
        None => String::new(),
    };
    format!("curl{method}{KEY}{options}{body} {}", address(path))
}

/// An address for a shell. A contract's path may hold what a shell obeys: that stands where it obeys nothing.
fn address(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~:@{}?=&+,;%*".contains(c);
    match path.chars().all(is_plain) {
        true => format!("\"$SELVAGE{path}\""),
        false => format!("\"$SELVAGE\"'{}'", path.replace('\'', "'\\''")),
    }
}

/// JSON within single quotes of a shell.
fn quoted(body: &Value) -> String {
    body.to_string().replace('\'', "'\\''")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_shell_obeys_nothing_in_a_path() {
        for (path, expected) in [
            ("/stock/v1/{sku}?limit=10", "\"$SELVAGE/stock/v1/{sku}?limit=10\""),
            ("/$(id)`id`/{sku}", "\"$SELVAGE\"'/$(id)`id`/{sku}'"),
            ("/it's\"\\!", "\"$SELVAGE\"'/it'\\''s\"\\!'"),
        ] {
            assert_eq!(address(path), expected);
        }
    }
}
