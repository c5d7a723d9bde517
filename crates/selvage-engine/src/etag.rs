//! Entity tags: the fingerprint of an object as its consumer is shown it, and whether a condition holds for it. Pure; what a
//! verb adds to its answer does not count.

use selvage_model::code;
use selvage_model::problem::Problem;
use selvage_model::verb::Verb;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::payload;

/// How many bytes of the hash are shown.
const SHOWN: usize = 16;

/// The tag of an object, in its quotes. `None` for what is no object.
pub(crate) fn of(shown: &Value) -> Option<String> {
    let mut content = shown.as_object()?.clone();
    for added in Verb::all().filter_map(Verb::adds) {
        content.shift_remove(added);
    }
    let hash = Sha256::digest(payload::canonical(&Value::Object(content)).as_bytes());
    let digits: String = hash.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\"{digits}\""))
}

/// Refuses a write that is for another state of the object than this.
pub(crate) fn check(condition: Option<&str>, shown: &Value) -> Result<(), Problem> {
    let Some(condition) = condition else { return Ok(()) };
    let tag = of(shown).unwrap_or_default();
    // A weak tag never matches: it does not tell one content from the other.
    let matches = condition.split(',').map(str::trim).any(|wanted| wanted == "*" || wanted == tag);
    if matches {
        return Ok(());
    }
    Err(Problem::new(412, code::RECORD_CHANGED, "the record is not in the state that `If-Match` names: read it again"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_is_of_the_content_alone() {
        let tag = of(&json!({"id": "odoo-1", "quantity": {"value": "3", "unit": "1"}})).unwrap();
        assert_eq!(tag.len(), 34);
        assert_eq!(
            of(&json!({"quantity": {"unit": "1", "value": "3"}, "id": "odoo-1", "report": {}})),
            Some(tag.clone())
        );
        assert_ne!(of(&json!({"id": "odoo-1", "quantity": {"value": "4", "unit": "1"}})), Some(tag));
        assert_eq!(of(&json!([])), None);
    }

    #[test]
    fn conditions() {
        let shown = json!({"id": "odoo-1"});
        let tag = of(&shown).unwrap();
        for (condition, holds) in [
            (None, true),
            (Some("*".to_owned()), true),
            (Some(tag.clone()), true),
            (Some(format!("\"x\", {tag}")), true),
            (Some(format!("W/{tag}")), false),
            (Some("\"x\"".to_owned()), false),
            (Some(String::new()), false),
        ] {
            let checked = check(condition.as_deref(), &shown);
            assert_eq!(checked.is_ok(), holds, "{condition:?}");
            assert!(checked.is_ok() || checked.is_err_and(|problem| problem.status == 412));
        }
    }
}
