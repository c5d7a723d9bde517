//! Secrets that change while a node runs: read again when it is told to (SIGHUP), and each second where the directory is watched
//! too. What cannot be read or used changes nothing: the secrets before go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use selvage_model::manifest::system::SecretName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::release::{self, Follower};
use crate::secrets;

/// How often they are looked at where changes are to be seen by themselves.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The secrets of now, for what does not go through the engine. INVARIANT: SECRET-FREE
#[derive(Clone)]
pub(crate) struct Secrets(Arc<Mutex<BTreeMap<SecretName, String>>>);

impl Secrets {
    /// These, until others are taken.
    pub(crate) fn new(secrets: BTreeMap<SecretName, String>) -> Self {
        Self(Arc::new(Mutex::new(secrets)))
    }

    /// The secret of this name.
    pub(crate) fn get(&self, name: &SecretName) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn put(&self, secrets: BTreeMap<SecretName, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = secrets;
    }
}

/// Follows the secrets from where they were read, if anywhere.
///
/// # Errors
/// When the signal cannot be listened for.
pub(crate) fn follow_from(
    path: Option<PathBuf>,
    follower: &Arc<Follower>,
    own: &Secrets,
    watch: bool,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    path.map(|path| follow(Arc::clone(follower), own.clone(), path, watch)).transpose()
}

/// Follows the secrets of a file or directory for as long as the node runs.
///
/// # Errors
/// When the signal cannot be listened for.
fn follow(follower: Arc<Follower>, own: Secrets, path: PathBuf, watch: bool) -> anyhow::Result<JoinHandle<()>> {
    let mut hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    Ok(tokio::spawn(async move {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut complained = None;
        loop {
            let is_told = tokio::select! {
                told = hangups.recv() => match told {
                    Some(()) => {
                        complained = None;
                        true
                    }
                    None => return,
                },
                _ = looks.tick(), if watch => false,
            };
            let taken = take(&follower, &own, &path);
            // A release that was refused may have lacked one of them.
            if is_told && taken.is_ok() {
                follower.try_again();
            }
            match taken {
                Ok(true) => tracing::info!("changed secrets are used now"),
                Ok(false) => complained = None,
                Err(error) => {
                    let complaint = format!("{error:#}");
                    // Once for each thing that is wrong, however often it is looked at.
                    if complained.as_ref() != Some(&complaint) {
                        tracing::error!("changed secrets were not taken, the last go on: {complaint}");
                        complained = Some(complaint);
                    }
                }
            }
        }
    }))
}

fn take(follower: &Follower, own: &Secrets, path: &Path) -> anyhow::Result<bool> {
    let secrets = secrets::load(path)?;
    let proofs = follower.proofs(|name| secrets.get(name).cloned())?;
    let webhooks = follower.webhooks(|name| secrets.get(name).cloned())?;
    let taken = follower.engine.take_secrets(secrets.clone()).map_err(|findings| release::as_error(&findings))?;
    own.put(secrets);
    let Some(gateway) = follower.gateway.upgrade() else { return Ok(taken) };
    let (shown, verified) = (gateway.prove_by(proofs), gateway.verify_by(webhooks));
    Ok(taken || shown || verified)
}
