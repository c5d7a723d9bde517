//! `selvage usage` and `selvage shadow`: what nodes counted is in the store, whether they end in order or are killed.

use reqwest::Client;
use serde_json::Value;

use crate::fixture::{Place, eventually, selvage, stdout};
use crate::publishing::{Line, STRUCTURED, event, with};
use crate::pulling::READS;

fn told(arguments: &[&str], store: &[String]) -> Value {
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let output = selvage(&[arguments, &["--json"], &store].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn requests(usage: &Value, interface: &str, attribute: Option<&str>) -> u64 {
    let rows = usage["usage"].as_array().unwrap();
    let of = |row: &&Value| row["interface"] == interface && row["attribute"].as_str() == attribute;
    rows.iter().filter(of).map(|row| row["requests"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn use_is_counted_over_restarts_and_shown_by_consumer_and_attribute() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let client = Client::new();
    for round in 1..=2_u64 {
        let served = place.serve(&store, &[]);
        for _ in 0..5 {
            let url = format!("{}/inventory/v2/inventory-positions?limit=1&site=ghent", served.base);
            let answer = client.get(url).bearer_auth(&board).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        }
        client.get(format!("{}/inventory/v7/nothing/{round}", served.base)).bearer_auth(&board).send().await.unwrap();
        // It ends in order, and writes what it counted.
        drop(served);
        let usage = told(&["usage"], &store);
        assert_eq!(requests(&usage, "inventory@2", None), 5 * round, "{usage}");
        assert_eq!(requests(&usage, "inventory@2", Some("site")), 5 * round, "{usage}");
        assert_eq!(usage["gaps"].as_array().unwrap().len(), 0);
    }
    let text = |arguments: &[&str]| {
        let store: Vec<&str> = store.iter().map(String::as_str).collect();
        let output = selvage(&[arguments, &store].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    for (arguments, expected) in [
        (&["usage"][..], "inventory@2"),
        (&["usage", "inventory"], "shop-floor-board"),
        (&["usage", "shop-floor-board"], "inventory@2"),
        (&["usage", "inventory@2", "--by", "attribute"], "site"),
        (&["usage", "--by", "operation"], "list"),
    ] {
        assert!(text(arguments).contains(expected), "{arguments:?}: {}", text(arguments));
    }
    let shadows = told(&["shadow"], &store);
    assert_eq!(shadows[0]["path"], "/inventory/v7/nothing/{number}", "{shadows}");
    assert_eq!((&shadows[0]["requests"], &shadows[0]["likely"]), (&Value::from(2), &Value::from("inventory@2")));
    let keys = text(&["key", "list"]);
    let key = keys.lines().find(|line| line.contains("shop-floor-board")).unwrap();
    assert!(!key.trim_end().ends_with('-'), "it was used: {key}");
    assert_eq!(selvage(&["usage", "--since", "long"]).status.code(), Some(2));
}

/// What was published and kept counts by attribute, who pulls asks for whole events, and what nobody declares is shadow traffic.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_used_by_attribute_as_records_are() {
    let place = Place::new().await;
    place.edit("consumers.yaml", "kind: Consumer\nname: planning\n", READS);
    let line = Line::of(place);
    assert_eq!(line.send(STRUCTURED, &event("a", "press-4")).await.0.as_u16(), 202);
    assert_eq!(line.send(STRUCTURED, &with("/type", "manufacturing.machine.lost".into())).await.0.as_u16(), 422);
    let board = line.place.key(&line.store, "shop-floor-board");
    eventually("events are pulled", || async {
        let url = format!("{}/machine-states/v1/events", line.served.base);
        let answer = line.client.get(url).bearer_auth(&board).send().await.unwrap();
        answer.status().is_success().then_some(())
    })
    .await;
    // It ends in order, and writes what it counted.
    let Line { place: _place, store, served, .. } = line;
    drop(served);
    let usage = told(&["usage"], &store);
    for (attribute, expected) in [("machine", 1), ("cause", 1), ("scrapped", 0), ("*", 1)] {
        assert_eq!(requests(&usage, "machine-states@1", Some(attribute)), expected, "{attribute}: {usage}");
    }
    let shadows = told(&["shadow"], &store);
    let (method, path, likely) = (&shadows[0]["method"], &shadows[0]["path"], &shadows[0]["likely"]);
    let stray = "/machine-states/v1/manufacturing.machine.lost";
    assert_eq!(
        (method.as_str(), path.as_str(), likely.as_str()),
        (Some("PUBLISH"), Some(stray), Some("machine-states@1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_takes_no_more_with_it_than_it_did_not_write_yet() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let mut served = place.serve(&store, &[]);
    let client = Client::new();
    let url = format!("{}/inventory/v2/inventory-positions?limit=1", served.base);
    client.get(url).bearer_auth(&board).send().await.unwrap();
    let written = || async { (requests(&told(&["usage"], &store), "inventory@2", None) == 1).then_some(()) };
    eventually("it is written while the node runs", written).await;
    let metrics = client.get(&served.metrics).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("selvage_usage_written_rows_total") && metrics.contains("selvage_usage_waiting_rows 0"));
    served.process.kill();
    assert_eq!(requests(&told(&["usage"], &store), "inventory@2", None), 1);
}
