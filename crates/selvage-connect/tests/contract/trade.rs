//! Purchasing and sales against what was recorded of them: whatever the connector sends that was recorded at all is spoken as
//! recorded, in that order, and every recorded answer to it is understood. What it sends beyond that is listed here, for none
//! of it was recorded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use rust_decimal::Decimal;
use selvage_connect::odoo::{Failure, LineTotal, Map, Odoo, Refusal, Rest, Scope, TransferTarget};
use serde_json::{Value, json};

use crate::odoo;
use crate::recording::{Asked, Exchange, read};
use crate::replay::{Answer, serve, wrap};

const RECEIVING: [&str; 2] = ["purchase order: confirm", "validate with skip_backorder"];

/// A server of 18 as it was recorded, at one purchase order or one sales order.
struct Desk {
    tables: BTreeMap<String, BTreeMap<i64, Map>>,
    coming: VecDeque<Exchange>,
    /// What was sent and is in no recording.
    beyond: Vec<Asked>,
}

impl Desk {
    /// With these steps to come.
    fn at(file: &str, steps: &[&str]) -> Arc<Mutex<Self>> {
        let all = read(18, file);
        let step = |name: &&str| all.iter().find(|exchange| exchange.step == *name).unwrap().clone();
        let mut desk = Self { tables: BTreeMap::new(), coming: steps.iter().map(step).collect(), beyond: Vec::new() };
        let readings = all.iter().filter(|exchange| {
            exchange.asked.as_ref().is_some_and(|asked| matches!(asked.method.as_str(), "read" | "search_read"))
        });
        // As it stood first: what came of the calls is in the later readings.
        for reading in readings {
            let model = reading.asked.as_ref().unwrap().model.clone();
            for record in reading.value().unwrap().as_array().unwrap() {
                let known = desk.tables.entry(model.clone()).or_default();
                let of = known.entry(record["id"].as_i64().unwrap()).or_default();
                for (name, value) in record.as_object().unwrap() {
                    of.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        desk.tables.get_mut("stock.picking").unwrap().retain(|_, picking| picking["state"] != "done");
        desk.tables.get_mut("stock.picking").unwrap().remove(&2);
        Arc::new(Mutex::new(desk))
    }

    fn set(&mut self, model: &str, id: i64, values: &Value) {
        let record = self.tables.entry(model.to_owned()).or_default().entry(id).or_default();
        record.insert("id".to_owned(), json!(id));
        record.extend(values.as_object().unwrap().clone());
    }

    fn answer(&mut self, asked: &Asked) -> Option<Answer> {
        if matches!(asked.method.as_str(), "read" | "search_read") {
            return Some(wrap(18, Value::Array(self.find(asked))));
        }
        let expected = self.coming.front().and_then(|exchange| exchange.asked.clone());
        if !expected.is_some_and(|next| next.model == asked.model && next.method == asked.method) {
            self.beyond.push(asked.clone());
            self.write(asked);
            return Some(wrap(18, json!(true)));
        }
        let next = self.coming.pop_front()?;
        assert_eq!(*asked, next.asked.clone().unwrap(), "{}", next.step);
        if next.value() == Some(json!(true)) {
            self.happen(asked);
        }
        Some((next.status, next.response))
    }

    /// What a recorded call did, as the readings behind it say.
    fn happen(&mut self, asked: &Asked) {
        match asked.method.as_str() {
            "button_confirm" => self.set("purchase.order", 1, &json!({"state": "purchase"})),
            "action_confirm" => self.set("sale.order", 1, &json!({"state": "sale"})),
            _ => {
                let done = asked.ids[0];
                self.set("stock.picking", done, &json!({"state": "done"}));
                let moves: Vec<i64> = self.tables["stock.move"].keys().copied().collect();
                moves.iter().for_each(|id| self.set("stock.move", *id, &json!({"state": "done"})));
                if asked.context.contains_key("skip_backorder") {
                    let rest = json!({"name": "WH/IN/00002", "state": "assigned", "backorder_id": [1, "WH/IN/00001"]});
                    self.set("stock.picking", 2, &rest);
                    let rest = Value::Object(self.tables["stock.move"][&19].clone());
                    self.set("stock.move", 22, &rest);
                    let open = json!({"product_uom_qty": 4.0, "quantity": 4.0, "picked": false, "state": "assigned"});
                    self.set("stock.move", 22, &open);
                    self.set("stock.move", 22, &json!({"id": 22, "picking_id": [2, "WH/IN/00002"]}));
                }
            }
        }
    }

    /// A write that was not recorded, done as it says.
    fn write(&mut self, asked: &Asked) {
        assert_eq!(asked.method, "write", "{asked:?}");
        let mut values = asked.args["vals"].clone();
        let id = asked.ids[0];
        let lines = values.as_object_mut().unwrap().shift_remove("move_line_ids");
        for command in lines.iter().flat_map(|lines| lines.as_array().unwrap()) {
            match command[0].as_i64().unwrap() {
                2 => drop(self.tables.get_mut("stock.move.line").unwrap().remove(&command[1].as_i64().unwrap())),
                _ => {
                    self.set("stock.move.line", 90, &command[2]);
                    self.set("stock.move.line", 90, &json!({"move_id": [id, "a move"], "lot_id": false}));
                    values["quantity"] = command[2]["quantity"].clone();
                    values["picked"] = json!(true);
                }
            }
        }
        self.set(&asked.model, id, &values);
    }

    fn find(&self, asked: &Asked) -> Vec<Value> {
        let Some(table) = self.tables.get(&asked.model) else { return Vec::new() };
        let domain = asked.args.get("domain").and_then(Value::as_array).cloned().unwrap_or_default();
        let fits = |record: &&Map| {
            let by_id = asked.method != "read" || asked.ids.contains(&record["id"].as_i64().unwrap());
            by_id && domain.iter().all(|leaf| holds(record, leaf))
        };
        table.values().filter(fits).cloned().map(Value::Object).collect()
    }
}

/// Whether a record fits a leaf of a domain.
fn holds(record: &Map, leaf: &Value) -> bool {
    let found = record.get(leaf[0].as_str().unwrap()).cloned().unwrap_or(json!(false));
    let found = if found.is_array() { found[0].clone() } else { found };
    match leaf[1].as_str().unwrap() {
        "in" => leaf[2].as_array().unwrap().contains(&found),
        _ => found == leaf[2],
    }
}

async fn on(desk: &Arc<Mutex<Desk>>) -> Odoo {
    let told = Arc::clone(desk);
    odoo(&serve(18, Box::new(move |asked| told.lock().unwrap().answer(asked))).await)
}

/// The recorded purchase order of ten frames and four of paint, with what its readings leave out.
fn purchase(steps: &[&str]) -> Arc<Mutex<Desk>> {
    let desk = Desk::at("purchasing", steps);
    let mut told = desk.lock().unwrap();
    told.set("purchase.order", 1, &json!({"state": "draft", "company_id": [1, "YourCompany"]}));
    for (line, product, tracking, demand) in [(1, 44, "none", 10.0), (2, 46, "lot", 4.0)] {
        let label = json!([product, format!("product {product}")]);
        told.set(
            "purchase.order.line",
            line,
            &json!({"order_id": [1, "P00001"], "product_id": label, "display_type": false}),
        );
        let kept = json!({"uom_id": [12, "kg"], "type": "consu", "tracking": tracking, "is_storable": true});
        told.set("product.product", product, &kept);
        let of = json!({
            "product_id": label, "product_uom_qty": demand, "quantity": demand, "picked": false, "state": "assigned",
            "product_uom": [12, "kg"], "picking_id": [1, "WH/IN/00001"], "purchase_line_id": [line, "P00001"],
            "location_id": [4, "Partners/Vendors"], "location_dest_id": [8, "WH/Stock"],
        });
        told.set("stock.move", 18 + line, &of);
    }
    around(&mut told);
    drop(told);
    desk
}

fn around(told: &mut Desk) {
    told.set("uom.uom", 12, &json!({"rounding": 0.01}));
    told.set("stock.location", 4, &json!({"usage": "supplier"}));
    told.set("stock.location", 8, &json!({"usage": "internal"}));
    told.set("stock.picking.type", 1, &json!({"create_backorder": "ask"}));
}

fn six_of_ten() -> TransferTarget {
    let total = |line, total: i64, lots: &[(&str, i64)]| {
        let lots = lots.iter().map(|(lot, quantity)| ((*lot).to_owned(), Decimal::from(*quantity))).collect();
        LineTotal { line, total: total.into(), lots }
    };
    let lines = vec![total(1, 6, &[]), total(2, 4, &[("ASN-LOT-1", 4)])];
    TransferTarget { lines, rest: Rest::Backorder, over: false }
}

#[tokio::test]
async fn a_short_receipt_is_confirmed_and_validated_as_recorded() {
    let desk = purchase(&RECEIVING);
    let odoo = on(&desk).await;
    let scope = Scope::company(1);
    for _ in 0..2 {
        odoo.release_purchase_order(1, &scope).await.unwrap();
    }
    let report = odoo.receive(1, &six_of_ten(), &scope).await.unwrap();
    assert_eq!((report.transfers, report.backorder.as_deref()), (vec!["WH/IN/00001".to_owned()], Some("WH/IN/00002")));
    let desk = desk.lock().unwrap();
    assert!(desk.coming.is_empty(), "{:?}", desk.coming);
    // Recorded are writes of the lines; the connector writes the moves, which keeps a lot and its quantity together.
    let beyond: Vec<(&str, i64)> = desk.beyond.iter().map(|asked| (asked.model.as_str(), asked.ids[0])).collect();
    assert_eq!(beyond, [("stock.move", 19), ("stock.move", 20)]);
    assert_eq!(desk.beyond[0].args["vals"], json!({"quantity": 6, "picked": true}));
}

#[tokio::test]
async fn what_odoo_answers_instead_of_validating_is_told_as_recorded() {
    for (step, kind, words) in [
        ("validate a receipt with a lot missing: refused", Refusal::User, "You need to supply a Lot/Serial Number"),
        ("validate a short receipt: a backorder wizard comes back", Refusal::Wizard, "stock.backorder.confirmation"),
        ("validate again", Refusal::User, "You cannot validate a transfer if no quantities are reserved"),
    ] {
        let desk = purchase(&RECEIVING);
        let answer = read(18, "purchasing").into_iter().find(|exchange| exchange.step == step).unwrap();
        desk.lock().unwrap().coming[1].response = answer.response;
        let odoo = on(&desk).await;
        odoo.release_purchase_order(1, &Scope::company(1)).await.unwrap();
        let failure = odoo.receive(1, &six_of_ten(), &Scope::company(1)).await.unwrap_err();
        let Failure::Refused { kind: found, message, .. } = &failure else { panic!("{step}: {failure}") };
        assert_eq!(*found, kind, "{step}");
        assert!(message.contains(words) && !message.contains("Traceback"), "{step}: {message}");
    }
}

#[tokio::test]
async fn a_whole_delivery_is_confirmed_and_validated_as_recorded() {
    let desk = Desk::at("sales", &["sales order: confirm", "delivery: validate"]);
    {
        let mut told = desk.lock().unwrap();
        let label = json!([47, "product 47"]);
        told.set("sale.order", 1, &json!({"state": "draft", "company_id": [1, "YourCompany"]}));
        told.set("sale.order.line", 1, &json!({"order_id": [1, "S00001"], "product_id": label, "display_type": false}));
        let kept = json!({"uom_id": [12, "kg"], "type": "consu", "tracking": "none", "is_storable": true});
        told.set("product.product", 47, &kept);
        let shipment = json!({"state": "assigned", "picking_type_id": [2, "Deliveries"], "move_ids": [21]});
        told.set("stock.picking", 3, &shipment);
        let of = json!({
            "product_id": label, "product_uom_qty": 2.0, "quantity": 2.0, "picked": false, "state": "assigned",
            "product_uom": [12, "kg"], "picking_id": [3, "WH/OUT/00001"], "sale_line_id": [1, "S00001"],
            "location_id": [8, "WH/Stock"], "location_dest_id": [5, "Partners/Customers"],
        });
        told.set("stock.move", 21, &of);
        let there = json!({"product_id": label, "location_id": [8, "WH/Stock"], "lot_id": false, "location_id.usage": "internal", "quantity": 9.0, "reserved_quantity": 2.0});
        told.set("stock.quant", 1, &there);
        around(&mut told);
        told.set("stock.location", 5, &json!({"usage": "customer"}));
    }
    let odoo = on(&desk).await;
    let scope = Scope::company(1);
    odoo.release_sales_order(1, &scope).await.unwrap();
    let lines = vec![LineTotal { line: 1, total: 2.into(), lots: vec![] }];
    let target = TransferTarget { lines, rest: Rest::Backorder, over: false };
    for already in [false, true] {
        let report = odoo.ship(1, &target, &scope).await.unwrap();
        assert_eq!((report.already, report.transfers), (already, vec!["WH/OUT/00001".to_owned()]));
    }
    let desk = desk.lock().unwrap();
    assert!(desk.coming.is_empty() && desk.beyond.len() == 1, "{:?}", desk.beyond);
}
