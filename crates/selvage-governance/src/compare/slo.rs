//! What interfaces promise over a window. A promise is known again by what it is about.

use std::collections::BTreeMap;

use selvage_model::manifest::interface::{Interface, Objective, Slo};

use super::Difference;
use super::class::{backstop, classes};
use super::told::Told;
use super::two::Two;

classes! { Slo "slo":
    REMOVED = "objective" "removed" Response Breaking "Who counts on it counts on nothing.";
    ADDED = "objective" "added" Response Safe "More is promised.";
    LOWERED = "availability" "lowered" Response Breaking "Less of what is asked may be answered.";
    RAISED = "availability" "raised" Response Safe "More of what is asked is answered.";
    SLOWER = "latency" "slower" Response Breaking "Answers may come later than was promised.";
    FASTER = "latency" "faster" Response Safe "Answers come sooner than was promised.";
    WINDOW_CHANGED = "window" "changed" Response Unproven "Over another window a promise may be kept that was broken.";
}

backstop! { Slo "slo" }

/// What two states of an interface promise.
pub(super) fn compare(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let part = two.part(|it| &mut it.slo);
    let (before, after) = (by_subject(&part.before), by_subject(&part.after));
    for (subject, was) in &before {
        match after.get(subject) {
            Some(is) if was == is => {}
            Some(is) => {
                let spot = part.spot.clone();
                let what = format!("{}, {subject}", spot.what);
                let spot = super::two::Spot { what, ..spot };
                one(found, Two { before: (*was).clone(), after: (*is).clone(), spot });
            }
            None => found.push(part.spot.difference(&REMOVED, subject).values(Some(told(was)), None::<&str>)),
        }
    }
    for (subject, is) in after.iter().filter(|(subject, _)| !before.contains_key(*subject)) {
        found.push(part.spot.difference(&ADDED, subject).values(None::<&str>, Some(told(is))));
    }
}

fn one(found: &mut Vec<Difference>, mut two: Two<Slo>) {
    two.changed(found, (&WINDOW_CHANGED, "window"), |it| &mut it.window);
    let class = match (&two.before.objective, &two.after.objective) {
        (was, is) if was == is => None,
        (Objective::Availability(was), Objective::Availability(is)) => {
            Some(if is.0 < was.0 { &LOWERED } else { &RAISED })
        }
        (Objective::Latency { under: was, .. }, Objective::Latency { under: is, .. }) => {
            Some(if is > was { &SLOWER } else { &FASTER })
        }
        _ => Some(&OTHER),
    };
    if let Some(class) = class {
        let values = (Some(told(&two.before)), Some(told(&two.after)));
        found.push(two.spot.difference(class, "").values(values.0, values.1));
        two.settle(|it| &mut it.objective);
    }
    two.rest(found, &OTHER);
}

fn told(slo: &Slo) -> String {
    match &slo.objective {
        Objective::Availability(share) => share.told().unwrap_or_default(),
        Objective::Latency { under, .. } => format!("under {}", under.told().unwrap_or_default()),
    }
}

/// Promises by what they are about; where several are about the same, their number tells them apart.
fn by_subject(promises: &[Slo]) -> BTreeMap<String, &Slo> {
    let mut all = BTreeMap::new();
    for slo in promises {
        let subject = match &slo.objective {
            Objective::Availability(_) => "availability".to_owned(),
            Objective::Latency { quantile, .. } => format!("latency of {}", quantile.normalize()),
        };
        let number = (0..=promises.len()).find(|number| !all.contains_key(&numbered(&subject, *number)));
        all.insert(numbered(&subject, number.unwrap_or(0)), slo);
    }
    all
}

fn numbered(subject: &str, number: usize) -> String {
    if number == 0 { subject.to_owned() } else { format!("{subject} ({})", number + 1) }
}
