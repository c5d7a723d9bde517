//! The page of usage: requests of each interface by day, who they come from, which attributes take part, and what nothing
//! declares.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};
use selvage_model::name::InterfaceRef;
use selvage_model::overview::{Overview, UsageView};
use selvage_model::usage::{ShadowGroup, UsageCount, UsageTotal};

use super::{chart, frame};
use crate::page::overview::{grouped, minute};

/// Lines of a table that are shown.
const MOST_LINES: usize = 200;
/// Consumers that are named in one line.
const MOST_NAMED: usize = 6;

/// The page.
pub(crate) fn usage(overview: &Overview, view: &UsageView, operator: &str) -> Markup {
    let content = html! {
        h1 { "Usage" }
        p.dim { "The last 30 days, of all nodes. Counts come within a quarter of a minute. What is delivered is asked for by nobody: it has no requests, and a last time." }
        (by_interface(view))
        (by_consumer(&view.totals))
        (by_attribute(&view.totals))
        (shadows(&view.shadows))
        @for gap in &view.gaps {
            p.dim { "Node " (gap.node) " ended without a word: what it served from " (minute(&gap.from)) " to " (minute(&gap.until)) " is not counted." }
        }
    };
    frame::full("Usage", overview, operator, &content)
}

fn by_interface(view: &UsageView) -> Markup {
    let mut interfaces: BTreeMap<&InterfaceRef, (UsageCount, Timestamp)> = BTreeMap::new();
    for total in view.totals.iter().filter(|total| total.key.attribute.is_none()) {
        let (count, last) = interfaces.entry(&total.key.interface).or_default();
        (*count, *last) = (count.plus(total.count), (*last).max(total.last));
    }
    let mut interfaces: Vec<_> = interfaces.into_iter().collect();
    interfaces.sort_by_key(|(_, (count, _))| Reverse(count.requests));
    html! {
        section {
            h2 { "Interfaces" }
            @if interfaces.is_empty() { p.dim { "Nothing was asked for yet." } }
            div.scroll { table {
                thead { tr {
                    th { "Interface" } th.number { "Requests" } th { "By day" } th.number { "Refused" } th.number { "Failed" }
                    th.number { "Planned" } th { "Last" }
                } }
                tbody {
                    @for (interface, (count, last)) in interfaces.iter().take(MOST_LINES) {
                        tr {
                            td { strong.name { (interface) } }
                            td.number { (grouped(count.requests)) }
                            td { (chart::days(&view.days(interface))) }
                            td.number { (grouped(count.refused)) }
                            td.number { (grouped(count.failed)) }
                            td.number { (grouped(count.planned)) }
                            td { (minute(last)) }
                        }
                    }
                }
            } }
            (frame::more(interfaces.len(), MOST_LINES, "selvage usage --since 30d"))
        }
    }
}

fn by_consumer(totals: &[UsageTotal]) -> Markup {
    let mut lines: BTreeMap<(String, &InterfaceRef, &str), UsageCount> = BTreeMap::new();
    for total in totals.iter().filter(|total| total.key.attribute.is_none()) {
        let Some(consumer) = &total.key.consumer else { continue };
        let line = lines.entry((consumer.to_string(), &total.key.interface, total.key.operation.as_str())).or_default();
        *line = line.plus(total.count);
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_by_key(|(_, count)| Reverse(count.requests));
    html! {
        section {
            h2 { "Consumers" }
            div.scroll { table {
                thead { tr { th { "Consumer" } th { "Interface" } th { "Operation" } th.number { "Requests" } th.number { "Refused" } } }
                tbody {
                    @for ((consumer, interface, operation), count) in lines.iter().take(MOST_LINES) {
                        tr {
                            td { strong.name { (consumer) } }
                            td.name { (interface) }
                            td { (operation) }
                            td.number { (grouped(count.requests)) }
                            td.number { (grouped(count.refused)) }
                        }
                    }
                }
            } }
            (frame::more(lines.len(), MOST_LINES, "selvage usage --json --since 30d"))
        }
    }
}

fn by_attribute(totals: &[UsageTotal]) -> Markup {
    let mut lines: BTreeMap<(&InterfaceRef, &str, &str), (u64, Vec<String>)> = BTreeMap::new();
    for total in totals {
        let Some(of) = &total.key.attribute else { continue };
        let (requests, consumers) =
            lines.entry((&total.key.interface, of.attribute.as_str(), of.way.as_str())).or_default();
        *requests += total.count.requests;
        let consumer = total.key.consumer.as_ref().map(ToString::to_string).unwrap_or_default();
        if !consumers.contains(&consumer) {
            consumers.push(consumer);
        }
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_by_key(|(_, (requests, _))| Reverse(*requests));
    html! {
        @if !lines.is_empty() {
            section {
                h2 { "Attributes" }
                p.dim { "Asked for, searched by, or sent. " code { "*" } " is a whole object." }
                div.scroll { table {
                    thead { tr { th { "Interface" } th { "Attribute" } th { "Way" } th.number { "Requests" } th { "Consumers" } } }
                    tbody {
                        @for ((interface, attribute, way), (requests, consumers)) in lines.iter().take(MOST_LINES) {
                            tr {
                                td.name { (interface) }
                                td { code { (attribute) } }
                                td { (way) }
                                td.number { (grouped(*requests)) }
                                td { (named(consumers)) }
                            }
                        }
                    }
                } }
                (frame::more(lines.len(), MOST_LINES, "selvage usage --json --since 30d"))
            }
        }
    }
}

/// Some of them, and how many more there are.
fn named(consumers: &[String]) -> Markup {
    html! {
        @for consumer in consumers.iter().take(MOST_NAMED) { span.pair { (consumer) } " " }
        @if consumers.len() > MOST_NAMED { span.dim { "and " (consumers.len() - MOST_NAMED) " more" } }
    }
}

fn shadows(groups: &[ShadowGroup]) -> Markup {
    html! {
        @if !groups.is_empty() {
            section {
                h2 { "Undeclared requests" }
                p.dim { "They matched no interface and went nowhere. Numbers, ids and whatever may be a secret are folded." }
                div.scroll { table {
                    thead { tr { th { "Request" } th.number { "Requests" } th { "Probably meant" } th { "First" } th { "Last" } } }
                    tbody {
                        @for group in groups.iter().take(MOST_LINES) {
                            tr {
                                td { code { (group.shape.method) " " (group.shape.path) } }
                                td.number { (grouped(group.requests)) }
                                td.name { @if let Some(likely) = &group.likely { (likely) } }
                                td { (minute(&group.first)) }
                                td { (minute(&group.last)) }
                            }
                        }
                    }
                } }
                (frame::more(groups.len(), MOST_LINES, "selvage shadow"))
            }
        }
    }
}
