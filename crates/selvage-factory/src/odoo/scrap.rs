//! Scrap orders: stock that is thrown away. Validating one moves its quantity once more each time, as Odoo does; more than
//! there is makes a question of it.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value, float};

impl Transaction<'_> {
    /// How the product is tracked.
    pub(crate) fn scrap_value(&self, id: Id) -> Value {
        let product = self.reference(Model::Scrap, id, "product_id");
        product.map(|product| self.text(Model::Product, product, "tracking")).unwrap_or_default().into()
    }

    /// Makes a draft; it gets its name when it is validated.
    pub(crate) fn create_scrap(&mut self, values: &Values) -> Result<Id, Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        let company = plain.get("company_id").and_then(Json::as_i64).map(Id).or_else(|| self.company());
        let id = |id: Option<Id>| id.map_or(Json::Bool(false), Json::from);
        let product = plain.get("product_id").and_then(Json::as_i64).map(Id);
        let unit = product.and_then(|product| self.reference(Model::Product, product, "uom_id"));
        let warehouses =
            company.map(|company| self.store.referring(Model::Warehouse, "company_id", company)).unwrap_or_default();
        let stock =
            warehouses.first().and_then(|warehouse| self.reference(Model::Warehouse, *warehouse, "lot_stock_id"));
        let scrap = self.virtual_location(company, "Scrap");
        for (field, value) in [
            ("name", json!("New")),
            ("company_id", id(company)),
            ("product_uom_id", id(unit)),
            ("location_id", id(stock)),
            ("scrap_location_id", id(scrap)),
            ("scrap_qty", json!(1)),
        ] {
            plain.entry(field).or_insert(value);
        }
        let made = self.create_plain(Model::Scrap, &plain)?;
        self.update(Model::Scrap, made, [("state", "draft".into())]);
        Ok(made)
    }

    /// Scraps, or asks: answers `true` or a wizard.
    pub(crate) fn validate_scraps(&mut self, scraps: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Scrap, scraps, "write")?;
        let Some(scrap) = scraps.first() else { return Ok(Json::Bool(true)) };
        if self.number(Model::Scrap, *scrap, "scrap_qty") <= Decimal::ZERO {
            return Err(Refusal::user("You can only enter positive quantities."));
        }
        if self.scrap_is_there(*scrap) {
            self.do_scrap(*scrap)?;
            return Ok(Json::Bool(true));
        }
        Ok(self.scrap_wizard(*scrap))
    }

    /// The wizard answered: scrapped all the same.
    pub(crate) fn scrap_anyway(&mut self, wizards: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::ScrapWarning, wizards, "write")?;
        for scrap in
            wizards.iter().filter_map(|id| self.reference(Model::ScrapWarning, *id, "scrap_id")).collect::<Vec<_>>()
        {
            self.do_scrap(scrap)?;
        }
        Ok(Json::Bool(true))
    }

    /// Whether the very place holds enough of the lot, or of the product where no lot is named.
    fn scrap_is_there(&self, scrap: Id) -> bool {
        let row = self.row(Model::Scrap, scrap);
        let Some(product) =
            row.reference("product_id").filter(|product| self.flag(Model::Product, *product, "is_storable"))
        else {
            return true;
        };
        let lot = row.reference("lot_id");
        let here = |quant: &Id| {
            let quant = self.row(Model::Quant, *quant);
            let same = ["location_id", "package_id", "owner_id"].map(|of| quant.reference(of) == row.reference(of));
            same == [true; 3] && (lot.is_none() || quant.reference("lot_id") == lot)
        };
        let quants = self.store.referring(Model::Quant, "product_id", product).into_iter().filter(here);
        let held: Decimal = quants.map(|quant| self.number(Model::Quant, quant, "quantity")).sum();
        held >= self.in_product_unit(product, row.reference("product_uom_id"), row.number("scrap_qty"))
    }

    fn scrap_wizard(&self, scrap: Id) -> Json {
        let row = self.row(Model::Scrap, scrap);
        let product = row.reference("product_id").unwrap_or(Id(0));
        let unit = self.reference(Model::Product, product, "uom_id").map(|unit| self.text(Model::Uom, unit, "name"));
        let quantity = self.in_product_unit(product, row.reference("product_uom_id"), row.number("scrap_qty"));
        let mut context = self.env.context.clone();
        for (name, value) in [
            ("default_product_id", product.into()),
            ("default_location_id", row.reference("location_id").map_or(Json::Bool(false), Json::from)),
            ("default_scrap_id", scrap.into()),
            ("default_quantity", float(quantity)),
            ("default_product_uom_name", json!(unit.unwrap_or_default())),
        ] {
            context.insert(name.to_owned(), value);
        }
        json!({
            "name": format!("{}: Insufficient Quantity To Scrap", self.label(Model::Product, product)), "view_mode": "form",
            "res_model": "stock.warn.insufficient.qty.scrap", "view_id": 930, "type": "ir.actions.act_window", "context": context,
            "target": "new",
        })
    }

    fn do_scrap(&mut self, scrap: Id) -> Result<(), Refusal> {
        let number = self.store.next_number("stock.scrap");
        let name = format!("SP/{number:05}");
        let now = self.env.now;
        self.update(Model::Scrap, scrap, [("name", name.clone().into())]);
        let row = self.row(Model::Scrap, scrap);
        let origin = if row.text("origin").is_empty() { Value::from(name.clone()) } else { row.get("origin").clone() };
        let moved = self.insert(
            Model::Move,
            [
                ("name", name.clone().into()),
                ("reference", name.into()),
                ("origin", origin),
                ("sequence", Value::Int(10)),
                ("date", now.into()),
                ("company_id", row.get("company_id").clone()),
                ("product_id", row.get("product_id").clone()),
                ("product_uom_qty", row.get("scrap_qty").clone()),
                ("product_uom", row.get("product_uom_id").clone()),
                ("state", "assigned".into()),
                ("location_id", row.get("location_id").clone()),
                ("location_dest_id", row.get("scrap_location_id").clone()),
                ("scrap_id", scrap.into()),
                ("picked", true.into()),
            ],
        );
        let line = self.add_line(moved, Decimal::ZERO, row.reference("location_id"), row.reference("lot_id"));
        let whose = ["package_id", "owner_id"].map(|of| (of, row.reference(of).into()));
        self.update(Model::MoveLine, line, whose);
        self.set_line_quantity(line, row.number("scrap_qty"));
        self.finish_move(moved)?;
        self.update(Model::Scrap, scrap, [("state", "done".into()), ("date_done", now.into())]);
        Ok(())
    }

    /// A done scrap order is not deleted.
    pub(crate) fn scrap_can_go(&self, scrap: Id) -> Result<(), Refusal> {
        if self.is(Model::Scrap, scrap, "state", &["done"]) {
            return Err(Refusal::user("You cannot delete a scrap which is done."));
        }
        Ok(())
    }
}
