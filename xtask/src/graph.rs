//! Which crate of the workspace may use which: the architecture's allowed directions, compared with what cargo knows.
//! The graph as it stands is kept in a golden file, so that a change of it is seen in review.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::process;

/// Each crate and the crates of ours that it may use. Nothing else is allowed; the binary composes them all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("selvage-model", &[]),
    ("selvage-mapping", &["selvage-model"]),
    ("selvage-governance", &["selvage-model", "selvage-mapping"]),
    ("selvage-store", &["selvage-model"]),
    ("selvage-log", &["selvage-model", "selvage-store"]),
    ("selvage-connect", &["selvage-model"]),
    ("selvage-gateway", &["selvage-model", "selvage-governance"]),
    (
        "selvage-engine",
        &["selvage-model", "selvage-mapping", "selvage-governance", "selvage-store", "selvage-log", "selvage-connect"],
    ),
    (
        "selvage-delivery",
        &["selvage-model", "selvage-mapping", "selvage-governance", "selvage-store", "selvage-log", "selvage-connect"],
    ),
    (
        "selvage-control",
        &["selvage-model", "selvage-mapping", "selvage-governance", "selvage-store", "selvage-log", "selvage-connect"],
    ),
    ("selvage-factory", &["selvage-model"]),
    (
        "selvage",
        &[
            "selvage-model",
            "selvage-mapping",
            "selvage-governance",
            "selvage-store",
            "selvage-log",
            "selvage-connect",
            "selvage-gateway",
            "selvage-engine",
            "selvage-delivery",
            "selvage-control",
            "selvage-factory",
        ],
    ),
    (
        "xtask",
        &["selvage-model", "selvage-mapping", "selvage-store", "selvage-log", "selvage-connect", "selvage-gateway"],
    ),
];

/// What a crate's tests may use beyond its own list: the simulated systems.
const ALLOWED_IN_TESTS: &[&str] = &["selvage-factory"];

/// The most crates of ours that may stand on one another.
const DEPTH: usize = 5;

type Graph = BTreeMap<String, Uses>;

#[derive(Default)]
struct Uses {
    in_the_crate: BTreeSet<String>,
    in_its_tests: BTreeSet<String>,
}

/// Compares the graph with the allowed list and with the golden file, and reports every difference.
pub(crate) fn check() -> Result<()> {
    let graph = read()?;
    let mut findings = not_allowed(&graph);
    let golden = std::fs::read_to_string(golden()).unwrap_or_default();
    if findings.is_empty() && golden != show(&graph) {
        findings.push(format!("the graph differs from {}", golden_name()));
    }
    ensure!(findings.is_empty(), "{}", findings.join("\n       "));
    Ok(())
}

/// Writes the graph as it stands to the golden file, unless it is not allowed.
pub(crate) fn bless() -> Result<()> {
    let graph = read()?;
    let findings = not_allowed(&graph);
    ensure!(findings.is_empty(), "{}", findings.join("\n       "));
    std::fs::write(golden(), show(&graph)).with_context(|| format!("cannot write {}", golden_name()))
}

fn read() -> Result<Graph> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(process::workspace())
        .output()
        .context("cannot start `cargo metadata`")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let mut graph = Graph::new();
    for package in metadata.packages {
        let uses = graph.entry(package.name).or_default();
        for dependency in package.dependencies {
            if dependency.path.is_none() {
                continue;
            }
            match dependency.kind.as_deref() {
                Some("dev") => uses.in_its_tests.insert(dependency.name),
                _ => uses.in_the_crate.insert(dependency.name),
            };
        }
    }
    Ok(graph)
}

fn not_allowed(graph: &Graph) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut findings = Vec::new();
    for (name, uses) in graph {
        let Some(list) = allowed.get(name.as_str()) else {
            findings.push(format!("`{name}` is not in the allowed list"));
            continue;
        };
        for used in uses.in_the_crate.iter().filter(|used| !list.contains(&used.as_str())) {
            findings.push(format!("`{name}` may not use `{used}`"));
        }
        for used in &uses.in_its_tests {
            if !list.contains(&used.as_str()) && !ALLOWED_IN_TESTS.contains(&used.as_str()) {
                findings.push(format!("the tests of `{name}` may not use `{used}`"));
            }
        }
    }
    for name in allowed.keys().filter(|name| !graph.contains_key(**name)) {
        findings.push(format!("`{name}` is in the allowed list and not in the workspace"));
    }
    let deepest = graph.keys().map(|name| depth(graph, name)).max().unwrap_or_default();
    if deepest > DEPTH {
        findings.push(format!("{deepest} crates stand on one another, {DEPTH} may"));
    }
    findings
}

/// How many crates stand on one another below this one, itself counted; what the binary composes is not a layer.
fn depth(graph: &Graph, name: &str) -> usize {
    let below = graph.get(name).into_iter().flat_map(|uses| &uses.in_the_crate);
    1 + below.map(|used| depth(graph, used)).max().unwrap_or_default()
}

fn show(graph: &Graph) -> String {
    let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    for (name, uses) in graph {
        let _ = writeln!(shown, "{}", format!("{name}: {}", list(&uses.in_the_crate)).trim_end());
        if !uses.in_its_tests.is_empty() {
            let _ = writeln!(shown, "  tests: {}", list(&uses.in_its_tests));
        }
    }
    shown
}

fn golden() -> PathBuf {
    process::workspace().join(golden_name())
}

fn golden_name() -> &'static str {
    "xtask/golden/crate-graph.txt"
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let mut graph: Graph = ALLOWED.iter().map(|(name, _)| ((*name).to_owned(), Uses::default())).collect();
        for (name, used) in edges {
            let uses = graph.entry((*name).to_owned()).or_default();
            uses.in_the_crate = used.iter().map(|used| (*used).to_owned()).collect();
        }
        graph
    }

    #[test]
    fn what_is_allowed_passes() {
        assert!(not_allowed(&graph(ALLOWED)).is_empty());
    }

    #[test]
    fn a_wrong_direction_and_a_stranger_are_named() {
        let wrong = graph(&[("selvage-gateway", &["selvage-store"]), ("selvage-new", &[])]);
        assert_eq!(
            not_allowed(&wrong),
            ["`selvage-gateway` may not use `selvage-store`", "`selvage-new` is not in the allowed list"]
        );
    }
}
