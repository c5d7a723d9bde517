//! Authority: which system may change which attributes of an object.

use std::collections::BTreeSet;

use selvage_model::manifest::object::{Authority, Object};
use selvage_model::name::AttributeName;

use super::class::classes;
use super::told::{Told, plain};
use super::two::{Spot, Two};
use super::{Class, Difference};

classes! { Authority "authority":
    MOVED = "record" "moved" Request Breaking "What is written through the system that was the record is refused.";
    ADDED = "record" "added" Request Unproven "Who wrote it through another system is refused.";
    REMOVED = "record" "removed" Request Breaking "No system is the record any more.";
    SITES_CHANGED = "sites" "changed" Request Breaking "At some sites another system is the record.";
    CONDITION_CHANGED = "condition" "changed" Request Unproven "In some states another system is the record.";
    RULES_CHANGED = "rules" "changed" Request Unproven "Which of several systems is the record when cannot be compared.";
}

/// What two states of an object say, attribute by attribute.
pub(super) fn compare(found: &mut Vec<Difference>, two: &mut Two<Object>) {
    let attributes = two.before.attributes.iter();
    let all: BTreeSet<AttributeName> = attributes.map(|attribute| attribute.name.value.clone()).collect();
    let part = two.part(|it| &mut it.authority);
    if alike(&part.before, &part.after) && told(&part.before) == told(&part.after) {
        return;
    }
    let of = |rules: &[Authority], name: &AttributeName| -> Vec<Authority> {
        let covers = |rule: &&Authority| {
            rule.attributes.is_empty() || rule.attributes.iter().any(|attribute| &attribute.value == name)
        };
        rules.iter().filter(covers).cloned().collect()
    };
    let first = found.len();
    for name in &all {
        let (was, is) = (of(&part.before, name), of(&part.after, name));
        if !alike(&was, &is) {
            attribute(found, (&was, &is), &part.spot, name);
        }
    }
    // Only how the rules are put together is another, or they are about what is not there.
    if found.len() == first {
        found.push(part.spot.difference(&RULES_CHANGED, "authority"));
    }
}

fn attribute(found: &mut Vec<Difference>, (was, is): (&[Authority], &[Authority]), spot: &Spot, name: &AttributeName) {
    let class: &'static Class = match (was, is) {
        ([], _) => &ADDED,
        (_, []) => &REMOVED,
        ([was], [is]) if was.record != is.record => &MOVED,
        ([was], [is]) if was.per_site != is.per_site => &SITES_CHANGED,
        ([_], [_]) => &CONDITION_CHANGED,
        _ => &RULES_CHANGED,
    };
    let records = |rules: &[Authority]| {
        let each = rules.iter().map(|rule| match &rule.condition {
            Some(condition) => format!("{} while {condition}", rule.record),
            None => rule.record.to_string(),
        });
        let each: Vec<String> = each.collect();
        (!each.is_empty()).then(|| each.join(", "))
    };
    let mut difference = spot.difference(class, &format!("/{name}, authority"));
    if let Some(rule) = is.first().or(was.first()) {
        difference.place = rule.place.clone();
    }
    difference.attributes = vec![name.to_string()];
    found.push(difference.values(records(was), records(is)));
}

fn alike(was: &[Authority], is: &[Authority]) -> bool {
    let said = |rule: &Authority| {
        let condition = rule.condition.as_ref().map(|condition| plain(&condition.value));
        (rule.record.value.clone(), rule.per_site, condition)
    };
    was.iter().map(said).eq(is.iter().map(said))
}

/// The attributes that each rule is about.
fn told(rules: &[Authority]) -> Vec<Option<String>> {
    rules.iter().map(|rule| rule.attributes.told()).collect()
}
