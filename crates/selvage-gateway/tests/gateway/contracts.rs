//! Direct interfaces whose messages are checked against OpenAPI 3.0 and 3.1: what passes, what is refused and why, what is
//! only counted, and that nothing is held back that is not checked.

use std::time::Duration;

use selvage_gateway::{ContractTraffic, Snapshot};
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};
use serde_json::Value;

use super::client::{Answer, Client, authorization, head};
use super::fabric::{access, try_compile};
use super::running::Running;

const MANIFESTS: &str = include_str!("data/contracts.yaml");

fn fabric(upstream: &str) -> Fabric {
    fabric_of(MANIFESTS, upstream)
}

fn fabric_of(manifests: &str, upstream: &str) -> Fabric {
    let manifests = manifests.replace("http://UPSTREAM", &format!("http://{upstream}"));
    let mut sources = Sources::of("fabric.yaml", &manifests);
    sources.insert("contracts/parts-3.0.yaml", include_str!("data/parts-3.0.yaml"));
    sources.insert("contracts/parts-3.1.yaml", include_str!("data/parts-3.1.yaml"));
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

/// The snapshot of the tests.
pub fn snapshot(upstream: &str) -> Snapshot {
    let fabric = fabric(upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

/// With bodies up to a megabyte checked.
pub fn roomy(upstream: &str) -> Snapshot {
    let fabric = fabric_of(&MANIFESTS.replace("up_to: 2KB", "up_to: 1MB"), upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

pub fn running() -> Running {
    Running::serving(snapshot, |_| {})
}

const JSON: &str = "Content-Type: application/json";
const ECHO: &str = "X-Say: 200|Content-Type: application/json|X-Count: 1|*";

pub fn send(client: &mut Client, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    send_as("shop", client, method, path, headers, body)
}

pub fn send_as(consumer: &str, client: &mut Client, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let authorization = authorization(consumer);
    let mut all = vec![authorization.as_str()];
    all.extend(headers);
    client.request(method, path, &all, body.as_bytes())
}

/// What was found for an interface and a side.
fn found(running: &Running, interface: &str, side: &str) -> Vec<ContractTraffic> {
    let rows = running.gateway.contracts().into_iter();
    rows.filter(|row| row.interface.to_string() == interface && row.side == side).collect()
}

/// Parameters: method, path, headers, and what is wrong, as `in name`.
const PARAMETERS: &[(&str, &[&str], &[&str])] = &[
    ("/parts", &[], &[]),
    ("/parts?limit=1&other=undeclared", &[], &[]),
    ("/parts?limit=100", &["X-Plant: ghent"], &[]),
    ("/parts?limit=0", &[], &["query limit"]),
    ("/parts?limit=1.5", &[], &["query limit"]),
    ("/parts?limit=many", &[], &["query limit"]),
    ("/parts?limit=", &[], &["query limit"]),
    ("/parts?limit=1&limit=2", &[], &["query limit"]),
    ("/parts?limit=%zz", &[], &["query limit"]),
    ("/parts", &["X-Plant: Ghent"], &["header X-Plant"]),
    ("/parts?tag=a&tag=b%2Cc", &[], &[]),
    ("/parts?tag=a,d", &[], &["query tag"]),
    ("/parts?tag=a&tag=d&tag=a", &[], &["query tag"]),
    ("/parts?ids=1,2,3", &[], &[]),
    ("/parts?ids=1,x", &[], &["query ids"]),
    ("/parts?ids=1&ids=2", &[], &["query ids"]),
    ("/parts?blank=1%202", &[], &[]),
    ("/parts?blank=1%20b", &[], &["query blank"]),
    ("/parts?pipe=true|false", &[], &[]),
    ("/parts?pipe=true%7C1", &[], &["query pipe"]),
    ("/parts?at[row]=1&at%5Bbin%5D=2", &[], &[]),
    ("/parts?at[bin]=2", &[], &["query at"]),
    ("/parts?at[row]=1&at[x]=1", &[], &["query at"]),
    ("/parts?width=1.5&depth=2", &[], &[]),
    ("/parts?width=wide", &[], &["query box"]),
    ("/parts?where=%7B%22site%22%3A1%7D", &[], &[]),
    ("/parts?where=%7B%7D", &[], &["query where"]),
    ("/parts?where=%7B", &[], &["query where"]),
    ("/parts?flag", &[], &[]),
    ("/parts?flag=true", &[], &[]),
    ("/parts?flag=1", &[], &["query flag"]),
    ("/parts", &["Cookie: a=b; session=abcd"], &[]),
    ("/parts", &["Cookie: session=abc"], &["cookie session"]),
    ("/parts?limit=0&ids=x", &["X-Plant: G"], &["header X-Plant", "query limit", "query ids"]),
    ("/parts/7", &[], &[]),
    ("/parts/0", &[], &["path id"]),
    ("/parts/seven", &[], &["path id"]),
    ("/parts/%37", &[], &[]),
];

/// Bodies: what is sent, and the pointers of what is wrong.
const BODIES: &[(&str, &[&str])] = &[
    (r#"{"number": "P-1", "weight": 1}"#, &[]),
    (r#"{"number": "P-1", "weight": 0.001, "note": null, "made": "2026-11-23T06:00:00Z", "kind": "buy"}"#, &[]),
    (r#"{"number": "P-1", "weight": 0}"#, &["/weight"]),
    (r#"{"number": "P-1", "weight": 1000}"#, &[]),
    (r#"{"number": "P-1", "weight": 1000.5}"#, &["/weight"]),
    (r#"{"number": "P-1", "weight": "1"}"#, &["/weight"]),
    (r#"{"number": null, "weight": 1}"#, &["/number"]),
    (r#"{"number": "p-1", "weight": 1}"#, &["/number"]),
    (r#"{"weight": 1}"#, &["/number"]),
    (r#"{}"#, &["/number", "/weight"]),
    (r#"[]"#, &[""]),
    (r#"{"number": "P-1", "weight": 1, "colour": "red"}"#, &[""]),
    (r#"{"number": "P-1", "weight": 1, "note": "much too long"}"#, &["/note"]),
    (r#"{"number": "P-1", "weight": 1, "made": "yesterday"}"#, &["/made"]),
    (r#"{"number": "P-1", "weight": 1, "kind": "steal"}"#, &["/kind"]),
    (
        r#"{"number": "P-1", "weight": 1, "parts": [{"part": {"number": "A", "below": [{"number": "B"}]}, "count": null}]}"#,
        &[],
    ),
    (
        r#"{"number": "P-1", "weight": 1, "parts": [{"part": {"number": "A", "below": [{"number": 2}]}}]}"#,
        &["/parts/0/part/below/0/number"],
    ),
    (
        r#"{"number": "P-1", "weight": 1, "parts": [{"part": {"number": "A"}}, {"count": 0}]}"#,
        &["/parts/1/count", "/parts/1/part"],
    ),
    (r#"{"number": "P-1", "weight": 1, "prices": {"anna": "x"}}"#, &["/prices/anna"]),
    (r#"{"number": "P-1", "weight": 1, "holder": {"kind": "bin", "bin": "A1"}}"#, &[]),
    (r#"{"number": "P-1", "weight": 1, "holder": {"kind": "bin", "name": "Ann"}}"#, &["/holder"]),
];

#[test]
fn parameters_are_checked_by_style_and_schema() {
    let running = running();
    for interface in ["old", "new"] {
        let mut client = running.client();
        for (path, headers, wrong) in PARAMETERS {
            let answer = send(&mut client, "GET", &format!("/{interface}/v1{path}"), headers, "");
            if wrong.is_empty() {
                assert_eq!(answer.status, 200, "{interface} {path} {headers:?}: {}", answer.text());
                continue;
            }
            assert_eq!(answer.said(), (400, "FAB4120".to_owned()), "{interface} {path} {headers:?}");
            let body = answer.json();
            let mut named: Vec<String> = body["errors"].as_array().unwrap().iter().map(named).collect();
            named.dedup();
            assert_eq!(named, *wrong, "{interface} {path}: {body}");
        }
    }
}

fn named(error: &Value) -> String {
    format!("{} {}", error["in"].as_str().unwrap(), error["parameter"].as_str().unwrap())
}

#[test]
fn bodies_are_checked_against_schemas_of_3_0_and_3_1() {
    let running = running();
    for interface in ["old", "new"] {
        let mut client = running.client();
        let path = format!("/{interface}/v1/parts?day=2026-11-23");
        for (body, wrong) in BODIES {
            let answer = send(&mut client, "POST", &path, &[JSON, ECHO], body);
            if wrong.is_empty() {
                assert_eq!((answer.status, answer.text()), (200, *body), "{interface}");
                continue;
            }
            let missing = wrong.iter().all(|pointer| !body.contains(pointer.rsplit('/').next().unwrap()));
            let status = if missing && **wrong != [""] { 400 } else { 422 };
            assert_eq!(answer.said(), (status, "FAB4120".to_owned()), "{interface} {body}: {}", answer.text());
            let answer = answer.json();
            let mut pointers: Vec<&str> =
                answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
            pointers.sort_unstable();
            pointers.dedup();
            assert_eq!(pointers, *wrong, "{interface} {body}: {answer}");
        }
    }
    assert_eq!(running.upstream.requests(), 2 * BODIES.iter().filter(|(_, wrong)| wrong.is_empty()).count());
}

#[test]
fn what_is_no_checkable_body_is_refused_each_for_its_reason() {
    let running = running();
    let good = r#"{"number": "P-1", "weight": 1}"#;
    let deep = "[".repeat(1000);
    let long = format!(r#"{{"number": "P-1", "weight": 1, "note": "{}"}}"#, "x".repeat(3000));
    let table: &[(&[&str], &str, u16, &str)] = &[
        (&[JSON], "", 400, "FAB4120"),
        (&["Content-Type: text/csv"], good, 415, "FAB4121"),
        (&[], good, 415, "FAB4121"),
        (&["Content-Type: application/json; charset=utf-8"], good, 200, ""),
        (&["Content-Type: application/x-www-form-urlencoded"], "number=P-1", 200, ""),
        (&[JSON, "Content-Encoding: gzip"], good, 415, "FAB4123"),
        (&[JSON, "Content-Encoding: identity"], good, 200, ""),
        (&[JSON], &long, 413, "FAB4122"),
        (&[JSON], "{\"number\": \"P-1\", \"number\": \"P-2\", \"weight\": 1}", 400, "FAB4032"),
        (&[JSON], &deep, 400, "FAB4032"),
        (&[JSON], "{\"number\": ", 400, "FAB4032"),
    ];
    for (headers, body, status, code) in table {
        let mut client = running.client();
        let mut all = vec![ECHO];
        all.extend(*headers);
        let answer = send(&mut client, "POST", "/new/v1/parts?day=2026-11-23", &all, body);
        assert_eq!(answer.said(), (*status, (*code).to_owned()), "{headers:?} {body}: {}", answer.text());
    }
    // In chunks, nobody says beforehand how much it will be.
    let mut client = running.client();
    let authorization = authorization("shop");
    client.send(head(
        "POST",
        "/new/v1/parts?day=2026-11-23",
        &[&authorization, JSON, ECHO, "Transfer-Encoding: chunked"],
        0,
    ));
    for _ in 0..3 {
        client.try_send(format!("3e8\r\n{}\r\n", " ".repeat(1000)).as_bytes());
    }
    assert_eq!(client.read().said(), (413, "FAB4122".to_owned()));
    // One that does not come is not waited for without end.
    let mut client = running.client();
    client.send(head("POST", "/new/v1/parts?day=2026-11-23", &[&authorization, JSON], 10));
    assert_eq!(client.read().said(), (408, "FAB4035".to_owned()));
}

#[test]
fn a_report_lets_pass_and_counts() {
    let running = running();
    let mut client = running.client();
    let path = "/told/v1/parts?day=tomorrow";
    let wrong = r#"{"number": "secret words", "weight": 1, "prices": {"anna": "x", "bob": "y"}}"#;
    let answer = send(&mut client, "POST", path, &[JSON, ECHO], wrong);
    assert_eq!((answer.status, answer.text()), (200, wrong));
    let long = format!(r#"{{"number": "P-1", "weight": 1, "note": "{}"}}"#, "x".repeat(3000));
    let answer = send(&mut client, "POST", "/told/v1/parts?day=2026-11-23", &[JSON, ECHO], &long);
    assert_eq!((answer.status, answer.body.len()), (200, long.len()), "what is too large streams on");
    let mut chunked = running.client();
    let authorization = authorization("shop");
    let headers = [&authorization, JSON, ECHO, "Transfer-Encoding: chunked"];
    chunked.send(head("POST", "/told/v1/parts?day=2026-11-23", &headers, 0));
    for _ in 0..5 {
        chunked.send(format!("3e8\r\n{}\r\n", " ".repeat(1000)));
    }
    chunked.send("0\r\n\r\n");
    assert_eq!(chunked.read().body, " ".repeat(5000).as_bytes(), "in chunks too, from its first byte");

    let requests = found(&running, "told@1", "request");
    assert_eq!(requests.len(), 1);
    let row = &requests[0];
    assert_eq!((row.consumer.as_ref().unwrap().as_str(), row.operation.as_str()), ("shop", "add-part"));
    assert_eq!((row.checked, row.unfit, row.unchecked), (1, 1, 2));
    let fields: Vec<(&str, &str, &str, u64, &str)> = row
        .fields
        .iter()
        .map(|field| (field.place, field.name.as_str(), field.rule, field.count, field.sample.as_str()))
        .collect();
    let expected = [
        ("body", "/prices/*", "type", 2, "text of 1 characters"),
        ("body", "/number", "pattern", 1, "text of 12 characters"),
        ("query", "day", "format", 1, "text of 8 characters"),
    ];
    assert_eq!(fields, expected);
    let metrics = running.gateway.metrics();
    let line = "selvage_gateway_contract_messages_total{interface=\"told@1\",consumer=\"shop\",operation=\"add-part\",\
                side=\"request\",found=\"unchecked\"} 2";
    assert!(metrics.contains(line), "{metrics}");

    send(
        &mut client,
        "POST",
        "/open/v1/parts?day=2026-11-23",
        &[JSON, ECHO],
        r#"{"number": "in the open", "weight": 1}"#,
    );
    assert_eq!(found(&running, "open@1", "request")[0].fields[0].sample, "\"in the open\"", "public data is shown");
}

#[test]
fn answers_that_do_not_fit_are_kept_from_the_caller() {
    let running = running();
    let long = format!("200|Content-Type: application/json|[{}1]", "1, ".repeat(1000));
    let part = r#"{"id": 1, "number": "P-1", "weight": 1}"#;
    let table: &[(&str, &str, u16, &str)] = &[
        ("GET /parts", &format!("200|Content-Type: application/json|[{part}]"), 200, ""),
        ("GET /parts", "200|Content-Type: application/json|[{\"secret\": 1}]", 502, "FAB4124"),
        ("GET /parts", "200|Content-Type: application/json|not json", 502, "FAB4124"),
        ("GET /parts", "200|Content-Type: text/html|<secret>", 502, "FAB4124"),
        ("GET /parts", "500|Content-Type: text/plain|secret trace", 502, "FAB4124"),
        ("GET /parts", "304|ETag: x|", 304, ""),
        ("GET /parts", &long, 502, "FAB4125"),
        ("GET /parts", &format!("200|Content-Type: application/json|Content-Encoding: gzip|[{part}]"), 502, "FAB4125"),
        ("HEAD /parts", "200|Content-Type: application/json|", 200, ""),
        ("POST /parts", &format!("200|Content-Type: application/json|X-Count: 1|{part}"), 200, ""),
        ("POST /parts", &format!("200|Content-Type: application/json|{part}"), 502, "FAB4124"),
        ("POST /parts", &format!("200|Content-Type: application/json|X-Count: few|{part}"), 502, "FAB4124"),
        // The number is the system's to give, so only answers need it.
        (
            "POST /parts",
            "200|Content-Type: application/json|X-Count: 1|{\"number\": \"P-1\", \"weight\": 1}",
            502,
            "FAB4124",
        ),
        ("POST /parts", "422|Content-Type: application/problem+json|{\"code\": 1}", 422, ""),
        ("POST /parts", "422|Content-Type: application/problem+json|{}", 502, "FAB4124"),
        ("PUT /files/a", "418|Content-Type: text/plain|anything", 418, ""),
        // The contract declares no content of it.
        ("PUT /files/a", "202|Content-Type: text/plain|secret", 502, "FAB4124"),
        ("PUT /files/a", "202|X-Nothing: 1|", 202, ""),
    ];
    for (asked, say, status, code) in table {
        let (method, path) = asked.split_once(' ').unwrap();
        let answer = send(&mut running.client(), method, &format!("/kept/v1{path}"), &[&format!("X-Say: {say}")], "");
        if code.is_empty() {
            assert_eq!(answer.status, *status, "{asked} {say}");
        } else {
            assert_eq!(answer.said(), (*status, (*code).to_owned()), "{asked} {say}");
        }
        assert!(code.is_empty() || !answer.text().contains("secret"), "{}", answer.text());
    }
    let fields: Vec<String> = found(&running, "kept@1", "response")
        .iter()
        .flat_map(|row| row.fields.iter().map(|field| format!("{} {} {}", field.place, field.name, field.rule)))
        .collect();
    for expected in [
        "body  status",
        "body  content",
        "body  json",
        "header X-Count required",
        "header X-Count type",
        "body /code required",
    ] {
        assert!(fields.iter().any(|field| field == expected), "{expected}: {fields:?}");
    }
}

#[test]
fn a_report_of_answers_gives_them_as_they_are() {
    let running = running();
    let mut client = running.client();
    let long = format!("[{}1]", "1, ".repeat(1000));
    for (say, body) in [
        ("200|Content-Type: application/json", "[{}]"),
        ("200|Content-Type: application/json", &long),
        ("500|A: b", "x"),
    ] {
        let answer = send(&mut client, "GET", "/told/v1/parts", &[&format!("X-Say: {say}|{body}")], "");
        assert_eq!(answer.text(), body);
    }
    let row = &found(&running, "told@1", "response")[0];
    assert_eq!((row.checked, row.unfit, row.unchecked), (2, 2, 1));
    // An upstream that would compress is asked not to, and streams of chunks are given on when they grow too long.
    let said = send(&mut client, "GET", "/told/v1/parts/1", &["Accept-Encoding: gzip"], "");
    assert!(said.text().contains("accept-encoding: identity"), "{}", said.text());
    let said = send(&mut client, "GET", "/free/v1/parts/1", &["Accept-Encoding: gzip"], "");
    assert!(said.text().contains("accept-encoding: gzip"), "{}", said.text());
}

#[test]
fn a_broken_answer_is_an_answer() {
    let running = Running::serving(snapshot, |config| config.stall_timeout = Duration::from_millis(300));
    let say = "X-Say: 200|Content-Type: application/json|Content-Length: 50|[";
    assert_eq!(send(&mut running.client(), "GET", "/kept/v1/parts", &[say], "").said(), (502, "FAB4052".to_owned()));
    let say = "X-Say: 200|Content-Type: application/json|[]";
    assert_eq!(send(&mut running.client(), "GET", "/kept/v1/parts", &[say], "").status, 200);
}

#[test]
fn what_is_not_checked_is_not_held() {
    let running = running();
    let mut client = running.client();
    let authorization = authorization("shop");
    // The caller hears the answer's beginning while its own body has not ended.
    client.send(head(
        "PUT",
        "/new/v1/files/a",
        &[&authorization, "Content-Type: text/plain", "Transfer-Encoding: chunked"],
        0,
    ));
    client.send("5\r\nhello\r\n");
    std::thread::sleep(Duration::from_millis(100));
    client.send("0\r\n\r\n");
    assert_eq!(client.read().status, 200);
    let huge = "x".repeat(100_000);
    assert_eq!(send(&mut running.client(), "PUT", "/new/v1/files/a", &["Content-Type: text/plain"], &huge).status, 200);
    assert_eq!(
        send(&mut running.client(), "PUT", "/new/v1/files/ninechars", &[], "").said(),
        (400, "FAB4120".to_owned())
    );
}

#[test]
fn contracts_that_cannot_be_checked_are_found() {
    let mut fabric = fabric("127.0.0.1:1");
    // Parts of multipart bodies are not checked, and two interfaces enforce requests.
    let whole = selvage_gateway::uncheckable(&fabric);
    let said: Vec<_> = whole.iter().map(|finding| (finding.code.to_string(), finding.severity.to_string())).collect();
    assert_eq!(said, vec![("FAB4180".to_owned(), "warning".to_owned()); 2], "{whole:#?}");
    assert!(whole[0].message.contains("`multipart/form-data` of `add-part`"), "{whole:#?}");
    let broken = include_str!("data/parts-3.1.yaml").replace("^[A-Z]+-[0-9]+$", "^(?!P).*$");
    fabric.files.insert("contracts/parts-3.1.yaml".to_owned(), broken.into());
    let findings: Vec<(String, String)> = selvage_gateway::uncheckable(&fabric)
        .iter()
        .map(|finding| (finding.severity.to_string(), finding.code.to_string()))
        .collect();
    assert!(findings.contains(&("error".to_owned(), "FAB4126".to_owned())), "{findings:?}");
    assert!(findings.contains(&("warning".to_owned(), "FAB4126".to_owned())), "{findings:?}");
}

#[test]
fn a_body_that_nothing_declares_does_not_fit() {
    let running = running();
    for interface in ["old", "new"] {
        let path = format!("/{interface}/v1/parts");
        let answer = send(&mut running.client(), "GET", &path, &[JSON], "{}");
        assert_eq!(answer.said(), (422, "FAB4120".to_owned()), "{interface}");
        assert!(answer.text().contains("the contract declares no body"), "{}", answer.text());
    }
    let in_chunks = |path: &str, chunks: &str| {
        let mut client = running.client();
        client.send(head("GET", path, &[&authorization("shop"), "Transfer-Encoding: chunked"], 0));
        client.send(chunks);
        client.read().status
    };
    assert_eq!(in_chunks("/new/v1/parts", "0\r\n\r\n"), 200, "an empty one is none");
    assert_eq!(in_chunks("/new/v1/parts", "2\r\n{}\r\n0\r\n\r\n"), 422);
    assert_eq!(in_chunks("/told/v1/parts", "2\r\n{}\r\n0\r\n\r\n"), 200, "counted");
    let requests = running.upstream.take_requests();
    assert!(requests.last().unwrap().ends_with("{}"), "it is passed on as it came: {requests:?}");
    assert_eq!(send(&mut running.client(), "GET", "/told/v1/parts", &[JSON], "[1]").status, 200);
    let say = "X-Say: 202|Content-Type: text/plain|words";
    assert_eq!(send(&mut running.client(), "PUT", "/told/v1/files/a", &[say], "").text(), "words");
    let undeclared = |side: &str| -> u64 {
        let fields = found(&running, "told@1", side).into_iter().flat_map(|row| row.fields);
        fields.filter(|field| field.rule == "undeclared").map(|field| field.count).sum()
    };
    assert_eq!((undeclared("request"), undeclared("response")), (2, 1));
}
