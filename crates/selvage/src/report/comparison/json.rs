//! Differences as one JSON document.

use std::collections::BTreeMap;

use selvage_control::desk::finding;
use selvage_governance::compare::Difference;
use selvage_governance::impact::{Affected, Impact, Use};
use serde_json::{Value, json};

use super::{Comparison, known, signatures};

/// The document.
pub(crate) fn write(compared: &Comparison<'_>) -> String {
    let differences: Vec<Value> = compared.differences.iter().map(|difference| one(compared, difference)).collect();
    let (breaking, unproven, safe) = compared.counts();
    let compatibility: BTreeMap<String, Value> = compared
        .compatibility()
        .into_iter()
        .map(|(object, how)| {
            let (backward, forward, full) = (how.backward.as_str(), how.forward.as_str(), how.full().as_str());
            (object, json!({"backward": backward, "forward": forward, "full": full}))
        })
        .collect();
    let mut document = json!({
        "base": compared.names.0,
        "head": compared.names.1,
        "differences": differences,
        "compatibility": compatibility,
        "broken_promises": compared.broken.iter().map(finding).collect::<Vec<_>>(),
        "summary": {"breaking": breaking, "unproven": unproven, "safe": safe},
    });
    if let (Some(impact), Some(members)) = (compared.impact, document.as_object_mut()) {
        members.insert("impact".to_owned(), self::impact(impact));
    }
    format!("{document:#}")
}

fn one(compared: &Comparison<'_>, difference: &Difference) -> Value {
    json!({
        "code": difference.class.code,
        "verdict": difference.verdict.as_str(),
        "direction": difference.class.direction.as_str(),
        "interface": difference.interface.as_ref().map(ToString::to_string),
        "owner": difference.interface.as_ref().and_then(|interface| compared.owner(interface)),
        "at": difference.at,
        "file": difference.place.file.as_ref(),
        "line": difference.place.line,
        "column": difference.place.column,
        "because": difference.class.because,
        "before": difference.before,
        "after": difference.after,
        "operations": difference.operations,
        "attributes": difference.attributes,
        "consumers": compared.consumers(difference),
    })
}

fn impact(impact: &Impact) -> Value {
    let affected: Vec<Value> = impact.affected.iter().map(affected).collect();
    json!({"affected": affected, "signatures": signatures(&impact.affected), "of_all": impact.of_all})
}

fn affected(affected: &Affected) -> Value {
    let meets = affected.meets.iter().map(|(number, used)| {
        let requests = match used {
            Use::Seen { requests, .. } => Some(*requests),
            Use::Unknown(_) => None,
        };
        let last = used.last().map(|last| last.to_string());
        json!({"difference": number, "requests": requests, "last": last, "known": known(used)})
    });
    let environments = affected.environments.iter().map(|(name, last)| (name.as_str(), last.to_string()));
    json!({
        "consumer": affected.consumer.to_string(),
        "owner": affected.owner,
        "interface": affected.interface.to_string(),
        "verdict": affected.verdict.as_str(),
        "last_used": affected.last_used.map(|last| last.to_string()),
        "environments": environments.collect::<BTreeMap<_, _>>(),
        "meets": meets.collect::<Vec<_>>(),
    })
}
