//! What the control API of this node stands on: the desk of changes over its store, its signing key, and the waiting for nodes.

use std::sync::Arc;

use selvage_control::Governance;
use selvage_control::desk::{Desk, kept_checkpoint};
use selvage_log::EventLog;
use selvage_store::Store;
use serde_json::json;

use super::NodeConfig;
use crate::command::acknowledged;
use crate::looking::Looking;

/// The desk over this store.
pub(super) fn governance(store: &Store, log: Arc<dyn EventLog>, config: &NodeConfig) -> Governance {
    let nodes = store.clone();
    let apart = config.marks.as_deref().map(kept_checkpoint::beside);
    Governance {
        desk: Desk::new(store.clone(), Arc::new(Looking)).vouched_by(apart).in_environment(config.environment.clone()),
        seal: config.seal.clone(),
        ledger_seal: config.ledger_seal.clone(),
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
