//! Creates that leave nothing behind: rehearsed in a transaction that Odoo itself gives up, or taken away again.
//! A load keeps no row where one is bad (recorded), so the row to be tried goes beside one that cannot be.

use serde_json::{Value, json};

use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::{Map, Odoo, answer, load};

/// No database has a record of this id.
const NOBODY: &str = "999999999";
const EXTERNAL_ID: &str = "__selvage_trial__.rehearsal";

/// What became of a rehearsal; what Odoo would refuse is a [`Failure::Refused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// Odoo takes these values. Nothing of them stays.
    Accepted,
    /// The values hold no link by which a second row could be made to fail.
    Impossible,
}

impl Odoo {
    /// Whether a record of these values could be made. It is made and given up in one transaction of Odoo's.
    ///
    /// # Errors
    /// [`Failure`]; `Refused` is what a real create would be told.
    pub async fn rehearse(&self, model: &str, values: &Map, scope: &Scope) -> Result<Rehearsed, Failure> {
        let fields = self.fields(model).await.map_err(Failure::before_sending)?;
        let lines = self.line_fields(&fields, values).await.map_err(Failure::before_sending)?;
        let load::Table { columns, mut rows } = load::table(&fields, &lines, EXTERNAL_ID, values)?;
        let is_link = |column: &String| column.strip_suffix("/.id").is_some_and(|field| !field.contains('/'));
        let (Some(at), Some(first)) = (columns.iter().position(is_link), rows.first()) else {
            return Ok(Rehearsed::Impossible);
        };
        let bad = first.iter().enumerate().map(|(place, cell)| if place == at { NOBODY } else { cell });
        let bad = bad.map(str::to_owned).collect();
        let last = rows.len() as u64;
        rows.push(bad);
        let call = Call::write(model, "load", scope).arg("fields", columns).arg("data", rows);
        let answer = self.call(call.context("tz", "UTC")).await?;
        if answer.get("ids").is_some_and(Value::is_array) {
            return Err(Failure::Unknown { reason: "a load with a bad row was kept".to_owned() });
        }
        let of_the_first = |message: &&Value| {
            let from = message.pointer("/rows/from").or(message.get("record")).and_then(Value::as_u64);
            from.is_none_or(|from| from < last)
        };
        let messages = answer.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match messages.iter().find(of_the_first) {
            None => Ok(Rehearsed::Accepted),
            Some(message) => load::loaded(&json!({"ids": false, "messages": [message]})).map(|_| Rehearsed::Accepted),
        }
    }

    /// Deletes a record that a trial made; where Odoo keeps it, it is archived.
    ///
    /// # Errors
    /// [`Failure`]; the record is still there.
    pub async fn take_away(&self, model: &str, id: i64, scope: &Scope) -> Result<(), Failure> {
        let refused = match self.call(Call::write(model, "unlink", scope).on(&[id])).await {
            Ok(_) => return Ok(()),
            Err(refused @ Failure::Refused { .. }) => refused,
            Err(failure) => return Err(failure),
        };
        if !self.fields(model).await?.contains_key("active") {
            return Err(refused);
        }
        let archive = json!({"active": false});
        self.call(Call::write(model, "write", scope).on(&[id]).arg("vals", archive)).await?;
        let left = self.read(model, &[id], &["active".to_owned()], &scope.with_archived()).await?;
        match left.first().map(|record| answer::flag(record, "active")).transpose()? {
            Some(true) => Err(Failure::refused(Refusal::Other, "it can neither be deleted nor archived")),
            _ => Ok(()),
        }
    }
}
