//! Copy or live: whether lists and gets are answered from a copy that a capture keeps, or by asking the system each time.

use std::time::Duration;

use selvage_model::manifest::interface::{Criticality, Latency};
use selvage_model::scalar::spell;

use super::Answer::{Copy, Live};
use super::Fact;
use super::Question::Reads;
use super::subject::Subject;

/// How old what somebody waits for may be.
const AT_ONCE: Duration = Duration::from_secs(10);
/// How old what matters in minutes may be.
const MINUTES: Duration = Duration::from_secs(15 * 60);
/// Fewer requests in the busiest hour than this ask the system less than a capture does.
const SELDOM: u64 = 60;

pub(super) const FACTS: &[Fact] = &[
    Fact::of(
        "loads-its-system",
        Reads,
        Copy,
        3,
        "reads of its busiest hour took a fifth of what its system bears",
        loads_its_system,
    ),
    Fact::of(
        "may-load-its-system",
        Reads,
        Copy,
        2,
        "its limits let more through than its system bears",
        may_load_its_system,
    ),
    Fact::of(
        "copy-is-kept",
        Reads,
        Copy,
        2,
        "a copy of its object is kept that is as fresh as its classification asks for",
        copy_is_kept,
    ),
    Fact::of("only-reads", Reads, Copy, 1, "nothing can be changed by it", only_reads),
    Fact::of("several-readers", Reads, Copy, 1, "three consumers or more are granted it", several_readers),
    Fact::of(
        "one-call-a-second",
        Reads,
        Copy,
        2,
        "its system is an Odoo that bears a call a second",
        one_call_a_second,
    ),
    Fact::of("outlasts-its-system", Reads, Copy, 1, "it is tier-1", outlasts_its_system),
    Fact::of("reads-what-it-wrote", Reads, Live, 2, "it has operations that change something", reads_what_it_wrote),
    Fact::of(
        "has-to-be-now",
        Reads,
        Live,
        2,
        "it is classified `real-time`, and no copy is younger than 10 seconds",
        has_to_be_now,
    ),
    Fact::of("seldom-read", Reads, Live, 3, "fewer than 60 requests read in its busiest hour", seldom_read),
    Fact::of("nothing-captures", Reads, Live, 1, "no event interface captures its object", nothing_captures),
    Fact::of(
        "captured-too-seldom",
        Reads,
        Live,
        3,
        "the capture looks less often than its copy may be old",
        captured_too_seldom,
    ),
];

fn loads_its_system(it: &Subject<'_>) -> Option<String> {
    let (system, borne) = it.budget()?;
    let seen = it.seen.as_ref()?;
    let calls = seen.busiest_calls_a_minute(seen.read_calls);
    (calls.saturating_mul(5) > borne).then(|| {
        format!("Reading took about {calls} calls a minute of `{system}` in the busiest hour, and it bears about {borne} for everybody.")
    })
}

fn may_load_its_system(it: &Subject<'_>) -> Option<String> {
    let (system, borne) = it.budget()?;
    let rate = it.interface.limits.rate?;
    let a_minute = u128::from(rate.count) * 60_000 / rate.per.as_millis().max(1);
    (a_minute > u128::from(borne)).then(|| {
        format!("Its limits let {a_minute} requests a minute through, and `{system}` bears about {borne} calls; a copy is not asked of it.")
    })
}

fn copy_is_kept(it: &Subject<'_>) -> Option<String> {
    let (keeper, age, _) = it.copy()?;
    let bearable = match it.latency() {
        Some(Latency::RealTime) => AT_ONCE,
        Some(Latency::NearRealTime) | None => MINUTES,
        Some(Latency::Batch) => Duration::MAX,
    };
    let class = it.latency().map_or_else(String::new, |latency| format!(", which {} bears", latency.as_str()));
    (age <= bearable).then(|| format!("`{keeper}` keeps a copy that is at most {} old{class}.", spell(age)))
}

fn only_reads(it: &Subject<'_>) -> Option<String> {
    it.writing().is_empty().then(|| "It only reads: nobody waits to see here what they changed here.".to_owned())
}

fn several_readers(it: &Subject<'_>) -> Option<String> {
    let count = it.consumers().len();
    (count >= 3).then(|| format!("{count} consumers read it; a copy is captured once for all of them."))
}

fn one_call_a_second(it: &Subject<'_>) -> Option<String> {
    let system = it.odoo()?;
    let is_slow = system.environments.iter().any(|environment| system.bounds(environment).per_second == Some(1));
    is_slow.then(|| format!("`{}` takes one call a second: each read keeps everybody else waiting.", system.name))
}

fn outlasts_its_system(it: &Subject<'_>) -> Option<String> {
    let system = it.system()?;
    let says = "it can be read on while the system is restarted or moved.";
    it.is_tier(Criticality::Tier1).then(|| format!("It is tier-1: from a copy of `{}`, {says}", system.name))
}

fn reads_what_it_wrote(it: &Subject<'_>) -> Option<String> {
    let writing = it.writing();
    (!writing.is_empty()).then(|| {
        format!(
            "It changes what it reads ({}): who changes something reads it back, and a copy shows it later.",
            writing.join(", ")
        )
    })
}

fn has_to_be_now(it: &Subject<'_>) -> Option<String> {
    let is_fresh = it.copy().is_some_and(|(_, age, _)| age <= AT_ONCE);
    let is_now = it.latency()? == Latency::RealTime && !is_fresh;
    is_now.then(|| {
        format!("It is classified real-time: what is decided by it was to be true within the last {}.", spell(AT_ONCE))
    })
}

fn seldom_read(it: &Subject<'_>) -> Option<String> {
    let seen = it.seen.as_ref()?;
    (seen.reads > 0 && seen.busiest_hour < SELDOM).then(|| {
        format!(
            "It was asked {} times in its busiest hour: a capture asks the system more often than that.",
            seen.busiest_hour
        )
    })
}

fn nothing_captures(it: &Subject<'_>) -> Option<String> {
    let object = &it.serves()?.object.value;
    let is_captured = it.events_of_object().any(|(_, event)| event.capture.is_some());
    (!is_captured)
        .then(|| format!("Nothing captures {object} yet: a copy takes an event interface with `capture` and `copy`."))
}

fn captured_too_seldom(it: &Subject<'_>) -> Option<String> {
    let (keeper, age, capture) = it.copy()?;
    let poll = capture.filter(|capture| !capture.webhook)?.poll.filter(|poll| *poll >= age)?;
    Some(format!(
        "`{keeper}` looks every {}, and its copy may be {} old: reads would often find it too old.",
        spell(poll),
        spell(age)
    ))
}
