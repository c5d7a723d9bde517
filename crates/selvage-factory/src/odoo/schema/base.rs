//! The fields of every model, and the models of the base module: companies, users and their groups and keys, partners,
//! countries, currencies, external ids, models and modules. Tables only.

use super::Kind::{AnyId, Bool, Char, Children, Date, Datetime, Float, Int, Many, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};
use crate::odoo::OdooVersion::{V17, V18, V19};

const MODULE_STATES: &[(&str, &str)] = &[
    ("uninstallable", "Uninstallable"),
    ("uninstalled", "Not Installed"),
    ("installed", "Installed"),
    ("to upgrade", "To be upgraded"),
    ("to remove", "To be removed"),
    ("to install", "To be installed"),
];
const MODEL_STATES: &[(&str, &str)] = &[("manual", "Custom Object"), ("base", "Base Object")];
const ADDRESSES: &[(&str, &str)] = &[
    ("contact", "Contact"),
    ("invoice", "Invoice Address"),
    ("delivery", "Delivery Address"),
    ("other", "Other Address"),
];
const COMPANY_TYPES: &[(&str, &str)] = &[("person", "Person"), ("company", "Company")];

pub(super) static HEAD: [Field; 1] = [field("id", "ID", Int).readonly()];

pub(super) static LOG: [Field; 5] = [
    field("display_name", "Display Name", Char).computed(),
    field("create_uid", "Created by", One(Model::User)).readonly(),
    field("create_date", "Created on", Datetime).readonly(),
    field("write_uid", "Last Updated by", One(Model::User)).readonly(),
    field("write_date", "Last Updated on", Datetime).readonly(),
];

pub(super) static EXTERNAL_ID: ModelInfo = ModelInfo {
    name: "ir.model.data",
    label: "Model Data",
    order: "module, model, name",
    fields: &[
        field("name", "External Identifier", Char).required(),
        field("complete_name", "Complete ID", Char).computed(),
        field("module", "Module", Char).required(),
        field("model", "Model Name", Char).required(),
        field("res_id", "Record ID", AnyId),
        field("noupdate", "Non Updatable", Bool),
    ],
};

pub(super) static COMPANY: ModelInfo = ModelInfo {
    name: "res.company",
    label: "Companies",
    order: "sequence, name",
    fields: &[
        field("name", "Company Name", Char).required(),
        field("company_registry", "Company ID", Char),
        field("sequence", "Sequence", Int),
        field("active", "Active", Bool),
        field("partner_id", "Partner", One(Model::Partner)),
        field("parent_id", "Parent Company", One(Model::Company)),
        field("vat", "Tax ID", Char),
        field("currency_id", "Currency", One(Model::Currency)),
        field("fiscalyear_lock_date", "Global Lock Date", Date),
        field("hard_lock_date", "Hard Lock Date", Date).since(V18),
        field("period_lock_date", "Journals Entries Lock Date", Date).until(V17),
        field("user_ids", "Accepted Users", Many(Model::User)).computed(),
    ],
};

pub(super) static USER: ModelInfo = ModelInfo {
    name: "res.users",
    label: "User",
    order: "name, login",
    fields: &[
        field("login", "Login", Char).required(),
        // Taken when a user is made; never shown.
        field("password", "Password", Char).computed(),
        field("name", "Name", Char).required(),
        field("active", "Active", Bool),
        field("lang", "Language", Char),
        field("tz", "Timezone", Char),
        field("partner_id", "Related Partner", One(Model::Partner)),
        field("company_id", "Company", One(Model::Company)).required(),
        field("company_ids", "Companies", Many(Model::Company)),
        field("groups_id", "Groups", Many(Model::UserGroup)).until(V18),
        field("group_ids", "Groups", Many(Model::UserGroup)).kept_as("groups_id").since(V19),
    ],
};

pub(super) static GROUP: ModelInfo = ModelInfo {
    name: "res.groups",
    label: "Access Groups",
    order: "name",
    fields: &[field("name", "Name", Char).required(), field("full_name", "Group Name", Char).computed()],
};

/// The keys of users; the secret itself is never answered.
pub(super) static API_KEY: ModelInfo = ModelInfo {
    name: "res.users.apikeys",
    label: "Users API Keys",
    order: "id",
    fields: &[
        field("name", "Description", Char).required().readonly(),
        field("user_id", "User", One(Model::User)).required().readonly(),
        field("scope", "Scope", Char).readonly(),
        field("expiration_date", "Expiration Date", Datetime).readonly(),
    ],
};

pub(super) static PARTNER: ModelInfo = ModelInfo {
    name: "res.partner",
    label: "Contact",
    order: "name, id desc",
    fields: &[
        field("name", "Name", Char),
        field("complete_name", "Complete Name", Char).computed(),
        field("parent_id", "Related Company", One(Model::Partner)),
        field("child_ids", "Contact", Children(Model::Partner, "parent_id")),
        field("commercial_partner_id", "Commercial Entity", One(Model::Partner)).computed(),
        field("ref", "Reference", Char),
        field("vat", "Tax ID", Char),
        field("company_registry", "Company ID", Char),
        field("email", "Email", Char),
        field("phone", "Phone", Char),
        field("mobile", "Mobile", Char).until(V18),
        field("type", "Address Type", Selection(ADDRESSES)),
        field("street", "Street", Char),
        field("street2", "Street2", Char),
        field("zip", "Zip", Char),
        field("city", "City", Char),
        field("state_id", "State", One(Model::CountryState)),
        field("country_id", "Country", One(Model::Country)),
        field("country_code", "Country Code", Char).computed(),
        field("active", "Active", Bool),
        field("is_company", "Is a Company", Bool),
        field("company_type", "Company Type", Selection(COMPANY_TYPES)).computed(),
        field("supplier_rank", "Supplier Rank", Int),
        field("customer_rank", "Customer Rank", Int),
        field("comment", "Notes", Text),
        field("company_id", "Company", One(Model::Company)),
    ],
};

pub(super) static COUNTRY: ModelInfo = ModelInfo {
    name: "res.country",
    label: "Country",
    order: "name",
    fields: &[
        field("name", "Country Name", Char).required(),
        field("code", "Country Code", Char).required(),
        field("phone_code", "Country Calling Code", Int),
        field("state_ids", "States", Children(Model::CountryState, "country_id")),
    ],
};

pub(super) static STATE: ModelInfo = ModelInfo {
    name: "res.country.state",
    label: "Country state",
    order: "code, id",
    fields: &[
        field("country_id", "Country", One(Model::Country)).required(),
        field("name", "State Name", Char).required(),
        field("code", "State Code", Char).required(),
    ],
};

pub(super) static CURRENCY: ModelInfo = ModelInfo {
    name: "res.currency",
    label: "Currency",
    order: "active desc, name",
    fields: &[
        field("name", "Currency", Char).required(),
        field("full_name", "Name", Char),
        field("symbol", "Symbol", Char).required(),
        field("rounding", "Rounding Factor", Float(false)),
        field("decimal_places", "Decimal Places", Int),
        field("active", "Active", Bool),
    ],
};

pub(super) static MODEL: ModelInfo = ModelInfo {
    name: "ir.model",
    label: "Models",
    order: "model",
    fields: &[
        field("name", "Model Description", Char).required(),
        field("model", "Model", Char).required(),
        field("state", "Type", Selection(MODEL_STATES)).readonly(),
        field("transient", "Transient Model", Bool),
        field("modules", "In Apps", Char),
    ],
};

pub(super) static MODULE: ModelInfo = ModelInfo {
    name: "ir.module.module",
    label: "Module",
    order: "application desc, sequence, name",
    fields: &[
        field("name", "Technical Name", Char).required().readonly(),
        field("shortdesc", "Module Name", Char).readonly(),
        field("state", "Status", Selection(MODULE_STATES)).readonly(),
        field("installed_version", "Latest Version", Char).readonly(),
        field("latest_version", "Installed Version", Char).readonly(),
        field("author", "Author", Char).readonly(),
        field("application", "Application", Bool).readonly(),
        field("sequence", "Sequence", Int),
    ],
};
