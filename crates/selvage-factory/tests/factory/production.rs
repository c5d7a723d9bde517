//! What the recordings do not show but follows from them: repeated calls, backorders of backorders, missing stock, lots by line,
//! work orders of both versions.

use selvage_factory::odoo::{OdooVersion, Seed};
use serde_json::{Map, Value as Json, json};

use crate::client::{Client, Ending};

const VERSIONS: [OdooVersion; 4] = [OdooVersion::V16, OdooVersion::V17, OdooVersion::V18, OdooVersion::V19];

/// A plant with a bicycle of two wheels and a quarter of paint in lots, and this much of both.
struct Plant {
    client: Client,
    version: OdooVersion,
    bicycle: Json,
    wheel: Json,
    paint: Json,
    lots: Vec<Json>,
}

impl Plant {
    async fn open(version: OdooVersion, wheels: i64, paints: &[f64]) -> Self {
        let client = Client::start(version, Seed::Empty).await;
        let make = |model: &'static str, values: Json| make(&client, model, values);
        let product = |name: &str, tracking: &str| {
            make(
                "product.product",
                json!({ "name": name, "default_code": name, "is_storable": true, "tracking": tracking }),
            )
        };
        let (wheel, paint, bicycle) =
            (product("W", "none").await, product("P", "lot").await, product("B", "lot").await);
        let mut quants = vec![json!({ "product_id": wheel, "location_id": 8, "inventory_quantity": wheels })];
        let mut lots = Vec::new();
        for (at, quantity) in paints.iter().enumerate() {
            let lot = make("stock.lot", json!({ "name": format!("P-{at}"), "product_id": paint })).await;
            quants
                .push(json!({ "product_id": paint, "location_id": 8, "lot_id": lot, "inventory_quantity": quantity }));
            lots.push(lot);
        }
        let counting = json!({ "context": { "inventory_mode": true } });
        let made = client.ok("stock.quant", "create", json!([quants]), counting).await;
        client.ok("stock.quant", "action_apply_inventory", json!([made]), json!({})).await;
        let center = make("mrp.workcenter", json!({ "name": "Line" })).await;
        let operation = |name: &str| json!([0, 0, { "name": name, "workcenter_id": center, "time_cycle_manual": 5 }]);
        let line = |product: &Json, quantity: f64| json!([0, 0, { "product_id": product, "product_qty": quantity }]);
        let bom = json!({
            "product_id": bicycle, "consumption": "warning", "bom_line_ids": [line(&wheel, 2.0), line(&paint, 0.25)],
            "operation_ids": [operation("Paint"), operation("Assemble")],
        });
        make("mrp.bom", bom).await;
        Self { client, version, bicycle, wheel, paint, lots }
    }

    async fn confirmed(&self, quantity: i64) -> Json {
        let order =
            make(&self.client, "mrp.production", json!({ "product_id": self.bicycle, "product_qty": quantity })).await;
        self.client.ok("mrp.production", "action_confirm", json!([[order]]), json!({})).await;
        order
    }

    /// Writes quantity, lot and consumption as they should be; the order is not marked done yet.
    async fn produce(&self, order: &Json, quantity: f64, lot: &str) {
        let lot = make(&self.client, "stock.lot", json!({ "name": lot, "product_id": self.bicycle })).await;
        let mut values = json!({ "qty_producing": quantity });
        match self.version {
            OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => values["lot_producing_id"] = lot,
            OdooVersion::V19 => values["lot_producing_ids"] = json!([[6, 0, [lot]]]),
        }
        self.client.ok("mrp.production", "write", json!([[order], values]), json!({})).await;
        for part in self.parts(order).await {
            let consumed = match self.version {
                OdooVersion::V16 => json!({ "quantity_done": part["should_consume_qty"] }),
                _ => json!({ "quantity": part["should_consume_qty"], "picked": true }),
            };
            self.client.ok("stock.move", "write", json!([[part["id"]], consumed]), json!({})).await;
        }
    }

    async fn parts(&self, order: &Json) -> Vec<Json> {
        let held = self.held();
        let fields =
            json!({ "fields": ["product_id", held, "should_consume_qty", "state", "move_line_ids"], "order": "id" });
        let domain = json!([[["raw_material_production_id", "=", order]]]);
        self.client.ok("stock.move", "search_read", domain, fields).await.as_array().unwrap().clone()
    }

    /// The field with what an open move has reserved.
    fn held(&self) -> &'static str {
        if self.version == OdooVersion::V16 { "reserved_availability" } else { "quantity" }
    }

    async fn mark_done(&self, order: &Json, context: Json) -> Ending {
        self.client.call("mrp.production", "button_mark_done", json!([[order]]), json!({ "context": context })).await
    }

    async fn backorder(&self, order: &Json) -> Ending {
        self.mark_done(order, json!({ "skip_backorder": true, "mo_ids_to_backorder": [order] })).await
    }

    /// What lies in stock of a product.
    async fn on_hand(&self, product: &Json) -> Json {
        let read = self.client.ok("product.product", "read", json!([[product], ["qty_available"]]), json!({})).await;
        read[0]["qty_available"].clone()
    }

    async fn field(&self, model: &str, id: &Json, field: &str) -> Json {
        self.client.ok(model, "read", json!([[id], [field]]), json!({ "load": null })).await[0][field].clone()
    }

    async fn work(&self, order: &Json) -> Vec<(Json, String)> {
        let domain = json!([[["production_id", "=", order]]]);
        let found =
            self.client.ok("mrp.workorder", "search_read", domain, json!({ "fields": ["state"], "order": "id" })).await;
        let state = |row: &Json| (row["id"].clone(), row["state"].as_str().unwrap().to_owned());
        found.as_array().unwrap().iter().map(state).collect()
    }
}

async fn make(client: &Client, model: &str, values: Json) -> Json {
    client.ok(model, "create", json!([values]), json!({})).await
}

#[tokio::test]
async fn a_backorder_of_a_backorder_counts_on() {
    for version in VERSIONS {
        let plant = Plant::open(version, 100, &[25.0]).await;
        let first = plant.confirmed(5).await;
        plant.produce(&first, 2.0, "B1").await;
        let Ending::Result(window) = plant.backorder(&first).await else { panic!("{version:?}") };
        let second = window["res_id"].clone();
        plant.produce(&second, 1.0, "B2").await;
        let Ending::Result(window) = plant.backorder(&second).await else { panic!("{version:?}") };
        let mut names = Vec::new();
        for order in [&first, &second, &window["res_id"]] {
            names.push(plant.field("mrp.production", order, "name").await);
        }
        assert_eq!(names, ["WH/MO/00001-001", "WH/MO/00001-002", "WH/MO/00001-003"]);
        assert_eq!((plant.on_hand(&plant.bicycle).await, plant.on_hand(&plant.wheel).await), (json!(3.0), json!(94.0)));
        assert_eq!(plant.on_hand(&plant.paint).await, json!(24.25));
    }
}

#[tokio::test]
async fn a_call_repeated_after_a_lost_answer_moves_nothing_twice() {
    for version in VERSIONS {
        let plant = Plant::open(version, 100, &[25.0]).await;
        let whole = plant.confirmed(2).await;
        plant.produce(&whole, 2.0, "B1").await;
        for _ in 0..2 {
            assert_eq!(plant.mark_done(&whole, json!({})).await, Ending::Result(json!(true)));
        }
        let short = plant.confirmed(3).await;
        plant.produce(&short, 2.0, "B2").await;
        assert!(matches!(plant.backorder(&short).await, Ending::Result(_)));
        assert_eq!(plant.backorder(&short).await, Ending::Error("odoo.exceptions.ValidationError".to_owned()));
        assert_eq!((plant.on_hand(&plant.bicycle).await, plant.on_hand(&plant.wheel).await), (json!(4.0), json!(92.0)));
        assert_eq!(plant.client.factory.odoo.records("mrp.production").len(), 3);
    }
}

#[tokio::test]
async fn what_is_missing_is_waited_for_and_can_be_consumed_all_the_same() {
    for version in VERSIONS {
        let plant = Plant::open(version, 3, &[25.0]).await;
        let order = plant.confirmed(2).await;
        assert_eq!(plant.field("mrp.production", &order, "reservation_state").await, json!("confirmed"));
        let parts = plant.parts(&order).await;
        assert_eq!((&parts[0]["state"], &parts[0][plant.held()]), (&json!("partially_available"), &json!(3.0)));
        plant.produce(&order, 2.0, "B1").await;
        assert_eq!(plant.mark_done(&order, json!({})).await, Ending::Result(json!(true)));
        assert_eq!(plant.on_hand(&plant.wheel).await, json!(-1.0));
    }
}

#[tokio::test]
async fn lots_are_taken_first_in_first_out_and_can_be_chosen_by_line() {
    for version in VERSIONS {
        let plant = Plant::open(version, 100, &[0.5, 25.0]).await;
        let order = plant.confirmed(4).await;
        let paint = plant.parts(&order).await[1].clone();
        let lines = paint["move_line_ids"].as_array().unwrap().clone();
        let held = |lines: Vec<Json>| {
            let records = plant.client.factory.odoo.records("stock.move.line");
            let line = |id: &Json| records.iter().find(|record| record["id"] == *id).unwrap().clone();
            lines.iter().map(|id| (line(id)["lot_id"].clone(), line(id)["quantity"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(held(lines.clone()), [(plant.lots[0].clone(), json!(0.5)), (plant.lots[1].clone(), json!(0.5))]);
        let other = json!([[lines[0]], { "lot_id": plant.lots[1] }]);
        plant.client.ok("stock.move.line", "write", other, json!({})).await;
        let reserved = |lot: &Json| {
            let quants = plant.client.factory.odoo.records("stock.quant");
            let quant = quants.iter().find(|quant| quant["lot_id"] == *lot && quant["location_id"] == 8).cloned();
            quant.unwrap()["reserved_quantity"].clone()
        };
        assert_eq!((reserved(&plant.lots[0]), reserved(&plant.lots[1])), (json!(0.0), json!(1.0)));
    }
}

#[tokio::test]
async fn work_orders_wait_for_each_other_and_the_order_follows() {
    for version in VERSIONS {
        let waits = if version == OdooVersion::V19 { "blocked" } else { "pending" };
        let plant = Plant::open(version, 100, &[25.0]).await;
        let order = plant.confirmed(2).await;
        let states = |work: &[(Json, String)]| work.iter().map(|(_, state)| state.clone()).collect::<Vec<_>>();
        let work = plant.work(&order).await;
        assert_eq!(states(&work), ["ready", waits]);
        let (first, second) = (json!([[work[0].0]]), json!([[work[1].0]]));
        plant.client.ok("mrp.workorder", "button_start", first.clone(), json!({})).await;
        plant.client.ok("mrp.workorder", "button_pending", first.clone(), json!({})).await;
        assert_eq!(states(&plant.work(&order).await), ["progress", waits]);
        assert_eq!(plant.field("mrp.production", &order, "state").await, json!("progress"));
        plant.client.ok("mrp.workorder", "button_finish", first, json!({})).await;
        assert_eq!(states(&plant.work(&order).await), ["done", "ready"]);
        plant.client.ok("mrp.workorder", "button_finish", second, json!({})).await;
        assert_eq!(plant.field("mrp.production", &order, "state").await, json!("to_close"));
        let refused = plant.mark_done(&order, json!({})).await;
        assert_eq!(refused, Ending::Error("odoo.exceptions.UserError".to_owned()), "there is no lot");
        assert_eq!(plant.on_hand(&plant.wheel).await, json!(100.0), "the refused call is rolled back");
    }
}

#[tokio::test]
async fn done_orders_are_cancelled_and_deleted_as_each_version_says() {
    for version in VERSIONS {
        let plant = Plant::open(version, 100, &[25.0]).await;
        let order = plant.confirmed(1).await;
        plant.mark_done(&order, json!({})).await;
        let refused = Ending::Error("odoo.exceptions.UserError".to_owned());
        let cancelled = plant.client.call("mrp.production", "action_cancel", json!([[order]]), json!({})).await;
        assert_eq!(cancelled, if version < OdooVersion::V19 { Ending::Result(json!(true)) } else { refused.clone() });
        assert_eq!(plant.client.call("mrp.production", "unlink", json!([[order]]), json!({})).await, refused);
        let other = plant.confirmed(1).await;
        plant.client.ok("mrp.production", "unlink", json!([[other]]), json!({})).await;
        let moves = plant.client.factory.odoo.records("stock.move");
        assert!(moves.iter().all(|entry| entry["raw_material_production_id"] != other));
        let gone =
            plant.client.factory.odoo.call("mrp.production", "read", &[json!([other]), json!(["name"])], &Map::new());
        assert_eq!(gone, Ok(json!([])));
    }
}
