//! The page of one interface: all that is known of it, how it is called, what releases made of it, and asking for access.

use jiff::Timestamp;
use maud::{Markup, html};
use selvage_governance::catalogue::{Dependency, Entry, Example, Told};
use selvage_model::overview::Overview;

use super::ask::{Asks, answered, asking};
use super::catalogue::{address, state};
use super::{frame, gravity};
use crate::desk::Passage;
use crate::page::overview::minute;

/// Releases and differences of one that are shown.
const MOST_RELEASES: usize = 20;
const MOST_DIFFERENCES: usize = 12;

/// The page.
pub(crate) fn interface(
    overview: &Overview,
    entry: &Entry,
    examples: &[Example],
    history: &[Passage],
    asks: &Asks<'_>,
    operator: &str,
) -> Markup {
    let content = html! {
        p { a href="/catalogue" { "Catalogue" } }
        h1.breaks { (entry.interface) " " (state(entry)) }
        @if let Some(about) = &entry.description { p { (about) } }
        (answered(asks.answer))
        (facts(entry))
        (consumers(entry))
        (depends(&entry.dependencies))
        (tells(&entry.events))
        (calls(entry, examples))
        (releases(history))
        @if asks.can { p { a href={ "/evidence/interfaces/" (entry.interface) "?environment=" (overview.environment) } { "Evidence of the last 90 days" } ", for who may read it" } }
        (asking(entry, asks, operator))
    };
    frame::still("Catalogue", &entry.interface.to_string(), overview, operator, &content)
}

fn facts(entry: &Entry) -> Markup {
    let class: Vec<String> = entry.classification.iter().map(|(word, value)| format!("{word} {value}")).collect();
    html! {
        section {
            h2 { "What it is" }
            dl {
                dt { "Type" } dd { (entry.kind) ", version " (entry.version) }
                dt { "State" } dd { (entry.stands()) }
                dt { "Team" } dd.breaks {
                    @if let Some(owner) = &entry.owner { (owner) } @else { "nobody" } ", in the domain " (entry.domain)
                }
                @for (role, people) in &entry.people { dt { (role.replace('_', " ")) } dd.breaks { (people.join(", ")) } }
                @if !class.is_empty() { dt { "Classification" } dd { (class.join(", ")) } }
                @if !entry.classes.is_empty() { dt { "Carries" } dd { (entry.classes.join(", ")) " data" } }
                @if !entry.slos.is_empty() { dt { "Promises" } dd { @for slo in &entry.slos { div { (slo) } } } }
                dt { "Contract" } dd.breaks {
                    code { (entry.contract) }
                    @if let Some(kind) = language(entry) { " · " a href={ (address(entry)) "/contract" } { "save it as " (kind) } }
                }
            }
        }
    }
}

fn consumers(entry: &Entry) -> Markup {
    let time = |time: Option<Timestamp>| time.map(|time| minute(&time));
    html! {
        section {
            h2 { "Who uses it" }
            @if entry.consumers.is_empty() { p.dim { "Nobody has access." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Consumer" } th { "Operations" } th { "What for" } th { "Until" } th { "Last used" } } }
                    tbody {
                        @for it in &entry.consumers {
                            tr {
                                td.breaks { strong { (it.consumer) } @if let Some(owner) = &it.owner { br; span.dim { (owner) } } }
                                td.breaks { (it.operations.join(", ")) }
                                td.about { @if let Some(purpose) = &it.purpose { (purpose) } }
                                td.name { @if let Some(until) = time(it.until) { (until) } @else { span.dim { "without end" } } }
                                td.name { @if let Some(last) = time(it.last_used) { (last) } @else { span.dim { "never" } } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn depends(all: &[Dependency]) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { "What it stands on, and what stands on it" }
                dl {
                    @for it in all {
                        dt { (it.by.replace('-', " ")) }
                        dd.breaks {
                            @if matches!(it.by, "events" | "copy" | "read-by") { a href={ "/catalogue/" (it.name) } { (it.name) } } @else { (it.name) }
                        }
                    }
                }
            }
        }
    }
}

/// What its contract is written in, where it has one of its own.
fn language(entry: &Entry) -> Option<&'static str> {
    match entry.kind {
        "api" => Some("OpenAPI"),
        "event" | "webhook" => Some("AsyncAPI"),
        _ => None,
    }
}

fn tells(events: &[Told]) -> Markup {
    html! {
        @if !events.is_empty() {
            section {
                h2 { "What it tells" }
                @for it in events {
                    div.entry {
                        h3.breaks { (it.name) }
                        p.dim.breaks { "Carries the " (it.carries) @if let Some(when) = &it.when { ", told when " code { (when) } } "." }
                        @if !it.members.is_empty() {
                            div.scroll { table {
                                thead { tr { th { "Member" } th { "Is" } th { "There" } th { "Class" } } }
                                tbody { @for member in &it.members {
                                    tr {
                                        td.breaks { code { (member.name) } }
                                        td.breaks { (member.is) }
                                        td { @if member.required { "always" } @else { span.dim { "if known" } } }
                                        td { @if let Some(class) = &member.class { span.badge.warn { (class) } } }
                                    }
                                } }
                            } }
                        }
                        @if let Some(schema) = &it.schema { details { summary { "The whole schema" } pre { (format!("{schema:#}")) } } }
                    }
                }
            }
        }
    }
}

fn calls(entry: &Entry, examples: &[Example]) -> Markup {
    html! {
        section {
            h2 { "How it is called" }
            @if examples.is_empty() { p.dim { "Consumers do not call it." } }
            @else {
                p.dim { code { "$SELVAGE" } " is the gateway's address, " code { "$KEY" } " a consumer's key." }
                @for example in examples {
                    details open[examples.len() == 1 || example.body.is_some()] {
                        summary { (example.operation) @if let Some(path) = path(entry, &example.operation) { " " code.dim { (path) } } }
                        pre { (example.line) }
                    }
                }
            }
        }
    }
}

fn path(entry: &Entry, operation: &str) -> Option<String> {
    let it = entry.operations.iter().find(|it| it.name == operation)?;
    Some(format!("{} {}", it.method, it.path))
}

fn releases(history: &[Passage]) -> Markup {
    html! {
        @if !history.is_empty() {
            section {
                h2 { "What releases made of it" }
                @for it in history.iter().take(MOST_RELEASES) {
                    div.entry {
                        div { span.name { (minute(&it.made)) } " " a.breaks href={ "/changes/" (it.change) } { (it.title) }
                            @for environment in &it.active { " " span.badge.good { "active in " (environment) } }
                        }
                        ul {
                            @for difference in it.differences.iter().take(MOST_DIFFERENCES) { li { (gravity::difference(difference)) } }
                            @if it.differences.len() > MOST_DIFFERENCES { li.dim { "and " (it.differences.len() - MOST_DIFFERENCES) " more" } }
                            @if it.left_out > 0 { li.dim { (it.left_out) " of the change are counted and not kept" } }
                        }
                    }
                }
                @if history.len() > MOST_RELEASES { p.dim { (history.len() - MOST_RELEASES) " earlier releases changed it too." } }
            }
        }
    }
}
