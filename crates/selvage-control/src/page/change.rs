//! The page of one change: its differences by gravity, whom it concerns and how that is known, which approvals are given and open, what was decided, and the
//! form to decide.

use maud::{Markup, html};
use selvage_governance::approval::Standing;
use selvage_model::change::{Change, ChangeState, DecisionVerdict};
use selvage_model::overview::Overview;
use serde_json::Value;

use super::changes::{needed, state};
use super::{frame, gravity, impact};
use crate::desk::told_and_folded;
use crate::page::overview::{grouped, minute};

/// Differences of one gravity that are shown.
const MOST_LINES: usize = 100;

/// Who reads the page.
pub(crate) struct Reader<'a> {
    pub(crate) operator: &'a str,
    /// Whether the change takes their decision.
    pub(crate) counts: bool,
}

/// The page; with what was refused, where something was.
pub(crate) fn change(
    overview: &Overview,
    change: &Change,
    standing: &Standing,
    refused: Option<&str>,
    reader: &Reader<'_>,
) -> Markup {
    let content = html! {
        p { a href="/changes" { "Changes" } }
        h1.breaks { (change.title) " " (state(change, standing)) }
        @if let Some(refused) = refused { section.alarm role="alert" { (refused) } }
        (facts(change))
        (approvals(change, standing, reader.operator))
        (deciding(change, reader))
        (impact::affected(&change.report.affected, change.proposed))
        (differences(change))
        (findings(change))
        (decisions(change))
    };
    frame::still("Changes", &change.title, overview, reader.operator, &content)
}

fn facts(change: &Change) -> Markup {
    html! {
        section {
            h2 { "What it is" }
            dl {
                dt { "Change" } dd.breaks { code { (change.id) } ", version " (change.version) }
                dt { "Domain" } dd.breaks { (change.domain) }
                dt { "Proposed" } dd.breaks { (minute(&change.proposed)) " by " (change.author) }
                dt { "From" } dd.breaks { @if let Some(base) = &change.base { code { (base) } } @else { "nothing: it is the first" } }
                dt { "To" } dd.breaks { code { (change.release) } }
                @if change.emergency { dt { "Emergency" } dd { "One person may release it before it is approved." } }
                @if let Some(until) = &change.ratify_until { dt { "To be ratified" } dd { "until " (minute(until)) } }
            }
        }
    }
}

fn approvals(change: &Change, standing: &Standing, operator: &str) -> Markup {
    html! {
        section {
            h2 { "Whose approval it takes" }
            @if let Some(rejected) = &standing.rejected {
                p.bad { "Rejected by " (rejected.signed_by()) ": " (rejected.because) }
            }
            @if change.state == ChangeState::Open && standing.is_approved() { p { "Everything is given; it waits to be released: " code { "selvage change release " (change.id) } } }
            ul.plain {
                @for open in &standing.open {
                    li { span.badge.warn { "open" } " " (needed(open, operator)) (reasons(&open.requirement.because)) }
                }
                @for (requirement, people) in &standing.met {
                    li { span.badge.good { "given" } " " (requirement.need) span.dim { " by " (people.join(", ")) } (reasons(&requirement.because)) }
                }
            }
        }
    }
}

fn reasons(because: &[String]) -> Markup {
    html! { @for because in because.iter().take(3) { div.dim.breaks { (because) } } @if because.len() > 3 { div.dim { "and " (because.len() - 3) " more reasons" } } }
}

fn deciding(change: &Change, reader: &Reader<'_>) -> Markup {
    let is_over = matches!(change.state, ChangeState::Withdrawn)
        || (change.state == ChangeState::Released && change.ratify_until.is_none());
    let Reader { operator, counts } = *reader;
    html! {
        @if !is_over {
            section #decide {
                h2 { "Decide" }
                @if change.author == operator { p.dim { "You proposed it: your own signature never counts." } }
                @else if !counts { p.dim { "It does not take your decision; you may comment." } }
                form.decide method="post" action={ "/changes/" (change.id) "/decisions" } {
                    input type="hidden" name="version" value=(change.version);
                    label for="because" { "Why" }
                    input #because name="because" required maxlength="200";
                    div.line {
                        @if counts {
                            button type="submit" name="verdict" value="approve" { "Approve version " (change.version) }
                            button.danger type="submit" name="verdict" value="reject" { "Reject" }
                            button.quiet type="submit" name="verdict" value="abstain" { "Abstain" }
                        }
                        button.quiet type="submit" name="verdict" value="comment" { "Comment" }
                    }
                }
            }
        }
    }
}

fn differences(change: &Change) -> Markup {
    let report = &change.report;
    let of = |verdict: &'static str| {
        let found: Vec<&Value> =
            report.differences.iter().filter(|it| it["verdict"].as_str() == Some(verdict)).collect();
        found
    };
    let groups = [("breaking", report.breaking), ("unproven", report.unproven), ("safe", report.safe)];
    html! {
        section {
            h2 { "What is different" }
            @if report.left_out() > 0 {
                p.dim { (grouped(report.left_out())) " are counted and not kept: the gravest " (grouped(report.differences.len() as u64)) " are." }
            }
            @if report.differences.is_empty() { p.dim { "Nothing that a comparison knows." } }
            @for (verdict, count) in groups.into_iter().filter(|(_, count)| *count > 0) {
                @let found = of(verdict);
                details open[verdict != "safe"] {
                    summary { (gravity::badge(verdict)) " " (grouped(count)) @if verdict == "breaking" { " may break somebody" } @else if verdict == "unproven" { " count as breaking: nobody can tell" } @else { " break nobody" } }
                    ul { @for it in found.iter().take(MOST_LINES) { li { (gravity::difference(it)) } } }
                    @if count > found.len().min(MOST_LINES) as u64 {
                        p.dim { (grouped(count - found.len().min(MOST_LINES) as u64)) " more are told by " code { "selvage change show " (change.id) " --json" } "." }
                    }
                }
            }
        }
    }
}

fn findings(change: &Change) -> Markup {
    let (told, folded) = told_and_folded(change);
    let member = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let more = told.len().saturating_sub(MOST_LINES);
    html! {
        @if !change.report.findings.is_empty() {
            section {
                h2 { "What the check warns of" }
                ul { @for it in told.into_iter().take(MOST_LINES) {
                    li.breaks {
                        @if it["brought"] == true { span.badge.warn { "brought" } " " }
                        code { (member(it, "code")) } " " (member(it, "message")) " " span.dim { (member(it, "place")) }
                    }
                } }
                @if more > 0 { p.dim { (grouped(more as u64)) " more" } }
                @if folded > 0 {
                    p.dim { (grouped(folded as u64)) " more that stood before this change in other domains: " code { "selvage change show " (change.id) " --all" } }
                }
            }
        }
    }
}

fn decisions(change: &Change) -> Markup {
    html! {
        @if !change.decisions.is_empty() {
            section {
                h2 { "What was said" }
                ul.plain {
                    @for it in change.decisions.iter().rev() {
                        li {
                            span.name.dim { (minute(&it.at)) } " " strong.breaks { (it.signed_by()) } " " (verdict(it.verdict))
                            @if it.version != change.version { " " span.badge { "void: of version " (it.version) } }
                            div.breaks { (it.because) }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(verdict: DecisionVerdict) -> Markup {
    let (class, word) = match verdict {
        DecisionVerdict::Approve => ("good", "approves"),
        DecisionVerdict::Reject => ("bad", "rejects"),
        DecisionVerdict::Abstain => ("", "abstains"),
        DecisionVerdict::Comment => ("", "comments"),
    };
    html! { span.badge.(class) { (word) } }
}
