//! Carrying transfers out: `button_validate` with its checks, its question about what is missing, and backorders.
//! A question is an answer, not an error: nothing has been moved when one comes back.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::Id;

/// What becomes of what a transfer does not move.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Backorder,
    /// Given up. That `picking_ids_not_to_backorder` does this is Odoo's own code, not in the recordings.
    Close,
}

impl Transaction<'_> {
    /// Validates transfers, or asks: answers `true` or a wizard. With `skip_backorder` alone it does not ask and makes backorders.
    pub(crate) fn validate_pickings(&mut self, pickings: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Picking, pickings, "write")?;
        for picking in pickings {
            self.fill_draft(*picking);
        }
        self.can_be_validated(pickings)?;
        for picking in pickings {
            self.pick_by_default(*picking);
        }
        let short: Vec<Id> = pickings.iter().copied().filter(|picking| self.asks(*picking)).collect();
        if !short.is_empty() && !self.context_flag("skip_backorder") {
            return Ok(self.transfer_wizard(&short, pickings));
        }
        let closed = self.env.context.get("picking_ids_not_to_backorder").and_then(Json::as_array).cloned();
        for picking in pickings {
            let close = closed.iter().flatten().any(|id| id.as_i64() == Some(picking.0));
            self.carry_out(*picking, if close { Rest::Close } else { Rest::Backorder })?;
        }
        Ok(Json::Bool(true))
    }

    /// A draft is confirmed, and moves all that it asks for.
    fn fill_draft(&mut self, picking: Id) {
        if !self.is(Model::Picking, picking, "state", &["draft"]) {
            return;
        }
        self.open_picking(picking);
        for id in self.open_picking_moves(picking) {
            if self.move_quantity(id).is_zero() {
                let demand = self.number(Model::Move, id, "product_uom_qty");
                self.set_move_quantity(id, demand);
            }
        }
    }

    fn can_be_validated(&self, pickings: &[Id]) -> Result<(), Refusal> {
        if pickings.iter().any(|picking| self.picking_moves(*picking).is_empty()) {
            return Err(Refusal::user(
                "You can’t validate an empty transfer. Please add some products to move before proceeding.",
            ));
        }
        let nothing =
            |picking: &Id| self.open_picking_moves(*picking).iter().all(|id| self.move_quantity(*id).is_zero());
        if pickings.iter().any(nothing) {
            return Err(Refusal::user(
                "You cannot validate a transfer if no quantities are reserved. To force the transfer, encode quantities.",
            ));
        }
        let mut lacking: Vec<Id> = Vec::new();
        for picking in pickings {
            let lines: Vec<Id> = self.open_picking_moves(*picking).into_iter().flat_map(|id| self.lines(id)).collect();
            let some_picked = lines.iter().any(|line| self.flag(Model::MoveLine, *line, "picked"));
            for line in lines {
                let row = self.row(Model::MoveLine, line);
                let counts = !row.number("quantity").is_zero() && (row.flag("picked") || !some_picked);
                let lotless = row.reference("lot_id").is_none() && row.text("lot_name").is_empty();
                let product = row.reference("product_id").filter(|_| counts && lotless);
                lacking.extend(product.filter(|product| !self.is(Model::Product, *product, "tracking", &["none"])));
            }
        }
        lacking.dedup();
        if lacking.is_empty() {
            return Ok(());
        }
        let names: Vec<String> =
            lacking.iter().map(|product| format!("\n- {}", self.label(Model::Product, *product))).collect();
        Err(Refusal::user(format!("You need to supply a Lot/Serial Number for product:{}", names.concat())))
    }

    /// A transfer of which nothing was picked is picked as it is reserved.
    fn pick_by_default(&mut self, picking: Id) {
        let open = self.open_picking_moves(picking);
        if !open.iter().any(|id| self.flag(Model::Move, *id, "picked")) {
            open.into_iter().for_each(|id| self.pick(id, true));
        }
    }

    /// What of a move was picked, in its unit.
    fn picked_quantity(&self, id: Id) -> Decimal {
        let picked = self.lines(id).into_iter().filter(|line| self.flag(Model::MoveLine, *line, "picked"));
        picked.map(|line| self.number(Model::MoveLine, line, "quantity")).sum()
    }

    /// Whether less is moved than was asked for, and the type of transfer wants a word on it.
    fn asks(&self, picking: Id) -> bool {
        let kind = self.reference(Model::Picking, picking, "picking_type_id");
        let open = self.open_picking_moves(picking);
        let short = |id: &Id| self.picked_quantity(*id) < self.number(Model::Move, *id, "product_uom_qty");
        kind.is_some_and(|kind| self.is(Model::PickingType, kind, "create_backorder", &["ask"]))
            && open.iter().any(short)
    }

    fn transfer_wizard(&self, short: &[Id], all: &[Id]) -> Json {
        let mut context = self.env.context.clone();
        let ids = |pickings: &[Id]| -> Json { pickings.iter().map(|id| Json::from(*id)).collect() };
        context.entry("button_validate_picking_ids").or_insert_with(|| ids(all));
        context.insert("default_show_transfers".to_owned(), json!(all.len() > 1));
        context.insert("default_pick_ids".to_owned(), short.iter().map(|id| json!([4, id.0])).collect());
        json!({
            "name": "Create Backorder?", "type": "ir.actions.act_window", "view_mode": "form",
            "res_model": "stock.backorder.confirmation", "views": [[922, "form"]], "view_id": 922, "target": "new", "context": context,
        })
    }

    /// Moves what was picked; the rest waits on a backorder, or is cancelled.
    fn carry_out(&mut self, picking: Id, rest: Rest) -> Result<(), Refusal> {
        let mut moved = Vec::new();
        let mut left = Vec::new();
        for id in self.open_picking_moves(picking) {
            let (quantity, demand) = (self.picked_quantity(id), self.number(Model::Move, id, "product_uom_qty"));
            match rest {
                _ if quantity <= Decimal::ZERO && (rest == Rest::Close || demand.is_zero()) => self.cancel_move(id),
                _ if quantity <= Decimal::ZERO => left.push(id),
                Rest::Backorder if quantity < demand => {
                    left.push(self.split_move(id, quantity, demand));
                    moved.push(id);
                }
                _ => moved.push(id),
            }
        }
        for id in moved {
            self.settle_lots(id)?;
            self.finish_move(id)?;
        }
        if !left.is_empty() {
            self.make_backorder(picking, &left);
        }
        let now = self.env.now;
        self.update(Model::Picking, picking, [("date_done", now.into()), ("priority", "0".into())]);
        self.settle_picking(picking);
        Ok(())
    }

    /// Leaves `quantity` of the demand with the move and makes a draft of the rest.
    fn split_move(&mut self, id: Id, quantity: Decimal, demand: Decimal) -> Id {
        let row = self.row(Model::Move, id);
        self.update(Model::Move, id, [("product_uom_qty", quantity.into())]);
        let log = ["create_uid", "create_date", "write_uid", "write_date"];
        let mut values: Vec<_> = row.values().map(|(field, value)| (field, value.clone())).collect();
        values.retain(|(field, _)| !log.contains(field));
        values.extend([
            ("product_uom_qty", (demand - quantity).into()),
            ("state", "draft".into()),
            ("picked", false.into()),
        ]);
        self.insert(Model::Move, values)
    }

    /// A transfer of what is left, under the next name.
    fn make_backorder(&mut self, picking: Id, left: &[Id]) {
        let row = self.row(Model::Picking, picking);
        let Some(kind) = row.reference("picking_type_id") else { return };
        let copied = [
            "origin",
            "partner_id",
            "picking_type_id",
            "company_id",
            "location_id",
            "location_dest_id",
            "move_type",
            "scheduled_date",
            "sale_id",
            "user_id",
            "is_locked",
        ];
        let name = self.next_picking_name(kind);
        let mut values: Vec<_> = copied.into_iter().map(|field| (field, row.get(field).clone())).collect();
        values.extend([
            ("name", name.clone().into()),
            ("priority", "0".into()),
            ("state", "draft".into()),
            ("backorder_id", picking.into()),
        ]);
        let backorder = self.insert(Model::Picking, values);
        for id in left {
            self.update(Model::Move, *id, [("picking_id", backorder.into()), ("reference", name.clone().into())]);
            for line in self.lines(*id) {
                self.update(Model::MoveLine, line, [("picking_id", backorder.into())]);
            }
        }
        self.open_picking(backorder);
    }

    /// The lots that lines only name are looked for, and made where there are none.
    fn settle_lots(&mut self, id: Id) -> Result<(), Refusal> {
        for line in self.lines(id) {
            let row = self.row(Model::MoveLine, line);
            let name = row.text("lot_name").to_owned();
            let Some(product) =
                row.reference("product_id").filter(|_| !name.is_empty() && row.reference("lot_id").is_none())
            else {
                continue;
            };
            if self.is(Model::Product, product, "tracking", &["none"]) {
                continue;
            }
            let known = self.store.with_text(Model::Lot, "name", &name).unwrap_or_default();
            let known = known.into_iter().find(|lot| self.reference(Model::Lot, *lot, "product_id") == Some(product));
            let lot = match known {
                Some(lot) => lot,
                None => {
                    let company = self.reference(Model::Product, product, "company_id");
                    let values =
                        [("name", name.into()), ("product_id", product.into()), ("company_id", company.into())];
                    self.insert(Model::Lot, values)
                }
            };
            let values = super::record::Values::from_iter([("lot_id".to_owned(), Json::from(lot))]);
            self.write_line(line, &values)?;
        }
        Ok(())
    }

    /// Answers the question: `process` makes the backorders, `process_cancel_backorder` gives the rest up.
    pub(crate) fn answer_backorder(&mut self, wizards: &[Id], close: bool) -> Result<Json, Refusal> {
        self.check(Model::BackorderConfirmation, wizards, "write")?;
        let asked =
            self.env.context.get("button_validate_picking_ids").and_then(Json::as_array).cloned().unwrap_or_default();
        let asked: Vec<Id> = asked.iter().filter_map(Json::as_i64).map(Id).collect();
        let short: Vec<Id> = wizards
            .iter()
            .flat_map(|id| self.row(Model::BackorderConfirmation, *id).references("pick_ids").to_vec())
            .collect();
        self.env.context.insert("skip_backorder".to_owned(), json!(true));
        if close {
            let closed = short.iter().map(|id| Json::from(*id)).collect();
            self.env.context.insert("picking_ids_not_to_backorder".to_owned(), closed);
        }
        if asked.is_empty() { Ok(Json::Bool(true)) } else { self.validate_pickings(&asked) }
    }
}
