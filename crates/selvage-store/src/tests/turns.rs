//! Transactions whose statements wait for one that is answered: they do what others do, and leave nothing behind them.

use selvage_model::name::InterfaceRef;

use super::stage::Stage;
use crate::statement::Sql;
use crate::value::bind;
use crate::{Store, StoreError};

const fn sqlite(sqlite: &'static str) -> Sql {
    Sql { sqlite, postgres: "SELECT 1" }
}

const SET: Sql = sqlite("UPDATE event_stream SET retired_to = ? WHERE next_offset = ?");
const GET: Sql = sqlite("SELECT retired_to FROM event_stream WHERE name = ?");
const GET_BY_NUMBER: Sql = sqlite("SELECT retired_to FROM event_stream WHERE name = $1");
const NO_SUCH: Sql = sqlite("INSERT INTO event_epoch (stream) VALUES (?)");

async fn opened(stage: &Stage) -> Store {
    let store = stage.open().await;
    store.open_event_stream(&name(), None).await.unwrap();
    store
}

fn name() -> InterfaceRef {
    "a@1".parse().unwrap()
}

async fn retired_to(store: &Store) -> i64 {
    let rows = store.database.look(GET, bind!["a@1"]).await.unwrap();
    rows[0].integer("retired_to").unwrap()
}

#[tokio::test]
async fn what_waits_is_done_before_what_is_answered_and_with_the_commit() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    let mut transaction = store.database.write_in_turns().await.unwrap();
    for (number, get) in [(7, GET), (8, GET_BY_NUMBER)] {
        transaction.later(SET, bind![number, 1_i64]).await.unwrap();
        assert_eq!(transaction.only(get, bind!["a@1"]).await.unwrap().integer("retired_to").unwrap(), number);
    }
    transaction.later(SET, bind![9_i64, 1_i64]).await.unwrap();
    assert_eq!(retired_to(&store).await, 0);
    transaction.commit().await.unwrap();
    assert_eq!(retired_to(&store).await, 9);
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn without_a_commit_nothing_was_done_and_the_next_one_may() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    for _ in 0..3 {
        let mut transaction = store.database.write_in_turns().await.unwrap();
        transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
        transaction.only(GET, bind!["a@1"]).await.unwrap();
        drop(transaction);
        drop(store.database.write_in_turns().await.unwrap());
        assert_eq!(retired_to(&store).await, 0);
    }
    let mut transaction = store.database.write_in_turns().await.unwrap();
    transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(retired_to(&store).await, 7);
}

/// INVARIANT: DURABLE-ACK: that a commit was answered means that all of it is there.
#[tokio::test]
async fn where_one_of_what_waits_fails_all_of_it_does() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    let mut transaction = store.database.write_in_turns().await.unwrap();
    transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
    transaction.later(NO_SUCH, bind![1_i64]).await.unwrap();
    transaction.later(SET, bind![8_i64, 1_i64]).await.unwrap();
    let refused: StoreError = transaction.commit().await.unwrap_err();
    assert!(refused.to_string().contains("NOT NULL"), "{refused}");
    assert_eq!(retired_to(&store).await, 0);
    let transaction = store.database.write().await.unwrap();
    transaction.commit().await.unwrap();
}
