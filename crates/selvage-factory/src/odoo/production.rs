//! Manufacturing orders: making them from a bill of materials, confirming, planning, cancelling, and the states that follow.
//! A state is never written: it is computed from moves, work orders and quantities.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::OdooVersion;
use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, cents, truthy};

const OPEN_END: [&str; 2] = ["done", "cancel"];

impl Transaction<'_> {
    /// The component moves of an order.
    pub(crate) fn raw_moves(&self, order: Id) -> Vec<Id> {
        self.store.referring(Model::Move, "raw_material_production_id", order)
    }

    /// The moves of what an order makes.
    pub(crate) fn finished_moves(&self, order: Id) -> Vec<Id> {
        self.store.referring(Model::Move, "production_id", order)
    }

    /// What has been produced: picked quantities of finished moves that are not cancelled.
    pub(crate) fn produced(&self, order: Id) -> Decimal {
        let counted =
            |id: &Id| self.flag(Model::Move, *id, "picked") && !self.is(Model::Move, *id, "state", &["cancel"]);
        self.finished_moves(order).into_iter().filter(counted).map(|id| self.move_quantity(id)).sum()
    }

    pub(crate) fn production_value(&self, id: Id, name: &str) -> Value {
        match name {
            "qty_produced" => self.produced(id).into(),
            "reservation_state" => self.reservation(id).map_or(Value::Null, Value::from),
            "components_availability_state" => match self.reservation(id) {
                Some("assigned") => "available".into(),
                Some(_) => "unavailable".into(),
                None => Value::Null,
            },
            _ => {
                let product = self.reference(Model::Production, id, "product_id");
                product.map(|product| self.text(Model::Product, product, "tracking")).unwrap_or_default().into()
            }
        }
    }

    /// Whether the components are there: `None` for an order that does not ask, or has none.
    pub(crate) fn reservation(&self, order: Id) -> Option<&'static str> {
        if self.is(Model::Production, order, "state", &["draft", "done", "cancel"]) {
            return None;
        }
        let open = self.raw_moves(order).into_iter().filter(|id| !self.is(Model::Move, *id, "state", &OPEN_END));
        let states: Vec<String> = open.map(|id| self.text(Model::Move, id, "state")).collect();
        match states.as_slice() {
            [] => None,
            all if all.iter().all(|state| state == "assigned") => Some("assigned"),
            _ => Some("confirmed"),
        }
    }

    /// Makes a draft with its moves and work orders.
    pub(crate) fn create_production(&mut self, values: &Values) -> Result<Id, Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        let company = match plain.get("company_id").and_then(Json::as_i64) {
            Some(company) => Some(Id(company)),
            None => self.company(),
        };
        let product = plain.get("product_id").and_then(Json::as_i64).map(Id);
        let Some(warehouse) =
            company.and_then(|company| self.store.referring(Model::Warehouse, "company_id", company).first().copied())
        else {
            let model = (Model::Production.info().label, Model::Production.name());
            return Err(Refusal::required(self.env.version, model, ("Operation Type", "picking_type_id")));
        };
        let bom =
            plain.get("bom_id").is_none().then(|| product.and_then(|product| self.bom_of(product, company))).flatten();
        let name = match plain.get("name").and_then(Json::as_str).filter(|name| !name.is_empty() && *name != "New") {
            Some(name) => name.to_owned(),
            None => self.next_order_name(warehouse),
        };
        for (field, value) in self.order_defaults(company, warehouse, product, bom) {
            plain.entry(field).or_insert(value);
        }
        plain.insert("name".to_owned(), json!(name));
        let id = self.create_plain(Model::Production, &plain)?;
        let (model, group_field) = self.group();
        let group = self.insert(model, [("name", name.into())]);
        self.update(
            Model::Production,
            id,
            [("state", "draft".into()), (group_field, group.into()), ("warehouse_id", warehouse.into())],
        );
        self.order_is_sound(id)?;
        self.explode(id);
        self.settle_order(id);
        Ok(id)
    }

    fn order_defaults(
        &self,
        company: Option<Id>,
        warehouse: Id,
        product: Option<Id>,
        bom: Option<Id>,
    ) -> Vec<(&'static str, Json)> {
        let id = |id: Option<Id>| id.map_or(Json::Bool(false), Json::from);
        let stock = id(self.reference(Model::Warehouse, warehouse, "lot_stock_id"));
        vec![
            ("product_qty", json!(1)),
            ("priority", json!("0")),
            ("consumption", json!("flexible")),
            ("company_id", id(company)),
            ("user_id", self.env.user.into()),
            ("bom_id", id(bom)),
            ("product_uom_id", id(product.and_then(|product| self.reference(Model::Product, product, "uom_id")))),
            (self.start_field(), json!(self.env.now.seconds())),
            ("location_src_id", stock.clone()),
            ("location_dest_id", stock),
            ("production_location_id", id(self.virtual_location(company, "Production"))),
        ]
    }

    fn next_order_name(&mut self, warehouse: Id) -> String {
        let number = self.store.next_number(&format!("mrp.production.{warehouse}"));
        format!("{}/MO/{number:05}", self.text(Model::Warehouse, warehouse, "code"))
    }

    /// The bill of materials that an order of the product takes when it names none.
    fn bom_of(&self, product: Id, company: Option<Id>) -> Option<Id> {
        let template = self.reference(Model::Product, product, "product_tmpl_id")?;
        let fits = |bom: &Id| {
            let row = self.row(Model::Bom, *bom);
            let own = row.reference("product_id").is_none_or(|only| only == product);
            let here = row.reference("company_id").is_none_or(|only| Some(only) == company);
            own && here && row.flag("active") && row.text("type") == "normal"
        };
        self.store.referring(Model::Bom, "product_tmpl_id", template).into_iter().find(fits)
    }

    /// The constraints of the table: a positive quantity, and a name that is unique in the company.
    fn order_is_sound(&self, order: Id) -> Result<(), Refusal> {
        let row = self.row(Model::Production, order);
        if row.number("product_qty") <= Decimal::ZERO {
            return Err(Refusal::validation(
                "The operation cannot be completed: The quantity to produce must be positive!",
            ));
        }
        let same = self.store.with_text(Model::Production, "name", row.text("name")).unwrap_or_default();
        let company = row.reference("company_id");
        if same
            .into_iter()
            .any(|other| other != order && self.reference(Model::Production, other, "company_id") == company)
        {
            return Err(Refusal::validation(
                "The operation cannot be completed: Reference must be unique per Company!",
            ));
        }
        Ok(())
    }

    /// Makes the moves and work orders of an order from its bill of materials.
    fn explode(&mut self, order: Id) {
        let row = self.row(Model::Production, order);
        let quantity = row.number("product_qty");
        if let Some(bom) = row.reference("bom_id") {
            let per = self.number(Model::Bom, bom, "product_qty").max(Decimal::new(1, 2));
            for line in self.store.referring(Model::BomLine, "bom_id", bom) {
                let line_row = self.row(Model::BomLine, line);
                let demand = cents(line_row.number("product_qty") * quantity / per);
                let made = self.add_move(
                    order,
                    &row,
                    line_row.reference("product_id"),
                    (line_row.reference("product_uom_id"), demand),
                    true,
                );
                self.update(
                    Model::Move,
                    made,
                    [("bom_line_id", line.into()), ("operation_id", line_row.get("operation_id").clone())],
                );
            }
        }
        self.add_move(order, &row, row.reference("product_id"), (row.reference("product_uom_id"), quantity), false);
        self.plan_operations(order, &row);
        self.settle_end(order);
    }

    /// Adds a draft move of a component, or of what is made.
    pub(crate) fn add_move(
        &mut self,
        order: Id,
        row: &Row,
        product: Option<Id>,
        (unit, demand): (Option<Id>, Decimal),
        raw: bool,
    ) -> Id {
        let (from, to, link) = if raw {
            ("location_src_id", "production_location_id", "raw_material_production_id")
        } else {
            ("production_location_id", "location_dest_id", "production_id")
        };
        let name = Value::from(row.text("name"));
        let now = self.env.now;
        self.insert(
            Model::Move,
            [
                ("name", name.clone()),
                ("reference", name.clone()),
                ("origin", name),
                ("sequence", Value::Int(10)),
                ("date", now.into()),
                ("company_id", row.get("company_id").clone()),
                ("product_id", product.into()),
                ("product_uom_qty", demand.into()),
                ("product_uom", unit.into()),
                ("state", "draft".into()),
                ("location_id", row.get(from).clone()),
                ("location_dest_id", row.get(to).clone()),
                (link, order.into()),
            ],
        )
    }

    /// Expected end: the expected minutes of the work orders after the start, an hour where there are none.
    pub(crate) fn settle_end(&mut self, order: Id) {
        let Some(start) = self.row(Model::Production, order).stamp("date_start") else {
            return;
        };
        let minutes: Decimal =
            self.work_orders(order).into_iter().map(|id| self.number(Model::WorkOrder, id, "duration_expected")).sum();
        let minutes = if minutes.is_zero() { Decimal::from(60) } else { minutes };
        self.update(Model::Production, order, [("date_finished", start.plus_minutes(minutes).into())]);
    }

    /// Confirms drafts and reserves their components.
    pub(crate) fn confirm_orders(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Production, orders, "write")?;
        for order in orders {
            if !self.is(Model::Production, *order, "state", &["draft"]) {
                continue;
            }
            let bom = self.reference(Model::Production, *order, "bom_id");
            if let Some(bom) = bom {
                let consumption = self.text(Model::Bom, bom, "consumption");
                self.update(Model::Production, *order, [("consumption", consumption.into())]);
            }
            self.update(Model::Production, *order, [("state", "confirmed".into())]);
            self.link_operations(*order);
            self.open_moves(*order);
        }
        Ok(Json::Bool(true))
    }

    /// Confirms the draft moves of an order, reserves its components and plans its product.
    pub(crate) fn open_moves(&mut self, order: Id) {
        for id in self.raw_moves(order).into_iter().chain(self.finished_moves(order)) {
            if self.is(Model::Move, id, "state", &["draft"]) {
                self.update(Model::Move, id, [("state", "confirmed".into())]);
                self.reserve(id);
            }
        }
        self.settle_order(order);
    }

    /// Reserves what the components still lack.
    pub(crate) fn assign_orders(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Production, orders, "write")?;
        for order in orders {
            for id in self.raw_moves(*order) {
                if !self.is(Model::Move, id, "state", &["draft", "done", "cancel"]) {
                    self.reserve(id);
                }
            }
            self.settle_order(*order);
        }
        Ok(Json::Bool(true))
    }

    /// Cancels orders. Odoo 18 passes over done ones, 19 refuses them.
    pub(crate) fn cancel_orders(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Production, orders, "write")?;
        for order in orders {
            if self.is(Model::Production, *order, "state", &["done"]) {
                if self.env.version >= OdooVersion::V19 {
                    return Err(Refusal::user("You cannot cancel a manufacturing order that is already done."));
                }
                continue;
            }
            for id in self.raw_moves(*order).into_iter().chain(self.finished_moves(*order)) {
                self.cancel_move(id);
            }
            for id in self.work_orders(*order) {
                if !self.is(Model::WorkOrder, id, "state", &OPEN_END) {
                    self.update(Model::WorkOrder, id, [("state", "cancel".into()), ("is_user_working", false.into())]);
                }
            }
            self.update(Model::Production, *order, [("state", "cancel".into())]);
        }
        Ok(Json::Bool(true))
    }

    /// What has to be undone before an order is deleted; a done one never is.
    pub(crate) fn release_for_unlink(&mut self, order: Id) -> Result<(), Refusal> {
        self.cancel_orders(&[order])?;
        if self.is(Model::Production, order, "state", &["done"]) {
            return Err(Refusal::user("Cannot delete a manufacturing order in done state."));
        }
        Ok(())
    }

    /// A write to an order. `state` is accepted and ignored; on a done order quantity and lot go to what was made.
    pub(crate) fn write_production(&mut self, order: Id, values: &Values) -> Result<(), Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        self.write_plain(Model::Production, order, &plain)?;
        self.order_is_sound(order)?;
        if plain.contains_key("product_qty") && self.is(Model::Production, order, "state", &["draft"]) {
            let quantity = self.number(Model::Production, order, "product_qty");
            self.rescale(order, quantity);
        }
        if plain.contains_key(self.start_field()) {
            self.settle_end(order);
        }
        let redone = ["qty_producing", "lot_producing_id", "lot_producing_ids"]
            .iter()
            .any(|field| plain.get(*field).is_some_and(truthy));
        if redone && self.is(Model::Production, order, "state", &["done"]) {
            let quantity = self.number(Model::Production, order, "qty_producing");
            let lot = self.finished_lot(order);
            for id in self.finished_moves(order) {
                self.set_move_quantity(id, quantity);
                for line in self.lines(id) {
                    let values = Values::from_iter([("lot_id".to_owned(), lot.map_or(Json::Bool(false), Json::from))]);
                    self.write_line(line, &values)?;
                }
            }
        }
        self.settle_order(order);
        Ok(())
    }

    /// The lot that the order is making.
    pub(crate) fn finished_lot(&self, order: Id) -> Option<Id> {
        let row = self.row(Model::Production, order);
        row.reference("lot_producing_id").or_else(|| row.references("lot_producing_ids").first().copied())
    }

    /// Writes the lot that the order is making, in the field of the version.
    pub(crate) fn set_finished_lot(&mut self, order: Id, lot: Id) {
        let (field, value) = match self.env.version {
            OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18 => ("lot_producing_id", lot.into()),
            OdooVersion::V19 => ("lot_producing_ids", Value::Refs(vec![lot])),
        };
        self.update(Model::Production, order, [(field, value)]);
    }

    /// The state of an order, and of its work orders, follows from its parts.
    pub(crate) fn settle_order(&mut self, order: Id) {
        self.settle_work_orders(order);
        let row = self.row(Model::Production, order);
        let current = row.text("state").to_owned();
        if ["", "draft", "done", "cancel"].contains(&current.as_str()) {
            return;
        }
        let (raw, finished) = (self.raw_moves(order), self.finished_moves(order));
        let work: Vec<String> =
            self.work_orders(order).into_iter().map(|id| self.text(Model::WorkOrder, id, "state")).collect();
        let all_in = |moves: &[Id], states: &[&str]| {
            !moves.is_empty() && moves.iter().all(|id| self.is(Model::Move, *id, "state", states))
        };
        let ended = |state: &String| OPEN_END.contains(&state.as_str());
        let producing = row.number("qty_producing");
        let state = if all_in(&finished, &["cancel"]) {
            "cancel"
        } else if all_in(&raw, &OPEN_END) && all_in(&finished, &OPEN_END) {
            "done"
        } else if !work.is_empty() && work.iter().all(ended)
            || work.is_empty() && producing >= row.number("product_qty")
        {
            "to_close"
        } else if work.iter().any(|state| state == "progress" || state == "done")
            || !producing.is_zero()
            || raw.iter().any(|id| self.flag(Model::Move, *id, "picked"))
        {
            "progress"
        } else {
            "confirmed"
        };
        self.settle(Model::Production, order, "state", state.into());
    }
}
