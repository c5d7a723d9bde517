//! The fault tests of what changes a record. Each is done to the same record of two simulated Odoos that began alike: in one as it is, and
//! in the other while a call fails and the answer to each call that changes something is lost. What is shown of the record, and how many
//! records of each model came or went, has to be the same in both. INVARIANT: ONE-EFFECT

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_control::desk::Tried;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::object::{Object, Shape};
use selvage_model::verb::{Proof, Verb};
use serde_json::{Value, json};

use super::{Room, Trial, request, told};

/// In this order: what an order goes through, and what ends it last.
const ORDER: [Operation; 16] = [
    Operation::Update,
    Operation::Quarantine,
    Operation::Release,
    Operation::Start,
    Operation::Pause,
    Operation::Finish,
    Operation::Consume,
    Operation::Report,
    Operation::Receive,
    Operation::Ship,
    Operation::Adjust,
    Operation::Scrap,
    Operation::Close,
    Operation::Revise,
    Operation::Cancel,
    Operation::Archive,
];
/// Models whose records are gone soon, whatever became of them.
const WIZARDS: [&str; 4] =
    ["change.production.qty", "mrp.production.backorder", "mrp.consumption.warning", "stock.backorder.confirmation"];
/// How many records are asked whether they can be changed so.
const CANDIDATES: usize = 12;

/// What a change came to: what is shown of the record after it, and by how many the records of each model became more or fewer.
#[derive(PartialEq)]
struct Effect {
    shown: Option<Value>,
    records: BTreeMap<String, i64>,
}

impl Trial<'_> {
    /// Tries everything that the interface lets be done to a record.
    pub(super) async fn change(&self, tried: &mut Tried) {
        let offered = |operation: &Operation| self.serves.operations.iter().any(|it| &it.value == operation);
        for operation in ORDER.into_iter().filter(offered) {
            let what = format!("{}: {operation}", self.interface.reference());
            match self.changed(operation).await {
                Ok(Ok(())) => tried.held.push(what),
                Ok(Err(because)) => tried.fail(self.is_its_own, format!("{what} under faults {because}")),
                Err(because) => tried.skipped.push(format!("{what} is not tried: {because}")),
            }
        }
    }

    /// Whether it came to the same with faults as without; or why it cannot be tried.
    async fn changed(&self, operation: Operation) -> Result<Result<(), String>, String> {
        let record = self.fabric.mapping(&self.serves.object.value, &self.serves.system.value, None);
        let verb = record.and_then(|mapping| Verb::of(operation, &mapping.record)).ok_or("no such record has it")?;
        if verb.proof() == Proof::AtRisk {
            return Err("it is at-risk: where its outcome is not known, a person decides".to_owned());
        }
        let object = self.fabric.objects.get(&self.serves.object.value).ok_or("its object is not known")?;
        let (calm, broken) = self.rooms;
        let mut because = "there is no record that it could be asked of".to_owned();
        for item in self.items(calm).await.into_iter().take(CANDIDATES) {
            let (before, written) = (calm.counts(), calm.last_call());
            let asked = match self.done(verb, &item, object).await {
                Some(Ok(asked)) => asked,
                Some(Err(refused)) => {
                    because = refused;
                    continue;
                }
                None => continue,
            };
            let meant = self.effect(calm, &asked, &before).await;
            let before = broken.counts();
            broken.lose_answers(&calm.changes_since(written));
            let done = broken.until_done(&asked).await;
            broken.mend();
            let found = self.effect(broken, &asked, &before).await;
            return Ok(match done {
                None => Err("did not come through".to_owned()),
                Some(_) if found == meant => Ok(()),
                Some(_) => Err(difference(&meant, &found)),
            });
        }
        Err(because)
    }

    async fn items(&self, room: &Room) -> Vec<Value> {
        let mut list = request(&self.interface.reference(), Operation::List, None, None);
        list.query.clear();
        match room.engine.execute(list).await {
            MediatedAnswer::Done { body, .. } => {
                body.get("items").and_then(Value::as_array).cloned().unwrap_or_default()
            }
            MediatedAnswer::Refused { .. } | MediatedAnswer::Accepted { .. } => Vec::new(),
        }
    }

    /// Does it to a record where all is well: the request that did, or why none does; nothing where it is not known what it could be asked
    /// with.
    async fn done(&self, verb: Verb, item: &Value, object: &Object) -> Option<Result<MediatedRequest, String>> {
        let (id, operation) = (self.id_of(item)?, verb.operation()?);
        let mut refused = None;
        for (number, body) in bodies(verb, item, object).into_iter().enumerate() {
            let key = format!("faults-{operation}-{id}-{number}");
            let asked = request(&self.interface.reference(), operation, Some(body), Some(key));
            let asked = MediatedRequest { id: Some(id.clone()), ..asked };
            match self.rooms.0.engine.execute(asked.clone()).await {
                MediatedAnswer::Done { .. } => return Some(Ok(asked)),
                other => refused = Some(Err(told(&other))),
            }
        }
        refused
    }

    async fn effect(&self, room: &Room, asked: &MediatedRequest, before: &BTreeMap<String, i64>) -> Effect {
        let mut records = room.counts();
        for (model, count) in &mut records {
            *count -= before.get(model).copied().unwrap_or_default();
        }
        // Of what a wizard asked, Odoo forgets everything by itself.
        records.retain(|model, count| *count != 0 && !WIZARDS.contains(&model.as_str()));
        let shown = self.items(room).await.into_iter().find(|item| self.id_of(item) == asked.id);
        Effect { shown: shown.map(without_times), records }
    }
}

/// What a verb may be asked with of this record, the likeliest first.
fn bodies(verb: Verb, item: &Value, object: &Object) -> Vec<Value> {
    let quantity = one_of(item);
    match verb {
        Verb::Update => changed_attribute(item, object).into_iter().collect(),
        Verb::Archive
        | Verb::ReleaseProduction
        | Verb::CancelProduction
        | Verb::CloseMaintenance
        | Verb::StartWork
        | Verb::PauseWork
        | Verb::FinishWork
        | Verb::ReleasePurchase
        | Verb::ReleaseSale => vec![json!({})],
        Verb::ReportProduction => match quantity {
            Some(quantity) => vec![json!({"quantity": quantity}), json!({"quantity": quantity, "lot": "TRIAL-1"})],
            None => Vec::new(),
        },
        Verb::ScrapPosition => quantity.map(|quantity| json!({"quantity": quantity})).into_iter().collect(),
        Verb::ReceivePurchase | Verb::ShipSale | Verb::ShipShipment => line(item).into_iter().collect(),
        Verb::QuarantineLot => vec![json!({"reason": "a trial"})],
        // Which component, which bill or which place it may be is not told by the record.
        Verb::ConsumeComponent | Verb::ReviseBill | Verb::ReleaseLot | Verb::AdjustPosition => Vec::new(),
    }
}

/// One of the first line's product.
fn line(item: &Value) -> Option<Value> {
    let line = item.pointer("/lines/0")?;
    Some(json!({"lines": [{"product": line.get("product")?, "quantity": one_of(line)?}]}))
}

/// Another value of the first text or quantity that may be written.
fn changed_attribute(item: &Value, object: &Object) -> Option<Value> {
    let is_key = |name: &str| object.identity.iter().any(|key| key.value.as_str() == name);
    let mut writable = object.attributes.iter().filter(|it| !it.read_only && !is_key(it.name.value.as_str()));
    writable.find_map(|attribute| {
        let name = attribute.name.value.as_str();
        let other = match (&attribute.shape, item.get(name)?) {
            (Shape::String { .. } | Shape::Text, Value::String(text)) if name != "site" => json!(format!("{text} F")),
            (Shape::Quantity { .. }, quantity @ Value::Object(_)) => one_of(&json!({ "quantity": quantity }))?,
            _ => return None,
        };
        Some(json!({ name: other }))
    })
}

/// One of what is counted in it.
fn one_of(item: &Value) -> Option<Value> {
    let mut members = item.as_object()?.values();
    let unit = members.find_map(|member| member.get("value").and(member.get("unit")))?;
    Some(json!({"value": "1", "unit": unit}))
}

/// Without moments: the two were changed at different ones.
fn without_times(value: Value) -> Value {
    match value {
        Value::String(text) if text.parse::<Timestamp>().is_ok() => Value::Null,
        Value::Array(items) => items.into_iter().map(without_times).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, without_times(value))).collect())
        }
        other => other,
    }
}

/// What is other, in a few words.
fn difference(meant: &Effect, found: &Effect) -> String {
    if meant.records != found.records {
        return format!("made other records than without: {:?} instead of {:?}", found.records, meant.records);
    }
    let members = |shown: &Option<Value>| shown.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let (meant, found) = (members(&meant.shown), members(&found.shown));
    let other = meant.iter().filter(|(name, value)| found.get(*name) != Some(*value));
    let other: Vec<String> = other.map(|(name, _)| format!("`{name}`")).collect();
    format!("left another record than without: {} differ", other.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_told_from_its_double() {
        let of = |produced: &str, moves: i64| Effect {
            shown: Some(json!({"produced": produced, "updated_at": null})),
            records: BTreeMap::from([("stock.move".to_owned(), moves)]),
        };
        assert!(of("1", 1) == of("1", 1));
        assert!(difference(&of("1", 1), &of("1", 2)).contains("other records"));
        assert!(difference(&of("1", 1), &of("2", 1)).contains("`produced` differ"));
        let shown = json!({"at": "2026-11-23T05:31:45Z", "lines": [{"at": "2026-11-23T05:31:45Z", "code": "A-1"}]});
        assert_eq!(without_times(shown), json!({"at": null, "lines": [{"at": null, "code": "A-1"}]}));
    }
}
