//! Readers that have not read what retention would take: kept for them, told to operators before anything is lost, and counted until
//! they have. INVARIANT: NOTHING-LOST

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use selvage_log::Behind;
use selvage_model::code;
use selvage_model::name::InterfaceRef;

/// Who is behind, by stream, as of the last time that retention was kept.
#[derive(Default)]
pub(crate) struct Behindhand(Mutex<BTreeMap<InterfaceRef, Vec<Behind>>>);

impl Behindhand {
    /// Takes in who is behind in a stream, and raises the alarm for each.
    pub(super) fn are(&self, stream: &InterfaceRef, behind: Vec<Behind>) {
        for Behind { reader, from, to, since, .. } in &behind {
            tracing::error!(
                code = %code::READER_BEHIND,
                "`{reader}` has not read the events {from} to {to} of `{stream}`, from {since} on: kept past retention"
            );
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match behind.is_empty() {
            true => all.remove(stream),
            false => all.insert(stream.clone(), behind),
        };
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        text
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::event::Position;

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
        assert_eq!(behindhand.text().lines().count(), 2);
    }
}
