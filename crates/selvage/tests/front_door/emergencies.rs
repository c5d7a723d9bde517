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
---
kind: Team
name: integration
roles: {owner: [m.dewit], on_call: [n.night]}
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

/// INVARIANT: APPROVED: the command line is no way round who may raise an emergency, with names or with keys.
#[tokio::test]
async fn an_emergency_is_raised_alone_by_whom_the_fabric_knows_there() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let first = propose(place, "the first of all", &[]);
    well(place, &["change", "approve", &first, "--by", "s.okafor", "--because", "well"]);
    well(place, &["change", "release", &first, "--by", "m.dewit"]);
    let file = place.join("fabric/fabric.yaml");
    let propose_as = |by: &str, word: &str, more: &[&str]| {
        std::fs::write(&file, format!("# {word}\n{FABRIC}")).unwrap();
        let fabric = place.join("fabric").display().to_string();
        run(place, &[&["propose", &fabric, "--title", word, "--by", by], more].concat())
    };
    let (is_well, said) = propose_as("o.outsider", "the line stands", &["--emergency"]);
    assert!(!is_well && said.contains("FAB7206") && said.contains("fabric.yaml:"), "{said}");
    assert!(said.contains("ask one who has: m.dewit, n.night, s.okafor"), "{said}");
    // While nobody has a key, anybody proposes what others approve.
    assert!(propose_as("o.outsider", "no hurry", &[]).0);

    let activate = |id: &str, by: &str| {
        let listed = well(place, &["change", "show", id, "--json"]);
        let change: Value = serde_json::from_str(&listed).unwrap();
        let release = change["release"].as_str().unwrap().to_owned();
        run(place, &["release", "activate", &release, "--env", "test", "--by", by, "--because", "it stands"])
    };
    for keys in [false, true] {
        if keys {
            for name in ["o.outsider", "n.night", "s.okafor"] {
                well(place, &["operator", "add", name]);
            }
            let (is_well, said) = propose_as("o.outsider", "no hurry at all", &[]);
            assert!(!is_well && said.contains("FAB8061"), "{said}");
            let (is_well, said) = propose_as("n.night", "no hurry at night", &[]);
            assert!(!is_well && said.contains("FAB8061"), "who is on call raises emergencies alone: {said}");
        }
        let (is_well, said) = propose_as("n.night", &format!("it stands again, {keys}"), &["--emergency", "--json"]);
        assert!(is_well, "{said}");
        let change: Value = serde_json::from_str(&said).unwrap();
        let id = change["id"].as_str().unwrap();
        let release = |by: &str| run(place, &["change", "release", id, "--by", by]);
        let (is_well, said) = release("o.outsider");
        assert!(!is_well && said.contains("FAB7206"), "{said}");
        let (is_well, said) = release("n.night");
        assert!(is_well, "{said}");
        let (is_well, said) = activate(id, "o.outsider");
        assert!(!is_well && said.contains("FAB7206"), "{said}");
        let (is_well, said) = activate(id, "n.night");
        assert!(is_well, "{said}");
    }
    let back = |by: &str| {
        run(place, &["release", "rollback", "--domain", "group", "--env", "test", "--by", by, "--because", "no better"])
    };
    let (is_well, said) = back("o.outsider");
    assert!(!is_well && said.contains("FAB7206"), "{said}");
    let (is_well, said) = back("n.night");
    assert!(is_well, "{said}");
}
