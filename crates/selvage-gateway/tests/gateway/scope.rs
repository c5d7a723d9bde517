//! Grants on direct interfaces that leave rows and members out: what may be asked, what may be given, what is answered.

use super::contracts::{running, send_as};
use super::running::Running;

const JSON: &str = "Content-Type: application/json";

fn portal(running: &Running, path: &str, headers: &[&str]) -> (u16, String) {
    send_as("portal", &mut running.client(), "GET", &format!("/free/v1{path}"), headers, "").said()
}

#[test]
fn rows_are_told_apart_by_what_is_asked() {
    let running = running();
    let table: &[(&str, bool)] = &[
        ("/bins?plant=ghent", true),
        ("/bins?plant=brno&other=1", true),
        ("/bins?plant=%67hent", true),
        ("/bins", false),
        ("/bins?plant=", false),
        ("/bins?plant=lyon", false),
        ("/bins?plant=ghent&plant=lyon", false),
        ("/bins?plant=ghent&plant=ghent", false),
        ("/bins?plant=ghent&Plant=lyon", false),
        ("/bins?plant=ghent&plant[]=lyon", false),
        ("/bins?plant=ghent&plant%5B0%5D=lyon", false),
        ("/bins?plant=ghent;plant=lyon", false),
        ("/bins?plant=ghent&%20plant=lyon", false),
        ("/bins?Plant=ghent", false),
        ("/bins?plant=ghent&plant%00=lyon", false),
        ("/bins?plant=ghent&%00plant=lyon", false),
        ("/bins?plant=ghent&pl.ant=lyon", false),
        ("/bins?plant=ghent&pl_ant=lyon", false),
        ("/bins?plant=ghent,lyon", false),
        ("/sites/ghent/parts", true),
        ("/sites/lyon/parts", false),
        ("/sites/Ghent/parts", false),
        ("/sites/ghent%20/parts", false),
        // Nothing in this operation tells rows apart.
        ("/parts/7", false),
    ];
    for (path, passes) in table {
        let expected = if *passes { (200, String::new()) } else { (403, "FAB4128".to_owned()) };
        assert_eq!(portal(&running, path, &[]), expected, "{path}");
    }
    assert_eq!(running.upstream.requests(), table.iter().filter(|(_, passes)| *passes).count());
    let answer = send_as("portal", &mut running.client(), "GET", "/free/v1/bins", &[], "");
    assert!(answer.text().contains("the grant covers only `ghent`, `brno`"), "{}", answer.text());
}

#[test]
fn members_are_taken_out_of_answers() {
    let running = running();
    let list = "GET";
    let long = format!("200|Content-Type: application/json|[{}1]", "1, ".repeat(1000));
    let table: &[(&str, u16, &str)] = &[
        (
            r#"200|Content-Type: application/json|[{"a": 1.50, "weight": 2}, {"UnitPrice": 1, "b": [{"unit-price": {"x": 1}}]}]"#,
            200,
            r#"[{"a":1.50},{"b":[{}]}]"#,
        ),
        (
            r#"404|Content-Type: application/problem+json|{"weight": "secret", "detail": "no"}"#,
            404,
            r#"{"detail":"no"}"#,
        ),
        ("200|Content-Type: application/json|{\"a\": 1, \"a\": 2}", 502, "FAB4129"),
        ("200|Content-Type: text/csv|weight;1", 502, "FAB4129"),
        ("200|Content-Type: application/json|Content-Encoding: br|{}", 502, "FAB4129"),
        (&long, 502, "FAB4129"),
        ("200|Content-Type: application/json|Content-Length: 90|[", 502, "FAB4052"),
        ("304|ETag: x|", 304, ""),
        // A part of an answer does not say of which member it is.
        ("206|Content-Type: application/json|Content-Range: bytes 5-9/40|12.50", 502, "FAB4129"),
    ];
    for (say, status, expected) in table {
        let mut client = running.client();
        let answer = send_as("supplier", &mut client, list, "/free/v1/parts", &[&format!("X-Say: {say}")], "");
        assert_eq!(answer.status, *status, "{say}");
        if *status == 502 {
            assert_eq!(answer.said().1, *expected, "{say}");
        } else {
            assert_eq!(answer.text(), *expected, "{say}");
        }
    }
    let say = "X-Say: 200|Content-Type: application/json|[]";
    let answer = send_as("supplier", &mut running.client(), "HEAD", "/free/v1/parts", &[say], "");
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("content-length"), Some("2"), "its length would tell");
    // Another consumer of the same interface gets the same answer untouched.
    let say = "X-Say: 200|Content-Type: application/json|{ \"weight\": 2 }";
    let answer = send_as("shop", &mut running.client(), "GET", "/free/v1/parts", &[say], "");
    assert_eq!(answer.text(), "{ \"weight\": 2 }");
}

#[test]
fn members_are_refused_in_what_is_asked_and_given() {
    let running = running();
    let echo = "X-Say: 200|Content-Type: application/json|*";
    let path = "/free/v1/parts?day=2026-11-23";
    let deep = r#"{"parts": [{"a/b": {"Weight": 1}}]}"#;
    let long = format!("[\"{}\"]", "x".repeat(3000));
    // Headers, the body, what is said, and a part of it.
    type Case<'a> = (&'a [&'a str], &'a str, (u16, &'a str), &'a str);
    let table: &[Case<'_>] = &[
        (&[JSON, echo], r#"{"number": "P-1"}"#, (200, ""), r#"{"number":"P-1"}"#),
        (&[JSON, echo], r#"{"weight": 1}"#, (403, "FAB4127"), "\"/weight\""),
        (&[JSON, echo], deep, (403, "FAB4127"), "\"/parts/0/a~1b/Weight\""),
        (&[JSON, echo], r#"{"weight": 1, "weight": 2}"#, (400, "FAB4032"), ""),
        (&["Content-Type: text/plain", echo], "weight=1", (403, "FAB4127"), ""),
        (&[JSON, "Content-Encoding: gzip", echo], "{}", (403, "FAB4127"), ""),
        // Changes name members in values.
        (
            &["Content-Type: application/json-patch+json", echo],
            r#"[{"op": "copy", "from": "/weight", "path": "/note"}]"#,
            (403, "FAB4127"),
            "",
        ),
        (&["Content-Type: application/merge-patch+json", echo], r#"{"weight": null}"#, (403, "FAB4127"), "\"/weight\""),
        // Two kinds of body in one request.
        (&[JSON, "Content-Type: application/x-www-form-urlencoded", echo], "{}", (400, "FAB4005"), ""),
        (&[JSON, echo], &long, (403, "FAB4127"), ""),
    ];
    for (headers, body, (status, code), part) in table {
        let answer = send_as("supplier", &mut running.client(), "POST", path, headers, body);
        assert_eq!(answer.said(), (*status, (*code).to_owned()), "{body}: {}", answer.text());
        assert!(answer.text().contains(part), "{body}: {}", answer.text());
    }
    for query in [
        "unitPrice[gt]=5",
        "filter[unit_price][gt]=5",
        "unit_price__gt=5",
        "part.unit_price=5",
        "sort=-unit_price",
        "fields=number,weight",
        "$select=weight",
        "ordering=-unit_price",
        "sort_order=weight",
        "columns=weight",
        "include=weight",
        "q=unit_price:[100%20TO%20*]",
        "note=weight%3E5",
        "min_unit_price=5",
        "unitPriceMax=5",
        "sort=unit_price_desc",
        // What the contract does not have may ask by anything.
        "lookup=5",
        "x=1;weight=5",
    ] {
        let path = format!("/free/v1/parts?{query}");
        let asked = send_as("supplier", &mut running.client(), "GET", &path, &[], "");
        assert_eq!(asked.said(), (403, "FAB4127".to_owned()), "{query}");
    }
    let asked = send_as("supplier", &mut running.client(), "GET", "/free/v1/parts?tag=weight&limit=7", &[echo], "");
    assert_ne!(asked.said().1, "FAB4127", "a value is not a name");
    // Where the contract is enforced too, what the grant leaves out comes first.
    let both = send_as("supplier", &mut running.client(), "POST", "/new/v1/parts", &[JSON], r#"{"weight": "x"}"#);
    assert_eq!(both.said(), (403, "FAB4127".to_owned()));
    let unfit = send_as("supplier", &mut running.client(), "POST", "/new/v1/parts?day=2026-11-23", &[JSON], "{}");
    assert_eq!(unfit.said().1, "FAB4120");
}

#[test]
fn nothing_goes_around_a_grant_through_a_websocket() {
    let running = running();
    let ask = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"];
    let status = |consumer, path| send_as(consumer, &mut running.client(), "GET", path, &ask, "").status;
    assert_eq!(status("shop", "/free/v1/sites/ghent/socket"), 101, "where nothing is left out");
    assert_eq!(status("portal", "/free/v1/sites/ghent/socket"), 426);
    assert_eq!(status("portal", "/free/v1/sites/lyon/socket"), 403);
    assert_eq!(status("shop", "/kept/v1/sites/ghent/socket"), 426, "where answers are enforced");
}
