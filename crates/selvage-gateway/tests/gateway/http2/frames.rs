//! HTTP/2 frame by frame (RFC 9113 §4), for clients that no library would be. Heads are written as literals.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::super::fabric::key;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACKNOWLEDGED: u8 = 1;

pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub struct Frames {
    stream: TcpStream,
    /// Bytes of bodies that came.
    pub received: usize,
    /// Frames that came while another was waited for.
    kept: Vec<Frame>,
}

impl Frames {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(15))).unwrap();
        let mut frames = Self { stream, received: 0, kept: Vec::new() };
        frames.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        assert!(frames.send(SETTINGS, 0, 0, &[]));
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        self.stream.write_all(&bytes).is_ok()
    }

    /// A whole request without a body.
    pub fn head(&mut self, stream: u32, headers: &[(&str, &str)]) {
        assert!(self.send(HEADERS, END_STREAM | END_HEADERS, stream, &block(headers)));
    }

    /// A whole request with a body.
    pub fn request(&mut self, stream: u32, headers: &[(&str, &str)], body: &[u8]) {
        assert!(self.send(HEADERS, END_HEADERS, stream, &block(headers)));
        assert!(self.send(DATA, END_STREAM, stream, body));
    }

    /// `GET path` by the shop.
    pub fn get(&mut self, stream: u32, path: &str) {
        assert!(self.try_get(stream, path));
    }

    pub fn try_get(&mut self, stream: u32, path: &str) -> bool {
        let proof = format!("Bearer {}", key("shop"));
        let headers = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "gateway.test"),
            (":path", path),
            ("authorization", &proof),
        ];
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &block(&headers))
    }

    /// Begins a head that goes on.
    pub fn begin_head(&mut self, stream: u32) {
        assert!(self.send(HEADERS, END_STREAM, stream, &block(&[(":method", "GET"), (":path", "/")])));
    }

    /// Goes on with a head, by a header of so many bytes.
    pub fn go_on_with_head(&mut self, stream: u32, bytes: usize) -> bool {
        self.send(CONTINUATION, 0, stream, &block(&[("x-more", &"x".repeat(bytes))]))
    }

    pub fn reset(&mut self, stream: u32) -> bool {
        self.send(RESET, 0, stream, &8_u32.to_be_bytes())
    }

    pub fn open_window(&mut self, stream: u32, bytes: u32) {
        assert!(self.send(WINDOW, 0, stream, &bytes.to_be_bytes()));
    }

    /// So many frames of a kind that asks for nothing to be looked up, as a client may send them for ever.
    pub fn flood(&mut self, kind: u8, stream: u32, payload: &[u8], frames: usize) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        self.stream.write_all(&bytes.repeat(frames)).is_ok()
    }

    /// What comes next; `None` where the connection has ended.
    pub fn next(&mut self) -> Option<Frame> {
        self.read()
    }

    fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let frame = Frame { kind: head[3], flags: head[4], stream, payload };
        match frame.kind {
            DATA => self.received += frame.payload.len(),
            SETTINGS | PING if frame.flags & ACKNOWLEDGED == 0 => {
                let echo = if frame.kind == PING { frame.payload.clone() } else { Vec::new() };
                self.send(frame.kind, ACKNOWLEDGED, 0, &echo);
            }
            _ => {}
        }
        Some(frame)
    }

    /// The first frame that is wanted; `None` where the connection ends before.
    pub fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        if let Some(place) = self.kept.iter().position(&wanted) {
            return Some(self.kept.remove(place));
        }
        loop {
            let frame = self.read()?;
            if wanted(&frame) {
                return Some(frame);
            }
            self.kept.push(frame);
        }
    }

    /// Whether the connection ends with a frame that says so, or without a word.
    pub fn ends(&mut self) -> bool {
        self.until(|frame| frame.kind == GO_AWAY).is_none_or(|frame| frame.payload[4..8] != [0, 0, 0, 0])
    }

    /// What becomes of a stream: the status of its whole answer, or why it was reset.
    pub fn answer(&mut self, stream: u32) -> String {
        let mut status = String::new();
        loop {
            let ours = move |frame: &Frame| frame.stream == stream && matches!(frame.kind, DATA | HEADERS | RESET);
            let Some(frame) = self.until(ours) else { return "closed".to_owned() };
            match frame.kind {
                RESET => return format!("reset {}", reason(&frame.payload)),
                HEADERS => status = status_of(&frame.payload),
                _ => {}
            }
            if frame.flags & END_STREAM != 0 {
                return status;
            }
        }
    }
}

fn reason(payload: &[u8]) -> &'static str {
    match payload {
        [0, 0, 0, 0] => "NO_ERROR",
        [0, 0, 0, 1] => "PROTOCOL_ERROR",
        [0, 0, 0, 7] => "REFUSED_STREAM",
        [0, 0, 0, 8] => "CANCEL",
        _ => "for another reason",
    }
}

/// The status that a head begins with: one of the table of RFC 7541, or a literal of three digits, plain or by Huffman.
fn status_of(block: &[u8]) -> String {
    let block = if block[0] & 0xe0 == 0x20 { &block[1..] } else { block };
    match block {
        [0x88, ..] => "200".to_owned(),
        [0x8c, ..] => "400".to_owned(),
        [0x8d, ..] => "404".to_owned(),
        [0x48 | 0x08, 0x03, digits @ ..] => String::from_utf8_lossy(&digits[..3]).into_owned(),
        // 4 and 0 are 011010 and 00000, 1 is 00001.
        [0x48 | 0x08, 0x82, 0x68, 0x01, ..] => "401".to_owned(),
        other => format!("{:02x?}", &other[..4.min(other.len())]),
    }
}

/// Headers as literals that no table remembers (RFC 7541 §6.2.2).
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            put_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A length in seven bits, and in further bytes what they do not hold (RFC 7541 §5.1).
fn put_length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.push(u8::try_from(length).unwrap());
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}
