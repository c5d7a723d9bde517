//! The fabric of the verbs run: what can be done to one simulated Odoo, with limits short enough that an outcome nobody
//! knows is looked up within seconds. Objects and mappings are the pack that ships.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::crash::factory::SECRETS;

const MANIFESTS: &str = include_str!("../../../fabrics/verbs/fabric.yaml");

/// Who does it.
pub(super) const CONSUMER: &str = "planning";

/// Writes the fabric and its secrets; says where they are.
pub(super) fn write(directory: &Path, odoo: SocketAddr) -> Result<(PathBuf, PathBuf)> {
    let fabric = directory.join("fabric");
    std::fs::create_dir_all(&fabric)?;
    std::fs::write(fabric.join("fabric.yaml"), MANIFESTS.replace("ODOO", &odoo.to_string()))?;
    let secrets = directory.join("secrets");
    std::fs::write(&secrets, SECRETS)?;
    Ok((fabric, secrets))
}
