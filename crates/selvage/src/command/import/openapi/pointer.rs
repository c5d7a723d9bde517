//! JSON Pointers (RFC 6901) as they stand in references.

/// The pointer to a member.
pub(super) fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// A part of a reference without its percent signs.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|_| *first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_percents() {
        assert_eq!(join("/paths", "/a/{id}"), "/paths/~1a~1{id}");
        for (text, expected) in [("/a%20b", "/a b"), ("%7Bid%7D", "{id}"), ("100%", "100%"), ("%zz", "%zz")] {
            assert_eq!(decoded(text), expected);
        }
    }
}
