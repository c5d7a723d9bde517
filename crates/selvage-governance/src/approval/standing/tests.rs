//! How decisions fill seats, and what counts of them: tables. Nothing here asks a store.

use super::*;
use selvage_model::change::{ChangeState, Report};
use selvage_model::name::DomainName;

fn seat(name: &str, people: &[&str]) -> Seat {
    let people = people.iter().map(|person| (*person).to_owned()).collect();
    Seat { name: name.to_owned(), board: Some(DomainName::group()), people }
}

fn board(quorum: u32, seats: Vec<Seat>) -> Requirement {
    Requirement { need: Need::Board { domain: DomainName::group(), quorum }, because: vec!["x".to_owned()], seats }
}

fn change(requirements: Vec<Requirement>, said: &[(&str, DecisionVerdict, u32)]) -> Change {
    let at = Timestamp::UNIX_EPOCH;
    let decision = |(person, verdict, version): &(&str, DecisionVerdict, u32)| Decision {
        person: (*person).to_owned(),
        version: *version,
        verdict: *verdict,
        because: "because".to_owned(),
        at,
        unproven: false,
    };
    Change {
        id: "chg_1".to_owned(),
        domain: DomainName::group(),
        title: "t".to_owned(),
        author: "author".to_owned(),
        version: 2,
        base: None,
        release: "rel_1".to_owned(),
        state: ChangeState::Open,
        emergency: false,
        ratify_until: None,
        ratified_late: None,
        report: Report::default(),
        requirements,
        proposed: at,
        changed: at,
        decisions: said.iter().map(decision).collect(),
    }
}

fn sitting(delegations: Vec<Delegation>) -> Sitting {
    Sitting { now: Timestamp::from_second(5).unwrap(), delegations, proven_only: false }
}

/// How it stands, in words.
fn check(seats: Vec<Seat>, quorum: u32, said: &[(&str, DecisionVerdict, u32)], expected: &str) {
    let change = change(vec![board(quorum, seats)], said);
    let standing = standing(&change, &sitting(Vec::new()));
    let words = match (&standing.rejected, standing.open.first()) {
        (Some(decision), _) => format!("rejected by {}", decision.person),
        (None, Some(open)) => {
            let people: Vec<&str> = open.people.iter().map(String::as_str).collect();
            format!("{} of {quorum}, waits for {}", open.filled.len(), people.join(" "))
        }
        (None, None) => "approved".to_owned(),
    };
    assert_eq!(words, expected, "{said:?}");
}

use DecisionVerdict::{Abstain, Approve, Comment, Reject};

#[test]
fn decisions_fill_seats() {
    let two = || vec![seat("security", &["sam", "pat"]), seat("operations", &["pat", "author"])];
    check(two(), 1, &[], "0 of 1, waits for pat sam");
    check(two(), 1, &[("sam", Approve, 2)], "approved");
    check(two(), 1, &[("author", Approve, 2)], "0 of 1, waits for pat sam");
    check(two(), 1, &[("somebody", Approve, 2)], "0 of 1, waits for pat sam");
    // One of an earlier version is void.
    check(two(), 1, &[("sam", Approve, 1)], "0 of 1, waits for pat sam");
    // One person fills one seat; who could fill two makes room.
    check(two(), 2, &[("pat", Approve, 2)], "1 of 2, waits for sam");
    check(two(), 2, &[("pat", Approve, 2), ("sam", Approve, 2)], "approved");
    // The last word counts, and a comment is none.
    check(two(), 1, &[("sam", Approve, 2), ("sam", Abstain, 2)], "0 of 1, waits for pat");
    check(two(), 1, &[("sam", Approve, 2), ("sam", Comment, 2)], "approved");
    check(two(), 1, &[("sam", Approve, 2), ("pat", Reject, 2)], "rejected by pat");
    check(two(), 1, &[("sam", Reject, 2), ("sam", Approve, 2)], "approved");
    check(two(), 1, &[("somebody", Reject, 2)], "0 of 1, waits for pat sam");
    // Where nobody can sign, nothing is approved.
    check(Vec::new(), 1, &[("sam", Approve, 2)], "0 of 1, waits for ");
}

#[test]
fn three_people_for_three_seats_in_any_order() {
    let seats = || vec![seat("a", &["x", "y"]), seat("b", &["x"]), seat("c", &["y", "z"])];
    check(seats(), 3, &[("x", Approve, 2), ("y", Approve, 2), ("z", Approve, 2)], "approved");
    check(seats(), 3, &[("x", Approve, 2), ("y", Approve, 2)], "2 of 3, waits for z");
}

#[test]
fn a_seat_is_delegated_for_a_time_by_who_sits_on_it() {
    // The author, who sits on the seat beside sam, does not choose who signs.
    let delegation = |from: &str, until: i64| Delegation {
        id: "dlg_1".to_owned(),
        domain: DomainName::group(),
        discipline: "security".to_owned(),
        from: from.to_owned(),
        to: "deputy".to_owned(),
        until: Timestamp::from_second(until).unwrap(),
        unproven: false,
    };
    for (from, until, approved) in
        [("sam", 10, true), ("sam", 0, false), ("stranger", 10, false), ("author", 10, false)]
    {
        let change = change(vec![board(1, vec![seat("security", &["sam", "author"])])], &[("deputy", Approve, 2)]);
        let standing = standing(&change, &sitting(vec![delegation(from, until)]));
        assert_eq!(standing.is_approved(), approved, "{from} {until}");
    }
}

#[test]
fn a_name_approves_nothing_once_names_have_keys() {
    let one = || vec![board(1, vec![seat("security", &["sam", "pat"])])];
    let by_keys = Sitting { proven_only: true, ..sitting(Vec::new()) };
    let mut change = change(one(), &[("sam", Approve, 2)]);
    assert!(standing(&change, &by_keys).is_approved());
    for said in &mut change.decisions {
        said.unproven = true;
    }
    assert!(standing(&change, &sitting(Vec::new())).is_approved());
    let waits = standing(&change, &by_keys);
    assert!(!waits.is_approved() && waits.waits_for("sam"), "{waits:?}");
    // It was released while names counted.
    let released = Change { state: ChangeState::Released, ..change.clone() };
    assert!(standing(&released, &by_keys).is_approved());
    // Speaking against takes no key.
    for said in &mut change.decisions {
        said.verdict = Reject;
    }
    assert!(standing(&change, &by_keys).rejected.is_some());
}

#[test]
fn a_seat_that_a_name_lent_is_lent_to_nobody_once_names_have_keys() {
    let lent = Delegation {
        id: "dlg_1".to_owned(),
        domain: DomainName::group(),
        discipline: "security".to_owned(),
        from: "sam".to_owned(),
        to: "deputy".to_owned(),
        until: Timestamp::from_second(10).unwrap(),
        unproven: true,
    };
    let change = change(vec![board(1, vec![seat("security", &["sam"])])], &[("deputy", Approve, 2)]);
    let by_names = sitting(vec![lent.clone()]);
    assert!(standing(&change, &by_names).is_approved());
    let by_keys = Sitting { proven_only: true, ..by_names };
    assert!(!standing(&change, &by_keys).is_approved());
    let proven = Sitting { delegations: vec![Delegation { unproven: false, ..lent }], ..by_keys };
    assert!(standing(&change, &proven).is_approved());
    // It was released while names counted.
    let released = Change { state: ChangeState::Released, ..change };
    assert!(standing(&released, &by_keys).is_approved());
}
