//! What a node begins with: what is active, or, where that cannot be run here, the newest of what was active before and can. It says so,
//! and tries on; nothing that was gone back from is run again. INVARIANT: FAIL-SAFE

use std::collections::BTreeSet;
use std::sync::Arc;

use selvage_control::desk::{self, Releases};
use selvage_engine::Engine;
use selvage_gateway::{KeysOfIssuers, Proofs, Snapshot, WebhookKeys};
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{DomainActivation, StoreError};

use super::source::together;
use super::{Release, ReleaseSource, as_error, compile, home};
use crate::node::feed::{self, Registered};
use crate::node::{NodeConfig, named_secrets};

/// So many states before the one that is active are tried.
const MOST_EARLIER: usize = 8;

/// What a node begins with.
pub(in crate::node) struct Beginning {
    /// What runs.
    pub(in crate::node) release: Arc<Release>,
    /// What it shows to systems, and what proves their calls.
    pub(in crate::node) secrets: (Proofs, WebhookKeys),
    /// The node, as the store knows it.
    pub(in crate::node) registered: Registered,
    /// The engine, with what runs.
    pub(in crate::node) engine: Engine,
    /// The access state.
    pub(in crate::node) access: AccessState,
    /// What the gateway runs.
    pub(in crate::node) snapshot: Snapshot,
    /// What is active and cannot be run here, and why.
    pub(in crate::node) refused: Option<(Releases, anyhow::Error)>,
}

/// Finds out what runs, and makes it ready.
///
/// # Errors
/// Why what is to run cannot be, where nothing that was active before can either.
pub(in crate::node) async fn begin(config: &NodeConfig) -> anyhow::Result<Beginning> {
    let error = match newest(config).await {
        Ok(beginning) => return Ok(beginning),
        Err(error) => error,
    };
    let ReleaseSource::Store { trusted } = &config.source else { return Err(error) };
    let active = match desk::active_in(&config.store, &config.environment).await {
        Ok(active) if !active.is_empty() && !passes(&error) => active,
        _ => return Err(error),
    };
    for parts in earlier(&config.environment, &config.store.activations().await?) {
        let what = parts.values().cloned().collect::<Vec<_>>().join(", ");
        let found = match together(&config.store, &config.environment, parts, trusted.as_deref()).await {
            Ok(release) => attempt(config, release).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(beginning) => {
                let code = code::RELEASE_NOT_TAKEN;
                tracing::error!(
                    "{code}: what is active cannot be run here; {what}, active before, is served: {error:#}"
                );
                return Ok(Beginning { refused: Some((active, error)), ..beginning });
            }
            Err(error) if passes(&error) => return Err(error),
            Err(error) => tracing::warn!("{what}, active before, cannot be run here either: {error:#}"),
        }
    }
    tracing::error!("what is active cannot be run here, and nothing that was active before can: nothing is served");
    Err(error)
}

/// Whether it passes by itself: whoever starts the node starts it again.
fn passes(error: &anyhow::Error) -> bool {
    error.chain().any(|it| it.downcast_ref().is_some_and(StoreError::is_transient))
}

async fn newest(config: &NodeConfig) -> anyhow::Result<Beginning> {
    attempt(config, config.source.first(&config.store, &config.environment).await?).await
}

/// Makes a release ready, whole or not at all.
async fn attempt(config: &NodeConfig, release: Release) -> anyhow::Result<Beginning> {
    let release = Arc::new(release);
    home::settle(&config.store, &config.environment, &release.fabric).await?;
    let secrets = named_secrets(config, &release.fabric)?;
    // Before the access state is read: whoever changes it from now on waits for this node.
    let registered = feed::register(config, &release.fabric).await?;
    match compiled(config, &release, &registered).await {
        Ok((engine, access, snapshot)) => {
            Ok(Beginning { release, secrets, registered, engine, access, snapshot, refused: None })
        }
        Err(error) => {
            // Nobody has to wait for what serves nothing.
            if let Err(error) = config.store.forget_node(&registered.node.id).await {
                tracing::debug!("the store was not told that this node did not begin: {error}");
            }
            Err(error)
        }
    }
}

async fn compiled(
    config: &NodeConfig,
    release: &Arc<Release>,
    registered: &Registered,
) -> anyhow::Result<(Engine, AccessState, Snapshot)> {
    let access = config.source.access(&config.store, &config.environment, release).await?;
    let engine = Engine::new(config.engine(registered.node.id.clone()), &config.store)?;
    engine.activate_release(Arc::clone(&release.fabric), &release.id).map_err(|findings| as_error(&findings))?;
    let snapshot = compile(release, &access, &KeysOfIssuers::default(), &config.environment);
    Ok((engine, access, snapshot.map_err(|findings| as_error(&findings))?))
}

/// What was active in an environment before what is, the newest first, by what was activated there (the newest first). What was gone back
/// from is not among it.
fn earlier(environment: &EnvironmentName, history: &[DomainActivation]) -> Vec<Releases> {
    let here: Vec<&DomainActivation> = history.iter().filter(|it| &it.environment == environment).collect();
    let mut left: BTreeSet<(&DomainName, &str)> = BTreeSet::new();
    let mut known: BTreeSet<(&DomainName, &str)> = BTreeSet::new();
    for (place, it) in here.iter().enumerate() {
        let newer = here.iter().take(place).rev().find(|newer| newer.domain == it.domain);
        if known.insert((&it.domain, &it.release)) && newer.is_some_and(|newer| newer.is_rollback) {
            left.insert((&it.domain, &it.release));
        }
    }
    let mut states: Vec<Releases> = Vec::new();
    for newest in 0..here.len() {
        let mut state = Releases::new();
        for it in here.iter().skip(newest) {
            state.entry(it.domain.clone()).or_insert_with(|| it.release.clone());
        }
        let is_fit = state.iter().all(|(domain, release)| !left.contains(&(domain, release.as_str())));
        // The first is what is active.
        if newest == 0 || (is_fit && !states.contains(&state)) {
            states.push(state);
        }
        if states.len() > MOST_EARLIER {
            break;
        }
    }
    states.into_iter().skip(1).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// `environment domain release`, the newest first; `<` behind what was gone back to.
    fn history(lines: &[&str]) -> Vec<DomainActivation> {
        let line = |line: &&str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut word = || words.next().unwrap();
            DomainActivation {
                environment: word().parse().unwrap(),
                domain: word().parse().unwrap(),
                release: word(),
                since: Timestamp::UNIX_EPOCH,
                by: "p.moreau".to_owned(),
                because: "it is time".to_owned(),
                is_rollback: words.next().is_some(),
                ordinal: 1,
            }
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn what_was_active_before_is_found_newest_first() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let table: [(&[&str], &[&str]); 7] = [
            (&[], &[]),
            (&["prod a 1"], &[]),
            (&["test a 2", "prod a 1", "test a 1"], &[]),
            (&["prod a 3", "prod a 2", "prod b 1", "prod a 1"], &["a 2 b 1", "a 1 b 1", "a 1"]),
            // What was gone back from is not run again by itself, not even where it was active twice.
            (&["prod a 3", "prod a 1 <", "prod a 2", "prod a 1"], &["a 1"]),
            // Unless it was activated once more, and stayed.
            (&["prod a 3", "prod a 2", "prod a 1 <", "prod a 2", "prod a 1"], &["a 2", "a 1"]),
            // Gone back, and what was gone back to cannot be run.
            (&["prod a 2 <", "prod a 3", "prod a 2", "prod a 1"], &["a 1"]),
        ];
        for (activated, wanted) in table {
            let states = earlier(&prod, &history(activated));
            let told = |state: &Releases| {
                let parts = state.iter().map(|(domain, release)| format!("{domain} {release}"));
                parts.collect::<Vec<_>>().join(" ")
            };
            assert_eq!(states.iter().map(told).collect::<Vec<_>>(), wanted, "{activated:?}");
        }
        let many: Vec<String> = (0..20).rev().map(|number| format!("prod a {number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(earlier(&prod, &history(&many)).len(), MOST_EARLIER);
    }
}
