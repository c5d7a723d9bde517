//! What only a file has to prove: it survives the death of its process, it is shared by two processes, it is private,
//! and a damaged one is not opened.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use selvage_model::code;
use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::stage::Stage;
use super::{claimed, new_claim};
use crate::{Claim, Store, StoreError};

/// Names the file of the child's store.
const CHILD_STORE: &str = "SELVAGE_TEST_CHILD_STORE";

/// Runs the test `tests::sqlite::<name>` of this file in a process of its own.
fn child(name: &str, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("tests::sqlite::{name}"), "--ignored", "--nocapture"]);
    command.env(CHILD_STORE, url).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "the test that starts this process says so where the store is")]
fn child_store() -> Option<String> {
    std::env::var(CHILD_STORE).ok()
}

/// Claims keys one after another until it is killed. Run by [`acknowledged_claims_survive_a_kill`].
#[tokio::test]
#[ignore = "the child of another test"]
async fn claims_until_killed() {
    let Some(url) = child_store() else { return };
    let store = Store::open(&url).await.unwrap();
    for number in 0.. {
        store.claim(&new_claim(&format!("order-{number}"))).await.unwrap();
        std::fs::write(format!("{}.acknowledged", url.trim_start_matches("sqlite:")), number.to_string()).unwrap();
    }
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn acknowledged_claims_survive_a_kill() {
    let stage = Stage::sqlite();
    let mark = format!("{}.acknowledged", stage.url().trim_start_matches("sqlite:"));
    let mut child = child("claims_until_killed", &stage.url()).spawn().unwrap();
    let acknowledged = || std::fs::read_to_string(&mark).ok().and_then(|text| text.parse::<u32>().ok());
    let began = Instant::now();
    let mut seen = 0;
    while seen < 20 {
        assert!(began.elapsed() < Duration::from_secs(20), "the child claims nothing");
        tokio::time::sleep(Duration::from_millis(5)).await;
        seen = acknowledged().unwrap_or(seen);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The mark is empty where it was being written when the child was killed.
    let last = acknowledged().unwrap_or(seen);
    let store = stage.open().await;
    for number in 0..=last {
        let claim = store.claim(&new_claim(&format!("order-{number}"))).await.unwrap();
        assert!(matches!(claim, Claim::Same { .. }), "order-{number} of {last} was lost");
    }
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

/// Records releases as a command line would. Run by [`two_processes_share_a_file`].
#[tokio::test]
#[ignore = "the child of another test"]
async fn records_beside_another() {
    let Some(url) = child_store() else { return };
    let store = Store::open(&url).await.unwrap();
    for number in 0..50 {
        store.record_release(&format!("rel_child_{number}"), &json!({}), "cli").await.unwrap();
    }
}

#[tokio::test]
async fn two_processes_share_a_file() {
    let stage = Stage::sqlite();
    let store = stage.open().await;
    let mut child = child("records_beside_another", &stage.url()).spawn().unwrap();
    for number in 0..50 {
        store.record_release(&format!("rel_{number}"), &json!({}), "server").await.unwrap();
    }
    assert!(child.wait().unwrap().success());
    let check = store.verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
    assert_eq!(check.entries, 101);
}

#[tokio::test]
async fn dropped_without_closing_it_is_whole() {
    let stage = Stage::sqlite();
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    drop(store);
    let store = stage.open().await;
    store.refuse(&id, epoch, &super::answer()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_write_leaves_nothing() {
    let stage = Stage::sqlite();
    let store = stage.open().await;
    for _ in 0..20 {
        let content = json!({});
        let write = store.record_release("rel_1", &content, "a.lead");
        let _ = tokio::time::timeout(Duration::from_micros(50), write).await;
    }
    store.record_release("rel_2", &json!({}), "a.lead").await.unwrap();
    let check = store.verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
}

/// INVARIANT: SHIELDED-PATH: a write that another process holds up ends with 503, not with a hang.
#[tokio::test]
async fn a_held_file_is_soon_unavailable() {
    let stage = Stage::sqlite();
    let (store, other) = (stage.open().await, stage.open().await);
    let held = other.database.write().await.unwrap();
    let began = Instant::now();
    let refused = store.claim(&new_claim("order-1")).await.err().unwrap();
    assert!(refused.is_transient(), "{refused}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(store.access_revision().await.unwrap(), 0);
    drop(held);
    store.claim(&new_claim("order-1")).await.unwrap();
}

/// As when several nodes start at once on a file that none has made yet: while one writes, SQLite answers another
/// that changes the journal's mode "locked" at once.
#[tokio::test]
async fn a_file_that_another_makes_at_the_moment_is_waited_for() {
    let stage = Stage::sqlite();
    let options = SqliteConnectOptions::new().filename(stage.url().trim_start_matches("sqlite:"));
    let mut other = options.create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE; CREATE TABLE held (id INTEGER)").execute(&mut other).await.unwrap();
    let url = stage.url();
    let opening = tokio::spawn(async move { Store::open(&url).await.map(|_| ()) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!opening.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    opening.await.unwrap().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::sqlite();
    let store = stage.open().await;
    claimed(&store, "order-1").await;
    let path = stage.url().trim_start_matches("sqlite:").to_owned();
    for file in [path.clone(), format!("{path}-wal")] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} has mode {mode:o}");
    }
}

#[tokio::test]
async fn another_file_is_not_taken_for_a_store() {
    let stage = Stage::sqlite();
    std::fs::write(stage.url().trim_start_matches("sqlite:"), "This is a shopping list, and a long one. ".repeat(200))
        .unwrap();
    let refused = Store::open(&stage.url()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert_eq!(refused.code(), code::STORE_DAMAGED);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_unavailable() {
    let refused = Store::open("sqlite:/nowhere/at/all/store.db").await.err().unwrap();
    assert!(refused.is_transient(), "{refused}");
}
