//! Models that are there to be described, and for wizards and rules to stand on: their fields come from the recordings.
//! Nothing follows from what is written to them.

use super::Kind::{Bool, Char, One, Selection};
use super::{Model, ModelInfo, field};

const USAGES: &[(&str, &str)] =
    &[("ir_actions_server", "Server Action"), ("ir_cron", "Scheduled Action"), ("base_automation", "Automation Rule")];

pub(super) static REPAIR: ModelInfo = ModelInfo {
    name: "repair.order",
    label: "Repair Order",
    order: "id",
    fields: &[field("name", "Repair Reference", Char)],
};

/// Of 18; what 19 calls it is only known by its relations.
pub(super) static PACKAGE: ModelInfo = ModelInfo {
    name: "stock.quant.package",
    label: "Packages",
    order: "id",
    fields: &[field("name", "Package Reference", Char).required()],
};

pub(super) static PRODUCTION_BACKORDER: ModelInfo = ModelInfo {
    name: "mrp.production.backorder",
    label: "Wizard to mark as done or create back order",
    order: "id",
    fields: &[],
};

pub(super) static CONSUMPTION_WARNING: ModelInfo = ModelInfo {
    name: "mrp.consumption.warning",
    label: "Wizard in case of consumption in warning/strict and more component has been used for a MO (related to the bom)",
    order: "id",
    fields: &[],
};

pub(super) static AUTOMATION: ModelInfo = ModelInfo {
    name: "base.automation",
    label: "Automation Rule",
    order: "id",
    fields: &[field("name", "Automation Rule Name", Char).required(), field("active", "Active", Bool)],
};

pub(super) static SERVER_ACTION: ModelInfo = ModelInfo {
    name: "ir.actions.server",
    label: "Server Actions",
    order: "id",
    fields: &[
        field("name", "Action Name", Char).required(),
        field("usage", "Usage", Selection(USAGES)),
        field("model_id", "Model", One(Model::Registered)),
        field("webhook_url", "Webhook URL", Char),
    ],
};
