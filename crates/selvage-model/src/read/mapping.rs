//! Mapping: its fields and examples.

use super::access::one_or_several;
use super::fields::{Fields, key, key_text, spanned_text};
use super::lens::lens;
use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::mapping::{Allowed, Direction, Example, ExampleLink, FieldMapping, Lens, Mapping};
use crate::scalar::{self, VersionRange};
use crate::schema::tables::mapping::{EXAMPLE, FIELD};
use crate::source::Spanned;
use crate::yaml::{Content, Key, Node};

pub(super) fn mapping(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Mapping> {
    let mappings = field_mappings(fields.entries("fields"), findings);
    let only = only(fields, findings);
    Some(Mapping {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        object: fields.spanned("object")?,
        system: fields.spanned("system")?,
        record: fields.text("record")?,
        versions: fields.parse("versions").unwrap_or_default(),
        only,
        fields: mappings,
        examples: fields.items("examples").iter().filter_map(example).collect(),
        unverified: fields.flag("unverified"),
    })
}

/// Which records, or lines, are told: by field, what it must have.
pub(super) fn only(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Vec<(Spanned<String>, Allowed)> {
    let entries = fields.entries("only").iter();
    let read = entries.filter_map(|(name, node)| Some((key_text(name), allowed(name, node, findings)?)));
    read.collect()
}

fn allowed(name: &Key, node: &Node, findings: &mut Vec<Finding>) -> Option<Allowed> {
    let Content::Map(entries) = &node.content else {
        return one_or_several(name, node, findings).map(Allowed::OneOf);
    };
    if let [(word, least)] = entries.as_slice()
        && word.value.as_ref() == "at_least"
        && let Some(least) = least.text().and_then(|text| text.parse().ok())
    {
        return Some(Allowed::AtLeast(least));
    }
    let message = format!("{} does not say which values it may have", show(&name.value));
    let fix = "write one value, a list of values, or `{at_least: 1}`";
    findings.push(Finding::error(code::BAD_VALUE, &node.place, message).fix(fix));
    None
}

pub(super) fn field_mappings(entries: &[(Key, Node)], findings: &mut Vec<Finding>) -> Vec<FieldMapping> {
    entries.iter().filter_map(|(name, node)| field_mapping(name, node, findings)).collect()
}

fn field_mapping(name: &Key, node: &Node, findings: &mut Vec<Finding>) -> Option<FieldMapping> {
    if !matches!(node.content, Content::Map(_)) {
        return None;
    }
    let fields = Fields::new(node, &FIELD);
    let at = fields.node("at").map(|node| at(node, findings)).unwrap_or_default();
    let lens = lens(fields, &FIELD, findings)?;
    let stands_alone = matches!(lens, Lens::Const(_) | Lens::Expression(_) | Lens::Group(_));
    if !fields.has("at") && !stands_alone {
        let message = format!("{} does not say where it stands in the record", show(&name.value));
        findings
            .push(Finding::error(code::MISSING_FIELD, fields.place(), message).fix("add `at: <field of the record>`"));
    }
    let or = fields.node("or").map(one_or_more).unwrap_or_default();
    let direction = direction(fields, &lens, !or.is_empty(), findings);
    Some(FieldMapping { attribute: key(name)?, at, or, lens, default: fields.value("default"), direction })
}

/// A field of the record, or several.
fn one_or_more(node: &Node) -> Vec<Spanned<String>> {
    match node.content {
        Content::List(_) => node.items().iter().filter_map(spanned_text).collect(),
        _ => spanned_text(node).into_iter().collect(),
    }
}

fn direction(fields: Fields<'_>, lens: &Lens, has_others: bool, findings: &mut Vec<Finding>) -> Direction {
    const DIRECTIONS: &[(&str, Direction)] =
        &[("both", Direction::Both), ("read", Direction::Read), ("write", Direction::Write)];
    let only_read = has_others || matches!(lens, Lens::Record | Lens::Label | Lens::First(_) | Lens::Expression(_));
    let given = fields.word("direction", DIRECTIONS);
    if let (true, Some(Direction::Both | Direction::Write), Some(node)) = (only_read, given, fields.node("direction")) {
        let finding =
            Finding::error(code::FIELDS_CLASH, &node.place, "this lens only reads; it cannot be written back");
        findings.push(finding.fix("remove `direction`, or use a lens that goes both ways"));
    }
    if only_read { Direction::Read } else { given.unwrap_or(Direction::Both) }
}

/// A field of the record, or one for each range of versions.
pub(super) fn at(node: &Node, findings: &mut Vec<Finding>) -> Vec<(VersionRange, Spanned<String>)> {
    let Content::Map(entries) = &node.content else {
        return spanned_text(node).map(|field| (VersionRange::default(), field)).into_iter().collect();
    };
    let read = |(range, node): &(Key, Node)| Some((range.value.parse().ok()?, spanned_text(node)?));
    let fields: Vec<(VersionRange, Spanned<String>)> = entries.iter().filter_map(read).collect();
    for (index, (range, field)) in fields.iter().enumerate() {
        if fields.iter().take(index).any(|(other, _)| overlap(*range, *other)) {
            let message = format!("{} is for versions that an earlier line is for as well", show(&field.value));
            findings
                .push(Finding::error(code::BAD_VALUE, &field.place, message).fix("make the ranges exclude each other"));
        }
    }
    fields
}

fn overlap(a: VersionRange, b: VersionRange) -> bool {
    let begins_before = |a: VersionRange, b: VersionRange| b.until.is_none_or(|until| a.from.unwrap_or(0) <= until);
    begins_before(a, b) && begins_before(b, a)
}

fn example(node: &Node) -> Option<Example> {
    let fields = Fields::new(node, &EXAMPLE);
    Some(Example {
        place: fields.place().clone(),
        version: fields.with("version", scalar::integer),
        local: fields.value("local")?,
        canonical: fields.value("canonical")?,
        links: fields.entries("links").iter().flat_map(links).collect(),
    })
}

/// One answer for whatever a field links to, or one for each record.
fn links((field, node): &(Key, Node)) -> Vec<ExampleLink> {
    let link = |id: Option<i64>, node: &Node| {
        Some(ExampleLink { field: field.value.as_ref().to_owned(), id, text: node.text()?.to_owned() })
    };
    match &node.content {
        Content::Map(entries) => {
            entries.iter().filter_map(|(id, node)| link(Some(id.value.parse().ok()?), node)).collect()
        }
        _ => link(None, node).into_iter().collect(),
    }
}
