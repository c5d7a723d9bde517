//! The models of stock: warehouses, locations, lots, quants, moves and move lines.
//! Tables only.

use super::Kind::{Bool, Char, Children, Datetime, Float, Int, Many, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};
use crate::odoo::OdooVersion::{V16, V17, V18};

const USAGES: &[(&str, &str)] = &[
    ("supplier", "Vendor Location"),
    ("view", "View"),
    ("internal", "Internal Location"),
    ("customer", "Customer Location"),
    ("inventory", "Inventory Loss"),
    ("production", "Production"),
    ("transit", "Transit Location"),
];
const MANUFACTURE: &[(&str, &str)] = &[
    ("mrp_one_step", "Manufacture (1 step)"),
    ("pbm", "Pick components then manufacture (2 steps)"),
    ("pbm_sam", "Pick components, manufacture, then store products (3 steps)"),
];
const RECEPTION: &[(&str, &str)] = &[
    ("one_step", "Receive and Store (1 step)"),
    ("two_steps", "Receive then Store (2 steps)"),
    ("three_steps", "Receive, Quality Control, then Store (3 steps)"),
];
const MOVE_STATES: &[(&str, &str)] = &[
    ("draft", "New"),
    ("waiting", "Waiting Another Move"),
    ("confirmed", "Waiting Availability"),
    ("partially_available", "Partially Available"),
    ("assigned", "Available"),
    ("done", "Done"),
    ("cancel", "Cancelled"),
];

const PRODUCT: Field = field("product_id", "Product", One(Model::Product)).required();
const FROM: Field = field("location_id", "Source Location", One(Model::Location)).required();
const TO: Field = field("location_dest_id", "Destination Location", One(Model::Location)).required();
const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const ACTIVE: Field = field("active", "Active", Bool);

pub(super) static WAREHOUSE: ModelInfo = ModelInfo {
    name: "stock.warehouse",
    label: "Warehouse",
    order: "sequence, id",
    fields: &[
        field("name", "Warehouse", Char).required(),
        field("code", "Short Name", Char).required(),
        ACTIVE,
        field("sequence", "Sequence", Int),
        COMPANY.required(),
        field("view_location_id", "View Location", One(Model::Location)).required(),
        field("lot_stock_id", "Location Stock", One(Model::Location)).required(),
        field("pbm_loc_id", "Picking before Manufacturing Location", One(Model::Location)),
        field("sam_loc_id", "Stock after Manufacturing Location", One(Model::Location)),
        field("manufacture_steps", "Manufacture", Selection(MANUFACTURE)).required(),
        field("in_type_id", "In Type", One(Model::PickingType)),
        field("out_type_id", "Out Type", One(Model::PickingType)),
        field("int_type_id", "Internal Type", One(Model::PickingType)),
        field("wh_qc_stock_loc_id", "Quality Control Location", One(Model::Location)),
        field("reception_steps", "Incoming Shipments", Selection(RECEPTION)).required(),
    ],
};

pub(super) static LOCATION: ModelInfo = ModelInfo {
    name: "stock.location",
    label: "Inventory Locations",
    order: "complete_name, id",
    fields: &[
        field("name", "Location Name", Char).required(),
        field("complete_name", "Full Location Name", Char).readonly(),
        field("usage", "Location Type", Selection(USAGES)).required(),
        field("location_id", "Parent Location", One(Model::Location)),
        field("child_ids", "Contains", Children(Model::Location, "location_id")),
        field("barcode", "Barcode", Char),
        ACTIVE,
        COMPANY,
        field("warehouse_id", "Warehouse", One(Model::Warehouse)).readonly(),
        field("quant_ids", "Quants", Children(Model::Quant, "location_id")),
        field("scrap_location", "Is a Scrap Location?", Bool).until(V18),
        field("replenish_location", "Replenish Location", Bool),
        field("comment", "Additional Information", Text),
        field("is_empty", "Is Empty", Bool).computed(),
    ],
};

pub(super) static LOT: ModelInfo = ModelInfo {
    name: "stock.lot",
    label: "Lot/Serial",
    order: "name, id",
    fields: &[
        field("name", "Lot/Serial Number", Char).required(),
        field("ref", "Internal Reference", Char),
        PRODUCT,
        field("product_uom_id", "Unit of Measure", One(Model::Uom)).computed(),
        field("location_id", "Location", One(Model::Location)).computed(),
        field("note", "Description", Text),
        COMPANY,
        field("quant_ids", "Quants", Children(Model::Quant, "lot_id")),
        field("product_qty", "On Hand Quantity", Float(true)).computed(),
    ],
};

pub(super) static QUANT: ModelInfo = ModelInfo {
    name: "stock.quant",
    label: "Quants",
    order: "id",
    fields: &[
        PRODUCT,
        field("location_id", "Location", One(Model::Location)).required(),
        field("lot_id", "Lot/Serial Number", One(Model::Lot)),
        field("package_id", "Package", One(Model::Package)),
        field("owner_id", "Owner", One(Model::Partner)),
        COMPANY.readonly(),
        field("product_uom_id", "Unit of Measure", One(Model::Uom)).computed(),
        field("warehouse_id", "Warehouse", One(Model::Warehouse)).computed(),
        field("quantity", "Quantity", Float(true)).readonly(),
        field("reserved_quantity", "Reserved Quantity", Float(true)).readonly(),
        field("available_quantity", "Available Quantity", Float(true)).computed(),
        field("in_date", "Incoming Date", Datetime).readonly(),
        field("inventory_quantity", "Counted Quantity", Float(true)),
        field("inventory_quantity_set", "Inventory Quantity Set", Bool),
        field("inventory_diff_quantity", "Difference", Float(true)).computed(),
    ],
};

pub(super) static MOVE: ModelInfo = ModelInfo {
    name: "stock.move",
    label: "Stock Move",
    order: "sequence, id",
    fields: &[
        field("name", "Description", Char).until(V18),
        field("sequence", "Sequence", Int),
        field("reference", "Reference", Char),
        field("origin", "Source Document", Char),
        field("date", "Date Scheduled", Datetime).required(),
        COMPANY.required(),
        PRODUCT,
        field("product_uom_qty", "Demand", Float(true)).required(),
        field("product_uom", "UoM", One(Model::Uom)).required(),
        field("product_qty", "Real Quantity", Float(true)).computed(),
        field("quantity_done", "Quantity Done", Float(true)).computed().until(V16),
        field("reserved_availability", "Quantity Reserved", Float(true)).computed().until(V16),
        field("quantity", "Quantity", Float(true)).computed().since(V17),
        field("picked", "Picked", Bool).since(V17),
        field("state", "Status", Selection(MOVE_STATES)).readonly(),
        FROM,
        TO,
        field("move_line_ids", "Move Lines", Children(Model::MoveLine, "move_id")),
        field("lot_ids", "Serial Numbers", Many(Model::Lot)).computed(),
        field("has_tracking", "Product with Tracking", Selection(super::product::TRACKING)).computed(),
        field("raw_material_production_id", "Production Order for components", One(Model::Production)),
        field("production_id", "Production Order for finished products", One(Model::Production)),
        field("workorder_id", "Work Order To Consume", One(Model::WorkOrder)),
        field("operation_id", "Operation To Consume", One(Model::Operation)),
        field("bom_line_id", "BoM Line", One(Model::BomLine)),
        field("unit_factor", "Unit Factor", Float(false)).computed(),
        field("should_consume_qty", "Quantity To Consume", Float(true)).computed(),
        field("is_inventory", "Inventory", Bool),
        field("picking_id", "Transfer", One(Model::Picking)),
        field("picking_type_id", "Operation Type", One(Model::PickingType)),
        field("purchase_line_id", "Purchase Order Line", One(Model::PurchaseLine)),
        field("sale_line_id", "Sale Line", One(Model::SaleLine)),
        field("scrap_id", "Scrap operation", One(Model::Scrap)).readonly(),
    ],
};

pub(super) static MOVE_LINE: ModelInfo = ModelInfo {
    name: "stock.move.line",
    label: "Product Moves (Stock Move Line)",
    order: "id",
    fields: &[
        field("picking_id", "Transfer", One(Model::Picking)),
        field("move_id", "Stock Operation", One(Model::Move)),
        COMPANY.required(),
        PRODUCT,
        field("product_uom_id", "Unit of Measure", One(Model::Uom)).required(),
        field("qty_done", "Done", Float(true)).computed().until(V16),
        field("reserved_uom_qty", "Reserved", Float(true)).computed().until(V16),
        field("quantity", "Quantity", Float(true)).since(V17),
        field("quantity_product_uom", "Quantity in Product UoM", Float(true)).computed(),
        field("picked", "Picked", Bool).since(V17),
        field("lot_id", "Lot/Serial Number", One(Model::Lot)),
        field("lot_name", "Lot/Serial Number Name", Char),
        field("package_id", "Source Package", One(Model::Package)),
        field("owner_id", "From Owner", One(Model::Partner)),
        FROM.required(),
        TO.required(),
        field("date", "Date", Datetime).required(),
        field("state", "Status", Selection(MOVE_STATES)).computed(),
        field("reference", "Reference", Char).computed(),
        field("production_id", "Production Order", One(Model::Production)).computed(),
    ],
};
