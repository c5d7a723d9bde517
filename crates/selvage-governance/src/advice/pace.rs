//! Real-time or batch: whether each thing is told when it happens, or many together later.

use std::time::Duration;

use selvage_model::manifest::api::Operation;
use selvage_model::manifest::interface::{Criticality, InterfaceBody, Latency};
use selvage_model::scalar::spell;

use super::Answer::{Batch, RealTime};
use super::Fact;
use super::Question::Pace;
use super::subject::Subject;

/// What is lost in less than this is not made good by a nightly file.
const LITTLE: Duration = Duration::from_secs(15 * 60);
/// Fewer requests than this say nothing.
const ENOUGH: u64 = 100;

pub(super) const FACTS: &[Fact] = &[
    Fact::of("is-waited-for", Pace, RealTime, 3, "it is classified `real-time`", is_waited_for),
    Fact::of("minutes-matter", Pace, RealTime, 1, "it is classified `near-real-time`", minutes_matter),
    Fact::of("hours-do", Pace, Batch, 3, "it is classified `batch`", hours_do),
    Fact::of("stops-a-plant", Pace, RealTime, 1, "it is tier-1", stops_a_plant),
    Fact::of("can-wait", Pace, Batch, 1, "it is tier-3", can_wait),
    Fact::of(
        "little-may-be-lost",
        Pace,
        RealTime,
        1,
        "no more than 15 minutes may be lost (`rpo`)",
        little_may_be_lost,
    ),
    Fact::of("acts", Pace, RealTime, 2, "it has operations that change something", acts),
    Fact::of("comes-in-files", Pace, Batch, 3, "its type is `file`", comes_in_files),
    Fact::of(
        "used-all-day",
        Pace,
        RealTime,
        1,
        "it was used in more than half of the hours that were seen",
        used_all_day,
    ),
    Fact::of(
        "used-in-bursts",
        Pace,
        Batch,
        2,
        "all its requests fell into one hour of twenty, or fewer",
        used_in_bursts,
    ),
    Fact::of(
        "whole-lists",
        Pace,
        Batch,
        1,
        "nine of ten requests asked for a list, and none changed anything",
        whole_lists,
    ),
    Fact::of(
        "beyond-its-system",
        Pace,
        Batch,
        2,
        "its busiest hour took half of what its system bears",
        beyond_its_system,
    ),
];

fn is_waited_for(it: &Subject<'_>) -> Option<String> {
    let says = "It is classified real-time: a person or a machine waits for it.";
    (it.latency()? == Latency::RealTime).then(|| says.to_owned())
}

fn minutes_matter(it: &Subject<'_>) -> Option<String> {
    let says = "It is classified near-real-time: minutes matter, hours are too late.";
    (it.latency()? == Latency::NearRealTime).then(|| says.to_owned())
}

fn hours_do(it: &Subject<'_>) -> Option<String> {
    let says = "It is classified batch: nobody waits for it, hours are soon enough.";
    (it.latency()? == Latency::Batch).then(|| says.to_owned())
}

fn stops_a_plant(it: &Subject<'_>) -> Option<String> {
    let says = "It is tier-1: what is not there stops a plant, so it is known at once whether it is there.";
    it.is_tier(Criticality::Tier1).then(|| says.to_owned())
}

fn can_wait(it: &Subject<'_>) -> Option<String> {
    it.is_tier(Criticality::Tier3)
        .then(|| "It is tier-3: it can wait, and is the first to be shed when much is asked.".to_owned())
}

fn little_may_be_lost(it: &Subject<'_>) -> Option<String> {
    let lost = it.class()?.recovery_point.filter(|lost| *lost <= LITTLE)?;
    let how_much = if lost.is_zero() {
        "Nothing of it may be lost".to_owned()
    } else {
        format!("At most {} of it may be lost", spell(lost))
    };
    Some(format!("{how_much}: what is gathered for later is lost together."))
}

fn acts(it: &Subject<'_>) -> Option<String> {
    let writing = it.writing();
    let says = "whoever sends that has to know what came of it before going on.";
    (!writing.is_empty()).then(|| format!("It acts ({}): {says}", writing.join(", ")))
}

fn comes_in_files(it: &Subject<'_>) -> Option<String> {
    let InterfaceBody::File(file) = &it.interface.body else { return None };
    let every = file.source.poll.map_or_else(String::new, |poll| format!(", looked for every {}", spell(poll)));
    Some(format!("It comes in files{every}: many records together, when the other side writes them."))
}

fn used_all_day(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref().filter(|seen| seen.requests() >= ENOUGH)?;
    let (with_any, hours) = (seen.hours_with_any, it.hours);
    (with_any * 2 > hours).then(|| {
        format!(
            "It was used in {with_any} of {hours} hours: there is no time of day at which it could be done for all."
        )
    })
}

fn used_in_bursts(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref().filter(|seen| seen.requests() >= ENOUGH)?;
    let (requests, with_any, hours) = (seen.requests(), seen.hours_with_any, it.hours);
    let are_few = with_any > 0 && with_any * 20 <= hours;
    are_few.then(|| {
        format!("Its {requests} requests fell into {with_any} of {hours} hours: it is used as a batch already.")
    })
}

fn whole_lists(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref().filter(|seen| seen.requests() >= ENOUGH && seen.writes == 0)?;
    let (lists, requests) = (seen.lists, seen.requests());
    let are_most = it.has(Operation::List) && lists.saturating_mul(10) >= requests.saturating_mul(9);
    are_most.then(|| format!("{lists} of {requests} requests asked for lists, and nobody changed anything."))
}

fn beyond_its_system(it: &Subject<'_>) -> Option<String> {
    let (system, borne) = it.budget()?;
    let seen = it.seen.as_ref()?;
    let calls = seen.busiest_calls_a_minute(seen.calls);
    (calls.saturating_mul(2) > borne).then(|| {
        format!("In its busiest hour it made about {calls} calls a minute of `{system}`, which bears about {borne}.")
    })
}
