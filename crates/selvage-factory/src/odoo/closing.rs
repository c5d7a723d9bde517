//! Closing an order: `button_mark_done` with its questions (consumption, backorder), the posting of moves, and the quantity wizard.
//! A question is an answer, not an error: nothing has been done when one comes back.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::OdooVersion;
use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value, cents, float, truthy};

const ENDED: [&str; 2] = ["done", "cancel"];

/// A component of which more or less was picked than the bill of materials expects.
struct Deviation {
    order: Id,
    product: Id,
    consumed: Decimal,
    expected: Decimal,
}

impl Transaction<'_> {
    /// Marks orders as done, or asks: answers `true`, a window on the backorder, or a wizard.
    pub(crate) fn mark_done(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Production, orders, "write")?;
        for order in orders {
            self.ready_to_close(*order)?;
        }
        let deviations: Vec<Deviation> = orders.iter().flat_map(|order| self.deviations(*order)).collect();
        if !deviations.is_empty() {
            return Ok(self.consumption_wizard(&deviations));
        }
        let short = orders.iter().copied().filter(|order| self.left_over(*order) > Decimal::ZERO);
        let short: Vec<Id> = short.filter(|_| !self.context_flag("skip_backorder")).collect();
        if !short.is_empty() {
            return Ok(self.backorder_wizard(&short));
        }
        for order in orders {
            let work = self.work_orders(*order);
            self.finish_work(&work)?;
        }
        let named = self.env.context.get("mo_ids_to_backorder").and_then(Json::as_array).cloned().unwrap_or_default();
        let mut backorders = Vec::new();
        for order in orders.iter().filter(|order| named.iter().any(|id| id.as_i64() == Some(order.0))) {
            backorders.push(self.split(*order)?);
        }
        for order in orders {
            self.post(*order)?;
        }
        for backorder in &backorders {
            self.open_moves(*backorder);
        }
        Ok(if backorders.is_empty() { Json::Bool(true) } else { self.backorder_window(&backorders) })
    }

    /// An order without a quantity produces the whole, consumes what it should, and gets a lot if it needs one.
    fn ready_to_close(&mut self, order: Id) -> Result<(), Refusal> {
        if self.is(Model::Production, order, "state", &["cancel"]) {
            return Err(Refusal::user("You cannot mark as done a manufacturing order that is cancelled."));
        }
        self.confirm_orders(&[order])?;
        if !self.number(Model::Production, order, "qty_producing").is_zero() {
            return Ok(());
        }
        let row = self.row(Model::Production, order);
        let tracked =
            row.reference("product_id").filter(|product| !self.is(Model::Product, *product, "tracking", &["none"]));
        if let (Some(product), None) = (tracked, self.finished_lot(order)) {
            let lot = self.invent_lot(product);
            self.set_finished_lot(order, lot);
        }
        let quantity = row.number("product_qty") - self.produced(order);
        if quantity <= Decimal::ZERO {
            return Err(Refusal::user("The quantity to produce must be positive!"));
        }
        self.update(Model::Production, order, [("qty_producing", quantity.into())]);
        for id in self.raw_moves(order) {
            if !self.is(Model::Move, id, "state", &ENDED) {
                let Value::Number(needed) = self.move_value(id, "should_consume_qty") else {
                    continue;
                };
                self.set_move_quantity(id, needed);
                self.pick(id, true);
            }
        }
        self.settle_order(order);
        Ok(())
    }

    /// What was ordered and is not being produced.
    fn left_over(&self, order: Id) -> Decimal {
        self.number(Model::Production, order, "product_qty") - self.number(Model::Production, order, "qty_producing")
    }

    /// Whether the context says yes to it.
    pub(crate) fn context_flag(&self, name: &str) -> bool {
        self.env.context.get(name).is_some_and(truthy)
    }

    fn deviations(&self, order: Id) -> Vec<Deviation> {
        let row = self.row(Model::Production, order);
        let Some(bom) = row.reference("bom_id").filter(|_| row.text("consumption") != "flexible") else {
            return Vec::new();
        };
        if self.context_flag("skip_consumption") {
            return Vec::new();
        }
        let expected = self.expected_components(bom, row.number("qty_producing"));
        let mut consumed: Vec<(Id, Decimal)> = Vec::new();
        for id in self.raw_moves(order).into_iter().filter(|id| self.flag(Model::Move, *id, "picked")) {
            let move_row = self.row(Model::Move, id);
            if let Some(product) = move_row.reference("product_id") {
                add(
                    &mut consumed,
                    product,
                    self.in_product_unit(product, move_row.reference("product_uom"), self.move_quantity(id)),
                );
            }
        }
        let of = |list: &[(Id, Decimal)], product: Id| {
            list.iter().find(|(id, _)| *id == product).map_or(Decimal::ZERO, |(_, quantity)| *quantity)
        };
        let extra = consumed.iter().filter(|(product, _)| !expected.iter().any(|(id, _)| id == product));
        let products = extra.chain(&expected).map(|(product, _)| *product);
        let deviation =
            |product| Deviation { order, product, consumed: of(&consumed, product), expected: of(&expected, product) };
        products.map(deviation).filter(|found| cents(found.consumed) != cents(found.expected)).collect()
    }

    fn expected_components(&self, bom: Id, quantity: Decimal) -> Vec<(Id, Decimal)> {
        let per = self.number(Model::Bom, bom, "product_qty").max(Decimal::new(1, 2));
        let mut expected = Vec::new();
        for line in self.store.referring(Model::BomLine, "bom_id", bom) {
            let row = self.row(Model::BomLine, line);
            if let Some(product) = row.reference("product_id") {
                let needed = self.in_product_unit(product, row.reference("product_uom_id"), row.number("product_qty"));
                add(&mut expected, product, needed * quantity / per);
            }
        }
        expected
    }

    /// Carries out what was picked, cancels the components that were not, and puts the product into stock.
    fn post(&mut self, order: Id) -> Result<(), Refusal> {
        for id in self.raw_moves(order) {
            if self.is(Model::Move, id, "state", &ENDED) {
                continue;
            }
            if self.flag(Model::Move, id, "picked") {
                self.finish_move(id)?;
            } else {
                self.cancel_move(id);
            }
        }
        let lot = self.finished_lot(order);
        let quantity = self.number(Model::Production, order, "qty_producing") - self.produced(order);
        for id in self.finished_moves(order) {
            if self.is(Model::Move, id, "state", &ENDED) {
                continue;
            }
            self.set_move_quantity(id, quantity);
            for line in self.lines(id) {
                self.update(Model::MoveLine, line, [("lot_id", lot.into())]);
            }
            self.pick(id, true);
            self.finish_move(id)?;
        }
        let now = self.env.now;
        self.update(
            Model::Production,
            order,
            [
                ("state", "done".into()),
                ("date_finished", now.into()),
                ("priority", "0".into()),
                ("is_locked", true.into()),
            ],
        );
        Ok(())
    }

    fn consumption_wizard(&self, deviations: &[Deviation]) -> Json {
        let mut orders: Vec<Id> = deviations.iter().map(|deviation| deviation.order).collect();
        orders.dedup();
        let line = |deviation: &Deviation| {
            let consumption = self.text(Model::Production, deviation.order, "consumption");
            let unit =
                self.reference(Model::Product, deviation.product, "uom_id").map_or(Json::Bool(false), Json::from);
            json!([0, 0, {
                "mrp_production_id": deviation.order.0, "product_id": deviation.product.0, "consumption": consumption,
                "product_uom_id": unit, "product_consumed_qty_uom": float(deviation.consumed),
                "product_expected_qty_uom": float(deviation.expected),
            }])
        };
        let mut context = self.env.context.clone();
        context.insert("default_mrp_production_ids".to_owned(), orders.into_iter().map(Json::from).collect());
        context.insert("default_mrp_consumption_warning_line_ids".to_owned(), deviations.iter().map(line).collect());
        context.insert("form_view_ref".to_owned(), json!(false));
        wizard(self.env.version, &Wizard::CONSUMPTION, &context)
    }

    fn backorder_wizard(&self, orders: &[Id]) -> Json {
        let lines: Json =
            orders.iter().map(|order| json!([0, 0, { "mrp_production_id": order.0, "to_backorder": true }])).collect();
        let mut context = self.env.context.clone();
        context.insert("always_backorder_mo_ids".to_owned(), json!([]));
        context
            .insert("default_mrp_production_ids".to_owned(), orders.iter().map(|order| Json::from(*order)).collect());
        context.insert("default_mrp_production_backorder_line_ids".to_owned(), lines);
        let kind = if self.env.version <= OdooVersion::V18 { &Wizard::BACKORDER_18 } else { &Wizard::BACKORDER_19 };
        wizard(self.env.version, kind, &context)
    }

    fn backorder_window(&self, backorders: &[Id]) -> Json {
        let mut context: Map<String, Json> = Map::new();
        for (key, value) in self.env.context.iter().filter(|(key, _)| !key.starts_with("default_")) {
            context.insert(key.clone(), if key.starts_with("skip_") { json!(false) } else { value.clone() });
        }
        context.insert("mo_ids_to_backorder".to_owned(), Json::Null);
        match backorders {
            [only] => json!({
                "res_model": "mrp.production", "type": "ir.actions.act_window", "context": context, "views": [[false, "form"]],
                "view_mode": "form", "res_id": only.0,
            }),
            several => json!({
                "res_model": "mrp.production", "type": "ir.actions.act_window", "context": context, "name": "Backorder MO",
                "domain": [["id", "in", several.iter().map(|id| id.0).collect::<Vec<_>>()]],
                "views": [[false, "list"], [false, "form"]], "view_mode": "list,form",
            }),
        }
    }

    /// The wizard `change.production.qty`: the only way to change the quantity of a confirmed order.
    pub(crate) fn change_quantity(&mut self, wizards: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::ChangeQuantity, wizards, "write")?;
        for id in wizards {
            let row = self.row(Model::ChangeQuantity, *id);
            if let Some(order) = row.reference("mo_id") {
                self.check(Model::Production, &[order], "write")?;
                self.rescale(order, row.number("product_qty"));
                self.settle_order(order);
            }
        }
        Ok(json!({}))
    }

    /// Gives an order another quantity, and its moves and work orders what follows from it.
    pub(crate) fn rescale(&mut self, order: Id, quantity: Decimal) {
        let row = self.row(Model::Production, order);
        let expected = row
            .reference("bom_id")
            .map(|bom| (bom, self.number(Model::Bom, bom, "product_qty").max(Decimal::new(1, 2))));
        self.update(Model::Production, order, [("product_qty", quantity.into())]);
        for id in self.raw_moves(order).into_iter().chain(self.finished_moves(order)) {
            let line = self.reference(Model::Move, id, "bom_line_id");
            let demand = match (line, expected) {
                (Some(line), Some((_, per))) => {
                    cents(self.number(Model::BomLine, line, "product_qty") * quantity / per)
                }
                _ => quantity,
            };
            self.update(Model::Move, id, [("product_uom_qty", demand.into())]);
            if !self.is(Model::Move, id, "state", &["draft", "done", "cancel"]) {
                if self.move_quantity(id) > demand {
                    self.set_move_quantity(id, demand);
                }
                self.reserve(id);
            }
        }
        for id in self.work_orders(order) {
            self.expect_duration(id, quantity);
        }
        self.settle_end(order);
    }
}

fn add(list: &mut Vec<(Id, Decimal)>, product: Id, quantity: Decimal) {
    match list.iter_mut().find(|(id, _)| *id == product) {
        Some((_, sum)) => *sum += quantity,
        None => list.push((product, quantity)),
    }
}

/// What differs between the windows that Odoo opens instead of acting.
pub(crate) struct Wizard {
    id: i64,
    name: &'static str,
    xml_id: &'static str,
    model: &'static str,
}

impl Wizard {
    pub(crate) const CONSUMPTION: Self = Self {
        id: 425,
        name: "Consumption Warning",
        xml_id: "mrp.action_mrp_consumption_warning",
        model: "mrp.consumption.warning",
    };
    pub(crate) const BACKORDER_18: Self = Self {
        id: 424,
        name: "You produced less than initial demand",
        xml_id: "mrp.action_mrp_production_backorder",
        model: "mrp.production.backorder",
    };
    pub(crate) const BACKORDER_19: Self =
        Self { id: 445, name: "You produced less than the initial demand", ..Self::BACKORDER_18 };
}

/// The window action of a wizard, as each version spells it.
pub(crate) fn wizard(version: OdooVersion, wizard: &Wizard, context: &Map<String, Json>) -> Json {
    let groups = if version <= OdooVersion::V18 { "groups_id" } else { "group_ids" };
    let mut action = json!({
        "id": wizard.id, "name": wizard.name, "type": "ir.actions.act_window", "xml_id": wizard.xml_id, "path": false, "help": false,
        "binding_model_id": false, "binding_type": "action", "binding_view_types": "list,form", "display_name": wizard.name,
        "view_id": false, "domain": false, "context": context, "res_id": 0, "res_model": wizard.model, "target": "new",
        "view_mode": "form", "mobile_view_mode": "kanban", "views": [[false, "form"]], "limit": 80, groups: [],
        "search_view_id": false, "embedded_action_ids": [], "filter": false,
    });
    if let (OdooVersion::V19, Some(map)) = (version, action.as_object_mut()) {
        map.insert("cache".to_owned(), json!(true));
    }
    action
}
