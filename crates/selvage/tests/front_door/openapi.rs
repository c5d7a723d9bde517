//! `selvage openapi`: every contract of the sample fabric, judged by those who judge OpenAPI: openapi-spec-validator (PyPI) and
//! Redocly CLI (npm) with its recommended rules. `cargo xtask test` installs both and says where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::fixture::{sample, selvage, stdout};

/// The mediated interfaces of the sample fabric.
pub(crate) const MEDIATED: &[&str] = &[
    "bills-of-materials@1",
    "equipment@1",
    "inventory@2",
    "lots@1",
    "maintenance@1",
    "production-orders@1",
    "products@1",
    "purchase-orders@1",
    "sales-orders@1",
    "shipments@1",
    "stock-keeping@1",
    "suppliers@1",
    "work-orders@1",
    FROM_A_COPY,
];

/// The one that reads a copy, which is kept by events.
pub(crate) const FROM_A_COPY: &str = "stock-board@1";

/// Nothing is left out that somebody adds to the sample.
#[test]
fn every_mediated_interface_of_the_sample_is_judged() {
    let mut declared = Vec::new();
    for entry in std::fs::read_dir(sample()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for manifest in text.split("\n---\n") {
            let said = |name: &str| manifest.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            if said("kind") == Some("Interface") && said("control") == Some("mediated") {
                let major = said("version").unwrap().split('.').next().unwrap();
                declared.push(format!("{}@{major}", said("name").unwrap()));
            }
        }
    }
    declared.sort();
    let mut judged = MEDIATED.to_vec();
    judged.sort_unstable();
    assert_eq!(judged, declared);
}

fn contract(interface: &str, format: &str) -> String {
    let fabric = sample().display().to_string();
    let output = selvage(&["openapi", interface, "--fabric", &fabric, "--format", format]);
    assert!(output.status.success(), "{interface}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

/// Writes every contract into a directory.
fn contracts(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let write = |interface: &&str| {
        let path = directory.join(format!("{interface}.{ending}"));
        std::fs::write(&path, contract(interface, ending)).unwrap();
        path
    };
    MEDIATED.iter().map(write).collect()
}

#[test]
fn the_contract_of_production_orders_is_as_it_was() {
    let text = contract("production-orders@1", "yaml");
    assert_eq!(text, contract("production-orders", "yaml"), "the same each time, and the only version is meant");
    insta::assert_snapshot!("production_orders", text);
}

#[test]
fn yaml_and_json_say_the_same() {
    let json: Value = serde_json::from_str(&contract("products@1", "json")).unwrap();
    let parse = "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin.read())))";
    let place = tempfile::tempdir().unwrap();
    let path = &contracts(place.path(), "yaml")[6];
    let output = Command::new(crate::peers::python())
        .args(["-c", parse])
        .stdin(std::fs::File::open(path).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json);
}

#[test]
fn what_carries_a_class_of_data_may_be_masked() {
    let suppliers: Value = serde_json::from_str(&contract("suppliers@1", "json")).unwrap();
    let supplier = &suppliers["components"]["schemas"]["Supplier"];
    for name in ["email", "phone"] {
        let member = &supplier["properties"][name];
        assert_eq!(
            (&member["x-selvage-class"], &member["type"]),
            (&"personal".into(), &serde_json::json!(["string", "null"]))
        );
        assert!(supplier["required"].as_array().unwrap().contains(&name.into()), "it is there, masked or not");
    }
    let header = |contract: &Value, path: &str| {
        contract["paths"][path]["get"]["responses"]["200"]["headers"]["Selvage-Masked"].clone()
    };
    assert!(header(&suppliers, "/suppliers/v1/suppliers").is_object(), "{:#}", suppliers["paths"]);
    let products: Value = serde_json::from_str(&contract("products@1", "json")).unwrap();
    assert!(header(&products, "/products/v1/products").is_null());
}

#[test]
fn openapi_spec_validator_finds_nothing() {
    let place = tempfile::tempdir().unwrap();
    validated(&contracts(place.path(), "yaml"));
}

/// openapi-spec-validator has nothing to say.
pub(crate) fn validated(files: &[PathBuf]) {
    let output =
        Command::new(crate::peers::python()).args(["-m", "openapi_spec_validator"]).args(files).output().unwrap();
    let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.matches(": OK").count() == files.len(), "{said}");
}

#[test]
fn redoclys_recommended_rules_find_nothing() {
    let place = tempfile::tempdir().unwrap();
    linted(&contracts(place.path(), "json"));
}

/// Redocly's recommended rules have nothing to say.
pub(crate) fn linted(files: &[PathBuf]) {
    let output = Command::new(crate::peers::redocly())
        .args(["lint", "--extends", "recommended", "--format", "json", "--max-problems", "1000"])
        .args(files)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .output()
        .unwrap();
    let said = stdout(&output);
    let reports: Vec<Value> =
        serde_json::Deserializer::from_str(&said).into_iter().collect::<Result<_, _>>().expect(&said);
    assert!(output.status.success() && reports.len() == files.len(), "{said}");
    for report in reports {
        let problems = (&report["totals"]["errors"], &report["totals"]["warnings"]);
        assert_eq!(problems, (&Value::from(0), &Value::from(0)), "{:#}", report["problems"]);
    }
}

#[test]
fn what_has_no_contract_is_said_with_its_code() {
    let fabric = sample().display().to_string();
    for (name, hint) in [
        ("prodution-orders", "did you mean"),
        ("legacy-stock@1", "not mediated"),
        ("products@7", "no interface `products@7`"),
    ] {
        let output = selvage(&["openapi", name, "--fabric", &fabric]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("FAB6040") && said.contains(hint), "{said}");
    }
    // What is wrong with a fabric is not written where the contract would be.
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("a.yaml"), "kind: Taem\nname: a\n").unwrap();
    let output = selvage(&["openapi", "a", "--fabric", &place.path().display().to_string()]);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{}", stdout(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.yaml"));
}
