//! Faults: what the client sees, and what is committed nevertheless.

use std::time::Duration;

use reqwest::Method;
use selvage_factory::odoo::{CommitAt, Fault, FaultKind, OdooVersion, Seed};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Client, Ending};

const SERIALIZATION: &str = "psycopg2.errors.SerializationFailure";

async fn empty() -> Client {
    Client::start(OdooVersion::V18, Seed::Empty).await
}

fn wait(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn each_fault_shows_what_it_should_and_commits_what_it_should() {
    let hang = |millis, commit| FaultKind::Hang { answer_after: wait(millis), commit };
    let table = [
        (FaultKind::Status(500), Ending::Status(500), 0, 0),
        (FaultKind::Status(502), Ending::Status(502), 0, 0),
        (FaultKind::Status(503), Ending::Status(503), 0, 0),
        (FaultKind::Status(504), Ending::Status(504), 0, 0),
        (FaultKind::ResetBefore, Ending::Reset, 0, 0),
        (FaultKind::ResetAfter, Ending::Reset, 1, 1),
        (FaultKind::Serialization, Ending::Error(SERIALIZATION.to_owned()), 0, 0),
        (hang(600, CommitAt::Before), Ending::TimedOut, 1, 1),
        (hang(600, CommitAt::After), Ending::TimedOut, 0, 1),
    ];
    let client = empty().await;
    for (at, (kind, seen, at_once, in_the_end)) in table.into_iter().enumerate() {
        let code = format!("F-{at}");
        client.factory.odoo.inject(Fault::once(kind, "product.product", "create"));
        assert_eq!(client.create(&code).await, seen, "{kind:?}");
        assert_eq!(client.made(&code), at_once, "{kind:?}: when the client gave up");
        let settled = async {
            while client.made(&code) != in_the_end {
                tokio::time::sleep(wait(10)).await;
            }
        };
        assert!(tokio::time::timeout(wait(5000), settled).await.is_ok(), "{kind:?}: in the end");
        assert!(matches!(client.create(&code).await, Ending::Result(_)), "{kind:?}: only once");
    }
}

#[tokio::test]
async fn a_reset_puts_nothing_on_the_wire() {
    let client = empty().await;
    client.factory.odoo.inject(Fault::always(FaultKind::ResetAfter));
    let address = client.factory.odoo_url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = json!({
        "jsonrpc": "2.0", "id": 1,
        "params": {
            "service": "object", "method": "execute_kw",
            "args": ["velo", 4, selvage_factory::PRODUCTION_KEY, "product.product", "create", [{ "name": "Raw", "default_code": "RAW" }]],
        },
    })
    .to_string();
    let head = format!("POST /jsonrpc HTTP/1.1\r\nHost: odoo\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.unwrap_err();
    assert_eq!((error.kind(), answer.as_slice()), (std::io::ErrorKind::ConnectionReset, [].as_slice()));
    assert_eq!(client.made("RAW"), 1);
}

#[tokio::test]
async fn a_wizard_comes_back_and_nothing_is_done() {
    let client = empty().await;
    client.factory.odoo.inject(Fault::once(FaultKind::Wizard, "product.product", "create"));
    let Ending::Result(window) = client.create("W").await else { panic!("no wizard") };
    assert_eq!(
        (&window["type"], &window["res_model"]),
        (&json!("ir.actions.act_window"), &json!("mrp.consumption.warning"))
    );
    assert_eq!(client.made("W"), 0);
}

#[tokio::test]
async fn latency_adds_to_another_fault_and_the_filter_spares_the_rest() {
    let client = empty().await;
    let slow = Fault { method: Some("create".to_owned()), ..Fault::always(FaultKind::Latency(wait(60))) };
    client.factory.odoo.inject(slow);
    client.factory.odoo.inject(Fault::once(FaultKind::Status(503), "product.product", "create"));
    client.ok("product.product", "search", json!([[]]), json!({})).await;
    assert!(client.factory.odoo.faults().iter().all(|(_, _, strikes)| *strikes == 0), "a search is not slow");
    let started = std::time::Instant::now();
    assert_eq!(client.create("L").await, Ending::Status(503));
    assert!(started.elapsed() >= wait(60));
}

#[tokio::test]
async fn chance_repeats_with_its_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let client = empty().await;
        client.factory.odoo.inject(Fault { probability: 0.5, seed: 7, ..Fault::always(FaultKind::Status(500)) });
        let mut struck = Vec::new();
        for at in 0..24 {
            struck.push(client.create(&format!("C-{at}")).await == Ending::Status(500));
        }
        runs.push(struck);
    }
    assert_eq!(runs[0], runs[1]);
    let hits = runs[0].iter().filter(|hit| **hit).count();
    assert!((6..=18).contains(&hits), "{hits} of 24 at one half");
}

#[tokio::test]
async fn another_process_can_do_the_same() {
    let client = empty().await;
    let fault = json!({ "kind": "hang", "answer_after_ms": 50, "commit": "after", "method": "create", "times": 1 });
    let (status, made) = client.control(Method::POST, "faults", fault).await;
    assert_eq!((status, &made["id"]), (201, &json!(1)));
    let (status, refused) = client.control(Method::POST, "faults", json!({ "kind": "hang", "commit": "later" })).await;
    assert_eq!((status, &refused["error"]), (400, &json!("`commit` is `before` or `after`")));
    let values = json!([{ "name": "Part", "default_code": "H" }]);
    assert!(matches!(client.call("product.product", "create", values, json!({})).await, Ending::Result(_)));
    let (_, list) = client.control(Method::GET, "faults", json!(null)).await;
    assert_eq!((&list["faults"][0]["strikes"], &list["faults"][0]["fault"]["commit"]), (&json!(1), &json!("after")));
    client.control(Method::DELETE, "faults", json!(null)).await;
    let (_, state) = client.control(Method::GET, "state", json!(null)).await;
    assert_eq!(
        (&state["faults"], &state["records"]["product.product"], &state["committed"]),
        (&json!(0), &json!(1), &json!(1))
    );
    let (_, journal) = client.control(Method::GET, "journal", json!(null)).await;
    let entry = &journal[0];
    assert_eq!(
        (&entry["model"], &entry["method"], &entry["ids"]),
        (&json!("product.product"), &json!("create"), &json!([1]))
    );
    let (_, records) = client.control(Method::GET, "records/product.product", json!(null)).await;
    assert_eq!(records[0]["write_date"].as_str().unwrap().len(), "2026-11-23 06:32:49.123456".len());
}

/// A call that fails half-way leaves nothing of its first half.
#[tokio::test]
async fn a_refused_call_changes_nothing() {
    let client = empty().await;
    let values = json!([[{ "name": "Good", "default_code": "G" }, { "name": "Bad", "weight": "heavy" }]]);
    let ending = client.call("product.product", "create", values, json!({})).await;
    assert_eq!(ending, Ending::Error("builtins.ValueError".to_owned()));
    assert_eq!((client.made("G"), client.factory.odoo.journal().len()), (0, 0));
    let rows = json!([["id", "name", "uom_id/.id"], [["t.a", "A", "1"], ["t.b", "B", "999999"]]]);
    let loaded = client.ok("product.product", "load", rows, json!({})).await;
    assert_eq!((&loaded["ids"], loaded["messages"].as_array().unwrap().len()), (&json!(false), 1));
    assert!(client.factory.odoo.records("product.product").is_empty());
}

/// The work of a call that hangs is stamped with its start: it commits behind a watermark that has moved on.
#[tokio::test]
async fn a_late_commit_is_dated_when_it_began() {
    let client = empty().await;
    let hang = FaultKind::Hang { answer_after: wait(100), commit: CommitAt::After };
    client.factory.odoo.inject(Fault::once(hang, "product.product", "create"));
    let create = |code: &str| {
        client.call("product.product", "create", json!([{ "name": "Part", "default_code": code }]), json!({}))
    };
    let (late, early) = tokio::join!(create("LATE"), async {
        tokio::time::sleep(wait(40)).await;
        create("EARLY").await
    });
    assert!(matches!((late, early), (Ending::Result(_), Ending::Result(_))));
    let date = |code: &str| {
        let products = client.factory.odoo.records("product.product");
        products.into_iter().find(|product| product["default_code"] == code).unwrap()["write_date"].to_string()
    };
    assert!(date("LATE") < date("EARLY"));
}

#[tokio::test]
async fn jitter_adds_at_most_what_was_said_and_repeats_with_its_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let client = empty().await;
        client.factory.odoo.inject(Fault::always(FaultKind::Latency(wait(20))));
        client.factory.odoo.inject(Fault { seed: 3, ..Fault::always(FaultKind::Jitter(wait(40))) });
        let mut waited = Vec::new();
        for _ in 0..6 {
            let started = std::time::Instant::now();
            client.ok("res.partner", "search_count", json!([[]]), json!({})).await;
            assert!(started.elapsed() >= wait(20));
            waited.push(started.elapsed().as_millis());
        }
        runs.push(waited);
    }
    let spread = runs[0].iter().max().unwrap() - runs[0].iter().min().unwrap();
    assert!(spread > 5, "{runs:?}");
}

/// A worker that takes too long is ended: the caller sees a reset, and what was not committed is not done.
#[tokio::test]
async fn a_call_that_lasts_too_long_is_ended() {
    let table = [(CommitAt::Before, 1), (CommitAt::After, 0)];
    for (commit, made) in table {
        let client = empty().await;
        let (status, _) = client.control(Method::PUT, "limits", json!({ "longest_transaction_ms": 50 })).await;
        assert_eq!(status, 200);
        let hang = FaultKind::Hang { answer_after: wait(3_000), commit };
        client.factory.odoo.inject(Fault::once(hang, "product.product", "create"));
        let values = json!([{ "name": "Part", "default_code": "LONG" }]);
        assert_eq!(client.call("product.product", "create", values, json!({})).await, Ending::Reset);
        tokio::time::sleep(wait(100)).await;
        assert_eq!(client.made("LONG"), made, "{commit:?}");
        let (status, _) = client.control(Method::PUT, "limits", json!({ "longest_transaction_ms": "never" })).await;
        assert_eq!(status, 400);
        client.factory.odoo.end_calls_after(None);
        client.factory.odoo.inject(Fault::once(FaultKind::Latency(wait(80)), "product.product", "create"));
        let values = json!([{ "name": "Part", "default_code": "NEXT" }]);
        let next = client.call("product.product", "create", values, json!({})).await;
        assert!(matches!(next, Ending::Result(_)));
    }
}
