//! The tools for writing fabrics: what they make passes the check, and nothing that is there is written over.

use std::fs;
use std::path::Path;

use crate::fixture::{selvage, stdout};

fn check(directory: &Path) -> (bool, String) {
    let output = selvage(&["check", &directory.display().to_string()]);
    (output.status.success(), stdout(&output))
}

fn new(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let fabric = directory.display().to_string();
    let output = selvage(&[&["new"], arguments, &["--fabric", &fabric]].concat());
    (output.status.code(), format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_new_fabric_has_no_findings_and_nothing_is_written_over() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("Velo Works");
    let shown = fabric.display().to_string();
    let output = selvage(&["init", &shown]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout(&output).contains("`velo-works`"), "{}", stdout(&output));
    let next = format!("  selvage check '{shown}'\n");
    assert!(stdout(&output).contains(&next), "as a shell takes it: {}", stdout(&output));
    let (well, said) = check(&fabric);
    assert!(well && said.contains("no findings"), "{said}");
    let before = fs::read_to_string(fabric.join("fabric.yaml")).unwrap();
    let again = selvage(&["init", &shown, "--name", "other"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("FAB6041"));
    assert_eq!(fs::read_to_string(fabric.join("fabric.yaml")).unwrap(), before);
    assert!(selvage(&["openapi", "products", "--fabric", &shown]).status.success(), "it can be served");
}

/// Every template, with all that a person would fill in.
const NEW: &[&[&str]] = &[
    &["team", "line-it", "person=m.ops"],
    &["site", "ghent", "time_zone=Europe/Brussels"],
    &["system", "mes", "owner=line-it", "url=http://127.0.0.1:8080"],
    &["code-set", "reason"],
    &["object", "tool", "owner=line-it", "description=What machines work with", "system=mes"],
    &["mapping", "tool-odoo", "system=odoo", "record=maintenance.equipment"],
    &["interface", "suppliers", "owner=line-it", "description=Who delivers", "system=odoo"],
    &["event-interface", "tool-events", "owner=line-it", "description=Tools", "system=mes", "object=tool@1"],
    &[
        "webhook-interface",
        "tool-calls",
        "owner=line-it",
        "description=Calls of the tool shop",
        "system=mes",
        "object=tool@1",
        "secret=mes/hook",
        "event=main.record.created",
    ],
    &[
        "file-interface",
        "tool-lists",
        "owner=line-it",
        "description=Lists of tools",
        "system=mes",
        "object=tool@1",
        "folder=in/tools",
        "event=main.record.created",
    ],
    &["issuer", "directory", "owner=line-it", "url=https://login.example/plant"],
    &["flow-interface", "change-flow", "owner=line-it", "description=Changes"],
    &["flow", "change", "interface=change-flow@1", "call=odoo.product.update"],
    &["consumer", "board", "owner=line-it"],
    &["grant", "board", "interface=suppliers@1", "purpose=Shows who delivers: today, and tomorrow"],
    &["subscription", "board", "interface=tool-events@1", "event=main.record.created", "purpose=Shows the tools"],
    &["rule", "own", "when=interface.control == 'direct'", "says=Serve an object instead"],
    &["approval-rule", "breaking", "when=change.breaking"],
];

#[test]
fn what_is_new_passes_once_its_blanks_are_filled() {
    let place = tempfile::tempdir().unwrap();
    assert!(selvage(&["init", &place.path().display().to_string()]).status.success());
    let fill = |arguments: &[&str]| {
        let (kind, name) = (arguments[0], arguments[1]);
        let sets: Vec<&str> = arguments[2..].iter().flat_map(|set| ["--set", set]).collect();
        let (code, said) = new(place.path(), &[&[kind, name], sets.as_slice()].concat());
        assert!(code == Some(0) && said.contains("nothing is left"), "{kind}: {said}");
    };
    NEW.iter().for_each(|arguments| fill(arguments));
    let (well, said) = check(place.path());
    assert!(well, "{said}");
    let output = selvage(&["fmt", "--check", &place.path().display().to_string()]);
    assert!(output.status.success(), "they are in form: {}", stdout(&output));
    // A second domain makes every interface say which governs it, so it comes last.
    fill(&["domain", "plant-ghent", "architect=a.lead", "operator=p.lead"]);
    assert!(!check(place.path()).1.contains("FAB1"), "it is well formed");
}

#[test]
fn a_grant_names_what_its_interface_has() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().join("fabric");
    crate::fixture::copy(&crate::fixture::sample(), &fabric);
    let grant = |interface: &str, more: &[&str]| {
        let set = format!("interface={interface}");
        let (code, said) = new(&fabric, &[&["grant", "board", "--print", "--set", &set], more].concat());
        assert_eq!(code, Some(0), "{said}");
        said.lines().find(|line| line.starts_with("operations:")).unwrap().to_owned()
    };
    assert_eq!(grant("suppliers@1", &[]), "operations: [list, get]");
    assert_eq!(grant("legacy-stock@1", &[]), "operations: [listStock, getStock]", "those of its contract");
    assert_eq!(grant("legacy-stock@1", &["--set", "operations=getStock"]), "operations: [getStock]");
    assert!(grant("nothing@1", &[]).starts_with("operations: # fill in: "));
}

#[test]
fn what_is_asked_of_no_store_or_drafted_into_no_directory_says_so() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("elsewhere").display().to_string();
    let commands = [
        &["usage"][..],
        &["shadow"],
        &["key", "list"],
        &["grant", "list"],
        &["ledger", "list"],
        &["change", "list"],
        &["change", "show", "chg_1"],
        &["board"],
        &["board", "seats"],
        &["release", "list"],
        &["release", "verify"],
        &["release", "activate", "rel_1", "--env", "dev", "--by", "a.person", "--because", "tried"],
        &["recertify", "list"],
        &["access", "breaches"],
        &["access", "notices"],
        &["release", "key"],
        &["ledger", "key"],
        &["ledger", "checkpoint"],
        &["change", "release", "chg_1", "--by", "a.person"],
        &["diff", "rel_1", "rel_2"],
    ];
    for words in commands {
        let output = selvage(&[words, &["--data", &missing]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("there is no store in"), "{words:?}: {said}");
    }
    let contract = crate::fixture::sample().join("contracts/legacy-stock.yaml").display().to_string();
    let output = selvage(&["import", "openapi", &contract, "--fabric", &missing]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("FAB6042") && said.contains("selvage init"), "{said}");
    assert!(!place.path().join("elsewhere").exists(), "nothing was made");
}

#[test]
fn blanks_are_named_and_found_by_the_check() {
    let place = tempfile::tempdir().unwrap();
    assert!(selvage(&["init", &place.path().display().to_string()]).status.success());
    let (code, said) = new(place.path(), &["interface", "suppliers"]);
    assert_eq!(code, Some(0));
    for blank in ["`owner`", "`description`"] {
        assert!(said.contains(blank), "{said}");
    }
    assert!(!said.contains("`system`") && !said.contains("`object`"), "the fabric leaves no choice: {said}");
    let (well, found) = check(place.path());
    assert!(found.contains("interfaces/suppliers.yaml:6"), "{well} {found}");
    let (code, said) = new(place.path(), &["interface", "suppliers"]);
    assert!(code == Some(2) && said.contains("FAB6042"), "{said}");
    let (code, said) = new(place.path(), &["team", "x", "--set", "colour=blue"]);
    assert!(code == Some(2) && said.contains("FAB6042") && said.contains("`person`"), "{said}");
    let (code, said) = new(place.path(), &["team", "../../x", "--print"]);
    assert!(code == Some(0) && said.contains("kind: Team"), "{said}");
    new(place.path(), &["team", "../../x"]);
    assert!(place.path().join("teams/------x.yaml").is_file(), "a name is no path");
    // A name that would be more than a name, and a directory that is not there.
    let (code, said) = new(place.path(), &["consumer", "a\nkind: Team", "--print"]);
    assert!(code == Some(2) && said.contains("one line"), "{said}");
    let (code, said) = new(&place.path().join("typo"), &["team", "x"]);
    assert!(code == Some(2) && said.contains("FAB6042") && said.contains("selvage init"), "{said}");
    assert!(!place.path().join("typo").exists());
}

/// What another reader of YAML, one of version 1.1, takes for numbers, dates, booleans and nothing.
const WORDS: &[&str] = &[
    "true",
    "False",
    "null",
    "~",
    "yes",
    "No",
    "on",
    "y",
    "123",
    "1e3",
    "1_000",
    "0x1f",
    "012",
    ".5",
    "1.0",
    "+1",
    ".inf",
    "NaN",
    "2027-01-01",
    "2027-01-01T10:00:00Z",
    "12:30:45",
    "a: b",
    "a #b",
    "- a",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a",
    "a:",
    "{a}",
    "[a]",
    "'a'",
    "\"a\"",
    "",
    " a ",
    "<<",
    "=",
    "stock@1",
    "http://127.0.0.1:8080",
    "What is kept, and why",
    "é",
];

#[test]
fn what_is_given_reads_back_as_it_was_given() {
    let place = tempfile::tempdir().unwrap();
    let texts: Vec<String> = WORDS
        .iter()
        .map(|word| {
            let output = selvage(&["new", "team", "a", "--set", &format!("person={word}"), "--print"]);
            assert!(output.status.success(), "{word}");
            stdout(&output)
        })
        .collect();
    let all = place.path().join("all.yaml");
    fs::write(&all, texts.join("\n---\n")).unwrap();
    let read = "import sys, json, yaml; print(json.dumps([team['roles']['owner'][0] for team in yaml.safe_load_all(sys.stdin)]))";
    let output = std::process::Command::new(crate::peers::python())
        .args(["-c", read])
        .stdin(fs::File::open(&all).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read, WORDS.iter().map(|word| serde_json::Value::from(*word)).collect::<Vec<_>>());
}
