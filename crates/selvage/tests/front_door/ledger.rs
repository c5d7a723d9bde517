//! The ledger's checkpoints: made by a node and on demand, verified with a key of before, and what they find of a store in which
//! somebody could write everything.

use std::time::{Duration, Instant};

use selvage_store::Store;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::changes::{Plants, serve};
use crate::fixture::{Place, Process, eventually, selvage, stdout};

/// What `selvage ledger` says of the store of this place, and whether all is well.
fn ledger(place: &Place, arguments: &[&str]) -> (bool, String) {
    let data = place.data();
    let all: Vec<&str> =
        ["ledger"].into_iter().chain(arguments.iter().copied()).chain(data.iter().map(String::as_str)).collect();
    let output = selvage(&all);
    (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
}

async fn tamper(place: &Place, sql: &str) {
    let file = format!("sqlite:{}", place.path("data/selvage.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_show_what_the_chain_alone_cannot() {
    let place = Place::new().await;
    let served = place.serve(&place.data(), &[]);
    let made = || async { ledger(&place, &["checkpoints"]).1.lines().next().map(str::to_owned) };
    let first = eventually("the node signs what the ledger is", made).await;
    drop(served);
    place.key(&place.data(), "planning");
    let (_, last) = ledger(&place, &["checkpoint"]);
    let key = ledger(&place, &["key"]).1.trim().to_owned();
    let elsewhere = place.path("elsewhere.jsonl");
    std::fs::write(&elsewhere, format!("{first}\n\n{last}")).unwrap();
    let kept = elsewhere.display().to_string();
    let verify = |file: &str, key: &str| ledger(&place, &["verify", "--checkpoints", file, "--key", key]);
    let (whole, said) = verify(&kept, &key);
    assert!(whole && said.contains("2 checkpoints are signed with the key, the last of entry"), "each once: {said}");
    assert!(!said.contains("whole"), "nobody can say that it is whole: {said}");
    assert!(ledger(&place, &["verify"]).0, "the key's own file tells the key");

    // Nothing is proven by what nobody could look at.
    let nowhere = place.path("nowhere.key").display().to_string();
    let (whole, said) = ledger(&place, &["verify", "--ledger-key", &nowhere]);
    assert!(!whole && said.contains("FAB7072") && said.contains("--key PUBLIC"), "{said}");

    // Neither another key nor another number passes for the one that signed.
    let other = place.path("other.key").display().to_string();
    let another = ledger(&place, &["key", "--ledger-key", &other]).1;
    let (whole, said) = verify(&kept, another.trim());
    assert!(!whole && said.contains("FAB7110"), "{said}");
    let forged = place.path("forged.jsonl").display().to_string();
    std::fs::write(&forged, last.replacen("\"entries\":", "\"entries\":1", 1)).unwrap();
    let (whole, said) = verify(&forged, &key);
    assert!(!whole && said.contains("FAB7110"), "{said}");
    std::fs::write(&forged, "a shopping list\n").unwrap();
    let (whole, said) = verify(&forged, &key);
    assert!(!whole && said.contains("FAB7111") && said.contains("line 1"), "{said}");

    // Whoever can write the database sets head and checkpoints back with the tail.
    let cut = "DELETE FROM ledger_checkpoint; DELETE FROM ledger WHERE seq = (SELECT MAX(seq) FROM ledger);
        UPDATE ledger_head SET entries = (SELECT MAX(seq) FROM ledger),
        entry_hash = (SELECT entry_hash FROM ledger ORDER BY seq DESC LIMIT 1) WHERE id = 1;";
    tamper(&place, cut).await;
    // The last checkpoint is kept beside the marks, too, and nothing is signed before somebody has looked.
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(!whole && said.contains("and a checkpoint was made of entry"), "{said}");
    let (signed, said) = ledger(&place, &["checkpoint"]);
    assert!(!signed && said.contains("FAB7008"), "{said}");
    std::fs::remove_file(place.path("data/ledger.checkpoint")).unwrap();
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(whole && said.contains("no checkpoint is signed with the key"), "the store agrees with itself: {said}");
    let (whole, said) = verify(&kept, &key);
    assert!(!whole && said.contains("and a checkpoint was made of entry"), "{said}");
    tamper(&place, "DELETE FROM ledger; UPDATE ledger_head SET entries = 0, entry_hash = zeroblob(32);").await;
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(!whole && said.contains("does not begin"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_that_a_node_would_have_made_are_missed() {
    let place = Place::new().await;
    place.key(&place.data(), "planning");
    assert!(ledger(&place, &["key"]).0, "a key is made");
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    for number in 0..100 {
        store.record_release(&format!("rel_{number}"), &serde_json::json!({}), "ann").await.unwrap();
    }
    store.close().await;
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(!whole && said.contains("FAB7192"), "{said}");
    assert!(ledger(&place, &["checkpoint"]).0);
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(whole && said.contains("1 checkpoints are signed with the key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_listed_in_pages_from_either_end() {
    let place = Place::new().await;
    let data = place.data();
    for _ in 0..6 {
        place.key(&data, "planning");
    }
    let list = |more: &[&str]| {
        let all: Vec<&str> =
            ["ledger", "list"].iter().chain(more).copied().chain(data.iter().map(String::as_str)).collect();
        let output = selvage(&all);
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        let numbers = stdout(&output);
        let numbers = numbers.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
        (numbers.collect::<Vec<u64>>(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let table: [(&[&str], &[u64], &str); 9] = [
        (&[], &[1, 2, 3, 4, 5, 6, 7], ""),
        (&["--all"], &[1, 2, 3, 4, 5, 6, 7], ""),
        (&["--all", "--newest"], &[7, 6, 5, 4, 3, 2, 1], ""),
        (&["--limit", "3"], &[1, 2, 3], "7 in all: --after 3,"),
        (&["--limit", "3", "--after", "3"], &[4, 5, 6], "--after 6,"),
        (&["--limit", "3", "--after", "6"], &[7], ""),
        (&["--limit", "2", "--newest"], &[7, 6], "--newest --after 6,"),
        (&["--limit", "5", "--newest", "--after", "6"], &[5, 4, 3, 2, 1], ""),
        (&["--from", "6"], &[6, 7], ""),
    ];
    for (more, numbers, goes_on) in table {
        let (listed, said) = list(more);
        assert_eq!(listed, numbers, "{more:?}");
        assert!(if goes_on.is_empty() { said.is_empty() } else { said.contains(goes_on) }, "{more:?}: {said}");
    }
    assert!(list(&["--after", "7"]).0.is_empty() && list(&["--newest", "--after", "1"]).0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_erased_and_the_chain_stays_whole() {
    let place = Place::new().await;
    let data = place.data();
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(data.iter().map(String::as_str)).collect();
        let output = selvage(&all);
        (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
    };
    assert!(run(&["operator", "add", "m.petit", "--by", "s.okafor"]).0);
    assert!(run(&["key", "issue", "planning", "--by", "m.petit"]).0);
    assert!(run(&["block", "interface", "inventory@2", "--because", "a leak", "--by", "m.petit"]).0);
    let (_, listed) = run(&["ledger", "list"]);
    assert!(listed.contains("m.petit"), "{listed}");
    for wrong in [["--by", "m.petit", "--because", "mine"], ["--by", "s.okafor", "--because", "M.Petit left"]] {
        assert!(!run(&[&["people", "erase", "m.petit"], &wrong[..]].concat()).0);
    }
    assert!(ledger(&place, &["verify"]).0);
    let (well, said) = run(&["people", "erase", "m.petit", "--by", "s.okafor", "--because", "they left"]);
    assert!(well && said.contains("erased person "), "{said}");
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(whole, "{said}");
    let (_, listed) = run(&["ledger", "list"]);
    assert!(listed.contains("erased person ") && !listed.contains("m.petit"), "{listed}");
    let file = place.path("after.backup").display().to_string();
    assert!(run(&["backup", &file]).0);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("m.petit"));
    let (well, said) = run(&["people", "erase", "m.petit", "--by", "s.okafor", "--because", "again"]);
    assert!(!well && said.contains("FAB7006"), "{said}");
    tamper(&place, "UPDATE person SET name = 'p.moreau' WHERE name = 's.okafor'").await;
    let (whole, said) = ledger(&place, &["verify"]);
    assert!(!whole && said.contains("was exchanged"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_node_says_that_nothing_outside_vouches_for_its_ledger() {
    let plants = Plants::new().await;
    let change = plants.approve(&plants.propose("group", "The first of all", "a.lindqvist", &[]));
    let release = plants.release(&change, "a.lindqvist");
    plants.activate(&release, "test");
    plants.activate(&release, "prod");
    let addresses = ["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let serve = ["serve", "--env", "prod"].into_iter().chain(addresses).map(str::to_owned);
    let arguments: Vec<String> = serve.chain(plants.store.iter().cloned()).collect();
    let (_process, said) = Process::start(&arguments, &["selvage: FAB7210:"]);
    let warned = &said["selvage: FAB7210:"];
    assert!(warned.contains("lies beside the store") && warned.contains("--ledger-key"), "{warned}");
}

/// What controls come to, as the command says and as a node does.
fn verdict(package: &Value, id: &str) -> (String, String) {
    let controls = package["controls"].as_array().unwrap();
    let found = controls.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}: {controls:#?}"));
    (found["verdict"].as_str().unwrap().to_owned(), found["cases"].to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_signs_nothing_that_does_not_fit_what_was_signed_before() {
    let plants = Plants::new().await;
    let release =
        plants.release(&plants.approve(&plants.propose("group", "The first", "a.lindqvist", &[])), "a.lindqvist");
    plants.activate(&release, "test");
    plants.activate(&release, "prod");
    let operator = plants.well(&["operator", "add", "a.lindqvist"]).trim().to_owned();
    let (_node, _, console) = serve(&plants);
    let asked = async || {
        let url = format!("{console}/api/evidence/controls?from=2026-01-01");
        let told = async || {
            let answer = reqwest::Client::new().get(&url).bearer_auth(&operator).send().await.unwrap();
            (answer.status() == 200).then_some(answer.json::<Value>().await.unwrap()["package"].clone())
        };
        eventually("the node knows the operator", told).await
    };
    let (began, mut number) = (Instant::now(), 0);
    let mut told = || {
        number += 1;
        let out = plants.place.path(&format!("evidence-{number}")).display().to_string();
        let output = plants.run(&["evidence", "control", "all", "--out", &out]);
        let text = std::fs::read_to_string(stdout(&output).lines().next().unwrap()).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        (document["package"].clone(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // The node that starts signs its first checkpoint meanwhile.
    while verdict(&told().0, "ledger-checkpoints").0 != "met" && began.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for package in [told().0, asked().await] {
        assert_eq!(verdict(&package, "ledger-integrity").0, "met", "{package:#}");
        assert_eq!(verdict(&package, "ledger-checkpoints").0, "met", "{package:#}");
    }
    for no in 0..5 {
        plants.well(&["block", "interface", &format!("later-{no}@1"), "--because", "a leak", "--anyway"]);
    }
    assert!(ledger(&plants.place, &["checkpoint"]).0);
    let cut = "DELETE FROM ledger_checkpoint; DELETE FROM ledger WHERE seq > (SELECT MAX(seq) FROM ledger) - 5;
        UPDATE ledger_head SET entries = (SELECT MAX(seq) FROM ledger),
        entry_hash = (SELECT entry_hash FROM ledger ORDER BY seq DESC LIMIT 1) WHERE id = 1;";
    tamper(&plants.place, cut).await;
    let (package, said) = told();
    assert!(said.contains("FAB7008") && said.contains("a checkpoint was made of entry"), "{said}");
    for package in [package, asked().await] {
        let (whole, cases) = verdict(&package, "ledger-integrity");
        assert!(whole == "not met" && cases.contains("a checkpoint was made of entry"), "{cases}");
        let (signed, cases) = verdict(&package, "ledger-checkpoints");
        assert!(signed == "not met" && cases.contains("until somebody has looked"), "{cases}");
    }
    assert_eq!(ledger(&plants.place, &["checkpoints"]).1, "", "nothing was signed");
    assert!(!ledger(&plants.place, &["verify"]).0);
}
