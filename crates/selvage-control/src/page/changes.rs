//! The page of changes: what waits for whom, oldest first, and every change that there was.

use maud::{Markup, html};
use selvage_governance::approval::{Standing, Waiting};
use selvage_model::change::{Change, ChangeState};
use selvage_model::overview::Overview;

use super::access::decidable;
use super::{frame, gravity};
use crate::desk::Waits;
use crate::desk::lease::{AccessWaits, Due, Pending};
use crate::page::overview::{grouped, minute};

/// Lines of a table that are shown.
const MOST_LINES: usize = 200;

/// What waits for whom, in the order of `selvage board`.
pub(crate) struct Board {
    /// Changes and access.
    pub(crate) pending: Vec<Pending>,
    /// Emergencies that were ratified late, and stand there for a while.
    pub(crate) late: Vec<(Change, Standing)>,
    /// What of access waits, as its own page shows it.
    pub(crate) access: AccessWaits,
    /// Why nothing of access is told, where it is not.
    pub(crate) untold: Option<String>,
}

/// The page.
pub(crate) fn changes(overview: &Overview, board: &Board, all: &[(Change, Standing)], operator: &str) -> Markup {
    let content = html! {
        h1 { "Changes" }
        (waiting(board, operator))
        section {
            h2 { "All changes" }
            @if all.is_empty() { p.dim { "Nothing was proposed yet: " code { "selvage propose" } " puts a domain's files forward." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Change" } th { "Domain" } th { "State" } th { "Risk" } th { "By" } th { "Proposed" } } }
                    tbody { @for (change, standing) in all.iter().take(MOST_LINES) { (one(change, standing)) } }
                } }
                @if all.len() > MOST_LINES {
                    p.dim { (grouped((all.len() - MOST_LINES) as u64)) " older ones are told by " code { "selvage change list --all" } "." }
                }
            }
        }
    };
    frame::full("Changes", overview, operator, &content)
}

fn waiting(board: &Board, operator: &str) -> Markup {
    let Board { pending, late, access, untold } = board;
    html! {
        section {
            h2 { "What waits for whom" }
            p { a href="/boards" { "Boards and deputies" } }
            @if let Some(because) = untold { p.dim.breaks { "Changes alone; of access, " (because) } }
            @if pending.is_empty() && late.is_empty() { p.dim { "Nothing waits for anybody." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "What" } th { "Domain" } th { "Risk" } th { "Since" } th { "Waits for" } } }
                    tbody {
                        @for it in pending.iter().take(MOST_LINES) {
                            @match it {
                                Pending::Change(it) => (change(it, operator)),
                                Pending::Access(it) => (due(it, access, operator)),
                            }
                        }
                        @for (change, _) in late { (ratified_late(change)) }
                    }
                } }
                @if pending.len() > MOST_LINES {
                    p.dim { (grouped((pending.len() - MOST_LINES) as u64)) " more are told by " code { "selvage board" } "." }
                }
            }
        }
    }
}

fn change(it: &Waits, operator: &str) -> Markup {
    let change = &it.change;
    html! {
        tr {
            (what(change))
            td.about {
                @if it.is_breach { span.badge.bad { "a breach" } " " }
                @if let Some(until) = &change.ratify_until { div { "to be ratified until " span.name { (minute(until)) } } }
                @if it.standing.rejected.is_some() { "its author: it was rejected" }
                @else if it.standing.open.is_empty() { "its release" }
                @for open in &it.standing.open { div { (needed(open, operator)) } }
            }
        }
    }
}

/// What a line of a change begins with.
fn what(change: &Change) -> Markup {
    html! {
        td.about { (title(change)) }
        td.breaks { (change.domain) }
        td { (gravity::badge(&change.report.risk)) }
        td.name { (minute(&change.proposed)) }
    }
}

/// Something of access, with what can be decided of it by whoever reads.
fn due(it: &Due, access: &AccessWaits, operator: &str) -> Markup {
    let others: Vec<&str> = it.people.iter().map(String::as_str).filter(|person| *person != operator).collect();
    let is_mine = it.people.contains(operator);
    html! {
        tr {
            td.about { span.badge { (it.what) } " " span.breaks { (it.about) } }
            td.breaks { @if let Some(domain) = &it.domain { (domain) } }
            td.breaks { (it.risk) }
            td.name { (minute(&it.since)) }
            td.about {
                @if it.is_breach { span.badge.bad { "a breach" } " " }
                @if let Some(until) = &it.until { div { "until " span.name { (minute(until)) } } }
                @if is_mine { span.badge.warn { "you" } " " }
                span.dim.breaks { (others.join(", ")) }
                @if it.people.is_empty() { span.bad { "nobody may" } }
                @if let Some(whole) = decidable(access, it, operator).filter(|_| is_mine) { details { summary { "Decide" } (whole) } }
            }
        }
    }
}

/// An emergency that was ratified after its time: nobody is waited for, and it was a breach.
fn ratified_late(change: &Change) -> Markup {
    html! {
        tr {
            (what(change))
            td.about {
                span.badge.bad { "a breach" } " nobody: ratified " span.name { (minute(&change.changed)) }
                @if let Some(due) = &change.ratified_late { ", not until " span.name { (minute(due)) } }
            }
        }
    }
}

fn one(change: &Change, standing: &Standing) -> Markup {
    html! {
        tr {
            td.about { (title(change)) }
            td.breaks { (change.domain) }
            td { (state(change, standing)) }
            td { (gravity::badge(&change.report.risk)) }
            td.breaks { (change.author) }
            td.name { (minute(&change.proposed)) }
        }
    }
}

fn title(change: &Change) -> Markup {
    html! { a.breaks href={ "/changes/" (change.id) } { (change.title) } @if change.emergency { " " span.badge.bad { "emergency" } } }
}

/// Its state in a badge: also that it has all approvals.
pub(super) fn state(change: &Change, standing: &Standing) -> Markup {
    let (class, word) = match change.state {
        ChangeState::Open if standing.is_approved() => ("good", "approved"),
        ChangeState::Open => ("warn", "open"),
        ChangeState::Rejected => ("bad", "rejected"),
        ChangeState::Withdrawn => ("", "withdrawn"),
        ChangeState::Released => ("good", "released"),
    };
    html! { span.badge.(class) { (word) } }
}

/// An approval that is open: whose, and who can give it.
pub(super) fn needed(open: &Waiting, operator: &str) -> Markup {
    let others: Vec<&str> = open.people.iter().map(String::as_str).filter(|person| *person != operator).collect();
    html! {
        @if open.people.contains(operator) { span.badge.warn { "you" } " " }
        span.breaks { (open.requirement.need) }
        @if !others.is_empty() { span.dim.breaks { " (" (others.join(", ")) ")" } }
        @else if open.people.is_empty() { span.bad { " (nobody can give it)" } }
        @if !open.filled.is_empty() {
            span.dim { "; so far " @for (seat, person) in &open.filled { (person) " for " (seat) " " } }
        }
    }
}
