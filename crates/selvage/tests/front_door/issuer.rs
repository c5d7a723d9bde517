//! Tokens of an OpenID provider that others made: taken, refused, with keys that change and an issuer that is away.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::fixture::{Place, eventually, selvage, stdout};

const STOCK: &str = "/inventory/v2/inventory-positions?limit=1";

/// A running provider; it ends with the test.
struct Provider {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    url: String,
}

impl Provider {
    #[expect(clippy::disallowed_methods, reason = "where the provider is, is named by the tests' runner")]
    fn start() -> Self {
        let at = std::env::var("SELVAGE_TEST_OIDC_PROVIDER");
        let at = at.expect("SELVAGE_TEST_OIDC_PROVIDER is not set: run `cargo xtask test`, or see CONTRIBUTING.md");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/oidc-provider.mjs");
        let mut child = Command::new("node")
            .args([script, &at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Node.js is there: sudo apt-get install nodejs npm");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().expect("the provider starts").unwrap();
        let url = url.strip_prefix("provider: ").unwrap().to_owned();
        Self { child, lines, url }
    }

    /// Has it do something, and waits until it did.
    fn tell(&mut self, what: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{what}").unwrap();
        assert_eq!(self.lines.next().unwrap().unwrap(), format!("did: {what}"));
    }

    /// A token that it gives to a client, for an audience.
    async fn token(&self, client: &str, audience: &str) -> String {
        let request = Client::new()
            .post(format!("{}/token", self.url))
            .basic_auth(client, Some("not-a-secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&resource={audience}"));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn declare(place: &Place, url: &str) {
    let manifests = format!(
        "kind: Issuer\nname: directory\nowner: warehouse-it\nenvironments:\n  \
         dev: {{url: \"{url}\", audiences: [\"urn:selvage\"], algorithms: [ES256]}}\n---\n\
         kind: Consumer\nname: pump-desk\nowner: warehouse-it\nidentity: {{oauth: {{issuer: directory}}}}\n---\n\
         kind: Grant\nconsumer: pump-desk\ninterface: inventory@2\noperations: [list]\n\
         purpose: Shows the stock\nuntil: 2028-06-30T18:00+02:00\n"
    );
    std::fs::write(place.fabric().join("directory.yaml"), manifests).unwrap();
}

/// Status and code of an answer to who shows this token.
async fn asked(base: &str, token: &str) -> (StatusCode, String) {
    let response = Client::new().get(format!("{base}{STOCK}")).bearer_auth(token).send().await.unwrap();
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// A decision of then is made again by the keys of then: the first token was good then, the second is now.
fn made_again_by_the_keys_of_then(
    place: &Place,
    url: &str,
    (first, second): (&str, &str),
    (began, then): (&str, &str),
) {
    let data = place.data();
    let again = |token: &str, at: &str| {
        let file = place.path("token.jwt");
        std::fs::write(&file, token).unwrap();
        let file = file.display().to_string();
        let asked = ["decide", "--token-file", &file, "GET", STOCK, "--at", at, "--json"];
        selvage(&asked.into_iter().chain(data.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let said = |token: &str, at: &str| serde_json::from_str::<Value>(&stdout(&again(token, at))).unwrap();
    assert_eq!(said(first, then)["code"], Value::Null, "{}", said(first, then));
    assert!(said(first, then)["grounds"][1].as_str().unwrap().contains(url));
    assert_eq!(said(second, then)["code"], "FAB4083");
    let now = jiff::Timestamp::now().to_string();
    assert_eq!(said(second, &now)["code"], Value::Null, "{}", said(second, &now));
    assert_eq!(said(first, &now)["code"], "FAB4083");
    // Before the issuer was ever asked nobody can say.
    let before = again(first, began);
    assert_eq!(before.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&before.stderr).contains("FAB7217"), "{before:?}");
    // It is taken apart as the gateway does.
    let four = again(&format!("{first}.more"), then);
    assert!(String::from_utf8_lossy(&four.stderr).contains("a token has three parts"), "{four:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_openid_provider_are_taken_and_follow_its_keys() {
    let place = Place::new().await;
    let mut provider = Provider::start();
    declare(&place, &provider.url);
    let first = provider.token("pump-desk", "urn:selvage").await;
    provider.tell("away");
    let served = place.serve(&place.data(), &[]);
    let refused = |code: &str| (StatusCode::UNAUTHORIZED, code.to_owned());
    let taken = (StatusCode::OK, String::new());

    let absent = (StatusCode::SERVICE_UNAVAILABLE, "FAB4088".to_owned());
    assert_eq!(asked(&served.base, &first).await, absent, "nobody waits for an issuer that never answered");
    let began = jiff::Timestamp::now().to_string();
    provider.tell("back");
    eventually("a token of the provider is taken", || async {
        (asked(&served.base, &first).await == taken).then_some(())
    })
    .await;
    // What it shows is kept beside; nobody waits for that.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let then = jiff::Timestamp::now().to_string();
    let foreign = provider.token("pump-desk", "urn:other").await;
    assert_eq!(asked(&served.base, &foreign).await, refused("FAB4085"), "for somebody else");
    let nobody = provider.token("nobody", "urn:selvage").await;
    assert_eq!(asked(&served.base, &nobody).await, refused("FAB4087"), "a client that is no consumer");

    // Another key signs: the first token with it sends for it, and the old key counts no more once it is not shown.
    provider.tell("rotate");
    let second = provider.token("pump-desk", "urn:selvage").await;
    assert_eq!(asked(&served.base, &second).await, refused("FAB4083"), "no request waits for the issuer");
    eventually("the new key is fetched", || async { (asked(&served.base, &second).await == taken).then_some(()) })
        .await;
    assert_eq!(asked(&served.base, &first).await, refused("FAB4083"), "not even a token that was found good before");

    made_again_by_the_keys_of_then(&place, &provider.url, (&first, &second), (&began, &then));

    // An issuer that is away takes nobody with it.
    provider.tell("away");
    assert_eq!(asked(&served.base, &first).await, refused("FAB4083"));
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(asked(&served.base, &second).await, taken, "its last keys go on");
    provider.tell("back");
    provider.tell("rotate");
    let third = provider.token("pump-desk", "urn:selvage").await;
    eventually("it is asked again", || async { (asked(&served.base, &third).await == taken).then_some(()) }).await;

    let metrics = reqwest::get(&served.metrics).await.unwrap().text().await.unwrap();
    let figure = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}: {metrics}")).trim().parse().unwrap()
    };
    let fetches =
        |outcome: &str| figure(&format!("selvage_issuer_fetches_total{{issuer=\"directory\",outcome=\"{outcome}\"}}"));
    assert!(fetches("answered") >= 2 && fetches("failed") >= 1, "{metrics}");
    assert!(figure("selvage_issuer_unknown_keys_total{issuer=\"directory\"}") >= 3, "{metrics}");
    assert!(figure("selvage_issuer_keys{issuer=\"directory\"}") >= 1, "{metrics}");
    assert!(figure("selvage_issuer_keys_age_seconds{issuer=\"directory\"}") < 60, "{metrics}");
}
