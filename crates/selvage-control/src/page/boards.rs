//! The page of boards: the seats of each, who sits on them and who fills them for a time; and the forms by which a seat is lent and taken
//! back.

use maud::{Markup, html};
use selvage_model::change::Delegation;
use selvage_model::manifest::organisation::Domain;
use selvage_model::overview::Overview;

use super::frame;
use crate::desk::Boards;
use crate::page::overview::minute;

/// The page; with what was refused, where something was.
pub(crate) fn boards(overview: &Overview, boards: &Boards, refused: Option<&str>, operator: &str) -> Markup {
    let content = html! {
        h1 { "Boards" }
        p.dim {
            "Who sits where is declared by " code { "kind: Domain" } " and changed as anything else. A seat is lent for a time by who sits on it: the "
            "deputy decides beside them, and lends it no further. " a href="/changes" { "What waits for whom" }
        }
        @if let Some(refused) = refused { section.alarm role="alert" { (refused) } }
        @if boards.domains().next().is_none() { section { p.dim { "No domain has released a board yet." } } }
        @for domain in boards.domains() { (board(boards, domain, operator)) }
    };
    frame::still("Changes", "Boards", overview, operator, &content)
}

fn board(boards: &Boards, domain: &Domain, operator: &str) -> Markup {
    let decide = match domain.quorum {
        1 => "one discipline decides".to_owned(),
        quorum => format!("{quorum} disciplines decide"),
    };
    html! {
        section id={ "board-" (domain.name) } {
            h2 { (domain.name) " " span.badge { (decide) } }
            div.scroll { table {
                thead { tr { th { "Seat" } th { "People" } th { "Lent to" } th { "" } } }
                tbody { @for (discipline, people) in &domain.board { (seat(boards, domain, (discipline.value.as_str(), people.as_slice()), operator)) } }
            } }
        }
    }
}

fn seat(boards: &Boards, domain: &Domain, (discipline, people): (&str, &[String]), operator: &str) -> Markup {
    let is_theirs = people.iter().any(|person| person == operator);
    html! {
        tr {
            td.breaks { strong { (discipline) } }
            td.breaks { @for (place, person) in people.iter().enumerate() { @if place > 0 { ", " } (name(person, operator)) } }
            td.about {
                @let lent: Vec<&Delegation> = boards.lent(domain, discipline).collect();
                @if lent.is_empty() { span.dim { "nobody" } }
                @for it in lent { (deputy(boards, it, operator)) }
            }
            td.about { @if is_theirs { (lending(domain, discipline)) } }
        }
    }
}

fn name(person: &str, operator: &str) -> Markup {
    html! { (person) @if person == operator { " " span.badge.warn { "you" } } }
}

fn deputy(boards: &Boards, it: &Delegation, operator: &str) -> Markup {
    html! {
        div {
            (name(&it.to, operator)) " until " span.name { (minute(&it.until)) } span.dim { ", by " (it.given_by()) }
            @if boards.may_take_back(it, operator) {
                form method="post" action={ "/delegations/" (it.id) "/end" } { button.quiet type="submit" { "Take back" } }
            }
        }
    }
}

fn lending(domain: &Domain, discipline: &str) -> Markup {
    let field = |what: &str| format!("{what}-{}-{discipline}", domain.name);
    html! {
        details {
            summary { "Lend this seat" }
            form.decide method="post" action={ "/boards/" (domain.name) "/delegations" } {
                input type="hidden" name="discipline" value=(discipline);
                label for=(field("to")) { "To whom" }
                input id=(field("to")) name="to" required maxlength="200" placeholder="as boards and teams name people";
                label for=(field("until")) { "Until the end of (UTC)" }
                input id=(field("until")) name="until" type="date" required;
                button type="submit" { "Lend" }
            }
        }
    }
}
