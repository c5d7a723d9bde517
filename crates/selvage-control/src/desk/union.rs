//! Domains together: each is released by itself, and all run as one fabric. A file is one domain's, so putting them together is
//! putting files beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{ReleaseKey, SignedRelease, Store};
use serde::Deserialize as _;

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
    let own = Files::deserialize(&release.content).map_err(|_| {
        let fix = "compare the store with a backup";
        DeskError::refused(code::RELEASE_UNSIGNED, format!("{} holds something else than files", release.id), fix)
    })?;
    files.extend(own.into_iter().filter(|(path, _)| domain_of(path) == release.domain));
    Ok(())
}

/// What the last releases of all domains say.
pub(super) struct Released {
    heads: Releases,
    fabric: Arc<Fabric>,
}

impl Desk {
    /// What every domain released last, as one fabric.
    ///
    /// # Errors
    /// Those of the store; [`DeskError::Refused`] for a release that holds something else than files.
    pub async fn released(&self) -> Result<Arc<Fabric>, DeskError> {
        let heads = self.last().await?;
        if let Some(known) = self.known().as_ref().filter(|known| known.heads == heads) {
            return Ok(Arc::clone(&known.fabric));
        }
        let files = self.heads(None).await?;
        let fabric = Arc::new(self.ahead().hard(|| self.look.read(&files)).await);
        *self.known() = Some(Released { heads, fabric: Arc::clone(&fabric) });
        Ok(fabric)
    }

    /// The same where it was read before, and nothing was released since.
    pub(super) async fn released_before(&self) -> Result<Option<Arc<Fabric>>, DeskError> {
        let heads = self.last().await?;
        Ok(self.known().as_ref().filter(|known| known.heads == heads).map(|known| Arc::clone(&known.fabric)))
    }

    fn known(&self) -> MutexGuard<'_, Option<Released>> {
        // What is in it is whole at any time.
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last release of each domain.
    async fn last(&self) -> Result<Releases, DeskError> {
        let releases = self.store.signed_releases().await?;
        let domains: BTreeSet<DomainName> = releases.into_iter().map(|release| release.domain).collect();
        let mut heads = Releases::new();
        for domain in domains {
            if let Some(head) = self.store.head(&domain).await? {
                heads.insert(domain, head);
            }
        }
        Ok(heads)
    }

    /// The files of what every domain released last, without this one.
    pub(super) async fn heads(&self, but: Option<&DomainName>) -> Result<Files, DeskError> {
        let mut files = Files::new();
        for (_, head) in self.last().await?.into_iter().filter(|(domain, _)| Some(domain) != but) {
            let release = find(&self.store, &head).await?;
            add(&release, &mut files)?;
        }
        Ok(files)
    }
}
