//! What an approval lacks of what a change took: as many seats as the board's quorum, each filled by another proven person.

use serde_json::{Value, json};

use super::*;
use selvage_model::change::{ChangeState, Need, Report};
use selvage_model::name::DomainName;

fn at(minute: u32) -> Timestamp {
    format!("2027-06-01T12:{minute:02}:00Z").parse().unwrap()
}

/// `+ann` approves, `-ann` rejects, `.ann` comments; `?` behind a name that nobody proved, `@1` behind what is said of an earlier version.
fn said(words: &str) -> Vec<Decision> {
    let one = |(minute, word): (u32, &str)| {
        let (verdict, name) = word.split_at(1);
        let verdict = match verdict {
            "+" => DecisionVerdict::Approve,
            "-" => DecisionVerdict::Reject,
            _ => DecisionVerdict::Comment,
        };
        let (name, version) = name.strip_suffix("@1").map_or((name, 2), |name| (name, 1));
        let (name, unproven) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        let (person, because) = (name.to_owned(), "well".to_owned());
        Decision { person, version, verdict, because, at: at(minute), unproven }
    };
    (10..).zip(words.split_whitespace()).map(one).collect()
}

fn change(need: Need, seats: &[(&str, &[&str])], words: &str) -> Change {
    let seat = |(name, people): &(&str, &[&str])| Seat {
        name: (*name).to_owned(),
        board: Some(DomainName::group()),
        people: people.iter().map(|name| (*name).to_owned()).collect(),
    };
    let seats = seats.iter().map(seat).collect();
    Change {
        id: "chg_1".to_owned(),
        domain: DomainName::group(),
        title: "more".to_owned(),
        author: "eve".to_owned(),
        version: 2,
        base: None,
        release: "rel_1".to_owned(),
        state: ChangeState::Released,
        emergency: false,
        ratify_until: None,
        ratified_late: None,
        report: Report::default(),
        requirements: vec![Requirement { need, because: vec!["the rule `grave`".to_owned()], seats }],
        proposed: at(1),
        changed: at(2),
        decisions: said(words),
    }
}

/// A seat that was lent.
fn lent(by: &str, to: &str, minute: u32, more: &Value) -> LedgerEntry {
    let mut detail = json!({
        "domain": "group", "discipline": "security", "to": to, "until": at(minute + 30).to_string(),
    });
    detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    LedgerEntry {
        seq: 1,
        at: at(minute),
        actor: by.to_owned(),
        entered_as: by.to_owned(),
        action: "board.delegated".to_owned(),
        subject: "dlg_1".to_owned(),
        entered: detail.clone(),
        detail,
        previous: [0; 32],
        hash: [0; 32],
    }
}

/// What is lacking, in a word.
fn told(entries: &[LedgerEntry], change: &Change) -> &'static str {
    match lacks(entries, change, &change.requirements[0]) {
        None => "nothing",
        Some(says) if says.starts_with("no approval of") => "none",
        Some(says) if says.starts_with("not enough approved of") => "too few",
        Some(says) if says.ends_with("rests on names that nobody proved") => "names",
        Some(says) => panic!("{says}"),
    }
}

#[test]
fn an_approval_takes_as_many_seats_as_the_board_asks_for() {
    let seats: &[(&str, &[&str])] =
        &[("security", &["ann", "eve"]), ("architecture", &["ben", "ann"]), ("business", &["cy"])];
    let board = |quorum| Need::Board { domain: DomainName::group(), quorum };
    for (quorum, words, expected) in [
        (1, "", "none"),
        (1, "+ann", "nothing"),
        (2, "+ann", "too few"),
        (2, "+ann +ben", "nothing"),
        (3, "+ann +ben", "too few"),
        (3, "+ann +ben +cy", "nothing"),
        // One person fills one seat, and who is not on the board none.
        (2, "+ann +ann", "too few"),
        (2, "+ann +dan", "too few"),
        // The author's own word, an earlier version's and a comment do not count.
        (1, "+eve", "none"),
        (1, "+ann@1", "none"),
        (1, ".ann", "none"),
        // The last word counts.
        (2, "+ann +ben -ann", "too few"),
        (2, "-ann +ann +ben", "nothing"),
        (2, "+ann +ben .ann", "nothing"),
        // Names that nobody proved fill no seat, and are told from approvals that are missing.
        (2, "+ann +ben?", "names"),
        (2, "+ann? +dan?", "too few"),
    ] {
        assert_eq!(told(&[], &change(board(quorum), seats, words)), expected, "{quorum} {words}");
    }
}

#[test]
fn a_discipline_takes_one_of_its_seat() {
    let seats: &[(&str, &[&str])] = &[("security", &["ann", "ben"])];
    let need = || Need::Discipline { domain: DomainName::group(), discipline: "security".to_owned() };
    for (words, expected) in
        [("", "none"), ("+cy", "too few"), ("+ben", "nothing"), ("+ben?", "names"), ("+ann? +ben", "nothing")]
    {
        assert_eq!(told(&[], &change(need(), seats, words)), expected, "{words}");
    }
}

#[test]
fn who_stood_in_for_a_seat_fills_it_while_it_was_lent() {
    let seats: &[(&str, &[&str])] = &[("security", &["ann", "eve"]), ("architecture", &["ben"])];
    let need = || Need::Board { domain: DomainName::group(), quorum: 2 };
    // `dan` says it at 12:11.
    let change = change(need(), seats, "+ben +dan");
    let nothing = json!({});
    for (entry, expected) in [
        (lent("ann", "dan", 5, &nothing), "nothing"),
        (lent("ann", "cy", 5, &nothing), "too few"),
        // Before it was lent, and after it was over.
        (lent("ann", "dan", 12, &nothing), "too few"),
        (lent("ann", "dan", 5, &json!({"until": at(11).to_string()})), "too few"),
        (lent("ann", "dan", 5, &json!({"until": "soon"})), "too few"),
        // By who does not sit there, by the author, of another seat or board.
        (lent("cy", "dan", 5, &nothing), "too few"),
        (lent("eve", "dan", 5, &nothing), "too few"),
        (lent("ann", "dan", 5, &json!({"discipline": "business"})), "too few"),
        (lent("ann", "dan", 5, &json!({"domain": "plant-ghent"})), "too few"),
        // By a name that nobody proved.
        (lent("ann", "dan", 5, &json!({"unproven": true})), "names"),
    ] {
        assert_eq!(told(std::slice::from_ref(&entry), &change), expected, "{:?}", entry.detail);
    }
    // What is lent from no board is not lent.
    let mut owners = change;
    owners.requirements[0].seats.iter_mut().for_each(|seat| seat.board = None);
    assert_eq!(told(&[lent("ann", "dan", 5, &nothing)], &owners), "too few");
}
