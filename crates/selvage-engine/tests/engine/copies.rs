//! Copies: read as live reads are, without a word to the system, and never older than they may be.

use std::time::Duration;

use selvage_model::delivery::Cause;
use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_model::name::SystemName;
use selvage_store::{CaptureStage, CaptureStep, Captured, CopyPage, NewCapture, Standing, TakenCapture, Word};
use serde_json::{Map, Value, json};

use crate::bench::{Bench, create, done, get, list, refused, rows};
use crate::capture::{Capturing, call, capturing, new_product, until};

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

/// What is known of records before a copy is kept, and while none is, is in the copy as what changes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_switched_on_later_finds_what_does_not_change() {
    let bench = Bench::new().await;
    let stream = "order-events@1".parse().unwrap();
    for round in 0..2 {
        let without = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
        without.following("order-events@1").await;
        // Changed while there is no copy.
        let name = format!("shop-{round}");
        let made = call(&bench, "mrp.production", "write", &[json!([5]), json!({"origin": name})]);
        assert_eq!(made, json!(true));
        let content = async || {
            let capture = without.store.captures().await.unwrap();
            let capture = capture.iter().find(|of| of.record == "mrp.production").unwrap().id;
            without.store.captured(capture, &[5]).await.unwrap()[0].content.clone()
        };
        until(async || content().await.contains(&name)).await;
        assert_eq!(without.store.copy(&stream, &odoo()).await.unwrap().unwrap().found_by, None);
        without.end().await;

        let capturing = copying(&bench, &[]).await;
        let found_by = async || capturing.store.copy(&stream, &odoo()).await.unwrap().unwrap().found_by;
        // All of it is there at once, and is found without looking at all of it soon.
        let changed = [("origin", name.as_str())];
        let filters: [&[(&str, &str)]; 4] =
            [&[("site", "ghent")], &[("status", "confirmed")], &[("product", "BIK-1")], &changed];
        for filter in filters {
            let (_, live) = page(&capturing, "production-orders@1", filter, Scope::default()).await;
            assert_ne!(live["items"], json!([]), "{filter:?}");
            let same = async || {
                let (_, copy) = page(&capturing, "order-board@1", filter, Scope::default()).await;
                copy["items"] == live["items"]
            };
            assert!(same().await, "{filter:?}");
            until(async || found_by().await.is_some()).await;
            assert!(same().await, "{filter:?}");
            let capture = capturing.store.copy(&stream, &odoo()).await.unwrap().unwrap().capture;
            let with = Some(filter[0]);
            let sought = CopyPage { capture, after: (0, 0), limit: 99, with };
            let found = capturing.store.copy_page(&sought).await.unwrap().len();
            assert_eq!(found, live["items"].as_array().unwrap().len(), "{filter:?}");
        }
        capturing.end().await;
    }
}

fn odoo() -> SystemName {
    "odoo".parse().unwrap()
}

/// A record of which no event can be made, or that is no object any more, is in the copy as it is, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_is_not_served_as_it_was() {
    for older in ["", ", older: live"] {
        let bench = Bench::new().await;
        let reads = format!("reads: {{copy: product-events@1{older}}}");
        let unjudged = "before != null && after != null && before.name != after.name && after.name.of == 'x'";
        let changes =
            [("reads: {copy: product-events@1}", reads.as_str()), ("before != null && after != null", unjudged)];
        let capturing = copying(&bench, &changes).await;
        let capture = capturing.store.captures().await.unwrap();
        let capture = capture.iter().find(|of| of.record == "product.product").unwrap().id;
        let parked = async || capturing.store.parked_captures(capture, 0, 9).await.unwrap();
        let named = async || match capturing.engine.execute(get("catalogue@1", "NEW-1")).await {
            MediatedAnswer::Done { status: 200, body, .. } => Ok(body["name"].as_str().unwrap().to_owned()),
            MediatedAnswer::Refused { problem, .. } => Err((problem.status, problem.code.to_string())),
            other => panic!("{other:?}"),
        };
        let id = new_product(&bench, "NEW-1");
        let write = |values: Value| call(&bench, "product.product", "write", &[json!([id]), values]);
        until(async || named().await == Ok("NEW-1".to_owned())).await;

        write(json!({"name": "renamed"}));
        until(async || named().await == Ok("renamed".to_owned())).await;
        let unjudged = &parked().await[0];
        assert_eq!((unjudged.code.as_str(), unjudged.cause), ("FAB5142", Cause::Mapping));
        assert!(capturing.events_of("product-events@1", ".changed").await.is_empty());

        let units = bench.factory.odoo.records("uom.uom");
        let unit = |name: &str| units.iter().find(|unit| unit["name"] == name).unwrap()["id"].clone();
        write(json!({"uom_id": unit("Days"), "uom_po_id": unit("Days")}));
        until(async || named().await.is_err()).await;
        let live = refused(capturing.engine.execute(get("products@1", "NEW-1")).await);
        let expected = match older {
            "" => (503, "FAB5190".to_owned()),
            _ => (live.status, live.code.to_string()),
        };
        assert_eq!(named().await, Err(expected));
        let (_, body) = page(&capturing, "catalogue@1", &[], Scope::default()).await;
        assert!(body["items"].as_array().unwrap().iter().all(|item| item["code"] != "NEW-1"), "{body:#}");
        assert_eq!(body["problems"][0]["id"], json!(format!("odoo-{id}")));
        let (_, elsewhere) = page(&capturing, "catalogue@1", &[], rows("name", &["another"])).await;
        assert!(elsewhere.get("problems").is_none(), "{elsewhere:#}");

        // As it was when it was last told of: nothing happened.
        write(json!({"uom_id": unit("Units"), "uom_po_id": unit("Units"), "name": "NEW-1"}));
        until(async || named().await == Ok("NEW-1".to_owned())).await;
        until(async || parked().await.is_empty()).await;
        assert!(capturing.events_of("product-events@1", ".changed").await.is_empty());
        capturing.end().await;
    }
}

/// A filter that matches nothing does not read the whole copy in one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_looks_at_so_many_records_and_goes_on_behind_them() {
    let bench = Bench::new().await;
    let capturing = copying(&bench, &[("reconcile_deletes: 1s, ", "")]).await;
    let (_, body) = page(&capturing, "catalogue@1", &[], Scope::default()).await;
    let (count, like) = (body["items"].as_array().unwrap().len(), body["items"][0].clone());
    let Capturing { engine, task, log, store } = capturing;
    task.shutdown().await;
    let new = NewCapture {
        interface: "product-events@1".parse().unwrap(),
        system: "odoo".parse().unwrap(),
        record: "product.product".to_owned(),
        begin: CaptureStage::Baseline,
        node: "test".to_owned(),
        lease: Duration::from_secs(60),
    };
    let TakenCapture::Taken(held) = store.take_capture(&new).await.unwrap() else { panic!("held by another") };
    for thousand in 1..=6 {
        let known = (0..1_000).map(|number| Captured {
            record: thousand * 10_000 + number,
            standing: Standing::There,
            generation: 1,
            written: 4_000_000_000,
            created: None,
            change: String::new(),
            key: format!("MANY-{thousand}-{number}"),
            content: like.to_string(),
            told: None,
            values: Vec::new(),
        });
        let step = CaptureStep { known: known.collect(), ..CaptureStep::default() };
        store.capture(held.hold, 1, &step).await.unwrap();
    }
    let (mut pages, mut items, mut cursor) = (0, 0, None::<String>);
    loop {
        let mut query = vec![("limit", "5")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut request = list("catalogue@1", &query);
        // Two values are not looked up.
        request.scope = rows("name", &["none is called so", "nor so"]);
        let (_, body) = done(engine.execute(request).await);
        (pages, items) = (pages + 1, items + body["items"].as_array().unwrap().len());
        cursor = body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((pages, items), (2, 0));
    let (mut all, mut cursor) = (0, None::<String>);
    loop {
        let mut query = vec![("limit", "500")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let (_, body) = done(engine.execute(list("catalogue@1", &query)).await);
        all += body["items"].as_array().unwrap().len();
        cursor = body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(all, count + 6_000);
    log.end().await;
}
