//! Interfaces of type api: direct to an upstream, or mediated over an object.

use super::fields::{Fields, key_text, spanned};
use crate::code;
use crate::finding::Finding;
use crate::manifest::api::{Answers, Api, Cache, Older, Reads, Serves, Upstream};
use crate::scalar;
use crate::schema::tables::interface::{API_CONTRACT, CACHE, READS, SERVES, UPSTREAM};
use crate::yaml::{Key, Node};

/// How an api comes to its answers.
#[derive(Clone, Copy, PartialEq)]
enum Control {
    Direct,
    Mediated,
}

pub(super) fn api(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Api> {
    match control(fields, findings)? {
        Control::Direct => direct(fields, findings),
        Control::Mediated => mediated(fields, findings),
    }
}

fn control(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Control> {
    const CONTROLS: &[(&str, Control)] = &[("direct", Control::Direct), ("mediated", Control::Mediated)];
    if let Some(control) = fields.word("control", CONTROLS) {
        return Some(control);
    }
    match (fields.has("serves"), fields.has("contract") || fields.has("upstream")) {
        (true, false) => Some(Control::Mediated),
        (false, true) => Some(Control::Direct),
        (true, true) => {
            let finding = Finding::error(code::FIELDS_CLASH, fields.place(), "the api is both mediated and direct");
            findings.push(finding.fix("keep `serves`, or `contract` and `upstream`"));
            None
        }
        (false, false) => {
            let finding = Finding::error(code::MISSING_FIELD, fields.place(), "the api does not say what it serves");
            findings.push(finding.fix("add `serves` (mediated), or `contract` and `upstream` (direct)"));
            None
        }
    }
}

fn direct(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Api> {
    excluded(fields, &["serves"], "direct", findings);
    needed(fields, &["contract", "upstream"], "direct", findings);
    let upstream = fields.record("upstream", &UPSTREAM)?;
    let contract = fields.record("contract", &API_CONTRACT)?;
    let class = |(name, node): &(Key, Node)| Some((key_text(name), spanned(node)?));
    Some(Api::Direct {
        openapi: contract.spanned_text("openapi")?,
        classes: contract.entries("classes").iter().filter_map(class).collect(),
        upstream: Upstream {
            system: upstream.spanned("system")?,
            path: upstream.text("path").unwrap_or_default().trim_end_matches('/').to_owned(),
            websocket: upstream.flag("websocket"),
        },
        cache: fields.record("cache", &CACHE).map(|fields| cache(fields, findings)),
    })
}

fn cache(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Cache {
    const ANSWERS: &[(&str, Answers)] =
        &[("of-each-grant", Answers::OfEachGrant), ("same-for-all", Answers::SameForAll)];
    let size = fields.with("size", scalar::size).unwrap_or(Cache::SIZE);
    let largest = fields.with("largest", scalar::size);
    if let (Some(node), true) = (fields.node("largest"), largest.is_some_and(|largest| largest > size)) {
        let message = format!("the largest answer is larger than all that is kept, which is {size} bytes");
        findings.push(Finding::error(code::BAD_VALUE, &node.place, message).fix("lower it, or raise `size`"));
    }
    Cache {
        answers: fields.word("answers", ANSWERS).unwrap_or_default(),
        size,
        largest: largest.unwrap_or(Cache::LARGEST).min(size),
        max_age: fields.with("max_age", scalar::duration),
    }
}

fn mediated(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Api> {
    excluded(fields, &["contract", "upstream", "cache"], "mediated", findings);
    needed(fields, &["serves"], "mediated", findings);
    let serves = fields.record("serves", &SERVES)?;
    Some(Api::Mediated(Serves {
        object: serves.spanned("object")?,
        system: serves.spanned("system")?,
        operations: serves.list("operations"),
        account: serves.spanned_text("account"),
        reads: serves.record("reads", &READS).and_then(reads),
    }))
}

fn reads(fields: Fields<'_>) -> Option<Reads> {
    const OLDER: &[(&str, Older)] = &[("refuse", Older::Refuse), ("live", Older::Live)];
    Some(Reads { copy: fields.spanned("copy")?, older: fields.word("older", OLDER).unwrap_or_default() })
}

fn excluded(fields: Fields<'_>, names: &[&str], control: &str, findings: &mut Vec<Finding>) {
    for node in names.iter().filter_map(|name| fields.node(name)) {
        let message = format!("a {control} api does not have this");
        findings.push(Finding::error(code::FIELDS_CLASH, &node.place, message).fix("remove it, or change `control`"));
    }
}

fn needed(fields: Fields<'_>, names: &[&str], control: &str, findings: &mut Vec<Finding>) {
    for name in names.iter().filter(|name| !fields.given(name)) {
        let message = format!("a {control} api needs the field `{name}`");
        findings.push(Finding::error(code::MISSING_FIELD, fields.place(), message).fix("add it, or change `control`"));
    }
}
