//! Releases of another store: taken over whole or not at all, once; and what that store saw of them, as of each moment.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::change::{Change, ChangeState, Decision, DecisionVerdict, Need, Report, Requirement, Seat};
use selvage_model::name::DomainName;
use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::{
    AppliedImport, AskedAccess, NewActivation, NewChange, NewImport, Ran, Receipt, SignedRelease, Spell, Store,
    StoreError,
};

both!(
    a_release_of_another_store_is_taken_over_once,
    what_does_not_follow_is_not_taken_over,
    somebody_of_another_store_is_erased_too,
    what_was_seen_here_is_told_as_it_was,
);

const FROM: &str = "rk_other";

fn group() -> DomainName {
    DomainName::group()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn change(id: &str, base: Option<&str>, release: &str) -> Change {
    let seats = vec![Seat { name: "security".to_owned(), board: Some(group()), people: vec!["s.okafor".to_owned()] }];
    let need = Need::Board { domain: group(), quorum: 1 };
    Change {
        id: id.to_owned(),
        domain: group(),
        title: "More of it".to_owned(),
        author: "a.lindqvist".to_owned(),
        version: 2,
        base: base.map(str::to_owned),
        release: release.to_owned(),
        state: ChangeState::Released,
        emergency: false,
        ratify_until: None,
        ratified_late: None,
        report: Report { risk: "safe".to_owned(), ..Report::default() },
        requirements: vec![Requirement { need, because: vec!["a second pair of eyes".to_owned()], seats }],
        proposed: at(0),
        changed: at(9),
        decisions: vec![Decision {
            person: "s.okafor".to_owned(),
            version: 2,
            verdict: DecisionVerdict::Approve,
            because: "it is well".to_owned(),
            at: at(5),
            unproven: true,
        }],
    }
}

fn release(change: &Change) -> SignedRelease {
    SignedRelease {
        id: change.release.clone(),
        domain: change.domain.clone(),
        change: change.id.clone(),
        content: json!({"fabric.yaml": "kind: Fabric\n"}),
        key: "rk_1".to_owned(),
        signature: vec![7; 64],
        recorded: at(9),
        by: "m.petit".to_owned(),
        unproven: false,
    }
}

fn receipt(environment: &str, seconds: u64) -> Receipt {
    let spell = Spell { from: at(10), to: None, gone_back_from: false, gone_back_to: false, gates: json!([]) };
    let ran = Ran { first: at(11), last: at(12), seconds };
    Receipt { environment: environment.parse().unwrap(), spells: vec![spell], ran: Some(ran) }
}

async fn take_over(
    store: &Store,
    change: &Change,
    seen: i64,
    receipts: &[Receipt],
) -> Result<AppliedImport, StoreError> {
    let (release, digest) = (release(change), "abc");
    let new = NewImport { change, release: &release, from: FROM, seen: at(seen), receipts, digest, by: "p.moreau" };
    store.import_release(&new).await
}

async fn actions(store: &Store) -> Vec<String> {
    store.ledger(2, 100).await.unwrap().into_iter().map(|entry| entry.action).collect()
}

async fn a_release_of_another_store_is_taken_over_once(stage: &Stage) {
    let store = stage.open().await;
    let new = change("chg_1", None, "rel_1");
    let applied = take_over(&store, &new, 20, &[receipt("test", 1)]).await.unwrap();
    assert_eq!(applied, AppliedImport { is_new: true, receipts: 1 });
    let here = store.change("chg_1").await.unwrap();
    assert_eq!(Change { changed: here.changed, ..new.clone() }, here, "it is what it was there");
    let kept = store.signed_release("rel_1").await.unwrap().unwrap();
    assert_eq!(SignedRelease { recorded: kept.recorded, ..release(&new) }, kept);
    assert!(kept.recorded > at(-100_000_000) && kept.recorded != at(9), "it is here since now");
    assert_eq!(store.head(&group()).await.unwrap().as_deref(), Some("rel_1"));
    let imports = store.release_imports().await.unwrap();
    assert_eq!((imports.len(), imports[0].from.as_str(), imports[0].by.as_str()), (1, FROM, "p.moreau"));

    // Again is no change, and what is newer counts; what is older does not.
    let again = take_over(&store, &new, 20, &[receipt("test", 1)]).await.unwrap();
    assert_eq!(again, AppliedImport { is_new: false, receipts: 0 });
    for (seen, seconds) in [(30, 8), (25, 4)] {
        let newer = take_over(&store, &new, seen, &[receipt("test", seconds), receipt("dev", 1)]).await.unwrap();
        assert_eq!(newer, AppliedImport { is_new: false, receipts: 2 });
    }
    let receipts = store.receipts_of(&group(), "rel_1").await.unwrap();
    let told: Vec<_> = receipts.iter().map(|it| (it.receipt.environment.as_str(), it.seen)).collect();
    assert_eq!(told, [("dev", at(30)), ("test", at(30))]);
    assert_eq!(receipts[1].receipt, receipt("test", 8));
    let expected = ["release.imported", "release.receipts-imported", "release.receipts-imported"];
    assert_eq!(actions(&store).await, expected);
    let entries = store.ledger(2, 1).await.unwrap();
    assert_eq!(entries[0].detail["decisions"][0]["who"], "s.okafor", "{:#}", entries[0].detail);
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn what_does_not_follow_is_not_taken_over(stage: &Stage) {
    let store = stage.open().await;
    let first = change("chg_1", None, "rel_1");
    take_over(&store, &first, 20, &[]).await.unwrap();
    let before = actions(&store).await;
    for base in [None, Some("rel_9")] {
        let refused = take_over(&store, &change("chg_2", base, "rel_2"), 20, &[receipt("test", 1)]).await.unwrap_err();
        assert!(matches!(&refused, StoreError::ChangeStale { head: Some(head), .. } if head == "rel_1"), "{refused}");
    }
    // A change of this id is something else here.
    let refused = take_over(&store, &change("chg_1", None, "rel_2"), 20, &[receipt("test", 1)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ChangeStands { .. }), "{refused}");
    let new = NewChange {
        domain: group(),
        title: "Open".to_owned(),
        author: "ann".to_owned(),
        base: Some("rel_1".to_owned()),
        release: "rel_3".to_owned(),
        content: json!({}),
        emergency: false,
        report: Report::default(),
        requirements: Vec::new(),
    };
    let open = store.propose(&new).await.unwrap();
    let refused = take_over(&store, &change(&open.id, Some("rel_1"), "rel_3"), 20, &[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ChangeStands { state: ChangeState::Open, .. }), "{refused}");
    assert_eq!(actions(&store).await.len(), before.len() + 1);
    assert!(store.receipts_of(&group(), "rel_2").await.unwrap().is_empty());
    // What follows is taken over.
    take_over(&store, &change("chg_2", Some("rel_1"), "rel_2"), 20, &[]).await.unwrap();
    assert_eq!(store.head(&group()).await.unwrap().as_deref(), Some("rel_2"));
}

async fn somebody_of_another_store_is_erased_too(stage: &Stage) {
    let store = stage.open().await;
    let first = change("chg_1", None, "rel_1");
    take_over(&store, &first, 20, &[]).await.unwrap();
    for name in ["s.okafor", "a.lindqvist", "m.petit", "p.moreau"] {
        assert!(super::person::everything(&store).await.contains(name), "{name}");
        store.erase_person(name, "b.novak", "they asked for it").await.unwrap();
        assert!(!super::person::everything(&store).await.contains(name), "{name}");
    }
    // The same package brings nobody back.
    let again = take_over(&store, &first, 20, &[]).await.unwrap();
    assert_eq!(again, AppliedImport { is_new: false, receipts: 0 });
    assert!(!super::person::everything(&store).await.contains("s.okafor"));
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn what_was_seen_here_is_told_as_it_was(stage: &Stage) {
    let store = stage.open().await;
    for (id, base, release) in [("chg_1", None, "rel_1"), ("chg_2", Some("rel_1"), "rel_2")] {
        take_over(&store, &change(id, base, release), 20, &[]).await.unwrap();
    }
    let activate = async |release: &str, environment: &str, seen: u64, is_rollback: bool| {
        let new = NewActivation {
            environment: &environment.parse().unwrap(),
            domain: &group(),
            release,
            by: "a.lindqvist",
            because: "it is time",
            gates: &json!([{"gate": "after", "open": true, "saw": "all"}]),
            is_rollback,
            seen,
            asks: &AskedAccess::default(),
        };
        store.activate_domain(&new).await.unwrap();
    };
    activate("rel_1", "test", 0, false).await;
    activate("rel_2", "test", 1, false).await;
    activate("rel_1", "test", 2, true).await;
    activate("rel_1", "prod", 3, false).await;
    let runs = BTreeMap::from([(group(), "rel_1".to_owned())]);
    store.note_runs(&"test".parse().unwrap(), &runs).await.unwrap();
    tamper(&store, "UPDATE release_run SET ran_for = 7000000").await;

    let (now, first) = store.receipts_here(&group(), "rel_1").await.unwrap();
    let environments: Vec<&str> = first.iter().map(|it| it.environment.as_str()).collect();
    assert_eq!(environments, ["prod", "test"]);
    assert_eq!((first[0].ran.as_ref(), first[0].spells.len()), (None, 1));
    let [one, two] = first[1].spells.as_slice() else { panic!("{first:#?}") };
    assert!(one.to.is_some() && !one.gone_back_from && !one.gone_back_to, "another one followed: {one:?}");
    assert!(two.to.is_none() && two.gone_back_to && two.from >= one.to.unwrap(), "it was gone back to: {two:?}");
    assert_eq!(one.gates[0]["saw"], "all");
    assert_eq!(first[1].ran.as_ref().map(|ran| ran.seconds), Some(7));
    assert!(first[1].active_for(now) < Duration::from_secs(60));
    let (_, second) = store.receipts_here(&group(), "rel_2").await.unwrap();
    let [test] = second.as_slice() else { panic!("{second:#?}") };
    assert!(test.spells[0].gone_back_from && test.ran.is_none(), "{test:?}");
    let nobody = ["a.lindqvist", "it is time"].map(|word| json!([first, second]).to_string().contains(word));
    assert_eq!(nobody, [false, false], "nobody is named");
}
