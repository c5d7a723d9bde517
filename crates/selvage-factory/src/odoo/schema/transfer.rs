//! The models of transfers: operation types, transfers with their questions, and scrap orders.
//! Tables only.

use super::Kind::{Bool, Char, Children, Datetime, Float, Int, Many, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};

const CODES: &[(&str, &str)] = &[
    ("incoming", "Receipt"),
    ("outgoing", "Delivery"),
    ("internal", "Internal Transfer"),
    ("mrp_operation", "Manufacturing"),
];
const BACKORDERS: &[(&str, &str)] = &[("ask", "Ask"), ("always", "Always"), ("never", "Never")];
const STATES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("waiting", "Waiting Another Operation"),
    ("confirmed", "Waiting"),
    ("assigned", "Ready"),
    ("done", "Done"),
    ("cancel", "Cancelled"),
];
const MOVE_TYPES: &[(&str, &str)] = &[("direct", "As soon as possible"), ("one", "When all products are ready")];
const PRIORITY: &[(&str, &str)] = &[("0", "Normal"), ("1", "Urgent")];
const AVAILABILITY: &[(&str, &str)] = &[("available", "Available"), ("expected", "Expected"), ("late", "Late")];
const SCRAP_STATES: &[(&str, &str)] = &[("draft", "Draft"), ("done", "Done")];

const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const FROM: Field = field("location_id", "Source Location", One(Model::Location)).required();
const TO: Field = field("location_dest_id", "Destination Location", One(Model::Location)).required();

pub(super) static PICKING_TYPE: ModelInfo = ModelInfo {
    name: "stock.picking.type",
    label: "Picking Type",
    order: "sequence, id",
    fields: &[
        field("name", "Operation Type", Char).required(),
        field("code", "Type of Operation", Selection(CODES)).required(),
        field("sequence_code", "Sequence Prefix", Char).required(),
        field("sequence", "Sequence", Int),
        field("active", "Active", Bool),
        field("warehouse_id", "Warehouse", One(Model::Warehouse)),
        field("default_location_src_id", "Source Location", One(Model::Location)).required(),
        field("default_location_dest_id", "Destination Location", One(Model::Location)).required(),
        field("use_create_lots", "Create New Lots/Serial Numbers", Bool),
        field("use_existing_lots", "Use Existing Lots/Serial Numbers", Bool),
        field("create_backorder", "Create Backorder", Selection(BACKORDERS)).required(),
        COMPANY.required(),
    ],
};

pub(super) static PICKING: ModelInfo = ModelInfo {
    name: "stock.picking",
    label: "Transfer",
    order: "priority desc, scheduled_date, id desc",
    fields: &[
        field("name", "Reference", Char).readonly(),
        field("origin", "Source Document", Char),
        field("state", "Status", Selection(STATES)).readonly(),
        field("move_type", "Shipping Policy", Selection(MOVE_TYPES)).required(),
        field("priority", "Priority", Selection(PRIORITY)),
        field("scheduled_date", "Scheduled Date", Datetime),
        field("date_deadline", "Deadline", Datetime).readonly(),
        field("date_done", "Date of Transfer", Datetime).readonly(),
        FROM,
        TO,
        field("picking_type_id", "Operation Type", One(Model::PickingType)).required(),
        field("picking_type_code", "Type of Operation", Selection(CODES)).computed(),
        field("partner_id", "Contact", One(Model::Partner)),
        field("user_id", "Responsible", One(Model::User)),
        COMPANY.readonly(),
        field("backorder_id", "Back Order of", One(Model::Picking)).readonly(),
        field("backorder_ids", "Back Orders", Children(Model::Picking, "backorder_id")),
        field("move_ids", "Stock Moves", Children(Model::Move, "picking_id")),
        field("move_line_ids", "Operations", Children(Model::MoveLine, "picking_id")),
        field("product_id", "Product", One(Model::Product)).computed(),
        field("products_availability_state", "Products Availability State", Selection(AVAILABILITY)).computed(),
        field("purchase_id", "Purchase Orders", One(Model::Purchase)).computed(),
        field("sale_id", "Sales Order", One(Model::Sale)),
        field("is_locked", "Is Locked", Bool),
    ],
};

pub(super) static BACKORDER_CONFIRMATION: ModelInfo = ModelInfo {
    name: "stock.backorder.confirmation",
    label: "Backorder Confirmation",
    order: "id",
    fields: &[field("pick_ids", "Pick", Many(Model::Picking)), field("show_transfers", "Show Transfers", Bool)],
};

pub(super) static SCRAP: ModelInfo = ModelInfo {
    name: "stock.scrap",
    label: "Scrap",
    order: "id desc",
    fields: &[
        field("name", "Reference", Char).required().readonly(),
        field("origin", "Source Document", Char),
        field("state", "Status", Selection(SCRAP_STATES)).readonly(),
        field("product_id", "Product", One(Model::Product)).required(),
        field("product_uom_id", "Unit of Measure", One(Model::Uom)).required(),
        field("tracking", "Product Tracking", Selection(super::product::TRACKING)).computed(),
        field("lot_id", "Lot/Serial", One(Model::Lot)),
        field("package_id", "Package", One(Model::Package)),
        field("owner_id", "Owner", One(Model::Partner)),
        field("scrap_qty", "Quantity", Float(true)).required(),
        FROM,
        field("scrap_location_id", "Scrap Location", One(Model::Location)).required(),
        field("picking_id", "Picking", One(Model::Picking)),
        field("production_id", "Manufacturing Order", One(Model::Production)),
        field("move_ids", "Move", Children(Model::Move, "scrap_id")),
        field("date_done", "Date", Datetime).readonly(),
        field("should_replenish", "Replenish Quantities", Bool),
        COMPANY.required(),
    ],
};

pub(super) static SCRAP_WARNING: ModelInfo = ModelInfo {
    name: "stock.warn.insufficient.qty.scrap",
    label: "Warn Insufficient Scrap Quantity",
    order: "id",
    fields: &[
        field("product_id", "Product", One(Model::Product)).required(),
        field("location_id", "Location", One(Model::Location)).required(),
        field("scrap_id", "Scrap", One(Model::Scrap)),
        field("quantity", "Quantity", Float(false)).required(),
        field("product_uom_name", "Unit", Text),
    ],
};
