//! Purchase and sales orders as the verbs see them: which kind, released or not, and what goods stand on their lines.
//! Releasing is a target: what is released already is left alone, and the state is always read back.

use serde_json::{Value, json};

use super::Odoo;
use super::answer;
use super::button::wizard;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::record::named;

/// What releasing a purchase order needs.
pub(super) const RELEASE_PURCHASE: &[ModelNeeds] =
    &[ModelNeeds::of("purchase.order").reads(&["state"]).calls(&["button_confirm"])];
/// What releasing a sales order needs.
pub(super) const RELEASE_SALE: &[ModelNeeds] =
    &[ModelNeeds::of("sale.order").reads(&["state"]).calls(&["action_confirm"])];

/// Which way the goods of an order go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade {
    /// In, from a supplier.
    Purchase,
    /// Out, to a customer.
    Sale,
}

impl Trade {
    /// The model of the order.
    pub fn record(self) -> &'static str {
        match self {
            Self::Purchase => "purchase.order",
            Self::Sale => "sale.order",
        }
    }

    /// The model of its lines.
    pub(super) fn line_record(self) -> &'static str {
        match self {
            Self::Purchase => "purchase.order.line",
            Self::Sale => "sale.order.line",
        }
    }

    /// The field of a stock move that names the order's line.
    pub(super) fn tie(self) -> &'static str {
        match self {
            Self::Purchase => "purchase_line_id",
            Self::Sale => "sale_line_id",
        }
    }

    /// The kind of location that the other party is.
    pub(super) fn outside(self) -> &'static str {
        match self {
            Self::Purchase => "supplier",
            Self::Sale => "customer",
        }
    }

    /// The word for it in messages.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Purchase => "purchase order",
            Self::Sale => "sales order",
        }
    }

    /// Whether this state of the order is one in which goods are moved. Until 18 a locked one says `done`.
    pub(super) fn is_released(self, state: &str) -> bool {
        match self {
            Self::Purchase => matches!(state, "purchase" | "done"),
            Self::Sale => matches!(state, "sale" | "done"),
        }
    }
}

/// Goods on a line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// The line.
    pub line: i64,
    /// Its place among the order's lines as people see them, counted from 1; sections and notes are not counted.
    pub number: usize,
    /// Its product.
    pub product_id: i64,
    /// The product as Odoo shows it.
    pub product_label: String,
    /// The product's own unit of measure, in which its stock is counted.
    pub unit: i64,
}

impl Odoo {
    /// Target: the purchase order is confirmed, so that its goods are expected.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled order, and one that waits for an approval, is `Refused`.
    pub async fn release_purchase_order(&self, id: i64, scope: &Scope) -> Result<(), Failure> {
        self.release_trade(Trade::Purchase, id, "button_confirm", scope).await
    }

    /// Target: the sales order is confirmed, so that its goods are promised.
    ///
    /// # Errors
    /// [`Failure`]; a cancelled order is `Refused`.
    pub async fn release_sales_order(&self, id: i64, scope: &Scope) -> Result<(), Failure> {
        self.release_trade(Trade::Sale, id, "action_confirm", scope).await
    }

    async fn release_trade(&self, trade: Trade, id: i64, button: &str, scope: &Scope) -> Result<(), Failure> {
        let (model, noun) = (trade.record(), trade.noun());
        let record = self.one(model, id, &["state"], scope).await.map_err(Failure::before_sending)?;
        let state = answer::text(&record, "state")?;
        if trade.is_released(state) {
            return Ok(());
        }
        match state {
            "draft" | "sent" => {}
            "to approve" => {
                return Err(Failure::refused(Refusal::Target, format!("{noun} {id} waits for an approval in odoo")));
            }
            other => return Err(Failure::refused(Refusal::Target, format!("{noun} {id} is {other}"))),
        }
        let answer = self.call(Call::write(model, button, scope).on(&[id])).await?;
        if let Some(refusal) = wizard(&answer) {
            return Err(refusal);
        }
        let record = self.one(model, id, &["state"], scope).await.map_err(Failure::after_sending)?;
        match answer::text(&record, "state")? {
            state if trade.is_released(state) => Ok(()),
            // Confirmed as far as this account may: the rest is another person's.
            "to approve" => {
                let message = format!("{noun} {id} now waits for an approval in odoo");
                Err(Failure::refused(Refusal::Target, message))
            }
            state => Err(Failure::mismatch(format!("state of {noun} {id}"), &"confirmed", &state)),
        }
    }

    /// The goods on the lines of an order, in the order in which people see them; sections, notes and services are left out.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn goods_of(&self, trade: Trade, order: i64, scope: &Scope) -> Result<Vec<Goods>, Failure> {
        let record = self.one(trade.record(), order, &["order_line"], scope).await?;
        let listed = record.get("order_line").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let domain = vec![json!(["order_id", "=", order]), json!(["display_type", "=", false])];
        let mut lines = self.search(trade.line_record(), domain, &named(&["product_id"]), scope, None).await?;
        lines.sort_by_key(|line| listed.iter().position(|id| line.get("id") == Some(id)).unwrap_or(usize::MAX));
        let product_of = |line: &Value| line.get("product_id").and_then(answer::id_of);
        let mut products: Vec<i64> = lines.iter().filter_map(product_of).collect();
        products.sort_unstable();
        products.dedup();
        let fields = named(&["uom_id", "type"]);
        let products = self.read("product.product", &products, &fields, &scope.with_archived()).await?;
        let mut goods = Vec::new();
        for (place, line) in lines.iter().enumerate() {
            if product_of(line).is_none() {
                continue;
            }
            let (product_id, product_label) = answer::product(line)?;
            let is_it = |record: &&Value| answer::id(record, "id").ok() == Some(product_id);
            let Some(product) = products.iter().find(is_it) else {
                return Err(Failure::protocol(format!("product {product_id} of an order could not be read")));
            };
            if answer::text(product, "type")? == "service" {
                continue;
            }
            let unit = answer::id(product, "uom_id")?;
            let line = answer::id(line, "id")?;
            goods.push(Goods { line, number: place + 1, product_id, product_label, unit });
        }
        Ok(goods)
    }
}
