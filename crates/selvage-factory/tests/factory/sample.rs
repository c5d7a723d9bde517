//! The sample data of Velo Works: two plants, who may see and change what, and quantities that add up.

use std::collections::BTreeMap;

use reqwest::Method;
use selvage_factory::odoo::{self, OdooVersion, Seed};
use selvage_factory::{Factory, FactoryConfig};
use selvage_factory::{PRODUCTION_KEY, READ_KEY};
use serde_json::{Value as Json, json};

use crate::client::{Client, Ending};

const VERSIONS: [OdooVersion; 4] = [OdooVersion::V16, OdooVersion::V17, OdooVersion::V18, OdooVersion::V19];

async fn velo(version: OdooVersion) -> Client {
    Client::start(version, Seed::VeloWorks { extra_products: 0 }).await
}

fn company(id: i64) -> Json {
    json!({ "context": { "allowed_company_ids": [id] } })
}

#[tokio::test]
async fn each_plant_has_orders_in_every_state() {
    for version in VERSIONS {
        let client = velo(version).await;
        for (id, code) in [(1, "GHENT"), (2, "BRNO")] {
            let mut kwargs = company(id);
            kwargs["fields"] = json!(["name", "state"]);
            let orders = client.ok("mrp.production", "search_read", json!([[]]), kwargs).await;
            let mut states: BTreeMap<String, usize> = BTreeMap::new();
            for order in orders.as_array().unwrap() {
                assert!(order["name"].as_str().unwrap().starts_with(code), "{order}");
                *states.entry(order["state"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            let expected = [("cancel", 1), ("confirmed", 4), ("done", 3), ("draft", 2), ("progress", 2)];
            assert_eq!(states, expected.map(|(state, count)| (state.to_owned(), count)).into(), "{version:?} {code}");
        }
    }
}

#[tokio::test]
async fn there_are_as_many_plants_as_asked_for() {
    for plants in [1, 2, 5] {
        let odoo = odoo::OdooConfig { plants, ..odoo::OdooConfig::default() };
        let factory = Factory::start(FactoryConfig { odoo, ..FactoryConfig::default() }).await.unwrap();
        let companies = factory.odoo.records("res.company");
        assert_eq!(companies.len(), plants as usize);
        assert_eq!(factory.odoo.records("stock.warehouse").len(), companies.len());
        assert_eq!(factory.odoo.records("mrp.production").len(), 12 * companies.len());
    }
}

/// What left one location arrived in another: over all locations nothing was gained or lost, lot by lot.
#[tokio::test]
async fn stock_is_double_entry() {
    for version in VERSIONS {
        let client = velo(version).await;
        let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
        for quant in client.factory.odoo.records("stock.quant") {
            let key = (quant["product_id"].to_string(), quant["lot_id"].to_string());
            *sums.entry(key).or_default() += quant["quantity"].as_f64().unwrap();
            assert!(quant["reserved_quantity"].as_f64().unwrap() >= 0.0, "{quant}");
        }
        assert!(!sums.is_empty() && sums.values().all(|sum| sum.abs() < 1e-9), "{sums:?}");
    }
}

/// What is reserved on quants is exactly what open lines hold.
#[tokio::test]
async fn reservations_are_what_lines_hold() {
    for version in VERSIONS {
        let client = velo(version).await;
        let done: Vec<Json> =
            client.factory.odoo.records("stock.move").into_iter().filter(|entry| entry["state"] == "done").collect();
        let virtual_places: Vec<Json> = client
            .factory
            .odoo
            .records("stock.location")
            .into_iter()
            .filter(|place| place["usage"] != "internal")
            .map(|place| place["id"].clone())
            .collect();
        let mut balance: BTreeMap<String, f64> = BTreeMap::new();
        for quant in client.factory.odoo.records("stock.quant") {
            let spot = json!([quant["product_id"], quant["location_id"], quant["lot_id"]]).to_string();
            *balance.entry(spot).or_default() += quant["reserved_quantity"].as_f64().unwrap();
        }
        for line in client.factory.odoo.records("stock.move.line") {
            let ended = done.iter().any(|entry| entry["id"] == line["move_id"]);
            if !ended && !virtual_places.contains(&line["location_id"]) {
                let spot = json!([line["product_id"], line["location_id"], line["lot_id"]]).to_string();
                *balance.entry(spot).or_default() -= line["quantity"].as_f64().unwrap();
            }
        }
        assert!(balance.values().all(|sum| sum.abs() < 1e-9), "{balance:?}");
    }
}

#[tokio::test]
async fn the_reading_account_reads_and_changes_nothing() {
    let mut client = velo(OdooVersion::V18).await;
    client.login(3, READ_KEY);
    let count = client.ok("product.product", "search_count", json!([[]]), json!({})).await;
    assert_eq!(count, json!(4));
    let refused = Ending::Error("odoo.exceptions.AccessError".to_owned());
    let calls = [
        ("product.product", "create", json!([{ "name": "x" }])),
        ("product.product", "write", json!([[1], { "name": "x" }])),
        ("product.product", "load", json!([["name"], [["x"]]])),
        ("mrp.production", "action_confirm", json!([[1]])),
        ("mrp.production", "unlink", json!([[1]])),
        ("mrp.workorder", "button_start", json!([[1]])),
    ];
    for (model, method, args) in calls {
        assert_eq!(client.call(model, method, args, json!({})).await, refused, "{model}.{method}");
    }
}

#[tokio::test]
async fn a_plant_sees_its_own_and_makes_its_own() {
    let client = velo(OdooVersion::V18).await;
    client.login_check().await;
    let registry = client
        .ok("res.company", "search_read", json!([[]]), json!({ "fields": ["company_registry"], "order": "id" }))
        .await;
    let registries: Vec<&str> =
        registry.as_array().unwrap().iter().map(|row| row["company_registry"].as_str().unwrap()).collect();
    assert_eq!(registries, ["BE01", "CZ01"]);
    let product = client.ok("product.product", "search", json!([[["default_code", "=", "BIK-1"]]]), json!({})).await;
    let values = json!([{ "product_id": product[0], "product_qty": 2, "origin": "plant" }]);
    let order = client.ok("mrp.production", "create", values, company(2)).await;
    let mut kwargs = company(2);
    kwargs["fields"] = json!(["company_id", "bom_id", "name"]);
    let read = client.ok("mrp.production", "read", json!([[order]]), kwargs).await;
    assert_eq!(read[0]["company_id"], json!([2, "Velo Works Brno"]));
    assert_eq!(read[0]["bom_id"][1], json!("REV-A: [BIK-1] Bicycle"));
    assert!(read[0]["name"].as_str().unwrap().starts_with("BRNO/MO/"));
    let foreign = client.call("mrp.production", "read", json!([[order], ["name"]]), company(1)).await;
    assert_eq!(foreign, Ending::Error("odoo.exceptions.AccessError".to_owned()));
    let units =
        json!([[["module", "=", "uom"], ["name", "in", ["product_uom_unit", "product_uom_kgm", "product_uom_hour"]]]]);
    assert_eq!(client.ok("ir.model.data", "search_count", units, json!({})).await, json!(3));
}

/// Prefix operators, paths, patterns and nulls in domains.
#[tokio::test]
async fn domains_select() {
    let client = velo(OdooVersion::V18).await;
    let table = [
        (json!(["|", ["default_code", "=", "FRM-1"], ["default_code", "=", "WHL-1"]]), 2),
        (json!(["!", ["default_code", "=", "FRM-1"]]), 3),
        (json!(["&", ["tracking", "=", "lot"], "!", ["name", "ilike", "PAINT"]]), 1),
        (json!([["default_code", "=like", "%-1"], ["name", "not ilike", "e"]]), 1),
        (json!([["barcode", "=", false]]), 1),
        (json!([["barcode", "!=", false]]), 3),
        (json!([["default_code", "not in", ["FRM-1", "WHL-1"]]]), 2),
        (json!([["weight", ">", 1.1], ["weight", "<=", 12.4]]), 2),
        (json!([["uom_id.name", "=", "kg"]]), 1),
        (json!([["uom_id", "=", "kg"]]), 1),
        (json!([["product_tmpl_id.bom_ids.code", "=", "REV-A"]]), 1),
        (json!([["company_id", "=", false]]), 4),
        (json!([["create_date", ">=", "2000-01-01 00:00:00"], ["create_date", "<", "2999-01-01"]]), 4),
        (json!([["name", "=like", "_rame"]]), 1),
        (json!([["name", "like", "frame"]]), 0),
    ];
    for (domain, count) in table {
        assert_eq!(
            client.ok("product.product", "search_count", json!([domain]), json!({})).await,
            json!(count),
            "{domain}"
        );
    }
    let within = json!([[["location_id", "child_of", 7], ["quantity", ">", 0]]]);
    assert_eq!(client.ok("stock.quant", "search_count", within, json!({})).await, json!(7));
    let broken = client.call("product.product", "search", json!([["|", ["name", "=", "x"]]]), json!({})).await;
    assert_eq!(broken, Ending::Error("builtins.ValueError".to_owned()));
}

#[tokio::test]
async fn many_products_are_there_in_no_time() {
    let started = std::time::Instant::now();
    let client = Client::start(OdooVersion::V18, Seed::VeloWorks { extra_products: 5_000 }).await;
    let count =
        client.ok("product.product", "search_count", json!([[["default_code", "like", "PRT-"]]]), json!({})).await;
    assert_eq!(count, json!(5_000));
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

impl Client {
    /// The user that the client calls as is the one that its key opens.
    async fn login_check(&self) {
        let body = json!({ "params": { "service": "common", "method": "authenticate", "args": ["velo", "svc-mrp", PRODUCTION_KEY, {}] } });
        let url = format!("{}/jsonrpc", self.factory.odoo_url());
        let answer = reqwest::Client::new().request(Method::POST, url).body(body.to_string()).send().await.unwrap();
        let answer: Json = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["result"], json!(4));
    }
}
