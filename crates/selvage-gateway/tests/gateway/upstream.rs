//! A system behind the gateway: speaks HTTP/1.1 byte by byte, says what it got, and misbehaves where the path asks.

mod keep;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running upstream; it ends with the process.
pub struct Upstream {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What it got.
struct Request {
    head: String,
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (connected, requested) = (Arc::clone(&connections), Arc::clone(&requests));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connected.fetch_add(1, Ordering::SeqCst);
                let (requested, heard) = (Arc::clone(&requested), Arc::clone(&heard));
                std::thread::spawn(move || serve(&stream.unwrap(), &requested, &heard));
            }
        });
        Self { address, connections, requests, heads }
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The heads of the whole requests that it got since it was last asked, each with its body behind it.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}

fn serve(stream: &TcpStream, requested: &AtomicUsize, heard: &Mutex<Vec<String>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    if live(stream) {
        return;
    }
    while let Some(request) = receive(&mut reader) {
        requested.fetch_add(1, Ordering::SeqCst);
        heard.lock().unwrap().push(format!("{}{}", request.head, String::from_utf8_lossy(&request.body)));
        if !answer(stream, &request) {
            return;
        }
    }
}

/// Serves what goes on while it is asked, where that is what is asked first: a WebSocket, whose bytes are given back as
/// they come, or a body that is.
fn live(mut stream: &TcpStream) -> bool {
    let mut start = [0; 64];
    let read = stream.peek(&mut start).unwrap_or(0);
    let start = String::from_utf8_lossy(&start[..read]).into_owned();
    if !start.contains("/socket ") && !start.contains("/duplex ") {
        return false;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return true;
        }
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).unwrap();
    let switches = head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n");
    let answer = if start.contains("/duplex ") {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
    } else if switches {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nKeep-Alive: x\r\n\
         Sec-WebSocket-Accept: agreed\r\n\r\nhello"
            .to_owned()
    } else {
        format!("HTTP/1.1 426 Upgrade Required\r\nContent-Length: {}\r\n\r\n{head}", head.len())
    };
    stream.write_all(answer.as_bytes()).unwrap();
    if answer.starts_with("HTTP/1.1 426") {
        return true;
    }
    // Chunks are given back as they are.
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    true
}

fn receive(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let lower = head.to_ascii_lowercase();
    let mut body = Vec::new();
    if lower.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    } else if let Some((_, rest)) = lower.split_once("content-length: ") {
        body.resize(rest.lines().next()?.trim().parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some(Request { head, method, path, body })
}

/// Answers; says whether the connection goes on.
fn answer(mut stream: &TcpStream, request: &Request) -> bool {
    let path = request.path.split('?').next().unwrap();
    let last = path.rsplit('/').next().unwrap();
    if let Some((_, said)) = request.head.split_once("x-say: ") {
        return say(stream, request, said.lines().next().unwrap());
    }
    if let Some(words) = keep::words(request) {
        return keep::answer(stream, request, &words);
    }
    match (path.rsplit_once('/').map(|(before, _)| before), last) {
        (_, "reset-now") => return false,
        (_, "slow") => std::thread::sleep(Duration::from_millis(1500)),
        (_, "pause") => std::thread::sleep(Duration::from_millis(300)),
        (_, "half") => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
            return false;
        }
        (_, "nonsense") => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap();
            return false;
        }
        (_, word @ ("stall" | "linger")) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
            std::thread::sleep(Duration::from_secs(if word == "stall" { 5 } else { 30 }));
            return false;
        }
        (_, "events") => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .unwrap();
            for event in 0..5 {
                let text = format!("data: {event}\n\n");
                if stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).is_err() {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            return stream.write_all(b"0\r\n\r\n").is_ok();
        }
        (_, "missing") => {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone").unwrap();
            return true;
        }
        (_, "hop") => {
            let head = "HTTP/1.1 200 OK\r\nConnection: X-Inner, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Inner: 1\r\n\
                        X-Outer: 2\r\nCorrelation-Id: theirs\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap();
            return true;
        }
        (Some(before), bytes) if before.ends_with("/stream") => return send(stream, bytes.parse().unwrap()),
        _ => {}
    }
    let said = if path.ends_with("/upload") { digest(&request.body) } else { request.head.clone() };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", said.len());
    let body = if request.method == "HEAD" { "" } else { &said };
    let sent = stream.write_all(format!("{head}{body}").as_bytes()).is_ok();
    // It closes without having said so: the next request meets a stale connection.
    sent && last != "last"
}

/// Answers as the caller wants: `STATUS|HEADER: VALUE|…|BODY`; `*` in the body stands for what it got.
fn say(mut stream: &TcpStream, request: &Request, wanted: &str) -> bool {
    let mut parts: Vec<&str> = wanted.split('|').collect();
    let (status, body) = (parts.remove(0), parts.pop().unwrap());
    let body = body.replace('*', &String::from_utf8_lossy(&request.body));
    let mut head = format!("HTTP/1.1 {status} Said\r\n");
    for header in parts {
        head.push_str(&format!("{header}\r\n"));
    }
    let breaks_off = head.contains("Content-Length: ");
    if !breaks_off {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).is_ok() && !breaks_off
}

/// So many bytes of a known pattern, in chunks.
fn send(mut stream: &TcpStream, bytes: usize) -> bool {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let mut sent = 0;
    while sent < bytes {
        let size = (bytes - sent).min(40_000);
        let chunk: Vec<u8> = (sent..sent + size).map(pattern).collect();
        if stream.write_all(format!("{size:x}\r\n").as_bytes()).is_err()
            || stream.write_all(&chunk).is_err()
            || stream.write_all(b"\r\n").is_err()
        {
            return false;
        }
        sent += size;
    }
    stream.write_all(b"0\r\n\r\n").is_ok()
}

/// The byte at a place of every long body.
pub fn pattern(place: usize) -> u8 {
    u8::try_from(place % 251).unwrap()
}

/// What stands for a body: its length, and whether it has the pattern.
pub fn digest(body: &[u8]) -> String {
    let whole = body.iter().enumerate().all(|(place, byte)| *byte == pattern(place));
    format!("{} bytes, pattern {whole}", body.len())
}
