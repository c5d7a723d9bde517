//! The files of a contract: the one that was named, and those beside it or below that it refers to. Nothing else is ever read, no
//! address is ever asked, and all of it is bounded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use selvage_model::code;
use selvage_model::finding::show;
use selvage_model::yaml::{self, Limits};
use serde_json::Value;

use super::Refusal;

/// Most files that one contract is made of.
const MOST_FILES: usize = 200;

/// The files that were read, by their paths from the directory of the first.
pub(super) struct Files {
    directory: PathBuf,
    /// The name of the first.
    pub(super) first: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    read: BTreeMap<String, Arc<Value>>,
    /// It is JSON in a form that only a reader of JSON takes, so the gateway would not.
    pub(super) is_json_only: bool,
    bytes_left: u64,
}

impl Files {
    /// Reads the file that was named.
    pub(super) fn open(path: &Path) -> Result<Self, Refusal> {
        let shown = path.display().to_string();
        let real = path.canonicalize().map_err(|error| unreadable(&shown, &error.to_string()))?;
        let directory = real.parent().map(Path::to_owned).unwrap_or_default();
        let first = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = content(&real, &shown, Limits::CONTRACT.bytes as u64)?;
        let bytes_left = (Limits::CONTRACT.bytes as u64).saturating_sub(bytes.len() as u64);
        let (value, is_json_only) = parse(&bytes, &shown)?;
        let read = BTreeMap::from([(first.clone(), Arc::new(value))]);
        Ok(Self { directory, first, bytes, read, is_json_only, bytes_left })
    }

    /// The file of this name, read once.
    pub(super) fn get(&mut self, name: &str) -> Result<Arc<Value>, Refusal> {
        if let Some(value) = self.read.get(name) {
            return Ok(value.clone());
        }
        if self.read.len() >= MOST_FILES {
            let message = format!("the contract is made of more than {MOST_FILES} files");
            return Err(Refusal::new(code::IMPORT_UNREADABLE, message, BUNDLE));
        }
        let real = self.directory.join(name).canonicalize();
        let real = real.map_err(|error| misled(name, &format!("cannot be read: {error}")))?;
        if !real.starts_with(&self.directory) {
            return Err(misled(name, "leads out of the contract's directory"));
        }
        let bytes = content(&real, name, self.bytes_left)?;
        self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
        let value = Arc::new(parse(&bytes, name)?.0);
        self.read.insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// What helps where a contract is not one file of a readable size.
const BUNDLE: &str =
    "make one file of it first, of the operations that are needed: `npx @redocly/cli bundle FILE -o contract.yaml`";

/// The path of a file that another refers to, from the directory of the first.
pub(super) fn beside(from: &str, reference: &str) -> Result<String, Refusal> {
    let is_address = reference.contains("://") || reference.starts_with("//");
    if is_address {
        return Err(misled(reference, "is an address, and none is asked"));
    }
    if reference.starts_with('/') || reference.contains(['\\', ':', '\0']) {
        return Err(misled(reference, "is no path beside the contract"));
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_some() => {}
            ".." => return Err(misled(reference, "leads out of the contract's directory")),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

fn content(real: &Path, shown: &str, most: u64) -> Result<Vec<u8>, Refusal> {
    let failed = |error: std::io::Error| unreadable(shown, &error.to_string());
    // What is no file might never end.
    if !std::fs::metadata(real).map_err(failed)?.is_file() {
        return Err(unreadable(shown, "it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(real).map_err(failed)?.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        let message = format!("with {} the contract has more than {} bytes", show(shown), Limits::CONTRACT.bytes);
        return Err(Refusal::new(code::IMPORT_UNREADABLE, message, "keep only the operations that are needed"));
    }
    Ok(bytes)
}

/// The one document of a file, and whether it is JSON that is no YAML.
fn parse(bytes: &[u8], shown: &str) -> Result<(Value, bool), Refusal> {
    let (documents, findings) = yaml::parse(bytes, &Arc::from(shown), &Limits::CONTRACT);
    let Some(first) = findings.first() else {
        return match documents.as_slice() {
            [document] => Ok((document.to_value(), false)),
            _ => {
                let message = format!("{} does not hold one document", show(shown));
                Err(Refusal::new(code::IMPORT_UNREADABLE, message, "name the file that begins with `openapi:`"))
            }
        };
    };
    if first.code == code::NOT_YAML
        && let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.trim_start().starts_with('{'))
        && let (documents, findings) = yaml::parse(respelled(text).as_bytes(), &Arc::from(shown), &Limits::CONTRACT)
        && let ([document], true) = (documents.as_slice(), findings.is_empty())
    {
        return Ok((document.to_value(), true));
    }
    let message = format!("{}: {}", first.place, first.message);
    Err(Refusal::new(code::IMPORT_UNREADABLE, message, first.fix.clone().unwrap_or_else(|| "correct it".to_owned())))
}

/// JSON as YAML has it: tabs between values are spaces there, and a pair of surrogates is one character.
fn respelled(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\t']) {
        let (before, after) = rest.split_at(at);
        spelled.push_str(before);
        let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
        let pair = unit(after).zip(after.get(6..).and_then(unit));
        let one =
            pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok().filter(|c| c.len_utf16() == 2));
        let (said, length) = match one {
            Some(one) => (one.to_string(), 12),
            None if after.starts_with('\t') => (" ".to_owned(), 1),
            // An escape and what it escapes stay together.
            None => (after.chars().take(2).collect(), after.chars().take(2).map(char::len_utf8).sum()),
        };
        spelled.push_str(&said);
        rest = after.get(length..).unwrap_or_default();
    }
    spelled.push_str(rest);
    spelled
}

fn unreadable(shown: &str, because: &str) -> Refusal {
    let message = format!("{} cannot be read: {because}", show(shown));
    Refusal::new(code::IMPORT_UNREADABLE, message, "name a file that holds an OpenAPI document")
}

fn misled(reference: &str, why: &str) -> Refusal {
    let message = format!("the reference to {} {why}", show(reference));
    let fix = "put the file beside the contract or below, or make one file of both: `npx @redocly/cli bundle FILE -o contract.yaml`";
    Refusal::new(code::IMPORT_REFERENCE, message, fix)
}

#[cfg(test)]
mod tests {
    use super::{beside, respelled};

    #[test]
    fn json_is_spelled_as_yaml_has_it() {
        for (json, expected) in [
            ("{\t\"a\": \"\\ud83d\\ude80\"}", "{ \"a\": \"\u{1f680}\"}"),
            ("\"\\\\ud83d\\u00e9\"", "\"\\\\ud83d\\u00e9\""),
            ("\"\\ud83d\"", "\"\\ud83d\""),
            ("\\", "\\"),
        ] {
            assert_eq!(respelled(json), expected);
        }
    }

    #[test]
    fn only_what_lies_beside_or_below_is_a_file_of_the_contract() {
        for (from, reference, expected) in [
            ("a.yaml", "b.yaml", Some("b.yaml")),
            ("a.yaml", "./parts/b.yaml", Some("parts/b.yaml")),
            ("parts/b.yaml", "../c.yaml", Some("c.yaml")),
            ("parts/b.yaml", "c.yaml", Some("parts/c.yaml")),
            ("a.yaml", "../c.yaml", None),
            ("a.yaml", "parts/../../etc/passwd", None),
            ("a.yaml", "/etc/passwd", None),
            ("a.yaml", "file:///etc/passwd", None),
            ("a.yaml", "https://example.com/b.yaml", None),
            ("a.yaml", "//example.com/b.yaml", None),
            ("a.yaml", "..\\b.yaml", None),
        ] {
            assert_eq!(beside(from, reference).ok().as_deref(), expected, "{reference}");
        }
    }
}
