//! The rules of `selvage check` as their pages show them: the bad example is refused with the rule's code where the page says,
//! the good one is taken. Everything goes through the binary, as a user would type it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::fixture::{copy, selvage, stdout};

/// The day as of which the pages are written.
const DAY: &str = "2026-11-23";

fn errors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

fn rules() -> Vec<Value> {
    let document: Value = serde_json::from_str(&stdout(&selvage(&["rules", "--json"]))).unwrap();
    document["rules"].as_array().unwrap().clone()
}

/// What `selvage check` finds, as the pages write it: place, severity, code.
fn findings(directory: &Path) -> Vec<String> {
    let output = selvage(&["check", directory.to_str().unwrap(), "--format", "json", "--at", DAY]);
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let findings = document["findings"].as_array().unwrap().iter().map(|finding| {
        let [file, severity, code, message] =
            ["file", "severity", "code", "message"].map(|name| finding[name].as_str().unwrap());
        format!("{file}:{}:{}: {severity} {code}: {message}", finding["line"], finding["column"])
    });
    findings.collect()
}

/// The files of an example: a block that begins with a path in a comment is the file of that path.
fn unpack(example: &str, directory: &Path) {
    if !example.starts_with(", by itself:") {
        copy(&errors().join("beside"), directory);
    }
    // A fabric is declared once.
    if example.contains("kind: Fabric\n") && directory.join("settings.yaml").exists() {
        fs::remove_file(directory.join("settings.yaml")).unwrap();
    }
    for block in example.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap()) {
        let path = block.strip_prefix("# ").and_then(|rest| rest.lines().next()).filter(|path| path.ends_with(".yaml"));
        let path = directory.join(path.unwrap_or("example.yaml"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, block).unwrap();
    }
}

#[test]
fn every_page_shows_what_check_says() {
    let rules = rules();
    assert!(rules.len() >= 45, "{}", rules.len());
    let mut wrong = Vec::new();
    for rule in rules {
        let code = rule["code"].as_str().unwrap();
        let page = fs::read_to_string(errors().join(format!("{code}.md"))).unwrap();
        let (bad, rest) = page.split_once("\nBad").unwrap().1.split_once("`selvage check` says:").unwrap();
        let (said, good) = rest.split_once("\nGood").unwrap();
        let said: Vec<&str> = said.split("```text\n").nth(1).unwrap().split("```").next().unwrap().lines().collect();
        assert!(!said.is_empty(), "{code}");
        for (example, expected) in [(bad, said), (good, Vec::new())] {
            let place = tempfile::tempdir().unwrap();
            unpack(example, place.path());
            let found = findings(place.path());
            let others = found.iter().filter(|line| !line.contains(&format!(" {code}: "))).count();
            if found != expected || others > 0 {
                wrong.push(format!("{code}: {found:#?}\ninstead of {expected:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rules_are_listed() {
    let table = stdout(&selvage(&["rules"]));
    insta::assert_snapshot!("rules", table);
    for rule in rules() {
        let (code, name) = (rule["code"].as_str().unwrap(), rule["name"].as_str().unwrap());
        assert!(table.contains(code) && table.contains(name), "{code}");
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(rule["page"].as_str().unwrap());
        assert!(page.exists(), "{}", page.display());
        assert!(["error", "warning", "advice"].contains(&rule["severity"].as_str().unwrap()), "{code}");
    }
}

#[test]
fn what_no_gateway_could_run_is_told_for_an_environment() {
    let place = tempfile::tempdir().unwrap();
    copy(&errors().join("beside"), place.path());
    let check = |env: &str| {
        let output = selvage(&["check", place.path().to_str().unwrap(), "--format", "json", "--at", DAY, "--env", env]);
        (output.status.code(), stdout(&output))
    };
    assert_eq!(check("dev").0, Some(0), "{}", check("dev").1);
    let (code, text) = check("test");
    assert_eq!(code, Some(1));
    assert!(text.contains("FAB4060"), "the warehouse has no address there: {text}");
    assert_eq!(check("prd").0, Some(2), "there is no such environment");
}

#[test]
fn what_is_judged_as_of_a_day_is_judged_so() {
    let place = tempfile::tempdir().unwrap();
    copy(&errors().join("beside"), place.path());
    let at = |at: &str| {
        let output = selvage(&["check", place.path().to_str().unwrap(), "--format", "json", "--at", at]);
        (output.status.code(), stdout(&output))
    };
    assert!(!at("2027-03-01").1.contains("FAB2111"));
    assert!(at("2027-03-02").1.contains("FAB2111"), "the sunset of old-products has passed");
    assert!(at("2027-03-02T00:00Z").1.contains("FAB2111"));
    assert_eq!(at("next week").0, Some(2));
}
