//! What a database lacks on request: models, fields, rights. For tests of what is done about it; nothing stored changes.
//! A renamed field is told by `fields_get` alone.

use serde_json::{Map, Value as Json, json};

use super::OdooVersion;
use super::call::{Call, Method};
use super::database::Login;
use super::execute::Answer;
use super::refusal::{Exception, Refusal};
use super::schema::Kind;

/// Something that is not there from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// A model, as when its module is not installed.
    Model(String),
    /// A field.
    Field {
        /// The model.
        model: String,
        /// Its name.
        field: String,
        /// What it is called instead, where it was renamed.
        now: Option<String>,
    },
    /// A right on a model: `read`, `write`, `create` or `unlink`.
    Right {
        /// The model.
        model: String,
        /// Which.
        right: String,
        /// Whose; everybody's where none is named.
        login: Option<String>,
    },
}

impl Hidden {
    /// Reads the JSON of the control endpoint: `{"model"}`, `{"model", "field", "now"}` or `{"model", "right", "login"}`.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn read(json: &Json) -> Result<Self, String> {
        let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let model = text("model").ok_or("`model` is missing")?;
        match (text("field"), text("right")) {
            (Some(_), Some(_)) => Err("`field` and `right` exclude each other".to_owned()),
            (Some(field), None) => Ok(Self::Field { model, field, now: text("now") }),
            (None, Some(right)) if !["read", "write", "create", "unlink"].contains(&right.as_str()) => {
                Err(format!("`{right}` is no right"))
            }
            (None, Some(right)) => Ok(Self::Right { model, right, login: text("login") }),
            (None, None) => Ok(Self::Model(model)),
        }
    }
}

/// Refuses a call that needs what is hidden, as Odoo would.
pub(crate) fn refuse(hidden: &[Hidden], version: OdooVersion, login: &Login, call: &Call) -> Result<(), Refusal> {
    let name = call.model.name();
    for one in hidden {
        match one {
            Hidden::Model(model) if model == name => {
                return Err(match version {
                    OdooVersion::V19 => {
                        Refusal::new(Exception::NotFound, format!("the model '{model}' does not exist"))
                    }
                    _ => Refusal::user(format!("Object {model} doesn't exist")),
                });
            }
            Hidden::Field { model, field, .. } if model == name && mentions(call, field) => {
                return Err(Refusal::value(format!("Invalid field '{field}' on model '{model}'")));
            }
            Hidden::Right { model, right, login: whose }
                if is_of(whose.as_deref(), login)
                    && needed(call, version).iter().any(|(of, needs)| of == model && needs == right) =>
            {
                return Err(Refusal::access(format!("You are not allowed to {right} '{model}' ({model}) records.")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The answer without what is hidden.
pub(crate) fn without(hidden: &[Hidden], login: &Login, call: &Call, answer: Answer) -> Answer {
    match (call.method, answer) {
        (Method::FieldsGet, Answer::Value(Json::Object(mut told))) => {
            for one in hidden {
                if let Hidden::Field { model, field, now } = one
                    && model == call.model.name()
                {
                    let described = told.shift_remove(field);
                    if let (Some(now), Some(described)) = (now, described) {
                        told.insert(now.clone(), described);
                    }
                }
            }
            Answer::Value(Json::Object(told))
        }
        (Method::HasAccess | Method::CheckAccessRights, Answer::Value(may)) => {
            let asked = call.named.get("operation").and_then(Json::as_str).unwrap_or_default();
            let taken = hidden.iter().any(|one| match one {
                Hidden::Right { model, right, login: whose } => {
                    model == call.model.name() && right == asked && is_of(whose.as_deref(), login)
                }
                _ => false,
            });
            Answer::Value(if taken { json!(false) } else { may })
        }
        (_, answer) => answer,
    }
}

fn is_of(whose: Option<&str>, login: &Login) -> bool {
    whose.is_none_or(|whose| whose == login.account.login)
}

/// The rights that a call needs: its own, and those of the lines that it makes, changes or takes away with their record.
fn needed(call: &Call, version: OdooVersion) -> Vec<(&'static str, &'static str)> {
    let own = match call.method {
        Method::FieldsGet | Method::HasAccess | Method::CheckAccessRights => return Vec::new(),
        method if method.reads() => "read",
        Method::Create | Method::Load => "create",
        Method::Unlink => "unlink",
        _ => "write",
    };
    let mut needed = vec![(call.model.name(), own)];
    let made = match call.named.get("vals_list") {
        Some(Json::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for values in made.iter().chain(call.named.get("vals")).filter_map(Json::as_object) {
        for (name, value) in values {
            let Some(Kind::Children(lines, _)) = call.model.field(name, version).map(|field| field.kind) else {
                continue;
            };
            let commands = value.as_array().into_iter().flatten().filter_map(|command| command.get(0)?.as_i64());
            let right = |command| Some(*["create", "write", "unlink"].get(usize::try_from(command).ok()?)?);
            needed.extend(commands.filter_map(right).map(|right| (lines.name(), right)));
        }
    }
    needed
}

/// Whether a call names this field: to read, to search by, or to write.
fn mentions(call: &Call, field: &str) -> bool {
    let listed = |name: &str| {
        call.named.get(name).and_then(Json::as_array).is_some_and(|names| names.iter().any(|name| is_path(name, field)))
    };
    let written =
        |values: &Json| values.as_object().is_some_and(|values: &Map<String, Json>| values.contains_key(field));
    let searched = call
        .named
        .get("domain")
        .and_then(Json::as_array)
        .is_some_and(|terms| terms.iter().any(|term| term.get(0).is_some_and(|path| is_path(path, field))));
    let made = match call.named.get("vals_list") {
        Some(Json::Array(all)) => all.iter().any(written),
        Some(one) => written(one),
        None => false,
    };
    let reads_or_loads = call.method != Method::FieldsGet && listed("fields");
    reads_or_loads || searched || made || call.named.get("vals").is_some_and(written)
}

/// Whether a field, a path or a column begins with this field.
fn is_path(name: &Json, field: &str) -> bool {
    name.as_str().and_then(|name| name.split(['.', '/']).next()) == Some(field)
}
