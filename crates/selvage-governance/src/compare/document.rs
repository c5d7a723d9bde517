//! Two contracts by themselves, without a fabric that has them: of which kind they are is told by what stands at their top.

use selvage_model::yaml::{Content, Node};

use super::{Difference, Direction, asyncapi, contract, openapi, schema};

/// The kind of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenAPI 3.
    OpenApi,
    /// AsyncAPI 3; of version 2 it is said that it is not taken apart.
    AsyncApi,
    /// A JSON Schema by itself.
    Schema,
}

/// What a schema says at its top, if nothing else.
const SCHEMA: [&str; 11] =
    ["$schema", "$id", "$defs", "type", "properties", "$ref", "allOf", "anyOf", "oneOf", "enum", "items"];

impl Kind {
    /// The kind of a document; nothing where it is no contract, as a manifest is none.
    pub fn of(root: &Node) -> Option<Self> {
        let version = |word: &str| root.get(word).and_then(Node::text).unwrap_or_default();
        let is_manifest = root.get("kind").is_some() && root.get("$schema").is_none();
        match root.content {
            _ if version("openapi").starts_with("3.") => Some(Self::OpenApi),
            _ if version("asyncapi").starts_with(['2', '3']) => Some(Self::AsyncApi),
            Content::Map(_) if !is_manifest && SCHEMA.iter().any(|word| root.get(word).is_some()) => Some(Self::Schema),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenApi => "OpenAPI",
            Self::AsyncApi => "AsyncAPI",
            Self::Schema => "JSON Schema",
        }
    }

    /// What is different between two contracts of this kind. A schema is held to both ways: who writes by it and who reads.
    pub fn compare(self, before: &Node, after: &Node) -> Vec<Difference> {
        match self {
            Self::OpenApi => {
                let found = openapi(before, after);
                if found.is_empty() { contract::unexplained(before, after, &after.place.file) } else { found }
            }
            Self::AsyncApi => asyncapi(before, after),
            Self::Schema => schema(before, after, Direction::Both),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvage_model::yaml::{self, Limits};

    use super::*;

    #[test]
    fn a_contract_says_what_it_is() {
        for (text, kind) in [
            ("openapi: 3.1.0", Some(Kind::OpenApi)),
            ("openapi: 3.0.3", Some(Kind::OpenApi)),
            ("asyncapi: 3.0.0", Some(Kind::AsyncApi)),
            ("swagger: '2.0'", None),
            ("asyncapi: 2.6.0\nchannels: {}", Some(Kind::AsyncApi)),
            ("asyncapi: 1.2.0\ntopics: {}", None),
            ("type: object", Some(Kind::Schema)),
            ("{$schema: 'https://json-schema.org/draft/2020-12/schema', kind: x}", Some(Kind::Schema)),
            ("kind: Interface\ntype: api", None),
            ("- a", None),
            ("a: b", None),
        ] {
            let (nodes, _) = yaml::parse(text.as_bytes(), &Arc::from("a.yaml"), &Limits::CONTRACT);
            assert_eq!(nodes.first().and_then(Kind::of), kind, "{text}");
        }
    }
}
