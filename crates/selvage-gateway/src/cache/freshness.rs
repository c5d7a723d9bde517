//! How long an answer may be given again, by what it and its request say: RFC 9111 for a shared cache, and always the
//! stricter reading. Pure. It guesses nothing: what does not say how long it is good is asked for again.

use http::{HeaderMap, HeaderName, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

static PARSER: DateTimeParser = DateTimeParser::new();
/// More is taken for a mistake.
const LONGEST: u64 = 365 * 86_400;
/// Statuses that are kept where their answers say how long they are good.
const KEPT: [u16; 8] = [200, 203, 204, 300, 301, 308, 404, 410];

/// What a request says about kept answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// It wants none, nor its answer to be one.
    pub(crate) none: bool,
    /// What is kept must be confirmed first.
    pub(crate) confirmed: bool,
    /// It wants one or nothing.
    pub(crate) only: bool,
    /// Seconds: not older.
    pub(crate) oldest: Option<u64>,
    /// Seconds: still good for so long.
    pub(crate) fresh_for: Option<u64>,
}

impl Wish {
    /// Of a request's headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut wish = Self::default();
        let Some(said) = directives(headers) else { return Self { none: true, ..wish } };
        for (name, value) in &said {
            match name.as_str() {
                "no-store" => wish.none = true,
                "no-cache" => wish.confirmed = true,
                "only-if-cached" => wish.only = true,
                "max-age" => wish.oldest = Some(wish.oldest.unwrap_or(LONGEST).min(value.unwrap_or(0))),
                "min-fresh" => wish.fresh_for = Some(value.unwrap_or(LONGEST)),
                _ => {}
            }
        }
        let pragma = headers.get(header::PRAGMA).and_then(|value| value.to_str().ok());
        wish.confirmed |= said.is_empty() && pragma.is_some_and(|said| said.to_ascii_lowercase().contains("no-cache"));
        wish
    }
}

/// How long an answer is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Seconds since it was made, as it says; 0 where it must be confirmed each time.
    pub(crate) seconds: u64,
    /// How old it was when it came, in seconds.
    pub(crate) age: u64,
    /// Whether it may be given to others than who proved themselves for it (RFC 9111 §3.5).
    pub(crate) shared: bool,
}

/// Whether the answer to a GET may be kept, and for how long; at most so many seconds. `now` is when it came.
pub(crate) fn lifetime(status: StatusCode, headers: &HeaderMap, now: Timestamp, most: Option<u64>) -> Option<Lifetime> {
    let whole = !headers.contains_key(header::SET_COOKIE) && !headers.contains_key(header::CONTENT_RANGE);
    if !whole || !KEPT.contains(&status.as_u16()) || vary(headers).is_none() {
        return None;
    }
    let (mut of_shared, mut of_all, mut confirmed, mut shared) = (None, None, false, false);
    for (name, value) in directives(headers)? {
        match name.as_str() {
            "no-store" | "private" => return None,
            "no-cache" => confirmed = true,
            "public" | "must-revalidate" => shared = true,
            // Said twice, the shorter counts; what is no number is over.
            "s-maxage" => {
                of_shared = Some(of_shared.unwrap_or(LONGEST).min(value.unwrap_or(0)));
                shared = true;
            }
            "max-age" => of_all = Some(of_all.unwrap_or(LONGEST).min(value.unwrap_or(0))),
            _ => {}
        }
    }
    let validators = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    let can_be_confirmed = validators && status == StatusCode::OK;
    let says_how_long = of_shared.or(of_all).is_some() || headers.contains_key(header::EXPIRES);
    if !says_how_long && !can_be_confirmed {
        return None;
    }
    let date = time(headers, &header::DATE);
    let said = of_shared.or(of_all).unwrap_or_else(|| expires(headers, date.unwrap_or(now)));
    let seconds = if confirmed { 0 } else { said.min(most.unwrap_or(LONGEST)) };
    let apparent = date.map_or(0, |date| seconds_between(date, now));
    let told = match only(headers, &header::AGE) {
        None if headers.contains_key(header::AGE) => LONGEST,
        None => 0,
        Some(age) => age.trim().parse().unwrap_or(LONGEST).min(LONGEST),
    };
    (seconds > 0 || can_be_confirmed).then_some(Lifetime { seconds, age: apparent.max(told), shared })
}

fn expires(headers: &HeaderMap, date: Timestamp) -> u64 {
    time(headers, &header::EXPIRES).map_or(0, |expires| seconds_between(date, expires).min(LONGEST))
}

/// The headers that an answer says it depends on; `None` where that is told by nothing that a caller sends.
pub(crate) fn vary(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    const OURS: [&str; 4] = ["*", "x-forwarded-for", "correlation-id", "traceparent"];
    let mut names = Vec::new();
    for value in headers.get_all(header::VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            names.push(HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !OURS.contains(&name.as_str()))?);
        }
    }
    Some(names)
}

/// What `Cache-Control` says; `None` where it cannot be read.
fn directives(headers: &HeaderMap) -> Option<Vec<(String, Option<u64>)>> {
    let mut all = Vec::new();
    for value in headers.get_all(header::CACHE_CONTROL) {
        for part in elements(value.to_str().ok()?) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let seconds = value.trim().trim_matches('"');
            let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
            let seconds = digits.then(|| seconds.parse().unwrap_or(LONGEST).min(LONGEST));
            all.push((name.trim().to_ascii_lowercase(), seconds));
        }
    }
    Some(all)
}

/// The elements of a list between commas, but for those within quotes.
pub(crate) fn elements(list: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let cut = move |letter: char| {
        let ends = letter == ',' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        ends
    };
    list.split(cut).map(str::trim).filter(|element| !element.is_empty())
}

/// A header that was said once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// A moment that a header names.
pub(super) fn time(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    PARSER.parse_timestamp(only(headers, name)?).ok()
}

fn seconds_between(from: Timestamp, until: Timestamp) -> u64 {
    u64::try_from(until.as_second() - from.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
