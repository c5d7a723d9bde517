//! What each step of `cargo xtask test` runs. Each one runs a program and judges it by its exit status.
//! Never repairs anything by itself.

use anyhow::{Result, bail};
use tokio::process::Command;

use super::{Options, Step, peers, tools};
use crate::services::nats::Nats;
use crate::services::postgres::Postgres;
use crate::services::{
    NATS_MONITORING_VARIABLE, NATS_SERVER_VARIABLE, NATS_VARIABLE, NPM_VARIABLE, POSTGRES_VARIABLE, PROVIDER_VARIABLE,
    PYTHON_VARIABLE, REDOCLY_VARIABLE,
};
use crate::{graph, process};

pub(super) async fn run(step: Step, options: &Options) -> Result<()> {
    match step {
        Step::Fmt => pass(cargo(&["fmt", "--all", "--check"])).await,
        Step::Graph => graph::check(),
        Step::Deny => deny().await,
        Step::Machete => machete().await,
        Step::Clippy => clippy().await,
        Step::Doc => doc().await,
        Step::Tests => tests(options).await,
        Step::Deep => deep().await,
    }
}

/// Tests of what is random, and how often they try where the whole is to be shown.
const DEEP: &str = "test(what_is_safe_for)";
const DEEP_INSTANCES: (&str, &str) = ("SELVAGE_TEST_COMPARED_INSTANCES", "100000");

/// Runs what is random as often as its promises say; it needs no services.
async fn deep() -> Result<()> {
    let mut nextest = Command::new(tools::NEXTEST.path().await?);
    nextest.args(["nextest", "run", "--profile", "deep", "-p", "selvage-governance", "--filterset", DEEP]);
    nextest.env(DEEP_INSTANCES.0, DEEP_INSTANCES.1);
    pass(nextest).await
}

async fn clippy() -> Result<()> {
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    clippy.args(["--", "-D", "warnings"]);
    pass(clippy).await
}

async fn doc() -> Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    pass(doc).await
}

async fn deny() -> Result<()> {
    let mut deny = Command::new(tools::DENY.path().await?);
    deny.args(["--log-level", "error", "--all-features"]);
    deny.args(["check", "bans", "licenses", "sources"]);
    pass(deny).await
}

async fn machete() -> Result<()> {
    let mut machete = Command::new(tools::MACHETE.path().await?);
    machete.args(["--skip-target-dir", "."]);
    pass(machete).await
}

/// Runs nextest with the services up; they end with this function, however it ends.
async fn tests(options: &Options) -> Result<()> {
    let mut nextest = Command::new(tools::NEXTEST.path().await?);
    nextest.args(["nextest", "run"]);
    let postgres = Postgres::start().await?;
    let names_packages = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !options.nextest.iter().any(names_packages) {
        nextest.arg("--workspace");
    }
    nextest.env(POSTGRES_VARIABLE, postgres.url("postgres"));
    let nats = Nats::start("always").await?;
    nextest.env(NATS_VARIABLE, nats.url());
    nextest.env(NATS_MONITORING_VARIABLE, nats.monitoring());
    nextest.env(NATS_SERVER_VARIABLE, peers::nats_server().await?);
    nextest.env(PROVIDER_VARIABLE, tools::oidc_provider().await?);
    nextest.env(PYTHON_VARIABLE, peers::python().await?);
    nextest.env(REDOCLY_VARIABLE, peers::redocly().await?);
    nextest.env(NPM_VARIABLE, peers::npm().await?);
    if let Some(expression) = &options.filter {
        nextest.args(["--filterset", expression]);
    }
    nextest.args(&options.nextest);
    pass(nextest).await
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    cargo
}

async fn pass(mut command: Command) -> Result<()> {
    let status = process::status(command.current_dir(process::workspace())).await?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    Ok(())
}
