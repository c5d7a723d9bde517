//! Checkpoints find what a chain that was computed anew hides: who can write every row can make the ledger whole again, and cannot
//! make it fit what was signed.

use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::ledger::entry::Draft;
use crate::statement::Sql;
use crate::value::bind;
use crate::{Checkpoint, LedgerFault, LedgerHead, Store};

both!(
    checkpoints_are_kept_once,
    a_chain_that_was_computed_anew_is_found,
    a_cut_off_tail_is_found_whatever_the_head_says
);

async fn act(store: &Store, number: u32) {
    store.record_release(&format!("rel_{number}"), &json!({}), "ann").await.unwrap();
}

/// Ten entries, with the heads after the fourth and the eighth.
async fn written(stage: &Stage) -> (Store, Vec<LedgerHead>) {
    let store = stage.open().await;
    let mut heads = Vec::new();
    for number in 2..=10 {
        act(&store, number).await;
        if number % 4 == 0 {
            heads.push(store.ledger_head().await.unwrap());
        }
    }
    assert_eq!(heads.iter().map(|head| head.entries).collect::<Vec<_>>(), [4, 8]);
    assert!(store.verify_ledger_by(&heads).await.unwrap().is_whole());
    (store, heads)
}

async fn checkpoints_are_kept_once(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(store.last_checkpoint().await.unwrap(), None);
    let first =
        Checkpoint { head: store.ledger_head().await.unwrap(), signed_with: "rk_1".to_owned(), signature: vec![7; 64] };
    assert!(store.keep_checkpoint(&first).await.unwrap());
    assert!(!store.keep_checkpoint(&Checkpoint { signature: vec![8; 64], ..first.clone() }).await.unwrap());
    act(&store, 1).await;
    let second = Checkpoint { head: store.ledger_head().await.unwrap(), ..first.clone() };
    assert!(store.keep_checkpoint(&second).await.unwrap());
    assert_eq!(store.checkpoints().await.unwrap(), [first, second.clone()]);
    assert_eq!(store.last_checkpoint().await.unwrap(), Some(second));
}

const REPLACE: &str = "UPDATE ledger SET actor = $2, previous_hash = $3, entry_hash = $4 WHERE seq = $1";
const HEAD: &str = "UPDATE ledger_head SET entries = $1, entry_hash = $2 WHERE id = 1";

/// Gives an entry another actor, and every entry behind it the hash that follows.
async fn rewrite(store: &Store, from: u64) {
    let entries = store.ledger(1, 1_000).await.unwrap();
    let mut previous = [0; 32];
    let mut transaction = store.database.write().await.unwrap();
    for entry in entries {
        let actor = if entry.seq == from { "nobody" } else { entry.entered_as.as_str() };
        let draft = Draft {
            seq: i64::try_from(entry.seq).unwrap(),
            at: entry.at.as_microsecond(),
            actor,
            action: &entry.action,
            subject: &entry.subject,
            detail: &entry.entered.to_string(),
            previous,
        };
        let hash = draft.hash();
        let replace = Sql { sqlite: REPLACE, postgres: REPLACE };
        transaction.run(replace, bind![draft.seq, actor, previous, hash]).await.unwrap();
        transaction.run(Sql { sqlite: HEAD, postgres: HEAD }, bind![draft.seq, hash]).await.unwrap();
        previous = hash;
    }
    transaction.commit().await.unwrap();
}

async fn a_chain_that_was_computed_anew_is_found(stage: &Stage) {
    for (changed, expected) in [
        (2, vec![LedgerFault::Rewritten { from: 1, to: 4 }, LedgerFault::Rewritten { from: 1, to: 8 }]),
        (6, vec![LedgerFault::Rewritten { from: 5, to: 8 }]),
        (8, vec![LedgerFault::Rewritten { from: 5, to: 8 }]),
        // Nothing was signed behind it yet.
        (9, vec![]),
    ] {
        let other = match stage {
            Stage::Sqlite(_) => Stage::sqlite(),
            Stage::Postgres { .. } => Stage::postgres_bare().await,
        };
        let (store, heads) = written(&other).await;
        rewrite(&store, changed).await;
        assert!(store.verify_ledger().await.unwrap().is_whole(), "the chain by itself says nothing");
        assert_eq!(store.verify_ledger_by(&heads).await.unwrap().faults, expected, "{changed}");
        store.close().await;
        other.end().await;
    }
}

async fn a_cut_off_tail_is_found_whatever_the_head_says(stage: &Stage) {
    let (store, heads) = written(stage).await;
    tamper(&store, "DELETE FROM ledger WHERE seq > 6").await;
    let head =
        "UPDATE ledger_head SET entries = 6, entry_hash = (SELECT entry_hash FROM ledger WHERE seq = 6) WHERE id = 1";
    tamper(&store, head).await;
    assert!(store.verify_ledger().await.unwrap().is_whole(), "the chain by itself says nothing");
    assert_eq!(store.verify_ledger_by(&heads).await.unwrap().faults, [LedgerFault::Gone { entry: 8, last: 6 }]);
    // New entries in their place are not those that were signed.
    act(&store, 20).await;
    act(&store, 21).await;
    act(&store, 22).await;
    let faults = store.verify_ledger_by(&heads).await.unwrap().faults;
    assert_eq!(faults, [LedgerFault::Rewritten { from: 5, to: 8 }]);
}
