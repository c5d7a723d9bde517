//! Framing beside hyper's: the same bytes, in the same parts, go to both.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// What a reading comes to.
#[derive(Debug, PartialEq)]
struct Read {
    /// Heads that came whole.
    heads: u64,
    doubt: Option<(u64, Doubt)>,
}

/// Follows these bytes in parts that end at these places.
fn followed(bytes: &[u8], cuts: &[usize]) -> Read {
    let mut framing = Framing::new();
    let mut doubt = None;
    for part in parts(bytes, cuts) {
        doubt = doubt.or(framing.follow(part));
    }
    Read { heads: framing.heads, doubt }
}

fn parts<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// What hyper does with them: the requests that it took, with the length of each body that came whole, and whether its
/// last answer says that the connection ends.
fn taken(bytes: &[u8], cuts: &[usize]) -> (Vec<Option<usize>>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let requests = Rc::new(RefCell::new(Vec::new()));
        let service = service_fn(|request: Request<Incoming>| {
            let requests = Rc::clone(&requests);
            async move {
                let body = request.into_body().collect().await.ok();
                requests.borrow_mut().push(body.map(|body| body.to_bytes().len()));
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let mut builder = Builder::new();
        // What comes is read to its end, though nothing comes after it.
        builder.header_read_timeout(None).half_close(true);
        let serving = builder.serve_connection(TokioIo::new(server), service);
        let sending = async {
            for part in parts(bytes, cuts) {
                if client.write_all(part).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _ = client.shutdown().await;
            let mut answers = Vec::new();
            let _ = client.read_to_end(&mut answers).await;
            String::from_utf8(answers).unwrap()
        };
        let (_, answers) = tokio::join!(serving, sending);
        let last = answers.rsplit_once("HTTP/1.1 200 OK").map(|(_, last)| last.to_ascii_lowercase());
        let ends = last.is_some_and(|last| last.contains("connection: close") && !last.contains("http/1.1 400"));
        (requests.take(), ends)
    })
}

#[test]
fn heads_that_are_in_doubt() {
    let head = |lines: &str| format!("GET /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let (well, both) = (head(""), head("Content-Length: 3\r\nTRANSFER-ENCODING:chunked\r\n"));
    let table = [
        (well.clone(), None),
        (format!("\r\n{well}"), None),
        (both.clone(), Some((0, Doubt::LengthAndCoding))),
        (format!("{well}{well}{both}"), Some((2, Doubt::LengthAndCoding))),
        (head("Transfer-Encoding: chunked\r\ncontent-length: x\r\n"), Some((0, Doubt::Length))),
        (head("Transfer-Encoding: chunked\r\nX-Content-Length: 3\r\n"), None),
        (head(&format!("Content-Length: {}3\r\n", "0".repeat(80))), Some((0, Doubt::Length))),
        (head("Content-Length: 3\r\nContent-Length: 4\r\n"), Some((0, Doubt::Length))),
        (format!("{}abc{both}", head("Content-Length: 3\r\nContent-Length: 3\r\n")), Some((1, Doubt::LengthAndCoding))),
        (format!("{}{both}", head(&format!("Content-Length: {}\r\n", both.len()))), None),
        (head("A: b\nContent-Length: 3\r\n"), Some((0, Doubt::LineEnd))),
        (format!("\n{well}"), Some((0, Doubt::LineEnd))),
        ("GET /a#b HTTP/1.1\r\n\r\n".to_owned(), Some((0, Doubt::Fragment))),
        (head("A: #\r\n"), None),
    ];
    for (bytes, doubt) in table {
        for cuts in [vec![], vec![20], (0..bytes.len()).collect()] {
            assert_eq!(followed(bytes.as_bytes(), &cuts).doubt, doubt, "{bytes:?} {cuts:?}");
        }
    }
}

/// A request that hyper can read: its bytes, and how long its body is.
fn request() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let name = prop_oneof![Just("Content-Length"), Just("content-length"), Just("CONTENT-LENGTH")];
    let noise = prop_oneof![Just(""), Just("X-Content-Length: 7\r\n"), Just("Te: trailers\r\nContent-Type: a\r\n")];
    let body = prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'0'), any::<u8>()], 0..40);
    let sized = (name, noise, body.clone()).prop_map(|(name, noise, body)| {
        let head = format!("POST /a HTTP/1.1\r\n{noise}{name}: {}\r\n\r\n", body.len());
        (head.into_bytes(), body)
    });
    let sized = sized.prop_map(|(head, body)| ([head, body.clone()].concat(), body.len()));
    let extension = prop_oneof![Just(""), Just(" "), Just(";a=\"b\""), Just(";a")];
    let trailers =
        prop_oneof![Just(""), Just("A: b\r\n"), Just("Content-Length: 4\r\nA: b\r\n"), Just("A: b\n\r\nC: d\r\n")];
    let chunks = prop::collection::vec((body, extension), 0..4);
    let chunked = (chunks, trailers, prop::bool::ANY).prop_map(|(chunks, trailers, capitals)| {
        let mut bytes = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let mut length = 0;
        for (body, extension) in chunks.iter().filter(|(body, _)| !body.is_empty()) {
            let size = if capitals { format!("{:X}", body.len()) } else { format!("0{:x}", body.len()) };
            bytes.extend([format!("{size}{extension}\r\n").as_bytes(), body, b"\r\n"].concat());
            length += body.len();
        }
        bytes.extend(format!("0\r\n{trailers}\r\n").as_bytes());
        (bytes, length)
    });
    let plain = prop_oneof![Just("GET /a HTTP/1.1\r\n\r\n"), Just("\r\n\r\nGET /a HTTP/1.1\r\nTrailer: x\r\n\r\n")];
    prop_oneof![sized, chunked, plain.prop_map(|plain| (plain.as_bytes().to_vec(), 0))]
}

/// Pieces of which something is made that may be no request at all.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET /a HTTP/1.1\r\n",
        "POST /a HTTP/1.1\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 12\r\n",
        "Content-Length:\r\n",
        "Content-Length : 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " folded\r\n",
        "A: b\r\n",
        "A: b\rc\r\n",
        "\r\n",
        "\r\n",
        "abc",
        "3\r\nabc\r\n",
        "3;x\r\nabc\r\n",
        "0\r\n\r\n",
        "0\r\n",
        "A: b\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whole_requests_are_framed_as_hyper_frames_them(
        requests in prop::collection::vec(request(), 1..6),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let lengths: Vec<Option<usize>> = requests.iter().map(|(_, length)| Some(*length)).collect();
        let read = followed(&bytes, &cuts);
        prop_assert_eq!(&read, &Read { heads: requests.len() as u64, doubt: None });
        prop_assert_eq!(taken(&bytes, &cuts), (lengths, false));
        prop_assert_eq!(read, followed(&bytes, &[]));
    }

    /// No request that hyper takes goes past, and where hyper ends a connection because of a head, that head is in doubt.
    #[test]
    fn whatever_hyper_takes_is_followed(
        pieces in prop::collection::vec(piece(), 1..16),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let bytes = pieces.concat().into_bytes();
        let read = followed(&bytes, &cuts);
        prop_assert_eq!(&read, &followed(&bytes, &[]), "however it comes");
        let (requests, ends) = taken(&bytes, &cuts);
        let count = requests.len() as u64;
        let is_doubted = |(number, _): (u64, Doubt)| number < count;
        prop_assert!(count <= read.heads || read.doubt.is_some_and(is_doubted), "{read:?} {requests:?}");
        let came_whole = requests.last().is_some_and(Option::is_some);
        prop_assert!(!(ends && came_whole) || read.doubt.is_some_and(is_doubted), "{read:?} {requests:?}");
    }
}
