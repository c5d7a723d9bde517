//! Answers of upstreams as tables: what is taken, and what is refused because it could be read in two ways.

use super::*;

/// Status, framing, whether it keeps the connection, headers and what is left, or what is wrong.
fn read(asked: &Method, bytes: &str) -> String {
    read_as(asked, false, bytes)
}

fn read_as(asked: &Method, websocket: bool, bytes: &str) -> String {
    let mut buffer = BytesMut::from(bytes);
    let mut headers = HeaderMap::new();
    match take((&mut buffer, &mut Vec::new()), asked, websocket, &mut headers, &mut 0) {
        Ok(None) => "more".to_owned(),
        Err(bad) => bad.to_string(),
        Ok(Some(Answer { status, framing, keeps })) => {
            let keeps = if keeps { "keeps" } else { "closes" };
            let headers: Vec<String> =
                headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
            let left = std::str::from_utf8(&buffer).unwrap();
            format!("{} {framing:?} {keeps} [{}] {left:?}", status.as_u16(), headers.join(" "))
        }
    }
}

#[test]
fn answers_are_framed() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 Length(3) keeps [content-length=3] \"abc\""),
        ("HTTP/1.1 200 \r\nA: b\r\nContent-Length: 0\r\n\r\n", "200 Length(0) keeps [a=b content-length=0] \"\""),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "200 Length(3) keeps [content-length=3] \"\"",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0", "200 Chunked keeps [] \"0\""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "200 Chunked closes [] \"\""),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "200 Close closes [] \"abc\""),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 Length(0) keeps [] \"\""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 Length(0) keeps [content-length=9] \"\""),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
            "200 Length(1) closes [content-length=1] \"\"",
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: x-a, Close\r\nX-A: 1\r\nContent-Length: 1\r\n\r\n",
            "200 Length(1) closes [content-length=1] \"\"",
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "200 Length(1) closes [content-length=1] \"\""),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
            "200 Length(1) keeps [content-length=1] \"\"",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
            "201 Length(0) keeps [content-length=0] \"\"",
        ),
        (
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
            "200 Length(0) keeps [set-cookie=a set-cookie=b content-length=0] \"\"",
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2", "more"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "more"),
        ("", "more"),
    ];
    for (bytes, expected) in table {
        assert_eq!(read(&Method::GET, bytes), expected, "{bytes}");
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(&Method::HEAD, head), "200 Length(0) keeps [] \"\"");
}

#[test]
fn what_is_not_clear_is_not_read() {
    let table = [
        ("SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"),
        ("HTTP/2 200\r\n\r\n", "the answer is not HTTP"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "the answer is not HTTP"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "the answer is not HTTP"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "the answer switches to a protocol that nobody asked for"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "the length of the answer is not clear"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", "the length of the answer is not clear"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n", "the length of the answer is not clear"),
        ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "the length of the answer is not clear"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "the length of the answer is not clear"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "the transfer coding of the answer is not `chunked`",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "the transfer coding of the answer is not `chunked`",
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 has no transfer codings"),
    ];
    for (bytes, expected) in table {
        assert_eq!(read(&Method::GET, bytes), expected, "{bytes}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(MOST_BYTES));
    assert_eq!(read(&Method::GET, &endless), "the head of the answer is too long");
}

#[test]
fn a_switch_is_taken_where_it_was_asked_for() {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
                  Sec-WebSocket-Accept: x\r\n\r\nhi";
    assert_eq!(read_as(&Method::GET, true, agreed), "101 Length(0) closes [sec-websocket-accept=x] \"hi\"");
    let unasked = "the answer switches to a protocol that nobody asked for";
    assert_eq!(read_as(&Method::GET, false, agreed), unasked);
    assert_eq!(read_as(&Method::GET, true, "HTTP/1.1 101 Fine\r\nUpgrade: h2c\r\n\r\n"), unasked);
}

#[test]
fn interim_answers_are_passed_over_and_come_to_an_end() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let last = "HTTP/1.1 204 No Content\r\n\r\n";
    for (hints, passes) in [(0, true), (1, true), (32, true), (33, false), (1_000, false)] {
        // However they arrive: counted are those of one request.
        for step in [1, 50, 100_000] {
            let text = hint.repeat(hints) + last;
            let (mut buffer, mut headers, mut interim) = (BytesMut::new(), HeaderMap::new(), 0);
            let mut taken = Ok(None);
            for piece in text.as_bytes().chunks(step) {
                buffer.extend_from_slice(piece);
                taken = take((&mut buffer, &mut Vec::new()), &Method::GET, false, &mut headers, &mut interim);
                if !matches!(taken, Ok(None)) {
                    break;
                }
            }
            assert_eq!(matches!(taken, Ok(Some(_))), passes, "{hints} by {step}");
            assert!(headers.is_empty(), "what they say is not said of the answer");
        }
    }
}
