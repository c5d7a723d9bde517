//! Bills of materials. A bill is never edited once orders may use it: a revision is made beside it, with its operations, and
//! takes its place when the old one is archived. Everything that is made has a key, so that nothing is made twice.

use serde_json::{Value, json};

use super::answer::{self, id_of};
use super::call::Scope;
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::record::named;
use super::{Map, Odoo};

const BILL: &str = "mrp.bom";
const LINE: &str = "mrp.bom.line";
const STEP: &str = "mrp.routing.workcenter";

/// What of a bill goes over to its revision beside what is given.
const KEPT: &[&str] =
    &["sequence", "consumption", "ready_to_produce", "picking_type_id", "allow_operation_dependencies"];
/// What an operation of a bill consists of.
const STEP_FIELDS: &[&str] =
    &["name", "workcenter_id", "sequence", "time_mode", "time_mode_batch", "time_cycle_manual"];

/// What revising a bill of materials needs.
pub(super) const REVISE: &[ModelNeeds] = &[
    ModelNeeds::of(BILL).reads(&["active"]).calls(&["action_archive"]).creates(),
    ModelNeeds::of(LINE).reads(&["bom_id", "product_id", "operation_id"]).writes(&["operation_id"]),
    ModelNeeds::of(STEP)
        .reads(&["bom_id", "name", "workcenter_id", "sequence", "time_cycle_manual"])
        .writes(&["bom_id", "name", "workcenter_id", "sequence", "time_cycle_manual"])
        .creates(),
];

impl Odoo {
    /// Target: a bill with these values stands under this key, with the operations of the old one, which is archived. The id
    /// of the new one.
    ///
    /// # Errors
    /// [`Failure`]; a bill that is archived already, and one whose by-products would be lost, are `Refused`.
    pub async fn revise_bill(&self, old: i64, values: &Map, key: &str, scope: &Scope) -> Result<i64, Failure> {
        let before = self.bill(old, scope).await.map_err(Failure::before_sending)?;
        let made = self.by_external_id(key).await.map_err(Failure::before_sending)?;
        if made.is_none() {
            revisable(old, &before)?;
        }
        let mut values = values.clone();
        for name in KEPT {
            if let Some(value) = before.get(*name).filter(|value| !matches!(value, Value::Bool(false) | Value::Null)) {
                values.entry(*name).or_insert_with(|| id_of(value).map_or_else(|| value.clone(), Value::from));
            }
        }
        let new = self.create(BILL, key, &values, scope).await?;
        let what = format!("bill of materials {new} in the place of {old}");
        let placed = self.put_in_place(old, new, key, scope).await;
        // Another bill stands now beside the old one: what is refused from here on is no "nothing was done".
        placed.map(|()| new).map_err(|failure| failure.after_booking(&what))
    }

    /// Brings the operations over and archives the old bill.
    async fn put_in_place(&self, old: i64, new: i64, key: &str, scope: &Scope) -> Result<(), Failure> {
        let steps = self.copy_steps(old, new, key, scope).await?;
        self.bind_lines(old, new, &steps, scope).await?;
        self.archive(BILL, old, scope).await?;
        let after = self.bill(new, scope).await?;
        if answer::flag(&after, "active")? {
            return Ok(());
        }
        Err(Failure::mismatch(format!("`active` of bill of materials {new}"), &true, &false))
    }

    async fn bill(&self, id: i64, scope: &Scope) -> Result<Value, Failure> {
        let known = self.fields(BILL).await?;
        let more = KEPT.iter().chain(&["byproduct_ids"]).copied().filter(|name| known.contains_key(*name));
        let fields: Vec<&str> = ["active"].into_iter().chain(more).collect();
        self.one(BILL, id, &fields, scope).await
    }

    /// Gives the new bill the operations of the old one, each under a key of its own; old and new, by pairs.
    async fn copy_steps(&self, old: i64, new: i64, key: &str, scope: &Scope) -> Result<Vec<(i64, i64)>, Failure> {
        let known = self.fields(STEP).await.map_err(Failure::after_sending)?;
        let fields: Vec<&str> = STEP_FIELDS.iter().copied().filter(|name| known.contains_key(*name)).collect();
        let domain = vec![json!(["bom_id", "=", old])];
        let steps = self.search(STEP, domain, &named(&fields), scope, None).await.map_err(Failure::after_sending)?;
        let mut pairs = Vec::new();
        for step in &steps {
            let id = answer::id(step, "id").map_err(Failure::after_sending)?;
            let mut values = Map::from_iter([("bom_id".to_owned(), json!(new))]);
            for name in &fields {
                let value = step.get(*name).cloned().unwrap_or_default();
                let value = if *name == "workcenter_id" { id_of(&value).map_or(value, Value::from) } else { value };
                values.insert((*name).to_owned(), value);
            }
            let made = self.create(STEP, &format!("{key}-step-{id}"), &values, scope).await?;
            pairs.push((id, made));
        }
        Ok(pairs)
    }

    /// Components that the old bill uses in an operation are used in the same one of the new.
    async fn bind_lines(&self, old: i64, new: i64, steps: &[(i64, i64)], scope: &Scope) -> Result<(), Failure> {
        if steps.is_empty() {
            return Ok(());
        }
        let lines = async |bill: i64| {
            let domain = vec![json!(["bom_id", "=", bill])];
            let lines = self.search(LINE, domain, &named(&["product_id", "operation_id"]), scope, None).await;
            lines.map_err(Failure::after_sending)
        };
        let (before, mut after) = (lines(old).await?, lines(new).await?);
        for line in &before {
            let product = line.get("product_id").and_then(id_of);
            // Each stands for one of the old ones, in their order: several lines may be of one product.
            let Some(at) = after.iter().position(|new| new.get("product_id").and_then(id_of) == product) else {
                continue;
            };
            let same = after.remove(at);
            let step = line.get("operation_id").and_then(id_of);
            let Some((_, step)) = steps.iter().find(|(was, _)| Some(*was) == step) else { continue };
            let Some(same) = Some(same).filter(|new| new.get("operation_id").and_then(id_of) != Some(*step)) else {
                continue;
            };
            let id = answer::id(&same, "id").map_err(Failure::after_sending)?;
            let values = Map::from_iter([("operation_id".to_owned(), json!(step))]);
            self.write(LINE, id, &values, scope).await?;
        }
        Ok(())
    }
}

fn revisable(old: i64, before: &Value) -> Result<(), Failure> {
    let refused = |why: &str| Err(Failure::refused(Refusal::Target, format!("bill of materials {old} {why}")));
    if !answer::flag(before, "active")? {
        return refused("is archived: revise the one that took its place");
    }
    if before.get("byproduct_ids").and_then(Value::as_array).is_some_and(|made| !made.is_empty()) {
        return refused("makes by-products, which a revision would not carry");
    }
    Ok(())
}
