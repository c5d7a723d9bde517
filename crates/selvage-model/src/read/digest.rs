//! The content address of a release: what was declared, whatever the layout, the comments, the quotes and the order.
//! Documents are hashed one by one as canonical JSON; the sorted hashes are hashed again.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Sources;
use crate::finding::Finding;
use crate::manifest::kind::Kind;
use crate::schema::format::Format;
use crate::schema::shape::{Record, Shape};
use crate::yaml::{Content, Node};

/// SHA-256 of one document.
pub(super) type DocumentHash = [u8; 32];

/// The content address of what these files declare: `rel_` and 64 hexadecimal digits.
pub fn digest(sources: &Sources) -> String {
    super::read(sources).digest
}

/// Over all documents, in no order.
pub(super) fn of(mut hashes: Vec<DocumentHash>) -> String {
    hashes.sort_unstable();
    let mut sha = Sha256::new();
    for hash in &hashes {
        sha.update(hash);
    }
    let mut text = String::from("rel_");
    for byte in sha.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A manifest. Values are taken as their fields mean them, so quotes make no difference.
pub(super) fn document(kind: Kind, node: &Node, record: &'static Record) -> DocumentHash {
    let mut text = format!("manifest {kind} ");
    canonical_record(node, record, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

/// A file that a manifest names: by its content where it is YAML or JSON, otherwise by its bytes.
pub(super) fn file(path: &str, bytes: &[u8], (nodes, findings): &(Vec<Node>, Vec<Finding>)) -> DocumentHash {
    let mut sha = Sha256::new();
    sha.update(format!("file {path} ").as_bytes());
    if findings.is_empty() {
        let mut text = String::new();
        for node in nodes {
            canonical_value(&node.to_value(), &mut text);
        }
        sha.update(text.as_bytes());
    } else {
        sha.update(bytes);
    }
    sha.finalize().into()
}

fn canonical_record(node: &Node, record: &'static Record, text: &mut String) {
    let word = record.variants.and_then(|variants| node.get(variants.tag)).and_then(Node::text).unwrap_or_default();
    let case = record.case(word);
    entries(node, text, |name, value, text| {
        let field = record.fields.iter().chain(case).find(|field| field.name == name);
        match (field, record.rest) {
            (Some(field), _) => canonical(value, &field.shape, text),
            (None, Some((_, shape))) => canonical(value, shape, text),
            (None, None) => canonical_value(&value.to_value(), text),
        }
    });
}

fn canonical(node: &Node, shape: &'static Shape, text: &mut String) {
    match (shape, &node.content) {
        (Shape::Text(format), Content::Scalar(_)) | (Shape::Either(format, _), Content::Scalar(_)) => {
            canonical_text(node, *format, text);
        }
        (Shape::Either(_, other), _) => canonical(node, other, text),
        (Shape::Record(record), Content::Map(_)) => canonical_record(node, record, text),
        (Shape::Map(_, of), Content::Map(_)) => entries(node, text, |_, value, text| canonical(value, of, text)),
        (Shape::List(of, _), Content::List(items)) => {
            text.push('[');
            for item in items {
                canonical(item, of, text);
                text.push(',');
            }
            text.push(']');
        }
        (Shape::Typed(typed, other), _) => {
            let has_type = node.get("type").is_some_and(|node| node.text().is_some());
            canonical(node, if has_type { typed } else { other }, text);
        }
        _ => canonical_value(&node.to_value(), text),
    }
}

fn canonical_text(node: &Node, format: Format, text: &mut String) {
    let written = node.text().unwrap_or_default();
    let value = match format {
        Format::Boolean => node.to_value(),
        _ => Value::String(written.to_owned()),
    };
    canonical_value(&value, text);
}

fn entries(node: &Node, text: &mut String, mut each: impl FnMut(&str, &Node, &mut String)) {
    let sorted: BTreeMap<&str, &Node> = node.entries().iter().map(|(key, value)| (key.value.as_ref(), value)).collect();
    text.push('{');
    for (key, value) in sorted {
        canonical_value(&Value::String(key.to_owned()), text);
        text.push(':');
        each(key, value, text);
        text.push(',');
    }
    text.push('}');
}

fn canonical_value(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical_value(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            text.push('{');
            for (key, value) in sorted {
                canonical_value(&Value::String(key.clone()), text);
                text.push(':');
                canonical_value(value, text);
                text.push(',');
            }
            text.push('}');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}
