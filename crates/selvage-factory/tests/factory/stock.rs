//! Purchasing, sales, transfers and scrap beyond what the recordings show: lots, backorders, what is closed short, and
//! whatever is done in whatever order, nothing comes from nowhere.

use std::collections::BTreeMap;

use selvage_factory::odoo::{OdooVersion, Seed};
use serde_json::{Value as Json, json};

use crate::client::{Client, Ending};

const VERSIONS: [OdooVersion; 2] = [OdooVersion::V18, OdooVersion::V19];
const STOCK: i64 = 8;
const QUALITY: i64 = 10;

/// A warehouse with steel in lots L0 and L1, ten of each, a hundred bolts, a partner and a quality location.
struct Store {
    client: Client,
    steel: Json,
    bolt: Json,
    lots: Vec<Json>,
    partner: Json,
}

impl Store {
    async fn open(version: OdooVersion) -> Self {
        let client = Client::start(version, Seed::Empty).await;
        let product = |name: &str, tracking: &str| {
            let values = json!({ "name": name, "default_code": name, "is_storable": true, "tracking": tracking });
            create(&client, "product.product", values)
        };
        let (steel, bolt) = (product("STEEL", "lot").await, product("BOLT", "none").await);
        let partner = create(&client, "res.partner", json!({ "name": "Acme" })).await;
        client.ok("stock.location", "write", json!([[QUALITY], { "active": true }]), json!({})).await;
        let mut lots = Vec::new();
        for name in ["L0", "L1"] {
            lots.push(create(&client, "stock.lot", json!({ "name": name, "product_id": steel })).await);
        }
        let store = Self { client, steel, bolt, lots, partner };
        for lot in &store.lots {
            store.count(&store.steel, Some(lot), 10.0).await;
        }
        store.count(&store.bolt, None, 100.0).await;
        store
    }

    async fn count(&self, product: &Json, lot: Option<&Json>, quantity: f64) {
        let lot = lot.cloned().unwrap_or(json!(false));
        let values =
            json!([{ "product_id": product, "location_id": STOCK, "lot_id": lot, "inventory_quantity": quantity }]);
        let quant =
            self.client.ok("stock.quant", "create", values, json!({ "context": { "inventory_mode": true } })).await;
        self.client.ok("stock.quant", "action_apply_inventory", json!([quant]), json!({})).await;
    }

    /// A confirmed purchase order, and its receipt.
    async fn bought(&self, lines: &[(&Json, i64)]) -> (Json, Json) {
        let line =
            |(product, quantity): &(&Json, i64)| json!([0, 0, { "product_id": product, "product_qty": quantity }]);
        let values = json!({ "partner_id": self.partner, "order_line": lines.iter().map(line).collect::<Vec<_>>() });
        let order = create(&self.client, "purchase.order", values).await;
        self.client.ok("purchase.order", "button_confirm", json!([[order]]), json!({})).await;
        let picking = self.field("purchase.order", &order, "picking_ids").await[0].clone();
        (order, picking)
    }

    /// A confirmed sales order, and its delivery.
    async fn sold(&self, product: &Json, quantity: i64) -> (Json, Json) {
        let line = json!([0, 0, { "product_id": product, "product_uom_qty": quantity, "price_unit": 5 }]);
        let values = json!({ "partner_id": self.partner, "order_line": [line] });
        let order = create(&self.client, "sale.order", values).await;
        self.client.ok("sale.order", "action_confirm", json!([[order]]), json!({})).await;
        let picking = self.field("sale.order", &order, "picking_ids").await[0].clone();
        (order, picking)
    }

    async fn lines(&self, picking: &Json) -> Vec<Json> {
        let fields = json!({ "fields": ["product_id", "quantity", "lot_id", "location_id"], "load": null });
        let domain = json!([[["picking_id", "=", picking]]]);
        self.client.ok("stock.move.line", "search_read", domain, fields).await.as_array().unwrap().clone()
    }

    async fn validate(&self, picking: &Json, context: Json) -> Ending {
        self.client.call("stock.picking", "button_validate", json!([[picking]]), json!({ "context": context })).await
    }

    async fn field(&self, model: &str, id: &Json, field: &str) -> Json {
        self.client.ok(model, "read", json!([[id], [field]]), json!({ "load": null })).await[0][field].clone()
    }

    /// What lies at a location, by lot.
    fn held(&self, product: &Json, location: i64) -> BTreeMap<String, f64> {
        let quants = self.client.factory.odoo.records("stock.quant").into_iter();
        let here = quants.filter(|quant| quant["product_id"] == *product && quant["location_id"] == location);
        here.map(|quant| (quant["lot_id"].to_string(), quant["quantity"].as_f64().unwrap())).collect()
    }

    /// What left one location arrived in another, and what is reserved is what open lines hold.
    fn assert_sound(&self, after: &str) {
        let odoo = &self.client.factory.odoo;
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        let mut reserved: BTreeMap<String, f64> = BTreeMap::new();
        for quant in odoo.records("stock.quant") {
            *sums.entry(json!([quant["product_id"], quant["lot_id"]]).to_string()).or_default() +=
                quant["quantity"].as_f64().unwrap();
            let spot = json!([quant["product_id"], quant["location_id"], quant["lot_id"]]).to_string();
            *reserved.entry(spot).or_default() += quant["reserved_quantity"].as_f64().unwrap();
        }
        let done: Vec<Json> = odoo
            .records("stock.move")
            .into_iter()
            .filter(|one| one["state"] == "done")
            .map(|one| one["id"].clone())
            .collect();
        let internal: Vec<Json> = odoo
            .records("stock.location")
            .into_iter()
            .filter(|place| place["usage"] == "internal")
            .map(|place| place["id"].clone())
            .collect();
        for line in odoo.records("stock.move.line") {
            if !done.contains(&line["move_id"]) && internal.contains(&line["location_id"]) {
                let spot = json!([line["product_id"], line["location_id"], line["lot_id"]]).to_string();
                *reserved.entry(spot).or_default() -= line["quantity"].as_f64().unwrap_or_default();
            }
        }
        assert!(sums.values().all(|sum| sum.abs() < 1e-9), "after {after}: {sums:?}");
        assert!(reserved.values().all(|sum| sum.abs() < 1e-9), "after {after}: {reserved:?}");
    }
}

async fn create(client: &Client, model: &str, values: Json) -> Json {
    client.ok(model, "create", json!([values]), json!({})).await
}

#[tokio::test]
async fn a_short_receipt_asks_and_is_closed_or_backordered() {
    for version in VERSIONS {
        for (context, states, received) in [
            (json!({ "skip_backorder": true }), vec!["done", "assigned"], "partial"),
            (json!({ "skip_backorder": true, "picking_ids_not_to_backorder": ["receipt"] }), vec!["done"], "full"),
        ] {
            let store = Store::open(version).await;
            let (order, receipt) = store.bought(&[(&store.bolt, 10), (&store.steel, 4)]).await;
            let line = store.lines(&receipt).await[0]["id"].clone();
            store
                .client
                .ok("stock.move.line", "write", json!([[line], { "quantity": 6, "picked": true }]), json!({}))
                .await;
            let Ending::Result(wizard) = store.validate(&receipt, json!({})).await else { panic!("{version:?}") };
            assert_eq!(wizard["res_model"], "stock.backorder.confirmation");
            let mut context = context;
            if context.get("picking_ids_not_to_backorder").is_some() {
                context["picking_ids_not_to_backorder"] = json!([receipt]);
            }
            assert_eq!(store.validate(&receipt, context).await, Ending::Result(json!(true)));
            let pickings = store.client.factory.odoo.records("stock.picking");
            let found: Vec<&str> = pickings.iter().map(|picking| picking["state"].as_str().unwrap()).collect();
            assert_eq!(found, states, "{version:?}");
            assert_eq!(store.field("purchase.order", &order, "receipt_status").await, received);
            let lines = store.field("purchase.order", &order, "order_line").await;
            assert_eq!(store.field("purchase.order.line", &lines[0], "qty_received").await, json!(6.0));
            assert_eq!(store.field("purchase.order.line", &lines[1], "qty_received").await, json!(0.0));
            store.assert_sound("a short receipt");
        }
    }
}

#[tokio::test]
async fn the_wizard_answers_too() {
    for (method, left) in [("process", "assigned"), ("process_cancel_backorder", "")] {
        let store = Store::open(OdooVersion::V18).await;
        let (_, receipt) = store.bought(&[(&store.bolt, 10)]).await;
        let line = store.lines(&receipt).await[0]["id"].clone();
        store.client.ok("stock.move.line", "write", json!([[line], { "quantity": 3 }]), json!({})).await;
        let context = json!({ "context": { "button_validate_picking_ids": [receipt] } });
        let wizard =
            create(&store.client, "stock.backorder.confirmation", json!({ "pick_ids": [[6, 0, [receipt]]] })).await;
        store.client.ok("stock.backorder.confirmation", method, json!([[wizard]]), context).await;
        let pickings = store.client.factory.odoo.records("stock.picking");
        assert_eq!(pickings.get(1).map_or("", |picking| picking["state"].as_str().unwrap()), left, "{method}");
        assert_eq!(store.field("stock.picking", &receipt, "state").await, "done");
    }
}

#[tokio::test]
async fn a_lot_that_is_only_named_is_found_or_made() {
    let store = Store::open(OdooVersion::V18).await;
    for (name, lots) in [("L1", 2), ("NEW", 3)] {
        let (_, receipt) = store.bought(&[(&store.steel, 5)]).await;
        let line = store.lines(&receipt).await[0]["id"].clone();
        store.client.ok("stock.move.line", "write", json!([[line], { "lot_name": name }]), json!({})).await;
        assert_eq!(store.validate(&receipt, json!({})).await, Ending::Result(json!(true)));
        assert_eq!(store.client.factory.odoo.records("stock.lot").len(), lots);
    }
    assert_eq!(store.held(&store.steel, STOCK)[&store.lots[1].to_string()], 15.0);
    store.assert_sound("receipts by lot");
}

#[tokio::test]
async fn more_than_ordered_comes_in_without_a_question() {
    let store = Store::open(OdooVersion::V18).await;
    let (_, receipt) = store.bought(&[(&store.bolt, 10)]).await;
    let line = store.lines(&receipt).await[0]["id"].clone();
    store.client.ok("stock.move.line", "write", json!([[line], { "quantity": 12 }]), json!({})).await;
    assert_eq!(store.validate(&receipt, json!({})).await, Ending::Result(json!(true)));
    assert_eq!(store.held(&store.bolt, STOCK)["null"], 112.0);
}

/// What is moved to the quality location is taken from whoever had reserved it.
#[tokio::test]
async fn an_internal_transfer_takes_a_lot_away_from_a_delivery() {
    for version in VERSIONS {
        let store = Store::open(version).await;
        let (_, delivery) = store.sold(&store.steel, 12).await;
        let types =
            store.client.ok("stock.picking.type", "search", json!([[["code", "=", "internal"]]]), json!({})).await;
        let values = json!({ "picking_type_id": types[0], "location_dest_id": QUALITY, "origin": "quarantine L0" });
        let transfer = create(&store.client, "stock.picking", values).await;
        let values = json!({ "picking_id": transfer, "product_id": store.steel, "product_uom_qty": 10 });
        let moved = create(&store.client, "stock.move", values).await;
        let line = json!({ "move_id": moved, "picking_id": transfer, "lot_id": store.lots[0], "quantity": 10 });
        create(&store.client, "stock.move.line", line).await;
        store.client.ok("stock.picking", "action_confirm", json!([[transfer]]), json!({})).await;
        assert_eq!(store.validate(&transfer, json!({})).await, Ending::Result(json!(true)));
        assert_eq!(store.held(&store.steel, QUALITY), BTreeMap::from([(store.lots[0].to_string(), 10.0)]));
        let left: f64 = store.lines(&delivery).await.iter().map(|line| line["quantity"].as_f64().unwrap()).sum();
        assert_eq!(left, 10.0, "only the other lot is left for the delivery");
        store.assert_sound("a transfer");
    }
}

#[tokio::test]
async fn scrapping_twice_scraps_twice_and_more_than_there_is_asks() {
    let store = Store::open(OdooVersion::V18).await;
    let values = json!({ "product_id": store.steel, "scrap_qty": 2, "lot_id": store.lots[0], "location_id": STOCK });
    let scrap = create(&store.client, "stock.scrap", values).await;
    for _ in 0..2 {
        let done = store.client.ok("stock.scrap", "action_validate", json!([[scrap]]), json!({})).await;
        assert_eq!(done, json!(true));
    }
    assert_eq!(store.held(&store.steel, STOCK)[&store.lots[0].to_string()], 6.0);
    let values = json!({ "product_id": store.steel, "scrap_qty": 7, "lot_id": store.lots[0], "location_id": STOCK });
    let more = create(&store.client, "stock.scrap", values).await;
    let asked = store.client.ok("stock.scrap", "action_validate", json!([[more]]), json!({})).await;
    assert_eq!(asked["res_model"], "stock.warn.insufficient.qty.scrap");
    assert_eq!(store.field("stock.scrap", &more, "state").await, "draft");
    let refused = Ending::Error("odoo.exceptions.UserError".to_owned());
    assert_eq!(store.client.call("stock.scrap", "unlink", json!([[scrap]]), json!({})).await, refused);
    store.assert_sound("scrap");
}

#[tokio::test]
async fn orders_are_cancelled_and_deleted_only_where_nothing_was_moved() {
    let store = Store::open(OdooVersion::V18).await;
    let refused = Ending::Error("odoo.exceptions.UserError".to_owned());
    let (order, receipt) = store.bought(&[(&store.bolt, 1)]).await;
    assert_eq!(store.client.call("purchase.order", "unlink", json!([[order]]), json!({})).await, refused);
    store.validate(&receipt, json!({})).await;
    assert_eq!(store.client.call("purchase.order", "button_cancel", json!([[order]]), json!({})).await, refused);
    let (other, _) = store.bought(&[(&store.bolt, 1)]).await;
    store.client.ok("purchase.order", "button_cancel", json!([[other]]), json!({})).await;
    store.client.ok("purchase.order", "unlink", json!([[other]]), json!({})).await;
    let (sale, delivery) = store.sold(&store.bolt, 5).await;
    let context = json!({ "context": { "disable_cancel_warning": true } });
    assert_eq!(store.client.ok("sale.order", "action_cancel", json!([[sale]]), context).await, json!(true));
    assert_eq!(store.field("stock.picking", &delivery, "state").await, "cancel");
    assert_eq!(store.client.call("sale.order", "action_confirm", json!([[sale]]), json!({})).await, refused);
    store.assert_sound("cancelling");
}

/// Numbers that look random and can be had again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Whatever is bought, sold, counted, moved, scrapped and cancelled, in whatever order, stock stays double entry.
#[tokio::test]
async fn nothing_comes_from_nowhere() {
    for seed in 0..12 {
        let mut chance = Chance(seed);
        let store = Store::open(VERSIONS[usize::try_from(seed % 2).unwrap()]).await;
        for step in 0..30 {
            let amount = 1 + i64::try_from(chance.below(9)).unwrap();
            let product = if chance.below(2) == 0 { &store.steel } else { &store.bolt };
            let pickings = store.client.factory.odoo.records("stock.picking");
            let some = (!pickings.is_empty())
                .then(|| &pickings[usize::try_from(chance.below(pickings.len() as u64)).unwrap()]["id"]);
            let what = chance.below(8);
            match (what, some) {
                (0, _) => drop(store.bought(&[(product, amount)]).await),
                (1, _) => drop(store.sold(product, amount).await),
                (2, _) => {
                    let lot = (*product == store.steel).then(|| &store.lots[usize::try_from(amount % 2).unwrap()]);
                    store.count(product, lot, amount as f64).await;
                }
                (3 | 4, Some(picking)) => {
                    for line in store.lines(picking).await {
                        let mut values = json!({ "quantity": amount });
                        if line["product_id"] == store.steel {
                            values["lot_id"] = store.lots[usize::try_from(amount % 2).unwrap()].clone();
                        }
                        store.client.call("stock.move.line", "write", json!([[line["id"]], values]), json!({})).await;
                    }
                    let closed = if what == 3 { json!([picking]) } else { json!([]) };
                    let context = json!({ "skip_backorder": true, "picking_ids_not_to_backorder": closed });
                    store.validate(picking, context).await;
                }
                (5, Some(picking)) => {
                    store.client.call("stock.picking", "action_cancel", json!([[picking]]), json!({})).await;
                }
                (6, Some(picking)) => {
                    store.client.call("stock.picking", "action_assign", json!([[picking]]), json!({})).await;
                }
                _ => {
                    let values = json!({ "product_id": store.bolt, "scrap_qty": amount, "location_id": STOCK });
                    let scrap = create(&store.client, "stock.scrap", values).await;
                    store.client.call("stock.scrap", "action_validate", json!([[scrap]]), json!({})).await;
                }
            }
            store.assert_sound(&format!("step {step} ({what}) of seed {seed}"));
        }
    }
}
