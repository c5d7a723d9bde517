//! Interfaces that end, on live traffic: consumers' owners are told once, and brownouts find who still asks. INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use jiff::{Timestamp, ToSpan as _};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::fixture::{Place, eventually, selvage, stdout};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "/legacy-stock/v1";

/// What a receiver was told: headers and event of each message.
pub(crate) type Told = Arc<Mutex<Vec<(BTreeMap<String, String>, Value)>>>;

/// A receiver that takes everything, and what it was told.
pub(crate) fn receiver() -> (String, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Told::default();
    let tells = Arc::clone(&told);
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| answer(stream, &tells)));
    (url, told)
}

fn answer(mut stream: TcpStream, told: &Told) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty() {
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        line.clear();
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let Ok(()) = reader.read_exact(&mut body) else { return };
    let Ok(event) = serde_json::from_slice(&body) else { return };
    told.lock().unwrap().push((headers, event));
    let _ = write!(stream, "HTTP/1.1 204 So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

async fn place(receiver: &str) -> Place {
    let place = Place::new().await;
    with_webhook(&place, receiver);
    place
}

/// The team that answers for what uses the deprecated interface is told there.
pub(crate) fn with_webhook(place: &Place, receiver: &str) {
    place.edit("fabric.yaml", "packs: [odoo]", "packs: [odoo]\nnetworks: [127.0.0.0/8]");
    let roles = "roles: {owner: [w.svoboda], on_call: [ops.desk]}";
    let notices = "notices: {system: desk, path: /told, signing: standard-webhooks, secret: {secret: desk/hooks}}";
    place.edit("fabric.yaml", roles, &format!("{roles}\n{notices}"));
    let desk = format!(
        "kind: System\nname: desk\nconnector: http\nowner: warehouse-it\nzone: cloud\n\
         environments: {{dev: {{url: \"{receiver}\"}}, prod: {{url: \"https://desk.example.com\"}}}}\n"
    );
    std::fs::write(place.fabric().join("desk.yaml"), desk).unwrap();
    let mut secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    secrets.push_str(&format!("desk/hooks={SECRET}\n"));
    std::fs::write(place.path("secrets"), secrets).unwrap();
}

fn told_of(environment: &str, interface: &str, consumer: &str) -> (String, String, String) {
    (environment.to_owned(), interface.to_owned(), consumer.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_for_a_consumer_is_told_once_that_what_it_uses_ends() {
    let (url, told) = receiver();
    let place = place(&url).await;
    let store = place.data();
    let of_stage = |(_, event): &&(BTreeMap<String, String>, Value)| event["data"]["stage"] == "deprecated";
    let first = || async { told.lock().unwrap().iter().find(of_stage).cloned() };
    let served = place.serve(&store, &[]);
    let (headers, event) = eventually("the team is told", first).await;
    assert_eq!(event["type"], "selvage.interface.ending");
    let of = |name: &str| event["data"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (of("environment"), of("interface"), of("consumer")),
        told_of("dev", "legacy-stock@1", "shop-floor-board")
    );
    assert!(event["data"]["says"].as_str().unwrap().contains("inventory@2"), "{event}");
    assert!(
        headers.contains_key("webhook-signature") && headers["webhook-id"].starts_with("msg_notice_"),
        "{headers:?}"
    );
    let arguments: Vec<&str> =
        ["access", "notices", "--json"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let listed = || async {
        let listed: Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
        let mut all = listed.as_array().unwrap().iter();
        all.find(|it| it["stage"] == "deprecated" && it["told"].is_string()).map(drop)
    };
    eventually("and it is listed", listed).await;
    drop(served);
    // Another node, and a directory served again, tell nothing twice.
    let again = place.serve(&store, &[]);
    let metrics = || async { Client::new().get(&again.metrics).send().await.ok() };
    eventually("it runs", metrics).await;
    drop(again);
    let told = told.lock().unwrap();
    let mut ids: Vec<&String> = told.iter().map(|(headers, _)| &headers["webhook-id"]).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brownout_refuses_everything_for_a_while_and_nothing_else() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let window = |from: Timestamp, to: Timestamp| format!("brownouts: [{{from: \"{from:.0}\", to: \"{to:.0}\"}}]");
    let now = Timestamp::now();
    let over = window(now - 3.hours(), now - 2.hours());
    place.edit("interfaces.yaml", "successor: inventory@2}", &format!("successor: inventory@2, {over}}}"));
    let served = place.serve(&store, &["--watch"]);
    let ask = |path: &'static str, key: Option<&'static str>| {
        let request = Client::new().get(format!("{}{path}", served.base)).bearer_auth(key.unwrap_or(&board));
        async move {
            let answer = request.send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let headers = (header("retry-after"), header("link"));
            (answer.status(), headers, answer.json::<Value>().await.unwrap_or_default())
        }
    };
    assert_eq!(ask(OLD, None).await.0, StatusCode::OK, "what is over is over");
    place.edit("interfaces.yaml", &over, &window(now - 1.hours(), now + 1.hours()));
    // A grant's rate may be used up by asking so often.
    let is_other = |status: StatusCode| ![StatusCode::OK, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    let refused = || async { Some(ask(OLD, None).await).filter(|(status, ..)| is_other(*status)) };
    let (status, (retry, link), problem) = eventually("the window is taken", refused).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &"FAB7153".into()), "{problem}");
    let retry: u64 = retry.unwrap().parse().unwrap();
    assert!(retry > 0 && retry <= 3_601, "{retry}");
    assert!(link.unwrap().contains("successor-version"));
    assert_eq!(ask(OLD, Some("slv_nobody")).await.0, StatusCode::UNAUTHORIZED, "who asks has to prove it all the same");
    assert_eq!(ask("/inventory/v2/inventory-positions?limit=1", None).await.0, StatusCode::OK);
    let metrics = Client::new().get(&served.metrics).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("refusals_total{interface=\"legacy-stock@1\",code=\"FAB7153\"}"), "{metrics}");
    let planned = "selvage_gateway_requests_total{interface=\"legacy-stock@1\"";
    let answers = || metrics.lines().filter(|line| line.starts_with(planned));
    assert!(answers().any(|line| line.contains("status=\"planned\"")), "{metrics}");
    assert!(!answers().any(|line| line.contains("status=\"5xx\"")), "what is planned is no failure: {metrics}");
    let fabric = place.fabric();
    let explained =
        selvage(&["decide", "--as", "shop-floor-board", "GET", OLD, "--fabric", fabric.to_str().unwrap(), "--json"]);
    let explained: Value = serde_json::from_str(&stdout(&explained)).unwrap();
    let refused = explained["stages"].as_array().unwrap().iter().find(|stage| stage["verdict"] == "refused").unwrap();
    assert_eq!((&refused["stage"], &explained["code"]), (&"lifecycle".into(), &"FAB7153".into()), "{explained}");
    drop(served);
    // Who still asks is known by it.
    let usage: Vec<&str> =
        ["usage", "legacy-stock", "--json"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let known = || async {
        let usage: Value = serde_json::from_str(&stdout(&selvage(&usage))).unwrap();
        let mut rows = usage["usage"].as_array().unwrap().iter();
        rows.find(|row| {
            row["consumer"] == "shop-floor-board" && row["planned"].as_u64() > Some(0) && row["failed"] == 0
        })
        .map(drop)
    };
    eventually("who was refused is counted", known).await;
}
