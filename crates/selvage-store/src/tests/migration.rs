//! Stores of every version before: with rows in each table they are opened by this binary, brought up to date, and lose nothing; so
//! are their backups. A newer store is left alone.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use selvage_model::operation::OperationState;
use serde_json::Value;
use tempfile::TempDir;

use super::stage::{Stage, tamper};
use super::{both, new_claim};
use crate::database::{Database, Patience};
use crate::{Claim, Restoring, Store, StoreError, check_backup, migration};

both!(
    bare: a_store_of_every_odd_version_is_brought_up_to_date,
    a_store_of_every_even_version_is_brought_up_to_date,
    a_backup_of_every_odd_version_is_restored,
    a_backup_of_every_even_version_is_restored,
    a_newer_store_is_refused_by_an_older_binary,
    a_store_is_brought_up_to_date_once_however_many_open_it,
    a_store_of_other_steps_is_refused,
);

/// What each version wrote, in the words of migrations: one for each that there is, the newest last.
const FIXTURES: &[&str] = &[
    "INSERT INTO fabric_release (id, content, recorded_at, recorded_by) VALUES ('rel_1', '{\"a.yaml\":\"kind: Team\"}', 5, 'ann');
     INSERT INTO activation (ordinal, environment, release_id, activated_at, activated_by) VALUES (1, 'dev', 'rel_1', 6, 'ann');
     UPDATE access_revision SET revision = 3;
     INSERT INTO credential (id, principal_kind, principal, key_hash, issued_at) VALUES
     ('key_1', 'consumer', 'mes-ghent', CAST('00000000000000000000000000000001' AS BYTEA), 7),
     ('key_2', 'operator', 'ann', CAST('00000000000000000000000000000002' AS BYTEA), 8);
     INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, ended_at) VALUES
     ('grt_1', 'manifest', 'mes-ghent', 'orders@1', '{\"operations\":[\"list\"],\"rows\":[],\"except\":[],\"purpose\":null,\"until\":null,\"on_end\":\"end\",\"rate\":null}', 9, NULL),
     ('grt_2', 'manifest', 'mes-ghent', 'stock@1', '{\"operations\":[\"get\"],\"rows\":[],\"except\":[],\"purpose\":null,\"until\":null,\"on_end\":\"alarm\",\"rate\":null}', 9, 10);
     INSERT INTO lease_terms (lease, digest) VALUES ('grt_1', CAST('00000000000000000000000000000003' AS BYTEA));
     INSERT INTO cross_reference (system_name, object, record, business_key, linked_at) VALUES ('odoo', 'product', '7', 'BIK-1', 9);
     INSERT INTO operation (id, consumer, interface, verb, idempotency_key, payload_hash, request, state, epoch, node, probes,
     answer_status, answer_body, created_at, changed_at) VALUES
     ('op_00000000000000000000000000000001', 'mes-ghent', 'production-orders@1', 'create', 'order-1', CAST('77777777777777777777777777777777' AS BYTEA),
     '{}', 'done', 1, 'node-a', 0, 201, '{}', 9, 10);
     INSERT INTO effect (id, operation, ordinal, system_name, verb, target, state, sends, intended_at, sent_at, settled_at) VALUES
     ('eff_00000000000000000000000000000001', 'op_00000000000000000000000000000001', 1, 'odoo', 'create', '{}', 'confirmed', 1, 9, 9, 10);",
    "INSERT INTO lane (lane, operation) VALUES ('odoo/mrp.production/7', 'op_00000000000000000000000000000001');",
    "INSERT INTO access_block (id, kind, subject, because, blocked_at) VALUES ('blk_1', 'consumer', 'shop', 'leak', 9);
     INSERT INTO node (id, environment, address, started_at, revision, acknowledged_at, lease_until, serves_for)
     VALUES ('node-a', 'dev', 'here', 9, 3, 9, 10, 0);",
    "INSERT INTO contract_check (interface, contract, consumer, operation, side, mode, checked, unfit, unchecked, first_at, last_at)
     VALUES ('orders@1', 'c', 'shop', 'get', 'request', 'report', 9, 1, 0, 9, 10);
     INSERT INTO contract_violation (interface, contract, consumer, operation, side, place, field, rule, count, first_at, last_at, sample)
     VALUES ('orders@1', 'c', 'shop', 'get', 'request', 'body', '/a', 'type', 1, 9, 10, '1');",
    "INSERT INTO budget (name, begins, ends_at, spent) VALUES ('grant/grt_1', 9, 99, 5);
     INSERT INTO budget_slice (name, begins, node, held, demand, until_at) VALUES ('grant/grt_1', 9, 'node-a', 5, 5, 10);",
    "INSERT INTO usage_count (grain, starts_at, interface, consumer, operation, way, attribute, requests, refused, failed)
     VALUES ('day', 0, 'orders@1', 'mes-ghent', 'list', '', '', 5, 1, 0);
     INSERT INTO usage_writer (node, batch, covers_until) VALUES ('node-a', 1, 9);
     INSERT INTO usage_gap (node, from_at, until_at) VALUES ('node-b', 1, 9);
     INSERT INTO usage_last (kind, id, used_at) VALUES ('grant', 'grt_1', 9);
     INSERT INTO shadow_group (method, path, requests, first_at, last_at) VALUES ('GET', '/admin', 1, 9, 9);",
    "INSERT INTO event_stream (id, name, epoch, next_offset, retired_to, bytes) VALUES (1, 'orders@1', 2, 21, 0, 0);
     INSERT INTO event_epoch (stream, epoch, first_offset, lost_from, lost_to, began_at) VALUES (1, 2, 21, 1, 20, 9);
     INSERT INTO event_cursor (stream, reader, position, fence, node, leased_until, moved_at) VALUES (1, 'wms', 0, 1, '', 0, 9);
     INSERT INTO event_record (place, stream, epoch, appended_at, checksum, id, lane, body)
     VALUES (35184372088840, 2, 1, 9, 1, 'e-1', 'one', CAST('{}' AS BYTEA));",
    "UPDATE event_epoch SET told_at = 10;",
    "INSERT INTO subscription (id, consumer, name, interface, terms, state, begins, acts, requested_at, changed_at)
     VALUES ('sub_1', 'mes-ghent', 'line', 'orders@1', '{\"events\":[],\"from\":\"oldest\",\"until\":null,\"lag\":null,\"deliver\":null}', 'suspended', 0, 0, 9, 9);
     INSERT INTO subscription_terms (subscription, digest) VALUES ('sub_1', CAST('00000000000000000000000000000004' AS BYTEA));
     INSERT INTO parked_lane (subscription, lane, state, through, cause, because, attempts, spent, failed_at, since)
     VALUES ('sub_1', 'one', 'parked', 1, 'refused', 'no', 3, 9, 9, 9);
     INSERT INTO parked_message (subscription, lane, position, event, body, appended_at)
     VALUES ('sub_1', 'one', 1, 'e-1', CAST('{}' AS BYTEA), 9);
     INSERT INTO dead_letter (id, subscription, lane, position, event, cause, because, attempts, died_at, state)
     VALUES ('ltr_1', 'sub_1', 'one', 1, 'e-1', 'refused', 'no', 3, 9, 'open');
     INSERT INTO delivery_attempt (subscription, position, number, attempted_at, took, because) VALUES ('sub_1', 1, 1, 9, 1, 'no');",
    "INSERT INTO capture (id, interface, system, record, stage, generation, front, settled, next_out, node, fence, leased_until)
     VALUES (1, 'orders@1', 'odoo', 'mrp.production', 'following', 1, 9, 9, 2, '', 1, 0);
     INSERT INTO captured (capture, record, standing, generation, written, change, business_key, content)
     VALUES (1, 7, 1, 1, 9, 'c', 'BIK-1', '{}');
     INSERT INTO captured_value (capture, attribute, value, record) VALUES (1, 'site', 'ghent', 7);
     INSERT INTO capture_parked (capture, record, code, reason, since) VALUES (1, 8, 'FAB5143', 'no', 9);
     INSERT INTO capture_hint (capture, record, asked) VALUES (1, 9, 1);
     INSERT INTO capture_echo (capture, record, content, effect, noted_at)
     VALUES (1, 7, CAST('00000000000000000000000000000005' AS BYTEA), 'op_1', 9);
     INSERT INTO event_outbox (capture, number, id, lane, body) VALUES (1, 1, 'o-1', 'one', CAST('{}' AS BYTEA));",
    "UPDATE activation SET because = 'first', gates = '{}';
     INSERT INTO release_key (id, public_key, made_at, made_by) VALUES ('rk_1', CAST('00000000000000000000000000000006' AS BYTEA), 9, 'ann');
     INSERT INTO change_proposal (id, domain, title, author, version, release_id, content, state, emergency, report, requirements,
     proposed_at, changed_at) VALUES ('chg_1', 'group', 'More', 'ann', 1, 'rel_2', '{}', 'open', 0, '{}', '[]', 9, 9);
     INSERT INTO change_decision (change_id, ordinal, version, person, verdict, because, decided_at)
     VALUES ('chg_1', 1, 1, 'bob', 'approve', 'good', 10);
     INSERT INTO board_delegation (id, domain, discipline, given_by, given_to, until_at, given_at)
     VALUES ('del_1', 'group', 'security', 'bob', 'ann', 99, 9);",
    "INSERT INTO access_request (id, consumer, interface, terms, asked_by, asked_at, findings, state)
     VALUES ('req_1', 'shop', 'orders@1', '{}', 'ann', 9, '[]', 'open');
     INSERT INTO break_glass (lease, opened_by, because, opened_at, ends_at, review_by) VALUES ('grt_1', 'ann', 'fire', 9, 10, 11);
     INSERT INTO recertification (id, scope, until_at, started_at, started_by) VALUES ('rec_1', '{}', 99, 9, 'ann');
     INSERT INTO recertification_item (id, campaign, lease, tier, breadth, state) VALUES ('itm_1', 'rec_1', 'grt_1', 'tier-2', '{}', 'open');",
    "INSERT INTO ledger_checkpoint (entries, entry_hash, made_at, signed_with, signature)
     VALUES (1, CAST('00000000000000000000000000000008' AS BYTEA), 9, 'rk_1', CAST('s' AS BYTEA));
     INSERT INTO access_history (revision, reached_at) VALUES (3, 9);
     INSERT INTO lease_history (lease, since, terms) VALUES ('grt_1', 9, '{}') ON CONFLICT DO NOTHING;",
    "INSERT INTO lifecycle_notice (environment, interface, consumer, stage, says, noted_at, due_at, attempts)
     VALUES ('dev', 'stock@1', 'shop', 'deprecated', 'it ends', 9, 9, 0);",
    "UPDATE activation SET is_rollback = 1;",
    "INSERT INTO change_proposal (id, domain, title, author, version, release_id, content, state, emergency, report, requirements,
     proposed_at, changed_at, released_at, release_ordinal)
     VALUES ('chg_2', 'group', 'Less', 'ann', 1, 'rel_3', '{}', 'released', 0, '{}', '[]', 9, 9, 9, 1);
     UPDATE lease SET of_manifest = 1 WHERE id = 'grt_2';",
    "UPDATE node SET runs = 'set_1', runs_since = 9, refused = '{\"releases\":\"set_2\",\"code\":\"FAB5102\",\"because\":\"it lacks a secret\",\"passes\":false}';",
    "UPDATE capture SET id_key = CAST('00000000000000000000000000000009' AS BYTEA);
     UPDATE captured SET told = 'null', created = 8;
     INSERT INTO webhook_call (interface, hash, event, noted_at)
     VALUES ('calls@1', CAST('00000000000000000000000000000010' AS BYTEA), 'd-1', 9);",
    "UPDATE event_cursor SET node = 'node-a';",
    "INSERT INTO person (pseudonym, erased_at) VALUES ('person:1', 9);",
    "UPDATE capture SET found_by = 'site';",
    "UPDATE change_proposal SET ratified_late = 8 WHERE id = 'chg_2';",
    "INSERT INTO lifecycle_notice (environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts)
     VALUES ('dev', 'stock@1', 'shop', 'deprecated', 'mail', 'desk@example.com', 'it ends', 9, 9, 0);",
    "INSERT INTO usage_count (grain, starts_at, interface, consumer, operation, way, attribute, requests, refused, failed, planned)
     VALUES ('day', 0, 'stock@1', 'shop', 'list', '', '', 5, 1, 1, 3);",
    "INSERT INTO promise_count (grain, starts_at, environment, interface, under_micros, answers, kept)
     VALUES ('day', 0, 'dev', 'orders@1', 250000, 9, 8);
     INSERT INTO release_run (environment, domain, release_id, first_at, last_at, ran_for) VALUES ('dev', 'group', 'rel_2', 1, 9, 8);
     INSERT INTO release_seal (change_id, release_id, signed_with, signature, made_at, made_by)
     VALUES ('chg_2', 'rel_3', 'rk_1', CAST('s' AS BYTEA), 9, 'ann');",
    "INSERT INTO capture_echo (capture, record, content, effect, noted_at, stood, wrote)
     VALUES (1, 7, CAST('00000000000000000000000000000011' AS BYTEA), 'op_2', 9, '0a', '[\"status\"]');",
    "UPDATE change_decision SET unproven = 1;
     UPDATE release_seal SET unproven = 1;",
    "INSERT INTO console_session (token_hash, kind, credential, ends_at)
     VALUES (CAST('00000000000000000000000000000012' AS BYTEA), 'session', 'key_1', 99);
     UPDATE access_block SET blocked_by = 'ann';",
    "UPDATE lease SET touched = 9 WHERE id = 'grt_1';",
    "INSERT INTO capture_parked (capture, record, code, reason, since, cause) VALUES (1, 9, 'FAB3101', 'no', 9, 'code');
     INSERT INTO ended_group (stream, reader, position, ended_at, because) VALUES (1, 'group/mes-ghent/line', 1, 9, 'its grant has ended');
     UPDATE subscription SET held_until = 99 WHERE id = 'sub_1';
     INSERT INTO withheld_message (subscription, position, lane, event, because, withheld_at)
     VALUES ('sub_1', 1, 'one', 'e-1', 'the grant does not cover it any more', 9);
     INSERT INTO broker_id (stream, hash, sequence) VALUES (1, CAST('0000000000000012' AS BYTEA), 3);
     INSERT INTO broker_index (stream, indexed_to) VALUES (1, 3);",
    "UPDATE subscription SET waits_for = 'secret', waits_because = 'the secret `board/hooks` is not there';
     INSERT INTO delivered (subscription, total, low, high, last_at, deliveries)
     VALUES ('sub_1', 1, 1, 1, 9, '[[1,9,1,200,1]]');",
    "UPDATE operation SET environment = 'dev';
     UPDATE lane SET environment = 'dev';
     INSERT INTO cross_reference (environment, system_name, object, record, business_key, linked_at)
     VALUES ('test', 'odoo', 'product', '7', 'BIK-2', 9);",
    "UPDATE parked_message SET checksum = 7;",
    // Only `dev` has run there: its events are there already.
    "UPDATE event_home SET environment = 'dev';",
    "UPDATE event_outbox SET checksum = 7;
     INSERT INTO pulled_to (stream, consumer, position, heard_at) VALUES (1, 'mes-ghent', 1, 9);",
    "INSERT INTO release_import (change_id, release_id, signed_with, imported_at, imported_by, unproven)
     VALUES ('chg_2', 'rel_3', 'rk_1', 9, 'ann', 0);
     INSERT INTO release_receipt (domain, release_id, environment, signed_with, seen_at, imported_at, receipt)
     VALUES ('group', 'rel_3', 'test', 'rk_1', 8, 9, '{\"environment\":\"test\",\"spells\":[],\"ran\":null}');",
    "INSERT INTO passed_event (subscription, position, last_offset, code, because, passed_at)
     VALUES ('sub_1', 1, 1, 'FAB7013', 'the event is damaged', 9);",
    "UPDATE lease SET environment = 'dev', withdrawn = 1 WHERE id = 'grt_2';
     UPDATE release_key SET distrusted_at = 9 WHERE id = 'rk_1';",
    "INSERT INTO usage_in_environment (environment, interface, consumer, operation, way, attribute, used_at)
     VALUES ('dev', 'orders@1', 'mes-ghent', 'list', '', '', 9);
     INSERT INTO issuer_keys (environment, issuer, first_at, last_at, digest, document)
     VALUES ('dev', 'https://login.example', 8, 9, CAST('00000000000000000000000000000013' AS BYTEA), '{\"keys\":[]}');",
    "UPDATE contract_check SET unchecked = 1, unchecked_at = 10;",
    "UPDATE event_record SET lane = 'one';",
];

/// A store as the binary of this version left it.
pub(super) async fn of_version(stage: &Stage, version: usize) -> Store {
    let database = stage.emptied().await;
    for (step, fixture) in (1..=version).zip(FIXTURES) {
        migration::run_first(&database, step).await.unwrap();
        let mut transaction = database.write().await.unwrap();
        transaction.script(fixture).await.unwrap_or_else(|error| panic!("fixture {step}: {error}"));
        transaction.commit().await.unwrap();
    }
    Store::on(database)
}

/// A backup of a store, and the rows of each table in it, by column.
async fn rows(store: &Store) -> (TempDir, BTreeMap<String, Vec<String>>) {
    let directory = TempDir::new().unwrap();
    let mut file = std::fs::File::create(directory.path().join("backup")).unwrap();
    store.back_up(&mut file).await.unwrap();
    let (mut tables, mut table, mut columns) = (BTreeMap::<String, Vec<String>>::new(), String::new(), Vec::new());
    for line in std::fs::read_to_string(directory.path().join("backup")).unwrap().lines() {
        match serde_json::from_str(line).unwrap() {
            Value::Array(cells) => {
                let mut row: Vec<String> =
                    columns.iter().zip(cells).map(|(name, cell)| format!("{name}={cell}")).collect();
                row.sort();
                tables.entry(table.clone()).or_default().push(row.join(" "));
            }
            head => {
                table = head["table"].as_str().unwrap_or_default().to_owned();
                let names = head["columns"].as_array().into_iter().flatten();
                columns = names.map(|column| column[0].as_str().unwrap().to_owned()).collect();
            }
        }
    }
    (directory, tables)
}

/// From this version on, what is noted of Selvage's own writes says more; what was noted before counts for nothing.
const ECHOES: usize = 26;

/// From this version on, leases are of environments: a lease that the step gives one is read again by nodes, and says so.
const ENVIRONMENTS: usize = 38;

fn is_forgotten(table: &str, version: usize) -> bool {
    table == "capture_echo" && version < ECHOES
}

/// Whether every row is there still, whatever columns it has besides, and what they are called now.
fn kept(before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>, version: usize) {
    for (table, rows) in before.iter().filter(|(table, _)| !is_forgotten(table, version)) {
        let there = after.get(table).unwrap_or_else(|| panic!("`{table}` of version {version} is gone"));
        for row in rows {
            let is_read_again =
                |cell: &&str| table == "lease" && version < ENVIRONMENTS && cell.starts_with("touched=");
            let cells = row.split(' ').filter(|cell| !is_read_again(cell)).map(|cell| match cell.split_once('=') {
                Some(("bytes", value)) if table == "event_stream" => format!("kept_bytes={value}"),
                Some(("fence", value)) if table == "event_cursor" => format!("fence_number={value}"),
                _ => cell.to_owned(),
            });
            let cells: Vec<String> = cells.collect();
            let same = |other: &String| cells.iter().all(|cell| other.split(' ').any(|it| it == *cell));
            assert!(there.iter().any(same), "version {version}, `{table}`: {row}");
        }
    }
}

fn fresh(like: &Stage) -> impl Future<Output = Stage> {
    let is_file = matches!(like, Stage::Sqlite(_));
    async move { if is_file { Stage::sqlite() } else { Stage::postgres_bare().await } }
}

async fn a_store_of_every_odd_version_is_brought_up_to_date(stage: &Stage) {
    brought_up_to_date(stage, 1).await;
}

async fn a_store_of_every_even_version_is_brought_up_to_date(stage: &Stage) {
    brought_up_to_date(stage, 2).await;
}

async fn brought_up_to_date(stage: &Stage, first: usize) {
    let known = usize::try_from(migration::known()).unwrap();
    assert_eq!(FIXTURES.len(), known, "each version has rows of its own");
    for version in (first..=known).step_by(2) {
        let stage = fresh(stage).await;
        let older = of_version(&stage, version).await;
        let (_, before) = rows(&older).await;
        for table in migration::tables(i64::try_from(version).unwrap()) {
            assert!(before.contains_key(&table), "version {version} has no row in `{table}`");
        }
        older.close().await;
        let store = stage.open().await;
        let (_, after) = rows(&store).await;
        kept(&before, &after, version);
        assert!(store.verify_ledger().await.unwrap().is_whole(), "version {version}");
        let state = store.access_state().await.unwrap();
        assert_eq!((state.revision, state.credentials.len(), state.grants.len()), (3, 2, 2), "version {version}");
        // Only `dev` has run there: what was done is of it.
        let store = store.in_environment(&"dev".parse().unwrap());
        let claim = store.claim(&new_claim("order-1")).await.unwrap();
        assert!(
            matches!(claim, Claim::OtherPayload { .. } | Claim::Same { state: OperationState::Done(_), .. }),
            "version {version}: {claim:?}"
        );
        store.close().await;
        stage.end().await;
    }
}

async fn a_backup_of_every_odd_version_is_restored(stage: &Stage) {
    restored(stage, 1).await;
}

async fn a_backup_of_every_even_version_is_restored(stage: &Stage) {
    restored(stage, 2).await;
}

async fn restored(stage: &Stage, first: usize) {
    for version in (first..=FIXTURES.len()).step_by(2) {
        let (from, to) = (fresh(stage).await, fresh(stage).await);
        let older = of_version(&from, version).await;
        let (directory, before) = rows(&older).await;
        older.close().await;
        let file = directory.path().join("backup");
        let accepted = Some(check_backup(&file).unwrap().summary.taken);
        Store::restore(&to.url(), &file, &Restoring { by: "ann".to_owned(), accepted, ..Restoring::default() })
            .await
            .unwrap();
        let store = to.open().await;
        assert!(store.verify_ledger().await.unwrap().is_whole(), "version {version}");
        let (_, after) = rows(&store).await;
        for (table, rows) in &before {
            let goes = ["node", "budget_slice"].contains(&table.as_str()) || is_forgotten(table, version);
            assert!(goes || after[table].len() >= rows.len(), "version {version}, `{table}`");
        }
        store.close().await;
        from.end().await;
        to.end().await;
    }
}

async fn a_newer_store_is_refused_by_an_older_binary(stage: &Stage) {
    let known = migration::known();
    stage.open().await.close().await;
    let database = Database::connect(&stage.url(), Patience::Node).await.unwrap();
    for older in 1..usize::try_from(known).unwrap() {
        let refused = migration::run_first(&database, older).await.unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found, .. } if found == known), "{refused}");
    }
    let store = stage.open().await;
    tamper(&store, "INSERT INTO store_version (version, reached_at) VALUES (9999, 1)").await;
    store.close().await;
    let refused = Store::open(&stage.url()).await.err().unwrap();
    let said = format!("the store has version 9999, and this binary knows versions up to {known}");
    assert_eq!((refused.to_string(), refused.code().as_str()), (said, "FAB7003"));
}

async fn a_store_of_other_steps_is_refused(stage: &Stage) {
    // One of before checksums were kept has ours noted.
    of_version(stage, 20).await.close().await;
    let older = Store::on(Database::connect(&stage.url(), Patience::Node).await.unwrap());
    tamper(&older, "DROP TABLE store_step").await;
    older.close().await;
    stage.open().await.close().await;
    let store = stage.open().await;
    tamper(
        &store,
        "UPDATE store_step SET checksum = (SELECT checksum FROM store_step WHERE version = 1) WHERE version = 7",
    )
    .await;
    store.close().await;
    let refused = Store::open(&stage.url()).await.err().unwrap();
    assert_eq!(refused.code().as_str(), "FAB7204", "{refused}");
    assert!(refused.to_string().starts_with("step 7 of the store's tables"), "{refused}");
}

async fn a_store_is_brought_up_to_date_once_however_many_open_it(stage: &Stage) {
    of_version(stage, 1).await.close().await;
    let url = stage.url();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Store::open(&url).await.unwrap() })
        })
        .collect();
    for opened in opening {
        assert!(opened.await.unwrap().verify_ledger().await.unwrap().is_whole());
    }
}

/// Where what is told is written.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl io::Write for Told {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(written);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn who_waits_while_events_are_written_anew_is_told_how_many() {
    let stage = Stage::sqlite();
    let told = Told::default();
    let written = told.clone();
    let telling = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
    let _told = tracing::subscriber::set_default(telling);
    let said = || String::from_utf8(std::mem::take(&mut *told.0.lock().unwrap())).unwrap();
    of_version(&stage, 40).await.close().await;
    assert_eq!(said(), "");
    let store = Store::open(&stage.url()).await.unwrap();
    let said_then = said();
    let lines: Vec<&str> = said_then.lines().collect();
    assert!(lines[0].contains("this can take minutes: 1 events"), "{said_then}");
    assert!(lines[1].contains("the store wrote 1 events anew in "), "{said_then}");
    store.close().await;
    Store::open(&stage.url()).await.unwrap().close().await;
    assert_eq!(said(), "", "once");
}
