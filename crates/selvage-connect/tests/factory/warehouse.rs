//! The plant's warehouse as the tests of purchasing, sales and stock need it: orders with their lines, what lies where, and what
//! became of transfers.

use rust_decimal::Decimal;
use selvage_connect::odoo::{
    Call, Dialect, Failure, LineTotal, Refusal, Rest, Trade, TransferReport, TransferTarget, decimal,
};
use selvage_factory::odoo::OdooVersion;
use serde_json::{Value, json};

use crate::plant::{Plant, Server};

/// One server of each version: the dialects do not differ in what is asked of them here.
pub(crate) const VERSIONS: [Server; 2] = [
    Server { version: OdooVersion::V18, dialect: Some(Dialect::JsonRpc) },
    Server { version: OdooVersion::V19, dialect: Some(Dialect::Json2) },
];
pub(crate) const STOCK: i64 = 8;
pub(crate) const QUALITY: i64 = 10;

/// A released order with its lines.
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) lines: Vec<i64>,
}

impl Plant {
    pub(crate) async fn product_of(&self, name: &str) -> i64 {
        self.find("product.product", vec![json!(["name", "=", name])], &["name"]).await[0]["id"].as_i64().unwrap()
    }

    /// A released purchase order of frames and paint.
    pub(crate) async fn bought(&self, frames: i64, paint: i64) -> Order {
        let partner = self.make("res.partner", json!({"name": "Acme"})).await;
        let frame = self.product_of("Frame").await;
        let line = |product: i64, quantity: i64| json!([0, 0, {"product_id": product, "product_qty": quantity}]);
        let values = json!({"partner_id": partner, "order_line": [line(frame, frames), line(self.paint, paint)]});
        let id = self.make("purchase.order", values).await;
        self.odoo.release_purchase_order(id, &self.scope).await.unwrap();
        self.ordered(Trade::Purchase, id).await
    }

    /// A released sales order of frames and paint.
    pub(crate) async fn sold(&self, frames: i64, paint: i64) -> Order {
        let partner = self.make("res.partner", json!({"name": "Shop"})).await;
        let frame = self.product_of("Frame").await;
        let line = |product: i64, quantity: i64| json!([0, 0, {"product_id": product, "product_uom_qty": quantity}]);
        let values = json!({"partner_id": partner, "order_line": [line(frame, frames), line(self.paint, paint)]});
        let id = self.make("sale.order", values).await;
        self.odoo.release_sales_order(id, &self.scope).await.unwrap();
        self.ordered(Trade::Sale, id).await
    }

    /// A released sales order of these lines: products with how many of them.
    pub(crate) async fn sold_lines(&self, lines: &[(i64, i64)]) -> Order {
        let partner = self.make("res.partner", json!({"name": "Shop"})).await;
        let line =
            |(product, quantity): &(i64, i64)| json!([0, 0, {"product_id": product, "product_uom_qty": quantity}]);
        let lines: Vec<Value> = lines.iter().map(line).collect();
        let id = self.make("sale.order", json!({"partner_id": partner, "order_line": lines})).await;
        self.odoo.release_sales_order(id, &self.scope).await.unwrap();
        self.ordered(Trade::Sale, id).await
    }

    /// Puts the moves of an order's line on a transfer of their own, as people do who move it by itself.
    pub(crate) async fn moves_by_itself(&self, trade: Trade, line: i64) {
        let tie = if trade == Trade::Sale { "sale_line_id" } else { "purchase_line_id" };
        let one = self.find("stock.move", vec![json!([tie, "=", line])], &["picking_type_id"]).await.remove(0);
        let picking = self.make("stock.picking", json!({"picking_type_id": one["picking_type_id"][0]})).await;
        self.change("stock.move", &one["id"], json!({"picking_id": picking})).await;
    }

    /// What is counted of a product or lot at a spot of stock: more of it, or stock that is set apart there.
    pub(crate) async fn lay(&self, product: i64, quantity: i64, apart: Value) {
        let mut values = json!({"product_id": product, "location_id": STOCK, "inventory_quantity": quantity});
        values.as_object_mut().unwrap().extend(apart.as_object().unwrap().clone());
        let call = Call::write("stock.quant", "create", &self.scope).arg("vals_list", vec![values]);
        let made = self.odoo.call(call.context("inventory_mode", true)).await.unwrap();
        let quant = made[0].as_i64().unwrap();
        self.odoo.call(Call::write("stock.quant", "action_apply_inventory", &self.scope).on(&[quant])).await.unwrap();
    }

    pub(crate) async fn change(&self, model: &str, id: &Value, values: Value) {
        let call = Call::write(model, "write", &self.scope).on(&[id.as_i64().unwrap()]);
        self.odoo.call(call.arg("vals", values)).await.unwrap();
    }

    pub(crate) async fn ordered(&self, trade: Trade, id: i64) -> Order {
        let goods = self.odoo.goods_of(trade, id, &self.scope).await.unwrap();
        Order { id, lines: goods.iter().map(|goods| goods.line).collect() }
    }

    pub(crate) async fn receive(&self, order: &Order, target: &TransferTarget) -> Result<TransferReport, Failure> {
        self.odoo.receive(order.id, target, &self.scope).await
    }

    /// The position of a product in stock, and what lies there.
    pub(crate) async fn position(&self, product: i64) -> (i64, Decimal) {
        let domain = vec![json!(["product_id", "=", product]), json!(["location_id", "=", STOCK])];
        let quant = self.find("stock.quant", domain, &["quantity"]).await.remove(0);
        (quant["id"].as_i64().unwrap(), decimal(&quant["quantity"]).unwrap())
    }

    /// The transfers, each with its state and what it moved.
    pub(crate) async fn transfers(&self) -> Vec<String> {
        let mut told = Vec::new();
        for picking in self.find("stock.picking", vec![], &["name", "state"]).await {
            let domain = vec![json!(["picking_id", "=", picking["id"]])];
            let moves = self.find("stock.move", domain, &["product_id", "quantity", "state"]).await;
            let moved = moves.iter().map(|one| {
                let label = one["product_id"][1].as_str().unwrap();
                format!(" {label} {} {}", decimal(&one["quantity"]).unwrap(), one["state"].as_str().unwrap())
            });
            let name = picking["name"].as_str().unwrap();
            told.push(format!("{name} {}:{}", picking["state"].as_str().unwrap(), moved.collect::<String>()));
        }
        told
    }

    pub(crate) async fn lot(&self, name: &str) -> i64 {
        self.find("stock.lot", vec![json!(["name", "=", name])], &["name"]).await[0]["id"].as_i64().unwrap()
    }

    /// Where a lot lies, and how much of it.
    pub(crate) async fn lies(&self, lot: i64) -> Vec<String> {
        let domain = vec![json!(["lot_id", "=", lot]), json!(["location_id.usage", "=", "internal"])];
        let quants = self.find("stock.quant", domain, &["location_id", "quantity"]).await;
        let shown = |quant: &Value| {
            format!("{} {}", quant["location_id"][1].as_str().unwrap(), decimal(&quant["quantity"]).unwrap())
        };
        quants.iter().map(shown).collect()
    }

    pub(crate) async fn lock(&self, field: &str, day: Value) {
        let call = Call::write("res.company", "write", &self.scope).on(&[1]);
        self.odoo.call(call.arg("vals", json!({(field): day}))).await.unwrap();
    }
}

pub(crate) fn total(line: i64, total: &str, lots: &[(&str, &str)]) -> LineTotal {
    let lots = lots.iter().map(|(lot, quantity)| ((*lot).to_owned(), quantity.parse().unwrap())).collect();
    LineTotal { line, total: total.parse().unwrap(), lots }
}

pub(crate) fn target(lines: Vec<LineTotal>, rest: Rest) -> TransferTarget {
    TransferTarget { lines, rest, over: false }
}

/// The kind, field and words of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> (Refusal, String) {
    match outcome {
        Err(Failure::Refused { kind, field, .. }) => (kind, field.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}
