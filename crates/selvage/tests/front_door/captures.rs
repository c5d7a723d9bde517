//! Captures through the front door: a node captures, its metrics and commands say how that stands, and a copy is read through the port.

use reqwest::Client;
use serde_json::{Map, Value, json};

use crate::fixture::{PATIENCE, Place, eventually, selvage, stdout};

const INTERFACES: &str = r#"
kind: Interface
name: product-events
type: event
version: 1.0
owner: master-data
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 15m}, data: internal}
events:
  masterdata.product.renamed: {object: product@1, when: "before.name != after.name"}
produced_by: odoo
lane: data.id
retention: {for: 30d}
capture: {record: product.product, webhook: true, poll: 1s, overlap: 10s, reconcile_deletes: 6h}
copy: {max_age: 60s}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_captures_and_its_copy_is_read_through_the_port() {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("product-events.yaml"), INTERFACES).unwrap();
    let live = "{object: product@1, system: odoo, operations: [list, get]}";
    place.edit("interfaces.yaml", live, &live.replace("]}", "], reads: {copy: product-events@1}}"));
    let store = place.data();
    let key = place.key(&store, "planning");
    let served = place.serve(&store, &[]);
    let client = Client::builder().timeout(PATIENCE).build().unwrap();
    let url = format!("{}/products/v1/products", served.base);
    let answer = eventually("the copy is whole", || async {
        let answer = client.get(&url).bearer_auth(&key).send().await.unwrap();
        answer.status().is_success().then_some(answer)
    })
    .await;
    assert!(answer.headers().contains_key("age"), "{:?}", answer.headers());
    let page: Value = answer.json().await.unwrap();
    assert_eq!(page["source"]["kind"], "copy");
    assert!(!page["items"].as_array().unwrap().is_empty());

    let command = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(store.iter().map(String::as_str)).collect();
        stdout(&selvage(&arguments))
    };
    let listed = command(&["captures", "list"]);
    assert!(listed.contains("product-events@1") && listed.contains("following"), "{listed}");
    assert!(command(&["captures", "show", "product-events@1"]).contains("none"));
    let rows: Value = serde_json::from_str(&command(&["copies", "list", "--json"])).unwrap();
    let of_products = rows.as_array().unwrap().iter().find(|row| row["interface"] == "product-events@1").unwrap();
    assert_eq!(of_products["records"].as_u64(), page["items"].as_array().map(|items| items.len() as u64));
    command(&["copies", "rebuild", "product-events@1", "--because", "a test"]);
    assert!(command(&["ledger", "list"]).contains("copy.rebuilt"));
    let resumed = ["captures", "resume", "product-events@1", "--tell", "--because", "a test"];
    let arguments: Vec<&str> = resumed.into_iter().chain(store.iter().map(String::as_str)).collect();
    assert!(!selvage(&arguments).status.success(), "it does not stand still");
}

const CHANGED: &str = r#"
kind: Interface
name: product-events
type: event
version: 1.0
owner: master-data
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 15m}, data: internal}
events:
  masterdata.product.changed: {object: product@1, when: "before != null && after != null"}
produced_by: odoo
lane: data.id
retention: {for: 30d}
capture: {record: product.product, poll: 1s, overlap: 10s}
---
kind: Grant
consumer: planning
interface: product-events@1
operations: [read]
except: [name]
purpose: Knows when to look at a product again
until: 2028-06-30T18:00+02:00
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_does_not_name_what_its_consumer_is_not_shown() {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("product-events.yaml"), CHANGED).unwrap();
    let store = place.data();
    let key = place.key(&store, "planning");
    let served = place.serve(&store, &[]);
    let client = Client::builder().timeout(PATIENCE).build().unwrap();
    let url = format!("{}/product-events/v1/events", served.base);
    let arguments: Vec<&str> = ["captures", "list"].into_iter().chain(store.iter().map(String::as_str)).collect();
    eventually("the capture follows", || async { stdout(&selvage(&arguments)).contains("following").then_some(()) })
        .await;
    let product = place.factory.odoo.records("product.product")[0]["id"].clone();
    let named = json!({"name": "renamed"});
    let both = json!({"name": "renamed again", "weight": 7});
    let mut query = String::new();
    for (values, weighed) in [(named, false), (both, true)] {
        let arguments = [json!([product]), values];
        place.factory.odoo.call("product.product", "write", &arguments, &Map::new()).unwrap();
        let page = eventually("the event is told", || async {
            let request = client.get(format!("{url}{query}")).bearer_auth(&key);
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            page["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(page)
        })
        .await;
        let event = &page["items"][0];
        assert!(event["data"].get("name").is_none() && event["data"]["code"].is_string(), "{event:#}");
        let changed: Vec<&str> = event["changed"].as_str().into_iter().flat_map(|changed| changed.split(',')).collect();
        assert_eq!((changed.contains(&"name"), changed.contains(&"weight")), (false, weighed), "{event:#}");
        query = format!("?after={}", page["next"].as_str().unwrap());
    }
}

/// Whoever is asked what a steward has to mend finds records as well as messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_map_is_found_by_the_class_of_its_cause() {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("product-events.yaml"), INTERFACES).unwrap();
    let store = place.data();
    let command = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(store.iter().map(String::as_str)).collect();
        stdout(&selvage(&arguments))
    };
    let key = command(&["operator", "add", "ann"]).trim().to_owned();
    let served = place.serve(&store, &[]);
    eventually("it is captured", || async { command(&["captures", "list"]).contains("following").then_some(()) }).await;
    assert!(command(&["dead-letters", "list"]).starts_with("none"));
    let odoo = &place.factory.odoo;
    let units = odoo.records("uom.uom");
    let days = units.iter().find(|unit| unit["name"] == "Days").unwrap()["id"].clone();
    let values = json!([{"name": "Rent", "default_code": "RENT-1", "uom_id": days, "uom_po_id": days}]);
    let rent = odoo.call("product.product", "create", &[values], &Map::new()).unwrap();
    let record = format!("odoo-{}", rent.as_i64().or_else(|| rent[0].as_i64()).unwrap());
    let listed = eventually("it is parked", || async {
        Some(command(&["dead-letters", "list", "--cause", "code"])).filter(|listed| listed.contains(&record))
    })
    .await;
    assert!(listed.contains("FAB3101") && listed.contains("product-events@1"), "{listed}");
    assert!(command(&["dead-letters", "list", "--cause", "unit"]).starts_with("none"));
    let shown = command(&["captures", "show", "product-events@1"]);
    assert!(shown.contains(&record) && shown.contains("code"), "{shown}");
    let api = async |path: &str| {
        let request = Client::new().get(format!("{}/api{path}", served.console)).bearer_auth(&key);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let found = api("/parked-records?cause=code").await;
    assert_eq!(
        (&found["items"][0]["record"], &found["items"][0]["cause"]),
        (&json!(record), &json!("code")),
        "{found}"
    );
    assert_eq!(api("/parked-records?cause=unit").await["items"], json!([]));
}
