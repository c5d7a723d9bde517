//! How records say things: `false` is nothing, a link is `[id, "label"]` or an id, datetimes are naive UTC.
//! Reading never guesses: what has another form is an error.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::decimal;
use crate::shape::{shown, timestamp};

/// What a record has in a field; `None` for nothing. Where the field is a boolean, `false` is something.
pub(crate) fn present<'r>(record: &'r Value, field: &str, boolean: bool) -> Option<&'r Value> {
    record.get(field).filter(|value| !value.is_null() && (boolean || **value != Value::Bool(false)))
}

/// A link: the id, and the label where the record gives one.
pub(crate) fn link(value: &Value) -> Result<(i64, Option<&str>), String> {
    let wrong = || format!("{} is no link", shown(value));
    match value {
        Value::Number(_) => value.as_i64().map(|id| (id, None)).ok_or_else(wrong),
        Value::Array(parts) => match parts.as_slice() {
            [id, Value::String(label)] => id.as_i64().map(|id| (id, Some(label.as_str()))).ok_or_else(wrong),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// The one element of a list; none where there are several. What is a link, and no list, is the one itself.
pub(crate) fn only(value: &Value) -> Option<&Value> {
    match (link(value), value) {
        (Err(_), Value::Array(elements)) => match elements.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        _ => Some(value),
    }
}

/// The first element of a list. What is a link, and no list, is the one itself.
pub(crate) fn first(value: &Value) -> Option<&Value> {
    match (link(value), value) {
        (Err(_), Value::Array(elements)) => elements.first(),
        _ => Some(value),
    }
}

/// RFC 3339 UTC of a naive UTC datetime (`2026-11-23 05:31:43`, perhaps with microseconds).
pub(crate) fn read_datetime(text: &str) -> Option<String> {
    if text.as_bytes().get(10) == Some(&b'T') {
        return timestamp(text).map(|instant| instant.to_string());
    }
    let naive = text.as_bytes().get(10) == Some(&b' ') && !text.contains(['+', 'Z', '[']) && text.len() <= 26;
    let datetime: DateTime = if naive { text.parse().ok()? } else { return None };
    Some(TimeZone::UTC.to_timestamp(datetime).ok()?.to_string())
}

/// The naive UTC datetime of RFC 3339; the error is a sentence. Systems keep whole seconds, so parts of one are refused.
pub(crate) fn write_datetime(text: &str) -> Result<String, String> {
    let instant: Timestamp = timestamp(text).ok_or_else(|| format!("`{text}` is no RFC 3339 timestamp"))?;
    if instant.subsec_nanosecond() != 0 {
        return Err(format!("`{text}` has parts of a second, which the system does not keep"));
    }
    let datetime = TimeZone::UTC.to_datetime(instant);
    if !(1..=9999).contains(&datetime.year()) {
        return Err(format!("`{text}` is not in the years 1 to 9999"));
    }
    let (date, time) = (datetime.date(), datetime.time());
    let (year, month, day) = (date.year(), date.month(), date.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Ok(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

/// Whether two values of a field are the same to the system: `[7, "Units"]` is `7`, `2.0` is `2`, `null` is `false`.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    let is_nothing = |value: &Value| value.is_null() || *value == Value::Bool(false);
    if left == right || (is_nothing(left) && is_nothing(right)) {
        return true;
    }
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => {
            decimal::of_json(left).is_some_and(|value| decimal::of_json(right) == Some(value))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Array(_), Value::Number(_)) => link(left).ok().map(|(id, _)| id) == right.as_i64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetimes_go_both_ways_to_the_second() {
        let table = [
            ("2026-11-23 05:31:43", Some("2026-11-23T05:31:43Z")),
            ("2026-11-23 05:31:43.100000", Some("2026-11-23T05:31:43.1Z")),
            ("2026-11-23T05:31:43Z", Some("2026-11-23T05:31:43Z")),
            ("2026-11-23", None),
            ("2026-13-23 05:31:43", None),
            ("2026-11-23 05:31:43+01:00", None),
            ("yesterday", None),
        ];
        for (given, wanted) in table {
            assert_eq!(read_datetime(given).as_deref(), wanted, "{given}");
        }
        assert_eq!(write_datetime("2026-11-23T05:31:43Z").as_deref(), Ok("2026-11-23 05:31:43"));
        assert_eq!(write_datetime("2026-11-23T05:31:43+01:00").as_deref(), Ok("2026-11-23 04:31:43"));
        assert!(write_datetime("2026-11-23T05:31:43.5Z").is_err());
        assert!(write_datetime("2026-11-23 05:31:43").is_err());
    }

    #[test]
    fn links_have_ids_and_perhaps_labels() {
        assert_eq!(link(&serde_json::json!([12, "kg"])), Ok((12, Some("kg"))));
        assert_eq!(link(&serde_json::json!(12)), Ok((12, None)));
        for wrong in
            [serde_json::json!([12]), serde_json::json!("12"), serde_json::json!([12, 13]), serde_json::json!(1.5)]
        {
            assert!(link(&wrong).is_err(), "{wrong}");
        }
    }
}
