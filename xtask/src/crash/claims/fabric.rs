//! The fabric of the claims run: production orders of one simulated Odoo, with limits short enough that an outcome
//! nobody knows is looked up within seconds. Objects and mappings are those that ship.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::crash::factory::SECRETS;
use crate::process;

const MANIFESTS: &str = include_str!("../../../fabrics/claims/fabric.yaml");

/// Who creates.
pub(super) const CONSUMER: &str = "planning";
/// What is to be produced.
pub(super) const PRODUCT: &str = "BIK-1";

/// Writes the fabric and its secrets; says where they are.
pub(super) fn write(directory: &Path, odoo: SocketAddr) -> Result<(PathBuf, PathBuf)> {
    let fabric = directory.join("fabric");
    let pack = process::workspace().join("packs/odoo");
    copy(&pack, &fabric.join("odoo")).with_context(|| format!("cannot copy {}", pack.display()))?;
    let manifests = MANIFESTS.replace("ODOO", &odoo.to_string());
    std::fs::write(fabric.join("fabric.yaml"), manifests)?;
    let secrets = directory.join("secrets");
    std::fs::write(&secrets, SECRETS)?;
    Ok((fabric, secrets))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
