//! A backup is everything of one moment, or nothing; what is restored goes on above what was, and does nothing twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::slice::from_ref;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::{Blocked, GrantTerms, KeyHash, Principal};
use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::api::Operation;
use selvage_model::operation::{OperationId, OperationState};
use serde_json::{Value, json};
use sha2::Digest as _;
use tempfile::TempDir;

use super::migration::of_version;
use super::stage::{Stage, tamper};
use super::{answer, both, claimed, new_claim};
use crate::statement::Sql;
use crate::value::bind;
use crate::{
    Answer, Claim, EffectState, EventBatch, ItemState, LedgerFault, LostStore, NewClaim, NewCursor, NewEffect, NewKey,
    NewNode, NewRecertificationItem, Restored, Restoring, SignOfLife, Store, StoreError, TakenCursor, check_backup,
};

both!(
    a_backup_has_every_table,
    everything_comes_back_in_either_database,
    a_backup_is_of_one_moment_while_others_write,
    a_file_that_is_not_whole_restores_nothing,
    a_false_ledger_is_found_in_a_file_that_is_whole,
    nothing_is_restored_unasked,
    numbers_go_on_above_whatever_came_after_the_backup,
    what_was_under_way_is_in_doubt_and_not_done_again,
    what_ended_since_stays_so_where_the_lost_store_can_be_read,
    a_lost_store_never_opens_more,
    what_was_answered_for_stays_so_and_the_rest_has_more_time,
    a_lost_store_is_read_and_left_as_it_is,
    what_ended_in_a_lost_store_of_before_has_ended_in_every_environment,
);

/// A file for a backup, and who restores it.
struct Shelf {
    directory: TempDir,
}

impl Shelf {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("backup")
    }

    async fn keep(&self, store: &Store) -> Timestamp {
        let mut file = std::fs::File::create(self.path()).unwrap();
        let summary = store.back_up(&mut file).await.unwrap();
        let checked = check_backup(&self.path()).unwrap();
        assert_eq!((checked.summary, checked.faults), (summary.clone(), vec![]));
        summary.taken
    }

    async fn restore(&self, stage: &Stage, how: Restoring) -> Result<Restored, StoreError> {
        let by = "ann".to_owned();
        Store::restore(&stage.url(), &self.path(), &Restoring { by, ..how }).await
    }

    async fn accepted(&self, stage: &Stage) -> Restored {
        let taken = check_backup(&self.path()).unwrap().summary.taken;
        self.restore(stage, Restoring { accepted: Some(taken), ..Restoring::default() }).await.unwrap()
    }

    /// The rows of each table.
    fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let mut tables = BTreeMap::new();
        let mut table = String::new();
        for line in std::fs::read_to_string(self.path()).unwrap().lines() {
            match serde_json::from_str(line).unwrap() {
                Value::Array(_) => tables.entry(table.clone()).or_insert_with(Vec::new).push(line.to_owned()),
                head => table = head["table"].as_str().unwrap_or_default().to_owned(),
            }
        }
        tables.values_mut().for_each(|rows| rows.sort());
        tables
    }
}

fn key(byte: u8) -> NewKey {
    NewKey { principal: Principal::Consumer("mes-ghent".parse().unwrap()), hash: KeyHash([byte; 32]), expires: None }
}

fn events(ids: std::ops::Range<u32>) -> EventBatch {
    let record = |number| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: vec![0, 255, 10, u8::try_from(number).unwrap()],
    };
    let stream = "orders@1".parse().unwrap();
    EventBatch { stream, records: ids.map(record).collect(), acknowledged: Position::START }
}

/// A store that has something of everything that counts here.
async fn filled(stage: &Stage) -> Store {
    let store = stage.open().await;
    store.record_release("rel_1", &json!({"a.yaml": "näme: \"x\"\n"}), "a.lead").await.unwrap();
    store.activate(&"dev".parse().unwrap(), "rel_1", "a.lead").await.unwrap();
    store.issue_key(key(1), "a.lead").await.unwrap();
    super::subscription::granted(&store).await;
    let (id, epoch) = claimed(&store, "done").await;
    store.finish(&id, epoch, &answer(), None, &json!({"id": 7})).await.unwrap();
    store.open_event_stream(&"orders@1".parse().unwrap(), None).await.unwrap();
    store.append_events(&[events(0..20)]).await.unwrap();
    store
}

fn fresh(like: &Stage) -> impl Future<Output = Stage> {
    let is_file = matches!(like, Stage::Sqlite(_));
    async move { if is_file { Stage::sqlite() } else { Stage::postgres_bare().await } }
}

const CATALOGUE: Sql = Sql {
    sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    postgres: "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema()",
};

async fn a_backup_has_every_table(stage: &Stage) {
    let store = stage.open().await;
    let rows = store.database.read().await.unwrap().all(CATALOGUE, bind![]).await.unwrap();
    let mut there: Vec<String> = rows.iter().map(|row| row.text("name").unwrap()).collect();
    let mut kept = crate::migration::tables(crate::migration::known());
    // It has a row for each step, which the restore makes itself.
    kept.push("store_version".to_owned());
    kept.push("store_step".to_owned());
    // What is over when the store is another.
    kept.push("console_session".to_owned());
    // What the restore makes of the records.
    let of_records = ["event_id", "event_id_index"].map(str::to_owned);
    kept.extend(of_records.into_iter().filter(|_| store.is_file()));
    there.sort();
    kept.sort();
    assert_eq!(kept, there);
}

async fn everything_comes_back_in_either_database(stage: &Stage) {
    let shelf = Shelf::new();
    shelf.keep(&filled(stage).await).await;
    for other in [Stage::sqlite(), Stage::postgres_bare().await] {
        shelf.accepted(&other).await;
        let store = other.open().await;
        assert!(store.verify_ledger().await.unwrap().is_whole());
        let again = Shelf::new();
        again.keep(&store).await;
        let (mut before, mut after) = (shelf.rows(), again.rows());
        // Who restores is in the ledger, and so among the people.
        for raised in
            ["access_revision", "access_history", "event_stream", "event_epoch", "ledger", "ledger_head", "person"]
        {
            before.remove(raised);
            after.remove(raised);
        }
        // At which revision a lease was written comes before where it counts and who ended it, and rises for all of them.
        for row in
            before.values_mut().zip(after.values_mut()).flat_map(|(before, after)| before.iter_mut().chain(after))
        {
            if row.starts_with("[\"grt_") && row.contains("\"manifest\"") {
                let cells: Vec<&str> = row.rsplitn(4, ',').collect();
                *row = format!("{},{},{}", cells[3], cells[1], cells[0]);
            }
        }
        assert_eq!(before, after);
        assert_eq!(before["event_record"].len(), 20);
        // Who repeats a key is told of the operation that it had, and who repeats an event where it is.
        let claim = store.claim(&new_claim("done")).await.unwrap();
        assert!(matches!(claim, Claim::Same { state: OperationState::Done(_), .. }), "{claim:?}");
        let appended = store.append_events(&[events(3..4)]).await.unwrap();
        assert_eq!((appended[0][0].known, appended[0][0].position.to_string()), (true, "1-4".to_owned()));
        store.close().await;
        other.end().await;
    }
}

async fn a_backup_is_of_one_moment_while_others_write(stage: &Stage) {
    let store = filled(stage).await;
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 0.. {
            // The key and the entry of each are one transaction.
            let hash = KeyHash(
                [9, 0, 0, 0]
                    .into_iter()
                    .chain(i32::to_be_bytes(number))
                    .cycle()
                    .take(32)
                    .collect::<Vec<_>>()
                    .try_into()
                    .unwrap(),
            );
            writer.issue_key(NewKey { hash, ..key(0) }, "a.lead").await.unwrap();
        }
    });
    for _ in 0..5 {
        let shelf = Shelf::new();
        let known = store.access_state().await.unwrap().credentials.len();
        shelf.keep(&store).await;
        let rows = shelf.rows();
        let issued = rows["ledger"].iter().filter(|row| row.contains("\"key.issued\"")).count();
        assert_eq!(rows["credential"].len(), issued);
        assert!(issued >= known, "what was acknowledged before is in it");
        let other = fresh(stage).await;
        shelf.accepted(&other).await;
        let restored = other.open().await;
        assert!(restored.verify_ledger().await.unwrap().is_whole());
        restored.close().await;
        other.end().await;
    }
    writing.abort();
}

async fn a_file_that_is_not_whole_restores_nothing(stage: &Stage) {
    let shelf = Shelf::new();
    let taken = shelf.keep(&filled(stage).await).await;
    let whole = std::fs::read(shelf.path()).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    let mut harmed: Vec<(String, Vec<u8>)> = vec![
        ("empty".to_owned(), Vec::new()),
        ("without its end".to_owned(), whole[..=end].to_vec()),
        ("twice".to_owned(), [whole.clone(), whole.clone()].concat()),
        ("a row less".to_owned(), text.replacen("\"e-7\"", "\"e-8\"", 1).into_bytes()),
        ("another form".to_owned(), text.replacen("\"selvage_backup\":1", "\"selvage_backup\":2", 1).into_bytes()),
        ("something else".to_owned(), b"This is a shopping list.\n".repeat(100)),
    ];
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        harmed.push((format!("byte {place} flipped"), flipped));
        harmed.push((format!("cut off at {place}"), whole[..place].to_vec()));
    }
    let other = fresh(stage).await;
    for (what, bytes) in harmed {
        std::fs::write(shelf.path(), bytes).unwrap();
        let refused = shelf.restore(&other, Restoring { accepted: Some(taken), ..Restoring::default() }).await;
        assert!(matches!(refused, Err(StoreError::BackupDamaged { .. })), "{what}: {refused:?}");
    }
    std::fs::remove_file(shelf.path()).unwrap();
    let refused = shelf.restore(&other, Restoring { accepted: Some(taken), ..Restoring::default() }).await;
    assert!(matches!(refused, Err(StoreError::BackupFile { .. })), "{refused:?}");
    std::fs::write(shelf.path(), whole).unwrap();
    shelf.accepted(&other).await;
    other.end().await;
}

/// The file with another first line that this finds, and the hash that fits it.
fn forged(text: &str, mut alter: impl FnMut(&mut Value, &str) -> bool) -> String {
    let (mut table, mut lines) = (String::new(), Vec::new());
    let mut is_done = false;
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        table = line["table"].as_str().map_or(table, str::to_owned);
        is_done = is_done || alter(&mut line, &table);
        lines.push(line);
    }
    let mut end = lines.pop().unwrap();
    let before: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let digest = sha2::Sha256::digest(before.as_bytes());
    end["sha256"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    format!("{before}{end}\n")
}

/// Whoever alters a backup can compute its hash anew; the chain in it cannot be.
async fn a_false_ledger_is_found_in_a_file_that_is_whole(stage: &Stage) {
    let shelf = Shelf::new();
    let taken = shelf.keep(&filled(stage).await).await;
    let text = std::fs::read_to_string(shelf.path()).unwrap();
    let newer = forged(&text, |line, _| {
        let is_head = line.get("version").is_some();
        if is_head {
            line["version"] = 9_999.into();
        }
        is_head
    });
    std::fs::write(shelf.path(), newer).unwrap();
    let refused = check_backup(&shelf.path());
    assert!(matches!(refused, Err(StoreError::Newer { found: 9_999, .. })), "{refused:?}");
    // The third cell of an entry is who did it.
    let false_actor = forged(&text, |line, table| {
        let is_second = table == "ledger" && line[0] == 2;
        if is_second {
            line[2] = "nobody".into();
        }
        is_second
    });
    std::fs::write(shelf.path(), false_actor).unwrap();
    assert_eq!(check_backup(&shelf.path()).unwrap().faults, [LedgerFault::Altered { seq: 2 }]);
    let other = fresh(stage).await;
    let how = Restoring { accepted: Some(taken), ..Restoring::default() };
    let refused = shelf.restore(&other, how.clone()).await;
    assert!(matches!(refused, Err(StoreError::BackupUntrue { .. })), "{refused:?}");
    // The rest of it may be all that there is.
    let faults = vec!["entry 2 was altered".to_owned()];
    shelf.restore(&other, Restoring { faults: faults.clone(), ..how }).await.unwrap();
    let restored = other.open().await;
    let last = restored.ledger(1, 1_000).await.unwrap().pop().unwrap();
    assert_eq!(last.detail["faults_accepted"], json!(faults));
    restored.close().await;
    other.end().await;
}

async fn nothing_is_restored_unasked(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let taken = shelf.keep(&store).await;
    let refused = shelf.restore(stage, Restoring { accepted: Some(taken), ..Restoring::default() }).await;
    assert!(matches!(refused, Err(StoreError::Occupied)), "{refused:?}");
    let other = fresh(stage).await;
    for accepted in [None, Some(taken + Duration::from_secs(1)), Some(taken - Duration::from_secs(1))] {
        let refused = shelf.restore(&other, Restoring { accepted, ..Restoring::default() }).await;
        assert!(matches!(refused, Err(StoreError::Unaccepted { .. })), "{accepted:?}: {refused:?}");
    }
    // To the second is enough: that is what people are shown.
    let shown = Timestamp::from_second(taken.as_second()).unwrap();
    shelf.restore(&other, Restoring { accepted: Some(shown), ..Restoring::default() }).await.unwrap();
    let restored = other.open().await;
    let last = restored.ledger(1, 1_000).await.unwrap().pop().unwrap();
    assert_eq!((last.actor.as_str(), last.action.as_str()), ("ann", "store.restored"));
    assert_eq!(last.detail["access_accepted"], shown.to_string());
    restored.close().await;
    other.end().await;
}

async fn numbers_go_on_above_whatever_came_after_the_backup(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let stream = "orders@1".parse().unwrap();
    let cursor = NewCursor {
        stream: events(0..0).stream,
        reader: "wms".parse().unwrap(),
        start: Position::START,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(600),
    };
    let taken = |cursor| match cursor {
        TakenCursor::Taken { position, fence } => (position, fence),
        TakenCursor::Held { by, .. } => panic!("held by {by}"),
    };
    taken(store.take_cursor(&cursor).await.unwrap());
    let node = NewNode { id: "node-a".to_owned(), environment: "dev".to_owned(), address: "here".to_owned() };
    let sign = SignOfLife { revision: 1, lease: Duration::from_secs(600), serves_for: Duration::ZERO };
    store.register_node(&node, sign).await.unwrap();
    shelf.keep(&store).await;
    // What nobody will know of: more events, a gap that was found, a cursor taken again, another revision.
    store.append_events(&[events(20..30)]).await.unwrap();
    store.open_event_stream(&stream, Position::new(1, 90)).await.unwrap();
    let lost = store.append_events(&[events(30..33)]).await.unwrap()[0][2].position;
    let (_, fence) = taken(store.take_cursor(&cursor).await.unwrap());
    store.issue_key(key(2), "a.lead").await.unwrap();

    for marks in [BTreeMap::new(), BTreeMap::from([(stream.clone(), lost)])] {
        let other = fresh(stage).await;
        let how = Restoring {
            accepted: Some(check_backup(&shelf.path()).unwrap().summary.taken),
            marks,
            ..Restoring::default()
        };
        let known = !how.marks.is_empty();
        let restored = shelf.restore(&other, how).await.unwrap();
        let after = other.open().await;
        let opened = after.open_event_stream(&stream, known.then_some(lost)).await.unwrap();
        let gap = opened.gap.unwrap();
        assert_eq!((gap.after, gap.until), (Position::new(1, 20).unwrap(), if known { lost.offset() } else { 20 }));
        let next = after.append_events(&[events(40..41)]).await.unwrap()[0][0].position;
        assert!(next > lost, "{next} and {lost}");
        assert_eq!(restored.streams, [(stream.clone(), next)]);
        let (position, higher) =
            taken(after.take_cursor(&NewCursor { node: "node-b".to_owned(), ..cursor.clone() }).await.unwrap());
        assert!(higher > fence && position == Position::START);
        assert!(after.access_revision().await.unwrap() > store.access_revision().await.unwrap());
        assert_eq!(after.nodes().await.unwrap().1, []);
        // Who had read what is lost gets everything that is new.
        let limit = crate::ReadLimit { records: 100, bytes: usize::MAX };
        let read = after.read_events(&stream, lost, limit).await.unwrap();
        assert_eq!(read.records.iter().map(|record| record.position).collect::<Vec<_>>(), [next]);
        let all = after.read_events(&stream, Position::START, limit).await.unwrap();
        assert_eq!((all.records.len(), all.fault.is_none()), (21, true));
        after.close().await;
        other.end().await;
    }
}

async fn under_way(store: &Store, key: &str, operation: Operation) -> (OperationId, i64) {
    match store.claim(&NewClaim { operation, ..new_claim(key) }).await.unwrap() {
        Claim::New { operation, epoch } => (operation, epoch),
        other => panic!("{other:?}"),
    }
}

/// INVARIANT: ONE-EFFECT
async fn what_was_under_way_is_in_doubt_and_not_done_again(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let (intended, epoch) = under_way(&store, "intended", Operation::Create).await;
    let effect = NewEffect {
        system: "odoo".parse().unwrap(),
        verb: "create".to_owned(),
        target: json!({}),
        external_id: Some("selvage.op_1".to_owned()),
    };
    store.intend(&intended, epoch, &effect).await.unwrap();
    let (begun, _) = under_way(&store, "begun", Operation::Create).await;
    let (verb, _) = under_way(&store, "verb", Operation::Update).await;
    let (back, epoch_back) = under_way(&store, "back", Operation::Update).await;
    store.give_back(&back, epoch_back, Duration::from_secs(600), "busy").await.unwrap();
    shelf.keep(&store).await;

    let other = fresh(stage).await;
    let restored = shelf.accepted(&other).await;
    assert_eq!((restored.doubtful, restored.stuck), (1, 2));
    let after = other.open().await;
    let record = |id: &OperationId| {
        let (after, id) = (after.clone(), id.clone());
        async move { after.operation(&id).await.unwrap().unwrap() }
    };
    let doubtful = record(&intended).await;
    assert!(matches!(doubtful.state, OperationState::Unknown { .. }), "{doubtful:?}");
    assert!(matches!(doubtful.effects[0].state, EffectState::Sent { at } if at > doubtful.effects[0].intended));
    assert!(doubtful.because.unwrap().contains("FAB7104"));
    for id in [&verb, &back] {
        let stuck = record(id).await;
        assert!(matches!(&stuck.state, OperationState::Stuck { because } if because.contains("FAB7104")), "{stuck:?}");
    }
    let mut due: Vec<OperationId> =
        after.take_due("node-b", Duration::from_secs(60), 10).await.unwrap().into_iter().map(|it| it.id).collect();
    due.sort_by_key(ToString::to_string);
    let mut expected = [intended.clone(), begun];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(due, expected);
    // A node of the lost store that still runs writes nothing here.
    let refused = after.refuse(&intended, epoch + 1, &answer()).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    after.close().await;
    other.end().await;
}

/// INVARIANT: REVOKED-NOW
async fn what_ended_since_stays_so_where_the_lost_store_can_be_read(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let kept = store.issue_key(key(3), "a.lead").await.unwrap();
    shelf.keep(&store).await;
    let credentials = store.access_state().await.unwrap().credentials;
    let revoked = credentials.iter().find(|it| it.id != kept.id).unwrap().id.clone();
    store.revoke_key(&revoked, "bob", "lost").await.unwrap();
    let grant = store.access_state().await.unwrap().grants[0].clone();
    store.end_grant(&grant.id, "bob", "over").await.unwrap();
    let block = store.block(&Blocked::Consumer("shop".parse().unwrap()), "bob", "leak").await.unwrap();
    let later = (grant.consumer.clone(), "products@1".parse().unwrap(), GrantTerms::clone(&grant.terms));
    let granted = store.apply_manifest_grants(from_ref(&later), "bob").await.unwrap().granted[0].clone();
    store.end_grant(&granted, "bob", "a mistake").await.unwrap();

    let other = fresh(stage).await;
    let lost = Some(LostStore::read(&stage.url(), narrower).await.unwrap());
    let mut ended = shelf.restore(&other, Restoring { lost, ..Restoring::default() }).await.unwrap().ended;
    ended.sort();
    let mut expected = vec![revoked.clone(), grant.id.clone(), block.id.clone(), granted];
    expected.sort();
    assert_eq!(ended, expected);
    let after = other.open().await;
    let state = after.access_state().await.unwrap();
    let is_revoked = |id: &str| state.credentials.iter().find(|it| it.id == id).unwrap().revoked.is_some();
    assert!(is_revoked(&revoked) && !is_revoked(&kept.id));
    assert!(state.grants.iter().all(|grant| grant.ended.is_some()));
    assert_eq!(after.blocks().await.unwrap(), [block]);
    // What was granted and ended in between is not new to any manifest.
    let again = after.apply_manifest_grants(from_ref(&later), "directory").await.unwrap();
    assert_eq!((again.granted.len(), again.held_back.len()), (0, 1));
    after.close().await;
    other.end().await;
}

type Narrow = fn(&GrantTerms) -> Result<GrantTerms, String>;

/// What the caller of a restore says is narrower.
fn narrower(wide: &GrantTerms, narrow: &GrantTerms) -> Result<(), String> {
    let more = narrow.operations.iter().find(|operation| !wide.operations.contains(operation));
    more.map_or(Ok(()), |more| Err(format!("`{more}` would be opened")))
}

/// INVARIANT: REVOKED-NOW
async fn a_lost_store_never_opens_more(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let narrowed = super::lease::granted(&store, "stock@1").await;
    let widened = store.access_state().await.unwrap().grants[0].clone();
    let taken = shelf.keep(&store).await;
    let narrow = |_: &GrantTerms| Ok(GrantTerms { rate: None, ..super::lease::terms(&["list"]) });
    store.narrow_grant(&narrowed, narrow, "bob", "only lists").await.unwrap();
    let wide =
        GrantTerms { operations: vec!["subscribe".to_owned(), "read".to_owned()], ..GrantTerms::clone(&widened.terms) };
    let asked = (widened.consumer.clone(), widened.interface.clone(), wide);
    assert_eq!(store.apply_manifest_grants(from_ref(&asked), "bob").await.unwrap().changed, from_ref(&widened.id));

    let other = fresh(stage).await;
    let lost = Some(LostStore::read(&stage.url(), narrower).await.unwrap());
    let restored = shelf.restore(&other, Restoring { lost, ..Restoring::default() }).await.unwrap();
    assert_eq!(restored.ended, from_ref(&narrowed));
    let after = other.open().await;
    let now = after.ledger_head().await.unwrap().at;
    for state in [after.access_state().await.unwrap(), after.access_state_at(now).await.unwrap()] {
        let operations = |id: &str| state.grants.iter().find(|it| it.id == id).unwrap().terms.operations.clone();
        assert_eq!(
            (operations(&narrowed), operations(&widened.id)),
            (vec!["list".to_owned()], widened.terms.operations.clone())
        );
    }
    // What it was until the restore is known still.
    let before = after.access_state_at(taken).await.unwrap();
    assert_eq!(before.grants.iter().find(|it| it.id == narrowed).unwrap().terms.operations, ["list", "get"]);
    assert!(after.access_state_at(now).await.unwrap().revision > store.access_revision().await.unwrap());
    after.close().await;
    other.end().await;
}

/// INVARIANT: FAIL-SAFE
async fn what_was_answered_for_stays_so_and_the_rest_has_more_time(stage: &Stage) {
    let shelf = Shelf::new();
    let store = filled(stage).await;
    let (kept, silent) =
        (super::lease::granted(&store, "stock@1").await, super::lease::granted(&store, "products@1").await);
    let item = |lease: &String| NewRecertificationItem {
        lease: lease.clone(),
        tier: "tier-2".to_owned(),
        breadth: "all".to_owned(),
        last_used: None,
    };
    let soon = Timestamp::now();
    store.start_recertification(("all", soon), &[item(&kept), item(&silent)], "bob").await.unwrap();
    let subject = (&"shop".parse().unwrap(), &"orders@1".parse().unwrap());
    let opened =
        store.break_glass(subject, &super::lease::terms(&["list"]), Duration::ZERO, ("bob", "fire")).await.unwrap();
    shelf.keep(&store).await;
    let items = store.recertification_items().await.unwrap();
    let item = &items.iter().find(|item| item.item.lease == kept).unwrap().id;
    store.recertify(item, Answer::<Narrow>::Keep, "w.owner", "needed").await.unwrap();
    store.review_break_glass(&opened.grant.id, true, "w.owner", "it was").await.unwrap();

    for is_read in [false, true] {
        let other = fresh(stage).await;
        let accepted = Some(check_backup(&shelf.path()).unwrap().summary.taken);
        let lost = if is_read { Some(LostStore::read(&stage.url(), narrower).await.unwrap()) } else { None };
        let restored = shelf.restore(&other, Restoring { accepted, lost, ..Restoring::default() }).await.unwrap();
        assert_eq!(restored.answered.len(), if is_read { 2 } else { 0 });
        assert_eq!(restored.postponed.ids.len(), if is_read { 1 } else { 2 });
        let after = other.open().await;
        assert_eq!(
            after.lapse_recertifications(|_| false).await.unwrap(),
            [],
            "nothing ends before anybody can answer"
        );
        let week = Duration::from_secs(7 * 86_400);
        assert_eq!(after.recertifications().await.unwrap()[0].until, items_until(&store).await + week);
        let states: Vec<_> = after
            .recertification_items()
            .await
            .unwrap()
            .into_iter()
            .filter(|it| it.item.lease == kept)
            .map(|it| it.state)
            .collect();
        assert_eq!(states, [if is_read { ItemState::Kept } else { ItemState::Open }]);
        let glass = &after.break_glasses().await.unwrap()[0];
        assert_eq!((glass.review.is_some(), glass.ends), (is_read, opened.ends), "its clock is as it was");
        assert!(is_read || glass.review_by == opened.review_by + week);
        assert!(after.verify_ledger().await.unwrap().is_whole());
        after.close().await;
        other.end().await;
    }
}

async fn items_until(store: &Store) -> Timestamp {
    store.recertifications().await.unwrap()[0].until
}

/// It is evidence.
async fn a_lost_store_is_read_and_left_as_it_is(stage: &Stage) {
    for version in [8, 9, 11, 12, 14, 37, 38] {
        let stage = fresh(stage).await;
        of_version(&stage, version).await.close().await;
        let read = LostStore::read(&stage.url(), narrower).await;
        if version < 9 {
            assert!(matches!(read, Err(StoreError::LostTooOld { found: 8, .. })), "{read:?}");
        } else {
            let read = read.unwrap();
            let expected = if version < 12 { (2, 0, 0) } else { (2, 1, 1) };
            assert_eq!((read.access.grants.len(), read.items.len(), read.opened.len()), expected, "version {version}");
        }
        let database = crate::database::Database::connect_for_reading(&stage.url()).await.unwrap();
        let mut reading = database.read().await.unwrap();
        assert_eq!(crate::migration::version(&mut reading).await.unwrap(), i64::try_from(version).unwrap());
        drop(reading);
        // Whoever tries to write finds that it cannot be.
        let mut writing = database.write().await;
        if let Ok(writing) = &mut writing {
            assert!(crate::access::hold(writing).await.is_err());
        }
        drop(writing);
        database.close().await;
        if let Stage::Sqlite(directory) = &stage {
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was put beside it");
        }
        stage.end().await;
    }
}

/// INVARIANT: REVOKED-NOW: a lease that counted wherever anything was active ends wherever it is one of its own by now.
async fn what_ended_in_a_lost_store_of_before_has_ended_in_every_environment(stage: &Stage) {
    let (shelf, other) = (Shelf::new(), fresh(stage).await);
    let older = of_version(stage, 37).await;
    let also = "INSERT INTO activation (ordinal, environment, release_id, activated_at, activated_by) VALUES (90, 'prod', 'rel_1', 9, 'ann')";
    tamper(&older, also).await;
    shelf.keep(&older).await;
    tamper(&older, "UPDATE lease SET ended_at = 9 WHERE id = 'grt_1'").await;
    older.close().await;
    let lost = Some(LostStore::read(&stage.url(), narrower).await.unwrap());
    let restored = shelf.restore(&other, Restoring { lost, ..Restoring::default() }).await.unwrap();
    assert!(["grt_1", "grt_1_prod"].iter().all(|id| restored.ended.iter().any(|it| it == id)), "{:?}", restored.ended);
    let after = other.open().await;
    assert!(after.access_state().await.unwrap().grants.iter().all(|grant| grant.ended.is_some()));
    after.close().await;
    other.end().await;
}
