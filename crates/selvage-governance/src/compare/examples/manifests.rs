//! Examples of what manifests declare: lists of manifests, and of files that they name.

use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use selvage_model::yaml::Node;

use super::{Class, Difference, TODAY};
use crate::compare::{fabrics, judge_by_day};

/// Classes about what cannot be read.
const UNREAD: [&str; 3] = ["organisation.manifest.unread", "interface.contract.changed", "event.schema.changed"];

/// What comparing two lists of manifests yields.
pub(super) fn compared(class: &Class, before: &Node, after: &Node) -> Vec<Difference> {
    let (Some(before), Some(after)) = (fabric(class, before), fabric(class, after)) else { return Vec::new() };
    if !UNREAD.contains(&class.code) {
        assert_eq!(fabrics(&before, &before), [], "{}", class.code);
        assert_eq!(fabrics(&after, &after), [], "{}", class.code);
    }
    let mut found = fabrics(&before, &after);
    judge_by_day(&mut found, &after, TODAY);
    found
}

/// An item with `file` and `text` is a file; any other is a manifest. What cannot be read is told, and compared with nothing.
fn fabric(class: &Class, manifests: &Node) -> Option<Fabric> {
    let mut sources = Sources::new();
    for (number, item) in manifests.items().iter().enumerate() {
        match (item.get("file").and_then(Node::text), item.get("text").and_then(Node::text)) {
            (Some(path), Some(text)) => sources.insert(path, text),
            // JSON is YAML.
            _ => sources.insert(format!("manifest-{number}.yaml"), item.to_value().to_string()),
        }
    }
    let reading = read::read(&sources);
    let is_meant = UNREAD.contains(&class.code) || reading.findings.is_empty();
    if !is_meant {
        eprintln!("{}: {:#?}", class.code, reading.findings);
    }
    is_meant.then_some(reading.fabric)
}
