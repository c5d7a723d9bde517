//! What the command line says about itself.

use crate::fixture::{selvage, stdout};

#[test]
fn help_names_every_command() {
    let help = stdout(&selvage(&["--help"]));
    insta::assert_snapshot!("help", help);
    for command in [
        "check",
        "diff",
        "explain",
        "rules",
        "schema",
        "init",
        "new",
        "fmt",
        "advise",
        "catalogue",
        "export",
        "graph",
        "lsp",
        "openapi",
        "asyncapi",
        "import",
        "test",
        "get",
        "list",
        "mapping",
        "serve",
        "nodes",
        "decide",
        "demo",
        "factory",
        "odoo",
        "key",
        "access",
        "grant",
        "recertify",
        "block",
        "operator",
        "people",
        "violations",
        "operations",
        "events",
        "evidence",
        "usage",
        "shadow",
        "ledger",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("  {command} ")), "{command} is missing");
        let output = selvage(&[command, "--help"]);
        assert!(output.status.success(), "{command} --help");
    }
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_met_with_the_nearest() {
    let page = selvage(&["explain", "fab1006"]);
    assert!(page.status.success());
    assert!(stdout(&page).starts_with("# FAB1006"));
    let unknown = selvage(&["explain", "FAB1OO6"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("FAB1006"));
}

#[test]
fn shells_and_man_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = selvage(&["completions", shell]);
        assert!(script.status.success() && stdout(&script).contains("openapi"), "{shell}");
    }
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("man1");
    assert!(selvage(&["man", &directory.display().to_string()]).status.success());
    for (page, says) in
        [("selvage.1", "selvage\\-check"), ("selvage-key-issue.1", "SYNOPSIS"), ("selvage-openapi.1", "server")]
    {
        let text = std::fs::read_to_string(directory.join(page)).unwrap();
        assert!(text.contains(says), "{page}: {text}");
    }
    let pages = std::fs::read_dir(&directory).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        pages.filter(|page| page.contains("-help")).collect::<Vec<_>>(),
        Vec::<String>::new(),
        "one page for each"
    );
}

#[test]
fn schemas_are_json_schemas() {
    for arguments in [vec!["schema"], vec!["schema", "Interface"]] {
        let schema: serde_json::Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    assert_eq!(selvage(&["schema", "Interfce"]).status.code(), Some(1));
}

#[test]
fn what_the_ledger_would_not_understand_is_wrong_usage() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().display().to_string();
    for arguments in [
        vec!["key", "issue", "mes", "--days", "0"],
        vec!["key", "issue", "mes", "--by", " "],
        vec!["key", "revoke", "key_1", "--because", ""],
        vec!["operations", "settle", "op_1", "--as", "done", "--because", "seen"],
        vec!["operations", "settle", "op_0123456789abcdef0123456789abcdef", "--as", "lost", "--because", "seen"],
        vec!["operations", "settle", "op_0123456789abcdef0123456789abcdef", "--as", "done"],
        vec!["operator", "add", ""],
        vec!["operator", "add", "ann\nbob"],
        vec!["ledger", "list", "--log", "a=["],
    ] {
        let output = selvage(&[arguments.clone(), vec!["--data", &data]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing was opened");
}

#[test]
fn nobody_logs_in_by_a_name_that_no_person_has() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data").display().to_string();
    for name in ["selvage", "cli", "unknown", "Directory"] {
        let output = selvage(&["operator", "add", name, "--data", &data]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("FAB7196"), "{name}: {said}");
    }
    assert!(!place.path().join("data").exists(), "nothing was opened");
    let output = selvage(&["operator", "add", "ann", "--days", "30", "--data", &data]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("a new one is made"), "{said}");
    let listed = selvage(&["key", "list", "--data", &data]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("operator ann") && listed.contains("ends "), "{listed}");
}

#[test]
fn what_is_wrong_with_the_store_has_a_code() {
    let output = selvage(&["key", "list", "--store", "mysql://host/database"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAB7005"));
}
