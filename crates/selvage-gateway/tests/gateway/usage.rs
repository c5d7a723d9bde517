//! What is counted of use, through the port: requests, attributes, last uses, and what nothing declares.

use selvage_model::usage::{UsageCount, Used, Way};

use super::client::authorization;
use super::contracts;
use super::running::Running;

/// `interface consumer operation[ way attribute]` and how often, in order.
fn counted(running: &Running) -> Vec<(String, UsageCount)> {
    let mut all: Vec<_> = running
        .gateway
        .counted()
        .usage()
        .counts
        .into_iter()
        .map(|(key, count)| {
            let consumer = key.consumer.map_or("-".to_owned(), |consumer| consumer.to_string());
            let of = key.attribute.map_or(String::new(), |of| match of.way {
                Way::Asked => format!(" asked {}", of.attribute),
                Way::Sent => format!(" sent {}", of.attribute),
            });
            (format!("{} {consumer} {}{of}", key.interface, key.operation), count)
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

#[test]
fn attributes_are_counted_as_they_are_asked_for_and_sent() {
    let running = Running::start();
    let get = |path: &str| assert_eq!(running.client().get("shop", path).status, 200, "{path}");
    get("/orders/v1/orders?number=O-1&number=O-2&limit=5");
    get("/orders/v1/orders?fields=number,secret");
    get("/orders/v1/orders/o-1");
    let write = |body: &str| {
        let headers = [&authorization("shop"), "Idempotency-Key: k", "Content-Type: application/json"];
        running.client().request("POST", "/orders/v1/orders", &headers.map(|header| header), body.as_bytes()).status
    };
    assert_eq!(write("{\"number\": \"O-1\", \"slv_0123456789\": 1}"), 201);
    running.client().get("stranger", "/orders/v1/orders");
    running.client().get("shop", "/stock/v1/items");
    running.client().get("shop", "/stock/v1/items/missing");
    let count = |requests, refused| UsageCount { requests, refused, failed: 0, planned: 0 };
    let expected = [
        ("orders@1 shop create", count(1, 0)),
        ("orders@1 shop create sent number", count(1, 0)),
        ("orders@1 shop get", count(1, 0)),
        ("orders@1 shop get asked *", count(1, 0)),
        ("orders@1 shop list", count(2, 0)),
        ("orders@1 shop list asked *", count(1, 0)),
        ("orders@1 shop list asked number", count(2, 0)),
        ("orders@1 stranger list", count(1, 1)),
        ("stock@1 shop get-item", count(1, 1)),
        ("stock@1 shop list-items", count(1, 0)),
    ];
    assert_eq!(counted(&running), expected.map(|(name, count)| (name.to_owned(), count)));
}

/// Of an interface whose requests are looked into; of one that passes them unread, only requests.
#[test]
fn attributes_of_direct_interfaces_are_counted_where_requests_are_read_anyway() {
    const JSON: &str = "Content-Type: application/json";
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
    let running = contracts::running();
    let mut client = running.client();
    for interface in ["new", "told", "free"] {
        let mut send = |method: &str, path: &str, headers: &[&str], body: &str| {
            let path = format!("/{interface}/v1/parts{path}");
            contracts::send(&mut client, method, &path, headers, body).status
        };
        assert_eq!(send("GET", "?limit=1&tag=a&tag=d&other=1&at[row]=1&width=2", &[], ""), 200);
        // The first is told by a glance, the second is read for its date, the third is a form.
        assert_eq!(send("POST", "?day=2026-11-23", &[JSON], "{\"number\": \"P-1\", \"weight\": 1}"), 200);
        let made = "{\"number\": \"P-1\", \"weight\": 1, \"made\": \"2026-11-23T06:00:00Z\"}";
        assert_eq!(send("POST", "?day=2026-11-23", &[JSON], made), 200);
        assert_eq!(send("POST", "?day=2026-11-23", &[FORM], "number=P-1&tags=a"), 200);
    }
    let of_attributes: Vec<(String, u64)> = counted(&running)
        .into_iter()
        .filter(|(name, _)| name.contains(" asked ") || name.contains(" sent "))
        .map(|(name, count)| (name, count.requests))
        .collect();
    let expected = ["new@1", "told@1"].map(|interface| {
        [
            ("add-part asked day", 3),
            ("add-part sent made", 1),
            ("add-part sent number", 3),
            ("add-part sent tags", 1),
            ("add-part sent weight", 2),
            ("list-parts asked *", 1),
            ("list-parts asked at", 1),
            ("list-parts asked limit", 1),
            ("list-parts asked tag", 1),
            ("list-parts asked width", 1),
        ]
        .map(|(what, times)| (format!("{interface} shop {what}"), times))
    });
    assert_eq!(of_attributes, expected.concat());
}

#[test]
fn last_uses_are_noted_of_grants_and_keys() {
    let running = Running::start();
    assert!(running.gateway.counted().usage().used.is_empty());
    running.client().get("shop", "/stock/v1/items");
    running.client().get("stranger", "/stock/v1/items");
    let used = running.gateway.counted().usage().used;
    let names: Vec<_> = used.iter().map(|(used, _)| used.clone()).collect();
    assert_eq!(
        names,
        [Used::Grant("grt_0".to_owned()), Used::Key("key_shop".to_owned())],
        "what opened nothing is unused"
    );
    assert!(used.iter().all(|(_, second)| *second > 1_700_000_000));
}

#[test]
fn what_nothing_declares_is_grouped_bounded_and_without_secrets() {
    let running = Running::start();
    let ask = |path: &str| assert_eq!(running.client().get("shop", path).status, 404, "{path}");
    for number in 0..5 {
        ask(&format!("/stock/v9/items/{number}?token=slv_topsecret"));
    }
    ask("/hooks/sk_live_51H8aBcD9eFgH1jK");
    let shadows = running.gateway.counted().usage().shadows;
    let seen: Vec<_> = shadows.iter().map(|(shape, requests, _)| (shape.path.as_str(), *requests)).collect();
    assert_eq!(seen, [("/hooks/{secret}", 1), ("/stock/v9/items/{number}", 5)]);
    assert!(running.gateway.traffic().shadow_samples.iter().all(|sample| !sample.path.contains("sk_live")));

    let (mut client, names) = (running.client(), "abcdefghij");
    for place in 0..2000_usize {
        let letter = |of: usize| names.chars().nth(of % 10).unwrap();
        let path = format!("/{}{}{}{}", letter(place), letter(place / 10), letter(place / 100), letter(place / 1000));
        client.get("shop", &path);
    }
    let shadows = running.gateway.counted().usage().shadows;
    assert!(shadows.len() <= 2 * 513, "{}", shadows.len());
    assert_eq!(shadows.iter().map(|(_, requests, _)| requests).sum::<u64>(), 2006, "each is counted");
}
