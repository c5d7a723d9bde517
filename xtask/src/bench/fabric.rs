//! The fabrics of the gateway benchmark. The plain one is a direct interface, a consumer and a grant that bounds the rate far above
//! what the machine can do; the full one has every stage on, checks messages against their contract, and holds thousands of other
//! interfaces. No limit of theirs ever refuses.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::daemon::Daemon;
use crate::selvage;

const MANIFESTS: &str = include_str!("../../fabrics/gateway/fabric.yaml");
const CONTRACT: &str = include_str!("../../fabrics/gateway/contracts/items.yaml");

const FULL: &str = include_str!("../../fabrics/gateway/full.yaml");
const FULL_CONTRACT: &str = include_str!("../../fabrics/gateway/contracts/full.yaml");
/// Interfaces in a file.
const IN_A_FILE: usize = 250;

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

/// Writes the full fabric with so many other interfaces into a directory, and says where.
pub(super) fn write_full(name: &str, upstream: SocketAddr, directory: &Path, others: usize) -> Result<PathBuf> {
    let fabric = directory.join(format!("{name}-fabric"));
    for made in ["contracts", "interfaces"] {
        std::fs::create_dir_all(fabric.join(made))?;
    }
    std::fs::write(fabric.join("contracts/items.yaml"), CONTRACT)?;
    std::fs::write(fabric.join("contracts/full.yaml"), FULL_CONTRACT)?;
    std::fs::write(fabric.join("fabric.yaml"), FULL.replace("UPSTREAM", &upstream.to_string()))?;
    for (file, text) in others_of(others)?.iter().enumerate() {
        std::fs::write(fabric.join(format!("interfaces/{file}.yaml")), text)?;
    }
    Ok(fabric)
}

/// The manifests of so many other interfaces, `item-0` and on, each with a grant; some hundred to a file.
pub(super) fn others_of(count: usize) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for first in (0..count).step_by(IN_A_FILE) {
        let mut text = String::new();
        for number in first..(first + IN_A_FILE).min(count) {
            writeln!(
                text,
                "---\nkind: Interface\nname: item-{number}\ntype: api\nversion: 1.0\nowner: bench-team\n\
                 lifecycle: active\ncontrol: direct\nbecause: The gateway alone is measured.\n\
                 classification: {{criticality: tier-2, latency: real-time, data: internal}}\n\
                 contract: {{openapi: contracts/items.yaml}}\nupstream: {{system: item-service, path: /api}}\n\
                 limits: {{rate: 1000000/s, timeout: 5s, concurrency: 1000}}\n\
                 slo: [{{availability: 99.9%, window: 30d}}]\n\
                 ---\nkind: Grant\nconsumer: bench-client\ninterface: item-{number}@1\noperations: [get-item]\n\
                 purpose: Measures what the gateway costs\nuntil: 2099-01-01T00:00:00Z\nlimits: {{rate: 1000000/s}}"
            )?;
        }
        files.push(text);
    }
    Ok(files)
}

/// Starts Selvage with a fabric; says where it listens and with which key.
pub(super) async fn start(
    name: &str,
    fabric: &Path,
    directory: &Path,
    more: &[&str],
) -> Result<(Daemon, SocketAddr, String)> {
    start_for("bench-client", name, fabric, directory, more).await
}

/// The same with the key of this consumer.
pub(super) async fn start_for(
    consumer: &str,
    name: &str,
    fabric: &Path,
    directory: &Path,
    more: &[&str],
) -> Result<(Daemon, SocketAddr, String)> {
    let node = selvage::Node::embedded(name, fabric, &directory.join(format!("{name}-data")))?.with(more);
    let key = node.issue_key(consumer)?;
    let daemon = node.start(directory).await?;
    Ok((daemon, node.address, key))
}
