//! Takes what is active in the store. Reading it may last, and is done beside the access feed, which goes on at the releases before; what
//! is ready is put in their place whole. What cannot be taken changes nothing, is told to whoever activated it, and is tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_control::desk::{self, Releases};
use selvage_gateway::Snapshot;
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::manifest::system::SecretName;

use super::source::together;
use super::{Active, Follower, Release, ReleaseSource, as_error, compile, home};
use crate::node::{proofs, webhooks};

/// How often it is looked where nobody says that something has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The shortest pause between two looks.
const SOONEST: Duration = Duration::from_millis(100);

/// Takes what is active for as long as the node runs.
pub(crate) async fn follow(follower: Arc<Follower>) {
    if !matches!(follower.source, ReleaseSource::Store { .. }) {
        return;
    }
    loop {
        let again = follower.current.next_try().map(|again| again.saturating_duration_since(Instant::now()));
        let pause = again.unwrap_or(LOOK_EVERY).clamp(SOONEST, LOOK_EVERY);
        tokio::select! {
            () = follower.changed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        follower.load_active().await;
        follower.take_ready().await;
    }
}

/// A release that is compiled, with what it was compiled by.
struct Compiled {
    seen: Arc<Active>,
    access: AccessState,
    snapshot: Snapshot,
}

impl Follower {
    /// Reads what is active, where it neither runs nor is ready.
    async fn load_active(&self) {
        let ReleaseSource::Store { trusted } = &self.source else { return };
        let Some(active) = self.active_parts().await else { return };
        let runs = active == self.current.active().release.parts;
        if runs || self.current.waits(&active) || self.prepared.get(&active).is_some() {
            return;
        }
        match together(&self.store, &self.environment, active.clone(), trusted.as_deref()).await {
            Ok(release) => self.prepared.keep(Arc::new(release)),
            Err(error) => self.refuse(active, &error),
        }
    }

    /// Takes what is active in the place of what runs, where that is another and ready; whether it did.
    pub(super) async fn take_ready(&self) -> bool {
        if !matches!(self.source, ReleaseSource::Store { .. }) {
            return false;
        }
        // Whoever is at it does it whole.
        let Ok(_taking) = self.taking.try_lock() else { return false };
        let Some(active) = self.active_parts().await else { return false };
        let before = Arc::clone(&self.current.active().release);
        if active == before.parts {
            self.current.accept();
            return false;
        }
        if self.current.waits(&active) {
            return false;
        }
        let Some(release) = self.prepared.get(&active) else {
            self.changed.notify_one();
            return false;
        };
        let began = Instant::now();
        match self.take(&release, &before).await {
            Ok(()) => {
                tracing::info!(release = release.id, after = ?began.elapsed(), "another release runs now");
                // Going back finds it ready.
                self.prepared.keep(before);
                self.told.notify_one();
                true
            }
            Err(error) => {
                self.refuse(active, &error);
                false
            }
        }
    }

    /// What is active by the store; nothing where that cannot be read now.
    async fn active_parts(&self) -> Option<Releases> {
        match desk::active_in(&self.store, &self.environment).await {
            Ok(active) => Some(active),
            // The access feed tells that the store does not answer.
            Err(error) => {
                tracing::debug!("what is active cannot be read: {error}");
                None
            }
        }
    }

    fn refuse(&self, active: Releases, error: &anyhow::Error) {
        if self.current.refuse(active, error) {
            let code = code::RELEASE_NOT_TAKEN;
            tracing::error!("{code}: what is active was not taken; what ran before goes on: {error:#}");
        }
        self.told.notify_one();
    }

    /// Tries again what was refused: something that it may lack is another by now.
    pub(crate) fn try_again(&self) {
        self.current.try_again();
        self.changed.notify_one();
    }

    /// Puts another release in the place of the one before, whole or not at all.
    pub(super) async fn take(&self, release: &Arc<Release>, before: &Release) -> anyhow::Result<()> {
        let began = Instant::now();
        // Everything that can fail comes before anything that is recorded or swapped.
        home::settle(&self.store, &self.environment, &release.fabric).await?;
        let settled = began.elapsed();
        let compiled = self.compiled(release).await?;
        let compiled_after = began.elapsed();
        let secret = |name: &SecretName| self.secrets.get(name);
        let proofs = proofs::of(&release.fabric, &self.environment, secret)?;
        let webhooks = webhooks::keys(&release.fabric, secret)?;
        let engine = self.engine.activate_release(Arc::clone(&release.fabric), &release.id);
        engine.map_err(|findings| as_error(&findings))?;
        tracing::debug!(?settled, compiled = ?compiled_after, engine = ?began.elapsed(), "a release is about to be taken");
        // Until the one is in the place of the other, what both need is shown.
        let mut of_both = self.proofs(secret).unwrap_or_default();
        of_both.extend(proofs.clone());
        self.prove_by(of_both);
        let mut calls_of_both = self.webhooks(secret).unwrap_or_default();
        calls_of_both.extend(webhooks.clone());
        self.verify_by(calls_of_both);
        let taken = self.take_release(release, compiled).await;
        if taken.is_ok() {
            self.prove_by(proofs);
            self.verify_by(webhooks);
        }
        if taken.is_err() && self.engine.activate_release(Arc::clone(&before.fabric), &before.id).is_err() {
            tracing::error!("the engine could not go back to the release before");
        }
        taken
    }

    /// A release as the gateway runs it. The access state of a directory is made when it is taken: there it is only seen to compile.
    async fn compiled(&self, release: &Release) -> anyhow::Result<Option<Compiled>> {
        let seen = self.current.active();
        if matches!(self.source, ReleaseSource::Directory(_)) {
            compile(release, &seen.access, &seen.keys, &self.environment).map_err(|findings| as_error(&findings))?;
            return Ok(None);
        }
        let access = self.store.access_state_after(&seen.access).await?;
        let snapshot =
            compile(release, &access, &seen.keys, &self.environment).map_err(|findings| as_error(&findings))?;
        Ok(Some(Compiled { seen, access, snapshot }))
    }

    async fn take_release(&self, release: &Arc<Release>, compiled: Option<Compiled>) -> anyhow::Result<()> {
        let mut access = match compiled {
            Some(Compiled { seen, access, snapshot }) => {
                if self.is_installed(release, &seen, access, snapshot) {
                    return Ok(());
                }
                self.store.access_state_after(&self.current.active().access).await?
            }
            None => self.source.access(&self.store, &self.environment, release).await?,
        };
        loop {
            let seen = self.current.active();
            let snapshot =
                compile(release, &access, &seen.keys, &self.environment).map_err(|findings| as_error(&findings))?;
            if self.is_installed(release, &seen, access, snapshot) {
                return Ok(());
            }
            access = self.store.access_state_after(&seen.access).await?;
        }
    }

    /// Installs a release where what was seen is older than the access state that is put in its place; or it is compiled again.
    fn is_installed(
        &self,
        release: &Arc<Release>,
        seen: &Arc<Active>,
        access: AccessState,
        snapshot: Snapshot,
    ) -> bool {
        let keys = Arc::clone(&seen.keys);
        let next = Active { release: Arc::clone(release), access, keys, since: Timestamp::now() };
        seen.access.revision <= next.access.revision && self.install(seen, next, snapshot)
    }
}
