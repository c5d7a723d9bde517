//! Verbs against what was recorded of them: the same writes as recorded, and nothing where the record stands there already.

use std::sync::{Arc, Mutex};

use selvage_connect::odoo::{Failure, FieldTarget, Map, OrderState, Refusal, Scope};
use serde_json::{Value, json};

use crate::odoo;
use crate::recording::{Asked, Exchange, read};
use crate::replay::{Answer, serve, wrap};

fn step(version: u32, file: &str, name: &str) -> Exchange {
    read(version, file).into_iter().find(|exchange| exchange.step == name).unwrap()
}

/// The writes that are to come, in order, with what the record says after each.
struct Course {
    version: u32,
    writes: Vec<Exchange>,
    stands: Vec<Value>,
    done: usize,
}

impl Course {
    fn answer(&mut self, asked: &Asked, of: &str) -> Option<Answer> {
        if asked.model == of && matches!(asked.method.as_str(), "read" | "search_read") {
            return Some(wrap(self.version, json!([self.stands[self.done]])));
        }
        let next = self.writes.get(self.done)?;
        let recorded = next.asked.as_ref().unwrap();
        assert_eq!((&asked.model, &asked.method, &asked.ids), (&recorded.model, &recorded.method, &recorded.ids));
        let listed = |args: &Map| match args.get("vals_list") {
            Some(Value::Array(list)) => list.first().cloned(),
            other => other.cloned(),
        };
        let amount = |vals: Option<Value>| vals.map(|vals| (vals["mo_id"].clone(), vals["product_qty"].as_f64()));
        assert_eq!(amount(listed(&asked.args)), amount(listed(&recorded.args)), "{}", next.step);
        self.done += 1;
        Some((next.status, next.response.clone()))
    }
}

async fn on(version: u32, course: &Arc<Mutex<Course>>, of: &'static str) -> selvage_connect::odoo::Odoo {
    let told = Arc::clone(course);
    odoo(&serve(version, Box::new(move |asked| told.lock().unwrap().answer(asked, of))).await)
}

/// What an order was before, and what was recorded of it after.
fn order(version: u32, story: &str, before: &Value) -> (i64, Vec<Value>) {
    let after = step(version, "report_other", &format!("{story}, after: order")).value().unwrap()[0].clone();
    let mut first = after.clone();
    first.as_object_mut().unwrap().extend(before.as_object().unwrap().clone());
    let id = after["id"].as_i64().unwrap();
    (id, vec![first, after])
}

#[tokio::test]
async fn the_quantity_of_a_released_order_goes_through_its_wizard() {
    for version in [18, 19] {
        let (id, stands) = order(version, "change", &json!({"product_qty": 3.0}));
        let writes = ["change: quantity wizard", "change: apply"].map(|name| step(version, "report_other", name));
        let stands = vec![stands[0].clone(), stands[0].clone(), stands[1].clone()];
        let course = Arc::new(Mutex::new(Course { version, writes: writes.to_vec(), stands, done: 0 }));
        let odoo = on(version, &course, "mrp.production").await;
        let values = Map::from_iter([("product_qty".to_owned(), json!(5))]);
        let target = FieldTarget { values, before: None };
        for _ in 0..2 {
            odoo.update("mrp.production", id, &target, &Scope::company(1)).await.unwrap();
            assert_eq!(course.lock().unwrap().done, 2);
        }
        // Only for the state before: that is gone.
        let before = Map::from_iter([("product_qty".to_owned(), json!(3.0))]);
        let values = Map::from_iter([("product_qty".to_owned(), json!(6))]);
        let stale = FieldTarget { values, before: Some(before) };
        let refused = odoo.update("mrp.production", id, &stale, &Scope::company(1)).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { kind: Refusal::Changed, .. }), "{refused}");
    }
}

#[tokio::test]
async fn an_order_is_given_up_as_recorded_and_a_done_one_is_not_asked_for() {
    for version in [18, 19] {
        let (id, stands) = order(version, "cancel", &json!({"state": "confirmed"}));
        let writes = vec![step(version, "report_other", "cancel: cancel a confirmed order")];
        let course = Arc::new(Mutex::new(Course { version, writes, stands, done: 0 }));
        let odoo = on(version, &course, "mrp.production").await;
        for _ in 0..2 {
            let state = odoo.cancel_production_order(id, &Scope::company(1)).await.unwrap();
            assert_eq!((state, course.lock().unwrap().done), (OrderState::Cancelled, 1));
        }
        let done = step(version, "report_other", "nolot, after: order").value().unwrap()[0].clone();
        let id = done["id"].as_i64().unwrap();
        let course = Arc::new(Mutex::new(Course { version, writes: vec![], stands: vec![done], done: 0 }));
        let odoo = on(version, &course, "mrp.production").await;
        let refused = odoo.cancel_production_order(id, &Scope::company(1)).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { kind: Refusal::Target, .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_request_is_closed_by_the_first_stage_that_counts_as_done() {
    let request = step(18, "access", "maintenance request: read").value().unwrap()[0].clone();
    let stages = step(18, "access", "stages").value().unwrap();
    let stands = Arc::new(Mutex::new(request));
    let told = Arc::clone(&stands);
    let script = move |asked: &Asked| {
        let mut stands = told.lock().unwrap();
        let answer = match (asked.model.as_str(), asked.method.as_str()) {
            ("maintenance.request", "read" | "search_read") => json!([*stands]),
            ("maintenance.stage", _) => {
                assert_eq!(asked.args["domain"], json!([["done", "=", true]]));
                stages.as_array().unwrap().iter().filter(|stage| stage["done"] == true).cloned().collect()
            }
            ("maintenance.request", "write") => {
                // "Repaired", which comes before "Scrap".
                assert_eq!(asked.args["vals"], json!({"stage_id": 3}));
                stands["stage_id"] = json!([3, "Repaired"]);
                json!(true)
            }
            _ => return None,
        };
        Some(wrap(18, answer))
    };
    let odoo = odoo(&serve(18, Box::new(script)).await);
    odoo.close_maintenance_request(6, &Scope::company(1)).await.unwrap();
    assert_eq!(stands.lock().unwrap()["stage_id"], json!([3, "Repaired"]));
    odoo.close_maintenance_request(6, &Scope::company(1)).await.unwrap();
}
