//! The page of lanes: who is sent events and how far each is, which lanes are set aside and why, and what is safe to do about each.
//! It shows names and reasons, never a message's data.

use jiff::Timestamp;
use maud::{Markup, html};
use selvage_model::delivery::Cause;
use selvage_model::overview::{LaneRow, LanesView, Overview, Paged, RecordRow, SubscriptionRow};
use selvage_model::subscription::SubscriptionState;

use super::{chart, frame};
use crate::page::overview::grouped;

/// Subscriptions that are shown.
const MOST_LINES: usize = 200;
/// A lag longer than this fills its bar, in seconds.
const LONG: f64 = 300.0;

/// The page.
pub(crate) fn lanes(overview: &Overview, view: &LanesView, operator: &str) -> Markup {
    let content = html! {
        h1 { "Lanes" }
        p.dim {
            "Events are delivered in lanes: in order within each, beside each other. A lane whose message does not arrive is set aside "
            "with everything behind it, and no other lane waits for it."
        }
        (figures(view))
        (aside(view))
        (records(view))
        (subscriptions(view))
    };
    frame::full("Lanes", overview, operator, &content)
}

fn figures(view: &LanesView) -> Markup {
    let (parked, retrying) = (view.parked.all, view.retrying.all);
    let stopped = view.subscriptions.iter().filter(|it| it.state == SubscriptionState::Suspended).count() as u64;
    let down = view.subscriptions.iter().filter(|it| it.down).count() as u64;
    let held = view.subscriptions.iter().filter(|it| it.waits.is_some()).count() as u64;
    let lacking = view.subscriptions.iter().filter(|it| it.passed.is_some()).count() as u64;
    let table = [
        ("Parked", parked, "lanes wait for a person", "bad"),
        ("Retrying", retrying, "lanes are tried again by themselves", "warn"),
        ("Waiting", view.waiting, "messages in these lanes", ""),
        ("Down", down, "endpoints take nothing", "bad"),
        ("Held", held, "subscriptions wait for a secret or their grant", "bad"),
        ("Lacking", lacking, "subscriptions have not had what the log lost", "bad"),
        ("Suspended", stopped, "subscriptions are sent nothing", "warn"),
    ];
    html! {
        section.figures {
            @for (title, value, what, class) in table {
                div.figure.(if value > 0 { class } else { "" }) {
                    span.value { (grouped(value)) }
                    span.title { (title) }
                    span.dim { (what) }
                }
            }
        }
    }
}

fn aside(view: &LanesView) -> Markup {
    html! {
        section id="parked" {
            h2 { "Waits for a person" }
            (table(&view.parked, view.now, "parked", "None: nothing waits for anybody."))
        }
        section id="retrying" {
            h2 { "Tried again by itself" }
            (table(&view.retrying, view.now, "retrying", "None."))
        }
    }
}

/// Lanes that are set aside, the oldest trouble first.
fn table(lanes: &Paged<LaneRow>, now: Timestamp, word: &str, none: &str) -> Markup {
    html! {
        @if lanes.rows.is_empty() && lanes.all == 0 { p.dim { (none) } }
        @else {
            p.dim { "The oldest trouble first." }
            div.scroll { table {
                thead { tr {
                    th { "Lane" } th { "Subscription" } th { "State" } th { "Since" } th.number { "Waiting" } th { "Cause" }
                    th.number { "Attempts" } th { "Next" } th { "Safe to do" }
                } }
                tbody { @for lane in &lanes.rows { (one_lane(lane, now)) } }
            } }
            (onwards(lanes, word))
        }
    }
}

/// Where the next page is; the first is where nothing is said.
fn onwards<T>(page: &Paged<T>, word: &str) -> Markup {
    let shown = page.rows.len() as u64;
    html! {
        @if shown < page.all {
            p.dim {
                (grouped(shown)) " of " (grouped(page.all)) ". "
                a href={ "/lanes#" (word) } { "From the beginning" }
                @if let Some(next) = &page.next { " · " a href={ "/lanes?" (word) "=" (next) "#" (word) } { "The next page" } }
            }
        }
    }
}

fn one_lane(lane: &LaneRow, now: Timestamp) -> Markup {
    html! {
        tr {
            td { strong.name { (lane.lane) } }
            td { span.name { (lane.subscription) } br; span.dim { (lane.interface) } }
            td { @if lane.due.is_some() { span.badge.warn { "retrying" } } @else { span.badge.bad { "parked" } } }
            td.name { (long(now.duration_since(lane.since).as_secs())) }
            td.number { (grouped(lane.waiting)) }
            td { (lane.cause) br; span.dim { (lane.because) } }
            td.number { (lane.attempts) }
            td.name { @if let Some(due) = lane.due { "in " (long(due.duration_since(now).as_secs())) } @else { "-" } }
            td { (safe(lane)) }
        }
    }
}

/// What may be done without asking anybody.
fn safe(lane: &LaneRow) -> Markup {
    let Some(letter) = &lane.letter else {
        return html! { span.dim { "Nothing: it is tried again by itself. Bring the receiver back." } };
    };
    let first = match lane.cause {
        Cause::Refused => "Mend the receiver or the data, then ",
        Cause::Timeout => "Bring the receiver back, then ",
        Cause::Code | Cause::Reference | Cause::Unit => "Ask the steward, then ",
        Cause::Contract | Cause::Mapping => "Ask the interface's owner, then ",
        Cause::Unknown => "Look at it, then ",
    };
    html! {
        (first) code { "selvage dead-letters redrive " (letter) } br;
        span.dim { code { "show" } " tells more; " code { "discard" } " gives it up for good: ask first." }
    }
}

/// Records that no event could be made of; nothing where there are none.
fn records(view: &LanesView) -> Markup {
    html! {
        @if view.records.all > 0 { section id="records" {
            h2 { "Parked in captures" }
            p.dim { "Records that no event can be made of as they are. Each is tried again by itself, and no other waits for it." }
            div.scroll { table {
                thead { tr { th { "Record" } th { "Interface" } th { "Since" } th { "Cause" } th { "Who mends it" } } }
                tbody { @for record in &view.records.rows { (one_record(record, view.now)) } }
            } }
            (onwards(&view.records, "records"))
        } }
    }
}

fn one_record(record: &RecordRow, now: Timestamp) -> Markup {
    let who = match record.cause {
        Cause::Code | Cause::Reference | Cause::Unit => "the steward, or whoever keeps the record",
        _ => "the interface's owner",
    };
    html! {
        tr {
            td { strong.name { (record.record) } }
            td { span.name { (record.interface) } }
            td.name { (long(now.duration_since(record.since).as_secs())) }
            td { (record.cause) " " span.dim { (record.code) } br; span.dim { (record.because) } }
            td { (who) }
        }
    }
}

fn subscriptions(view: &LanesView) -> Markup {
    html! {
        section {
            h2 { "Subscriptions" }
            @if view.subscriptions.is_empty() { p.dim { "None: no manifest asks for one." } }
            @else { div.scroll { table {
                thead { tr {
                    th { "Subscription" } th { "To" } th { "State" } th { "Lag" } th.number { "Events behind" }
                    th.number { "Retrying" } th.number { "Parked" }
                } }
                tbody { @for it in view.subscriptions.iter().take(MOST_LINES) { (one_subscription(it, view.now)) } }
            } } }
        }
    }
}

fn one_subscription(it: &SubscriptionRow, now: Timestamp) -> Markup {
    let class = match it.state {
        _ if it.waits.is_some() => "bad",
        SubscriptionState::Active => "good",
        SubscriptionState::Suspended => "bad",
        _ => "warn",
    };
    html! {
        tr {
            td { strong.name { (it.label) } br; span.dim { (it.interface) } }
            td { (it.to.as_deref().unwrap_or("pulled")) @if it.down { br; span.badge.bad { "takes nothing" } } }
            td {
                @if let Some(waits) = &it.waits {
                    span.badge.(class) { (waits.what.says()) } br; span.dim { (waits.because) }
                } @else {
                    span.badge.(class) { (it.state) }
                    @if let (true, Some(because)) = (it.state != SubscriptionState::Active, &it.because) { br; span.dim { (because) } }
                }
                @if let Some(until) = it.held_until {
                    br; span.dim { "asked to be left alone for " (long(until.duration_since(now).as_secs())) " more" }
                }
                @if let Some((places, last)) = &it.passed {
                    br; span.badge.bad { "has not had all" } br;
                    span.dim { "went on at " (grouped(*places)) " places behind what the log does not have; the last: " (last) }
                }
                @if it.withheld > 0 { br; span.dim { (grouped(it.withheld)) " withheld: its grant does not cover them any more" } }
            }
            td { (lag(it)) }
            td.number { @if let Some(behind) = it.behind { (grouped(behind)) } @else { "-" } }
            td.number.(if it.retrying > 0 { "warn" } else { "" }) { (grouped(it.retrying)) }
            td.number.(if it.parked > 0 { "bad" } else { "" }) { (grouped(it.parked)) }
        }
    }
}

fn lag(it: &SubscriptionRow) -> Markup {
    let Some(lag) = it.lag else {
        // Whoever delivers knows it; who does not deliver cannot say who does.
        let says = match it.state {
            _ if it.to.is_none() => "its consumer sets the pace",
            SubscriptionState::Active => "not known to this node",
            _ => "nothing is sent",
        };
        return html! { span.dim { (says) } };
    };
    let late = it.agreed.is_some_and(|agreed| lag > agreed.as_secs_f64());
    html! {
        (chart::lag(lag, LONG, late))
        " " span.name { (long(lag as i64)) }
    }
}

/// As `3d`, `2h`, `5m`, `40s`.
fn long(seconds: i64) -> String {
    match seconds.max(0) {
        seconds if seconds >= 2 * 86_400 => format!("{}d", seconds / 86_400),
        seconds if seconds >= 2 * 3_600 => format!("{}h", seconds / 3_600),
        seconds if seconds >= 120 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
