//! Looks up what mappings must know of other records: external ids, business keys, companies. Questions of one kind go
//! to the system together, and what rarely changes is remembered for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use selvage_connect::odoo::Scope as CallScope;
use selvage_mapping::{CompiledMapping, Filter, LinkAnswer, LinkQuery, Links};
use selvage_model::code;
use selvage_model::name::{AttributeName, ObjectName};
use selvage_model::problem::Problem;
use serde_json::{Value, json};

use crate::company;
use crate::reach::Reach;
use crate::trouble::Trouble;
use crate::whole;

/// Answers every question. Business keys are looked for in these companies; where none are named, in those of every site.
pub(crate) async fn look_up(reach: &Reach, questions: Vec<LinkQuery>, companies: &[i64]) -> Result<Links, Trouble> {
    let mut links = Links::new();
    let mut external: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut keys: BTreeMap<ObjectName, BTreeSet<i64>> = BTreeMap::new();
    let mut attributes: BTreeMap<(ObjectName, AttributeName), BTreeSet<i64>> = BTreeMap::new();
    let questions: BTreeSet<LinkQuery> = questions.into_iter().collect();
    for question in questions {
        match &question {
            LinkQuery::ExternalId { field, id } => {
                external.entry(field.clone()).or_default().insert(*id);
            }
            LinkQuery::Key { object, id } => {
                keys.entry(object.clone()).or_default().insert(*id);
            }
            LinkQuery::Attribute { object, attribute, id } => {
                attributes.entry((object.clone(), attribute.clone())).or_default().insert(*id);
            }
            LinkQuery::Site { .. } | LinkQuery::Company { .. } => {
                let answer = of_company(reach, &question).await?;
                links.insert(question, answer);
            }
            LinkQuery::ByExternalId { external_id } => {
                let found = reach.served.connection.ask(reach.odoo.by_external_id(external_id)).await?;
                links.insert(question, found.map_or(LinkAnswer::Missing, |(_, id)| LinkAnswer::Id(id)));
            }
            LinkQuery::ByKey { object, key } => {
                let identity = reach.active.fabric.newest_object(object).and_then(|object| object.identity.first());
                let answer = match identity {
                    Some(identity) => by_attribute(reach, object, &identity.value, key, companies).await?,
                    None => LinkAnswer::Missing,
                };
                links.insert(question, answer);
            }
            LinkQuery::ByAttribute { object, attribute, value } => {
                let answer = by_attribute(reach, object, attribute, value, companies).await?;
                links.insert(question, answer);
            }
        }
    }
    for (field, ids) in external {
        external_ids(reach, &field, ids, &mut links).await?;
    }
    for (object, ids) in keys {
        business_keys(reach, &object, ids, &mut links).await?;
    }
    for ((object, attribute), ids) in attributes {
        let ids: Vec<i64> = ids.into_iter().collect();
        for (id, answer) in texts(reach, &object, Some(&attribute), &ids).await? {
            let (object, attribute) = (object.clone(), attribute.clone());
            links.insert(LinkQuery::Attribute { object, attribute, id }, answer);
        }
    }
    Ok(links)
}

async fn of_company(reach: &Reach, question: &LinkQuery) -> Result<LinkAnswer, Trouble> {
    let known = reach.served.connection.companies().await?;
    let fabric = &reach.active.fabric;
    Ok(match question {
        LinkQuery::Site { company } => company::site_of(fabric, reach.system(), &known, *company)
            .map_or(LinkAnswer::Missing, |site| LinkAnswer::Text(site.to_string())),
        LinkQuery::Company { site } if fabric.sites.contains_key(site) => {
            LinkAnswer::Id(company::of_site(fabric, reach.system(), &known, site)?)
        }
        _ => LinkAnswer::Missing,
    })
}

async fn external_ids(reach: &Reach, field: &str, ids: BTreeSet<i64>, links: &mut Links) -> Result<(), Trouble> {
    let connection = &reach.served.connection;
    let model = whole::relation(reach, reach.mapping.record(), field).await?;
    let mut unknown = Vec::new();
    let mut put = |id: i64, answer: LinkAnswer| {
        links.insert(LinkQuery::ExternalId { field: field.to_owned(), id }, answer);
    };
    for id in ids {
        match connection.external_ids.get(&(model.clone(), id)) {
            Some(external_id) => put(id, LinkAnswer::Text(external_id)),
            None => unknown.push(id),
        }
    }
    let mut found = match unknown.is_empty() {
        false => connection.ask(reach.odoo.external_ids(&model, &unknown)).await?,
        true => BTreeMap::new(),
    };
    for id in unknown {
        match found.remove(&id) {
            Some(external_id) => {
                connection.external_ids.put((model.clone(), id), external_id.clone());
                put(id, LinkAnswer::Text(external_id));
            }
            None => put(id, LinkAnswer::Missing),
        }
    }
    Ok(())
}

async fn business_keys(
    reach: &Reach,
    object: &ObjectName,
    ids: BTreeSet<i64>,
    links: &mut Links,
) -> Result<(), Trouble> {
    let connection = &reach.served.connection;
    let mut unknown = Vec::new();
    for id in ids {
        match connection.keys.get(&(object.clone(), id)) {
            Some(key) => links.insert(LinkQuery::Key { object: object.clone(), id }, LinkAnswer::Text(key)),
            None => unknown.push(id),
        }
    }
    for (id, answer) in texts(reach, object, None, &unknown).await? {
        if let LinkAnswer::Text(key) = &answer {
            connection.keys.put((object.clone(), id), key.clone());
        }
        links.insert(LinkQuery::Key { object: object.clone(), id }, answer);
    }
    Ok(())
}

/// The business keys of these records of an object, or the texts of another attribute.
async fn texts(
    reach: &Reach,
    object: &ObjectName,
    attribute: Option<&AttributeName>,
    ids: &[i64],
) -> Result<Vec<(i64, LinkAnswer)>, Trouble> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mapping = mapping_of(reach, object)?;
    // Archived or of another site: what is linked is named all the same.
    let scope = CallScope { active_test: false, ..reach.call_scope(None).await? };
    let fields = attribute.map_or_else(|| mapping.key_fields(), |attribute| mapping.fields_of(attribute));
    let find = reach.odoo.find(mapping.record(), ids, &fields, &scope);
    let records = reach.served.connection.ask(find).await?;
    let answer = |id: i64| {
        let record = records.iter().find(|record| record.get("id").and_then(Value::as_i64) == Some(id))?;
        let text = attribute.map_or_else(|| mapping.key(record), |attribute| mapping.text(attribute, record));
        Some(LinkAnswer::Text(text.ok().flatten()?))
    };
    Ok(ids.iter().map(|id| (*id, answer(*id).unwrap_or(LinkAnswer::Missing))).collect())
}

async fn by_attribute(
    reach: &Reach,
    object: &ObjectName,
    attribute: &AttributeName,
    value: &str,
    companies: &[i64],
) -> Result<LinkAnswer, Trouble> {
    let mapping = mapping_of(reach, object)?;
    let condition = match mapping.filter(attribute, &Value::from(value)) {
        Ok(Filter::Id(id)) => json!(["id", "=", id]),
        Ok(Filter::Equals { field, value }) => json!([field, "=", value]),
        Ok(Filter::OneOf { field, values }) => json!([field, "in", values]),
        // A key that this system cannot have, or one that is itself a link.
        Ok(_) | Err(_) => return Ok(LinkAnswer::Missing),
    };
    let named = (!companies.is_empty()).then(|| companies.to_vec());
    let scope = reach.call_scope(named).await?;
    let fields = mapping.fields_of(attribute);
    let search = reach.odoo.search(mapping.record(), vec![condition], &fields, &scope, Some(2));
    let records = reach.served.connection.ask(search).await?;
    match records.as_slice() {
        [] => Ok(LinkAnswer::Missing),
        [only] => Ok(only.get("id").and_then(Value::as_i64).map_or(LinkAnswer::Missing, LinkAnswer::Id)),
        _ => {
            let detail = format!("several records of `{}` have the key `{value}` of {object}", reach.system());
            Err(Problem::new(422, code::KEY_AMBIGUOUS, detail).into())
        }
    }
}

fn mapping_of(reach: &Reach, object: &ObjectName) -> Result<Arc<CompiledMapping>, Trouble> {
    let newest = reach
        .active
        .fabric
        .newest_object(object)
        .ok_or_else(|| Problem::new(502, code::VERSION_UNMAPPED, format!("object `{object}` is not declared")))?;
    Ok(reach.active.mapping(&newest.reference(), reach.system(), reach.major)?)
}
