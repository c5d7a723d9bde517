//! The pages of rules: what their examples are, and what `selvage check` says of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use selvage_model::finding::{Finding, Severity};
use selvage_model::read::Sources;

use crate::LintRule;

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether pages are to be written rather than compared.
#[allow(clippy::disallowed_methods, reason = "how a test is run is said by its environment")]
pub(super) fn is_blessed() -> bool {
    std::env::var_os("SELVAGE_BLESS").is_some()
}

/// One example of a page: files by path.
pub(super) struct Example {
    pub(super) files: Vec<(String, String)>,
    /// It stands by itself, not beside the small fabric that is in order.
    pub(super) alone: bool,
}

/// A page in its parts.
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// What stands before the rule's name.
    head: String,
    pub(super) bad: Example,
    pub(super) good: Example,
}

const TELLS: &str = "`selvage check` says:";

impl Page {
    pub(super) fn of(rule: &LintRule) -> Self {
        let path = root().join(rule.page());
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let split =
            |mark: &str| text.split_once(mark).unwrap_or_else(|| panic!("{} has no `{}`", path.display(), mark.trim()));
        let (head, _) = split("The rule is called `");
        let head = head.to_owned();
        let (_, bad) = split("\nBad");
        let bad = bad.split("\nGood").next().unwrap().split(TELLS).next().unwrap();
        let (_, good) = split("\nGood");
        Self { bad: Example::of(bad), good: Example::of(good), head, path, text }
    }

    /// The page as it has to be, when the bad example makes these findings.
    pub(super) fn with(&self, rule: &LintRule, findings: &[Finding]) -> String {
        let severity = match rule.severity {
            Severity::Error => "It is an error",
            Severity::Warning => "It is a warning",
            Severity::Advice => "It is advice",
        };
        let waiver = if rule.waivable { "a waiver may set it aside for a time" } else { "it cannot be waived" };
        let mut text = format!("{}The rule is called `{}`. {severity}; {waiver}.\n", self.head, rule.name);
        write!(text, "\nBad{}{TELLS}\n\n```text\n", self.bad).unwrap();
        for finding in findings {
            writeln!(text, "{}: {} {}: {}", finding.place, finding.severity, finding.code, finding.message).unwrap();
        }
        write!(text, "```\n\nGood{}", self.good).unwrap();
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

impl Example {
    /// `:` or `, by itself:`, and a block for each file; the first line of all but the first is its path in a comment.
    fn of(text: &str) -> Self {
        let alone = text.starts_with(", by itself:");
        let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
        let files = blocks.map(|block| match block.strip_prefix("# ").and_then(|rest| rest.split_once('\n')) {
            Some((path, _)) if path.ends_with(".yaml") => (path.to_owned(), block.clone()),
            _ => ("example.yaml".to_owned(), block),
        });
        Self { files: files.collect(), alone }
    }

    /// Its files, beside the fabric that is in order and the packs that it takes.
    pub(super) fn sources(&self) -> Sources {
        let mut sources = Sources::new();
        if !self.alone {
            beside(&mut sources);
        }
        let whole: String = self.files.iter().map(|(_, text)| text.as_str()).collect();
        if whole.contains("kind: Fabric\n") && !self.alone {
            sources.insert("settings.yaml", "");
        }
        if whole.contains("packs: [odoo]") {
            collect(&root().join("packs/odoo"), "pack:odoo", &mut sources);
        }
        for (path, text) in &self.files {
            sources.insert(path.as_str(), text.as_str());
        }
        sources
    }
}

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.alone { ", by itself:\n\n" } else { ":\n\n" })?;
        self.files.iter().try_for_each(|(_, text)| write!(f, "```yaml\n{text}```\n\n"))
    }
}

/// The small fabric that is in order.
pub(super) fn beside(sources: &mut Sources) {
    collect(&root().join("docs/errors/beside"), "", sources);
}

/// All files of a directory.
pub(super) fn collect(directory: &Path, name: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        let name = if name.is_empty() { file } else { format!("{name}/{file}") };
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, sources);
        } else {
            sources.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}
