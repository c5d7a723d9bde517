//! Reporting production the right way: quantity and lot, then every component with its quantity picked, then done, then all of
//! it read back and compared. It never skips Odoo's consumption warning, and a repeated report changes nothing more.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use super::button::wizard;
use super::call::{Call, Scope};
use super::component::{Move, Quantities, Trackings, agree, lots_known};
use super::failure::{Failure, Refusal};
use super::number::number;
use super::order::OrderState;
use super::target::{Consumed, Made, Order, ProductionTarget, Remainder, Step, check_held, next_step};
use super::{Map, Odoo};

mod account;
mod lot;
mod needs;
mod reading;
mod used;

pub(super) use self::needs::REPORT;

/// What stands in Odoo after a report, as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductionReport {
    /// The order that was reported on.
    pub order_id: i64,
    /// Its state.
    pub order_state: OrderState,
    /// Produced in total, over the order and its backorders; with `KeepOpen`, what is noted included.
    pub produced_total: Decimal,
    /// The order's unit, in which that and what was scrapped is counted.
    pub unit: Option<i64>,
    /// What was consumed for it and booked, line by line.
    pub components: Vec<Consumed>,
    /// What was made, order by order.
    pub finished: Vec<Made>,
    /// The lot that the report named.
    pub lot: Option<String>,
    /// Scrapped of the product in total, where the report said something of it.
    pub scrapped_total: Option<Decimal>,
    /// The order that holds what is still to be made, if it is another than `order_id`.
    pub backorder: Option<i64>,
    /// Everything stood there before, so nothing was sent.
    pub already: bool,
}

impl Odoo {
    /// Target: produced of this order and its backorders, in total, with components consumed. Repeating it after a lost answer
    /// or a crash between any two calls leads to the same end.
    ///
    /// # Errors
    /// [`Failure`]. What no order can reach is `Refused` before anything is sent; a consumption warning of Odoo's is
    /// `Refused(Wizard)` with the order still open; `Mismatch` if what was read back is not what was meant.
    pub async fn report_production(
        &self,
        id: i64,
        target: &ProductionTarget,
        scope: &Scope,
    ) -> Result<ProductionReport, Failure> {
        target.check()?;
        let shape = self.shape().await.map_err(Failure::before_sending)?;
        let mut reporting = Reporting { odoo: self, target, scope, shape, sent: false, booked: false };
        let done = Box::pin(reporting.run(id)).await;
        let what = || format!("the report on production order {id}");
        done.map_err(|failure| if reporting.booked { failure.after_booking(&what()) } else { failure })
    }

    async fn shape(&self) -> Result<Shape, Failure> {
        let quantities = match self.field_named("stock.move", &["picked", "quantity_done"]).await? {
            "picked" => Quantities::ONE,
            _ => Quantities::DONE_AND_RESERVED,
        };
        let lot = self.field_named("mrp.production", &["lot_producing_ids", "lot_producing_id"]).await?;
        let fields = self.fields("mrp.production").await?;
        let group = ["procurement_group_id", "production_group_id"].into_iter().find(|name| fields.contains_key(*name));
        let should = self.fields("stock.move").await?.contains_key("should_consume_qty");
        Ok(Shape { lot, group, should, quantities })
    }
}

/// The names that differ between versions.
struct Shape {
    lot: &'static str,
    /// What ties an order to its backorders; its name changed with 19 and may again.
    group: Option<&'static str>,
    should: bool,
    quantities: Quantities,
}

/// One report under way.
struct Reporting<'a> {
    odoo: &'a Odoo,
    target: &'a ProductionTarget,
    scope: &'a Scope,
    shape: Shape,
    sent: bool,
    /// An order was marked done: what is refused from then on does not undo it.
    booked: bool,
}

/// An order with all that its report touches, read before anything is sent.
struct Bench {
    order: Order,
    quantity: Decimal,
    tracking: Trackings,
    lot: Option<i64>,
}

impl Reporting<'_> {
    async fn run(&mut self, id: i64) -> Result<ProductionReport, Failure> {
        let asked = self.orders(vec![json!(["id", "=", id])]).await?.into_iter().next();
        let Some(asked) = asked else {
            let message = format!("production order {id} does not exist or is not in this company");
            return Err(Failure::refused(Refusal::Missing, message));
        };
        if matches!(asked.state, OrderState::Draft | OrderState::Cancelled) {
            let message =
                format!("production order {id} is {}; only a released order can be reported on", asked.state.as_str());
            return Err(Failure::refused(Refusal::Target, message));
        }
        self.scrap_can_be(&asked, &self.chain(&asked).await?).await?;
        loop {
            let chain = self.chain(&asked).await?;
            let Step::Work { order, quantity } = next_step(&chain, self.target.total)? else {
                let scrapped = self.scrap(&asked, &chain).await?;
                let account = self.account(&asked, &chain, None).await?;
                return Ok(ProductionReport { scrapped_total: scrapped, ..account });
            };
            let Some(order) = chain.iter().find(|one| one.id == order) else {
                return Err(Failure::protocol("the order to work on is not in its own chain"));
            };
            if !self.only_notes(order, quantity) {
                self.may_be_booked(&asked).await?;
            }
            if self.work(order, quantity, &chain).await? == Booked::Noted {
                let chain = self.chain(&asked).await?;
                return self.account(&asked, &chain, Some(order.id)).await;
            }
        }
    }

    /// Brings one order to this quantity and books it, unless it is to stay open.
    async fn work(&mut self, order: &Order, quantity: Decimal, chain: &[Order]) -> Result<Booked, Failure> {
        let bench = self.prepare(order, quantity).await?;
        self.note_components(order, quantity, chain).await?;
        let lot = self.lot(&bench).await?;
        self.set_quantity(&bench, lot).await?;
        if self.only_notes(order, quantity) {
            return Ok(Booked::Noted);
        }
        let short = quantity < order.quantity;
        let meant = self.consume(&bench).await?;
        let mut done = Call::write("mrp.production", "button_mark_done", self.scope).on(&[order.id]);
        if short {
            done = done.context("skip_backorder", true);
        }
        if short && self.target.remainder == Remainder::Backorder {
            done = done.context("mo_ids_to_backorder", json!([order.id]));
        }
        let answer = self.send(done).await?;
        if let Some(refusal) = wizard(&answer) {
            return Err(refusal);
        }
        self.booked = true;
        self.verify(&bench, lot, &meant).await?;
        self.verify_rest(order, short, chain).await?;
        Ok(Booked::Done)
    }

    /// Nothing is consumed for what is only noted: lowering what is picked would give up reserved lots.
    fn only_notes(&self, order: &Order, quantity: Decimal) -> bool {
        quantity < order.quantity && self.target.remainder == Remainder::KeepOpen
    }

    /// Reads what the report needs and refuses what cannot end well, before anything of it is written.
    async fn prepare(&mut self, order: &Order, quantity: Decimal) -> Result<Bench, Failure> {
        for (product, _) in self.finished(order.id).await? {
            if product != order.product.0 {
                let message =
                    format!("order {} has by-products, whose quantities this report does not state", order.name);
                return Err(Failure::refused(Refusal::Target, message));
            }
        }
        let moves = self.moves(order.id).await?;
        let steps = self.steps(&moves, order).await?;
        check_held(quantity, order.unit.and_then(|unit| steps.get(&unit).copied()))?;
        let mut products: Vec<i64> = moves.iter().map(|one| one.product.0).collect();
        products.push(order.product.0);
        products.sort_unstable();
        products.dedup();
        let tracking = self.tracking(&products).await?;
        let lot = self.lot_of(order, quantity, &tracking).await?;
        if !self.only_notes(order, quantity) {
            self.components_at_hand(order, quantity, &moves, (&steps, &tracking)).await?;
        }
        Ok(Bench { order: order.clone(), quantity, tracking, lot })
    }

    /// Every tracked component has lots reserved for the quantity. What is missing may be there by now, so it is asked for once.
    async fn components_at_hand(
        &mut self,
        order: &Order,
        quantity: Decimal,
        moves: &[Move],
        (steps, tracking): (&BTreeMap<i64, Decimal>, &Trackings),
    ) -> Result<(), Failure> {
        let lines = self.lines(&[order.id]).await?;
        let noted = self.noted(order.id).await?;
        let planned = |one: &Move| one.share(quantity, order.quantity, steps.get(&one.unit).copied());
        let needs = |one: &Move| noted.get(&one.id).map_or_else(|| planned(one), |noted| Some(noted.total));
        self.takes_other(order, moves.iter().find(|one| noted.contains_key(&one.id) && needs(one) != planned(one)))
            .await?;
        let stated = |one: &Move| self.target.components.iter().any(|stated| stated.product == one.product.0);
        let moves: Vec<Move> = moves.iter().filter(|one| !stated(one)).cloned().collect();
        for one in moves.iter().filter(|one| one.is_open() && !one.demand.is_zero()) {
            match needs(one) {
                Some(needed) if !needed.is_zero() => {}
                // INVARIANT: ONE-EFFECT — a component at nothing is cancelled: the product would be in stock without it.
                Some(_) => return Err(below_step(order, quantity, one)),
                None => return Err(unreckoned(order, one)),
            }
        }
        if lots_known(&moves, &lines, tracking, needs).is_ok() {
            return Ok(());
        }
        self.send(Call::write("mrp.production", "action_assign", self.scope).on(&[order.id])).await?;
        let mut moves = self.moves(order.id).await?;
        moves.retain(|one| !self.target.components.iter().any(|stated| stated.product == one.product.0));
        lots_known(&moves, &self.lines(&[order.id]).await?, tracking, needs)
    }

    async fn set_quantity(&mut self, bench: &Bench, lot: Option<i64>) -> Result<(), Failure> {
        let order = &bench.order;
        let lot_stands = lot.is_none_or(|lot| order.lots == [lot]);
        if order.producing == bench.quantity && lot_stands {
            return Ok(());
        }
        let mut values = Map::new();
        values.insert("qty_producing".to_owned(), number(bench.quantity));
        if let Some(lot) = lot {
            let many = self.shape.lot == "lot_producing_ids";
            let set = if many { json!([[6, 0, [lot]]]) } else { json!(lot) };
            values.insert(self.shape.lot.to_owned(), set);
        }
        self.send(Call::write("mrp.production", "write", self.scope).on(&[order.id]).arg("vals", values)).await?;
        // Odoo rounds to the step of the unit; a quantity that does not survive that must not be booked.
        let stands = self.orders(vec![json!(["id", "=", order.id])]).await?;
        match stands.first().filter(|stands| stands.producing != bench.quantity) {
            Some(stands) => {
                let what = format!("quantity being produced of production order {}", order.id);
                Err(Failure::mismatch(what, &bench.quantity, &stands.producing))
            }
            None => Ok(()),
        }
    }

    /// Notes on every component move what is consumed, and reads back that it is so. Without this, marking done would cancel the
    /// components: the product would be in stock and they would never have left it.
    async fn consume(&mut self, bench: &Bench) -> Result<BTreeMap<i64, Decimal>, Failure> {
        let moves = self.moves(bench.order.id).await?;
        let steps = self.steps(&moves, &bench.order).await?;
        let noted = self.noted(bench.order.id).await?;
        let mut meant = BTreeMap::new();
        for one in moves.iter().filter(|one| one.is_open()) {
            if let Some(noted) = noted.get(&one.id) {
                // What was noted is what was used: what is merely reserved beside it stays in stock.
                if !noted.rest.is_empty() {
                    self.sent = true;
                    self.odoo.drop_lines(&noted.rest, self.scope).await?;
                }
                meant.insert(one.id, noted.total);
                continue;
            }
            let step = steps.get(&one.unit).copied();
            let Some(quantity) = one.meant(bench.quantity, bench.order.quantity, step) else {
                return Err(unreckoned(&bench.order, one));
            };
            meant.insert(one.id, quantity);
            if one.quantity == quantity && one.picked {
                continue;
            }
            let mut values = Map::new();
            values.insert(self.shape.quantities.of_move.to_owned(), number(quantity));
            if self.shape.quantities.picked {
                values.insert("picked".to_owned(), json!(true));
            }
            self.send(Call::write("stock.move", "write", self.scope).on(&[one.id]).arg("vals", values)).await?;
        }
        // INVARIANT: ONE-EFFECT — nothing is marked done before every component is seen picked in its quantity and lot.
        let moves = self.moves(bench.order.id).await?;
        let lines = self.lines(&[bench.order.id]).await?;
        agree(&moves, &lines, &meant, &bench.tracking, false)?;
        Ok(meant)
    }

    /// Reads order, components and product back, and compares them with what was meant.
    async fn verify(&mut self, bench: &Bench, lot: Option<i64>, meant: &BTreeMap<i64, Decimal>) -> Result<(), Failure> {
        let id = bench.order.id;
        let Some(order) = self.orders(vec![json!(["id", "=", id])]).await?.into_iter().next() else {
            return Err(Failure::mismatch(format!("production order {id}"), &"done", &"nothing"));
        };
        let what = |of: &str| format!("{of} of production order {id}");
        if order.state != OrderState::Done {
            return Err(Failure::mismatch(what("state"), &"done", &order.state.as_str()));
        }
        if order.produced != bench.quantity {
            return Err(Failure::mismatch(what("produced quantity"), &bench.quantity, &order.produced));
        }
        if let Some(lot) = lot.filter(|lot| order.lots != [*lot]) {
            return Err(Failure::mismatch(what("lot"), &lot, &json!(order.lots)));
        }
        agree(&self.moves(id).await?, &self.lines(&[id]).await?, meant, &bench.tracking, true)?;
        let made: Decimal = self.finished(id).await?.into_iter().map(|(_, quantity)| quantity).sum();
        if made != bench.quantity {
            return Err(Failure::mismatch(what("quantity in stock"), &bench.quantity, &made));
        }
        Ok(())
    }

    /// What was not produced must be where it was meant to be: on a backorder, or given up.
    async fn verify_rest(&self, order: &Order, short: bool, before: &[Order]) -> Result<(), Failure> {
        let is_new = |one: &Order| one.state.is_open() && !before.iter().any(|known| known.id == one.id);
        let now = self.chain(order).await?;
        let made = now.iter().find(|one| is_new(one));
        let wanted = short && self.target.remainder == Remainder::Backorder;
        match made {
            None if wanted => {
                Err(Failure::mismatch(format!("backorder of production order {}", order.id), &"one", &"none"))
            }
            Some(made) if !wanted => {
                Err(Failure::mismatch(format!("backorder of production order {}", order.id), &"none", &made.name))
            }
            _ => Ok(()),
        }
    }
}

fn below_step(order: &Order, quantity: Decimal, component: &Move) -> Failure {
    let (name, component) = (&order.name, &component.product.1);
    let message = format!("{quantity} of {name} needs less of {component} than its unit can count");
    Failure::field(Refusal::Target, "total", message)
}

fn unreckoned(order: &Order, component: &Move) -> Failure {
    let message = format!("what {} needs of {} cannot be reckoned", order.name, component.product.1);
    Failure::refused(Refusal::Target, message)
}

/// How an order was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Booked {
    Done,
    Noted,
}
