//! The head of an upstream's answer and the framing of its body (RFC 9112 §6.3), read strictly: what could be read in
//! two ways is not read at all.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use httparse::{ParserConfig, Response, Status};

use crate::hop;

const MOST_HEADERS: usize = 100;
const MOST_BYTES: usize = 64 * 1024;
/// Interim answers to one request; who sends more never comes to an end.
const MOST_INTERIM: u8 = 32;
const UNASKED: BadAnswer = BadAnswer("the answer switches to a protocol that nobody asked for");

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadAnswer(pub(crate) &'static str);

/// What a head says about its answer, besides its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) framing: Framing,
    /// Whether the connection may serve another request.
    pub(crate) keeps: bool,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Until the last chunk.
    Chunked,
    /// Until the connection closes.
    Close,
}

/// What the headers say about framing while they are read.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    websocket: bool,
    named: Vec<HeaderName>,
}

/// Where a header stands in the buffer.
#[derive(Clone, Copy)]
pub(super) struct Place {
    name: (usize, usize),
    value: (usize, usize),
}

/// Takes the head from the buffer into `headers`, where it is complete; those of the connection are left out.
/// Interim answers (1xx) are passed over and counted, but for the one that switches to a WebSocket where that was asked for.
pub(crate) fn take(
    (buffer, places): (&mut BytesMut, &mut Vec<Place>),
    asked: &Method,
    websocket: bool,
    headers: &mut HeaderMap,
    interim: &mut u8,
) -> Result<Option<Answer>, BadAnswer> {
    loop {
        let Some((status, minor, length)) = find(buffer, places)? else {
            let too_long = buffer.len() > MOST_BYTES;
            return if too_long { Err(BadAnswer("the head of the answer is too long")) } else { Ok(None) };
        };
        let head = buffer.split_to(length).freeze();
        match status.as_u16() {
            101 if websocket => {}
            101 => return Err(UNASKED),
            100..=199 if *interim < MOST_INTERIM => {
                *interim += 1;
                continue;
            }
            100..=199 => return Err(BadAnswer("the upstream sends interim answers without end")),
            _ => {}
        }
        headers.clear();
        let said = collect(&head, places, headers)?;
        for name in &said.named {
            headers.remove(name);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let switched = Answer { status, framing: Framing::Length(0), keeps: false };
            return if said.websocket { Ok(Some(switched)) } else { Err(UNASKED) };
        }
        return said.answer(status, minor, asked, headers).map(Some);
    }
}

type Found = (StatusCode, u8, usize);

fn find(buffer: &BytesMut, places: &mut Vec<Place>) -> Result<Option<Found>, BadAnswer> {
    let mut space = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut response = Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, buffer, &mut space);
    let length = match parsed.map_err(|_| BadAnswer("the answer is not HTTP"))? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(BadAnswer("the answer has no status"))?;
    let start = buffer.as_ptr() as usize;
    let place = |part: &[u8]| {
        let from = part.as_ptr() as usize - start;
        (from, from + part.len())
    };
    let found = response.headers.iter();
    places.clear();
    places.extend(found.map(|header| Place { name: place(header.name.as_bytes()), value: place(header.value) }));
    Ok(Some((status, response.version.unwrap_or(0), length)))
}

fn collect(head: &Bytes, places: &[Place], headers: &mut HeaderMap) -> Result<Said, BadAnswer> {
    const BAD: BadAnswer = BadAnswer("a header of the answer is malformed");
    let mut said = Said::default();
    for Place { name, value } in places {
        let name = head.get(name.0..name.1).ok_or(BAD)?;
        let name = HeaderName::from_bytes(name).map_err(|_| BAD)?;
        let value = HeaderValue::from_maybe_shared(head.slice(value.0..value.1)).map_err(|_| BAD)?;
        if name == header::CONTENT_LENGTH {
            // Said twice, the same, it is passed on once.
            if said.length.replace(length_of(&value, said.length)?).is_some() {
                continue;
            }
        } else if hop::is_fixed(name.as_str()) {
            said.hear(&name, &value)?;
            continue;
        }
        headers.append(name, value);
    }
    Ok(said)
}

fn length_of(value: &HeaderValue, before: Option<u64>) -> Result<u64, BadAnswer> {
    let digits = value.as_bytes();
    let plain = !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit);
    let length = value.to_str().ok().filter(|_| plain).and_then(|text| text.parse().ok());
    match (length, before) {
        (Some(length), None) => Ok(length),
        (Some(length), Some(before)) if length == before => Ok(length),
        _ => Err(BadAnswer("the length of the answer is not clear")),
    }
}

impl Said {
    /// Takes in a header of the connection.
    fn hear(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), BadAnswer> {
        if *name == header::TRANSFER_ENCODING {
            if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(BadAnswer("the transfer coding of the answer is not `chunked`"));
            }
            self.chunked = true;
        } else if *name == header::UPGRADE {
            self.websocket = value.as_bytes().eq_ignore_ascii_case(b"websocket");
        } else if *name == header::CONNECTION {
            let text = value.to_str().unwrap_or_default();
            for word in text.split(',').map(str::trim) {
                self.close |= word.eq_ignore_ascii_case("close");
                self.keep_alive |= word.eq_ignore_ascii_case("keep-alive");
            }
            self.named.extend(hop::named_in(text));
        }
        Ok(())
    }

    fn answer(
        &self,
        status: StatusCode,
        minor: u8,
        asked: &Method,
        headers: &mut HeaderMap,
    ) -> Result<Answer, BadAnswer> {
        if self.chunked && minor == 0 {
            return Err(BadAnswer("HTTP/1.0 has no transfer codings"));
        }
        let bodiless = *asked == Method::HEAD || matches!(status.as_u16(), 204 | 304);
        let framing = match (bodiless, self.chunked, self.length) {
            (true, _, _) => Framing::Length(0),
            (_, true, _) => Framing::Chunked,
            (_, _, Some(length)) => Framing::Length(length),
            _ => Framing::Close,
        };
        let both = self.chunked && self.length.is_some();
        if both {
            headers.remove(header::CONTENT_LENGTH);
        }
        let persists = if minor == 0 { self.keep_alive } else { !self.close };
        Ok(Answer { status, framing, keeps: persists && !both && framing != Framing::Close })
    }
}

#[cfg(test)]
mod tests;
