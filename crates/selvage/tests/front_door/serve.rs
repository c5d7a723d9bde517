//! `selvage serve` through its ports: access, lifecycle, changes of the directory, revocation, the console.

use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};

use crate::fixture::{Place, eventually, selvage, selvage_with, stdout};

const ORDERS: &str = "/production-orders/v1/production-orders";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_created_once_reported_short_and_seen_by_its_plant_only() {
    let place = Place::new().await;
    let store = place.data();
    let (planning, ghent, brno) =
        (place.key(&store, "planning"), place.key(&store, "mes-ghent"), place.key(&store, "mes-brno"));
    let served = place.serve(&store, &[]);
    let client = Client::new();
    let orders = format!("{}{ORDERS}", served.base);
    let body =
        json!({"product": "BIK-1", "quantity": {"value": "4", "unit": "1"}, "site": "ghent", "origin": "front-door"});
    let post = |url: String, key: String, idempotency: &'static str, body: Value| {
        let client = client.clone();
        async move {
            let request = client.post(url).bearer_auth(key).header("idempotency-key", idempotency).json(&body);
            request.send().await.unwrap()
        }
    };

    let first = post(orders.clone(), planning.clone(), "k1", body.clone()).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let location = first.headers()["location"].to_str().unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    let second = post(orders.clone(), planning.clone(), "k1", body.clone()).await;
    assert_eq!(second.status(), StatusCode::CREATED);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.json::<Value>().await.unwrap(), first);
    let id = first["id"].as_str().unwrap();
    assert_eq!(location, format!("{ORDERS}/{id}"));

    let other = json!({"product": "BIK-1", "quantity": {"value": "5", "unit": "1"}, "site": "ghent"});
    assert_eq!(post(orders.clone(), planning.clone(), "k1", other).await.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let released = post(format!("{orders}/{id}/release"), planning.clone(), "k2", json!({})).await;
    assert_eq!(released.status(), StatusCode::OK);
    let report = json!({"quantity": {"value": "3", "unit": "1"}, "lot": "FD-1", "remainder": "backorder"});
    let foreign = post(format!("{orders}/{id}/report"), brno.clone(), "k3", report.clone()).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "an order of another plant does not exist");
    let reported = post(format!("{orders}/{id}/report"), ghent.clone(), "k3", report).await;
    let status = reported.status();
    let reported: Value = reported.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{reported}");
    assert_eq!(reported["status"], "done");

    let get = |key: String, path: String| {
        let client = client.clone();
        async move { client.get(path).bearer_auth(key).send().await.unwrap() }
    };
    let seen: Value = get(brno.clone(), orders.clone()).await.json().await.unwrap();
    let items = seen["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|item| item["site"] == "brno"), "{seen}");
    let seen: Value = get(ghent.clone(), format!("{orders}?limit=500")).await.json().await.unwrap();
    assert!(
        seen["items"].as_array().unwrap().iter().all(|item| item.get("origin").is_none()),
        "`except` leaves it out"
    );
    let refused = get(place.key(&store, "shop-floor-board"), orders).await;
    assert!(refused.status() == StatusCode::UNAUTHORIZED || refused.status() == StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_and_changes_act_on_traffic_at_once() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &["--watch"]);
    let client = Client::new();
    let get = |path: &'static str| {
        let request = client.get(format!("{}{path}", served.base)).bearer_auth(&board);
        async move { request.send().await.unwrap() }
    };

    let deprecated = get("/legacy-stock/v1/").await;
    assert_eq!(deprecated.status(), StatusCode::OK);
    assert!(deprecated.headers().contains_key("deprecation") && deprecated.headers().contains_key("sunset"));
    let retired = get("/stock-levels/v1/").await;
    assert_eq!(retired.status(), StatusCode::GONE);
    assert!(retired.headers()["link"].to_str().unwrap().contains("</inventory/v2/inventory-positions>"));
    let problem: Value = retired.json().await.unwrap();
    let page = client.get(format!("{}{}", served.base, problem["type"].as_str().unwrap())).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "the problem's type leads to its page");

    place.edit("interfaces.yaml", "lifecycle: deprecated\n", "lifecycle: retired\n");
    place.edit(
        "interfaces.yaml",
        "deprecation: {since: 2026-09-01, sunset: 2027-03-01, successor: inventory@2}\n",
        "successor: inventory@2\n",
    );
    eventually("a retired interface answers 410", || async {
        (get("/legacy-stock/v1/").await.status() == StatusCode::GONE).then_some(())
    })
    .await;

    // What is wrong changes nothing.
    place.edit("interfaces.yaml", "name: inventory\n", "name: Inventory of everything\n");
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert_eq!(get("/inventory/v2/inventory-positions").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_within_a_second() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let client = Client::new();
    let status = || async {
        client
            .get(format!("{}/inventory/v2/inventory-positions", served.base))
            .bearer_auth(&board)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(status().await, StatusCode::OK);
    let listed = stdout(&selvage(&["key", "list", "--data", &place.path("data").display().to_string()]));
    assert!(!listed.contains(&board), "a list never shows a key");
    let id = listed.lines().find(|line| line.contains("shop-floor-board")).unwrap().split_whitespace().next().unwrap();
    let data = place.path("data").display().to_string();
    let revoked = selvage(&["key", "revoke", id, "--because", "a test", "--data", &data]);
    assert!(revoked.status.success());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    let ledger = selvage(&["ledger", "verify", "--data", &data]);
    assert!(ledger.status.success(), "{}", stdout(&ledger));
    assert!(stdout(&selvage(&["ledger", "list", "--data", &data])).contains("key.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_followed_whatever_becomes_of_it() {
    let place = Place::new().await;
    // What grants to consumers of another file would be wrong without that file, and the directory not taken at all.
    std::fs::remove_file(place.fabric().join("library.yaml")).unwrap();
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    std::fs::write(place.fabric().join("notes.txt"), "the password is hunter2").unwrap();
    let served = place.serve(&store, &["--watch"]);
    let client = Client::new();
    let status = |path: &'static str| {
        let request = client.get(format!("{}{path}", served.base)).bearer_auth(&board);
        async move { request.send().await.unwrap().status() }
    };
    let until = |path: &'static str, wanted: StatusCode| async move {
        eventually(path, || async { (status(path).await == wanted).then_some(()) }).await;
    };
    let (stock, positions) = ("/legacy-stock/v1/", "/inventory/v2/inventory-positions");

    // A file that is away for a moment ends no grant: those would not come back.
    let (consumers, aside) = (place.fabric().join("consumers.yaml"), place.path("consumers.aside"));
    std::fs::rename(&consumers, &aside).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert_eq!(status(positions).await, StatusCode::OK);
    std::fs::rename(&aside, &consumers).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(status(positions).await, StatusCode::OK);

    // Another directory takes its name.
    std::fs::rename(place.fabric(), place.path("before")).unwrap();
    crate::fixture::copy(&place.path("before"), &place.fabric());
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let retire = |file: &str| {
        place.edit(file, "lifecycle: deprecated\n", "lifecycle: retired\n");
        let deprecation = "deprecation: {since: 2026-09-01, sunset: 2027-03-01, successor: inventory@2}\n";
        place.edit(file, deprecation, "successor: inventory@2\n");
    };
    // Somebody else writes there without end.
    let noise = place.fabric().join("noise.log");
    let noisy = tokio::spawn(async move {
        for number in 0..u32::MAX {
            let _ = std::fs::write(&noise, number.to_string());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    retire("interfaces.yaml");
    until(stock, StatusCode::GONE).await;
    noisy.abort();

    // A grant that stays away ends.
    std::fs::remove_file(&consumers).unwrap();
    until(positions, StatusCode::FORBIDDEN).await;
    for file in ["selvage.db", "selvage.db-wal"] {
        let bytes = std::fs::read(place.path("data").join(file)).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{file} holds what is no manifest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_environment_serves_no_directory() {
    let place = Place::new().await;
    let fabric = place.fabric().display().to_string();
    let data = place.path("data").display().to_string();
    for (environment, code) in [("prod", "FAB8001"), ("nowhere", "FAB8002")] {
        let output = selvage(&["serve", "--fabric", &fabric, "--env", environment, "--data", &data]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(code), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_for_operators_and_metrics_are_apart() {
    let place = Place::new().await;
    let store = place.data();
    let data = place.path("data").display().to_string();
    let consumer = place.key(&store, "planning");
    let operator = stdout(&selvage(&["operator", "add", "ann", "--data", &data])).trim().to_owned();
    let served = place.serve(&store, &[]);
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let login = |key: String| {
        let form = format!("key={key}");
        let request = client
            .post(format!("{}/login", served.console))
            .header("content-type", "application/x-www-form-urlencoded");
        async move { request.body(form).send().await.unwrap() }
    };
    assert_eq!(login(consumer).await.status(), StatusCode::UNAUTHORIZED, "a consumer's key opens no console");
    let entered = login(operator.clone()).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    let page = client.get(&served.console).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    for expected in ["velo-works", "production-orders@1", "legacy-stock@1", "retired", "wms-central"] {
        assert!(page.contains(expected), "{expected} is missing");
    }
    let metrics = client.get(&served.metrics).send().await.unwrap();
    assert_eq!(metrics.status(), StatusCode::OK);
    let metrics = metrics.text().await.unwrap();
    for expected in ["selvage_gateway_access_revision", "selvage_system_calls_limit{system=\"odoo\""] {
        assert!(metrics.contains(expected), "{expected} is missing in {metrics}");
    }
    assert_eq!(client.get(format!("{}/metrics", served.base)).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    for probe in ["/livez", "/readyz"] {
        assert_eq!(client.get(format!("{}{probe}", served.base)).send().await.unwrap().status(), StatusCode::OK);
    }
    let listed = stdout(&selvage(&["key", "list", "--data", &data]));
    let id = listed.lines().find(|line| line.contains("operator ann")).unwrap().split_whitespace().next().unwrap();
    let revoke = ["key", "revoke", id, "--because", "a test", "--data", &data];
    assert!(!selvage(&revoke).status.success(), "an operator's key is taken back with a key");
    assert!(selvage_with(&revoke, Some(&operator)).status.success());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let after = client.get(&served.console).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::SEE_OTHER, "a session ends with its key");
}

/// INVARIANT: SHIELDED-PATH: what works beside the data path has the processor only where no request waits for it.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_works_beside_the_data_path_stands_behind_it() {
    let place = Place::new().await;
    let served = place.serve(&place.data(), &[]);
    let threads = std::fs::read_dir(format!("/proc/{}/task", served.process.id())).unwrap();
    let mut seen: Vec<(String, i32)> = Vec::new();
    for thread in threads {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(") ").unwrap();
        // `nice` is the nineteenth field, and the first two are gone.
        seen.push((name.to_owned(), rest.split(' ').nth(16).unwrap().parse().unwrap()));
    }
    let of =
        |prefix: &'static str| seen.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(_, nice)| *nice);
    let (data_path, beside) = (of("gateway-").max().unwrap(), of("tokio").min().unwrap());
    assert_eq!(beside - data_path, 5, "{seen:?}");
}
