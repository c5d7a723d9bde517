//! `selvage check` and `selvage test` on whole directories.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fixture::{sample, selvage, stdout};

fn check(directory: &Path, format: &str) -> (Option<i32>, String) {
    let output = selvage(&["check", &directory.display().to_string(), "--format", format]);
    (output.status.code(), stdout(&output))
}

#[test]
fn the_sample_fabric_is_clean() {
    let (code, text) = check(&sample(), "human");
    assert_eq!((code, text.contains("no findings")), (Some(0), true), "{text}");
    let trial = selvage(&["test", &sample().display().to_string()]);
    assert!(trial.status.success(), "{}", stdout(&trial));
    assert!(stdout(&trial).contains(" 0 failed"));
}

#[test]
fn all_problems_are_named_together_with_place_and_fix() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.yaml"), "kind: Fabric\nname: broken\nenvironments: {dev: {}}\n").unwrap();
    fs::write(
        place.path().join("b.yaml"),
        "kind: Team\nname: it\nrole: {owner: [a]}\n---\nkind: System\nname: odoo\nconnector: odo\nowner: itt\nzone: cloud\n",
    )
    .unwrap();
    fs::write(place.path().join("c.yaml"), b"kind: Team\nname: \xff\n").unwrap();
    let (code, text) = check(place.path(), "json");
    assert_eq!(code, Some(1));
    let document: Value = serde_json::from_str(&text).unwrap();
    let found: Vec<(&str, &str, u64)> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["file"].as_str().unwrap(), f["line"].as_u64().unwrap()))
        .collect();
    assert!(found.contains(&("FAB1006", "b.yaml", 3)), "{found:?}");
    assert!(found.iter().any(|(code, file, line)| (*code, *file, *line) == ("FAB1009", "b.yaml", 7)), "{found:?}");
    assert!(found.iter().any(|(code, file, _)| (*code, *file) == ("FAB1001", "c.yaml")), "{found:?}");
    let fixes: Vec<&str> =
        document["findings"].as_array().unwrap().iter().filter_map(|finding| finding["fix"].as_str()).collect();
    assert!(fixes.iter().any(|fix| fix.contains("roles")), "the nearest known name is given: {fixes:?}");

    let (_, human) = check(place.path(), "human");
    assert!(human.contains("role: {owner: [a]}"), "the line itself is shown:\n{human}");
    let (_, sarif) = check(place.path(), "sarif");
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), document["findings"].as_array().unwrap().len());
}

#[test]
fn errors_come_first_whatever_file_they_are_in() {
    let place = tempfile::tempdir().unwrap();
    // A team that owns nothing is advice, or a warning; the error is in a later file.
    let text = "kind: Fabric\nname: small\nenvironments: {dev: {}}\n---\nkind: Team\nname: it\nroles: {owner: [ann]}\n";
    fs::write(place.path().join("a.yaml"), text).unwrap();
    fs::write(place.path().join("b.yaml"), "kind: Team\nname: that\nrole: {owner: [a]}\n").unwrap();
    let (_, text) = check(place.path(), "human");
    let first = |words: &[&str]| words.iter().filter_map(|word| text.find(word)).min();
    let (error, lesser) = (first(&["error"]), first(&["warning", "advice"]));
    assert!(error.is_some() && lesser.is_some() && error < lesser, "{text}");
}

#[test]
fn hostile_files_are_findings_and_cost_little() {
    let place = tempfile::tempdir().unwrap();
    let huge = fs::File::create(place.path().join("huge.yaml")).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
                c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n\
                e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n";
    fs::write(place.path().join("bomb.yaml"), bomb).unwrap();
    fs::write(place.path().join("deep.yaml"), "[".repeat(200_000)).unwrap();
    std::os::unix::fs::symlink("/", place.path().join("out")).unwrap();
    let (code, text) = check(place.path(), "json");
    assert_eq!(code, Some(1));
    let document: Value = serde_json::from_str(&text).unwrap();
    let files: Vec<&str> =
        document["findings"].as_array().unwrap().iter().map(|finding| finding["file"].as_str().unwrap()).collect();
    for file in ["huge.yaml", "bomb.yaml", "deep.yaml", "out"] {
        assert!(files.contains(&file), "{file} is missing in {files:?}");
    }
}

#[test]
fn a_missing_directory_is_said_plainly() {
    let output = selvage(&["check", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all"));
}

#[test]
fn a_directory_without_manifests_is_not_well() {
    let place = tempfile::tempdir().unwrap();
    for command in ["check", "test"] {
        let output = selvage(&[command, &place.path().display().to_string()]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("FAB8003"), "{command}");
    }
}

#[test]
fn a_mounted_directory_of_links_is_read_and_circles_end() {
    let place = tempfile::tempdir().unwrap();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, place.path().join(name)).unwrap();
    crate::fixture::copy(&sample(), &place.path().join("..2026_11_23"));
    link("..2026_11_23", "..data");
    for entry in fs::read_dir(sample()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        link(&format!("..data/{name}"), &name);
    }
    link(".", "circle");
    let (code, text) = check(place.path(), "human");
    assert_eq!((code, text.contains("no findings")), (Some(0), true), "{text}");

    link("..data/gone.yaml", "gone.yaml");
    let (code, text) = check(place.path(), "human");
    assert_eq!((code, text.contains("gone.yaml")), (Some(1), true), "{text}");
}

#[test]
fn lines_without_end_are_cut_where_people_read() {
    let place = tempfile::tempdir().unwrap();
    let text = format!("kind: Team\nname: it\nnote: {}\nroles: {{owner: [a]}}\n", "x".repeat(500_000));
    fs::write(place.path().join("a.yaml"), text).unwrap();
    let (code, human) = check(place.path(), "human");
    assert_eq!(code, Some(1));
    assert!(human.contains("a.yaml:3:1") && human.len() < 4_000, "{} bytes", human.len());
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let command = format!("{} explain | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_selvage"));
    for _ in 0..5 {
        let output = std::process::Command::new("bash").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
