//! Work orders: planned from the operations of the bill of materials, one after the other; started, paused and finished.
//! Finishing one picks its components and never asks what was consumed: that is Odoo's behaviour.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::OdooVersion;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value};

const ENDED: [&str; 2] = ["done", "cancel"];

impl Transaction<'_> {
    /// The work orders of an order, in sequence.
    pub(crate) fn work_orders(&self, order: Id) -> Vec<Id> {
        let mut ids = self.store.referring(Model::WorkOrder, "production_id", order);
        ids.sort_by_key(|id| (self.store.row(Model::WorkOrder, *id).map_or(0, |row| row.int("sequence")), *id));
        ids
    }

    pub(crate) fn work_order_value(&self, id: Id, name: &str) -> Value {
        let order = self.reference(Model::WorkOrder, id, "production_id");
        let order_row = order.map(|order| self.row(Model::Production, order)).unwrap_or_default();
        match name {
            "qty_production" => order_row.number("product_qty").into(),
            "qty_producing" => order_row.number("qty_producing").into(),
            "qty_remaining" => self.remaining(id, &order_row).into(),
            "production_state" => order_row.get("state").clone(),
            "product_uom_id" => order_row.get("product_uom_id").clone(),
            _ => order_row.get("product_id").clone(),
        }
    }

    pub(crate) fn operation_value(&self, id: Id, name: &str) -> Value {
        let row = self.row(Model::Operation, id);
        match name {
            "time_cycle" => row.number("time_cycle_manual").into(),
            _ => row.reference("bom_id").and_then(|bom| self.reference(Model::Bom, bom, "company_id")).into(),
        }
    }

    fn remaining(&self, id: Id, order: &Row) -> Decimal {
        let row = self.row(Model::WorkOrder, id);
        let done = row.number("qty_produced") + row.number("qty_reported_from_previous_wo");
        (order.number("product_qty") - done).max(Decimal::ZERO)
    }

    /// Makes a work order for each operation of the order's bill of materials.
    pub(crate) fn plan_operations(&mut self, order: Id, row: &Row) {
        let Some(bom) = row.reference("bom_id") else {
            return;
        };
        let mut operations = self.store.referring(Model::Operation, "bom_id", bom);
        operations.sort_by_key(|id| (self.row(Model::Operation, *id).int("sequence"), *id));
        for operation in operations {
            let operation_row = self.row(Model::Operation, operation);
            let values = [
                ("name", operation_row.get("name").clone()),
                ("sequence", Value::Int(operation_row.int("sequence"))),
                ("workcenter_id", operation_row.get("workcenter_id").clone()),
                ("operation_id", operation.into()),
                ("production_id", order.into()),
                ("company_id", row.get("company_id").clone()),
                ("state", self.blocked().into()),
                ("qty_produced", Decimal::ZERO.into()),
            ];
            let id = self.insert(Model::WorkOrder, values);
            self.expect_duration(id, row.number("product_qty"));
        }
    }

    /// The expected minutes for a quantity.
    pub(crate) fn expect_duration(&mut self, id: Id, quantity: Decimal) {
        let operation = self.reference(Model::WorkOrder, id, "operation_id");
        let cycle =
            operation.map_or(Decimal::ZERO, |operation| self.number(Model::Operation, operation, "time_cycle_manual"));
        self.update(Model::WorkOrder, id, [("duration_expected", (cycle * quantity).into())]);
    }

    fn blocked(&self) -> &'static str {
        if self.env.version <= OdooVersion::V18 { "pending" } else { "blocked" }
    }

    /// Chains the work orders one after the other and gives the components to the last.
    pub(crate) fn link_operations(&mut self, order: Id) {
        let ids = self.work_orders(order);
        for (before, after) in ids.iter().zip(ids.iter().skip(1)) {
            self.update(Model::WorkOrder, *after, [("blocked_by_workorder_ids", Value::Refs(vec![*before]))]);
        }
        for component in self.raw_moves(order) {
            let operation = self.reference(Model::Move, component, "operation_id");
            let own = ids
                .iter()
                .find(|id| operation.is_some() && self.reference(Model::WorkOrder, **id, "operation_id") == operation);
            if let Some(id) = own.or(ids.last()) {
                self.update(Model::Move, component, [("workorder_id", (*id).into())]);
            }
        }
    }

    /// The states of work orders that were not started follow from the one before and, in 18, from the components.
    pub(crate) fn settle_work_orders(&mut self, order: Id) {
        let reserved = self.reservation(order) == Some("assigned");
        let draft = self.is(Model::Production, order, "state", &["draft"]);
        for id in self.work_orders(order) {
            let row = self.row(Model::WorkOrder, id);
            if !["pending", "waiting", "blocked", "ready"].contains(&row.text("state")) {
                continue;
            }
            let free = row
                .references("blocked_by_workorder_ids")
                .iter()
                .all(|before| self.is(Model::WorkOrder, *before, "state", &ENDED));
            let state = match (self.env.version, free) {
                (_, false) => self.blocked(),
                (OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18, true) if !reserved || draft => "waiting",
                _ => "ready",
            };
            self.settle(Model::WorkOrder, id, "state", state.into());
        }
    }

    /// Starts work orders, and with them their order; the whole remaining quantity is assumed to be produced.
    pub(crate) fn start_work(&mut self, ids: &[Id]) -> Result<(), Refusal> {
        self.check(Model::WorkOrder, ids, "write")?;
        let now = self.env.now;
        for id in ids {
            let row = self.row(Model::WorkOrder, *id);
            let Some(order) = row.reference("production_id").filter(|_| !ENDED.contains(&row.text("state"))) else {
                continue;
            };
            self.confirm_orders(&[order])?;
            let order_row = self.row(Model::Production, order);
            if order_row.number("qty_producing").is_zero() {
                let serial = order_row
                    .reference("product_id")
                    .is_some_and(|product| self.is(Model::Product, product, "tracking", &["serial"]));
                let quantity = if serial { Decimal::ONE } else { self.remaining(*id, &order_row) };
                self.update(Model::Production, order, [("qty_producing", quantity.into())]);
            }
            if !["progress", "to_close"].contains(&order_row.text("state")) {
                self.update(Model::Production, order, [("date_start", now.into())]);
            }
            if row.text("state") != "progress" {
                self.update(Model::WorkOrder, *id, [("state", "progress".into()), ("date_start", now.into())]);
            }
            self.update(Model::WorkOrder, *id, [("is_user_working", true.into()), ("timer_since", now.into())]);
            self.settle_order(order);
        }
        Ok(())
    }

    /// Stops the clock; the work order stays in progress.
    pub(crate) fn pause_work(&mut self, ids: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::WorkOrder, ids, "write")?;
        for id in ids {
            self.stop_clock(*id);
        }
        Ok(Json::Bool(true))
    }

    fn stop_clock(&mut self, id: Id) {
        let row = self.row(Model::WorkOrder, id);
        if let Some(since) = row.stamp("timer_since") {
            let worked = row.number("duration") + self.env.now.minutes_since(since);
            self.update(
                Model::WorkOrder,
                id,
                [("duration", worked.into()), ("timer_since", Value::Null), ("is_user_working", false.into())],
            );
        }
    }

    /// Finishes work orders, started or not: their components are picked as they are reserved.
    pub(crate) fn finish_work(&mut self, ids: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::WorkOrder, ids, "write")?;
        let now = self.env.now;
        for id in ids {
            let row = self.row(Model::WorkOrder, *id);
            let Some(order) = row.reference("production_id").filter(|_| !ENDED.contains(&row.text("state"))) else {
                continue;
            };
            for component in self.store.referring(Model::Move, "workorder_id", *id) {
                if !self.is(Model::Move, component, "state", &ENDED) {
                    self.pick(component, true);
                }
            }
            self.stop_clock(*id);
            let order_row = self.row(Model::Production, order);
            let first =
                [row.number("qty_produced"), order_row.number("qty_producing"), order_row.number("product_qty")];
            let produced = first.into_iter().find(|quantity| !quantity.is_zero()).unwrap_or_default();
            let start = row.stamp("date_start").unwrap_or(now);
            self.update(
                Model::WorkOrder,
                *id,
                [
                    ("state", "done".into()),
                    ("qty_produced", produced.into()),
                    ("date_start", start.into()),
                    ("date_finished", now.into()),
                ],
            );
            self.settle_order(order);
        }
        Ok(Json::Bool(true))
    }

    /// Plans the work orders of orders one after the other from the start of each order, confirming drafts.
    pub(crate) fn plan_orders(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.confirm_orders(orders)?;
        for order in orders {
            let mut at = self.row(Model::Production, *order).stamp("date_start").unwrap_or(self.env.now);
            for id in self.work_orders(*order) {
                let row = self.row(Model::WorkOrder, id);
                let end = at.plus_minutes(row.number("duration_expected"));
                if ["pending", "waiting", "blocked", "ready"].contains(&row.text("state")) {
                    self.update(Model::WorkOrder, id, [("date_start", at.into()), ("date_finished", end.into())]);
                }
                at = end;
            }
            self.update(Model::Production, *order, [("is_planned", true.into())]);
        }
        Ok(Json::Bool(true))
    }
}
