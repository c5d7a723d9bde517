//! The fabric that is active in an environment, from the store: what commands about access judge by. Never a directory of whoever
//! asks, which could name anybody an owner; and, as leases count in every environment of a store, never one that takes what nobody
//! approved where there is one that does not.

use std::sync::Arc;

use clap::Args;
use selvage_control::desk::{Desk, Judging, counting};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::EnvironmentName;
use selvage_store::Store;

use super::StoreChoice;
use crate::looking::Looking;
use crate::node::release::told;

/// Which store, and which environment's fabric.
#[derive(Args, Clone)]
pub(crate) struct ActiveChoice {
    /// The environment whose release is judged by; where one alone can be, that one.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
    #[command(flatten)]
    store: StoreChoice,
}

impl ActiveChoice {
    /// The store, and what is active in the environment by which access is judged.
    pub(crate) async fn open(&self) -> anyhow::Result<(Store, Fabric)> {
        let store = self.store.existing().await?;
        let fabric = choose(every(&store).await?, self.env.as_ref())?;
        Ok((store, fabric))
    }

    /// The store, and what is active in every environment.
    pub(crate) async fn every(&self) -> anyhow::Result<(Store, Vec<Judging>)> {
        let store = self.store.existing().await?;
        let every = every(&store).await?;
        Ok((store, every))
    }
}

/// What is active in every environment.
pub(crate) async fn every(store: &Store) -> anyhow::Result<Vec<Judging>> {
    desk_over(store).active_everywhere().await.map_err(told)
}

fn choose(every: Vec<Judging>, asked: Option<&EnvironmentName>) -> anyhow::Result<Fabric> {
    let is_there = asked.is_none_or(|asked| every.iter().any(|it| &it.environment == asked)) && !every.is_empty();
    let where_ = asked.map_or_else(|| "any environment".to_owned(), |asked| format!("`{asked}`"));
    anyhow::ensure!(is_there, "{}: nothing is active in {where_} of this store", code::NOTHING_ACTIVE);
    let mut counting = counting(every);
    let names = counting.iter().map(|it| it.environment.to_string()).collect::<Vec<_>>().join(", ");
    if let Some(asked) = asked {
        counting.retain(|it| &it.environment == asked);
    }
    let unclear = code::JUDGE_UNCLEAR;
    match (counting.pop(), counting.is_empty(), asked) {
        (Some(one), true, _) => Ok(Arc::unwrap_or_clone(one.fabric)),
        (None, _, Some(asked)) => anyhow::bail!(
            "{unclear}: a grant counts in every environment, and `{asked}` takes what nobody approved: judge by {names}"
        ),
        _ => anyhow::bail!("{unclear}: several environments are active: say with `--env` which is judged by: {names}"),
    }
}

/// The desk over this store.
pub(crate) fn desk_over(store: &Store) -> Desk {
    Desk::new(store.clone(), Arc::new(Looking))
}

/// What is active in an environment, read again as it was recorded.
pub(crate) async fn fabric(store: &Store, environment: &EnvironmentName) -> anyhow::Result<Fabric> {
    desk_over(store).active_fabric(environment).await.map_err(told)
}

#[cfg(test)]
mod tests {
    use selvage_control::desk::Files;

    use super::*;
    use crate::directory;

    #[test]
    fn access_is_judged_by_what_is_protected_and_by_one_that_is_named() {
        let every = |environments: &[(&str, bool)]| -> Vec<Judging> {
            let judging = environments.iter().map(|(name, protected)| {
                let text =
                    format!("kind: Fabric\nname: of-{name}\nenvironments: {{{name}: {{protected: {protected}}}}}\n");
                let fabric = directory::read_files(&Files::from([("fabric.yaml".to_owned(), text)]));
                Judging { environment: name.parse().unwrap(), fabric: Arc::new(fabric) }
            });
            judging.collect()
        };
        let (dev, test, prod, usa) = (("dev", false), ("test", false), ("prod", true), ("usa", true));
        for (active, asked, expected) in [
            (&[][..], None, "FAB7059"),
            (&[dev][..], None, "of-dev"),
            (&[dev][..], Some("test"), "FAB7059"),
            (&[dev, test][..], None, "FAB8071"),
            (&[dev, test][..], Some("test"), "of-test"),
            (&[dev, prod][..], None, "of-prod"),
            (&[dev, prod][..], Some("prod"), "of-prod"),
            (&[dev, prod][..], Some("dev"), "FAB8071"),
            (&[dev, prod, usa][..], None, "FAB8071"),
            (&[dev, prod, usa][..], Some("usa"), "of-usa"),
            (&[prod][..], Some("usa"), "FAB7059"),
        ] {
            let asked: Option<EnvironmentName> = asked.map(|asked| asked.parse().unwrap());
            let chosen = match choose(every(active), asked.as_ref()) {
                Ok(fabric) => fabric.settings.unwrap().name.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(chosen.starts_with(expected), "{active:?} {asked:?}: {chosen}");
        }
    }
}
