//! Classes of data: what a grant does not see is `null` in answers, and neither asked by, given, nor told of in any other way.

use jiff::Timestamp;
use selvage_gateway::{Question, Snapshot, explain_request};
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};

use super::client::Answer;
use super::contracts::send_as;
use super::fabric::{access, try_compile};
use super::running::Running;

fn fabric(upstream: &str) -> Fabric {
    let manifests = include_str!("data/masks.yaml").replace("http://UPSTREAM", &format!("http://{upstream}"));
    let mut sources = Sources::of("fabric.yaml", &manifests);
    sources.insert("contracts/people.yaml", include_str!("data/people.yaml"));
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

fn snapshot(upstream: &str) -> Snapshot {
    let fabric = fabric(upstream);
    try_compile(&fabric, &access(&fabric), "dev").unwrap()
}

fn running() -> Running {
    Running::serving(snapshot, |_| {})
}

const JSON: &str = "Content-Type: application/json";

/// What the portal gets where the upstream says this.
fn portal(running: &Running, method: &str, path: &str, say: &str) -> Answer {
    let say = format!("X-Say: {say}");
    send_as("portal", &mut running.client(), method, &format!("/people/v1{path}"), &[&say], "")
}

#[test]
fn what_is_masked_is_null_in_every_answer_and_the_answer_says_where() {
    let running = running();
    let table: &[(&str, &str, Option<&str>)] = &[
        (r#"[{"number": "1", "phone": "32470"}]"#, r#"[{"number":"1","phone":null}]"#, Some("/*/phone")),
        // In another spelling, deep, in lists of lists, as something else than was declared.
        (
            r#"{"x": [[{"PHONE": {"home": ["1"]}}, {"phone": 7}]], "Phone": null}"#,
            r#"{"x":[[{"PHONE":null},{"phone":null}]],"Phone":null}"#,
            Some("/x/*/*/PHONE, /x/*/*/phone, /Phone"),
        ),
        // By the list of the manifest, and by a name that a pointer spells otherwise.
        (
            r#"{"hourlyRate": "31.50", "a/b": "x", "c,d": {"a/b": 1}}"#,
            r#"{"hourlyRate":null,"a/b":null,"c,d":{"a/b":null}}"#,
            Some("/hourlyRate, /a~1b, /c%2Cd/a~1b"),
        ),
        // By one of several marks, of the values of a map.
        (r#"{"contacts": {"home": "32470"}}"#, r#"{"contacts":null}"#, Some("/contacts")),
        (r#"{"number": 1.50}"#, r#"{"number":1.50}"#, None),
    ];
    for (body, expected, masked) in table {
        let say = format!("200|Content-Type: application/json|{body}");
        let answer = portal(&running, "GET", "/people", &say);
        assert_eq!((answer.status, answer.text()), (200, *expected), "{body}");
        assert_eq!(answer.header("selvage-masked"), *masked, "{body}");
        // Whoever sees the classes gets what the upstream said, byte by byte.
        let say = format!("X-Say: {say}");
        let answer = send_as("shop", &mut running.client(), "GET", "/people/v1/people", &[&say], "");
        assert_eq!((answer.text(), answer.header("selvage-masked")), (*body, None), "{body}");
    }
}

#[test]
fn what_cannot_be_looked_through_is_not_shown() {
    let running = running();
    let long = format!("200|Content-Type: application/json|[{}1]", "1, ".repeat(1000));
    for say in [
        r#"200|Content-Type: application/json|{"phone": "1", "phone": "2"}"#,
        "200|Content-Type: text/csv|phone;1",
        "200|Content-Type: application/json|Content-Encoding: br|{}",
        "206|Content-Type: application/json|Content-Range: bytes 5-9/40|32470",
        long.as_str(),
    ] {
        let answer = portal(&running, "GET", "/people", say);
        assert_eq!(answer.said(), (502, "FAB4129".to_owned()), "{say}");
        assert!(!answer.text().contains("32470"), "{say}");
    }
}

#[test]
fn neither_tags_nor_headers_nor_an_upstreams_words_tell_of_what_is_masked() {
    let running = running();
    let told = r#"200|Content-Type: application/json|ETag: "a1"|Last-Modified: Mon, 23 Nov 2026 06:00:00 GMT|Content-Digest: x|X-Picker: anna|{"phone": "32470"}"#;
    let said = format!("X-Say: {told}");
    for method in ["GET", "HEAD"] {
        let answer = portal(&running, method, "/people", told);
        for header in ["etag", "last-modified", "content-digest", "x-picker"] {
            assert_eq!((answer.status, answer.header(header)), (200, None), "{method} {header}");
        }
        assert_ne!(answer.header("content-length"), Some("18"), "its length would tell");
        let answer = send_as("shop", &mut running.client(), method, "/people/v1/people", &[&said], "");
        assert_eq!((answer.header("etag"), answer.header("x-picker")), (Some("\"a1\""), Some("anna")));
    }
    // More of it than is checked is kept back too.
    let long = format!(r#"{{"detail": "anna has 32470 already {}"}}"#, "x".repeat(3000));
    for (status, body) in
        [(409, r#"{"detail": "anna has 32470 already", "phone": "32470"}"#), (500, "anna"), (422, long.as_str())]
    {
        let say = format!("{status}|Content-Type: application/problem+json|{body}");
        let answer = portal(&running, "GET", "/people", &say);
        assert_eq!(answer.said(), (status, "FAB4161".to_owned()), "{}", answer.text());
        assert!(!answer.text().contains("anna") && !answer.text().contains("32470"));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    // Whether something is still as it was is not asked of the upstream, and nothing is made to depend on it.
    let before = running.upstream.requests();
    let answer = send_as(
        "portal",
        &mut running.client(),
        "GET",
        "/people/v1/people",
        &[
            "If-None-Match: \"a1\"",
            "If-Modified-Since: Mon, 23 Nov 2026 06:00:00 GMT",
            "X-Say: 200|Content-Type: application/json|[]",
        ],
        "",
    );
    assert_eq!((answer.status, running.upstream.requests()), (200, before + 1));
    for state in ["If-Match: \"a1\"", "If-Match: *, \"a1\"", "If-Unmodified-Since: Mon, 23 Nov 2026 06:00:00 GMT"] {
        let answer = send_as("portal", &mut running.client(), "PATCH", "/people/v1/people", &[JSON, state], "{}");
        assert_eq!(answer.said(), (403, "FAB4160".to_owned()), "{state}");
    }
}

#[test]
fn headers_tell_nothing_of_what_is_masked() {
    let running = running();
    let body = r#"{"number": "1", "phone": "+32470", "contacts": {"home": ["Anna Maes"]}}"#;
    let table = [
        // Addresses that name what is masked, or repeat it in any spelling; others pass.
        ("Location: /people/1", Some("/people/1")),
        ("Location: /people?phone=1", None),
        ("Location: /people/+32470", None),
        ("Location: /people/%2B32470", None),
        ("Link: </people/anna%20maes>; rel=\"self\"", None),
        ("Link: </people?page=2>; rel=\"next\"", Some("</people?page=2>; rel=\"next\"")),
        ("Content-Disposition: attachment; filename=\"anna+maes.json\"", None),
        // What the contract declares, and what it does not.
        ("X-Pages: 7", Some("7")),
        ("X-Pages: 7 +32470", None),
        ("X-Debug: whatever", None),
        ("Retry-After: 7", Some("7")),
        ("RateLimit-Limit: 7", Some("7")),
    ];
    for (line, expected) in table {
        let answer = portal(&running, "GET", "/people", &format!("200|Content-Type: application/json|{line}|{body}"));
        let name = &line.split(':').next().unwrap().to_lowercase();
        assert_eq!((answer.status, answer.header(name)), (200, expected), "{line}");
        assert_eq!(answer.header("selvage-masked"), Some("/phone, /contacts"));
        let say = format!("X-Say: 200|Content-Type: application/json|{line}|{body}");
        let answer = send_as("shop", &mut running.client(), "GET", "/people/v1/people", &[&say], "");
        assert_eq!(answer.header(name), line.split_once(": ").map(|it| it.1), "{line}: whoever sees it all");
    }
    let bodiless = portal(&running, "HEAD", "/people", "200|Location: /people?phone=1|X-Debug: 32470|");
    assert_eq!((bodiless.header("location"), bodiless.header("x-debug")), (None, None));
}

#[test]
fn a_write_that_has_it_that_nothing_is_there_stays_so() {
    let running = running();
    let put = |state: &str| {
        let headers = [JSON, state, "X-Say: 204||"];
        send_as("portal", &mut running.client(), "PUT", "/people/v1/rooms", &headers, "{}")
    };
    assert_eq!(put("If-None-Match: *").status, 204);
    let sent = running.upstream.take_requests();
    assert!(sent.iter().any(|head| head.contains("if-none-match: *")), "{sent:?}");
    for state in ["If-None-Match: \"a1\"", "If-None-Match: *, \"a1\"", "If-None-Match: "] {
        assert_eq!(put(state).said(), (403, "FAB4160".to_owned()), "{state}");
    }
    assert_eq!(running.upstream.take_requests().len(), 0);
}

#[test]
fn nobody_asks_by_what_they_do_not_see() {
    let running = running();
    for query in [
        "phone=32470",
        "Phone=32470",
        "filter[phone][gt]=3",
        "phone__startswith=3",
        "person.phone=1",
        "sort=-phone",
        "fields=number,phone",
        "$select=phone",
        "%70hone=1",
        "hourly-rate=1",
        "badge=7",
        "min_hourly_rate=50",
        "hourly_rate_gte=50",
        "hourlyRateMax=50",
        "sort=hourly_rate_desc",
        "sort=hourlyRateAsc",
        "sort=phone_desc",
        "maxPhone=3",
        "x=1;phone=5",
    ] {
        let answer = portal(&running, "GET", &format!("/people?{query}"), "200|Content-Type: application/json|[]");
        let code = if query.contains(';') { "FAB4127" } else { "FAB4160" };
        assert_eq!(answer.said(), (403, code.to_owned()), "{query}");
    }
    for header in ["X-Picker: anna", "x_picker: anna"] {
        let answer = send_as("portal", &mut running.client(), "GET", "/people/v1/people", &[header], "");
        assert_eq!(answer.said(), (403, "FAB4160".to_owned()), "{header}");
    }
    // A path that names it asks by it too.
    assert_eq!(portal(&running, "GET", "/badges/7", "200||").said(), (403, "FAB4160".to_owned()));
    assert_eq!(running.upstream.requests(), 0);
    let shop = send_as("shop", &mut running.client(), "GET", "/people/v1/badges/7?badge=7", &["X-Say: 204||"], "");
    assert_eq!(shop.status, 204);
}

#[test]
fn nobody_asks_in_the_words_of_a_query_language() {
    let running = running();
    let table = [
        ("page=2&sort=-number&q=Anna&where=number%20eq%20'7'&by[number]=7&from=06:00", ""),
        ("where=startswith(phone,'3')", "where"),
        ("where=phone%3D'3'", "where"),
        ("where=number%20ne%201%20and%20phone-1%20gt%203", "where"),
        (r#"where={"phone":"3"}"#, "where"),
        (r#"where={"\u0070hone":"3"}"#, "where"),
        ("sort=desc(Phone)", "sort"),
        (r#"domain=[["hourly-rate","=","3"]]"#, "domain"),
        ("domain=a/b%20eq%203", "domain"),
        ("q=phone:3*", "q"),
        ("$apply=groupby((phone))", "$apply"),
        ("by[person.phone]=3", "by[person.phone]"),
        ("by[x]=phone", "by[x]"),
        // What the contract does not have may ask by anything.
        ("search=32470", "search"),
        ("by=32470", ""),
        ("from[x]=32470", "from[x]"),
        ("phone_like=3", "phone_like"),
    ];
    let mut sent = 0;
    for (query, named) in table {
        let answer = portal(&running, "GET", &format!("/people?{}", query.replace('"', "%22")), "204||");
        if named.is_empty() {
            sent += 1;
            assert_eq!(answer.status, 204, "{query}: {}", answer.text());
        } else {
            assert_eq!(answer.said(), (403, "FAB4160".to_owned()), "{query}");
            let problem: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
            assert!(problem.to_string().contains(&format!("\"{named}\"")), "{query}: {problem}");
        }
    }
    let search = |body: &str| {
        send_as("portal", &mut running.client(), "POST", "/people/v1/people/search", &[JSON, "X-Say: 204||"], body)
    };
    for (body, pointer) in [
        (r#"{"field": "phone", "is": "3"}"#, "/field"),
        (r#"{"where": ["number = 1", "not (phone = '3')"]}"#, "/where/1"),
        (r#"{"person.phone": "3"}"#, "/person.phone"),
        (r#"{"phone__gt": "3"}"#, "/phone__gt"),
    ] {
        let answer = search(body);
        assert_eq!(answer.said(), (403, "FAB4160".to_owned()), "{body}");
        assert!(answer.text().contains(&format!("\"{pointer}\"")), "{body}: {}", answer.text());
    }
    assert_eq!(search(r#"{"field": "number", "is": "3", "telephone": "x"}"#).status, 204);
    assert_eq!(running.upstream.requests(), sent + 1);
}

#[test]
fn nobody_writes_what_they_do_not_see() {
    let running = running();
    let long = format!("[\"{}\"]", "x".repeat(3000));
    let table = [
        (long.as_str(), 403, "FAB4127", ""),
        (r#"{"phone": "1"}"#, 403, "FAB4160", "\"/phone\""),
        (r#"{"phone": null}"#, 403, "FAB4160", "\"/phone\""),
        (r#"{"PHONE": "1"}"#, 403, "FAB4160", "\"/PHONE\""),
        (r#"{"y": [[{"x": {"a/b": 1}}]]}"#, 403, "FAB4160", "\"/y/0/0/x/a~1b\""),
        (r#"{"phone": "1", "phone": "2"}"#, 400, "FAB4032", ""),
        (r#"{"number": "1"}"#, 204, "", ""),
    ];
    for (body, status, code, part) in table {
        let headers = [JSON, "X-Say: 204||"];
        let answer = send_as("portal", &mut running.client(), "PATCH", "/people/v1/people", &headers, body);
        assert_eq!(answer.said(), (status, code.to_owned()), "{body}: {}", answer.text());
        assert!(answer.text().contains(part), "{body}: {}", answer.text());
    }
    assert_eq!(running.upstream.requests(), 1);
}

#[test]
fn nobody_erases_what_they_do_not_see() {
    let running = running();
    let send = |consumer: &str, method: &str, path: &str, body: &str| {
        send_as(consumer, &mut running.client(), method, &format!("/people/v1{path}"), &[JSON, "X-Say: 204||"], body)
    };
    let table = [
        // Who replaces a record leaves out what they do not see.
        ("PUT", "/people", r#"{"number": "1"}"#, 403, ""),
        ("PUT", "/people", "", 403, ""),
        ("PUT", "/raw", "{}", 403, ""),
        ("PUT", "/raw", "", 204, ""),
        ("PUT", "/rooms", r#"{"name": "A1"}"#, 204, ""),
        // A change replaces a list whole, by whatever it is given, and is itself one of an object.
        ("PATCH", "/people", r#"{"teams": []}"#, 403, "\"/teams\""),
        ("PATCH", "/people", r#"{"Teams": null}"#, 403, "\"/Teams\""),
        ("PATCH", "/people", r#"{"x": [{"leads": [{"number": "1"}]}]}"#, 403, "\"/x/0/leads\""),
        ("PATCH", "/people", r#"[{"number": "1"}]"#, 403, ""),
        ("PATCH", "/people", r#"{"number": "1", "name": {"first": "a"}}"#, 204, ""),
    ];
    for (method, path, body, status, part) in table {
        let answer = send("portal", method, path, body);
        let code = if status == 403 { "FAB4160" } else { "" };
        assert_eq!(answer.said(), (status, code.to_owned()), "{method} {path} {body}: {}", answer.text());
        assert!(answer.text().contains(part), "{body}: {}", answer.text());
        // The same where it is left out.
        let answer = send("partner", method, path, body);
        let code = if status == 403 { "FAB4127" } else { "" };
        assert_eq!(answer.said(), (status, code.to_owned()), "{method} {path} {body}: {}", answer.text());
        assert_eq!(send("shop", method, path, body).status, 204, "{method} {path} {body}");
    }
    assert_eq!(running.upstream.requests(), table.len() + 6);
}

#[test]
fn samples_of_violations_show_no_value_where_something_carries_a_class() {
    let running = running();
    let say = r#"X-Say: 200|Content-Type: application/json|[{"phone": "anna", "number": 7}]"#;
    send_as("shop", &mut running.client(), "GET", "/people/v1/people", &[say], "");
    let rows = running.gateway.contracts();
    assert!(!rows.is_empty());
    let shown = format!("{rows:?}");
    assert!(shown.contains("text of 4 characters") && !shown.contains("anna"), "{shown}");
}

#[test]
fn the_engine_is_told_what_is_masked_and_answers_say_it() {
    let running = running();
    let get = |consumer: &str, path: &str| send_as(consumer, &mut running.client(), "GET", path, &[], "");
    let table = [
        ("portal", "/orders/v1/orders", Some("/items/*/worker, /items/*/steps/*/worker")),
        ("portal", "/orders/v1/orders/7", Some("/worker, /steps/*/worker")),
        ("shop", "/orders/v1/orders/7", None),
    ];
    for (consumer, path, expected) in table {
        let answer = get(consumer, path);
        assert_eq!((answer.status, answer.header("selvage-masked")), (200, expected), "{consumer} {path}");
    }
    let asked = running.engine.asked.lock().unwrap();
    let masked = |index: usize| asked[index].scope.masked.iter().map(|part| part.pointer.as_str()).collect::<Vec<_>>();
    assert_eq!(masked(1), ["/worker", "/steps/*/worker"]);
    assert_eq!(masked(2), Vec::<&str>::new());
}

#[test]
fn a_decision_says_what_is_masked() {
    let snapshot = snapshot("127.0.0.1:9");
    for (path, expected) in [
        ("/orders/v1/orders", "`/worker` masked: `personal` data, `/steps/*/worker` masked: `personal` data"),
        ("/people/v1/people", "`phone` masked: `personal` data"),
    ] {
        let question = Question {
            consumer: "portal".parse().unwrap(),
            method: http::Method::GET,
            path: path.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let explanation = explain_request(&snapshot, &question);
        let scope = explanation.stages.iter().find(|decided| decided.stage.as_str() == "scope").unwrap();
        assert!(scope.because.contains(expected), "{path}: {}", scope.because);
    }
}
