//! Checks a node against the description of its kind: unknown and missing fields, wrong shapes, bad values. Everything
//! that is wrong is noted with what is expected; nothing is built here.

use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::kind::Kind;
use crate::read::{nearest, one_of};
use crate::schema::format::Format;
use crate::schema::shape::{Field, Record, Shape};
use crate::source::Place;
use crate::yaml::{Content, Key, Node, Scalar};

/// Checks a value of this shape. `what` names it in messages: "`max`", "an element".
pub(super) fn check(node: &Node, shape: &Shape, what: &str, findings: &mut Vec<Finding>) {
    match shape {
        Shape::Any => {}
        Shape::Text(format) => text(node, *format, what, findings),
        Shape::Record(record) if matches!(node.content, Content::Map(_)) => check_record(node, record, &[], findings),
        Shape::Record(record) => findings.push(wrong_shape(node, what, "a map", &fields_of(record))),
        Shape::List(of, not_empty) => list(node, of, *not_empty, what, findings),
        Shape::Map(keys, of) => map(node, *keys, of, what, findings),
        Shape::Either(format, other) => match node.content {
            Content::Scalar(_) if !node.is_null() => either(node, *format, other, what, findings),
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
    let word = record.variants.and_then(|variants| node.get(variants.tag)).and_then(Node::text).unwrap_or_default();
    let case = record.case(word);
    for (key, value) in node.entries() {
        let name = key.value.as_ref();
        if let Some(field) = record.fields.iter().chain(case).find(|field| field.name == name) {
            check_field(value, field, findings);
        } else if let Some((format, shape)) = &record.rest {
            key_of(key, *format, findings);
            check(value, shape, &show(name), findings);
        } else if !beside.contains(&name) {
            findings.extend(unknown(key, word, record, beside));
        }
    }
    for field in record.fields.iter().chain(case).filter(|field| field.required && node.get(field.name).is_none()) {
        let message = format!("{} needs the field `{}`", article(record.name), field.name);
        findings.push(
            Finding::error(code::MISSING_FIELD, &node.place, message)
                .fix(format!("add it: {}", in_sentence(field.about))),
        );
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
    let expected = || one_of(record.one_of);
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

fn second_place<'a>(node: &'a Node, given: &[&str]) -> Option<&'a Place> {
    node.entries().iter().filter(|(key, _)| given.contains(&key.value.as_ref())).nth(1).map(|(key, _)| &key.place)
}

/// A key that is no field. Nothing where the field that decides is wrong itself: that is told already.
fn unknown(key: &Key, word: &str, record: &Record, beside: &[&str]) -> Option<Finding> {
    let name = key.value.as_ref();
    let whose = article(record.name);
    if let Some(variants) = record.variants {
        let has = |fields: &[Field]| fields.iter().any(|field| field.name == name);
        let cases: Vec<&str> = variants.cases.iter().filter(|(_, fields)| has(fields)).map(|(case, _)| *case).collect();
        if !cases.is_empty() {
            let word = variants.cases.iter().map(|(case, _)| *case).find(|case| *case == word)?;
            let message = format!("{whose} of {} `{word}` has no field {}", variants.tag, show(name));
            let fix = format!("remove it: it belongs to {} {}", variants.tag, one_of(&cases));
            return Some(Finding::error(code::UNKNOWN_FIELD, &key.place, message).fix(fix));
        }
    }
    let fields = record.fields.iter().chain(record.case(word)).map(|field| field.name);
    let known: Vec<&str> = beside.iter().copied().chain(fields).collect();
    let finding = Finding::error(code::UNKNOWN_FIELD, &key.place, format!("{whose} has no field {}", show(name)));
    Some(match nearest(name, known.iter().copied()) {
        Some(like) => finding.fix(format!("did you mean `{like}`?")),
        None if known.is_empty() => finding.fix("remove it"),
        None => finding.fix(format!("its fields are {}", listed(&known))),
    })
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What a record wants to be written as.
fn fields_of(record: &Record) -> String {
    let names: Vec<&str> = record.fields.iter().map(|field| field.name).collect();
    if names.is_empty() { "write `{}`".into() } else { format!("write a map; its fields are {}", listed(&names)) }
}

fn list(node: &Node, of: &Shape, not_empty: bool, what: &str, findings: &mut Vec<Finding>) {
    let Content::List(items) = &node.content else {
        return findings.push(wrong_shape(node, what, "a list", "write `[a, b]`, or a line `- a` for each"));
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
            what,
            "a map",
            "write `{key: value}`, or a line `key: value` for each",
        ));
    };
    for (key, value) in entries {
        key_of(key, keys, findings);
        check(value, of, &show(&key.value), findings);
    }
}

/// Keys are text however they look: `1`, `true` and `no` are what they say.
fn key_of(key: &Key, format: Format, findings: &mut Vec<Finding>) {
    let scalar = Scalar { text: key.value.clone(), plain: false };
    if !format.takes(&scalar) {
        let message = format!("the key {} is not {}", show(&key.value), format.noun());
        findings.push(Finding::error(code::BAD_VALUE, &key.place, message).fix(format.hint()));
    }
}

/// A scalar where a list or a map may stand as well.
fn either(node: &Node, format: Format, other: &Shape, what: &str, findings: &mut Vec<Finding>) {
    let before = findings.len();
    text(node, format, what, findings);
    let or = match other {
        Shape::Record(record) => fields_of(record),
        Shape::List(..) => "write a list".into(),
        _ => "write a map".into(),
    };
    for finding in findings.iter_mut().skip(before) {
        finding.fix = finding.fix.take().map(|fix| format!("{fix}, or {or}"));
    }
}

fn text(node: &Node, format: Format, what: &str, findings: &mut Vec<Finding>) {
    let Content::Scalar(scalar) = &node.content else {
        return findings.push(wrong_shape(node, what, &format.noun(), &format.hint()));
    };
    if node.is_null() || scalar.text.trim().is_empty() {
        let finding = Finding::error(code::WRONG_TYPE, &node.place, format!("{what} has no value"));
        return findings.push(finding.fix(format.hint()));
    }
    if format.takes(scalar) {
        return;
    }
    let shown = if format.may_be_shown() { show(&scalar.text) } else { format!("the value of {what}") };
    let finding = Finding::error(code::BAD_VALUE, &node.place, format!("{shown} is not {}", format.noun()));
    let finding = finding.of_late(format.took(scalar));
    let like = match format {
        Format::Words(words) => nearest(&scalar.text, words.iter().copied()),
        _ => None,
    };
    findings.push(match (format, like) {
        (_, Some(like)) => finding.fix(format!("did you mean `{like}`?")),
        (Format::Text, _) => finding.fix(format!("quote it: \"{}\"", scalar.text)),
        _ => finding.fix(format.hint()),
    });
}

fn wrong_shape(node: &Node, what: &str, expected: &str, fix: &str) -> Finding {
    // INVARIANT: SECRET-FREE: what stands in the wrong place is named by its shape, never repeated.
    let found = match node.content {
        Content::Scalar(_) if node.is_null() => "nothing",
        Content::Scalar(_) => "a text",
        Content::List(_) => "a list",
        Content::Map(_) => "a map",
    };
    Finding::error(code::WRONG_TYPE, &node.place, format!("expected {what} to be {expected}, found {found}")).fix(fix)
}

/// A record in a sentence: kinds by their word, parts of them in plain words.
pub(super) fn article(name: &str) -> String {
    let words = if name.parse::<Kind>().is_ok() { name.to_owned() } else { in_words(name) };
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("{article} {words}")
}

/// `FileSource` is "file source".
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// A description as the end of a sentence.
fn in_sentence(about: &str) -> String {
    let about = about.trim_end_matches('.');
    let mut characters = about.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
