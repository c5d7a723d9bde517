//! Findings, refusals and records as text: for people, as JSON, as SARIF.

pub(crate) mod cell;
pub(crate) mod change;
pub(crate) mod comparison;
mod excerpt;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod refusal;
pub(crate) mod sarif;

use selvage_model::finding::{Finding, Severity};
use selvage_model::text::turns;

/// How many findings of each severity there are: errors, warnings, advice.
fn counts(findings: &[Finding]) -> (usize, usize, usize) {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    (of(Severity::Error), of(Severity::Warning), of(Severity::Advice))
}

/// Text of others for a terminal or a log: what would move the cursor, colour or begin a line of its own is shown as �.
/// One character stays one, so columns stay true.
pub(crate) fn visible(text: &str, keeps_lines: bool) -> String {
    let kept = |c: char| !c.is_control() || (keeps_lines && matches!(c, '\n' | '\r' | '\t'));
    text.chars().map(|c| if kept(c) && !turns(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn text_of_others_moves_no_cursor() {
        for (text, line, lines) in [
            ("été.yaml", "été.yaml", "été.yaml"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb", "a\u{fffd}[2Jb"),
            ("a\nb\tc", "a\u{fffd}b\u{fffd}c", "a\nb\tc"),
            ("a\u{9b}31mb\u{202e}", "a\u{fffd}31mb\u{fffd}", "a\u{fffd}31mb\u{fffd}"),
        ] {
            assert_eq!((visible(text, false).as_str(), visible(text, true).as_str()), (line, lines));
        }
    }
}
