//! Whom a change concerns, as a picture: a line for each consumer and operation, with the time that it was last seen to use what would be
//! lost on a course of fifteen months, or a band where that cannot be known. It needs no script.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use selvage_model::change::{Affected, Loss};

use super::gravity;
use super::overview::{grouped, minute};

/// Lines that are shown.
const MOST_LINES: usize = 100;
/// The course that is looked at: as long as use is kept.
const COURSE: SignedDuration = SignedDuration::from_hours(24 * 458);
const MONTHS: i64 = 15;
const WIDTH: i64 = 300;
const HEIGHT: i64 = 18;

/// The section, of what was known at this time.
pub(super) fn affected(affected: &[Affected], known: Timestamp) -> Markup {
    let lines: usize = affected.iter().map(|it| it.losses.len().max(1)).sum();
    html! {
        section {
            h2 { "Whom it concerns" }
            @if affected.is_empty() { p.dim { "No use was seen that it would break." } }
            @else {
                p.dim { "On a course of " (MONTHS) " months, a dot is the last time that it was seen, and a band where its use cannot be known, and counts. As of " (minute(&known)) "." }
                div.scroll { table.impact {
                    thead { tr {
                        th { "Consumer" } th { "Operation" } th { "Loses" }
                        th.course { div.ends { span { (MONTHS) " months before" } span { "then" } } }
                        th { "Last used" }
                    } }
                    tbody { @for (it, loss) in of_each(affected).take(MOST_LINES) { (line(it, loss, known)) } }
                } }
                @if lines > MOST_LINES { p.dim { (grouped((lines - MOST_LINES) as u64)) " more lines are told by " code { "selvage change show --json" } "." } }
            }
        }
    }
}

/// Each with what it would lose; once where that was not kept. The first of a consumer comes without a line above it that is its own.
fn of_each(affected: &[Affected]) -> impl Iterator<Item = (&Affected, Option<&Loss>)> {
    affected.iter().flat_map(|it| {
        let losses: Vec<Option<&Loss>> =
            if it.losses.is_empty() { vec![None] } else { it.losses.iter().map(Some).collect() };
        losses.into_iter().map(move |loss| (it, loss))
    })
}

/// Where it was seen to use what changes.
fn environments(it: &Affected) -> String {
    it.environments.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn line(it: &Affected, loss: Option<&Loss>, known: Timestamp) -> Markup {
    let last = loss.map_or(it.last_used, |loss| loss.last_used);
    let unknown = loss.and_then(|loss| loss.unknown.as_deref());
    let verdict = loss.map_or("unproven", |loss| loss.verdict.as_str());
    html! {
        tr {
            td.breaks { strong { (it.consumer) } br; a href={ "/catalogue/" (it.interface) } { (it.interface) }
                @if !it.environments.is_empty() { br; span.dim { "in " (environments(it)) } }
            }
            td.breaks { @match loss.and_then(|loss| loss.operation.as_deref()) { Some(operation) => { (operation) }, None => { span.dim { "any" } }, } }
            td.about { (gravity::badge(verdict)) " " (loss.map_or(it.because.as_str(), |loss| loss.at.as_str())) }
            td.course { (course(verdict, last, unknown, known)) }
            td.name {
                @if let Some(last) = last { (minute(&last)) } @else { span.dim { "never seen" } }
                @if let Some(loss) = loss.filter(|loss| loss.requests > 0) { br; span.dim { (grouped(loss.requests)) " requests" } }
                @if let Some(unknown) = unknown { br; span.dim.wraps { (unknown) } }
            }
        }
    }
}

/// Fifteen months from left to right.
fn course(verdict: &str, last: Option<Timestamp>, unknown: Option<&str>, known: Timestamp) -> Markup {
    let from = known.checked_sub(COURSE).unwrap_or(Timestamp::UNIX_EPOCH);
    let span = (known.as_second() - from.as_second()).max(1);
    let place =
        |at: Timestamp| (at.as_second() - from.as_second()).clamp(0, span) * (WIDTH - HEIGHT) / span + HEIGHT / 2;
    let class = if verdict == "breaking" { "bad" } else { "warn" };
    let label = match (last, unknown) {
        (Some(last), None) => format!("last used {last:.0}"),
        (Some(last), Some(unknown)) => format!("last seen {last:.0}; {unknown}"),
        (None, Some(unknown)) => format!("never seen; {unknown}"),
        (None, None) => "never seen".to_owned(),
    };
    html! {
        svg.course viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            title { (label) }
            @for month in 0..=MONTHS {
                @let x = HEIGHT / 2 + month * (WIDTH - HEIGHT) / MONTHS;
                line x1=(x) y1="6" x2=(x) y2="12" {}
            }
            line x1=(HEIGHT / 2) y1="9" x2=(WIDTH - HEIGHT / 2) y2="9" {}
            @if unknown.is_some() { rect.(class) x=(HEIGHT / 2) y="5" width=(WIDTH - HEIGHT) height="8" rx="4" {} }
            @if let Some(last) = last { circle.(class) cx=(place(last)) cy="9" r="6" {} }
        }
    }
}
