//! The object library through the engine: what the simulated Odoo has is listed and got as each object without a problem,
//! and what an object lets be created is created, found again and the same, on both versions that were recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_factory::odoo::OdooVersion;
use selvage_model::exchange::MediatedRequest;
use selvage_model::manifest::api::Operation;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, Node, done, fabric_with, get, list, refused, request};

/// Every object that the simulated Odoo can show. The other two belong to modules that it does not have.
const SHOWN: &[&str] = &[
    "bill-of-materials",
    "customer",
    "equipment",
    "inventory-position",
    "invoice",
    "location",
    "lot",
    "maintenance-event",
    "product",
    "product-family",
    "production-order",
    "purchase-order",
    "routing",
    "sales-order",
    "shipment",
    "stock-movement",
    "supplier",
    "work-center",
    "work-order",
];
const ELSEWHERE: &[&str] = &["engineering-change", "quality-event"];

/// An Odoo with something of everything, and a fabric that serves the whole library.
async fn bench(version: OdooVersion) -> Bench {
    let mut bench = Bench::of(version).await;
    let interface = |object: &&str| {
        format!(
            "---\nkind: Interface\nname: {}\ntype: api\nversion: 1.0\nowner: it\nlifecycle: active\ncontrol: mediated\n\
             serves: {{object: {object}@1, system: odoo, account: production, operations: [list, get, create]}}\n",
            called(object)
        )
    };
    let mut interfaces: String = SHOWN.iter().chain(ELSEWHERE).map(interface).collect();
    interfaces.push_str("---\nkind: Site\nname: ghent\n");
    bench.fabric = fabric_with(&bench.factory.odoo_url(), &[("---\nkind: Site\nname: ghent\n", &interfaces)]);
    let make = |model: &str, values: Value| {
        let made = bench.factory.odoo.call(model, "create", &[values], &Map::new()).unwrap();
        made.as_i64().unwrap()
    };
    let press = make("maintenance.equipment", json!({"name": "Press 4", "serial_no": "PR4"}));
    make(
        "maintenance.request",
        json!({"name": "Bearing noise", "equipment_id": press, "priority": "2", "duration": 1.5}),
    );
    let shop = bench.read("res.partner", &json!([["customer_rank", ">", 0]]))[0]["id"].clone();
    let line = json!([0, 0, {"name": "Bicycle", "quantity": 2, "price_unit": 499}]);
    make("account.move", json!({"move_type": "out_invoice", "partner_id": shop, "invoice_line_ids": [line]}));
    make("account.move", json!({"move_type": "in_invoice", "partner_id": shop}));
    let note = json!([[0, 0, {"name": "By boat", "display_type": "line_note"}]]);
    for order in bench.read("purchase.order", &json!([["state", "=", "draft"]])) {
        let write = [json!([order["id"]]), json!({"order_line": note})];
        bench.factory.odoo.call("purchase.order", "write", &write, &Map::new()).unwrap();
    }
    bench
}

/// The interface of an object: another than those that the other tests have.
fn called(object: &str) -> String {
    format!("all-{object}")
}

fn interface(object: &str) -> String {
    format!("{}@1", called(object))
}

async fn items(node: &Node, object: &str) -> Vec<Value> {
    let (_, body) = done(node.ask(list(&interface(object), &[])).await);
    assert!(body.get("problems").is_none(), "{object}: {body:#}");
    body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_object_is_listed_and_got() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = bench(version).await;
        let node = bench.node("a").await;
        let mut all = BTreeMap::new();
        for object in SHOWN {
            let items = items(&node, object).await;
            assert!(!items.is_empty(), "{object} on {version:?}");
            if *object != "inventory-position" {
                let key = if *object == "product" { "code" } else { "id" };
                let (_, one) = done(node.ask(get(&interface(object), items[0][key].as_str().unwrap())).await);
                assert_eq!(one, items[0], "{object} on {version:?}");
            }
            all.insert(*object, items);
        }
        let first = |object: &str| &all[object][0];
        assert_eq!(all["invoice"].len(), 1, "a supplier's bill is none");
        assert_eq!(first("invoice")["total"], json!({"amount": "998", "currency": "EUR"}));
        let noise = all["maintenance-event"].iter().find(|event| event["title"] == "Bearing noise").unwrap();
        assert_eq!((&noise["status"], &noise["duration"]), (&json!("open"), &json!("PT1H30M")));
        assert!(
            all["supplier"].iter().all(|supplier| all["customer"].iter().all(|other| other["id"] != supplier["id"]))
        );
        let bill = first("bill-of-materials");
        let components: Vec<&Value> =
            bill["components"].as_array().unwrap().iter().map(|part| &part["product"]).collect();
        assert_eq!(components, ["FRM-1", "WHL-1", "PNT-1"]);
        assert_eq!(first("routing")["bill_of_materials"], bill["id"]);
        assert_eq!(first("routing")["operations"][1]["cycle_time"], "PT20M");
        let bought = &all["purchase-order"];
        assert!(
            bought.iter().all(|order| order["lines"]
                .as_array()
                .unwrap()
                .iter()
                .all(|line| line["product"].is_string()))
        );
        assert!(all["shipment"].iter().all(|shipment| shipment["number"].as_str().unwrap().contains("/OUT/")));
        let used = all["stock-movement"].iter().filter(|movement| movement["used_by"].is_string());
        assert!(used.count() > 0, "what production used tells its order");
        let lots = all["production-order"].iter().filter(|order| order["lot"].is_string());
        assert!(lots.count() > 0, "the lot of an order is told by its number on {version:?}");
        for object in ELSEWHERE {
            let problem = refused(node.ask(list(&interface(object), &[])).await);
            // Asked before it is known that the model is not there, or after.
            let why: &[&str] = match version {
                OdooVersion::V18 => &["doesn't exist", "there is no model"],
                _ => &["no mapping of"],
            };
            assert!(why.iter().any(|why| problem.detail.contains(why)), "{object}: {problem:?}");
        }
    }
}

fn create(object: &str, body: Value) -> MediatedRequest {
    let key = Some(format!("library-{object}"));
    MediatedRequest { body: Some(body), key, ..request(&interface(object), Operation::Create) }
}

/// Creates one, asks for it again with the same key, and gets it.
async fn made(node: &Node, object: &str, body: Value) -> Value {
    let (status, first) = done(node.ask(create(object, body.clone())).await);
    assert_eq!(status, 201, "{object}: {first:#}");
    let (_, again) = done(node.ask(create(object, body.clone())).await);
    assert_eq!(again, first, "{object}");
    let key = if object == "product" { "code" } else { "id" };
    let (_, got) = done(node.ask(get(&interface(object), first[key].as_str().unwrap())).await);
    assert_eq!(got, first, "{object}");
    for (attribute, meant) in body.as_object().unwrap() {
        assert!(
            holds(&first[attribute], meant),
            "{object}: `{attribute}` is {} and {meant} was given",
            first[attribute]
        );
    }
    first
}

/// Whether everything that was given is there; what was left to the system may stand beside it.
fn holds(there: &Value, meant: &Value) -> bool {
    match (there, meant) {
        (Value::Object(there), Value::Object(meant)) => {
            meant.iter().all(|(name, meant)| there.get(name).is_some_and(|there| holds(there, meant)))
        }
        (Value::Array(there), Value::Array(meant)) => {
            there.len() == meant.len() && there.iter().zip(meant).all(|(there, meant)| holds(there, meant))
        }
        _ => there == meant,
    }
}

fn amount(value: &str, unit: &str) -> Value {
    json!({"value": value, "unit": unit})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_created_is_created_once_and_found() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Arc::new(bench(version).await);
        let node = bench.node("a").await;
        let stock = items(&node, "location").await;
        let stock = stock.iter().find(|location| location["path"] == "GHENT/Stock").unwrap();
        let shelf =
            json!({"name": "Shelf A", "type": "storage", "parent": stock["id"], "barcode": "SHELF-A", "site": "ghent"});
        let shelf = made(&node, "location", shelf).await;
        assert_eq!(shelf["path"], "GHENT/Stock/Shelf A");

        let family = json!({"name": "Handlebar", "uom": "1", "tracking": "none", "purchased": true});
        made(&node, "product-family", family).await;
        let bar =
            json!({"code": "HB-1", "name": "Handlebar", "uom": "1", "tracking": "none", "barcode": "5400000000109"});
        let bar = made(&node, "product", bar).await;
        assert!(bar["family"].is_string(), "a product has its family from the first day");
        made(&node, "lot", json!({"number": "P-9", "product": "PNT-1", "reference": "OUR-9"})).await;

        let address = json!({"street": "Dok Noord 1", "city": "Ghent", "postal_code": "9000", "country": "BE"});
        let acme =
            json!({"name": "Acme Metals", "is_company": true, "code": "SUP-9", "tax_id": null, "address": address});
        let acme = made(&node, "supplier", acme).await;
        let customers = items(&node, "customer").await;
        assert!(customers.iter().all(|customer| customer["id"] != acme["id"]), "a supplier is no customer");
        let shop =
            made(&node, "customer", json!({"name": "Velo Shop 2", "is_company": true, "email": "desk@example.com"}))
                .await;

        let center = json!({"name": "Welding", "code": "WLD", "efficiency": "120", "site": "ghent"});
        made(&node, "work-center", center).await;
        let press = json!({"name": "Press 5", "serial_number": "PR5", "supplier": acme["id"], "in_service_since": "2026-11-01", "site": "ghent"});
        let press = made(&node, "equipment", press).await;
        let noise = json!({
            "title": "Oil leaks", "equipment": press["id"], "type": "corrective", "priority": "high",
            "scheduled_at": "2026-12-01T07:00:00Z", "duration": "PT2H15M", "site": "ghent",
        });
        made(&node, "maintenance-event", noise).await;
        orders_with_lines(&node, &acme, &shop).await;
    }
}

/// A bill with its components, an order that is made by it, and orders of a supplier and a customer.
async fn orders_with_lines(node: &Node, acme: &Value, shop: &Value) {
    let (_, bicycle) = done(node.ask(get(&interface("product"), "BIK-1")).await);
    let bill = json!({
        "family": bicycle["family"], "product": "BIK-1", "revision": "REV-B", "type": "make", "quantity": amount("1", "1"),
        "components": [
            {"product": "FRM-1", "quantity": amount("1", "1")},
            {"product": "HB-1", "quantity": amount("1", "1")},
            {"product": "PNT-1", "quantity": amount("0.3", "kg")},
        ],
        "site": "ghent",
    });
    let bill = made(node, "bill-of-materials", bill).await;
    let order = json!({
        "product": "BIK-1", "bill_of_materials": bill["id"], "quantity": amount("2", "1"), "site": "ghent", "origin": "LIB-1",
    });
    made(node, "production-order", order).await;

    let lines = json!([
        {"product": "FRM-1", "quantity": amount("10", "1"), "expected_at": "2026-12-01T07:00:00Z"},
        {"product": "PNT-1", "quantity": amount("2500", "g"), "expected_at": "2026-12-02T07:00:00Z"},
    ]);
    let bought = json!({"supplier": acme["id"], "supplier_reference": "A-1", "lines": lines, "site": "ghent"});
    let bought = made(node, "purchase-order", bought).await;
    assert_eq!(bought["lines"][0]["received"], amount("0", "1"));
    let sold = json!({
        "customer": shop["id"], "customer_reference": "WEB-9", "promised_at": "2026-12-24T12:00:00Z",
        "lines": [{"product": "BIK-1", "quantity": amount("1", "1")}], "site": "ghent",
    });
    let sold = made(node, "sales-order", sold).await;
    assert_eq!((&sold["status"], &sold["lines"][0]["delivered"]), (&json!("draft"), &amount("0", "1")));
}

/// What is wrong in a line is said of that line, and nothing is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_line_makes_nothing() {
    let bench = bench(OdooVersion::V18).await;
    let node = bench.node("a").await;
    let supplier = items(&node, "supplier").await[0]["id"].clone();
    let before = bench.read("purchase.order", &json!([])).len();
    let ask = |key: &str, line: Value| {
        let lines = json!([{"product": "FRM-1", "quantity": amount("1", "1")}, line]);
        let body = json!({"supplier": supplier, "lines": lines, "site": "ghent"});
        MediatedRequest { key: Some(key.to_owned()), ..create("purchase-order", body) }
    };
    for (key, line, pointer) in [
        ("product", json!({"product": "NO-SUCH", "quantity": amount("1", "1")}), "/lines/1/product"),
        ("unit", json!({"product": "WHL-1", "quantity": amount("1", "stone")}), "/lines/1/quantity/unit"),
        (
            "price",
            json!({"product": "WHL-1", "quantity": amount("1", "1"), "price": {"amount": "1", "currency": "EUR"}}),
            "/lines/1/price",
        ),
        ("missing", json!({"product": "WHL-1"}), "/lines/1/quantity"),
    ] {
        let problem = refused(node.ask(ask(key, line)).await);
        let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!((problem.status, pointers.as_slice()), (422, [pointer].as_slice()), "{key}: {problem:?}");
    }
    assert_eq!(bench.read("purchase.order", &json!([])).len(), before);
}
