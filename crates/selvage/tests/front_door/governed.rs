//! What governance waits for is at `/metrics`: changes by their age, emergencies, releases, findings, and access that is to be looked at.

use jiff::{Timestamp, ToSpan as _};
use reqwest::{Client, StatusCode};

use crate::changes::Plants;
use crate::fixture::{Place, Process, eventually, selvage};

/// Waits until a node's metrics have these lines.
async fn told(metrics: &str, lines: &[&str]) {
    let last = std::sync::Mutex::new(String::new());
    let ask = || async {
        let text = Client::new().get(metrics).send().await.ok()?.text().await.ok()?;
        let all = lines.iter().all(|line| text.lines().any(|told| told == *line));
        let own = text.lines().filter(|it| it.starts_with("selvage_governance_") || it.starts_with("selvage_access_"));
        *last.lock().unwrap() = own.collect::<Vec<_>>().join("\n");
        all.then_some(())
    };
    let waited = tokio::time::timeout(
        crate::fixture::PATIENCE - std::time::Duration::from_secs(1),
        eventually("they are told", ask),
    );
    assert!(waited.await.is_ok(), "{lines:#?} are not in\n{}", last.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_people_is_measured() {
    let plants = Plants::new().await;
    let mut made = Vec::new();
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit")] {
        let release = plants.release(&plants.approve(&plants.propose(domain, "The first of all", by, &[])), by);
        plants.activate(&release, "test");
        plants.activate(&release, "prod");
        made.push(release);
    }
    plants.propose("plant-brno", "The first of Brno", "l.kral", &[]);
    plants.alter("UPDATE change_proposal SET proposed_at = proposed_at - 864000000000 WHERE state = 'open'").await;
    let path = plants.fabric().join("fabric.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    plants.write("fabric.yaml", &format!("{text}# a word\n"));
    plants.propose("group", "A word", "a.lindqvist", &[]);
    for word in ["the line stands", "it stands again"] {
        let path = "domains/plant-ghent/stock.yaml";
        let text = std::fs::read_to_string(plants.fabric().join(path)).unwrap();
        plants.write(path, &format!("{text}# {word}\n"));
        let change = plants.propose("plant-ghent", word, "m.dewit", &["--emergency"]);
        plants.release(&change, "m.dewit");
        if word == "the line stands" {
            plants.alter("UPDATE change_proposal SET ratify_until = 1000000 WHERE ratify_until IS NOT NULL").await;
        }
    }
    let addresses = ["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let serve = ["serve", "--env", "prod"].into_iter().chain(addresses).map(str::to_owned);
    let arguments: Vec<String> = serve.chain(plants.store.iter().cloned()).collect();
    let (_process, said) = Process::start(&arguments, &["selvage: metrics on "]);
    let active = |number: usize, domain: &str, environment: &str| {
        let release = &made[number];
        format!(
            "selvage_governance_release_active{{domain=\"{domain}\",environment=\"{environment}\",release=\"{release}\"}} 1"
        )
    };
    let lines = [
        "selvage_governance_changes_waiting{domain=\"plant-brno\",age=\"month\"} 1",
        "selvage_governance_changes_waiting{domain=\"plant-brno\",age=\"day\"} 0",
        "selvage_governance_changes_waiting{domain=\"group\",age=\"day\"} 1",
        "selvage_governance_emergencies_unratified{domain=\"plant-ghent\",breach=\"true\"} 1",
        "selvage_governance_emergencies_unratified{domain=\"plant-ghent\",breach=\"false\"} 1",
        "selvage_governance_emergencies_unratified{domain=\"group\",breach=\"true\"} 0",
        &active(0, "group", "test"),
        &active(0, "group", "prod"),
        &active(1, "plant-ghent", "prod"),
    ];
    told(&said["selvage: metrics on "], &lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_of_access_is_measured() {
    let place = Place::new().await;
    let soon = format!("until: {}", (Timestamp::now() + 72.hours()).strftime("%Y-%m-%dT%H:%M:%SZ"));
    place.edit("consumers.yaml", "until: 2027-02-28T18:00+01:00", &soon);
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let ask = |path: &str| Client::new().get(format!("{}{path}", served.base)).bearer_auth(&board).send();
    assert_eq!(ask("/legacy-stock/v1").await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask("/nothing/v1").await.unwrap().status(), StatusCode::NOT_FOUND);
    // What it counted is kept by the time that it ends.
    drop(served);
    let open = ["access", "break-glass", "--consumer", "shop-floor-board", "--interface", "production-orders@1"];
    let because = ["--operations", "list", "--because", "the line stands", "--for", "1h", "--by", "o.night"];
    let place_of: Vec<&str> = store.iter().map(String::as_str).collect();
    assert!(selvage(&[&open[..], &because[..], &place_of[..]].concat()).status.success());
    let served = place.serve(&store, &[]);
    let lines = [
        "selvage_governance_findings{finding=\"shadow\"} 1",
        "selvage_governance_findings{finding=\"zombie\"} 1",
        "selvage_access_break_glass_open 1",
        "selvage_access_break_glass_unreviewed 1",
        "selvage_access_leases_ending 1",
    ];
    told(&served.metrics, &lines).await;
    let text = Client::new().get(&served.metrics).send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("selvage_governance_findings{finding=\"orphan\"} 0\n"), "{text}");
}
