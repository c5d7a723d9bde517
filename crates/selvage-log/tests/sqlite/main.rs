//! What only a file can suffer: its process is killed, a byte flips, it is cut short, an old copy is put in its place.
//! INVARIANT: NOTHING-LOST: what was acknowledged is there, or its loss is named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use selvage_log::{EventLog as _, LogError, OpenedStream, ReadLimit, SqlLog};
use selvage_model::code;
use selvage_model::event::{NewRecord, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;

const ALL: ReadLimit = ReadLimit { records: 100_000, bytes: usize::MAX };
/// Names the directory of the child's log.
const CHILD_DIRECTORY: &str = "SELVAGE_TEST_CHILD_DIRECTORY";

fn orders() -> InterfaceRef {
    "work-order-events@1".parse().unwrap()
}

fn record(number: usize) -> NewRecord {
    let body = format!("the body of event {number}, which is here only once. ").repeat(8).into_bytes();
    NewRecord { id: format!("e-{number}").parse().unwrap(), lane: format!("wo-{}", number % 5).parse().unwrap(), body }
}

fn at(epoch: u32, offset: u64) -> Position {
    Position::new(epoch, offset).unwrap()
}

struct Opened {
    store: Store,
    log: SqlLog,
    stream: OpenedStream,
}

async fn try_open(directory: &Path) -> Result<Opened, LogError> {
    let store = Store::open(&format!("sqlite:{}", directory.join("store.db").display())).await?;
    let log = SqlLog::new(store.clone(), Some(&directory.join("marks")))?;
    let stream = log.open(&orders()).await?;
    Ok(Opened { store, log, stream })
}

async fn open(directory: &Path) -> Opened {
    try_open(directory).await.unwrap()
}

/// Everything is in the file itself once its connections are closed.
async fn close(opened: Opened) {
    opened.log.end().await;
    opened.store.close().await;
}

async fn filled(directory: &Path, numbers: std::ops::Range<usize>) {
    let opened = open(directory).await;
    opened.log.append(&orders(), numbers.map(record).collect()).await.unwrap();
    close(opened).await;
}

/// Appends one event after another from four tasks until it is killed, and notes what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of another test"]
#[expect(clippy::disallowed_methods, reason = "the test that starts this process says so where the log is")]
async fn appends_until_killed() {
    let Ok(directory) = std::env::var(CHILD_DIRECTORY) else { return };
    let directory = PathBuf::from(directory);
    let log = std::sync::Arc::new(open(&directory).await.log);
    let producers: Vec<_> = (0..4)
        .map(|producer| {
            let (log, noted) = (std::sync::Arc::clone(&log), directory.join(format!("acknowledged-{producer}")));
            tokio::spawn(async move {
                for number in 0.. {
                    log.append(&orders(), vec![record(number * 4 + producer)]).await.unwrap();
                    std::fs::write(&noted, number.to_string()).unwrap();
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
}

#[tokio::test]
async fn acknowledged_events_survive_a_kill_at_any_moment() {
    for round in 0..4_u64 {
        let directory = TempDir::new().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "appends_until_killed", "--ignored", "--nocapture"]);
        child.env(CHILD_DIRECTORY, directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        let noted = |producer: usize| -> Option<usize> {
            std::fs::read_to_string(directory.path().join(format!("acknowledged-{producer}"))).ok()?.parse().ok()
        };
        let (began, mut last) = (Instant::now(), [0; 4]);
        while last.iter().any(|last| *last < 5) {
            assert!(began.elapsed() < Duration::from_secs(30), "the child appends nothing");
            tokio::time::sleep(Duration::from_millis(5 + round)).await;
            last.iter_mut().enumerate().for_each(|(producer, last)| *last = noted(producer).unwrap_or(*last));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // A note is empty where it was being written at the kill; then the one before holds.
        last.iter_mut().enumerate().for_each(|(producer, last)| *last = noted(producer).unwrap_or(*last));
        let opened = open(directory.path()).await;
        assert_eq!(opened.stream.gap, None);
        for (producer, last) in last.into_iter().enumerate() {
            for number in 0..=last {
                let id = record(number * 4 + producer).id;
                assert!(opened.log.find(&orders(), &id).await.unwrap().is_some(), "`{id}` was lost");
            }
        }
        let batch = opened.log.read(&orders(), Position::START, ALL).await.unwrap();
        assert_eq!(batch.records.last().map(|record| record.position), Some(batch.head));
    }
}

#[tokio::test]
async fn a_flipped_byte_is_named_and_what_is_before_and_behind_is_read() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 0..60).await;
    flip(&directory.path().join("store.db"), b"the body of event 41, which");
    let log = open(directory.path()).await.log;
    let before = log.read(&orders(), Position::START, ALL).await.unwrap();
    assert_eq!(before.records.len(), 41);
    let last = before.records[40].position;
    for _ in 0..2 {
        let error = log.read(&orders(), last, ALL).await.unwrap_err();
        assert_eq!(error.code(), code::EVENT_DAMAGED);
        assert_eq!(error.to_string(), "the event at 1-42 of `work-order-events@1` is damaged");
    }
    let behind = log.read(&orders(), at(1, 42), ALL).await.unwrap();
    assert_eq!(behind.records.len(), 18);
    assert!(log.find(&orders(), &record(41).id).await.is_err());
}

/// Flips a bit of the one place where this text stands.
fn flip(path: &Path, text: &[u8]) {
    let mut file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    let found = content.windows(text.len()).position(|window| window == text).unwrap();
    file.seek(SeekFrom::Start(found as u64 + 5)).unwrap();
    file.write_all(&[content[found + 5] ^ 0x10]).unwrap();
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_damaged_or_behind_and_never_taken_for_whole() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 0..200).await;
    let path = directory.path().join("store.db");
    let whole = std::fs::read(&path).unwrap();
    for part in [1, 2, 3, 5, 9] {
        std::fs::write(&path, &whole[..whole.len() * part / 10 / 4096 * 4096]).unwrap();
        for journal in ["store.db-wal", "store.db-shm"] {
            let _ = std::fs::remove_file(directory.path().join(journal));
        }
        let told = match try_open(directory.path()).await {
            Err(error) => error.code(),
            Ok(opened) if opened.stream.gap.is_some() => code::LOG_GAP,
            Ok(opened) => first_fault(&opened.log).await,
        };
        let expected = [code::STORE_DAMAGED, code::LOG_GAP, code::EVENTS_MISSING];
        assert!(expected.contains(&told), "{part}/10: {told}");
    }
}

/// Reads on until something is wrong.
async fn first_fault(log: &SqlLog) -> code::Code {
    let mut after = Position::START;
    loop {
        match log.read(&orders(), after, ALL).await {
            Err(error) => return error.code(),
            Ok(batch) => after = batch.records.last().expect("all of it is read").position,
        }
    }
}

#[tokio::test]
async fn an_old_copy_is_found_behind_and_the_epoch_rises() {
    let directory = TempDir::new().unwrap();
    let (path, backup) = (directory.path().join("store.db"), directory.path().join("backup.db"));
    filled(directory.path(), 0..10).await;
    std::fs::copy(&path, &backup).unwrap();
    filled(directory.path(), 10..25).await;
    std::fs::copy(&backup, &path).unwrap();

    let opened = open(directory.path()).await;
    let gap = opened.stream.gap.clone().unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch), (at(1, 10), 25, 2));
    let told = "`work-order-events@1` lost the events after 1-10, at least up to offset 25; epoch 2 begins";
    assert_eq!(gap.to_string(), told);
    // What was lost may be appended again, and everything new is larger than what anybody has seen.
    let appended = opened.log.append(&orders(), (20..22).map(record).collect()).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 26), false));
    assert!(appended[0].position.sequence() > at(1, 25).sequence());
    // Who had read what was lost, and who had not, both go on.
    for after in [at(1, 10), at(1, 17), at(1, 25), at(1, 30)] {
        let batch = opened.log.read(&orders(), after, ALL).await.unwrap();
        let read: Vec<_> = batch.records.iter().map(|record| record.position).collect();
        assert_eq!(read, [at(2, 26), at(2, 27)], "{after}");
    }
    assert_eq!(opened.log.read(&orders(), at(1, 8), ALL).await.unwrap().records.len(), 4);
    close(opened).await;

    // Told until somebody says so, and once again when the same copy is put in place again.
    let opened = open(directory.path()).await;
    assert_eq!((opened.stream.gap.as_ref(), opened.stream.head), (Some(&gap), at(2, 27)));
    opened.log.told(&gap).await.unwrap();
    close(opened).await;
    let opened = open(directory.path()).await;
    assert_eq!(opened.stream.gap, None);
    close(opened).await;
    std::fs::copy(&backup, &path).unwrap();
    let opened = open(directory.path()).await;
    let gap = opened.stream.gap.clone().unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch), (at(1, 10), 27, 3));
    let appended = opened.log.append(&orders(), vec![record(30)]).await.unwrap();
    assert_eq!(appended[0].position, at(3, 28));
    let batch = opened.log.read(&orders(), at(2, 27), ALL).await.unwrap();
    assert_eq!(batch.records.len(), 1);
}

/// As after a failover to a server that had not everything, or a restore under running nodes: nobody opens anything again.
#[tokio::test]
async fn a_database_that_goes_back_under_a_running_node_is_noticed_by_who_appends_and_who_waits() {
    let directory = TempDir::new().unwrap();
    let Opened { store, log, .. } = open(directory.path()).await;
    let file = directory.path().join("store.db");
    let run = |statements: &'static str| {
        let file = file.clone();
        async move {
            let mut other = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
            sqlx::raw_sql(statements).execute(&mut other).await.unwrap();
        }
    };
    let keep = "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM event_stream";
    let back = "DELETE FROM event_record WHERE (place & 17592186044415) >= (SELECT next_offset FROM kept); \
                UPDATE event_stream SET next_offset = kept.next_offset, kept_bytes = kept.kept_bytes, checksum = kept.checksum FROM kept";
    log.append(&orders(), (0..12).map(record).collect()).await.unwrap();
    run(keep).await;
    log.append(&orders(), (12..20).map(record).collect()).await.unwrap();
    run(back).await;
    let told = log.append(&orders(), vec![record(20)]).await.unwrap_err();
    assert_eq!(told.code(), code::LOG_GAP, "{told}");
    let appended = log.append(&orders(), vec![record(15)]).await.unwrap();
    assert_eq!((appended[0].position, appended[0].known), (at(2, 21), false));
    run(keep).await;
    log.append(&orders(), vec![record(20)]).await.unwrap();
    let read = log.read(&orders(), at(1, 19), ALL).await.unwrap();
    assert_eq!(read.records.len(), 2);

    run(back).await;
    // Who waits has it looked at, and hears of what comes next.
    let waiting = async {
        let next = log.wait(&orders(), at(2, 22)).await.unwrap();
        assert!(next > at(2, 22), "{next}");
    };
    let appending = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if store.event_stream(&orders()).await.unwrap().head.epoch() == 3 {
                break;
            }
        }
        log.append(&orders(), vec![record(30)]).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(waiting, appending) }).await.unwrap();
}

/// SQLite reads its journal up to the first frame that is damaged, and says nothing of what stood behind.
#[tokio::test]
async fn a_journal_that_lost_its_tail_is_found_behind() {
    let directory = TempDir::new().unwrap();
    let opened = open(directory.path()).await;
    let length = |directory: &TempDir| std::fs::metadata(directory.path().join("store.db-wal")).unwrap().len();
    let before = length(&directory);
    for number in 0..30 {
        opened.log.append(&orders(), vec![record(number)]).await.unwrap();
    }
    opened.log.end().await;
    // As after a kill: the journal was not taken into the file.
    let crashed = TempDir::new().unwrap();
    for name in ["store.db", "store.db-wal", "marks"] {
        std::fs::copy(directory.path().join(name), crashed.path().join(name)).unwrap();
    }
    let journal = crashed.path().join("store.db-wal");
    // A third of what the events added is lost, whatever stands before them.
    let lost = (length(&crashed) - before) / 3;
    std::fs::File::options().write(true).open(&journal).unwrap().set_len(length(&crashed) - lost).unwrap();
    let again = open(crashed.path()).await;
    let gap = again.stream.gap.unwrap();
    assert!((1..30).contains(&gap.after.offset()), "{gap}");
    assert_eq!((gap.until, gap.epoch), (30, 2));
}

#[tokio::test]
async fn without_a_file_of_marks_the_log_works_and_misses_less() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(&format!("sqlite:{}", directory.path().join("store.db").display())).await.unwrap();
    let log = SqlLog::new(store, None).unwrap();
    log.open(&orders()).await.unwrap();
    let appended = log.append(&orders(), vec![record(0)]).await.unwrap();
    assert_eq!(appended[0].position, at(1, 1));
}

/// One stream's trouble is told to those who append to it, also where others' appends wait for the same commit.
#[tokio::test]
async fn a_stream_that_cannot_be_appended_to_fails_only_its_own_callers() {
    let directory = TempDir::new().unwrap();
    let opened = open(directory.path()).await;
    let bad: InterfaceRef = "bad-events@1".parse().unwrap();
    opened.log.open(&bad).await.unwrap();
    // Another's hand: the row says of the next offset what is none.
    let file = directory.path().join("store.db");
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let damage = "UPDATE event_stream SET next_offset = -7 WHERE name = 'bad-events@1'";
    sqlx::raw_sql(damage).execute(&mut connection).await.unwrap();
    let log = std::sync::Arc::new(opened.log);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (log, bad) = (std::sync::Arc::clone(&log), bad.clone());
            tokio::spawn(async move {
                let stream = if number % 10 == 3 { bad } else { orders() };
                (number % 10 == 3, log.append(&stream, vec![record(number)]).await)
            })
        })
        .collect();
    for task in tasks {
        let (of_bad, outcome) = task.await.unwrap();
        assert_eq!(outcome.is_err(), of_bad, "{outcome:?}");
    }
    let batch = log.read(&orders(), Position::START, ALL).await.unwrap();
    assert_eq!(batch.records.len(), 180);
}
