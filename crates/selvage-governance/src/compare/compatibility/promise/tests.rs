//! What a promise of compatibility lets pass and what breaks it, by objects and events and the states that they had before.

use selvage_model::read::{Sources, read};

use super::*;

/// An object with this promise and these words of an enum.
fn object(promise: &str, values: &str) -> Fabric {
    let promise = if promise.is_empty() { String::new() } else { format!("compatibility: {promise}\n") };
    let text = format!(
        "kind: Object\nname: order\nversion: 1.0\nowner: it\nidentity: [id]\n{promise}\
         attributes: {{id: {{type: string}}, it: {{type: enum, values: [{values}]}}}}"
    );
    let reading = read(&Sources::of("object.yaml", &text));
    assert_eq!(reading.findings, []);
    reading.fabric
}

fn codes(before: &Fabric, earlier: &[&Fabric], after: &Fabric) -> Vec<String> {
    let earlier: Vec<Earlier<'_>> = earlier.iter().map(|fabric| Earlier { name: "an earlier one", fabric }).collect();
    let found = broken(Earlier { name: "the one before", fabric: before }, &earlier, after);
    assert!(found.iter().all(|finding| finding.code == code::COMPATIBILITY_BROKEN), "{found:#?}");
    found.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn each_way_forbids_what_breaks_it() {
    let (more, fewer) = (("a", "a, b"), ("a, b", "a"));
    for (promise, (before, after), kept) in [
        ("", more, true),
        ("", fewer, true),
        ("backward", more, true),
        ("backward", fewer, false),
        ("forward", more, false),
        ("forward", fewer, true),
        ("full", more, false),
        ("full", fewer, false),
        ("full", ("a", "a"), true),
    ] {
        let told = codes(&object(promise, before), &[], &object(promise, after));
        assert_eq!(told.is_empty(), kept, "{promise}, {before} -> {after}: {told:#?}");
        assert!(told.iter().all(|told| told.contains("the one before") && told.contains(promise)), "{told:#?}");
    }
}

#[test]
fn a_promise_holds_for_the_change_that_takes_it_back() {
    for (was, is, kept) in [("backward", "", false), ("", "backward", false), ("forward", "backward", false)] {
        let told = codes(&object(was, "a, b"), &[], &object(is, "a"));
        assert_eq!(told.is_empty(), kept, "{was} -> {is}: {told:#?}");
    }
    // Alone it may go.
    assert_eq!(codes(&object("full", "a"), &[], &object("", "a")), Vec::<String>::new());
}

#[test]
fn a_transitive_promise_counts_every_state() {
    let (first, second) = (object("", "a, b, c"), object("", "a, b"));
    let now = |promise| object(promise, "a, b");
    assert_eq!(codes(&second, &[&first], &now("backward")), Vec::<String>::new());
    let told = codes(&second, &[&first], &now("backward-transitive"));
    let [told] = told.as_slice() else { panic!("once: {told:#?}") };
    assert!(told.contains("an earlier one"), "{told}");
    assert!(looks_back(&second, &now("full-transitive")) && !looks_back(&second, &now("full")));
    assert!(looks_back(&now("full-transitive"), &second), "until now it was promised");
}

/// An event interface with this promise, and a type whose data is said by a schema.
fn events(promise: &str, kind: &str, schema: &str) -> Fabric {
    let promise = if promise.is_empty() { String::new() } else { format!("compatibility: {promise}\n") };
    let text = format!(
        "kind: Interface\nname: checks\ntype: event\nversion: 1.0\nowner: it\n{promise}events: {{{kind}: {{schema: check.yaml}}}}"
    );
    let mut sources = Sources::of("checks.yaml", &text);
    sources.insert("check.yaml", schema);
    let reading = read(&sources);
    assert!(reading.findings.is_empty(), "{:#?}", reading.findings);
    reading.fabric
}

#[test]
fn what_events_carry_is_held_to_the_promise() {
    let (kind, two, one) = ("quality.check.passed", "enum: [1, 2]", "enum: [1]");
    for (promise, before, after, kept) in [
        ("backward", (kind, one), (kind, two), true),
        ("backward", (kind, two), (kind, one), false),
        ("forward", (kind, one), (kind, two), false),
        ("forward", (kind, two), (kind, one), true),
        ("full", (kind, two), (kind, two), true),
        ("forward", (kind, one), ("quality.check.failed", one), false),
        ("", (kind, two), (kind, one), true),
    ] {
        let told = codes(&events(promise, before.0, before.1), &[], &events(promise, after.0, after.1));
        assert_eq!(told.is_empty(), kept, "{promise}, {before:?} -> {after:?}: {told:#?}");
        assert!(told.iter().all(|told| told.contains("checks@1") && told.contains("event quality")), "{told:#?}");
    }
}

#[test]
fn what_is_promised_is_compared_and_is_no_break() {
    use crate::compare::fabrics;
    for (was, is, expected) in [
        ("", "full", "object.compatibility.tightened"),
        ("backward", "full", "object.compatibility.tightened"),
        ("full", "full-transitive", "object.compatibility.tightened"),
        ("full", "", "object.compatibility.loosened"),
        ("full-transitive", "full", "object.compatibility.loosened"),
        ("backward", "forward", "object.compatibility.loosened"),
    ] {
        let found = fabrics(&object(was, "a"), &object(is, "a"));
        let codes: Vec<&str> = found.iter().map(|difference| difference.class.code).collect();
        assert_eq!(codes, [expected], "{was} -> {is}");
    }
    let (was, is) = (object("full", "a"), object("", "a"));
    assert_eq!(Compatibility::of_fabrics(&was, &is).len(), 0, "its states go together as before");
}
