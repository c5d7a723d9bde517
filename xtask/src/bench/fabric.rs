//! The fabric of the gateway benchmark: one direct interface, one consumer, one grant that bounds the rate far above
//! what the machine can do, so that every check runs and none refuses.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::daemon::Daemon;
use crate::selvage;

const MANIFESTS: &str = include_str!("../../fabrics/gateway/fabric.yaml");
const CONTRACT: &str = include_str!("../../fabrics/gateway/contracts/items.yaml");

/// Writes the fabric with more of the interface's fields into a directory, and says where.
pub(super) fn write(name: &str, upstream: SocketAddr, directory: &Path, more: &str) -> Result<PathBuf> {
    let fabric = directory.join(format!("{name}-fabric"));
    std::fs::create_dir_all(fabric.join("contracts"))?;
    std::fs::write(fabric.join("contracts/items.yaml"), CONTRACT)?;
    let manifests = MANIFESTS.replace("UPSTREAM", &upstream.to_string());
    let interface = "name: bench\ntype: api\n";
    std::fs::write(fabric.join("fabric.yaml"), manifests.replace(interface, &format!("{interface}{more}")))?;
    Ok(fabric)
}

/// Starts Selvage before the upstream; says where it listens and with which key.
pub(super) async fn start(
    name: &str,
    upstream: SocketAddr,
    directory: &Path,
    more: &[&str],
) -> Result<(Daemon, SocketAddr, String)> {
    let fabric = write(name, upstream, directory, "")?;
    let node = selvage::Node::embedded(name, &fabric, &directory.join(format!("{name}-data")))?.with(more);
    let key = node.issue_key("bench-client")?;
    let daemon = node.start(directory).await?;
    Ok((daemon, node.address, key))
}
