//! What server this is: version, dialect, the account's user, companies and the fields of models. Asked once and kept.
//! It never decides by the version what a field list can tell.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::Odoo;
use super::answer;
use super::call::{Call, CallClass, Scope};
use super::dialect::Dialect;
use super::failure::{Failure, Refusal};
use super::wire::Request;

/// The server's version, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdooVersion {
    /// As 18; of an online release such as `saas~18.2`, 18.
    pub major: u32,
    /// As 0.
    pub minor: u32,
    /// The whole text, as `18.0+e-20241005`.
    pub text: String,
}

/// What was learnt from the server before the first call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its version.
    pub version: OdooVersion,
    /// The dialect that is used: JSON-2 where the server has it and nothing else is configured.
    pub dialect: Dialect,
    /// The id of the account's user.
    pub user: i64,
}

/// A company of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Its id.
    pub id: i64,
    /// Its name, which users edit.
    pub name: String,
    /// Its company registry number.
    pub registry: Option<String>,
    /// Its external id, as `base.main_company`.
    pub external_id: Option<String>,
}

/// What a model says of one of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The type, as `many2one`, `float`, `datetime`.
    pub kind: String,
    /// The model that a relation points to.
    pub relation: Option<String>,
    /// Computed or locked.
    pub readonly: bool,
    /// May not be empty.
    pub required: bool,
}

/// The fields of a model by name.
pub type Fields = BTreeMap<String, Field>;

impl Odoo {
    /// Which server this is. Asked once; a failure is not kept.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn server(&self) -> Result<Arc<Server>, Failure> {
        let learn = || async { self.learn().await.map(Arc::new).map_err(|failure| self.clean(failure)) };
        self.inner.server.get_or_try_init(learn).await.cloned()
    }

    /// Asks again which server this is. Whether it is another than the one that this handle knows: then the handle knows
    /// nothing that holds any more.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn is_another(&self) -> Result<bool, Failure> {
        let Some(known) = self.inner.server.get() else { return self.server().await.map(|_| false) };
        let now = self.learn().await.map_err(|failure| self.clean(failure))?;
        Ok(now != **known)
    }

    async fn learn(&self) -> Result<Server, Failure> {
        // While every key rests, not even the version is asked.
        let key = self.key()?;
        let (version, dialect) = self.choose().await?;
        let user = self.log_in(dialect, key).await?;
        tracing::info!(system = %self.config().system, version = %version.text, ?dialect, user, "odoo found");
        Ok(Server { version, dialect, user })
    }

    /// `/web/version`, which servers with JSON-2 have; `None` from one that has it not.
    pub(super) async fn web_version(&self) -> Result<Option<OdooVersion>, Failure> {
        let request = Request {
            path: "/web/version".to_owned(),
            body: None,
            dialect: Dialect::JsonRpc,
            bearer: None,
            sent_by: None,
        };
        let reply = self.exchange(&request, CallClass::Read).await?;
        let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return Ok(None) };
        if reply.status != 200 {
            return Ok(None);
        }
        Ok(version(body.get("version_info"), body.get("version")))
    }

    /// The companies of the database that the account can see. Asked once.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn companies(&self) -> Result<Vec<Company>, Failure> {
        self.inner.companies.get_or_try_init(|| self.ask_companies()).await.cloned()
    }

    async fn ask_companies(&self) -> Result<Vec<Company>, Failure> {
        let scope = Scope::default();
        let wanted = ["name".to_owned(), "company_registry".to_owned()];
        let records = self.search("res.company", vec![], &wanted, &scope, None).await?;
        let ids = records.iter().map(|record| answer::id(record, "id")).collect::<Result<Vec<_>, _>>()?;
        let mut external = self.external_ids("res.company", &ids).await?;
        let mut companies = Vec::with_capacity(records.len());
        for (record, id) in records.iter().zip(ids) {
            let registry = record.get("company_registry").and_then(Value::as_str).map(str::to_owned);
            let name = answer::text(record, "name")?.to_owned();
            companies.push(Company { id, name, registry, external_id: external.remove(&id) });
        }
        Ok(companies)
    }

    /// The fields of a model. Asked once per model.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn fields(&self, model: &str) -> Result<Arc<Fields>, Failure> {
        let known = self.inner.fields.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned();
        if let Some(fields) = known {
            return Ok(fields);
        }
        let wanted = json!(["type", "relation", "required", "readonly"]);
        let answer = self.call(Call::read(model, "fields_get", &Scope::default()).arg("attributes", wanted)).await?;
        let Value::Object(told) = answer else {
            return Err(Failure::protocol(format!("fields_get of `{model}` answered {}", answer::shape(&answer))));
        };
        let mut fields = Fields::new();
        for (name, told) in &told {
            fields.insert(name.clone(), field(told)?);
        }
        let fields = Arc::new(fields);
        let mut cache = self.inner.fields.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(model.to_owned(), Arc::clone(&fields));
        Ok(fields)
    }

    /// The first of these names that the model has as a field.
    pub(super) async fn field_named(&self, model: &str, names: &[&'static str]) -> Result<&'static str, Failure> {
        let fields = self.fields(model).await?;
        let found = names.iter().copied().find(|name| fields.contains_key(*name));
        found.ok_or_else(|| {
            let message = format!("`{model}` of this server has none of the fields {}", names.join(", "));
            Failure::refused(Refusal::NotFound, message)
        })
    }
}

fn field(told: &Value) -> Result<Field, Failure> {
    let flag = |name: &str| told.get(name).and_then(Value::as_bool).unwrap_or(false);
    Ok(Field {
        kind: answer::text(told, "type")?.to_owned(),
        relation: told.get("relation").and_then(Value::as_str).map(str::to_owned),
        readonly: flag("readonly"),
        required: flag("required"),
    })
}

/// The version in the answer of `common.version`.
pub(super) fn version_of(told: &Value) -> Result<OdooVersion, Failure> {
    version(told.get("server_version_info"), told.get("server_version"))
        .ok_or_else(|| Failure::protocol("the server does not say its version"))
}

/// From `[18, 0, 0, "final", 0, ""]`; the major of an online release is the text `saas~18`.
fn version(info: Option<&Value>, text: Option<&Value>) -> Option<OdooVersion> {
    let part = |index: usize| {
        let part = info?.get(index)?;
        let told = part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        told.trim_start_matches("saas~").parse::<u32>().ok()
    };
    let (major, minor) = (part(0)?, part(1)?);
    let text = text.and_then(Value::as_str).map_or_else(|| format!("{major}.{minor}"), str::to_owned);
    Some(OdooVersion { major, minor, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (info, text, expected) in [
            (json!([18, 0, 0, "final", 0, ""]), json!("18.0+e-20241005"), Some((18, 0, "18.0+e-20241005"))),
            (json!(["saas~18", 2, 0, "final", 0, ""]), Value::Null, Some((18, 2, "18.2"))),
            (json!([19, 0, 0, "final", 0, ""]), json!("19.0"), Some((19, 0, "19.0"))),
            (json!("19.0"), json!("19.0"), None),
        ] {
            let read = version(Some(&info), Some(&text));
            let read = read.as_ref().map(|v| (v.major, v.minor, v.text.as_str()));
            assert_eq!(read, expected, "{info}");
        }
    }
}
