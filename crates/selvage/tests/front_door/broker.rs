//! A node whose events are at a broker: taken, refused while the broker is away, taken again, each of them once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::fixture::{Place, Served, eventually, selvage, stdout};

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests with `cargo xtask test`, which starts a NATS server")
    })
}

/// The way to the broker, which can be cut.
struct Way {
    url: String,
    cut: Arc<AtomicBool>,
}

impl Way {
    async fn to_the_broker() -> Self {
        let server = named("SELVAGE_TEST_NATS").split_once("://").unwrap().1.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self { url: format!("nats://{}", listener.local_addr().unwrap()), cut: Arc::default() };
        let cut = Arc::clone(&way.cut);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let (mut server, cut) = (TcpStream::connect(&server).await.unwrap(), Arc::clone(&cut));
                tokio::spawn(async move {
                    let broken = eventually("the way is cut", || async { cut.load(Ordering::SeqCst).then_some(()) });
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = broken => {}
                    }
                });
            }
        });
        way
    }
}

async fn publish(served: &Served, key: &str, id: &str) -> (StatusCode, Value) {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/mes-ghent/line-3", "type": "manufacturing.machine.stopped",
        "data": {"machine": "press-4", "site": "ghent", "state": "stopped", "since": "2026-11-26T06:30:00Z"},
    });
    let request = Client::new().post(format!("{}/machine-states/v1/events", served.base)).bearer_auth(key);
    let request = request.header("content-type", "application/cloudevents+json").body(event.to_string());
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_at_a_broker_are_taken_refused_while_it_is_away_and_taken_again() {
    let place = Place::new().await;
    let way = Way::to_the_broker().await;
    way.cut.store(true, Ordering::SeqCst);
    let (store, prefix) = (place.data(), format!("test-{}", Uuid::new_v4().simple()));
    let key = place.key(&store, "mes-ghent");
    let monitoring = named("SELVAGE_TEST_NATS_MONITORING");
    // It starts while the broker is away.
    let options = ["--events", &way.url, "--events-monitoring", &monitoring, "--events-prefix", &prefix];
    let served = place.serve(&store, &options);
    assert_eq!(publish(&served, &key, "a").await.0, StatusCode::SERVICE_UNAVAILABLE);
    way.cut.store(false, Ordering::SeqCst);
    let taken = |id: &'static str| {
        eventually("it is taken", || async {
            let (status, told) = publish(&served, &key, id).await;
            (status != StatusCode::SERVICE_UNAVAILABLE).then_some((status, told))
        })
    };
    let (status, told) = taken("a").await;
    assert_eq!((status, &told["events"][0]["position"]), (StatusCode::ACCEPTED, &json!("1-1")), "{told}");

    way.cut.store(true, Ordering::SeqCst);
    eventually("it is refused", || async {
        (publish(&served, &key, "b").await.0 == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    way.cut.store(false, Ordering::SeqCst);
    taken("b").await;
    let (status, told) = taken("a").await;
    assert_eq!((status, &told["events"][0]["position"]), (StatusCode::OK, &json!("1-1")), "{told}");
    let (_, told) = taken("c").await;
    assert_eq!(told["events"][0]["position"], "1-3", "b is there once");
    let fabric = place.fabric().display().to_string();
    let look = |prefix: &str, arguments: &[&str]| {
        let broker = ["--events", &way.url, "--events-monitoring", &monitoring, "--events-prefix", prefix];
        let store: Vec<&str> = store.iter().map(String::as_str).collect();
        selvage(&[&["events"], arguments, &["--fabric", &fabric], &broker, &store].concat())
    };
    let listed = stdout(&look(&prefix, &["tail", "machine-states@1", "--last", "2"]));
    assert!(listed.contains("line-3#b") && listed.contains("line-3#c") && !listed.contains("line-3#a"), "{listed}");
    let by_id = look(&prefix, &["show", "machine-states@1", "b", "--source", "/mes-ghent/line-3"]);
    let by_place = look(&prefix, &["show", "machine-states@1", "1-2"]);
    assert!(by_id.status.success() && stdout(&by_id).contains("press-4"), "{by_id:?}");
    assert_eq!(stdout(&by_id), stdout(&by_place));
    // Who looks at the wrong place makes nothing there, and no epoch begins.
    let elsewhere = look("test-elsewhere", &["tail", "machine-states@1"]);
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("FAB7023"), "{elsewhere:?}");
    let (_, told) = taken("d").await;
    assert_eq!(told["events"][0]["position"], "1-4");
    drop(served);
    let client = async_nats::connect(named("SELVAGE_TEST_NATS")).await.unwrap();
    client.request(format!("$JS.API.STREAM.DELETE.{prefix}-machine-states-v1"), "".into()).await.unwrap();
}

#[test]
fn what_is_said_of_a_broker_is_checked_before_anything_starts() {
    let directory = tempfile::TempDir::new().unwrap();
    let account = directory.path().join("account.creds").display().to_string();
    std::fs::write(&account, "-----BEGIN NATS USER JWT-----\ns3cret\n").unwrap();
    let asked = ["--events", "tls://broker:4222", "--events-unsynced-because", "x"];
    let table: [(&[&str], &str); 8] = [
        (&["--events", "nats://fabric:s3cret@broker:4222"], "put credentials in a file"),
        (&["--events", "http://broker"], "events are kept at `nats://"),
        (&["--events", "broker:4222"], "write the address of the broker as"),
        (&["--events", "nats://broker:4222"], "name the monitoring address of every server"),
        (
            &["--events", "nats://broker:4222", "--events-unsynced-because", "x", "--events-credentials", "/none"],
            "cannot read the credentials in `/none`",
        ),
        (&[&asked[..], &["--events-credentials", &account]].concat(), "is no `.creds` file"),
        (&[&asked[..], &["--events-authorities", "/none"]].concat(), "cannot read `/none`"),
        (&[&asked[..], &["--events-certificate", "/none", "--events-key", &account]].concat(), "cannot read `/none`"),
    ];
    for (options, told) in table {
        let output = selvage(&[&["serve", "--fabric", "/none"], options].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("FAB8051") && said.contains(told), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
