//! Flows: what starts them, what they do, and what undoes it.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::flow::{Action, Flow, OnFailure, Step};

use super::class::{backstop, classes};
use super::told::{Told, plain};
use super::two::{Spot, Two, pair};
use super::{Class, Difference};

classes! { Flow "flow":
    REMOVED = "declaration" "removed" Both Breaking "What starts it starts nothing.";
    ADDED = "declaration" "added" Both Safe "Nothing waits for it yet.";
    INTERFACE_CHANGED = "interface" "changed" Both Unproven "Another interface governs it.";
    TRIGGER_CHANGED = "trigger" "changed" Both Breaking "What started it does not start it any more.";
    LANE_CHANGED = "lane" "changed" Both Breaking "Its runs come in another order.";
    UNDO_GIVEN_UP = "failure" "parked" Both Breaking "What a failed run has done stays done.";
    UNDO_TAKEN_UP = "failure" "undone" Both Unproven "What a failed run has done is undone, where it stayed.";
    SCENARIOS_CHANGED = "scenarios" "changed" Both Safe "They are tests.";
    STEP_REMOVED = "step" "removed" Both Breaking "What it did is not done.";
    STEP_ADDED = "step" "added" Both Unproven "Something is done that was not.";
    STEP_MOVED = "step" "moved" Both Unproven "Steps are done in another order.";
    STEP_CHANGED = "step" "changed" Both Unproven "It does something else.";
    CONDITION_CHANGED = "condition" "changed" Both Unproven "It is done in other cases.";
    COMPENSATION_REMOVED = "compensation" "removed" Both Breaking "What it did is not undone any more.";
    COMPENSATION_ADDED = "compensation" "added" Both Safe "What it did can be undone.";
    COMPENSATION_CHANGED = "compensation" "changed" Both Unproven "What it did is undone in another way.";
    PIVOT_ADDED = "pivot" "added" Both Breaking "From there on nothing is undone.";
    PIVOT_REMOVED = "pivot" "removed" Both Unproven "What could not be undone has to be.";
    RETRY_CHANGED = "retry" "changed" Both Unproven "It is given up sooner, or tried when it did harm.";
}

backstop! { Flow "flow" }

/// Every flow of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = |it: &Flow| Spot::new(format!("flow {}", it.name), &it.place).of(&it.interface.value);
    pair(found, (&before.flows, &after.flows), (&REMOVED, &ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.changed(found, (&INTERFACE_CHANGED, "interface"), |it| &mut it.interface);
        two.changed(found, (&TRIGGER_CHANGED, "trigger"), |it| &mut it.trigger);
        two.changed(found, (&LANE_CHANGED, "lane"), |it| &mut it.lane);
        two.changed(found, (&SCENARIOS_CHANGED, "scenarios"), |it| &mut it.scenarios);
        two.judged(
            found,
            "on failure",
            |it| &mut it.on_failure,
            |_, is| match is {
                OnFailure::Park => &UNDO_GIVEN_UP,
                OnFailure::Undo => &UNDO_TAKEN_UP,
            },
        );
        let part = two.part(|it| &mut it.steps);
        steps(found, (&part.before, &part.after), &part.spot);
        two.rest(found, &OTHER);
    });
    scenarios(before, after, found);
}

/// Tests whose text is another, while the flow that names them is the same.
fn scenarios(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    for (name, is) in &after.flows {
        let was = before.flows.get(name).and_then(|was| was.scenarios.as_ref());
        let (Some(path), true) = (&is.scenarios, was == is.scenarios.as_ref()) else { continue };
        if before.files.get(&path.value) != after.files.get(&path.value) {
            let spot = Spot::new(format!("flow {name}"), &path.place).of(&is.interface.value);
            found.push(spot.difference(&SCENARIOS_CHANGED, &format!("scenarios {path}")));
        }
    }
}

fn steps(found: &mut Vec<Difference>, (before, after): (&[Step], &[Step]), spot: &Spot) {
    let named = |all: &[Step], one: &Step| all.iter().find(|other| other.id == one.id).cloned();
    let lone = |class: &'static Class, step: &Step| {
        let mut difference = spot.difference(class, &format!("step {}", step.id));
        difference.place = step.id.place.clone();
        difference
    };
    for was in before {
        let Some(is) = named(after, was) else {
            found.push(lone(&STEP_REMOVED, was));
            continue;
        };
        let what = format!("{}, step {}", spot.what, was.id);
        step(found, was, is.clone(), Spot { what, place: is.id.place, ..spot.clone() });
    }
    found.extend(after.iter().filter(|is| named(before, is).is_none()).map(|is| lone(&STEP_ADDED, is)));
    // A step without `after` waits for the one before it: where it stands says when it is done.
    let order = |own: &[Step], other: &[Step]| -> Vec<String> {
        own.iter().filter(|step| named(other, step).is_some()).map(|step| step.id.value.clone()).collect()
    };
    if order(before, after) != order(after, before) {
        found.push(spot.difference(&STEP_MOVED, "steps"));
    }
}

fn step(found: &mut Vec<Difference>, was: &Step, is: Step, spot: Spot) {
    let mut two = Two { before: was.clone(), after: is, spot };
    let looks = |step: &Step| step.when.as_ref().map(|when| plain(&when.value));
    if looks(&two.before) == looks(&two.after) {
        two.settle(|it| &mut it.when);
    }
    two.changed(found, (&CONDITION_CHANGED, "when"), |it| &mut it.when);
    two.changed(found, (&STEP_MOVED, "after"), |it| &mut it.after);
    let part = two.part(|it| &mut it.action);
    action(found, (&part.before, &part.after), &part.spot);
    two.rest(found, &OTHER);
}

fn action(found: &mut Vec<Difference>, (was, is): (&Action, &Action), spot: &Spot) {
    match (was, is) {
        (was, is) if was == is => {}
        (
            Action::Call { target, with, undo, pivot, attempts, backoff },
            Action::Call {
                target: target_now,
                with: with_now,
                undo: undo_now,
                pivot: pivot_now,
                attempts: attempts_now,
                backoff: backoff_now,
            },
        ) => {
            let mut tell = |class: &'static Class, part: &str, values: (Option<String>, Option<String>)| {
                if values.0 != values.1 {
                    found.push(spot.difference(class, part).values(values.0, values.1));
                }
            };
            tell(&STEP_CHANGED, "call", (target.told(), target_now.told()));
            tell(&STEP_CHANGED, "with", (with.told(), with_now.told()));
            let undone = match (undo, undo_now) {
                (_, None) => &COMPENSATION_REMOVED,
                (None, _) => &COMPENSATION_ADDED,
                _ => &COMPENSATION_CHANGED,
            };
            tell(undone, "undo", (undo.told(), undo_now.told()));
            let turned = if *pivot_now { &PIVOT_ADDED } else { &PIVOT_REMOVED };
            tell(turned, "pivot", (pivot.told(), pivot_now.told()));
            tell(&RETRY_CHANGED, "attempts", (attempts.told(), attempts_now.told()));
            tell(&RETRY_CHANGED, "backoff", (backoff.told(), backoff_now.told()));
        }
        (Action::ForEach { each, steps: was }, Action::ForEach { each: each_now, steps: is }) => {
            if plain(&each.value) != plain(&each_now.value) {
                found.push(spot.difference(&STEP_CHANGED, "for each").values(Some(each), Some(each_now)));
            }
            steps(found, (was, is), spot);
        }
        (Action::Parallel { branches: was }, Action::Parallel { branches: is }) if was.len() == is.len() => {
            was.iter().zip(is).for_each(|(was, is)| steps(found, (was, is), spot));
        }
        (Action::Choose { branches: was }, Action::Choose { branches: is }) if was.len() == is.len() => {
            for ((when, was), (when_now, is)) in was.iter().zip(is) {
                if plain(&when.value) != plain(&when_now.value) {
                    found.push(spot.difference(&CONDITION_CHANGED, "choice").values(Some(when), Some(when_now)));
                }
                steps(found, (was, is), spot);
            }
        }
        _ => found.push(spot.difference(&STEP_CHANGED, "action")),
    }
}
