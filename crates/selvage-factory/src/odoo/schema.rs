//! The models and fields that the simulated Odoo has, with the types, labels and versions that `fields_get` tells.
//! Tables only: nothing here reads or changes a record.

mod base;
mod mrp;
mod product;
mod stock;

use serde_json::{Map, Value as Json, json};

use super::OdooVersion;

/// A model of the simulated database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Model {
    Product,
    Template,
    Category,
    AttributeValue,
    Uom,
    UomCategory,
    ExternalId,
    Company,
    User,
    Partner,
    Country,
    Warehouse,
    Location,
    Lot,
    Quant,
    Move,
    MoveLine,
    Bom,
    BomLine,
    WorkCenter,
    Operation,
    Production,
    WorkOrder,
    Group,
    ProductionGroup,
    ChangeQuantity,
}

impl Model {
    /// Every model, in the order of their tables.
    pub(crate) const ALL: [Self; 26] = [
        Self::Product,
        Self::Template,
        Self::Category,
        Self::AttributeValue,
        Self::Uom,
        Self::UomCategory,
        Self::ExternalId,
        Self::Company,
        Self::User,
        Self::Partner,
        Self::Country,
        Self::Warehouse,
        Self::Location,
        Self::Lot,
        Self::Quant,
        Self::Move,
        Self::MoveLine,
        Self::Bom,
        Self::BomLine,
        Self::WorkCenter,
        Self::Operation,
        Self::Production,
        Self::WorkOrder,
        Self::Group,
        Self::ProductionGroup,
        Self::ChangeQuantity,
    ];

    /// The model that the API calls `name`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.info().name == name)
    }

    /// The technical name: `product.product`.
    pub(crate) fn name(self) -> &'static str {
        self.info().name
    }

    /// Name, label, default order and fields.
    pub(crate) fn info(self) -> &'static ModelInfo {
        match self {
            Self::Product => &product::PRODUCT,
            Self::Template => &product::TEMPLATE,
            Self::Category => &product::CATEGORY,
            Self::AttributeValue => &product::ATTRIBUTE_VALUE,
            Self::Uom => &product::UOM,
            Self::UomCategory => &product::UOM_CATEGORY,
            Self::ExternalId => &base::EXTERNAL_ID,
            Self::Company => &base::COMPANY,
            Self::User => &base::USER,
            Self::Partner => &base::PARTNER,
            Self::Country => &base::COUNTRY,
            Self::Warehouse => &stock::WAREHOUSE,
            Self::Location => &stock::LOCATION,
            Self::Lot => &stock::LOT,
            Self::Quant => &stock::QUANT,
            Self::Move => &stock::MOVE,
            Self::MoveLine => &stock::MOVE_LINE,
            Self::Bom => &mrp::BOM,
            Self::BomLine => &mrp::BOM_LINE,
            Self::WorkCenter => &mrp::WORK_CENTER,
            Self::Operation => &mrp::OPERATION,
            Self::Production => &mrp::PRODUCTION,
            Self::WorkOrder => &mrp::WORK_ORDER,
            Self::Group => &mrp::GROUP,
            Self::ProductionGroup => &mrp::PRODUCTION_GROUP,
            Self::ChangeQuantity => &mrp::CHANGE_QUANTITY,
        }
    }

    /// The field of that name in that version.
    pub(crate) fn field(self, name: &str, version: OdooVersion) -> Option<&'static Field> {
        self.fields(version).find(|field| field.name == name)
    }

    /// The fields of that version: `id` first, the log fields last.
    pub(crate) fn fields(self, version: OdooVersion) -> impl Iterator<Item = &'static Field> {
        let own = self.info().fields.iter();
        base::HEAD.iter().chain(own).chain(base::LOG.iter()).filter(move |field| field.in_version(version))
    }
}

/// A model as `ir.model` would describe it.
pub(crate) struct ModelInfo {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The order of a search that asks for none.
    pub(crate) order: &'static str,
    pub(crate) fields: &'static [Field],
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    /// A float; `true` where it is rounded to the precision of quantities.
    Float(bool),
    Char,
    Text,
    Datetime,
    Selection(&'static [(&'static str, &'static str)]),
    One(Model),
    /// The records of the model whose many2one of that name points here.
    Children(Model, &'static str),
    Many(Model),
    /// The id of a record whose model another field names.
    AnyId,
}

/// One field of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) readonly: bool,
    /// False where the value is computed when asked for.
    pub(crate) stored: bool,
    pub(crate) per_company: bool,
    only: Option<OdooVersion>,
}

const fn field(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { name, label, kind, required: false, readonly: false, stored: true, per_company: false, only: None }
}

impl Field {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    const fn computed(mut self) -> Self {
        self.stored = false;
        self.readonly = true;
        self
    }

    const fn per_company(mut self) -> Self {
        self.per_company = true;
        self
    }

    const fn only(mut self, version: OdooVersion) -> Self {
        self.only = Some(version);
        self
    }

    fn in_version(&self, version: OdooVersion) -> bool {
        self.only.is_none_or(|only| only == version)
    }

    /// Where a relation leads.
    pub(crate) fn relation(&self) -> Option<Model> {
        match self.kind {
            Kind::One(model) | Kind::Children(model, _) | Kind::Many(model) => Some(model),
            _ => None,
        }
    }

    /// The description that `fields_get` gives; absent attributes are left out, as Odoo does.
    pub(crate) fn describe(&self) -> Map<String, Json> {
        let (kind, extra): (&str, Json) = match self.kind {
            Kind::Bool => ("boolean", json!({})),
            Kind::Int => ("integer", json!({})),
            Kind::Float(true) => ("float", json!({"digits": [16, 2]})),
            Kind::Float(false) => ("float", json!({})),
            Kind::Char => ("char", json!({"translate": false})),
            Kind::Text => ("text", json!({"translate": false})),
            Kind::Datetime => ("datetime", json!({})),
            Kind::Selection(pairs) => ("selection", json!({"selection": pairs})),
            Kind::One(model) => ("many2one", json!({"relation": model.name()})),
            Kind::Many(model) => ("many2many", json!({"relation": model.name()})),
            Kind::Children(model, inverse) => {
                ("one2many", json!({"relation": model.name(), "relation_field": inverse}))
            }
            Kind::AnyId => ("many2one_reference", json!({})),
        };
        let mut all = Map::new();
        all.insert("name".to_owned(), json!(self.name));
        all.insert("string".to_owned(), json!(self.label));
        all.insert("type".to_owned(), json!(kind));
        all.insert("required".to_owned(), json!(self.required));
        all.insert("readonly".to_owned(), json!(self.readonly));
        all.insert("store".to_owned(), json!(self.stored));
        all.insert("company_dependent".to_owned(), json!(self.per_company));
        if let Json::Object(extra) = extra {
            all.extend(extra);
        }
        all
    }
}
