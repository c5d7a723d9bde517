//! Copies: read as live reads are, without a word to the system, and never older than they may be.

use std::time::Duration;

use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_store::Word;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, create, done, get, list, refused, rows};
use crate::capture::{Capturing, capturing, until};

const INTERFACE: &str = "kind: Interface
name: catalogue
type: api
version: 1.0
owner: it
lifecycle: active
control: mediated
serves: {object: product@1, system: odoo, operations: [list, get], reads: {copy: product-events@1}}
---
kind: Interface
name: order-board
type: api
version: 1.0
owner: it
lifecycle: active
control: mediated
serves:
  {object: production-order@1, system: odoo, account: production, operations: [list, get, create], reads: {copy: order-events@1}}
---
kind: Interface
name: product-events
";

/// A capture of products and one of orders, with these words in the place of others.
async fn copying(bench: &Bench, changes: &[(&str, &str)]) -> Capturing {
    let copies = [
        ("kind: Interface\nname: product-events\n", INTERFACE),
        ("start: events}", "start: events}\ncopy: {max_age: 60s}"),
        (
            "capture: {record: mrp.production, poll: 200ms, overlap: 4s}",
            "capture: {record: mrp.production, poll: 200ms, overlap: 4s}\ncopy: {max_age: 60s}",
        ),
    ];
    let changes: Vec<(&str, &str)> = copies.iter().chain(changes).copied().collect();
    let capturing = Capturing::start(bench, "a", capturing(&bench.factory.odoo_url(), &changes)).await;
    capturing.following("product-events@1").await;
    capturing.following("order-events@1").await;
    capturing
}

async fn page(capturing: &Capturing, interface: &str, query: &[(&str, &str)], scope: Scope) -> (u16, Value) {
    let mut request = list(interface, query);
    request.scope = scope;
    done(capturing.engine.execute(request).await)
}

/// The orders of Ghent, page by page, each once.
async fn ids_in_pages(capturing: &Capturing) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", "5"), ("site", "ghent")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let (_, body) = page(capturing, "order-board@1", &query, Scope::default()).await;
        seen.extend(body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        cursor = body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_read_as_the_system_is() {
    let bench = Bench::new().await;
    let capturing = copying(&bench, &[("poll: 200ms", "poll: 1h"), ("reconcile_deletes: 1s, ", "")]).await;
    let ghent = || rows("site", &["ghent"]);
    let without = || Scope { except: vec!["quantity".parse().unwrap()], ..ghent() };
    let queries: [(&[(&str, &str)], Scope); 8] = [
        (&[], Scope::default()),
        (&[("status", "confirmed")], Scope::default()),
        (&[("status", "draft"), ("status", "done"), ("site", "brno")], Scope::default()),
        (&[("product", "BIK-1"), ("limit", "5")], Scope::default()),
        (&[("id", "odoo-5")], ghent()),
        (&[("site", "brno")], ghent()),
        (&[("updated_since", "2099-01-01T00:00:00Z")], Scope::default()),
        (&[("limit", "7")], without()),
    ];
    for (query, scope) in queries {
        let (_, live) = page(&capturing, "production-orders@1", query, scope.clone()).await;
        let (_, copy) = page(&capturing, "order-board@1", query, scope).await;
        assert_eq!(live["items"], copy["items"], "{query:?}");
        assert_eq!(live["next"].is_null(), copy["next"].is_null(), "{query:?}");
        assert_eq!((&copy["source"]["kind"], &copy["source"]["kept_by"]), (&json!("copy"), &json!("order-events@1")));
    }
    assert_eq!(ids_in_pages(&capturing).await.len(), 12);
    let calls = bench.factory.odoo.state()["calls"].clone();
    for _ in 0..100 {
        page(&capturing, "order-board@1", &[("status", "confirmed")], Scope::default()).await;
        let MediatedAnswer::Done { status, body, etag, age, .. } =
            capturing.engine.execute(get("order-board@1", "odoo-5")).await
        else {
            panic!("not there")
        };
        assert_eq!((status, &body["id"]), (200, &json!("odoo-5")));
        assert!(etag.is_some() && age.is_some_and(|age| age <= 60));
    }
    assert_eq!(bench.factory.odoo.state()["calls"], calls);
    let mut other = get("order-board@1", "odoo-5");
    other.scope = rows("site", &["brno"]);
    for request in [other, get("order-board@1", "odoo-9999")] {
        let problem = refused(capturing.engine.execute(request).await);
        assert_eq!((problem.status, problem.code.as_str()), (404, "FAB5008"));
    }
    let wrong = refused(capturing.engine.execute(list("order-board@1", &[("statsu", "draft")])).await);
    assert_eq!(wrong.code.as_str(), "FAB5006");

    // What is written through Selvage is in the copy without a poll.
    let mut order = create("key-1", "shop-1");
    order.interface = "order-board@1".parse().unwrap();
    let (_, made) = done(capturing.engine.execute(order).await);
    let id = made["id"].as_str().unwrap().to_owned();
    until(async || {
        let answer = capturing.engine.execute(get("order-board@1", &id)).await;
        matches!(answer, MediatedAnswer::Done { status: 200, .. })
    })
    .await;
    capturing.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_too_old_is_refused_or_passed_by() {
    for (declared, older) in [("product-events@1", None), ("product-events@1, older: live", Some("live"))] {
        let bench = Bench::new().await;
        let reads = format!("reads: {{copy: {declared}}}");
        let changes = [
            ("poll: 200ms", "poll: 1h"),
            ("reads: {copy: product-events@1}", reads.as_str()),
            ("max_age: 60s", "max_age: 1s"),
        ];
        let capturing = copying(&bench, &changes).await;
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        let request = list("catalogue@1", &[]);
        match older {
            None => {
                let problem = refused(capturing.engine.execute(request).await);
                assert_eq!((problem.status, problem.code.as_str()), (503, "FAB5144"), "{}", problem.detail);
                assert!(problem.retry_after.is_some());
            }
            Some(kind) => {
                let (_, body) = done(capturing.engine.execute(request).await);
                assert_eq!(body["source"], json!({"kind": kind}));
            }
        }
        capturing.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_served_while_it_is_built_anew() {
    let bench = Bench::new().await;
    let capturing = copying(&bench, &[("poll: 200ms", "poll: 1h"), ("reconcile_deletes: 1s, ", "")]).await;
    let codes = async || {
        let (_, body) = done(capturing.engine.execute(list("catalogue@1", &[])).await);
        let items = body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = codes().await;
    let odoo = &bench.factory.odoo;
    let call = |method: &str, args: &[Value]| odoo.call("product.product", method, args, &Map::new()).unwrap();
    let made = call("create", &[json!([{"name": "New", "default_code": "NEW-1"}])]);
    let made = made.as_i64().or_else(|| made[0].as_i64()).unwrap();
    assert_eq!(codes().await, before);
    let word = Word { by: "m.ops", because: "it looked odd" };
    let stream = "product-events@1".parse().unwrap();
    capturing.store.rebuild_copy(&stream, word).await.unwrap();
    until(async || {
        let now = codes().await;
        assert!(now.len() >= before.len());
        now.contains(&"NEW-1".to_owned())
    })
    .await;
    // Archived it is not listed, gone it is not there; nobody has to wait for that.
    for (method, args) in [("write", vec![json!([made]), json!({"active": false})]), ("unlink", vec![json!([made])])] {
        call(method, &args);
        capturing.store.rebuild_copy(&stream, word).await.unwrap();
        until(async || codes().await == before).await;
    }

    capturing.end().await;
}
