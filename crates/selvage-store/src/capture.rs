//! Captures: which node works on each, how far it is, why it stands still. One node at a time has a capture, by lease and fence;
//! everything that it learns is written under the fence. Asks no system anything, and never looks into an object.

pub(crate) mod finding;
pub(crate) mod hint;
pub(crate) mod known;
pub(crate) mod outbox;
pub(crate) mod parked;
pub(crate) mod person;
pub(crate) mod step;

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{InterfaceRef, SystemName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

/// Lets one transaction at a time make a capture: the letters `capture1`.
const LOCK: i64 = i64::from_be_bytes(*b"capture1");

statements! {
    FIND = "SELECT id FROM capture WHERE interface = $1 AND system = $2";
    BEGIN = "INSERT INTO capture (id, interface, system, record, stage, place, generation, front, settled, looked_at, \
             reconciled_at, paused_code, paused_because, next_out, node, fence, leased_until) \
             SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, NULL, 1, 0, 0, NULL, NULL, NULL, NULL, 1, '', 0, 0 \
             FROM capture WHERE TRUE ON CONFLICT (interface, system) DO NOTHING";
    TAKE = "UPDATE capture SET fence = fence + 1, node = $1, leased_until = $2, record = $3, id_key = COALESCE(id_key, $6) \
            WHERE id = $4 AND (leased_until <= $5 OR node = $1) \
            RETURNING id, stage, place, generation, front, settled, looked_at, reconciled_at, paused_code, paused_because, \
            fence, node, leased_until, id_key, found_by";
    HOLDER = "SELECT node, leased_until FROM capture WHERE id = $1";
    EXTEND = "UPDATE capture SET leased_until = $1 WHERE id = $2 AND fence = $3";
    LET_GO = "UPDATE capture SET leased_until = 0, node = '' WHERE id = $1 AND fence = $2";
    PAUSE = "UPDATE capture SET paused_code = $1, paused_because = $2 WHERE id = $3 AND fence = $4";
    ALL = "SELECT id, interface, system, record, stage, place, generation, front, settled, looked_at, reconciled_at, \
           paused_code, paused_because, fence, node, leased_until, found_by, \
           (SELECT COUNT(*) FROM captured WHERE capture = capture.id AND standing <> 2) AS records, \
           (SELECT COUNT(*) FROM capture_parked WHERE capture = capture.id) AS parked, \
           (SELECT COUNT(*) FROM event_outbox WHERE capture = capture.id) AS waiting \
           FROM capture ORDER BY interface, system";
}

/// A capture that a node wants to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCapture {
    /// The event interface.
    pub interface: InterfaceRef,
    /// The system whose changes are captured.
    pub system: SystemName,
    /// What the system calls its record.
    pub record: String,
    /// How it begins, where there is none yet.
    pub begin: CaptureStage,
    /// Who works.
    pub node: String,
    /// For how long, unless extended.
    pub lease: Duration,
}

/// What a capture is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureStage {
    /// It goes through all records and tells nothing of those that it sees for the first time.
    Baseline,
    /// It goes through all records and tells what is other than known.
    Telling,
    /// The same, and it stops where too many records are gone: nobody has said that they are.
    Rebuilding,
    /// It follows what changes.
    Following,
}

impl CaptureStage {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Telling => "telling",
            Self::Rebuilding => "rebuilding",
            Self::Following => "following",
        }
    }

    /// Whether a person has said that what is there now is right, whatever was known.
    pub fn is_by_word(self) -> bool {
        matches!(self, Self::Baseline | Self::Telling)
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let text = row.text("stage")?;
        let all = [Self::Baseline, Self::Telling, Self::Rebuilding, Self::Following];
        let stage = all.into_iter().find(|stage| stage.as_str() == text);
        stage.ok_or_else(|| StoreError::damaged(format!("`{text}` is no stage of a capture")))
    }
}

/// How far a capture is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureState {
    /// What it is at.
    pub stage: CaptureStage,
    /// Where going through all records goes on; opaque here.
    pub place: Option<String>,
    /// How often all records were gone through.
    pub generation: i64,
    /// The newest second of writing that was seen, by the system's clock.
    pub front: i64,
    /// The front when it was last looked back as far as transactions may run.
    pub settled: i64,
    /// When the last look began that saw everything.
    pub looked_at: Option<Timestamp>,
    /// When deleted records were last looked for.
    pub reconciled_at: Option<Timestamp>,
}

/// Why a capture stands still until a person says how it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturePause {
    /// The code of the situation.
    pub code: String,
    /// What was found.
    pub because: String,
}

/// A hold on a capture: what every write names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureHold {
    /// Which.
    pub capture: i64,
    /// INVARIANT: LANE-ORDER: a node that was paused past its lease writes nothing any more.
    pub fence: i64,
}

/// A capture that a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCapture {
    /// The hold.
    pub hold: CaptureHold,
    /// How far it is.
    pub state: CaptureState,
    /// Why it stands still, where it does.
    pub paused: Option<CapturePause>,
    /// What ids of its changes are hashed with: the same for every node, for ever.
    pub key: [u8; 32],
    /// By which attributes its copy finds every record, where it does.
    pub found_by: Option<String>,
    /// When it was taken, by the store's clock.
    pub now: Timestamp,
}

/// What came of taking a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenCapture {
    /// The node has it.
    Taken(HeldCapture),
    /// Another node has it.
    Held {
        /// Which.
        by: String,
        /// Until when, by the store's clock.
        until: Timestamp,
    },
}

/// A capture as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRow {
    /// Its number in the store.
    pub id: i64,
    /// The event interface.
    pub interface: InterfaceRef,
    /// The system.
    pub system: SystemName,
    /// What the system calls its record.
    pub record: String,
    /// How far it is.
    pub state: CaptureState,
    /// Why it stands still, where it does.
    pub paused: Option<CapturePause>,
    /// The node that has it; empty where none does.
    pub node: String,
    /// Whether a copy is kept from it. One that was switched on for records that were known already is one once all of them are found in it.
    pub keeps_copy: bool,
    /// How many records it knows.
    pub records: u64,
    /// How many of them cannot be captured as they are.
    pub parked: u64,
    /// How many events wait to be brought to the log.
    pub waiting: u64,
}

impl CaptureRow {
    /// What it is at, in a word: `paused` where it stands still.
    pub fn stands(&self) -> &'static str {
        if self.paused.is_some() { "paused" } else { self.state.stage.as_str() }
    }
}

impl Store {
    /// Takes a capture for a node, and makes it where there is none. The same node may take it again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_capture(&self, new: &NewCapture) -> Result<TakenCapture, StoreError> {
        let mut transaction = self.database.write().await?;
        let names = || bind![new.interface.to_string(), new.system.as_str()];
        let id = match transaction.first(FIND, names()).await? {
            Some(row) => row.integer("id")?,
            None => {
                transaction.alone(LOCK).await?;
                let begin =
                    bind![new.interface.to_string(), new.system.as_str(), new.record.as_str(), new.begin.as_str()];
                transaction.run(BEGIN, begin).await?;
                transaction.only(FIND, names()).await?.integer("id")?
            }
        };
        let now = transaction.now().await?;
        let take = bind![new.node.as_str(), now.after(new.lease), new.record.as_str(), id, now, fresh_key()];
        let taken = match transaction.first(TAKE, take).await? {
            Some(row) => TakenCapture::Taken(HeldCapture {
                hold: CaptureHold { capture: id, fence: row.integer("fence")? },
                state: state(&row)?,
                paused: pause(&row)?,
                key: row.hash("id_key")?,
                found_by: row.optional_text("found_by")?,
                now: now.timestamp()?,
            }),
            None => {
                let row = transaction.only(HOLDER, bind![id]).await?;
                TakenCapture::Held { by: row.text("node")?, until: row.time("leased_until")? }
            }
        };
        transaction.commit().await?;
        Ok(taken)
    }

    /// Extends a lease.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`] where another node, or a person, has taken the capture.
    pub async fn extend_capture(&self, hold: CaptureHold, lease: Duration) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let until = transaction.now().await?.after(lease);
        held(transaction.run(EXTEND, bind![until, hold.capture, hold.fence]).await?, hold)?;
        transaction.commit().await
    }

    /// Ends a lease, so that another node need not wait for it.
    ///
    /// # Errors
    /// Those of the database; a hold that was lost is none.
    pub async fn let_capture_go(&self, hold: CaptureHold) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.run(LET_GO, bind![hold.capture, hold.fence]).await?;
        transaction.commit().await
    }

    /// Lets a capture stand still until a person says how it goes on.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`].
    pub async fn pause_capture(&self, hold: CaptureHold, why: &CapturePause) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let pause = bind![why.code.as_str(), why.because.as_str(), hold.capture, hold.fence];
        held(transaction.run(PAUSE, pause).await?, hold)?;
        transaction.commit().await
    }

    /// Every capture that there ever was, by interface.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn captures(&self) -> Result<Vec<CaptureRow>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(ALL, bind![]).await?.iter().map(listed).collect()
    }
}

/// A key that nobody can guess.
fn fresh_key() -> [u8; 32] {
    let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()];
    Sha256::digest(random.concat()).into()
}

/// Refuses a write that concerned no row: the hold is lost.
fn held(rows: u64, hold: CaptureHold) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::CaptureFenced { fence: hold.fence }) } else { Ok(()) }
}

fn listed(row: &Row) -> Result<CaptureRow, StoreError> {
    Ok(CaptureRow {
        id: row.integer("id")?,
        interface: row.parsed("interface")?,
        system: row.parsed("system")?,
        record: row.text("record")?,
        state: state(row)?,
        paused: pause(row)?,
        node: row.text("node")?,
        keeps_copy: row.optional_text("found_by")?.is_some(),
        records: row.count("records")?,
        parked: row.count("parked")?,
        waiting: row.count("waiting")?,
    })
}

fn state(row: &Row) -> Result<CaptureState, StoreError> {
    Ok(CaptureState {
        stage: CaptureStage::read(row)?,
        place: row.optional_text("place")?,
        generation: row.integer("generation")?,
        front: row.integer("front")?,
        settled: row.integer("settled")?,
        looked_at: row.optional_time("looked_at")?,
        reconciled_at: row.optional_time("reconciled_at")?,
    })
}

fn pause(row: &Row) -> Result<Option<CapturePause>, StoreError> {
    let Some(code) = row.optional_text("paused_code")? else { return Ok(None) };
    Ok(Some(CapturePause { code, because: row.optional_text("paused_because")?.unwrap_or_default() }))
}
