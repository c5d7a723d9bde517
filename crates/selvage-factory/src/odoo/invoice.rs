//! Invoices and bills, as far as a fabric reads them: lines, sums without taxes, and posting. Not recorded: the names of fields
//! and states are Odoo's, the accounting behind them is missing.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::refusal::Refusal;
use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, cents};

impl Transaction<'_> {
    /// What a new invoice has before its values are read.
    pub(crate) fn invoice_defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("move_type", "entry".into()),
            ("state", "draft".into()),
            ("payment_state", "not_paid".into()),
            ("name", "/".into()),
            ("date", self.env.now.day().into()),
            ("currency_id", self.company_currency().into()),
            ("company_id", self.company().into()),
        ]
    }

    /// A line takes partner, company, currency and unit from its invoice and product.
    pub(crate) fn complete_invoice_line(&self, row: &mut Row) {
        let invoice = row.reference("move_id");
        for field in ["partner_id", "company_id", "currency_id"] {
            if *row.get(field) == Value::Null {
                let taken = invoice.and_then(|invoice| self.reference(Model::Invoice, invoice, field));
                row.set(field, taken.into());
            }
        }
        let product = row.reference("product_id");
        if row.reference("product_uom_id").is_none() {
            let unit = product.and_then(|product| self.reference(Model::Product, product, "uom_id"));
            row.set("product_uom_id", unit.into());
        }
        if row.text("name").is_empty() {
            row.set("name", product.map_or(Value::Null, |product| self.label(Model::Product, product).into()));
        }
    }

    pub(crate) fn invoice_value(&self, model: Model, id: Id, name: &str) -> Value {
        if model == Model::InvoiceLine {
            let row = self.row(model, id);
            return match (name, row.reference("move_id")) {
                ("parent_state", Some(invoice)) => self.text(Model::Invoice, invoice, "state").into(),
                ("parent_state", None) => Value::Null,
                _ => line_amount(&row).into(),
            };
        }
        if name == "amount_tax" {
            return Decimal::ZERO.into();
        }
        let paid =
            name == "amount_residual" && self.is(model, id, "payment_state", &["paid", "in_payment", "reversed"]);
        let lines = self.store.referring(Model::InvoiceLine, "move_id", id).into_iter().filter(|_| !paid);
        lines.map(|line| line_amount(&self.row(Model::InvoiceLine, line))).sum::<Decimal>().into()
    }

    /// Posts drafts: they get their numbers and dates.
    pub(crate) fn post_invoices(&mut self, ids: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Invoice, ids, "write")?;
        for id in ids {
            if !self.is(Model::Invoice, *id, "state", &["draft"]) {
                return Err(Refusal::user("The entry must be in draft to be posted."));
            }
            let row = self.row(Model::Invoice, *id);
            let bill = row.text("move_type").starts_with("in_");
            let day = self.env.now.day();
            let year = day.get(..4).unwrap_or_default().to_owned();
            let prefix = if bill { "BILL" } else { "INV" };
            let number = self.store.next_number(&format!("account.move.{prefix}.{year}"));
            let dated =
                if row.text("invoice_date").is_empty() { day.clone() } else { row.text("invoice_date").to_owned() };
            let due = if row.text("invoice_date_due").is_empty() {
                dated.clone()
            } else {
                row.text("invoice_date_due").to_owned()
            };
            self.update(
                Model::Invoice,
                *id,
                [
                    ("name", format!("{prefix}/{year}/{number:05}").into()),
                    ("state", "posted".into()),
                    ("invoice_date", dated.into()),
                    ("invoice_date_due", due.into()),
                ],
            );
        }
        Ok(Json::Bool(false))
    }
}

fn line_amount(row: &Row) -> Decimal {
    let part = (Decimal::ONE_HUNDRED - row.number("discount")) / Decimal::ONE_HUNDRED;
    cents(row.number("quantity") * row.number("price_unit") * part)
}
