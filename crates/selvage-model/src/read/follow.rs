//! The files that manifests name, contracts above all: that they are there, within bounds, text, and what they are said to be.
//! Reads no manifest.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::digest::{self, DocumentHash};
use super::fan::fan_out;
use super::gather::{Budget, Holds, Named, bound};
use super::{Reading, Source, Sources, nearest};
use crate::code;
use crate::data_schema::DataSchema;
use crate::finding::{Finding, show};
use crate::openapi::Contract;
use crate::source::{Place, Spanned};
use crate::yaml::{self, Limits};

/// The files that manifests name: there, within bounds, text, and what they are said to be.
pub(super) fn follow(
    named: &[Named],
    sources: &Sources,
    budget: &mut Budget,
    reading: &mut Reading,
    hashes: &mut Vec<DocumentHash>,
) {
    let mut seen = BTreeSet::new();
    let mut contents = Vec::new();
    for Named { path, holds } in named {
        let name = path.value.as_str();
        let bytes = match sources.get(name) {
            Some(Source::Bytes(bytes)) => bytes,
            // That it cannot be read is told where it stands.
            Some(Source::Unreadable(_)) => continue,
            Some(Source::Oversized(bytes)) => {
                reading.findings.push(yaml::too_large(name, *bytes, Limits::CONTRACT.bytes as u64));
                continue;
            }
            None => {
                reading.findings.push(missing(path, sources));
                continue;
            }
        };
        if !seen.insert(name) {
            continue;
        }
        match budget.take_bytes(name, bytes) {
            Ok(()) => contents.push((name, bytes.as_slice(), *holds)),
            Err(finding) => reading.findings.push(finding),
        }
    }
    for ((name, ..), content) in contents.iter().zip(fan_out(&contents, content)) {
        let Content { hash, mut findings, text, contract, schema } = content;
        hashes.push(hash);
        reading.findings.append(&mut findings);
        if let Some(text) = text {
            reading.fabric.files.insert((*name).to_owned(), Arc::from(text));
        }
        if let Some(contract) = contract {
            reading.fabric.contracts.insert((*name).to_owned(), Arc::new(contract));
        }
        if let Some(schema) = schema {
            reading.fabric.schemas.insert((*name).to_owned(), Arc::new(schema));
        }
    }
}

/// What a named file came to.
struct Content<'a> {
    hash: DocumentHash,
    findings: Vec<Finding>,
    text: Option<&'a str>,
    /// The contract that it holds, where it can be used.
    contract: Option<Contract>,
    /// The schema that it holds, where data can be held to it.
    schema: Option<DataSchema>,
}

fn content<'a>((name, bytes, holds): &(&str, &'a [u8], Holds)) -> Content<'a> {
    let parsed = yaml::parse(bytes, &Arc::from(*name), &Limits::CONTRACT);
    let hash = digest::file(name, bytes, &parsed);
    let text = std::str::from_utf8(bytes).ok();
    let mut content = Content { hash, findings: Vec::new(), text, contract: None, schema: None };
    if content.text.is_none() {
        let finding = Finding::error(code::NOT_UTF8, &Place::start(name), "the file is not UTF-8 text");
        content.findings.push(finding.fix("save it as UTF-8"));
        return content;
    }
    match holds {
        Holds::Contract => {
            let (contract, findings) = Contract::of(parsed, name);
            content.contract = findings.is_empty().then_some(contract);
            content.findings = findings;
        }
        Holds::Schema => (content.schema, content.findings) = DataSchema::of(parsed, name),
        Holds::Text => {}
    }
    bound(name, &mut content.findings);
    content
}

fn missing(path: &Spanned<String>, sources: &Sources) -> Finding {
    let finding = Finding::error(code::NAMED_FILE, &path.place, format!("there is no file {}", show(&path.value)));
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let elsewhere = sources.iter().map(|(known, _)| known).find(|known| name(known) == name(&path.value));
    match elsewhere.or_else(|| nearest(&path.value, sources.iter().map(|(known, _)| known))) {
        Some(like) => finding.fix(format!("did you mean {}? paths are relative to the fabric's directory", show(like))),
        None => finding.fix("add it; paths are relative to the fabric's directory"),
    }
}
