//! A revision: the object as it stands with what is given, to be made beside the record and in its place. The record
//! itself is never edited, and the revision is told from it by its own name.

use selvage_connect::odoo::Map;
use selvage_model::manifest::object::Attribute;
use selvage_model::problem::FieldError;
use serde_json::{Value, json};

use super::update;
use crate::body::unfit;
use crate::job::Job;
use crate::links;
use crate::reach::{Found, Reach};
use crate::refusal;
use crate::trouble::Trouble;

const REVISION: &str = "revision";
const ACTIVE: &str = "active";

/// What is to be made, and the object that it is to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Revision {
    /// In the system's terms.
    pub(crate) values: Map,
    /// As an object.
    pub(crate) body: Value,
}

/// The revision of the record as it stands.
pub(crate) async fn aim(job: &Job, reach: &Reach, found: &Found, companies: &[i64]) -> Result<Revision, Trouble> {
    let given = &job.asked.body;
    let named = given.get(REVISION).filter(|named| !named.is_null() && *named != "");
    if named.is_none() || named == found.canonical.get(REVISION) {
        let detail = "a name is needed that is another than that of the bill that is revised".to_owned();
        let error = FieldError { pointer: format!("/{REVISION}"), detail };
        return Err(unfit(vec![error], "the revision").into());
    }
    update::own(reach, given, &found.canonical)?;
    let body = merged(&reach.served.object.attributes, &found.canonical, given);
    let questions = reach.mapping.put_links(&body).map_err(|error| refusal::of_put(&error))?;
    let links = links::look_up(reach, questions, companies).await?;
    let values = reach.mapping.put(&body, None, &links).map_err(|error| refusal::of_put(&error))?;
    Ok(Revision { values, body })
}

/// What may be given of the object as it stands, with what is given now. In use, whatever the old one is.
fn merged(attributes: &[Attribute], stands: &Value, given: &Value) -> Value {
    let mut body = serde_json::Map::new();
    for attribute in attributes.iter().filter(|attribute| !attribute.read_only) {
        let name = attribute.name.value.as_str();
        let mut value = stands.get(name).cloned().unwrap_or_default();
        match (given.get(name), value.as_object_mut()) {
            (Some(Value::Object(members)), Some(group)) => group.extend(members.clone()),
            (Some(given), _) => value = given.clone(),
            (None, _) => {}
        }
        if name == ACTIVE {
            value = json!(true);
        }
        if !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    }
    Value::Object(body)
}

/// A revision in the form that its effect keeps.
pub(crate) fn keep(revision: &Revision) -> Value {
    json!({"values": revision.values, "body": revision.body})
}

/// The revision that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<Revision> {
    Some(Revision { values: kept.get("values")?.as_object()?.clone(), body: kept.get("body")?.clone() })
}
