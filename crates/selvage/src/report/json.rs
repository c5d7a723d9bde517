//! Findings as one JSON document.

use serde_json::{Value, json};

use super::counts;
use crate::directory::Checked;

/// The document.
pub(crate) fn write(checked: &Checked) -> String {
    let findings: Vec<Value> = checked
        .findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code.as_str(),
                "severity": finding.severity.to_string(),
                "message": finding.message,
                "fix": finding.fix,
                "file": finding.place.file.as_ref(),
                "line": finding.place.line,
                "column": finding.place.column,
            })
        })
        .collect();
    let (errors, warnings, advice) = counts(&checked.findings);
    let summary = json!({"manifests": checked.manifests, "errors": errors, "warnings": warnings, "advice": advice});
    format!("{:#}", json!({"findings": findings, "summary": summary, "release": checked.release}))
}
