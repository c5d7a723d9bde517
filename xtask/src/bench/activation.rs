//! Activation: two releases of many interfaces on three nodes under load, on one PostgreSQL. One is activated and gone back from, again
//! and again: how long until the last node runs it, and that no request fails meanwhile.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use super::figures::{Figure, Promise, report};
use super::{fabric, upstream};
use crate::daemon::Daemon;
use crate::load::{self, Speech, Target};
use crate::selvage::Node;
use crate::services::postgres::Postgres;
use crate::{http, release};

const NODES: usize = 3;
/// How many interfaces each of the two releases has.
const INTERFACES: usize = 10_000;
/// Connections to each node while something is activated, each asking again as soon as it is answered.
const CONNECTIONS: usize = 2;
/// How long the load goes on around an activation, and how long nodes have to make a release ready before it is activated.
const AROUND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(120);
const DOMAIN: &str = "plant";
const BOARD: &str = "---\nkind: Domain\nname: group\nboard: {architecture: [a.lead, b.lead], quorum: 1}\n";

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer interfaces and rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// What came of one activation.
struct Round {
    /// From when it was active in the store until the last node ran it.
    activated: Duration,
    /// How long the command took, with everything that it looks at before.
    returned: Duration,
    /// How many nodes failed a request.
    failed: u32,
    /// How many nodes had not answered when their leases ran out.
    ran_out: u32,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    report("activation", &figures(options.quick).await?)
}

/// What is measured, with its promises.
pub(super) async fn figures(quick: bool) -> Result<Vec<Figure>> {
    release::required(&["selvage", "xtask"]).await?;
    let (interfaces, rounds) = if quick { (1_000, 4) } else { (INTERFACES, 10) };
    let directory = TempDir::with_prefix("selvage-bench-activation-")?;
    let postgres = Postgres::start().await?;
    postgres.create_database("activation")?;
    let (_upstream, address) = upstream::start(directory.path()).await?;
    let manifests = write(interfaces, address, directory.path())?;
    let url = postgres.url("activation");
    let desk = Node::of_releases("node-0", &url)?;
    let signing = directory.path().join("release.key");
    for domain in ["group", DOMAIN] {
        activate(&desk, &make(&desk, &manifests, domain, &signing)?)?;
    }
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let node = Node::of_releases(&format!("node-{number}"), &url)?;
        let daemon = node.start(directory.path()).await?;
        nodes.push((node, daemon));
    }
    let key = desk.issue_key("bench-client")?;
    for (node, _) in &nodes {
        until(node, &key, &path(0), &|status| status == 200).await?;
    }
    write_plant(&manifests, interfaces, 1)?;
    let second = make(&desk, &manifests, DOMAIN, &signing)?;
    // Nodes make ready what was released, as they do between a release and its activation.
    tokio::time::sleep(if quick { 4 } else { 15 } * AROUND).await;
    let mut measured = Vec::new();
    for number in 0..rounds {
        let is_forward = number % 2 == 0;
        let round =
            under_load(&nodes, &key, || if is_forward { activate(&desk, &second) } else { go_back(&desk) }).await?;
        let (activated, returned) = (round.activated.as_millis(), round.returned.as_millis());
        eprintln!("every node ran it after {activated} ms, the command returned after {returned} ms");
        for (node, _) in &nodes {
            // A grant that ended by going back is not revived: it is served, and refused to who has no other.
            until(node, &key, &path(1), &|status| (status == 404) != is_forward).await?;
        }
        measured.push(round);
    }
    let worst = |of: fn(&Round) -> Duration| measured.iter().map(of).max().unwrap_or_default().as_secs_f64() * 1e3;
    // Each connection ends with the first request that fails: it is counted, and told.
    let failed: u32 = measured.iter().map(|round| round.failed).sum();
    // A node whose lease ran out no longer serves what may not be served unheard: later than it should, and no failure of a request.
    let ran_out: u32 = measured.iter().map(|round| round.ran_out).sum();
    Ok(vec![
        Figure { name: "activated_after_ms", value: worst(|round| round.activated), promise: Promise::AtMost(1_000.0) },
        Figure { name: "command_returned_after_ms", value: worst(|round| round.returned), promise: Promise::Nothing },
        Figure { name: "leases_ran_out", value: f64::from(ran_out), promise: Promise::AtMost(0.0) },
        Figure { name: "failed_requests", value: f64::from(failed), promise: Promise::AtMost(0.0) },
    ])
}

/// Runs a command while every node is asked without a pause.
async fn under_load(nodes: &[(Node, Daemon)], key: &str, command: impl FnOnce() -> Result<Value>) -> Result<Round> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let loads: Vec<_> = nodes
        .iter()
        .map(|(node, _)| {
            let target = Target {
                address: node.address,
                path: "/bench/v1/items/".to_owned(),
                keys: key.into(),
                speech: Speech::Http1,
            };
            let stopped = stopped.clone();
            tokio::spawn(async move {
                while !*stopped.borrow() {
                    load::closed(target.clone(), CONNECTIONS, AROUND).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    tokio::time::sleep(AROUND).await;
    let began = Instant::now();
    let went = tokio::task::block_in_place(command)?;
    let returned = began.elapsed();
    tokio::time::sleep(AROUND).await;
    stop.send(true)?;
    let mut failed = 0;
    for load in loads {
        if let Err(error) = load.await? {
            eprintln!("a request failed: {error:#}");
            failed += 1;
        }
    }
    let nodes = went.get("nodes").and_then(Value::as_array).context("the command names no nodes")?;
    ensure!(nodes.len() == NODES, "the command names {} nodes: {went}", nodes.len());
    let (mut last, mut ran_out) = (0, 0);
    for node in nodes {
        let after = |member: &str| node.get(member).and_then(Value::as_u64);
        ran_out += u32::from(after("acknowledged_ms").is_none());
        let ended = after("acknowledged_ms").or_else(|| after("lease_ran_out_ms"));
        last = last.max(ended.with_context(|| format!("a node refuses it: {went}"))?);
    }
    Ok(Round { activated: Duration::from_millis(last), returned, failed, ran_out })
}

/// The fabric with its group's files and the first of the plant.
fn write(interfaces: usize, upstream: SocketAddr, directory: &Path) -> Result<PathBuf> {
    let manifests = fabric::write("activation", upstream, directory, "domain: bench\n")?;
    write_plant(&manifests, interfaces, 0)?;
    let mut text = std::fs::read_to_string(manifests.join("fabric.yaml"))?;
    text.push_str(BOARD);
    std::fs::write(manifests.join("fabric.yaml"), text)?;
    Ok(manifests)
}

/// The plant's interfaces; a later one has one more than the one before.
fn write_plant(manifests: &Path, interfaces: usize, more: usize) -> Result<()> {
    let plant = manifests.join("domains").join(DOMAIN);
    std::fs::create_dir_all(&plant)?;
    let declared = "kind: Domain\nname: plant\nboard: {operations: [a.lead, b.lead], quorum: 1}\n";
    std::fs::write(manifests.join("plant.yaml"), declared)?;
    for (number, text) in fabric::others_of(interfaces)?.into_iter().enumerate() {
        std::fs::write(plant.join(format!("{number}.yaml")), text)?;
    }
    let text = fabric::others_of(more + 1)?.concat();
    let text = text.replace("name: item-", "name: more-").replace("interface: item-", "interface: more-");
    std::fs::write(plant.join("more.yaml"), text)?;
    Ok(())
}

/// A path that the plant's releases from this one on serve.
fn path(more: usize) -> String {
    format!("/more-{more}/v1/items/1")
}

/// Proposes, approves and releases a domain's files; the release's id.
fn make(desk: &Node, manifests: &Path, domain: &str, signing: &Path) -> Result<String> {
    let directory = manifests.display().to_string();
    let proposed =
        desk.command(&["propose", &directory, "--domain", domain, "--title", "measured", "--by", "a.lead", "--json"])?;
    let mut change: Value = serde_json::from_str(&proposed)?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text(&change, "id");
    while let Some(person) = change.pointer("/open/0/people/0").and_then(Value::as_str) {
        let approved = desk.command(&["change", "approve", &id, "--by", person, "--because", "measured", "--json"])?;
        change = serde_json::from_str(&approved)?;
    }
    desk.command(&["change", "release", &id, "--by", "a.lead", "--signing-key", &signing.display().to_string()])?;
    Ok(text(&change, "release"))
}

fn activate(desk: &Node, id: &str) -> Result<Value> {
    said(desk, &["release", "activate", id])
}

fn go_back(desk: &Node) -> Result<Value> {
    said(desk, &["release", "rollback", "--domain", DOMAIN])
}

fn said(desk: &Node, command: &[&str]) -> Result<Value> {
    let said = ["--env", "dev", "--by", "a.lead", "--because", "measured", "--json"];
    Ok(serde_json::from_str(&desk.command(&[command, &said].concat())?)?)
}

async fn until(node: &Node, key: &str, path: &str, is_meant: &dyn Fn(u16) -> bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let answer = http::get_with_key(node.address, path, key, PATIENCE).await?;
        if is_meant(answer.status) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{} answers {path} with {}", node.address, answer.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
