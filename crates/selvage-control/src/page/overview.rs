//! The first page: what runs, how the systems are, what every interface carries and refuses, what is stuck.

use maud::{Markup, html};
use selvage_model::overview::{
    CallsRow, Health, InterfaceRow, KeptRow, OperationRow, Overview, ParkedRow, ShadowRow, SystemRow,
};

use super::{chart, frame};

/// Undeclared requests that are shown.
const MOST_SAMPLES: usize = 8;

/// The first page.
pub(crate) fn overview(overview: &Overview, operator: &str) -> Markup {
    let content = html! {
        (alarms(overview))
        (figures(overview))
        (parked(&overview.parked))
        (systems(&overview.systems))
        (interfaces(&overview.interfaces))
        (unresolved(&overview.unresolved))
        (shadow(&overview.shadow_samples))
        p.dim.foot {
            "Release " code { (short(&overview.release)) } " active since " (minute(&overview.since))
            ". Figures are of this node, since it started."
        }
    };
    frame::full("Overview", overview, operator, &content)
}

fn alarms(overview: &Overview) -> Markup {
    html! {
        @if let Some(rejected) = &overview.rejected {
            section.alarm role="alert" {
                strong { "What is to run was not taken; what ran before goes on." }
                pre { (rejected) }
            }
        }
        @if !overview.break_glass.is_empty() {
            section.alarm role="alert" {
                strong { "Access was opened without approval; it ends by itself, and somebody else has to ratify it. " a href="/access" { "Say whether it was right" } }
                @for open in &overview.break_glass {
                    pre {
                        (open.consumer) " on " (open.interface) " until " (format!("{:.0}", open.until))
                        ": " (open.because) " (" (open.grant) ")"
                    }
                }
            }
        }
    }
}

fn figures(overview: &Overview) -> Markup {
    let sum = |count: fn(&InterfaceRow) -> u64| overview.interfaces.iter().map(count).sum::<u64>();
    let table = [
        ("Requests", sum(|row| row.requests), "to declared interfaces", ""),
        ("Refused", sum(|row| row.refused), "by contract, grant or limit", ""),
        ("Failed", sum(|row| row.failed), "systems that did not answer", "bad"),
        ("Undeclared", overview.shadow, "matched no interface", "warn"),
        ("Parked", overview.parked.len() as u64, "operations that their system cannot serve", "bad"),
        (
            "Unresolved",
            open_questions(&overview.unresolved).count() as u64,
            "writes nobody knows the outcome of",
            "bad",
        ),
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

fn parked(rows: &[ParkedRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Parked operations" }
                p.dim { "Their system lacks what they need. They answer 503 and go on by themselves once it is there." }
                div.scroll { table {
                    thead { tr { th { "Operation" } th { "System" } th { "Since" } th { "Cause" } th { "What it lacks" } th { "What to do" } } }
                    tbody {
                        @for row in rows {
                            tr {
                                td { strong.name { (row.interface) } " " span.badge.bad { (row.operation) } }
                                td.name { (row.system) }
                                td { (minute(&row.since)) }
                                td { (row.cause) " " span.dim { (row.code) } }
                                td { (row.reason) }
                                td { (row.fix) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn systems(rows: &[SystemRow]) -> Markup {
    html! {
        section {
            h2 { "Systems" }
            div.scroll { table {
                thead { tr { th { "System" } th { "Connector" } th { "Address" } th { "Calls at a time" } th { "State" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { strong { (row.name) } }
                            td { (row.connector) }
                            td { @match &row.address { Some(address) => code { (address) }, None => span.dim { "calls in" } } }
                            td { @if let Some(calls) = &row.calls { (calls_of(calls)) } }
                            td { (health(&row.health)) }
                        }
                    }
                }
            } }
        }
    }
}

/// `2 of 4`, with those that wait where some do; the limit where it is below what is declared.
fn calls_of(calls: &CallsRow) -> Markup {
    let CallsRow { limit, declared, under_way, waiting } = calls;
    html! {
        (under_way) " of " (limit)
        @if limit < declared { " " span.dim { "(declared " (declared) ")" } }
        @if *waiting > 0 { " " span.badge { (waiting) " waiting" } }
    }
}

fn health(health: &Health) -> Markup {
    match health {
        Health::Up(what) => html! { span.badge.good { "up" } " " span.dim { (what) } },
        Health::Down(because) => html! { span.badge.bad { "down" } " " span.dim { (because) } },
        Health::Unknown => html! { span.badge { "not asked" } },
    }
}

/// How many consumers and reasons of refusals the row of an interface names.
const NAMED: usize = 3;

fn interfaces(rows: &[InterfaceRow]) -> Markup {
    html! {
        section {
            h2 { "Interfaces" }
            div.scroll { table {
                thead { tr {
                    th { "Interface" } th { "State" } th { "Owner" } th.number { "Requests" } th { "Last hour" }
                    th.number { "Refused" } th.number { "Failed" } th { "Refused for" } th { "Consumers" }
                } }
                tbody { @for row in rows { (interface(row)) } }
            } }
        }
    }
}

fn interface(row: &InterfaceRow) -> Markup {
    html! {
        tr {
            td {
                strong.name { (row.interface) }
                br;
                span.dim {
                    (row.kind) @if let Some(control) = &row.control { " · " (control) }
                    @for class in &row.classes { " · " (class) }
                }
            }
            td { span.badge.(lifecycle_class(&row.lifecycle)) { (row.lifecycle) } }
            td.name { (row.owner) }
            td.number { (grouped(row.requests)) @if let Some(kept) = &row.kept { br; (given_of_kept(*kept)) } }
            td { (chart::minutes(&row.minutes)) }
            td.number { (grouped(row.refused)) }
            td.number.(if row.failed > 0 { "bad" } else { "" }) { (grouped(row.failed)) }
            td {
                @for (code, count) in row.refusals.iter().take(NAMED) { span.pair { code { (code) } " × " (grouped(*count)) } " " }
                @if let Some(more) = left_out(row.refusals.len()) { span.dim { "and " (more) " more" } }
            }
            td {
                @for (name, count) in row.consumers.iter().take(NAMED) { span.pair { (name) " " span.dim { (grouped(*count)) } } " " }
                @if let Some(more) = left_out(row.consumers.len()) { a href="/usage" { "and " (more) " more" } }
            }
        }
    }
}

/// How many requests were given an answer that is kept.
fn given_of_kept(kept: KeptRow) -> Markup {
    let KeptRow { given, asked, passed, answers } = kept;
    let all = format!("{} asked for, {} passed by, {} kept now", grouped(asked), grouped(passed), grouped(answers));
    html! { span.dim.name title=(all) { (grouped(given)) " kept" } }
}

/// How many of a cell's names are not shown, where some are not.
fn left_out(all: usize) -> Option<usize> {
    all.checked_sub(NAMED).filter(|more| *more > 0)
}

/// Those that are more than just in hand.
fn open_questions(rows: &[OperationRow]) -> impl Iterator<Item = &OperationRow> {
    rows.iter().filter(|row| row.state != "pending")
}

fn unresolved(rows: &[OperationRow]) -> Markup {
    let open = open_questions(rows).count();
    html! {
        section {
            h2 { "Writes without an outcome" }
            p.dim {
                (rows.len() - open) " in hand. "
                @if open == 0 { "Of every other write it is known whether it was done or refused." }
            }
            @if open > 0 {
                div.scroll { table {
                    thead { tr { th { "Operation" } th { "What" } th { "Consumer" } th { "Since" } th { "State" } th { "What is being done" } } }
                    tbody {
                        @for row in open_questions(rows) {
                            tr {
                                td { code { (row.id) } }
                                td { (row.what) }
                                td { (row.consumer) }
                                td { (minute(&row.since)) }
                                td { span.badge.(if row.state == "stuck" { "bad" } else { "warn" }) { (row.state) } }
                                td { (row.note) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn shadow(rows: &[ShadowRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Undeclared requests" }
                p.dim { "They matched no interface and went nowhere. The latest:" }
                div.scroll { table {
                    thead { tr { th { "Request" } th { "When" } } }
                    tbody {
                        @for row in rows.iter().take(MOST_SAMPLES) {
                            tr { td { code { (row.method) " " (row.path) } } td { (minute(&row.at)) } }
                        }
                    }
                } }
            }
        }
    }
}

fn lifecycle_class(lifecycle: &str) -> &'static str {
    match lifecycle {
        "active" => "good",
        "deprecated" => "warn",
        "retired" | "blocked" => "bad",
        _ => "",
    }
}

pub(super) fn minute(at: &jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn short(release: &str) -> &str {
    release.get(..16).unwrap_or(release)
}

/// `1234567` as `1 234 567`, with thin spaces.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1\u{2009}000"), (1_234_567, "1\u{2009}234\u{2009}567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
