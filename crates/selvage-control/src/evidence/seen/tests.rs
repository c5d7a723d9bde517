//! A clock that jumps ahead and goes back makes no release older than it is, and loses no change.

use serde_json::{Value, json};

use super::*;

fn at(minute: u32) -> Timestamp {
    format!("2027-06-01T12:{minute:02}:00Z").parse().unwrap()
}

fn release(number: u32, minute: u32) -> SignedRelease {
    SignedRelease {
        id: format!("rel_{number}"),
        domain: "plant-ghent".parse().unwrap(),
        change: format!("chg_{number}"),
        content: json!({}),
        key: "rk_1".to_owned(),
        signature: Vec::new(),
        recorded: at(minute),
        by: "m.dewit".to_owned(),
        unproven: false,
    }
}

fn entry(seq: u64, minute: u32, action: &str, subject: &str, detail: Value) -> LedgerEntry {
    LedgerEntry {
        seq,
        at: at(minute),
        actor: "m.dewit".to_owned(),
        entered_as: "m.dewit".to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        entered: detail.clone(),
        detail,
        previous: [0; 32],
        hash: [0; 32],
    }
}

#[test]
fn releases_follow_their_count_and_not_the_clock() {
    // The clock was half an hour ahead when the first was made.
    let all = || vec![release(1, 40), release(2, 12)];
    for (minute, expected) in [(11, None), (12, Some("rel_2")), (45, Some("rel_2"))] {
        let last = last_of(all(), at(minute));
        assert_eq!(last.values().next().map(String::as_str), expected, "{minute}");
    }
}

#[test]
fn what_was_activated_leads_to_the_change_that_made_it_whatever_the_clock_was() {
    let made = |release: &str, change: &str| (release.to_owned(), json!({"change": change, "domain": "plant-ghent"}));
    let activated = json!({"release": "rel_1", "domain": "plant-ghent"});
    let (first, of_first) = made("rel_1", "chg_1");
    let (again, of_again) = made("rel_1", "chg_2");
    let entries = [
        entry(1, 40, "release.made", &first, of_first),
        entry(2, 11, "release.activated", "prod", activated.clone()),
        // The same files are released again later, by another change.
        entry(3, 12, "release.made", &again, of_again),
    ];
    let asked = Asked {
        about: About::Control(None),
        from: at(11),
        to: at(11),
        environment: None,
        by: None,
        keep_until: None,
        most: None,
    };
    let releases = [release(1, 40), SignedRelease { change: "chg_2".to_owned(), ..release(1, 12) }];
    let found = in_play(&entries, &asked, &releases);
    assert_eq!(found, BTreeSet::from(["chg_1".to_owned()]));
    // What was made before there was a ledger of it is known by the releases.
    let alone = [entry(1, 11, "release.activated", "prod", activated)];
    assert_eq!(in_play(&alone, &asked, &releases[..1]), BTreeSet::from(["chg_1".to_owned()]));
}
