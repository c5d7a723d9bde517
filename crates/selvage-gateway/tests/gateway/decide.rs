//! Decisions as tables: pure, no socket.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use jiff::Timestamp;
use selvage_gateway::{Head, Plan, Snapshot, decide};
use selvage_model::access::AccessState;

use super::fabric::{access, contracted, fabric, key, snapshot, try_compile};

/// What is decided about a request, in a line.
fn decided(snapshot: &Snapshot, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("gateway.test"));
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let head =
        Head { method: &method, authority: None, path, query, version: Version::HTTP_11, headers: &map, client: None };
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    match decide(snapshot, &head, now) {
        Plan::Proxy { permit, rest, .. } => {
            let overdue = if permit.overdue { " overdue" } else { "" };
            format!("proxy {} {} {} {rest}{overdue}", permit.consumer, permit.interface(), permit.operation())
        }
        Plan::Mediate { permit, verb, id, key } => {
            let overdue = if permit.overdue { " overdue" } else { "" };
            format!("mediate {} {} {verb} {id:?} {key:?}{overdue}", permit.consumer, permit.interface())
        }
        Plan::Publish { permit } => format!("publish {} {}", permit.consumer, permit.interface()),
        Plan::Pull { permit, group } => format!("pull {} {} {group:?}", permit.consumer, permit.interface()),
        Plan::Webhook { rest, .. } => format!("webhook {rest}"),
        Plan::Look { consumer, id } => format!("look {consumer} {id}"),
        Plan::Allow(allow) => format!("allow {}", allow.unwrap().to_str().unwrap()),
        Plan::Probe(probe) => format!("{probe:?}"),
        Plan::Page(code) => format!("page {code}"),
        Plan::Token => "token".to_owned(),
        Plan::Document(document) => format!("{document:?}"),
        Plan::Refuse(refusal) => {
            let shadow = if refusal.shadow { " shadow" } else { "" };
            let problem = &refusal.problem;
            let consumer = refusal.consumer.map(|consumer| format!(" {consumer}")).unwrap_or_default();
            format!("{} {}{shadow}{consumer}", problem.status, problem.code)
        }
    }
}

fn table(by: &str, rows: &[(&str, &str, &str)]) {
    let snapshot = snapshot("127.0.0.1:1");
    let bearer = format!("Bearer {}", key(by));
    let headers = [("authorization", bearer.as_str())];
    for (method, path, expected) in rows {
        assert_eq!(decided(&snapshot, method, path, &headers), *expected, "{by}: {method} {path}");
    }
}

#[test]
fn only_what_is_declared_passes() {
    table(
        "shop",
        &[
            ("GET", "/stock/v1/items", "proxy shop stock@1 list-items /items"),
            ("GET", "/stock/v1/items/42", "proxy shop stock@1 get-item /items/42"),
            ("HEAD", "/stock/v1/items/42", "proxy shop stock@1 get-item /items/42"),
            ("PUT", "/stock/v1/items/a%20b", "proxy shop stock@1 put-item /items/a%20b"),
            ("GET", "/stock/v1/items/42/picture?size=2", "proxy shop stock@1 get-picture /items/42/picture"),
            ("DELETE", "/stock/v1/items/42", "403 FAB4021 shop"),
            ("POST", "/stock/v1/items", "405 FAB4002 shadow"),
            ("PROPFIND", "/stock/v1/items", "405 FAB4002 shadow"),
            ("OPTIONS", "/stock/v1/items/42", "allow GET, PUT, DELETE, HEAD, OPTIONS"),
            ("OPTIONS", "/stock/v1/nothing", "404 FAB4001 shadow"),
            ("GET", "/stock/v1", "404 FAB4001 shadow"),
            ("GET", "/stock/v1/", "404 FAB4001 shadow"),
            ("GET", "/stock/v1/items/", "404 FAB4001 shadow"),
            ("GET", "/stock/v1//items", "404 FAB4001 shadow"),
            ("GET", "/stock/v1/ITEMS", "404 FAB4001 shadow"),
            ("GET", "/stock/v1/items/42/admin", "404 FAB4001 shadow"),
            ("GET", "/stock/v2/items", "404 FAB4001 shadow"),
            ("GET", "/stock/v01/items", "404 FAB4001 shadow"),
            ("GET", "/stock", "404 FAB4001 shadow"),
            ("GET", "/", "404 FAB4001 shadow"),
            ("GET", "", "404 FAB4001 shadow"),
            ("OPTIONS", "*", "404 FAB4001 shadow"),
            ("GET", "/metrics", "404 FAB4001 shadow"),
        ],
    );
}

#[test]
fn treacherous_paths_do_not_pass() {
    table(
        "shop",
        &[
            ("GET", "/stock/v1/items/..", "400 FAB4005"),
            ("GET", "/stock/v1/items/%2e%2e", "400 FAB4005"),
            ("GET", "/stock/v1/items/..%2fadmin", "400 FAB4005"),
            ("GET", "/stock/v1/items/..;a=b", "400 FAB4005"),
            ("GET", "/stock/v1/items/%252e%252e%252fadmin", "400 FAB4005"),
            ("GET", "/stock/v1/items/a%00", "400 FAB4005"),
            ("GET", "/stock/v1/items/%zz", "400 FAB4005"),
            ("GET", "/stock/v1/../v1/items", "400 FAB4005"),
            ("GET", "/stock/../orders/v1/orders", "404 FAB4001 shadow"),
        ],
    );
}

/// What a contract declares beside a path with a parameter is reached by its own operation alone, however its path is spelled.
#[test]
fn no_spelling_of_a_path_is_another_operation() {
    let beside =
        "paths:\n  /items/export:\n    get:\n      operationId: export\n      responses: {'200': {description: All}}\n";
    let snapshot = contracted("127.0.0.1:1", "paths:\n", beside);
    let bearer = format!("Bearer {}", key("shop"));
    for (path, expected) in [
        ("/items/export", "403 FAB4021 shop"),
        ("/items/%65xport", "400 FAB4005"),
        ("/items/e%78port", "400 FAB4005"),
        ("/items/export;a=b", "400 FAB4005"),
        ("/items/export%3bx", "400 FAB4005"),
        ("/items/;x", "400 FAB4005"),
        ("/items/exports", "proxy shop stock@1 get-item /items/exports"),
        ("/items/a;b", "proxy shop stock@1 get-item /items/a;b"),
        ("/items/%34%32", "proxy shop stock@1 get-item /items/%34%32"),
        ("/items/a%2Db%7Ec", "proxy shop stock@1 get-item /items/a%2Db%7Ec"),
    ] {
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(decided(&snapshot, "GET", &format!("/stock/v1{path}"), &headers), expected, "{path}");
    }
}

#[test]
fn grants_open_what_they_name() {
    table(
        "stranger",
        &[
            ("GET", "/stock/v1/items", "403 FAB4020 stranger"),
            ("GET", "/orders/v1/orders", "403 FAB4020 stranger"),
            ("POST", "/orders/v1/orders", "403 FAB4020 stranger"),
        ],
    );
    table(
        "past",
        &[
            ("GET", "/stock/v1/items", "403 FAB4022 past"),
            ("GET", "/stock/v1/items/1", "403 FAB4020 past"),
            // INVARIANT: FAIL-SAFE
            ("GET", "/old-stock/v1/items", "proxy past old-stock@1 list-items /items overdue"),
            ("GET", "/orders/v1/orders", "mediate past orders@1 list None None overdue"),
        ],
    );
}

#[test]
fn a_caller_without_a_valid_key_learns_nothing_about_grants() {
    for (by, code) in
        [("nobody", "FAB4011"), ("expired", "FAB4012 shop"), ("revoked", "FAB4012 shop"), ("operator", "FAB4011")]
    {
        let expected = format!("401 {code}");
        let refused = expected.as_str();
        table(
            by,
            &[
                ("GET", "/stock/v1/items", refused),
                ("DELETE", "/stock/v1/items/1", refused),
                ("POST", "/orders/v1/orders", refused),
                ("GET", "/gone-stock/v1/items", refused),
                ("GET", "/shut-stock/v1/items", refused),
                ("GET", "/operations/op_00000000000000000000000000000007", refused),
            ],
        );
    }
}

#[test]
fn keys_come_in_two_headers() {
    let snapshot = snapshot("127.0.0.1:1");
    let (key, bearer, lower) = (key("shop"), format!("Bearer {}", key("shop")), format!("bearer  {}", key("shop")));
    let passes = "proxy shop stock@1 list-items /items";
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[], "401 FAB4010"),
        (&[("authorization", &bearer)], passes),
        (&[("authorization", &lower)], passes),
        (&[("x-api-key", &key)], passes),
        (&[("authorization", "Basic dXNlcjp3b3Jk")], "401 FAB4010"),
        (&[("authorization", "Basic dXNlcjp3b3Jk"), ("x-api-key", &key)], passes),
        (&[("authorization", "Bearer wrong"), ("x-api-key", &key)], "400 FAB4186"),
        (&[("authorization", &bearer), ("x-api-key", &key)], passes),
        (&[("authorization", "Bearer")], "401 FAB4010"),
        (&[("authorization", "Bearer ")], "401 FAB4011"),
        (&[("authorization", &key)], "401 FAB4010"),
    ];
    for (headers, expected) in rows {
        assert_eq!(decided(&snapshot, "GET", "/stock/v1/items", headers), *expected, "{headers:?}");
    }
}

#[test]
fn lives_act_on_traffic() {
    table(
        "stranger",
        &[
            ("GET", "/gone-stock/v1/items", "410 FAB4003 stranger"),
            ("GET", "/gone-stock/v1/whatever", "410 FAB4003 stranger"),
            ("GET", "/shut-stock/v1/items", "403 FAB4004 stranger"),
        ],
    );
    table("shop", &[("GET", "/old-stock/v1/items", "proxy shop old-stock@1 list-items /items")]);
}

#[test]
fn objects_hang_at_their_plural() {
    let snapshot = snapshot("127.0.0.1:1");
    let bearer = format!("Bearer {}", key("shop"));
    let long = "k".repeat(256);
    let rows: &[(&str, &str, &[&str], &str)] = &[
        ("GET", "/orders/v1/orders?limit=2", &[], "mediate shop orders@1 list None None"),
        ("GET", "/orders/v1/orders/o-1", &["ignored"], "mediate shop orders@1 get Some(\"o-1\") None"),
        ("GET", "/orders/v1/orders/WH%2FMO%2F1", &[], "mediate shop orders@1 get Some(\"WH/MO/1\") None"),
        ("GET", "/orders/v1/orders/%ff", &[], "400 FAB4005 shop"),
        ("GET", "/orders/v1/orders/%00", &[], "400 FAB4005 shop"),
        ("POST", "/orders/v1/orders", &["k-1"], "mediate shop orders@1 create None Some(\"k-1\")"),
        ("POST", "/orders/v1/orders/o-1/release", &["k"], "mediate shop orders@1 release Some(\"o-1\") Some(\"k\")"),
        ("POST", "/orders/v1/orders", &[], "400 FAB4030 shop"),
        ("POST", "/orders/v1/orders/o-1/release", &[], "400 FAB4030 shop"),
        ("POST", "/orders/v1/orders", &[""], "400 FAB4031 shop"),
        ("POST", "/orders/v1/orders", &["a b"], "400 FAB4031 shop"),
        ("POST", "/orders/v1/orders", &[&long], "400 FAB4031 shop"),
        ("POST", "/orders/v1/orders", &["a", "a"], "400 FAB4031 shop"),
        ("POST", "/orders/v1/orders/o-1/report", &["k"], "404 FAB4001 shadow"),
        ("POST", "/orders/v1/orders/o-1/start", &["k"], "404 FAB4001 shadow"),
        ("PUT", "/orders/v1/orders/o-1", &["k"], "405 FAB4002 shadow"),
        ("OPTIONS", "/orders/v1/orders", &[], "allow GET, POST, HEAD, OPTIONS"),
        ("GET", "/orders/v1/order", &[], "404 FAB4001 shadow"),
    ];
    for (method, path, keys, expected) in rows {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        assert_eq!(decided(&snapshot, method, path, &headers), *expected, "{method} {path} {keys:?}");
    }
}

#[test]
fn paths_of_the_gateway_itself() {
    table(
        "shop",
        &[
            ("GET", "/livez", "Live"),
            ("HEAD", "/readyz", "Ready"),
            ("GET", "/errors/FAB4001", "page FAB4001"),
            ("POST", "/errors/FAB4001", "404 FAB4001 shadow"),
            ("POST", "/livez", "404 FAB4001 shadow"),
            ("GET", "/operations/op_00000000000000000000000000000007", "look shop op_00000000000000000000000000000007"),
            ("GET", "/operations/7", "404 FAB4054 shop"),
            ("DELETE", "/operations/op_00000000000000000000000000000007", "405 FAB4002"),
            ("GET", "/operations", "404 FAB4001 shadow"),
        ],
    );
}

#[test]
fn ambiguous_heads_are_refused_before_anything_else() {
    let snapshot = snapshot("127.0.0.1:1");
    for headers in [
        &[("host", "other.test")][..],
        &[("transfer-encoding", "chunked"), ("content-length", "3")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
    ] {
        assert_eq!(decided(&snapshot, "POST", "/stock/v1/upload", headers), "400 FAB4005", "{headers:?}");
    }
}

#[test]
fn what_a_person_ended_is_ended_at_once() {
    let fabric = fabric("127.0.0.1:1");
    let AccessState { revision, credentials, mut grants, blocks, subscriptions } = access(&fabric);
    let bearer = format!("Bearer {}", key("shop"));
    let headers = [("authorization", bearer.as_str())];
    // Even a time to come, by a clock that runs ahead of this one. INVARIANT: REVOKED-NOW
    for grant in &mut grants {
        grant.ended = Some("2030-01-01T00:00:00Z".parse().unwrap());
    }
    let ended = AccessState { revision, credentials, grants, blocks, subscriptions };
    let snapshot = try_compile(&fabric, &ended, "dev").unwrap();
    assert_eq!(decided(&snapshot, "GET", "/stock/v1/items", &headers), "403 FAB4022 shop");
    assert_eq!(decided(&snapshot, "GET", "/orders/v1/orders", &headers), "403 FAB4022 shop");
}
