//! Differences as Markdown, for the comment of a pull request. What is safe is folded away.

use std::fmt::{Result, Write as _};

use selvage_governance::compare::{Difference, Verdict};
use selvage_governance::impact::Impact;

use super::super::visible;
use super::{Comparison, known, signatures, values};

/// Beyond these of one interface, a number says how many there are more: a comment has a greatest length.
const MOST_SHOWN: usize = 50;

/// The comment.
pub(crate) fn write(compared: &Comparison<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, compared);
    text.trim_end().to_owned()
}

fn write_all(text: &mut String, compared: &Comparison<'_>) -> Result {
    let (base, head) = (code(compared.names.0), code(compared.names.1));
    writeln!(text, "**{}** from {base} to {head}\n", compared.summary())?;
    let mut safe = Vec::new();
    for group in compared.groups() {
        let (harmless, grave): (Vec<&Difference>, Vec<&Difference>) =
            group.differences.iter().copied().partition(|difference| difference.verdict == Verdict::Safe);
        safe.extend(harmless);
        if grave.is_empty() {
            continue;
        }
        let owner = group.interface.and_then(|interface| compared.owner(interface));
        let owner = owner.map(|owner| format!(" ({owner})")).unwrap_or_default();
        writeln!(text, "### {}{owner}\n", compared.title(&group))?;
        table(text, compared, &grave)?;
    }
    for finding in &compared.broken {
        writeln!(text, "- {} **{}** ({})\n", finding.code, cell(&finding.message), code(&finding.place.to_string()))?;
    }
    if let Some(impact) = compared.impact {
        would_break(text, compared, impact)?;
    }
    if !safe.is_empty() {
        writeln!(text, "<details><summary>{} safe</summary>\n", safe.len())?;
        table(text, compared, &safe)?;
        writeln!(text, "</details>")?;
    }
    Ok(())
}

fn table(text: &mut String, compared: &Comparison<'_>, differences: &[&Difference]) -> Result {
    writeln!(text, "| verdict | what | where | values | why | granted to |\n|---|---|---|---|---|---|")?;
    for difference in differences.iter().take(MOST_SHOWN) {
        let Difference { verdict, class, at, place, .. } = difference;
        let values = values(difference).map(|values| code(&values)).unwrap_or_default();
        let consumers: Vec<String> = compared.consumers(difference).into_iter().collect();
        let (verdict, at, place) = (verdict.as_str(), cell(at), code(&place.to_string()));
        let (name, because, consumers) = (class.code, class.because, consumers.join(", "));
        writeln!(text, "| {verdict} | `{name}` {at} | {place} | {values} | {because} | {consumers} |")?;
    }
    if differences.len() > MOST_SHOWN {
        writeln!(text, "\n… and {} more", differences.len() - MOST_SHOWN)?;
    }
    writeln!(text)
}

fn would_break(text: &mut String, compared: &Comparison<'_>, impact: &Impact) -> Result {
    if impact.affected.is_empty() {
        return writeln!(text, "By the use that was seen, nobody would break.\n");
    }
    writeln!(text, "### Would break\n\n| consumer | interface | by | use |\n|---|---|---|---|")?;
    for affected in &impact.affected {
        for (number, used) in affected.meets.iter().take(MOST_SHOWN) {
            let Some(difference) = compared.differences.get(*number) else { continue };
            let (consumer, interface) = (&affected.consumer, &affected.interface);
            writeln!(text, "| {consumer} | {interface} | {} | {} |", cell(&difference.at), known(used))?;
        }
    }
    writeln!(text)?;
    for (owner, consumers) in signatures(&impact.affected) {
        let consumers = consumers.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(text, "- needs the signature of **{owner}**, for {consumers}")?;
    }
    writeln!(text)
}

/// Text of others in a cell: it ends neither the cell nor the line, and is no markup.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in visible(text, false).chars() {
        if matches!(letter, '|' | '`' | '<' | '>' | '*' | '_' | '[' | ']' | '\\' | '#' | '@' | '&') {
            // `@` would call somebody of this name.
            let _ = write!(cell, "&#{};", u32::from(letter));
        } else {
            cell.push(letter);
        }
    }
    cell
}

/// Text of others as code.
fn code(text: &str) -> String {
    format!("<code>{}</code>", cell(text))
}
