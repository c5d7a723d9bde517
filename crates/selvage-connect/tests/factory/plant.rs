//! A plant like the one that was recorded: a bicycle of a frame, two wheels and a quarter of paint that comes in lots.

use std::time::Duration;

use rust_decimal::Decimal;
use selvage_connect::odoo::{
    Call, Dialect, Failure, Map, Odoo, OdooConfig, OdooTls, ProductionReport, ProductionTarget, Remainder, Scope,
    Secret, decimal,
};
use selvage_factory::odoo::{OdooConfig as FactoryOdoo, OdooVersion, Seed};
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use serde_json::{Value, json};

/// A version and the dialect in which it is spoken to; that of its own where none is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pub(crate) version: OdooVersion,
    pub(crate) dialect: Option<Dialect>,
}

impl From<OdooVersion> for Server {
    fn from(version: OdooVersion) -> Self {
        Self { version, dialect: None }
    }
}

/// Every version in every dialect that it has.
pub(crate) const SERVERS: [Server; 5] = [
    Server { version: OdooVersion::V18, dialect: Some(Dialect::JsonRpc) },
    Server { version: OdooVersion::V18, dialect: Some(Dialect::XmlRpc) },
    Server { version: OdooVersion::V19, dialect: Some(Dialect::Json2) },
    Server { version: OdooVersion::V19, dialect: Some(Dialect::JsonRpc) },
    Server { version: OdooVersion::V19, dialect: Some(Dialect::XmlRpc) },
];

/// How long the connector waits where answers hang on purpose.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// The plant with its stock, and a connector of its account.
pub(crate) struct Plant {
    pub(crate) factory: RunningFactory,
    pub(crate) odoo: Odoo,
    pub(crate) scope: Scope,
    pub(crate) bicycle: i64,
    pub(crate) paint: i64,
    pub(crate) bom: i64,
}

impl Plant {
    pub(crate) async fn open(server: impl Into<Server>) -> Self {
        let Server { version, dialect } = server.into();
        let config = FactoryOdoo { version, seed: Seed::Empty, ..FactoryOdoo::default() };
        let factory = Factory::start(FactoryConfig { odoo: config, ..FactoryConfig::default() }).await.unwrap();
        let odoo = connect(&factory, dialect, Duration::from_secs(20));
        let company = odoo.companies().await.unwrap()[0].id;
        let mut plant = Self { factory, odoo, scope: Scope::company(company), bicycle: 0, paint: 0, bom: 0 };
        plant.stock().await;
        plant
    }

    async fn stock(&mut self) {
        let frame = self.product("Frame", "none").await;
        let wheel = self.product("Wheel", "none").await;
        self.paint = self.product("Paint", "lot").await;
        self.bicycle = self.product("Bicycle", "lot").await;
        let lot = self.make("stock.lot", json!({"name": "PL", "product_id": self.paint})).await;
        let warehouse = self.find("stock.warehouse", vec![], &["lot_stock_id"]).await;
        let place = warehouse[0]["lot_stock_id"][0].clone();
        let mut quants = Vec::new();
        for (product, quantity, lot) in
            [(frame, 50, json!(false)), (wheel, 100, json!(false)), (self.paint, 25, json!(lot))]
        {
            let values =
                json!({"product_id": product, "location_id": place, "inventory_quantity": quantity, "lot_id": lot});
            let call = Call::write("stock.quant", "create", &self.scope).arg("vals_list", vec![values]);
            let made = self.odoo.call(call.context("inventory_mode", true)).await.unwrap();
            quants.push(made[0].as_i64().unwrap());
        }
        self.odoo.call(Call::write("stock.quant", "action_apply_inventory", &self.scope).on(&quants)).await.unwrap();
        let template = self.find("product.product", vec![json!(["id", "=", self.bicycle])], &["product_tmpl_id"]).await;
        let line = |product: i64, quantity: f64| json!([0, 0, {"product_id": product, "product_qty": quantity}]);
        let bom = json!({
            "product_tmpl_id": template[0]["product_tmpl_id"][0], "product_qty": 1, "type": "normal", "consumption": "warning",
            "bom_line_ids": [line(frame, 1.0), line(wheel, 2.0), line(self.paint, 0.25)],
        });
        self.bom = self.make("mrp.bom", bom).await;
    }

    async fn product(&self, name: &str, tracking: &str) -> i64 {
        self.make("product.product", json!({"name": name, "type": "consu", "is_storable": true, "tracking": tracking}))
            .await
    }

    pub(crate) async fn make(&self, model: &str, values: Value) -> i64 {
        let call = Call::write(model, "create", &self.scope).arg("vals_list", vec![values]);
        self.odoo.call(call).await.unwrap()[0].as_i64().unwrap()
    }

    pub(crate) async fn find(&self, model: &str, domain: Vec<Value>, fields: &[&str]) -> Vec<Value> {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        self.odoo.search(model, domain, &fields, &self.scope, None).await.unwrap()
    }

    /// A draft of this many bicycles.
    pub(crate) async fn draft(&self, quantity: i64) -> i64 {
        self.make("mrp.production", json!({"product_id": self.bicycle, "product_qty": quantity, "bom_id": self.bom}))
            .await
    }

    /// A released order of this many bicycles.
    pub(crate) async fn order(&self, quantity: i64) -> i64 {
        let order = self.draft(quantity).await;
        self.odoo.release_production_order(order, &self.scope).await.unwrap();
        order
    }

    pub(crate) async fn report(
        &self,
        order: i64,
        total: i64,
        lot: &str,
        remainder: Remainder,
    ) -> Result<ProductionReport, Failure> {
        let target = ProductionTarget {
            total: total.into(),
            lot: Some(lot.to_owned()),
            remainder,
            components: vec![],
            scrapped: None,
        };
        self.odoo.report_production(order, &target, &self.scope).await
    }

    /// How many calls of this method were committed.
    pub(crate) fn committed(&self, model: &str, method: &str) -> usize {
        self.factory.odoo.journal().iter().filter(|entry| entry.model == model && entry.method == method).count()
    }

    /// Stock by product and lot: quantity and what of it is reserved.
    pub(crate) async fn quants(&self) -> Vec<String> {
        let inside = vec![json!(["location_id.usage", "=", "internal"])];
        let quants = self.find("stock.quant", inside, &["product_id", "lot_id", "quantity", "reserved_quantity"]).await;
        let shown = |quant: &Value| {
            let (name, lot) = (label(&quant["product_id"]), label(&quant["lot_id"]));
            format!("{name} {lot}: {} ({} reserved)", amount(quant, "quantity"), amount(quant, "reserved_quantity"))
        };
        let mut quants: Vec<String> = quants.iter().map(shown).collect();
        quants.sort();
        quants
    }

    /// The orders of the plant with their component moves, lines and finished moves, without ids.
    pub(crate) async fn orders(&self) -> Vec<String> {
        let mut told = Vec::new();
        for order in self.find("mrp.production", vec![], &["name", "state", "product_qty", "qty_produced"]).await {
            let id = order["id"].as_i64().unwrap();
            let suffix = order["name"].as_str().unwrap().split_once('-').map_or("", |(_, suffix)| suffix);
            let (planned, made) = (amount(&order, "product_qty"), amount(&order, "qty_produced"));
            told.push(format!("order {suffix}: {} {made} of {planned}", order["state"].as_str().unwrap()));
            told.extend(self.moves(vec![json!(["raw_material_production_id", "=", id])], "component").await);
            told.extend(self.moves(vec![json!(["production_id", "=", id])], "product").await);
            told.extend(self.lines(id).await);
        }
        told
    }

    /// What left stock from which lot; several lines of one lot are one.
    async fn lines(&self, order: i64) -> Vec<String> {
        let of_order = vec![json!(["move_id.raw_material_production_id", "=", order])];
        let mut sums: Vec<(String, Decimal, String)> = Vec::new();
        let fields = ["product_id", "lot_id", "quantity", "picked", "state"];
        for line in self.find("stock.move.line", of_order, &fields).await {
            let what = format!("{} {}", label(&line["product_id"]), label(&line["lot_id"]));
            let how = format!("picked {} {}", line["picked"].as_bool().unwrap(), line["state"].as_str().unwrap());
            match sums.iter_mut().find(|(known, _, same)| *known == what && *same == how) {
                Some((_, sum, _)) => *sum += amount(&line, "quantity"),
                None => sums.push((what, amount(&line, "quantity"), how)),
            }
        }
        sums.into_iter().map(|(what, sum, how)| format!("  line {what}: {} {how}", sum.normalize())).collect()
    }

    async fn moves(&self, domain: Vec<Value>, what: &str) -> Vec<String> {
        let fields = ["product_id", "product_uom_qty", "quantity", "picked", "state"];
        let shown = |one: &Value| {
            let (of, planned) = (amount(one, "quantity"), amount(one, "product_uom_qty"));
            let (picked, state) = (one["picked"].as_bool().unwrap(), one["state"].as_str().unwrap());
            format!("  {what} {}: {of} of {planned} picked {picked} {state}", label(&one["product_id"]))
        };
        self.find("stock.move", domain, &fields).await.iter().map(shown).collect()
    }
}

/// A connector of the factory's administrator.
pub(crate) fn connect(factory: &RunningFactory, dialect: Option<Dialect>, timeout: Duration) -> Odoo {
    Odoo::new(OdooConfig {
        system: "odoo".to_owned(),
        url: factory.odoo_url(),
        database: Some("velo".to_owned()),
        dialect,
        login: "admin".to_owned(),
        secret: Secret::new("admin"),
        next: None,
        lang: "en_US".to_owned(),
        timeout,
        longest_transaction: Duration::from_secs(5),
        concurrency: 4,
        tls: OdooTls::default(),
    })
    .unwrap()
}

/// The values of a record.
pub(crate) fn values(values: Value) -> Map {
    let Value::Object(values) = values else { panic!("{values} are not values") };
    values
}

fn label(value: &Value) -> String {
    let label = value.get(1).and_then(Value::as_str).unwrap_or("-");
    label.rsplit("] ").next().unwrap().to_owned()
}

fn amount(record: &Value, field: &str) -> Decimal {
    decimal(&record[field]).unwrap()
}
