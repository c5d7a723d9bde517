//! What is sent: headers, signatures, bodies, connections that are kept; and what is not sent at all.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_delivery::send::{PROBED, Sender, probe};
use selvage_delivery::{AddressPolicy, Attempt, Endpoint, EndpointLimits, Sent, Signing};
use selvage_model::manifest::system::SecretName;
use tokio::io::AsyncWriteExt as _;

use crate::receiver::Receiver;
use crate::{endpoint, message, sender};

fn signed(url: &str, secrets: &[&str]) -> Endpoint {
    let secrets = secrets.iter().map(|name| SecretName((*name).to_owned())).collect();
    Endpoint { signing: Signing::StandardWebhooks(secrets), ..endpoint(url) }
}

fn told(attempt: &Attempt) -> &str {
    match &attempt.sent {
        Sent::Again { because, .. }
        | Sent::Refused { because, .. }
        | Sent::NotSent { because, .. }
        | Sent::Withheld { because } => because,
        Sent::Delivered => "delivered",
        Sent::Gone => "gone",
    }
}

#[tokio::test]
async fn a_message_is_signed_by_every_key_of_a_rotation_and_has_one_id() {
    let receiver = Receiver::status("204 No Content").await;
    let mut endpoint = signed(&receiver.url(), &["hook/new", "hook/old", "hook/private"]);
    endpoint.headers = vec![
        ("x-tenant".to_owned(), "ghent".to_owned()),
        ("webhook-id".to_owned(), "forged".to_owned()),
        ("host".to_owned(), "elsewhere".to_owned()),
    ];
    let sender = sender();
    for _ in 0..2 {
        let attempt = sender.send(Arc::new(endpoint.clone()), message("msg_1")).await;
        assert_eq!((attempt.status, attempt.sent), (Some(204), Sent::Delivered));
    }
    let got = receiver.got();
    for got in &got {
        assert_eq!(got.line, "POST /hooks/in HTTP/1.1");
        assert_eq!(got.header("host"), Some(receiver.address.to_string().as_str()));
        assert_eq!(got.header("content-type"), Some("application/cloudevents+json"));
        assert_eq!(got.header("x-tenant"), Some("ghent"));
        assert_eq!(got.header("webhook-id"), Some("msg_1"), "the same at each attempt, and nobody else's");
        assert_eq!(got.body, message("msg_1").body);
        let seconds: i64 = got.header("webhook-timestamp").unwrap().parse().unwrap();
        assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 5);
        let versions: Vec<&str> =
            got.header("webhook-signature").unwrap().split(' ').map(|it| it.split(',').next().unwrap()).collect();
        assert_eq!(versions, ["v1", "v1", "v1a"]);
    }
    assert_eq!((got.len(), receiver.connections()), (2, 1), "the connection is kept");
}

#[tokio::test]
async fn without_its_secret_nothing_is_sent_and_the_secret_is_not_told() {
    let receiver = Receiver::status("200 OK").await;
    for (secrets, expected) in [
        (&["hook/gone"][..], "FAB5127: the secret `hook/gone` is not there"),
        (
            &["hook/unfit"],
            "FAB5127: the secret `hook/unfit` does not sign: it begins with neither `whsec_` nor `whsk_`",
        ),
        (&["hook/old", "hook/gone"], "FAB5127: the secret `hook/gone` is not there"),
        (&[], "FAB5127: the endpoint has no secret to sign with"),
    ] {
        let attempt = sender().send(Arc::new(signed(&receiver.url(), secrets)), message("msg_1")).await;
        assert_eq!(told(&attempt), expected);
    }
    assert_eq!(receiver.got().len(), 0);
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_is_not_granted() {
    let receiver = Receiver::status("200 OK").await;
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "169.254.169.254"] {
        let mut endpoint = endpoint(&format!("http://{host}:{port}/"));
        endpoint.addresses = AddressPolicy::default();
        let attempt = sender().send(Arc::new(endpoint), message("msg_1")).await;
        assert!(told(&attempt).starts_with("FAB5120: "), "{host}: {attempt:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// The name leads to what is open when it is judged, and elsewhere when it is asked again.
#[tokio::test]
async fn a_name_that_changes_its_mind_leads_nowhere_else() {
    let receiver = Receiver::saying("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answers: Arc<Mutex<Vec<&str>>> = Arc::new(Mutex::new(vec!["127.0.0.1,10.0.0.1", "10.0.0.1", "127.0.0.1"]));
    let sender = Sender::resolving(
        Arc::new(|_| None),
        Arc::new(move |host| {
            assert_eq!(host, "hooks.example");
            counted.fetch_add(1, Ordering::SeqCst);
            let answer: Vec<IpAddr> =
                answers.lock().unwrap().pop().unwrap().split(',').map(|address| address.parse().unwrap()).collect();
            Box::pin(async move { Ok(answer) })
        }),
    );
    let endpoint = Arc::new(endpoint(&format!("http://hooks.example:{}/", receiver.address.port())));
    let mut told_each = Vec::new();
    for _ in 0..3 {
        told_each.push(told(&sender.send(Arc::clone(&endpoint), message("msg_1")).await).to_owned());
    }
    assert_eq!(told_each[0], "delivered");
    assert!(
        told_each[1..].iter().all(|told| told.starts_with("FAB5120: `hooks.example` leads to a private")),
        "{told_each:?}"
    );
    assert_eq!((asked.load(Ordering::SeqCst), receiver.got().len()), (3, 1), "asked once for each connection");
    assert_eq!(receiver.got()[0].header("host"), Some(format!("hooks.example:{}", receiver.address.port()).as_str()));
}

#[tokio::test]
async fn a_connection_that_the_endpoint_closed_is_replaced() {
    let receiver = Receiver::doing(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        None
    })
    .await;
    let (sender, endpoint) = (sender(), Arc::new(endpoint(&receiver.url())));
    for _ in 0..5 {
        assert_eq!(sender.send(Arc::clone(&endpoint), message("msg_1")).await.sent, Sent::Delivered);
    }
}

#[tokio::test]
async fn a_probe_is_signed_as_every_message() {
    let receiver = Receiver::status("200 OK").await;
    let endpoint = Arc::new(signed(&receiver.url(), &["hook/new"]));
    let attempt = sender().send(endpoint, probe("wms/completed", jiff::Timestamp::now())).await;
    assert_eq!(attempt.sent, Sent::Delivered);
    let got = receiver.got().remove(0);
    let event: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!((&event["type"], &event["data"]["subscription"]), (&PROBED.into(), &"wms/completed".into()));
    assert_eq!(event["id"], got.header("webhook-id").unwrap());
    assert!(got.header("webhook-signature").unwrap().starts_with("v1,"));
}

#[tokio::test]
async fn one_endpoint_waits_for_none_other() {
    let slow = Receiver::doing(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Some(stream)
    })
    .await;
    let quick = Receiver::status("200 OK").await;
    let sender = sender();
    let mut slow_endpoint = endpoint(&slow.url());
    slow_endpoint.limits.concurrency = 2;
    let slow_endpoint = Arc::new(slow_endpoint);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (sender, endpoint) = (sender.clone(), Arc::clone(&slow_endpoint));
            tokio::spawn(async move { sender.send(endpoint, message("msg_slow")).await })
        })
        .collect();
    while slow.got().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let third = sender.send(slow_endpoint, message("msg_third")).await;
    assert!(matches!(third.sent, Sent::NotSent { .. }), "{third:?}");
    let began = tokio::time::Instant::now();
    let quick_endpoint = Arc::new(Endpoint { name: "mes/other".to_owned(), ..endpoint(&quick.url()) });
    assert_eq!(sender.send(quick_endpoint, message("msg_quick")).await.sent, Sent::Delivered);
    assert!(began.elapsed() < Duration::from_secs(1));
    for waiting in waiting {
        assert_eq!(told(&waiting.await.unwrap()), "FAB5124: there was no answer within 2 s");
    }
    assert_eq!(slow.got().len(), 2);
}

/// Two subscriptions that send to one address: each may send two at a time, and both together two.
#[tokio::test]
async fn subscriptions_to_one_address_share_its_places() {
    let (now, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (under_way, seen) = (Arc::clone(&now), Arc::clone(&most));
    let receiver = Receiver::doing(move |mut stream, _| {
        let (now, most) = (Arc::clone(&under_way), Arc::clone(&seen));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.ok().map(|()| stream)
        }
    })
    .await;
    let sender = sender();
    let sending = ["mes/orders", "mes/orders", "board/orders", "board/orders"].map(|name| {
        let limits = EndpointLimits { concurrency: 2, ..endpoint("").limits };
        let endpoint = Arc::new(Endpoint { name: name.to_owned(), limits, ..endpoint(&receiver.url()) });
        let sender = sender.clone();
        tokio::spawn(async move {
            for number in 0..5 {
                let message = message(&format!("msg_{number}"));
                assert_eq!(sender.send(Arc::clone(&endpoint), message).await.sent, Sent::Delivered);
            }
        })
    });
    for sending in sending {
        sending.await.unwrap();
    }
    assert_eq!((receiver.got().len(), most.load(Ordering::SeqCst)), (20, 2));
}
