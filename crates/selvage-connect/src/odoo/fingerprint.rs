//! What a server has of what is needed: its version, and of models their fields and the account's rights. Asked with reads alone;
//! no method that changes something is ever called to find out. What could not be asked is left out: unknown is not missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Odoo;
use super::answer;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::needs::Right;
use super::server::Server;

/// What is to be asked of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Fields, by every name that they may have.
    pub fields: BTreeSet<String>,
    /// Rights of the account.
    pub rights: BTreeSet<Right>,
}

/// What is to be asked, by model.
pub type Questions = BTreeMap<String, Question>;

/// A field as the server describes it to this account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSeen {
    /// The type, as `many2one`, `float`, `datetime`.
    pub kind: String,
    /// The model that a relation points to.
    pub relation: Option<String>,
    /// Computed, locked, or of a model that this account may not change.
    pub readonly: bool,
    /// The words of a selection.
    pub words: Vec<String>,
}

/// What the server has of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSeen {
    /// There is no such model: its module is not installed.
    Absent,
    /// It is there.
    There {
        /// Those of the fields asked for that it has; `None` where its fields could not be asked.
        fields: Option<BTreeMap<String, FieldSeen>>,
        /// Whether the account has each right; one that could not be asked is left out.
        rights: BTreeMap<Right, bool>,
    },
}

/// What a server has, as one account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Version, dialect and user.
    pub server: Server,
    /// By model; one that could not be asked is left out.
    pub models: BTreeMap<String, ModelSeen>,
}

/// The two methods that say whether an account has a right: from 18, and before.
const HAS_ACCESS: &str = "has_access";
const CHECK_RIGHTS: &str = "check_access_rights";

impl Odoo {
    /// What this server has of what is asked. Calls go one after the other, so that nobody else waits for them: one for each
    /// model and one for each right.
    ///
    /// # Errors
    /// [`Failure`] where the server cannot be asked at all; nothing was changed.
    pub async fn fingerprint(&self, questions: &Questions) -> Result<Fingerprint, Failure> {
        let server = self.server().await?;
        let mut asking = Asking { odoo: self, method: None };
        let mut models = BTreeMap::new();
        for (model, question) in questions {
            if let Some(seen) = asking.model(model, question).await? {
                models.insert(model.clone(), seen);
            }
        }
        Ok(Fingerprint { server: server.as_ref().clone(), models })
    }
}

/// One round of questions.
struct Asking<'a> {
    odoo: &'a Odoo,
    /// The method that this server answers rights by, once it is known.
    method: Option<&'static str>,
}

impl Asking<'_> {
    async fn model(&mut self, model: &str, question: &Question) -> Result<Option<ModelSeen>, Failure> {
        let fields = match self.fields(model, &question.fields).await {
            Ok(fields) => Some(fields),
            Err(failure) if says_absent(&failure, model) => return Ok(Some(ModelSeen::Absent)),
            Err(Failure::Refused { .. }) => None,
            Err(failure) => return Err(failure),
        };
        let mut rights = BTreeMap::new();
        for right in &question.rights {
            if let Some(may) = self.right(model, *right).await? {
                rights.insert(*right, may);
            }
        }
        if fields.is_none() && rights.is_empty() {
            return Ok(None);
        }
        Ok(Some(ModelSeen::There { fields, rights }))
    }

    async fn fields(&self, model: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, FieldSeen>, Failure> {
        // An empty list would ask for all fields; every model has an id.
        let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        wanted.push("id");
        let call = Call::read(model, "fields_get", &Scope::default())
            .arg("allfields", wanted)
            .arg("attributes", json!(["type", "relation", "readonly", "selection"]));
        let answer = self.odoo.call(call).await?;
        let Value::Object(told) = &answer else {
            return Err(Failure::protocol(format!("fields_get of `{model}` answered {}", answer::shape(&answer))));
        };
        told.iter().map(|(name, told)| Ok((name.clone(), field(told)?))).collect()
    }

    /// Whether the account has this right; `None` where the server does not say.
    async fn right(&mut self, model: &str, right: Right) -> Result<Option<bool>, Failure> {
        let methods: &[&'static str] = match self.method {
            Some(HAS_ACCESS) => &[HAS_ACCESS],
            Some(_) => &[CHECK_RIGHTS],
            None => &[HAS_ACCESS, CHECK_RIGHTS],
        };
        for method in methods {
            match self.odoo.call(ask_right(model, method, right)).await {
                Ok(Value::Bool(may)) => {
                    self.method = Some(method);
                    return Ok(Some(may));
                }
                // The answer of a server that raises instead of saying no.
                Err(Failure::Refused { kind: Refusal::Access, .. }) => return Ok(Some(false)),
                Ok(_) | Err(Failure::Refused { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }
}

fn ask_right(model: &str, method: &str, right: Right) -> Call {
    let call = Call::read(model, method, &Scope::default()).arg("operation", right.as_str());
    match method {
        // A method of records: of none, it answers for the model.
        HAS_ACCESS => call.arg("ids", json!([])),
        _ => call.arg("raise_exception", false),
    }
}

/// Whether a refused `fields_get` says that the model is not there: it can refuse for nothing else but rights.
fn says_absent(failure: &Failure, model: &str) -> bool {
    match failure {
        Failure::Refused { kind: Refusal::NotFound, .. } => true,
        Failure::Refused { kind: Refusal::User | Refusal::Value, message, .. } => message.contains(model),
        _ => false,
    }
}

fn field(told: &Value) -> Result<FieldSeen, Failure> {
    let pairs = told.get("selection").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let word = |pair: &Value| pair.get(0).and_then(Value::as_str).map(str::to_owned);
    Ok(FieldSeen {
        kind: answer::text(told, "type")?.to_owned(),
        relation: told.get("relation").and_then(Value::as_str).map(str::to_owned),
        readonly: told.get("readonly").and_then(Value::as_bool).unwrap_or(false),
        words: pairs.iter().filter_map(word).collect(),
    })
}

#[cfg(test)]
mod tests;
