//! Reads manifests: every document of every file into its type, all problems together, each with its place and fix.
//! Pure: files come as bytes. What concerns several manifests (does the system exist) is lint, not reading.

mod access;
mod api;
mod check;
mod digest;
mod event;
mod extend;
mod fan;
mod fields;
mod flow;
mod follow;
mod gather;
mod governance;
mod interface;
mod issuer;
mod lens;
mod mapping;
mod object;
mod organisation;
mod sources;
mod system;
mod webhook;

use std::borrow::Cow;

pub use digest::digest;
pub use sources::{Source, Sources};

use crate::fabric::Fabric;
use crate::finding::{Finding, Severity, show};

/// Most bytes of all files together: 128 MiB.
pub const FABRIC_BYTES: u64 = 128 << 20;

/// What reading came to.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What could be read. Only without error findings is it what was meant.
    pub fabric: Fabric,
    /// Everything that is wrong, by place.
    pub findings: Vec<Finding>,
    /// How many manifests there are.
    pub manifests: usize,
    /// The content address of what was declared, as [`digest`] gives it.
    pub digest: String,
}

impl Reading {
    /// Whether nothing stops a release.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Reads all manifests.
pub fn read(sources: &Sources) -> Reading {
    gather::gather(sources)
}

/// "`a`, `b` or `c`", for what is expected.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| show(word)).collect();
    match quoted.split_last() {
        None => "nothing".into(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// A name that the same manifest does not declare, with the one that may be meant.
pub(crate) fn undeclared<'a>(
    finding: Finding,
    name: &str,
    declared: impl Iterator<Item = &'a str>,
    otherwise: &str,
    findings: &mut Vec<Finding>,
) {
    const MOST_SUGGESTIONS: usize = 50;
    // Looking for likeness costs time: it is spared where nobody would read so far.
    let like = if findings.len() < MOST_SUGGESTIONS { nearest(name, declared) } else { None };
    findings.push(match like {
        Some(like) => finding.fix(format!("did you mean {}?", show(like))),
        None => finding.fix(otherwise),
    });
}

/// The known name that is most like this one, where one is like it: a slip or two of the hand away, or begun alike.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const MOST_CANDIDATES: usize = 100;
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let name = without_case(name);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.take(MOST_CANDIDATES).filter(|candidate| candidate.len() <= LONGEST) {
        let folded = without_case(candidate);
        let begun_alike = name.len() >= 3 && (folded.starts_with(name.as_ref()) || name.starts_with(folded.as_ref()));
        let slips = if begun_alike { 1 } else { strsim::osa_distance(&name, &folded) };
        let is_like = slips <= (folded.chars().count() / 3).max(1) && slips < folded.chars().count();
        if is_like && best.is_none_or(|(fewest, _)| slips < fewest) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn without_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        Cow::Owned(text.to_ascii_lowercase().replace('-', "_"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
