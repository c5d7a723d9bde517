//! Webhook or poll: of a capture, how it learns that something changed in its system; of an api with lists, how its consumers do.

use std::time::Duration;

use selvage_model::cost;
use selvage_model::manifest::interface::{InterfaceBody, Latency};
use selvage_model::scalar::spell;

use super::Answer::{Poll, Webhook};
use super::Fact;
use super::Question::Arrival;
use super::subject::Subject;

/// A consumer that asks for lists so many times a day asks for what changed.
const AGAIN_AND_AGAIN: u64 = 288;
/// Lists of a day that are not worth a subscription.
const SELDOM: u64 = 24;

pub(super) const FACTS: &[Fact] = &[
    Fact::of("told-at-once", Arrival, Webhook, 3, "it is classified `real-time`", told_at_once),
    Fact::of("polls-cost", Arrival, Webhook, 2, "polling takes a tenth of what its system bears", polls_cost),
    Fact::of(
        "polled-too-seldom",
        Arrival,
        Webhook,
        3,
        "it polls less often than its copy may be old, or than may be lost (`rpo`)",
        polled_too_seldom,
    ),
    Fact::of(
        "events-are-there",
        Arrival,
        Webhook,
        2,
        "events of the object that it lists are served",
        events_are_there,
    ),
    Fact::of(
        "asked-again-and-again",
        Arrival,
        Webhook,
        2,
        "one consumer asked for a list every five minutes, or more often",
        asked_again_and_again,
    ),
    Fact::of("minutes-do", Arrival, Poll, 2, "it is classified `near-real-time`", minutes_do),
    Fact::of("nobody-waits", Arrival, Poll, 3, "it is classified `batch`", hours_do),
    Fact::of("hints-get-lost", Arrival, Poll, 1, "it is a capture", hints_get_lost),
    Fact::of(
        "nothing-takes-hints",
        Arrival,
        Poll,
        1,
        "it is a capture, and no webhook interface takes hints of its system",
        nothing_takes_hints,
    ),
    Fact::of("no-events", Arrival, Poll, 3, "no events of the object that it lists are served", no_events),
    Fact::of("seldom-asked", Arrival, Poll, 2, "all consumers together asked for at most 24 lists a day", seldom_asked),
];

fn is_list(it: &Subject<'_>) -> bool {
    it.serves().is_some()
}

fn told_at_once(it: &Subject<'_>) -> Option<String> {
    let says = "It is classified real-time: what is told comes at once, what is asked for half an interval late.";
    (it.latency()? == Latency::RealTime).then(|| says.to_owned())
}

/// How often the capture polls.
fn poll(it: &Subject<'_>) -> Option<Duration> {
    it.capture()?.poll
}

fn polls_cost(it: &Subject<'_>) -> Option<String> {
    let (system, borne) = it.budget()?;
    let poll = poll(it)?;
    let calls = u128::from(cost::POLL.calls) * 60_000 / poll.as_millis().max(1);
    let every = spell(poll);
    (calls * 10 >= u128::from(borne)).then(|| {
        format!("Polling every {every} makes {calls} calls a minute of `{system}`, which bears about {borne}, whether anything changed or not.")
    })
}

fn polled_too_seldom(it: &Subject<'_>) -> Option<String> {
    let poll = poll(it)?;
    let copy = it.event()?.copy_max_age.map(|age| (age, "its copy may be", "old"));
    let lost = it.class().and_then(|class| class.recovery_point).map(|lost| (lost, "no more than", "may be lost"));
    let (bound, before, after) = copy.into_iter().chain(lost).filter(|(bound, ..)| poll > *bound).min()?;
    Some(format!("It polls every {}, and {before} {} {after}.", spell(poll), spell(bound)))
}

fn events_are_there(it: &Subject<'_>) -> Option<String> {
    if !is_list(it) {
        return None;
    }
    let (events, _) = it.events_of_object().next()?;
    Some(format!("`{events}` tells what changes of it: who subscribes there need not ask here whether something did."))
}

fn asked_again_and_again(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref().filter(|_| is_list(it))?;
    let (consumer, lists) = seen.lists_by.iter().max_by_key(|(_, lists)| **lists)?;
    let a_day = a_day(*lists, it.hours);
    (a_day >= AGAIN_AND_AGAIN)
        .then(|| format!("`{consumer}` asked for lists {a_day} times a day: mostly to learn that nothing changed."))
}

fn a_day(count: u64, hours: u64) -> u64 {
    count.saturating_mul(24) / hours.max(1)
}

fn minutes_do(it: &Subject<'_>) -> Option<String> {
    let says =
        "It is classified near-real-time: what is asked for every minute is soon enough, and nothing has to listen.";
    (it.latency()? == Latency::NearRealTime).then(|| says.to_owned())
}

fn hours_do(it: &Subject<'_>) -> Option<String> {
    let says = "It is classified batch: being told at once helps nobody.";
    (it.latency()? == Latency::Batch).then(|| says.to_owned())
}

fn hints_get_lost(it: &Subject<'_>) -> Option<String> {
    let system = it.system()?;
    let says = "is not sent again, and imports send none; a poll finds them, so keep a slow one in any case.";
    it.capture().map(|_| format!("A webhook that `{}` could not deliver {says}", system.name))
}

fn nothing_takes_hints(it: &Subject<'_>) -> Option<String> {
    it.capture()?;
    let system = it.interface.system()?;
    let takes = it.fabric.interfaces.values().any(|interface| match &interface.body {
        InterfaceBody::Webhook(webhook) => webhook.hints && interface.system() == Some(system),
        _ => false,
    });
    (!takes).then(|| format!("Nothing takes webhooks of `{system}` yet: that is another interface to declare, and a rule to set up in Odoo."))
}

fn no_events(it: &Subject<'_>) -> Option<String> {
    let object = &it.serves()?.object.value;
    it.events_of_object().next().is_none().then(|| {
        format!("No events of {object} are served: its consumers can only ask, with `updated_since` for what is new.")
    })
}

fn seldom_asked(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref().filter(|seen| is_list(it) && seen.lists > 0)?;
    let a_day = a_day(seen.lists, it.hours);
    (a_day <= SELDOM).then(|| format!("All consumers together asked for about {a_day} lists a day: an endpoint that has to be up all day is more work."))
}
