//! Small values that manifests are made of: rates, percentages, dimensions, ranges of versions.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// So many in a span of time: `200/s`, `1000000/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In what span.
    pub per: Duration,
}

/// So many in a calendar's span of UTC: `1000000/day`, `20000/month`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// How many.
    pub count: u64,
    /// In each what.
    pub window: Window,
}

/// A calendar's span, in UTC, so that every node begins it at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// From each full hour.
    Hour,
    /// From each midnight.
    Day,
    /// From the first of each month.
    Month,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

impl Window {
    /// The shortest that one lasts.
    pub fn shortest(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 28 * 86_400,
        })
    }

    /// The one that contains a moment: when it begins, and when the next one does. Seconds since 1970.
    pub fn span(self, now: Timestamp) -> (i64, i64) {
        let seconds = now.as_second().max(0);
        let even = |length: i64| (seconds - seconds % length, seconds - seconds % length + length);
        match self {
            Self::Hour => even(3_600),
            Self::Day => even(86_400),
            Self::Month => month(now).unwrap_or_else(|| even(28 * 86_400)),
        }
    }
}

fn month(now: Timestamp) -> Option<(i64, i64)> {
    let day = TimeZone::UTC.to_datetime(now).date();
    let begin = |day: Date| Some(TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).ok()?.as_second());
    Some((begin(day.first_of_month())?, begin(day.last_of_month().tomorrow().ok()?)?))
}

/// A share in hundredths, exact: `99.9%` is 99.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub Decimal);

/// What a quantity measures. Units of different dimensions never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Pieces: the UCUM unit `1`.
    Count,
    /// Base unit kg.
    Mass,
    /// Base unit m.
    Length,
    /// Base unit m2.
    Area,
    /// Base unit L.
    Volume,
    /// Base unit s.
    Time,
    /// Base unit Cel.
    Temperature,
    /// Base unit J.
    Energy,
}

impl Dimension {
    /// Every dimension with its word in manifests.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("count", Self::Count),
        ("mass", Self::Mass),
        ("length", Self::Length),
        ("area", Self::Area),
        ("volume", Self::Volume),
        ("time", Self::Time),
        ("temperature", Self::Temperature),
        ("energy", Self::Energy),
    ];
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, dimension)| dimension == self).map_or("", |(word, _)| word);
        f.write_str(word)
    }
}

/// A range of a system's major versions, both ends included: `>=16`, `<=18`, `17..19`, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VersionRange {
    /// The lowest, where there is one.
    pub from: Option<u32>,
    /// The highest, where there is one.
    pub until: Option<u32>,
}

impl VersionRange {
    /// Whether this major version lies in the range.
    pub fn contains(self, major: u32) -> bool {
        self.from.is_none_or(|from| from <= major) && self.until.is_none_or(|until| major <= until)
    }
}

impl Rate {
    /// The slower of two rates, where there are any.
    pub fn slower(left: Option<Self>, right: Option<Self>) -> Option<Self> {
        let pace = |rate: &Self| rate.count as f64 / rate.per.as_secs_f64().max(f64::MIN_POSITIVE);
        left.into_iter().chain(right).min_by(|left, right| pace(left).total_cmp(&pace(right)))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = spell(self.per);
        // `50/s`, as it is written, and not `50/1s`.
        let unit = span.strip_prefix('1').filter(|unit| unit.len() == 1);
        write!(f, "{}/{}", self.count, unit.unwrap_or(&span))
    }
}

impl FromStr for Rate {
    type Err = ();
    /// `200/s`, `600/m`, `1000000/day`, `100/10s`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, span) = text.split_once('/').ok_or(())?;
        let per = match span {
            "s" | "sec" | "second" => Duration::from_secs(1),
            "m" | "min" | "minute" => Duration::from_secs(60),
            "h" | "hour" => Duration::from_secs(3_600),
            "d" | "day" => Duration::from_secs(86_400),
            other => duration(other).ok_or(())?,
        };
        let count = digits(count).ok_or(())?;
        if count == 0 || per.is_zero() { Err(()) } else { Ok(Self { count, per }) }
    }
}

impl FromStr for Quota {
    type Err = ();
    /// `50000/hour`, `1000000/day`, `20000000/month`; `h`, `d` and `mo` too.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, span) = text.split_once('/').ok_or(())?;
        let window = match span {
            "h" | "hour" => Window::Hour,
            "d" | "day" => Window::Day,
            "mo" | "month" => Window::Month,
            _ => return Err(()),
        };
        let count = digits(count).filter(|count| (1..=Self::MOST).contains(count)).ok_or(())?;
        Ok(Self { count, window })
    }
}

impl Quota {
    /// The largest count: as many as are counted in 40 bits, with room above.
    pub const MOST: u64 = 1_000_000_000_000;
}

impl Percent {
    /// In thousandths, rounded down.
    pub fn thousandths(self) -> u32 {
        (self.0 * Decimal::TEN).to_u32().unwrap_or(0)
    }
}

impl FromStr for Percent {
    type Err = ();
    /// `99.9%`, from 0 to 100.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = decimal(text.strip_suffix('%').ok_or(())?.trim_end()).ok_or(())?;
        if number <= Decimal::ONE_HUNDRED { Ok(Self(number)) } else { Err(()) }
    }
}

impl FromStr for VersionRange {
    type Err = ();
    /// `16`, `>=16`, `>15`, `<=18`, `<19`, `17..19`, several of them with commas between, or `any`.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "any" {
            return Ok(Self::default());
        }
        let mut range = Self::default();
        for part in text.split(',') {
            let (from, until) = bounds(part.trim())?;
            range.from = range.from.max(from);
            range.until = [range.until, until].into_iter().flatten().min();
        }
        let empty = matches!((range.from, range.until), (Some(from), Some(until)) if until < from);
        if empty { Err(()) } else { Ok(range) }
    }
}

fn bounds(text: &str) -> Result<(Option<u32>, Option<u32>), ()> {
    let number = |text: &str| integer(text.trim()).ok_or(());
    if let Some(rest) = text.strip_prefix(">=") {
        return Ok((Some(number(rest)?), None));
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return Ok((None, Some(number(rest)?)));
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Ok((Some(number(rest)?.checked_add(1).ok_or(())?), None));
    }
    if let Some(rest) = text.strip_prefix('<') {
        return Ok((None, Some(number(rest)?.checked_sub(1).ok_or(())?)));
    }
    if let Some((from, until)) = text.split_once("..") {
        return Ok((Some(number(from)?), Some(number(until.strip_prefix('=').unwrap_or(until))?)));
    }
    let exact = number(text)?;
    Ok((Some(exact), Some(exact)))
}

/// A duration: `400ms`, `30s`, `15m`, `4h`, `30d`, `2w`, or several together: `1h30m`. At most ten years.
pub fn duration(text: &str) -> Option<Duration> {
    const MOST: Duration = Duration::from_secs(10 * 366 * 86_400);
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(unit_at)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_millis(digits(number)?.checked_mul(milliseconds)?))?;
        rest = tail;
    }
    if text.is_empty() || sum > MOST { None } else { Some(sum) }
}

/// A span of time as manifests write it: `90s` is `90s`, two hours are `2h`.
pub fn spell(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let whole = units.into_iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((word, unit)) => format!("{}{word}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// A size in bytes: `500MB`, `10GB` (powers of 1000), `64MiB` (powers of 1024).
pub fn size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let factor: u64 = match unit.trim_start() {
        "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    digits(number)?.checked_mul(factor)
}

/// A whole number from 0.
pub fn integer(text: &str) -> Option<u32> {
    u32::try_from(digits(text)?).ok()
}

/// A decimal between 0 and 1, neither included.
pub fn fraction(text: &str) -> Option<Decimal> {
    decimal(text).filter(|number| *number > Decimal::ZERO && *number < Decimal::ONE)
}

/// A day: `2027-06-30`.
pub fn date(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// RFC 3339, seconds optional: `2027-06-30T18:00+02:00`.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let shaped = text.len() >= 17 && text.as_bytes().get(10) == Some(&b'T') && !text.contains('[');
    if shaped { text.parse().ok() } else { None }
}

/// A time zone by its IANA name, from the database that is built in, so that every machine reads the same.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// An `http` or `https` address without credentials, query and fragment; no trailing slash is kept.
pub fn url(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let wellformed =
        rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#' | '\\' | '"' | '<' | '>'));
    if wellformed && is_authority(host) { Some(text.trim_end_matches('/')) } else { None }
}

/// `host`, `host:port` or `[v6]:port`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", if rest.is_empty() { Some("") } else { rest.strip_prefix(':') })
        }
        None => text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port))),
    };
    let port_fits =
        port.is_some_and(|port| port.is_empty() || integer(port).is_some_and(|port| (1..=65_535).contains(&port)));
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    port_fits && !text.ends_with(':') && host.split('.').all(label)
}

fn decimal(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit());
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
