//! The models and fields that the simulated Odoo has, with the types, labels and versions that `fields_get` tells.
//! Tables only: nothing here reads or changes a record.

mod account;
mod base;
mod field;
mod known;
mod maintenance;
mod mrp;
mod product;
mod recorded;
mod shape;
mod stock;
mod trade;
mod transfer;

use serde_json::{Map, Value as Json};

use super::OdooVersion;

use field::field;
pub(crate) use field::{Field, Kind};

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
    CountryState,
    Currency,
    UserGroup,
    ApiKey,
    Registered,
    Module,
    SupplierInfo,
    Attribute,
    AttributeChoice,
    AttributeLine,
    MaintenanceStage,
    Equipment,
    EquipmentCategory,
    MaintenanceTeam,
    MaintenanceRequest,
    Invoice,
    InvoiceLine,
    Repair,
    BackorderConfirmation,
    ProductionBackorder,
    ConsumptionWarning,
    Automation,
    ServerAction,
    PickingType,
    Picking,
    Scrap,
    ScrapWarning,
    Purchase,
    PurchaseLine,
    Sale,
    SaleLine,
    Package,
}

impl Model {
    /// Every model, in the order of their tables.
    pub(crate) const ALL: &'static [Self] = &[
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
        Self::CountryState,
        Self::Currency,
        Self::UserGroup,
        Self::ApiKey,
        Self::Registered,
        Self::Module,
        Self::SupplierInfo,
        Self::Attribute,
        Self::AttributeChoice,
        Self::AttributeLine,
        Self::MaintenanceStage,
        Self::Equipment,
        Self::EquipmentCategory,
        Self::MaintenanceTeam,
        Self::MaintenanceRequest,
        Self::Invoice,
        Self::InvoiceLine,
        Self::Repair,
        Self::BackorderConfirmation,
        Self::ProductionBackorder,
        Self::ConsumptionWarning,
        Self::Automation,
        Self::ServerAction,
        Self::PickingType,
        Self::Picking,
        Self::Scrap,
        Self::ScrapWarning,
        Self::Purchase,
        Self::PurchaseLine,
        Self::Sale,
        Self::SaleLine,
        Self::Package,
    ];

    /// The model that the API calls `name`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|model| model.info().name == name)
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
            Self::CountryState => &base::STATE,
            Self::Currency => &base::CURRENCY,
            Self::UserGroup => &base::GROUP,
            Self::ApiKey => &base::API_KEY,
            Self::Registered => &base::MODEL,
            Self::Module => &base::MODULE,
            Self::SupplierInfo => &product::SUPPLIER_INFO,
            Self::Attribute => &product::ATTRIBUTE,
            Self::AttributeChoice => &product::VALUE,
            Self::AttributeLine => &product::ATTRIBUTE_LINE,
            Self::MaintenanceStage => &maintenance::STAGE,
            Self::Equipment => &maintenance::EQUIPMENT,
            Self::EquipmentCategory => &maintenance::CATEGORY,
            Self::MaintenanceTeam => &maintenance::TEAM,
            Self::MaintenanceRequest => &maintenance::REQUEST,
            Self::Invoice => &account::MOVE,
            Self::InvoiceLine => &account::LINE,
            Self::Repair => &known::REPAIR,
            Self::BackorderConfirmation => &transfer::BACKORDER_CONFIRMATION,
            Self::ProductionBackorder => &known::PRODUCTION_BACKORDER,
            Self::ConsumptionWarning => &known::CONSUMPTION_WARNING,
            Self::Automation => &known::AUTOMATION,
            Self::ServerAction => &known::SERVER_ACTION,
            Self::PickingType => &transfer::PICKING_TYPE,
            Self::Picking => &transfer::PICKING,
            Self::Scrap => &transfer::SCRAP,
            Self::ScrapWarning => &transfer::SCRAP_WARNING,
            Self::Purchase => &trade::PURCHASE,
            Self::PurchaseLine => &trade::PURCHASE_LINE,
            Self::Sale => &trade::SALE,
            Self::SaleLine => &trade::SALE_LINE,
            Self::Package => &known::PACKAGE,
        }
    }

    /// The field of that name in that version.
    pub(crate) fn field(self, name: &str, version: OdooVersion) -> Option<&'static Field> {
        shape::of(self, version).field(name)
    }

    /// The fields of that version: `id` first, then what is simulated, then what is only known from recordings.
    pub(crate) fn fields(self, version: OdooVersion) -> impl Iterator<Item = &'static Field> {
        shape::of(self, version).fields.iter().copied()
    }

    /// What `fields_get` tells of one of the model's fields.
    pub(crate) fn describe(self, field: &Field, version: OdooVersion) -> Map<String, Json> {
        field.describe(shape::of(self, version).recorded(field.name))
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
