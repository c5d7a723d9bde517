//! What was active at a time, as it was released: read again from the store, whatever has been released since. It runs nowhere; a
//! past decision is looked at by it.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use selvage_control::desk::{self, Releases};
use selvage_model::code;
use selvage_model::name::EnvironmentName;
use selvage_store::{ActiveThen, Store};

use super::source::told;
use super::{Release, declared};
use crate::directory;

/// What was active in an environment at a time.
///
/// # Errors
/// When nothing was, or a release is not what was signed.
pub(crate) async fn at(store: &Store, environment: &EnvironmentName, time: Timestamp) -> anyhow::Result<Release> {
    let active = store.active_at(environment, time).await?;
    let newest = active.last().with_context(|| {
        let code = code::PAST_UNKNOWN;
        format!("{code}: no release was active in `{environment}` at {time:.0}, by what this store knows")
    })?;
    // Whatever was activated last says which of the two the environment ran by.
    let (id, parts, files) = match newest.domain {
        None => (Some(newest.release.clone()), Releases::new(), of_directory(store, &newest.release).await?),
        Some(_) => {
            let parts = of_domains(active);
            let files = desk::files_of(store, &parts, None).await.map_err(told)?;
            (None, parts, files)
        }
    };
    // What has ended or is newly judged since says nothing about what ran then.
    let checked = tokio::task::spawn_blocking(move || directory::read_unchecked(&files)).await?;
    declared(&checked.fabric, environment)?;
    let id = id.unwrap_or(checked.release);
    Ok(Release::new(id, checked.fabric, serde_json::Value::Null, parts))
}

async fn of_directory(store: &Store, id: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let release = store.release(id).await?.with_context(|| format!("the store does not have {id} any more"))?;
    serde_json::from_value(release.content).with_context(|| format!("{id} holds something else than files"))
}

fn of_domains(active: Vec<ActiveThen>) -> Releases {
    active.into_iter().filter_map(|it| Some((it.domain?, it.release))).collect()
}
