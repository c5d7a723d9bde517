//! What a verb is asked with in the fault tests, the likeliest first: what is shown of the record, and where that does not tell it, what the
//! simulation has beside it, as its components, its lots and the places where something may lie. Asks nothing of any engine.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Object, Shape};
use selvage_model::verb::Verb;
use serde_json::{Map, Value, json};

use super::Room;

/// How many bodies are made for one record.
const MOST: usize = 40;
/// How many lots of a component are named.
const LOTS: usize = 3;

/// A record that something is to be done to.
pub(super) struct Asking<'a> {
    pub(super) room: &'a Room,
    pub(super) fabric: &'a Fabric,
    pub(super) object: &'a Object,
    /// As it is shown.
    pub(super) item: &'a Value,
}

impl Asking<'_> {
    /// What the verb may be asked with.
    pub(super) fn bodies(&self, verb: Verb) -> Vec<Value> {
        let quantity = one_of(self.item);
        let mut bodies = match verb {
            Verb::Update => self.other_attribute().into_iter().collect(),
            Verb::Archive
            | Verb::ReleaseProduction
            | Verb::CancelProduction
            | Verb::CloseMaintenance
            | Verb::StartWork
            | Verb::PauseWork
            | Verb::FinishWork
            | Verb::ReleasePurchase
            | Verb::ReleaseSale => vec![json!({})],
            Verb::ReportProduction => match quantity {
                Some(quantity) => vec![json!({"quantity": quantity}), json!({"quantity": quantity, "lot": "TRIAL-1"})],
                None => Vec::new(),
            },
            Verb::ScrapPosition => quantity.map(|quantity| json!({"quantity": quantity})).into_iter().collect(),
            Verb::AdjustPosition => self.counts(),
            Verb::ReceivePurchase | Verb::ShipSale | Verb::ShipShipment => line(self.item).into_iter().collect(),
            Verb::QuarantineLot => self.at_sites(&json!({"reason": "a trial"})),
            Verb::ReleaseLot => self.places().iter().flat_map(|place| self.at_sites(&json!({"to": place}))).collect(),
            Verb::ConsumeComponent => self.consumptions(),
            Verb::ReviseBill => vec![json!({"revision": "TRIAL"})],
        };
        bodies.truncate(MOST);
        bodies
    }

    /// Another value of the first text or quantity that may be written.
    fn other_attribute(&self) -> Option<Value> {
        let is_key = |name: &str| self.object.identity.iter().any(|key| key.value.as_str() == name);
        let mut writable = self.object.attributes.iter().filter(|it| !it.read_only && !is_key(it.name.value.as_str()));
        writable.find_map(|attribute| {
            let name = attribute.name.value.as_str();
            let other = match (&attribute.shape, self.item.get(name)?) {
                (Shape::String { .. } | Shape::Text, Value::String(text)) if name != "site" => {
                    json!(format!("{text} F"))
                }
                (Shape::Quantity { .. }, quantity @ Value::Object(_)) => one_of(&json!({ "quantity": quantity }))?,
                _ => return None,
            };
            Some(json!({ name: other }))
        })
    }

    /// Counts that are hardly what lies there.
    fn counts(&self) -> Vec<Value> {
        let counted = |value: &str| Some(json!({ "quantity": with(&one_of(self.item)?, "value", value) }));
        ["777", "778"].into_iter().filter_map(counted).collect()
    }

    /// A body as it is, and at each site by name.
    fn at_sites(&self, body: &Value) -> Vec<Value> {
        let named = self.fabric.sites.keys().map(|site| with(body, "site", site.as_str()));
        std::iter::once(body.clone()).chain(named).collect()
    }

    /// Full names of the places where stock may lie.
    fn places(&self) -> Vec<String> {
        let asked = [json!([["usage", "=", "internal"]]), json!(["complete_name"])];
        let found = self.room.odoo().call("stock.location", "search_read", &asked, &Map::new()).unwrap_or_default();
        let name = |place: &Value| place.get("complete_name").and_then(Value::as_str).map(str::to_owned);
        found.as_array().into_iter().flatten().filter_map(name).collect()
    }

    /// A little of each component of a production order: in each unit that something may be counted in, and of each of some lots.
    fn consumptions(&self) -> Vec<Value> {
        let odoo = self.room.odoo();
        let Some(order) = self.behind() else { return Vec::new() };
        let (products, lots) = (odoo.records("product.product"), odoo.records("stock.lot"));
        let is_of_order = |part: &&Value| part.get("raw_material_production_id").and_then(Value::as_i64) == Some(order);
        let mut bodies = Vec::new();
        for part in odoo.records("stock.move").iter().filter(is_of_order) {
            let Some(product) = part.get("product_id").and_then(Value::as_i64) else { continue };
            let known = products.iter().find(|it| it.get("id").and_then(Value::as_i64) == Some(product));
            let Some(code) = known.and_then(|it| it.get("default_code")).and_then(Value::as_str) else { continue };
            let of_it = lots.iter().filter(|lot| lot.get("product_id").and_then(Value::as_i64) == Some(product));
            let numbers: Vec<&str> = of_it.filter_map(|lot| lot.get("name")?.as_str()).take(LOTS).collect();
            for unit in self.units() {
                let body = json!({"component": code, "quantity": {"value": "1", "unit": unit}});
                bodies.extend(numbers.iter().map(|lot| with(&body, "lot", lot)));
                bodies.push(body);
            }
        }
        bodies
    }

    /// The number of the record in the simulation, as its id ends with it.
    fn behind(&self) -> Option<i64> {
        self.item.get("id")?.as_str()?.rsplit_once('-')?.1.parse().ok()
    }

    /// One unit of each dimension: another of it would only be another amount.
    fn units(&self) -> Vec<&str> {
        let mut known = Vec::new();
        let entries = self.fabric.code_sets.values().flat_map(|set| &set.codes);
        for (dimension, entry) in entries.filter_map(|entry| Some((entry.dimension?, entry))) {
            if !known.iter().any(|(other, _)| *other == dimension) {
                known.push((dimension, entry.code.value.as_str()));
            }
        }
        known.into_iter().map(|(_, unit)| unit).collect()
    }
}

/// One of the first line's product.
fn line(item: &Value) -> Option<Value> {
    let line = item.pointer("/lines/0")?;
    Some(json!({"lines": [{"product": line.get("product")?, "quantity": one_of(line)?}]}))
}

/// One of what is counted in it.
fn one_of(item: &Value) -> Option<Value> {
    let mut members = item.as_object()?.values();
    let unit = members.find_map(|member| member.get("value").and(member.get("unit")))?;
    Some(json!({"value": "1", "unit": unit}))
}

/// A body with this member.
fn with(body: &Value, name: &str, value: &str) -> Value {
    let mut members = body.as_object().cloned().unwrap_or_default();
    members.insert(name.to_owned(), json!(value));
    Value::Object(members)
}
