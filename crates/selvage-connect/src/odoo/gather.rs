//! Reads of the same fields of the same model that come while one of them waits for its turn are made as one call. Each
//! caller gets the records that it asked for and no others; one that is refused refuses nobody else.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Odoo;
use super::answer;
use super::call::{Call, Scope};
use super::failure::Failure;
use crate::governor::Priority;

/// The most records of one call, as many as a list has on a page at most.
const MOST: usize = 500;

type Outcome = Result<Vec<Value>, Failure>;

/// How records are asked for by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// `read`: one that the account may not see is refused.
    Read,
    /// `search_read`: one that the account may not see is left out.
    Find,
}

/// What is read. Only what agrees in all of it is read together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    form: Form,
    model: String,
    fields: Vec<String>,
    scope: Scope,
    lang: String,
    priority: Priority,
}

/// The reads that wait for their turn.
#[derive(Default)]
pub(super) struct Gathering {
    waiting: Mutex<HashMap<Question, Batch>>,
}

/// Callers whose records are read together.
#[derive(Default)]
struct Batch {
    callers: Vec<Caller>,
}

struct Caller {
    ids: Vec<i64>,
    tell: oneshot::Sender<Outcome>,
}

impl Batch {
    /// Every record that anybody wants, once.
    fn ids(&self) -> Vec<i64> {
        if let [only] = self.callers.as_slice() {
            return only.ids.clone();
        }
        let ids: BTreeSet<i64> = self.callers.iter().flat_map(|caller| caller.ids.iter().copied()).collect();
        ids.into_iter().collect()
    }

    fn has_room_for(&self, ids: &[i64]) -> bool {
        self.callers.iter().map(|caller| caller.ids.len()).sum::<usize>() + ids.len() <= MOST
    }

    /// Gives each its own.
    fn share(self, outcome: &Outcome) {
        for caller in self.callers {
            let own = outcome.as_ref().map(|records| of(&caller.ids, records)).map_err(Clone::clone);
            let _ = caller.tell.send(own);
        }
    }
}

/// The records with these ids.
fn of(ids: &[i64], records: &[Value]) -> Vec<Value> {
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    let wanted = |record: &&Value| record.get("id").and_then(Value::as_i64).is_some_and(|id| ids.contains(&id));
    records.iter().filter(wanted).cloned().collect()
}

impl Odoo {
    /// These records, together with those that others ask for by then.
    pub(super) async fn gathered(
        &self,
        form: Form,
        model: &str,
        ids: &[i64],
        fields: &[String],
        scope: &Scope,
    ) -> Outcome {
        let question = Question {
            form,
            model: model.to_owned(),
            fields: fields.to_vec(),
            scope: scope.clone(),
            lang: self.lang().to_owned(),
            priority: self.priority,
        };
        match self.join(&question, ids) {
            Some(told) => told.await.unwrap_or_else(|_| Err(ended())),
            None => answer::records(self.call(question.call(ids)).await?),
        }
    }

    /// Joins those who wait with the same question, or begins to wait for others; `None` where there is no room.
    fn join(&self, question: &Question, ids: &[i64]) -> Option<oneshot::Receiver<Outcome>> {
        let (tell, told) = oneshot::channel();
        let caller = Caller { ids: ids.to_vec(), tell };
        match self.waiting().entry(question.clone()) {
            Entry::Occupied(mut known) if known.get().has_room_for(ids) => known.get_mut().callers.push(caller),
            Entry::Vacant(free) if ids.len() <= MOST => {
                free.insert(Batch { callers: vec![caller] });
                let (odoo, question) = (self.clone(), question.clone());
                tokio::spawn(async move { odoo.carry_out(&question).await });
            }
            Entry::Occupied(_) | Entry::Vacant(_) => return None,
        }
        Some(told)
    }

    /// Waits for the turn of a question, then reads for all who have joined.
    async fn carry_out(&self, question: &Question) {
        // Those who are about to ask come to do so first.
        tokio::task::yield_now().await;
        let turn = async {
            let (server, call) = self.prepared(question.call(&[])).await?;
            Ok((server, call.scope, self.pass().await?))
        };
        let turn = turn.await;
        // INVARIANT: ONE-EFFECT — closed before it is sent, so that who reads back what it wrote sees it.
        let Some(mut batch) = self.waiting().remove(question) else { return };
        batch.callers.retain(|caller| !caller.tell.is_closed());
        if batch.callers.is_empty() {
            return;
        }
        let (server, scope, pass) = match turn {
            Ok(turn) => turn,
            Err(failure) => return batch.share(&Err(failure)),
        };
        let call = Question { scope, ..question.clone() }.call(&batch.ids());
        let outcome = self.carry(Some(pass), &server, &call).await.and_then(answer::records);
        match outcome {
            // Which of them it is about nobody says.
            Err(Failure::Refused { .. }) if batch.callers.len() > 1 => self.one_by_one(question, batch).await,
            outcome => batch.share(&outcome),
        }
    }

    async fn one_by_one(&self, question: &Question, batch: Batch) {
        for caller in batch.callers {
            let outcome = self.call(question.call(&caller.ids)).await.and_then(answer::records);
            let _ = caller.tell.send(outcome);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Question, Batch>> {
        self.inner.gathering.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    fn call(&self, ids: &[i64]) -> Call {
        let fields = self.fields.as_slice();
        match self.form {
            Form::Read => Call::read(&self.model, "read", &self.scope).on(ids).arg("fields", fields),
            Form::Find => Call::read(&self.model, "search_read", &self.scope)
                .arg("domain", vec![json!(["id", "in", ids])])
                .arg("fields", fields)
                .arg("order", "id"),
        }
    }
}

fn ended() -> Failure {
    Failure::Unavailable { reason: "the work on the read ended".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_caller_gets_its_own_records_and_no_others(
            there in proptest::collection::btree_set(1_i64..60, 0..60),
            callers in proptest::collection::vec(proptest::collection::vec(1_i64..60, 0..12), 1..12),
        ) {
            let mut batch = Batch::default();
            let mut told = Vec::new();
            for ids in &callers {
                let (tell, receive) = oneshot::channel();
                prop_assert!(batch.has_room_for(ids));
                batch.callers.push(Caller { ids: ids.clone(), tell });
                told.push(receive);
            }
            let asked = batch.ids();
            prop_assert!(callers.len() == 1 || asked.windows(2).all(|pair| pair[0] < pair[1]), "each once");
            let records: Vec<Value> =
                asked.iter().filter(|id| there.contains(id)).map(|id| json!({"id": id, "name": format!("n{id}")})).collect();
            batch.share(&Ok(records));
            for (ids, mut told) in callers.iter().zip(told) {
                let got = told.try_recv().unwrap().unwrap();
                let got: BTreeSet<i64> = got.iter().map(|record| record["id"].as_i64().unwrap()).collect();
                let wanted: BTreeSet<i64> = ids.iter().copied().filter(|id| there.contains(id)).collect();
                prop_assert_eq!(got, wanted);
            }
        }
    }

    #[test]
    fn a_failure_is_told_to_all_and_a_batch_has_an_end() {
        let mut batch = Batch::default();
        let (tell, mut told) = oneshot::channel();
        assert!(batch.has_room_for(&[1; MOST]));
        batch.callers.push(Caller { ids: vec![1; MOST], tell });
        assert!(!batch.has_room_for(&[2]));
        batch.share(&Err(Failure::Unauthenticated));
        assert_eq!(told.try_recv().unwrap(), Err(Failure::Unauthenticated));
    }
}
