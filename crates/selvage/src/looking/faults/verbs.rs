//! The fault tests of what changes a record. Each is done to the same record of two simulated Odoos that began alike: in one as it is, and
//! in the other while a call fails and the answer to each call that changes something is lost. What is shown of the record, and how many
//! records of each model came or went, has to be the same in both. INVARIANT: ONE-EFFECT

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_control::desk::Tried;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::object::Object;
use selvage_model::verb::{Proof, Verb};
use serde_json::Value;

use super::asked::Asking;
use super::room::{Call, Outcome};
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
/// Answers to so many calls of one change are lost, the last of them: what is not clear more often than that goes to a person.
const MOST_LOST: usize = 3;
/// How many records are asked whether they can be changed so.
const CANDIDATES: usize = 50;

/// What a change came to: what is shown of the record after it, and by how many the records of each model became more or fewer.
#[derive(PartialEq)]
struct Effect {
    shown: Option<Value>,
    records: BTreeMap<String, i64>,
}

/// Whether it held under faults, and what became of it where it did not; or why it cannot be tried.
type Held = Result<Result<(), String>, String>;

/// What was done to a record where all is well.
struct Meant {
    asked: MediatedRequest,
    effect: Effect,
    /// The calls that changed something, in their order, and how often each did.
    calls: Vec<(Call, usize)>,
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

    async fn changed(&self, operation: Operation) -> Held {
        let record = self.fabric.mapping(&self.serves.object.value, &self.serves.system.value, None);
        let verb = record.and_then(|mapping| Verb::of(operation, &mapping.record)).ok_or("no such record has it")?;
        let object = self.fabric.objects.get(&self.serves.object.value).ok_or("its object is not known")?;
        if verb.proof() == Proof::AtRisk { self.at_risk(verb, object).await } else { self.same(verb, object).await }
    }

    /// Whether it came to the same with faults as without.
    async fn same(&self, verb: Verb, object: &Object) -> Held {
        let broken = self.rooms.1;
        let items = self.items(self.rooms.0).await;
        let meant = match self.meant(verb, object, &items).await {
            Ok(meant) => meant,
            // What is done to new records only finds none among those that went on.
            Err(because) => match self.new_record(verb, &items).await {
                Some(item) => self.meant(verb, object, &[item]).await?,
                None => return Err(because),
            },
        };
        let Meant { asked, effect, calls } = meant;
        let before = broken.counts();
        broken.lose_answers(calls.iter().rev().take(MOST_LOST).map(|(call, _)| call));
        let outcome = broken.outcome(&asked).await;
        broken.mend();
        let found = self.effect(broken, &asked, &before).await;
        Ok(match outcome {
            Outcome::Done if found == effect => Ok(()),
            Outcome::Done => Err(difference(&effect, &found)),
            Outcome::Stuck(note) => Err(format!("waits for a person: {note}")),
            Outcome::Open(state) => Err(format!("came to no end: it is {state}")),
        })
    }

    /// A record that nothing was done to yet, made alike in both rooms.
    async fn new_record(&self, verb: Verb, items: &[Value]) -> Option<Value> {
        let offers = self.serves.operations.iter().any(|offered| offered.value == Operation::Create);
        let body = items.first().filter(|_| offers).and_then(|item| self.like(item, 0))?;
        let key = format!("faults-new-{}", verb.operation()?);
        let new = request(&self.interface.reference(), Operation::Create, Some(body), Some(key));
        let (calm, broken) = (self.rooms.0.until_done(&new).await?, self.rooms.1.until_done(&new).await?);
        (self.id_of(&calm) == self.id_of(&broken)).then_some(calm)
    }

    /// Whether nothing was sent again where an answer was lost, of each call that changes something on a record of its own: it came to the
    /// end that was meant, or waits for a person, who finds it done or not. In rooms of their own, since what waits stands in the way.
    async fn at_risk(&self, verb: Verb, object: &Object) -> Held {
        let opened = (Room::open(self.fabric, self.environment).await, Room::open(self.fabric, self.environment).await);
        let (Ok(calm), Ok(broken)) = opened else { return Err("no simulation could be begun for it".to_owned()) };
        let held = Trial { rooms: (&calm, &broken), ..*self }.sent_once(verb, object).await;
        calm.end().await;
        broken.end().await;
        held
    }

    async fn sent_once(&self, verb: Verb, object: &Object) -> Held {
        let mut items = self.items(self.rooms.0).await;
        let mut lost = BTreeSet::new();
        loop {
            let meant = match self.meant(verb, object, &items).await {
                Ok(meant) => meant,
                Err(because) if lost.is_empty() => return Err(because),
                Err(_) => return Ok(Ok(())),
            };
            let Some(call) = meant.calls.iter().map(|(call, _)| call).find(|call| !lost.contains(*call)).cloned()
            else {
                return Ok(Ok(()));
            };
            if let Err(because) = self.without_answer(&meant, &call).await {
                return Ok(Err(format!("(the answer to `{}` was lost) {because}", call.1)));
            }
            items.retain(|item| self.id_of(item) != meant.asked.id);
            lost.insert(call);
        }
    }

    async fn without_answer(&self, meant: &Meant, call: &Call) -> Result<(), String> {
        let broken = self.rooms.1;
        let (before, written) = (broken.counts(), broken.last_call());
        let untouched = self.effect(broken, &meant.asked, &before).await;
        broken.lose_answers([call]);
        let outcome = broken.outcome(&meant.asked).await;
        broken.mend();
        let found = self.effect(broken, &meant.asked, &before).await;
        let allowed = |call: &Call| meant.calls.iter().find(|(known, _)| known == call).map_or(0, |(_, times)| *times);
        let again = broken.changes_since(written).into_iter().find(|(call, times)| *times > allowed(call));
        match (outcome, again) {
            (_, Some(((_, method), _))) => Err(format!("sent `{method}` again")),
            (Outcome::Done, None) if found == meant.effect => Ok(()),
            // It may have happened, or not: that is what a person looks for.
            (Outcome::Stuck(_), None) if found == meant.effect || found == untouched => Ok(()),
            (Outcome::Done | Outcome::Stuck(_), None) => Err(difference(&meant.effect, &found)),
            (Outcome::Open(state), None) => Err(format!("came to no end: it is {state}")),
        }
    }

    /// Does it to the first of the records that it can be done to where all is well, and sees what it means.
    async fn meant(&self, verb: Verb, object: &Object, items: &[Value]) -> Result<Meant, String> {
        let calm = self.rooms.0;
        let mut because = "there is no record that it could be asked of".to_owned();
        for item in items.iter().take(CANDIDATES) {
            let (before, written) = (calm.counts(), calm.last_call());
            let asked = match self.done(verb, item, object).await {
                Some(Ok(asked)) => asked,
                Some(Err(refused)) => {
                    because = refused;
                    continue;
                }
                None => continue,
            };
            let calls = calm.changes_since(written);
            return Ok(Meant { effect: self.effect(calm, &asked, &before).await, asked, calls });
        }
        Err(because)
    }

    async fn items(&self, room: &Room) -> Vec<Value> {
        let mut list = request(&self.interface.reference(), Operation::List, None, None);
        list.query.clear();
        match room.calmly(&list).await {
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
        let asking = Asking { room: self.rooms.0, fabric: self.fabric, object, item };
        for (number, body) in asking.bodies(verb).into_iter().enumerate() {
            let key = format!("faults-{operation}-{id}-{number}");
            let asked = request(&self.interface.reference(), operation, Some(body), Some(key));
            let asked = MediatedRequest { id: Some(id.clone()), ..asked };
            let written = self.rooms.0.last_call();
            match self.rooms.0.engine.execute(asked.clone()).await {
                MediatedAnswer::Done { .. } if self.rooms.0.changes_since(written).is_empty() => {
                    refused = Some(Err("it was done already, and changed nothing".to_owned()));
                }
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
    use serde_json::json;

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
