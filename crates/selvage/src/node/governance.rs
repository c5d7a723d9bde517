//! What the control API of this node stands on: the desk of changes over its store, its signing key, and the waiting for nodes.

use std::sync::Arc;

use selvage_control::Governance;
use selvage_control::desk::{Desk, Seal};
use selvage_log::EventLog;
use selvage_store::Store;
use serde_json::json;

use crate::command::acknowledged;
use crate::looking::Looking;

/// What signs releases, and what signs the ledger and evidence, where this node does that.
type Seals = (Option<Arc<Seal>>, Option<Arc<Seal>>);

/// The desk over this store.
pub(super) fn governance(store: &Store, log: Arc<dyn EventLog>, (seal, ledger_seal): Seals) -> Governance {
    let nodes = store.clone();
    Governance {
        desk: Desk::new(store.clone(), Arc::new(Looking)),
        seal,
        ledger_seal,
        store: store.clone(),
        log,
        acknowledge: Arc::new(move |since, environment| {
            let nodes = nodes.clone();
            Box::pin(async move {
                match acknowledged::wait_until(&nodes, since, environment.as_ref()).await {
                    Ok(acknowledged) => acknowledged.nodes(),
                    Err(error) => {
                        tracing::warn!("it is not known which nodes run what was activated: {error:#}");
                        json!(null)
                    }
                }
            })
        }),
    }
}
