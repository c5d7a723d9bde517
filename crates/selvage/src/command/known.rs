//! Whether anybody knows a name that is to be cut off or let in. A mistyped one would be blocked, with success, while the one that was
//! meant goes on. It never stands in the way of a block longer than it takes to say `--anyway`.

use std::sync::Arc;

use selvage_governance::access::{Unknown, unknown};
use selvage_model::access::{AccessState, Blocked, Principal};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_store::Store;

use super::active;
use super::change::desk;
use crate::node::release::told;

/// Refuses a name that has neither key nor grant, and that nothing declares which is active or was released last. Where nothing is,
/// anything goes.
pub(super) async fn must_be_known(store: &Store, what: &Blocked) -> anyhow::Result<()> {
    if has_something(&store.access_state().await?, what) {
        return Ok(());
    }
    match declared(store).await {
        Ok(fabrics) => match unknown(&fabrics, what) {
            None => Ok(()),
            Some(Unknown { says, fix }) => {
                let code = code::NAME_UNDECLARED;
                anyhow::bail!("{code}: {says}: {fix} Say `--anyway` where it is not declared yet")
            }
        },
        // What stands in the way of reading must not stand in the way of cutting off.
        Err(error) => {
            eprintln!("selvage: whether anything declares it is not known: {error:#}");
            Ok(())
        }
    }
}

fn has_something(state: &AccessState, what: &Blocked) -> bool {
    match what {
        Blocked::Consumer(name) => {
            let own = Principal::Consumer(name.clone());
            state.credentials.iter().any(|key| key.principal == own)
                || state.grants.iter().any(|it| &it.consumer == name)
        }
        Blocked::Interface(interface) => state.grants.iter().any(|it| &it.interface == interface),
    }
}

async fn declared(store: &Store) -> anyhow::Result<Vec<Fabric>> {
    let mut fabrics: Vec<Fabric> =
        active::every(store).await?.into_iter().map(|it| Arc::unwrap_or_clone(it.fabric)).collect();
    fabrics.push((*desk(store.clone()).released().await.map_err(told)?).clone());
    Ok(fabrics)
}
