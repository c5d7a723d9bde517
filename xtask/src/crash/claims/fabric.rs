//! The fabric of the claims run: production orders of one simulated Odoo, with limits short enough that an outcome
//! nobody knows is looked up within seconds. Objects and mappings are the pack that ships.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::crash::factory::SECRETS;

const MANIFESTS: &str = include_str!("../../../fabrics/claims/fabric.yaml");

/// Who creates.
pub(super) const CONSUMER: &str = "planning";
/// What is to be produced.
pub(super) const PRODUCT: &str = "BIK-1";

/// Writes the fabric and its secrets; says where they are.
pub(super) fn write(directory: &Path, odoo: SocketAddr) -> Result<(PathBuf, PathBuf)> {
    let fabric = directory.join("fabric");
    std::fs::create_dir_all(&fabric)?;
    let manifests = MANIFESTS.replace("ODOO", &odoo.to_string());
    std::fs::write(fabric.join("fabric.yaml"), manifests)?;
    let secrets = directory.join("secrets");
    std::fs::write(&secrets, SECRETS)?;
    Ok((fabric, secrets))
}
