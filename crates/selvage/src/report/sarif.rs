//! Findings as SARIF 2.1.0 (OASIS), which code review tools show beside the lines.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use serde_json::{Value, json};

use crate::directory::Checked;

/// The document.
pub(crate) fn write(checked: &Checked) -> String {
    let used: BTreeMap<&str, &str> = checked
        .findings
        .iter()
        .filter_map(|finding| code::find(finding.code.as_str()))
        .map(|(code, title)| (code.as_str(), title))
        .collect();
    let rules: Vec<Value> =
        used.iter().map(|(code, title)| json!({"id": code, "shortDescription": {"text": title}})).collect();
    let results: Vec<Value> = checked.findings.iter().map(result).collect();
    let driver = json!({"name": "selvage", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    });
    format!("{document:#}")
}

fn result(finding: &Finding) -> Value {
    let text = match &finding.fix {
        Some(fix) => format!("{} Fix: {fix}", finding.message),
        None => finding.message.clone(),
    };
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "note",
    };
    let region = json!({"startLine": finding.place.line, "startColumn": finding.place.column});
    let location = json!({"artifactLocation": {"uri": uri(&finding.place.file)}, "region": region});
    json!({
        "ruleId": finding.code.as_str(),
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    })
}

/// A path as a relative reference (RFC 3986): whatever else stands in a file's name is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_becomes_a_reference() {
        for (path, expected) in [
            ("a/b-1.yaml", "a/b-1.yaml"),
            ("a b\n.yaml", "a%20b%0A.yaml"),
            ("été", "%C3%A9t%C3%A9"),
            ("pack:odoo/x", "pack%3Aodoo/x"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
