//! Products and their templates (one variant each, kept alike), lots, and the locations that a new company gets.
//! A reference is not unique here, a barcode and a lot's name within its product and company are.

use rust_decimal::Decimal;

use serde_json::{Value as Json, json};

use super::record::Values;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::transaction::Transaction;
use super::value::{Id, Value, repr};

impl Transaction<'_> {
    /// The values of a new product that names none.
    pub(crate) fn product_defaults(&self) -> Vec<(&'static str, Value)> {
        let unit = self.by_external_id("uom", "product_uom_unit").map(|(_, id)| id);
        let category = self.store.ids(Model::Category).first().copied();
        vec![
            ("type", "consu".into()),
            ("tracking", "none".into()),
            ("uom_id", unit.into()),
            ("categ_id", category.into()),
            ("list_price", Decimal::ONE.into()),
            ("sale_ok", true.into()),
            ("purchase_ok", true.into()),
        ]
    }

    /// Makes a variant with its template, whichever of the two was asked for.
    pub(crate) fn create_product(&mut self, model: Model, values: &Values) -> Result<Id, Refusal> {
        let other = if model == Model::Product { Model::Template } else { Model::Product };
        let mut values = values.clone();
        if model.field("uom_po_id", self.env.version).is_some() && !values.contains_key("uom_po_id") {
            let default = self.by_external_id("uom", "product_uom_unit").map(|(_, id)| Json::from(id));
            values.extend(values.get("uom_id").cloned().or(default).map(|unit| ("uom_po_id".to_owned(), unit)));
        }
        let id = self.create_plain(model, &values)?;
        let twin = self.insert(other, []);
        let (product, template) = if model == Model::Product { (id, twin) } else { (twin, id) };
        self.update(Model::Product, product, [("product_tmpl_id", template.into())]);
        self.mirror(model, id);
        self.barcode_is_unique(product)?;
        Ok(id)
    }

    /// Keeps the twin alike and the barcode unique after a write.
    pub(crate) fn product_written(&mut self, model: Model, id: Id, values: &Values) -> Result<(), Refusal> {
        self.mirror(model, id);
        if values.contains_key("barcode") {
            let product = if model == Model::Product {
                Some(id)
            } else {
                self.store.referring(Model::Product, "product_tmpl_id", id).first().copied()
            };
            return product.map_or(Ok(()), |product| self.barcode_is_unique(product));
        }
        Ok(())
    }

    /// Copies the fields that a variant and its template share to the other of the two.
    pub(crate) fn mirror(&mut self, from: Model, id: Id) {
        let row = self.row(from, id);
        let (to, twin) = if from == Model::Product {
            (Model::Template, row.reference("product_tmpl_id"))
        } else {
            (Model::Product, self.store.referring(Model::Product, "product_tmpl_id", id).first().copied())
        };
        let Some(twin) = twin else {
            return;
        };
        let own = self.row(to, twin);
        let kept = ["id", "product_tmpl_id"];
        let log = |name: &str| name.ends_with("_uid") || name.ends_with("_date");
        let shared =
            to.fields(self.env.version).filter(|field| field.stored && !log(field.name) && !kept.contains(&field.name));
        let both = |field: &&'static Field| from.field(field.name, self.env.version).is_some();
        let shared = shared.filter(|field| !matches!(field.kind, Kind::Children(..))).filter(both);
        let other = |field: &Field| (field.column, row.get(field.column).clone());
        let changed: Vec<_> = shared.map(other).filter(|(name, value)| own.get(name) != value).collect();
        if !changed.is_empty() {
            self.update(to, twin, changed);
        }
    }

    /// `All / Saleable`.
    pub(crate) fn category_name(&self, id: Id) -> String {
        let name = self.text(Model::Category, id, "name");
        match self.reference(Model::Category, id, "parent_id").filter(|parent| *parent != id) {
            Some(parent) => format!("{} / {name}", self.category_name(parent)),
            None => name,
        }
    }

    pub(crate) fn category_value(&self, id: Id, name: &str) -> Value {
        if name == "complete_name" {
            return self.category_name(id).into();
        }
        let products = self.store.referring(Model::Template, "categ_id", id).len();
        Value::Int(i64::try_from(products).unwrap_or(i64::MAX))
    }

    /// What archiving tells where bills of materials in use need these products; they are archived all the same.
    pub(crate) fn archive_warning(&self, products: &[Id]) -> Option<Json> {
        let in_use = |line: &Id| {
            let bom = self.reference(Model::BomLine, *line, "bom_id");
            bom.is_some_and(|bom| self.flag(Model::Bom, bom, "active"))
        };
        let needed = |product: &&Id| self.store.referring(Model::BomLine, "product_id", **product).iter().any(in_use);
        let labels: Json =
            products.iter().filter(needed).map(|id| Json::from(self.label(Model::Product, *id))).collect();
        if labels.as_array().is_none_or(Vec::is_empty) {
            return None;
        }
        let title = format!(
            "Note that product(s): '{}' is/are still linked to active Bill of Materials, which means that the product can still be \
             used on it/them.",
            repr(&labels)
        );
        let close = json!({ "type": "ir.actions.act_window_close" });
        let params = json!({ "title": title, "type": "warning", "sticky": true, "next": close });
        Some(json!({ "type": "ir.actions.client", "tag": "display_notification", "params": params }))
    }

    fn barcode_is_unique(&self, product: Id) -> Result<(), Refusal> {
        let barcode = self.text(Model::Product, product, "barcode");
        let same = self.store.with_text(Model::Product, "barcode", &barcode).unwrap_or_default();
        if barcode.is_empty() || same.len() < 2 {
            return Ok(());
        }
        let labels: Vec<String> = same.into_iter().map(|id| self.label(Model::Product, id)).collect();
        Err(Refusal::validation(format!(
            "Barcode(s) already assigned:\n\n- Barcode \"{barcode}\" already assigned to product(s): {}\n\nNote: products that you \
             don't have access to will not be shown above.",
            labels.join(" and ")
        )))
    }

    /// Refuses a second lot of that name for the product, in the same company or where one of the two has none.
    pub(crate) fn lot_is_unique(&self, lot: Id) -> Result<(), Refusal> {
        let row = self.row(Model::Lot, lot);
        let (name, product, company) = (row.text("name"), row.reference("product_id"), row.reference("company_id"));
        let clashes = |other: &Id| {
            let other_row = self.row(Model::Lot, *other);
            let other_company = other_row.reference("company_id");
            let shared = company.is_none() || other_company.is_none() || company == other_company;
            *other != lot && other_row.reference("product_id") == product && shared
        };
        if !self.store.with_text(Model::Lot, "name", name).unwrap_or_default().iter().any(clashes) {
            return Ok(());
        }
        let label = product.map(|product| self.label(Model::Product, product)).unwrap_or_default();
        Err(Refusal::validation(format!(
            "The combination of lot/serial number and product must be unique within a company including when no company is defined.\n\
             The following combinations contain duplicates:\n - Product: {label}, Lot/Serial Number: {name}"
        )))
    }

    /// A lot of the product under the next number of the serial sequence.
    pub(crate) fn invent_lot(&mut self, product: Id) -> Id {
        let number = self.store.next_number("stock.lot.serial");
        let company = self.reference(Model::Product, product, "company_id");
        let name = format!("{number:07}");
        self.insert(Model::Lot, [("name", name.into()), ("product_id", product.into()), ("company_id", company.into())])
    }

    /// The virtual locations of a new company: without them nothing is made or counted there.
    pub(crate) fn furnish_company(&mut self, company: Id) {
        let virtual_root = self.by_external_id("stock", "stock_location_locations_virtual").map(|(_, id)| id);
        for (name, usage) in
            [("Inventory adjustment", "inventory"), ("Production", "production"), ("Scrap", "inventory")]
        {
            self.insert(
                Model::Location,
                [
                    ("name", name.into()),
                    ("complete_name", format!("Virtual Locations/{name}").into()),
                    ("usage", usage.into()),
                    ("location_id", virtual_root.into()),
                    ("active", true.into()),
                    ("company_id", company.into()),
                ],
            );
        }
    }

    /// The company's virtual location of that name.
    pub(crate) fn virtual_location(&self, company: Option<Id>, name: &str) -> Option<Id> {
        let named = self.store.with_text(Model::Location, "name", name).unwrap_or_default();
        named.into_iter().find(|place| self.reference(Model::Location, *place, "company_id") == company)
    }
}
