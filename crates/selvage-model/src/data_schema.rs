//! JSON Schemas (2020-12) that event types name for their data: read, and judged before any data is held to them. What they refer to
//! stands in them, and what holding data to them can take is bounded. Holds nothing to them itself.

mod class;
mod cost;
mod lane;
mod part;
mod reference;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::class::Masked;
use crate::code::{self, Code};
use crate::finding::{Finding, show};
use crate::name::ClassName;
use crate::source::Place;
use crate::yaml::{self, Content, Limits, Node};
use part::{Parts, Way};

/// The dialect that is understood.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema that data can be held to.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSchema {
    /// It, as JSON.
    pub value: Value,
    /// Its parts that carry a class of data, by its `x-selvage-class`.
    pub classes: Vec<Masked>,
    /// What the data's own members are called, as far as it names them.
    pub members: BTreeSet<String>,
}

impl DataSchema {
    /// Reads a schema. `file` is its path relative to the fabric's directory, for findings.
    pub fn read(text: &str, file: &str) -> (Option<Self>, Vec<Finding>) {
        Self::of(yaml::parse(text.as_bytes(), &Arc::from(file), &Limits::CONTRACT), file)
    }

    /// Reads a schema that was parsed as YAML.
    pub(crate) fn of((nodes, findings): (Vec<Node>, Vec<Finding>), file: &str) -> (Option<Self>, Vec<Finding>) {
        if !findings.is_empty() {
            return (None, findings);
        }
        let root = match nodes.as_slice() {
            [root] if matches!(root.content, Content::Map(_)) => root,
            _ => {
                let message = "the file does not hold one schema: a map with `type`, `properties` and the like";
                let finding = Finding::error(code::SCHEMA_UNUSABLE, &Place::start(file), message);
                return (None, vec![finding.fix("put each schema into a file of its own")]);
            }
        };
        let mut found = Found::default();
        let parts = Parts::of(root, &mut found);
        if found.findings.is_empty() {
            cost::judge(&parts, &mut found);
        }
        if !found.findings.is_empty() {
            return (None, found.findings);
        }
        let classes = class::gather(&parts, &mut found);
        let schema = Self { value: root.to_value(), classes, members: members(&parts) };
        (found.findings.is_empty().then_some(schema), found.findings)
    }

    /// Its parts that whoever sees only these classes is not shown.
    pub fn masked(&self, sees: &[ClassName]) -> Vec<Masked> {
        self.classes.iter().filter(|masked| !sees.contains(&masked.class)).cloned().collect()
    }

    /// Whether what stands at the end of this way of members can order events: a text or a whole number, and always there. `None`
    /// where the schema names nothing there.
    pub fn orders(&self, way: &[&str]) -> Option<bool> {
        lane::orders(&self.value, way)
    }
}

/// What was found, with what all findings share.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
}

impl Found {
    fn note(&mut self, code: Code, place: &Place, message: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding::error(code, place, message).fix(fix));
    }
}

/// The names of the data's own members.
fn members(parts: &Parts<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in parts.together(Parts::ROOT) {
        names.extend(parts.ways(part).filter_map(|(way, _)| match way {
            Way::Member(name) => Some(name.to_owned()),
            _ => None,
        }));
    }
    names
}

/// Whether a schema says that it is written in another dialect.
fn judge_dialect(node: &Node, found: &mut Found) {
    if let Some(dialect) = node.get("$schema") {
        let text = dialect.text().unwrap_or_default();
        if text.trim_end_matches('#') != DIALECT {
            let message = format!("{} is another dialect than JSON Schema 2020-12", show(text));
            let fix = format!("write the schema in 2020-12, and `$schema: {DIALECT}`, or leave `$schema` out");
            found.note(code::SCHEMA_DIALECT, &dialect.place, message, fix);
        }
    }
    for (old, instead) in [
        ("additionalItems", "write `prefixItems` and `items`"),
        ("dependencies", "write `dependentRequired` or `dependentSchemas`"),
    ] {
        if let Some((key, _)) = node.entries().iter().find(|(key, _)| key.value.as_ref() == old) {
            let message = format!("`{old}` means nothing in JSON Schema 2020-12");
            found.note(code::SCHEMA_DIALECT, &key.place, message, instead);
        }
    }
    if let Some(items) = node.get("items").filter(|items| matches!(items.content, Content::List(_))) {
        let message = "a list of `items` means nothing in JSON Schema 2020-12";
        found.note(code::SCHEMA_DIALECT, &items.place, message, "write `prefixItems`");
    }
}

#[cfg(test)]
mod tests;
