//! What a verb adds to its answer, in the words of objects: products by their business keys, quantities with UCUM units. What
//! was read back has the ids of the system's records until here; nothing is changed by naming them.

use std::collections::{BTreeMap, BTreeSet};

use selvage_mapping::quantity::Unit;
use selvage_mapping::{LinkAnswer, LinkQuery, decimal};
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::name::ObjectName;
use selvage_model::problem::Problem;
use serde_json::{Map, Value, json};

use crate::links;
use crate::reach::Reach;
use crate::trouble::Trouble;

/// A quantity, whose unit is the system's record until it is named.
pub(super) fn amount(value: Decimal, unit: Option<i64>) -> Value {
    json!({"value": decimal::text(value), "unit": unit})
}

/// The same with every `product` and `unit` that is a record's id named; `null` where it has no name.
pub(super) async fn named(reach: &Reach, mut added: Value) -> Result<Value, Trouble> {
    let (mut products, mut units) = (BTreeSet::new(), BTreeSet::new());
    each(&mut added, &mut |member, id| {
        if member == "product" {
            products.insert(id)
        } else {
            units.insert(id)
        };
        None
    });
    // A fabric that has no words for products is no reason to doubt what was done.
    let keys = match product_keys(reach, products.iter().copied()).await {
        Err(Trouble::Refusal(_)) => BTreeMap::new(),
        keys => keys?,
    };
    let codes = self::units(reach, units.iter().copied()).await?;
    each(&mut added, &mut |member, id| {
        let name = match member {
            "product" => keys.get(&id).cloned(),
            _ => codes.get(&id).map(|unit| unit.code().to_owned()),
        };
        Some(name.map_or(Value::Null, Value::String))
    });
    Ok(added)
}

/// Calls for each id at a member `product` or `unit`, and puts there what it gives.
fn each(value: &mut Value, name: &mut impl FnMut(&str, i64) -> Option<Value>) {
    match value {
        Value::Object(members) => of_members(members, name),
        Value::Array(elements) => elements.iter_mut().for_each(|element| each(element, name)),
        _ => {}
    }
}

fn of_members(members: &mut Map<String, Value>, name: &mut impl FnMut(&str, i64) -> Option<Value>) {
    for (member, value) in members {
        match value.as_i64().filter(|_| matches!(member.as_str(), "product" | "unit")) {
            Some(id) => {
                if let Some(named) = name(member, id) {
                    *value = named;
                }
            }
            None => each(value, name),
        }
    }
}

/// The business keys of products.
pub(super) async fn product_keys(
    reach: &Reach,
    products: impl Iterator<Item = i64> + Clone,
) -> Result<BTreeMap<i64, String>, Trouble> {
    let object: ObjectName =
        "product".parse().map_err(|_| Problem::new(502, code::VERSION_UNMAPPED, "object `product` is not declared"))?;
    let question = |id: i64| LinkQuery::Key { object: object.clone(), id };
    let links = links::look_up(reach, products.clone().map(question).collect(), &[]).await?;
    let key = |id: i64| match links.get(&question(id)) {
        Some(LinkAnswer::Text(key)) => Some((id, key.clone())),
        _ => None,
    };
    Ok(products.filter_map(key).collect())
}

/// Units, by the external ids that the fabric's code sets know.
pub(super) async fn units(reach: &Reach, units: impl Iterator<Item = i64>) -> Result<BTreeMap<i64, Unit>, Trouble> {
    let ids: Vec<i64> = units.collect::<BTreeSet<_>>().into_iter().collect();
    let external = reach.served.connection.ask(reach.odoo.external_ids("uom.uom", &ids)).await?;
    let sets = reach.active.fabric.code_sets.values();
    let words = sets.flat_map(|set| &set.systems).filter(|(system, _)| system.value == *reach.system());
    let words: Vec<_> = words.flat_map(|(_, pairs)| pairs).collect();
    let unit = |(id, external): (i64, String)| {
        let (_, code) =
            words.iter().find(|(word, code)| word.value == external && code.value.parse::<Unit>().is_ok())?;
        Some((id, code.value.parse().ok()?))
    };
    Ok(external.into_iter().filter_map(unit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_named_wherever_they_stand_and_nothing_else_is() {
        let mut added = json!({
            "lines": [{"product": 7, "total": {"value": "5", "unit": 1}, "lots": [{"lot": "7", "quantity": {"value": "5", "unit": 1}}]}],
            "product": "named", "backorder": 7,
        });
        each(&mut added, &mut |member, id| Some(json!(format!("{member} {id}"))));
        let told = json!({
            "lines": [{
                "product": "product 7", "total": {"value": "5", "unit": "unit 1"},
                "lots": [{"lot": "7", "quantity": {"value": "5", "unit": "unit 1"}}],
            }],
            "product": "named", "backorder": 7,
        });
        assert_eq!(added, told);
    }
}
