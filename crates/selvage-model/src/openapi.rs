//! Reads what the gateway needs of an OpenAPI 3.0 or 3.1 document: its operations, by method, path template and id.
//! Schemas, parameters and security are passed over here. Pure and bounded as manifests are; JSON is read as YAML.

mod members;
mod within;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::code;
use crate::finding::{Finding, show};
use crate::source::{Place, Spanned};
use crate::yaml::{self, Content, Limits, Node};

/// The operations of a contract.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contract {
    /// `info.title`; empty where missing.
    pub title: String,
    /// `info.version`; empty where missing.
    pub version: String,
    /// Operations in the order written.
    pub operations: Vec<ContractOperation>,
    /// What members of objects are called, anywhere in it.
    pub members: BTreeSet<String>,
    /// Those that are not `null` everywhere: masked, they would break the contract.
    pub never_null: BTreeSet<String>,
    /// Names of members, parameters and headers with the class of data that they are marked with: `x-selvage-class`.
    pub classes: Vec<(Spanned<String>, Spanned<String>)>,
    /// Those of these names that are headers of requests or answers.
    pub classed_headers: BTreeSet<String>,
    /// What headers of requests and answers are called, anywhere in it.
    pub headers: BTreeSet<String>,
    /// The names of the members that stand in a member of this name, without those that stand in them.
    pub within: BTreeMap<String, BTreeSet<String>>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractOperation {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path template: `/items/{id}`.
    pub path: String,
    /// `operationId`.
    pub id: String,
    /// The attributes that its parameters carry, by which grants can cover rows: `x-selvage-row`.
    pub rows: Vec<String>,
    /// What parameters of its queries are called; with a `[` at the end, where a member's name follows.
    pub queries: BTreeSet<String>,
    /// What the members of its body are called, without those that stand in them.
    pub body: BTreeSet<String>,
    /// Whether it declares a body.
    pub has_body: bool,
    /// Where it is declared.
    pub place: Place,
}

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// What else may stand in a path item.
const OTHERS: &[&str] = &["summary", "description", "servers", "parameters", "$ref"];

impl Contract {
    /// Reads a document. `file` is its path relative to the fabric's directory, for findings.
    pub fn read(text: &str, file: &str) -> (Self, Vec<Finding>) {
        Self::of(yaml::parse(text.as_bytes(), &Arc::from(file), &Limits::CONTRACT), file)
    }

    /// Reads a document that was parsed as YAML.
    pub(crate) fn of((nodes, findings): (Vec<Node>, Vec<Finding>), file: &str) -> (Self, Vec<Finding>) {
        let mut reader = Reader { findings, ..Reader::default() };
        match nodes.as_slice() {
            [root] => reader.document(root),
            [] if !reader.findings.is_empty() => {}
            _ => {
                let message = "the file does not hold one OpenAPI document";
                reader.note(&Place::start(file), message, "put each contract into a file of its own");
            }
        }
        (reader.contract, reader.findings)
    }

    /// The operation of this id.
    pub fn operation(&self, id: &str) -> Option<&ContractOperation> {
        self.operations.iter().find(|operation| operation.id == id)
    }
}

#[derive(Default)]
struct Reader {
    contract: Contract,
    findings: Vec<Finding>,
    /// Operation ids, and where they stand first.
    ids: BTreeMap<String, Place>,
    /// Path templates without their parameters' names, and where they stand first.
    templates: BTreeMap<String, Place>,
}

impl Reader {
    fn note(&mut self, place: &Place, message: impl Into<String>, fix: &str) {
        self.findings.push(Finding::error(code::BAD_CONTRACT, place, message).fix(fix));
    }

    fn document(&mut self, root: &Node) {
        let version = root.get("openapi").and_then(Node::text).unwrap_or_default();
        if !(version.starts_with("3.0.") || version.starts_with("3.1.") || matches!(version, "3.0" | "3.1")) {
            let place = root.get("openapi").map_or(&root.place, |node| &node.place);
            let message = if version.is_empty() {
                "the document does not say which OpenAPI it is".to_owned()
            } else {
                format!("OpenAPI {} cannot be read", show(version))
            };
            self.note(place, message, "write it in OpenAPI 3.0 or 3.1: `openapi: 3.1.0`");
        }
        let info = |name: &str| {
            root.get("info").and_then(|info| info.get(name)).and_then(Node::text).unwrap_or_default().to_owned()
        };
        for (place, message, fix) in members::gather(root, &mut self.contract) {
            self.note(place, message, fix);
        }
        self.contract.title = info("title");
        self.contract.version = info("version");
        match root.get("paths") {
            Some(paths) if matches!(paths.content, Content::Map(_)) => {
                for (template, item) in paths.entries().iter().filter(|(key, _)| !key.value.starts_with("x-")) {
                    self.path(&template.value, &template.place, item, root);
                }
            }
            Some(paths) => self.note(&paths.place, "`paths` is not a map", "write a line `/path:` for each path"),
            None => {
                self.note(&root.place, "the document has no `paths`", "add the operations that the interface offers");
            }
        }
        if self.contract.operations.is_empty() && self.findings.is_empty() {
            self.note(&root.place, "the document has no operation", "add the operations that the interface offers");
        }
    }

    fn path(&mut self, template: &str, place: &Place, item: &Node, root: &Node) {
        match shape_of_template(template) {
            Ok(shape) => {
                if let Some(first) = self.templates.get(&shape) {
                    let message = format!("{} cannot be told from the path in line {}", show(template), first.line);
                    self.note(place, message, "keep one of the two");
                }
                self.templates.entry(shape).or_insert_with(|| place.clone());
            }
            Err(why) => {
                return self.note(
                    place,
                    format!("{} is not a path template: {why}", show(template)),
                    "write `/items/{id}`",
                );
            }
        }
        let Some(item) = self.resolve(item, root) else { return };
        for (key, node) in item.entries() {
            let name = key.value.as_ref();
            if METHODS.contains(&name) {
                self.operation((name, template), &key.place, (item, node, root));
            } else if !OTHERS.contains(&name) && !name.starts_with("x-") {
                self.note(
                    &key.place,
                    format!("{} is not an HTTP method", show(name)),
                    "methods are written in small letters",
                );
            }
        }
    }

    /// The path item, behind any references within the document.
    fn resolve<'a>(&mut self, item: &'a Node, root: &'a Node) -> Option<&'a Node> {
        let mut item = item;
        let mut passed: Vec<&str> = Vec::new();
        while let Some(reference) = item.get("$ref") {
            let target = reference.text().unwrap_or_default();
            if passed.contains(&target) {
                self.note(
                    &reference.place,
                    format!("the reference {} leads back to itself", show(target)),
                    "point it at a path item",
                );
                return None;
            }
            passed.push(target);
            let Some(pointer) = target.strip_prefix('#') else {
                let message = format!("the reference {} leads out of the document", show(target));
                self.note(&reference.place, message, "put what it names into this document, and write `#/…`");
                return None;
            };
            let Some(found) = follow(pointer, root) else {
                self.note(
                    &reference.place,
                    format!("the reference {} leads to nothing", show(target)),
                    "point it at a path item",
                );
                return None;
            };
            item = found;
        }
        if let Content::Map(_) = item.content {
            return Some(item);
        }
        self.note(&item.place, "the path item is not a map", "write a line `get:` for each method");
        None
    }

    fn operation(&mut self, (method, path): (&str, &str), place: &Place, (item, node, root): (&Node, &Node, &Node)) {
        let id = node.get("operationId");
        let Some(id) = id.and_then(Node::text).filter(|id| is_id(id)) else {
            let at = id.map_or(place, |node| &node.place);
            let message = format!("{} {} has no usable `operationId`", method.to_uppercase(), show(path));
            let fix = "give it one of letters, digits, `_`, `-` and `.`: grants name operations by it";
            return self.note(at, message, fix);
        };
        if let Some(first) = self.ids.get(id) {
            let message = format!("the operation {} stands twice; first in line {}", show(id), first.line);
            return self.note(place, message, "give each operation its own `operationId`");
        }
        self.ids.insert(id.to_owned(), place.clone());
        let request = node.get("requestBody");
        let (body, is_all) = request.map_or((BTreeSet::new(), true), |body| within::names(body, root));
        if !is_all {
            let message = format!("the body of {} is made of too many schemas", show(id));
            self.note(place, message, "make it of fewer: what stands in it cannot be told");
        }
        let operation = ContractOperation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            id: id.to_owned(),
            rows: [item, node].into_iter().flat_map(|at| rows(at, root)).collect(),
            queries: [item, node].into_iter().flat_map(|at| queries(at, root)).collect(),
            body,
            has_body: request.is_some(),
            place: place.clone(),
        };
        self.contract.operations.push(operation);
    }
}

/// The parameters of a path or an operation, behind references.
fn parameters<'a>(at: &'a Node, root: &'a Node) -> Vec<&'a Node> {
    let Some(Node { content: Content::List(parameters), .. }) = at.get("parameters") else { return Vec::new() };
    let target = |parameter: &'a Node| match parameter.get("$ref").and_then(Node::text) {
        Some(reference) => reference.strip_prefix('#').and_then(|pointer| follow(pointer, root)),
        None => Some(parameter),
    };
    parameters.iter().filter_map(target).collect()
}

/// The attributes that the parameters of a path or an operation carry.
fn rows(at: &Node, root: &Node) -> Vec<String> {
    let row = |parameter: &Node| Some(parameter.get("x-selvage-row")?.text()?.to_owned());
    parameters(at, root).into_iter().filter_map(row).collect()
}

/// What a query's parameters are called. Those that are groups stand there by their members.
fn queries(at: &Node, root: &Node) -> Vec<String> {
    let mut names = Vec::new();
    for parameter in parameters(at, root) {
        let text = |name| parameter.get(name).and_then(Node::text);
        let (Some(name), Some("query")) = (text("name"), text("in")) else { continue };
        names.push(name.to_owned());
        if text("style") == Some("deepObject") {
            names.push(format!("{name}["));
        } else if text("explode") != Some("false") {
            names.extend(parameter.get("schema").into_iter().flat_map(|schema| within::names(schema, root).0));
        }
    }
    names
}

/// Whether grants can name an operation so.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The template of a path with `{}` for every parameter, so that two which match the same paths are the same.
///
/// # Errors
/// Why the gateway cannot route it.
pub fn shape_of_template(template: &str) -> Result<String, &'static str> {
    let rest = template.strip_prefix('/').ok_or("it does not begin with `/`")?;
    if template.len() > 1024 {
        return Err("it is longer than 1024 characters");
    }
    let mut shape = String::new();
    let mut names = Vec::new();
    let segments: Vec<&str> = rest.split('/').collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        if (segment.is_empty() && !is_last) || matches!(*segment, "." | "..") {
            return Err("it has an empty segment, `.` or `..`");
        }
        shape.push('/');
        if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let plain =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            if !plain {
                return Err("a parameter's name is of letters, digits, `_`, `-` and `.`");
            }
            if names.contains(&name) {
                return Err("a parameter stands twice");
            }
            names.push(name);
            shape.push_str("{}");
        } else if segment.contains(['{', '}']) {
            return Err("a parameter is a whole segment");
        } else if segment.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '*')) {
            shape.push_str(segment);
        } else {
            return Err("it has a space, `?`, `#`, `*` or a character that is not ASCII");
        }
    }
    Ok(shape)
}

/// RFC 6901, within the document.
fn follow<'a>(pointer: &str, root: &'a Node) -> Option<&'a Node> {
    let mut node = root;
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        let decoded = token.replace("%7B", "{").replace("%7D", "}").replace("%7b", "{").replace("%7d", "}");
        node = match &node.content {
            Content::Map(_) => node.get(&decoded).or_else(|| node.get(&token))?,
            Content::List(items) => items.get(token.parse::<usize>().ok()?)?,
            Content::Scalar(_) => return None,
        };
    }
    Some(node)
}

#[cfg(test)]
mod tests;
