//! The installation that is soaked: two nodes, each on an embedded store of its own, of which one listens by TLS, a simulated Odoo, and the
//! two systems of the direct interfaces.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use super::system::System;
use crate::crash::client::Write;
use crate::crash::factory::{Factory, SECRETS};
use crate::daemon::Daemon;
use crate::load::{self, Speech, Target};
use crate::selvage::Node;

const MANIFESTS: &str = include_str!("../../fabrics/soak/fabric.yaml");
const CONTRACT: &str = include_str!("../../fabrics/soak/contracts/items.yaml");
const CONSUMER: &str = "planning";

/// A running installation.
pub(super) struct Stack {
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) key: String,
    node: Node,
    daemon: Daemon,
    secure: Secure,
    pub(super) factory: Arc<Factory>,
}

/// The node that listens by TLS.
struct Secure {
    address: SocketAddr,
    admin: SocketAddr,
    key: String,
    daemon: Daemon,
}

impl Secure {
    async fn start(directory: &Path, fabric: &Path, secrets: &str) -> Result<Self> {
        let [chain, key] = ["listener.pem", "listener.key"].map(|name| load::certificate(name).display().to_string());
        let node = Node::embedded("selvage-tls", fabric, &directory.join("data-tls"))?;
        let node = node.with(&["--secrets", secrets, "--tls-certificate", &chain, "--tls-key", &key]);
        let key = node.issue_key(CONSUMER)?;
        let daemon = node.start(directory).await?;
        Ok(Self { address: node.address, admin: node.admin, key, daemon })
    }
}

impl Stack {
    /// Starts it in a directory of its own.
    pub(super) async fn start(directory: &Path, plant: &System, shaky: &System) -> Result<Self> {
        let factory = Factory::start(directory).await?;
        let fabric = directory.join("fabric");
        std::fs::create_dir_all(fabric.join("contracts"))?;
        std::fs::write(fabric.join("contracts/items.yaml"), CONTRACT)?;
        let manifests = MANIFESTS
            .replace("ODOO", &factory.odoo.to_string())
            .replace("PLANT", &plant.address.to_string())
            .replace("SHAKY", &shaky.address.to_string());
        std::fs::write(fabric.join("fabric.yaml"), manifests)?;
        let secrets = directory.join("secrets");
        std::fs::write(&secrets, SECRETS)?;
        let node = Node::embedded("selvage", &fabric, &directory.join("data"))?;
        let secrets = secrets.display().to_string();
        let node = node.with(&["--secrets", &secrets]);
        let key = node.issue_key(CONSUMER)?;
        let daemon = node.start(directory).await?;
        let secure = Secure::start(directory, &fabric, &secrets).await?;
        let (address, admin, factory) = (node.address, node.admin, Arc::new(factory));
        Ok(Self { address, admin, key, node, daemon, secure, factory })
    }

    /// The nodes' processes.
    pub(super) fn pids(&self) -> [u32; 2] {
        [self.daemon.pid(), self.secure.daemon.pid()]
    }

    /// Where the nodes tell how they are.
    pub(super) fn admins(&self) -> [SocketAddr; 2] {
        [self.admin, self.secure.admin]
    }

    /// Whom to ask for items.
    pub(super) fn target(&self, path: &str) -> Target {
        Target { address: self.address, path: path.to_owned(), keys: self.key.as_str().into(), speech: Speech::Http1 }
    }

    /// The same at the node that listens by TLS.
    pub(super) fn secure_target(&self, path: &str) -> Target {
        Target { address: self.secure.address, keys: self.secure.key.as_str().into(), ..self.target(path) }
    }

    /// Where to write to; path, key and body are to be filled in.
    pub(super) fn writer(&self) -> Write {
        Write {
            gateways: vec![self.address],
            credential: self.key.clone(),
            path: String::new(),
            key: String::new(),
            body: Value::Null,
        }
    }

    /// Whether any write has no end: 1 or 0.
    pub(super) fn unfinished(&self) -> Result<f64> {
        let unresolved = self.node.unresolved()?;
        if let Some(listed) = &unresolved {
            eprintln!("writes without an end:\n{listed}");
        }
        Ok(f64::from(u8::from(unresolved.is_some())))
    }
}
