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
    let error = std::process::Command::new(program("xtask")).args(std::env::args_os().skip(1)).exec();
    Err(error.into())
}

/// Where the release build of a program is.
pub(crate) fn program(name: &str) -> PathBuf {
    process::target_directory().join("release").join(name)
}
