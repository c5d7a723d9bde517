//! The ledger is one chain, whoever writes; whatever is done to it afterwards is found.

use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::{LedgerFault, Store, TokensAsked};

both!(
    it_is_chained_from_the_first_entry,
    many_writers_make_one_chain,
    an_altered_entry_is_found,
    a_removed_entry_is_found,
    a_cut_off_tail_is_found,
    an_inserted_entry_is_found,
    an_exchanged_entry_is_found,
    a_lost_head_is_found,
    an_emptied_ledger_is_found,
    requests_for_tokens_are_entered_by_client_and_outcome,
);

async fn written(stage: &Stage) -> Store {
    let store = stage.open().await;
    for number in 0..9 {
        store.record_release(&format!("rel_{number}"), &json!({}), "a.lead").await.unwrap();
    }
    let check = store.verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
    assert_eq!(check.entries, 10);
    store
}

async fn faults_after(stage: &Stage, harm: &'static str) -> Vec<LedgerFault> {
    let store = written(stage).await;
    tamper(&store, harm).await;
    store.verify_ledger().await.unwrap().faults
}

async fn it_is_chained_from_the_first_entry(stage: &Stage) {
    let store = written(stage).await;
    let entries = store.ledger(1, 100).await.unwrap();
    assert_eq!((entries[0].seq, entries[0].action.as_str(), entries[0].previous), (1, "store.created", [0; 32]));
    for pair in entries.windows(2) {
        assert_eq!(pair[1].previous, pair[0].hash);
        assert!(pair[1].at >= pair[0].at);
    }
    let page: Vec<_> = store.ledger(4, 3).await.unwrap().into_iter().map(|entry| entry.seq).collect();
    assert_eq!(page, [4, 5, 6]);
    assert_eq!(store.verify_ledger().await.unwrap().head, entries.last().unwrap().hash);
}

async fn many_writers_make_one_chain(stage: &Stage) {
    let handles = [stage.open().await, stage.open().await];
    let writers: Vec<_> = (0..40)
        .map(|number| {
            let store = handles[number % 2].clone();
            tokio::spawn(async move {
                store.record_release(&format!("rel_{number}"), &json!({}), "a.lead").await.unwrap();
                let environment = if number % 3 == 0 { "dev" } else { "test" };
                store.activate(&environment.parse().unwrap(), &format!("rel_{number}"), "a.lead").await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let check = handles[0].verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
    assert_eq!(check.entries, 81);
}

async fn an_altered_entry_is_found(stage: &Stage) {
    let store = written(stage).await;
    for (seq, harm) in [
        (3, "UPDATE ledger SET actor = 'nobody' WHERE seq = 3"),
        (4, "UPDATE ledger SET entered_at = entered_at + 1 WHERE seq = 4"),
        (5, "UPDATE ledger SET detail = '{ }' WHERE seq = 5"),
        (6, "UPDATE ledger SET action = 'release.recordedr', subject = 'el_4' WHERE seq = 6"),
    ] {
        tamper(&store, harm).await;
        let faults = store.verify_ledger().await.unwrap().faults;
        assert_eq!(faults.last(), Some(&LedgerFault::Altered { seq }), "{harm}");
        assert_eq!(faults.len() as u64, seq - 2, "{harm}");
    }
}

async fn a_removed_entry_is_found(stage: &Stage) {
    let faults = faults_after(stage, "DELETE FROM ledger WHERE seq IN (4, 5)").await;
    assert_eq!(faults, [LedgerFault::Missing { from: 4, to: 5 }]);
}

async fn a_cut_off_tail_is_found(stage: &Stage) {
    let faults = faults_after(stage, "DELETE FROM ledger WHERE seq > 7").await;
    assert_eq!(faults, [LedgerFault::CutOff { expected: 10, found: 7 }]);
}

async fn an_inserted_entry_is_found(stage: &Stage) {
    let harm = "INSERT INTO ledger SELECT 11, entered_at, actor, action, subject, detail, entry_hash, entry_hash \
                FROM ledger WHERE seq = 10";
    let faults = faults_after(stage, harm).await;
    assert_eq!(faults, [LedgerFault::Altered { seq: 11 }, LedgerFault::Added { from: 11 }]);
}

/// An entry with a hash of its own making passes for itself, and breaks the chain at the next.
async fn an_exchanged_entry_is_found(stage: &Stage) {
    let store = written(stage).await;
    let entry = store.ledger(4, 1).await.unwrap().remove(0);
    let forged = crate::ledger::entry::Draft {
        seq: 4,
        at: entry.at.as_microsecond(),
        actor: "nobody",
        action: &entry.action,
        subject: &entry.subject,
        detail: &entry.detail.to_string(),
        previous: entry.previous,
    };
    forge(&store, forged.hash()).await;
    assert_eq!(store.verify_ledger().await.unwrap().faults, [LedgerFault::Unlinked { seq: 5 }]);
}

async fn forge(store: &Store, hash: [u8; 32]) {
    let forge = crate::statement::Sql {
        sqlite: "UPDATE ledger SET actor = 'nobody', entry_hash = $1 WHERE seq = 4",
        postgres: "UPDATE ledger SET actor = 'nobody', entry_hash = $1 WHERE seq = 4",
    };
    let mut transaction = store.database.write().await.unwrap();
    transaction.run(forge, crate::value::bind![hash]).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn a_lost_head_is_found(stage: &Stage) {
    assert_eq!(faults_after(stage, "DELETE FROM ledger_head").await, [LedgerFault::Head]);
}

/// Every store begins with an entry: one without any was emptied, whatever its head says.
async fn an_emptied_ledger_is_found(stage: &Stage) {
    let store = written(stage).await;
    tamper(&store, "DELETE FROM ledger").await;
    tamper(&store, "UPDATE ledger_head SET entries = 0").await;
    set_head_to_origin(&store).await;
    assert_eq!(store.verify_ledger().await.unwrap().faults, [LedgerFault::Unbegun]);
    // What is entered from then on begins a chain, and not a store.
    store.record_release("rel_new", &json!({}), "a.lead").await.unwrap();
    assert_eq!(store.verify_ledger().await.unwrap().faults, [LedgerFault::Unbegun]);
}

async fn set_head_to_origin(store: &Store) {
    const HEAD: &str = "UPDATE ledger_head SET entry_hash = $1 WHERE id = 1";
    let mut transaction = store.database.write().await.unwrap();
    let head = crate::statement::Sql { sqlite: HEAD, postgres: HEAD };
    transaction.run(head, crate::value::bind![crate::ledger::ORIGIN]).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn requests_for_tokens_are_entered_by_client_and_outcome(stage: &Stage) {
    let store = stage.open().await;
    let at = "2026-11-23T06:00:00Z".parse().unwrap();
    let asked = |consumer: Option<&str>, key: Option<&str>, refused: Option<&str>, count| TokensAsked {
        consumer: consumer.map(str::to_owned),
        key: key.map(str::to_owned),
        refused: refused.map(str::to_owned),
        count,
        first: at,
        last: at,
    };
    let both = [asked(Some("mes-ghent"), Some("key_1"), None, 17), asked(None, None, Some("FAB4093"), 3)];
    store.enter_tokens("node-a", &both).await.unwrap();
    let entries = store.ledger(2, 10).await.unwrap();
    let said: Vec<_> = entries.iter().map(|it| (it.actor.as_str(), it.action.as_str(), it.subject.as_str())).collect();
    assert_eq!(said, [("mes-ghent", "token.issued", "key_1"), ("unknown", "token.refused", "unknown")]);
    let detail =
        json!({"node": "node-a", "first": "2026-11-23T06:00:00Z", "last": "2026-11-23T06:00:00Z", "tokens": 17});
    assert_eq!(entries[0].detail, detail);
    assert_eq!((&entries[1].detail["code"], &entries[1].detail["requests"]), (&json!("FAB4093"), &json!(3)));
    assert!(store.verify_ledger().await.unwrap().is_whole());
}
