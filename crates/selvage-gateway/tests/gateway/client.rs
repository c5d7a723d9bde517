//! A client that sends raw bytes and reads answers, one connection each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::fabric::key;

/// Bytes both ways.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

pub struct Client {
    reader: BufReader<Box<dyn Wire + Send>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and code; the code is empty where the answer is not a problem.
    pub fn said(&self) -> (u16, String) {
        let problem = self.header("content-type") == Some("application/problem+json");
        let code = if problem { self.json()["code"].as_str().unwrap().to_owned() } else { String::new() };
        (self.status, code)
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self::over(stream)
    }

    /// Over a stream that is there already.
    pub fn over(stream: impl Wire + Send + 'static) -> Self {
        Self { reader: BufReader::new(Box::new(stream)) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes.as_ref()));
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        let wire = self.reader.get_mut();
        wire.write_all(bytes).and_then(|()| wire.flush()).is_ok()
    }

    /// `GET path` by a consumer.
    pub fn get(&mut self, consumer: &str, path: &str) -> Answer {
        self.request("GET", path, &[&format!("Authorization: Bearer {}", key(consumer))], b"")
    }

    /// The same, where the connection may have ended.
    pub fn try_get(&mut self, consumer: &str, path: &str) -> Option<Answer> {
        let whole = self.try_send(head("GET", path, &[&authorization(consumer)], 0).as_bytes());
        if whole { self.try_read(false) } else { None }
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        self.send(head(method, path, headers, body.len()));
        self.send(body);
        let answer = self.try_read(method == "HEAD");
        answer.unwrap_or_else(|| panic!("{method} {path}: the connection closed"))
    }

    pub fn read(&mut self) -> Answer {
        self.try_read(false).expect("the connection closed")
    }

    /// Reads an answer; `None` where the connection closes before or within it.
    pub fn try_read(&mut self, bodiless: bool) -> Option<Answer> {
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if bodiless || matches!(status, 100 | 101 | 204 | 304) {
            return Some(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).ok()?;
                let mut chunk = vec![0; size + 2];
                self.reader.read_exact(&mut chunk).ok()?;
                answer.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return Some(answer);
                }
            }
        }
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body.resize(length, 0);
        self.reader.read_exact(&mut answer.body).ok()?;
        Some(answer)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// So many bytes that are no answer.
    pub fn bytes(&mut self, count: usize) -> Option<String> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// All bytes up to these.
    pub fn bytes_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            text.push_str(&self.bytes(1).expect("the connection closed"));
        }
        text
    }

    /// Whether the other side closed; waits for it.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        !matches!(self.reader.read(&mut byte), Ok(1))
    }
}

/// A request's head.
pub fn head(method: &str, path: &str, headers: &[&str], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gateway.test\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if length > 0 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head + "\r\n"
}

/// The header that proves who asks.
pub fn authorization(consumer: &str) -> String {
    format!("Authorization: Bearer {}", key(consumer))
}
