//! Whether the systems that are spoken to by plain HTTP can be reached: a connection is opened now and then, and closed.
//! Nothing is sent, and nothing on the data path waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::Connector;
use selvage_model::name::{EnvironmentName, SystemName};
use selvage_model::overview::Health;
use tokio::net::TcpStream;

use super::release::Current;

/// How often each system is tried.
const EVERY: Duration = Duration::from_secs(15);
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was last found.
#[derive(Clone, Default)]
pub(crate) struct Reachability {
    found: Arc<Mutex<BTreeMap<SystemName, Health>>>,
}

impl Reachability {
    /// What was last found of each system.
    pub(crate) fn health(&self) -> Vec<(SystemName, Health)> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().map(|(name, health)| (name.clone(), health.clone())).collect()
    }

    /// Tries the systems of whatever release is active, for as long as the node runs.
    pub(crate) async fn follow(self, current: Arc<Current>, environment: EnvironmentName) {
        loop {
            let mut found = BTreeMap::new();
            for (name, address) in addresses(&current.active().release.fabric, &environment) {
                found.insert(name, try_address(&address).await);
            }
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
            tokio::time::sleep(EVERY).await;
        }
    }
}

fn addresses(fabric: &Fabric, environment: &EnvironmentName) -> Vec<(SystemName, String)> {
    let systems = fabric.systems.values().filter(|system| system.connector == Connector::Http);
    let address = |url: &str| {
        let url = Url::parse(url).ok()?;
        Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
    };
    systems
        .filter_map(|system| {
            let url = system.environment(environment)?.url.as_ref()?;
            Some((system.name.clone(), address(&url.value)?))
        })
        .collect()
}

async fn try_address(address: &str) -> Health {
    match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Health::Up("reachable".to_owned()),
        Ok(Err(error)) => Health::Down(error.to_string()),
        Err(_) => Health::Down(format!("no connection within {PATIENCE:?}")),
    }
}
