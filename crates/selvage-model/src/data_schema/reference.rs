//! References of schemas: each leads to a place in the same document, by a pointer. Fetches nothing.

use crate::code;
use crate::finding::show;
use crate::yaml::{Content, Node};

use super::Found;

/// Keywords by which a schema is named, or refers to what a name stands for where it is used.
const NAMES: [&str; 6] =
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"];

/// What a schema refers to: where it is, as a pointer, and what is there.
pub(super) fn of<'n>(node: &Node, root: &'n Node, found: &mut Found) -> Option<(String, &'n Node)> {
    let written = node.get("$ref")?;
    let text = written.text().unwrap_or_default();
    if !(text == "#" || text.starts_with("#/")) {
        let message = format!("the reference {} leads out of the document", show(text));
        let fix = "put what it names below `$defs`, and write `#/$defs/…`; nothing is fetched";
        found.note(code::SCHEMA_REFERENCE, &written.place, message, fix);
        return None;
    }
    let pointer = pointer_of(text);
    let target = pointer.as_ref().and_then(|pointer| pointer.split('/').skip(1).try_fold(root, child));
    match pointer.zip(target) {
        Some(led) => Some(led),
        None => {
            let message = format!("the reference {} leads to nothing", show(text));
            found.note(code::SCHEMA_REFERENCE, &written.place, message, "point it at a schema of this document");
            None
        }
    }
}

/// Names that mean something else depending on where a schema is used, or that move what references lead to.
pub(super) fn judge_names(node: &Node, is_root: bool, found: &mut Found) {
    for (key, _) in node.entries() {
        let name = key.value.as_ref();
        if NAMES.contains(&name) || (name == "$id" && !is_root) {
            let message = format!("`{name}` is not understood: references are pointers into the document");
            let fix = "remove it, and write `$ref: '#/$defs/…'` where it is meant";
            found.note(code::SCHEMA_REFERENCE, &key.place, message, fix);
        }
    }
}

/// The pointer that a reference within the document is.
pub(super) fn pointer_of(reference: &str) -> Option<String> {
    decoded(reference.strip_prefix('#')?)
}

/// A name as a token of a JSON Pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn child<'n>(node: &'n Node, token: &str) -> Option<&'n Node> {
    match &node.content {
        Content::Map(_) => node.get(&token.replace("~1", "/").replace("~0", "~")),
        Content::List(items) => items.get(token.parse::<usize>().ok()?),
        Content::Scalar(_) => None,
    }
}

/// A pointer within a URI.
fn decoded(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}
