//! What lint looks at in the OpenAPI contract of a direct interface, gathered in one reading. What cannot be read is told by
//! whoever reads contracts; here it is nothing.

use std::sync::Arc;

use selvage_model::source::Place;
use selvage_model::yaml::{self, Limits, Node};

/// A contract as lint sees it.
pub(crate) struct Contract {
    /// Its operations in the order written.
    pub(crate) operations: Vec<Operation>,
    /// Where the document begins.
    pub(crate) place: Place,
    /// Whether every operation says how its callers prove who they are, or that they need not.
    pub(crate) says_who: bool,
    /// Schemes by which a key stands in the address.
    pub(crate) keys_in_addresses: Vec<Place>,
}

/// One operation.
pub(crate) struct Operation {
    /// Its id, where it has one.
    pub(crate) id: Option<String>,
    /// Its method, in capitals.
    pub(crate) method: String,
    /// Its path template, and where that stands.
    pub(crate) path: String,
    pub(crate) path_place: Place,
    /// Where it stands.
    pub(crate) place: Place,
    /// It answers with a list that nothing bounds.
    pub(crate) is_unbounded: bool,
    /// A request says by a header that it is the same as one before.
    pub(crate) has_key: bool,
    /// Its errors are `application/problem+json`.
    pub(crate) tells_problems: bool,
    /// Parameters of its path that nothing declares.
    pub(crate) undeclared: Vec<String>,
}

/// Methods that may change something each time they are sent.
const CHANGING: [&str; 2] = ["POST", "PATCH"];
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Parameters by which APIs page, in small letters without `-`, `_` and `$`.
const PAGERS: &[&str] = &[
    "limit",
    "cursor",
    "offset",
    "page",
    "pagesize",
    "perpage",
    "pagetoken",
    "pagenumber",
    "size",
    "skip",
    "top",
    "after",
    "before",
    "startingafter",
    "next",
    "continue",
    "continuation",
    "maxresults",
    "count",
    "from",
];
/// Headers by which a request is known again.
const KEYS: &[&str] = &["idempotencykey", "xidempotencykey", "requestid", "xrequestid", "ifmatch"];
/// Members of an answer that hold its elements.
const ELEMENTS: &[&str] = &["items", "data", "results", "value", "records", "rows", "entries", "content"];
/// References within a document that are followed one after another.
const MOST_REFERENCES: usize = 16;

impl Contract {
    /// Reads a contract; `None` where it is not one document.
    pub(crate) fn read(text: &str, file: &str) -> Option<Self> {
        let (documents, findings) = yaml::parse(text.as_bytes(), &Arc::from(file), &Limits::CONTRACT);
        let [root] = documents.as_slice() else { return None };
        if !findings.is_empty() {
            return None;
        }
        let mut operations = Vec::new();
        let mut says_who = true;
        let for_all = root.get("security").is_some();
        for (path, item) in root.get("paths").map(Node::entries).unwrap_or_default() {
            let item = resolve(item, root);
            for (method, node) in item.entries().iter().filter(|(key, _)| METHODS.contains(&key.value.as_ref())) {
                says_who &= for_all || node.get("security").is_some();
                operations.push(operation(
                    (&path.value, &path.place),
                    (&method.value, &method.place),
                    node,
                    item,
                    root,
                ));
            }
        }
        let schemes = root.get("components").and_then(|components| components.get("securitySchemes"));
        let schemes = schemes.map(Node::entries).unwrap_or_default().iter().map(|(_, scheme)| resolve(scheme, root));
        let in_query = |scheme: &&Node| {
            scheme.get("type").and_then(Node::text) == Some("apiKey")
                && scheme.get("in").and_then(Node::text) == Some("query")
        };
        let keys_in_addresses = schemes.filter(in_query).map(|scheme| scheme.place.clone()).collect();
        Some(Self { operations, place: root.place.clone(), says_who, keys_in_addresses })
    }
}

impl Operation {
    /// Whether sending it twice may do it twice.
    pub(crate) fn may_repeat(&self) -> bool {
        CHANGING.contains(&self.method.as_str()) && !self.has_key
    }
}

fn operation(path: (&str, &Place), method: (&str, &Place), node: &Node, item: &Node, root: &Node) -> Operation {
    let parameters: Vec<&Node> = parameters(node, root).chain(parameters(item, root)).collect();
    let place_of = |parameter: &Node| parameter.get("in").and_then(Node::text).unwrap_or_default().to_owned();
    let name_of = |parameter: &Node| parameter.get("name").and_then(Node::text).unwrap_or_default().to_owned();
    let has = |name: &str| parameters.iter().any(|it| place_of(it) == "path" && name_of(it) == name);
    let names = path.0.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let is_bounded = parameters.iter().any(|parameter| PAGERS.contains(&plain(&name_of(parameter)).as_str()));
    let key =
        |parameter: &&Node| place_of(parameter) == "header" && KEYS.contains(&plain(&name_of(parameter)).as_str());
    Operation {
        id: node.get("operationId").and_then(Node::text).map(str::to_owned),
        method: method.0.to_ascii_uppercase(),
        path: path.0.to_owned(),
        path_place: path.1.clone(),
        place: method.1.clone(),
        is_unbounded: method.0 == "get" && !is_bounded && answers_list(node, root),
        has_key: parameters.iter().any(key),
        tells_problems: tells_problems(node, root),
        undeclared: names.filter(|name| !has(name)).map(str::to_owned).collect(),
    }
}

fn parameters<'a>(node: &'a Node, root: &'a Node) -> impl Iterator<Item = &'a Node> {
    let parameters = node.get("parameters").map(Node::items).unwrap_or_default();
    parameters.iter().map(|parameter| resolve(parameter, root))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn tells_problems(node: &Node, root: &Node) -> bool {
    let responses = node.get("responses").map(Node::entries).unwrap_or_default();
    let is_error = |status: &str| status == "default" || status.starts_with(['4', '5']);
    let mut errors = responses.iter().filter(|(status, _)| is_error(&status.value));
    errors.any(|(_, response)| {
        let content = resolve(response, root).get("content").map(Node::entries).unwrap_or_default();
        content.iter().any(|(media, _)| media.value.starts_with("application/problem+json"))
    })
}

fn answers_list(get: &Node, root: &Node) -> bool {
    let Some(responses) = get.get("responses") else { return false };
    let Some(response) = ["200", "2XX", "2xx", "default"].into_iter().find_map(|status| responses.get(status)) else {
        return false;
    };
    let content = resolve(response, root).get("content").map(Node::entries).unwrap_or_default();
    let schemas = content.iter().filter_map(|(_, media)| media.get("schema"));
    schemas.into_iter().any(|schema| {
        let schema = resolve(schema, root);
        let members = schema.get("properties");
        let inside = ELEMENTS.iter().filter_map(|name| members?.get(name)).map(|member| resolve(member, root));
        is_array(schema) || inside.into_iter().any(is_array)
    })
}

fn is_array(schema: &Node) -> bool {
    let Some(kind) = schema.get("type") else { return false };
    let bounded = schema.get("maxItems").is_some();
    let array = kind.text() == Some("array") || kind.items().iter().any(|kind| kind.text() == Some("array"));
    array && !bounded
}

/// What a reference within the document leads to; the node itself where it is none, or leads nowhere.
fn resolve<'a>(node: &'a Node, root: &'a Node) -> &'a Node {
    let mut node = node;
    for _ in 0..MOST_REFERENCES {
        let Some(pointer) = node.get("$ref").and_then(Node::text).and_then(|text| text.strip_prefix("#/")) else {
            break;
        };
        let tokens = pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~"));
        let mut target = Some(root);
        for token in tokens {
            target = target.and_then(|target| target.get(&token));
        }
        let Some(found) = target else { break };
        node = found;
    }
    node
}
