//! `create`, `write`, `unlink` and archiving for every model; what a model does besides stands in that model's file.
//! Nothing here commits: the caller keeps or rolls back the whole call.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::OdooVersion;
use super::input::{Command, commands, owner};
use super::refusal::{Exception, Refusal};
use super::schema::{Field, Kind, Model};
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value};

/// The values of a create or write.
pub(crate) type Values = Map<String, Json>;

impl Transaction<'_> {
    /// Makes one record and what belongs to it.
    pub(crate) fn create(&mut self, model: Model, values: &Values) -> Result<Id, Refusal> {
        self.known(model, values)?;
        let id = match model {
            Model::Product | Model::Template => self.create_product(model, values)?,
            Model::Quant => self.create_quant(values)?,
            Model::Production => self.create_production(values)?,
            Model::MoveLine => self.create_line(values)?,
            Model::Picking => self.create_picking(values)?,
            Model::Purchase | Model::Sale => self.create_trade(model, values)?,
            Model::Scrap => self.create_scrap(values)?,
            _ => {
                let id = self.create_plain(model, values)?;
                self.created(model, id)?;
                id
            }
        };
        self.apply_commands(model, id, values)?;
        Ok(id)
    }

    /// Inserts a row from defaults and values, and refuses missing mandatory fields.
    pub(crate) fn create_plain(&mut self, model: Model, values: &Values) -> Result<Id, Refusal> {
        let mut row = Row::default();
        for (field, value) in self.defaults(model, values) {
            row.set(field, value);
        }
        for (field, json) in self.plain(model, values) {
            let value = self.input(model, field, json, &row)?;
            row.set(field.column, value);
        }
        self.complete(model, &mut row);
        for field in model.fields(self.env.version).filter(|field| field.required && field.stored) {
            if *row.get(field.column) == Value::Null {
                return Err(Refusal::required(self.env.version, owner(model), (field.label, field.name)));
            }
        }
        let company = row.reference("company_id");
        if company.is_some_and(|company| !self.env.companies.contains(&company)) && model != Model::User {
            return Err(self.foreign(model, "create"));
        }
        let values: Vec<_> = row.values().map(|(field, value)| (field, value.clone())).collect();
        Ok(self.insert(model, values))
    }

    /// Changes records.
    pub(crate) fn write(&mut self, model: Model, ids: &[Id], values: &Values) -> Result<(), Refusal> {
        self.known(model, values)?;
        self.check(model, ids, "write")?;
        for id in ids {
            match model {
                Model::Production => self.write_production(*id, values)?,
                Model::Move => self.write_move(*id, values)?,
                Model::MoveLine => self.write_line(*id, values)?,
                Model::Picking => self.write_picking(*id, values)?,
                _ => {
                    self.write_plain(model, *id, values)?;
                    self.written(model, *id, values)?;
                }
            }
            self.apply_commands(model, *id, values)?;
        }
        Ok(())
    }

    /// Sets the stored fields of a record from the values, and nothing that follows from them.
    pub(crate) fn write_plain(&mut self, model: Model, id: Id, values: &Values) -> Result<(), Refusal> {
        let old = self.row(model, id);
        let mut changed = Vec::new();
        for (field, json) in self.plain(model, values) {
            let value = self.input(model, field, json, &old)?;
            if field.required && value == Value::Null {
                return Err(Refusal::required(self.env.version, owner(model), (field.label, field.name)));
            }
            changed.push((field.column, value));
        }
        self.update(model, id, changed);
        Ok(())
    }

    /// The same with the fields of another version, which are kept under their newest names.
    pub(crate) fn write_kept(&mut self, model: Model, id: Id, values: &Values) -> Result<(), Refusal> {
        self.write_plain(model, id, values)?;
        let old = self.row(model, id);
        let mut changed = Vec::new();
        for (name, json) in values.iter().filter(|(name, _)| model.field(name, self.env.version).is_none()) {
            if let Some(field) = model.field(name, OdooVersion::V18) {
                changed.push((field.column, self.input(model, field, json, &old)?));
            }
        }
        if !changed.is_empty() {
            self.update(model, id, changed);
        }
        Ok(())
    }

    /// Deletes records with their children and external ids.
    pub(crate) fn unlink(&mut self, model: Model, ids: &[Id]) -> Result<(), Refusal> {
        self.check(model, ids, "unlink")?;
        for id in ids {
            match model {
                Model::Production => self.release_for_unlink(*id)?,
                Model::MoveLine => self.unreserve_line(*id),
                Model::Move => self.cancel_move(*id),
                Model::Picking => drop(self.cancel_pickings(&[*id])?),
                Model::Purchase | Model::Sale => self.trade_can_go(model, *id)?,
                Model::Scrap => self.scrap_can_go(*id)?,
                _ => {}
            }
            self.forget(model, *id);
        }
        Ok(())
    }

    /// Removes the record, its children and its external ids.
    pub(crate) fn forget(&mut self, model: Model, id: Id) {
        if model == Model::MoveLine && !self.line_is_done(id) {
            self.unreserve_line(id);
        }
        for field in model.fields(self.env.version).filter(|field| !field.known_only) {
            if let Kind::Children(
                target @ (Model::Move
                | Model::MoveLine
                | Model::WorkOrder
                | Model::BomLine
                | Model::Operation
                | Model::PurchaseLine
                | Model::SaleLine),
                inverse,
            ) = field.kind
            {
                for child in self.store.referring(target, inverse, id) {
                    self.forget(target, child);
                }
            }
        }
        for external in self.external_ids(model, id) {
            self.store.remove(Model::ExternalId, external);
        }
        self.store.remove(model, id);
    }

    /// Refuses fields that the model does not have.
    fn known(&self, model: Model, values: &Values) -> Result<(), Refusal> {
        let unknown = values.keys().find(|name| model.field(name, self.env.version).is_none());
        unknown.map_or(Ok(()), |name| Err(Refusal::unknown_field(self.env.version, model.name(), name)))
    }

    /// The values of stored fields; computed ones are accepted and ignored, as Odoo does.
    fn plain<'v>(&self, model: Model, values: &'v Values) -> Vec<(&'static Field, &'v Json)> {
        let version = self.env.version;
        let stored = |(name, json): (&'v String, &'v Json)| {
            let field = model.field(name, version)?;
            let settable = field.stored && field.name != "id" && !matches!(field.kind, Kind::Children(..));
            settable.then_some((field, json))
        };
        values.iter().filter_map(stored).collect()
    }

    fn apply_commands(&mut self, model: Model, id: Id, values: &Values) -> Result<(), Refusal> {
        for (name, json) in values {
            let Some(Kind::Children(target, inverse)) = model.field(name, self.env.version).map(|field| field.kind)
            else {
                continue;
            };
            for command in commands(name, json)? {
                match command {
                    Command::Create(mut values) => {
                        values.insert(inverse.to_owned(), id.into());
                        self.create(target, &values)?;
                    }
                    Command::Update(child, values) => self.write(target, &[child], &values)?,
                    Command::Delete(child) => self.unlink(target, &[child])?,
                    Command::Link(child) => self.update(target, child, [(inverse, id.into())]),
                }
            }
        }
        Ok(())
    }

    /// What a new record has before its values are read.
    fn defaults(&self, model: Model, values: &Values) -> Vec<(&'static str, Value)> {
        let one = Value::Number(Decimal::ONE);
        let mut defaults: Vec<(&'static str, Value)> = match model {
            Model::Product | Model::Template => self.product_defaults(),
            Model::Bom => vec![("type", "normal".into()), ("product_qty", one), ("consumption", "warning".into())],
            Model::BomLine => vec![("product_qty", one), ("sequence", Value::Int(1))],
            Model::Operation => vec![
                ("sequence", Value::Int(100)),
                ("time_cycle_manual", Decimal::from(60).into()),
                ("time_mode", "manual".into()),
                ("time_mode_batch", Value::Int(10)),
            ],
            Model::WorkCenter => vec![
                ("sequence", Value::Int(1)),
                ("time_efficiency", Decimal::ONE_HUNDRED.into()),
                ("default_capacity", one),
                ("oee_target", Decimal::from(90).into()),
                ("working_state", "normal".into()),
                ("company_id", self.company().into()),
            ],
            Model::Company => vec![("sequence", Value::Int(10)), ("currency_id", self.company_currency().into())],
            Model::Warehouse => vec![("sequence", Value::Int(10))],
            Model::Partner => self.partner_defaults(),
            Model::SupplierInfo => self.supplier_defaults(),
            Model::MaintenanceRequest => self.request_defaults(),
            Model::Equipment => self.equipment_defaults(),
            Model::Invoice => self.invoice_defaults(),
            Model::InvoiceLine => {
                vec![("quantity", one), ("sequence", Value::Int(100)), ("display_type", "product".into())]
            }
            Model::Attribute => vec![("create_variant", "always".into()), ("display_type", "radio".into())],
            Model::PurchaseLine => {
                vec![("sequence", Value::Int(10)), ("product_qty", one), ("price_unit", Decimal::ZERO.into())]
            }
            Model::SaleLine => vec![
                ("sequence", Value::Int(10)),
                ("product_uom_qty", one),
                ("price_unit", Decimal::ZERO.into()),
                ("customer_lead", Decimal::ZERO.into()),
            ],
            Model::PickingType => vec![
                ("sequence", Value::Int(10)),
                ("create_backorder", "ask".into()),
                ("company_id", self.company().into()),
            ],
            Model::Uom => {
                vec![("size", one), ("rounding", Decimal::new(1, 2).into()), ("uom_type", "reference".into())]
            }
            Model::Location => vec![("usage", "internal".into()), ("company_id", self.company().into())],
            Model::User => self.user_defaults(),
            Model::Move => {
                vec![("state", "draft".into()), ("date", self.env.now.into()), ("company_id", self.company().into())]
            }
            _ => Vec::new(),
        };
        if model.field("active", self.env.version).is_some() && !values.contains_key("active") {
            defaults.push(("active", true.into()));
        }
        defaults
    }

    /// Fills what follows from other values of a new record.
    fn complete(&self, model: Model, row: &mut Row) {
        let unit_of =
            |product: Option<Id>| product.and_then(|product| self.reference(Model::Product, product, "uom_id"));
        match model {
            Model::BomLine if row.reference("product_uom_id").is_none() => {
                row.set("product_uom_id", unit_of(row.reference("product_id")).into());
            }
            Model::Bom => {
                if let (None, Some(product)) = (row.reference("product_tmpl_id"), row.reference("product_id")) {
                    row.set("product_tmpl_id", self.reference(Model::Product, product, "product_tmpl_id").into());
                }
                if let (None, Some(template)) = (row.reference("product_uom_id"), row.reference("product_tmpl_id")) {
                    row.set("product_uom_id", self.reference(Model::Template, template, "uom_id").into());
                }
            }
            Model::Lot if row.reference("company_id").is_none() => {
                let company = row
                    .reference("product_id")
                    .and_then(|product| self.reference(Model::Product, product, "company_id"));
                row.set("company_id", company.into());
            }
            Model::Location => {
                let name = row.text("name").to_owned();
                let parent = row.reference("location_id").filter(|_| row.text("usage") != "view");
                let full = parent.map(|parent| self.text(Model::Location, parent, "complete_name"));
                row.set("complete_name", full.map_or(name.clone(), |full| format!("{full}/{name}")).into());
            }
            Model::SupplierInfo => self.complete_supplier(row),
            Model::InvoiceLine => self.complete_invoice_line(row),
            Model::Move => {
                if row.reference("product_uom").is_none() {
                    row.set("product_uom", unit_of(row.reference("product_id")).into());
                }
                if let Some(picking) = row.reference("picking_id").and_then(|id| self.store.row(Model::Picking, id)) {
                    row.set("company_id", picking.get("company_id").clone());
                    row.set("reference", picking.get("name").clone());
                    for field in ["location_id", "location_dest_id", "origin", "picking_type_id"] {
                        if *row.get(field) == Value::Null {
                            row.set(field, picking.get(field).clone());
                        }
                    }
                }
            }
            Model::PurchaseLine | Model::SaleLine => self.complete_line(model, row),
            _ => {}
        }
    }

    /// What follows from a record having been made.
    fn created(&mut self, model: Model, id: Id) -> Result<(), Refusal> {
        match model {
            Model::Lot => self.lot_is_unique(id),
            Model::ExternalId => self.external_id_is_unique(id),
            Model::Company => {
                let name = self.text(Model::Company, id, "name");
                let partner = self.insert(
                    Model::Partner,
                    [("name", name.into()), ("is_company", true.into()), ("active", true.into())],
                );
                self.update(Model::Company, id, [("partner_id", partner.into())]);
                self.furnish_company(id);
                let user = self.env.user;
                let mut own = self.row(Model::User, user).references("company_ids").to_vec();
                own.push(id);
                self.update(Model::User, user, [("company_ids", Value::Refs(own))]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What follows from plain fields having been written.
    fn written(&mut self, model: Model, id: Id, values: &Values) -> Result<(), Refusal> {
        match model {
            Model::Product | Model::Template => self.product_written(model, id, values),
            Model::Lot => self.lot_is_unique(id),
            Model::MaintenanceRequest => {
                self.request_written(id, values);
                Ok(())
            }
            Model::Quant if values.contains_key("inventory_quantity") => {
                self.update(Model::Quant, id, [("inventory_quantity_set", true.into())]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Archives or restores records; the method answers nothing.
    pub(crate) fn set_active(&mut self, model: Model, ids: &[Id], active: bool) -> Result<(), Refusal> {
        if model.field("active", self.env.version).is_none() {
            return Err(Refusal::new(
                Exception::Attribute,
                format!("'{}' object has no attribute 'active'", model.name()),
            ));
        }
        self.check(model, ids, "write")?;
        for id in ids {
            self.update(model, *id, [("active", active.into())]);
            if model == Model::Product || model == Model::Template {
                self.mirror(model, *id);
            }
        }
        Ok(())
    }
}
