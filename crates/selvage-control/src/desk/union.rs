//! Domains together: each is released by itself, and all run as one fabric. A file is one domain's, so putting them together is
//! putting files beside each other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{ReleaseKey, SignedRelease, Store};

use super::{Desk, DeskError, Files, seal};

/// A release of each domain.
pub type Releases = BTreeMap<DomainName, String>;

/// Which release of each domain is active in an environment; none where nothing is.
///
/// # Errors
/// Those of the store.
pub async fn active_in(store: &Store, environment: &EnvironmentName) -> Result<Releases, DeskError> {
    let active = store.active_domains().await?.into_iter();
    Ok(active.filter(|it| &it.environment == environment).map(|it| (it.domain, it.release)).collect())
}

/// The files of these releases beside each other, each verified by the keys that are trusted, or by those that the store knows.
///
/// # Errors
/// Those of the store; [`DeskError::Refused`] for a release that is not what was signed.
pub async fn files_of(store: &Store, releases: &Releases, trusted: Option<&[ReleaseKey]>) -> Result<Files, DeskError> {
    let known = store.release_keys().await?;
    let trusted = trusted.unwrap_or(&known);
    let mut files = Files::new();
    for id in releases.values() {
        let release = find(store, id).await?;
        seal::verify(&release, trusted)?;
        add(&release, &mut files)?;
    }
    Ok(files)
}

/// A release that has to be there.
pub(super) async fn find(store: &Store, id: &str) -> Result<SignedRelease, DeskError> {
    let found = store.signed_release(id).await?;
    Ok(found.ok_or_else(|| selvage_store::StoreError::NotFound { what: "release", id: id.to_owned() })?)
}

/// Puts a release's files beside others. What another domain's file would be is left out: a release holds its own.
pub(super) fn add(release: &SignedRelease, files: &mut Files) -> Result<(), DeskError> {
    let own: Files = serde_json::from_value(release.content.clone()).map_err(|_| {
        let fix = "compare the store with a backup";
        DeskError::refused(code::RELEASE_UNSIGNED, format!("{} holds something else than files", release.id), fix)
    })?;
    files.extend(own.into_iter().filter(|(path, _)| domain_of(path) == release.domain));
    Ok(())
}

impl Desk {
    /// What every domain released last, as one fabric.
    ///
    /// # Errors
    /// Those of the store; [`DeskError::Refused`] for a release that holds something else than files.
    pub async fn released(&self) -> Result<Fabric, DeskError> {
        Ok(self.look.read(&self.heads(None).await?.0))
    }

    /// The files of what every domain released last, without this one, and when the oldest of that was made.
    pub(super) async fn heads(&self, but: Option<&DomainName>) -> Result<(Files, Option<Timestamp>), DeskError> {
        let mut files = Files::new();
        let mut since = None;
        let releases = self.store.signed_releases().await?;
        let mut domains: Vec<&DomainName> = releases.iter().map(|release| &release.domain).collect();
        domains.sort();
        domains.dedup();
        for domain in domains.into_iter().filter(|domain| Some(*domain) != but) {
            if let Some(head) = self.store.head(domain).await? {
                let release = find(&self.store, &head).await?;
                add(&release, &mut files)?;
                since = Some(since.map_or(release.recorded, |since: Timestamp| since.min(release.recorded)));
            }
        }
        Ok((files, since))
    }
}
