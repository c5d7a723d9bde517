//! Differences for people, by interface, the gravest first.

use std::fmt::{Result, Write as _};

use selvage_governance::compare::{Difference, Verdict};
use selvage_governance::impact::Impact;
use selvage_model::change::seen;

use super::super::visible;
use super::{Comparison, Group, known, signatures, values};

/// Beyond these of one interface, a number says how many there are more.
const MOST_SHOWN: usize = 100;

/// The differences, and a summary at the end.
pub(crate) fn write(compared: &Comparison<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, compared);
    text.trim_end().to_owned()
}

fn write_all(text: &mut String, compared: &Comparison<'_>) -> Result {
    for group in compared.groups() {
        write_group(text, compared, &group)?;
    }
    if let Some(impact) = compared.impact {
        write_impact(text, compared, impact)?;
    }
    for (object, how) in compared.compatibility() {
        let (backward, forward) = (how.backward.as_str(), how.forward.as_str());
        writeln!(text, "{object}: backward {backward}, forward {forward}")?;
    }
    for finding in &compared.broken {
        let (place, message) = (visible(&finding.place.to_string(), false), visible(&finding.message, false));
        writeln!(text, "{}: {message} ({place})", finding.code)?;
    }
    if compared.differences.is_empty() {
        return writeln!(text, "no differences");
    }
    writeln!(text, "{}", compared.summary())?;
    writeln!(text, "`selvage diff --explain CLASS` says more about a class.")
}

fn write_group(text: &mut String, compared: &Comparison<'_>, group: &Group<'_>) -> Result {
    match group.interface.and_then(|interface| compared.owner(interface)) {
        Some(owner) => writeln!(text, "{} ({owner})", compared.title(group))?,
        None => writeln!(text, "{}", compared.title(group))?,
    }
    for difference in group.differences.iter().take(MOST_SHOWN) {
        write_one(text, compared, difference)?;
    }
    if group.differences.len() > MOST_SHOWN {
        writeln!(text, "  … and {} more; `--json` has them all", group.differences.len() - MOST_SHOWN)?;
    }
    writeln!(text)
}

fn write_one(text: &mut String, compared: &Comparison<'_>, difference: &Difference) -> Result {
    let (verdict, code) = (difference.verdict.as_str(), difference.class.code);
    let (at, place) = (visible(&difference.at, false), visible(&difference.place.to_string(), false));
    writeln!(text, "  {verdict:<8}  {code}")?;
    writeln!(text, "            {at} ({place})")?;
    if let Some(values) = values(difference) {
        writeln!(text, "            {values}")?;
    }
    let consumers = compared.consumers(difference);
    let concerns = match difference.verdict > Verdict::Safe && !consumers.is_empty() {
        true => format!(" Granted to {}.", consumers.into_iter().collect::<Vec<_>>().join(", ")),
        false => String::new(),
    };
    writeln!(text, "            {}{concerns}", difference.class.because)
}

fn write_impact(text: &mut String, compared: &Comparison<'_>, impact: &Impact) -> Result {
    if impact.affected.is_empty() {
        writeln!(text, "by the use that was seen, nobody would break\n")?;
    } else {
        writeln!(text, "would break")?;
    }
    for affected in &impact.affected {
        let (consumer, interface, verdict) = (&affected.consumer, &affected.interface, affected.verdict.as_str());
        let last = seen(affected.last_used, &affected.environments);
        writeln!(text, "  {verdict:<8}  {consumer} at {interface}, {last}")?;
        for (number, used) in affected.meets.iter().take(MOST_SHOWN) {
            if let Some(difference) = compared.differences.get(*number) {
                writeln!(text, "            {}: {}", visible(&difference.at, false), known(used))?;
            }
        }
    }
    for (owner, consumers) in signatures(&impact.affected) {
        let consumers = consumers.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(text, "  needs the signature of {owner}, for {consumers}")?;
    }
    if !impact.of_all.is_empty() {
        let count = impact.of_all.len();
        writeln!(text, "  {count} of the differences are of no interface: whom they break cannot be narrowed down")?;
    }
    writeln!(text)
}
