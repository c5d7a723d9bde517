//! The models of manufacturing: bills of materials, work centers, orders and work orders.
//! Tables only.

use super::Kind::{Bool, Char, Children, Datetime, Float, Int, Many, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};
use crate::odoo::OdooVersion::{V16, V17, V18, V19};

const CONSUMPTION: &[(&str, &str)] =
    &[("flexible", "Allowed"), ("warning", "Allowed with warning"), ("strict", "Blocked")];
const BOM_TYPES: &[(&str, &str)] =
    &[("normal", "Manufacture this product"), ("phantom", "Kit"), ("subcontract", "Subcontracting")];
const PRIORITY: &[(&str, &str)] = &[("0", "Normal"), ("1", "Urgent")];
const STATES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("confirmed", "Confirmed"),
    ("progress", "In Progress"),
    ("to_close", "To Close"),
    ("done", "Done"),
    ("cancel", "Cancelled"),
];
const RESERVATION: &[(&str, &str)] =
    &[("confirmed", "Waiting"), ("assigned", "Ready"), ("waiting", "Waiting Another Operation")];
const AVAILABILITY: &[(&str, &str)] =
    &[("available", "Available"), ("expected", "Expected"), ("late", "Late"), ("unavailable", "Not Available")];
const WORK_STATES_18: &[(&str, &str)] = &[
    ("pending", "Waiting for another WO"),
    ("waiting", "Waiting for components"),
    ("ready", "Ready"),
    ("progress", "In Progress"),
    ("done", "Finished"),
    ("cancel", "Cancelled"),
];
const WORK_STATES_19: &[(&str, &str)] = &[
    ("blocked", "Blocked"),
    ("ready", "To Do"),
    ("progress", "In Progress"),
    ("done", "Finished"),
    ("cancel", "Cancelled"),
];

const WORKING: &[(&str, &str)] = &[("normal", "Normal"), ("blocked", "Blocked"), ("done", "In Progress")];
const TIMING: &[(&str, &str)] = &[("auto", "Compute based on tracked time"), ("manual", "Set duration manually")];

const PRODUCT: Field = field("product_id", "Product", One(Model::Product)).required();
const QUANTITY: Field = field("product_qty", "Quantity", Float(true)).required();
const UNIT: Field = field("product_uom_id", "Unit of Measure", One(Model::Uom)).required();
const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const ACTIVE: Field = field("active", "Active", Bool);
const SEQUENCE: Field = field("sequence", "Sequence", Int);
const CENTER: Field = field("workcenter_id", "Work Center", One(Model::WorkCenter)).required();

pub(super) static BOM: ModelInfo = ModelInfo {
    name: "mrp.bom",
    label: "Bill of Material",
    order: "sequence, id",
    fields: &[
        field("code", "Reference", Char),
        ACTIVE,
        SEQUENCE,
        field("type", "BoM Type", Selection(BOM_TYPES)).required(),
        field("product_tmpl_id", "Product", One(Model::Template)).required(),
        field("product_id", "Product Variant", One(Model::Product)),
        QUANTITY,
        UNIT,
        field("consumption", "Flexible Consumption", Selection(CONSUMPTION)).required(),
        field("bom_line_ids", "BoM Lines", Children(Model::BomLine, "bom_id")),
        field("operation_ids", "Operations", Children(Model::Operation, "bom_id")),
        COMPANY,
    ],
};

pub(super) static BOM_LINE: ModelInfo = ModelInfo {
    name: "mrp.bom.line",
    label: "Bill of Material Line",
    order: "sequence, id",
    fields: &[
        field("bom_id", "Parent BoM", One(Model::Bom)).required(),
        PRODUCT,
        QUANTITY,
        UNIT,
        SEQUENCE,
        field("operation_id", "Consumed in Operation", One(Model::Operation)),
    ],
};

pub(super) static WORK_CENTER: ModelInfo = ModelInfo {
    name: "mrp.workcenter",
    label: "Work Center",
    order: "sequence, id",
    fields: &[
        field("name", "Work Center", Char).required(),
        field("code", "Code", Char),
        ACTIVE,
        SEQUENCE,
        field("time_efficiency", "Time Efficiency", Float(false)),
        field("default_capacity", "Capacity", Float(false)),
        field("costs_hour", "Cost per hour", Float(false)),
        field("time_start", "Setup Time", Float(false)),
        field("time_stop", "Cleanup Time", Float(false)),
        field("oee_target", "OEE Target", Float(false)),
        field("working_state", "Workcenter Status", Selection(WORKING)).readonly(),
        field("note", "Description", Text),
        field("routing_line_ids", "Routing Lines", Children(Model::Operation, "workcenter_id")),
        field("order_ids", "Orders", Children(Model::WorkOrder, "workcenter_id")),
        COMPANY,
    ],
};

pub(super) static OPERATION: ModelInfo = ModelInfo {
    name: "mrp.routing.workcenter",
    label: "Work Center Usage",
    order: "bom_id, sequence, id",
    fields: &[
        field("name", "Operation", Char).required(),
        field("bom_id", "Bill of Material", One(Model::Bom)).required(),
        CENTER,
        SEQUENCE,
        ACTIVE,
        field("company_id", "Company", One(Model::Company)).computed(),
        field("time_mode", "Duration Computation", Selection(TIMING)),
        field("time_mode_batch", "Based on", Int),
        field("time_cycle_manual", "Manual Duration", Float(false)),
        field("time_cycle", "Duration", Float(false)).computed(),
        field("note", "Description", Text),
        field("blocked_by_operation_ids", "Blocked By", Many(Model::Operation)),
    ],
};

pub(super) static PRODUCTION: ModelInfo = ModelInfo {
    name: "mrp.production",
    label: "Manufacturing Order",
    order: "priority desc, date_start, id",
    fields: &[
        field("name", "Reference", Char).readonly(),
        field("priority", "Priority", Selection(PRIORITY)),
        field("backorder_sequence", "Backorder Sequence", Int),
        field("origin", "Source", Char),
        PRODUCT,
        field("product_tracking", "Product Tracking", Selection(super::product::TRACKING)).computed(),
        QUANTITY,
        UNIT,
        field("qty_producing", "Quantity Producing", Float(true)),
        field("qty_produced", "Quantity Produced", Float(true)).computed(),
        field("lot_producing_id", "Lot/Serial Number", One(Model::Lot)).until(V18),
        field("lot_producing_ids", "Lot/Serial Numbers", Many(Model::Lot)).since(V19),
        field("bom_id", "Bill of Material", One(Model::Bom)),
        field("state", "State", Selection(STATES)).readonly(),
        field("reservation_state", "MO Readiness", Selection(RESERVATION)).computed(),
        field("components_availability_state", "Component Status", Selection(AVAILABILITY)).computed(),
        field("consumption", "Consumption", Selection(CONSUMPTION)).required().readonly(),
        field("date_planned_start", "Scheduled Date", Datetime).required().kept_as("date_start").until(V16),
        field("date_planned_finished", "Scheduled End Date", Datetime).kept_as("date_finished").until(V16),
        field("date_start", "Start", Datetime).required().since(V17),
        field("date_finished", "End", Datetime).readonly().since(V17),
        field("date_deadline", "Deadline", Datetime).readonly(),
        field("location_src_id", "Components Location", One(Model::Location)).required(),
        field("location_dest_id", "Finished Products Location", One(Model::Location)).required(),
        field("production_location_id", "Production Location", One(Model::Location)),
        field("warehouse_id", "Warehouse", One(Model::Warehouse)).readonly(),
        field("move_raw_ids", "Components", Children(Model::Move, "raw_material_production_id")),
        field("move_finished_ids", "Finished Products", Children(Model::Move, "production_id")),
        field("workorder_ids", "Work Orders", Children(Model::WorkOrder, "production_id")),
        field("procurement_group_id", "Procurement Group", One(Model::Group)).until(V18),
        field("production_group_id", "Production Group", One(Model::ProductionGroup)).since(V19),
        field("is_planned", "Its Operations are Planned", Bool).readonly(),
        field("is_locked", "Is Locked", Bool),
        field("user_id", "Responsible", One(Model::User)),
        COMPANY.required(),
    ],
};

pub(super) static WORK_ORDER: ModelInfo = ModelInfo {
    name: "mrp.workorder",
    label: "Work Order",
    order: "sequence, id",
    fields: &[
        field("name", "Work Order", Char).required(),
        SEQUENCE,
        CENTER,
        field("production_id", "Manufacturing Order", One(Model::Production)).required().readonly(),
        field("production_state", "Production State", Selection(STATES)).computed(),
        field("operation_id", "Operation", One(Model::Operation)),
        field("product_id", "Product", One(Model::Product)).computed(),
        field("product_uom_id", "Unit of Measure", One(Model::Uom)).computed(),
        field("state", "Status", Selection(WORK_STATES_18)).readonly().until(V18),
        field("state", "Status", Selection(WORK_STATES_19)).readonly().since(V19),
        field("qty_production", "Original Production Quantity", Float(true)).computed(),
        field("qty_producing", "Currently Produced Quantity", Float(true)).computed(),
        field("qty_produced", "Quantity", Float(true)).readonly(),
        field("qty_remaining", "Quantity To Be Produced", Float(true)).computed(),
        field("qty_reported_from_previous_wo", "Carried Quantity", Float(true)).readonly(),
        field("duration_expected", "Expected Duration", Float(true)),
        field("duration", "Real Duration", Float(false)),
        field("date_start", "Start", Datetime),
        field("date_finished", "End", Datetime),
        field("is_user_working", "Is the Current User Working", Bool),
        field("blocked_by_workorder_ids", "Blocked By", Many(Model::WorkOrder)),
        field("move_raw_ids", "Raw Moves", Children(Model::Move, "workorder_id")),
        COMPANY,
    ],
};

pub(super) static GROUP: ModelInfo = ModelInfo {
    name: "procurement.group",
    label: "Procurement Group",
    order: "id",
    fields: &[field("name", "Reference", Char).required()],
};

pub(super) static PRODUCTION_GROUP: ModelInfo = ModelInfo {
    name: "mrp.production.group",
    label: "Production Group",
    order: "id",
    fields: &[field("name", "Name", Char).required()],
};

pub(super) static CHANGE_QUANTITY: ModelInfo = ModelInfo {
    name: "change.production.qty",
    label: "Change Production Qty",
    order: "id",
    fields: &[
        field("mo_id", "Manufacturing Order", One(Model::Production)).required(),
        QUANTITY,
        field("note", "Note", Text),
    ],
};
