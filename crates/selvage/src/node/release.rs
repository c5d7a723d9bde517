//! From a directory to what a node runs: read, record, activate, compile. The steps of a change are the same.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context;
use jiff::Timestamp;
use selvage_engine::Engine;
use selvage_gateway::{Gateway, Snapshot, SnapshotSource};
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::EnvironmentName;
use selvage_store::Store;

use crate::directory;
use crate::report;

/// Who activates a release that comes from a directory, in the ledger.
const DIRECTORY: &str = "directory";

/// What a directory holds, ready to run.
pub(crate) struct Release {
    /// Its content address.
    pub(crate) id: String,
    /// What it declares.
    pub(crate) fabric: Arc<Fabric>,
    /// Its manifests as they were written, by path.
    manifests: serde_json::Value,
}

/// What a node runs now.
#[derive(Clone)]
pub(crate) struct Active {
    /// The release.
    pub(crate) release: Arc<Release>,
    /// The access state.
    pub(crate) access: AccessState,
    /// Since when the release runs here.
    pub(crate) since: Timestamp,
}

/// What a node runs, and why a change was not taken.
pub(crate) struct Current {
    inner: Mutex<(Active, Option<String>)>,
}

impl Current {
    /// Running this.
    pub(crate) fn new(active: Active) -> Self {
        Self { inner: Mutex::new((active, None)) }
    }

    /// What runs.
    pub(crate) fn active(&self) -> Active {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Why the last change was not taken.
    pub(crate) fn rejected(&self) -> Option<String> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn replace(&self, active: Active) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = (active, None);
    }

    fn reject(&self, because: String) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(because);
    }
}

/// Reads a directory to run it in this environment.
///
/// # Errors
/// When it has errors, or the environment is protected. INVARIANT: APPROVED
pub(crate) fn read(path: &Path, environment: &EnvironmentName) -> anyhow::Result<Release> {
    let checked = directory::check(path)?;
    if !checked.runs() {
        anyhow::bail!("the fabric in `{}` has errors\n{}", path.display(), report::human::write(&checked));
    }
    let settings = checked
        .fabric
        .settings
        .as_ref()
        .with_context(|| format!("{}: the directory declares no `kind: Fabric`", code::FABRIC_UNDECLARED))?;
    let declared = settings.environments.iter().find(|declared| &declared.name.value == environment);
    match declared {
        None => {
            let known: Vec<&str> = settings.environments.iter().map(|known| known.name.value.as_str()).collect();
            anyhow::bail!(
                "{}: the fabric has no environment `{environment}`; it has {}",
                code::ENVIRONMENT_UNDECLARED,
                known.join(", ")
            )
        }
        Some(declared) if declared.protected => anyhow::bail!(
            "{}: environment `{environment}` is protected: a directory is served directly only in one that is not",
            code::ENVIRONMENT_PROTECTED
        ),
        Some(_) => {
            let manifests =
                checked.texts.into_iter().map(|(path, text)| (path, serde_json::Value::String(text))).collect();
            Ok(Release { id: checked.release, fabric: Arc::new(checked.fabric), manifests })
        }
    }
}

/// Records the release and the grants it asks for, and gives the access state with them.
///
/// # Errors
/// When the store does not take it.
pub(crate) async fn activate(
    store: &Store,
    environment: &EnvironmentName,
    release: &Release,
) -> anyhow::Result<AccessState> {
    store.record_release(&release.id, &release.manifests, DIRECTORY).await?;
    store.activate(environment, &release.id, DIRECTORY).await?;
    let asked: Vec<_> = release
        .fabric
        .grants
        .iter()
        .map(|grant| (grant.consumer.value.clone(), grant.interface.value.clone(), grant.terms()))
        .collect();
    for held in store.apply_manifest_grants(&asked, DIRECTORY).await?.held_back {
        let (consumer, interface, ended) = (held.consumer, held.interface, held.ended);
        tracing::warn!("the grant of {interface} to {consumer} ended at {ended} and stays so: give it new terms");
    }
    Ok(store.access_state().await?)
}

/// Compiles what the gateway runs.
///
/// # Errors
/// The findings that stop it.
pub(crate) fn compile(
    release: &Release,
    access: &AccessState,
    environment: &EnvironmentName,
) -> Result<Snapshot, Vec<Finding>> {
    Snapshot::compile(&SnapshotSource { fabric: &release.fabric, access, environment, release: &release.id })
}

/// Findings as one error.
pub(crate) fn as_error(findings: &[Finding]) -> anyhow::Error {
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("{} {} {}", finding.place, finding.code, finding.message)).collect();
    anyhow::anyhow!("the release does not compile:\n{}", lines.join("\n"))
}

/// Takes changes of the directory and of the access state.
pub(crate) struct Follower {
    /// The directory.
    pub(crate) directory: PathBuf,
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// The store.
    pub(crate) store: Store,
    /// The engine.
    pub(crate) engine: Engine,
    /// The gateway, while it runs.
    pub(crate) gateway: Weak<Gateway>,
    /// What runs.
    pub(crate) current: Arc<Current>,
}

impl Follower {
    /// Takes a changed directory, or says why not and changes nothing.
    pub(crate) async fn take_directory(&self) {
        match self.try_directory().await {
            Ok(Some(id)) => tracing::info!(release = id, "a changed directory runs now"),
            Ok(None) => {}
            Err(error) => {
                tracing::error!("a changed directory was not taken: {error:#}");
                self.current.reject(format!("{error:#}"));
            }
        }
    }

    async fn try_directory(&self) -> anyhow::Result<Option<String>> {
        let (directory, environment) = (self.directory.clone(), self.environment.clone());
        let release = tokio::task::spawn_blocking(move || read(&directory, &environment)).await??;
        let before = self.current.active();
        if release.id == before.release.id {
            self.current.replace(before);
            return Ok(None);
        }
        // Everything that can fail comes before anything that is recorded or swapped.
        let tentative = compile(&release, &before.access, &self.environment).map_err(|findings| as_error(&findings))?;
        drop(tentative);
        self.engine.activate(Arc::clone(&release.fabric)).map_err(|findings| as_error(&findings))?;
        let access = activate(&self.store, &self.environment, &release).await?;
        let snapshot = compile(&release, &access, &self.environment).map_err(|findings| as_error(&findings))?;
        self.swap(snapshot);
        let id = release.id.clone();
        self.current.replace(Active { release: Arc::new(release), access, since: Timestamp::now() });
        Ok(Some(id))
    }

    fn swap(&self, snapshot: Snapshot) {
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.swap(Arc::new(snapshot));
        }
    }

    /// Takes the access state when it has changed. INVARIANT: REVOKED-NOW
    pub(crate) async fn take_access(&self) -> anyhow::Result<()> {
        let before = self.current.active();
        if self.store.access_revision().await? == before.access.revision {
            return Ok(());
        }
        let access = self.store.access_state().await?;
        let snapshot = compile(&before.release, &access, &self.environment).map_err(|findings| as_error(&findings))?;
        self.swap(snapshot);
        let mut inner = self.current.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0.access = access;
        Ok(())
    }
}
