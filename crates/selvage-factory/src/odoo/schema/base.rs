//! The fields of every model, and the models of the base module: companies, users, partners, external ids.
//! Tables only.

use super::Kind::{AnyId, Bool, Char, Children, Datetime, Int, Many, One};
use super::{Field, Model, ModelInfo, field};

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
        field("user_ids", "Accepted Users", Many(Model::User)).computed(),
    ],
};

pub(super) static USER: ModelInfo = ModelInfo {
    name: "res.users",
    label: "User",
    order: "name, login",
    fields: &[
        field("login", "Login", Char).required(),
        field("name", "Name", Char).required(),
        field("active", "Active", Bool),
        field("lang", "Language", Char),
        field("tz", "Timezone", Char),
        field("partner_id", "Related Partner", One(Model::Partner)),
        field("company_id", "Company", One(Model::Company)).required(),
        field("company_ids", "Companies", Many(Model::Company)),
    ],
};

pub(super) static PARTNER: ModelInfo = ModelInfo {
    name: "res.partner",
    label: "Contact",
    order: "name, id desc",
    fields: &[
        field("name", "Name", Char),
        field("parent_id", "Related Company", One(Model::Partner)),
        field("child_ids", "Contact", Children(Model::Partner, "parent_id")),
        field("ref", "Reference", Char),
        field("vat", "Tax ID", Char),
        field("email", "Email", Char),
        field("active", "Active", Bool),
        field("is_company", "Is a Company", Bool),
        field("country_id", "Country", One(Model::Country)),
        field("company_id", "Company", One(Model::Company)),
    ],
};

pub(super) static COUNTRY: ModelInfo = ModelInfo {
    name: "res.country",
    label: "Country",
    order: "name",
    fields: &[field("name", "Country Name", Char).required(), field("code", "Country Code", Char).required()],
};
