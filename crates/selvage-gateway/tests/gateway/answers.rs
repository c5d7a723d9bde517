//! Systems that answer as no system should: nothing of it reaches another request, and nothing goes on without end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::{Answer, authorization, head};
use super::fabric;
use super::running::Running;

/// A system that hears a head, and then does this with the connection, as long as it says to go on.
fn system(answers: impl Fn(&mut TcpStream, &str) -> bool + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answers) = (stream.unwrap(), Arc::clone(&answers));
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                while let Some(head) = hear(&mut stream) {
                    if !answers(&mut stream, &head) {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn hear(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A gateway of one thread before it, so that all its requests share connections.
fn before(system: SocketAddr) -> Running {
    Running::serving(|_| fabric::snapshot(&system.to_string()), |config| config.threads = 1)
}

/// An answer that says which request it is to.
fn to(head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len())
}

fn get(running: &Running, item: u32) -> Answer {
    running.client().get("shop", &format!("/stock/v1/items/{item}"))
}

/// What a system says instead of its own answer, with another one.
type Says = fn(&str, &str) -> String;

#[test]
fn what_is_said_beyond_an_answer_answers_nobody_else() {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
    let chunked = |body: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let says: [(&str, Says); 4] = [
        ("behind a length", |own, stray| format!("{own}{stray}")),
        ("instead of no body", |_, stray| format!("HTTP/1.1 204 No Content\r\n\r\n{stray}")),
        ("instead of what is not modified", |_, stray| format!("HTTP/1.1 304 Not Modified\r\n\r\n{stray}")),
        ("by a length beside chunks", |own, stray| {
            let body = own.rsplit("\r\n").next().unwrap_or_default();
            let length = body.len() + stray.len() + 12;
            let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{stray}")
        }),
    ];
    for (name, say) in says {
        let running = before(system(move |stream, head| stream.write_all(say(&to(head), stray).as_bytes()).is_ok()));
        for item in 0..5 {
            let answer = get(&running, item);
            assert!(!answer.text().contains("stolen"), "{name}: {}", answer.text());
            if answer.status == 200 {
                assert_eq!(answer.text(), format!("/api/items/{item}"), "{name}");
            }
        }
    }
    let trailers = chunked("3\r\nabc\r\n0\r\nSet-Cookie: stolen\r\nContent-Length: 9\r\n\r\n");
    let running = before(system(move |stream, _| stream.write_all(trailers.as_bytes()).is_ok()));
    for item in 0..3 {
        let answer = get(&running, item);
        assert_eq!((answer.status, answer.text(), answer.header("set-cookie")), (200, "abc", None));
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_not_passed_on() {
    for (said, status) in [
        ("HTTP/1.1 200 OK\r\nX-One: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", Some(502)),
        ("HTTP/1.1 200 OK\r\nX-One: a\0b\r\nContent-Length: 0\r\n\r\n", Some(502)),
        ("HTTP/1.1 200 OK\r\nX One: a\r\nContent-Length: 0\r\n\r\n", Some(502)),
        ("HTTP/1.1 200 OK\r\nX-One: a\r\n folded: b\r\nContent-Length: 0\r\n\r\n", Some(502)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", Some(502)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nhello", Some(502)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Some(502)),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", Some(502)),
        // The head is out by then: the answer breaks off.
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc", None),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", None),
    ] {
        let running = before(system(move |stream, _| stream.write_all(said.as_bytes()).is_ok()));
        let answer = running.client().try_get("shop", "/stock/v1/items/1");
        assert_eq!(answer.as_ref().map(|answer| answer.status), status, "{said:?}");
        assert!(answer.is_none_or(|answer| answer.header("set-cookie").is_none()));
    }
}

#[test]
fn interim_answers_without_end_are_not_waited_for() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let running = before(system(move |stream, head| {
        if head.contains("/items/0 ") {
            while stream.write_all(hint.as_bytes()).is_ok() {}
            return false;
        }
        stream.write_all(format!("{}{}", hint.repeat(3), to(head)).as_bytes()).is_ok()
    }));
    let began = Instant::now();
    assert_eq!(get(&running, 0).said(), (502, "FAB4052".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let answer = get(&running, 1);
    assert_eq!((answer.status, answer.text(), answer.header("link")), (200, "/api/items/1", None));
}

/// Nobody reads the rest of the body, so nothing of it may be taken for the next request.
#[test]
fn an_answer_before_the_body_has_come_ends_the_connection_to_the_system() {
    let running = before(system(|stream, head| {
        let early = head.starts_with("PUT ");
        let answer = if early { "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno".to_owned() } else { to(head) };
        stream.write_all(answer.as_bytes()).is_ok()
    }));
    assert_eq!(get(&running, 0).status, 200, "a connection is there and kept");
    let smuggled = "GET /api/items/stolen HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..3 {
        let mut client = running.client();
        client.send(head("PUT", "/stock/v1/items/1", &[&authorization("shop")], 1_000));
        let answer = client.read();
        assert_eq!((answer.status, answer.text()), (413, "no"));
        // The rest comes, and looks like a request.
        client.try_send(smuggled.repeat(10).as_bytes());
        for item in 2..5 {
            assert_eq!(get(&running, item).text(), format!("/api/items/{item}"));
        }
    }
}
