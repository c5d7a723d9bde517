//! The page of one interface: all that is known of it, how it is called, what releases made of it, and asking for access.

use jiff::Timestamp;
use maud::{Markup, html};
use selvage_governance::catalogue::{Dependency, Entry, Example};
use selvage_model::overview::Overview;

use super::catalogue::{address, state};
use super::{frame, gravity};
use crate::console::Answer;
use crate::desk::Passage;
use crate::page::overview::minute;

/// Releases and differences of one that are shown.
const MOST_RELEASES: usize = 20;
const MOST_DIFFERENCES: usize = 12;

/// Asking for access.
pub(crate) struct Asks<'a> {
    /// Who there is to ask for.
    pub(crate) consumers: &'a [String],
    /// Whether it can be asked here.
    pub(crate) can: bool,
    /// What came of asking.
    pub(crate) answer: Option<&'a Answer>,
}

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
        (calls(entry, examples))
        (releases(history))
        (asking(entry, asks, operator))
    };
    frame::still("Catalogue", &entry.interface.to_string(), overview, operator, &content)
}

fn answered(answer: Option<&Answer>) -> Markup {
    html! {
        @match answer {
            Some(Answer::Asked(id)) => {
                section.told role="status" { "It is asked for as " code { (id) } ". " a href="/access" { "Who decides" } ", and what comes of it, is under Access." }
            },
            Some(Answer::Refused(because)) => { section.alarm role="alert" { "Nothing was asked for. " (because) } },
            None => {},
        }
    }
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
                dt { "Contract" } dd.breaks { code { (entry.contract) } }
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
                        }
                    }
                }
                @if history.len() > MOST_RELEASES { p.dim { (history.len() - MOST_RELEASES) " earlier releases changed it too." } }
            }
        }
    }
}

fn asking(entry: &Entry, asks: &Asks<'_>, operator: &str) -> Markup {
    let names: Vec<&str> = entry.operations.iter().map(|it| it.name.as_str()).collect();
    let takes = matches!(entry.state(), "active" | "draft") && !names.is_empty();
    let command = format!(
        "selvage access request --consumer NAME --interface {} --operations {} --purpose '…' --until 2027-06-30 --by {operator}",
        entry.interface,
        names.first().unwrap_or(&"NAME"),
    );
    html! {
        section #ask {
            h2 { "Ask for access" }
            @if !takes {
                p { "It takes no new grants." @if let Some(next) = entry.successor() { " Ask for " a href={ "/catalogue/" (next) } { (next) } "." } }
            } @else {
                p.dim { "Who answers for it decides; what stands against it is said at once. By command:" }
                pre { (command) }
                @if asks.can {
                    form.ask method="post" action={ (address(entry)) "/requests" } {
                        label for="consumer" { "Consumer" }
                        input #consumer name="consumer" list="consumers" required autocomplete="off";
                        datalist #consumers { @for consumer in asks.consumers { option value=(consumer) {} } }
                        label for="operations" { "Operations" }
                        input #operations name="operations" required value=(names.first().copied().unwrap_or_default()) aria-describedby="offered";
                        p #offered .dim { "It has " (names.join(", ")) "." }
                        label for="purpose" { "What for" }
                        input #purpose name="purpose" required maxlength="200";
                        label for="until" { "Until" }
                        input #until name="until" type="date" required;
                        button type="submit" { "Ask as " (operator) }
                    }
                }
            }
        }
    }
}
