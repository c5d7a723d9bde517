//! Compares a simulated answer with the recorded one. Ids are learned, moments and sequence numbers only have to look alike;
//! everything else, quantities, states, labels and messages included, has to be the same.

use serde_json::Value as Json;

use crate::player::Player;
use crate::recording::{Request, Step};
use crate::xml;

impl Player {
    /// Compares the answer to a step.
    pub fn compare(&mut self, step: &Step, simulated: &Json) {
        let place = step.name.clone();
        match &step.request {
            Request::Raw { .. } | Request::Envelope(_) => self.same(&place, &step.response, simulated),
            Request::Object { model, method, .. } => {
                let (mut recorded, mut simulated) = (step.response.clone(), simulated.clone());
                match (recorded.get("result").cloned(), simulated.get("result").cloned()) {
                    (Some(left), Some(right)) => {
                        self.result(&place, model, method, &left, &right);
                        for side in [&mut recorded, &mut simulated] {
                            side["result"] = Json::Null;
                        }
                    }
                    (None, None) => {}
                    (left, right) => {
                        self.differences.push(format!("{place}: result {left:?}, simulated {right:?} ({simulated})"));
                    }
                }
                self.same(&place, &recorded, &simulated);
            }
            Request::Named { model, method, .. } if step.status == Some(200) => {
                self.result(&place, model, method, &step.response, simulated);
            }
            Request::Named { .. } => self.same(&place, &step.response, simulated),
        }
    }

    /// Compares the XML to what was recorded in JSON: the same value, or the fault that stands for the same exception. What is
    /// nothing, or has nothing in it, cannot be written in XML: the work is done and a fault comes back.
    pub fn compare_xml(&mut self, step: &Step, simulated: &str) {
        let place = step.name.clone();
        let error = step.response.get("error");
        let result = step.response.get("result").filter(|result| !holds_nothing(result));
        match (xml::answer(simulated), error, result) {
            (Ok(value), None, Some(recorded)) => match &step.request {
                Request::Object { model, method, .. } => self.result(&place, model, method, recorded, &value),
                _ => self.same(&place, recorded, &value),
            },
            (Err((code, text)), Some(error), _) => {
                let data = &error["data"];
                let told = text.contains(data["message"].as_str().unwrap().trim_end());
                if code != fault(data["name"].as_str().unwrap()) || !(told || alike_text(&text, data)) {
                    self.differences.push(format!("{place}: {data}, simulated fault {code} {text}"));
                }
            }
            (Err((1, text)), None, None) if text.contains("cannot marshal None") => {}
            (simulated, ..) => {
                self.differences.push(format!("{place}: {}, simulated {simulated:?}", step.response));
            }
        }
    }

    fn result(&mut self, place: &str, model: &str, method: &str, recorded: &Json, simulated: &Json) {
        match method {
            "create" | "search" | "copy" => self.ids_of(place, model, recorded, simulated),
            "read" | "search_read" => self.records(place, model, recorded, simulated),
            "fields_get" => self.fields(place, recorded, simulated),
            "load" => {
                self.ids_of(place, model, &recorded["ids"], &simulated["ids"]);
                self.same(place, &recorded["messages"], &simulated["messages"]);
                self.same(place, &recorded["nextrow"], &simulated["nextrow"]);
            }
            _ => self.same(place, recorded, simulated),
        }
    }

    fn records(&mut self, place: &str, model: &str, recorded: &Json, simulated: &Json) {
        let (Some(left), Some(right)) = (recorded.as_array(), simulated.as_array()) else {
            return self.same(place, recorded, simulated);
        };
        if left.len() != right.len() {
            self.differences.push(format!("{place}: {} records, simulated {}: {simulated}", left.len(), right.len()));
            return;
        }
        for (left, right) in left.iter().zip(right) {
            let keys = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            if keys(left) != keys(right) {
                self.differences.push(format!("{place}: keys {:?}, simulated {:?}", keys(left), keys(right)));
            }
            for (name, value) in left.as_object().unwrap() {
                self.field(&format!("{place}: {name}"), model, name, value, &right[name]);
            }
        }
    }

    fn field(&mut self, place: &str, model: &str, name: &str, recorded: &Json, simulated: &Json) {
        // The id of an entry is one of many thousands in a real database; the id that it points to is its model's.
        let relation = if name == "id" { Some(model.to_owned()) } else { self.relation(model, name) };
        match (relation, recorded, simulated) {
            (Some(target), Json::Array(left), Json::Array(right)) if is_pair(left) && is_pair(right) => {
                self.ids_of(place, &target, &left[0], &right[0]);
                self.same(place, &left[1], &right[1]);
            }
            (Some(target), Json::Array(_) | Json::Number(_), _) => self.ids_of(place, &target, recorded, simulated),
            (None, Json::Number(_), Json::Number(_)) if name == "res_id" => {}
            _ => self.same(place, recorded, simulated),
        }
    }

    fn ids_of(&mut self, place: &str, model: &str, recorded: &Json, simulated: &Json) {
        match (recorded, simulated) {
            (Json::Number(left), Json::Number(right)) => {
                self.learn(place, model, left.as_i64().unwrap(), right.as_i64().unwrap());
            }
            (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right) {
                    self.ids_of(place, model, left, right);
                }
            }
            _ => self.same(place, recorded, simulated),
        }
    }

    /// Every field is there and described as recorded, in every attribute that was told, and there is no other.
    fn fields(&mut self, place: &str, recorded: &Json, simulated: &Json) {
        for (name, description) in recorded.as_object().unwrap() {
            let own = &simulated[name];
            for (attribute, told) in description.as_object().unwrap() {
                if own[attribute] != *told {
                    self.differences
                        .push(format!("{place}: {name}.{attribute} is {told}, simulated {}", own[attribute]));
                }
            }
        }
        for name in simulated.as_object().unwrap().keys().filter(|name| recorded.get(name.as_str()).is_none()) {
            self.differences.push(format!("{place}: {name} is not in the recording"));
        }
    }

    /// Equal, key by key and in order.
    fn same(&mut self, place: &str, recorded: &Json, simulated: &Json) {
        match (recorded, simulated) {
            (Json::Object(left), Json::Object(right)) => {
                let window = left.get("type").and_then(Json::as_str) == Some("ir.actions.act_window");
                for (name, value) in left {
                    let place = format!("{place}.{name}");
                    match right.get(name) {
                        None => self.differences.push(format!("{place}: missing in the simulation")),
                        Some(Json::String(_)) if name == "debug" => {}
                        // The id of a window is the number of an action, which every database gives anew.
                        Some(Json::Number(_)) if window && name == "id" => {}
                        Some(other) => self.known_key(&place, name, value, other),
                    }
                }
                for name in right.keys().filter(|name| !left.contains_key(*name)) {
                    self.differences.push(format!("{place}.{name}: not in the recording"));
                }
            }
            (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right) {
                    self.same(place, left, right);
                }
            }
            (Json::String(left), Json::String(right)) if alike(left, right) => {}
            _ if recorded == simulated => {}
            _ => self.differences.push(format!("{place}: {recorded}, simulated {simulated}")),
        }
    }

    fn known_key(&mut self, place: &str, name: &str, recorded: &Json, simulated: &Json) {
        let model = match name {
            "default_mrp_production_ids" | "mo_ids_to_backorder" | "mrp_production_id" => Some("mrp.production"),
            "product_id" | "default_product_id" => Some("product.product"),
            "default_location_id" => Some("stock.location"),
            "default_scrap_id" => Some("stock.scrap"),
            "default_order_id" => Some("sale.order"),
            "button_validate_picking_ids" => Some("stock.picking"),
            "product_uom_id" => Some("uom.uom"),
            "res_id" if recorded.as_i64() != Some(0) => Some("mrp.production"),
            _ => None,
        };
        match model {
            Some(model) => self.ids_of(place, model, recorded, simulated),
            None => self.same(place, recorded, simulated),
        }
    }
}

/// The number of the fault that stands for an exception.
fn fault(exception: &str) -> i64 {
    match exception.trim_start_matches("odoo.exceptions.") {
        "UserError" | "ValidationError" | "MissingError" => 2,
        "AccessDenied" => 3,
        "AccessError" => 4,
        _ => 1,
    }
}

/// The text of a fault with the recorded message, but for its digits.
fn alike_text(text: &str, data: &Json) -> bool {
    let blank = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    blank(text).contains(blank(data["message"].as_str().unwrap()).trim_end())
}

fn holds_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Array(items) => items.iter().any(holds_nothing),
        Json::Object(map) => map.values().any(holds_nothing),
        _ => false,
    }
}

/// `[id, label]`.
fn is_pair(items: &[Json]) -> bool {
    matches!(items, [Json::Number(_), Json::String(_)])
}

/// Moments, order names and invented lots are equal but for their digits.
fn alike(left: &str, right: &str) -> bool {
    let blank = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
    let moment = |text: &str| ["0000-00-00 00:00:00", "0000-00-00"].contains(&blank(text).as_str());
    let invented = |text: &str| text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit());
    let order = |text: &str| text.strip_prefix("WH/MO/").and_then(|rest| rest.get(5..)).map(str::to_owned);
    left == right
        || (moment(left) && moment(right))
        || (invented(left) && invented(right))
        || (order(left).is_some() && order(left) == order(right))
}
