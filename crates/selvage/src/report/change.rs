//! Changes for people and for scripts: what is different, whom it concerns, what it takes, and how it stands.

use std::fmt::Write as _;

use selvage_control::desk::told_and_folded;
use selvage_governance::approval::{Standing, Waiting};
use selvage_model::change::{Affected, Change, DecisionVerdict};
use serde_json::Value;

use super::visible;

/// How many differences and consumers are listed; the rest is counted.
const MOST_LISTED: usize = 40;

/// A change with how it stands, as text; with all of its findings, or without those that stood before in other domains.
pub(crate) fn human(change: &Change, standing: &Standing, all: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, change, standing, all);
    text.trim_end().to_owned()
}

fn write_all(text: &mut String, change: &Change, standing: &Standing, all: bool) -> std::fmt::Result {
    let (id, domain, title, author) = (&change.id, &change.domain, visible(&change.title, false), &change.author);
    writeln!(text, "{id}  {domain}: {title}")?;
    writeln!(text, "version {} by {author}, {}, {}", change.version, change.state, stands(change, standing))?;
    writeln!(text, "from {} to {}", change.base.as_deref().unwrap_or("nothing"), change.release)?;
    let report = &change.report;
    writeln!(text, "{} breaking, {} unproven, {} safe", report.breaking, report.unproven, report.safe)?;
    for difference in report.differences.iter().take(MOST_LISTED) {
        let member = |name: &str| visible(difference[name].as_str().unwrap_or_default(), false);
        let (verdict, code, at, place) = (member("verdict"), member("code"), member("at"), member("place"));
        writeln!(text, "  {verdict:<8}  {code}  {at}  ({place})")?;
    }
    more(text, report.differences.len())?;
    if report.left_out() > 0 {
        writeln!(
            text,
            "  {} of them are counted and not kept: the gravest {} are",
            report.left_out(),
            report.differences.len()
        )?;
    }
    findings(text, change, all)?;
    if !report.affected.is_empty() {
        writeln!(text, "would break")?;
        for affected in report.affected.iter().take(MOST_LISTED) {
            let Affected { consumer, interface, because, .. } = affected;
            writeln!(text, "  {consumer} on {interface}: {because} ({})", affected.seen())?;
        }
        more(text, report.affected.len())?;
    }
    for (requirement, people) in &standing.met {
        writeln!(text, "given: {} by {}", requirement.need, people.join(", "))?;
    }
    for waiting in &standing.open {
        writeln!(text, "needs: {}", needed(waiting))?;
        for because in waiting.requirement.because.iter().take(3) {
            writeln!(text, "       {}", visible(because, false))?;
        }
    }
    for decision in &change.decisions {
        let void = if decision.version == change.version { "" } else { ", void: of an earlier version" };
        let (at, person, because) = (decision.at, decision.signed_by(), visible(&decision.because, false));
        writeln!(text, "{at:.0}  {person} {}: {because} (version {}{void})", said(decision.verdict), decision.version)?;
    }
    Ok(())
}

/// What the check finds, first what the change brings.
fn findings(text: &mut String, change: &Change, all: bool) -> std::fmt::Result {
    let (told, folded) = match all {
        true => (change.report.findings.iter().collect(), 0),
        false => told_and_folded(change),
    };
    let most = if all { usize::MAX } else { MOST_LISTED };
    let mut heading = None;
    for finding in told.iter().take(most) {
        let next = match finding["brought"].as_bool() {
            Some(true) => "it brings",
            Some(false) => "stood before",
            None => "found",
        };
        if heading.replace(next) != Some(next) {
            writeln!(text, "{next}")?;
        }
        let member = |name: &str| visible(finding[name].as_str().unwrap_or_default(), false);
        let (severity, code, message, place) = (member("severity"), member("code"), member("message"), member("place"));
        writeln!(text, "  {severity:<8}  {code}  {message}  ({place})")?;
    }
    if !all {
        more(text, told.len())?;
    }
    match folded {
        0 => Ok(()),
        folded => {
            let id = &change.id;
            writeln!(
                text,
                "… {folded} more that stood before this change in other domains: selvage change show {id} --all"
            )
        }
    }
}

fn more(text: &mut String, count: usize) -> std::fmt::Result {
    match count.checked_sub(MOST_LISTED) {
        Some(more) if more > 0 => writeln!(text, "  and {more} more"),
        _ => Ok(()),
    }
}

fn said(verdict: DecisionVerdict) -> &'static str {
    match verdict {
        DecisionVerdict::Approve => "approves",
        DecisionVerdict::Reject => "rejects",
        DecisionVerdict::Abstain => "abstains",
        DecisionVerdict::Comment => "comments",
    }
}

/// Whose approval is waited for, and who can give it.
pub(crate) fn needed(waiting: &Waiting) -> String {
    let people: Vec<&str> = waiting.people.iter().map(String::as_str).collect();
    let who = if people.is_empty() { "nobody can give it".to_owned() } else { people.join(", ") };
    let filled: Vec<String> = waiting.filled.iter().map(|(seat, person)| format!("{person} for {seat}")).collect();
    let so_far = if filled.is_empty() { String::new() } else { format!("; so far {}", filled.join(", ")) };
    format!("{} ({who}{so_far})", waiting.requirement.need)
}

/// How a change stands in one word or two.
pub(crate) fn stands(change: &Change, standing: &Standing) -> String {
    match (&standing.rejected, change.ratify_until) {
        (Some(decision), Some(until)) => {
            format!("an emergency, to be ratified until {until:.0}, and rejected by {}", decision.signed_by())
        }
        (None, Some(until)) => format!("an emergency, to be ratified until {until:.0}"),
        (Some(decision), None) => format!("rejected by {}", decision.signed_by()),
        (None, None) if change.ratified_late.is_some() => "approved, an emergency that was ratified late".to_owned(),
        (None, None) if standing.is_approved() => "approved".to_owned(),
        (None, None) => format!("{} approvals open", standing.open.len()),
    }
}

/// The same for scripts.
pub(crate) fn json(change: &Change, standing: &Standing) -> Value {
    selvage_control::desk::shown(change, standing)
}
