//! Lists of direct interfaces can be read page by page: by their OpenAPI contract, an array and nothing to bound it.

use std::sync::Arc;

use selvage_model::code;
use selvage_model::finding::{Finding, show};
use selvage_model::manifest::api::Api;
use selvage_model::yaml::{self, Limits, Node};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const LIST: LintRule = LintRule {
    code: code::LIST_UNPAGED,
    name: "lists-have-pages",
    bad: "\
kind: Interface
name: stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/whole-list.yaml}
upstream: {system: wms, path: /api/stock}
",
    good: "\
kind: Interface
name: stock
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms, path: /api/stock}
",
    waivable: true,
    check: list,
};

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
/// Members of an answer that hold its elements.
const ELEMENTS: &[&str] = &["items", "data", "results", "value", "records", "rows", "entries", "content"];
/// References within a document that are followed one after another.
const MOST_REFERENCES: usize = 16;

fn list(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(Api::Direct { openapi, .. }) = interface.api() else { continue };
        let Some(text) = context.fabric.files.get(&openapi.value) else { continue };
        let (documents, _) = yaml::parse(text.as_bytes(), &Arc::from(openapi.value.as_str()), &Limits::CONTRACT);
        let [root] = documents.as_slice() else { continue };
        for (path, item) in root.get("paths").map(Node::entries).unwrap_or_default() {
            let item = resolve(item, root);
            let Some(get) = item.get("get") else { continue };
            let bounded = parameters(get, root).chain(parameters(item, root)).any(is_pager);
            if !bounded && answers_list(get, root) {
                let message =
                    format!("{} of `{reference}` answers with a whole list, however long it grows", show(&path.value));
                let finding = Finding::warning(code::LIST_UNPAGED, &path.place, message);
                report.add(
                    reference,
                    finding.fix("add a parameter such as `limit` and `cursor`, where the system has one"),
                );
            }
        }
    }
}

fn parameters<'a>(node: &'a Node, root: &'a Node) -> impl Iterator<Item = &'a Node> {
    let parameters = node.get("parameters").map(Node::items).unwrap_or_default();
    parameters.iter().map(|parameter| resolve(parameter, root))
}

fn is_pager(parameter: &Node) -> bool {
    let name = parameter.get("name").and_then(Node::text).unwrap_or_default();
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PAGERS.contains(&plain.as_str())
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
