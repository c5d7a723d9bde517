//! Where requests of HTTP/1 begin and end in what a client sends, followed beside hyper: hyper takes some heads that another
//! server in the path could read differently, and does not say so. Changes no byte, and holds no more than the beginning
//! of a line that has not come whole.

#[cfg(test)]
mod tests;

use memchr::{memchr, memchr2};

/// Of a line that comes in parts, what is kept: room for the longest length that is a number, and spaces around it.
const KEPT: usize = 64;

/// Why a head could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It has a length and a transfer coding.
    LengthAndCoding,
    /// Its length is no number, or there are two.
    Length,
    /// A line of it does not end with CR LF.
    LineEnd,
    /// Its target has a fragment, which some servers cut off and some take for a part of the path.
    Fragment,
    /// The body of the request before it does not end where it should.
    Chunks,
}

impl Doubt {
    /// What the client is told.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::LengthAndCoding => "a request has `Transfer-Encoding` or `Content-Length`, not both",
            Self::Length => "a request says once, by a number, how long its body is",
            Self::LineEnd => "a line of a head ends with CR LF",
            Self::Fragment => "the target of a request has no fragment",
            Self::Chunks => "the body before this request is not clearly at its end",
        }
    }
}

/// What is to come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Lines of a head.
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// The size of a chunk, of which so much was said.
    Size(Option<u64>),
    /// What stands behind the size of a chunk in its line.
    Extension(u64),
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The return and the line feed behind a chunk.
    ChunkReturn,
    ChunkFeed,
    /// A trailer or the empty line behind the last chunk.
    Trailers,
    /// The rest of a trailer.
    Trailer,
    /// The line feed behind a trailer's return.
    TrailerFeed,
    /// The line feed that ends the trailers.
    LastFeed,
    /// Whatever: from here on nothing is certain.
    Lost,
}

/// What the lines of a head have said so far.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    begun: bool,
    length: Option<u64>,
    coded: bool,
}

/// The beginning of a line whose end has not come.
#[derive(Clone, Copy, Debug)]
struct Begun {
    bytes: [u8; KEPT],
    length: usize,
    last: Option<u8>,
}

/// A line of a head without its line feed: its beginning, and what is to be known of the rest.
struct Line<'b> {
    bytes: &'b [u8],
    length: usize,
    last: Option<u8>,
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    said: Said,
    begun: Begun,
    /// Heads that have come whole.
    heads: u64,
    doubt: Option<Doubt>,
}

impl Begun {
    const NOTHING: Self = Self { bytes: [0; KEPT], length: 0, last: None };

    fn push(&mut self, part: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.length);
        room.zip(part).for_each(|(to, from)| *to = *from);
        self.length += part.len();
        self.last = part.last().copied().or(self.last);
    }

    fn line(&self) -> Line<'_> {
        let bytes = self.bytes.get(..self.length).unwrap_or(&self.bytes);
        Line { bytes, length: self.length, last: self.last }
    }
}

impl<'b> Line<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, length: bytes.len(), last: bytes.last().copied() }
    }

    /// The value, where it is the header of this name, which is in lower case.
    fn value(&self, name: &[u8]) -> Option<&'b [u8]> {
        let (named, value) = self.bytes.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        named.eq_ignore_ascii_case(name).then_some(value)
    }
}

impl Framing {
    /// From the first byte of a connection.
    pub(super) fn new() -> Self {
        Self { place: Place::Head, said: Said::default(), begun: Begun::NOTHING, heads: 0, doubt: None }
    }

    /// Goes on over what has come. Where it comes to a head that is in doubt: how many heads came before that one, and why.
    /// After that nothing is followed any more, since no other request may be taken.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Option<(u64, Doubt)> {
        if self.place == Place::Lost {
            return None;
        }
        while let Some((&next, behind)) = bytes.split_first() {
            bytes = match self.place {
                Place::Head => self.head(bytes),
                Place::Body(left) => self.pass(bytes, left, Place::Body, Place::Head),
                Place::Chunk(left) => self.pass(bytes, left, Place::Chunk, Place::ChunkReturn),
                Place::Lost => break,
                _ => {
                    self.chunked(next);
                    behind
                }
            };
        }
        self.doubt.map(|doubt| (self.heads, doubt))
    }

    fn doubt(&mut self, doubt: Doubt) {
        self.doubt = Some(doubt);
        self.place = Place::Lost;
    }

    /// Lets bytes of a body pass by.
    fn pass<'b>(&mut self, bytes: &'b [u8], left: u64, still: fn(u64) -> Place, then: Place) -> &'b [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left.saturating_sub(here as u64);
        self.place = if left == 0 { then } else { still(left) };
        bytes.get(here..).unwrap_or_default()
    }

    /// Takes a line of a head, or the part of it that has come.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        // In the line of the request a fragment may come before the line's end.
        let stop = if self.said.begun { memchr(b'\n', bytes) } else { memchr2(b'\n', b'#', bytes) };
        let Some(stop) = stop else {
            self.begun.push(bytes);
            return &[];
        };
        let (part, rest) = bytes.split_at(stop);
        if rest.first() == Some(&b'#') {
            self.doubt(Doubt::Fragment);
        } else if self.begun.length == 0 {
            self.line(&Line::of(part));
        } else {
            let mut begun = std::mem::replace(&mut self.begun, Begun::NOTHING);
            begun.push(part);
            self.line(&begun.line());
        }
        rest.get(1..).unwrap_or_default()
    }

    fn line(&mut self, line: &Line<'_>) {
        if line.last != Some(b'\r') {
            return self.doubt(Doubt::LineEnd);
        }
        let is_empty = line.length == 1;
        match (self.said.begun, is_empty) {
            (true, true) => self.end_head(),
            (true, false) => self.header(line),
            // Empty lines may stand before a request.
            (false, _) => self.said.begun = !is_empty,
        }
    }

    fn header(&mut self, line: &Line<'_>) {
        match line.bytes.first() {
            Some(b'c' | b'C') => {
                let Some(value) = line.value(b"content-length") else { return };
                let length = if line.length <= KEPT { number(value) } else { None };
                if length.is_none() || self.said.length.is_some_and(|before| Some(before) != length) {
                    return self.doubt(Doubt::Length);
                }
                self.said.length = length;
            }
            Some(b't' | b'T') => self.said.coded |= line.value(b"transfer-encoding").is_some(),
            _ => return,
        }
        if self.said.coded && self.said.length.is_some() {
            self.doubt(Doubt::LengthAndCoding);
        }
    }

    fn end_head(&mut self) {
        self.heads += 1;
        self.place = match std::mem::take(&mut self.said) {
            // Where the last coding is another one, hyper refuses the request.
            Said { coded: true, .. } => Place::Size(None),
            Said { length: Some(length), .. } if length > 0 => Place::Body(length),
            _ => Place::Head,
        };
    }

    /// Takes a byte of what stands around chunks. Where it is none that can stand there hyper breaks off too.
    fn chunked(&mut self, byte: u8) {
        self.place = match (self.place, byte) {
            (Place::Size(Some(size)) | Place::Extension(size), b'\n') => match size {
                0 => Place::Trailers,
                _ => Place::Chunk(size),
            },
            (Place::Size(before), _) => match (digit(byte), before) {
                (Some(digit), _) => match before.unwrap_or(0).checked_mul(16) {
                    Some(size) => Place::Size(Some(size | digit)),
                    None => return self.doubt(Doubt::Chunks),
                },
                (None, Some(size)) => Place::Extension(size),
                (None, None) => return self.doubt(Doubt::Chunks),
            },
            (Place::Extension(_) | Place::Head | Place::Body(_) | Place::Chunk(_) | Place::Lost, _) => return,
            (Place::ChunkReturn, b'\r') => Place::ChunkFeed,
            (Place::ChunkFeed, b'\n') => Place::Size(None),
            (Place::Trailers, b'\r') => Place::LastFeed,
            (Place::Trailer, b'\r') => Place::TrailerFeed,
            (Place::Trailers | Place::Trailer, _) => Place::Trailer,
            (Place::TrailerFeed, b'\n') => Place::Trailers,
            (Place::LastFeed, b'\n') => Place::Head,
            (Place::ChunkReturn | Place::ChunkFeed | Place::TrailerFeed | Place::LastFeed, _) => {
                return self.doubt(Doubt::Chunks);
            }
        };
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// A length, as it stands behind the colon.
fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if is_number { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}
