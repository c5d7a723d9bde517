//! The update: a JSON merge of attributes, put into the system's terms against the record as it stands. It changes only
//! what is given, only what its system is the record for, and never the business key.

use selvage_connect::odoo::{FieldTarget, Map};
use selvage_model::code;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Value, json};

use crate::authority;
use crate::job::Job;
use crate::links;
use crate::reach::{Found, Reach};
use crate::refusal;
use crate::scope;
use crate::trouble::Trouble;

/// The attribute that says whether an object is archived, where the object has one.
const ACTIVE: &str = "active";

/// The fields that change, for the record as it stands.
pub(crate) async fn aim(job: &Job, reach: &Reach, found: &Found, companies: &[i64]) -> Result<FieldTarget, Trouble> {
    let body = &job.asked.body;
    rekeyed(reach, body, &found.canonical)?;
    own(reach, body, &found.canonical)?;
    let mut questions = reach.mapping.put_links(body).map_err(|error| refusal::of_put(&error))?;
    questions.extend(reach.mapping.links(&found.record));
    let links = links::look_up(reach, questions, companies).await?;
    let values = reach.mapping.put(body, Some(&found.record), &links);
    let values = values.map_err(|error| refusal::of_put(&scope::veiled(&job.asked.scope, error)))?;
    let was = |field: &String| Some((field.clone(), found.record.get(field)?.clone()));
    let before: Map = values.keys().filter_map(was).collect();
    Ok(FieldTarget { values, before: job.asked.if_match.is_some().then_some(before) })
}

/// Refuses to archive what another system is the record for.
pub(crate) fn may_archive(reach: &Reach, found: &Found) -> Result<(), Problem> {
    let object = &reach.served.object;
    let carried = object.attributes.iter().any(|attribute| attribute.name.value.as_str() == ACTIVE);
    let attribute = match reach.served.identity() {
        _ if carried => ACTIVE,
        Some(identity) => identity.as_str(),
        None => return Ok(()),
    };
    own(reach, &json!({attribute: Value::Null}), &found.canonical)
}

/// INVARIANT: AUTHORITY
pub(super) fn own(reach: &Reach, body: &Value, stands: &Value) -> Result<(), Problem> {
    let fabric = &reach.active.fabric;
    let elsewhere = authority::elsewhere(&reach.served.object, fabric, reach.system(), body, Some(stands));
    if elsewhere.is_empty() {
        return Ok(());
    }
    let detail = "another system is the record for attributes that would change";
    Err(Problem::new(403, code::AUTHORITY_ELSEWHERE, detail).with_errors(elsewhere))
}

fn rekeyed(reach: &Reach, body: &Value, stands: &Value) -> Result<(), Problem> {
    let keys = reach.served.object.identity.iter().map(|name| name.value.as_str());
    let other = |name: &&str| body.get(*name).is_some_and(|given| stands.get(*name) != Some(given));
    let errors: Vec<FieldError> = keys
        .filter(other)
        .map(|name| FieldError {
            pointer: format!("/{name}"),
            detail: "it is the key by which others know the record, which an update does not change".to_owned(),
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(crate::body::unfit(errors, "the change")) }
}

/// A target in the form that its effect keeps.
pub(crate) fn keep(target: &FieldTarget) -> Value {
    json!({"values": target.values, "before": target.before})
}

/// The target that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<FieldTarget> {
    let values = kept.get("values")?.as_object()?.clone();
    Some(FieldTarget { values, before: kept.get("before")?.as_object().cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_survives_its_effect() {
        let values = Map::from_iter([("origin".to_owned(), json!("x"))]);
        for before in [None, Some(Map::from_iter([("origin".to_owned(), json!(false))]))] {
            let target = FieldTarget { values: values.clone(), before };
            assert_eq!(kept(&keep(&target)), Some(target));
        }
    }
}
