//! Release builds for what is measured: this task itself, and the programs it starts.
//! Never measures an unoptimised build.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::process;

/// Builds the packages for release. Where this task runs unoptimised, it becomes its own release build.
pub(crate) async fn required(packages: &[&str]) -> Result<()> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let mut build = Command::new("cargo");
    build.args(["build", "--release"]).current_dir(process::workspace());
    for package in packages {
        build.args(["--package", package]);
    }
    eprintln!("building {} for release …", packages.join(" and "));
    let status = process::status(&mut build).await?;
    ensure!(status.success(), "the release build failed");
    let error = std::process::Command::new(process::target_directory().join("release/xtask"))
        .args(std::env::args_os().skip(1))
        .exec();
    Err(error.into())
}

/// Builds a package as this task itself was built, where how fast it is does not matter.
pub(crate) async fn alike(package: &str) -> Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--package", package]).current_dir(process::workspace());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = process::status(&mut build).await?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// Where the build of a program is that is like this task's own: for release, once [`required`] has returned.
pub(crate) fn program(name: &str) -> PathBuf {
    let kind = if cfg!(debug_assertions) { "debug" } else { "release" };
    process::target_directory().join(kind).join(name)
}
