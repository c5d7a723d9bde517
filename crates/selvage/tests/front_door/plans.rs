//! What activating would do to access is told before: by a command, over the control API and on the console; and what ended stays so,
//! until it is asked for anew.

use serde_json::Value;

use crate::changes::{Plants, serve};
use crate::fixture::{eventually, stdout};
use crate::gates::{FABRIC, SCHEMA, place};

fn released(plants: &Plants, text: &str, title: &str) -> String {
    plants.write("fabric.yaml", text);
    plants.release(&plants.approve(&plants.propose("group", title, "a.lindqvist", &[])), "a.lindqvist")
}

/// What the command says, with its exit code.
fn plan(plants: &Plants, release: &str, more: &[&str]) -> (i32, Value) {
    let output = plants.run(&[&["release", "plan", release, "--env", "prod", "--json"], more].concat());
    (output.status.code().unwrap(), serde_json::from_str(&stdout(&output)).unwrap())
}

fn codes(plan: &Value) -> Vec<&str> {
    plan["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

/// INVARIANT: APPROVED
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ones_own_signs_nothing_before_somebody_lets_it_in() {
    let plants = place(FABRIC, SCHEMA).await;
    released(&plants, FABRIC, "The first of all");
    plants.write("fabric.yaml", &FABRIC.replace("Shows which machines were looked at", "Shows who looks at machines"));
    let change = plants.approve(&plants.propose("group", "Another purpose", "a.lindqvist", &[]));
    let id = change["id"].as_str().unwrap();
    let own = plants.place.path("own.key");
    let own = own.to_str().unwrap();
    let key = plants.well(&["release", "key", "--signing-key", own]).trim().to_owned();
    let release = ["change", "release", id, "--by", "a.lindqvist", "--signing-key", own];
    plants.refused(&release, "FAB7172");
    assert!(plants.well(&["release", "verify"]).starts_with("1 releases, 0 of them"));
    plants.well(&["release", "trust", &key, "--by", "s.okafor", "--because", "the old key is exchanged"]);
    plants.well(&release);
    assert!(plants.well(&["release", "verify"]).starts_with("2 releases, 0 of them"));
    let verified = plants.run(&["release", "verify", "--key", &key]);
    assert!(!verified.status.success() && stdout(&verified).contains("2 releases, 1 of them"), "{}", stdout(&verified));
    assert!(plants.well(&["ledger", "list"]).contains("release-key.made"));
}

/// INVARIANT: REVOKED-NOW
#[tokio::test(flavor = "multi_thread")]
async fn what_stays_ended_is_told_before_and_how_it_comes_back() {
    let granted = FABRIC.replace("{dev: {gates: {faults: true}}}", "{prod: {}}").replace("{dev: {url", "{prod: {url");
    let (few, _) = granted.split_once("---\nkind: Grant").unwrap();
    let plants = place(few, SCHEMA).await;
    let first = released(&plants, few, "The first of all");
    plants.activate(&first, "prod");
    let (node, _, console) = serve(&plants);
    let second = released(&plants, &granted, "The shop floor sees inspections");
    assert_eq!(plan(&plants, &second, &[]), (0, plan(&plants, &second, &[]).1), "all that it asks for is given");
    plants.activate(&second, "prod");
    let alive = || plants.well(&["grant", "list"]).lines().any(|line| line.contains("until "));
    assert!(alive(), "{}", plants.well(&["grant", "list"]));

    // Going back would end the grant, for good.
    let (status, told) = plan(&plants, &first, &["--going-back"]);
    assert_eq!((status, codes(&told)), (1, vec!["FAB7171"]), "{told:#}");
    let back = ["--domain", "group", "--env", "prod", "--by", "d.claes", "--because", "it is too much"];
    plants.well(&[&["release", "rollback"], &back[..]].concat());
    assert!(!alive(), "it has ended");

    // Activating it again does not bring it back, and says so before and then.
    let (status, told) = plan(&plants, &second, &[]);
    assert_eq!((status, codes(&told)), (1, vec!["FAB7170", "FAB7170", "FAB7170"]), "{told:#}");
    let grant = &told["findings"][0];
    assert!(grant["message"].as_str().unwrap().contains("`inspections@1` to `shop-floor` ended at"), "{told:#}");
    assert!(grant["fix"].as_str().unwrap().contains("access request --consumer shop-floor"), "{told:#}");
    assert!(grant["place"].as_str().unwrap().starts_with("fabric.yaml:"), "{told:#}");
    let key = plants.well(&["operator", "add", "d.claes"]).trim().to_owned();
    let url = format!("{console}/api/environments/prod/plan?release={second}");
    let client = reqwest::Client::new();
    let over_http = eventually("the operator is known", || async {
        let answer = client.get(&url).bearer_auth(&key).send().await.unwrap();
        let found = answer.status().is_success();
        found.then_some(answer.text().await.unwrap())
    })
    .await;
    assert_eq!(serde_json::from_str::<Value>(&over_http).unwrap(), told);
    let went =
        plants.run(&["release", "activate", &second, "--env", "prod", "--by", "a.lindqvist", "--because", "again"]);
    let said = String::from_utf8_lossy(&went.stderr).into_owned();
    assert!(went.status.success() && said.contains("FAB7170") && said.contains("access request"), "{said}");
    assert!(!alive(), "no activation revives what ended");

    // Asked for anew, it is there: only what was under the one of before is told still.
    let ask = ["--interface", "inspections@1", "--operations", "subscribe", "--purpose", "Shows inspections again"];
    let who = ["--consumer", "shop-floor", "--until", "2027-06-30", "--by", "a.lindqvist", "--env", "prod", "--json"];
    let asked = plants.well(&[&["access", "request"], &ask[..], &who[..]].concat());
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let id = asked["request"].as_str().unwrap();
    let because = ["--because", "they look at it each day", "--by", "d.claes", "--env", "prod"];
    plants.well(&[&["access", "decide", id, "--approve"], &because[..]].concat());
    assert!(alive());
    let (status, told) = plan(&plants, &second, &[]);
    assert_eq!((status, codes(&told)), (1, vec!["FAB7170", "FAB7170"]), "{told:#}");
    assert!(told.to_string().contains("the subscription `shop-floor/as-they-come` ended at"), "{told:#}");
    drop(node);
}
