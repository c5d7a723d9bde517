//! Rules, rules of approval, waivers and guardrails: what governance asks for. What is weaker may let through what breaks somebody.

use std::collections::BTreeMap;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::rule::{ApprovalRule, Rule, Waiver};
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::Difference;
use super::class::{backstop, classes};
use super::told::plain;
use super::two::{Spot, Two, pair};

classes! { Rule "rule":
    REMOVED = "declaration" "removed" Both Unproven "What it found is found no more.";
    ADDED = "declaration" "added" Both Safe "It stops releases, not what runs.";
    SUBJECT_CHANGED = "subject" "changed" Both Unproven "It judges other things.";
    WHEN_CHANGED = "when" "changed" Both Unproven "It finds other things.";
    SEVERITY_LOWERED = "severity" "lowered" Both Unproven "What it finds may stop a release no more.";
    SEVERITY_RAISED = "severity" "raised" Both Safe "It stops releases, not what runs.";
    WORDS_CHANGED = "words" "changed" Both Safe "They are for people.";
    TESTS_CHANGED = "tests" "changed" Both Safe "They are tests.";
    GUARDRAIL_REMOVED = "guardrail" "removed" Both Breaking "Every domain may loosen it.";
    GUARDRAIL_ADDED = "guardrail" "added" Both Safe "No domain may loosen it.";
    APPROVAL_REMOVED = "approval" "removed" Both Breaking "Changes need no such approval any more.";
    APPROVAL_ADDED = "approval" "added" Both Safe "Changes need an approval more.";
    APPROVAL_WHEN_CHANGED = "approval-when" "changed" Both Unproven "Other changes need the approval.";
    APPROVER_REMOVED = "approver" "removed" Both Breaking "Changes pass without their approval.";
    APPROVER_ADDED = "approver" "added" Both Safe "Changes need an approval more.";
    WAIVER_ADDED = "waiver" "added" Both Unproven "A rule does not hold for a time.";
    WAIVER_REMOVED = "waiver" "removed" Both Safe "A rule holds again.";
    WAIVER_EXTENDED = "waiver" "extended" Both Unproven "A rule does not hold for longer.";
    WAIVER_SHORTENED = "waiver" "shortened" Both Safe "A rule holds again sooner.";
    WAIVER_APPROVER_REMOVED = "waiver-approver" "removed" Both Unproven "Fewer answer for it.";
    WAIVER_APPROVER_ADDED = "waiver-approver" "added" Both Safe "More answer for it.";
}

backstop! { Rule "rule" }

/// Every rule, rule of approval, waiver and guardrail of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = |it: &Rule| Spot::new(format!("rule {}", it.name), &it.place);
    pair(found, (&before.rules, &after.rules), (&REMOVED, &ADDED), spot, |found, was, is, spot| {
        rule(found, Two::new(was, is, spot, |it| &mut it.place));
    });
    let spot = |it: &ApprovalRule| Spot::new(format!("approval rule {}", it.name), &it.place);
    let sides = (&before.approval_rules, &after.approval_rules);
    pair(found, sides, (&APPROVAL_REMOVED, &APPROVAL_ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        if plain(&was.when.value) == plain(&is.when.value) {
            two.settle(|it| &mut it.when);
        }
        two.changed(found, (&APPROVAL_WHEN_CHANGED, "when"), |it| &mut it.when);
        two.names(found, (&APPROVER_REMOVED, &APPROVER_ADDED), "approval of", |it| &mut it.require);
        two.rest(found, &OTHER);
    });
    let spot = |it: &Waiver| of_waiver([before, after], it);
    let sides = (&waivers(&before.waivers), &waivers(&after.waivers));
    pair(found, sides, (&WAIVER_REMOVED, &WAIVER_ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.judged(
            found,
            "until",
            |it| &mut it.until,
            |was, is| {
                if is.value > was.value { &WAIVER_EXTENDED } else { &WAIVER_SHORTENED }
            },
        );
        two.changed(found, (&WORDS_CHANGED, "because"), |it| &mut it.because);
        let approvers = (&WAIVER_APPROVER_REMOVED, &WAIVER_APPROVER_ADDED);
        two.names(found, approvers, "approved by", |it| &mut it.approved_by);
        two.rest(found, &OTHER);
    });
}

/// A waiver with the interface or the consumer that it is about: whoever answers for that has a say in it, in whichever file it stands.
fn of_waiver(fabrics: [&Fabric; 2], waiver: &Waiver) -> Spot {
    let on = waiver.on.value.as_str();
    let mut spot = Spot::new(format!("waiver of {} on {on}", waiver.rule), &waiver.place);
    let is_interface = |it: &InterfaceRef| fabrics.iter().any(|fabric| fabric.interfaces.contains_key(it));
    let is_consumer = |it: &ConsumerName| fabrics.iter().any(|fabric| fabric.consumers.contains_key(it));
    spot.interface = on.parse().ok().filter(is_interface);
    spot.consumers = waiver.consumer().filter(is_consumer).into_iter().collect();
    spot
}

fn rule(found: &mut Vec<Difference>, mut two: Two<Rule>) {
    if plain(&two.before.when.value) == plain(&two.after.when.value) {
        two.settle(|it| &mut it.when);
    }
    two.changed(found, (&SUBJECT_CHANGED, "about"), |it| &mut it.about);
    two.changed(found, (&WHEN_CHANGED, "when"), |it| &mut it.when);
    two.judged(
        found,
        "severity",
        |it| &mut it.severity,
        |was, is| {
            if is < was { &SEVERITY_LOWERED } else { &SEVERITY_RAISED }
        },
    );
    two.changed(found, (&WORDS_CHANGED, "says"), |it| &mut it.says);
    for (name, cases) in [("good", of_good as fn(&mut Rule) -> &mut Vec<_>), ("bad", of_bad)] {
        let said = |rule: &mut Rule| cases(rule).iter().map(|case| case.said.clone()).collect::<Vec<_>>();
        if said(&mut two.before) != said(&mut two.after) {
            found.push(two.spot.difference(&TESTS_CHANGED, name));
        }
        two.settle(cases);
    }
    two.rest(found, &OTHER);
}

fn of_good(rule: &mut Rule) -> &mut Vec<selvage_model::manifest::rule::RuleCase> {
    &mut rule.good
}

fn of_bad(rule: &mut Rule) -> &mut Vec<selvage_model::manifest::rule::RuleCase> {
    &mut rule.bad
}

/// Waivers by rule, thing and number, since several may say the same.
fn waivers(all: &[Waiver]) -> BTreeMap<(String, String, usize), Waiver> {
    let mut named = BTreeMap::new();
    for waiver in all {
        let (rule, on) = (waiver.rule.value.clone(), waiver.on.value.clone());
        let number = named.range((rule.clone(), on.clone(), 0)..=(rule.clone(), on.clone(), usize::MAX)).count();
        named.insert((rule, on, number), waiver.clone());
    }
    named
}
