//! The page of contracts: which sides of which interfaces may go from report to enforce and whom that would break, and where
//! messages do not fit, by consumer and field. Samples are masked before they reach the store; nothing here undoes that.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use selvage_model::contract_check::{ContractCheck, ContractViolation, Readiness, Verdict};
use selvage_model::name::InterfaceRef;
use selvage_model::overview::{ContractsView, Overview};

use super::{chart, frame};
use crate::page::overview::{grouped, minute};

/// Lines of a table that are shown.
const MOST_LINES: usize = 200;
/// Days that the bars of a field reach back.
const DAYS: i64 = 30;
/// What was found no longer ago than this is happening.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(15);

/// A field in which messages did not fit, and whose they were.
type Found<'a> = (&'a ContractCheck, &'a ContractViolation);

/// The page.
pub(crate) fn contracts(overview: &Overview, view: &ContractsView, operator: &str) -> Markup {
    let mut found: Vec<Found<'_>> =
        view.checks.iter().flat_map(|check| check.violations.iter().map(move |field| (check, field))).collect();
    found.sort_by_key(|(_, field)| (Reverse(field.last), Reverse(field.count)));
    let content = html! {
        h1 { "Contracts" }
        p.dim {
            "What was found when messages were checked, of all nodes and against the newest text of each contract. Counts come within "
            "a few seconds, and are kept for a quarter."
        }
        (figures(view, &found))
        (sides(view))
        (fields(view.now, &found))
        (unread(&view.unread))
    };
    frame::full("Contracts", overview, operator, &content)
}

fn figures(view: &ContractsView, found: &[Found<'_>]) -> Markup {
    let sum = |count: fn(&Readiness) -> u64| view.sides.values().map(count).sum::<u64>();
    let ready = view.sides.values().filter(|side| verdict(side, view.now) == Verdict::Ready).count();
    let now = found.iter().filter(|(_, field)| is_now(field, view.now)).count();
    let table = [
        ("Checked", sum(|side| side.checked), "messages, both ways", ""),
        ("Unfit", sum(|side| side.unfit), "did not fit their contract", "bad"),
        ("Unchecked", sum(|side| side.unchecked), "too large, or no JSON", "warn"),
        ("Going on", now as u64, "fields broken in the last quarter of an hour", "bad"),
        ("Ready", ready as u64, "sides that may be enforced", ""),
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

fn verdict(side: &Readiness, now: Timestamp) -> Verdict {
    side.verdict(Readiness::QUIET, now)
}

fn is_now(field: &ContractViolation, now: Timestamp) -> bool {
    now.duration_since(field.last) < JUST_NOW
}

fn sides(view: &ContractsView) -> Markup {
    html! {
        section {
            h2 { "From report to enforce" }
            p.dim {
                "A side is ready when it was seen for seven days, nothing was found for as long, and every message could be checked. Then "
                code { "validation: {request: enforce}" } " in the manifest, or " code { "response" } ", refuses what does not fit. "
                code { "selvage violations --readiness" } " says the same for another time."
            }
            @if view.sides.is_empty() { p.dim { "No message was checked yet." } }
            @else { div.scroll { table {
                thead { tr {
                    th { "Interface" } th { "Side" } th { "Mode" } th { "May be enforced" } th { "Would break" } th.number { "Checked" }
                    th { "Share" } th.number { "Unfit" } th.number { "Unchecked" } th { "Since" }
                } }
                tbody { @for ((interface, side), it) in view.sides.iter().take(MOST_LINES) { (one_side(interface, side, it, view.now)) } }
            } } }
            (frame::more(view.sides.len(), MOST_LINES, "selvage violations --readiness"))
        }
    }
}

fn one_side(interface: &InterfaceRef, side: &str, it: &Readiness, now: Timestamp) -> Markup {
    let fit = it.checked.saturating_sub(it.unfit);
    html! {
        tr {
            td { strong.name { (interface) } }
            td { (side) }
            td { span.badge { (it.mode) } }
            td { (may_be_enforced(verdict(it, now))) }
            td { @for consumer in &it.breaks { span.pair { (whose(consumer)) } " " } }
            td.number { (grouped(it.checked)) }
            td { (chart::shares(fit, it.unfit, it.unchecked)) }
            td.number.(if it.unfit > 0 { "bad" } else { "" }) { (grouped(it.unfit)) }
            td.number { (grouped(it.unchecked)) }
            td.name { @if let Some(since) = &it.since { (since.strftime("%Y-%m-%d")) } }
        }
    }
}

/// The verdict in a badge, and beside it what speaks against.
fn may_be_enforced(verdict: Verdict) -> Markup {
    html! {
        @match verdict {
            Verdict::Enforced => { span.dim { "is enforced" } },
            Verdict::Ready => { span.badge.good { "ready" } },
            Verdict::Violated(until) => { span.badge.bad { "not yet" } br; span.dim { "violated until " span.name { (minute(&until)) } } },
            Verdict::Unchecked(until) => { span.badge.warn { "not yet" } br; span.dim { "unchecked until " span.name { (minute(&until)) } } },
            Verdict::Young(since) => { span.badge { "not yet" } br; span.dim { "seen only since " span.name { (minute(&since)) } } },
            Verdict::Unseen => { span.badge { "not yet" } br; span.dim { "nothing seen" } },
        }
    }
}

fn whose(consumer: &str) -> &str {
    if consumer.is_empty() { "nobody known" } else { consumer }
}

fn fields(now: Timestamp, found: &[Found<'_>]) -> Markup {
    html! {
        section {
            h2 { "What does not fit" }
            @if found.is_empty() { p.dim { "Every message that was checked fitted." } }
            @else {
                p.dim {
                    "The newest first. Samples show a value only where the interface's data is " code { "public" }
                    ", otherwise what it looks like. The bars tell from when until when, over " (DAYS) " days."
                }
                div.scroll { table {
                    thead { tr {
                        th { "Last" } th { "Consumer" } th { "Interface" } th { "Where" } th { "Rule" } th { "Sample" } th.number { "Times" }
                        th { "When" } th { "Effect" }
                    } }
                    tbody { @for (check, field) in found.iter().take(MOST_LINES) { (one_field(now, check, field)) } }
                } }
                (frame::more(found.len(), MOST_LINES, "selvage violations"))
            }
        }
    }
}

fn one_field(now: Timestamp, check: &ContractCheck, field: &ContractViolation) -> Markup {
    let from = now - SignedDuration::from_hours(24 * DAYS);
    html! {
        tr {
            td.name { (minute(&field.last)) @if is_now(field, now) { br; span.badge.bad { "now" } } }
            td { strong.name { (whose(&check.consumer)) } }
            td { span.name { (check.interface) } br; span.dim { (check.operation) " · " (check.side) } }
            td { code { (field.place) " " (field.field) } }
            td { code { (field.rule) } }
            td { (field.sample) }
            td.number { (grouped(field.count)) }
            td { (chart::span((field.first, field.last), (from, now))) }
            td { @if check.mode == "enforce" { span.badge.bad { "refused" } } @else { span.badge.warn { "let through" } } }
        }
    }
}

fn unread(interfaces: &[InterfaceRef]) -> Markup {
    html! {
        @if !interfaces.is_empty() {
            section {
                h2 { "Not checked" }
                p {
                    "Messages of these direct interfaces pass unread: "
                    @for interface in interfaces { span.pair.name { (interface) } " " }
                }
                p.dim { code { "validation: {request: report, response: report}" } " in their manifests would tell what does not fit, and stop nothing." }
            }
        }
    }
}
