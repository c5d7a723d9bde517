//! What the command line says about itself.

use crate::fixture::{selvage, stdout};

#[test]
fn help_names_every_command() {
    let help = stdout(&selvage(&["--help"]));
    insta::assert_snapshot!("help", help);
    for command in
        ["check", "explain", "schema", "test", "serve", "demo", "factory", "key", "operator", "operations", "ledger"]
    {
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
fn schemas_are_json_schemas() {
    for arguments in [vec!["schema"], vec!["schema", "Interface"]] {
        let schema: serde_json::Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    assert_eq!(selvage(&["schema", "Interfce"]).status.code(), Some(1));
}
