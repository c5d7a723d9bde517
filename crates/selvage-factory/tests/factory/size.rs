//! A database with very many products: there at once, listed page by page without going through all of them each time, and
//! changed like any other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use selvage_factory::odoo::{OdooVersion, Seed};
use serde_json::{Value as Json, json};

use crate::client::{Client, Ending};

async fn parts(extra_products: u32) -> Client {
    Client::start(OdooVersion::V18, Seed::VeloWorks { extra_products }).await
}

async fn search(client: &Client, domain: Json, order: &str, limit: usize) -> Vec<i64> {
    let found =
        client.ok("product.product", "search", json!([domain]), json!({ "order": order, "limit": limit })).await;
    found.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// Goes through all products by write date as a careful client does: whole seconds, and within a second by id.
async fn list(client: &Client, page: usize) -> Vec<i64> {
    let mut seen = Vec::new();
    let fields = json!(["default_code", "write_date", "qty_available"]);
    let mut second = "1970-01-01 00:00:00".to_owned();
    loop {
        let ahead = json!([["write_date", ">=", second]]);
        let kwargs = json!({ "fields": fields, "order": "write_date, id", "limit": 1 });
        let first = client.ok("product.product", "search_read", json!([ahead]), kwargs).await;
        let Some(found) = first.get(0) else { return seen };
        found["write_date"].as_str().unwrap().clone_into(&mut second);
        let next = after(&second);
        let mut last = 0;
        loop {
            let within = json!([["write_date", ">=", second], ["write_date", "<", next], ["id", ">", last]]);
            let kwargs = json!({ "fields": fields, "order": "id", "limit": page });
            let found = client.ok("product.product", "search_read", json!([within]), kwargs).await;
            let found: Vec<i64> = found.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
            let Some(greatest) = found.last() else { break };
            last = *greatest;
            seen.extend(found);
        }
        second = next;
    }
}

fn after(second: &str) -> String {
    let moment: jiff::civil::DateTime = second.parse().unwrap();
    moment.checked_add(jiff::SignedDuration::from_secs(1)).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[tokio::test]
async fn a_million_products_are_there_at_once() {
    let started = Instant::now();
    let client = parts(1_000_000).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let last = client
        .ok(
            "product.product",
            "search_read",
            json!([[["default_code", "=", "PRT-1000000"]]]),
            json!({ "fields": ["name", "uom_id", "product_tmpl_id"] }),
        )
        .await;
    assert_eq!((&last[0]["name"], &last[0]["uom_id"]), (&json!("Part 1000000"), &json!([1, "Units"])));
    assert_eq!(last[0]["product_tmpl_id"][1], json!("[PRT-1000000] Part 1000000"));
    let newest = search(&client, json!([["default_code", "=like", "PRT-%"]]), "write_date desc, id desc", 2).await;
    assert_eq!(newest, [last[0]["id"].as_i64().unwrap(), last[0]["id"].as_i64().unwrap() - 1]);
    let started = Instant::now();
    for place in 0..200 {
        let found = search(&client, json!([["id", ">", place * 5_000]]), "id", 500).await;
        assert_eq!(found.len(), 500);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "a page costs what it shows: {:?}", started.elapsed());
}

#[tokio::test]
async fn every_product_is_listed_once_also_where_some_were_changed_and_deleted() {
    let client = parts(6_000).await;
    let changed =
        search(&client, json!([["default_code", "in", ["PRT-00010", "PRT-02500", "PRT-06000"]]]), "id", 0).await;
    client.ok("product.product", "write", json!([changed, { "weight": 2 }]), json!({})).await;
    let deleted = search(&client, json!([["default_code", "=", "PRT-00500"]]), "id", 0).await;
    client.ok("product.product", "unlink", json!([deleted]), json!({})).await;
    let listed = list(&client, 500).await;
    let once: BTreeSet<i64> = listed.iter().copied().collect();
    assert_eq!((listed.len(), once.len()), (6_000 + 4 - 1, 6_000 + 4 - 1));
    assert_eq!(listed[listed.len() - 3..], changed, "what was changed comes last");
    assert!(!once.contains(&deleted[0]));
    let count = client.ok("product.product", "search_count", json!([[]]), json!({})).await;
    assert_eq!(count, json!(6_003));
    let (_, state) = client.control(reqwest::Method::GET, "state", json!(null)).await;
    assert_eq!(state["records"]["product.product"], json!(6_003));
}

/// A failed call leaves a computed product as it was, and a barcode given to one is found.
#[tokio::test]
async fn computed_products_are_rolled_back_and_found() {
    let client = parts(50).await;
    let two = search(&client, json!([["default_code", "in", ["PRT-00001", "PRT-00002"]]]), "id", 0).await;
    let ending = client.call("product.product", "write", json!([two, { "barcode": "4006381333931" }]), json!({})).await;
    assert_eq!(ending, Ending::Error("odoo.exceptions.ValidationError".to_owned()));
    assert!(search(&client, json!([["barcode", "=", "4006381333931"]]), "id", 0).await.is_empty());
    assert_eq!(search(&client, json!([["default_code", "=", "PRT-00002"]]), "id", 0).await, two[1..]);
    client.ok("product.product", "write", json!([two[0..1], { "default_code": "OTHER" }]), json!({})).await;
    assert_eq!(search(&client, json!([["default_code", "=", "OTHER"]]), "id", 0).await, two[0..1]);
    assert!(search(&client, json!([["default_code", "=", "PRT-00001"]]), "id", 0).await.is_empty());
    let template = search(&client, json!([["product_tmpl_id.name", "=", "Part 1"]]), "id", 0).await;
    assert_eq!(template, two[0..1]);
}

/// The order that needs no sorting answers what sorting answers.
#[tokio::test]
async fn pages_in_order_are_those_that_sorting_gives() {
    let client = parts(3_000).await;
    let some = search(&client, json!([["default_code", "=like", "PRT-0%7"]]), "id", 0).await;
    client.ok("product.product", "write", json!([some, { "volume": 1 }]), json!({})).await;
    let moments = client.ok("product.product", "read", json!([some[..2], ["write_date"]]), json!({})).await;
    let (early, late) = (moments[0]["write_date"].clone(), json!("2999-01-01 00:00:00"));
    let domains = [
        json!([]),
        json!([["write_date", ">=", early]]),
        json!([["write_date", "<", early]]),
        json!([["write_date", ">", "1980-01-01"], ["write_date", "<=", late], ["sale_ok", "=", true]]),
        json!(["|", ["write_date", ">", early], ["id", "<", 100]]),
        json!([["id", ">", 40], ["id", "<=", 900], ["weight", "=", 0]]),
        json!([["categ_id", "=", 1], ["id", ">=", 2_000]]),
        json!(["!", ["id", ">", 50]]),
    ];
    for domain in domains {
        for (walked, sorted) in [
            ("write_date, id", "write_date, id, name"),
            ("write_date desc, id desc", "write_date desc, id desc, name"),
            ("id", "id, name"),
            ("id desc", "id desc, name"),
        ] {
            let left = search(&client, domain.clone(), walked, 70).await;
            assert_eq!(left, search(&client, domain.clone(), sorted, 70).await, "{domain} by {walked}");
        }
    }
}
