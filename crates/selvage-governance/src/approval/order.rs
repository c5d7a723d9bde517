//! What of a fabric says who decides: boards, teams, rules of approval, environments with their gates. Nothing here judges whether a change of it is well.

use crate::compare::{Area, Class};

/// Whether a difference may give somebody a say, or spare somebody else's.
pub fn changes_who_decides(class: &Class) -> bool {
    match (class.area, class.element) {
        (Area::Organisation, "fabric" | "environment" | "domain" | "seat" | "team" | "people" | "other") => true,
        (Area::Organisation, "quorum" | "protection" | "order" | "gate") => {
            !matches!(class.action, "raised" | "added" | "tightened")
        }
        (Area::Rule, "approval" | "approver" | "guardrail") => class.action != "added",
        (Area::Rule, "approval-when" | "other") | (Area::Interface, "owner") => true,
        _ => false,
    }
}
