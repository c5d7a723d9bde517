//! Backorders: what an order did not produce becomes an order of its own, and both get numbered names.
//! Names change here, ids never do.

use rust_decimal::Decimal;

use super::OdooVersion;
use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value, cents};

impl Transaction<'_> {
    /// What ties an order to its backorders, and the field that names it.
    pub(crate) fn group(&self) -> (Model, &'static str) {
        match self.env.version {
            OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => (Model::Group, "procurement_group_id"),
            OdooVersion::V19 => (Model::ProductionGroup, "production_group_id"),
        }
    }

    /// Cuts an order down to what it is producing and makes an order of the rest. The rest is confirmed, its moves are still drafts.
    pub(crate) fn split(&mut self, order: Id) -> Result<Id, Refusal> {
        let before = self.row(Model::Production, order);
        let (whole, kept) = (before.number("product_qty"), before.number("qty_producing"));
        let rest = whole - kept;
        if rest <= Decimal::ZERO {
            return Err(Refusal::validation(
                "The operation cannot be completed: The quantity to produce must be positive!",
            ));
        }
        let sequence = before.int("backorder_sequence").max(1);
        let own_name = numbered(before.text("name"), sequence);
        self.update(
            Model::Production,
            order,
            [("name", own_name.into()), ("backorder_sequence", Value::Int(sequence)), ("product_qty", kept.into())],
        );
        let backorder = self.insert_backorder(order, rest);
        self.divide_moves(order, backorder, (whole, kept));
        self.divide_work(order, backorder, (whole, kept));
        self.settle_end(backorder);
        self.settle_order(backorder);
        Ok(backorder)
    }

    fn insert_backorder(&mut self, order: Id, quantity: Decimal) -> Id {
        let row = self.row(Model::Production, order);
        let (_, group_field) = self.group();
        let group = row.reference(group_field);
        let family = group.map(|group| self.store.referring(Model::Production, group_field, group)).unwrap_or_default();
        let last =
            family.into_iter().map(|id| self.row(Model::Production, id).int("backorder_sequence")).max().unwrap_or(1);
        let copied = [
            "origin",
            "product_id",
            "product_uom_id",
            "bom_id",
            "consumption",
            "location_src_id",
            "location_dest_id",
            "production_location_id",
            "warehouse_id",
            group_field,
            "user_id",
            "company_id",
            "priority",
            "date_start",
        ];
        let mut values: Vec<(&'static str, Value)> =
            copied.into_iter().map(|field| (field, row.get(field).clone())).collect();
        values.push(("name", numbered(row.text("name"), last + 1).into()));
        values.push(("backorder_sequence", Value::Int(last + 1)));
        values.push(("product_qty", quantity.into()));
        values.push(("qty_producing", Decimal::ZERO.into()));
        values.push(("state", "confirmed".into()));
        self.insert(Model::Production, values)
    }

    /// Each component is divided as the product is; what was picked stays with the order that picked it.
    fn divide_moves(&mut self, order: Id, backorder: Id, (whole, kept): (Decimal, Decimal)) {
        let row = self.row(Model::Production, backorder);
        for (raw, id) in self
            .raw_moves(order)
            .into_iter()
            .map(|id| (true, id))
            .chain(self.finished_moves(order).into_iter().map(|id| (false, id)))
        {
            let part = self.row(Model::Move, id);
            if part.text("state") == "cancel" {
                continue;
            }
            let demand = part.number("product_uom_qty");
            let own = cents(demand * kept / whole);
            self.update(Model::Move, id, [("product_uom_qty", own.into())]);
            if raw && !part.flag("picked") && self.move_quantity(id) > own {
                self.set_move_quantity(id, own);
            }
            let copy = self.add_move(
                backorder,
                &row,
                part.reference("product_id"),
                (part.reference("product_uom"), demand - own),
                raw,
            );
            let (line, operation) = (part.get("bom_line_id").clone(), part.get("operation_id").clone());
            self.update(Model::Move, copy, [("bom_line_id", line), ("operation_id", operation)]);
        }
    }

    /// A work order that already reported the whole leaves nothing to do: its copy is cancelled.
    fn divide_work(&mut self, order: Id, backorder: Id, (whole, kept): (Decimal, Decimal)) {
        let row = self.row(Model::Production, backorder);
        self.plan_operations(backorder, &row);
        self.link_operations(backorder);
        for (own, copy) in self.work_orders(order).into_iter().zip(self.work_orders(backorder)) {
            let reported = self.number(Model::WorkOrder, own, "qty_produced");
            let open = (whole - reported).max(Decimal::ZERO);
            self.update(Model::WorkOrder, own, [("qty_produced", reported.min(kept).into())]);
            let carried = (whole - kept - open).max(Decimal::ZERO);
            self.update(Model::WorkOrder, copy, [("qty_reported_from_previous_wo", carried.into())]);
            if open.is_zero() {
                self.update(Model::WorkOrder, copy, [("state", "cancel".into())]);
            }
        }
    }
}

/// `WH/MO/00018` becomes `WH/MO/00018-001`; a number that is there already is replaced.
fn numbered(name: &str, sequence: i64) -> String {
    let base = match name.rsplit_once('-') {
        Some((base, digits)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    };
    format!("{base}-{sequence:03}")
}
