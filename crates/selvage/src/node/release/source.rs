//! Where a node's releases come from: a directory, where nothing is protected, or what is active in the store, domain by domain. What
//! is not what was signed does not run: the node stays with what it runs, and says so. INVARIANT: APPROVED

use std::path::PathBuf;

use selvage_control::desk::{self, DeskError, Releases};
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::Check;
use selvage_model::name::EnvironmentName;
use selvage_store::{ReleaseKey, Store};

use super::{Coded, Release, activate, as_error, declared, read};
use crate::{directory, report};

/// Where releases come from.
#[derive(Clone, Debug)]
pub(crate) enum ReleaseSource {
    /// A directory, served whole.
    Directory(PathBuf),
    /// The releases that are active in the store, signed with these keys; with those that the store knows where none are said.
    Store {
        /// The keys that are trusted.
        trusted: Option<Vec<ReleaseKey>>,
    },
}

impl ReleaseSource {
    /// What is to run now.
    ///
    /// # Errors
    /// When it has errors, is not what was signed, or nothing is active.
    pub(crate) async fn first(&self, store: &Store, environment: &EnvironmentName) -> anyhow::Result<Release> {
        match self {
            Self::Directory(path) => {
                refuse_beside_releases(store).await?;
                read(path, environment)
            }
            Self::Store { trusted } => {
                let active = desk::active_in(store, environment).await.map_err(told)?;
                together(store, environment, active, trusted.as_deref()).await
            }
        }
    }

    /// The access state with what a release asks for: a directory's own grants are made here, those of released domains were made by
    /// whoever activated them.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn access(
        &self,
        store: &Store,
        environment: &EnvironmentName,
        release: &Release,
    ) -> anyhow::Result<AccessState> {
        match self {
            Self::Directory(_) => {
                refuse_beside_releases(store).await?;
                activate(store, environment, release).await
            }
            Self::Store { .. } => Ok(store.access_state().await?),
        }
    }
}

/// Refuses a directory in a store where domains have releases that are active, in whatever environment: keys and what people decide about
/// access are of all of them together. INVARIANT: APPROVED
async fn refuse_beside_releases(store: &Store) -> anyhow::Result<()> {
    let Some(active) = store.active_domains().await?.into_iter().next() else { return Ok(()) };
    let (code, domain, environment) = (code::DIRECTORY_BESIDE_RELEASES, active.domain, active.environment);
    anyhow::bail!(
        "{code}: {} of {domain} is active in `{environment}` of this store: a directory decides about no access beside what \
         was approved; give the directory a store of its own, or release what is in it",
        active.release
    )
}

/// These releases as one.
///
/// # Errors
/// When one is not what was signed, or they do not fit together.
pub(super) async fn together(
    store: &Store,
    environment: &EnvironmentName,
    parts: Releases,
    trusted: Option<&[ReleaseKey]>,
) -> anyhow::Result<Release> {
    if parts.is_empty() {
        let code = code::NOTHING_ACTIVE;
        let message = format!(
            "{code}: no release is active in `{environment}`: activate one, or serve a directory with --fabric"
        );
        return Err(Coded::error(code, message));
    }
    let files = desk::files_of(store, &parts, trusted).await.map_err(told)?;
    let checked = tokio::task::spawn_blocking(move || directory::read_released(&files)).await?;
    if !checked.runs() {
        let what = parts.values().cloned().collect::<Vec<_>>().join(", ");
        let mut errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let code = errors.next().map_or(code::RELEASE_NOT_TAKEN, |finding| finding.code);
        let message = format!("the releases {what} have errors\n{}", report::human::write(&checked));
        return Err(Coded::error(code, message));
    }
    declared(&checked.fabric, environment)?;
    name_what_is_enforced(&checked.fabric);
    name_what_is_of_late(&checked.findings);
    let here = environment.clone();
    let compile = move || {
        let release = Release::new(checked.release, checked.fabric, serde_json::Value::Null, parts);
        // What is activated is put in its place at once.
        release.declared(&here).map(|_| release)
    };
    tokio::task::spawn_blocking(compile).await?.map_err(|findings| as_error(&findings))
}

/// Names interfaces of releases of before by what is done, where they say something else: a release is not edited, and one that says that
/// messages are not checked is no reason to serve nothing. INVARIANT: FAIL-SAFE
fn name_what_is_enforced(fabric: &Fabric) {
    for (reference, interface) in &fabric.interfaces {
        let says = match interface.validation.request {
            Check::Enforce => continue,
            Check::Report => "report",
            Check::Off => "off",
        };
        if matches!(interface.api(), Some(Api::Mediated(_))) {
            let code = code::DIRECT_UNCHECKED;
            tracing::warn!(
                "{code}: the release that is active says `validation: {{request: {says}}}` of `{reference}`, which is mediated: requests \
                 that do not fit its object are refused all the same. The next release has to leave it out"
            );
        }
    }
}

/// Names what the rules of today would not let be released: it is served as it was.
fn name_what_is_of_late(findings: &[Finding]) {
    for Finding { code, place, message, .. } in findings.iter().filter(|finding| finding.is_of_late) {
        tracing::warn!(
            "{code}: the release that is active says at {place} what is refused now, and is served as before: {message}. The next has to say it anew"
        );
    }
}

/// A refusal of the desk in the words of a command.
pub(crate) fn told(error: DeskError) -> anyhow::Error {
    match error {
        DeskError::Store(error) => error.into(),
        DeskError::Refused { code, message, fix, findings } => {
            let lines = findings.iter().map(|finding| {
                let fix = finding.fix.as_deref().map_or_else(String::new, |fix| format!("; {fix}"));
                format!("\n  {} {}: {}{fix}", finding.place, finding.code, finding.message)
            });
            Coded::refused(code, format!("{code}: {message}: {fix}{}", lines.collect::<String>()))
        }
    }
}
