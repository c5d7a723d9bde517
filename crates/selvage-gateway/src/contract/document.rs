//! An OpenAPI document as JSON, walked by pointers, with the references within it followed.

use std::borrow::Cow;
use std::sync::Arc;

use selvage_model::yaml::{self, Limits};
use serde_json::Value;

/// How long a chain of references may be.
const MOST_HOPS: usize = 32;

/// Which OpenAPI a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// 3.0: schemas are a dialect of their own.
    V30,
    /// 3.1: schemas are JSON Schema 2020-12.
    V31,
}

/// A place in a document.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) pointer: String,
    pub(super) node: &'a Value,
    root: &'a Value,
}

/// The document of a text that was read before without findings.
pub(super) fn read(file: &str, text: &str) -> Option<(Value, Dialect)> {
    let (nodes, _) = yaml::parse(text.as_bytes(), &Arc::from(file), &Limits::CONTRACT);
    let root = nodes.first()?.to_value();
    let version = match root.get("openapi")? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let dialect = if version.starts_with("3.0") { Dialect::V30 } else { Dialect::V31 };
    Some((root, dialect))
}

impl<'a> At<'a> {
    pub(super) fn root(root: &'a Value) -> Self {
        Self { pointer: String::new(), node: root, root }
    }

    /// The member of this name, behind any references.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let node = self.node.get(name)?;
        Self { pointer: format!("{}/{}", self.pointer, escaped(name)), node, root: self.root }.followed()
    }

    /// The members of an object, each behind any references.
    pub(super) fn members(&self) -> Vec<(&'a str, Self)> {
        let Some(members) = self.node.as_object() else { return Vec::new() };
        members.keys().filter_map(|name| Some((name.as_str(), self.get(name)?))).collect()
    }

    /// The items of a list, each behind any references.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.node.as_array().map(Vec::as_slice).unwrap_or_default();
        let at = |(index, node)| Self { pointer: format!("{}/{index}", self.pointer), node, root: self.root };
        items.iter().enumerate().map(at).filter_map(Self::followed).collect()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.node.get(name)?.as_str()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.node.get(name)?.as_bool()
    }

    /// Where the references from here lead; nothing where they lead nowhere, out of the document or in a circle.
    fn followed(self) -> Option<Self> {
        let mut at = self;
        for _ in 0..MOST_HOPS {
            let Some(reference) = at.node.get("$ref").and_then(Value::as_str) else { return Some(at) };
            let pointer = decoded(reference.strip_prefix('#')?)?.into_owned();
            at = Self { node: at.root.pointer(&pointer)?, pointer, root: at.root };
        }
        None
    }
}

/// A name as a token of a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A URI's fragment as the pointer that it stands for.
pub(super) fn decoded(fragment: &str) -> Option<Cow<'_, str>> {
    if !fragment.contains('%') {
        return Some(Cow::Borrowed(fragment));
    }
    String::from_utf8(crate::path::decode(fragment.as_bytes(), false)?).ok().map(Cow::Owned)
}

/// A pointer as a URI's fragment.
pub(super) fn encoded(pointer: &str) -> String {
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"/~-._!$&'()*+,;=:@?".contains(&byte);
        if plain {
            fragment.push(char::from(byte));
        } else {
            fragment.push_str(&format!("%{byte:02X}"));
        }
    }
    fragment
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_followed_within_the_document() {
        let root = json!({
            "paths": {"/a/{b}": {"$ref": "#/components/x/a%7E0b"}, "/circle": {"$ref": "#/paths/~1circle"}, "/out": {"$ref": "o.yaml#/x"}},
            "components": {"x": {"a~b": {"$ref": "#/components/x/last"}, "last": {"get": 1}}},
        });
        let paths = At::root(&root).get("paths").unwrap();
        let last = At::root(&root).get("components").unwrap().get("x").unwrap().get("a~b").unwrap();
        assert_eq!((last.pointer.as_str(), last.node), ("/components/x/last", &json!({"get": 1})));
        assert_eq!(paths.get("/a/{b}").unwrap().pointer, "/components/x/last");
        assert!(paths.get("/circle").is_none() && paths.get("/out").is_none());
    }

    #[test]
    fn pointers_survive_being_fragments() {
        let pointer = "/paths/~1items~1{id}/größe";
        assert_eq!(encoded(pointer), "/paths/~1items~1%7Bid%7D/gr%C3%B6%C3%9Fe");
        assert_eq!(decoded(&encoded(pointer)).unwrap(), pointer);
    }
}
