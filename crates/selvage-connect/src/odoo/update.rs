//! Updates: fields of one record brought to values that are stated. What stands already is not written, what a write would
//! not change goes its own way, and every field is read back. It never writes a state or lines.

use serde_json::{Value, json};

use super::answer::{self, id_of};
use super::button::wizard;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::number::{decimal, number};
use super::order::OrderState;
use super::server::{Field, Fields};
use super::time;
use super::{Map, Odoo};

const ORDER: &str = "mrp.production";
/// What of a production order is settled with its release: a write would change the order and not what it consists of.
const SETTLED: &[&str] = &["product_id", "product_uom_id", "bom_id", "company_id"];

/// What changing the quantity of a released production order needs.
pub(super) const QUANTITY: &[ModelNeeds] =
    &[ModelNeeds::of("change.production.qty").writes(&["mo_id", "product_qty"]).calls(&["change_prod_qty"]).creates()];

/// What fields of a record are to come to.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTarget {
    /// The fields that change, with their values.
    pub values: Map,
    /// What they were when the change was stated, where it is only for that state of the record.
    pub before: Option<Map>,
}

impl Odoo {
    /// Target: these fields of this record have these values.
    ///
    /// # Errors
    /// [`Failure`]; a field that cannot be changed as the record stands is `Refused` before anything is sent, and so is a
    /// record that has changed since, where the target is only for its state before.
    pub async fn update(&self, model: &str, id: i64, target: &FieldTarget, scope: &Scope) -> Result<(), Failure> {
        let fields = self.fields(model).await.map_err(Failure::before_sending)?;
        for name in target.values.keys() {
            takes(&fields, name)?;
        }
        let stands = self.values_of(model, id, target, scope).await.map_err(Failure::before_sending)?;
        let mut rest = target.values.clone();
        rest.retain(|name, meant| !holds(&fields, name, meant, &stands));
        if rest.is_empty() {
            return Ok(());
        }
        if let Some(before) = &target.before
            && let Some((name, _)) = before
                .iter()
                .find(|(name, was)| rest.contains_key(name.as_str()) && !holds(&fields, name, was, &stands))
        {
            let message = format!("`{name}` of `{model}` {id} has changed since it was read");
            return Err(Failure::field(Refusal::Changed, name, message));
        }
        let changed = model == ORDER && self.change_order(id, &stands, &mut rest, scope).await?;
        if !rest.is_empty() {
            let what = || format!("the change of `{model}` {id}");
            let written = self.write(model, id, &rest, scope).await;
            written.map_err(|failure| if changed { failure.after_booking(&what()) } else { failure })?;
        }
        let stands = self.values_of(model, id, target, scope).await.map_err(Failure::after_sending)?;
        let other = target.values.iter().find(|(name, meant)| !holds(&fields, name, meant, &stands));
        let nothing = Value::Null;
        other.map_or(Ok(()), |(name, meant)| {
            let what = format!("`{name}` of `{model}` {id}");
            Err(Failure::mismatch(what, meant, stands.get(name).unwrap_or(&nothing)))
        })
    }

    async fn values_of(&self, model: &str, id: i64, target: &FieldTarget, scope: &Scope) -> Result<Value, Failure> {
        let state = (model == ORDER).then_some("state");
        let fields: Vec<&str> = target.values.keys().map(String::as_str).chain(state).collect();
        self.one(model, id, &fields, scope).await
    }

    /// What of an order is not changed by a write once it is released; the rest is left for one. Whether anything was changed.
    async fn change_order(&self, id: i64, stands: &Value, rest: &mut Map, scope: &Scope) -> Result<bool, Failure> {
        let state = OrderState::of(stands)?;
        if state == OrderState::Draft {
            return Ok(false);
        }
        let refused = |name: &str, why: &str| {
            let message = format!("production order {id} is {}, and {why}", state.as_str());
            Err(Failure::field(Refusal::Target, name, message))
        };
        if let Some(name) = SETTLED.iter().find(|name| rest.contains_key(**name)) {
            return refused(name, "what it makes was settled with its release");
        }
        let Some(quantity) = rest.remove("product_qty") else { return Ok(false) };
        if !state.is_open() {
            return refused("product_qty", "its quantity cannot be changed any more");
        }
        let Some(quantity) = decimal(&quantity) else {
            return refused("product_qty", "its quantity is a number");
        };
        let values = json!([{"mo_id": id, "product_qty": number(quantity)}]);
        let made = self.call(Call::write("change.production.qty", "create", scope).arg("vals_list", values)).await?;
        // A form that was made and not applied has changed nothing.
        let Some(form) = id_of(&made) else {
            return Err(Failure::TryAgain { reason: "no id of the form that changes the quantity came".to_owned() });
        };
        let applied = self.call(Call::write("change.production.qty", "change_prod_qty", scope).on(&[form])).await?;
        wizard(&applied).map_or(Ok(true), Err)
    }

    /// Target: the record is archived.
    ///
    /// # Errors
    /// [`Failure`]; a record of a model that has no archive is `Refused`.
    pub async fn archive(&self, model: &str, id: i64, scope: &Scope) -> Result<(), Failure> {
        let fields = self.fields(model).await.map_err(Failure::before_sending)?;
        if !fields.contains_key("active") {
            let message = format!("a `{model}` is never archived: it has no `active`");
            return Err(Failure::refused(Refusal::Unsendable, message));
        }
        let record = self.one(model, id, &["active"], scope).await.map_err(Failure::before_sending)?;
        if !answer::flag(&record, "active")? {
            return Ok(());
        }
        self.act(model, "action_archive", id, scope).await?;
        let record = self.one(model, id, &["active"], scope).await.map_err(Failure::after_sending)?;
        if answer::flag(&record, "active").map_err(Failure::after_sending)? {
            return Err(Failure::mismatch(format!("`active` of `{model}` {id}"), &false, &true));
        }
        Ok(())
    }
}

/// Whether a field can be brought to a value at all.
fn takes(fields: &Fields, name: &str) -> Result<(), Failure> {
    match fields.get(name).map(|field| field.kind.as_str()) {
        Some("one2many") => {
            let message = format!("`{name}` are lines, which an update of their record does not change");
            Err(Failure::field(Refusal::Unsendable, name, message))
        }
        _ => Ok(()),
    }
}

/// Whether the record has this value in this field, in whatever form each is written.
fn holds(fields: &Fields, name: &str, meant: &Value, stands: &Value) -> bool {
    let (Some(field), Some(found)) = (fields.get(name), stands.get(name)) else { return false };
    found == meant || same(field, meant, found)
}

fn same(field: &Field, meant: &Value, found: &Value) -> bool {
    let empty = |value: &Value| matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("");
    match field.kind.as_str() {
        "many2one" => id_of(meant) == id_of(found),
        "many2many" => {
            let ids = |value: &Value| {
                let mut ids: Vec<i64> = value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
                ids.sort_unstable();
                ids
            };
            ids(meant) == ids(found)
        }
        "float" | "monetary" | "integer" => decimal(meant).unwrap_or_default() == decimal(found).unwrap_or_default(),
        "datetime" if !empty(meant) => meant.as_str().and_then(time::naive).as_deref() == found.as_str(),
        "html" => meant.as_str().map(bare) == found.as_str().map(bare),
        "boolean" => meant.as_bool() == found.as_bool(),
        _ => empty(meant) && empty(found),
    }
}

/// Text without its marks: Odoo puts text that it is given into paragraphs.
fn bare(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_whatever_form() {
        let field = |kind: &str| Field { kind: kind.to_owned(), relation: None, readonly: false, required: false };
        for (kind, meant, found, expected) in [
            ("many2one", json!(12), json!([12, "kg"]), true),
            ("many2one", json!(false), json!(false), true),
            ("many2one", json!(12), json!(false), false),
            ("many2many", json!([4, 3]), json!([3, 4]), true),
            ("many2many", json!([4]), json!([3, 4]), false),
            ("float", json!(5), json!(5.0), true),
            ("float", json!(0), json!(false), true),
            ("float", json!(5), json!(6), false),
            ("datetime", json!("2026-11-23T06:32:49Z"), json!("2026-11-23 06:32:49"), true),
            ("datetime", json!("2026-11-23 06:32:49"), json!("2026-11-23 06:32:49"), true),
            ("datetime", Value::Null, json!(false), true),
            ("datetime", Value::Null, json!("2026-11-23 06:32:49"), false),
            ("html", json!("Bearing noise"), json!("<p>Bearing noise</p>"), true),
            ("char", json!("a"), json!("b"), false),
            ("char", json!(""), json!(false), true),
            ("boolean", json!(false), json!(true), false),
        ] {
            let fields = Fields::from_iter([("f".to_owned(), field(kind))]);
            assert_eq!(holds(&fields, "f", &meant, &json!({"f": found})), expected, "{kind} {meant} {found}");
        }
    }
}
