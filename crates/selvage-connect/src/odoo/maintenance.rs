//! Maintenance requests. A request is closed by its stage: one that counts as done, found by that flag, since the names of
//! stages are the users' own. It never makes a stage.

use serde_json::{Value, json};

use super::answer::{self, id_of};
use super::call::Scope;
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::record::named;
use super::{Map, Odoo};

const REQUEST: &str = "maintenance.request";
const STAGE: &str = "maintenance.stage";

/// What closing a maintenance request needs.
pub(super) const CLOSE: &[ModelNeeds] = &[
    ModelNeeds::of(REQUEST).reads(&["stage_id"]).writes(&["stage_id"]),
    ModelNeeds::of(STAGE).reads(&["done", "sequence"]),
];

impl Odoo {
    /// Target: the maintenance request is in a stage that counts as done. One that is in such a stage stays there.
    ///
    /// # Errors
    /// [`Failure`]; a request that was given up, and a database in which no stage counts as done, are `Refused`.
    pub async fn close_maintenance_request(&self, id: i64, scope: &Scope) -> Result<(), Failure> {
        let given_up = self.fields(REQUEST).await.map_err(Failure::before_sending)?.contains_key("archive");
        let fields: &[&str] = if given_up { &["stage_id", "archive"] } else { &["stage_id"] };
        let request = self.one(REQUEST, id, fields, scope).await.map_err(Failure::before_sending)?;
        let stages = self.search(STAGE, vec![json!(["done", "=", true])], &named(&["sequence"]), scope, None).await;
        let stages = stages.map_err(Failure::before_sending)?;
        if counts_as_done(&stages, &request) {
            return Ok(());
        }
        if request.get("archive").and_then(Value::as_bool) == Some(true) {
            return Err(Failure::refused(Refusal::Target, format!("maintenance request {id} was given up")));
        }
        let order = |stage: &&Value| (stage.get("sequence").and_then(Value::as_i64), stage.get("id").and_then(id_of));
        let Some(stage) = stages.iter().min_by_key(order) else {
            let message = "no stage of maintenance requests counts as done in this database";
            return Err(Failure::refused(Refusal::Target, message));
        };
        let values = Map::from_iter([("stage_id".to_owned(), json!(answer::id(stage, "id")?))]);
        self.write(REQUEST, id, &values, scope).await?;
        let request = self.one(REQUEST, id, &["stage_id"], scope).await.map_err(Failure::after_sending)?;
        if counts_as_done(&stages, &request) {
            return Ok(());
        }
        let stage = request.get("stage_id").map_or_else(String::new, Value::to_string);
        Err(Failure::mismatch(format!("stage of maintenance request {id}"), &"one that counts as done", &stage))
    }
}

fn counts_as_done(stages: &[Value], request: &Value) -> bool {
    let stage = request.get("stage_id").and_then(id_of);
    stages.iter().any(|done| stage.is_some() && done.get("id").and_then(id_of) == stage)
}
