//! What small values take and what they refuse.

use super::*;

#[test]
fn durations() {
    for (text, milliseconds) in [
        ("400ms", 400),
        ("0s", 0),
        ("120s", 120_000),
        ("15m", 900_000),
        ("4h", 14_400_000),
        ("30d", 2_592_000_000),
        ("1h30m", 5_400_000),
    ] {
        assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "5", "s", "-1s", "1.5h", "1 h", "5x", "99999999999999999999s", "20000d", "9223372036854775807w"] {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn rates() {
    for (text, count, seconds) in
        [("200/s", 200, 1), ("1000000/day", 1_000_000, 86_400), ("600/m", 600, 60), ("5/10s", 5, 10)]
    {
        assert_eq!(text.parse(), Ok(Rate { count, per: Duration::from_secs(seconds) }), "{text}");
    }
    for text in ["", "/s", "200", "0/s", "5/0s", "-1/s", "1/fortnight", "1/s/s"] {
        assert_eq!(text.parse::<Rate>(), Err(()), "{text}");
    }
}

#[test]
fn quotas() {
    for (text, count, window) in [
        ("1000000/day", 1_000_000, Window::Day),
        ("5/d", 5, Window::Day),
        ("20000000/month", 20_000_000, Window::Month),
        ("1000000000000/h", 1_000_000_000_000, Window::Hour),
    ] {
        assert_eq!(text.parse(), Ok(Quota { count, window }), "{text}");
    }
    for text in ["", "5", "0/day", "5/s", "5/m", "5/2d", "1000000000001/day", "-1/day"] {
        assert_eq!(text.parse::<Quota>(), Err(()), "{text}");
    }
}

#[test]
fn version_ranges() {
    for (text, from, until) in [
        (">=16", Some(16), None),
        (">18", Some(19), None),
        ("<=18", None, Some(18)),
        ("<19", None, Some(18)),
        ("17..19", Some(17), Some(19)),
        (">=16, <=18", Some(16), Some(18)),
        ("19", Some(19), Some(19)),
        ("any", None, None),
    ] {
        assert_eq!(text.parse(), Ok(VersionRange { from, until }), "{text}");
    }
    for text in ["", "=16", "16.0", ">=", "<0", "19..17", ">=19,<=18", "a..b", "1,,2"] {
        assert_eq!(text.parse::<VersionRange>(), Err(()), "{text}");
    }
}

#[test]
fn sizes_percents_fractions() {
    assert_eq!(size("10GB"), Some(10_000_000_000));
    assert_eq!(size("64MiB"), Some(67_108_864));
    assert_eq!(size("10"), None);
    assert_eq!(size("99999999999TB"), None);
    assert_eq!("99.9%".parse(), Ok(Percent(Decimal::new(999, 1))));
    for text in ["99.9", "100.1%", "-1%", "%", "1e1%"] {
        assert_eq!(text.parse::<Percent>(), Err(()), "{text}");
    }
    assert_eq!(fraction("0.99"), Some(Decimal::new(99, 2)));
    assert_eq!(fraction("1"), None);
}

#[test]
fn times() {
    for text in ["2027-06-30T18:00+02:00", "2027-06-30T16:00:00Z", "2027-06-30T16:00:00.000+00:00"] {
        assert_eq!(timestamp(text), "2027-06-30T16:00:00Z".parse().ok(), "{text}");
    }
    for text in
        ["2027-06-30", "2027-06-30T18:00", "2027-06-30 18:00+02:00", "2027-02-30T18:00+02:00", "2027-06-30T25:00Z", ""]
    {
        assert_eq!(timestamp(text), None, "{text}");
    }
    assert_eq!(date("2027-07-19"), Some(jiff::civil::date(2027, 7, 19)));
    for text in ["2027-7-19", "2027-02-30", "19.07.2027", "2027-07-19T10:00", ""] {
        assert_eq!(date(text), None, "{text}");
    }
    assert!(time_zone("Europe/Brussels").is_some());
    assert!(time_zone("Europe/Atlantis").is_none());
}

#[test]
fn addresses() {
    for text in ["https://erp.example.com", "http://127.0.0.1:8069", "http://[::1]:80/base", "http://odoo:8069/"] {
        assert_eq!(url(text), Some(text.trim_end_matches('/')), "{text}");
    }
    for text in [
        "erp.example.com",
        "ftp://erp",
        "https://",
        "https://user:secret@erp",
        "https://erp?db=1",
        "https://erp#a",
        "http://erp:99999",
        "http://erp:",
        "http://a b",
        "http://[::1",
        "http://[zz]:1",
    ] {
        assert_eq!(url(text), None, "{text}");
    }
}
