//! What is different between interfaces as wholes, and whose grants are on those that change.

use selvage_governance::compare::{Area, Class, Difference, Direction, Verdict};
use selvage_model::access::AccessState;
use selvage_model::change::Affected;
use selvage_model::fabric::Fabric;
use selvage_model::usage::UsageTotal;
use std::collections::BTreeMap;
static GONE: Class = Class {
    code: "interface.removed",
    area: Area::Interface,
    element: "interface",
    action: "removed",
    direction: Direction::Both,
    verdict: Verdict::Breaking,
    because: "gone",
};
static NEW: Class = Class {
    code: "interface.added",
    area: Area::Interface,
    element: "interface",
    action: "added",
    direction: Direction::Both,
    verdict: Verdict::Safe,
    because: "new",
};
static OTHER: Class = Class {
    code: "interface.changed",
    area: Area::Interface,
    element: "interface",
    action: "changed",
    direction: Direction::Both,
    verdict: Verdict::Unproven,
    because: "other",
};
pub(super) fn differences(before: &Fabric, after: &Fabric) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, it) in &before.interfaces {
        match after.interfaces.get(name) {
            None => found.push(Difference {
                interface: Some(name.clone()),
                ..Difference::new(&GONE, name.to_string(), &it.place)
            }),
            Some(now) if now != it => found.push(Difference {
                interface: Some(name.clone()),
                ..Difference::new(&OTHER, name.to_string(), &now.place)
            }),
            Some(_) => {}
        }
    }
    for (name, it) in &after.interfaces {
        if !before.interfaces.contains_key(name) {
            found.push(Difference {
                interface: Some(name.clone()),
                ..Difference::new(&NEW, name.to_string(), &it.place)
            });
        }
    }
    found
}
pub(super) fn affected(
    before: &Fabric,
    differences: &[Difference],
    usage: &[UsageTotal],
    access: &AccessState,
) -> Vec<Affected> {
    let mut found = BTreeMap::new();
    for difference in differences.iter().filter(|it| it.verdict > Verdict::Safe) {
        let Some(interface) = &difference.interface else { continue };
        for grant in access.grants.iter().filter(|it| {
            it.ended.is_none() && &it.interface == interface && before.consumers.contains_key(&it.consumer)
        }) {
            let last_used = usage
                .iter()
                .filter(|it| it.key.consumer.as_ref() == Some(&grant.consumer) && &it.key.interface == interface)
                .map(|it| it.last)
                .max();
            found.insert((grant.consumer.clone(), interface.clone()), last_used);
        }
    }
    found
        .into_iter()
        .map(|((consumer, interface), last_used)| Affected {
            consumer,
            interface,
            last_used,
            because: "it may use what changes".to_owned(),
        })
        .collect()
}
