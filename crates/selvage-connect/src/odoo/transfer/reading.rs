//! What a receipt or shipment reads: the moves of an order's lines with their lines, products, units and lots. It changes
//! nothing, and says of a failed read whether anything was sent before it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Bench, Position, Transferring};
use crate::odoo::answer;
use crate::odoo::call::Call;
use crate::odoo::component::{Tracking, Trackings};
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::inventory::is_set_apart;
use crate::odoo::number::decimal;
use crate::odoo::record::named;
use crate::odoo::trade::Goods;

/// A stock move of an order's line, between us and the other party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) id: i64,
    pub(super) line: i64,
    pub(super) product: (i64, String),
    pub(super) demand: Decimal,
    pub(super) quantity: Decimal,
    pub(super) picked: bool,
    pub(super) state: String,
    pub(super) unit: i64,
    pub(super) picking: Option<i64>,
    pub(super) from: i64,
    pub(super) to: i64,
    /// It takes back what went the other way.
    pub(super) back: bool,
}

impl Move {
    /// Neither booked nor given up.
    pub(super) fn is_open(&self) -> bool {
        !self.back && !matches!(self.state.as_str(), "done" | "cancel")
    }
}

/// A line of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) of: i64,
    /// By its record, or only by its name.
    pub(super) lot: Option<String>,
    pub(super) quantity: Decimal,
    pub(super) picked: bool,
    pub(super) from: Option<i64>,
    pub(super) to: i64,
    /// It takes from a package, or what is another's.
    pub(super) apart: bool,
}

/// Booked of a line, less what was taken back.
pub(super) fn booked(moves: &[Move], line: i64) -> Decimal {
    let done = moves.iter().filter(|one| one.line == line && one.state == "done");
    done.map(|one| if one.back { -one.quantity } else { one.quantity }).sum()
}

/// Booked of a line by lot, less what was taken back.
pub(super) fn booked_lots(moves: &[Move], lines: &[Line], line: i64) -> Vec<(String, Decimal)> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for one in moves.iter().filter(|one| one.line == line && one.state == "done") {
        for part in lines.iter().filter(|part| part.of == one.id) {
            if let Some(lot) = &part.lot {
                *sums.entry(lot.clone()).or_default() += if one.back { -part.quantity } else { part.quantity };
            }
        }
    }
    sums.into_iter().filter(|(_, quantity)| !quantity.is_zero()).collect()
}

impl Transferring<'_> {
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

    /// The moves of the order's lines from or to the other party; steps within the warehouse are Odoo's own business.
    pub(super) async fn moves(&self, bench: &Bench) -> Result<Vec<Move>, Failure> {
        let lines: Vec<i64> = bench.goods.iter().map(|goods| goods.line).collect();
        let tie = self.trade.tie();
        let fields = [
            tie,
            "product_id",
            "product_uom_qty",
            "quantity",
            "picked",
            "state",
            "product_uom",
            "picking_id",
            "location_id",
            "location_dest_id",
        ];
        let records = self.read("stock.move", vec![json!([tie, "in", lines])], &fields).await?;
        let mut places = Vec::new();
        for record in &records {
            places.extend([answer::id(record, "location_id")?, answer::id(record, "location_dest_id")?]);
        }
        places.sort_unstable();
        places.dedup();
        let usages = self.odoo.read("stock.location", &places, &named(&["usage"]), &self.scope.with_archived()).await;
        let outside: Vec<i64> = usages
            .map_err(|failure| self.seen(failure))?
            .iter()
            .filter(|place| place.get("usage").and_then(Value::as_str) == Some(self.trade.outside()))
            .filter_map(|place| answer::id(place, "id").ok())
            .collect();
        let mut moves = Vec::new();
        for record in &records {
            let (from, to) = (answer::id(record, "location_id")?, answer::id(record, "location_dest_id")?);
            let (here, there) = match self.trade.outside() {
                "supplier" => (from, to),
                _ => (to, from),
            };
            if outside.contains(&here) || outside.contains(&there) {
                moves.push(move_of(record, tie, !outside.contains(&here))?);
            }
        }
        let unit = |product: i64| bench.goods.iter().find(|goods| goods.product_id == product).map(|goods| goods.unit);
        if let Some(odd) = moves.iter().find(|one| one.is_open() && Some(one.unit) != unit(one.product.0)) {
            let message = format!("a transfer counts {} in another unit than its stock", odd.product.1);
            return Err(self.seen(Failure::refused(Refusal::Target, message)));
        }
        moves.sort_by_key(|one| (one.picking, one.id));
        Ok(moves)
    }

    pub(super) async fn lines(&self, moves: &[Move]) -> Result<Vec<Line>, Failure> {
        let ids: Vec<i64> = moves.iter().map(|one| one.id).collect();
        let set_apart = self.odoo.set_apart("stock.move.line").await.map_err(|failure| self.seen(failure))?;
        let own = ["move_id", "lot_id", "lot_name", "quantity", "picked", "location_id", "location_dest_id"];
        let fields = [&own[..], &set_apart].concat();
        let records = self.read("stock.move.line", vec![json!(["move_id", "in", ids])], &fields).await?;
        records.iter().map(|record| line_of(record, &set_apart)).collect()
    }

    /// Tracking by product, and the products of which stock is kept.
    pub(super) async fn products(&self, goods: &[Goods]) -> Result<(Trackings, Vec<i64>), Failure> {
        let known = self.odoo.fields("product.product").await.map_err(|failure| self.seen(failure))?;
        let mut ids: Vec<i64> = goods.iter().map(|goods| goods.product_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut fields = vec!["tracking", "type"];
        if known.contains_key("is_storable") {
            fields.push("is_storable");
        }
        let records = self.odoo.read("product.product", &ids, &named(&fields), &self.scope.with_archived()).await;
        let (mut tracking, mut stored) = (Trackings::new(), Vec::new());
        for record in records.map_err(|failure| self.seen(failure))? {
            let id = answer::id(&record, "id")?;
            tracking.insert(id, Tracking::of(&record)?);
            // Until 17 a product of which stock is kept is of a type of its own.
            let kept = record.get("is_storable").and_then(Value::as_bool);
            if kept.unwrap_or_else(|| record.get("type").and_then(Value::as_str) == Some("product")) {
                stored.push(id);
            }
        }
        Ok((tracking, stored))
    }

    /// The step to which quantities of a unit are rounded, by unit.
    pub(super) async fn steps(&self, goods: &[Goods]) -> Result<BTreeMap<i64, Decimal>, Failure> {
        let mut units: Vec<i64> = goods.iter().map(|goods| goods.unit).collect();
        units.sort_unstable();
        units.dedup();
        let records = self.odoo.read("uom.uom", &units, &named(&["rounding"]), &self.scope.with_archived()).await;
        let records = records.map_err(|failure| self.seen(failure))?;
        let step = |record: &Value| Some((answer::id(record, "id").ok()?, decimal(record.get("rounding")?)?));
        Ok(records.iter().filter_map(step).collect())
    }

    /// The lot of this name that the product has in the company.
    pub(super) async fn lot(&self, bench: &Bench, product: i64, name: &str) -> Result<Option<i64>, Failure> {
        let domain = vec![json!(["name", "=", name]), json!(["product_id", "=", product])];
        let found = self.read("stock.lot", domain, &["company_id"]).await?;
        let usable = |lot: &&Value| match lot.get("company_id").and_then(answer::id_of) {
            Some(company) => company == bench.company,
            None => true,
        };
        found.iter().find(usable).map(|lot| answer::id(lot, "id")).transpose()
    }

    /// Refuses lots that stand for another product, and those that cannot go out because there are none.
    pub(super) async fn lots_are_its_own(&self, bench: &Bench) -> Result<(), Failure> {
        for (at, line) in self.target.lines.iter().enumerate() {
            let Some(goods) = bench.goods.iter().find(|goods| goods.line == line.line) else { continue };
            for (index, (name, _)) in line.lots.iter().enumerate() {
                if self.lot(bench, goods.product_id, name).await?.is_some() {
                    continue;
                }
                let others = self.read("stock.lot", vec![json!(["name", "=", name])], &["product_id"]).await?;
                let other = others.first().map(answer::product).transpose()?;
                let label = &goods.product_label;
                let message = match (other, self.trade) {
                    (Some((_, other)), _) => format!("lot `{name}` is one of {other}, not of {label}"),
                    (None, super::Trade::Sale) => format!("there is no lot `{name}` of {label}"),
                    (None, super::Trade::Purchase) => continue,
                };
                let field = super::pointer(at, &format!("/lots/{index}/lot"));
                return Err(Failure::field(Refusal::LotUnfit, &field, message));
            }
        }
        Ok(())
    }

    /// What lies at these places and below them of these products.
    pub(super) async fn positions(&self, products: &[i64], places: &[i64]) -> Result<Vec<Position>, Failure> {
        let domain = vec![
            json!(["product_id", "in", products]),
            json!(["location_id", "child_of", places]),
            json!(["location_id.usage", "=", "internal"]),
        ];
        let fields = ["product_id", "lot_id", "location_id", "quantity", "product_uom_id"];
        let records = self.read("stock.quant", domain, &fields).await?;
        records.iter().map(position_of).collect()
    }
}

/// A quant as a position.
pub(in crate::odoo) fn position_of(record: &Value) -> Result<Position, Failure> {
    let (product_id, product_label) = answer::product(record)?;
    let label = |field: &str| record.get(field).and_then(answer::label_of).map(str::to_owned);
    Ok(Position {
        product_id,
        product_label,
        location: label("location_id").unwrap_or_default(),
        lot: label("lot_id"),
        quantity: answer::quantity(record, "quantity")?,
        unit: answer::id(record, "product_uom_id")?,
    })
}

fn move_of(record: &Value, tie: &str, back: bool) -> Result<Move, Failure> {
    Ok(Move {
        id: answer::id(record, "id")?,
        line: answer::id(record, tie)?,
        product: answer::product(record)?,
        demand: answer::quantity(record, "product_uom_qty")?,
        quantity: answer::quantity(record, "quantity")?,
        picked: answer::flag(record, "picked")?,
        state: answer::text(record, "state")?.to_owned(),
        unit: answer::id(record, "product_uom")?,
        picking: record.get("picking_id").and_then(answer::id_of),
        from: answer::id(record, "location_id")?,
        to: answer::id(record, "location_dest_id")?,
        back,
    })
}

fn line_of(record: &Value, set_apart: &[&str]) -> Result<Line, Failure> {
    let label = record.get("lot_id").and_then(answer::label_of);
    let name = record.get("lot_name").and_then(Value::as_str);
    Ok(Line {
        id: answer::id(record, "id")?,
        of: answer::id(record, "move_id")?,
        lot: label.or(name).map(str::to_owned),
        quantity: answer::quantity(record, "quantity")?,
        picked: answer::flag(record, "picked")?,
        from: record.get("location_id").and_then(answer::id_of),
        to: answer::id(record, "location_dest_id")?,
        apart: is_set_apart(record, set_apart),
    })
}
