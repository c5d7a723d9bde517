//! Partners and what suppliers ask for products: defaults, labels and the values that follow from others.
//! Ranks are counters that a client may write; nothing raises them here but the mode of the search that made the partner.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, cents};

impl Transaction<'_> {
    /// What a new partner has before its values are read.
    pub(crate) fn partner_defaults(&self) -> Vec<(&'static str, Value)> {
        let mut defaults: Vec<(&'static str, Value)> = vec![("type", "contact".into()), ("lang", "en_US".into())];
        match self.env.context.get("res_partner_search_mode").and_then(Json::as_str) {
            Some("supplier") => defaults.push(("supplier_rank", Value::Int(1))),
            Some("customer") => defaults.push(("customer_rank", Value::Int(1))),
            _ => {}
        }
        defaults
    }

    pub(crate) fn partner_value(&self, id: Id, name: &str) -> Value {
        match name {
            "complete_name" => self.partner_label(id).into(),
            "commercial_partner_id" => self.commercial_partner(id).into(),
            "company_type" => if self.flag(Model::Partner, id, "is_company") { "company" } else { "person" }.into(),
            "country_code" => {
                let country = self.reference(Model::Partner, id, "country_id");
                country.map_or(Value::Null, |country| self.text(Model::Country, country, "code").into())
            }
            _ => Value::Null,
        }
    }

    /// `Supplier, Contact` for a person of a company.
    pub(crate) fn partner_label(&self, id: Id) -> String {
        let row = self.row(Model::Partner, id);
        let parent = row.reference("parent_id").filter(|_| !row.flag("is_company"));
        let Some(parent) = parent.map(|parent| self.text(Model::Partner, parent, "name")) else {
            return row.text("name").to_owned();
        };
        match (row.text("name"), row.text("type")) {
            ("", "invoice") => format!("{parent}, Invoice Address"),
            ("", "delivery") => format!("{parent}, Delivery Address"),
            ("", _) => format!("{parent}, Other Address"),
            (name, _) => format!("{parent}, {name}"),
        }
    }

    /// The company that a contact belongs to, or itself.
    fn commercial_partner(&self, id: Id) -> Id {
        let mut current = id;
        // A chain of contacts is short; the bound only spares a ring of them.
        for _ in 0..16 {
            let row = self.row(Model::Partner, current);
            match row.reference("parent_id").filter(|_| !row.flag("is_company")) {
                Some(parent) => current = parent,
                None => break,
            }
        }
        current
    }

    /// What a new price of a supplier has before its values are read.
    pub(crate) fn supplier_defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("sequence", Value::Int(1)),
            ("delay", Value::Int(1)),
            ("currency_id", self.company_currency().into()),
            ("company_id", self.company().into()),
        ]
    }

    /// The template follows from the variant.
    pub(crate) fn complete_supplier(&self, row: &mut Row) {
        if let Some(product) = row.reference("product_id") {
            row.set("product_tmpl_id", self.reference(Model::Product, product, "product_tmpl_id").into());
        }
    }

    pub(crate) fn supplier_value(&self, id: Id, name: &str) -> Value {
        let row = self.row(Model::SupplierInfo, id);
        if name == "price_discounted" {
            let part = (Decimal::ONE_HUNDRED - row.number("discount")) / Decimal::ONE_HUNDRED;
            return cents(row.number("price") * part).into();
        }
        let template = row.reference("product_tmpl_id");
        template.and_then(|template| self.reference(Model::Template, template, "uom_po_id")).into()
    }

    /// The currency of the company where records are made.
    pub(crate) fn company_currency(&self) -> Option<Id> {
        self.company().and_then(|company| self.reference(Model::Company, company, "currency_id"))
    }
}
