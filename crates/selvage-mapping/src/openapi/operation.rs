//! The operations of an interface by their paths: what each takes and how it answers. The paths are those that the gateway
//! routes: `/{interface}/v{major}/{plural}[/{id}[/{verb}]]`.

use selvage_model::manifest::api::Operation;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::verb::Verb;
use serde_json::{Map, Value, json};

use super::answer::{self, header};
use super::parameter::{self, shared};
use super::schema::reference;
use super::{Subject, verb};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Every path with its operations, in the order of [`Operation::ALL`].
pub(super) fn paths(subject: &Subject<'_>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let served = |operation: &Operation| subject.serves.operations.iter().any(|it| it.value == *operation);
    let offered: Vec<Operation> = Operation::ALL.iter().copied().filter(served).collect();
    for operation in &offered {
        let (path, method) = place(subject, *operation);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(method.to_owned(), describe(subject, *operation));
        }
    }
    if offered.iter().any(|operation| operation.writes()) {
        paths.insert("/operations/{id}".to_owned(), json!({"get": looking()}));
    }
    Value::Object(paths)
}

fn place(subject: &Subject<'_>, operation: Operation) -> (String, &'static str) {
    let (interface, plural) = (&subject.interface, subject.object.name.plural());
    let base = format!("/{}/v{}/{plural}", interface.name, interface.version.major);
    match operation {
        Operation::List => (base, "get"),
        Operation::Create => (base, "post"),
        Operation::Get => (format!("{base}/{{id}}"), "get"),
        Operation::Update => (format!("{base}/{{id}}"), "patch"),
        verb => (format!("{base}/{{id}}/{verb}"), "post"),
    }
}

fn describe(subject: &Subject<'_>, operation: Operation) -> Value {
    let name = subject.object.name.as_str();
    let plural = subject.object.name.plural();
    let (summary, about) = match operation {
        Operation::List => (format!("List {plural}"), "Page by page, as far as the grant covers them."),
        Operation::Get => (format!("Get a {name}"), "By its business key, or its id in the system."),
        Operation::Create => (format!("Create a {name}"), "Once for each key, however often it is sent."),
        Operation::Update => (format!("Update a {name}"), "A JSON merge: what is not given stays."),
        verb => (
            format!("{} a {name}", capital(verb.as_str())),
            "States a target: doing it again changes only what is missing.",
        ),
    };
    let mut described = json!({
        "operationId": operation.as_str(),
        "summary": summary,
        "description": about,
        "tags": [name],
        "parameters": parameters(subject, operation),
    });
    if let Some(members) = described.as_object_mut() {
        if let Some(body) = body(subject, operation) {
            members.insert("requestBody".to_owned(), body);
        }
        members.insert("responses".to_owned(), responses(subject, operation));
        if matches!(subject.interface.lifecycle, Lifecycle::Deprecated(_)) {
            members.insert("deprecated".to_owned(), true.into());
        }
    }
    described
}

fn capital(word: &str) -> String {
    super::pascal(word)
}

fn parameters(subject: &Subject<'_>, operation: Operation) -> Value {
    match operation {
        Operation::List => parameter::of_list(subject),
        Operation::Get => json!([shared("Id"), shared("IfNoneMatch")]),
        Operation::Create => json!([shared("IdempotencyKey")]),
        _ => json!([shared("Id"), shared("IdempotencyKey"), shared("IfMatch")]),
    }
}

fn body(subject: &Subject<'_>, operation: Operation) -> Option<Value> {
    let title = subject.title();
    let required = |schema: Value| json!({"required": true, "content": {JSON: {"schema": schema}}});
    match operation {
        Operation::List | Operation::Get => None,
        Operation::Create => Some(required(reference(&format!("{title}New")))),
        operation => {
            let schema = Verb::of(operation, subject.record()).and_then(|of| verb::body(of, &title));
            let Some(schema) = schema else {
                let nothing =
                    json!({"type": ["object", "null"], "additionalProperties": false, "description": "Nothing."});
                return Some(json!({"required": false, "content": {JSON: {"schema": nothing}}}));
            };
            let mut body = required(schema.clone());
            if let (Operation::Update, Some(Value::Object(content))) = (operation, body.get_mut("content")) {
                content.insert(MERGE_PATCH.to_owned(), json!({"schema": schema}));
            }
            Some(body)
        }
    }
}

fn responses(subject: &Subject<'_>, operation: Operation) -> Value {
    let title = subject.title();
    let mut responses = Map::new();
    match operation {
        Operation::List => {
            let headers = json!({"Link": header("Link")});
            responses.insert("200".into(), done(subject, "A page.", &reference(&format!("{title}Page")), headers));
        }
        Operation::Get => {
            let headers = json!({"ETag": header("ETag")});
            responses.insert("200".into(), done(subject, "The record.", &reference(&title), headers));
            responses.insert("304".into(), unmodified(subject));
        }
        Operation::Create | Operation::Revise => {
            let headers = json!({"ETag": header("ETag"), "Location": header("Location"), "Idempotency-Replayed": header("Replayed")});
            let schema = answered(subject, operation, &title);
            responses.insert("201".into(), done(subject, "It is made, and was read back.", &schema, headers));
        }
        _ => {
            let headers = json!({"ETag": header("ETag"), "Idempotency-Replayed": header("Replayed")});
            let schema = answered(subject, operation, &title);
            responses.insert("200".into(), done(subject, "It is done, and was read back.", &schema, headers));
        }
    }
    if operation.writes() {
        let headers = json!({"Location": header("Location"), "Retry-After": header("RetryAfter")});
        let about = "The outcome is not known yet: `Location` says where to look, and the same key leads there.";
        responses.insert("202".into(), done(subject, about, &reference("Accepted"), headers));
    }
    responses.extend(answer::refusals(operation.writes()));
    Value::Object(responses)
}

/// What a write answers: the object, with what its verb adds.
fn answered(subject: &Subject<'_>, operation: Operation, title: &str) -> Value {
    let Some(verb) = Verb::of(operation, subject.record()) else { return reference(title) };
    let object = if verb.may_end_its_record() { reference(&format!("{title}Left")) } else { reference(title) };
    match verb::added(verb) {
        Some((member, schema)) => json!({"allOf": [object, {"type": "object", "properties": {member: schema}}]}),
        None => object,
    }
}

fn done(subject: &Subject<'_>, about: &str, schema: &Value, headers: Value) -> Value {
    let mut all = json!({"Correlation-Id": header("CorrelationId")});
    if let (Some(all), Value::Object(headers)) = (all.as_object_mut(), headers) {
        all.extend(headers);
        if schema != &reference("Accepted") && !subject.object.classed().is_empty() {
            all.insert("Selvage-Masked".to_owned(), header("Masked"));
        }
        if let Lifecycle::Deprecated(end) = &subject.interface.lifecycle {
            all.insert("Deprecation".to_owned(), header("Deprecation"));
            if end.sunset.is_some() {
                all.insert("Sunset".to_owned(), header("Sunset"));
            }
        }
    }
    json!({"description": about, "headers": all, "content": {JSON: {"schema": schema}}})
}

/// What who reads a record again is told where it has it already: the headers of the answer, and no body.
fn unmodified(subject: &Subject<'_>) -> Value {
    let about = "The record is as `If-None-Match` says: the answer that has this `ETag` still holds.";
    let mut answer = done(subject, about, &Value::Null, json!({"ETag": header("ETag")}));
    if let Some(members) = answer.as_object_mut() {
        members.remove("content");
    }
    answer
}

fn looking() -> Value {
    let id = json!({
        "name": "id", "in": "path", "required": true, "description": "As `Location` says.",
        "schema": {"type": "string", "pattern": "^op_[0-9a-f]{32}$"},
    });
    let mut responses = Map::new();
    let content = json!({JSON: {"schema": reference("Operation")}});
    responses.insert("200".into(), json!({"description": "How the write stands.", "content": content}));
    responses.extend(answer::refusals_of_looking());
    json!({
        "operationId": "operation",
        "summary": "Look at a write",
        "description": "What a write has come to that was answered with 202. Only its own consumer sees it.",
        "tags": ["operations"],
        "parameters": [id],
        "responses": responses,
    })
}
