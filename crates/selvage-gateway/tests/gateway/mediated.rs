//! Mediated interfaces: what the engine is asked, and what its answers become.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use selvage_model::manifest::api::Operation;
use serde_json::json;

use super::client::{Answer, Client, authorization, head};
use super::fabric;
use super::running::{Running, late_operation_id, operation_id};

fn post(client: &mut Client, path: &str, headers: &[&str], body: &str) -> Answer {
    let authorization = authorization("shop");
    let mut all = vec![authorization.as_str()];
    all.extend(headers);
    client.request("POST", path, &all, body.as_bytes())
}

const JSON: &str = "Content-Type: application/json; charset=utf-8";

#[test]
fn the_engine_is_asked_with_all_that_it_needs() {
    let running = Running::start();
    let mut client = running.client();
    let headers = [JSON, "Idempotency-Key: k-1", "Correlation-Id: c-1"];
    let answer = post(&mut client, "/orders/v1/orders?a=%C3%A9+x&b", &headers, "{\"quantity\": 1.50}");
    assert_eq!((answer.status, answer.header("location")), (201, Some("/orders/v1/orders/o-1")));
    assert_eq!(answer.text(), "{\"quantity\":1.50}");
    let asked = running.engine.asked.lock().unwrap().pop().unwrap();
    assert_eq!((asked.interface.to_string(), asked.operation), ("orders@1".to_owned(), Operation::Create));
    assert_eq!((asked.consumer.as_str(), asked.id, asked.key.as_deref()), ("shop", None, Some("k-1")));
    assert_eq!(asked.query, [("a".to_owned(), "é x".to_owned()), ("b".to_owned(), String::new())]);
    assert_eq!((asked.correlation.as_str(), asked.patience), ("c-1", Duration::from_secs(1)));
    assert_eq!(asked.scope.rows, [("site".parse().unwrap(), vec![json!("ghent")])]);
    assert_eq!(asked.scope.except, ["price".parse().unwrap()]);
    assert!(asked.traceparent.is_some_and(|parent| parent.len() == 55));
}

#[test]
fn answers_of_the_engine_become_http() {
    let running = Running::start();
    let mut client = running.client();
    let answer = client.get("shop", "/orders/v1/orders?limit=2");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("link"), Some("</orders/v1/orders?limit=2&cursor=c2>; rel=\"next\""));

    let answer = client.get("shop", "/orders/v1/orders/WH%2FMO%2F1");
    assert_eq!(answer.json(), json!({"number": "WH/MO/1"}));

    let answer = post(&mut client, "/orders/v1/orders/unknown/release", &["Idempotency-Key: k"], "");
    assert_eq!((answer.status, answer.header("retry-after")), (202, Some("1")));
    let location = answer.header("location").unwrap();
    assert_eq!(location, "/operations/op_00000000000000000000000000000007");
    assert_eq!(client.get("shop", location).json(), json!({"state": "pending"}));
    assert_eq!(client.get("stranger", location).said(), (404, "FAB4054".to_owned()));

    let answer = post(&mut client, "/orders/v1/orders/refused/release", &["Idempotency-Key: k"], "");
    assert_eq!((answer.said(), answer.header("idempotency-replayed")), ((422, "FAB1009".to_owned()), Some("true")));
    assert_eq!(answer.json()["errors"], json!([{"pointer": "/quantity", "detail": "is missing"}]));
}

#[test]
fn what_the_engine_found_unfit_is_counted() {
    let running = Running::start();
    let mut client = running.client();
    client.get("shop", "/orders/v1/orders/o-1");
    assert_eq!(post(&mut client, "/orders/v1/orders/unfit/release", &["Idempotency-Key: k"], "").status, 422);
    post(&mut client, "/orders/v1/orders", &[JSON, "Idempotency-Key: k"], "{");
    let told: Vec<_> = running
        .gateway
        .contracts()
        .into_iter()
        .map(|row| {
            let fields: Vec<String> = row.fields.iter().map(|field| format!("{} {}", field.name, field.rule)).collect();
            (row.operation, row.checked, row.unfit, fields.join(", "))
        })
        .collect();
    let expected = [
        ("create".to_owned(), 1, 1, " json".to_owned()),
        ("get".to_owned(), 1, 0, String::new()),
        ("release".to_owned(), 1, 1, "/lines/*/quantity object".to_owned()),
    ];
    assert_eq!(told, expected);
}

/// What a write sent that does not fit stands beside where it stood: what it looks like, or itself where everybody may see it.
#[test]
fn what_does_not_fit_is_shown_by_a_sample() {
    for (data, sample) in [("data: confidential", "a number of 2 digits"), ("data: public", "12")] {
        let running = Running::serving(
            |address| {
                fabric::saying(
                    address,
                    "data: confidential}\ncontrol: mediated",
                    &format!("{data}}}\ncontrol: mediated"),
                )
            },
            |_| {},
        );
        let mut client = running.client();
        let body = "{\"lines\": [{}, {}, {}, {\"quantity\": 12}]}";
        assert_eq!(
            post(&mut client, "/orders/v1/orders/unfit/release", &[JSON, "Idempotency-Key: k"], body).status,
            422
        );
        let fields = running.gateway.contracts().into_iter().flat_map(|row| row.fields);
        let told: Vec<_> = fields.map(|field| (field.name, field.sample)).collect();
        assert_eq!(told, [("/lines/*/quantity".to_owned(), sample.to_owned())]);
    }
}

/// What is found in answers: operation, checked, unfit, and the fields with their samples.
fn found_in_answers(running: &Running) -> Vec<(String, u64, u64, Vec<String>)> {
    let rows = running.gateway.contracts().into_iter().filter(|row| row.side == "response");
    let of_row = |row: selvage_gateway::ContractTraffic| {
        let mut fields: Vec<String> =
            row.fields.iter().map(|field| format!("{} {} {}", field.name, field.rule, field.sample)).collect();
        fields.sort_unstable();
        (row.operation, row.checked, row.unfit, fields)
    };
    rows.map(of_row).collect()
}

#[test]
fn answers_that_do_not_fit_their_object_are_counted_and_where_enforced_refused() {
    let fields = vec!["/lines/*/quantity object a number of 2 digits".to_owned(), "/site object ".to_owned()];
    for (wanted, get, release) in [
        ("response: report", (200, ""), (200, "")),
        ("response: enforce", (502, "FAB4124"), (502, "FAB4124")),
        ("response: off", (200, ""), (200, "")),
    ] {
        let orders = "operations: [list, get, create, update, release]}\n";
        let checked = format!("{orders}validation: {{{wanted}}}\n");
        let running = Running::serving(|address| fabric::saying(address, orders, &checked), |_| {});
        let mut client = running.client();
        let answer = client.get("shop", "/orders/v1/orders/off");
        assert_eq!((answer.status, answer.text().contains(get.1)), (get.0, true), "{wanted}");
        assert!(!answer.text().contains("no string"), "{wanted}: only owners see where");
        let answer = post(&mut client, "/orders/v1/orders/off/release", &["Idempotency-Key: k"], "");
        assert_eq!((answer.status, answer.text().contains(release.1)), (release.0, true), "{wanted}");
        assert_eq!(answer.status == 502, answer.text().contains("what was asked for is done"), "{wanted}");
        let expected = match wanted {
            "response: off" => vec![],
            _ => vec![("get".to_owned(), 1, 1, fields.clone()), ("release".to_owned(), 1, 1, fields.clone())],
        };
        assert_eq!(found_in_answers(&running), expected, "{wanted}");
    }
}

#[test]
fn a_change_is_a_patch_with_its_condition() {
    let running = Running::start();
    let mut client = running.client();
    let authorization = authorization("shop");
    let merge = "Content-Type: application/merge-patch+json";
    let headers = [authorization.as_str(), merge, "Idempotency-Key: k-1", "If-Match: \"0a\"", "If-Match: \"0b\""];
    let answer = client.request("PATCH", "/orders/v1/orders/o-1", &headers, b"{\"origin\": null}");
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"0c\"")));
    let asked = running.engine.asked.lock().unwrap().pop().unwrap();
    assert_eq!((asked.operation, asked.id.as_deref()), (Operation::Update, Some("o-1")));
    assert_eq!(asked.if_match.as_deref(), Some("\"0a\", \"0b\""));
    assert_eq!(asked.body, Some(json!({"origin": null})));
}

#[test]
fn a_body_that_is_not_json_is_refused_with_its_place() {
    let running = Running::start();
    let mut client = running.client();
    let key = "Idempotency-Key: k";
    for (headers, body, status, code, detail) in [
        (&[JSON, key][..], "{\"a\": }", 400, "FAB4032", "line 1 column 7"),
        (&[JSON, key], "{\"a\": 1, \"a\": 2}", 400, "FAB4032", "`a` stands twice"),
        (&[key], "{}", 415, "FAB4033", "application/json"),
        (&["Content-Type: text/plain", key], "{}", 415, "FAB4033", "application/json"),
        (&["Content-Type: application/json; charset=utf-16", key], "{}", 415, "FAB4196", "UTF-8"),
        (&[JSON], "{}", 400, "FAB4030", "Idempotency-Key"),
    ] {
        let answer = post(&mut client, "/orders/v1/orders", headers, body);
        assert_eq!(answer.said(), (status, code.to_owned()), "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{}", answer.text());
    }
    assert!(running.engine.asked.lock().unwrap().is_empty());
    assert_eq!(post(&mut client, "/orders/v1/orders", &[key], "").status, 201, "no body needs no type");
}

/// Who reads a record again says what it has, and is told no more than that it still holds.
#[test]
fn a_record_that_its_reader_has_already_is_304() {
    let running = Running::start();
    let mut client = running.client();
    let authorization = authorization("shop");
    let mut ask = |method: &str, path: &str, headers: &[&str]| {
        let mut all = vec![authorization.as_str()];
        all.extend(headers);
        client.request(method, path, &all, b"")
    };
    let record = "/orders/v1/orders/o-1";
    let first = ask("GET", record, &[]);
    let tag = first.header("etag").unwrap().to_owned();
    for (method, condition) in [
        ("GET", format!("If-None-Match: {tag}")),
        ("GET", format!("If-None-Match: \"0a\", W/{tag}")),
        ("GET", "If-None-Match: *".to_owned()),
        ("HEAD", format!("If-None-Match: {tag}")),
    ] {
        let again = ask(method, record, &[&condition]);
        assert_eq!((again.status, again.header("etag"), again.text()), (304, Some(tag.as_str()), ""));
        assert_eq!((again.header("content-type"), again.header("content-length")), (None, None), "{condition}");
        assert!(again.header("correlation-id").is_some());
    }
    let same = format!("If-None-Match: {tag}");
    let other = ask("GET", record, &["If-None-Match: \"0a\""]);
    assert_eq!((other.status, other.text()), (200, first.text()));
    // A list has no tag, a write is no reading, and what is not there is not what anybody has.
    assert_eq!(ask("GET", "/orders/v1/orders", &["If-None-Match: *"]).status, 200);
    assert_eq!(ask("POST", "/orders/v1/orders/o-1/release", &["Idempotency-Key: k", &same]).status, 200);
    assert_eq!(ask("GET", "/orders/v1/orders/refused", &["If-None-Match: *"]).status, 422);
}

#[test]
fn a_body_is_bounded_and_awaited_for_a_bounded_time() {
    let running = Running::with(|config| config.max_body = 1000);
    let authorization = authorization("shop");
    let mut client = running.client();
    let headers = [&authorization, JSON, "Idempotency-Key: k", "Transfer-Encoding: chunked"];
    client.send(head("POST", "/orders/v1/orders", &headers, 0));
    client.send(format!("{:x}\r\n{}\r\n", 2000, "[".repeat(2000)));
    assert_eq!(client.read().said(), (413, "FAB4034".to_owned()));

    let mut client = running.client();
    client.send(head("POST", "/orders/v1/orders", &[&authorization, JSON, "Idempotency-Key: k"], 10));
    client.send("{");
    assert_eq!(client.read().said(), (408, "FAB4035".to_owned()));
}

#[test]
fn an_engine_that_is_late_becomes_an_answer() {
    let running = Running::start();
    let answer = running.client().get("shop", "/orders/v1/orders/late");
    assert_eq!(answer.said(), (504, "FAB4053".to_owned()));
}

#[test]
fn questions_after_operations_are_bounded_and_counted() {
    let running = Running::with(|config| config.threads = 1);
    let path = format!("/operations/{}", operation_id());
    let mut client = running.client();
    let answers: Vec<Answer> = (0..200).map(|_| client.get("shop", &path)).collect();
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((answered + refused.len(), running.engine.looked.load(SeqCst)), (200, answered));
    assert!((50..150).contains(&answered), "{answered} in a moment");
    assert_eq!(refused[0].said().1, "FAB4185");
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    // Whoever else asks is not concerned.
    assert_eq!(running.client().get("limited", &path).said(), (404, "FAB4054".to_owned()));
    let metrics = running.gateway.metrics();
    let looks = |class: &str, count: usize| {
        let line = format!("selvage_gateway_operation_looks_total{{status=\"{class}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    };
    looks("2xx", answered);
    looks("4xx", refused.len() + 1);
}

#[test]
fn a_question_after_an_operation_ends_with_its_client_and_takes_a_place() {
    let running = Running::with(|config| config.threads = 1);
    let late = format!("/operations/{}", late_operation_id());
    let mut waiting: Vec<_> = (0..8).map(|_| running.client()).collect();
    for client in &mut waiting {
        client.send(head("GET", &late, &[&authorization("shop")], 0));
    }
    let until = Instant::now() + Duration::from_secs(10);
    while running.engine.looked.load(SeqCst) < 8 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.client().get("shop", &late).said(), (429, "FAB4185".to_owned()), "so many at a time");
    assert_eq!(running.engine.looked.load(SeqCst), 8);
    drop(waiting);
    while running.engine.left.load(SeqCst) < 8 {
        assert!(Instant::now() < until, "the engine goes on for nobody");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.client().get("shop", &format!("/operations/{}", operation_id())).status, 200);
    assert!(running.gateway.metrics().contains("selvage_gateway_operation_looks_total{status=\"gone\"} 8\n"));
}

#[test]
fn a_full_node_has_no_room_for_questions_after_operations() {
    let running = Running::with(|config| (config.threads, config.max_in_hand) = (1, 2));
    let mut slow = running.client();
    slow.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    let mut another = running.client();
    another.send(head("GET", "/narrow-stock/v1/items/slow", &[&authorization("shop")], 0));
    let until = Instant::now() + Duration::from_secs(10);
    while running.upstream.requests() < 1 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    let path = format!("/operations/{}", operation_id());
    assert_eq!(running.client().get("shop", &path).said(), (503, "FAB4104".to_owned()));
    assert_eq!(running.engine.looked.load(SeqCst), 0);
}
