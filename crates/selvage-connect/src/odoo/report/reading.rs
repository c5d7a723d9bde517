//! What a report reads of an order and around it, in the shapes of all versions. It changes nothing, and says of a failed read
//! whether anything was sent before it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Reporting, Shape};
use crate::odoo::answer;
use crate::odoo::call::Call;
use crate::odoo::component::{Line, Move, Noted, Tracking, Trackings, noted_by_move};
use crate::odoo::failure::Failure;
use crate::odoo::number::decimal;
use crate::odoo::order::OrderState;
use crate::odoo::record::named;
use crate::odoo::target::Order;

impl Reporting<'_> {
    pub(super) async fn send(&mut self, call: Call) -> Result<Value, Failure> {
        self.sent = true;
        self.odoo.call(call).await
    }

    /// A failed read, seen from what was or was not sent before it.
    pub(super) fn seen(&self, failure: Failure) -> Failure {
        if self.sent { failure.after_sending() } else { failure.before_sending() }
    }

    pub(super) async fn read(&self, model: &str, domain: Vec<Value>, fields: &[&str]) -> Result<Vec<Value>, Failure> {
        let records = self.odoo.search(model, domain, &named(fields), self.scope, None).await;
        records.map_err(|failure| self.seen(failure))
    }

    pub(super) async fn orders(&self, domain: Vec<Value>) -> Result<Vec<Order>, Failure> {
        let always = [
            "name",
            "state",
            "product_id",
            "product_qty",
            "qty_producing",
            "qty_produced",
            "company_id",
            "backorder_sequence",
            "product_uom_id",
        ];
        let fields: Vec<&str> = always.into_iter().chain([self.shape.lot]).chain(self.shape.group).collect();
        let records = self.read("mrp.production", domain, &fields).await?;
        records.iter().map(|record| order(record, &self.shape)).collect()
    }

    /// The order and the backorders made of it: same group and product, and made later. Cancelled ones hold nothing.
    pub(super) async fn chain(&self, asked: &Order) -> Result<Vec<Order>, Failure> {
        let number = asked.number();
        let tie = match (self.shape.group, asked.group) {
            (Some(field), Some(group)) => json!([field, "=", group]),
            (Some(_), None) => json!(["id", "=", asked.id]),
            // A server that shows no group still numbers an order and its backorders alike, and keeps numbers unique.
            (None, _) => json!(["name", "=like", format!("{number}%")]),
        };
        let domain = vec![
            json!(["product_id", "=", asked.product.0]),
            json!(["company_id", "=", asked.company]),
            json!(["id", ">=", asked.id]),
            tie,
        ];
        let mut chain = self.orders(domain).await?;
        chain.retain(|one| one.state != OrderState::Cancelled);
        if self.shape.group.is_none() {
            chain.retain(|one| one.number() == number);
        }
        chain.sort_by_key(|one| one.id);
        Ok(chain)
    }

    pub(super) async fn moves(&self, order: i64) -> Result<Vec<Move>, Failure> {
        let names = self.shape.quantities;
        let mut fields = vec!["product_id", "product_uom_qty", names.of_move, "state", "product_uom"];
        fields.extend(names.picked.then_some("picked"));
        fields.extend(self.shape.should.then_some("should_consume_qty"));
        let records = self.read("stock.move", vec![json!(["raw_material_production_id", "=", order])], &fields).await?;
        records.iter().map(|record| Move::of(record, names)).collect()
    }

    pub(super) async fn lines(&self, orders: &[i64]) -> Result<Vec<Line>, Failure> {
        let domain = vec![json!(["move_id.raw_material_production_id", "in", orders])];
        let names = self.shape.quantities;
        let mut fields = vec!["product_id", "lot_id", "move_id", names.of_line];
        fields.extend(names.picked.then_some("picked"));
        fields.extend((names.reserved != names.of_line).then_some(names.reserved));
        let records = self.read("stock.move.line", domain, &fields).await?;
        records.iter().map(|record| Line::of(record, names)).collect()
    }

    /// What was noted as used of the components of an order. Where nothing is picked yet, nothing was.
    pub(super) async fn noted(&self, order: i64) -> Result<BTreeMap<i64, Noted>, Failure> {
        let lines = self.lines(&[order]).await?;
        let picked: Vec<i64> = lines.iter().filter(|line| line.picked).map(|line| line.id).collect();
        let noted = self.odoo.noted_lines(&picked).await.map_err(|failure| self.seen(failure))?;
        Ok(noted_by_move(&lines, &noted))
    }

    /// Product and quantity of the moves into stock that are not given up.
    pub(super) async fn finished(&self, order: i64) -> Result<Vec<(i64, Decimal)>, Failure> {
        let domain = vec![json!(["production_id", "=", order])];
        let of_move = self.shape.quantities.of_move;
        let records = self.read("stock.move", domain, &["product_id", of_move, "state"]).await?;
        let live = records.iter().filter(|record| record.get("state").and_then(Value::as_str) != Some("cancel"));
        live.map(|record| Ok((answer::id(record, "product_id")?, answer::quantity(record, of_move)?))).collect()
    }

    pub(super) async fn tracking(&self, products: &[i64]) -> Result<Trackings, Failure> {
        let scope = self.scope.with_archived();
        let records = self.odoo.read("product.product", products, &named(&["tracking"]), &scope).await;
        let records = records.map_err(|failure| self.seen(failure))?;
        records.iter().map(|record| Ok((answer::id(record, "id")?, Tracking::of(record)?))).collect()
    }

    /// The step to which quantities of a unit are rounded, by unit.
    pub(super) async fn steps(&self, moves: &[Move], order: &Order) -> Result<BTreeMap<i64, Decimal>, Failure> {
        let of_moves = moves.iter().filter(|one| one.is_open()).map(|one| one.unit);
        let mut units: Vec<i64> = of_moves.chain(order.unit).collect();
        units.sort_unstable();
        units.dedup();
        let scope = self.scope.with_archived();
        let records = self.odoo.read("uom.uom", &units, &named(&["rounding"]), &scope).await;
        let records = records.map_err(|failure| self.seen(failure))?;
        let step = |record: &Value| Some((answer::id(record, "id").ok()?, decimal(record.get("rounding")?)?));
        Ok(records.iter().filter_map(step).collect())
    }

    pub(super) async fn lot_names(&self, orders: &[&Order]) -> Result<BTreeMap<i64, String>, Failure> {
        let ids: Vec<i64> = orders.iter().flat_map(|one| one.lots.iter().copied()).collect();
        let records = self.odoo.read("stock.lot", &ids, &named(&["name"]), &self.scope.with_archived()).await;
        let records = records.map_err(|failure| self.seen(failure))?;
        records.iter().map(|record| Ok((answer::id(record, "id")?, answer::text(record, "name")?.to_owned()))).collect()
    }
}

fn order(record: &Value, shape: &Shape) -> Result<Order, Failure> {
    let lots = match record.get(shape.lot) {
        // One lot is `[7, "label"]`, several are `[7, 8]`.
        Some(Value::Array(ids)) if shape.lot == "lot_producing_ids" => ids.iter().filter_map(Value::as_i64).collect(),
        Some(one) => answer::id_of(one).into_iter().collect(),
        None => Vec::new(),
    };
    Ok(Order {
        id: answer::id(record, "id")?,
        name: answer::text(record, "name")?.to_owned(),
        state: OrderState::of(record)?,
        product: answer::product(record)?,
        quantity: answer::quantity(record, "product_qty")?,
        unit: record.get("product_uom_id").and_then(answer::id_of),
        producing: answer::quantity(record, "qty_producing")?,
        produced: answer::quantity(record, "qty_produced")?,
        lots,
        company: answer::id(record, "company_id")?,
        group: shape.group.and_then(|group| record.get(group)).and_then(answer::id_of),
        split: answer::quantity(record, "backorder_sequence")? > Decimal::ZERO,
    })
}
