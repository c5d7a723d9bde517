//! Verbs of purchasing, sales and stock through the port: each once, each with its answer lost after Odoo committed it, each
//! again under another key, and what is refused with the place in the body.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use serde_json::{Value, json};

use crate::fixture::{PATIENCE, Place, Served, eventually, selvage};

/// Longer than the interfaces wait, so that the answer is lost; the work was done at once.
const LOST: FaultKind = FaultKind::Hang { answer_after: Duration::from_secs(8), commit: CommitAt::Before };

/// A node with the interfaces of stock, and the key of who uses them.
struct Desk {
    place: Place,
    served: Served,
    key: String,
    client: Client,
}

impl Desk {
    async fn open() -> Self {
        let place = Place::new().await;
        std::fs::write(place.fabric().join("stock.yaml"), include_str!("stock.yaml")).unwrap();
        let store = place.data();
        let key = place.key(&store, "store-keeping");
        let served = place.serve(&store, &[]);
        Self { place, served, key, client: Client::builder().timeout(PATIENCE).build().unwrap() }
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.served.base);
        self.client.get(url).bearer_auth(&self.key).send().await.unwrap().json().await.unwrap()
    }

    /// The first item of a list for which the condition holds.
    async fn first(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let list = self.get(&format!("{path}?limit=200")).await;
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| holds(item))
            .cloned()
            .unwrap_or_else(|| panic!("{path}: {list}"))
    }

    /// Posts; what comes too soon for the interface's rate is sent again, as clients do.
    async fn post(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.served.base);
        eventually(&format!("{path} {key} within its rate"), || async {
            let request = self.client.post(&url).bearer_auth(&self.key).header("idempotency-key", key).json(body);
            let response = request.send().await.unwrap();
            let status = response.status();
            let told = response.json().await.unwrap_or(Value::Null);
            (status != StatusCode::TOO_MANY_REQUESTS).then_some((status, told))
        })
        .await
    }

    /// The answer to a write, however often it has to be asked for under its key.
    async fn done(&self, path: &str, key: &str, body: &Value) -> Value {
        eventually(&format!("{path} {key}"), || async {
            let (status, answer) = self.post(path, key, body).await;
            match status {
                StatusCode::OK => Some(answer),
                StatusCode::ACCEPTED | StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => None,
                _ => panic!("{path} {key}: {status} {answer}"),
            }
        })
        .await
    }

    /// What is refused: the status, the code and the first place in the body.
    async fn refused(&self, path: &str, key: &str, body: &Value) -> (u16, String, String) {
        let (status, problem) = self.post(path, key, body).await;
        let text = |pointer: &str| problem.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        (status.as_u16(), text("/code"), text("/errors/0/pointer"))
    }

    fn lose(&self, model: &str, method: &str) {
        self.place.factory.odoo.inject(Fault::once(LOST, model, method));
    }

    fn committed(&self, model: &str, method: &str) -> usize {
        let journal = self.place.factory.odoo.journal();
        journal.iter().filter(|entry| entry.model == model && entry.method == method && entry.changed).count()
    }
}

fn quantity(value: &str, unit: &str) -> Value {
    json!({"value": value, "unit": unit})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_order_is_released_and_received_by_lot() {
    let desk = Desk::open().await;
    let orders = "/purchasing/v1/purchase-orders";
    let draft = desk.first(orders, |order| order["status"] == "draft" && order["site"] == "ghent").await;
    let order = format!("{orders}/{}", draft["id"].as_str().unwrap());
    desk.lose("purchase.order", "button_confirm");
    for key in ["r-1", "r-2"] {
        assert_eq!(desk.done(&format!("{order}/release"), key, &json!({})).await["status"], "confirmed");
    }
    assert_eq!(desk.committed("purchase.order", "button_confirm"), 1);

    let open = desk.first(orders, |order| order["site"] == "ghent" && order["supplier_reference"] == "ACME-101").await;
    let receive = format!("{orders}/{}/receive", open["id"].as_str().unwrap());
    let paint = |value: &str, lots: Value| json!({"product": "PNT-1", "quantity": quantity(value, "kg"), "lots": lots});
    let lot = |name: &str, value: &str, unit: &str| json!({"lot": name, "quantity": quantity(value, unit)});
    for (line, code, pointer) in [
        (paint("5", json!([])), "FAB6033", "/lines/0/lots"),
        (paint("5", json!([lot("N-1", "4", "kg")])), "FAB6030", "/lines/0/lots"),
        (json!({"product": "WHL-1", "quantity": quantity("5", "kg")}), "FAB3103", "/lines/0/quantity/unit"),
        (json!({"product": "WHL-1", "quantity": quantity("-5", "1")}), "FAB5010", "/lines/0/quantity/value"),
        (json!({"product": "WHL-1", "quantity": quantity("0.001", "1")}), "FAB6030", "/lines/0/quantity/value"),
        (json!({"product": "WHL-1", "quantity": quantity("41", "1")}), "FAB6012", "/lines/0/quantity/value"),
        (json!({"product": "BIK-1", "quantity": quantity("1", "1")}), "FAB5010", "/lines/0/product"),
    ] {
        let (status, found, place) = desk.refused(&receive, &format!("w-{line}"), &json!({"lines": [line]})).await;
        assert!((400..500).contains(&status), "{line}: {status}");
        assert_eq!((found.as_str(), place.as_str()), (code, pointer), "{line}");
    }
    assert_eq!(desk.committed("stock.picking", "button_validate"), 0);

    // Grams are kilograms; the rest is to come.
    let short = json!({"lines": [paint("5000", json!([lot("N-1", "5000", "g")]))]});
    let mut short = short;
    short["lines"][0]["quantity"]["unit"] = json!("g");
    desk.lose("stock.picking", "button_validate");
    let mut backorders = Vec::new();
    for key in ["k-1", "k-2"] {
        let received = desk.done(&receive, key, &short).await;
        assert_eq!(received["received"]["lines"][0]["total"], quantity("5", "kg"), "{received}");
        assert_eq!(received["received"]["lines"][0]["lots"], json!([lot("N-1", "5", "kg")]));
        backorders.push(received["received"]["backorder"].clone());
    }
    assert!(backorders[0].is_string() && backorders[0] == backorders[1], "{backorders:?}");
    assert_eq!(desk.committed("stock.picking", "button_validate"), 1);
    let whole = json!({
        "lines": [
            {"product": "WHL-1", "quantity": quantity("42", "1")},
            paint("25", json!([lot("N-1", "5", "kg"), lot("N-2", "20", "kg")])),
        ],
        "over": "accept",
    });
    let received = desk.done(&receive, "k-3", &whole).await;
    assert_eq!(
        (&received["received"]["backorder"], &received["lines"][0]["received"]["value"]),
        (&Value::Null, &json!("42"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sales_order_is_released_and_shipped() {
    let desk = Desk::open().await;
    let orders = "/sales/v1/sales-orders";
    let draft = desk.first(orders, |order| order["status"] == "draft" && order["site"] == "ghent").await;
    let order = format!("{orders}/{}", draft["id"].as_str().unwrap());
    desk.lose("sale.order", "action_confirm");
    for key in ["r-1", "r-2"] {
        assert_eq!(desk.done(&format!("{order}/release"), key, &json!({})).await["status"], "confirmed");
    }
    assert_eq!(desk.committed("sale.order", "action_confirm"), 1);

    let promised =
        desk.first(orders, |order| order["site"] == "ghent" && order["customer_reference"] == "SHOP-501").await;
    let ship = format!("{orders}/{}/ship", promised["id"].as_str().unwrap());
    let bicycles = |value: &str| json!({"lines": [{"product": "BIK-1", "quantity": quantity(value, "1")}]});
    desk.lose("stock.picking", "button_validate");
    for key in ["s-1", "s-2"] {
        let shipped = desk.done(&ship, key, &bicycles("1")).await;
        assert_eq!(
            (&shipped["shipped"]["lines"][0]["total"]["value"], &shipped["delivery"]),
            (&json!("1"), &json!("partial"))
        );
    }
    assert_eq!(desk.committed("stock.picking", "button_validate"), 1);
    let more = desk.refused(&ship, "s-3", &bicycles("3")).await;
    assert_eq!(more, (422, "FAB6012".to_owned(), "/lines/0/quantity/value".to_owned()));
    let less = desk.refused(&ship, "s-4", &bicycles("0")).await;
    assert_eq!((less.0, less.2), (422, "/lines/0/quantity/value".to_owned()));
    // By the shipment that is left, it is the same order.
    let left = desk
        .first("/shipping/v1/shipments", |one| one["origin"] == promised["number"] && one["status"] == "ready")
        .await;
    let shipment = format!("/shipping/v1/shipments/{}/ship", left["id"].as_str().unwrap());
    let shipped = desk.done(&shipment, "s-5", &bicycles("2")).await;
    assert_eq!(
        (&shipped["status"], &shipped["shipped"]["lines"][0]["total"]["value"]),
        (&json!("shipped"), &json!("2"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_counted_and_scrapped() {
    let desk = Desk::open().await;
    let positions = "/stock/v1/inventory-positions";
    let frames = desk.first(positions, |one| one["product"] == "FRM-1" && one["site"] == "ghent").await;
    let at = format!("{positions}/{}", frames["id"].as_str().unwrap());
    let (adjust, scrap) = (format!("{at}/adjust"), format!("{at}/scrap"));
    desk.lose("stock.quant", "action_apply_inventory");
    for key in ["a-1", "a-2"] {
        let counted = desk.done(&adjust, key, &json!({"quantity": quantity("100", "1")})).await;
        assert_eq!(
            (&counted["quantity"]["value"], &counted["counted"]["quantity"]["value"]),
            (&json!("100"), &json!("100"))
        );
    }
    assert_eq!(desk.committed("stock.quant", "action_apply_inventory"), 1);
    for (verb, body, code, pointer) in [
        (&adjust, json!({"quantity": quantity("-1", "1")}), "FAB5010", "/quantity/value"),
        (&adjust, json!({"quantity": quantity("1", "kg")}), "FAB3103", "/quantity/unit"),
        (&adjust, json!({"quantity": quantity("0.001", "1")}), "FAB6030", "/quantity/value"),
        (&scrap, json!({"quantity": quantity("0", "1")}), "FAB6030", "/quantity/value"),
        (&scrap, json!({"quantity": quantity("101", "1")}), "FAB6032", "/quantity/value"),
        (&scrap, json!({"quantity": quantity("1", "1"), "why": "x"}), "FAB5010", "/why"),
    ] {
        let (_, found, place) = desk.refused(verb, &format!("w-{body}"), &body).await;
        assert_eq!((found.as_str(), place.as_str()), (code, pointer), "{body}");
    }
    assert_eq!(desk.committed("stock.scrap", "action_validate"), 0);
    let waste = json!({"quantity": quantity("3", "1"), "reason": "Bent"});
    desk.lose("stock.scrap", "action_validate");
    let scrapped = desk.done(&scrap, "s-1", &waste).await;
    assert_eq!(
        (&scrapped["quantity"]["value"], &scrapped["scrapped"]["quantity"]["value"]),
        (&json!("97"), &json!("3"))
    );
    assert_eq!(desk.done(&scrap, "s-1", &waste).await, scrapped, "one key scraps once");
    assert_eq!(desk.committed("stock.scrap", "action_validate"), 1);
    assert_eq!(desk.done(&scrap, "s-2", &waste).await["quantity"]["value"], "94", "another key is another deed");
    let nothing = desk.done(&adjust, "a-3", &json!({"quantity": quantity("0", "1")})).await;
    assert_eq!((&nothing["id"], &nothing["counted"]["quantity"]["value"]), (&frames["id"], &json!("0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_goes_into_quarantine_and_comes_back() {
    let desk = Desk::open().await;
    let lots = "/lot-keeping/v1/lots";
    let paint = desk.first(lots, |lot| lot["number"] == "P-GHENT-2").await;
    let at = format!("{lots}/{}", paint["id"].as_str().unwrap());
    let (quarantine, release) = (format!("{at}/quarantine"), format!("{at}/release"));
    let unclear = desk.refused(&quarantine, "q-0", &json!({})).await;
    assert_eq!(unclear, (422, "FAB5031".to_owned(), "/site".to_owned()), "all plants share the lot");
    let here = json!({"site": "ghent", "reason": "Smells"});
    desk.lose("stock.picking", "button_validate");
    for key in ["q-1", "q-2"] {
        let moved = desk.done(&quarantine, key, &here).await;
        let positions = moved["moved"]["positions"].as_array().unwrap();
        assert!(positions.iter().all(|one| one["location"] == "GHENT/Quality Control"), "{moved}");
    }
    assert_eq!(desk.committed("stock.picking", "button_validate"), 1);
    for (body, code, pointer) in [
        (json!({"site": "ghent"}), "FAB5010", "/to"),
        (json!({"site": "ghent", "to": "GHENT/Nowhere"}), "FAB6012", "/to"),
        (json!({"site": "turin", "to": "GHENT/Stock"}), "FAB5031", "/site"),
    ] {
        let (_, found, place) = desk.refused(&release, &format!("w-{body}"), &body).await;
        assert_eq!((found.as_str(), place.as_str()), (code, pointer), "{body}");
    }
    let back = json!({"site": "ghent", "to": "GHENT/Stock"});
    for key in ["b-1", "b-2"] {
        let moved = desk.done(&release, key, &back).await;
        let positions = moved["moved"]["positions"].as_array().unwrap();
        assert!(!positions.is_empty() && positions.iter().all(|one| one["location"] == "GHENT/Stock"), "{moved}");
    }
    assert_eq!(desk.committed("stock.picking", "button_validate"), 2);
}

/// A count is true of one moment. Where it may not have been made, it is looked for, never made again, and a person decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_whose_outcome_is_not_known_goes_to_a_person() {
    let desk = Desk::open().await;
    let odoo = &desk.place.factory.odoo;
    let positions = "/stock/v1/inventory-positions";
    let frames = desk.first(positions, |one| one["product"] == "FRM-1" && one["site"] == "ghent").await;
    let id = frames["id"].as_str().unwrap();
    let quant: i64 = id.trim_start_matches("odoo-").parse().unwrap();
    let (adjust, scrap) = (format!("{positions}/{id}/adjust"), format!("{positions}/{id}/scrap"));
    let lies = || {
        let quants = odoo.records("stock.quant");
        quants.into_iter().find(|one| one["id"] == quant).unwrap()["quantity"].as_f64().unwrap()
    };
    let before = lies();
    let moved_meanwhile = || {
        let call = |method: &str, more: &[Value]| {
            let args: Vec<Value> = [json!([quant])].into_iter().chain(more.iter().cloned()).collect();
            let context = json!({"context": {"inventory_mode": true}}).as_object().unwrap().clone();
            odoo.call("stock.quant", method, &args, &context).unwrap();
        };
        call("write", &[json!({"inventory_quantity": 63})]);
        call("action_apply_inventory", &[]);
    };
    let never = Fault::once(FaultKind::ResetBefore, "stock.quant", "action_apply_inventory");
    let lost = Fault::once(LOST, "stock.quant", "action_apply_inventory");
    for (key, fault, counted) in [("c-1", never, "70"), ("c-2", lost, "50")] {
        odoo.inject(fault);
        let body = json!({"quantity": quantity(counted, "1")});
        let (status, told) = desk.post(&adjust, key, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        let applied = desk.committed("stock.quant", "action_apply_inventory");
        let stands = lies();
        if key == "c-2" {
            assert_eq!(stands, 50.0, "it was done, and nobody was told");
            moved_meanwhile();
        }
        let operation = told["operation"].as_str().unwrap();
        let stuck = eventually("a person is asked", || async {
            let operation = desk.get(&format!("/operations/{operation}")).await;
            (operation["state"] == "stuck").then_some(operation)
        })
        .await;
        let note = stuck["note"].as_str().unwrap();
        let meant = format!("it is at-risk, so it is not sent again: look at `stock.quant` {quant}");
        assert!(note.contains(&meant) && note.contains(&format!("\"quantity\":\"{counted}\"")), "{note}");
        let late = usize::from(key == "c-2");
        assert_eq!(desk.committed("stock.quant", "action_apply_inventory"), applied + late, "it is not made again");
        assert_eq!(lies(), if late == 1 { 63.0 } else { before });
        let other = json!({"quantity": quantity("1", "1")});
        assert_eq!(
            desk.done(&scrap, &format!("{key}-s"), &other).await["scrapped"]["quantity"]["value"],
            "1",
            "others go on"
        );

        let data = desk.place.path("data").display().to_string();
        let seen = ["--because", "looked at it in Odoo", "--data", data.as_str()];
        selvage(&[&["operations", "settle", operation, "--as", "refused"], &seen[..]].concat());
        assert_eq!(desk.refused(&adjust, key, &body).await.1, "FAB5042", "the key has the person's word");
        assert_eq!(lies(), if key == "c-2" { 62.0 } else { before - 1.0 });
    }
}
