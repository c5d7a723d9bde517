//! Advice and the catalogue through the binary: over the sample fabric, and over what a store has seen and released.

use std::path::Path;

use reqwest::Client;
use serde_json::Value;

use crate::fixture::{Place, sample, selvage, stdout};

fn json(arguments: &[&str], status: i32) -> Value {
    let output = selvage(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stdout(&output)))
}

/// The advice about an interface to a question.
fn advice<'v>(all: &'v Value, interface: &str, question: &str) -> &'v Value {
    let is_it = |it: &&Value| it["interface"] == interface && it["question"] == question;
    all.as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("no advice about {question} of {interface}"))
}

fn facts(reasons: &Value) -> Vec<&str> {
    reasons.as_array().unwrap().iter().map(|reason| reason["fact"].as_str().unwrap()).collect()
}

#[test]
fn the_sample_is_advised_about() {
    let directory = sample();
    let directory = directory.to_str().unwrap();
    let all = json(&["advise", directory, "--json"], 1);
    let ignored = all.as_array().unwrap().iter().filter(|it| it["ignored"] == true);
    let ignored: Vec<&str> = ignored.map(|it| it["interface"].as_str().unwrap()).collect();
    assert_eq!(ignored, ["inventory@2"], "the list beside the board that reads the copy");
    let board = advice(&all, "stock-board@1", "reads");
    assert_eq!(
        (&board["answer"], &board["declared"], &board["ignored"]),
        (&"copy".into(), &"copy".into(), &false.into())
    );
    assert!(facts(&board["reasons"]).contains(&"copy-is-kept"), "{board}");
    let orders = advice(&all, "production-orders@1", "reads");
    assert_eq!(orders["answer"], "live", "{orders}");
    assert!(facts(&orders["against"]).contains(&"outlasts-its-system"), "what speaks against it is told: {orders}");
    let text = stdout(&selvage(&["advise", directory, "--interface", "stock-board"]));
    assert!(text.starts_with("stock-board@1\n  path: mediated"), "{text}");
    assert!(text.contains("    + `stock-events@1` keeps a copy that is at most 1m old"), "{text}");
}

#[test]
fn what_is_clearly_otherwise_needs_a_because() {
    let directory = tempfile::tempdir().unwrap();
    crate::fixture::copy(&sample(), directory.path());
    let path = directory.path().join("events.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(", reads: {copy: stock-events@1}", "")).unwrap();
    let fabric = directory.path().to_str().unwrap();
    let all = json(&["advise", fabric, "--json"], 1);
    assert_eq!(advice(&all, "stock-board@1", "reads")["ignored"], true);
    let text = std::fs::read_to_string(&path).unwrap();
    let said =
        text.replace("name: stock-board\n", "name: stock-board\nbecause: It replaces a board that asked Odoo.\n");
    std::fs::write(&path, said).unwrap();
    let output = selvage(&["advise", fabric, "--interface", "stock-board"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("    = It replaces a board that asked Odoo."), "{}", stdout(&output));
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("nowhere");
    let output = selvage(&["advise", sample().to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!Path::new(&data).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_speaks_too() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let client = Client::new();
    for _ in 0..3 {
        let url = format!("{}/inventory/v2/inventory-positions?limit=1", served.base);
        assert!(client.get(url).bearer_auth(&board).send().await.unwrap().status().is_success());
    }
    drop(served);
    let (fabric, data) = (place.fabric(), place.path("data"));
    let all = json(&["advise", fabric.to_str().unwrap(), "--json", "--data", data.to_str().unwrap()], 0);
    let reads = advice(&all, "inventory@2", "reads");
    assert!(facts(&reads["reasons"]).contains(&"seldom-read"), "{reads}");
    let arrival = advice(&all, "inventory@2", "arrival");
    assert!(facts(&arrival["reasons"]).contains(&"seldom-asked"), "{arrival}");
}

#[test]
fn interfaces_are_found_and_shown() {
    let directory = sample();
    let fabric = ["--fabric", directory.to_str().unwrap()];
    let found = stdout(&selvage(&[&["catalogue", "search", "board", "stock"], &fabric[..]].concat()));
    let names: Vec<&str> = found.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names[0], "stock-board@1", "{found}");
    assert_eq!(selvage(&[&["catalogue", "search", "nowhere"], &fabric[..]].concat()).status.code(), Some(1));
    let list = stdout(&selvage(&[&["catalogue", "list"], &fabric[..]].concat()));
    for expected in ["legacy-stock@1", "deprecated", "retired", "ops.desk"] {
        assert!(list.contains(expected), "{expected}: {list}");
    }
    let shown = stdout(&selvage(&[&["catalogue", "show", "legacy-stock"], &fabric[..]].concat()));
    for expected in [
        "state      deprecated since 2026-09-01, ends on 2027-03-01; use inventory@2 instead",
        "owner      warehouse-it, in the domain group",
        "on_call    ops.desk",
        "stands on  system wms-central",
        "shop-floor-board of warehouse-it: listStock, getStock",
        "\"$SELVAGE/legacy-stock/v1/",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let orders = json(&[&["catalogue", "show", "production-orders", "--json"], &fabric[..]].concat(), 0);
    let create = orders["examples"].as_array().unwrap().iter().find(|it| it["operation"] == "create").unwrap();
    assert!(create["body"].is_object(), "{create}");
    let unknown = selvage(&[&["catalogue", "show", "production-order@1"], &fabric[..]].concat());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `production-orders@1`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_served_is_shown_with_its_use() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let url = format!("{}/inventory/v2/inventory-positions?limit=1", served.base);
    let answer = Client::new().get(url).bearer_auth(&board).send().await.unwrap();
    assert!(answer.status().is_success());
    drop(served);
    let data = place.path("data");
    let shown =
        json(&["catalogue", "show", "inventory@2", "--json", "--env", "dev", "--data", data.to_str().unwrap()], 0);
    let consumers = shown["consumers"].as_array().unwrap();
    let of = |name: &str| consumers.iter().find(|it| it["consumer"] == name).unwrap();
    assert!(of("shop-floor-board")["last_used"].is_string(), "{shown}");
    assert!(of("planning")["last_used"].is_null() && of("planning")["grant"].is_string(), "{shown}");
}

#[test]
fn what_releases_made_of_an_interface_is_told() {
    let place = tempfile::tempdir().unwrap();
    let (fabric, data) = (place.path().join("fabric"), place.path().join("data"));
    crate::fixture::copy(&sample(), &fabric);
    let (fabric, data) = (fabric.to_str().unwrap(), data.to_str().unwrap());
    let run = |arguments: &[&str]| {
        let output = selvage(&[arguments, &["--data", data]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let release = |title: &str| {
        let propose =
            ["propose", fabric, "--domain", "group", "--title", title, "--by", "x.author", "--json", "--data", data];
        let id = json(&propose, 0)["id"].as_str().unwrap().to_owned();
        for _ in 0..20 {
            let shown = json(&["change", "show", &id, "--json", "--data", data], 0);
            let open = shown["open"].as_array().unwrap();
            let Some(person) = open.first().and_then(|open| open["people"][0].as_str()) else { break };
            run(&["change", "approve", &id, "--by", person, "--because", "well"]);
        }
        run(&["change", "release", &id, "--by", "a.lindqvist"]);
    };
    release("The first");
    let path = place.path().join("fabric/interfaces.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace(
            "limits: {rate: 100/s, quota: 200000/day, timeout: 5s}",
            "limits: {rate: 50/s, quota: 200000/day, timeout: 5s}",
        ),
    )
    .unwrap();
    release("Half as many");
    let shown = json(&["catalogue", "show", "inventory@2", "--json", "--data", data], 0);
    let log = shown["changelog"].as_array().unwrap();
    assert_eq!(log[0]["title"], "Half as many", "{log:?}");
    assert!(!log[0]["differences"].as_array().unwrap().is_empty());
    assert_eq!(log.len(), 2);
}
