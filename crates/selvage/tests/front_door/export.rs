//! `selvage export`: entities are judged by Backstage's own validators (npm `@backstage/catalog-model`), which `cargo xtask test` installs.
//! OpenSLO publishes a schema and no package of it, so its form is held to what its text says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{sample, selvage, stdout};

/// Exports the sample, and gives the directory with what it wrote.
fn export(form: &str) -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().unwrap();
    let (fabric, out) = (sample(), place.path().join("out"));
    let arguments = ["export", form, "--fabric", fabric.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let output = selvage(&[&arguments[..], &["--server", "https://api.example.com"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = stdout(&output).lines().map(PathBuf::from).collect();
    (place, files)
}

/// The documents of a file, read by a library that is not ours.
fn documents(file: &Path) -> Vec<Value> {
    let program = "import json, sys, yaml\nfor d in yaml.safe_load_all(open(sys.argv[1])): print(json.dumps(d))";
    let output = Command::new(crate::peers::python()).args(["-c", program]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn backstage_takes_every_entity() {
    let (place, files) = export("backstage");
    let entities = documents(&files[0]);
    let lines = place.path().join("entities");
    std::fs::write(&lines, entities.iter().map(|it| format!("{it}\n")).collect::<String>()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/backstage/judge.mjs");
    let output = Command::new("node").arg(script).arg(crate::peers::npm()).arg(&lines).output();
    let output = output.expect("Node.js is there: sudo apt-get install nodejs npm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout(&output).trim(), format!("{{\"taken\":{}}}", entities.len()));
    let known: BTreeSet<String> = entities
        .iter()
        .map(|it| {
            let kind = it["kind"].as_str().unwrap().to_lowercase();
            format!("{kind}:default/{}", it["metadata"]["name"].as_str().unwrap())
        })
        .collect();
    assert_eq!(known.len(), entities.len(), "no two entities are called the same");
    for (entity, member) in entities.iter().flat_map(|it| {
        ["owner", "domain", "system", "providesApis", "consumesApis", "dependencyOf"].map(|member| (it, member))
    }) {
        let value = &entity["spec"][member];
        let one = value.as_str().into_iter().map(str::to_owned);
        let all = value.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned());
        for reference in one.chain(all) {
            assert!(known.contains(&reference), "{reference} of {}", entity["metadata"]["name"]);
        }
    }
    for expected in ["api:default/production-orders-v1", "component:default/mes-ghent", "domain:default/group"] {
        assert!(known.contains(expected), "{expected}");
    }
}

#[test]
fn promises_are_openslo() {
    let (_place, files) = export("openslo");
    let documents = documents(&files[0]);
    let services: BTreeSet<&str> = documents
        .iter()
        .filter(|it| it["kind"] == "Service")
        .map(|it| it["metadata"]["name"].as_str().unwrap())
        .collect();
    assert!(services.contains("production-orders-v1"));
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        !name.is_empty() && name.len() <= 63 && name.chars().all(fits) && !name.starts_with('-')
    };
    for document in &documents {
        assert_eq!(document["apiVersion"], "openslo/v1");
        assert!(is_name(document["metadata"]["name"].as_str().unwrap()), "{document}");
        if document["kind"] != "SLO" {
            continue;
        }
        let spec = &document["spec"];
        assert!(services.contains(spec["service"].as_str().unwrap()));
        assert!(spec.get("indicatorRef").is_none(), "an indicator or a reference to one");
        let ratio = &spec["indicator"]["spec"]["ratioMetric"];
        assert!(ratio["counter"].is_boolean() && ratio.get("bad").is_none(), "{ratio}");
        for side in ["good", "total"] {
            let source = &ratio[side]["metricSource"];
            assert_eq!(source["type"], "Prometheus");
            assert!(source["spec"]["query"].as_str().unwrap().contains("selvage_gateway_request"), "{source}");
        }
        let window = spec["timeWindow"].as_array().unwrap();
        assert_eq!((window.len(), &window[0]["isRolling"]), (1, &Value::Bool(true)));
        let (number, letter) = window[0]["duration"].as_str().unwrap().split_at(2);
        assert!(number.parse::<u32>().is_ok() && ["m", "h", "d", "w", "M", "Q", "Y"].contains(&letter));
        assert!(["Occurrences", "Timeslices"].contains(&spec["budgetingMethod"].as_str().unwrap()));
        let target = spec["objectives"][0]["target"].as_f64().unwrap();
        assert!((0.0..1.0).contains(&target), "{target}");
    }
}

#[test]
fn contracts_are_written_for_every_interface() {
    let names = |form: &str| {
        let (_place, files) = export(form);
        let names = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let apis = names("openapi");
    for expected in ["production-orders-v1.yaml", "legacy-stock-v1.yaml", "inventory-v2.yaml"] {
        assert!(apis.iter().any(|name| name == expected), "{expected}: {apis:?}");
    }
    let events = names("asyncapi");
    for expected in ["machine-states-v1.yaml", "production-order-events-v1.yaml", "odoo-hints-v1.yaml"] {
        assert!(events.iter().any(|name| name == expected), "{expected}: {events:?}");
    }
}

#[test]
fn a_fabric_is_not_exported_into_itself() {
    let place = tempfile::tempdir().unwrap();
    crate::fixture::copy(&sample(), place.path());
    let out = place.path().join("catalogue");
    let arguments = ["export", "backstage", "--fabric", place.path().to_str().unwrap(), "--out", out.to_str().unwrap()];
    let output = selvage(&arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAB8070"));
    assert!(!out.join("catalog-info.yaml").exists());
    let output = selvage(&["check", place.path().to_str().unwrap()]);
    assert!(output.status.success(), "the fabric is as it was: {}", stdout(&output));
}
