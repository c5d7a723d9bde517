//! Transfers: making them, confirming, reserving and cancelling, and the states that follow from their moves.
//! Carrying one out stands in `validation`; a state is never written.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value};

const ENDED: [&str; 2] = ["done", "cancel"];

/// What an order asks to be moved.
pub(crate) struct Wanted {
    pub(crate) product: Id,
    /// In the product's own unit.
    pub(crate) quantity: Decimal,
    /// The field of the move that names the order's line, and the line.
    pub(crate) line: (&'static str, Id),
    pub(crate) sequence: i64,
}

impl Transaction<'_> {
    /// The moves of a transfer.
    pub(crate) fn picking_moves(&self, picking: Id) -> Vec<Id> {
        self.store.referring(Model::Move, "picking_id", picking)
    }

    /// Those that are neither done nor cancelled.
    pub(crate) fn open_picking_moves(&self, picking: Id) -> Vec<Id> {
        let mut moves = self.picking_moves(picking);
        moves.retain(|id| !self.is(Model::Move, *id, "state", &ENDED));
        moves
    }

    /// `P00001/FRM-1: Vendors>Stock`.
    pub(crate) fn move_label(&self, id: Id) -> String {
        let row = self.row(Model::Move, id);
        let before = |text: String, mark: &str| if text.is_empty() { text } else { format!("{text}{mark}") };
        let text = |model, id: Option<Id>, field| id.map(|id| self.text(model, id, field)).unwrap_or_default();
        let origin = before(text(Model::Picking, row.reference("picking_id"), "origin"), "/");
        let code = before(text(Model::Product, row.reference("product_id"), "default_code"), ": ");
        let place = |field| text(Model::Location, row.reference(field), "name");
        format!("{origin}{code}{}>{}", place("location_id"), place("location_dest_id"))
    }

    /// `YourCompany: Receipts`.
    pub(crate) fn picking_type_label(&self, id: Id) -> String {
        let name = self.text(Model::PickingType, id, "name");
        match self.reference(Model::PickingType, id, "warehouse_id") {
            Some(warehouse) => format!("{}: {name}", self.text(Model::Warehouse, warehouse, "name")),
            None => name,
        }
    }

    pub(crate) fn picking_value(&self, id: Id, name: &str) -> Value {
        let row = self.row(Model::Picking, id);
        let kind = row.reference("picking_type_id");
        let code = kind.map(|kind| self.text(Model::PickingType, kind, "code")).unwrap_or_default();
        let moves = self.picking_moves(id);
        match name {
            "picking_type_code" => code.into(),
            "product_id" => moves.first().and_then(|id| self.reference(Model::Move, *id, "product_id")).into(),
            "purchase_id" => {
                let line = moves.iter().find_map(|id| self.reference(Model::Move, *id, "purchase_line_id"));
                line.and_then(|line| self.reference(Model::PurchaseLine, line, "order_id")).into()
            }
            _ => {
                let open = ["waiting", "confirmed", "assigned"].contains(&row.text("state"));
                let lacks = |id: &Id| self.move_quantity(*id) < self.number(Model::Move, *id, "product_uom_qty");
                match (open && code != "incoming", self.open_picking_moves(id).iter().any(lacks)) {
                    (false, _) => Value::Null,
                    (true, false) => "available".into(),
                    (true, true) => "late".into(),
                }
            }
        }
    }

    /// Makes a draft. What it does not name comes from its operation type.
    pub(crate) fn create_picking(&mut self, values: &Values) -> Result<Id, Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        let kind = plain.get("picking_type_id").and_then(Json::as_i64).map(Id);
        if let Some(kind) = kind.filter(|kind| self.store.row(Model::PickingType, *kind).is_some()) {
            let row = self.row(Model::PickingType, kind);
            let id = |field: &str| row.reference(field).map_or(Json::Bool(false), Json::from);
            let (from, to) = (id("default_location_src_id"), id("default_location_dest_id"));
            plain.entry("location_id").or_insert(from);
            plain.entry("location_dest_id").or_insert(to);
            plain.insert("company_id".to_owned(), id("company_id"));
            let name = self.next_picking_name(kind);
            plain.entry("name").or_insert_with(|| json!(name));
        }
        plain.entry("move_type").or_insert_with(|| json!("direct"));
        plain.entry("priority").or_insert_with(|| json!("0"));
        let now = json!(self.env.now.seconds());
        plain.entry("scheduled_date").or_insert(now);
        let picking = self.create_plain(Model::Picking, &plain)?;
        self.update(Model::Picking, picking, [("state", "draft".into()), ("is_locked", true.into())]);
        Ok(picking)
    }

    /// The next name of a type of transfer: `WH/IN/00001`.
    pub(crate) fn next_picking_name(&mut self, kind: Id) -> String {
        let row = self.row(Model::PickingType, kind);
        let warehouse = row.reference("warehouse_id").map(|id| self.text(Model::Warehouse, id, "code"));
        let number = self.store.next_number(&format!("stock.picking.{kind}"));
        format!("{}/{}/{number:05}", warehouse.unwrap_or_default(), row.text("sequence_code"))
    }

    /// A transfer that an order asks for: made, confirmed and reserved as far as there is stock.
    pub(crate) fn transfer(
        &mut self,
        kind: Id,
        (from, to): (Option<Id>, Option<Id>),
        order: Vec<(&'static str, Value)>,
        wanted: &[Wanted],
    ) -> Id {
        let (name, now) = (self.next_picking_name(kind), self.env.now);
        let company = self.reference(Model::PickingType, kind, "company_id");
        let mut values = vec![
            ("name", name.into()),
            ("picking_type_id", kind.into()),
            ("company_id", company.into()),
            ("location_id", from.into()),
            ("location_dest_id", to.into()),
            ("move_type", "direct".into()),
            ("priority", "0".into()),
            ("scheduled_date", now.into()),
            ("state", "draft".into()),
            ("is_locked", true.into()),
        ];
        values.extend(order);
        let picking = self.insert(Model::Picking, values);
        for one in wanted {
            let id = self.add_picking_move(picking, one.product, one.quantity);
            let (field, line) = one.line;
            self.update(Model::Move, id, [(field, line.into()), ("sequence", Value::Int(one.sequence))]);
        }
        self.open_picking(picking);
        picking
    }

    /// A draft move of a transfer, in the product's unit.
    pub(crate) fn add_picking_move(&mut self, picking: Id, product: Id, quantity: Decimal) -> Id {
        let row = self.row(Model::Picking, picking);
        let unit = self.reference(Model::Product, product, "uom_id");
        let (label, now) = (self.label(Model::Product, product), self.env.now);
        self.insert(
            Model::Move,
            [
                ("name", label.into()),
                ("reference", row.get("name").clone()),
                ("origin", row.get("origin").clone()),
                ("sequence", Value::Int(10)),
                ("date", now.into()),
                ("company_id", row.get("company_id").clone()),
                ("product_id", product.into()),
                ("product_uom_qty", quantity.into()),
                ("product_uom", unit.into()),
                ("state", "draft".into()),
                ("location_id", row.get("location_id").clone()),
                ("location_dest_id", row.get("location_dest_id").clone()),
                ("picking_id", picking.into()),
                ("picking_type_id", row.get("picking_type_id").clone()),
            ],
        )
    }

    /// Confirms the draft moves of a transfer and reserves what they lack.
    pub(crate) fn open_picking(&mut self, picking: Id) {
        for id in self.picking_moves(picking) {
            if self.is(Model::Move, id, "state", &["draft"]) {
                self.update(Model::Move, id, [("state", "confirmed".into())]);
                self.reserve(id);
            }
        }
        self.settle_picking(picking);
    }

    pub(crate) fn confirm_pickings(&mut self, pickings: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Picking, pickings, "write")?;
        pickings.iter().for_each(|picking| self.open_picking(*picking));
        Ok(Json::Bool(true))
    }

    /// Reserves what the moves still lack.
    pub(crate) fn assign_pickings(&mut self, pickings: &[Id]) -> Result<Json, Refusal> {
        self.confirm_pickings(pickings)?;
        let open: Vec<Id> = pickings.iter().flat_map(|picking| self.open_picking_moves(*picking)).collect();
        if open.is_empty() {
            return Err(Refusal::user("Nothing to check the availability for."));
        }
        for id in open {
            self.reserve(id);
        }
        pickings.iter().for_each(|picking| self.settle_picking(*picking));
        Ok(Json::Bool(true))
    }

    /// Cancels transfers that nothing was moved by.
    pub(crate) fn cancel_pickings(&mut self, pickings: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Picking, pickings, "write")?;
        for picking in pickings {
            let moves = self.picking_moves(*picking);
            if moves.iter().any(|id| self.is(Model::Move, *id, "state", &["done"])) {
                return Err(Refusal::user(
                    "You cannot cancel a stock move that has been set to 'Done'. Create a return in order to reverse the moves \
                     which took place.",
                ));
            }
            moves.into_iter().for_each(|id| self.cancel_move(id));
            self.update(Model::Picking, *picking, [("state", "cancel".into())]);
        }
        Ok(Json::Bool(true))
    }

    /// A write to a transfer: `state` is computed and ignored.
    pub(crate) fn write_picking(&mut self, picking: Id, values: &Values) -> Result<(), Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        self.write_plain(Model::Picking, picking, &plain)
    }

    /// The move that a new line names; where it names only its transfer, one of its product there, made if there is none.
    pub(crate) fn parent_of_line(&mut self, values: &Values) -> Option<Id> {
        let id = |field: &str| values.get(field).and_then(Json::as_i64).map(Id);
        if let Some(parent) = id("move_id").filter(|id| self.store.row(Model::Move, *id).is_some()) {
            return Some(parent);
        }
        let picking = id("picking_id").filter(|picking| self.store.row(Model::Picking, *picking).is_some())?;
        let product = id("product_id").filter(|product| self.store.row(Model::Product, *product).is_some())?;
        let same = |one: &Id| self.reference(Model::Move, *one, "product_id") == Some(product);
        let known = self.open_picking_moves(picking).into_iter().find(same);
        Some(known.unwrap_or_else(|| self.add_picking_move(picking, product, Decimal::ZERO)))
    }

    /// The state of a transfer follows from its moves.
    pub(crate) fn settle_picking(&mut self, picking: Id) {
        let moves = self.picking_moves(picking);
        let all = |states: &[&str]| moves.iter().all(|id| self.is(Model::Move, *id, "state", states));
        let any = |states: &[&str]| moves.iter().any(|id| self.is(Model::Move, *id, "state", states));
        let state = if moves.is_empty() {
            return;
        } else if any(&["draft"]) {
            "draft"
        } else if all(&["cancel"]) {
            "cancel"
        } else if all(&ENDED) {
            "done"
        } else if any(&["assigned", "partially_available"]) {
            "assigned"
        } else {
            "confirmed"
        };
        self.settle(Model::Picking, picking, "state", state.into());
    }
}
