//! From the JSON of a create or write to values: types, selections, relations and the command lists of x2many fields.
//! Refuses what Odoo refuses, with its words; changes nothing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Stamp, Value, cents, decimal, repr, truthy};

/// One command of a one2many: `(0, 0, values)`, `(1, id, values)`, `(2, id)`, `(4, id)`.
#[derive(Debug)]
pub(crate) enum Command {
    Create(serde_json::Map<String, Json>),
    Update(Id, serde_json::Map<String, Json>),
    Delete(Id),
    Link(Id),
}

impl Transaction<'_> {
    /// Reads a value for a field. `old` is the row as it stands, for the fields that are changed in part.
    pub(crate) fn input(&self, model: Model, field: &Field, json: &Json, old: &Row) -> Result<Value, Refusal> {
        let empty = matches!(json, Json::Null | Json::Bool(false));
        Ok(match field.kind {
            Kind::Bool => Value::Bool(truthy(json)),
            Kind::Int | Kind::AnyId => Value::Int(if empty { 0 } else { integer(json)? }),
            Kind::Float(rounded) => self.number_input(field, rounded, json, old)?,
            _ if empty => Value::Null,
            Kind::Elsewhere(_) => return Err(unsimulated(model, field)),
            Kind::Date => Value::from(date(json)?),
            Kind::Char | Kind::Text => text(json).into(),
            Kind::Datetime => {
                let written = text(json);
                let stamp = Stamp::parse(&written);
                let wrong =
                    || Refusal::value(format!("time data '{written}' does not match format '%Y-%m-%d %H:%M:%S'"));
                Value::Stamp(stamp.ok_or_else(wrong)?)
            }
            Kind::Selection(pairs) => {
                let key = text(json);
                if !pairs.iter().any(|(known, _)| *known == key) {
                    let (_, owner) = owner(model);
                    return Err(Refusal::value(format!("Wrong value for {owner}.{}: {}", field.name, repr(json))));
                }
                key.into()
            }
            Kind::One(target) => Value::Ref(self.target(model, field, target, json)?),
            Kind::Many(target) => Value::Refs(self.many(model, field, target, json, old.references(field.column))?),
            Kind::Children(..) => Value::Null,
        })
    }

    fn number_input(&self, field: &Field, rounded: bool, json: &Json, old: &Row) -> Result<Value, Refusal> {
        let number = match json {
            Json::Null | Json::Bool(false) => Decimal::ZERO,
            Json::Bool(true) => Decimal::ONE,
            _ => {
                let wrong = || Refusal::value(format!("could not convert string to float: {}", repr(json)));
                decimal(json).ok_or_else(wrong)?
            }
        };
        let number = if rounded { cents(number) } else { number };
        if !field.per_company {
            return Ok(Value::Number(number));
        }
        let mut values = match old.get(field.column) {
            Value::PerCompany(values) => values.clone(),
            _ => BTreeMap::new(),
        };
        values.extend(self.company().map(|company| (company, number)));
        Ok(Value::PerCompany(values))
    }

    fn target(&self, model: Model, field: &Field, target: Model, json: &Json) -> Result<Id, Refusal> {
        let id = Id(integer(json)?);
        if self.store.row(target, id).is_none() {
            let (label, owner) = owner(model);
            return Err(Refusal::dangling(label, owner, field.name));
        }
        Ok(id)
    }

    fn many(&self, model: Model, field: &Field, target: Model, json: &Json, old: &[Id]) -> Result<Vec<Id>, Refusal> {
        let wrong = || Refusal::value(format!("Wrong value for {}.{}: {}", model.name(), field.name, repr(json)));
        let mut ids = old.to_vec();
        for item in json.as_array().ok_or_else(wrong)? {
            let parts = item.as_array().map(Vec::as_slice).unwrap_or_default();
            let one =
                |at: usize| parts.get(at).map_or_else(|| Err(wrong()), |id| self.target(model, field, target, id));
            match (item, parts.first().and_then(Json::as_i64)) {
                (Json::Number(_), _) => ids.push(self.target(model, field, target, item)?),
                (_, Some(2 | 3)) => {
                    let gone = one(1)?;
                    ids.retain(|id| *id != gone);
                }
                (_, Some(4)) => ids.push(one(1)?),
                (_, Some(5)) => ids.clear(),
                (_, Some(6)) => {
                    let named = parts.get(2).and_then(Json::as_array).ok_or_else(wrong)?;
                    ids = named.iter().map(|id| self.target(model, field, target, id)).collect::<Result<_, _>>()?;
                }
                _ => return Err(wrong()),
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        Ok(ids)
    }
}

/// Reads the commands of a one2many.
pub(crate) fn commands(field: &str, json: &Json) -> Result<Vec<Command>, Refusal> {
    let wrong = || Refusal::value(format!("Wrong value for {field}: {}", repr(json)));
    let mut commands = Vec::new();
    for item in json.as_array().ok_or_else(wrong)? {
        let parts = item.as_array().ok_or_else(wrong)?;
        let id = || parts.get(1).and_then(Json::as_i64).map(Id).ok_or_else(wrong);
        let values = || parts.get(2).and_then(Json::as_object).cloned().ok_or_else(wrong);
        match parts.first().and_then(Json::as_i64) {
            Some(0) => commands.push(Command::Create(values()?)),
            Some(1) => commands.push(Command::Update(id()?, values()?)),
            Some(2 | 3) => commands.push(Command::Delete(id()?)),
            Some(4) => commands.push(Command::Link(id()?)),
            _ => return Err(wrong()),
        }
    }
    Ok(commands)
}

/// The label and name of the model whose table holds the column: a product's fields are its template's.
pub(crate) fn owner(model: Model) -> (&'static str, &'static str) {
    let owner = if model == Model::Product { Model::Template } else { model };
    (owner.info().label, owner.name())
}

/// What a relation to a model that is not there is told, instead of a lie.
fn unsimulated(model: Model, field: &Field) -> Refusal {
    Refusal::value(format!("{}.{} leads to a model that the simulated Odoo does not have", model.name(), field.name))
}

/// A date; of a datetime, its day.
fn date(json: &Json) -> Result<String, Refusal> {
    let written = text(json);
    let stamp = Stamp::parse(&written);
    let wrong = || Refusal::value(format!("time data '{written}' does not match format '%Y-%m-%d'"));
    stamp.map(Stamp::day).ok_or_else(wrong)
}

fn integer(json: &Json) -> Result<i64, Refusal> {
    let whole = |number: Decimal| i64::try_from(number.trunc()).ok();
    let wrong = || Refusal::value(format!("invalid literal for int() with base 10: {}", repr(json)));
    decimal(json).and_then(whole).ok_or_else(wrong)
}

fn text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => repr(other),
    }
}
