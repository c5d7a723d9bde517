//! What comes of a message at a receiver that answers badly, slowly, endlessly, elsewhere or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_delivery::{Attempt, Sent};
use selvage_model::delivery::Cause;
use tokio::io::AsyncWriteExt as _;

use crate::receiver::Receiver;
use crate::{endpoint, message, sender};

async fn sent_to(receiver: &Receiver) -> Attempt {
    sender().send(Arc::new(endpoint(&receiver.url())), message("msg_1")).await
}

fn again(cause: Cause, because: &str, retry_after: Option<u64>) -> Sent {
    Sent::Again { cause, because: because.to_owned(), retry_after: retry_after.map(Duration::from_secs) }
}

#[tokio::test]
async fn what_each_status_means() {
    let fails = |cause, status| again(cause, &format!("FAB5129: the endpoint answers {status}"), None);
    let never = |status| Sent::Refused {
        cause: Cause::Refused,
        because: format!("FAB5130: the endpoint answers {status}: it will never take this message"),
    };
    let elsewhere = "FAB5128: the endpoint leads on to somewhere else, and nothing is sent where an answer points";
    let table = [
        (200, Sent::Delivered),
        (202, Sent::Delivered),
        (299, Sent::Delivered),
        (301, again(Cause::Refused, elsewhere, None)),
        (304, again(Cause::Refused, elsewhere, None)),
        (400, fails(Cause::Refused, 400)),
        (401, fails(Cause::Refused, 401)),
        (404, fails(Cause::Refused, 404)),
        (408, fails(Cause::Timeout, 408)),
        (410, Sent::Gone),
        (413, never(413)),
        (415, never(415)),
        (422, never(422)),
        (425, fails(Cause::Timeout, 425)),
        (429, fails(Cause::Timeout, 429)),
        (500, fails(Cause::Timeout, 500)),
        (503, fails(Cause::Timeout, 503)),
        (599, fails(Cause::Timeout, 599)),
        (700, fails(Cause::Timeout, 700)),
    ];
    for (status, expected) in table {
        let receiver = Receiver::status(&format!("{status} So")).await;
        let attempt = sent_to(&receiver).await;
        assert_eq!((attempt.status, attempt.sent), (Some(status), expected), "{status}");
        assert_eq!(receiver.got().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_says_when_to_come_again() {
    let date = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    let table = [
        ("429 Slow Down", "120", Some(120)),
        ("503 Later", &*date, Some(90)),
        ("503 Later", "Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("429 Slow Down", "31536000", Some(86_400)),
        ("503 Later", "when it suits", None),
        ("404 Not Here", "120", None),
    ];
    for (status, value, expected) in table {
        let receiver =
            Receiver::saying(format!("HTTP/1.1 {status}\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n")).await;
        let (sender, endpoint) = (sender(), Arc::new(endpoint(&receiver.url())));
        let attempt = sender.send(Arc::clone(&endpoint), message("msg_1")).await;
        let Sent::Again { retry_after, .. } = attempt.sent else { panic!("{value}: {attempt:?}") };
        // What is said as a time was said a moment ago.
        let seconds = retry_after.map(|wait| wait.as_secs_f64());
        let near = match (seconds, expected) {
            (Some(seconds), Some(expected)) => (expected as f64 - 2.0..=expected as f64).contains(&seconds),
            (seconds, expected) => seconds.is_none() && expected.is_none(),
        };
        assert!(near, "{value}: {retry_after:?}");
        let next = sender.send(endpoint, message("msg_2")).await;
        assert_eq!(matches!(next.sent, Sent::NotSent { .. }), expected.is_some_and(|it| it > 0), "{value}: {next:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_an_answer_points() {
    let elsewhere = Receiver::status("200 OK").await;
    for (location, told) in [
        ("http://169.254.169.254/latest/meta-data/?token=hunter2".to_owned(), "`http://169.254.169.254`"),
        (elsewhere.url(), "`http://127.0.0.1`"),
        ("/hooks/there".to_owned(), "another path"),
    ] {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
            let answer = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let attempt = sent_to(&Receiver::saying(answer).await).await;
            let because =
                format!("FAB5128: the endpoint leads on to {told}, and nothing is sent where an answer points");
            assert_eq!(attempt.sent, again(Cause::Refused, &because, None));
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_no_longer_than_said() {
    let mute = Receiver::doing(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Some(stream)
    })
    .await;
    let drips = Receiver::doing(|mut stream, _| async move {
        for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().cycle() {
            stream.write_all(&[*byte]).await.ok()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    })
    .await;
    for receiver in [mute, drips] {
        let began = Instant::now();
        let attempt = sent_to(&receiver).await;
        assert_eq!(attempt.sent, again(Cause::Timeout, "FAB5124: there was no answer within 2 s", None));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(receiver.got().len(), 1);
    }
}

/// The status has said that the receiver has it; how its body goes on changes nothing.
#[tokio::test]
async fn a_body_without_end_holds_nobody_up() {
    let head: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nthe \r\n";
    let endless = Receiver::doing(move |mut stream, _| async move {
        stream.write_all(head).await.ok()?;
        loop {
            stream.write_all(format!("4000\r\n{}\r\n", "x".repeat(0x4000)).as_bytes()).await.ok()?;
        }
    })
    .await;
    let stuck = Receiver::doing(move |mut stream, _| async move {
        stream.write_all(head).await.ok()?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        Some(stream)
    })
    .await;
    let broken = Receiver::doing(move |mut stream, _| async move {
        stream.write_all(head).await.ok()?;
        None
    })
    .await;
    for receiver in [endless, stuck, broken] {
        let began = Instant::now();
        let attempt = sent_to(&receiver).await;
        assert_eq!(attempt.sent, Sent::Delivered);
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        let excerpt = attempt.excerpt.unwrap();
        assert!(excerpt.starts_with("the") && excerpt.len() <= Attempt::MOST_EXCERPT, "{excerpt}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_outcome_that_nobody_knows() {
    let resets = Receiver::doing(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 20").await.unwrap();
        #[allow(deprecated, reason = "a reset is what is wanted")]
        stream.set_linger(Some(Duration::ZERO)).unwrap();
        None
    })
    .await;
    let closes = Receiver::doing(|_, _| async move { None }).await;
    for receiver in [resets, closes] {
        let attempt = sent_to(&receiver).await;
        let Sent::Again { cause: Cause::Timeout, because, retry_after: None } = &attempt.sent else {
            panic!("{attempt:?}")
        };
        assert!(because.starts_with("FAB5125: the connection ended before there was an answer"), "{because}");
        assert_eq!(receiver.got().len(), 1, "who decides when it is sent again is not who sends");
    }
}

#[tokio::test]
async fn what_is_no_http_is_told_so() {
    let lines = "x: y\r\n".repeat(200);
    let large = format!("x: {}\r\n", "y".repeat(100_000));
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{lines}\r\n"),
        format!("HTTP/1.1 200 OK\r\n{large}\r\n"),
        "HTTP/1.1 OK\r\n\r\n".to_owned(),
    ] {
        let attempt = sent_to(&Receiver::saying(answer.clone()).await).await;
        let Sent::Again { because, .. } = &attempt.sent else { panic!("{attempt:?} of {} bytes", answer.len()) };
        assert!(because.starts_with("FAB5126: "), "{because} of {} bytes", answer.len());
    }
}

#[tokio::test]
async fn a_receiver_of_http_1_0_closes_and_is_connected_to_anew() {
    let receiver = Receiver::doing(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\ntaken").await.unwrap();
        None
    })
    .await;
    let (sender, endpoint) = (sender(), Arc::new(endpoint(&receiver.url())));
    for _ in 0..2 {
        let attempt = sender.send(Arc::clone(&endpoint), message("msg_1")).await;
        assert_eq!((attempt.sent, attempt.excerpt.as_deref()), (Sent::Delivered, Some("taken")));
    }
    assert_eq!((receiver.connections(), receiver.got().len()), (2, 2));
}

#[tokio::test]
async fn a_dead_endpoint_is_left_alone_and_tried_again() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let (sender, endpoint) = (sender(), Arc::new(endpoint(&format!("http://{address}/"))));
    for _ in 0..5 {
        let attempt = sender.send(Arc::clone(&endpoint), message("msg_1")).await;
        let Sent::Again { cause: Cause::Timeout, because, .. } = &attempt.sent else { panic!("{attempt:?}") };
        assert!(because.starts_with("FAB5122: there is no connection"), "{because}");
    }
    let attempt = sender.send(endpoint, message("msg_1")).await;
    let Sent::NotSent { because, retry_after } = &attempt.sent else { panic!("{attempt:?}") };
    assert!(because.starts_with("FAB5131: ") && *retry_after <= Duration::from_secs(5), "{attempt:?}");
}
