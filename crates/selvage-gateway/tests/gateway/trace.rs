//! W3C trace context through the port, as the upstream sees it: the rules of the recommendation, and the cases of its own
//! test suite. INVARIANT: TRACED

use super::client::authorization;
use super::running::Running;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

/// What the upstream got of the trace.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Every `traceparent`.
    parents: Vec<String>,
    /// Every member of every `tracestate`, in order.
    state: Vec<String>,
}

fn seen(running: &Running, headers: &[&str]) -> Seen {
    let by = authorization("shop");
    let all: Vec<&str> = std::iter::once(by.as_str()).chain(headers.iter().copied()).collect();
    let answer = running.client().request("GET", "/stock/v1/items", &all, b"");
    assert_eq!(answer.status, 200, "{headers:?}: a trace never refuses a request");
    let of = |wanted: &str| -> Vec<String> {
        let lines = answer.text().lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned()).collect()
    };
    let state = of("tracestate").join(",");
    let state = state.split(',').map(str::trim).filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Seen { parents: of("traceparent"), state }
}

/// The one `traceparent`, taken apart.
fn parent(seen: &Seen) -> (String, String, String) {
    assert_eq!(seen.parents.len(), 1, "{seen:?}");
    let parts: Vec<&str> = seen.parents[0].split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{seen:?}") };
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    assert!(version == "00" && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2), "{seen:?}");
    assert!(trace != "0".repeat(32) && span != "0".repeat(16), "{seen:?}");
    (trace.to_owned(), span.to_owned(), flags.to_owned())
}

#[test]
fn a_trace_goes_on_where_its_parent_can_be_read_and_is_new_otherwise() {
    let running = Running::start();
    let with = |version: &str, trace: &str, span: &str, rest: &str| format!("{version}-{trace}-{span}-{rest}");
    let span = "1234567890123456";
    let table: Vec<(String, bool)> = vec![
        (PARENT.to_owned(), true),
        (with("00", TRACE, span, "00"), true),
        // Versions to come are read as this one: what they add stands behind a dash.
        (with("cc", TRACE, span, "01"), true),
        (with("cc", TRACE, span, "01-what-the-future-will-be-like"), true),
        (with("cc", TRACE, span, "01.what-the-future-will-be-like"), false),
        (with("01", TRACE, span, "01-"), true),
        (with("01", TRACE, span, "01x"), false),
        (with("ff", TRACE, span, "01"), false),
        (with("00", TRACE, span, "01-more"), false),
        (with("00", TRACE, span, "01-"), false),
        (with("00", TRACE, span, "01."), false),
        (with(".0", TRACE, span, "01"), false),
        (with("0.", TRACE, span, "01"), false),
        (with("0", TRACE, span, "01"), false),
        (with("000", TRACE, span, "01"), false),
        (with("", TRACE, span, "01"), false),
        (with("00", &"0".repeat(32), span, "01"), false),
        (with("00", TRACE, &"0".repeat(16), "01"), false),
        (with("00", ".2345678901234567890123456789012", span, "01"), false),
        (with("00", "1234567890123456789012345678901.", span, "01"), false),
        (with("00", &TRACE[1..], span, "01"), false),
        (with("00", &format!("{TRACE}1"), span, "01"), false),
        (with("00", "abcdefABCDEF7890123456789012abcd", span, "01"), false),
        (with("00", TRACE, "123456789012345", "01"), false),
        (with("00", TRACE, "12345678901234567", "01"), false),
        (with("00", TRACE, ".234567890123456", "01"), false),
        (with("00", TRACE, "ABCDEF7890123456", "01"), false),
        (with("00", TRACE, span, "1"), false),
        (with("00", TRACE, span, "001"), false),
        (with("00", TRACE, span, ".1"), false),
        (with("00", TRACE, span, "0X"), false),
        (format!("00-{TRACE}-{span}"), false),
        // Two in one header are none either.
        (format!("{PARENT},{PARENT}"), false),
        (format!("{PARENT}, {PARENT}"), false),
        (with("00", TRACE, span, "01\u{e9}"), false),
        (String::new(), false),
        ("nonsense".to_owned(), false),
    ];
    for (value, goes_on) in table {
        let state = "Tracestate: foo=1,bar=2";
        let seen = seen(&running, &[&format!("Traceparent: {value}"), state]);
        let (trace, span, flags) = parent(&seen);
        assert_eq!(value.contains(trace.as_str()), goes_on, "{value}: {seen:?}");
        assert_ne!(span, "1234567890123456", "{value}: this hop has a span of its own");
        // A state goes on with its trace alone.
        assert_eq!(seen.state, if goes_on { vec!["foo=1", "bar=2"] } else { vec![] }, "{value}");
        if goes_on {
            assert_eq!(flags == "01", value.contains("-01"), "{value}: sampled as before");
        }
    }
}

#[test]
fn of_the_flags_only_the_one_that_is_known_goes_on() {
    let running = Running::start();
    for (flags, expected) in [("00", "00"), ("01", "01"), ("02", "00"), ("03", "01"), ("fe", "00"), ("ff", "01")] {
        let seen = seen(&running, &[&format!("Traceparent: 00-{TRACE}-1234567890123456-{flags}")]);
        let (trace, _, passed) = parent(&seen);
        assert_eq!((trace.as_str(), passed.as_str()), (TRACE, expected), "{flags}");
    }
}

#[test]
fn names_may_be_spelt_in_any_case_and_blanks_around_values_mean_nothing() {
    let running = Running::start();
    for name in ["traceparent", "TraceParent", "TrAcEpArEnT"] {
        for value in [format!(" {PARENT}"), format!("\t{PARENT}"), format!("{PARENT} "), format!(" \t {PARENT} \t")] {
            let (trace, ..) = parent(&seen(&running, &[&format!("{name}:{value}")]));
            assert_eq!(trace, TRACE, "{name}:{value:?}");
        }
    }
    for name in ["trace-parent", "trace.parent"] {
        let (trace, ..) = parent(&seen(&running, &[&format!("{name}: {PARENT}")]));
        assert_ne!(trace, TRACE, "{name}");
    }
}

#[test]
fn two_parents_are_none() {
    let running = Running::start();
    let other = "Traceparent: 00-12345678901234567890123456789011-1234567890123456-01";
    for second in [other, &format!("Traceparent: {PARENT}")] {
        let seen = seen(&running, &[&format!("Traceparent: {PARENT}"), second, "Tracestate: foo=1"]);
        let (trace, ..) = parent(&seen);
        assert!(!trace.starts_with("1234567890123456789012345678901"), "{seen:?}");
        assert_eq!(seen.state, Vec::<String>::new());
    }
}

#[test]
fn a_request_without_a_trace_gets_one_and_no_state() {
    let running = Running::start();
    let alone = seen(&running, &[]);
    assert_eq!((parent(&alone).2.as_str(), alone.state.len()), ("01", 0));
    assert_eq!(seen(&running, &["Tracestate: foo=1"]).state, Vec::<String>::new(), "no state without a parent");
    assert_ne!(parent(&seen(&running, &[])).0, parent(&alone).0);
}

/// What an upstream sees of these `tracestate` headers; the trace itself goes on, whatever they are.
fn state_seen(running: &Running, state: &[&str]) -> Vec<String> {
    let mut headers = vec![format!("Traceparent: {PARENT}")];
    headers.extend(state.iter().map(|state| format!("Tracestate: {state}")));
    let seen = seen(running, &headers.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(parent(&seen).0, TRACE, "{state:?}");
    seen.state
}

#[test]
fn a_state_passes_whole_or_not_at_all() {
    let running = Running::start();
    let many = |members: usize| (0..members).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
    let (longest, tenant) = (format!("{}=1", "z".repeat(256)), format!("{}@{}=1", "t".repeat(241), "v".repeat(14)));
    let (too_long, too_long_value) = (format!("{}=1", "z".repeat(257)), format!("foo={}", "v".repeat(257)));
    let (long_tenant, long_vendor) = (format!("{}@v=1", "t".repeat(242)), format!("t@{}=1", "v".repeat(15)));
    let value = format!("foo={}", "v".repeat(256));
    let passes: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (vec!["foo=1"], vec!["foo=1"]),
        (vec!["foo=1,bar=2"], vec!["foo=1", "bar=2"]),
        (vec!["foo=1", "bar=2"], vec!["foo=1", "bar=2"]),
        (vec!["foo=1,", "rojo=1"], vec!["foo=1", "rojo=1"]),
        (vec!["foo=1 \t , \t bar=2, \t baz=3"], vec!["foo=1", "bar=2", "baz=3"]),
        (vec!["foo=1,,,bar=2"], vec!["foo=1", "bar=2"]),
        (vec!["", "foo=1"], vec!["foo=1"]),
        (vec![""], vec![]),
        // A key that stands twice is left as it is.
        (vec!["foo=1,foo=2"], vec!["foo=1", "foo=2"]),
        (vec!["foo=1", "foo=1"], vec!["foo=1", "foo=1"]),
        (vec!["a-_*/0=1,0t@v-_*/0=1"], vec!["a-_*/0=1", "0t@v-_*/0=1"]),
        (vec!["foo=!\"#$%&'()*+-./:;<>?@[]^_`{|}~"], vec!["foo=!\"#$%&'()*+-./:;<>?@[]^_`{|}~"]),
        (vec![&longest], vec![&longest]),
        (vec![&tenant], vec![&tenant]),
        (vec![&value], vec![&value]),
    ];
    let send = |state: &[&str]| state_seen(&running, state);
    for (state, expected) in passes {
        assert_eq!(send(&state), expected, "{state:?}");
    }
    assert_eq!(send(&[&many(32)]).len(), 32);
    let dropped = [
        "foo",
        "=1",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "foo@=1,bar=2",
        "@foo=1,bar=2",
        "foo@@bar=1",
        "foo@bar@baz=1",
        "foo=",
        "foo=,bar=3",
        "foo=bar=baz",
        "0foo=1",
        "foo=caf\u{e9}",
        "foo=a\tb",
        &too_long,
        &too_long_value,
        &long_tenant,
        &long_vendor,
        &many(33),
    ];
    for state in dropped {
        assert_eq!(send(&[state]), Vec::<String>::new(), "{state}");
    }
    assert_eq!(send(&[&many(20), &many(13)]), Vec::<String>::new(), "too many over two headers");
    assert_eq!(send(&["foo=1", "BAR=2"]), Vec::<String>::new(), "one that cannot be read spoils the list");
}
