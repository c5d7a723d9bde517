//! Revisions of bills of materials: another bill in the place of the old one, once, with its components and operations.

use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use serde_json::{Value, json};

use crate::bench::{Bench, accepted, create, done, get, id_of, refused, request};

fn revise(bill: i64, key: &str, body: Value) -> MediatedRequest {
    MediatedRequest {
        id: Some(format!("odoo-{bill}")),
        key: Some(key.to_owned()),
        body: Some(body),
        ..request("bills@1", Operation::Revise)
    }
}

/// Every bill of materials that makes bicycles in Ghent, archived ones too.
fn bills(bench: &Bench) -> Vec<Value> {
    let domain = json!([["product_id.default_code", "=", "BIK-1"], ["active", "in", [true, false]]]);
    let bills = bench.read("mrp.bom", &domain);
    bills.into_iter().filter(|bill| id_of(&bill["company_id"]) == 1).collect()
}

fn of_bill(bench: &Bench, model: &str, bill: i64) -> Vec<Value> {
    bench.read(model, &json!([["bom_id", "=", bill]]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_takes_the_place_of_the_old_bill() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let old = bills(&bench)[0]["id"].as_i64().unwrap();
        let (_, before) = done(node.ask(get("bills@1", &format!("odoo-{old}"))).await);
        let components = json!([
            {"product": "FRM-1", "quantity": {"value": "1", "unit": "1"}},
            {"product": "WHL-1", "quantity": {"value": "3", "unit": "1"}},
        ]);
        let body = json!({"revision": "REV-B", "components": components});
        let answer = node.ask(revise(old, "k-1", body.clone())).await;
        let MediatedAnswer::Done { status: 201, body: made, location: Some(location), .. } = answer.clone() else {
            panic!("{answer:?}")
        };
        assert_eq!((&made["revision"], &made["components"]), (&json!("REV-B"), &components));
        assert_eq!((&made["quantity"], &made["replaces"]), (&before["quantity"], &json!(format!("odoo-{old}"))));
        assert!(location.ends_with(made["id"].as_str().unwrap()), "{location}");
        let all = bills(&bench);
        assert_eq!(all.len(), 2);
        let archived: Vec<bool> = all.iter().map(|bill| bill["active"] == false).collect();
        assert_eq!(archived, [true, false]);
        // The old one is as it was.
        assert_eq!(of_bill(&bench, "mrp.bom.line", old).len(), before["components"].as_array().unwrap().len());
        let new = all[1]["id"].as_i64().unwrap();
        let names = |bill: i64| -> Vec<Value> {
            of_bill(&bench, "mrp.routing.workcenter", bill).iter().map(|step| step["name"].clone()).collect()
        };
        assert!(!names(old).is_empty());
        assert_eq!(names(new), names(old));
        assert_eq!(all[1]["consumption"], all[0]["consumption"]);
        // The next order is made by it.
        done(node.ask(create("o-1", "by the revision")).await);
        let order = &bench.orders("by the revision")[0];
        assert_eq!(id_of(&order["bom_id"]), new);

        let unnamed = [
            json!({"revision": "REV-B"}),
            json!({"revision": ""}),
            json!({"revision": null}),
            json!({"quantity": {"value": "2", "unit": "1"}}),
        ];
        for (number, body) in unnamed.into_iter().enumerate() {
            let problem = refused(node.ask(revise(new, &format!("unnamed-{number}"), body)).await);
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/revision"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_makes_one_revision() {
    for (model, method) in [("mrp.bom", "load"), ("mrp.routing.workcenter", "load"), ("mrp.bom", "action_archive")] {
        let bench = Bench::new().await;
        let node = bench.node("a").await;
        let old = bills(&bench)[0]["id"].as_i64().unwrap();
        let steps = of_bill(&bench, "mrp.routing.workcenter", old).len();
        bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, model, method));
        let operation = accepted(node.ask(revise(old, "k-1", json!({"revision": "REV-B"}))).await);
        node.until(&operation, "done").await;
        let all = bills(&bench);
        assert_eq!(
            (all.len(), &all[0]["active"], &all[1]["active"]),
            (2, &json!(false), &json!(true)),
            "{model} {method}"
        );
        let new = all[1]["id"].as_i64().unwrap();
        assert_eq!(of_bill(&bench, "mrp.routing.workcenter", new).len(), steps);
        assert_eq!(of_bill(&bench, "mrp.bom.line", new).len(), of_bill(&bench, "mrp.bom.line", old).len());
    }
}

/// Two active bills of one product stand there: whoever is told that nothing was done would never look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_that_was_made_and_cannot_take_its_place_goes_to_a_person() {
    for (model, method) in [("mrp.routing.workcenter", "load"), ("mrp.bom", "action_archive")] {
        let bench = Bench::new().await;
        let node = bench.node("a").await;
        let old = bills(&bench)[0]["id"].as_i64().unwrap();
        bench.factory.odoo.inject(Fault::once(FaultKind::Refused, model, method));
        let operation = accepted(node.ask(revise(old, "k-1", json!({"revision": "REV-B"}))).await);
        let (body, _) = node.until(&operation, "stuck").await;
        assert!(body.to_string().contains("in the place of"), "{model} {method}: {body:#}");
        assert_eq!(bills(&bench).len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_two_lines_of_one_product_keeps_its_operation() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let old = bills(&bench)[0]["id"].as_i64().unwrap();
    let call = |model: &str, method: &str, args: &[Value]| {
        bench.factory.odoo.call(model, method, args, &serde_json::Map::new()).unwrap()
    };
    let center = id_of(&of_bill(&bench, "mrp.routing.workcenter", old)[0]["workcenter_id"]);
    let step = |name: &str| {
        call("mrp.routing.workcenter", "create", &[json!({"bom_id": old, "name": name, "workcenter_id": center})])
    };
    let (saw, glue) = (step("Saw"), step("Glue"));
    let line = &of_bill(&bench, "mrp.bom.line", old)[0];
    call("mrp.bom.line", "write", &[json!([line["id"]]), json!({"operation_id": saw})]);
    let second =
        json!({"bom_id": old, "product_id": id_of(&line["product_id"]), "product_qty": 1, "operation_id": glue});
    call("mrp.bom.line", "create", &[second]);
    done(node.ask(revise(old, "k-1", json!({"revision": "REV-B"}))).await);
    let new = bills(&bench)[1]["id"].as_i64().unwrap();
    let bound = |bill: i64| -> Vec<String> {
        let steps = of_bill(&bench, "mrp.routing.workcenter", bill);
        let name = |id: i64| steps.iter().find(|step| step["id"] == id).map(|step| step["name"].to_string());
        of_bill(&bench, "mrp.bom.line", bill)
            .iter()
            .map(|line| format!("{} {:?}", id_of(&line["product_id"]), name(id_of(&line["operation_id"]))))
            .collect()
    };
    assert_eq!(bound(new), bound(old));
}
