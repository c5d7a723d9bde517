//! Moments between Odoo's naive UTC text and timestamps. It reads no clock and knows no zone but UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The moment that Odoo's text names, as `2026-11-23 06:32:49` or with a fraction.
pub fn from_odoo_time(text: &str) -> Option<Timestamp> {
    let naive: DateTime = text.parse().ok()?;
    Some(naive.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The whole second as Odoo writes it.
pub fn to_odoo_time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A second of the Unix clock as Odoo writes it; `None` beyond the year 9999.
pub(super) fn second_to_odoo(second: i64) -> Option<String> {
    Timestamp::from_second(second).ok().map(to_odoo_time)
}

/// A datetime value in Odoo's form, from that form or from RFC 3339; `None` for anything else.
pub(super) fn naive(text: &str) -> Option<String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(to_odoo_time(moment));
    }
    from_odoo_time(text).map(to_odoo_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        for (given, expected) in [
            ("2026-11-23 06:32:49", Some("2026-11-23 06:32:49")),
            ("2026-11-23 06:32:49.999999", Some("2026-11-23 06:32:49")),
            ("2026-11-23T06:32:49Z", Some("2026-11-23 06:32:49")),
            ("2026-11-23T07:32:49+01:00", Some("2026-11-23 06:32:49")),
            ("tomorrow", None),
        ] {
            assert_eq!(naive(given).as_deref(), expected, "{given}");
        }
        assert_eq!(
            second_to_odoo(from_odoo_time("2026-11-23 06:32:49").unwrap().as_second()).unwrap(),
            "2026-11-23 06:32:49"
        );
    }
}
