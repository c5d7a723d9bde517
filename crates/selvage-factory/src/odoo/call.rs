//! A call as both dialects make it: model, method, ids, named arguments and context; and the signatures of the methods.
//! Positional arguments of JSON-RPC are named here, so that what runs the call sees one form.

use serde_json::{Map, Value as Json};

use super::OdooVersion;
use super::refusal::{Exception, Refusal};
use super::schema::Model;
use super::value::Id;

/// A call that names a method of a model and fits its signature.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) model: Model,
    pub(crate) method: Method,
    pub(crate) ids: Vec<Id>,
    pub(crate) named: Map<String, Json>,
    pub(crate) context: Map<String, Json>,
    /// `create` of JSON-RPC answers one id to one dictionary; JSON-2 always answers a list.
    pub(crate) single: bool,
}

/// A method that can be called from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Search,
    SearchRead,
    SearchCount,
    NameSearch,
    ReadGroup,
    FieldsGet,
    Read,
    Create,
    Write,
    Unlink,
    Load,
    Archive,
    Unarchive,
    Confirm,
    Assign,
    Plan,
    MarkDone,
    Cancel,
    Start,
    Pending,
    Finish,
    ApplyInventory,
    ClearInventory,
    /// What 16 calls it.
    ZeroInventory,
    ChangeQuantity,
    HasGroup,
    PostInvoice,
    ConfirmPurchase,
    CancelPurchase,
    ValidatePicking,
    ValidateScrap,
    Process,
    ProcessWithout,
    ScrapAnyway,
    Copy,
    HasAccess,
    CheckAccessRights,
}

/// The parameters of a method; `true` marks the ones that have no default.
type Parameters = &'static [(&'static str, bool)];

impl Method {
    const ALL: [(&'static str, Self); 37] = [
        ("search", Self::Search),
        ("search_read", Self::SearchRead),
        ("search_count", Self::SearchCount),
        ("name_search", Self::NameSearch),
        ("read_group", Self::ReadGroup),
        ("fields_get", Self::FieldsGet),
        ("read", Self::Read),
        ("create", Self::Create),
        ("write", Self::Write),
        ("unlink", Self::Unlink),
        ("load", Self::Load),
        ("action_archive", Self::Archive),
        ("action_unarchive", Self::Unarchive),
        ("action_confirm", Self::Confirm),
        ("action_assign", Self::Assign),
        ("button_plan", Self::Plan),
        ("button_mark_done", Self::MarkDone),
        ("action_cancel", Self::Cancel),
        ("button_start", Self::Start),
        ("button_pending", Self::Pending),
        ("button_finish", Self::Finish),
        ("action_apply_inventory", Self::ApplyInventory),
        ("action_clear_inventory_quantity", Self::ClearInventory),
        ("action_set_inventory_quantity_to_zero", Self::ZeroInventory),
        ("change_prod_qty", Self::ChangeQuantity),
        ("has_group", Self::HasGroup),
        ("action_post", Self::PostInvoice),
        ("button_confirm", Self::ConfirmPurchase),
        ("button_cancel", Self::CancelPurchase),
        ("button_validate", Self::ValidatePicking),
        ("action_validate", Self::ValidateScrap),
        ("process", Self::Process),
        ("process_cancel_backorder", Self::ProcessWithout),
        ("action_done", Self::ScrapAnyway),
        ("copy", Self::Copy),
        ("has_access", Self::HasAccess),
        ("check_access_rights", Self::CheckAccessRights),
    ];

    fn parse(name: &str, model: Model) -> Option<Self> {
        let (_, method) = Self::ALL.into_iter().find(|(known, _)| *known == name)?;
        let only: &[Model] = match method {
            Self::Confirm | Self::Cancel => &[Model::Production, Model::Picking, Model::Sale],
            Self::Assign => &[Model::Production, Model::Picking],
            Self::Plan | Self::MarkDone => &[Model::Production],
            Self::Start | Self::Pending | Self::Finish => &[Model::WorkOrder],
            Self::ApplyInventory | Self::ClearInventory | Self::ZeroInventory => &[Model::Quant],
            Self::ChangeQuantity => &[Model::ChangeQuantity],
            Self::ConfirmPurchase | Self::CancelPurchase => &[Model::Purchase],
            Self::ValidatePicking => &[Model::Picking],
            Self::ValidateScrap => &[Model::Scrap],
            Self::Process | Self::ProcessWithout => &[Model::BackorderConfirmation],
            Self::ScrapAnyway => &[Model::ScrapWarning],
            Self::HasGroup => &[Model::User],
            // What a copy takes along is only known of these.
            Self::Copy => &[Model::Product, Model::Template, Model::Partner],
            Self::PostInvoice => &[Model::Invoice],
            _ => return Some(method),
        };
        only.contains(&model).then_some(method)
    }

    /// The name in a request.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// Whether the method belongs to the model and not to records of it.
    fn takes_no_ids(self) -> bool {
        matches!(
            self,
            Self::Search
                | Self::SearchRead
                | Self::SearchCount
                | Self::NameSearch
                | Self::ReadGroup
                | Self::FieldsGet
                | Self::Create
                | Self::Load
                | Self::CheckAccessRights
        )
    }

    /// Whether that version has the method: rights are asked by another one from 18 on.
    pub(crate) fn is_in(self, version: OdooVersion) -> bool {
        let older = matches!(version, OdooVersion::V16 | OdooVersion::V17);
        match self {
            Self::HasAccess => !older,
            Self::CheckAccessRights => version != OdooVersion::V19,
            Self::ClearInventory => version != OdooVersion::V16,
            Self::ZeroInventory => version == OdooVersion::V16,
            _ => true,
        }
    }

    /// Whether the method only reads.
    pub(crate) fn reads(self) -> bool {
        matches!(
            self,
            Self::Search
                | Self::SearchRead
                | Self::SearchCount
                | Self::NameSearch
                | Self::ReadGroup
                | Self::FieldsGet
                | Self::Read
                | Self::HasGroup
                | Self::HasAccess
                | Self::CheckAccessRights
        )
    }

    fn parameters(self) -> Parameters {
        match self {
            Self::Search => &[("domain", true), ("offset", false), ("limit", false), ("order", false)],
            Self::SearchRead => &[
                ("domain", false),
                ("fields", false),
                ("offset", false),
                ("limit", false),
                ("order", false),
                ("load", false),
            ],
            Self::SearchCount => &[("domain", true), ("limit", false)],
            Self::NameSearch => {
                &[("name", false), ("args", false), ("operator", false), ("limit", false), ("domain", false)]
            }
            Self::ReadGroup => &[
                ("domain", true),
                ("fields", true),
                ("groupby", true),
                ("offset", false),
                ("limit", false),
                ("orderby", false),
                ("lazy", false),
            ],
            Self::FieldsGet => &[("allfields", false), ("attributes", false)],
            Self::Read => &[("fields", false), ("load", false)],
            Self::Create => &[("vals_list", true)],
            Self::Write => &[("vals", true)],
            Self::Load => &[("fields", true), ("data", true)],
            Self::HasGroup => &[("group_ext_id", true)],
            Self::Copy => &[("default", false)],
            Self::HasAccess => &[("operation", true)],
            Self::CheckAccessRights => &[("operation", true), ("raise_exception", false)],
            _ => &[],
        }
    }
}

impl Call {
    /// Reads `execute_kw(…, model, method, args, kwargs)`.
    pub(crate) fn positional(
        model: &str,
        method: &str,
        args: &[Json],
        kwargs: &Map<String, Json>,
    ) -> Result<Self, Refusal> {
        if method.starts_with('_') {
            return Err(Refusal::access(format!("Private methods (such as {method}) cannot be called remotely.")));
        }
        let known = Model::parse(model).ok_or_else(|| Refusal::user(format!("Object {model} doesn't exist")))?;
        let missing = || format!("The method '{method}' does not exist on the model '{model}'");
        let method = Method::parse(method, known).ok_or_else(|| Refusal::new(Exception::Attribute, missing()))?;
        let mut rest = args.iter();
        let ids = if method.takes_no_ids() { Vec::new() } else { read_ids(rest.next().unwrap_or(&Json::Null)) };
        let mut named = Map::new();
        for (name, _) in method.parameters() {
            if let Some(value) = rest.next() {
                named.insert((*name).to_owned(), value.clone());
            }
        }
        let context = kwargs.get("context").and_then(Json::as_object).cloned().unwrap_or_default();
        for (name, value) in kwargs.iter().filter(|(name, _)| *name != "context") {
            if !method.parameters().iter().any(|(known, _)| known == name) {
                let function = if method == Method::SearchRead { "_read_format" } else { method.name() };
                let message = format!("BaseModel.{function}() got an unexpected keyword argument '{name}'");
                return Err(Refusal::new(Exception::Type, message));
            }
            named.insert(name.clone(), value.clone());
        }
        let absent = method.parameters().iter().find(|(name, required)| *required && !named.contains_key(*name));
        if let Some((name, _)) = absent {
            let owner = if method == Method::HasAccess { "BaseModel".to_owned() } else { class(model) };
            let function = format!("{owner}.{}", method.name());
            let message = format!("{function}() missing 1 required positional argument: '{name}'");
            return Err(Refusal::new(Exception::Type, message));
        }
        let single = named.get("vals_list").is_some_and(Json::is_object);
        Ok(Self { model: known, method, ids, named, context, single })
    }

    /// Reads the path and body of JSON-2: `{"ids": …, "context": …, <argument>: …}`.
    pub(crate) fn named(model: &str, method: &str, body: &Map<String, Json>) -> Result<Self, Refusal> {
        let not_found = |message: String| Refusal::new(Exception::NotFound, message);
        let wrong = |message: String| Refusal::new(Exception::Unprocessable, message);
        let known = Model::parse(model).ok_or_else(|| not_found(format!("the model '{model}' does not exist")))?;
        if method.starts_with('_') {
            return Err(Refusal::access(format!(
                "Private methods (such as '{model}.{method}') cannot be called remotely."
            )));
        }
        let missing = || not_found(format!("The method '{model}.{method}' does not exist"));
        let method = Method::parse(method, known).ok_or_else(missing)?;
        if method.takes_no_ids() && body.contains_key("ids") {
            return Err(wrong(format!("cannot call {model}.{} with ids", method.name())));
        }
        let parameters = method.parameters();
        if let Some((name, _)) = parameters.iter().find(|(name, required)| *required && !body.contains_key(*name)) {
            return Err(wrong(format!("missing a required argument: '{name}'")));
        }
        let mut named = body.clone();
        let ids = named.shift_remove("ids").map(|ids| read_ids(&ids)).unwrap_or_default();
        let context =
            named.shift_remove("context").and_then(|context| context.as_object().cloned()).unwrap_or_default();
        if let Some(name) = named.keys().find(|name| !parameters.iter().any(|(known, _)| known == name)) {
            return Err(wrong(format!("got an unexpected keyword argument '{name}'")));
        }
        Ok(Self { model: known, method, ids, named, context, single: false })
    }
}

/// One id or a list of them.
fn read_ids(json: &Json) -> Vec<Id> {
    match json {
        Json::Array(items) => items.iter().filter_map(Json::as_i64).map(Id).collect(),
        single => single.as_i64().map(Id).into_iter().collect(),
    }
}

/// The Python class of a model: `res.partner` is `ResPartner`.
fn class(model: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    model.split(['.', '_']).map(capital).collect()
}

/// The versions in which the dialect of named arguments is spoken.
pub(crate) fn speaks_json2(version: OdooVersion) -> bool {
    version >= OdooVersion::V19
}
