//! Buttons: methods that change one record, the form that may come back instead, and the record read before and after.
//! What a button answers is never proof; whoever presses one reads back.

use serde_json::Value;

use super::Odoo;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::record::named;

impl Odoo {
    /// Presses a button on one record. A wizard in the answer means that nothing was done.
    pub(super) async fn act(&self, model: &str, method: &str, id: i64, scope: &Scope) -> Result<(), Failure> {
        let answer = self.call(Call::write(model, method, scope).on(&[id])).await?;
        wizard(&answer).map_or(Ok(()), Err)
    }

    /// One record, which must exist.
    pub(super) async fn one(&self, model: &str, id: i64, fields: &[&str], scope: &Scope) -> Result<Value, Failure> {
        // Archived or not, a record that was named is meant.
        let records = self.read(model, &[id], &named(fields), &scope.with_archived()).await?;
        records.into_iter().next().ok_or_else(|| {
            Failure::refused(Refusal::Missing, format!("`{model}` {id} does not exist or is not in this company"))
        })
    }
}

/// The refusal that a button's answer means if it opens a form for a person. An answer that shows the records themselves, as
/// after making a backorder, is none.
pub(super) fn wizard(answer: &Value) -> Option<Failure> {
    let part = |name: &str| answer.get(name).and_then(Value::as_str);
    let opens = part("type")? == "ir.actions.act_window";
    let shown = part("res_model").unwrap_or_default();
    if !opens || matches!(shown, "mrp.production" | "mrp.workorder") {
        return None;
    }
    let title = part("name").unwrap_or("a wizard");
    Some(Failure::refused(Refusal::Wizard, format!("odoo asks a person instead: {title} (`{shown}`)")))
}
