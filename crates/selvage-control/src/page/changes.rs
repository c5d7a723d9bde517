//! The page of changes: what waits for whom, oldest first, and every change that there was.

use maud::{Markup, html};
use selvage_governance::approval::{Standing, Waiting};
use selvage_model::change::{Change, ChangeState};
use selvage_model::overview::Overview;

use super::{frame, gravity};
use crate::desk::Waits;
use crate::page::overview::{grouped, minute};

/// Lines of a table that are shown.
const MOST_LINES: usize = 200;

/// The page.
pub(crate) fn changes(overview: &Overview, waits: &[Waits], all: &[(Change, Standing)], operator: &str) -> Markup {
    let content = html! {
        h1 { "Changes" }
        (board(waits, operator))
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

fn board(waits: &[Waits], operator: &str) -> Markup {
    html! {
        section {
            h2 { "What waits for whom" }
            p { a href="/boards" { "Boards and deputies" } }
            @if waits.is_empty() { p.dim { "Nothing waits for anybody." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Change" } th { "Domain" } th { "Risk" } th { "Since" } th { "Waits for" } } }
                    tbody { @for it in waits.iter().take(MOST_LINES) { (waiting(it, operator)) } }
                } }
            }
        }
    }
}

fn waiting(it: &Waits, operator: &str) -> Markup {
    let change = &it.change;
    html! {
        tr {
            td.about { (title(change)) }
            td.breaks { (change.domain) }
            td { (gravity::badge(&change.report.risk)) }
            td.name { (minute(&change.proposed)) }
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
