//! Emergency changes through the commands: what nobody ratified in time is a breach, and stays one when somebody does it at last.

use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::fixture::{selvage, stdout};

const FABRIC: &str = "kind: Fabric
name: velo-works
environments: {test: {}}
---
kind: Domain
name: group
board: {security: [s.okafor], quorum: 1}
";

/// What a command says about the store of this place, and whether it went well.
fn run(place: &Path, arguments: &[&str]) -> (bool, String) {
    let data = place.join("data").display().to_string();
    let output = selvage(&[arguments, &["--data", &data]].concat());
    (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
}

fn well(place: &Path, arguments: &[&str]) -> String {
    let (well, said) = run(place, arguments);
    assert!(well, "{arguments:?}: {said}");
    said
}

/// Proposes the fabric with a word more; its id.
fn propose(place: &Path, word: &str, more: &[&str]) -> String {
    let fabric = place.join("fabric");
    std::fs::create_dir_all(&fabric).unwrap();
    std::fs::write(fabric.join("fabric.yaml"), format!("# {word}\n{FABRIC}")).unwrap();
    let fabric = fabric.display().to_string();
    let propose = ["propose", &fabric, "--domain", "group", "--title", word, "--by", "m.dewit", "--json"];
    let data = place.join("data").display().to_string();
    let output = selvage(&[&propose[..], more, &["--data", &data]].concat());
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{output:?}"));
    told["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_emergency_that_was_ratified_late_stays_a_breach() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let approve = |id: &str| well(place, &["change", "approve", id, "--by", "s.okafor", "--because", "well"]);
    let first = propose(place, "the first of all", &[]);
    approve(&first);
    well(place, &["change", "release", &first, "--by", "m.dewit"]);
    let urgent = propose(place, "the line stands", &["--emergency"]);
    well(place, &["change", "release", &urgent, "--by", "m.dewit"]);
    let listed = well(place, &["change", "list"]);
    assert!(listed.contains(&urgent) && listed.contains("to ratify until"), "{listed}");
    assert!(!listed.contains(&first), "{listed}");
    well(place, &["board"]);

    let file = format!("sqlite:{}", place.join("data/selvage.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    let over = "UPDATE change_proposal SET ratify_until = 1000000 WHERE ratify_until IS NOT NULL";
    sqlx::raw_sql(AssertSqlSafe(over.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (is_well, said) = run(place, &["board"]);
    assert!(!is_well && said.contains("BREACH since"), "{said}");
    approve(&urgent);
    let (is_well, said) = run(place, &["board"]);
    assert!(!is_well && said.contains("BREACH, ratified"), "{said}");
    let listed = well(place, &["change", "list"]);
    assert!(listed.contains(&urgent) && listed.contains("BREACH: ratified after"), "{listed}");
    well(place, &["board", "--person", "s.okafor"]);
    well(place, &["ledger", "verify"]);
}
