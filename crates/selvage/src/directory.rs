//! A fabric directory on disk: its files are read bounded, its manifests checked. Links that lead out are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::Api;
use selvage_model::read::{self, Source, Sources};

use crate::embedded;

/// Directories deeper than this are not a fabric.
const DEEPEST: usize = 16;
/// More files than this are not a fabric.
const MOST_FILES: usize = 20_000;

/// A directory that was read and linted.
pub(crate) struct Checked {
    /// What could be read of it.
    pub(crate) fabric: Fabric,
    /// Its content address.
    pub(crate) release: String,
    /// All problems, by place.
    pub(crate) findings: Vec<Finding>,
    /// How many manifests there are.
    pub(crate) manifests: usize,
    /// The texts, for showing lines.
    pub(crate) texts: BTreeMap<String, String>,
}

impl Checked {
    /// Whether nothing stops it from running.
    pub(crate) fn runs(&self) -> bool {
        !self.findings.iter().any(|finding| finding.severity == selvage_model::finding::Severity::Error)
    }
}

/// Reads and lints a directory.
///
/// # Errors
/// When the directory itself cannot be read; whatever is wrong inside is a finding.
pub(crate) fn check(directory: &Path) -> anyhow::Result<Checked> {
    let mut sources = load(directory)?;
    let mut reading = read::read(&sources);
    let mut findings = add_packs(&reading.fabric, &mut sources);
    if reading.fabric.settings.as_ref().is_some_and(|settings| !settings.packs.is_empty()) {
        reading = read::read(&sources);
    }
    let today = jiff::Zoned::now().date();
    findings.append(&mut reading.findings);
    findings.extend(selvage_governance::lint(&reading.fabric, today));
    findings.sort_by(|a, b| (&a.place, a.code).cmp(&(&b.place, b.code)));
    let texts = sources.iter().filter_map(|(path, source)| Some((path.to_owned(), text(source)?))).collect();
    Ok(Checked { fabric: reading.fabric, release: reading.digest, findings, manifests: reading.manifests, texts })
}

/// A directory without a manifest is another than was meant; that nothing is wrong in it says nothing.
///
/// # Errors
/// When it is one.
pub(crate) fn must_hold_manifests(directory: &Path, checked: &Checked) -> anyhow::Result<()> {
    let holds_some = checked.manifests > 0 || !checked.findings.is_empty();
    let (code, directory) = (code::FABRIC_UNDECLARED, directory.display());
    anyhow::ensure!(holds_some, "{code}: `{directory}` holds no manifest: no file in it ends in `.yaml` or `.yml`");
    Ok(())
}

/// Adds the manifests of the packs that the fabric takes.
fn add_packs(fabric: &Fabric, sources: &mut Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pack in fabric.settings.iter().flat_map(|settings| &settings.packs) {
        let files = embedded::pack(pack.value.as_str());
        if files.is_empty() {
            let message = format!("there is no pack `{pack}`");
            let fix = format!("take one of those that ship: {}", embedded::pack_names().join(", "));
            findings.push(Finding::error(code::UNKNOWN_PACK, &pack.place, message).fix(fix));
        }
        for (path, text) in files {
            sources.insert(format!("pack:{pack}/{path}"), text);
        }
    }
    findings
}

/// The files that manifests name, beside the manifests themselves.
pub(crate) fn named(fabric: &Fabric) -> BTreeSet<String> {
    let contracts = fabric.interfaces.values().filter_map(|interface| match interface.api()? {
        Api::Direct { openapi, .. } => Some(openapi.value.clone()),
        Api::Mediated(_) => None,
    });
    let scenarios = fabric.flows.values().filter_map(|flow| Some(flow.scenarios.as_ref()?.value.clone()));
    contracts.chain(scenarios).collect()
}

fn text(source: &Source) -> Option<String> {
    match source {
        Source::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Source::Oversized(_) | Source::Unreadable(_) => None,
    }
}

/// Reads the files of a directory, bounded.
///
/// # Errors
/// When the directory cannot be listed, or is no fabric by its size.
pub(crate) fn load(directory: &Path) -> anyhow::Result<Sources> {
    let mut sources = Sources::default();
    let mut files = Vec::new();
    collect(directory, directory, 0, &mut files)?;
    files.sort();
    for path in files {
        let name = relative(directory, &path);
        let length = fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or(0);
        if length > Sources::MOST_BYTES {
            sources.oversized(&name, length);
            continue;
        }
        match fs::read(&path) {
            Ok(bytes) => sources.insert(&name, bytes),
            Err(error) => sources.unreadable(&name, error.to_string()),
        }
    }
    Ok(sources)
}

fn collect(root: &Path, directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read the directory `{}`", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type()?;
        if hidden || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            anyhow::ensure!(depth < DEEPEST, "`{}` is nested more than {DEEPEST} deep", relative(root, &entry.path()));
            collect(root, &entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(entry.path());
            anyhow::ensure!(files.len() <= MOST_FILES, "`{}` holds more than {MOST_FILES} files", root.display());
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(root).unwrap_or(path);
    inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
