//! Numbers of time as ISO 8601 durations, to the millisecond: systems keep a third of an hour as a number that never ends.
//! A day has 24 hours here; months and years have no length and are refused.

use jiff::Span;
use rust_decimal::{Decimal, RoundingStrategy};
use selvage_model::manifest::mapping::TimeUnit;

/// Most digits of a number that systems keep.
const KEPT_DIGITS: u32 = 15;
/// The longest duration taken, in milliseconds: ten thousand years.
const LONGEST: i128 = 10_000 * 366 * 86_400_000;

fn milliseconds(unit: TimeUnit) -> Decimal {
    Decimal::from(match unit {
        TimeUnit::Days => 86_400_000,
        TimeUnit::Hours => 3_600_000,
        TimeUnit::Minutes => 60_000,
        TimeUnit::Seconds => 1_000,
    })
}

/// ISO 8601 of so many of these units, to the nearest millisecond: `PT1H30M`, of days `P2D`. `None` where it is too long.
pub(crate) fn text(amount: Decimal, unit: TimeUnit) -> Option<String> {
    let exact = amount.checked_mul(milliseconds(unit))?;
    let rounded = exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    let total: i128 = i128::try_from(rounded).ok().filter(|total| total.abs() <= LONGEST)?;
    let sign = if total < 0 { "-" } else { "" };
    let mut rest = total.abs();
    let mut take = |of: i128| {
        let count = rest / of;
        rest %= of;
        count
    };
    let days = if unit == TimeUnit::Days { take(86_400_000) } else { 0 };
    let (hours, minutes, seconds) = (take(3_600_000), take(60_000), take(1_000));
    let mut time = String::new();
    for (count, letter) in [(hours, 'H'), (minutes, 'M')] {
        if count != 0 {
            time.push_str(&format!("{count}{letter}"));
        }
    }
    match (seconds, rest) {
        (0, 0) => {}
        (seconds, 0) => time.push_str(&format!("{seconds}S")),
        (seconds, rest) => time.push_str(format!("{seconds}.{rest:03}").trim_end_matches('0')),
    }
    if rest != 0 {
        time.push('S');
    }
    Some(match (days, time.is_empty()) {
        (0, true) if unit == TimeUnit::Days => "P0D".to_owned(),
        (0, true) => "PT0S".to_owned(),
        (0, false) => format!("{sign}PT{time}"),
        (days, true) => format!("{sign}P{days}D"),
        (days, false) => format!("{sign}P{days}DT{time}"),
    })
}

/// How many of these units an ISO 8601 duration is, in digits that systems keep; the error is a sentence.
pub(crate) fn amount(text: &str, unit: TimeUnit) -> Result<Decimal, String> {
    let seconds = seconds(text).ok_or_else(|| {
        format!("`{}` is no duration of days, hours, minutes and seconds", crate::shape::clipped(text))
    })?;
    let exact = seconds.checked_mul(Decimal::ONE_THOUSAND).and_then(|exact| exact.checked_div(milliseconds(unit)));
    let kept =
        exact.and_then(|exact| exact.round_sf_with_strategy(KEPT_DIGITS, RoundingStrategy::MidpointAwayFromZero));
    kept.ok_or_else(|| format!("`{}` is too long", crate::shape::clipped(text)))
}

/// The seconds of an ISO 8601 duration without years and months.
pub(crate) fn seconds(text: &str) -> Option<Decimal> {
    if !text.trim_start_matches('-').starts_with('P') {
        return None;
    }
    let span: Span = text.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let parts = [
        (i64::from(span.get_weeks()), 604_800_000_000_000_i64),
        (i64::from(span.get_days()), 86_400_000_000_000),
        (i64::from(span.get_hours()), 3_600_000_000_000),
        (span.get_minutes(), 60_000_000_000),
        (span.get_seconds(), 1_000_000_000),
        (span.get_milliseconds(), 1_000_000),
        (span.get_microseconds(), 1_000),
        (span.get_nanoseconds(), 1),
    ];
    let mut total: i128 = 0;
    for (count, nanoseconds) in parts {
        total = total.checked_add(i128::from(count).checked_mul(i128::from(nanoseconds))?)?;
    }
    Decimal::try_from_i128_with_scale(total, 9).ok().map(|seconds| seconds.normalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::{self, parse_number};

    #[test]
    fn numbers_of_time_go_both_ways() {
        use TimeUnit::{Days, Hours, Minutes, Seconds};
        let table = [
            ("1.5", Hours, "PT1H30M", "1.5"),
            ("0.3333333333333333", Hours, "PT20M", "0.333333333333333"),
            ("90", Minutes, "PT1H30M", "90"),
            ("0.25", Minutes, "PT15S", "0.25"),
            ("12.35", Minutes, "PT12M21S", "12.35"),
            ("0", Minutes, "PT0S", "0"),
            ("-0.5", Hours, "-PT30M", "-0.5"),
            ("5", Days, "P5D", "5"),
            ("1.5", Days, "P1DT12H", "1.5"),
            ("0", Days, "P0D", "0"),
            ("1.25", Seconds, "PT1.25S", "1.25"),
            ("0.0004", Seconds, "PT0S", "0"),
            ("0.5", Seconds, "PT0.5S", "0.5"),
            ("100", Hours, "PT100H", "100"),
        ];
        for (number, unit, wanted, back) in table {
            let read = text(parse_number(number).unwrap(), unit);
            assert_eq!(read.as_deref(), Some(wanted), "{number} {unit:?}");
            assert_eq!(amount(wanted, unit).map(decimal::text).as_deref(), Ok(back), "{number} {unit:?}");
        }
        assert_eq!(amount("P1W", Days), Ok(Decimal::from(7)));
        assert_eq!(amount("P1D", Hours), Ok(Decimal::from(24)));
        for wrong in ["P1M", "P1Y", "1h", "", "tomorrow"] {
            assert!(amount(wrong, Hours).is_err(), "{wrong}");
        }
        assert_eq!(text(Decimal::MAX, Hours), None);
    }
}
