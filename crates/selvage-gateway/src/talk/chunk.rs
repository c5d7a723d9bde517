//! Bodies in chunks (RFC 9112 §7.1), read strictly and in bounded memory; trailers are passed over.

use bytes::{Bytes, BytesMut};

use super::response::BadAnswer;

const LONGEST_LINE: usize = 4096;
const MOST_TRAILERS: usize = 16 * 1024;
const BAD: BadAnswer = BadAnswer("a chunk of the answer is malformed");

/// Where in a body of chunks the reading stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// Before the line with a chunk's size.
    #[default]
    Size,
    /// In a chunk, before so many bytes.
    Data(u64),
    /// After a chunk's bytes, before its end of line.
    DataEnd,
    /// After the last chunk; so many bytes of trailers were passed over.
    Trailers(usize),
    /// At the end.
    Done,
}

/// What the buffer held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bytes of the body.
    Data(Bytes),
    /// Not enough to go on.
    More,
    /// The end of the body.
    End,
}

impl Chunked {
    /// Takes the next part from the buffer.
    pub(crate) fn take(&mut self, buffer: &mut BytesMut) -> Result<Part, BadAnswer> {
        loop {
            match *self {
                Self::Done => return Ok(Part::End),
                Self::Size => {
                    let Some(line) = line(buffer)? else { return Ok(Part::More) };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    };
                }
                Self::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Part::More);
                    }
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    let left = left - here as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Part::Data(buffer.split_to(here).freeze()));
                }
                Self::DataEnd => match line(buffer)? {
                    None => return Ok(Part::More),
                    Some(end) if end.is_empty() => *self = Self::Size,
                    Some(_) => return Err(BAD),
                },
                Self::Trailers(seen) => match line(buffer)? {
                    None => return Ok(Part::More),
                    Some(end) if end.is_empty() => *self = Self::Done,
                    Some(trailer) if seen + trailer.len() < MOST_TRAILERS => {
                        *self = Self::Trailers(seen + trailer.len() + 1);
                    }
                    Some(_) => return Err(BAD),
                },
            }
        }
    }

    /// Whether the end was read.
    pub(crate) fn is_done(self) -> bool {
        self == Self::Done
    }
}

/// Takes a line without its end, which is CR LF and nothing else.
fn line(buffer: &mut BytesMut) -> Result<Option<BytesMut>, BadAnswer> {
    let Some(end) = buffer.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n') else {
        return if buffer.len() >= LONGEST_LINE { Err(BAD) } else { Ok(None) };
    };
    let mut line = buffer.split_to(end + 1);
    line.truncate(end);
    match line.split_last() {
        Some((b'\r', text)) if !text.contains(&b'\r') => {
            line.truncate(end - 1);
            Ok(Some(line))
        }
        _ => Err(BAD),
    }
}

/// The size in a chunk's line; extensions after `;` are passed over.
fn size(line: &[u8]) -> Result<u64, BadAnswer> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > 15 {
        return Err(BAD);
    }
    digits.iter().try_fold(0, |size, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(BAD)?;
        Ok(size << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes what comes in pieces of `step` bytes.
    fn decode(text: &str, step: usize) -> Result<(String, bool, usize), BadAnswer> {
        let (mut buffer, mut chunked, mut body) = (BytesMut::new(), Chunked::default(), Vec::new());
        for piece in text.as_bytes().chunks(step) {
            buffer.extend_from_slice(piece);
            while let Part::Data(data) = chunked.take(&mut buffer)? {
                body.extend_from_slice(&data);
            }
        }
        Ok((String::from_utf8(body).unwrap(), chunked.is_done(), buffer.len()))
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let table = [
            ("3\r\nabc\r\n0\r\n\r\n", "abc", true),
            (
                "00003;name=\"v\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\nOther: 2\r\n\r\n",
                "abc0123456789",
                true,
            ),
            ("0\r\n\r\n", "", true),
            ("3\r\nab", "ab", false),
            ("3\r\nabc\r\n0\r\n", "abc", false),
        ];
        for (text, body, done) in table {
            for step in [1, 2, 3, 1000] {
                assert_eq!(decode(text, step), Ok((body.to_owned(), done, 0)), "{text} by {step}");
            }
        }
    }

    #[test]
    fn malformed_chunks_are_not_read() {
        let long = format!("{}\r\n", "0".repeat(20));
        let endless = "1".repeat(LONGEST_LINE);
        let trailers = format!("0\r\n{}", "X-Trailer: 1234567890\r\n".repeat(1000));
        for text in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "3\nabc\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            " 3\r\n",
            "3\r;\r\n",
            &long,
            &endless,
            &trailers,
        ] {
            for step in [1, 1000] {
                assert_eq!(decode(text, step), Err(BAD), "{text:.40} by {step}");
            }
        }
    }

    #[test]
    fn what_follows_is_left() {
        let mut buffer = BytesMut::from("1\r\na\r\n0\r\n\r\nHTTP/1.1");
        let mut chunked = Chunked::default();
        assert_eq!(chunked.take(&mut buffer), Ok(Part::Data(Bytes::from_static(b"a"))));
        assert_eq!(chunked.take(&mut buffer), Ok(Part::End));
        assert_eq!(&buffer[..], b"HTTP/1.1");
    }
}
