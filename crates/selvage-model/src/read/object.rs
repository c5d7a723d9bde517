//! Object and CodeSet.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Fields, key, key_text, spanned_text};
use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::object::{Attribute, Authority, CodeEntry, CodeSet, Object, OnUnmatched, Shape};
use crate::read::undeclared;
use crate::scalar::{self, Dimension};
use crate::schema::tables::object::{ATTRIBUTE, AUTHORITY, CODE, ELEMENT};
use crate::source::Spanned;
use crate::yaml::{Content, Key, Node};

pub(super) fn object(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Object> {
    let attributes = attributes(fields.entries("attributes"));
    let identity = fields.list("identity");
    let authority: Vec<Authority> = fields.items("authority").iter().filter_map(authority).collect();
    let declared: BTreeSet<&str> = fields.entries("attributes").iter().map(|(key, _)| key.value.as_ref()).collect();
    for name in identity.iter().chain(authority.iter().flat_map(|authority| &authority.attributes)) {
        let text = name.value.as_str();
        if !declared.contains(text) {
            let message = format!("the object has no attribute {}", show(text));
            let finding = Finding::error(code::BAD_VALUE, &name.place, message);
            let otherwise = "declare it under `attributes`, or name one that is declared";
            undeclared(finding, text, declared.iter().copied(), otherwise, findings);
        }
    }
    Some(Object {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        version: fields.parse("version")?,
        owner: fields.spanned("owner")?,
        description: fields.text("description"),
        identity,
        attributes,
        authority,
        stewards: fields.spanned("stewards"),
        compatibility: fields.spanned("compatibility"),
    })
}

fn attributes(entries: &[(Key, Node)]) -> Vec<Attribute> {
    entries.iter().filter_map(attribute).collect()
}

fn attribute((name, node): &(Key, Node)) -> Option<Attribute> {
    let fields = Fields::new(node, &ATTRIBUTE);
    Some(Attribute {
        name: key(name)?,
        shape: shape(fields)?,
        optional: fields.flag("optional"),
        read_only: fields.flag("read_only"),
        class: fields.spanned("class"),
        description: fields.text("description"),
    })
}

fn shape(fields: Fields<'_>) -> Option<Shape> {
    Some(match fields.text("type")?.as_str() {
        "string" => Shape::String { max: fields.with("max", scalar::integer) },
        "text" => Shape::Text,
        "integer" => Shape::Integer,
        "decimal" => Shape::Decimal,
        "boolean" => Shape::Boolean,
        "enum" => Shape::Enum { values: fields.texts("values") },
        "code" => Shape::Code { set: fields.spanned("set")? },
        "ref" => Shape::Ref { object: fields.spanned("object")? },
        "quantity" => Shape::Quantity { dimension: fields.word("dimension", Dimension::ALL) },
        "money" => Shape::Money,
        "timestamp" => Shape::Timestamp,
        "date" => Shape::Date,
        "duration" => Shape::Duration,
        "list" => Shape::List(Box::new(element(fields.node("of")?)?)),
        "group" => Shape::Group(attributes(fields.entries("attributes"))),
        _ => return None,
    })
}

/// The elements of a list: a type, or else the attributes of a group.
fn element(node: &Node) -> Option<Shape> {
    if node.get("type").is_some_and(|node| node.text().is_some()) {
        return shape(Fields::new(node, &ELEMENT));
    }
    matches!(node.content, Content::Map(_)).then(|| Shape::Group(attributes(node.entries())))
}

fn authority(node: &Node) -> Option<Authority> {
    let fields = Fields::new(node, &AUTHORITY);
    Some(Authority {
        place: fields.place().clone(),
        attributes: fields.list("attributes"),
        record: fields.spanned_text("record")?,
        per_site: fields.has("per"),
        condition: fields.spanned_text("while"),
    })
}

const ON_UNMATCHED: &[(&str, OnUnmatched)] =
    &[("park", OnUnmatched::Park), ("reject", OnUnmatched::Reject), ("pass", OnUnmatched::Pass)];

pub(super) fn code_set(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<CodeSet> {
    let codes: Vec<CodeEntry> = fields.items("codes").iter().filter_map(code_entry).collect();
    let mut seen = BTreeMap::new();
    for entry in &codes {
        if let Some(first) = seen.insert(&entry.code.value, &entry.code.place) {
            let message = format!("the code {} stands twice; first in line {}", show(&entry.code.value), first.line);
            findings.push(Finding::error(code::DUPLICATE_KEY, &entry.code.place, message).fix("keep one of the two"));
        }
    }
    let words = |node: &Node| {
        node.entries().iter().filter_map(|(word, code)| Some((key_text(word), spanned_text(code)?))).collect()
    };
    let systems = fields.entries("systems").iter().filter_map(|(system, node)| Some((key(system)?, words(node))));
    let systems: Vec<(_, Vec<(_, Spanned<String>)>)> = systems.collect();
    for (_, code) in systems.iter().flat_map(|(_, words)| words) {
        if !seen.contains_key(&code.value) {
            let message = format!("{} is not a code of this set", show(&code.value));
            let finding = Finding::error(code::BAD_VALUE, &code.place, message);
            let known = seen.keys().map(|code| code.as_str());
            undeclared(finding, &code.value, known, "name one of the `codes`, or add it there", findings);
        }
    }
    Some(CodeSet {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        standard: fields.text("standard"),
        on_unmatched: fields.word("on_unmatched", ON_UNMATCHED).unwrap_or(OnUnmatched::Park),
        systems,
        codes,
    })
}

fn code_entry(node: &Node) -> Option<CodeEntry> {
    let fields = Fields::new(node, &CODE);
    Some(CodeEntry {
        code: fields.spanned_text("code")?,
        name: fields.text("name"),
        dimension: fields.word("dimension", Dimension::ALL),
    })
}
