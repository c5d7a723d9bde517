//! Whatever is asked in whatever order, refused or not: what lies in stock is what moved there, lot by lot, what is reserved is
//! what open lines hold, and an order that is done has made and used what its moves say.

use std::collections::BTreeMap;

use selvage_factory::odoo::{OdooConfig, OdooVersion, Seed};
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use serde_json::{Map, Value as Json, json};

const VERSIONS: [OdooVersion; 4] = [OdooVersion::V16, OdooVersion::V17, OdooVersion::V18, OdooVersion::V19];
const SEEDS: u64 = 12;
const STEPS: usize = 40;
const STOCK: i64 = 8;

/// Quantities in hundredths.
type Sums = BTreeMap<String, i64>;

/// Numbers from a seed: SplitMix64 of Steele, Lea and Flood (2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).unwrap()
    }

    /// 0.25 to 10.
    fn quantity(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(40) + 1).unwrap()) / 4.0
    }
}

/// A plant that makes a bicycle, tracked by lot, of wheels and of paint, tracked by lot.
struct Plant {
    factory: RunningFactory,
    version: OdooVersion,
    chance: Chance,
    bicycle: Json,
    wheel: Json,
    paint: Json,
    lots: Vec<Json>,
    partner: Json,
}

impl Plant {
    async fn open(version: OdooVersion, seed: u64) -> Self {
        let odoo = OdooConfig { version, seed: Seed::Empty, ..OdooConfig::default() };
        let factory = Factory::start(FactoryConfig { odoo, ..FactoryConfig::default() }).await.unwrap();
        let none = Json::Null;
        let mut plant = Self {
            factory,
            version,
            chance: Chance(seed),
            bicycle: none.clone(),
            wheel: none.clone(),
            paint: none.clone(),
            lots: Vec::new(),
            partner: none,
        };
        let product = |name: &str, tracking: &str| json!([{ "name": name, "default_code": name, "is_storable": true, "tracking": tracking }]);
        plant.wheel = plant.make("product.product", product("W", "none"));
        plant.paint = plant.make("product.product", product("P", "lot"));
        plant.bicycle = plant.make("product.product", product("B", "lot"));
        plant.partner = plant.make("res.partner", json!([{ "name": "Acme" }]));
        for name in ["P-1", "P-2"] {
            let lot = plant.make("stock.lot", json!([{ "name": name, "product_id": plant.paint }]));
            plant.lots.push(lot);
        }
        let center = plant.make("mrp.workcenter", json!([{ "name": "Line" }]));
        let line = |product: &Json, quantity: f64| json!([0, 0, { "product_id": product, "product_qty": quantity }]);
        let bom = json!([{
            "product_id": plant.bicycle, "consumption": "flexible",
            "bom_line_ids": [line(&plant.wheel, 2.0), line(&plant.paint, 0.25)],
            "operation_ids": [[0, 0, { "name": "Build", "workcenter_id": center, "time_cycle_manual": 5 }]],
        }]);
        plant.make("mrp.bom", bom);
        plant
    }

    fn call(&self, model: &str, method: &str, args: Json, context: Json) -> Result<Json, String> {
        let Json::Array(args) = args else { panic!("{args} is no list") };
        self.factory.odoo.call(model, method, &args, &Map::from_iter([("context".to_owned(), context)]))
    }

    fn make(&self, model: &str, args: Json) -> Json {
        self.call(model, "create", args, json!({})).unwrap()
    }

    /// A record of the model, any.
    fn any(&mut self, model: &str) -> Option<Json> {
        let records = self.factory.odoo.records(model);
        let at = self.chance.below(records.len().max(1));
        records.get(at).map(|record| record["id"].clone())
    }

    /// One thing that somebody might do; what is refused is refused.
    fn step(&mut self) -> String {
        let quantity = self.chance.quantity();
        let kind = self.chance.below(16);
        let short = json!({ "skip_backorder": self.chance.below(2) == 0 });
        let done = match kind {
            0 | 1 => self.count(quantity),
            2 => self.call(
                "mrp.production",
                "create",
                json!([{ "product_id": self.bicycle, "product_qty": quantity }]),
                json!({}),
            ),
            3 => self.on("mrp.production", "action_confirm", json!({})),
            4 => self.on("mrp.production", "action_assign", json!({})),
            5 | 6 => self.produce(quantity),
            7 => self.on("mrp.production", "button_mark_done", json!({ "skip_backorder": true })),
            8 => self.backorder(),
            9 => self.on("mrp.production", "action_cancel", json!({})),
            10 => self.on("mrp.workorder", "button_start", json!({})),
            11 => self.on("mrp.workorder", "button_finish", json!({})),
            12 => self.buy(quantity),
            13 => self.on("stock.picking", "button_validate", short),
            14 => self.on("mrp.production", "unlink", json!({})),
            _ => self.scrap(quantity),
        };
        format!("{kind}: {done:?}")
    }

    fn on(&mut self, model: &str, method: &str, context: Json) -> Result<Json, String> {
        match self.any(model) {
            Some(id) => self.call(model, method, json!([[id]]), context),
            None => Ok(Json::Null),
        }
    }

    fn count(&mut self, quantity: f64) -> Result<Json, String> {
        let (product, lot) = match self.chance.below(3) {
            0 => (self.wheel.clone(), json!(false)),
            at => (self.paint.clone(), self.lots[at - 1].clone()),
        };
        let values = json!([{ "product_id": product, "location_id": STOCK, "lot_id": lot, "inventory_quantity": quantity * 4.0 }]);
        let quant = self.call("stock.quant", "create", values, json!({ "inventory_mode": true }))?;
        self.call("stock.quant", "action_apply_inventory", json!([[quant]]), json!({}))
    }

    fn produce(&mut self, quantity: f64) -> Result<Json, String> {
        let Some(order) = self.any("mrp.production") else { return Ok(Json::Null) };
        let name = format!("B-{}", self.chance.below(6));
        let lot = json!([{ "name": name, "product_id": self.bicycle }]);
        let found = self.call("stock.lot", "search", json!([[["name", "=", name]]]), json!({}))?;
        let lot = match found.get(0) {
            Some(lot) => lot.clone(),
            None => self.call("stock.lot", "create", lot, json!({}))?,
        };
        let mut values = json!({ "qty_producing": quantity });
        match self.version {
            OdooVersion::V19 => values["lot_producing_ids"] = json!([[6, 0, [lot]]]),
            _ => values["lot_producing_id"] = lot,
        }
        self.call("mrp.production", "write", json!([[order], values]), json!({}))?;
        let parts =
            self.call("stock.move", "search", json!([[["raw_material_production_id", "=", order]]]), json!({}))?;
        for part in parts.as_array().unwrap() {
            let used = self.chance.quantity();
            let values = match self.version {
                OdooVersion::V16 => json!({ "quantity_done": used }),
                _ => json!({ "quantity": used, "picked": self.chance.below(4) > 0 }),
            };
            self.call("stock.move", "write", json!([[part], values]), json!({}))?;
        }
        Ok(json!(true))
    }

    fn backorder(&mut self) -> Result<Json, String> {
        let Some(order) = self.any("mrp.production") else { return Ok(Json::Null) };
        let context = json!({ "skip_backorder": true, "mo_ids_to_backorder": [order] });
        self.call("mrp.production", "button_mark_done", json!([[order]]), context)
    }

    fn buy(&mut self, quantity: f64) -> Result<Json, String> {
        let line = json!([0, 0, { "product_id": self.wheel, "product_qty": quantity, "price_unit": 3 }]);
        let values = json!([{ "partner_id": self.partner, "order_line": [line] }]);
        let order = self.call("purchase.order", "create", values, json!({}))?;
        self.call("purchase.order", "button_confirm", json!([[order]]), json!({}))
    }

    fn scrap(&mut self, quantity: f64) -> Result<Json, String> {
        let lot = self.lots[self.chance.below(2)].clone();
        let values = json!([{ "product_id": self.paint, "scrap_qty": quantity / 4.0, "lot_id": lot }]);
        let scrap = self.call("stock.scrap", "create", values, json!({}))?;
        self.call("stock.scrap", "action_validate", json!([[scrap]]), json!({}))
    }

    fn records(&self, model: &str) -> Vec<Json> {
        self.factory.odoo.records(model)
    }

    /// The rules of this file's head.
    fn assert_sound(&self, after: &str) {
        let moves: BTreeMap<String, Json> =
            self.records("stock.move").into_iter().map(|one| (one["id"].to_string(), one)).collect();
        let (mut sums, mut stock, mut reserved) = (Sums::new(), Sums::new(), Sums::new());
        for quant in self.records("stock.quant") {
            let quantity = cents(&quant["quantity"]);
            add(&mut sums, &json!([quant["product_id"], quant["lot_id"]]), quantity);
            add(&mut stock, &spot(&quant, "location_id"), quantity);
            add(&mut reserved, &spot(&quant, "location_id"), cents(&quant["reserved_quantity"]));
        }
        let internal: Vec<Json> =
            self.records("stock.location").into_iter().filter(|place| place["usage"] == "internal").collect();
        let is_internal = |id: &Json| internal.iter().any(|place| place["id"] == *id);
        for line in self.records("stock.move.line") {
            let quantity = cents(&line["quantity"]);
            let state = moves.get(&line["move_id"].to_string()).map(|one| one["state"].clone());
            if state == Some(json!("done")) {
                add(&mut stock, &spot(&line, "location_dest_id"), -quantity);
                add(&mut stock, &spot(&line, "location_id"), quantity);
            } else if is_internal(&line["location_id"]) {
                add(&mut reserved, &spot(&line, "location_id"), -quantity);
            }
        }
        for (what, sums) in [("gained or lost", sums), ("moved", stock), ("reserved", reserved)] {
            let wrong: Sums = sums.into_iter().filter(|(_, sum)| *sum != 0).collect();
            assert!(wrong.is_empty(), "{:?} after {after}: {what}: {wrong:?}", self.version);
        }
        for order in self.records("mrp.production").iter().filter(|order| order["state"] == "done") {
            self.assert_done(order, &moves, after);
        }
    }

    /// The moves and work orders of a done order have ended, and it made what its finished moves say.
    fn assert_done(&self, order: &Json, moves: &BTreeMap<String, Json>, after: &str) {
        let id = &order["id"];
        let mut made = 0;
        for one in moves.values() {
            if one["raw_material_production_id"] == *id || one["production_id"] == *id {
                assert!(one["state"] == "done" || one["state"] == "cancel", "after {after}: {one} of {order}");
            }
            if one["production_id"] == *id && one["state"] == "done" {
                let lines = self.records("stock.move.line").into_iter().filter(|line| line["move_id"] == one["id"]);
                made += lines.map(|line| cents(&line["quantity"])).sum::<i64>();
            }
        }
        let answer =
            self.factory.odoo.call("mrp.production", "read", &[json!([id]), json!(["qty_produced"])], &Map::new());
        assert_eq!(cents(&answer.unwrap()[0]["qty_produced"]), made, "after {after}: {order}");
        assert_eq!(cents(&order["qty_producing"]), made, "after {after}: {order}");
        for work in self.records("mrp.workorder").iter().filter(|work| work["production_id"] == *id) {
            assert!(work["state"] == "done" || work["state"] == "cancel", "after {after}: {work}");
        }
    }
}

fn cents(quantity: &Json) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "quantities of a test are small")]
    let cents = (quantity.as_f64().unwrap_or(0.0) * 100.0).round() as i64;
    cents
}

fn spot(record: &Json, location: &str) -> Json {
    json!([record["product_id"], record[location], record["lot_id"]])
}

fn add(sums: &mut Sums, key: &Json, quantity: i64) {
    *sums.entry(key.to_string()).or_default() += quantity;
}

#[tokio::test]
async fn whatever_is_done_quantities_agree() {
    for version in VERSIONS {
        for seed in 0..SEEDS {
            let mut plant = Plant::open(version, seed).await;
            for at in 0..STEPS {
                let step = plant.step();
                plant.assert_sound(&format!("seed {seed}, step {at}, {step}"));
            }
        }
    }
}
