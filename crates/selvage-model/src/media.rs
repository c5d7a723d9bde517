//! What a message says that its body is, as far as that decides how the body is read. Pure.

/// The charset that a media type names, where bodies are not read in it here: JSON is UTF-8 (RFC 8259 §8.1), of which US-ASCII is a
/// part. A body that one reader takes for one charset and another for another would be two bodies.
pub fn foreign_charset(media_type: &str) -> Option<&str> {
    media_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"').trim();
        let is_read = ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known));
        (name.trim().eq_ignore_ascii_case("charset") && !is_read).then_some(value)
    })
}

/// What is said to whoever names another charset.
pub fn in_foreign_charset(charset: &str) -> String {
    format!("a body is read as UTF-8 here: send it so, not in `{charset}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf_8_is_read() {
        for read in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; Charset = utf8",
            "application/json; charset=US-ASCII; version=1",
        ] {
            assert_eq!(foreign_charset(read), None, "{read}");
        }
        for (foreign, named) in [
            ("application/json; charset=utf-16", "utf-16"),
            ("application/json;version=1;CHARSET=\"UTF-7\"", "UTF-7"),
            ("application/json; charset=utf-8; charset=utf-16le", "utf-16le"),
            ("application/json; charset=iso-8859-1", "iso-8859-1"),
            ("application/json; charset=", ""),
            ("application/json; charset=\"utf\\-8\"", "utf\\-8"),
        ] {
            assert_eq!(foreign_charset(foreign), Some(named), "{foreign}");
        }
    }
}
