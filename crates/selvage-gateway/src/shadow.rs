//! How requests that nothing declares look, so that those that look alike are one: numbers, ids and codes are folded, and so
//! is whatever may be a secret. A path is never kept as it came. INVARIANT: SECRET-FREE

use selvage_model::name::InterfaceRef;
use selvage_model::usage::ShadowShape;

const MOST_SEGMENTS: usize = 8;
const LONGEST_SEGMENT: usize = 40;
const LONGEST_METHOD: usize = 16;
/// As long as this, what mixes letters and digits may be a key or a token.
const SHORTEST_SECRET: usize = 16;

/// The shape of a request.
pub(crate) fn shape(method: &str, path: &str) -> ShadowShape {
    let mut folded = String::new();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    for (place, segment) in segments.by_ref().take(MOST_SEGMENTS).enumerate() {
        folded.push('/');
        folded.push_str(&fold(segment, place));
    }
    if segments.next().is_some() {
        folded.push_str("/…");
    }
    if folded.is_empty() {
        folded.push('/');
    }
    ShadowShape { method: cut(method, LONGEST_METHOD), path: folded }
}

/// The shape of an event of a type that its interface does not declare: where it was sent to, and its type, folded part by part.
pub(crate) fn of_event(interface: &InterfaceRef, kind: &str) -> ShadowShape {
    let mut parts = kind.split('.');
    let mut folded: Vec<String> = parts
        .by_ref()
        .take(MOST_SEGMENTS)
        .map(|part| if part.is_empty() { String::new() } else { fold(part, 0) })
        .collect();
    folded.extend(parts.next().map(|_| "…".to_owned()));
    let path = format!("/{}/v{}/{}", interface.name, interface.major, folded.join(".").replace('/', "?"));
    ShadowShape { method: ShadowShape::PUBLISH.to_owned(), path }
}

/// A path with what may be a secret taken out, and the rest as it came.
pub(crate) fn without_secrets(path: &str, longest: usize) -> String {
    let segments: Vec<&str> =
        path.split('/').map(|segment| if may_be_secret(segment) { "{secret}" } else { segment }).collect();
    cut(&segments.join("/"), longest)
}

fn fold(segment: &str, place: usize) -> String {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    if digits == segment.len() {
        return "{number}".to_owned();
    }
    if is_uuid(segment) {
        return "{uuid}".to_owned();
    }
    if may_be_secret(segment) {
        return "{secret}".to_owned();
    }
    if segment.contains('@') || segment.contains("%40") {
        return "{address}".to_owned();
    }
    let is_version = segment.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    // The first names what was meant; in the others digits make an id of a word.
    if digits > 0 && place > 0 && !is_version {
        return "{id}".to_owned();
    }
    cut(segment, LONGEST_SEGMENT)
}

fn is_uuid(segment: &str) -> bool {
    let mut lengths = [8, 4, 4, 4, 12].into_iter();
    let mut parts = segment.split('-');
    let fits = |(part, length): (&str, usize)| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    parts.by_ref().zip(lengths.by_ref()).filter(|pair| fits(*pair)).count() == 5 && parts.next().is_none()
}

/// Long, and of letters and digits mixed as no word is.
fn may_be_secret(segment: &str) -> bool {
    let letters = segment.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    segment.len() >= SHORTEST_SECRET && letters > 0 && digits > 1 && !is_uuid(segment)
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_one() {
        let table = [
            ("/stock/v1/items/42", "/stock/v1/items/{number}"),
            ("/stock/v1/items/43/picture", "/stock/v1/items/{number}/picture"),
            ("/orders/v2/orders/2f1b6c9e-1111-4222-8333-444455556666", "/orders/v2/orders/{uuid}"),
            ("/orders/v1/orders/WH-MO-00042", "/orders/v1/orders/{id}"),
            ("/api2/things", "/api2/things"),
            ("/hooks/sk_live_51H8aBcD9eFgH1jK", "/hooks/{secret}"),
            ("/reset/eyJhbGciOiJIUzI1NiJ9.e30.abc", "/reset/{secret}"),
            ("/slv_0123456789abcdef0123456789abcdef", "/{secret}"),
            ("/people/ann@example.com", "/people/{address}"),
            ("//stock///v1/", "/stock/v1"),
            ("", "/"),
            ("*", "/*"),
            ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/…"),
        ];
        for (path, expected) in table {
            assert_eq!(shape("GET", path).path, expected, "{path}");
        }
        assert_eq!(shape(&"X".repeat(99), "/").method.len(), LONGEST_METHOD);
    }

    #[test]
    fn events_of_undeclared_types_look_as_where_they_were_sent_and_what_they_are() {
        let long = format!("a.{}", "b.".repeat(50));
        for (kind, expected) in [
            ("factory.step.lost", "/step-events/v1/factory.step.lost"),
            ("com.acme.order2.made", "/step-events/v1/com.acme.order2.made"),
            ("factory.sk_live_51H8aBcD9eFgH1jK", "/step-events/v1/factory.{secret}"),
            ("factory.42.lost", "/step-events/v1/factory.{number}.lost"),
            ("../../a/b", "/step-events/v1/..?..?a?b"),
            ("", "/step-events/v1/"),
            (long.as_str(), "/step-events/v1/a.b.b.b.b.b.b.b.…"),
        ] {
            let shape = of_event(&"step-events@1".parse().unwrap(), kind);
            assert_eq!((shape.method.as_str(), shape.path.as_str()), ("PUBLISH", expected), "{kind}");
        }
    }

    #[test]
    fn samples_keep_all_but_secrets() {
        let table = [
            ("/stock/v1/items/42", "/stock/v1/items/42"),
            ("/hooks/sk_live_51H8aBcD9eFgH1jK/x", "/hooks/{secret}/x"),
            ("/orders/2f1b6c9e-1111-4222-8333-444455556666", "/orders/2f1b6c9e-1111-4222-8333-444455556666"),
        ];
        for (path, expected) in table {
            assert_eq!(without_secrets(path, 128), expected);
        }
    }
}
