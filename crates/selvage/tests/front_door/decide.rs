//! `selvage decide`: by a directory, by a store, by a node; the same answer as a request gets.

use std::path::Path;

use serde_json::Value;

use crate::fixture::{Place, sample, selvage, stdout};

fn stage<'a>(said: &'a Value, name: &str) -> &'a Value {
    said["stages"].as_array().unwrap().iter().find(|decided| decided["stage"] == name).unwrap()
}

#[test]
fn a_directory_decides_by_the_grants_that_it_asks_for() {
    let fabric = sample().display().to_string();
    let decide = |consumer: &str, path: &str, more: &[&str]| {
        selvage(&[&["decide", "--as", consumer, "GET", path, "--fabric", &fabric], more].concat())
    };
    let passes = decide("mes-ghent", "/production-orders/v1/production-orders", &["--json"]);
    assert!(passes.status.success(), "{}", String::from_utf8_lossy(&passes.stderr));
    let said: Value = serde_json::from_str(&stdout(&passes)).unwrap();
    assert!(stage(&said, "grant")["because"].as_str().unwrap().starts_with("consumers.yaml:"), "{said}");
    assert_eq!(stage(&said, "scope")["because"], "`site` is \"ghent\", without `origin`");
    let limits = stage(&said, "limits")["because"].as_str().unwrap();
    assert!(limits.starts_with("the grant at most 20 in 1 s, the interface at most 200 in 1 s"), "{limits}");

    let refused = decide("mes-ghent", "/products/v1/products", &[]);
    assert_eq!(refused.status.code(), Some(1));
    let text = stdout(&refused);
    assert!(text.contains("grant") && text.contains("refused with 403 FAB4020"), "{text}");

    let over = decide("planning", "/products/v1/products", &["--at", "2030-01-01T00:00:00Z"]);
    assert!(stdout(&over).contains("refused with 403 FAB4022"), "{}", stdout(&over));
    assert!(stdout(&over).contains("the directory is that of now"), "{}", stdout(&over));
    assert!(!text.contains("of now"), "nothing is said where no time is asked for: {text}");

    let day = decide("planning", "/products/v1/products", &["--at", "2030-01-01"]);
    assert_eq!(stdout(&day), stdout(&over), "a day is its beginning");

    let unknown = decide("mes-gent", "/products/v1/products", &[]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `mes-ghent`?"));
    for wrong in [&["decide", "GET", "/x"][..], &["decide", "--as", "planning", "GET", "x"]] {
        assert_eq!(selvage(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_decides_by_what_is_alive() {
    let place = Place::new().await;
    let store = place.data();
    place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let node = served.metrics.trim_end_matches("/metrics");
    let decide = |path: &str| {
        let arguments = ["decide", "--as", "shop-floor-board", "GET", path, "--node", node, "--json"];
        serde_json::from_str::<Value>(&stdout(&selvage(&arguments))).unwrap()
    };
    let passes = decide("/inventory/v2/inventory-positions");
    assert_eq!(stage(&passes, "plan")["verdict"], "passed", "{passes}");
    assert!(stage(&passes, "grant")["because"].as_str().unwrap().starts_with("grt_"), "{passes}");
    assert_eq!(decide("/stock-levels/v1/")["code"], "FAB4003");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_decision_is_made_again_by_what_was_then() {
    let place = Place::new().await;
    let store = place.data();
    place.key(&store, "shop-floor-board");
    drop(place.serve(&store, &[]));
    let run = |arguments: &[&str]| {
        selvage(&arguments.iter().copied().chain(store.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let decide = |at: &str| {
        let path = "/inventory/v2/inventory-positions";
        run(&["decide", "--as", "shop-floor-board", "GET", path, "--json", "--at", at])
    };
    let said = |at: &str| serde_json::from_str::<Value>(&stdout(&decide(at))).unwrap();
    let before = jiff::Timestamp::now().to_string();
    let passed = said(&before);
    assert_eq!(stage(&passed, "plan")["verdict"], "passed", "{passed}");
    // It says what it was judged by, and what it does not judge.
    let grounds = |said: &Value| said["grounds"].as_array().unwrap().clone();
    let first = grounds(&passed)[0].as_str().unwrap().to_owned();
    assert!(first.starts_with("the release, keys, grants and blocks are those of 20"), "{first}");
    assert!(grounds(&passed)[1].as_str().unwrap().starts_with("who asks is taken for granted"));

    // Grants end and another directory is served: what was decided then stays what it was.
    let listed = stdout(&run(&["grant", "list"]));
    for line in listed.lines().filter(|line| line.contains("shop-floor-board") && line.contains("inventory@2")) {
        let id = line.split_whitespace().next().unwrap();
        assert!(run(&["grant", "end", id, "--because", "over"]).status.success());
    }
    place.edit("interfaces.yaml", "name: inventory\n", "name: inventory\non_partition: refuse\n");
    drop(place.serve(&store, &[]));
    let refused = said(&jiff::Timestamp::now().to_string());
    assert!(refused["code"].as_str().unwrap().starts_with("FAB402"), "{refused}");
    assert_ne!(refused["release"], passed["release"]);
    assert_eq!(said(&before), passed);

    let unknown = decide("2020-01-01T00:00:00Z");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("FAB7120"), "{unknown:?}");
}

/// What refuses a request behind the decision is told as well, as far as its head tells it.
#[test]
fn rows_and_contracts_refuse_what_is_decided_about() {
    let place = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../selvage-gateway/tests/gateway/data");
    let manifests = std::fs::read_to_string(data.join("contracts.yaml")).unwrap();
    // What lint finds there is meant for other tests: an operation that tells no rows apart, a member that is none.
    let manifests = manifests
        .replace("[site-parts, site-socket, list-bins, get-part]", "[site-parts, list-bins]")
        .replace("except: [unit_price, weight]", "except: [weight]");
    std::fs::write(place.path().join("fabric.yaml"), manifests.replace("UPSTREAM", "127.0.0.1:9")).unwrap();
    std::fs::create_dir(place.path().join("contracts")).unwrap();
    for contract in ["parts-3.0.yaml", "parts-3.1.yaml"] {
        std::fs::copy(data.join(contract), place.path().join("contracts").join(contract)).unwrap();
    }
    let fabric = place.path().display().to_string();
    let decide = |consumer: &str, path: &str| {
        selvage(&["decide", "--as", consumer, "GET", path, "--fabric", &fabric, "--env", "dev"])
    };
    for (consumer, path, said) in [
        ("portal", "/free/v1/bins?plant=lyon", "refused with 403 FAB4128"),
        ("shop", "/new/v1/parts?limit=many", "refused with 400 FAB4120"),
    ] {
        let refused = decide(consumer, path);
        let text = stdout(&refused);
        assert_eq!(refused.status.code(), Some(1), "{path}: {text}{}", String::from_utf8_lossy(&refused.stderr));
        assert!(text.contains(said), "{path}: {text}");
    }
    for (consumer, path) in [("portal", "/free/v1/bins?plant=ghent"), ("shop", "/new/v1/parts?limit=1")] {
        let passes = decide(consumer, path);
        assert!(passes.status.success(), "{path}: {}", stdout(&passes));
    }
}
