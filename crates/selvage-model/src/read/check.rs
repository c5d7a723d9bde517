//! Checks a node against the description of its kind: unknown and missing fields, wrong shapes, bad values. Everything
//! that is wrong is noted with what is expected; nothing is built here.

use crate::code;
use crate::finding::{Finding, show};
use crate::read::nearest;
use crate::schema::format::Format;
use crate::schema::shape::{Field, Record, Shape};
use crate::yaml::{Content, Node};

/// Checks a value of this shape. `what` names it in messages: "`max`", "an element".
pub(super) fn check(node: &Node, shape: &Shape, what: &str, findings: &mut Vec<Finding>) {
    match shape {
        Shape::Any => {}
        Shape::Text(format) => text(node, *format, what, findings),
        Shape::Record(record) => check_record(node, record, &[], findings),
        Shape::List(of, not_empty) => list(node, of, *not_empty, what, findings),
        Shape::Map(keys, of) => map(node, *keys, of, what, findings),
        Shape::Either(format, other) => match node.content {
            Content::Scalar(_) if !node.is_null() => text(node, *format, what, findings),
            _ => check(node, other, what, findings),
        },
        Shape::Typed(typed, other) => {
            let has_type = node.get("type").is_some_and(|node| node.text().is_some());
            check(node, if has_type { typed } else { other }, what, findings);
        }
    }
}

/// Checks a map with named fields; `beside` are keys that it has and that are read elsewhere.
pub(super) fn check_record(node: &Node, record: &Record, beside: &[&str], findings: &mut Vec<Finding>) {
    let Content::Map(entries) = &node.content else {
        let expected = format!("a map with the fields of {}", article(record.name));
        findings.push(wrong_shape(node, &expected, record.about));
        return;
    };
    let word = record.variants.and_then(|variants| node.get(variants.tag)).and_then(Node::text).unwrap_or_default();
    let case = record.case(word);
    for (key, value) in entries {
        let name = key.value.as_ref();
        if let Some(field) = record.fields.iter().chain(case).find(|field| field.name == name) {
            check_field(value, field, findings);
        } else if let Some((format, shape)) = &record.rest {
            key_of(node, key, *format, findings);
            check(value, shape, &show(name), findings);
        } else if !beside.contains(&name) {
            let known = record.fields.iter().chain(case).map(|field| field.name).chain(beside.iter().copied());
            findings.push(unknown(key, word, record, known));
        }
    }
    for field in record.fields.iter().chain(case).filter(|field| field.required && node.get(field.name).is_none()) {
        let message = format!("{} needs the field `{}`", article(record.name), field.name);
        findings
            .push(Finding::error(code::MISSING_FIELD, &node.place, message).fix(format!("add it. {}", field.about)));
    }
    exactly_one(node, record, findings);
}

fn check_field(value: &Node, field: &Field, findings: &mut Vec<Finding>) {
    if value.is_null() && !matches!(field.shape, Shape::Any) {
        let finding = Finding::error(code::WRONG_TYPE, &value.place, format!("`{}` has no value", field.name));
        findings.push(finding.fix("give it one, or remove the line"));
    } else {
        check(value, &field.shape, &format!("`{}`", field.name), findings);
    }
}

fn exactly_one(node: &Node, record: &Record, findings: &mut Vec<Finding>) {
    let given: Vec<&str> = record.one_of.iter().copied().filter(|name| node.get(name).is_some()).collect();
    let expected = || crate::read::one_of(record.one_of);
    match given.as_slice() {
        _ if record.one_of.is_empty() => {}
        [_] => {}
        [] => {
            let message = format!("{} needs one of its fields {}", article(record.name), expected());
            findings.push(Finding::error(code::MISSING_FIELD, &node.place, message).fix("add the one that is meant"));
        }
        [first, second, ..] => {
            let place = second_place(node, &given).unwrap_or(&node.place);
            let message = format!("`{first}` and `{second}` exclude each other");
            findings.push(Finding::error(code::FIELDS_CLASH, place, message).fix("keep one of them"));
        }
    }
}

fn second_place<'a>(node: &'a Node, given: &[&str]) -> Option<&'a crate::source::Place> {
    node.entries().iter().filter(|(key, _)| given.contains(&key.value.as_ref())).nth(1).map(|(key, _)| &key.place)
}

fn unknown<'a>(key: &crate::yaml::Key, word: &str, record: &Record, known: impl Iterator<Item = &'a str>) -> Finding {
    let name = key.value.as_ref();
    let whose = article(record.name);
    let elsewhere = record.variants.and_then(|variants| {
        let has = |fields: &[Field]| fields.iter().any(|field| field.name == name);
        let cases: Vec<&str> = variants.cases.iter().filter(|(_, fields)| has(fields)).map(|(case, _)| *case).collect();
        if cases.is_empty() { None } else { Some((variants.tag, crate::read::one_of(&cases))) }
    });
    if let Some((tag, cases)) = elsewhere {
        let message = format!("{whose} of {tag} {} has no field {}", show(word), show(name));
        let finding = Finding::error(code::UNKNOWN_FIELD, &key.place, message);
        return finding.fix(format!("remove it: it belongs to {tag} {cases}"));
    }
    let known: Vec<&str> = known.collect();
    let finding = Finding::error(code::UNKNOWN_FIELD, &key.place, format!("{whose} has no field {}", show(name)));
    match nearest(name, known.iter().copied()) {
        Some(like) => finding.fix(format!("did you mean `{like}`?")),
        None if known.is_empty() => finding.fix("remove it"),
        None => finding.fix(format!("its fields are {}", listed(&known))),
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn list(node: &Node, of: &Shape, not_empty: bool, what: &str, findings: &mut Vec<Finding>) {
    let Content::List(items) = &node.content else {
        return findings.push(wrong_shape(
            node,
            &format!("{what} to be a list"),
            "write `[a, b]`, or a line `- a` for each",
        ));
    };
    if items.is_empty() && not_empty {
        findings.push(
            Finding::error(code::BAD_VALUE, &node.place, format!("{what} is an empty list")).fix("name at least one"),
        );
    }
    for item in items {
        check(item, of, &format!("an element of {what}"), findings);
    }
}

fn map(node: &Node, keys: Format, of: &Shape, what: &str, findings: &mut Vec<Finding>) {
    let Content::Map(entries) = &node.content else {
        return findings.push(wrong_shape(
            node,
            &format!("{what} to be a map"),
            "write `{key: value}`, or a line `key: value` for each",
        ));
    };
    for (key, value) in entries {
        key_of(node, key, keys, findings);
        check(value, of, &show(&key.value), findings);
    }
}

/// Keys are text however they look: `1`, `true` and `no` are what they say.
fn key_of(_map: &Node, key: &crate::yaml::Key, format: Format, findings: &mut Vec<Finding>) {
    let scalar = crate::yaml::Scalar { text: key.value.clone(), plain: false };
    if !format.takes(&scalar) {
        let message = format!("the key {} is not {}", show(&key.value), format.expected());
        findings.push(Finding::error(code::BAD_VALUE, &key.place, message).fix("rename it"));
    }
}

fn text(node: &Node, format: Format, what: &str, findings: &mut Vec<Finding>) {
    let Content::Scalar(scalar) = &node.content else {
        return findings.push(wrong_shape(node, &format!("{what} to be {}", format.expected()), ""));
    };
    if node.is_null() {
        let finding = Finding::error(code::WRONG_TYPE, &node.place, format!("{what} has no value"));
        return findings.push(finding.fix(format!("expected {}", format.expected())));
    }
    if format.takes(scalar) {
        return;
    }
    let shown = if format.may_be_shown() { show(&scalar.text) } else { "what stands here".into() };
    let finding = Finding::error(code::BAD_VALUE, &node.place, format!("{shown} is not {}", format.expected()));
    findings.push(match format {
        Format::Words(words) => match nearest(&scalar.text, words.iter().copied()) {
            Some(like) => finding.fix(format!("did you mean `{like}`?")),
            None => finding.fix(format!("use {}", crate::read::one_of(words))),
        },
        Format::Text if scalar.plain && matches!(scalar.text.as_ref(), "true" | "false") => {
            finding.fix(format!("quote it: \"{}\"", scalar.text))
        }
        Format::Boolean => {
            finding.fix("write `true` or `false`, without quotes; `yes`, `no`, `on` and `off` are texts")
        }
        _ => finding.fix(format!("write {} for {what}", format.expected())),
    });
}

fn wrong_shape(node: &Node, expected: &str, fix: &str) -> Finding {
    // INVARIANT: SECRET-FREE: what stands in the wrong place is named by its shape, never repeated.
    let found = match node.content {
        Content::Scalar(_) if node.is_null() => "nothing",
        Content::Scalar(_) => "a text",
        Content::List(_) => "a list",
        Content::Map(_) => "a map",
    };
    let finding = Finding::error(code::WRONG_TYPE, &node.place, format!("expected {expected}, found {found}"));
    if fix.is_empty() { finding } else { finding.fix(fix) }
}

pub(super) fn article(name: &str) -> String {
    let article = if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {name}")
}
