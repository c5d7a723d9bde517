//! Tables of what answers and requests say, and what is made of it.

use http::HeaderValue;

use super::*;

type Lines = [(&'static str, &'static str)];

fn headers(lines: &Lines) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

const DATE: (&str, &str) = ("date", "Thu, 26 Nov 2026 12:00:00 GMT");
const MINUTE: (&str, &str) = ("cache-control", "max-age=60");

fn now() -> Timestamp {
    "2026-11-26T12:00:10Z".parse().unwrap()
}

#[test]
fn how_long_answers_are_good() {
    let good = |seconds, age| Some(Lifetime { seconds, age, shared: false });
    let shared = |seconds| Some(Lifetime { seconds, age: 0, shared: true });
    let table: &[(&Lines, Option<Lifetime>)] = &[
        (&[], None),
        (&[MINUTE], good(60, 0)),
        (&[("cache-control", "Max-Age=\"60\"")], good(60, 0)),
        (&[("cache-control", "max-age=99999999999999999999999")], good(LONGEST, 0)),
        (&[DATE, MINUTE], good(60, 10)),
        (&[DATE, ("age", "30"), MINUTE], good(60, 30)),
        (&[("age", "-1"), MINUTE], good(60, LONGEST)),
        (&[("age", "1"), ("age", "2"), MINUTE], good(60, LONGEST)),
        (&[("cache-control", "max-age=60, s-maxage=5")], shared(5)),
        (&[("cache-control", "public, max-age=5")], shared(5)),
        (&[("cache-control", "must-revalidate, max-age=5")], shared(5)),
        (&[MINUTE, ("cache-control", "max-age=10")], good(10, 0)),
        (&[MINUTE, ("expires", "Thu, 26 Nov 2026 13:00:00 GMT")], good(60, 0)),
        (&[DATE, ("expires", "Thu, 26 Nov 2026 12:01:00 GMT")], good(60, 10)),
        (&[DATE, ("expires", "0")], None),
        (&[DATE, ("expires", "Thu, 26 Nov 2026 12:01:00 GMT"), ("expires", "Thu, 26 Nov 2026 13:00:00 GMT")], None),
        (&[("cache-control", "max-age=soon")], None),
        (&[("cache-control", "max-age=-1")], None),
        (&[("cache-control", "max-age=60, private")], None),
        (&[("cache-control", "max-age=60, private=\"x-user\"")], None),
        (&[("cache-control", "max-age=60, No-Store")], None),
        // What stands within quotes is not said; what cannot be read may say anything.
        (&[("cache-control", "ext=\"a, max-age=60\"")], None),
        (&[("cache-control", "max-age=60, x=\"\u{e9}\"")], None),
        (&[MINUTE, ("set-cookie", "a=b")], None),
        (&[MINUTE, ("content-range", "bytes 0-1/2")], None),
        (&[MINUTE, ("vary", "*")], None),
        (&[MINUTE, ("vary", "Accept, X-Forwarded-For")], None),
        (&[MINUTE, ("vary", "Accept, Accept-Language")], good(60, 0)),
        (&[("cache-control", "no-cache"), ("etag", "\"a\"")], good(0, 0)),
        (&[("cache-control", "no-cache=\"a\", max-age=60"), ("etag", "\"a\"")], good(0, 0)),
        (&[("etag", "\"a\"")], good(0, 0)),
        (&[("last-modified", "Thu, 26 Nov 2026 11:00:00 GMT")], good(0, 0)),
    ];
    for (lines, expected) in table {
        assert_eq!(lifetime(StatusCode::OK, &headers(lines), now(), None), *expected, "{lines:?}");
    }
    let minute = headers(&[MINUTE]);
    assert_eq!(lifetime(StatusCode::OK, &minute, now(), Some(20)), good(20, 0), "no longer than declared");
    assert_eq!(lifetime(StatusCode::OK, &minute, now(), Some(90)), good(60, 0));
}

#[test]
fn which_statuses_are_kept() {
    let said = headers(&[MINUTE, ("etag", "\"a\"")]);
    let kept = |status: u16| lifetime(StatusCode::from_u16(status).unwrap(), &said, now(), None).is_some();
    let all: Vec<u16> = (200..600).filter(|status| kept(*status)).collect();
    assert_eq!(all, KEPT);
    // Only a whole answer is confirmed.
    let tag = headers(&[("etag", "\"a\"")]);
    assert_eq!(lifetime(StatusCode::NOT_FOUND, &tag, now(), None), None);
}

#[test]
fn what_requests_wish() {
    let wish = Wish::default();
    let table: &[(&Lines, Wish)] = &[
        (&[], wish),
        (&[("cache-control", "no-store")], Wish { none: true, ..wish }),
        (&[("cache-control", "caf\u{e9}")], Wish { none: true, ..wish }),
        (&[("cache-control", "No-Cache")], Wish { confirmed: true, ..wish }),
        (&[("cache-control", "only-if-cached")], Wish { only: true, ..wish }),
        (&[("pragma", "No-Cache")], Wish { confirmed: true, ..wish }),
        (&[("pragma", "no-cache"), ("cache-control", "max-age=5")], Wish { oldest: Some(5), ..wish }),
        (
            &[("cache-control", "max-age=9, max-age=0, min-fresh=9")],
            Wish { oldest: Some(0), fresh_for: Some(9), ..wish },
        ),
        (&[("cache-control", "max-stale=100, max-age=never")], Wish { oldest: Some(0), ..wish }),
    ];
    for (lines, expected) in table {
        assert_eq!(Wish::of(&headers(lines)), *expected, "{lines:?}");
    }
}

#[test]
fn lists_are_cut_at_commas_outside_quotes() {
    let table: [(&str, &[&str]); 5] = [
        ("a, b ,,c", &["a", "b", "c"]),
        ("a=\"b,c\", d", &["a=\"b,c\"", "d"]),
        (r#"a="b\",c", d"#, &[r#"a="b\",c""#, "d"]),
        (r#"a="b\\", d"#, &[r#"a="b\\""#, "d"]),
        ("a=\"b, c", &["a=\"b, c"]),
    ];
    for (list, expected) in table {
        assert_eq!(elements(list).collect::<Vec<_>>(), expected, "{list}");
    }
}
