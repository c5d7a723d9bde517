//! Purchase and sales orders: making, confirming and cancelling them, what they cost, and the transfers they ask for.
//! Approvals, taxes by product, invoices and mail are not simulated.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::OdooVersion;
use super::picking::Wanted;
use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, cents};

/// The one tax of a new database, in hundredths.
const TAX: i64 = 15;

impl Transaction<'_> {
    /// The lines of an order.
    fn order_lines(&self, model: Model, order: Id) -> Vec<Id> {
        let lines = if model == Model::Purchase { Model::PurchaseLine } else { Model::SaleLine };
        self.store.referring(lines, "order_id", order)
    }

    /// Makes a draft; its lines come after it.
    pub(crate) fn create_trade(&mut self, model: Model, values: &Values) -> Result<Id, Refusal> {
        let mut plain = values.clone();
        plain.remove("state");
        let company = plain.get("company_id").and_then(Json::as_i64).map(Id).or_else(|| self.company());
        let warehouses =
            company.map(|company| self.store.referring(Model::Warehouse, "company_id", company)).unwrap_or_default();
        let id = |id: Option<Id>| id.map_or(Json::Bool(false), Json::from);
        let warehouse = warehouses.first().copied();
        let partner = plain.get("partner_id").cloned().unwrap_or(Json::Bool(false));
        let mut defaults = vec![
            ("date_order", json!(self.env.now.seconds())),
            ("company_id", id(company)),
            ("currency_id", id(company.and_then(|company| self.reference(Model::Company, company, "currency_id")))),
            ("user_id", self.env.user.into()),
        ];
        if model == Model::Purchase {
            defaults.push((
                "picking_type_id",
                id(warehouse.and_then(|own| self.reference(Model::Warehouse, own, "in_type_id"))),
            ));
            defaults.push(("priority", json!("0")));
        } else {
            defaults.push(("warehouse_id", id(warehouse)));
            defaults.push(("picking_policy", json!("direct")));
            defaults.push(("partner_invoice_id", partner.clone()));
            defaults.push(("partner_shipping_id", partner));
        }
        for (field, value) in defaults {
            plain.entry(field).or_insert(value);
        }
        let named = plain.get("name").and_then(Json::as_str).is_some_and(|name| !name.is_empty() && name != "New");
        if !named {
            let letter = if model == Model::Purchase { 'P' } else { 'S' };
            let number = self.store.next_number(model.name());
            plain.insert("name".to_owned(), json!(format!("{letter}{number:05}")));
        }
        let order = self.create_plain(model, &plain)?;
        self.update(model, order, [("state", "draft".into())]);
        Ok(order)
    }

    /// What a new line takes from its product and order.
    pub(crate) fn complete_line(&self, model: Model, row: &mut Row) {
        let product = row.reference("product_id");
        let order_model = if model == Model::PurchaseLine { Model::Purchase } else { Model::Sale };
        if let Some(order) = row.reference("order_id").and_then(|order| self.store.row(order_model, order)) {
            row.set("company_id", order.get("company_id").clone());
            if model == Model::PurchaseLine && row.stamp("date_planned").is_none() {
                row.set("date_planned", order.get("date_order").clone());
            }
        }
        let unit = self.line_unit();
        if let Some(product) = product {
            if row.text("name").is_empty() {
                row.set("name", self.label(Model::Product, product).into());
            }
            if row.reference(unit).is_none() {
                let bought = (model == Model::PurchaseLine)
                    .then(|| self.reference(Model::Product, product, "uom_po_id"))
                    .flatten();
                row.set(unit, bought.or_else(|| self.reference(Model::Product, product, "uom_id")).into());
            }
        }
    }

    /// `S00001 - [BIK-1] Bicycle`.
    pub(crate) fn sale_line_label(&self, id: Id) -> String {
        let row = self.row(Model::SaleLine, id);
        let order = row.reference("order_id").map(|order| self.text(Model::Sale, order, "name"));
        format!("{} - {}", order.unwrap_or_default(), row.text("name"))
    }

    /// The unit of a line, which was renamed with version 19.
    fn line_unit(&self) -> &'static str {
        if self.env.version <= OdooVersion::V18 { "product_uom" } else { "product_uom_id" }
    }

    /// The quantity of a line in the unit of its product.
    fn line_demand(&self, row: &Row, field: &str) -> Option<(Id, Decimal)> {
        let product = row.reference("product_id")?;
        Some((product, self.in_product_unit(product, row.reference(self.line_unit()), row.number(field))))
    }

    pub(crate) fn trade_line_value(&self, model: Model, id: Id, name: &str) -> Value {
        let row = self.row(model, id);
        let (order_model, quantity) = if model == Model::PurchaseLine {
            (Model::Purchase, "product_qty")
        } else {
            (Model::Sale, "product_uom_qty")
        };
        let order = row.reference("order_id").map(|order| self.row(order_model, order)).unwrap_or_default();
        match name {
            "price_subtotal" | "price_total" => {
                let net = self.line_amount(&row, quantity);
                Value::Number(if name == "price_total" { net + tax(net) } else { net })
            }
            "product_uom_qty" => self.line_demand(&row, quantity).map_or(Value::Null, |(_, demand)| demand.into()),
            "qty_received" => self.moved("purchase_line_id", id, &row).into(),
            "qty_delivered" => self.moved("sale_line_id", id, &row).into(),
            "partner_id" | "order_partner_id" => order.get("partner_id").clone(),
            other => order.get(other).clone(),
        }
    }

    fn line_amount(&self, row: &Row, quantity: &str) -> Decimal {
        let kept = Decimal::ONE - row.number("discount") / Decimal::ONE_HUNDRED;
        cents(row.number(quantity) * row.number("price_unit") * kept)
    }

    /// What was moved for a line, in the line's unit; what came back is taken off.
    fn moved(&self, field: &'static str, line: Id, row: &Row) -> Decimal {
        let mut sum = Decimal::ZERO;
        for id in self.store.referring(Model::Move, field, line) {
            let back = self.reference(
                Model::Move,
                id,
                if field == "purchase_line_id" { "location_dest_id" } else { "location_id" },
            );
            let back = back.is_some_and(|place| self.is(Model::Location, place, "usage", &["supplier", "customer"]));
            if self.is(Model::Move, id, "state", &["done"]) {
                sum += if back { -self.move_quantity(id) } else { self.move_quantity(id) };
            }
        }
        let one = row
            .reference("product_id")
            .map(|product| self.in_product_unit(product, row.reference(self.line_unit()), Decimal::ONE));
        one.and_then(|one| sum.checked_div(one)).map_or(sum, cents)
    }

    pub(crate) fn trade_value(&self, model: Model, id: Id, name: &str) -> Value {
        let lines = self.order_lines(model, id);
        let (line_model, quantity) = if model == Model::Purchase {
            (Model::PurchaseLine, "product_qty")
        } else {
            (Model::SaleLine, "product_uom_qty")
        };
        match name {
            "amount_untaxed" | "amount_tax" | "amount_total" => {
                let net: Decimal =
                    lines.iter().map(|line| self.line_amount(&self.row(line_model, *line), quantity)).sum();
                Value::Number(match name {
                    "amount_untaxed" => net,
                    "amount_tax" => tax(net),
                    _ => net + tax(net),
                })
            }
            "date_planned" => {
                let planned = lines.iter().filter_map(|line| self.row(line_model, *line).stamp("date_planned")).min();
                planned.map_or(Value::Null, Value::from)
            }
            "picking_ids" => Value::Refs(self.pickings_of(model, id)),
            "invoice_status" => {
                let open = self.is(model, id, "state", &["purchase", "sale"]) && !lines.is_empty();
                if open { "to invoice".into() } else { "no".into() }
            }
            _ => self.progress(model, id),
        }
    }

    /// The transfers that an order asked for, backorders included.
    pub(crate) fn pickings_of(&self, model: Model, order: Id) -> Vec<Id> {
        if model == Model::Sale {
            return self.store.referring(Model::Picking, "sale_id", order);
        }
        let lines = self.order_lines(model, order).into_iter();
        let moves = lines.flat_map(|line| self.store.referring(Model::Move, "purchase_line_id", line));
        let mut pickings: Vec<Id> = moves.filter_map(|id| self.reference(Model::Move, id, "picking_id")).collect();
        pickings.sort_unstable();
        pickings.dedup();
        pickings
    }

    /// How far an order has come: `receipt_status`, `delivery_status`.
    fn progress(&self, model: Model, order: Id) -> Value {
        let pickings = self.pickings_of(model, order);
        let all = |states: &[&str]| pickings.iter().all(|id| self.is(Model::Picking, *id, "state", states));
        if pickings.is_empty() || all(&["cancel"]) {
            Value::Null
        } else if all(&["done", "cancel"]) {
            "full".into()
        } else if pickings.iter().any(|id| self.is(Model::Picking, *id, "state", &["done"])) {
            "partial".into()
        } else {
            "pending".into()
        }
    }

    /// Confirms requests for quotation and plans their receipts; passes over what is confirmed or cancelled.
    pub(crate) fn confirm_purchases(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Purchase, orders, "write")?;
        for order in orders {
            if !self.is(Model::Purchase, *order, "state", &["draft", "sent"]) {
                continue;
            }
            let now = self.env.now;
            self.update(Model::Purchase, *order, [("state", "purchase".into()), ("date_approve", now.into())]);
            let row = self.row(Model::Purchase, *order);
            let wanted = self.wanted(Model::PurchaseLine, *order, ("product_qty", "purchase_line_id"));
            if let (Some(kind), false) = (row.reference("picking_type_id"), wanted.is_empty()) {
                let vendors = self.by_external_id("stock", "stock_location_suppliers").map(|(_, id)| id);
                let to = self.reference(Model::PickingType, kind, "default_location_dest_id");
                let values = vec![("origin", row.get("name").clone()), ("partner_id", row.get("partner_id").clone())];
                self.transfer(kind, (vendors, to), values, &wanted);
            }
        }
        Ok(Json::Bool(true))
    }

    /// Confirms quotations and plans their deliveries.
    pub(crate) fn confirm_sales(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Sale, orders, "write")?;
        if orders.iter().any(|order| !self.is(Model::Sale, *order, "state", &["draft", "sent"])) {
            return Err(Refusal::user("Some orders are not in a state requiring confirmation."));
        }
        for order in orders {
            let now = self.env.now;
            self.update(Model::Sale, *order, [("state", "sale".into()), ("date_order", now.into())]);
            let row = self.row(Model::Sale, *order);
            let wanted = self.wanted(Model::SaleLine, *order, ("product_uom_qty", "sale_line_id"));
            let warehouse = row.reference("warehouse_id").map(|id| self.row(Model::Warehouse, id)).unwrap_or_default();
            if let (Some(kind), false) = (warehouse.reference("out_type_id"), wanted.is_empty()) {
                let customers = self.by_external_id("stock", "stock_location_customers").map(|(_, id)| id);
                let values = vec![
                    ("origin", row.get("name").clone()),
                    ("partner_id", row.get("partner_shipping_id").clone()),
                    ("sale_id", (*order).into()),
                ];
                self.transfer(kind, (warehouse.reference("lot_stock_id"), customers), values, &wanted);
            }
        }
        Ok(Json::Bool(true))
    }

    /// The goods of an order, line by line; services and notes are not moved.
    fn wanted(&self, model: Model, order: Id, (quantity, field): (&str, &'static str)) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for line in self.store.referring(model, "order_id", order) {
            let row = self.row(model, line);
            let goods = self
                .line_demand(&row, quantity)
                .filter(|(product, _)| self.is(Model::Product, *product, "type", &["consu"]));
            if let Some((product, quantity)) = goods.filter(|(_, quantity)| *quantity > Decimal::ZERO) {
                wanted.push(Wanted { product, quantity, line: (field, line), sequence: row.int("sequence") });
            }
        }
        wanted
    }

    /// Cancels purchase orders of which nothing was received. Not in the recordings.
    pub(crate) fn cancel_purchases(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Purchase, orders, "write")?;
        for order in orders {
            let pickings = self.pickings_of(Model::Purchase, *order);
            if pickings.iter().any(|id| self.is(Model::Picking, *id, "state", &["done"])) {
                let name = self.text(Model::Purchase, *order, "name");
                return Err(Refusal::user(format!(
                    "Unable to cancel purchase order {name} as some receptions have already been done."
                )));
            }
            self.cancel_pickings(&pickings)?;
            self.update(Model::Purchase, *order, [("state", "cancel".into())]);
        }
        Ok(Json::Bool(true))
    }

    /// A confirmed sales order is not cancelled: a wizard asks whether to write to the customer. A draft is.
    pub(crate) fn cancel_sales(&mut self, orders: &[Id]) -> Result<Json, Refusal> {
        self.check(Model::Sale, orders, "write")?;
        let confirmed = orders.iter().find(|order| !self.is(Model::Sale, **order, "state", &["draft"]));
        if let (Some(order), false) = (confirmed, self.context_flag("disable_cancel_warning")) {
            let mut context = self.env.context.clone();
            context.insert("default_template_id".to_owned(), json!(17));
            context.insert("default_order_id".to_owned(), (*order).into());
            context.insert("mark_so_as_canceled".to_owned(), json!(true));
            let layout = "mail.mail_notification_layout_with_responsible_signature";
            context.insert("default_email_layout_xmlid".to_owned(), json!(layout));
            context.insert("model_description".to_owned(), json!("Sales Order"));
            return Ok(json!({
                "name": "Cancel Sales Order", "view_mode": "form", "res_model": "sale.order.cancel", "view_id": 1411,
                "type": "ir.actions.act_window", "context": context, "target": "new",
            }));
        }
        for order in orders {
            let mut pickings = self.pickings_of(Model::Sale, *order);
            pickings.retain(|id| !self.is(Model::Picking, *id, "state", &["done"]));
            self.cancel_pickings(&pickings)?;
            self.update(Model::Sale, *order, [("state", "cancel".into())]);
        }
        Ok(Json::Bool(true))
    }

    /// Only drafts and cancelled orders are deleted.
    pub(crate) fn trade_can_go(&self, model: Model, order: Id) -> Result<(), Refusal> {
        match (model, self.is(model, order, "state", &["draft", "cancel"])) {
            (_, true) => Ok(()),
            (Model::Purchase, false) => {
                Err(Refusal::user("In order to delete a purchase order, you must cancel it first."))
            }
            (_, false) => Err(Refusal::user(
                "You can not delete a sent quotation or a confirmed sales order. You must first cancel it.",
            )),
        }
    }
}

fn tax(net: Decimal) -> Decimal {
    cents(net * Decimal::from(TAX) / Decimal::ONE_HUNDRED)
}
