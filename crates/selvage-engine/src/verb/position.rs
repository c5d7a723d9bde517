//! Verbs on one inventory position: what was counted there, and what is thrown away. Quantities come in any unit of the right
//! dimension and are brought into the unit of the position.

use selvage_connect::odoo::{Counted, Scrapped};
use selvage_mapping::decimal;
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Value, json};

use super::amount::{self, Amount};
use super::report::unit_of;
use super::told;
use crate::body::unknown_members;
use crate::reach::{Found, Reach};

/// A quantity at a position, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct AtPosition {
    amount: Amount,
    reason: Option<String>,
}

/// What is to be scrapped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waste {
    pub(crate) quantity: Decimal,
    pub(crate) reason: Option<String>,
}

/// Reads `{"quantity": {"value", "unit"}}`, for scrap with a `reason`.
pub(crate) fn read(body: &Value, with_reason: bool) -> Result<AtPosition, Vec<FieldError>> {
    let known: &[&str] = if with_reason { &["quantity", "reason"] } else { &["quantity"] };
    let mut errors = unknown_members(Some(body), known);
    let amount = amount::read(body.get("quantity"), "/quantity", &mut errors);
    let reason = if with_reason { amount::text(body, "reason", &mut errors) } else { None };
    match amount {
        Some(amount) if errors.is_empty() => Ok(AtPosition { amount, reason }),
        _ => Err(errors),
    }
}

impl AtPosition {
    /// The quantity in the unit of the position, exactly.
    pub(crate) fn quantity(&self, reach: &Reach, found: &Found) -> Result<Decimal, Problem> {
        let unit = unit_of(&reach.served.object, &found.canonical).ok_or_else(|| {
            Problem::new(502, code::RECORD_UNSHOWABLE, "the position does not say in which unit it is counted")
        })?;
        self.amount.in_unit(&unit, "/quantity")
    }

    /// What is to be scrapped, in the unit of the position.
    pub(crate) fn waste(&self, reach: &Reach, found: &Found) -> Result<Waste, Problem> {
        Ok(Waste { quantity: self.quantity(reach, found)?, reason: self.reason.clone() })
    }
}

/// A quantity in the form that an effect keeps.
pub(crate) fn keep(quantity: Decimal, reason: Option<&str>) -> Value {
    json!({"quantity": decimal::text(quantity), "reason": reason})
}

/// The quantity and reason that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<(Decimal, Option<String>)> {
    let quantity = decimal::parse_text(kept.get("quantity")?.as_str()?)?;
    Some((quantity, kept.get("reason").and_then(Value::as_str).map(str::to_owned)))
}

/// What was counted, for the answer.
pub(crate) fn show_count(counted: &Counted) -> Value {
    json!({"quantity": told::amount(counted.quantity, counted.unit), "before": told::amount(counted.before, counted.unit)})
}

/// What was found to lie there when the answer to the count had been lost: what it was before, nobody told.
pub(crate) fn show_found(quantity: Decimal, unit: Option<i64>) -> Value {
    json!({"quantity": told::amount(quantity, unit), "before": null})
}

/// What was scrapped, for the answer.
pub(crate) fn show_scrap(scrapped: &Scrapped) -> Value {
    json!({"name": scrapped.name, "quantity": told::amount(scrapped.quantity, Some(scrapped.unit))})
}
