//! The models of maintenance: equipment, its categories and teams, requests and their stages.
//! Tables only.

use super::Kind::{Bool, Char, Children, Date, Datetime, Float, Int, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};

const KANBAN: &[(&str, &str)] = &[("normal", "In Progress"), ("blocked", "Blocked"), ("done", "Ready for next stage")];
const TYPES: &[(&str, &str)] = &[("corrective", "Corrective"), ("preventive", "Preventive")];
const PRIORITY: &[(&str, &str)] = &[("0", "Very Low"), ("1", "Low"), ("2", "Normal"), ("3", "High")];

const NAME: Field = field("name", "Name", Char).required();
const ACTIVE: Field = field("active", "Active", Bool);
const COMPANY: Field = field("company_id", "Company", One(Model::Company));

pub(super) static STAGE: ModelInfo = ModelInfo {
    name: "maintenance.stage",
    label: "Maintenance Stage",
    order: "sequence, id",
    fields: &[
        NAME,
        field("sequence", "Sequence", Int),
        field("fold", "Folded in Maintenance Pipe", Bool),
        field("done", "Request Done", Bool),
    ],
};

pub(super) static TEAM: ModelInfo = ModelInfo {
    name: "maintenance.team",
    label: "Maintenance Teams",
    order: "id",
    fields: &[
        field("name", "Team Name", Char).required(),
        ACTIVE,
        COMPANY,
        field("request_ids", "Requests", Children(Model::MaintenanceRequest, "maintenance_team_id")),
        field("equipment_ids", "Equipment", Children(Model::Equipment, "maintenance_team_id")),
    ],
};

pub(super) static CATEGORY: ModelInfo = ModelInfo {
    name: "maintenance.equipment.category",
    label: "Maintenance Equipment Category",
    order: "id",
    fields: &[
        field("name", "Category Name", Char).required(),
        COMPANY,
        field("technician_user_id", "Responsible", One(Model::User)),
        field("note", "Comments", Text),
        field("equipment_ids", "Equipment", Children(Model::Equipment, "category_id")),
    ],
};

pub(super) static EQUIPMENT: ModelInfo = ModelInfo {
    name: "maintenance.equipment",
    label: "Maintenance Equipment",
    order: "id",
    fields: &[
        field("name", "Equipment Name", Char).required(),
        ACTIVE,
        field("category_id", "Equipment Category", One(Model::EquipmentCategory)),
        field("serial_no", "Serial Number", Char),
        field("model", "Model", Char),
        field("location", "Location", Char),
        field("partner_id", "Vendor", One(Model::Partner)),
        field("partner_ref", "Vendor Reference", Char),
        field("technician_user_id", "Technician", One(Model::User)),
        field("owner_user_id", "Owner", One(Model::User)),
        field("maintenance_team_id", "Maintenance Team", One(Model::MaintenanceTeam)),
        field("maintenance_ids", "Maintenance", Children(Model::MaintenanceRequest, "equipment_id")),
        field("maintenance_count", "Maintenance Count", Int).computed(),
        field("maintenance_open_count", "Current Maintenance", Int).computed(),
        field("cost", "Cost", Float(false)),
        field("note", "Note", Text),
        field("effective_date", "Effective Date", Date).required(),
        field("assign_date", "Assigned Date", Date),
        field("warranty_date", "Warranty Expiration Date", Date),
        field("scrap_date", "Scrap Date", Date),
        COMPANY,
    ],
};

pub(super) static REQUEST: ModelInfo = ModelInfo {
    name: "maintenance.request",
    label: "Maintenance Request",
    order: "id desc",
    fields: &[
        field("name", "Subjects", Char).required(),
        field("description", "Description", Text),
        field("request_date", "Request Date", Date),
        field("schedule_date", "Scheduled Date", Datetime),
        field("close_date", "Close Date", Date),
        field("owner_user_id", "Created by User", One(Model::User)),
        field("user_id", "Technician", One(Model::User)),
        field("equipment_id", "Equipment", One(Model::Equipment)),
        field("category_id", "Category", One(Model::EquipmentCategory)).computed(),
        field("stage_id", "Stage", One(Model::MaintenanceStage)),
        field("done", "Request Done", Bool).computed(),
        field("priority", "Priority", Selection(PRIORITY)),
        field("kanban_state", "Kanban State", Selection(KANBAN)).required(),
        field("maintenance_type", "Maintenance Type", Selection(TYPES)),
        field("maintenance_team_id", "Team", One(Model::MaintenanceTeam)).required(),
        field("duration", "Duration", Float(false)),
        field("archive", "Archive", Bool),
        COMPANY.required(),
    ],
};
