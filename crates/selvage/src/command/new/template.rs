//! Templates: a blank is `<<name|what it is>>` at a line's end. Filled it is a value; left, it is a comment that says what to fill
//! in, so that the check names the line until somebody does.

use std::collections::{BTreeMap, BTreeSet};

use selvage_mapping::openapi;
use serde_json::Value;

/// Most names of the fabric that a comment offers.
const MOST_OFFERED: usize = 6;

/// A template with what is known filled in.
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) blanks: Vec<Blank>,
    /// The names of all its blanks.
    pub(super) known: BTreeSet<String>,
}

/// What is left to fill in.
pub(super) struct Blank {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) line: usize,
}

/// Fills in a template.
pub(super) fn fill(
    template: &str,
    values: &BTreeMap<String, String>,
    candidates: &BTreeMap<&'static str, Vec<String>>,
) -> Filled {
    let mut filled = Filled { text: String::new(), blanks: Vec::new(), known: BTreeSet::new() };
    for (number, line) in template.lines().enumerate() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("<<") {
            let (inner, behind) = after.split_once(">>").unwrap_or((after, ""));
            let (name, about) = inner.split_once('|').unwrap_or((inner, ""));
            filled.text.push_str(before);
            filled.known.insert(name.to_owned());
            match values.get(name) {
                // In comments a value stands as it is.
                Some(value) if line.trim_start().starts_with('#') => filled.text.push_str(value),
                Some(value) => filled.text.push_str(&scalar(value)),
                None => {
                    let about = offered(about, candidates.get(name));
                    filled.text.push_str(&format!("# fill in: {about}"));
                    filled.blanks.push(Blank { name: name.to_owned(), about, line: number + 1 });
                }
            }
            rest = behind;
        }
        filled.text.push_str(rest);
        filled.text.push('\n');
    }
    filled
}

/// The value as YAML that reads as this text.
fn scalar(value: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+' | ':');
    if value.starts_with(|c: char| c.is_ascii_alphanumeric()) && value.chars().all(simple) && !value.ends_with(':') {
        return value.to_owned();
    }
    openapi::yaml(&Value::from(value)).trim_end().to_owned()
}

fn offered(about: &str, candidates: Option<&Vec<String>>) -> String {
    match candidates {
        Some(known) if !known.is_empty() => {
            let some: Vec<&str> = known.iter().take(MOST_OFFERED).map(String::as_str).collect();
            let more = if known.len() > some.len() { ", …" } else { "" };
            format!("{about} ({}{more})", some.join(", "))
        }
        _ => about.to_owned(),
    }
}
