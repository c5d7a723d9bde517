//! Somebody is erased, and the chain stays whole; a name that is exchanged or removed in another way is found.

use std::time::Duration;

use selvage_model::access::{GrantTerms, Principal};
use selvage_model::change::{DecisionVerdict, Delegation, Need, Report, Requirement, Seat};
use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::{LedgerFault, NewAccessRequest, NewChange, NewKey, Store, StoreError};

both!(
    nothing_leads_to_somebody_who_was_erased,
    a_name_that_was_exchanged_is_found,
    a_name_that_stands_in_details_alone_is_missed_too,
    entries_of_before_stay_and_are_counted,
);

const PETIT: &str = "m.petit";

fn terms() -> GrantTerms {
    GrantTerms::whole(["list"])
}

/// What was found about a change, with a name in it.
fn naming_somebody() -> Report {
    Report {
        findings: vec![json!({
            "code": "FAB2100", "severity": "warning", "place": "a.yaml:1:1", "fix": "ask m.petit.",
            "message": "`m.petit` alone sits there",
        })],
        differences: vec![json!({
            "code": "domain.board", "verdict": "unproven", "at": "board", "place": "a.yaml:1:1", "interface": null,
            "because": "m.petit sat there", "before": "[b.novak, m.petit]", "after": "[b.novak]", "operations": [], "attributes": [],
        })],
        ..Report::default()
    }
}

/// A store in which somebody did something of most kinds.
async fn busy(stage: &Stage) -> Store {
    let store = stage.open().await;
    let seat = Seat {
        name: "security".to_owned(),
        board: Some("group".parse().unwrap()),
        people: vec![PETIT.to_owned(), "b.novak".to_owned()],
    };
    let need = Need::Board { domain: "group".parse().unwrap(), quorum: 1 };
    let new = NewChange {
        domain: "group".parse().unwrap(),
        title: "More".to_owned(),
        author: "b.novak".to_owned(),
        base: None,
        release: "rel_1".to_owned(),
        content: json!({}),
        emergency: false,
        report: naming_somebody(),
        requirements: vec![Requirement { need, because: Vec::new(), seats: vec![seat] }],
    };
    let change = store.propose(&new).await.unwrap();
    store.decide_change(&change.id, 1, PETIT, DecisionVerdict::Approve, "it is well").await.unwrap();
    store.propose(&NewChange { author: PETIT.to_owned(), ..new }).await.unwrap();
    let (consumer, interface) = ("shop".parse().unwrap(), "orders@1".parse().unwrap());
    let asked = NewAccessRequest {
        consumer: "shop".parse().unwrap(),
        interface: "orders@1".parse().unwrap(),
        terms: terms(),
        findings: json!([]),
        by: PETIT.to_owned(),
    };
    store.request_access(&asked).await.unwrap();
    store
        .break_glass((&consumer, &interface), &terms(), Duration::from_secs(60), (PETIT, "the line stands"))
        .await
        .unwrap();
    let until = "2099-01-01T00:00:00Z".parse().unwrap();
    store.start_recertification(("all", until), &[], PETIT).await.unwrap();
    let key = NewKey {
        principal: Principal::Operator(PETIT.to_owned()),
        hash: selvage_model::access::KeyHash([7; 32]),
        expires: None,
    };
    store.issue_key(key, "b.novak").await.unwrap();
    let lent = Delegation {
        id: String::new(),
        domain: "group".parse().unwrap(),
        discipline: "security".to_owned(),
        from: "b.novak".to_owned(),
        to: PETIT.to_owned(),
        until,
        unproven: false,
    };
    store.delegate(&lent).await.unwrap();
    store.record_release("rel_0", &json!({}), PETIT).await.unwrap();
    store.activate(&"dev".parse().unwrap(), "rel_0", PETIT).await.unwrap();
    store
}

/// Everything that a store holds, as text.
pub(super) async fn everything(store: &Store) -> String {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("backup");
    store.back_up(&mut std::fs::File::create(&path).unwrap()).await.unwrap();
    std::fs::read_to_string(path).unwrap()
}

async fn nothing_leads_to_somebody_who_was_erased(stage: &Stage) {
    let store = busy(stage).await;
    assert!(everything(&store).await.contains(PETIT));
    let acts = |entries: Vec<crate::LedgerEntry>, by: &str| entries.iter().filter(|entry| entry.actor == by).count();
    let before = store.verify_ledger().await.unwrap();
    let (entries, revision) = (store.ledger(1, 1000).await.unwrap(), store.access_revision().await.unwrap());
    let petit = acts(entries, PETIT);
    assert!(before.is_whole() && petit >= 7, "{before:?}, {petit}");

    let erased = store.erase_person(PETIT, "b.novak", "they asked for it").await.unwrap();
    assert_eq!((erased.in_the_clear, erased.mentioned), (0, 0), "{erased:?}");
    let left = everything(&store).await;
    assert!(!left.contains(PETIT), "{:?}", left.lines().find(|line| line.contains(PETIT)));
    let after = store.verify_ledger().await.unwrap();
    assert!(after.is_whole() && after.entries == before.entries + 1, "{after:?}");
    let entries = store.ledger(1, 1000).await.unwrap();
    assert_eq!(acts(entries.clone(), &erased.shown), petit);
    let last = entries.last().unwrap();
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("person.erased", "b.novak"));
    assert!(entries.iter().all(|entry| entry.holds()));
    // What they said still counts, and their key opens nothing more.
    let change = &store.changes().await.unwrap()[0];
    assert_eq!(change.decisions[0].person, erased.shown);
    assert!(change.requirements[0].seats[0].people.contains(&erased.shown));
    // What was found about the change reads as before, of somebody without a name.
    let finding = &change.report.findings[0];
    assert_eq!(finding["message"], format!("`{}` alone sits there", erased.shown));
    assert_eq!((&finding["place"], &finding["fix"]), (&json!("a.yaml:1:1"), &json!(format!("ask {}.", erased.shown))));
    assert_eq!(change.report.differences[0]["before"], format!("[b.novak, {}]", erased.shown));
    assert!(store.access_state().await.unwrap().credentials.iter().all(|key| key.revoked.is_some()));
    assert!(store.access_revision().await.unwrap() > revision);
    let again = store.erase_person(PETIT, "b.novak", "again").await.unwrap_err();
    assert!(matches!(again, StoreError::NotFound { what: "person", .. }), "{again}");
    // Somebody of the same name is somebody else.
    store.record_release("rel_2", &json!({}), PETIT).await.unwrap();
    assert_eq!(acts(store.ledger(1, 1000).await.unwrap(), PETIT), 1);
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn a_name_that_was_exchanged_is_found(stage: &Stage) {
    let store = busy(stage).await;
    let pseudonym = store.people().await.unwrap().into_iter().find(|it| it.shown() == PETIT).unwrap().pseudonym;
    tamper(&store, "UPDATE person SET name = 's.okafor' WHERE name = 'm.petit'").await;
    let faults = store.verify_ledger().await.unwrap().faults;
    assert_eq!(faults, [LedgerFault::Renamed { pseudonym: pseudonym.clone() }]);
    tamper(&store, "UPDATE person SET name = NULL, salt = NULL WHERE name = 's.okafor'").await;
    let faults = store.verify_ledger().await.unwrap().faults;
    assert_eq!(faults, [LedgerFault::Nameless { pseudonym: pseudonym.clone() }]);
    tamper(&store, "DELETE FROM person WHERE name IS NULL").await;
    let faults = store.verify_ledger().await.unwrap().faults;
    assert_eq!(faults, [LedgerFault::Nameless { pseudonym }]);
}

/// Somebody who did nothing, and to whom a seat was lent.
async fn a_name_that_stands_in_details_alone_is_missed_too(stage: &Stage) {
    let store = stage.open().await;
    let lent = Delegation {
        id: String::new(),
        domain: "group".parse().unwrap(),
        discipline: "security".to_owned(),
        from: "b.novak".to_owned(),
        to: "deputy".to_owned(),
        until: "2099-01-01T00:00:00Z".parse().unwrap(),
        unproven: false,
    };
    store.delegate(&lent).await.unwrap();
    assert!(store.verify_ledger().await.unwrap().is_whole());
    let pseudonym = store.people().await.unwrap().into_iter().find(|it| it.shown() == "deputy").unwrap().pseudonym;
    tamper(&store, "DELETE FROM person WHERE name = 'deputy'").await;
    assert_eq!(store.verify_ledger().await.unwrap().faults, [LedgerFault::Nameless { pseudonym }]);
}

async fn entries_of_before_stay_and_are_counted(stage: &Stage) {
    let store = busy(stage).await;
    // As a binary of before wrote it: its hash is of no matter here.
    tamper(
        &store,
        "INSERT INTO ledger (seq, entered_at, actor, action, subject, detail, previous_hash, entry_hash) \
         SELECT 9999, 1, 'm.petit', 'release.recorded', 'rel_9', '{\"because\":\"m.petit said so\"}', previous_hash, entry_hash \
         FROM ledger WHERE seq = 1",
    )
    .await;
    let erased = store.erase_person(PETIT, "b.novak", "they asked for it").await.unwrap();
    assert_eq!((erased.in_the_clear, erased.mentioned), (1, 1), "{erased:?}");
    let old = store.ledger(9999, 1).await.unwrap().remove(0);
    assert_eq!(old.actor, PETIT, "nothing can be changed in it");
    let unknown = store.erase_person("nobody.at.all", "b.novak", "x").await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound { what: "person", .. }), "{unknown}");
    assert!(store.people().await.unwrap().iter().all(|it| it.shown() != "nobody.at.all"));
}
