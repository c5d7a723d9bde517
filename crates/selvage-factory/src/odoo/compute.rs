//! Labels and the values that are not stored but follow from other records: availability, produced quantities, ratios.
//! Reads only.

use rust_decimal::Decimal;

use super::OdooVersion;
use super::schema::{Field, Kind, Model};
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, cents, truthy};

impl Transaction<'_> {
    /// The value of a field, stored or computed.
    pub(crate) fn value(&self, model: Model, id: Id, field: &Field) -> Value {
        if let Kind::Children(target, inverse) = field.kind {
            return Value::Refs(self.pointing(target, inverse, id));
        }
        if field.name == "id" {
            return Value::Int(id.0);
        }
        if field.stored {
            return self
                .store
                .row(model, id)
                .map_or(Value::Null, |row| self.stored(field, row.get(field.column).clone()));
        }
        if field.name == "display_name" {
            return self.label(model, id).into();
        }
        if field.known_only {
            return if field.name == "fiscal_country_codes" { self.fiscal_country() } else { Value::Null };
        }
        match model {
            Model::Product | Model::Template => self.product_value(model, id, field.name),
            Model::Uom => self.uom_value(id, field.name),
            Model::Lot | Model::Quant => self.quant_value(model, id, field.name),
            Model::Move => self.move_value(id, field.name),
            Model::MoveLine => self.line_value(id, field.name),
            Model::Production => self.production_value(id, field.name),
            Model::WorkOrder => self.work_order_value(id, field.name),
            Model::Operation => self.operation_value(id, field.name),
            Model::Location => self.store.referring(Model::Quant, "location_id", id).is_empty().into(),
            Model::Category => self.category_value(id, field.name),
            Model::Partner => self.partner_value(id, field.name),
            Model::SupplierInfo => self.supplier_value(id, field.name),
            Model::Equipment | Model::MaintenanceRequest => self.maintenance_value(model, id, field.name),
            Model::Invoice | Model::InvoiceLine => self.invoice_value(model, id, field.name),
            Model::UserGroup => self.text(model, id, "name").into(),
            Model::Picking => self.picking_value(id, field.name),
            Model::Purchase | Model::Sale => self.trade_value(model, id, field.name),
            Model::PurchaseLine | Model::SaleLine => self.trade_line_value(model, id, field.name),
            Model::Scrap => self.scrap_value(id),
            Model::ExternalId => format!("{}.{}", self.text(model, id, "module"), self.text(model, id, "name")).into(),
            Model::Company => {
                let users = self.store.ids(Model::User).into_iter();
                let has = |user: &Id| self.row(Model::User, *user).references("company_ids").contains(&id);
                Value::Refs(users.filter(has).collect())
            }
            _ => Value::Null,
        }
    }

    /// The records that point here, in their model's order; archived ones only where they are asked for.
    fn pointing(&self, target: Model, inverse: &'static str, id: Id) -> Vec<Id> {
        let mut children = self.store.referring(target, inverse, id);
        let archived = self.env.context.get("active_test").is_some_and(|test| !truthy(test));
        if !archived && target.field("active", self.env.version).is_some() {
            children.retain(|child| self.flag(target, *child, "active"));
        }
        if let Ok(keys) = self.order_keys(target, target.info().order) {
            self.sort(target, &mut children, &keys);
        }
        children
    }

    /// The country of the company where records are made.
    fn fiscal_country(&self) -> Value {
        let partner = self.company().and_then(|company| self.reference(Model::Company, company, "partner_id"));
        let country = partner.and_then(|partner| self.reference(Model::Partner, partner, "country_id"));
        country.map_or(Value::Null, |country| self.text(Model::Country, country, "code").into())
    }

    /// The value of a field of a record whose row is at hand.
    pub(crate) fn value_of(&self, model: Model, (id, row): (Id, &Row), field: &Field) -> Value {
        if field.stored && field.name != "id" && !matches!(field.kind, Kind::Children(..)) {
            return self.stored(field, row.get(field.column).clone());
        }
        self.value(model, id, field)
    }

    fn stored(&self, field: &Field, value: Value) -> Value {
        match (value, field.kind) {
            (Value::PerCompany(values), _) => {
                Value::Number(self.company().and_then(|company| values.get(&company).copied()).unwrap_or_default())
            }
            (Value::Null, Kind::Bool) => Value::Bool(false),
            (Value::Null, Kind::Float(_)) => Value::Number(Decimal::ZERO),
            (Value::Null, Kind::Int) => Value::Int(0),
            (value, _) => value,
        }
    }

    /// The display name: what stands beside the id of a many2one.
    pub(crate) fn label(&self, model: Model, id: Id) -> String {
        let text = |field| self.text(model, id, field);
        match model {
            Model::Product | Model::Template => match text("default_code").as_str() {
                "" => text("name"),
                code => format!("[{code}] {}", text("name")),
            },
            Model::Location => text("complete_name"),
            Model::Category => self.category_name(id),
            Model::Partner => self.partner_label(id),
            Model::Equipment => self.equipment_label(id),
            Model::SupplierInfo | Model::AttributeLine => {
                let (field, target) = match model {
                    Model::SupplierInfo => ("partner_id", Model::Partner),
                    _ => ("attribute_id", Model::Attribute),
                };
                self.reference(model, id, field).map(|id| self.label(target, id)).unwrap_or_default()
            }
            Model::AttributeChoice => {
                let attribute = self.reference(model, id, "attribute_id");
                let attribute = attribute.map(|id| self.text(Model::Attribute, id, "name")).unwrap_or_default();
                format!("{attribute}: {}", text("name"))
            }
            Model::Bom => {
                let product =
                    self.reference(model, id, "product_tmpl_id").map(|product| self.label(Model::Template, product));
                let product = product.unwrap_or_default();
                match text("code").as_str() {
                    "" => product,
                    code => format!("{code}: {product}"),
                }
            }
            Model::BomLine | Model::Quant => self
                .reference(model, id, "product_id")
                .map(|product| self.label(Model::Product, product))
                .unwrap_or_default(),
            Model::Move => self.move_label(id),
            Model::MoveLine | Model::ChangeQuantity | Model::BackorderConfirmation | Model::ScrapWarning => {
                format!("{},{id}", model.name())
            }
            Model::PickingType => self.picking_type_label(id),
            Model::SaleLine => self.sale_line_label(id),
            Model::WorkOrder => {
                let order = self.reference(model, id, "production_id");
                let order = order.map(|order| self.text(Model::Production, order, "name")).unwrap_or_default();
                format!("{order} - {}", text("name"))
            }
            Model::ExternalId => format!("{}.{}", text("module"), text("name")),
            _ => text("name"),
        }
    }

    fn product_value(&self, model: Model, id: Id, name: &str) -> Value {
        if model == Model::Template {
            let variants = self.store.referring(Model::Product, "product_tmpl_id", id);
            let first = variants.first().copied();
            return match (name, first) {
                ("product_variant_count", _) => Value::Int(i64::try_from(variants.len()).unwrap_or(i64::MAX)),
                ("product_variant_id", _) | (_, None) => first.into(),
                (_, Some(variant)) => self.product_value(Model::Product, variant, name),
            };
        }
        if name == "seller_ids" {
            let template = self.reference(model, id, "product_tmpl_id");
            return template
                .map(|template| self.store.referring(Model::SupplierInfo, "product_tmpl_id", template))
                .map_or(Value::Null, Value::Refs);
        }
        if name == "code" {
            return self.store.row(model, id).map_or(Value::Null, |row| row.get("default_code").clone());
        }
        let (on_hand, reserved) = self.on_hand(id);
        let (incoming, outgoing) = self.expected(id);
        Value::Number(match name {
            "qty_available" => on_hand,
            "virtual_available" => on_hand + incoming - outgoing,
            "free_qty" => on_hand - reserved,
            "incoming_qty" => incoming,
            _ => outgoing,
        })
    }

    /// What is on hand and reserved in the internal locations of the companies that are seen.
    fn on_hand(&self, product: Id) -> (Decimal, Decimal) {
        let mut sum = (Decimal::ZERO, Decimal::ZERO);
        for quant in self.store.referring(Model::Quant, "product_id", product) {
            let row = self.row(Model::Quant, quant);
            if self.visible(Model::Quant, quant)
                && row.reference("location_id").is_some_and(|place| self.is_internal(place))
            {
                sum = (sum.0 + row.number("quantity"), sum.1 + row.number("reserved_quantity"));
            }
        }
        sum
    }

    /// What open moves will bring into and take out of the internal locations, in the product's unit.
    fn expected(&self, product: Id) -> (Decimal, Decimal) {
        let mut sum = (Decimal::ZERO, Decimal::ZERO);
        for id in self.store.referring(Model::Move, "product_id", product) {
            let row = self.row(Model::Move, id);
            if ["draft", "done", "cancel"].contains(&row.text("state")) || !self.visible(Model::Move, id) {
                continue;
            }
            let internal = |field| row.reference(field).is_some_and(|place| self.is_internal(place));
            let quantity = self.in_product_unit(product, row.reference("product_uom"), row.number("product_uom_qty"));
            match (internal("location_id"), internal("location_dest_id")) {
                (false, true) => sum.0 += quantity,
                (true, false) => sum.1 += quantity,
                _ => {}
            }
        }
        sum
    }

    fn uom_value(&self, id: Id, name: &str) -> Value {
        let ratio = self.number(Model::Uom, id, "size");
        let inverse = Decimal::ONE.checked_div(ratio).unwrap_or(Decimal::ONE);
        Value::Number(match (name, self.env.version) {
            ("factor", OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18) => inverse,
            ("ratio", _) if self.is(Model::Uom, id, "uom_type", &["smaller"]) => inverse,
            _ => ratio,
        })
    }

    /// A quantity of some unit in the unit of the product. Units of one kind differ by their sizes.
    pub(crate) fn in_product_unit(&self, product: Id, unit: Option<Id>, quantity: Decimal) -> Decimal {
        let own = self.reference(Model::Product, product, "uom_id");
        match (unit, own) {
            (Some(unit), Some(own)) if unit != own => {
                let size = |uom| self.number(Model::Uom, uom, "size");
                let exact = (quantity * size(unit)).checked_div(size(own)).unwrap_or(quantity);
                if self.same_kind(unit, own) { cents(exact) } else { quantity }
            }
            _ => quantity,
        }
    }

    fn same_kind(&self, left: Id, right: Id) -> bool {
        let root = |uom| {
            let category = self.reference(Model::Uom, uom, "category_id");
            category.or_else(|| self.reference(Model::Uom, uom, "relative_uom_id")).unwrap_or(uom)
        };
        root(left) == root(right)
    }

    fn quant_value(&self, model: Model, id: Id, name: &str) -> Value {
        let row = self.row(model, id);
        match name {
            "product_uom_id" => {
                row.reference("product_id").and_then(|product| self.reference(Model::Product, product, "uom_id")).into()
            }
            "warehouse_id" => row
                .reference("location_id")
                .and_then(|place| self.reference(Model::Location, place, "warehouse_id"))
                .into(),
            "location_id" => {
                let spots = self.store.referring(Model::Quant, "lot_id", id).into_iter();
                let mut places = spots
                    .filter_map(|quant| self.reference(Model::Quant, quant, "location_id"))
                    .filter(|place| self.is_internal(*place));
                places.next().filter(|_| places.next().is_none()).into()
            }
            "available_quantity" => (row.number("quantity") - row.number("reserved_quantity")).into(),
            "inventory_diff_quantity" => (row.number("inventory_quantity") - row.number("quantity")).into(),
            _ => {
                let internal = |quant: &Id| {
                    self.reference(Model::Quant, *quant, "location_id").is_some_and(|place| self.is_internal(place))
                };
                let quants = self.store.referring(Model::Quant, "lot_id", id).into_iter().filter(internal);
                quants.map(|quant| self.number(Model::Quant, quant, "quantity")).sum::<Decimal>().into()
            }
        }
    }

    /// Whether stock in the location counts as on hand.
    pub(crate) fn is_internal(&self, location: Id) -> bool {
        self.is(Model::Location, location, "usage", &["internal", "transit"])
    }

    fn line_value(&self, id: Id, name: &str) -> Value {
        let row = self.row(Model::MoveLine, id);
        if let Some(value) = Self::done_or_reserved(name, row.number("quantity"), row.flag("picked")) {
            return value;
        }
        if name == "quantity_product_uom" {
            return self.line_stock(id).into();
        }
        let Some(parent) = self.reference(Model::MoveLine, id, "move_id") else {
            return if name == "state" { "draft".into() } else { Value::Null };
        };
        let parent = self.row(Model::Move, parent);
        match name {
            "state" => parent.get("state").clone(),
            "reference" => parent.get("reference").clone(),
            _ => parent.get("production_id").clone(),
        }
    }
}
