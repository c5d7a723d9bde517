//! The report of production: read from its body, brought into the order's unit, sent as a total, and shown as what was
//! read back. It never adds to what was reported before: a report states how much is produced in all.

use selvage_connect::odoo::{Consumed, Made, ProductionReport, ProductionTarget, Remainder, ScrapTarget};
use selvage_mapping::decimal;
use selvage_mapping::quantity::{self, Unit};
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::manifest::object::{Object, Shape};
use selvage_model::problem::{FieldError, Problem};
use selvage_model::scalar::Dimension;
use serde_json::{Value, json};

use super::consume::{self, Stated};
use super::told;
use crate::body::unknown_members;

const REMAINDERS: &[(&str, Remainder)] =
    &[("backorder", Remainder::Backorder), ("close", Remainder::Close), ("keep-open", Remainder::KeepOpen)];

/// A report as it was sent: a quantity in its own unit.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    value: Decimal,
    unit: Unit,
    lot: Option<String>,
    remainder: Remainder,
    /// What was used of components.
    pub(crate) components: Vec<Stated>,
    scrapped: Option<(Decimal, Unit)>,
}

/// Reads `{"quantity": {"value", "unit"}, "lot", "remainder"}`; what is not said of the rest stays to be made.
pub(crate) fn read(body: &Value) -> Result<Report, Vec<FieldError>> {
    let mut errors = unknown_members(Some(body), &["quantity", "lot", "remainder", "components", "scrapped"]);
    let quantity = read_quantity(body.get("quantity"), &mut errors, Least::AboveZero);
    let lot = read_lot(body.get("lot"), &mut errors);
    let remainder = match body.get("remainder") {
        None | Some(Value::Null) => Some(Remainder::Backorder),
        Some(given) => {
            let found = REMAINDERS.iter().find(|(word, _)| given.as_str() == Some(*word));
            found
                .map(|(_, remainder)| *remainder)
                .or_else(|| wrong(&mut errors, "/remainder", "this is `backorder`, `close` or `keep-open`"))
        }
    };
    let components = consume::read_all(body.get("components"), &mut errors);
    let scrapped = body.get("scrapped").filter(|given| !given.is_null());
    let scrapped = scrapped.and_then(|given| {
        let mut own = Vec::new();
        let read = read_quantity(Some(given), &mut own, Least::Zero);
        let renamed = |error: FieldError| FieldError {
            pointer: format!("/scrapped{}", error.pointer.trim_start_matches("/quantity")),
            ..error
        };
        errors.extend(own.into_iter().map(renamed));
        read
    });
    match (quantity, remainder) {
        (Some((value, unit)), Some(remainder)) if errors.is_empty() => {
            Ok(Report { value, unit, lot, remainder, components, scrapped })
        }
        _ => Err(errors),
    }
}

/// The least quantity that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Least {
    Zero,
    AboveZero,
}

/// The name of a lot, where one is named.
pub(super) fn read_lot(given: Option<&Value>, errors: &mut Vec<FieldError>) -> Option<String> {
    match given {
        None | Some(Value::Null) => None,
        Some(Value::String(lot)) if !lot.trim().is_empty() => Some(lot.clone()),
        Some(_) => wrong(errors, "/lot", "the name of a lot is needed, or `null`"),
    }
}

/// A quantity in its own unit.
pub(super) fn read_quantity(
    given: Option<&Value>,
    errors: &mut Vec<FieldError>,
    least: Least,
) -> Option<(Decimal, Unit)> {
    let Some(given @ Value::Object(_)) = given else {
        return wrong(errors, "/quantity", "a quantity is needed, as `{\"value\": \"5\", \"unit\": \"1\"}`");
    };
    for error in unknown_members(Some(given), &["value", "unit"]) {
        errors.push(FieldError { pointer: format!("/quantity{}", error.pointer), ..error });
    }
    let value = given.get("value").and_then(Value::as_str).and_then(decimal::parse_text);
    let value = value.filter(|value| *value > Decimal::ZERO || (least == Least::Zero && value.is_zero()));
    let unit = given.get("unit").and_then(Value::as_str).and_then(|unit| unit.parse::<Unit>().ok());
    if value.is_none() {
        let from = if least == Least::Zero { "of at least" } else { "above" };
        let detail = format!("an exact decimal {from} zero is needed, as a string");
        wrong::<()>(errors, "/quantity/value", &detail);
    }
    if unit.is_none() {
        wrong::<()>(errors, "/quantity/unit", "a UCUM unit is needed, as `1` or `kg`");
    }
    Some((value?, unit?))
}

pub(super) fn wrong<T>(errors: &mut Vec<FieldError>, pointer: &str, detail: &str) -> Option<T> {
    errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
    None
}

impl Report {
    /// The totals in the unit of the order, exactly; its components are found elsewhere. What is scrapped has this key.
    pub(crate) fn target(&self, object: &Object, order: &Value, key: String) -> Result<ProductionTarget, Problem> {
        let unfit = |of: &str, detail: String| {
            let error = FieldError { pointer: format!("/{of}/unit"), detail: detail.clone() };
            Problem::new(422, code::UNIT_MISMATCH, detail).with_errors(vec![error])
        };
        let unit = unit_of(object, order).ok_or_else(|| {
            Problem::new(502, code::RECORD_UNSHOWABLE, "the order does not say in which unit it is counted")
        })?;
        let total =
            quantity::convert(self.value, &self.unit, &unit).map_err(|error| unfit("quantity", error.to_string()))?;
        let scrapped = self.scrapped.as_ref().map(|(value, from)| quantity::convert(*value, from, &unit)).transpose();
        let scrapped = scrapped.map_err(|error| unfit("scrapped", error.to_string()))?;
        let scrapped = scrapped.map(|total| ScrapTarget { total, key });
        Ok(ProductionTarget { total, lot: self.lot.clone(), remainder: self.remainder, components: vec![], scrapped })
    }
}

/// The unit of the order's `quantity`, or of its first quantity that is not a time.
pub(super) fn unit_of(object: &Object, order: &Value) -> Option<Unit> {
    let counts = |shape: &Shape| match shape {
        Shape::Quantity { dimension } => *dimension != Some(Dimension::Time),
        _ => false,
    };
    let quantities = || object.attributes.iter().filter(|attribute| counts(&attribute.shape));
    let named = quantities().find(|attribute| attribute.name.value.as_str() == "quantity");
    let attribute = named.or_else(|| quantities().next())?;
    order.get(attribute.name.value.as_str())?.get("unit")?.as_str()?.parse().ok()
}

/// A target in the form that its effect keeps.
pub(crate) fn keep(target: &ProductionTarget) -> Value {
    let word = REMAINDERS.iter().find(|(_, remainder)| *remainder == target.remainder).map(|(word, _)| *word);
    let scrapped = target.scrapped.as_ref().map(|it| json!({"total": decimal::text(it.total), "key": it.key}));
    json!({
        "total": decimal::text(target.total),
        "lot": target.lot,
        "remainder": word,
        "components": target.components.iter().map(consume::keep).collect::<Vec<_>>(),
        "scrapped": scrapped,
    })
}

/// The target that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<ProductionTarget> {
    let word = kept.get("remainder")?.as_str()?;
    Some(ProductionTarget {
        total: decimal::parse_text(kept.get("total")?.as_str()?)?,
        lot: kept.get("lot")?.as_str().map(str::to_owned),
        remainder: REMAINDERS.iter().find(|(known, _)| *known == word)?.1,
        components: kept.get("components")?.as_array()?.iter().map(consume::kept).collect::<Option<_>>()?,
        scrapped: match kept.get("scrapped")? {
            Value::Null => None,
            scrapped => Some(ScrapTarget {
                total: decimal::parse_text(scrapped.get("total")?.as_str()?)?,
                key: scrapped.get("key")?.as_str()?.to_owned(),
            }),
        },
    })
}

/// What was read back, for the answer (see [`told`]).
pub(crate) fn show(report: &ProductionReport, system: &str) -> Value {
    let moved = |product: i64, quantity: Decimal, unit: Option<i64>, lot: &Option<String>| json!({"product": product, "quantity": told::amount(quantity, unit), "lot": lot});
    let consumed = |one: &Consumed| moved(one.product_id, one.quantity, one.unit, &one.lot);
    let made = |one: &Made| moved(one.product_id, one.quantity, one.unit, &one.lot);
    json!({
        "produced_total": told::amount(report.produced_total, report.unit),
        "scrapped_total": report.scrapped_total.map(|total| told::amount(total, report.unit)),
        "lot": report.lot,
        "components": report.components.iter().map(consumed).collect::<Vec<_>>(),
        "finished": report.finished.iter().map(made).collect::<Vec<_>>(),
        "backorder": report.backorder.map(|id| format!("{system}-{id}")),
    })
}

#[cfg(test)]
mod tests {
    use selvage_connect::odoo::ConsumptionTarget;

    use super::*;

    #[test]
    fn a_report_is_read_whole_or_everything_wrong_is_said() {
        let report = read(&json!({"quantity": {"value": "2.50", "unit": "kg"}, "lot": "L1", "remainder": "close"}));
        let report = report.unwrap();
        assert_eq!((report.value.to_string().as_str(), report.remainder), ("2.5", Remainder::Close));
        let plain = read(&json!({"quantity": {"value": "3", "unit": "1"}})).unwrap();
        assert_eq!((plain.lot, plain.remainder), (None, Remainder::Backorder));

        let table = [
            (json!({}), vec!["/quantity"]),
            (Value::Null, vec!["/quantity"]),
            (json!({"quantity": "3"}), vec!["/quantity"]),
            (json!({"quantity": {"value": 3, "unit": "1"}}), vec!["/quantity/value"]),
            (json!({"quantity": {"value": "0", "unit": "1"}}), vec!["/quantity/value"]),
            (json!({"quantity": {"value": "-1", "unit": "stone"}}), vec!["/quantity/value", "/quantity/unit"]),
            (json!({"quantity": {"value": "1", "unit": "1", "x": 1}}), vec!["/quantity/x"]),
            (json!({"quantity": {"value": "1", "unit": "1"}, "lot": " "}), vec!["/lot"]),
            (json!({"quantity": {"value": "1", "unit": "1"}, "remainder": "later"}), vec!["/remainder"]),
            (json!({"quantity": {"value": "1", "unit": "1"}, "scrap": 1, "a/b": 2}), vec!["/scrap", "/a~1b"]),
            (
                json!({"quantity": {"value": "1", "unit": "1"}, "scrapped": {"value": "-1", "unit": "1"}, "components": [{}]}),
                vec!["/components/0/component", "/components/0/quantity", "/scrapped/value"],
            ),
            (
                json!({"quantity": {"value": "1", "unit": "1"}, "components": 1, "scrapped": 1}),
                vec!["/components", "/scrapped"],
            ),
        ];
        for (body, pointers) in table {
            let errors = read(&body).unwrap_err();
            let found: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(found, pointers, "{body}");
        }
    }

    #[test]
    fn a_target_survives_its_effect() {
        let target = ProductionTarget {
            total: "0.75".parse().unwrap(),
            lot: Some("L1".to_owned()),
            remainder: Remainder::KeepOpen,
            components: vec![ConsumptionTarget { product: 7, lot: None, total: "2".parse().unwrap() }],
            scrapped: Some(ScrapTarget { total: "0.5".parse().unwrap(), key: "__selvage__.op_1".to_owned() }),
        };
        assert_eq!(kept(&keep(&target)), Some(target));
    }
}
