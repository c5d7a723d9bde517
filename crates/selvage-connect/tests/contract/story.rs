//! A recorded scenario that a verb is run against: its writes must come exactly as recorded and in that order; reads are
//! answered from what was recorded up to the last write. What a scenario did not ask for is taken from the recordings beside it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use selvage_connect::odoo::Map;
use serde_json::{Value, json};

use crate::recording::{Asked, Exchange, read};
use crate::replay::{Answer, wrap};

const READS: [&str; 2] = ["read", "search_read"];

/// One scenario as it goes on.
pub(crate) struct Story {
    version: u32,
    tables: BTreeMap<String, BTreeMap<i64, Map>>,
    coming: VecDeque<Exchange>,
    pub(crate) order: i64,
    pub(crate) lot: String,
    /// Everything that was sent and could change something.
    pub(crate) sent: Vec<Asked>,
    /// Writes to component moves are answered and change nothing.
    pub(crate) deaf: bool,
}

impl Story {
    /// The scenario of this name in `report_right`, from the moment when the order is released and reserved.
    pub(crate) fn right(version: u32, name: &str) -> Arc<Mutex<Self>> {
        let all = read(version, "report_right");
        let of_scenario =
            |exchange: &Exchange| exchange.step.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', ',']));
        let mut coming: VecDeque<Exchange> = all.into_iter().filter(of_scenario).collect();
        let created = coming.pop_front().unwrap();
        while coming[0].asked.as_ref().unwrap().method.starts_with("action_") {
            coming.pop_front();
        }
        let order = created.value().unwrap()[0].as_i64().unwrap();
        let lot = coming[0].asked.as_ref().unwrap().args["vals_list"][0]["name"].as_str().unwrap().to_owned();
        let mut story = Self { version, tables: BTreeMap::new(), coming, order, lot, sent: Vec::new(), deaf: false };
        story.set_up(&created.asked.unwrap().args["vals_list"][0]);
        Arc::new(Mutex::new(story))
    }

    /// What stood in the server when the scenario began.
    fn set_up(&mut self, values: &Value) {
        for exchange in read(self.version, "report_whole") {
            let Some(asked) =
                exchange.asked.as_ref().filter(|asked| asked.method == "create" && asked.model == "product.product")
            else {
                continue;
            };
            let id = exchange.value().unwrap()[0].as_i64().unwrap();
            let tracking = asked.args["vals_list"][0]["tracking"].clone();
            self.merge("product.product", &json!({"id": id, "tracking": tracking}));
        }
        let units =
            if self.version == 18 { ("reading", "all units of measure") } else { ("json2", "units of measure") };
        let units = read(self.version, units.0).into_iter().find(|exchange| exchange.step == units.1).unwrap();
        self.absorb(&units);
        let later: Vec<Exchange> = self.coming.iter().cloned().collect();
        let seen = |model: &str| later.iter().filter(|one| is_read(one, model)).flat_map(records).collect::<Vec<_>>();
        let of_order = |record: &Value| record["id"].as_i64() == Some(self.order);
        let known = seen("mrp.production").into_iter().find(of_order).unwrap();
        let finished: Vec<i64> = serde_json::from_value(later_field(&later, self.order, "move_finished_ids")).unwrap();
        let moves: Vec<i64> = serde_json::from_value(later_field(&later, self.order, "move_raw_ids")).unwrap();
        let made = seen("stock.move").into_iter().find(|one| one["id"].as_i64() == Some(finished[0])).unwrap();
        let lot =
            if self.version == 18 { ("lot_producing_id", json!(false)) } else { ("lot_producing_ids", json!([])) };
        let group = if self.version == 18 { "procurement_group_id" } else { "production_group_id" };
        let order = json!({
            "id": self.order, "name": known["name"], "state": "confirmed", "product_id": made["product_id"],
            "product_qty": values["product_qty"], "qty_producing": 0.0, "qty_produced": 0.0, "company_id": [1, "YourCompany"], "backorder_sequence": 0,
            lot.0: lot.1, group: [77, "WH/MO"], "move_raw_ids": moves, "move_finished_ids": finished,
        });
        self.merge("mrp.production", &order);
        self.merge("stock.move", &json!({"id": finished[0], "product_id": made["product_id"], "quantity": values["product_qty"], "state": "assigned"}));
        for id in moves {
            let mut first = seen("stock.move").into_iter().find(|one| one["id"].as_i64() == Some(id)).unwrap();
            if first.get("should_consume_qty").is_some() {
                first["should_consume_qty"] = json!(0.0);
            }
            self.merge("stock.move", &first);
            for mut line in seen("stock.move.line").into_iter().filter(|line| line["move_id"][0].as_i64() == Some(id)) {
                line["quantity"] = first["quantity"].clone();
                line["picked"] = json!(false);
                self.merge("stock.move.line", &line);
            }
        }
        self.relate();
    }

    /// Answers a call of the connector.
    pub(crate) fn answer(&mut self, asked: &Asked) -> Option<Answer> {
        if READS.contains(&asked.method.as_str()) {
            return Some(wrap(self.version, Value::Array(self.find(asked))));
        }
        self.sent.push(asked.clone());
        let expected = self.coming.pop_front()?;
        assert_eq!(*asked, expected.asked.clone().unwrap(), "{}", expected.step);
        if asked.method == "button_mark_done" {
            let picked = |id: &i64| self.tables["stock.move"][id]["picked"] == true;
            assert!(self.components().iter().all(picked), "{}: a component is not picked", expected.step);
        }
        if self.deaf && asked.model == "stock.move" {
            return Some((expected.status, expected.response));
        }
        self.happen(asked, &expected);
        while self.coming.front().is_some_and(|next| READS.contains(&next.asked.as_ref().unwrap().method.as_str())) {
            let reading = self.coming.pop_front().unwrap();
            self.absorb(&reading);
        }
        Some((expected.status, expected.response))
    }

    /// The next recorded write is left out, where the recording shows what a client should not have asked.
    pub(crate) fn skip(&mut self, step: &str) {
        let at = self.coming.iter().position(|exchange| exchange.step == step).unwrap();
        self.coming.remove(at);
    }

    /// Instead of what this step answered, that step's answer comes, and nothing after it.
    pub(crate) fn end_with(&mut self, step: &str, answer: &Exchange) {
        let at = self.coming.iter().position(|exchange| exchange.step == step).unwrap();
        self.coming.truncate(at + 1);
        self.coming[at].response = answer.response.clone();
    }

    /// The component moves of the order.
    fn components(&self) -> Vec<i64> {
        serde_json::from_value(self.tables["mrp.production"][&self.order]["move_raw_ids"].clone()).unwrap()
    }

    /// Whether every recorded write was sent.
    pub(crate) fn ended(&self) -> bool {
        self.coming.is_empty()
    }

    /// The direct consequence of a write; what else it caused is in the recorded readings behind it.
    fn happen(&mut self, asked: &Asked, expected: &Exchange) {
        if asked.method == "create" {
            let mut made = asked.args["vals_list"][0].clone();
            made["id"] = expected.value().unwrap()[0].clone();
            made["company_id"] = json!(false);
            self.merge(&asked.model, &made);
        }
        for id in &asked.ids {
            if let Some(vals) = asked.args.get("vals") {
                let mut written = vals.clone();
                written["id"] = json!(id);
                self.merge(&asked.model, &written);
            }
            if asked.model == "stock.move" {
                let quantity = asked.args["vals"]["quantity"].clone();
                for line in self.tables.get_mut("stock.move.line").unwrap().values_mut() {
                    if line["move_id"][0].as_i64() == Some(*id) {
                        line.insert("quantity".to_owned(), quantity.clone());
                    }
                }
            }
        }
        // Written as a command, read as ids.
        for order in self.tables.get_mut("mrp.production").unwrap().values_mut() {
            if let Some(ids) = order.get("lot_producing_ids").and_then(|lots| lots.pointer("/0/2")).cloned() {
                order.insert("lot_producing_ids".to_owned(), ids);
            }
        }
    }

    fn absorb(&mut self, exchange: &Exchange) {
        let model = exchange.asked.as_ref().unwrap().model.clone();
        for record in records(exchange) {
            self.merge(&model, &record);
        }
        self.relate();
    }

    fn merge(&mut self, model: &str, record: &Value) {
        let table = self.tables.entry(model.to_owned()).or_default();
        let known = table.entry(record["id"].as_i64().unwrap()).or_default();
        for (name, value) in record.as_object().unwrap() {
            known.insert(name.clone(), value.clone());
        }
    }

    /// Moves know their order, and a backorder has the product, company and group of the order that it was split from.
    fn relate(&mut self) {
        let Some(orders) = self.tables.get("mrp.production").cloned() else { return };
        let Some(first) = orders.get(&self.order).cloned() else { return };
        for (id, order) in orders {
            for (list, back) in [("move_raw_ids", "raw_material_production_id"), ("move_finished_ids", "production_id")]
            {
                for one in order.get(list).and_then(Value::as_array).into_iter().flatten() {
                    self.merge("stock.move", &json!({"id": one, back: [id, "order"]}));
                }
            }
            for (name, value) in &first {
                if !order.contains_key(name) {
                    self.merge("mrp.production", &json!({"id": id, name: value}));
                }
            }
        }
    }

    fn find(&self, asked: &Asked) -> Vec<Value> {
        let Some(table) = self.tables.get(&asked.model) else { return Vec::new() };
        let fields: Vec<String> = serde_json::from_value(asked.args["fields"].clone()).unwrap();
        let domain = asked.args.get("domain").and_then(Value::as_array).cloned().unwrap_or_default();
        let named = |id: &i64| asked.ids.is_empty() || asked.ids.contains(id);
        let fits = |record: &Map| domain.iter().all(|leaf| self.holds(record, leaf));
        let chosen = table.iter().filter(|(id, record)| named(id) && fits(record));
        let shown = |record: &Map| {
            record.iter().filter(|(name, _)| *name == "id" || fields.contains(name)).map(clone).collect()
        };
        chosen.map(|(_, record)| Value::Object(shown(record))).collect()
    }

    fn holds(&self, record: &Map, leaf: &Value) -> bool {
        let path = leaf[0].as_str().unwrap();
        let found = match path.split_once('.') {
            None => record.get(path).cloned(),
            Some((own, rest)) => {
                let of = record.get(own).and_then(id).unwrap();
                self.tables["stock.move"].get(&of).and_then(|one| one.get(rest)).cloned()
            }
        };
        let Some(found) = found else { return false };
        match leaf[1].as_str().unwrap() {
            "=" => id(&found).map_or(found == leaf[2], |id| json!(id) == leaf[2]),
            ">=" => id(&found) >= leaf[2].as_i64(),
            "in" => leaf[2].as_array().unwrap().iter().any(|one| one.as_i64() == id(&found)),
            other => panic!("operator {other}"),
        }
    }
}

fn id(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.get(0)?.as_i64())
}

fn clone((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn is_read(exchange: &Exchange, model: &str) -> bool {
    exchange.asked.as_ref().is_some_and(|asked| asked.model == model && READS.contains(&asked.method.as_str()))
}

fn records(exchange: &Exchange) -> Vec<Value> {
    serde_json::from_value(exchange.value().unwrap()).unwrap()
}

fn later_field(later: &[Exchange], order: i64, field: &str) -> Value {
    let readings = later.iter().filter(|one| is_read(one, "mrp.production")).flat_map(records);
    let mut found = readings.filter(|one| one["id"].as_i64() == Some(order)).filter_map(|one| one.get(field).cloned());
    found.next().unwrap()
}
