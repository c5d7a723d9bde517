//! Whether an interface may be retired: not while it is used. Pure: its last use and the time are given.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Interface, Used};

/// How long nobody has to have asked at least.
pub const QUIET: Duration = Duration::from_secs(90 * 86_400);

/// How long nobody has to have asked for an interface: longer than whoever uses it may be silent.
pub fn quiet(interface: &Interface) -> Duration {
    interface.used.unwrap_or(Used::DEFAULT).silence().max(QUIET)
}

/// What stands against retiring an interface that was used within its quiet period: an error, or advice where that is waived.
/// INVARIANT: LIVE-LIFECYCLE
pub fn retirement(
    interface: &Interface,
    last_use: Option<Timestamp>,
    quiet: Duration,
    now: Timestamp,
    waived: bool,
) -> Option<Finding> {
    let last_use = last_use?;
    // A clock that went back makes use younger, never older.
    let since = Duration::try_from(now.duration_since(last_use)).unwrap_or_default();
    let severity = if waived { Severity::Advice } else { Severity::Error };
    let reference = interface.reference();
    let message = format!(
        "`{reference}` was used on {}, and is to be quiet for {} days before it is retired",
        last_use.to_zoned(jiff::tz::TimeZone::UTC).date(),
        quiet.as_secs() / 86_400
    );
    let finding = Finding { severity, ..Finding::error(code::RETIREMENT_EARLY, &interface.place, message) };
    let fix = format!("see who with `selvage usage {reference}`, move them, and wait; or waive it");
    (since < quiet).then(|| finding.fix(fix))
}

#[cfg(test)]
mod tests {
    use selvage_model::read::{Sources, read};

    use super::*;

    const STOCK: &str = "kind: Interface\nname: stock\nversion: 1.0\ntype: event\ndescription: x\n\
                         lifecycle: active\nevents: {a.b.c: {object: item@1}}\n";

    #[test]
    fn what_is_used_is_not_retired_before_it_is_quiet() {
        let mut sources = Sources::new();
        sources.insert("stock.yaml", STOCK);
        let fabric = read(&sources).fabric;
        let interface = fabric.interfaces.values().next().expect("it is read");
        let now: Timestamp = "2027-06-01T12:00:00Z".parse().unwrap();
        let judged = |last: Option<&str>, waived| {
            let last = last.map(|last| last.parse().unwrap());
            retirement(interface, last, QUIET, now, waived).map(|finding| finding.severity)
        };
        for (last, waived, expected) in [
            (None, false, None),
            (Some("2027-05-31T12:00:00Z"), false, Some(Severity::Error)),
            (Some("2027-05-31T12:00:00Z"), true, Some(Severity::Advice)),
            (Some("2027-06-02T12:00:00Z"), false, Some(Severity::Error)),
            (Some("2027-03-04T12:00:00Z"), false, Some(Severity::Error)),
            (Some("2027-03-03T11:59:00Z"), false, None),
        ] {
            assert_eq!(judged(last, waived), expected, "{last:?}");
        }
    }
}
