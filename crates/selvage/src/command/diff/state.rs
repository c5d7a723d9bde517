//! The two states that are compared: directories, revisions of one, releases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::name::DomainName;
use selvage_store::Store;
use serde_json::Value;

use super::git;
use crate::command::StoreChoice;
use crate::{directory, report};

/// What a release's id begins with.
const RELEASE: &str = "rel_";

/// Both states, and earlier ones.
pub(super) struct States {
    pub(super) before: Fabric,
    pub(super) after: Fabric,
    /// Earlier ones, by what they were called.
    pub(super) also: Vec<(String, Fabric)>,
}

/// Files of a state by path, and the domain where they are only one's.
struct State {
    files: BTreeMap<String, String>,
    domain: Option<DomainName>,
}

/// Reads them.
///
/// # Errors
/// When one of them is not there, or has errors.
pub(super) async fn read(base: &str, head: &str, also: &[String], choice: &StoreChoice) -> anyhow::Result<States> {
    let mut names = also.iter().map(String::as_str).chain([base, head]);
    let store = match names.any(|name| name.starts_with(RELEASE)) {
        true => {
            Some(choice.existing().await.with_context(|| format!("{}: no release can be read", code::STATE_UNKNOWN))?)
        }
        false => None,
    };
    let mut before = state(base, head, store.as_ref()).await?;
    let mut after = state(head, base, store.as_ref()).await?;
    // A release of one domain is compared with what the other state has of that domain.
    if let (Some(domain), None) | (None, Some(domain)) = (before.domain.clone(), after.domain.clone()) {
        before.files.retain(|path, _| domain_of(path) == domain);
        after.files.retain(|path, _| domain_of(path) == domain);
    }
    let mut earlier = Vec::new();
    for name in also {
        earlier.push((name.clone(), fabric(name, &state(name, head, store.as_ref()).await?.files)?));
    }
    Ok(States { before: fabric(base, &before.files)?, after: fabric(head, &after.files)?, also: earlier })
}

async fn state(name: &str, other: &str, store: Option<&Store>) -> anyhow::Result<State> {
    if let (true, Some(store)) = (name.starts_with(RELEASE), store) {
        return release(name, store).await;
    }
    if Path::new(name).is_dir() {
        return Ok(State { files: directory::files(Path::new(name))?, domain: None });
    }
    let beside = if Path::new(other).is_dir() { PathBuf::from(other) } else { PathBuf::from(".") };
    let revision = name.to_owned();
    let files = tokio::task::spawn_blocking(move || git::files(&revision, &beside)).await??;
    Ok(State { files, domain: None })
}

async fn release(id: &str, store: &Store) -> anyhow::Result<State> {
    let Some(release) = store.release(id).await? else {
        anyhow::bail!("{}: the store has no release `{id}`", code::STATE_UNKNOWN);
    };
    let domain = store.signed_release(id).await?.map(|release| release.domain);
    let text = |(path, text): (&String, &Value)| Some((path.clone(), text.as_str()?.to_owned()));
    let files = release.content.as_object().into_iter().flatten().filter_map(text).collect();
    Ok(State { files, domain })
}

/// What does not read as it was meant would be compared as something else.
fn fabric(name: &str, files: &BTreeMap<String, String>) -> anyhow::Result<Fabric> {
    let checked = directory::read_unchecked(files);
    if !checked.runs() {
        anyhow::bail!("{}: `{name}` cannot be compared\n{}", code::STATE_UNREADABLE, report::human::write(&checked));
    }
    Ok(checked.fabric)
}
