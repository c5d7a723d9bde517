//! `read_group`: how many records there are of each value of one field, and what their numbers come to. One field at a time and
//! no periods of dates; a client that needs more reads the records.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::refusal::{Exception, Refusal};
use super::schema::Model;
use super::search::Page;
use super::transaction::Transaction;
use super::value::{decimal, float};

impl Transaction<'_> {
    /// The groups of the records that satisfy the domain, in the order of their values.
    pub(crate) fn read_group(&self, model: Model, domain: &Json, named: &Map<String, Json>) -> Result<Json, Refusal> {
        let by = texts(named.get("groupby")).into_iter().next().unwrap_or_default();
        if model.field(&by, self.env.version).is_none() {
            return Err(Refusal::value(format!("Invalid field '{by}' on model '{}'", model.name())));
        }
        let wanted = texts(named.get("fields"));
        let sums = wanted.iter().filter_map(|field| field.split_once(':'));
        let sums: Vec<(String, String)> = sums.map(|(name, how)| (name.to_owned(), how.to_owned())).collect();
        if let Some((_, how)) = sums.iter().find(|(_, how)| !matches!(how.as_str(), "count" | "sum")) {
            return Err(Refusal::new(Exception::Value, format!("Invalid aggregate method: '{how}'")));
        }
        let found = self.search(model, domain, &Page::default())?;
        let mut fields = vec![by.clone()];
        fields.extend(sums.iter().map(|(name, _)| name.clone()).filter(|name| name != "id"));
        let mut groups: BTreeMap<String, (Json, Vec<Json>)> = BTreeMap::new();
        for record in self.read(model, &found, &fields, true)? {
            let value = record.get(&by).cloned().unwrap_or(Json::Bool(false));
            groups.entry(value.to_string()).or_insert_with(|| (value, Vec::new())).1.push(record);
        }
        Ok(groups.into_values().map(|(value, records)| group(&by, &sums, domain, &value, &records)).collect())
    }
}

fn group(by: &str, sums: &[(String, String)], domain: &Json, value: &Json, records: &[Json]) -> Json {
    let mut told = Map::new();
    told.insert(by.to_owned(), value.clone());
    told.insert(format!("{by}_count"), json!(records.len()));
    for (name, how) in sums {
        let sum = || records.iter().filter_map(|record| record.get(name).and_then(decimal)).sum::<Decimal>();
        told.insert(name.clone(), if how == "count" { json!(records.len()) } else { float(sum()) });
    }
    // A many2one is searched by its id.
    let searched = value.get(0).filter(|_| value.is_array()).unwrap_or(value);
    let mut narrowed = vec![json!([by, "=", searched])];
    let before = domain.as_array().map(Vec::as_slice).unwrap_or_default();
    if !before.is_empty() {
        narrowed.insert(0, json!("&"));
        narrowed.extend_from_slice(before);
    }
    told.insert("__domain".to_owned(), Json::Array(narrowed));
    Json::Object(told)
}

fn texts(json: Option<&Json>) -> Vec<String> {
    match json {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        Some(Json::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}
