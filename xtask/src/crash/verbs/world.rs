//! What a seed works on: a product of two components, with stock, made directly in the simulated Odoo; and what stands
//! there in the end. No other seed knows of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::step::TRADED;
use crate::crash::factory::Factory;

/// What there is of each component at the start.
pub(super) const STOCK: i64 = 1000;
/// How much of each component one product takes.
pub(super) const TAKES: [i64; 2] = [1, 2];

/// The products of a seed, by their ids in Odoo.
pub(super) struct World {
    /// The business key of what is made.
    pub(super) code: String,
    /// What the orders of the seed carry, before the number of the order.
    pub(super) origin: String,
    /// The business key of the first component.
    pub(super) component: String,
    /// Where the first component lies.
    pub(super) position: i64,
    /// An order by which the first component is bought, and one by which it is sold.
    pub(super) trade: [i64; 2],
    product: i64,
    components: [i64; 2],
}

/// An order of Odoo with the orders that were split off it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// How many orders there are that are not a part of another.
    pub(super) roots: usize,
    /// What is produced and booked.
    pub(super) produced: i64,
    /// What its finished moves brought into stock.
    pub(super) moved: i64,
    /// States of its first work orders.
    pub(super) work: Vec<String>,
}

/// What stands in Odoo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The orders, by their place in the seed.
    pub(super) orders: BTreeMap<usize, Chain>,
    /// What there is of the product, lot by lot; one entry without a name where it has none.
    pub(super) made: BTreeMap<String, i64>,
    /// What there is of each component.
    pub(super) left: [i64; 2],
}

impl World {
    /// Makes it.
    pub(super) async fn make(factory: &Factory, seed: u64, tracked: bool) -> Result<Self> {
        let tracking = if tracked { "lot" } else { "none" };
        let code = format!("V{seed}");
        let product = |name: &str, tracking: &str| json!({"name": name, "default_code": name, "type": "consu", "is_storable": true, "tracking": tracking});
        let wanted =
            [product(&code, tracking), product(&format!("{code}-A"), "none"), product(&format!("{code}-B"), "lot")];
        let products = ids(&factory.admin("product.product", "create", json!([wanted]), json!({})).await?)?;
        let [product, first, second] = *products.as_slice() else { anyhow::bail!("three products were to be made") };
        let place = factory.stock_location().await?;
        let lot = json!([{"name": format!("{code}-L"), "product_id": second}]);
        let lot = ids(&factory.admin("stock.lot", "create", json!([lot]), json!({})).await?)?;
        let quant = |product: i64, lot: Option<&i64>| json!({"product_id": product, "location_id": place, "lot_id": lot, "inventory_quantity": STOCK});
        let quants = json!([[quant(first, None), quant(second, lot.first())]]);
        let counting = json!({"context": {"inventory_mode": true}});
        let quants = ids(&factory.admin("stock.quant", "create", quants, counting).await?)?;
        factory.admin("stock.quant", "action_apply_inventory", json!([quants]), json!({})).await?;
        let position = quants.first().copied().context("the component lies nowhere")?;
        let trade = trade(factory, first, &code).await?;
        let center = json!([[{"name": format!("{code} line")}]]);
        let center = ids(&factory.admin("mrp.workcenter", "create", center, json!({})).await?)?;
        let line = |product: i64, quantity: i64| json!([0, 0, {"product_id": product, "product_qty": quantity}]);
        let bom = json!([[{
            "product_id": product,
            "consumption": "warning",
            "bom_line_ids": [line(first, 1), line(second, 2)],
            "operation_ids": [[0, 0, {"name": "Assemble", "workcenter_id": center.first(), "time_cycle_manual": 5}]],
        }]]);
        factory.admin("mrp.bom", "create", bom, json!({})).await?;
        let (origin, component) = (format!("VERB-{seed}-"), format!("{code}-A"));
        Ok(Self { origin, code, component, position, trade, product, components: [first, second] })
    }

    /// The body that makes the order of this place in the seed.
    pub(super) fn order(&self, number: usize, quantity: i64) -> Value {
        json!({
            "product": self.code,
            "quantity": {"value": quantity.to_string(), "unit": "1"},
            "site": "ghent",
            "origin": format!("{}{number}", self.origin),
        })
    }

    /// The work orders of an order and of what was split off it.
    pub(super) async fn work_orders(&self, factory: &Factory, order: usize) -> Result<Vec<i64>> {
        let orders = self.orders(factory).await?;
        let mine: BTreeSet<i64> =
            orders.iter().filter(|(number, _)| *number == order).filter_map(|(_, record)| id(record, "id")).collect();
        let records = factory.raw("mrp.workorder").await?;
        let of_order = |record: &&Value| id(record, "production_id").is_some_and(|of| mine.contains(&of));
        Ok(records.iter().filter(of_order).filter_map(|record| id(record, "id")).collect())
    }

    /// What stands there.
    pub(super) async fn look(&self, factory: &Factory) -> Result<Standing> {
        let mut standing = Standing::default();
        let mut names: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        let mut of_order: BTreeMap<i64, usize> = BTreeMap::new();
        for (number, record) in self.orders(factory).await? {
            let chain = standing.orders.entry(number).or_default();
            names.entry(number).or_default().insert(root(&record));
            of_order.extend(id(&record, "id").map(|id| (id, number)));
            if text(&record, "state") == "done" {
                chain.produced += number_of(&record, "qty_produced");
            }
        }
        for (number, names) in names {
            standing.orders.entry(number).or_default().roots = names.len();
        }
        let of_orders = json!([[["production_id", "in", of_order.keys().collect::<Vec<_>>()], ["state", "=", "done"]]]);
        let fields = json!({"fields": ["production_id", "quantity"]});
        let moves = factory.admin("stock.move", "search_read", of_orders, fields).await?;
        for record in moves.as_array().into_iter().flatten() {
            let order = record.pointer("/production_id/0").and_then(Value::as_i64);
            if let Some(number) = order.and_then(|order| of_order.get(&order)) {
                standing.orders.entry(*number).or_default().moved += number_of(record, "quantity");
            }
        }
        for record in factory.raw("mrp.workorder").await? {
            if let Some(number) = id(&record, "production_id").and_then(|order| of_order.get(&order)) {
                standing.orders.entry(*number).or_default().work.push(text(&record, "state").to_owned());
            }
        }
        self.count(factory, &mut standing).await?;
        Ok(standing)
    }

    /// What lies in stock.
    async fn count(&self, factory: &Factory, standing: &mut Standing) -> Result<()> {
        let inside: BTreeSet<i64> = factory
            .raw("stock.location")
            .await?
            .iter()
            .filter(|location| text(location, "usage") == "internal")
            .filter_map(|location| id(location, "id"))
            .collect();
        let lots: BTreeMap<i64, String> = factory
            .raw("stock.lot")
            .await?
            .iter()
            .filter_map(|lot| Some((id(lot, "id")?, text(lot, "name").to_owned())))
            .collect();
        let [first, second] = self.components;
        for quant in factory.raw("stock.quant").await? {
            if !id(&quant, "location_id").is_some_and(|location| inside.contains(&location)) {
                continue;
            }
            let quantity = number_of(&quant, "quantity");
            let [first_left, second_left] = &mut standing.left;
            match id(&quant, "product_id") {
                Some(product) if product == self.product => {
                    let lot = id(&quant, "lot_id").and_then(|lot| lots.get(&lot)).cloned().unwrap_or_default();
                    *standing.made.entry(lot).or_default() += quantity;
                }
                Some(product) if product == first => *first_left += quantity,
                Some(product) if product == second => *second_left += quantity,
                _ => {}
            }
        }
        standing.made.retain(|_, quantity| *quantity != 0);
        Ok(())
    }

    /// What lies at the position of the first component.
    pub(super) async fn at_position(&self, factory: &Factory) -> Result<i64> {
        let quants = factory.raw("stock.quant").await?;
        let is_it = |quant: &&Value| id(quant, "id") == Some(self.position);
        Ok(quants.iter().find(is_it).map_or(0, |quant| number_of(quant, "quantity")))
    }

    /// The seed's orders with their place in it.
    async fn orders(&self, factory: &Factory) -> Result<Vec<(usize, Value)>> {
        let fields = json!({"fields": ["name", "state", "origin", "qty_produced"]});
        let of_seed = json!([[["origin", "like", self.origin]]]);
        let records = factory.admin("mrp.production", "search_read", of_seed, fields).await?;
        let numbered = records.as_array().into_iter().flatten().filter_map(|record| {
            let number = text(record, "origin").strip_prefix(&self.origin)?.parse().ok()?;
            Some((number, record.clone()))
        });
        Ok(numbered.collect())
    }

    /// Puts one more of the product into stock, behind everybody's back.
    pub(super) async fn slip_in(&self, factory: &Factory) -> Result<()> {
        let place = factory.stock_location().await?;
        let quants = factory.raw("stock.quant").await?;
        let is_first = |quant: &&Value| {
            id(quant, "product_id") == self.components.first().copied() && id(quant, "location_id") == Some(place)
        };
        let quant = quants.iter().find(is_first).context("the component has no stock")?;
        let (quant, there) = (id(quant, "id"), number_of(quant, "quantity"));
        let counted = json!([[quant], {"inventory_quantity": there + 1}]);
        factory.admin("stock.quant", "write", counted, json!({"context": {"inventory_mode": true}})).await?;
        factory.admin("stock.quant", "action_apply_inventory", json!([[quant]]), json!({})).await?;
        Ok(())
    }
}

/// A confirmed purchase and a confirmed sale of a component.
async fn trade(factory: &Factory, component: i64, code: &str) -> Result<[i64; 2]> {
    let partner = ids(&factory.admin("res.partner", "create", json!([[{"name": code}]]), json!({})).await?)?;
    let partner = partner.first().copied().context("there is no partner")?;
    let mut orders = [0; 2];
    let kinds =
        [("purchase.order", "product_qty", "button_confirm"), ("sale.order", "product_uom_qty", "action_confirm")];
    for (order, (model, quantity, confirm)) in orders.iter_mut().zip(kinds) {
        let line = json!([0, 0, {"product_id": component, quantity: TRADED}]);
        let values = json!([[{"partner_id": partner, "order_line": [line]}]]);
        let made = ids(&factory.admin(model, "create", values, json!({})).await?)?;
        factory.admin(model, confirm, json!([made]), json!({})).await?;
        *order = made.first().copied().context("there is no order")?;
    }
    Ok(orders)
}

/// An order's name without the number of its part: of `WH/MO/00018-002`, `WH/MO/00018`.
fn root(order: &Value) -> String {
    let name = text(order, "name");
    match name.rsplit_once('-') {
        Some((root, part)) if part.len() == 3 && part.bytes().all(|digit| digit.is_ascii_digit()) => root.to_owned(),
        _ => name.to_owned(),
    }
}

fn ids(answer: &Value) -> Result<Vec<i64>> {
    let ids: Option<Vec<i64>> = answer.as_array().and_then(|ids| ids.iter().map(Value::as_i64).collect());
    let ids = ids.or_else(|| answer.as_i64().map(|id| vec![id])).with_context(|| format!("no ids: {answer}"))?;
    ensure!(!ids.is_empty(), "nothing was made");
    Ok(ids)
}

fn id(record: &Value, field: &str) -> Option<i64> {
    record.get(field)?.as_i64()
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A quantity, which is a whole number wherever this run writes one. Anything else shows as a number that nothing equals.
#[allow(clippy::cast_possible_truncation, reason = "a whole number far below 2^52")]
fn number_of(record: &Value, field: &str) -> i64 {
    let number = record.get(field).and_then(Value::as_f64).unwrap_or_default();
    if number.fract() == 0.0 { number as i64 } else { i64::MIN / 4 }
}
