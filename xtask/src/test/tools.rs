//! The cargo tools that the steps need: one on PATH, one installed before, or one installed now beside the build.
//! Never installs into the developer's own cargo directory.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::process;

pub(super) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };
pub(super) const NEXTEST: Tool = Tool { name: "cargo-nextest", version: "0.9.143" };
pub(super) const MACHETE: Tool = Tool { name: "cargo-machete", version: "0.9.2" };

/// A tool of crates.io, and the version that is installed where there is none.
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// Where the tool is; installs it first when it is nowhere.
    pub(super) async fn path(&self) -> Result<PathBuf> {
        if let Some(found) = process::find(self.name) {
            return Ok(found);
        }
        let root = root();
        let path = root.join("bin").join(self.name);
        if path.is_file() {
            return Ok(path);
        }
        eprintln!("      installing {} {} …", self.name, self.version);
        let mut install = Command::new("cargo");
        // Unoptimised: it builds in a third of the time, and checks this workspace in seconds.
        install
            .args(["install", "--locked", "--quiet", "--debug"])
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args([self.name, "--version", self.version, "--root"])
            .arg(&root)
            .env("CARGO_TARGET_DIR", root.join("build"));
        if !process::status(&mut install).await?.success() {
            bail!("`{}` could not be installed; install it with: cargo install --locked {}", self.name, self.name);
        }
        let _ = std::fs::remove_dir_all(root.join("build"));
        Ok(path)
    }
}

/// The directory that holds an OpenID provider of npm's, beside `node_modules`; installs it first where it is missing.
pub(crate) async fn oidc_provider() -> Result<PathBuf> {
    const PROVIDER: &str = "oidc-provider@9.13.3";
    let root = root().join("oidc-provider");
    if root.join("node_modules/oidc-provider/package.json").is_file() {
        return Ok(root);
    }
    eprintln!("      installing {PROVIDER} …");
    std::fs::create_dir_all(&root)?;
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&root)
        .arg(PROVIDER);
    if !process::status(&mut install).await.is_ok_and(|status| status.success()) {
        bail!("`{PROVIDER}` could not be installed; on Debian, npm is had with: sudo apt-get install nodejs npm");
    }
    Ok(root)
}

/// `$SELVAGE_CI_CACHE/tools` where CI keeps a cache, otherwise `tools` in the target directory.
pub(super) fn root() -> PathBuf {
    match std::env::var_os("SELVAGE_CI_CACHE") {
        Some(cache) => PathBuf::from(cache).join("tools"),
        None => process::target_directory().join("tools"),
    }
}
