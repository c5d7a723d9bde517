//! Maintenance: a request is raised once under its key, and closed by a stage that counts as done, whatever it is called.

use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::exchange::MediatedRequest;
use selvage_model::manifest::api::Operation;
use serde_json::{Map, json};

use crate::bench::{Bench, accepted, done, refused, request};

const EVENTS: &str = "maintenance@1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_raised_and_closed_once() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        // The stage is found by its flag: its name is the users' own.
        for stage in bench.read("maintenance.stage", &json!([["done", "=", true]])) {
            let change = json!({"name": "Klaar"});
            bench
                .factory
                .odoo
                .call("maintenance.stage", "write", &[json!([stage["id"]]), change], &Map::new())
                .unwrap();
        }
        let body = json!({"title": "Bearing noise", "type": "corrective", "site": "ghent"});
        let raise =
            MediatedRequest { body: Some(body), key: Some("m-1".to_owned()), ..request(EVENTS, Operation::Create) };
        bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "maintenance.request", "load"));
        let operation = accepted(node.ask(raise.clone()).await);
        let (settled, _) = node.until(&operation, "done").await;
        let event = settled["answer"]["body"].clone();
        assert_eq!((&event["title"], &event["status"]), (&json!("Bearing noise"), &json!("open")));
        assert_eq!(bench.read("maintenance.request", &json!([["name", "=", "Bearing noise"]])).len(), 1);

        let close = |key: &str| MediatedRequest {
            id: Some(event["id"].as_str().unwrap().to_owned()),
            key: Some(key.to_owned()),
            ..request(EVENTS, Operation::Close)
        };
        let writes = bench.committed("maintenance.request", "write");
        for key in ["c-1", "c-2"] {
            let (status, body) = done(node.ask(close(key)).await);
            assert_eq!((status, &body["status"], &body["stage"]), (200, &json!("closed"), &json!("Klaar")));
        }
        assert_eq!(bench.committed("maintenance.request", "write"), writes + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_stage_ends_the_work_nothing_is_closed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    for stage in bench.read("maintenance.stage", &json!([["done", "=", true]])) {
        let change = json!({"done": false});
        bench.factory.odoo.call("maintenance.stage", "write", &[json!([stage["id"]]), change], &Map::new()).unwrap();
    }
    let body = json!({"title": "Leak", "type": "corrective", "site": "ghent"});
    let raise = MediatedRequest { body: Some(body), key: Some("m-1".to_owned()), ..request(EVENTS, Operation::Create) };
    let (_, event) = done(node.ask(raise).await);
    let close = MediatedRequest {
        id: Some(event["id"].as_str().unwrap().to_owned()),
        key: Some("c-1".to_owned()),
        ..request(EVENTS, Operation::Close)
    };
    let problem = refused(node.ask(close).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
}
