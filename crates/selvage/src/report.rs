//! Findings as text: for people, as JSON, as SARIF.

pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod sarif;

use selvage_model::finding::{Finding, Severity};

/// How many findings of each severity there are: errors, warnings, advice.
fn counts(findings: &[Finding]) -> (usize, usize, usize) {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    (of(Severity::Error), of(Severity::Warning), of(Severity::Advice))
}
