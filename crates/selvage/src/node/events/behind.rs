//! Readers that have not read what retention would take: kept for them, told to operators before anything is lost, and counted until
//! they have. INVARIANT: NOTHING-LOST

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use selvage_delivery::Heard;
use selvage_log::Behind;
use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::scalar;

use super::ceiling::Told;

/// Who is behind, by stream, as of the last time that retention was kept.
#[derive(Default)]
pub(crate) struct Behindhand {
    /// Kept for them.
    readers: Mutex<BTreeMap<InterfaceRef, Vec<Behind>>>,
    /// About to be lost to them.
    losing: Mutex<BTreeMap<InterfaceRef, Vec<Losing>>>,
    /// How much of a stream is kept, and how much may be, where that is said.
    filled: Mutex<BTreeMap<InterfaceRef, (u64, u64)>>,
    /// Who was named before events are taken that are more than may be kept.
    told: Mutex<BTreeMap<InterfaceRef, Told>>,
    /// How far consumers were answered that pull without a group, until that is noted.
    pub(crate) heard: Heard,
}

/// A consumer that pulls without a group, and is about to lose what it has not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Losing {
    pub(super) consumer: ConsumerName,
    /// It has what stands up to here.
    pub(super) position: Position,
    /// When it asked last.
    pub(super) heard: Timestamp,
    /// How long the next event is kept yet.
    pub(super) left: Duration,
}

/// What a reader has not read of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// A reader, or `pull/` and a consumer that pulls without a group.
    pub(super) reader: String,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Behindhand {
    /// Takes in who is behind in a stream, and raises the alarm for each.
    pub(super) fn are(&self, stream: &InterfaceRef, behind: Vec<Behind>) {
        for Behind { reader, from, to, since, .. } in &behind {
            tracing::error!(
                code = %code::READER_BEHIND,
                "`{reader}` has not read the events {from} to {to} of `{stream}`, from {since} on: kept past retention"
            );
        }
        let mut all = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        match behind.is_empty() {
            true => all.remove(stream),
            false => all.insert(stream.clone(), behind),
        };
    }

    /// Takes in who is about to lose events of a stream, and raises the alarm for each.
    pub(super) fn lose(&self, stream: &InterfaceRef, losing: Vec<Losing>) {
        for Losing { consumer, position, heard, left } in &losing {
            let left = scalar::spell(Duration::from_secs(left.as_secs()));
            tracing::error!(
                code = %code::PULL_LOSES,
                "`{consumer}` pulls `{stream}` without a group, was at {position} when it asked last, {heard:.0}, and loses what is behind that in {left}"
            );
        }
        let mut all = self.losing.lock().unwrap_or_else(PoisonError::into_inner);
        match losing.is_empty() {
            true => all.remove(stream),
            false => all.insert(stream.clone(), losing),
        };
    }

    /// Raises the alarm for each reader that lost what it had not read, since there was more than may be kept.
    pub(super) fn have_lost(&self, stream: &InterfaceRef, lost: &[Unread]) {
        for Unread { reader, from, to } in lost {
            tracing::error!(
                code = %code::STREAM_BEYOND,
                "`{stream}` had more than may be kept of it: `{reader}` had not read the events {from} to {to}, which are gone"
            );
        }
    }

    /// Raises the alarm for each reader that is about to lose what it has not read, since there is nearly as much as may be kept, or more.
    pub(super) fn nearly(&self, stream: &InterfaceRef, kept: u64, most: u64, losing: &[Unread]) {
        for Unread { reader, from, to } in losing {
            tracing::error!(
                code = %code::STREAM_NEARLY_FULL,
                "`{stream}` has {kept} of the {most} bytes that may be kept: `{reader}` has not read the events {from} to {to}, and beyond that \
                 the oldest of them go"
            );
        }
    }

    /// Takes in who was named in a stream, and says who had been.
    pub(super) fn told(&self, stream: &InterfaceRef, told: Option<Told>) -> Option<Told> {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Some(told) => all.insert(stream.clone(), told),
            None => all.remove(stream),
        }
    }

    /// Takes in how much of a stream is kept, of so much as may be.
    pub(super) fn fill(&self, stream: &InterfaceRef, kept: u64, most: Option<u64>) {
        let mut all = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        match most {
            Some(most) => all.insert(stream.clone(), (kept, most)),
            None => all.remove(stream),
        };
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let all = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from(
            "# HELP selvage_events_kept_for_reader Events that retention would have taken and that a reader has not read.\n\
             # TYPE selvage_events_kept_for_reader gauge\n",
        );
        for (stream, behind) in all.iter() {
            for Behind { reader, from, to, .. } in behind {
                let reader = reader.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                let kept = (to + 1).saturating_sub(*from);
                let _ = writeln!(
                    text,
                    "selvage_events_kept_for_reader{{interface=\"{stream}\",reader=\"{reader}\"}} {kept}"
                );
            }
        }
        text + &self.text_of_losing() + &self.text_of_filled()
    }

    fn text_of_filled(&self) -> String {
        let all = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut gauge = |name: &str, about: &str, value: fn(&(u64, u64)) -> u64| {
            let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} gauge");
            for (stream, filled) in all.iter() {
                let _ = writeln!(text, "{name}{{interface=\"{stream}\"}} {}", value(filled));
            }
        };
        gauge("selvage_events_kept_bytes", "Bytes of events that are kept, where it is said how many may be.", |it| {
            it.0
        });
        gauge("selvage_events_most_bytes", "Bytes of events that may be kept, where that is said.", |it| it.1);
        text
    }

    fn text_of_losing(&self) -> String {
        let all = self.losing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from(
            "# HELP selvage_events_lost_in_seconds How long the next event is kept yet that a consumer has not pulled, where that is not long.\n\
             # TYPE selvage_events_lost_in_seconds gauge\n",
        );
        for (stream, losing) in all.iter() {
            for Losing { consumer, left, .. } in losing {
                let left = left.as_secs();
                let _ = writeln!(
                    text,
                    "selvage_events_lost_in_seconds{{interface=\"{stream}\",consumer=\"{consumer}\"}} {left}"
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_is_told_until_it_has_read() {
        let stream: InterfaceRef = "orders@1".parse().unwrap();
        let behind = Behind {
            reader: "group/planning/say \"hi\"".parse().unwrap(),
            position: Position::new(1, 4).unwrap(),
            from: 5,
            to: 9,
            since: "2026-11-26T06:30:00Z".parse().unwrap(),
        };
        let behindhand = Behindhand::default();
        behindhand.are(&stream, vec![behind]);
        let line = "selvage_events_kept_for_reader{interface=\"orders@1\",reader=\"group/planning/say \\\"hi\\\"\"} 5";
        assert!(behindhand.text().lines().any(|told| told == line), "{}", behindhand.text());
        behindhand.are(&stream, Vec::new());
        let (position, heard) = (Position::new(1, 4).unwrap(), Timestamp::UNIX_EPOCH);
        let left = Duration::from_secs(90);
        behindhand.lose(&stream, vec![Losing { consumer: "planning".parse().unwrap(), position, heard, left }]);
        let line = "selvage_events_lost_in_seconds{interface=\"orders@1\",consumer=\"planning\"} 90";
        assert!(behindhand.text().lines().any(|told| told == line), "{}", behindhand.text());
        behindhand.lose(&stream, Vec::new());
        assert_eq!(behindhand.text().lines().count(), 8);
        behindhand.fill(&stream, 900, Some(1_000));
        for line in [
            "selvage_events_kept_bytes{interface=\"orders@1\"} 900",
            "selvage_events_most_bytes{interface=\"orders@1\"} 1000",
        ] {
            assert!(behindhand.text().lines().any(|told| told == line), "{}", behindhand.text());
        }
        behindhand.fill(&stream, 900, None);
        assert_eq!(behindhand.text().lines().count(), 8);
    }
}
