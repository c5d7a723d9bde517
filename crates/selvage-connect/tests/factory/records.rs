//! Records in the simulated Odoo: created once under their external id whatever happens, listed once each, kept to their company.

use std::collections::BTreeSet;
use std::time::Duration;

use selvage_connect::governor::Governor;
use selvage_connect::odoo::{Failure, FieldTarget, ListRequest, Odoo, Refusal, Scope};
use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::manifest::system::Bounds;
use serde_json::{Value, json};

use crate::plant::{Plant, SERVERS, values};

#[tokio::test]
async fn the_same_external_id_is_the_same_record() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let order = values(json!({
            "product_id": plant.bicycle, "product_qty": 2, "bom_id": plant.bom, "origin": "MES-1", "date_start": "2026-11-30T06:00:00Z",
        }));
        let create = || plant.odoo.create("mrp.production", "selvage.order-1", &order, &plant.scope);
        // Committed, but the answer was lost.
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.production", "load"));
        let lost = create().await.unwrap_err();
        assert!(matches!(lost, Failure::Unknown { .. }), "{lost}");
        let id = create().await.unwrap();
        plant.odoo.release_production_order(id, &plant.scope).await.unwrap();
        assert_eq!(create().await, Ok(id));
        let orders = plant.factory.odoo.orders_with_origin("MES-1");
        assert_eq!(
            (orders.len(), orders[0]["state"].as_str()),
            (1, Some("confirmed")),
            "a repeated create undoes nothing"
        );
        assert!(
            orders[0]["date_start"].as_str().unwrap().starts_with("2026-11-30 06:00:00"),
            "{}",
            orders[0]["date_start"]
        );
        let found = plant.odoo.by_external_id("selvage.order-1").await.unwrap();
        assert_eq!(found, Some(("mrp.production".to_owned(), id)));
        assert_eq!(plant.odoo.external_ids("mrp.production", &[id]).await.unwrap()[&id], "selvage.order-1");
        assert_eq!(plant.odoo.by_external_id("selvage.order-2").await, Ok(None));
        let taken =
            plant.odoo.create("product.product", "selvage.order-1", &values(json!({"name": "x"})), &plant.scope).await;
        assert!(matches!(taken, Err(Failure::Refused { kind: Refusal::Unsendable, .. })), "{taken:?}");
    }
}

#[tokio::test]
async fn a_record_and_its_lines_are_made_at_once_or_not_at_all() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let template = vec!["product_tmpl_id".to_owned()];
        let bicycle = plant.odoo.read("product.product", &[plant.bicycle], &template, &plant.scope).await.unwrap();
        let made_of = |lines: Value| {
            values(json!({
                "product_tmpl_id": bicycle[0]["product_tmpl_id"], "product_qty": 1, "code": "R-2", "bom_line_ids": lines,
            }))
        };
        let bom = made_of(json!([
            [0, 0, {"product_id": plant.paint, "product_qty": 0.25}], [0, 0, {"product_id": plant.bicycle, "product_qty": 2}],
        ]));
        let create = || plant.odoo.create("mrp.bom", "selvage.bom-1", &bom, &plant.scope);
        plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.bom", "load"));
        assert!(matches!(create().await.unwrap_err(), Failure::Unknown { .. }));
        let id = create().await.unwrap();
        assert_eq!(create().await, Ok(id));
        let of_bom = vec![json!(["bom_id", "=", id])];
        let wanted = ["product_id".to_owned(), "product_qty".to_owned()];
        let lines = plant.odoo.search("mrp.bom.line", of_bom.clone(), &wanted, &plant.scope, None).await.unwrap();
        let quantities: Vec<String> = lines.iter().map(|line| line["product_qty"].to_string()).collect();
        assert_eq!(quantities, ["0.25", "2.0"], "{server:?}");
        // Overwriting it would add the lines once more.
        let again = plant.odoo.upsert("mrp.bom", "selvage.bom-1", &bom, &plant.scope).await.unwrap_err();
        let Failure::Refused { kind: Refusal::Unsendable, field, .. } = &again else { panic!("{again}") };
        assert_eq!(field.as_deref(), Some("bom_line_ids"));
        // What is changed in the lines is written with their record.
        let first = lines[0]["id"].as_i64().unwrap();
        let changes = json!([[1, first, {"product_qty": 0.5}], [2, lines[1]["id"], 0]]);
        plant.odoo.write("mrp.bom", id, &values(json!({"bom_line_ids": changes})), &plant.scope).await.unwrap();
        let lines = plant.odoo.search("mrp.bom.line", of_bom, &wanted, &plant.scope, None).await.unwrap();
        assert_eq!((lines.len(), lines[0]["product_qty"].to_string().as_str()), (1, "0.5"));
        // A line that is refused takes its record with it.
        let wrong = made_of(json!([[0, 0, {"product_id": 999_999, "product_qty": 1}]]));
        let refused = plant.odoo.create("mrp.bom", "selvage.bom-2", &wrong, &plant.scope).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { .. }), "{refused}");
        assert_eq!(plant.odoo.by_external_id("selvage.bom-2").await, Ok(None));
    }
}

#[tokio::test]
async fn an_upsert_overwrites_and_a_write_of_nothing_is_missing() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let upsert = async |name: &str| {
            let product = values(json!({"name": name, "tracking": "none", "weight": "2.50"}));
            plant.odoo.upsert("product.product", "selvage.p-1", &product, &plant.scope).await.unwrap()
        };
        let id = upsert("Handlebar").await;
        assert_eq!(upsert("Handlebar B").await, id);
        let wanted = ["name".to_owned(), "weight".to_owned()];
        let read = plant.odoo.read("product.product", &[id, 999_999], &wanted, &plant.scope).await.unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0]["name"].as_str(), read[0]["weight"].to_string().as_str()), (Some("Handlebar B"), "2.5"));
        plant.odoo.write("product.product", id, &values(json!({"name": "Handlebar C"})), &plant.scope).await.unwrap();
        let missing = plant
            .odoo
            .write("product.product", 999_999, &values(json!({"name": "x"})), &plant.scope)
            .await
            .unwrap_err();
        assert!(matches!(missing, Failure::Refused { kind: Refusal::Missing, .. }), "{missing}");
        let state =
            plant.odoo.write("mrp.production", 1, &values(json!({"state": "done"})), &plant.scope).await.unwrap_err();
        assert!(matches!(state, Failure::Refused { kind: Refusal::Unsendable, .. }), "{state}");
    }
}

#[tokio::test]
async fn a_list_holds_each_record_once() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        // One call, so all of them are written within the same microsecond.
        let many: Vec<Value> = (0..57).map(|n| json!({"name": format!("P{n}"), "type": "consu"})).collect();
        let call = selvage_connect::odoo::Call::write("product.product", "create", &plant.scope).arg("vals_list", many);
        plant.odoo.call(call).await.unwrap();
        let mut request = ListRequest {
            model: "product.product".to_owned(),
            fields: vec!["name".to_owned()],
            domain: vec![json!(["type", "=", "consu"])],
            scope: plant.scope.clone(),
            limit: 7,
            cursor: None,
            updated_since: None,
        };
        let (mut seen, mut count) = (BTreeSet::new(), 0);
        loop {
            let page = plant.odoo.list(&request).await.unwrap();
            count += page.records.len();
            seen.extend(page.records.iter().map(|record| record["id"].as_i64().unwrap()));
            let Some(next) = page.next else { break };
            request.cursor = Some(next.to_string().parse().unwrap());
        }
        let all = plant.find("product.product", vec![], &["name"]).await.len();
        assert_eq!((count, seen.len()), (all, all));
    }
}

#[tokio::test]
async fn a_company_that_is_not_the_accounts_is_refused() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let foreign = Scope::company(999);
        let refused =
            plant.odoo.search("product.product", vec![], &["name".to_owned()], &foreign, None).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { kind: Refusal::Access, .. }), "{refused}");
        assert!(!plant.odoo.companies().await.unwrap()[0].name.is_empty());
    }
}

#[tokio::test]
async fn reads_that_wait_for_their_turn_are_made_together() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let wanted = ["name".to_owned(), "active".to_owned()];
        let ids: Vec<i64> = (plant.bicycle - 3..=plant.bicycle).collect();
        plant.odoo.read("product.product", &ids, &wanted, &plant.scope).await.unwrap();
        // Only one call at a time, and that one is slow.
        let governor = Governor::new(Bounds { concurrency: 1, per_second: None });
        let busy = Odoo::governed(plant.odoo.config().clone(), governor.clone()).unwrap();
        busy.server().await.unwrap();
        let calls = || governor.report().outcomes.iter().map(|(_, count)| count).sum::<u64>();
        let slow = Fault::once(FaultKind::Latency(Duration::from_millis(300)), "res.company", "search_read");
        plant.factory.odoo.inject(slow);
        let holding = busy.search("res.company", vec![], &wanted[..1], &plant.scope, Some(1));
        let before = calls();
        let reading = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut tasks = Vec::new();
            for nth in 0..24 {
                let (odoo, scope, wanted, ids) = (busy.clone(), plant.scope.clone(), wanted.clone(), ids.clone());
                tasks.push(tokio::spawn(async move {
                    let own = [ids[nth % 4], ids[(nth + 1) % 4], 999_999];
                    let records = odoo.read("product.product", &own, &wanted, &scope).await.unwrap();
                    let got: BTreeSet<i64> = records.iter().map(|record| record["id"].as_i64().unwrap()).collect();
                    assert_eq!(got, BTreeSet::from([own[0], own[1]]));
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        };
        let (held, ()) = tokio::join!(holding, reading);
        held.unwrap();
        let made = calls() - before;
        assert!(made <= 6, "{made} calls for 24 reads");
    }
}

#[tokio::test]
async fn a_listing_holds_each_record_once_and_goes_on_after_a_failure() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let many: Vec<Value> = (0..57).map(|n| json!({"name": format!("P{n}"), "type": "consu"})).collect();
        let call = selvage_connect::odoo::Call::write("product.product", "create", &plant.scope).arg("vals_list", many);
        plant.odoo.call(call).await.unwrap();
        let mut listing = plant.odoo.listing(ListRequest {
            model: "product.product".to_owned(),
            fields: vec!["name".to_owned()],
            domain: vec![],
            scope: plant.scope.clone(),
            limit: 10,
            cursor: None,
            updated_since: None,
        });
        let (mut seen, mut failures) = (Vec::new(), 0);
        loop {
            match listing.next().await {
                Ok(Some(page)) => seen.extend(page.records.iter().map(|record| record["id"].as_i64().unwrap())),
                Ok(None) => break,
                Err(_) => failures += 1,
            }
            if seen.len() == 20 && failures == 0 {
                // The page after the next one is on its way already.
                plant.factory.odoo.inject(Fault::once(FaultKind::ResetBefore, "product.product", "search_read"));
            }
        }
        let once: BTreeSet<i64> = seen.iter().copied().collect();
        assert_eq!((seen.len(), once.len()), (61, 61));
        assert!(failures <= 1, "{failures}");
        assert_eq!(listing.next().await, Ok(None), "what has ended stays ended");
    }
}

#[tokio::test]
async fn of_many_each_is_made_or_refused_by_itself() {
    for server in SERVERS {
        let plant = Plant::open(server).await;
        let product = |name: &str, more: Value| {
            let mut product = values(json!({"name": name, "tracking": "none"}));
            product.extend(values(more));
            product
        };
        let unit = plant.find("uom.uom", vec![], &["name"]).await;
        let there = plant.odoo.create("product.product", "selvage.m-0", &product("Old", json!({})), &plant.scope).await;
        let wanted: Vec<_> = [
            ("selvage.m-0", product("New", json!({}))),
            ("selvage.m-1", product("Good", json!({}))),
            ("selvage.m-2", product("Bad", json!({"uom_id": 999_999}))),
            ("selvage.m-3", product("Good too", json!({}))),
            ("selvage.m-4", product("Good with a unit", json!({"uom_id": unit[0]["id"]}))),
            ("selvage.m-5", product("Unsendable", json!({"no_field": 1}))),
            ("selvage.m-1", product("Twice", json!({}))),
            ("no external id", product("Nameless", json!({}))),
        ]
        .into_iter()
        .map(|(external_id, values)| (external_id.to_owned(), values))
        .collect();
        let loads = || {
            let journal = plant.factory.odoo.journal();
            journal.iter().filter(|entry| entry.method == "load" && entry.changed).count()
        };
        let before = loads();
        let made = plant.odoo.create_many("product.product", &wanted, &plant.scope).await.unwrap();
        assert_eq!(made[0], there, "what is there is left as it is");
        for good in [1, 3, 4] {
            let id = *made[good].as_ref().unwrap();
            let read = plant.odoo.read("product.product", &[id], &["name".to_owned()], &plant.scope).await.unwrap();
            assert_eq!(read[0]["name"], wanted[good].1["name"]);
        }
        for (bad, kind) in
            [(2, Refusal::Validation), (5, Refusal::Unsendable), (6, Refusal::Unsendable), (7, Refusal::Unsendable)]
        {
            let failure = made[bad].as_ref().unwrap_err();
            assert!(matches!(failure, Failure::Refused { kind: found, .. } if *found == kind), "{bad}: {failure}");
        }
        assert_eq!(plant.odoo.by_external_id("selvage.m-2").await, Ok(None));
        // Two sets of columns; of the second, a bad row was taken out.
        assert_eq!(loads() - before, 2);
        let again = plant.odoo.create_many("product.product", &wanted, &plant.scope).await.unwrap();
        assert_eq!((&again[1], &again[3], &again[4]), (&made[1], &made[3], &made[4]));
        assert_eq!(loads() - before, 2, "made once");
    }
}

#[tokio::test]
async fn of_many_whose_answer_is_lost_none_is_sent_again_before_it_was_looked_for() {
    let plant = Plant::open(SERVERS[0]).await;
    let wanted: Vec<_> = (0..3)
        .map(|n| (format!("selvage.l-{n}"), values(json!({"name": format!("L{n}"), "tracking": "none"}))))
        .collect();
    plant.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "product.product", "load"));
    let lost = plant.odoo.create_many("product.product", &wanted, &plant.scope).await.unwrap();
    assert!(lost.iter().all(|outcome| matches!(outcome, Err(Failure::Unknown { .. }))), "{lost:?}");
    let found = plant.odoo.create_many("product.product", &wanted, &plant.scope).await.unwrap();
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(plant.committed("product.product", "load"), 1);
}

/// A released order's quantity is changed by itself: that its other fields cannot be is no "nothing was changed".
#[tokio::test]
async fn half_a_change_of_an_order_is_no_refusal() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let plant = Plant::open(version).await;
        let order = plant.order(4).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::Refused, "mrp.production", "write"));
        let change = FieldTarget { values: values(json!({"product_qty": 5, "origin": "x"})), before: None };
        let outcome = plant.odoo.update("mrp.production", order, &change, &plant.scope).await;
        assert!(matches!(outcome, Err(Failure::Mismatch { .. })), "{version:?}: {outcome:?}");
        let found = plant.find("mrp.production", vec![json!(["id", "=", order])], &["product_qty"]).await;
        assert_eq!(found[0]["product_qty"], json!(5.0), "{version:?}");
        plant.odoo.update("mrp.production", order, &change, &plant.scope).await.unwrap();
        // More than there is stock for, so that what is there is reserved after the order is confirmed.
        let draft = plant.draft(200).await;
        plant.factory.odoo.inject(Fault::once(FaultKind::Refused, "mrp.production", "action_assign"));
        let outcome = plant.odoo.release_production_order(draft, &plant.scope).await;
        assert!(matches!(outcome, Err(Failure::Mismatch { .. })), "{version:?}: released, {outcome:?}");
    }
}
