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
    let (well, said) = check(&fabric);
    assert!(well && said.contains("no findings"), "{said}");
    let before = fs::read_to_string(fabric.join("fabric.yaml")).unwrap();
    let again = selvage(&["init", &shown, "--name", "other"]);
    assert_eq!(again.status.code(), Some(1));
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
    &["flow-interface", "change-flow", "owner=line-it", "description=Changes"],
    &["flow", "change", "interface=change-flow@1", "call=odoo.product.update"],
    &["consumer", "board", "owner=line-it"],
    &["grant", "board", "interface=suppliers@1", "purpose=Shows who delivers: today, and tomorrow"],
    &["subscription", "board", "interface=tool-events@1", "event=main.record.created"],
    &["rule", "own", "when=interface.control == 'direct'", "says=Serve an object instead"],
    &["approval-rule", "breaking", "when=change.breaking"],
    &["domain", "plant-ghent", "architect=a.lead", "operator=p.lead"],
];

#[test]
fn what_is_new_passes_once_its_blanks_are_filled() {
    for arguments in NEW {
        let place = tempfile::tempdir().unwrap();
        assert!(selvage(&["init", &place.path().display().to_string()]).status.success());
        // What they name is made first.
        for earlier in NEW.iter().take_while(|earlier| *earlier != arguments).chain([arguments]) {
            let (kind, name) = (earlier[0], earlier[1]);
            let sets: Vec<&str> = earlier[2..].iter().flat_map(|set| ["--set", set]).collect();
            let (code, said) = new(place.path(), &[&[kind, name], sets.as_slice()].concat());
            assert!(code == Some(0) && said.contains("nothing is left"), "{kind}: {said}");
        }
        let (_, said) = check(place.path());
        let of_it = said.contains("FAB1") || said.contains(" x ");
        // Rules of governance may say more (a domain makes others say which governs them); that it is well formed they don't.
        assert!(!of_it || arguments[0] == "domain", "{arguments:?}: {said}");
    }
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
    assert!(code == Some(1) && said.contains("FAB6042"), "{said}");
    let (code, said) = new(place.path(), &["team", "x", "--set", "colour=blue"]);
    assert!(code == Some(1) && said.contains("FAB6042") && said.contains("`person`"), "{said}");
    let (code, said) = new(place.path(), &["team", "../../x", "--print"]);
    assert!(code == Some(0) && said.contains("kind: Team"), "{said}");
    new(place.path(), &["team", "../../x"]);
    assert!(place.path().join("teams/------x.yaml").is_file(), "a name is no path");
}
