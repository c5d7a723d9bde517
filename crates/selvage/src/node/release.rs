//! From a directory to what a node runs: read, record, activate, compile. The steps of a change are the same.

mod beginning;
mod current;
mod home;
mod past;
pub(super) mod prepared;
mod refusal;
mod source;
pub(super) mod taking;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use anyhow::Context;
use selvage_engine::Engine;
use selvage_gateway::{Declared, Gateway, KeysOfIssuers, Proofs, Snapshot, SnapshotSource, WebhookKeys};
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::organisation::Environment;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{AskedAccess, AskedSubscription, NewDirectory, Store};
use tokio::sync::Notify;

pub(super) use self::beginning::{Beginning, begin};
pub(crate) use self::current::{Active, Current};
pub(crate) use self::past::at;
use self::prepared::Prepared;
pub(crate) use self::refusal::Coded;
pub(crate) use self::source::{ReleaseSource, told};
pub(crate) use self::trial::{trial, trial_of};
use super::rotation::Secrets;
use super::{proofs, webhooks};
use crate::directory;
use crate::report;

/// Who activates a release that comes from a directory, in the ledger.
const DIRECTORY: &str = "directory";
/// How long a directory by which grants would end must stay as it is.
const SETTLING: Duration = Duration::from_secs(2);
/// How often it is read for that at most.
const MOST_READINGS: usize = 5;

/// What a directory holds, ready to run.
pub(crate) struct Release {
    /// Its content address.
    pub(crate) id: String,
    /// What it declares.
    pub(crate) fabric: Arc<Fabric>,
    /// Its manifests as they were written, by path.
    manifests: serde_json::Value,
    /// The releases that it is made of, by domain; none where it is a directory.
    pub(crate) parts: BTreeMap<DomainName, String>,
    /// What it declares, as the gateway runs it in the environment that it was read for; made once.
    declared: OnceLock<Result<Arc<Declared>, Vec<Finding>>>,
}

impl Release {
    fn new(id: String, fabric: Fabric, manifests: serde_json::Value, parts: BTreeMap<DomainName, String>) -> Self {
        Self { id, fabric: Arc::new(fabric), manifests, parts, declared: OnceLock::new() }
    }

    /// What it declares, compiled for the environment that it was read for.
    ///
    /// # Errors
    /// The findings that stop it.
    fn declared(&self, environment: &EnvironmentName) -> Result<Arc<Declared>, Vec<Finding>> {
        let compile = || Declared::compile(&self.fabric, environment).map(Arc::new);
        self.declared.get_or_init(compile).clone()
    }
}

/// Reads a directory to run it in this environment.
///
/// # Errors
/// When it has errors, or the environment is protected. INVARIANT: APPROVED
pub(crate) fn read(path: &Path, environment: &EnvironmentName) -> anyhow::Result<Release> {
    let (release, protected) = look(path, environment)?;
    anyhow::ensure!(
        !protected,
        "{}: environment `{environment}` is protected: a directory is served directly only in one that is not",
        code::ENVIRONMENT_PROTECTED
    );
    Ok(release)
}

/// Reads a directory without running it, and says whether the environment is protected.
///
/// # Errors
/// When it has errors, or does not know the environment.
pub(crate) fn look(path: &Path, environment: &EnvironmentName) -> anyhow::Result<(Release, bool)> {
    let checked = directory::check(path)?;
    if !checked.runs() {
        anyhow::bail!("the fabric in `{}` has errors\n{}", path.display(), report::human::write(&checked));
    }
    let protected = declared(&checked.fabric, environment)?.protected;
    let files = directory::declaring(&checked.fabric, checked.texts);
    let manifests = files.into_iter().map(|(path, text)| (path, serde_json::Value::String(text))).collect();
    Ok((Release::new(checked.release, checked.fabric, manifests, BTreeMap::new()), protected))
}

/// The environment, as the fabric declares it.
fn declared<'a>(fabric: &'a Fabric, environment: &EnvironmentName) -> anyhow::Result<&'a Environment> {
    let settings = fabric
        .settings
        .as_ref()
        .with_context(|| format!("{}: the directory declares no `kind: Fabric`", code::FABRIC_UNDECLARED))?;
    let declared = settings.environments.iter().find(|declared| &declared.name.value == environment);
    declared.with_context(|| {
        let known: Vec<&str> = settings.environments.iter().map(|known| known.name.value.as_str()).collect();
        let (code, known) = (code::ENVIRONMENT_UNDECLARED, known.join(", "));
        format!("{code}: the fabric has no environment `{environment}`; it has {known}")
    })
}

/// Records the release and the access it asks for, and gives the access state with it.
///
/// # Errors
/// When the store does not take it, as where releases of domains are active. INVARIANT: APPROVED
pub(crate) async fn activate(
    store: &Store,
    environment: &EnvironmentName,
    release: &Release,
) -> anyhow::Result<AccessState> {
    let home = store.event_home().await?;
    let keeps_events = home.is_none_or(|home| &home == environment);
    let (grants, subscriptions) = store
        .activate_directory(&NewDirectory {
            environment,
            release: &release.id,
            content: &release.manifests,
            by: DIRECTORY,
            asks: &asked(&release.fabric, keeps_events),
        })
        .await?;
    for held in grants.held_back {
        let (consumer, interface, ended) = (held.consumer, held.interface, held.ended);
        tracing::warn!("the grant of {interface} to {consumer} ended at {ended} and stays so: give it new terms");
    }
    for (label, ended) in subscriptions.held_back {
        tracing::warn!("the subscription `{label}` ended at {ended} and stays so: give it new terms");
    }
    for label in subscriptions.ungranted {
        tracing::warn!("the subscription `{label}` has no grant that is alive: nothing is delivered");
    }
    Ok(store.access_state().await?)
}

/// What a directory asks for; subscriptions only where the events of the store are its environment's, or nobody's yet. It is served only
/// where nothing is protected: they are approved.
fn asked(fabric: &Fabric, keeps_events: bool) -> AskedAccess {
    let grants = fabric.grants.iter();
    let grants = grants.map(|it| (it.consumer.value.clone(), it.interface.value.clone(), it.terms())).collect();
    let subscriptions = fabric.subscriptions.iter().filter_map(|subscription| {
        Some(AskedSubscription {
            consumer: subscription.consumer.value.clone(),
            name: subscription.known_as()?,
            interface: subscription.interface.value.clone(),
            terms: subscription.terms(fabric),
        })
    });
    AskedAccess { grants, subscriptions: keeps_events.then(|| subscriptions.collect()) }
}

/// Compiles what the gateway runs; of what is declared, only what was not compiled yet.
///
/// # Errors
/// The findings that stop it.
pub(crate) fn compile(
    release: &Release,
    access: &AccessState,
    keys: &KeysOfIssuers,
    environment: &EnvironmentName,
) -> Result<Snapshot, Vec<Finding>> {
    let source = SnapshotSource { fabric: &release.fabric, access, keys, environment, release: &release.id };
    Ok(Snapshot::of(release.declared(environment)?, &source))
}

/// Findings as one error.
pub(crate) fn as_error(findings: &[Finding]) -> anyhow::Error {
    let lines = findings.iter().map(|finding| format!("{} {} {}", finding.place, finding.code, finding.message));
    // Several interfaces may meet the same problem of their system.
    let lines: Vec<String> = lines.collect::<BTreeSet<_>>().into_iter().collect();
    let code = findings.first().map_or(code::RELEASE_NOT_TAKEN, |finding| finding.code);
    Coded::error(code, format!("the release does not compile:\n{}", lines.join("\n")))
}

/// Takes changes of the directory, of what is active and of the access state.
pub(crate) struct Follower {
    /// Where releases come from.
    pub(crate) source: ReleaseSource,
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
    /// The secrets of now.
    pub(crate) secrets: Secrets,
    /// What is ready before it is active.
    pub(crate) prepared: Prepared,
    /// Held while a release is put in the place of another.
    pub(crate) taking: tokio::sync::Mutex<()>,
    /// What is active may be another.
    pub(crate) changed: Notify,
    /// What is to be told of this node is another.
    pub(crate) told: Notify,
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
        let ReleaseSource::Directory(directory) = &self.source else { return Ok(None) };
        let before = Arc::clone(&self.current.active().release);
        let release = Arc::new(self.read_settled(directory, &before).await?);
        if release.id == before.id {
            self.current.accept();
            return Ok(None);
        }
        self.take(&release, &before).await?;
        Ok(Some(release.id.clone()))
    }

    /// The directory, read again until it stays as it is where grants would end by it: a file that is being replaced is
    /// away for a moment, and a grant that has ended does not come back.
    async fn read_settled(&self, directory: &Path, before: &Release) -> anyhow::Result<Release> {
        let mut release = self.read(directory).await?;
        for _ in 0..MOST_READINGS {
            if !ends_grants(&before.fabric, &release.fabric) {
                break;
            }
            tokio::time::sleep(SETTLING).await;
            let again = self.read(directory).await?;
            let settled = again.id == release.id;
            release = again;
            if settled {
                break;
            }
        }
        Ok(release)
    }

    async fn read(&self, directory: &Path) -> anyhow::Result<Release> {
        let (directory, environment) = (directory.to_owned(), self.environment.clone());
        tokio::task::spawn_blocking(move || read(&directory, &environment)).await?
    }

    /// What the systems of the release that runs are shown by these secrets.
    ///
    /// # Errors
    /// Those that are not there or cannot be used.
    pub(crate) fn proofs(&self, secret: impl Fn(&SecretName) -> Option<String>) -> anyhow::Result<Proofs> {
        proofs::of(&self.current.active().release.fabric, &self.environment, secret)
    }

    fn prove_by(&self, proofs: Proofs) {
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.prove_by(proofs);
        }
    }

    /// What proves calls of the webhooks of the release that runs, by these secrets.
    ///
    /// # Errors
    /// Those that are not there or cannot be used.
    pub(crate) fn webhooks(&self, secret: impl Fn(&SecretName) -> Option<String>) -> anyhow::Result<WebhookKeys> {
        webhooks::keys(&self.current.active().release.fabric, secret)
    }

    fn verify_by(&self, keys: WebhookKeys) {
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.verify_by(keys);
        }
    }

    /// Puts this in the place of what was seen to run. What takes long is done before anybody waits for it.
    fn install(&self, seen: &Active, next: Active, snapshot: Snapshot) -> bool {
        let Some(gateway) = self.gateway.upgrade() else { return self.current.install(seen, next, || ()) };
        let prepared = gateway.prepare(Arc::new(snapshot));
        let is_installed = self.current.install(seen, next, || gateway.activate(prepared));
        gateway.let_go();
        is_installed
    }

    /// Takes other keys of issuers.
    pub(crate) fn take_keys(&self, keys: &Arc<KeysOfIssuers>) -> anyhow::Result<()> {
        loop {
            let seen = self.current.active();
            let snapshot = compile(&seen.release, &seen.access, keys, &self.environment)
                .map_err(|findings| as_error(&findings))?;
            let next = Active { keys: Arc::clone(keys), ..Active::clone(&seen) };
            if self.install(&seen, next, snapshot) {
                return Ok(());
            }
        }
    }

    /// Takes the access state when it has changed, and says whether it had. INVARIANT: REVOKED-NOW
    pub(crate) async fn take_access(&self) -> anyhow::Result<bool> {
        let mut changed = false;
        loop {
            let seen = self.current.active();
            if self.store.access_revision().await? == seen.access.revision {
                return Ok(changed);
            }
            if self.take_ready().await {
                changed = true;
                continue;
            }
            // What is active and not ready is read beside this: what is revoked meanwhile is taken by the releases before.
            let access = self.store.access_state_after(&seen.access).await?;
            let snapshot = compile(&seen.release, &access, &seen.keys, &self.environment)
                .map_err(|findings| as_error(&findings))?;
            let (release, keys) = (Arc::clone(&seen.release), Arc::clone(&seen.keys));
            let next = Active { release, access, keys, since: seen.since };
            changed |= self.install(&seen, next, snapshot);
        }
    }
}

/// Whether a consumer has fewer grants on an interface than before, or a subscription less.
fn ends_grants(before: &Fabric, after: &Fabric) -> bool {
    let counted = |fabric: &Fabric| {
        let mut counted = BTreeMap::new();
        for grant in &fabric.grants {
            *counted.entry((grant.consumer.value.clone(), grant.interface.value.clone())).or_insert(0_usize) += 1;
        }
        counted
    };
    let subscribed = |fabric: &Fabric| {
        let subscriptions = fabric.subscriptions.iter();
        subscriptions.map(|it| (it.consumer.value.clone(), it.known_as())).collect::<BTreeSet<_>>()
    };
    let granted = counted(after);
    counted(before).iter().any(|(subject, count)| granted.get(subject).is_none_or(|granted| granted < count))
        || !subscribed(before).is_subset(&subscribed(after))
}
