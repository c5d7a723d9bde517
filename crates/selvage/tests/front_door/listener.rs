//! The listener through the front door: TLS by files that change while the node runs, and limits from the command line.

use std::path::PathBuf;

use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client, StatusCode};

use crate::fixture::{Place, Served, eventually, selvage};

fn sample(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../selvage-gateway/tests/gateway/data/tls/clients");
    tests.join(name)
}

/// Puts a certificate and its key where the node looks, each in one step.
fn put(place: &Place, name: &str) {
    for kind in ["pem", "key"] {
        std::fs::copy(sample(&format!("{name}.{kind}")), place.path("aside")).unwrap();
        std::fs::rename(place.path("aside"), place.path(&format!("listener.{kind}"))).unwrap();
    }
}

/// The certificate that the node shows a new client.
async fn shown(served: &Served) -> Option<Vec<u8>> {
    let authority = Certificate::from_pem(&std::fs::read(sample("authority.pem")).unwrap()).unwrap();
    let client = Client::builder().tls_certs_only([authority]).tls_info(true).build().unwrap();
    let answer = client.get(format!("{}/livez", served.base)).send().await.ok()?;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.extensions().get::<TlsInfo>()?.peer_certificate().map(<[u8]>::to_vec)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_while_the_node_runs() {
    let place = Place::new().await;
    put(&place, "listener");
    let [certificate, key] = ["pem", "key"].map(|kind| place.path(&format!("listener.{kind}")).display().to_string());
    let served = place.serve(&place.data(), &["--tls-certificate", &certificate, "--tls-key", &key]);
    assert!(served.base.starts_with("https://"), "{}", served.base);
    let first = shown(&served).await.unwrap();
    // What cannot be used changes nothing.
    std::fs::write(&certificate, "half a fi").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(shown(&served).await.unwrap(), first);
    put(&place, "renewed");
    eventually("the renewed certificate is shown", async || {
        let now = shown(&served).await?;
        (now != first).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_come_from_the_command_line() {
    let place = Place::new().await;
    let key = place.key(&place.data(), "planning");
    let limits = ["--max-head", "8KiB", "--max-held", "1KiB", "--max-connections-per-peer", "2"];
    let served = place.serve(&place.data(), &limits);
    let client = Client::new();
    let order = client.post(format!("{}/production-orders/v1/production-orders", served.base)).bearer_auth(key);
    let order = order.header("idempotency-key", "large").body(format!("{{\"product\": \"{}\"}}", "x".repeat(2_000)));
    let refused = order.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.text().await.unwrap().contains("than the 1024 bytes that this node holds"));
    let long = client.get(format!("{}/livez", served.base)).header("x-long", "x".repeat(9_000));
    assert_eq!(long.send().await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let address = served.base.strip_prefix("http://").unwrap();
    let mut closed = 0;
    let mut kept = Vec::new();
    for _ in 0..6 {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        let wait = tokio::time::timeout(std::time::Duration::from_millis(500), stream.peek(&mut byte)).await;
        closed += usize::from(wait.is_ok());
        kept.push(stream);
    }
    assert!(closed >= 4, "{closed} of 6 were closed at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_cannot_be_spoken_is_told() {
    let place = Place::new().await;
    let [fabric, data, secrets] = ["fabric", "data", "secrets"].map(|name| place.path(name).display().to_string());
    let key = sample("renewed.key").display().to_string();
    let mut arguments = vec!["serve", "--fabric", &fabric, "--data", &data, "--secrets", &secrets];
    for address in ["--listen", "--console", "--admin"] {
        arguments.extend([address, "127.0.0.1:0"]);
    }
    let certificate = sample("listener.pem").display().to_string();
    arguments.extend(["--tls-certificate", &certificate, "--tls-key", &key]);
    let output = selvage(&arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("FAB4071"), "{told}");
}
