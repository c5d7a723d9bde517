//! Consumption noted on an order: read from its body, the component found by its key and brought into the unit in which
//! the order counts it. It states a total and never adds to what was noted before.

use selvage_connect::odoo::{Consumption, ConsumptionTarget, Scope as CallScope};
use selvage_mapping::quantity::{self, Unit};
use selvage_mapping::{LinkAnswer, LinkQuery, decimal};
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::manifest::object::{Object, Shape};
use selvage_model::name::ObjectName;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Value, json};

use super::report;
use super::told;
use crate::body::{unfit, unknown_members};
use crate::links;
use crate::reach::{Found, Reach};
use crate::trouble::Trouble;

/// Consumption as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stated {
    component: String,
    lot: Option<String>,
    value: Decimal,
    unit: Unit,
}

/// Reads `{"component", "lot", "quantity": {"value", "unit"}}`.
pub(crate) fn read(body: &Value) -> Result<Stated, Vec<FieldError>> {
    let mut errors = unknown_members(Some(body), &["component", "lot", "quantity"]);
    let component = match body.get("component").and_then(Value::as_str) {
        Some(component) if !component.trim().is_empty() => Some(component.to_owned()),
        _ => report::wrong(&mut errors, "/component", "the key of a component is needed"),
    };
    let lot = report::read_lot(body.get("lot"), &mut errors);
    let quantity = report::read_quantity(body.get("quantity"), &mut errors, report::Least::Zero);
    match (component, quantity) {
        (Some(component), Some((value, unit))) if errors.is_empty() => Ok(Stated { component, lot, value, unit }),
        _ => Err(errors),
    }
}

/// Reads the list of what was used of several components.
pub(crate) fn read_all(given: Option<&Value>, errors: &mut Vec<FieldError>) -> Vec<Stated> {
    let list = match given {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            report::wrong::<()>(errors, "/components", "a list of components is needed");
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for (index, one) in list.iter().enumerate() {
        match read(one) {
            Ok(stated) if all.iter().any(|other: &Stated| other.is_of(&stated)) => {
                let detail = "this component and lot stand in the list already";
                report::wrong::<()>(errors, &format!("/components/{index}"), detail);
            }
            Ok(stated) => all.push(stated),
            Err(more) => errors.extend(
                more.into_iter()
                    .map(|error| FieldError { pointer: format!("/components/{index}{}", error.pointer), ..error }),
            ),
        }
    }
    all
}

impl Stated {
    fn is_of(&self, other: &Self) -> bool {
        self.component == other.component && self.lot == other.lot
    }
}

/// The target on the order that was found.
pub(crate) async fn aim(
    stated: &Stated,
    reach: &Reach,
    (found, companies): (&Found, &[i64]),
) -> Result<ConsumptionTarget, Trouble> {
    let product = component(stated, reach, companies).await?;
    let scope = CallScope { companies: companies.to_vec(), active_test: true };
    let unit = reach.served.connection.ask(reach.odoo.component_unit(found.id, product, &scope)).await?;
    let unit = unit_of(unit, reach, found).await?;
    let total = quantity::convert(stated.value, &stated.unit, &unit).map_err(|error| {
        let detail = error.to_string();
        let field = FieldError { pointer: "/quantity/unit".to_owned(), detail: detail.clone() };
        Trouble::from(Problem::new(422, code::UNIT_MISMATCH, detail).with_errors(vec![field]))
    })?;
    Ok(ConsumptionTarget { product, lot: stated.lot.clone(), total })
}

/// What is wrong with one of several, by its place among them.
pub(crate) fn among(index: usize, trouble: Trouble) -> Trouble {
    let placed = |error: FieldError| FieldError { pointer: format!("/components/{index}{}", error.pointer), ..error };
    match trouble {
        Trouble::Refusal(problem) => {
            let errors = problem.errors.iter().cloned().map(placed).collect();
            Trouble::Refusal(Problem { errors, ..problem })
        }
        other => other,
    }
}

async fn component(stated: &Stated, reach: &Reach, companies: &[i64]) -> Result<i64, Trouble> {
    let refused = |detail: String| {
        let error = FieldError { pointer: "/component".to_owned(), detail };
        Trouble::from(unfit(vec![error], "the consumption"))
    };
    let object = made(&reach.served.object).ok_or_else(|| refused("the order names no product".to_owned()))?;
    let question = LinkQuery::ByKey { object: object.clone(), key: stated.component.clone() };
    let answers = links::look_up(reach, vec![question.clone()], companies).await?;
    match answers.get(&question) {
        Some(LinkAnswer::Id(id)) => Ok(*id),
        _ => Err(refused(format!("there is no {object} `{}`", stated.component))),
    }
}

/// What the order makes, which is what its components are too.
fn made(object: &Object) -> Option<&ObjectName> {
    object.attributes.iter().find_map(|attribute| match &attribute.shape {
        Shape::Ref { object } => Some(&object.value),
        _ => None,
    })
}

/// A unit of the system's as the mapping of the order tells units: it is asked as if the order were counted in it.
async fn unit_of(unit: i64, reach: &Reach, found: &Found) -> Result<Unit, Trouble> {
    let mut record = found.record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.insert("product_uom_id".to_owned(), json!([unit, ""]));
    }
    let shown = reach.show(&[record]).await?;
    let unit = shown.first().and_then(|shown| report::unit_of(&reach.served.object, shown.as_ref().ok()?));
    unit.ok_or_else(|| {
        let detail = "the order does not say in which unit the component is counted";
        Problem::new(502, code::RECORD_UNSHOWABLE, detail).into()
    })
}

/// A target in the form that its effect keeps.
pub(crate) fn keep(target: &ConsumptionTarget) -> Value {
    json!({"product": target.product, "lot": target.lot, "total": decimal::text(target.total)})
}

/// The target that an effect kept.
pub(crate) fn kept(kept: &Value) -> Option<ConsumptionTarget> {
    Some(ConsumptionTarget {
        product: kept.get("product")?.as_i64()?,
        lot: kept.get("lot")?.as_str().map(str::to_owned),
        total: decimal::parse_text(kept.get("total")?.as_str()?)?,
    })
}

/// What was read back, for the answer (see [`told`]).
pub(crate) fn show(consumption: &Consumption) -> Value {
    let unit = Some(consumption.unit);
    json!({
        "product": consumption.product_id,
        "lot": consumption.lot,
        "quantity": told::amount(consumption.total, unit),
        "component_total": told::amount(consumption.component_total, unit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumption_is_read_whole_or_everything_wrong_is_said() {
        let stated = read(&json!({"component": "PNT-1", "lot": "P1", "quantity": {"value": "0.50", "unit": "kg"}}));
        let stated = stated.unwrap();
        assert_eq!((stated.component.as_str(), stated.value.to_string().as_str()), ("PNT-1", "0.5"));
        assert!(read(&json!({"component": "PNT-1", "quantity": {"value": "0", "unit": "kg"}})).is_ok());
        for (body, pointers) in [
            (json!({}), vec!["/component", "/quantity"]),
            (
                json!({"component": " ", "quantity": {"value": "-1", "unit": "kg"}}),
                vec!["/component", "/quantity/value"],
            ),
            (
                json!({"component": "A", "lot": "", "quantity": {"value": "1", "unit": "kg"}, "x": 1}),
                vec!["/x", "/lot"],
            ),
        ] {
            let errors = read(&body).unwrap_err();
            let found: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(found, pointers, "{body}");
        }
    }

    #[test]
    fn a_target_survives_its_effect() {
        let target = ConsumptionTarget { product: 7, lot: Some("P1".to_owned()), total: "0.75".parse().unwrap() };
        assert_eq!(kept(&keep(&target)), Some(target));
    }
}
