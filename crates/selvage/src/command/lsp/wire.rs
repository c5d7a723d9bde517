//! Messages of the Language Server Protocol: a header with the length, an empty line, JSON. Bounded; what is no JSON is passed over.
//! Our own, since `lsp-server` reads ids in a way that numbers with their text (`arbitrary_precision`) do not survive.

use std::io::{BufRead, Read, Result, Write};

use serde_json::Value;

/// The largest message that is read.
const MOST_BYTES: usize = 16 << 20;

/// The next message; `None` at the end of the input.
pub(super) fn read(input: &mut impl BufRead) -> Result<Option<Value>> {
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if input.by_ref().take(4096).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let Some(length) = length.filter(|length| *length <= MOST_BYTES) else { return Ok(None) };
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        if let Ok(message) = serde_json::from_slice(&body) {
            return Ok(Some(message));
        }
    }
}

/// Writes messages.
pub(super) fn write_all(output: &mut impl Write, messages: &[Value]) -> Result<()> {
    for message in messages {
        let body = message.to_string();
        write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_rubbish_is_passed_over() {
        let mut bytes = b"Content-Length: 3\r\n\r\n{{{".to_vec();
        write_all(&mut bytes, &[json!({"id": 1}), json!({"text": "é"})]).unwrap();
        let mut input = bytes.as_slice();
        assert_eq!(read(&mut input).unwrap(), Some(json!({"id": 1})));
        assert_eq!(read(&mut input).unwrap(), Some(json!({"text": "é"})));
        assert_eq!(read(&mut input).unwrap(), None);
        assert_eq!(read(&mut b"Content-Length: 99999999999\r\n\r\n".as_slice()).unwrap(), None);
    }
}
