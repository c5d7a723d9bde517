//! A fabric directory on disk: its files are read bounded, its manifests checked. Links are followed within it; one that
//! leads out is never followed, and told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use jiff::civil::Date;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Api;
use selvage_model::name::PackName;
use selvage_model::read::{self, Reading, Source, Sources};
use selvage_model::source::Spanned;

use crate::embedded;

/// Directories deeper than this are not a fabric.
const DEEPEST: usize = 16;
/// More files than this are not a fabric.
pub(crate) const MOST_FILES: usize = 20_000;

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
        !self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads and lints a directory, as of today.
///
/// # Errors
/// When the directory itself cannot be read; whatever is wrong inside is a finding.
pub(crate) fn check(directory: &Path) -> anyhow::Result<Checked> {
    check_of(directory, &BTreeMap::new(), jiff::Zoned::now().date())
}

/// The same with texts that lie over its files, by their paths in it.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_with(directory: &Path, over: &BTreeMap<String, String>) -> anyhow::Result<Checked> {
    check_of(directory, over, jiff::Zoned::now().date())
}

/// The same as of a day: grants, waivers, sunsets and keys end.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_at(directory: &Path, today: Date) -> anyhow::Result<Checked> {
    check_of(directory, &BTreeMap::new(), today)
}

fn check_of(directory: &Path, over: &BTreeMap<String, String>, today: Date) -> anyhow::Result<Checked> {
    let mut sources = load(directory)?;
    for (path, text) in over {
        sources.insert(path, text.as_bytes().to_vec());
    }
    Ok(check_sources(sources, today))
}

/// The files of a directory as text, with nothing said about them.
///
/// # Errors
/// When the directory cannot be read, or a file in it is too large or cannot be read.
pub(crate) fn files(directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let sources = load(directory)?;
    let mut files = BTreeMap::new();
    for (path, source) in sources.iter() {
        match source {
            Source::Bytes(bytes) => {
                // What is no text declares nothing; a manifest that is none is found by the check.
                files.insert(path.to_owned(), String::from_utf8_lossy(bytes).into_owned());
            }
            Source::Oversized(length) => anyhow::bail!("{}: `{path}` has {length} bytes", code::TOO_LARGE),
            Source::Unreadable(why) => anyhow::bail!("{}: `{path}`: {why}", code::UNREADABLE),
        }
    }
    Ok(files)
}

/// Reads and lints files that are held in memory, as of today. Packs that are among them are taken as they are there, whatever this
/// binary ships: what was released does not change with the binary.
pub(crate) fn check_files(files: &BTreeMap<String, String>) -> Checked {
    check_files_at(files, jiff::Zoned::now().date())
}

/// The same as of a day.
pub(crate) fn check_files_at(files: &BTreeMap<String, String>, today: Date) -> Checked {
    check_sources(sources_of(files), today)
}

/// The same without a check, for files that have passed it.
pub(crate) fn read_files(files: &BTreeMap<String, String>) -> Fabric {
    read::read(&sources_of(files)).fabric
}

fn sources_of(files: &BTreeMap<String, String>) -> Sources {
    let mut sources = Sources::new();
    for (path, text) in files {
        sources.insert(path, text.as_bytes().to_vec());
    }
    sources
}

/// The same files without lint: what is wrong is only what cannot be read as it was meant.
pub(crate) fn read_unchecked(files: &BTreeMap<String, String>) -> Checked {
    let mut sources = sources_of(files);
    let (reading, mut findings) = read_with_packs(&mut sources);
    bear_what_is_of_late(&mut findings);
    checked(&sources, reading, findings)
}

/// Reads what was judged when it was released and activated, and is only to run: what is wrong is what cannot be read, and what is
/// enforced and cannot be. No day and no newer rule stops it. INVARIANT: APPROVED
pub(crate) fn read_released(files: &BTreeMap<String, String>) -> Checked {
    let mut sources = sources_of(files);
    let (reading, mut findings) = read_with_packs(&mut sources);
    findings.extend(selvage_gateway::uncheckable(&reading.fabric));
    bear_what_is_of_late(&mut findings);
    checked(&sources, reading, findings)
}

/// What stands in files that were taken before a rule of how values are written is read as it was then, and named. INVARIANT: FAIL-SAFE
fn bear_what_is_of_late(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.is_of_late) {
        finding.severity = Severity::Warning;
    }
}

fn check_sources(mut sources: Sources, today: Date) -> Checked {
    let (reading, mut findings) = read_with_packs(&mut sources);
    findings.extend(selvage_governance::lint(&reading.fabric, today));
    findings.extend(selvage_gateway::uncheckable(&reading.fabric));
    checked(&sources, reading, findings)
}

/// Reads files with the packs that they take.
fn read_with_packs(sources: &mut Sources) -> (Reading, Vec<Finding>) {
    let mut packs = packs(&read::read(&naming_packs(sources)).fabric);
    let mut findings = add_packs(&packs, sources);
    let mut reading = read::read(sources);
    if self::packs(&reading.fabric).iter().any(|pack| !packs.contains(pack)) {
        // What names its packs in no plain words is read twice.
        packs = self::packs(&reading.fabric);
        findings = add_packs(&packs, sources);
        reading = read::read(sources);
    }
    findings.append(&mut reading.findings);
    (reading, findings)
}

fn checked(sources: &Sources, reading: Reading, mut findings: Vec<Finding>) -> Checked {
    findings.sort_by(|a, b| (&a.place, a.code).cmp(&(&b.place, b.code)));
    let texts = sources.iter().filter_map(|(path, source)| Some((path.to_owned(), text(source)?))).collect();
    Checked { fabric: reading.fabric, release: reading.digest, findings, manifests: reading.manifests, texts }
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

/// The files that may say which packs the fabric takes: a large fabric is not read whole for that.
fn naming_packs(sources: &Sources) -> Sources {
    const WORD: &[u8] = b"packs";
    let mut naming = Sources::new();
    for (path, source) in sources.iter() {
        if let Source::Bytes(bytes) = source
            && bytes.windows(WORD.len()).any(|window| window == WORD)
        {
            naming.insert(path, bytes.as_slice());
        }
    }
    naming
}

fn packs(fabric: &Fabric) -> Vec<Spanned<PackName>> {
    fabric.settings.iter().flat_map(|settings| &settings.packs).cloned().collect()
}

/// Adds the manifests of the packs that the fabric takes.
fn add_packs(packs: &[Spanned<PackName>], sources: &mut Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pack in packs {
        let prefix = format!("pack:{pack}/");
        if sources.iter().any(|(path, _)| path.starts_with(&prefix)) {
            continue;
        }
        let files = embedded::pack(pack.value.as_str());
        if files.is_empty() {
            let message = format!("there is no pack `{pack}`");
            let fix = format!("take one of those that ship: {}", embedded::pack_names().join(", "));
            findings.push(Finding::error(code::UNKNOWN_PACK, &pack.place, message).fix(fix));
        }
        for (path, text) in files {
            sources.insert(format!("{prefix}{path}"), text);
        }
    }
    findings
}

/// The files that declare something: manifests and what they name. INVARIANT: SECRET-FREE: what merely lies beside them is nobody's to
/// record.
pub(crate) fn declaring(fabric: &Fabric, texts: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = named(fabric);
    texts.into_iter().filter(|(path, _)| Sources::is_manifest(path) || named.contains(path)).collect()
}

/// The files that manifests name, beside the manifests themselves.
pub(crate) fn named(fabric: &Fabric) -> BTreeSet<String> {
    let contracts = fabric.interfaces.values().filter_map(|interface| match interface.api()? {
        Api::Direct { openapi, .. } => Some(openapi.value.clone()),
        Api::Mediated(_) => None,
    });
    let scenarios = fabric.flows.values().filter_map(|flow| Some(flow.scenarios.as_ref()?.value.clone()));
    let authorities = fabric.systems.values().flat_map(|system| system.authorities());
    contracts.chain(scenarios).chain(authorities.map(|path| path.value.clone())).collect()
}

fn text(source: &Source) -> Option<String> {
    match source {
        Source::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Source::Oversized(_) | Source::Unreadable(_) => None,
    }
}

/// Whether a check reads, or would once it is saved, the file of this path in a directory: it is in it, not hidden, and behind no link
/// that leads out of it.
pub(crate) fn reads(directory: &Path, inner: &Path) -> bool {
    let is_seen = |part: Component<'_>| match part {
        Component::Normal(name) => !is_hidden(name),
        _ => false,
    };
    let depth = inner.components().count();
    if !(1..=DEEPEST + 1).contains(&depth) || !inner.components().all(is_seen) {
        return false;
    }
    // What is not there yet is where its directory is.
    let path = directory.join(inner);
    let real = path.ancestors().find(|path| path.symlink_metadata().is_ok()).map(Path::canonicalize);
    match (directory.canonicalize(), real) {
        (Ok(root), Some(Ok(real))) => real.starts_with(root),
        _ => false,
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Reads the files of a directory, bounded.
///
/// # Errors
/// When the directory cannot be listed, or is no fabric by its size.
pub(crate) fn load(directory: &Path) -> anyhow::Result<Sources> {
    let mut sources = Sources::default();
    let mut walk = Walk::begin(directory)?;
    walk.collect(directory, 0)?;
    walk.follow_links()?;
    for path in walk.astray {
        sources.unreadable(relative(directory, &path), "the link leads nowhere in the fabric's directory");
    }
    walk.files.sort();
    for path in walk.files {
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

/// What a directory holds. Links are followed within it, as mounted configuration is made of them; each directory is
/// listed once, so no circle of links is walked.
struct Walk {
    root: PathBuf,
    real_root: PathBuf,
    listed: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    links: Vec<(PathBuf, usize)>,
    astray: Vec<PathBuf>,
}

impl Walk {
    fn begin(root: &Path) -> anyhow::Result<Self> {
        let real_root = root.canonicalize().with_context(|| unlisted(root))?;
        let (listed, files, links, astray) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { root: root.to_owned(), real_root, listed, files, links, astray })
    }

    fn collect(&mut self, directory: &Path, depth: usize) -> anyhow::Result<()> {
        if !self.listed.insert(directory.canonicalize().with_context(|| unlisted(directory))?) {
            return Ok(());
        }
        for entry in fs::read_dir(directory).with_context(|| unlisted(directory))? {
            let entry = entry?;
            if is_hidden(&entry.file_name()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                self.links.push((entry.path(), depth));
            } else if kind.is_dir() {
                self.descend(&entry.path(), depth)?;
            } else if kind.is_file() {
                self.add(entry.path())?;
            }
        }
        Ok(())
    }

    /// After everything that stands there itself: a directory is known by its own name, not by a link's.
    fn follow_links(&mut self) -> anyhow::Result<()> {
        while let Some((link, depth)) = self.links.pop() {
            match link.canonicalize() {
                Ok(target) if !target.starts_with(&self.real_root) => self.astray.push(link),
                Ok(target) if target.is_dir() => self.descend(&link, depth)?,
                Ok(target) if target.is_file() => self.add(link)?,
                Ok(_) | Err(_) => self.astray.push(link),
            }
        }
        Ok(())
    }

    fn descend(&mut self, directory: &Path, depth: usize) -> anyhow::Result<()> {
        anyhow::ensure!(depth < DEEPEST, "`{}` is nested more than {DEEPEST} deep", relative(&self.root, directory));
        self.collect(directory, depth + 1)
    }

    fn add(&mut self, file: PathBuf) -> anyhow::Result<()> {
        self.files.push(file);
        anyhow::ensure!(self.files.len() <= MOST_FILES, "`{}` holds more than {MOST_FILES} files", self.root.display());
        Ok(())
    }
}

fn unlisted(directory: &Path) -> String {
    format!("cannot read the directory `{}`", directory.display())
}

fn relative(root: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(root).unwrap_or(path);
    inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
