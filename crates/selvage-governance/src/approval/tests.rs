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
