//! Paths: which can be read in two ways, and how their parts are decoded. A path that an upstream might read otherwise
//! than the router did is refused, so nothing undeclared is reached through a declared path. INVARIANT: DECLARED

/// Whether an upstream could read this path otherwise than the router: dot segments in any spelling, encoded slashes,
/// backslashes or control characters, broken percent-encoding.
pub(crate) fn is_treacherous(path: &str) -> bool {
    path.split('/').any(|segment| is_treacherous_segment(segment.as_bytes()))
}

fn is_treacherous_segment(segment: &[u8]) -> bool {
    if segment.is_empty() {
        return false;
    }
    // The fast way: nearly every segment holds nothing but these.
    if segment.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~')) {
        return false;
    }
    // No path has them unencoded (RFC 3986 §3.3): some servers refuse them, some guess what they are.
    if !segment.is_ascii() {
        return true;
    }
    let Some(decoded) = decode(segment, false) else { return true };
    // Some servers cut path parameters (`..;x`) before they resolve dots, some decode twice.
    let name = decoded.split(|b| *b == b';').next().unwrap_or_default();
    let twice = |encoded: &[u8]| decoded.windows(3).any(|part| part.eq_ignore_ascii_case(encoded));
    // Overlong forms of `.` and `/` are no UTF-8.
    std::str::from_utf8(&decoded).is_err()
        || matches!(name, b"." | b"..")
        || decoded.iter().any(|b| b.is_ascii_control() || matches!(b, b'/' | b'\\'))
        || twice(b"%2e")
        || twice(b"%2f")
        || twice(b"%5c")
        || twice(b"%25")
}

/// The path as servers may read it that take a character for the same in any spelling, cut path parameters off and take several
/// slashes for one: by its plainest spelling (RFC 3986 §6.2.2). `None` where it is spelled so.
pub(crate) fn plainest(path: &str) -> Option<String> {
    if !path.contains(['%', ';']) && !path.contains("//") {
        return None;
    }
    let mut plain = String::with_capacity(path.len());
    for segment in path.split('/') {
        let name = spell(segment);
        let name = name.split(';').next().unwrap_or_default();
        if !name.is_empty() {
            plain.push('/');
            plain.push_str(name);
        }
    }
    (plain != path).then_some(plain)
}

/// A segment with nothing percent-encoded that may stand in a path as it is, and everything else in one spelling.
fn spell(segment: &str) -> String {
    const PLAIN: &[u8] = b"-._~!$&'()*+,;=:@";
    let mut spelled = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        spelled.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => spelled.push(char::from(byte)),
            _ => {
                spelled.push('%');
                spelled.push_str(&after.get(..2).unwrap_or_default().to_ascii_uppercase());
            }
        }
        rest = after.get(2..).unwrap_or_default();
    }
    spelled.push_str(rest);
    spelled
}

/// Percent-decodes; `plus` makes `+` a blank (queries). `None` where the encoding is broken.
pub(crate) fn decode(text: &[u8], plus: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    Some(decoded)
}

/// A path segment as text. `None` where it is broken or not UTF-8, or holds control characters.
pub(crate) fn decode_segment(segment: &str) -> Option<String> {
    String::from_utf8(decode(segment.as_bytes(), false)?).ok().filter(|text| !text.chars().any(char::is_control))
}

/// The parameters of a query, in order. `None` where it is broken or not UTF-8.
pub(crate) fn decode_query(query: Option<&str>) -> Option<Vec<(String, String)>> {
    let text = |part: &str| String::from_utf8(decode(part.as_bytes(), true)?).ok();
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((text(name)?, text(value)?))
        })
        .collect()
}

/// Whether a query has a parameter by which servers are told to take the request for one of another method, in any spelling in which one
/// might read it. A part that is broken is read as it stands.
pub(crate) fn names_method(query: &str) -> bool {
    query.split(['&', ';']).any(|part| {
        let name = part.split('=').next().unwrap_or_default();
        // The fast way: nearly every name is too short, too long or plain.
        (METHOD.len()..=MOST_SPELLED).contains(&name.len()) && {
            let decoded = decode(name.as_bytes(), true).unwrap_or_else(|| name.as_bytes().to_vec());
            is_method(&String::from_utf8_lossy(&decoded))
        }
    })
}

const METHOD: &str = "_method";
/// The longest of the names, each of its bytes percent-encoded, with a little that servers cut off.
const MOST_SPELLED: usize = 96;

/// Whether a parameter of this name tells of another method. Some servers make one name of `a.b`, `a b` and `a_b`, and cut it where a
/// control character or a `[` stands.
pub(crate) fn is_method(name: &str) -> bool {
    const NAMES: [&str; 4] = [METHOD, "x_http_method_override", "x_http_method", "x_method_override"];
    let name = name.trim_start_matches(|c: char| c.is_control());
    let name = name.split(|c: char| c == '[' || c.is_control()).next().unwrap_or_default();
    let spelled = |name: &str| name.replace(['.', ' ', '-'], "_").to_ascii_lowercase();
    NAMES.contains(&spelled(name).as_str()) || NAMES.contains(&spelled(name.trim()).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn treacherous_paths_are_seen() {
        let treacherous = [
            "/items/..",
            "/items/.",
            "/../x",
            "/items/%2e%2e",
            "/items/%2E.",
            "/items/..;x=1",
            "/items/a%2fb",
            "/items/a%2Fb",
            "/items/a%5cb",
            "/items/a\\b",
            "/items/%00",
            "/items/%0d%0a",
            "/items/%",
            "/items/%4",
            "/items/%zz",
            "/items/%252e%252e",
            "/items/%252f",
            "/items/%25252f",
            "/items/%c0%ae%c0%ae",
            "/items/%c0%af",
            "/items/é",
        ];
        for path in treacherous {
            assert!(is_treacherous(path), "{path}");
        }
        for path in ["/items", "/items/1", "/items/a.b", "/items/...", "/items/%C3%A9", "/items/a;b", "/items/a%20b"] {
            assert!(!is_treacherous(path), "{path}");
        }
    }

    #[test]
    fn a_path_has_one_plainest_spelling() {
        for (path, plain) in [
            ("/%69tems", "/items"),
            ("/items/%65xport", "/items/export"),
            ("/items/export;a=b", "/items/export"),
            ("/items/export%3Ba=b", "/items/export"),
            ("/items/;a", "/items"),
            ("/items//export", "/items/export"),
            ("/items/caf%c3%a9", "/items/caf%C3%A9"),
            ("/items/a%40b%7E", "/items/a@b~"),
        ] {
            assert_eq!(plainest(path).as_deref(), Some(plain), "{path}");
        }
        for path in ["/items/a.b", "/items/caf%C3%A9", "/items/a%20b", "/", ""] {
            assert_eq!(plainest(path), None, "{path}");
        }
    }

    #[test]
    fn another_method_is_seen_in_any_spelling() {
        for query in [
            "_method=DELETE",
            "a=1&_method=PUT",
            "a=1;_method=PUT",
            "_METHOD=put",
            "%5Fmethod=PUT",
            "_%6d%65%74%68%6f%64",
            "_method[]=PUT",
            ".method=PUT",
            "+_method=PUT",
            "_method%00x=PUT",
            "a=%ff&_method=PUT",
            "X-HTTP-Method-Override=PUT",
            "x_http_method=PUT",
            "X-Method-Override=PUT",
        ] {
            assert!(names_method(query), "{query}");
        }
        for query in ["", "method=post", "payment_method=card", "_methods=1", "a=_method", "x=1&y=2"] {
            assert!(!names_method(query), "{query}");
        }
    }

    #[test]
    fn queries_are_decoded_in_order() {
        let decoded = decode_query(Some("a=1&b=x%20y+z&&c&a=%2B")).unwrap();
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("a", "+")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(decode_query(Some("a=%f")), None);
        assert_eq!(decode_query(Some("a=%ff")), None);
        assert_eq!(decode_query(None), Some(Vec::new()));
    }
}
