//! Places as editors count them: lines from 0, columns in UTF-16 units; files as `file:` addresses.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A file's path, from its address.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut input = rest.bytes();
    while let Some(byte) = input.next() {
        if byte == b'%' {
            let digits = [input.next()?, input.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

/// A file's address.
pub(super) fn uri_of(path: &Path) -> String {
    let mut uri = String::from("file://");
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The range of the word that begins at this line and column, counted from 1 in characters.
pub(super) fn range(text: &str, line: u32, column: u32) -> Value {
    let row = line.saturating_sub(1);
    let words = text.lines().nth(usize::try_from(row).unwrap_or(usize::MAX)).unwrap_or_default();
    let skipped = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let before: usize = words.chars().take(skipped).map(char::len_utf16).sum();
    let word: String = words.chars().skip(skipped).take_while(|c| !matches!(c, ' ' | ',' | ']' | '}' | ':')).collect();
    let length = word.encode_utf16().count().max(1);
    json!({
        "start": {"line": row, "character": before},
        "end": {"line": row, "character": before + length},
    })
}

/// The character of a line, from 0, that stands at this UTF-16 column.
pub(super) fn character(line: &str, utf16: usize) -> usize {
    let mut units = 0;
    for (index, c) in line.chars().enumerate() {
        if units >= utf16 {
            return index;
        }
        units += c.len_utf16();
    }
    line.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_columns_lead_there_and_back() {
        let path = Path::new("/a b/ü/x.yaml");
        assert_eq!(uri_of(path), "file:///a%20b/%C3%BC/x.yaml");
        assert_eq!(path_of(&uri_of(path)).as_deref(), Some(path));
        assert_eq!(path_of("http://x/"), None);
        let found = range("a: 1\nname: 𝄞x, b", 2, 7);
        assert_eq!((&found["start"]["character"], &found["end"]["character"]), (&json!(6), &json!(9)));
        assert_eq!(character("𝄞x", 2), 1);
    }
}
