//! Opening a store: what it takes, what it refuses, and what happens when several do it at once.

use std::time::{Duration, Instant};

use selvage_model::code;

use super::both;
use super::stage::{Stage, tamper};
use crate::{Store, StoreError};

both!(opened_again_it_is_the_same, opened_by_many_at_once, a_newer_store_is_refused, a_closed_store_is_unavailable);

async fn opened_again_it_is_the_same(stage: &Stage) {
    let first = stage.open().await;
    first.record_release("rel_1", &serde_json::json!({"a": 1}), "a.lead").await.unwrap();
    first.close().await;
    let second = stage.open().await;
    assert!(second.release("rel_1").await.unwrap().is_some());
    assert_eq!(second.verify_ledger().await.unwrap().entries, 2);
}

async fn opened_by_many_at_once(stage: &Stage) {
    let url = stage.url();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Store::open(&url).await.map(|_| ()) })
        })
        .collect();
    for opener in openers {
        opener.await.unwrap().unwrap();
    }
    let check = stage.open().await.verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
    assert_eq!(check.entries, 1);
}

async fn a_newer_store_is_refused(stage: &Stage) {
    let store = stage.open().await;
    tamper(&store, "INSERT INTO store_version (version, reached_at) VALUES (999, 0)").await;
    store.close().await;
    let refused = Store::open(&stage.url()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Newer { found: 999, .. }), "{refused}");
    assert_eq!(refused.code(), code::STORE_NEWER);
}

async fn a_closed_store_is_unavailable(stage: &Stage) {
    let store = stage.open().await;
    store.close().await;
    let refused = store.access_revision().await.err().unwrap();
    assert!(refused.is_transient(), "{refused}");
}

#[tokio::test]
async fn other_addresses_are_refused() {
    for url in ["mysql://root@db/selvage", "sqlite::memory:", "sqlite:", "store.db", "postgres://[", ""] {
        let refused = Store::open(url).await.err().unwrap();
        assert!(matches!(refused, StoreError::Address { .. }), "{url}: {refused}");
        assert_eq!(refused.code(), code::STORE_ADDRESS);
    }
}

/// INVARIANT: SHIELDED-PATH: nobody waits long for a server that is not there.
#[tokio::test]
async fn a_server_that_is_not_there_is_soon_unavailable() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections and never answers
    let port = taken.local_addr().unwrap().port();
    let began = Instant::now();
    let refused = Store::open(&format!("postgres://selvage:hidden@127.0.0.1:{port}/selvage")).await.err().unwrap();
    assert!(refused.is_transient(), "{refused}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(!format!("{refused} {refused:?}").contains("hidden"));
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn a_server_that_answers_before_it_has_written_is_refused() {
    let stage = Stage::postgres_bare().await;
    let store = stage.open().await;
    tamper(
        &store,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
    )
    .await;
    let refused = Store::open(&stage.url()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Unsafe { setting: "synchronous_commit" }), "{refused}");
    stage.end().await;
}
