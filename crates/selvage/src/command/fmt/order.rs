//! The order of a manifest's keys: that of its kind's description. Lines move whole, each key with the comments above it; what stands
//! before the first key and an empty line, and what stands after the last key, is about the whole and stays there.

use selvage_model::manifest::kind::Kind;
use selvage_model::schema;
use selvage_model::yaml::{Content, Node};
use serde_json::Value;

use super::text::kind;

/// What stands first in an interface, whatever its type adds; the rest follows the description.
const OF_INTERFACES: &[&str] = &[
    "name",
    "type",
    "version",
    "owner",
    "domain",
    "description",
    "lifecycle",
    "deprecation",
    "successor",
    "classification",
    "control",
    "because",
];
/// What stands last.
const LAST: &[&str] = &["validation", "limits", "slo", "examples", "scenarios"];

/// The text with the keys of each of its documents in order.
pub(super) fn keys(text: &str, documents: &[Node]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut ordered = String::with_capacity(text.len() + 1);
    let mut done = 0;
    for document in documents {
        let Some(entries) = entries(document, &lines) else { continue };
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { continue };
        let (begin, end) = (first.begin, last.end);
        if begin < done {
            continue;
        }
        push(&mut ordered, lines.get(done..begin));
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.rank);
        for entry in sorted {
            push(&mut ordered, lines.get(entry.begin..entry.end));
        }
        done = end;
    }
    push(&mut ordered, lines.get(done..));
    ordered
}

/// Lines, each ended: the last of a file may not be.
fn push(text: &mut String, lines: Option<&[&str]>) {
    for line in lines.unwrap_or_default() {
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push('\n');
        }
    }
}

/// A key with its value and the comments above it: lines from `begin` to before `end`, counted from 0.
struct Entry {
    begin: usize,
    end: usize,
    rank: usize,
}

/// The entries of a document whose keys all begin lines; none of any other.
fn entries(document: &Node, lines: &[&str]) -> Option<Vec<Entry>> {
    let kind = kind(document)?;
    if !matches!(document.content, Content::Map(_)) {
        return None;
    }
    let order = order(kind);
    let starts: Vec<(usize, usize)> = document
        .entries()
        .iter()
        .map(|(key, _)| {
            let line = usize::try_from(key.place.line).ok()?.checked_sub(1)?;
            let begins =
                key.place.column == 1 && lines.get(line)?.starts_with(|c: char| c.is_alphanumeric() || c == '"');
            let rank = order.iter().position(|known| known == key.value.as_ref()).unwrap_or(order.len());
            begins.then_some((line, rank))
        })
        .collect::<Option<_>>()?;
    let end = end_of(lines, starts.last()?.0);
    let mut entries: Vec<Entry> = Vec::new();
    for (index, (line, rank)) in starts.iter().enumerate() {
        let begin = above(lines, *line, index == 0);
        if let Some(before) = entries.last_mut() {
            before.end = begin;
        }
        entries.push(Entry { begin, end, rank: *rank });
    }
    Some(entries)
}

/// The first of the comment lines that belong to the key of this line: those right above it, and the headings above those. Comments right
/// below the key before, with an empty line behind them, are that key's; above the first key they are the document's.
fn above(lines: &[&str], line: usize, is_first: bool) -> usize {
    let is_comment = |at: usize| lines.get(at).is_some_and(|text| text.starts_with('#'));
    let is_empty = |at: usize| lines.get(at).is_some_and(|text| text.trim().is_empty());
    let back = |mut at: usize, is_passed: &dyn Fn(usize) -> bool| {
        while at > 0 && is_passed(at - 1) {
            at -= 1;
        }
        at
    };
    let right_above = back(line, &is_comment);
    if is_first {
        return right_above;
    }
    let begin = back(line, &|at| is_comment(at) || is_empty(at));
    let of_other = (begin..right_above).find(|at| !is_comment(*at)).unwrap_or(begin);
    (of_other..line).find(|at| is_comment(*at)).unwrap_or(line)
}

/// Where the value that begins in this line ends: before what is empty or a comment at the margin, up to the next document.
fn end_of(lines: &[&str], line: usize) -> usize {
    let mut end = line + 1;
    for (index, text) in lines.iter().enumerate().skip(line + 1) {
        if text.starts_with("---") || text.starts_with("...") {
            break;
        }
        if !text.trim().is_empty() && !text.starts_with('#') {
            end = index + 1;
        }
    }
    end
}

/// The keys of a kind in their order.
pub(super) fn order(kind: Kind) -> Vec<String> {
    let schema = schema::schema(Some(kind));
    // A kind that packs have is described twice: whole, and as a change of what a pack has.
    let whole = schema.get("else").unwrap_or(&schema);
    let mut order: Vec<String> = vec!["kind".to_owned(), "extends".to_owned()];
    if kind == Kind::Interface {
        order.extend(OF_INTERFACES.iter().map(|name| (*name).to_owned()));
    }
    let mut add = |properties: Option<&Value>| {
        for name in properties.and_then(Value::as_object).into_iter().flat_map(|all| all.keys()) {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
    };
    add(whole.get("properties"));
    for case in whole.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        add(case.pointer("/then/properties"));
    }
    for last in LAST {
        if let Some(at) = order.iter().position(|name| name == last) {
            let name = order.remove(at);
            order.push(name);
        }
    }
    order
}
