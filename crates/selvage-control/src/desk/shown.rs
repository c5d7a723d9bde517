//! A change as the commands and the control API show it.

use selvage_governance::approval::Standing;
use selvage_model::change::Change;
use serde_json::{Value, json};

/// The findings of a change that are shown, and how many are folded: those that stood before it in other domains. Of changes of before that was
/// kept, all are shown.
pub fn told_and_folded(change: &Change) -> (Vec<&Value>, usize) {
    let findings = &change.report.findings;
    let is_folded = |it: &&Value| it["brought"] == false && it["domain"] != change.domain.as_str();
    let told: Vec<&Value> = findings.iter().filter(|it| !is_folded(it)).collect();
    let folded = findings.len() - told.len();
    (told, folded)
}

/// A change with how it stands, as JSON.
pub fn shown(change: &Change, standing: &Standing) -> Value {
    let open = standing.open.iter().map(|waiting| {
        json!({
            "need": waiting.requirement.need.to_string(),
            "because": waiting.requirement.because,
            "filled": waiting.filled.iter().map(|(seat, person)| json!({"seat": seat, "person": person})).collect::<Vec<_>>(),
            "people": waiting.people,
        })
    });
    let met = standing.met.iter().map(|(requirement, people)| {
        json!({"need": requirement.need.to_string(), "because": requirement.because, "people": people})
    });
    json!({
        "id": change.id,
        "domain": change.domain.as_str(),
        "title": change.title,
        "author": change.author,
        "version": change.version,
        "base": change.base,
        "release": change.release,
        "state": change.state.as_str(),
        "emergency": change.emergency,
        "ratify_until": change.ratify_until.map(|until| until.to_string()),
        "ratified_late": change.ratified_late.map(|due| due.to_string()),
        "proposed": change.proposed.to_string(),
        "approved": standing.is_approved(),
        "risk": change.report.risk,
        "breaking": change.report.breaking,
        "unproven": change.report.unproven,
        "safe": change.report.safe,
        "differences": change.report.differences,
        "differences_left_out": change.report.left_out(),
        "findings": change.report.findings,
        "affected": change.report.affected,
        "open": open.collect::<Vec<_>>(),
        "met": met.collect::<Vec<_>>(),
        "rejected": standing.rejected.as_ref().map(|decision| json!(decision)),
        "decisions": change.decisions,
    })
}
