//! The description of the control API as an OpenAPI 3.1 document, made of the table of routes: each with its parameters, body and
//! answers, the codes with which it refuses, and who may. It says nothing of what runs, and is the same on every node.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use selvage_model::code::{self, Code};
use serde_json::{Map, Value, json};

use super::answer::status;
use super::request::Operator;
use super::route::{Gives, Parameter, Route};
use super::schema::{self, problem_of, reference};

/// What tags stand for, in the order of the document.
const TAGS: [(&str, &str); 11] = [
    ("changes", "Changes of what domains declare, from a proposal to a release."),
    ("releases", "Releases, and what is active in which environment."),
    ("catalogue", "Which interfaces there are, and what is known of each."),
    ("access", "Access as leases: asked for, decided, narrowed, ended."),
    ("recertification", "Campaigns in which somebody answers for each grant."),
    ("break-glass", "Access that was opened in an emergency, without approval."),
    ("lanes", "Lanes that are set aside, dead letters, and events of the log."),
    ("replays", "Events that are sent again."),
    ("captures", "Captures of systems' changes, and the copies that are kept from them."),
    ("evidence", "What the ledger and the store prove of an interface, a domain or controls."),
    ("api", "The API itself."),
];

/// With what any request may be refused where the node cannot answer.
const BROKEN: u16 = 500;
const UNAVAILABLE: u16 = 503;

/// The description, of an API at this address: `/`, or `https://console.example.com`.
pub fn description(server: &str) -> Value {
    let routes = super::table();
    let mut paths: Map<String, Value> = Map::new();
    for route in &routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(route.method.to_owned(), operation(route));
        }
    }
    let tags: Vec<Value> = TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Selvage control API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What the commands do, over HTTP and for people who log in.",
            "description": "Every request shows an operator's key, and is done in that operator's name. What an operator may do is said by \
                            what the domains released last; until something is released, any operator begins. A refusal is a problem \
                            (RFC 9457) whose `code` has a page: `selvage explain CODE`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": format!("{}/api", server.trim_end_matches('/')), "description": "The console's address."}],
        "security": [{"operator": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operator": {"type": "http", "scheme": "bearer", "description": "An operator's key: `selvage operator add`."},
            },
            "responses": responses(),
            "schemas": schema::components(),
        },
    })
}

/// The description, for who asks the node.
pub(super) async fn show(_operator: Operator) -> Response {
    Json(description("/")).into_response()
}

fn responses() -> Value {
    let of = |about: &str, schema: Value| json!({"description": about, "content": {"application/problem+json": {"schema": schema}}});
    json!({
        "Unknown": of("Nobody knows who asks.", problem_of(&[code::API_KEY], false)),
        "Unreadable": of("The body or the query cannot be used.", problem_of(&[code::API_BODY], false)),
        "Broken": of("The node or its store is not in order.", reference("Problem")),
        "Unavailable": of("Not now: trying again helps.", reference("Problem")),
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = named(route.path).map(in_path).collect();
    parameters.extend(route.query.iter().map(in_query));
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.says,
        "description": route.who.says(),
        "x-selvage-who": route.who.as_str(),
    });
    let Some(members) = operation.as_object_mut() else { return operation };
    if !parameters.is_empty() {
        members.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(body) = route.takes {
        let content = json!({"application/json": {"schema": reference(body)}});
        members.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    members.insert("responses".to_owned(), answers(route).into());
    operation
}

/// The names in braces.
fn named(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Value {
    let schema = match name {
        "interface" => "InterfaceRef",
        "environment" => "EnvironmentName",
        "domain" => "DomainName",
        "control" => "ControlId",
        "position" => "Position",
        _ => "Id",
    };
    json!({"name": name, "in": "path", "required": true, "schema": reference(schema)})
}

fn in_query(parameter: &Parameter) -> Value {
    let Parameter { name, about, schema, is_needed } = parameter;
    json!({"name": name, "in": "query", "description": about, "required": is_needed, "schema": reference(schema)})
}

/// Every answer by its status.
fn answers(route: &Route) -> Map<String, Value> {
    let mut all: BTreeMap<u16, Value> = route.gives.iter().map(|gives| (gives.status, given(gives))).collect();
    let shared = |name: &str| json!({"$ref": format!("#/components/responses/{name}")});
    all.insert(401, shared("Unknown"));
    all.insert(BROKEN, shared("Broken"));
    all.insert(UNAVAILABLE, shared("Unavailable"));
    if route.takes.is_some() || !route.query.is_empty() {
        all.insert(400, shared("Unreadable"));
    }
    if route.takes.is_some() {
        all.insert(413, shared("Unreadable"));
        all.insert(415, shared("Unreadable"));
    }
    let mut refused: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    if named(route.path).next().is_some() {
        refused.entry(404).or_default().push(code::API_MISSING);
    }
    for code in route.refuses {
        refused.entry(status(*code)).or_default().push(*code);
    }
    if route.is_checked {
        refused.entry(CHECKED).or_default();
    }
    for (status, codes) in refused {
        all.entry(status).or_insert_with(|| refusal(&codes, route.is_checked && status == CHECKED));
    }
    all.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect()
}

/// The status of what the check finds.
const CHECKED: u16 = 422;

fn given(gives: &Gives) -> Value {
    let mut content = json!({gives.media: {"schema": gives.schema}});
    if let (Some(content), true) = (content.as_object_mut(), gives.is_page) {
        content.insert("text/html".to_owned(), json!({"schema": {"type": "string"}}));
    }
    let mut answer = json!({"description": gives.about, "content": content});
    if let (Some(answer), true) = (answer.as_object_mut(), gives.is_located) {
        let place = json!({
            "description": "Where it is.", "required": true, "schema": {"type": "string", "format": "uri-reference"},
        });
        answer.insert("headers".to_owned(), json!({"Location": place}));
    }
    answer
}

fn refusal(codes: &[Code], is_checked: bool) -> Value {
    let titled = |code: &Code| code::find(code.as_str()).map(|(code, title)| format!("- {code}: {title}"));
    let mut lines: Vec<String> = codes.iter().filter_map(titled).collect();
    if is_checked {
        lines.push("- what the check finds, by its own code".to_owned());
    }
    let content = json!({"application/problem+json": {"schema": problem_of(codes, is_checked)}});
    json!({"description": format!("Refused:\n\n{}", lines.join("\n")), "content": content})
}
