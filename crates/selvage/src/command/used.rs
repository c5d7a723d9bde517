//! How a time of use is told in tables.

use jiff::Timestamp;

/// A time to the second, or a dash.
pub(crate) fn or_dash(time: Option<Timestamp>) -> String {
    time.map_or("-".to_owned(), |time| format!("{time:.0}"))
}
