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
    assert_eq!(unknown.status.code(), Some(2));
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
    assert_eq!(selvage(&["schema", "Interfce"]).status.code(), Some(2));
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
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAB7005"));
}

#[test]
fn how_a_command_ends_tells_a_no_from_what_could_not_be_done() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let (fabric, data) = (crate::fixture::sample().display().to_string(), at("data"));
    let broken = at("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(place.path().join("broken/a.yaml"), "kind: Taem\nname: a\n").unwrap();
    let issued = selvage(&["key", "issue", "mes-ghent", "--data", &data]);
    assert!(issued.status.success());
    let decide = |who: &'static str, path: &'static str| vec!["decide", "--as", who, "GET", path, "--fabric", &fabric];
    let table = [
        (vec!["check", &fabric], 0),
        (decide("planning", "/products/v1/products"), 0),
        (vec!["check", &broken], 1),
        (decide("mes-ghent", "/products/v1/products"), 1),
        (vec!["catalogue", "search", "nowhere", "--fabric", &fabric], 1),
        (decide("nobody", "/products/v1/products"), 2),
        (vec!["change", "show", "chg_none", "--data", &data], 2),
        (vec!["key", "list", "--data", "/nowhere/at/all"], 2),
        (vec!["ledger", "list", "--limit", "0"], 2),
    ];
    for (arguments, code) in table {
        let output = selvage(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(stdout(&selvage(&["--help"])).contains("Exit status: 0 all is well; 1 "));
}
