//! Calls of webhooks through the port: signed by others' libraries, they become events once, whatever happens in between; what is not
//! proven is refused and told nothing. `cargo xtask test` installs the libraries and says where they are.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response};
use selvage_log::{EventLog as _, ReadLimit, SqlLog};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};
use crate::publishing::{Line, STRUCTURED};

const HOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// RFC 8032, test 1: the secret half is the sender's.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const HASHED: &str = "it is a secret to nearly everybody";
const IN_PATH: &str = "7d1f0a52c6e84b3f9b1e2a60d4c8f733";

/// A factory's place with webhooks, and their secrets.
async fn place() -> Place {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("webhooks.yaml"), include_str!("webhooks/fabric.yaml")).unwrap();
    secrets(&place, HOOK, NEXT);
    place
}

fn secrets(place: &Place, hook: &str, next: &str) {
    let kept = std::fs::read_to_string(place.path("secrets")).unwrap();
    let kept: Vec<&str> = kept.lines().filter(|line| !line.starts_with("mes/")).collect();
    let own = format!(
        "{}\nmes/hook={hook}\nmes/hook-next={next}\nmes/public={PUBLIC}\nmes/hashed={HASHED}\nmes/path={IN_PATH}\n",
        kept.join("\n")
    );
    std::fs::write(place.path("secrets"), own).unwrap();
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// What a sender signs.
fn to_sign(scheme: &str, secret: &str, id: &str, at: i64, body: &Value) -> Value {
    json!({"scheme": scheme, "secret": secret, "id": id, "at": at, "body": body.to_string()})
}

/// The signatures of the library of Standard Webhooks for JavaScript, and of Node.js.
fn signatures(calls: &[Value]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/webhooks/sign.mjs");
    let output = Command::new("node").arg(script).arg(crate::peers::npm()).arg(Value::from(calls).to_string()).output();
    let output = output.expect("Node.js is there: sudo apt-get install nodejs npm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The signature of the library of Standard Webhooks for Python.
fn signature_by_python(secret: &str, id: &str, at: i64, body: &Value) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/webhooks/sign.py");
    let mut python = Command::new(crate::peers::python());
    let output = python.args([script, secret, id, &at.to_string(), &body.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn call(node: &Served, path: &str, body: &Value) -> RequestBuilder {
    let request = Client::new().post(format!("{}{path}", node.base));
    request.header("content-type", "application/json").body(body.to_string())
}

fn signed(node: &Served, (id, at, signature): (&str, i64, &str), body: &Value) -> RequestBuilder {
    let request = call(node, "/signed/v1", body).header("webhook-id", id);
    request.header("webhook-timestamp", at.to_string()).header("webhook-signature", signature)
}

/// What a node answers to a head behind which no body comes.
fn raw(node: &Served, path: &str, headers: &str) -> impl Future<Output = String> + use<> {
    let address = node.base.strip_prefix("http://").unwrap().to_owned();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n");
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    async { asking.await.unwrap() }
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn told(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned(), body)
}

/// Waits until the stream of the node is open: calls are put off until then.
async fn ready(node: &Served) {
    eventually("the stream is open", async || {
        let answer = call(node, &format!("/shown/v1/{IN_PATH}"), &json!({"machine": "ready"})).send().await.unwrap();
        (answer.status() != 503).then_some(())
    })
    .await;
}

/// The events that a place's log holds, once its node has ended.
async fn events(place: &Place) -> Vec<CloudEvent> {
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let log = SqlLog::new(store.clone(), Some(&place.path("data/selvage.marks"))).unwrap();
    let stream: InterfaceRef = "stop-events@1".parse().unwrap();
    log.open(&stream).await.unwrap();
    let batch = log.read(&stream, Position::START, ReadLimit { records: 100, bytes: 1_000_000 }).await.unwrap();
    log.end().await;
    store.close().await;
    batch.records.iter().map(|record| CloudEvent::from_record(&record.body).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_every_scheme_become_events_once_also_when_the_node_is_killed() {
    let place = place().await;
    let mut node = place.serve(&place.data(), &[]);
    ready(&node).await;
    let at = now();
    let body = |machine: &str| json!({"machine": machine, "reason": "jam"});
    let halt = json!({"station": "press-4", "why": "GUARD", "delivery": 77});
    let by_node = signatures(&[
        to_sign("v1", HOOK, "msg_1", at, &body("press-1")),
        to_sign("v1", NEXT, "msg_2", at, &body("press-2")),
        to_sign("v1a", SEED, "msg_3", at, &body("press-3")),
        to_sign("hmac", HASHED, "", at, &halt),
        to_sign("v1", HOOK, "msg_1", at, &body("press-9")),
    ]);
    let by_python = signature_by_python(HOOK, "msg_4", at, &body("press-1"));
    let mixed = format!("v1,AAAA {}", by_node[0]);
    let first = || signed(&node, ("msg_1", at, &by_node[0]), &body("press-1"));
    let answer = told(first().send().await.unwrap()).await;
    assert_eq!(answer, (202, String::new(), json!({"event": "msg_1"})));
    assert_eq!(status(signed(&node, ("msg_1", at, &mixed), &body("press-1"))).await, 200, "it is repeated");
    assert_eq!(status(signed(&node, ("msg_2", at, &by_node[1]), &body("press-2"))).await, 202);
    assert_eq!(status(signed(&node, ("msg_3", at, &by_node[2]), &body("press-3"))).await, 202);
    assert_eq!(status(signed(&node, ("msg_4", at, &by_python), &body("press-1"))).await, 202);
    let halted = || {
        let request = call(&node, "/hashed/v1", &halt).header("x-time", at.to_string());
        request.header("x-signature", format!("sha256={}", by_node[3]))
    };
    assert_eq!(status(halted()).await, 202);
    assert_eq!(status(halted()).await, 200);
    let shown = json!({"machine": "press-5"});
    for (expected, why) in [(202, "it is new"), (200, "the same body is the same call")] {
        assert_eq!(status(call(&node, &format!("/shown/v1/{IN_PATH}"), &shown)).await, expected, "{why}");
    }

    // The same id for something else is not answered as if it had been kept.
    let other = told(signed(&node, ("msg_1", at, &by_node[4]), &body("press-9")).send().await.unwrap()).await;
    assert_eq!((other.0, &*other.1), (409, "FAB5071"));

    // What was answered is there after the node was killed, and known again.
    node.process.kill();
    let mut node = place.serve(&place.data(), &[]);
    ready(&node).await;
    assert_eq!(status(signed(&node, ("msg_1", at, &by_node[0]), &body("press-1"))).await, 200);
    node.process.kill();
    let events = events(&place).await;
    let kept = kept(&events);
    // What has no id is told under one that says nothing of it.
    let given = kept.last().unwrap().1;
    assert!(given.starts_with("call-") && given.len() == 37, "{given}");
    let guard = json!({"machine": "press-4", "reason": "guard"});
    assert_eq!(
        kept,
        [
            ("/signed/v1", "msg_1", Some("press-1"), &body("press-1")),
            ("/signed/v1", "msg_2", Some("press-2"), &body("press-2")),
            ("/signed/v1", "msg_3", Some("press-3"), &body("press-3")),
            ("/signed/v1", "msg_4", Some("press-1"), &body("press-1")),
            ("/hashed/v1", "77", Some("press-4"), &guard),
            ("/shown/v1", given, Some("press-5"), &shown),
        ]
    );
    let first = events.iter().find(|event| event.id == "msg_1").unwrap();
    assert_eq!(first.time, Some(Timestamp::from_second(at).unwrap()), "when its sender made it");
    assert!(first.correlation.is_some() && first.release.is_some() && first.kind == "manufacturing.stop.noticed");
}

/// Source, id, lane and data of each event.
fn kept(events: &[CloudEvent]) -> Vec<(&str, &str, Option<&str>, &Value)> {
    let mine = events.iter().filter(|event| event.lane.as_deref() != Some("ready"));
    mine.map(|event| (&*event.source, &*event.id, event.lane.as_deref(), event.data.as_ref().unwrap())).collect()
}

/// Calls that nothing proves.
fn unproven(node: &Served) -> Vec<(&'static str, RequestBuilder)> {
    let (at, body) = (now(), json!({"machine": "press-1"}));
    let signatures = signatures(&[
        to_sign("v1", HOOK, "msg_1", at, &body),
        to_sign("v1", HOOK, "msg_1", at - 400, &body),
        to_sign("v1", HOOK, "msg_1", at + 400, &body),
        to_sign("v1", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "msg_1", at, &body),
        to_sign("hmac", HASHED, "", at, &json!({"station": "press-4", "why": "GUARD"})),
    ]);
    let good = &*signatures[0];
    let unsigned = |without: &str| {
        let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", &*at.to_string()), ("webhook-signature", good)];
        headers
            .into_iter()
            .filter(|(name, _)| *name != without)
            .fold(call(node, "/signed/v1", &body), |request, (name, value)| request.header(name, value))
    };
    let path = |path: &str| call(node, path, &body);
    let hashed = |time: i64, signature: &str| {
        let halt = json!({"station": "press-4", "why": "GUARD"});
        call(node, "/hashed/v1", &halt).header("x-time", time.to_string()).header("x-signature", signature)
    };
    let by_hash = format!("sha256={}", signatures[4]);
    vec![
        ("another's signature", signed(node, ("msg_1", at, &signatures[3]), &body)),
        ("another body", signed(node, ("msg_1", at, good), &json!({"machine": "press-2"}))),
        ("another id", signed(node, ("msg_2", at, good), &body)),
        ("an old call", signed(node, ("msg_1", at - 400, &signatures[1]), &body)),
        ("a call of the future", signed(node, ("msg_1", at + 400, &signatures[2]), &body)),
        ("another time than was signed", signed(node, ("msg_1", at - 1, good), &body)),
        ("no id", unsigned("webhook-id")),
        ("no time", unsigned("webhook-timestamp")),
        ("no signature", unsigned("webhook-signature")),
        ("two signatures", unsigned("").header("webhook-signature", good)),
        ("two times", unsigned("").header("webhook-timestamp", at.to_string())),
        ("two ids", unsigned("").header("webhook-id", "msg_1")),
        ("a key of nobody", path("/signed/v1").header("authorization", "Bearer slv_nothing")),
        ("a hash of another time", hashed(at - 1, &by_hash)),
        ("a hash without its prefix", hashed(at, &signatures[4])),
        ("no secret in the path", path("/shown/v1")),
        ("a wrong secret in the path", path("/shown/v1/7d1f0a52c6e84b3f9b1e2a60d4c8f734")),
        ("a secret that goes on", path(&format!("/shown/v1/{IN_PATH}/more"))),
        ("an encoded secret", path(&format!("/shown/v1/%37{}", &IN_PATH[1..]))),
        ("an encoded slash", path(&format!("/shown/v1%2f{IN_PATH}/"))),
        ("two slashes", path(&format!("/shown/v1//{IN_PATH}"))),
        ("a path parameter", path(&format!("/shown/v1/{IN_PATH};a=b"))),
        ("another network", path(&format!("/elsewhere/v1/{IN_PATH}"))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_its_senders_is_refused_and_told_nothing() {
    let place = place().await;
    let node = place.serve(&place.data(), &[]);
    ready(&node).await;
    for (what, request) in unproven(&node) {
        let (refused, code, answer) = told(request.send().await.unwrap()).await;
        if what == "an encoded slash" {
            assert_eq!((refused, &*code), (404, "FAB4001"), "{what}");
            continue;
        }
        assert_eq!((refused, &*code), (401, "FAB4200"), "{what}");
        assert_eq!(answer["detail"], "the call is not proven to be its sender's", "{what}: nothing helps to try on");
        assert!(answer.get("errors").is_none() && !answer.to_string().contains(IN_PATH), "{what}: {answer}");
    }
    let metrics = Client::new().get(&node.metrics).send().await.unwrap().text().await.unwrap();
    let counted = metrics.lines().find(|line| line.contains("FAB4200") && line.contains("\"signed@1\""));
    assert!(counted.is_some_and(|line| line.ends_with(" 13")), "{counted:?}");
    assert!(!metrics.contains(IN_PATH) && !metrics.contains("whsec_"), "no secret is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proven_may_still_be_wrong() {
    let place = place().await;
    let node = place.serve(&place.data(), &[]);
    ready(&node).await;
    let (at, halt) = (now(), json!({"station": "press-4", "why": "GUARD"}));
    let by_hash = format!("sha256={}", signatures(&[to_sign("hmac", HASHED, "", at, &halt)])[0]);
    let nameless = call(&node, "/hashed/v1", &halt).header("x-time", at.to_string()).header("x-signature", by_hash);
    let to_path = format!("/shown/v1/{IN_PATH}");
    let other = Client::new().get(format!("{}{to_path}", node.base));
    let text = Client::new().post(format!("{}{to_path}", node.base)).header("content-type", "text/plain").body("{}");
    let broken = Client::new().post(format!("{}{to_path}", node.base)).body("{\"machine\": ");
    let twice = Client::new().post(format!("{}{to_path}", node.base)).body(r#"{"machine": "a", "machine": "b"}"#);
    let packed = |coding| call(&node, &to_path, &json!({"machine": "a"})).header("content-encoding", coding);
    assert_eq!(status(packed("identity")).await, 202);
    for (what, request, expected) in [
        ("another method", other, (405, "FAB4002")),
        ("no JSON by its type", text, (415, "FAB4033")),
        ("compressed by its word", packed("gzip"), (415, "FAB4033")),
        ("broken JSON", broken, (400, "FAB4032")),
        ("a member twice", twice, (400, "FAB4032")),
        ("no id where it has to be", nameless, (422, "FAB4201")),
        (
            "what the object does not have",
            call(&node, &to_path, &json!({"machine": "a", "speed": 4})),
            (422, "FAB5070"),
        ),
        ("without its key", call(&node, &to_path, &json!({"reason": "jam"})), (422, "FAB5070")),
        (
            "a word that it does not know",
            call(&node, &to_path, &json!({"machine": "a", "reason": "tea"})),
            (422, "FAB5070"),
        ),
    ] {
        let (refused, code, answer) = told(request.send().await.unwrap()).await;
        assert_eq!((refused, &*code), expected, "{what}: {answer}");
        assert!(!answer.to_string().contains(IN_PATH), "{what}: {answer}");
    }
    let large = raw(&node, &to_path, "content-length: 10000000\r\n").await;
    assert!(large.starts_with("HTTP/1.1 413") && large.contains("FAB4034"), "{large}");
    let wrong = call(&node, &to_path, &json!({"machine": "a", "speed": 4})).send().await.unwrap();
    assert_eq!(told(wrong).await.2["errors"][0]["pointer"], "/speed");
}

/// A body that comes slowly holds nobody up and ends by itself; a secret that was taken out proves nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_ends_and_a_rotated_secret_with_its_last_day() {
    let place = place().await;
    place.edit("webhooks.yaml", "limits: {rate: 200/s}", "limits: {rate: 200/s, timeout: 1s}");
    let node = place.serve(&place.data(), &[]);
    ready(&node).await;
    let (at, body) = (now(), json!({"machine": "press-1"}));
    let headers =
        format!("webhook-id: a\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,AAAA\r\ncontent-length: 100\r\n");
    let slow = raw(&node, "/signed/v1", &headers);
    let signatures = signatures(&[
        to_sign("v1", HOOK, "msg_1", at, &body),
        to_sign("v1", HOOK, "msg_2", at, &body),
        to_sign("v1", NEXT, "msg_3", at, &body),
    ]);
    assert_eq!(status(signed(&node, ("msg_1", at, &signatures[0]), &body)).await, 202, "meanwhile");
    let slow = slow.await;
    assert!(slow.starts_with("HTTP/1.1 408") && slow.contains("connection: close"), "{slow}");

    secrets(&place, NEXT, NEXT);
    node.process.hang_up();
    eventually("the old secret proves nothing", async || {
        let refused = status(signed(&node, ("msg_2", at, &signatures[1]), &body)).await == 401;
        refused.then_some(())
    })
    .await;
    assert_eq!(status(signed(&node, ("msg_3", at, &signatures[2]), &body)).await, 202);

    // A secret that cannot be used changes nothing.
    secrets(&place, NEXT, "whsec_short");
    node.process.hang_up();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(status(signed(&node, ("msg_3", at, &signatures[2]), &body)).await, 200);
}

/// What a webhook only reports is kept and counted; what has no lane is kept nowhere, whatever is reported.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_counted_also_where_it_is_let_pass() {
    let place = place().await;
    place.edit(
        "webhooks.yaml",
        "name: shown\ntype: webhook\nversion: 1.0\n",
        "name: shown\ntype: webhook\nversion: 1.0\nvalidation: {request: report}\n",
    );
    let node = place.serve(&place.data(), &[]);
    ready(&node).await;
    let path = format!("/shown/v1/{IN_PATH}");
    assert_eq!(status(call(&node, &path, &json!({"machine": "press-1", "reason": "tea"}))).await, 202);
    let (refused, code, answer) = told(call(&node, &path, &json!({"reason": "jam"})).send().await.unwrap()).await;
    assert_eq!((refused, &*code), (422, "FAB5070"), "{answer}");
    assert_eq!(answer["errors"][0]["pointer"], "/machine", "{answer}");
    let data = place.data();
    let rows = eventually("both are counted", || async {
        let mut arguments = vec!["violations", "shown@1", "--json"];
        arguments.extend(data.iter().map(String::as_str));
        let rows: Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
        (rows.as_array().unwrap().len() == 2).then_some(rows)
    })
    .await;
    let fields: Vec<&str> = rows.as_array().unwrap().iter().filter_map(|row| row["field"].as_str()).collect();
    assert!(fields.contains(&"/reason") && fields.contains(&"/machine"), "{rows}");
    assert!(!rows.to_string().contains("tea"), "the value itself is internal: {rows}");
}

/// Whoever saw a call sends it again under another id, which its signature does not cover: it is the call that it was, also when the
/// node was killed in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_replayed_under_another_id_is_no_other() {
    let place = place().await;
    place.edit(
        "webhooks.yaml",
        "signs: \"{timestamp}.{body}\", timestamp: X-Time}}\n  secrets: [{secret: mes/hashed}]\n  id: {at: /delivery}",
        "signs: \"{body}\"}}\n  secrets: [{secret: mes/hashed}]\n  id: {header: X-Delivery}",
    );
    let fabric = place.fabric();
    let checked = stdout(&selvage(&["check", fabric.to_str().unwrap()]));
    assert!(checked.contains("FAB2756"), "{checked}");
    let mut node = place.serve(&place.data(), &[]);
    ready(&node).await;
    let halt = json!({"station": "press-4", "why": "GUARD"});
    let other = json!({"station": "press-4", "why": "JAM"});
    let signatures = signatures(&[&halt, &other].map(|body| to_sign("body", HASHED, "", 0, body)));
    let send = async |node: &Served, id: &str, nth: usize| {
        let request = call(node, "/hashed/v1", [&halt, &other][nth]).header("x-delivery", id);
        let request = request.header("x-signature", format!("sha256={}", signatures[nth]));
        let (status, _, body) = told(request.send().await.unwrap()).await;
        (status, body["event"].as_str().unwrap_or_default().to_owned())
    };
    let known = |id: &str| (200, id.to_owned());
    assert_eq!(send(&node, "d-1", 0).await, (202, "d-1".to_owned()));
    assert_eq!(send(&node, "d-1", 0).await, known("d-1"));
    assert_eq!(send(&node, "d-2", 0).await, known("d-1"));
    assert_eq!(send(&node, "d-2", 1).await, (202, "d-2".to_owned()));
    node.process.kill();
    let mut node = place.serve(&place.data(), &[]);
    ready(&node).await;
    assert_eq!(send(&node, "d-3", 0).await, known("d-1"));
    node.process.kill();
    let events = events(&place).await;
    assert_eq!(kept(&events).iter().map(|(_, id, ..)| *id).collect::<Vec<_>>(), ["d-1", "d-2"]);
}

/// Who publishes takes no id of what a system tells by a webhook: it would be refused as known under other content.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_from_where_a_webhook_tells() {
    let line = Line::of(place().await);
    let sources = [("/signed/v1", 422), ("/signed/v1/line-3", 422), ("/signed/v2", 202), ("/mes-ghent/signed/v1", 202)];
    for (number, (source, expected)) in sources.into_iter().enumerate() {
        let event = json!({
            "specversion": "1.0", "id": format!("s-{number}"), "source": source, "type": "manufacturing.machine.stopped",
            "data": {"machine": "press-4", "site": "ghent", "state": "stopped", "since": "2026-11-26T06:30:00Z"},
        });
        let (status, told) = line.send(STRUCTURED, &event).await;
        assert_eq!(status.as_u16(), expected, "{source}: {told}");
        if expected == 422 {
            let error = &told["errors"][0];
            assert_eq!((&told["code"], &error["pointer"]), (&json!("FAB5051"), &json!("/source")), "{told}");
            assert!(error["detail"].as_str().unwrap().contains("`signed@1`"), "{told}");
        }
    }
}
