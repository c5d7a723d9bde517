//! Keys that take each other's place and grow old, and tokens that Selvage issues for them.

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::fixture::{Place, eventually, selvage, stdout};

const STOCK: &str = "/inventory/v2/inventory-positions?limit=1";

/// Status and code of an answer to who shows this.
async fn asked(base: &str, shown: &str) -> (u16, String) {
    let response = Client::new().get(format!("{base}{STOCK}")).bearer_auth(shown).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn taken() -> (u16, String) {
    (200, String::new())
}

fn ended() -> (u16, String) {
    (401, "FAB4012".to_owned())
}

/// The ids of a consumer's keys, oldest first, each with what the list says of it.
fn listed(place: &Place, consumer: &str) -> Vec<(String, String)> {
    let list = stdout(&selvage(&["key", "list", "--data", &place.path("data").display().to_string()]));
    let lines = list.lines().filter(|line| line.contains(consumer));
    lines.map(|line| (line.split_whitespace().next().unwrap().to_owned(), line.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_takes_another_ones_place_without_a_gap() {
    let place = Place::new().await;
    let data = place.path("data").display().to_string();
    let old = place.key(&place.data(), "shop-floor-board");
    let served = place.serve(&place.data(), &[]);
    let (id, line) = listed(&place, "shop-floor-board").remove(0);
    assert!(line.contains("0d") && line.contains("valid, no end"), "{line}");

    let rotated = selvage(&["key", "rotate", &id, "--days", "30", "--overlap", "1", "--data", &data]);
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let next = stdout(&rotated).trim().to_owned();
    eventually("both count", || async {
        (asked(&served.base, &next).await == taken() && asked(&served.base, &old).await == taken()).then_some(())
    })
    .await;
    let keys = listed(&place, "shop-floor-board");
    assert!(keys.len() == 2 && keys.iter().all(|(_, line)| line.contains("ends ")), "{keys:?}");

    let third = selvage(&["key", "rotate", &keys[1].0, "--data", &data]);
    assert_eq!(third.status.code(), Some(2), "two at a time");
    assert!(selvage(&["key", "revoke", &keys[0].0, "--because", "moved", "--data", &data]).status.success());
    let last = selvage(&["key", "rotate", &keys[1].0, "--overlap", "0", "--data", &data]);
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let last = stdout(&last).trim().to_owned();
    eventually("the one before ends at once", || async {
        (asked(&served.base, &last).await == taken() && asked(&served.base, &next).await == ended()).then_some(())
    })
    .await;
    let gone = selvage(&["key", "rotate", &keys[0].0, "--data", &data]);
    assert_eq!(gone.status.code(), Some(2), "what has ended has no successor");
    let ledger = stdout(&selvage(&["ledger", "list", "--data", &data]));
    assert!(ledger.contains("key.rotated"), "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_refused_when_it_is_too_old() {
    let place = Place::new().await;
    let board = place.key(&place.data(), "shop-floor-board");
    let served = place.serve(&place.data(), &["--watch"]);
    assert_eq!(asked(&served.base, &board).await, taken());
    place.edit("fabric.yaml", "  dev: {}", "  dev: {keys: {max_age: 1s}}");
    eventually("its age counts", || async { (asked(&served.base, &board).await == ended()).then_some(()) }).await;
    place.edit("fabric.yaml", "max_age: 1s", "max_age: 30d");
    eventually("a longer one", || async { (asked(&served.base, &board).await == taken()).then_some(()) }).await;
    place.edit(
        "consumers.yaml",
        "name: shop-floor-board\nowner: warehouse-it\nidentity: {api_key: {}}",
        "name: shop-floor-board\nowner: warehouse-it\nidentity: {api_key: {max_age: 1s}}",
    );
    eventually("the shorter holds", || async { (asked(&served.base, &board).await == ended()).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selvage_issues_tokens_that_end_with_their_key() {
    let place = Place::new().await;
    let secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    let with =
        |secret: &str| std::fs::write(place.path("secrets"), format!("{secrets}selvage/tokens={secret}\n")).unwrap();
    with("0123456789abcdef0123456789abcdef");
    let manifests = "kind: Issuer\nname: internal\nowner: warehouse-it\nenvironments:\n  \
                     dev: {url: \"http://127.0.0.1:1\", signing: {secret: selvage/tokens}}\n---\n\
                     kind: Consumer\nname: pump-desk\nowner: warehouse-it\nidentity: {oauth: {issuer: internal}}\n---\n\
                     kind: Grant\nconsumer: pump-desk\ninterface: inventory@2\noperations: [list]\n\
                     purpose: Shows the stock\nuntil: 2028-06-30T18:00+02:00\n";
    std::fs::write(place.fabric().join("tokens.yaml"), manifests).unwrap();
    let key = place.key(&place.data(), "pump-desk");
    let served = place.serve(&place.data(), &[]);
    let token = || async {
        let request = Client::new()
            .post(format!("{}/oauth/token", served.base))
            .basic_auth("pump-desk", Some(&key))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let response = request.send().await.unwrap();
        let fine = response.status() == StatusCode::OK;
        let body: Value = response.json().await.unwrap();
        fine.then(|| body["access_token"].as_str().unwrap().to_owned())
    };
    let first = eventually("a token is issued", token).await;
    assert_eq!(asked(&served.base, &first).await, taken());
    assert_eq!(asked(&served.base, &key).await, (401, "FAB4095".to_owned()));

    // Another secret: all tokens end, and new ones are had for the same key.
    with("fedcba9876543210fedcba9876543210");
    served.process.hang_up();
    eventually("the secret is taken", || async {
        (asked(&served.base, &first).await == (401, "FAB4083".to_owned())).then_some(())
    })
    .await;
    let second = eventually("a token is issued again", token).await;
    assert_eq!(asked(&served.base, &second).await, taken());

    let id = listed(&place, "pump-desk").remove(0).0;
    let data = place.path("data").display().to_string();
    assert!(selvage(&["key", "revoke", &id, "--because", "a test", "--data", &data]).status.success());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(asked(&served.base, &second).await, ended(), "REVOKED-NOW");
    assert_eq!(token().await, None);

    // The ledger tells of both, by key and hour, and of no secret.
    let store = ["ledger", "list", "--data", &data];
    let entered = eventually("it is in the ledger", || async {
        let ledger = stdout(&selvage(&store));
        (ledger.contains("token.issued") && ledger.contains("FAB4093")).then_some(ledger)
    })
    .await;
    let mut of_the_key = entered.lines().filter(|line| line.contains("pump-desk") && line.contains(&id));
    assert!(of_the_key.clone().any(|line| line.contains("token.issued")), "{entered}");
    assert!(of_the_key.any(|line| line.contains("token.refused") && line.contains("FAB4093")), "{entered}");
    assert!(!entered.contains(&key) && !entered.contains(&second), "{entered}");
    drop(served);
    let whole = stdout(&selvage(&store));
    let tokens = whole
        .lines()
        .filter_map(|line| line.split_once("\"tokens\":")?.1.split(['}', ',']).next()?.parse::<u64>().ok());
    assert_eq!(tokens.sum::<u64>(), 2, "what was left is entered at the end: {whole}");
    assert!(selvage(&["ledger", "verify", "--data", &data]).status.success());
}
