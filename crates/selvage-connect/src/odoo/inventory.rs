//! Counting stock: the quantity at one position as a target, in inventory mode, read back. It never adds to what is there,
//! and never counts what lies outside the company's own locations. A count is true of one moment: whoever does not know what
//! became of one looks what lies there, and does not count again.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Odoo;
use super::answer;
use super::button::wizard;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::number::{decimal, number};
use super::record::named;
use super::transfer::held;

/// The button that forgets what was counted and not applied, and its older name.
const FORGET: &str = "action_clear_inventory_quantity";
const FORGET_UP_TO_16: &str = "action_set_inventory_quantity_to_zero";

/// What counting needs.
pub(super) const ADJUST: &[ModelNeeds] = &[
    ModelNeeds::of("stock.quant")
        .reads(&[
            "product_id",
            "location_id",
            "lot_id",
            "company_id",
            "quantity",
            "reserved_quantity",
            "product_uom_id",
        ])
        .writes(&["inventory_quantity"])
        .calls(&["action_apply_inventory", FORGET]),
    ModelNeeds::of("stock.location").reads(&["usage"]),
    ModelNeeds::of("uom.uom").reads(&["rounding"]),
    ModelNeeds::of("res.company").reads(&["name"]),
];

/// A quant as the verbs on positions need it.
#[derive(Clone, Debug)]
pub(super) struct Quant {
    pub(super) product: (i64, String),
    pub(super) location: (i64, String),
    pub(super) lot: Option<(i64, String)>,
    pub(super) company: i64,
    pub(super) unit: i64,
    pub(super) quantity: Decimal,
    /// The step to which quantities of the unit are rounded.
    pub(super) step: Option<Decimal>,
    /// The package in which it lies and whose it is, by the fields that say so.
    pub(super) apart: Vec<(&'static str, i64)>,
}

/// What stands at a position after it was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The quantity, in the product's own unit.
    pub quantity: Decimal,
    /// What it was before.
    pub before: Decimal,
    /// The unit of both; none where the position was not there.
    pub unit: Option<i64>,
    /// It stood there before, so nothing was sent.
    pub already: bool,
}

impl Odoo {
    /// Target: this quantity lies at the position, in the product's own unit. A position at nothing may disappear.
    ///
    /// # Errors
    /// [`Failure`]; what cannot be counted is `Refused` before anything is sent.
    pub async fn adjust(&self, position: i64, quantity: Decimal, scope: &Scope) -> Result<Counted, Failure> {
        held(quantity, None, "/quantity/value")?;
        let Some(quant) = self.quant(position, scope).await.map_err(Failure::before_sending)? else {
            // What is not there any more is at nothing.
            if quantity.is_zero() {
                return Ok(Counted { quantity, before: quantity, unit: None, already: true });
            }
            let message = format!("position {position} does not exist or is not in this company");
            return Err(Failure::refused(Refusal::Missing, message));
        };
        held(quantity, quant.step, "/quantity/value")?;
        let (before, unit) = (quant.quantity, Some(quant.unit));
        if before == quantity {
            return Ok(Counted { quantity, before, unit, already: true });
        }
        self.books_are_open(quant.company, scope).await.map_err(Failure::before_sending)?;
        let counting = json!({"inventory_quantity": number(quantity)});
        let count = Call::write("stock.quant", "write", scope).on(&[position]).arg("vals", counting);
        self.call(count.context("inventory_mode", true)).await?;
        let apply = Call::write("stock.quant", "action_apply_inventory", scope).on(&[position]);
        // From here on a count is noted in Odoo: where it is not applied, nobody may call that nothing before it is taken back.
        let failure = match self.call(apply.context("inventory_mode", true)).await {
            Ok(answer) => wizard(&answer),
            Err(failure @ (Failure::Unknown { .. } | Failure::Unavailable { .. } | Failure::Protocol { .. })) => {
                return Err(failure.after_sending());
            }
            Err(failure) => Some(failure),
        };
        if let Some(failure) = failure {
            return Err(self.forget_count(position, failure, scope).await);
        }
        let now = self.quant(position, scope).await.map_err(Failure::after_sending)?;
        let now = now.map_or(Decimal::ZERO, |quant| quant.quantity);
        if now != quantity {
            return Err(Failure::mismatch(format!("quantity at position {position}"), &quantity, &now));
        }
        Ok(Counted { quantity, before, unit, already: false })
    }

    /// Takes back a count that was noted and not applied: whoever applies all counts later would book it then. Gives the failure
    /// to apply it, or that the outcome is not known, where the count may still stand.
    async fn forget_count(&self, position: i64, failure: Failure, scope: &Scope) -> Failure {
        let clear = |method| Call::write("stock.quant", method, scope).on(&[position]).context("inventory_mode", true);
        let mut cleared = self.call(clear(FORGET)).await;
        if matches!(cleared, Err(Failure::Refused { kind: Refusal::NotFound, .. })) {
            cleared = self.call(clear(FORGET_UP_TO_16)).await;
        }
        match cleared {
            Ok(_) => failure,
            Err(second) => Failure::Unknown {
                reason: format!(
                    "the count was not applied ({failure}) and may still be noted at the position: {second}"
                ),
            },
        }
    }

    /// The fields by which stock is set apart from the rest of its location, where this Odoo has them: a package, an owner.
    pub(super) async fn set_apart(&self, model: &str) -> Result<Vec<&'static str>, Failure> {
        let fields = self.fields(model).await?;
        Ok(["package_id", "owner_id"].into_iter().filter(|field| fields.contains_key(*field)).collect())
    }

    /// What lies at a position, and its unit; nothing where it is not there any more.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn lies_at(&self, position: i64, scope: &Scope) -> Result<(Decimal, Option<i64>), Failure> {
        Ok(self.quant(position, scope).await?.map_or((Decimal::ZERO, None), |quant| (quant.quantity, Some(quant.unit))))
    }

    /// A quant in one of the company's own locations.
    pub(super) async fn quant(&self, id: i64, scope: &Scope) -> Result<Option<Quant>, Failure> {
        let set_apart = self.set_apart("stock.quant").await?;
        let own = ["product_id", "location_id", "lot_id", "company_id", "quantity", "product_uom_id"];
        let fields = [&own[..], &set_apart].concat();
        let records = self.read("stock.quant", &[id], &named(&fields), scope).await?;
        let Some(record) = records.first() else { return Ok(None) };
        let pair = |field: &str| {
            let value = record.get(field)?;
            Some((answer::id_of(value)?, answer::label_of(value).unwrap_or_default().to_owned()))
        };
        let lacks = |field: &str| Failure::protocol(format!("position {id} came without a usable `{field}`"));
        let location = pair("location_id").ok_or_else(|| lacks("location_id"))?;
        let unit = answer::id(record, "product_uom_id")?;
        let place = self.one("stock.location", location.0, &["usage"], scope).await?;
        if !matches!(answer::text(&place, "usage")?, "internal" | "transit") {
            let message = format!("{} is no location of the company's own", location.1);
            return Err(Failure::refused(Refusal::Target, message));
        }
        let units = self.read("uom.uom", &[unit], &named(&["rounding"]), &scope.with_archived()).await?;
        Ok(Some(Quant {
            product: pair("product_id").ok_or_else(|| lacks("product_id"))?,
            location,
            lot: pair("lot_id"),
            company: answer::id(record, "company_id")?,
            unit,
            quantity: answer::quantity(record, "quantity")?,
            step: units.first().and_then(|unit| unit.get("rounding")).and_then(decimal),
            apart: set_apart.iter().filter_map(|field| Some((*field, answer::id_of(record.get(*field)?)?))).collect(),
        }))
    }
}

/// Whether what lies there is in a package or another's, by the fields of [`Odoo::set_apart`].
pub(super) fn is_set_apart(record: &Value, fields: &[&str]) -> bool {
    fields.iter().any(|field| record.get(*field).and_then(answer::id_of).is_some())
}

/// Whether a record is in this state.
pub(super) fn is_in(record: &Value, state: &str) -> bool {
    record.get("state").and_then(Value::as_str) == Some(state)
}
