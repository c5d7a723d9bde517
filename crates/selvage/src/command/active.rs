//! The fabric that is active in an environment, from the store: what commands about access judge by. Never a directory of whoever
//! asks, which could name anybody an owner.

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use selvage_control::desk::{self, Desk};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::EnvironmentName;
use selvage_store::Store;

use super::StoreChoice;
use crate::directory;
use crate::looking::Looking;
use crate::node::release::told;

/// Which store, and which environment's fabric.
#[derive(Args, Clone)]
pub(crate) struct ActiveChoice {
    /// The environment whose release is judged by.
    #[arg(long, value_name = "NAME", default_value = "dev")]
    env: EnvironmentName,
    #[command(flatten)]
    store: StoreChoice,
}

impl ActiveChoice {
    /// The store, and what is active in the environment.
    pub(crate) async fn open(&self) -> anyhow::Result<(Store, Fabric)> {
        let store = self.store.existing().await?;
        let fabric = fabric(&store, &self.env).await?;
        Ok((store, fabric))
    }
}

/// The desk over this store.
pub(crate) fn desk_over(store: &Store) -> Desk {
    Desk::new(store.clone(), Arc::new(Looking))
}

/// What is active in an environment, read again as it was recorded: the releases of its domains together, each as it was signed, or a
/// directory that was served whole.
pub(crate) async fn fabric(store: &Store, environment: &EnvironmentName) -> anyhow::Result<Fabric> {
    let releases = desk::active_in(store, environment).await.map_err(told)?;
    if !releases.is_empty() {
        return Ok(directory::read_files(&desk::files_of(store, &releases, None).await.map_err(told)?));
    }
    let none = || format!("{}: nothing is active in `{environment}` of this store", code::NOTHING_ACTIVE);
    let active = store.active(environment).await?.with_context(none)?;
    let release = store.release(&active.release).await?.with_context(none)?;
    let files = release.content.as_object().into_iter().flatten();
    let files = files.map(|(path, text)| (path.clone(), text.as_str().unwrap_or_default().to_owned()));
    Ok(directory::read_files(&files.collect()))
}
