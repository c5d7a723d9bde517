//! Whom the end of an interface concerns, and what they are to be told when. Pure: use, grants and the day are given. It tells nobody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{Deprecation, Lifecycle};
use selvage_model::name::{ConsumerName, InterfaceRef};

/// So many days before a sunset, consumers are told again.
const BEFORE_SUNSET: [i32; 3] = [90, 30, 7];
/// So many days before a brownout.
const BEFORE_BROWNOUT: i32 = 7;

/// What somebody is to be told once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// What ends.
    pub interface: InterfaceRef,
    /// Whom it concerns.
    pub consumer: ConsumerName,
    /// Which of the things that there are to tell: `deprecated`, `sunset-2027-07-01-30`, `brownout-2027-01-10T09:00:00Z`. Each is told
    /// once, so a day that is moved is told anew.
    pub stage: String,
    /// What is told, in words.
    pub says: String,
}

/// What is known of an interface's users.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    /// When each consumer used each interface last, of late.
    pub used: &'a BTreeMap<(InterfaceRef, ConsumerName), Timestamp>,
    /// Grants that are alive.
    pub grants: &'a [LiveGrant],
}

/// What is to be told by now, whether it was told or not. It concerns whoever used the interface of late, or may use it. Of the days
/// before a sunset only the nearest that has come is told: who hears late does not hear thrice.
pub fn notices(fabric: &Fabric, users: Users<'_>, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (interface, declared) in &fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &declared.lifecycle else { continue };
        let told = told(interface, deprecation, now);
        for consumer in concerned(interface, users) {
            let last = users.used.get(&(interface.clone(), consumer.clone()));
            let used = last.map(|at| format!("; {consumer} used it last at {at:.0}")).unwrap_or_default();
            notices.extend(told.iter().map(|(stage, says)| Notice {
                interface: interface.clone(),
                consumer: consumer.clone(),
                stage: stage.clone(),
                says: format!("{says}{used}"),
            }));
        }
    }
    notices
}

fn concerned<'a>(interface: &InterfaceRef, users: Users<'a>) -> BTreeSet<&'a ConsumerName> {
    let used = users.used.keys().filter(|(used, _)| used == interface).map(|(_, consumer)| consumer);
    let granted = users.grants.iter().filter(|grant| grant.ended.is_none() && &grant.interface == interface);
    used.chain(granted.map(|grant| &grant.consumer)).collect()
}

/// Stages that have come, with what is told at each.
fn told(interface: &InterfaceRef, deprecation: &Deprecation, now: Timestamp) -> Vec<(String, String)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    if today < deprecation.since {
        return Vec::new();
    }
    let next = deprecation.successor.as_ref().map(|next| format!("; use {next}")).unwrap_or_default();
    let gone = deprecation.sunset.map(|sunset| format!(" and gone from {sunset} on")).unwrap_or_default();
    let mut told = vec![("deprecated".to_owned(), format!("{interface} is deprecated{gone}{next}"))];
    if let Some(sunset) = deprecation.sunset {
        let come =
            BEFORE_SUNSET.into_iter().filter(|days| sunset.checked_sub(days.days()).is_ok_and(|day| day <= today));
        // What was deprecated within the span has just been told.
        let nearest = come.min().filter(|days| apart(deprecation.since, sunset) > *days);
        told.extend(nearest.map(|days| {
            (
                format!("sunset-{sunset}-{days}"),
                format!("{interface} is gone from {sunset} on, in less than {days} days{next}"),
            )
        }));
    }
    for window in &deprecation.brownouts {
        let day = window.from.to_zoned(TimeZone::UTC).date();
        let comes = day.checked_sub(BEFORE_BROWNOUT.days()).is_ok_and(|first| first <= today);
        if comes && now < window.to {
            let says = format!(
                "{interface} refuses everything from {:.0} to {:.0}, to find who still uses it{next}",
                window.from, window.to
            );
            told.push((format!("brownout-{:.0}", window.from), says));
        }
    }
    told
}

fn apart(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use selvage_model::read::{Sources, read};

    use super::*;

    const STOCK: &str = "kind: Interface
name: stock
version: 1.0
type: event
description: what was there
lifecycle: deprecated
deprecation:
  since: 2027-01-01
  sunset: 2027-07-01
  successor: stock@2
  brownouts: [{from: 2027-05-10T09:00Z, to: 2027-05-10T11:00Z}]
events: {a.b.c: {object: item@1}}
";

    #[test]
    fn each_stage_is_told_once_to_who_uses_it_or_may() {
        let mut sources = Sources::new();
        sources.insert("stock.yaml", STOCK);
        let fabric = read(&sources).fabric;
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let interface: InterfaceRef = "stock@1".parse().unwrap();
        let used = BTreeMap::from([((interface, "board".parse().unwrap()), at("2026-12-31T00:00:00Z"))]);
        let users = Users { used: &used, grants: &[] };
        for (now, expected) in [
            ("2026-12-31T23:00:00Z", vec![]),
            ("2027-01-01T00:00:00Z", vec!["deprecated"]),
            ("2027-04-03T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-90"]),
            ("2027-05-03T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-90", "brownout-2027-05-10T09:00:00Z"]),
            ("2027-05-10T11:00:00Z", vec!["deprecated", "sunset-2027-07-01-90"]),
            ("2027-06-25T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-7"]),
        ] {
            let told = notices(&fabric, users, at(now));
            let stages: Vec<&str> = told.iter().map(|notice| notice.stage.as_str()).collect();
            assert_eq!(stages, expected, "{now}");
        }
        assert_eq!(notices(&fabric, Users { used: &BTreeMap::new(), grants: &[] }, at("2027-02-01T00:00:00Z")), []);
    }
}
