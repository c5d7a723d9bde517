//! The operations of a contract, and the contract as the gateway can use it: every operation with an id of its own, every path one
//! that is routed. What had to change, and what had to go, is noted.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::code;
use selvage_model::finding::show;
use selvage_model::name::Version;
use selvage_model::openapi::{is_id, shape_of_template};
use serde_json::{Map, Value};

use super::Refusal;
use super::naming::{self, Style};
use super::note::Notes;
use super::pointer;

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// What else may stand in a path item.
const OTHERS: &[&str] = &["summary", "description", "servers", "parameters", "$ref"];

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    /// In small letters.
    pub(super) method: String,
    pub(super) path: String,
    /// Where it stands.
    pub(super) pointer: String,
}

impl Operation {
    /// The segments of its path.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// As people say it.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

/// Which OpenAPI the document is.
///
/// # Errors
/// Where it is one that is not read, with what helps.
pub(super) fn version(document: &Value) -> Result<String, Refusal> {
    let text = |name: &str| match document.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let refused = |message: String, fix: &str| Err(Refusal::new(code::IMPORT_VERSION, message, fix));
    if let Some(version) = text("openapi") {
        if ["3.0", "3.1"].iter().any(|known| version == *known || version.starts_with(&format!("{known}."))) {
            return Ok(version);
        }
        let fix = "write `openapi: 3.1.0` where the document uses nothing that is newer, or have it made in 3.0 or 3.1";
        return refused(format!("the contract is OpenAPI {}", show(&version)), fix);
    }
    if let Some(version) = text("swagger") {
        let fix = "convert it first: `npx swagger2openapi FILE -o contract.yaml`";
        return refused(format!("the contract is Swagger {}, which is older than OpenAPI 3", show(&version)), fix);
    }
    if text("asyncapi").is_some() {
        let fix = "`selvage new event-interface NAME` begins an interface of events";
        return refused("the document is AsyncAPI: it tells of events, not of requests".to_owned(), fix);
    }
    refused("the document does not say which OpenAPI it is".to_owned(), "name the file that begins with `openapi: 3…`")
}

/// The version of the contract as ours: `1.2.3` is `1.2`; `1.0` where it is none.
pub(super) fn own_version(document: &Value, notes: &mut Notes) -> Version {
    let text = match document.pointer("/info/version") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let digits = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
    let plain = text.trim().trim_start_matches(['v', 'V']);
    let plain = plain.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.');
    let version = digits(parts.next()).map(|major| Version { major, minor: digits(parts.next()).unwrap_or(0) });
    // A year is no version: the next one would break everybody's.
    match version.filter(|version| version.major < 1000) {
        Some(version) => version,
        None => {
            notes.changed(
                format!("the version {} is no `major.minor`: the draft says 1.0", show(&text)),
                "/info/version",
            );
            Version { major: 1, minor: 0 }
        }
    }
}

/// Mends the paths of the document and gives its operations. Whether anything was changed is to be seen in the notes.
///
/// # Errors
/// Where nothing is left.
pub(super) fn mend(document: &mut Value, notes: &mut Notes) -> Result<(Vec<Operation>, bool), Refusal> {
    let nothing =
        |message: &str| Refusal::new(code::IMPORT_EMPTY, message, "name the contract of an api that is called");
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return Err(nothing("the contract has no `paths`"));
    };
    let mut mending = Mending {
        notes,
        style: Style::of(ids(paths).into_iter()),
        taken: BTreeSet::new(),
        later: ids(paths).into_iter().map(str::to_owned).collect(),
        numbers: BTreeMap::new(),
        operations: Vec::new(),
        changed: false,
    };
    let mut shapes: BTreeMap<String, String> = BTreeMap::new();
    let mut mended = Map::new();
    for (template, item) in std::mem::take(paths) {
        if template.starts_with("x-") {
            mended.insert(template, item);
            continue;
        }
        let place = pointer::join("/paths", &template);
        let why = match shape_of_template(&template) {
            Ok(shape) => shapes
                .insert(shape, template.clone())
                .map(|first| format!("cannot be told from the path {}", show(&first))),
            Err(why) => Some(format!("cannot be routed: {why}")),
        };
        match (why, item) {
            (None, Value::Object(mut item)) => {
                mending.item(&template, &place, &mut item);
                mended.insert(template, Value::Object(item));
            }
            (why, _) => {
                mending.changed = true;
                let why = why.unwrap_or_else(|| "is no map".to_owned());
                mending.notes.left_out(format!("a path that {why}"), place);
            }
        }
    }
    let Mending { operations, changed, .. } = mending;
    *paths = mended;
    if operations.is_empty() {
        Err(nothing("the contract has no operation that can be served"))
    } else {
        Ok((operations, changed))
    }
}

/// The ids that the document gives.
fn ids(paths: &Map<String, Value>) -> Vec<&str> {
    let items = paths.values().filter_map(Value::as_object).flatten();
    let operations = items.filter(|(method, _)| METHODS.contains(&method.as_str()));
    operations.filter_map(|(_, operation)| operation.get("operationId")?.as_str()).collect()
}

struct Mending<'n> {
    notes: &'n mut Notes,
    style: Style,
    taken: BTreeSet<String>,
    /// What the document says anywhere: names that are made keep clear of it.
    later: BTreeSet<String>,
    /// How often a name was made.
    numbers: BTreeMap<String, u32>,
    operations: Vec<Operation>,
    changed: bool,
}

impl Mending<'_> {
    fn item(&mut self, template: &str, place: &str, item: &mut Map<String, Value>) {
        for (name, value) in std::mem::take(item) {
            let at = pointer::join(place, &name);
            if !METHODS.contains(&name.as_str()) {
                if OTHERS.contains(&name.as_str()) || name.starts_with("x-") {
                    item.insert(name, value);
                } else {
                    self.changed = true;
                    self.notes.left_out("what is no HTTP method in small letters", at);
                }
                continue;
            }
            let Value::Object(mut operation) = value else {
                self.changed = true;
                self.notes.left_out("an operation that is no map", at);
                continue;
            };
            let id = self.id(&name, template, &at, &operation);
            if operation.get("operationId").and_then(Value::as_str) != Some(&id) {
                self.changed = true;
                operation.insert("operationId".to_owned(), Value::String(id.clone()));
            }
            let whole = Operation { id, method: name.clone(), path: template.to_owned(), pointer: at };
            self.operations.push(whole);
            item.insert(name, Value::Object(operation));
        }
    }

    /// The operation's own id, or one that is made of method and path.
    fn id(&mut self, method: &str, template: &str, at: &str, operation: &Map<String, Value>) -> String {
        let given = operation.get("operationId").and_then(Value::as_str);
        let is_free = |id: &str| is_id(id) && !self.taken.contains(id);
        if let Some(id) = given.filter(|id| is_free(id)) {
            self.taken.insert(id.to_owned());
            return id.to_owned();
        }
        let plain = given.filter(|id| !self.taken.contains(*id)).map(|id| self.style.join(&naming::words(id)));
        let made = plain.filter(|id| !id.is_empty()).unwrap_or_else(|| self.style.join(&spoken(method, template)));
        let made: String = made.chars().take(120).collect();
        let last = self.numbers.entry(made.clone()).or_insert(0);
        let id = loop {
            *last += 1;
            let id = if *last == 1 { made.clone() } else { format!("{made}{last}") };
            if !self.taken.contains(&id) && !self.later.contains(&id) {
                break id;
            }
        };
        let why = match given {
            None => format!("an operation without an id is called {}", show(&id)),
            Some(given) if is_id(given) => format!("the second {} is called {}", show(given), show(&id)),
            Some(given) => format!("grants cannot name {}: it is called {}", show(given), show(&id)),
        };
        self.notes.changed(why, at);
        self.taken.insert(id.clone());
        id
    }
}

/// An operation in words: `GET /orders/{id}/lines` is `list order lines`, `GET /orders/{id}` is `get order`.
fn spoken(method: &str, template: &str) -> Vec<String> {
    let segments: Vec<&str> = template.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_one = segments.last().is_some_and(|last| last.starts_with('{'));
    let verb = match (method, is_one) {
        ("get", false) => "list",
        ("post", _) => "create",
        ("put", _) => "replace",
        ("patch", _) => "update",
        (other, _) => other,
    };
    let mut words = vec![verb.to_owned()];
    for (index, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.starts_with('{')) {
        let of_one = segments.get(index + 1).is_some_and(|next| next.starts_with('{')) || method == "post";
        let mut own = naming::words(segment);
        if let Some(last) = own.last_mut().filter(|_| of_one) {
            *last = naming::singular(last);
        }
        words.extend(own);
    }
    if words.len() == 1 {
        // A path of parameters alone is told by the last of them.
        words.extend(segments.last().map(|last| naming::words(last)).unwrap_or_default());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_spoken() {
        for (method, path, expected) in [
            ("get", "/orders", "list orders"),
            ("get", "/orders/{id}", "get order"),
            ("get", "/orders/{id}/lines", "list order lines"),
            ("post", "/orders", "create order"),
            ("put", "/orders/{id}", "replace order"),
            ("delete", "/stock-items/{sku}", "delete stock item"),
            ("get", "/{sku}", "get sku"),
            ("get", "/", "list"),
        ] {
            assert_eq!(spoken(method, path).join(" "), expected, "{method} {path}");
        }
    }
}
