//! Which subscriptions are this node's: each prefers one of the nodes that live.

use selvage_delivery::preferred;
use selvage_model::name::EnvironmentName;
use selvage_store::{Store, StoreError};

/// This node among those that share deliveries.
#[derive(Clone)]
pub(super) struct Share {
    pub(super) store: Store,
    pub(super) environment: EnvironmentName,
    pub(super) node: String,
}

impl Share {
    /// The nodes that share deliveries: those of this environment that have given a sign of life, and this one.
    pub(super) async fn nodes(&self) -> Result<Vec<String>, StoreError> {
        let (now, nodes) = self.store.nodes().await?;
        let here = nodes.into_iter().filter(|it| it.environment == self.environment.as_str() && it.lease_until > now);
        let mut ids: Vec<String> = here.map(|node| node.id).collect();
        if !ids.contains(&self.node) {
            ids.push(self.node.clone());
        }
        Ok(ids)
    }

    /// Whether a subscription prefers this one of these nodes.
    pub(super) fn is_mine(&self, subscription: &str, nodes: &[String]) -> bool {
        preferred(subscription, nodes.iter().map(String::as_str)) == Some(self.node.as_str())
    }
}
