//! Two contracts by themselves: files, or what a git revision has of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use selvage_governance::compare::document::Kind;
use selvage_governance::compare::{Difference, judge_by_day};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::yaml::{self, Limits, Node};

use super::git;

/// What is different between two contracts, and of which kind they are.
pub(super) struct Contracts {
    pub(super) kind: Kind,
    pub(super) differences: Vec<Difference>,
}

/// A contract, and the name by which it was asked for.
struct Contract {
    name: String,
    kind: Kind,
    root: Node,
}

/// Whether these are contracts rather than states of a fabric: one of the two is a file.
pub(super) fn are_meant(base: &str, head: &str) -> bool {
    [base, head].iter().any(|name| Path::new(name).is_file())
}

/// Compares a contract with an earlier one, and with those before that: what is written for them is still read.
///
/// # Errors
/// When one of them is not there, cannot be read, or is no contract of the same kind.
pub(super) async fn compare(base: &str, earlier: &[String], head: &str) -> anyhow::Result<Contracts> {
    let beside = |name: &str| Path::new(name).is_file().then(|| PathBuf::from(name));
    let file = beside(head).or_else(|| beside(base)).context("neither of the two is a file")?;
    let after = contract(head, &file).await?;
    let mut differences = Vec::new();
    for (number, name) in std::iter::once(base).chain(earlier.iter().map(String::as_str)).enumerate() {
        let before = contract(name, &file).await?;
        anyhow::ensure!(
            before.kind == after.kind,
            "{}: `{name}` is of the kind {}, and `{head}` of the kind {}",
            code::CONTRACTS_UNLIKE,
            before.kind.as_str(),
            after.kind.as_str()
        );
        let since = |mut difference: Difference| {
            if number > 0 {
                difference.at = format!("{} (since {})", difference.at, before.name);
            }
            difference
        };
        let mut found = after.kind.compare(&before.root, &after.root);
        judge_by_day(&mut found, &Fabric::default(), Timestamp::now().to_zoned(TimeZone::UTC).date());
        differences.extend(found.into_iter().map(since));
    }
    Ok(Contracts { kind: after.kind, differences })
}

/// A contract by its name: a file, or a revision of the file on the other side.
async fn contract(name: &str, other: &Path) -> anyhow::Result<Contract> {
    let text = match Path::new(name).is_file() {
        true => read(Path::new(name))?,
        false => {
            let (revision, other) = (name.to_owned(), other.to_owned());
            tokio::task::spawn_blocking(move || git::text(&revision, &other)).await??
        }
    };
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from(name), &Limits::CONTRACT);
    if let Some(finding) = findings.first() {
        anyhow::bail!("{}: `{name}` cannot be read ({}): {}", code::STATE_UNREADABLE, finding.place, finding.message);
    }
    let root = if nodes.len() == 1 { nodes.pop() } else { None };
    let known = root.and_then(|root| Some((Kind::of(&root)?, root)));
    let Some((kind, root)) = known else {
        anyhow::bail!("{}: `{name}` is no OpenAPI 3, no AsyncAPI 3 and no JSON Schema", code::CONTRACTS_UNLIKE);
    };
    Ok(Contract { name: name.to_owned(), kind, root })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(path)?.len();
    let most = u64::try_from(Limits::CONTRACT.bytes).unwrap_or(u64::MAX);
    anyhow::ensure!(size <= most, "{}: `{}` has {size} bytes", code::TOO_LARGE, path.display());
    std::fs::read_to_string(path)
        .with_context(|| format!("{}: `{}` cannot be read", code::STATE_UNREADABLE, path.display()))
}
