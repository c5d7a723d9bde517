//! What one exchange is followed by: `Correlation-Id`, and W3C trace context. Accepted where sane, else made.
//! INVARIANT: TRACED

mod state;

use std::cell::RefCell;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::Random;

/// `Correlation-Id`.
pub(crate) static CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const LONGEST_CORRELATION: usize = 128;
const ARENA: usize = 8 * 1024;

/// The marks of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// `Correlation-Id`.
    pub(crate) correlation: HeaderValue,
    /// `traceparent` to hand on: the caller's trace, a span of ours.
    pub(crate) traceparent: HeaderValue,
    /// Whether the caller's `tracestate` may be handed on.
    pub(crate) continues: bool,
}

/// Makes marks: random numbers, and memory that many small texts share.
pub(crate) struct Marks {
    random: Random,
    arena: RefCell<BytesMut>,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self { random: Random::from_system(), arena: RefCell::new(BytesMut::with_capacity(ARENA)) }
    }

    /// A short text in shared memory.
    pub(crate) fn text(&self, longest: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let mut arena = self.arena.borrow_mut();
        if arena.capacity() - arena.len() < longest {
            arena.reserve(longest.max(ARENA));
        }
        write(&mut arena);
        arena.split().freeze()
    }

    /// A header value in shared memory.
    pub(crate) fn header(&self, longest: usize, write: impl FnOnce(&mut BytesMut)) -> HeaderValue {
        let value = HeaderValue::from_maybe_shared(self.text(longest, write));
        value.unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The marks of the exchange that a request belongs to.
    pub(crate) fn exchange(&self, headers: &HeaderMap) -> Exchange {
        let correlation = headers.get(&CORRELATION_ID).filter(|value| is_sane(value.as_bytes())).cloned();
        let correlation =
            correlation.unwrap_or_else(|| self.header(32, |text| text.put_slice(&hex_of_128(self.random.bits128()))));
        let parent = only(headers, &TRACEPARENT).and_then(|value| TraceParent::parse(value.as_bytes()));
        let continues = parent.is_some() && state::is_sound(headers.get_all(&TRACESTATE).iter());
        // A new trace is sampled: what stands behind may be recording.
        let parent = parent.unwrap_or_else(|| TraceParent { trace: self.random.bits128().max(1), flags: 1 });
        let traceparent = self.header(55, |text| {
            text.put_slice(b"00-");
            text.put_slice(&hex_of_128(parent.trace));
            text.put_u8(b'-');
            text.put_slice(&hex_of_64(self.random.bits64().max(1)));
            text.put_slice(&[b'-', b'0', b'0' | parent.flags]);
        });
        Exchange { correlation, traceparent, continues }
    }
}

impl Exchange {
    /// Its correlation id as text.
    pub(crate) fn correlation(&self) -> &str {
        self.correlation.to_str().unwrap_or_default()
    }
}

fn is_sane(correlation: &[u8]) -> bool {
    (1..=LONGEST_CORRELATION).contains(&correlation.len()) && correlation.iter().all(u8::is_ascii_graphic)
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Its sixteen digits, all at once: each nibble in a byte of its own, made a digit.
fn hex_of_64(number: u64) -> [u8; 16] {
    const LOW: u128 = 0x0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F_0F0F;
    let mut spread = u128::from(number);
    for (shift, mask) in [
        (32, 0x0000_0000_FFFF_FFFF_0000_0000_FFFF_FFFF),
        (16, 0x0000_FFFF_0000_FFFF_0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF_00FF_00FF_00FF_00FF),
        (4, LOW),
    ] {
        spread = (spread | (spread << shift)) & mask;
    }
    // 1 in each byte that is a letter.
    let letters = ((spread + (LOW / 15) * 6) >> 4) & (LOW / 15);
    (spread + (LOW / 15) * u128::from(b'0') + letters * u128::from(b'a' - b'0' - 10)).to_be_bytes()
}

fn hex_of_128(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    let [high, low] =
        [number >> 64, number & u128::from(u64::MAX)].map(|half| hex_of_64(u64::try_from(half).unwrap_or(0)));
    let (first, second) = digits.split_at_mut(16);
    first.copy_from_slice(&high);
    second.copy_from_slice(&low);
    digits
}

/// `traceparent` of <https://www.w3.org/TR/trace-context/>: what of it goes on.
#[derive(Debug, PartialEq, Eq)]
struct TraceParent {
    trace: u128,
    flags: u8,
}

impl TraceParent {
    fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(55)?;
        let mut parts = known.split(|b| *b == b'-');
        let version = hex(parts.next()?, 2)?;
        let trace = hex(parts.next()?, 32)?;
        let span = hex(parts.next()?, 16)?;
        let flags = hex(parts.next()?, 2)?;
        // Version 255 is forbidden; only later versions may be longer.
        let wellformed = parts.next().is_none() && version != 255 && trace != 0 && span != 0;
        let ends = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with(b"-") };
        (wellformed && ends).then_some(Self { trace, flags: u8::try_from(flags).ok()? & 1 })
    }
}

fn hex(digits: &[u8], count: usize) -> Option<u128> {
    if digits.len() != count {
        return None;
    }
    digits.iter().try_fold(0_u128, |value, digit| match digit {
        b'0'..=b'9' => Some(value << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(value << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn marked(all: &[(&'static str, &str)]) -> Exchange {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        Marks::new().exchange(&headers)
    }

    #[test]
    fn numbers_have_their_digits() {
        let random = Random::from_system();
        let some = [0, 1, 9, 10, 0x0123_4567_89ab_cdef, u64::MAX];
        for number in some.into_iter().chain((0..1_000).map(|_| random.bits64())) {
            assert_eq!(hex_of_64(number), *format!("{number:016x}").as_bytes());
            let twice = u128::from(number) << 64 | u128::from(!number);
            assert_eq!(hex_of_128(twice), *format!("{twice:032x}").as_bytes());
        }
    }

    #[test]
    fn a_sane_correlation_id_is_kept() {
        let longest = "x".repeat(128);
        for sane in ["a", "order-1/42", longest.as_str()] {
            assert_eq!(marked(&[("correlation-id", sane)]).correlation, sane);
        }
        let too_long = "x".repeat(129);
        for other in ["", "a b", "caf\u{e9}", too_long.as_str()] {
            let made = marked(&[("correlation-id", other)]).correlation;
            assert_eq!((made.len(), made.as_bytes().iter().all(u8::is_ascii_hexdigit)), (32, true), "{other}");
        }
    }

    #[test]
    fn a_valid_trace_goes_on_with_a_new_span() {
        let exchange = marked(&[("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))]);
        let parent = exchange.traceparent.to_str().unwrap();
        assert_eq!((&parent[..36], &parent[52..]), (format!("00-{TRACE}-").as_str(), "-01"));
        assert_ne!(&parent[36..52], "00f067aa0ba902b7");
        assert!(exchange.continues, "so does its state");
    }

    #[test]
    fn another_trace_is_replaced_and_its_state_dropped() {
        let wrong = [
            String::new(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("01-{TRACE}-00f067aa0ba902b7-01x"),
        ];
        for value in wrong {
            let exchange = marked(&[("traceparent", &value)]);
            let parent = exchange.traceparent.as_bytes();
            assert!(TraceParent::parse(parent).is_some_and(|made| format!("{:032x}", made.trace) != TRACE), "{value}");
            assert!(!exchange.continues, "{value}");
        }
        assert!(TraceParent::parse(format!("01-{TRACE}-00f067aa0ba902b7-01-more").as_bytes()).is_some());
    }
}
