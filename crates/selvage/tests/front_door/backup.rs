//! Backup and restore of a node: made while it is written to, put back after it was killed; what was acknowledged before is there,
//! numbers go on above, a repeated key is known, and nobody is let in unasked who was put out since.

use std::path::Path;
use std::process::Output;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};
use crate::two_nodes::database;

const ORDERS: &str = "production-orders/v1/production-orders";

/// Publishes one event; where it is, and whether it was known.
async fn publish(client: &Client, served: &Served, key: &str, id: &str) -> (u64, bool) {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/mes-ghent/line-3", "type": "manufacturing.machine.stopped",
        "data": {"machine": "press-4", "site": "ghent", "state": "stopped", "cause": "fault", "since": "2026-11-26T06:30:00Z"},
    });
    let told: Value = eventually("the log is open", || async {
        let request = client.post(format!("{}/machine-states/v1/events", served.base)).bearer_auth(key);
        let request = request.header("content-type", "application/cloudevents+json").body(event.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let told: Value = answer.json().await.ok()?;
        // It asks so often that the grant's rate may be used up.
        let is_later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        assert!(is_later || matches!(status, StatusCode::ACCEPTED | StatusCode::OK), "{told}");
        (!is_later).then_some(told)
    })
    .await;
    let told = &told["events"][0];
    (told["sequence"].as_str().unwrap().parse().unwrap(), told["known"].as_bool().unwrap())
}

/// Makes an order; its location, and whether the answer was one of before.
async fn order(client: &Client, served: &Served, key: &str, name: &str) -> (Value, bool) {
    let body = json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": name});
    let request = client.post(format!("{}/{ORDERS}", served.base)).bearer_auth(key).header("idempotency-key", name);
    let answer = request.json(&body).send().await.unwrap();
    let replayed = answer.headers().contains_key("idempotency-replayed");
    assert_eq!(answer.status(), StatusCode::CREATED);
    (answer.json().await.unwrap(), replayed)
}

fn run(arguments: &[&str], store: &[String]) -> Output {
    selvage(&arguments.iter().copied().chain(store.iter().map(String::as_str)).collect::<Vec<_>>())
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(output)).unwrap()
}

fn refused(output: &Output, code: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    // Who has not answered for the access state is refused; the others cannot be done.
    let status = if code == "FAB7103" { 1 } else { 2 };
    assert!(output.status.code() == Some(status) && told.contains(code), "{code}: {told}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Restores, as `ann`.
fn restore(more: &[&str], file: &str, to: &[String]) -> Output {
    run(&[&["restore", file, "--by", "ann"], more].concat(), to)
}

/// A backup is restored once, whole, into nothing, and where somebody answers for its access state.
fn only_what_is_whole_and_answered_for(place: &Place, backup: &str, taken: &str, other: &[String]) {
    refused(&restore(&[], backup, other), "FAB7103");
    assert!(
        String::from_utf8_lossy(&restore(&[], backup, other).stderr).contains(&format!("--accept-access-of {taken}"))
    );
    let harmed = text(&place.path("harmed"));
    let mut bytes = std::fs::read(backup).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&harmed, bytes).unwrap();
    refused(&restore(&["--accept-access-of", taken], &harmed, other), "FAB7100");
    refused(&run(&["restore", &harmed, "--check"], other), "FAB7100");
    assert!(stdout(&run(&["restore", backup, "--check"], other)).starts_with("nothing wrong was found, as of "));
    let restored = restore(&["--accept-access-of", taken], backup, other);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let warned = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(warned.contains("WARNING: keys, grants and blocks are as they were at"), "{warned}");
    assert!(warned.contains("active is what was active then") && warned.contains("a directory, in dev"), "{warned}");
    refused(&restore(&["--accept-access-of", taken], backup, other), "FAB7102");
}

/// The story, from one store into another.
async fn survives(place: &Place, store: &[String], other: &[String], third: &[String]) {
    let (mes, planning) = (place.key(store, "mes-ghent"), place.key(store, "planning"));
    let client = Client::new();
    let mut served = place.serve(store, &[]);
    let (made, _) = order(&client, &served, &planning, "before").await;
    publish(&client, &served, &mes, "e-0").await;

    // Backups are made while somebody writes; what is acknowledged before one begins is in it.
    let writing = async {
        let mut last = 0;
        for number in 1..40 {
            last = publish(&client, &served, &mes, &format!("e-{number}")).await.0;
        }
        last
    };
    let backup = text(&place.path("node.backup"));
    let asked = {
        let (backup, store) = (backup.clone(), store.to_vec());
        move || run(&["backup", &backup, "--json"], &store)
    };
    let (last, told) = tokio::join!(writing, tokio::task::spawn_blocking(asked));
    let told = json_of(&told.unwrap());
    let taken = told["taken_at"].as_str().unwrap().to_owned();
    refused(&run(&["backup", &backup], store), "FAB7101");

    // What nobody will know of: a key that is taken back, and more events.
    let listed = stdout(&run(&["key", "list"], store));
    let line = listed.lines().find(|line| line.contains("planning")).unwrap().to_owned();
    let id = line.split_whitespace().next().unwrap().to_owned();
    json_of(&run(&["key", "revoke", &id, "--because", "lost", "--json"], store));
    let highest = publish(&client, &served, &mes, "e-40").await.0.max(last);
    served.process.kill();

    only_what_is_whole_and_answered_for(place, &backup, &taken, other);

    // The key counts again, as was accepted; the lost store would have known better.
    let listed = stdout(&run(&["key", "list"], other));
    assert!(listed.lines().any(|line| line.contains(&id) && line.contains("valid")), "{listed}");
    let lost = store.last().unwrap();
    let knowing = json_of(&restore(&["--lost-store", lost, "--json"], &backup, third));
    assert_eq!(knowing["ended_by_lost_store"], json!([id]));
    assert_eq!(knowing["decisions_of_then"]["active"].as_array().map(Vec::len), Some(1), "{knowing}");
    let listed = stdout(&run(&["key", "list"], third));
    assert!(listed.lines().any(|line| line.contains(&id) && line.contains("revoked")), "{listed}");

    let served = place.serve(other, &[]);
    let (again, replayed) = order(&client, &served, &planning, "before").await;
    assert!(replayed && again == made, "{again}");
    assert!(publish(&client, &served, &mes, "e-0").await.1, "what was acknowledged before is there");
    let (next, known) = publish(&client, &served, &mes, "e-41").await;
    assert!(!known && next > highest, "{next} is above {highest}");
    // Checkpoints of before are of the lost store's key; the node signs one with its own.
    let proven = || async { run(&["ledger", "verify"], other).status.success().then_some(()) };
    eventually("the ledger is whole, by a checkpoint too", proven).await;
    let ledger = stdout(&run(&["ledger", "list"], other));
    assert!(ledger.lines().any(|line| line.contains("ann") && line.contains("store.restored")), "{ledger}");
}

fn embedded(place: &Place, name: &str) -> Vec<String> {
    vec!["--data".to_owned(), text(&place.path(name))]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_a_file_survives_its_loss() {
    let place = Place::new().await;
    let (other, third) = (embedded(&place, "other"), embedded(&place, "third"));
    survives(&place, &place.data(), &other, &third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_a_server_survive_its_loss() {
    let place = Place::new().await;
    let third = embedded(&place, "third");
    survives(&place, &database().await, &database().await, &third).await;
}
