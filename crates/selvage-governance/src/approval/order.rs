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
        (Area::Rule, "approval-when" | "other")
        | (Area::Interface, "owner" | "domain" | "data")
        | (Area::Access, "consumer-owner") => true,
        (Area::Interface, "criticality") => class.action == "lowered",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::changes_who_decides;
    use crate::compare::TABLES;

    #[test]
    fn what_moves_a_say_is_known() {
        for (code, expected) in [
            ("interface.owner.changed", true),
            ("interface.domain.changed", true),
            ("interface.data.changed", true),
            ("interface.criticality.lowered", true),
            ("interface.criticality.raised", false),
            ("access.consumer-owner.changed", true),
            ("organisation.quorum.lowered", true),
            ("limit.rate.tightened.request", false),
            ("access.grant.added", false),
        ] {
            let mut classes = TABLES.iter().flat_map(|table| *table);
            let known = classes.find(|class| class.code == code).unwrap_or_else(|| panic!("no class {code}"));
            assert_eq!(changes_who_decides(known), expected, "{code}");
        }
    }
}
