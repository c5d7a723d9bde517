//! Revocations, blocks and ended grants: every node says when it knows, one that is stopped or cut off from its database is
//! waited for no longer than its lease, and does what its interfaces declare. INVARIANT: REVOKED-NOW

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Place, Served, eventually, selvage, stdout};
use crate::two_nodes::database;

const POSITIONS: &str = "/inventory/v2/inventory-positions?limit=1";

/// A wire to the database that can be cut, as by a firewall: nothing passes any more, and nobody is told.
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Wire {
    async fn to(database: &str) -> (Self, String) {
        let (head, path) = database.rsplit_once('/').unwrap();
        let (user, target) = head.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let (target, is_cut) = (target.to_owned(), Arc::clone(&cut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, Arc::clone(&is_cut)));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&is_cut)));
            }
        });
        (Self { address, cut }, format!("{user}@{address}/{path}"))
    }
}

async fn pass(from: tokio::net::tcp::OwnedReadHalf, to: tokio::net::tcp::OwnedWriteHalf, cut: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if from.readable().await.is_err() {
            return;
        }
        if cut.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let Ok(read) = from.try_read(&mut buffer) else { continue };
        let mut sent = 0;
        while sent < read {
            if to.writable().await.is_err() {
                return;
            }
            sent += to.try_write(&buffer[sent..read]).unwrap_or(0);
        }
        if read == 0 {
            return;
        }
    }
}

async fn status(client: &Client, served: &Served, key: &str) -> StatusCode {
    client.get(format!("{}{POSITIONS}", served.base)).bearer_auth(key).send().await.unwrap().status()
}

/// What a command of the access state says, as JSON.
fn told(arguments: &[&str], store: &[String]) -> Value {
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let output = selvage(&[arguments, &["--because", "test", "--json"], &store].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// The id of a consumer's key.
fn key_id(consumer: &str, store: &[String]) -> String {
    let arguments: Vec<&str> = ["key", "list"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let listed = stdout(&selvage(&arguments));
    let line = listed.lines().find(|line| line.contains(consumer)).unwrap().to_owned();
    line.split_whitespace().next().unwrap().to_owned()
}

fn signal(served: &Served, name: &str) {
    let id = served.process.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_returns_when_every_node_knows_or_its_lease_ran_out() {
    let place = Place::new().await;
    place.edit("interfaces.yaml", "name: inventory\n", "name: inventory\non_partition: refuse\n");
    let store = database().await;
    let (board, other) = (place.key(&store, "shop-floor-board"), place.key(&store, "planning"));
    let (first, second) = (place.serve(&store, &[]), place.serve(&store, &["--access-lease", "2s"]));
    let client = Client::new();
    for served in [&first, &second] {
        eventually("the node hears", || async {
            (status(&client, served, &board).await == StatusCode::OK).then_some(())
        })
        .await;
    }

    // Both run: both say so, and refuse before the command returns.
    let said = told(&["key", "revoke", &key_id("shop-floor-board", &store)], &store);
    let nodes = said["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{said}");
    assert!(nodes.iter().all(|node| node["acknowledged_ms"].as_u64().is_some()), "{said}");
    for served in [&first, &second] {
        assert_eq!(status(&client, served, &board).await, StatusCode::UNAUTHORIZED);
    }

    // One is stopped: it is waited for until its lease has run out, and knows that when it goes on.
    assert_eq!(status(&client, &second, &other).await, StatusCode::OK);
    signal(&second, "-STOP");
    let began = Instant::now();
    let said = told(&["key", "revoke", &key_id("planning", &store)], &store);
    let took = began.elapsed();
    let of = |served: &Served| {
        let address = served.base.trim_start_matches("http://");
        said["nodes"].as_array().unwrap().iter().find(|node| node["address"] == address).unwrap().clone()
    };
    assert!(of(&first)["acknowledged_ms"].as_u64().is_some(), "{said}");
    assert!(of(&second)["lease_ran_out_ms"].as_u64().is_some_and(|after| after <= 2000), "{said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(status(&client, &first, &other).await, StatusCode::UNAUTHORIZED);
    signal(&second, "-CONT");
    for _ in 0..20 {
        let status = status(&client, &second, &other).await;
        assert!(status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::UNAUTHORIZED, "{status}");
    }
    eventually("it hears again", || async {
        (status(&client, &second, &other).await == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_does_what_its_interfaces_declare() {
    let place = Place::new().await;
    place.edit("interfaces.yaml", "name: inventory\n", "name: inventory\non_partition: {serve_for: 12s}\n");
    place.edit("interfaces.yaml", "name: products\n", "name: products\non_partition: refuse\n");
    let store = database().await;
    let (wire, through) = Wire::to(&store[1]).await;
    assert_ne!(wire.address.port(), 0);
    let planning = place.key(&store, "planning");
    let served = place.serve(&["--store".to_owned(), through], &["--access-lease", "1s"]);
    let client = Client::new();
    let ask = |path: &'static str| {
        let request = client.get(format!("{}{path}", served.base)).bearer_auth(&planning);
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap_or_default();
            (status, body["code"].as_str().unwrap_or_default().to_owned())
        }
    };
    let products = "/products/v1/products?limit=1";
    eventually("the node hears", || async { (ask(products).await.0 == StatusCode::OK).then_some(()) }).await;

    wire.cut.store(true, Ordering::SeqCst);
    let unheard = || async { Some(ask(products).await.1).filter(|code| code == "FAB4140") };
    eventually("what is not served without is refused", unheard).await;
    assert_eq!(ask(POSITIONS).await.0, StatusCode::OK, "what is served for 12 s goes on");
    // Its lease has run out by now: who revokes does not wait for it, and is told until when it may serve.
    let began = Instant::now();
    let said = told(&["key", "revoke", &key_id("planning", &store)], &store);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(said["nodes"][0]["lease_ran_out_ms"].is_u64(), "{said}");
    assert!(said["nodes"][0]["may_serve_until"].is_string(), "{said}");
    let over = || async { Some(ask(POSITIONS).await.1).filter(|code| code == "FAB4140") };
    eventually("and no longer than 12 s", over).await;

    wire.cut.store(false, Ordering::SeqCst);
    let heard = || async { (ask(POSITIONS).await.0 == StatusCode::UNAUTHORIZED).then_some(()) };
    eventually("it hears what it missed", heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_ended_grants_are_known_at_once_and_blocks_are_lifted() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let client = Client::new();
    let code = || async {
        let answer = client.get(format!("{}{POSITIONS}", served.base)).bearer_auth(&board).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["code"].as_str().unwrap_or("none").to_owned()
    };
    assert_eq!(code().await, "none");
    // What was mistyped is not blocked in its place, with success.
    for (words, meant) in [
        (["block", "consumer", "shop-flor-board", "--because", "x"], "did you mean `shop-floor-board`?"),
        (["block", "interface", "inventori@2", "--because", "x"], "did you mean `inventory@2`?"),
        (["key", "issue", "shop-flor-board", "--days", "9"], "did you mean `shop-floor-board`?"),
    ] {
        let store: Vec<&str> = store.iter().map(String::as_str).collect();
        let output = selvage(&[&words[..], &store].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("FAB7193") && said.contains(meant), "{words:?}: {said}");
        let output = selvage(&[&words[..], &["--anyway"], &store].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(code().await, "none");
    for (what, name, refused) in [("consumer", "shop-floor-board", "FAB4141"), ("interface", "inventory@2", "FAB4004")]
    {
        let said = told(&["block", what, name], &store);
        assert!(said["nodes"][0]["acknowledged_ms"].is_u64(), "{said}");
        assert_eq!(code().await, refused);
        let id = said["what"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        told(&["block", "lift", &id], &store);
        // Its quota is settled with the store anew, which takes a moment.
        let open = || async { (code().await == "none").then_some(()) };
        eventually(what, open).await;
    }
    let arguments: Vec<&str> = ["grant", "list", "--consumer", "shop-floor-board"]
        .into_iter()
        .chain(store.iter().map(String::as_str))
        .collect();
    let listed = stdout(&selvage(&arguments));
    let line = listed.lines().find(|line| line.contains("inventory@2")).unwrap();
    let said = told(&["grant", "end", line.split_whitespace().next().unwrap()], &store);
    assert!(said["nodes"][0]["acknowledged_ms"].is_u64(), "{said}");
    assert_eq!(code().await, "FAB4022");
}
