//! Whose approval a change takes: tables over two states of a small fabric. Nothing here decides.

use selvage_model::read::{Sources, read};

use super::*;
use crate::compare::fabrics;

const GROUP: &str = "kind: Fabric
name: velo
environments: {dev: {}}
---
kind: Domain
name: group
board: {architecture: [lead], security: [sam, lead], quorum: 2}
---
kind: Domain
name: ghent
board: {operations: [gus], quorum: 1}
---
kind: Domain
name: lone
board: {operations: [ann], quorum: 1}
";
const GHENT: &str = "kind: Team
name: ghent-it
roles: {owner: [mia]}
---
kind: Consumer
name: mes
owner: ghent-it
identity: {api_key: {}}
";

fn fabric(files: &[(&str, &str)]) -> Fabric {
    let mut sources = Sources::new();
    for (path, text) in files {
        sources.insert(*path, (*text).to_owned());
    }
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

/// The needs of a change of a domain by an author, with the people of each.
fn check(domain: &str, author: &str, before: &[(&str, &str)], after: &[(&str, &str)], expected: &[&str]) {
    let (before, after) = (fabric(before), fabric(after));
    let differences = fabrics(&before, &after);
    let found = requirements(&Proposed {
        domain: &domain.parse().unwrap(),
        author,
        before: &before,
        after: &after,
        differences: &differences,
        affected: &[],
        emergency: false,
        today: "2026-11-27".parse().unwrap(),
    });
    let words: Vec<String> = found
        .iter()
        .map(|requirement| {
            let people: BTreeSet<&str> =
                requirement.seats.iter().flat_map(|seat| &seat.people).map(String::as_str).collect();
            format!("{}: {}", requirement.need, people.into_iter().collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(words, expected, "{differences:#?}");
}

#[test]
fn a_change_never_needs_nobody() {
    let base = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", GHENT)];
    // Nothing but words: a second pair of eyes.
    check("ghent", "mia", &base, &base, &["the board of ghent: gus"]);
    // Where the only seat is the author's, the group's board signs, with its quorum.
    check("lone", "ann", &base, &base, &["2 disciplines of the board of group: lead sam"]);
}

#[test]
fn who_answers_for_a_consumer_signs_that_somebody_else_does() {
    let before = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", GHENT)];
    let moved = GHENT.replace("owner: ghent-it", "owner: lone");
    let after = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", moved.as_str())];
    check("ghent", "gus", &before, &after, &["who answers for mes: mia"]);
}

#[test]
fn a_seat_that_only_the_author_fills_is_nobody_elses_of_the_domain() {
    let rule =
        "---\nkind: ApprovalRule\nname: by-operations\nwhen: \"change.differences >= 0\"\nrequire: [operations]\n";
    let group = format!("{GROUP}{rule}");
    let base = [("fabric.yaml", group.as_str()), ("domains/ghent/it.yaml", GHENT)];
    check("ghent", "mia", &base, &base, &["operations on the board of ghent: gus"]);
    check("ghent", "gus", &base, &base, &["2 disciplines of the board of group: lead sam"]);
}

#[test]
fn a_rule_that_names_an_interface_is_asked_where_none_is_touched() {
    let rule = "---\nkind: ApprovalRule\nname: order\n\
                when: \"'organisation' in change.areas || interface.criticality == 'tier-1'\"\nrequire: [security]\n";
    let group = format!("{GROUP}{rule}");
    let before = [("fabric.yaml", group.as_str()), ("domains/ghent/it.yaml", GHENT)];
    let other = GHENT.replace("[mia]", "[mia, max]");
    let after = [("fabric.yaml", group.as_str()), ("domains/ghent/it.yaml", other.as_str())];
    // Ghent's board has no seat for security: the group's board stands in.
    let needs = ["the board of ghent: gus", "2 disciplines of the board of group: lead sam"];
    check("ghent", "mia", &before, &after, &needs);
}

const BRNO: &str = "kind: Team
name: brno-it
roles: {owner: [bo]}
---
kind: Interface
name: brno-stock
version: 1.0
owner: brno-it
type: event
description: what is there
lifecycle: active
events: {a.stock.moved: {object: item@1}}
---
kind: Consumer
name: brno-mes
owner: brno-it
identity: {api_key: {}}
";

fn waiver(on: &str, until: &str, approved_by: &str) -> String {
    format!("---\nkind: Waiver\nrule: FAB2129\non: {on}\nbecause: x\nuntil: {until}\napproved_by: [{approved_by}]\n")
}

#[test]
fn a_waiver_on_what_is_anothers_is_theirs_to_approve() {
    let base = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", GHENT), ("domains/brno/it.yaml", BRNO)];
    for (on, needs) in [
        ("brno-stock@1", vec!["an owner in brno-it: bo", "the board of brno: lead sam", "the board of ghent: gus"]),
        ("brno-mes", vec!["who answers for brno-mes: bo", "the board of ghent: gus"]),
    ] {
        let with = format!("{GHENT}{}", waiver(on, "2027-06-01", "owner"));
        let after = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", with.as_str()), ("domains/brno/it.yaml", BRNO)];
        check("ghent", "mia", &base, &after, &needs);
        // It ends sooner, or is gone: nobody has to approve that beside the owner of what it was on.
        let sooner = format!("{GHENT}{}", waiver(on, "2027-05-01", "owner"));
        let less = [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", sooner.as_str()), ("domains/brno/it.yaml", BRNO)];
        let needs: Vec<&str> = needs.into_iter().filter(|need| !need.contains("brno-mes")).collect();
        check("ghent", "mia", &after, &less, &needs);
    }
}

#[test]
fn who_a_waiver_names_has_approved_it() {
    let files = |approved_by: &str| format!("{GHENT}{}", waiver("mes", "2027-06-01", approved_by));
    let (owner, both, none) = (files("owner"), files("owner, security"), files("board"));
    let with = |text: &'static str| [("fabric.yaml", GROUP), ("domains/ghent/it.yaml", text)];
    let [owner, both, none] = [owner, both, none].map(|text| -> &'static str { text.leak() });
    let base = with(GHENT);
    let answers = "who answers for mes: mia";
    let board = "the board of ghent: gus";
    check("ghent", "gus", &base, &with(owner), &[answers, "2 disciplines of the board of group: lead sam"]);
    check("ghent", "max", &base, &with(owner), &[answers, board]);
    // Ghent's board has no seat for security: the group's board stands in, with its quorum.
    let group = "2 disciplines of the board of group: lead sam";
    check("ghent", "max", &base, &with(both), &[answers, board, group]);
    check("ghent", "max", &with(owner), &with(both), &[answers, board, group]);
    // Who is left out has a say in that.
    check("ghent", "max", &with(both), &with(none), &[answers, board, group]);
    check("ghent", "max", &with(both), &with(both), &[board]);
}

/// INVARIANT: APPROVED: a file is no way around who decides about a request for the same.
#[test]
fn a_grant_that_opens_what_is_guarded_takes_the_security_seat() {
    let group = GROUP.replace("environments: {dev: {}}", "environments: {dev: {}}\nclasses: [personal]");
    let stock = |data: &str| {
        let named = BRNO.replace(
            "lifecycle: active",
            &format!("lifecycle: active\nclassification: {{criticality: tier-2, data: {data}}}"),
        );
        format!(
            "{named}{}",
            "---\nkind: Grant\nconsumer: brno-mes\ninterface: brno-stock@1\noperations: [read, subscribe]\npurpose: Plans\n"
        )
    };
    let without = |text: &str| text.split("---\nkind: Grant").next().unwrap().to_owned();
    let (internal, restricted) = (stock("internal"), stock("restricted"));
    let classes = internal.replace("purpose: Plans", "purpose: Plans\nclasses: [personal]");
    let less = restricted.replace("[read, subscribe]", "[read]");
    let owner = "an owner in brno-it: bo";
    // Brno has no board of its own: the group's seat decides, and for brno the group's board is asked as ever.
    let seat = "security on the board of group: lead sam";
    for (before, after, is_asked) in [
        (without(&internal), internal.clone(), false),
        (without(&internal), classes.clone(), true),
        (internal.clone(), classes.clone(), true),
        (without(&restricted), restricted.clone(), true),
        // It is less than there was, or the same.
        (restricted.clone(), less.clone(), false),
        (less, restricted.clone(), true),
        (classes, internal.clone(), false),
        // What makes the data less takes no grant along.
        (without(&restricted), internal.clone(), true),
    ] {
        let (before, after) = (
            fabric(&[("fabric.yaml", &group), ("domains/brno/it.yaml", &before)]),
            fabric(&[("fabric.yaml", &group), ("domains/brno/it.yaml", &after)]),
        );
        let differences = fabrics(&before, &after);
        let found = requirements(&Proposed {
            domain: &"brno".parse().unwrap(),
            author: "max",
            before: &before,
            after: &after,
            differences: &differences,
            affected: &[],
            emergency: false,
            today: "2026-11-27".parse().unwrap(),
        });
        let words: Vec<String> = found
            .iter()
            .map(|it| {
                let people: BTreeSet<&str> =
                    it.seats.iter().flat_map(|seat| &seat.people).map(String::as_str).collect();
                format!("{}: {}", it.need, people.into_iter().collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert!(words.iter().any(|word| word == owner), "{words:?}");
        assert_eq!(words.iter().any(|word| word == seat), is_asked, "{words:?} by {differences:#?}");
    }
}

#[test]
fn a_quorum_that_needs_the_author_is_anothers() {
    let lead = GROUP
        .replace("board: {operations: [gus], quorum: 1}", "board: {operations: [gus], security: [eve], quorum: 2}");
    let before = [("fabric.yaml", lead.as_str()), ("domains/ghent/it.yaml", GHENT)];
    let other = GHENT.replace("[mia]", "[mia, max]");
    let after = [("fabric.yaml", lead.as_str()), ("domains/ghent/it.yaml", other.as_str())];
    check("ghent", "mia", &before, &after, &["2 disciplines of the board of ghent: eve gus"]);
    check("ghent", "gus", &before, &after, &["2 disciplines of the board of group: lead sam"]);
}
