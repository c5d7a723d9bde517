//! The page of the catalogue: every interface, or those that words find; whose each is, who is called, and by how many it is used.

use maud::{Markup, html};
use selvage_governance::catalogue::Entry;
use selvage_model::overview::Overview;

use super::frame;
use crate::page::overview::grouped;

/// Lines of a table that are shown.
const MOST_LINES: usize = 200;

/// The page: what was found of so many, by these words.
pub(crate) fn catalogue(overview: &Overview, found: &[&Entry], all: usize, words: &str, operator: &str) -> Markup {
    let content = html! {
        h1 { "Catalogue" }
        form.search method="get" action="/catalogue" role="search" {
            label for="q" { "Find interfaces" }
            div.line {
                input #q name="q" type="search" value=(words) placeholder="a name, an object, an owner, a system, a consumer";
                button type="submit" { "Find" }
            }
        }
        section {
            p.dim {
                @if words.trim().is_empty() { (grouped(all as u64)) " interfaces are declared." }
                @else { (grouped(found.len() as u64)) " of " (grouped(all as u64)) " fit these words. " a href="/catalogue" { "Show all" } }
            }
            @if !found.is_empty() { (table(found)) }
            @if found.len() > MOST_LINES {
                p.dim { (grouped((found.len() - MOST_LINES) as u64)) " more are told by " code { "selvage catalogue list" } ", or by more words." }
            }
        }
    };
    frame::still("Catalogue", "Catalogue", overview, operator, &content)
}

fn table(found: &[&Entry]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "Interface" } th { "About" } th { "State" } th { "Tier" } th { "Owner" } th { "On call" } th.number { "Consumers" }
            } }
            tbody { @for entry in found.iter().take(MOST_LINES) { (one(entry)) } }
        } }
    }
}

fn one(entry: &Entry) -> Markup {
    let tier = entry.classification.iter().find(|(word, _)| *word == "criticality");
    html! {
        tr {
            td.breaks { a href=(address(entry)) { strong { (entry.interface) } } br; span.dim { (entry.kind) } }
            td.about { @if let Some(about) = &entry.description { (about) } @else { span.dim { "Nobody says what it is." } } }
            td { (state(entry)) }
            td.name { @if let Some((_, tier)) = tier { (tier) } }
            td.breaks { @if let Some(owner) = &entry.owner { (owner) } @else { span.badge.warn { "nobody" } } }
            td.breaks { (entry.on_call().join(", ")) }
            td.number { (grouped(entry.consumers.len() as u64)) }
        }
    }
}

/// The page of an interface.
pub(super) fn address(entry: &Entry) -> String {
    format!("/catalogue/{}", entry.interface)
}

/// Its state in a badge.
pub(super) fn state(entry: &Entry) -> Markup {
    let class = match entry.state() {
        "active" => "good",
        "deprecated" => "warn",
        "retired" | "blocked" => "bad",
        _ => "",
    };
    html! { span.badge.(class) { (entry.state()) } }
}
