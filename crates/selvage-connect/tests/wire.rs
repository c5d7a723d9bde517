//! What the connector makes of everything that can happen to one HTTP exchange: lost answers, hung servers, foreign bodies,
//! conflicts. It proves above all that a write whose outcome is unknown is sent once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use selvage_connect::odoo::{Call, Failure, KeyState, Odoo, OdooConfig, OdooTls, Scope, Secret};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with the nth call of a method, after it was read whole.
#[derive(Clone, Copy)]
enum Does {
    Answer(&'static str, &'static str),
    Close,
    Hang,
    Cut,
    Flood,
}

struct Server {
    url: String,
    calls: Arc<AtomicUsize>,
}

const CONFLICT: &str = r#"{"name": "psycopg2.errors.SerializationFailure", "message": "could not serialize access", "arguments": [], "context": {}, "debug": "Traceback: …"}"#;

async fn serve(script: &'static [Does]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, script, Arc::clone(&counter)));
        }
    });
    Server { url, calls }
}

async fn connection(mut stream: TcpStream, script: &'static [Does], calls: Arc<AtomicUsize>) {
    while let Some(head) = request(&mut stream).await {
        let does = if head.starts_with("GET /web/version") {
            Does::Answer("200 OK", r#"{"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}"#)
        } else if head.contains("res.users/search_read") {
            Does::Answer("200 OK", r#"[{"id": 2, "login": "svc"}]"#)
        } else {
            let nth = calls.fetch_add(1, Ordering::SeqCst);
            script[nth.min(script.len() - 1)]
        };
        match does {
            Does::Answer(status, body) => {
                let text = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nlocation: /web/login\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Does::Close => return,
            Does::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
            Does::Cut => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id").await.unwrap();
                return;
            }
            Does::Flood => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await.unwrap();
                let part = vec![b' '; 1 << 20];
                while stream.write_all(&part).await.is_ok() {}
                return;
            }
        }
    }
}

/// Reads one request whole; gives its head.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            if read.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&read[..end]).into_owned());
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&part[..count]),
        }
    }
}

fn odoo(url: &str, timeout: Duration) -> Odoo {
    Odoo::new(OdooConfig {
        system: "odoo".to_owned(),
        url: url.to_owned(),
        database: None,
        dialect: None,
        login: "svc".to_owned(),
        secret: Secret::new("k3y-k3y-k3y"),
        next: None,
        lang: "en_US".to_owned(),
        timeout,
        longest_transaction: Duration::from_secs(30),
        concurrency: 2,
        tls: OdooTls::default(),
    })
    .unwrap()
}

fn write() -> Call {
    Call::write("res.partner", "write", &Scope::company(1)).on(&[1]).arg("vals", json!({"name": "x"}))
}

fn read() -> Call {
    Call::read("res.partner", "read", &Scope::company(1)).on(&[1]).arg("fields", json!(["name"]))
}

#[tokio::test]
async fn what_each_end_of_an_exchange_means() {
    for (name, does, of_write, of_read) in [
        ("closed without an answer", Does::Close, "FAB6010", "FAB6009"),
        ("no answer in time", Does::Hang, "FAB6010", "FAB6009"),
        ("cut within the answer", Does::Cut, "FAB6010", "FAB6009"),
        ("more than 64 MiB", Does::Flood, "FAB6010", "FAB6009"),
        ("a proxy lost the way", Does::Answer("502 Bad Gateway", "<h1>Bad Gateway</h1>"), "FAB6010", "FAB6009"),
        ("a proxy ran out of time", Does::Answer("504 Gateway Timeout", ""), "FAB6010", "FAB6009"),
        ("no json", Does::Answer("200 OK", "<html>"), "FAB6010", "FAB6009"),
        ("a redirect", Does::Answer("302 Found", ""), "FAB6011", "FAB6011"),
        ("a firewall", Does::Answer("403 Forbidden", "no"), "FAB6011", "FAB6011"),
    ] {
        for (call, code, is_read) in [(write(), of_write, false), (read(), of_read, true)] {
            let server = serve(Box::leak(Box::new([does]))).await;
            let odoo = odoo(&server.url, Duration::from_millis(900));
            let failure = odoo.call(call).await.unwrap_err();
            assert_eq!(failure.code(), code, "{name}: {failure}");
            // INVARIANT: ONE-EFFECT — never resent, whatever the transport would like to do, but for a read whose connection broke.
            let broke = is_read && name == "closed without an answer";
            assert_eq!(server.calls.load(Ordering::SeqCst), if broke { 2 } else { 1 }, "{name}");
        }
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_sent_again() {
    let server = serve(&[
        Does::Answer("409 Conflict", CONFLICT),
        Does::Answer("500 Internal Server Error", CONFLICT),
        Does::Answer("200 OK", "true"),
    ])
    .await;
    let answer = odoo(&server.url, Duration::from_secs(5)).call(write()).await;
    assert_eq!((answer, server.calls.load(Ordering::SeqCst)), (Ok(json!(true)), 3));
}

#[tokio::test]
async fn but_not_for_ever() {
    let server = serve(&[Does::Answer("500 Internal Server Error", CONFLICT)]).await;
    let failure = odoo(&server.url, Duration::from_secs(20)).call(write()).await.unwrap_err();
    assert!(matches!(&failure, Failure::TryAgain { reason } if reason == "could not serialize access"), "{failure}");
    assert_eq!(server.calls.load(Ordering::SeqCst), 5);
    // Nor beyond the time that a call may take.
    let server = serve(&[Does::Answer("500 Internal Server Error", CONFLICT)]).await;
    let begun = Instant::now();
    odoo(&server.url, Duration::from_millis(300)).call(write()).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(700) && server.calls.load(Ordering::SeqCst) < 4);
}

#[tokio::test]
async fn a_conflict_followed_by_silence_is_unknown() {
    let server = serve(&[Does::Answer("409 Conflict", CONFLICT), Does::Close]).await;
    let failure = odoo(&server.url, Duration::from_secs(5)).call(write()).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure}");
    assert_eq!(server.calls.load(Ordering::SeqCst), 2);
}

/// A key that is refused is not sent again and again, whoever asks: Odoo locks accounts for that.
#[tokio::test]
async fn a_refused_key_never_becomes_a_storm() {
    let refused = Does::Answer(
        "401 Unauthorized",
        r#"{"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}"#,
    );
    let server = serve(Box::leak(Box::new([refused]))).await;
    let odoo = odoo(&server.url, Duration::from_secs(5));
    odoo.server().await.unwrap();
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let odoo = odoo.clone();
            tokio::spawn(async move { odoo.call(read()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Err(Failure::Unauthenticated));
    }
    // Those that were under way together, and none after them; a handle that begins anew knows it too.
    let sent = server.calls.load(Ordering::SeqCst);
    assert!(sent <= 2, "{sent}");
    for _ in 0..20 {
        assert_eq!(odoo.call(write()).await, Err(Failure::Unauthenticated));
        assert_eq!(odoo.anew().unwrap().server().await, Err(Failure::Unauthenticated));
    }
    assert_eq!((server.calls.load(Ordering::SeqCst), odoo.key_state()), (sent, KeyState::None));
}

/// INVARIANT: SECRET-FREE, even if the server echoes the key.
#[tokio::test]
async fn an_echoed_secret_is_blotted_out() {
    let body = r#"{"name": "odoo.exceptions.UserError", "message": "bad key k3y-k3y-k3y", "debug": ""}"#;
    let server = serve(Box::leak(Box::new([Does::Answer("422 Unprocessable Entity", body)]))).await;
    let odoo = odoo(&server.url, Duration::from_secs(5));
    let failure = odoo.call(write()).await.unwrap_err();
    assert!(!format!("{failure} {failure:?} {odoo:?}").contains("k3y-k3y-k3y"));
    assert_eq!(failure.to_string(), "odoo refused it: bad key …");
}

/// The limit on calls under way is kept by all clones together.
#[tokio::test]
async fn only_so_many_calls_at_once() {
    let server = serve(&[Does::Hang]).await;
    let odoo = odoo(&server.url, Duration::from_millis(600));
    odoo.server().await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            tokio::spawn({
                let odoo = odoo.clone();
                async move { odoo.call(read()).await }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.calls.load(Ordering::SeqCst), 2);
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
}
