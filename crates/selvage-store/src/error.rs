//! What can go wrong with the store, in classes that callers act on. Never carries an address or a parameter's value.

use std::time::Duration;

use selvage_model::change::ChangeState;
use selvage_model::code::{self, Code};
use selvage_model::event::{Position, ReaderName};
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use selvage_model::operation::OperationId;
use selvage_model::subscription::SubscriptionState;
use sqlx::postgres::PgDatabaseError;

use crate::access::subscription::SubscriptionStep;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No answer in time, no connection, or no space. Trying again later may help; a write may have happened.
    #[error("the store cannot be reached or is overloaded: {reason}")]
    Unavailable {
        /// What happened, for the log.
        reason: String,
        /// The driver's error, where there is one.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// What is stored cannot be what was written.
    #[error("the store is damaged: {reason}")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// A newer binary made this store.
    #[error("the store has version {found}, and this binary knows versions up to {known}")]
    Newer {
        /// The store's.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
    /// A step that brought this store's tables to its version is another one than this binary's.
    #[error(
        "step {version} of the store's tables was another one than this binary takes: it was made by a build of another origin"
    )]
    OtherSteps {
        /// The step.
        version: i64,
    },
    /// Somebody else has taken the operation over, or it has its outcome. INVARIANT: ONE-EFFECT
    #[error("operation `{operation}` is no longer held with epoch {epoch}")]
    Fenced {
        /// Which operation.
        operation: OperationId,
        /// The epoch that the claimant held.
        epoch: i64,
    },
    /// The stream has less than it is known to have acknowledged; nothing was appended. It has to be opened again, with what is
    /// known as its mark.
    #[error("`{stream}` is behind {acknowledged}, which it had acknowledged")]
    EventsBehind {
        /// Which stream.
        stream: InterfaceRef,
        /// What it is known to have acknowledged.
        acknowledged: Position,
    },
    /// Another node has taken the reader's cursor, or the cursor would go back.
    #[error("the cursor of `{reader}` cannot be moved to {to}: another node has it, or it is further")]
    CursorFenced {
        /// Whose cursor.
        reader: ReaderName,
        /// Where it was to go.
        to: Position,
    },
    /// A step was to be taken that a subscription in this state does not take.
    #[error("subscription `{id}` is {state} and cannot be {step}")]
    SubscriptionStands {
        /// Which.
        id: String,
        /// How it stands.
        state: SubscriptionState,
        /// What was to be done.
        step: SubscriptionStep,
    },
    /// A replay was asked for that there cannot be.
    #[error("`{label}` is not replayed: {because}")]
    NoReplay {
        /// Of which subscription.
        label: String,
        /// Why not.
        because: String,
    },
    /// A replay was asked for to the endpoint of another subscription, which is not sent it.
    #[error("nothing is sent again to `{label}`: {because}")]
    ReplayTarget {
        /// Which subscription's endpoint.
        label: String,
        /// Why not.
        because: String,
    },
    /// A replay was asked for of a subscription that is not sent to itself: nobody let it be, or somebody stopped it.
    #[error("`{label}` is not replayed while it is {state}: only what is sent now is sent again")]
    ReplayUnsent {
        /// Of which subscription.
        label: String,
        /// How it stands.
        state: SubscriptionState,
    },
    /// A step was to be taken that a change in this state does not take, or about a version that it does not have any more.
    #[error("change `{id}` is {state} in version {version} and cannot be {step}")]
    ChangeStands {
        /// Which.
        id: String,
        /// How it stands.
        state: ChangeState,
        /// Its version by now.
        version: u32,
        /// What was to be done.
        step: String,
    },
    /// The domain has made another release since.
    #[error("change `{id}` starts from {}, and the domain is at {}", .base.as_deref().unwrap_or("nothing"), .head.as_deref().unwrap_or("nothing"))]
    ChangeStale {
        /// Which.
        id: String,
        /// What it starts from.
        base: Option<String>,
        /// Where the domain is.
        head: Option<String>,
    },
    /// Something was activated since what was judged; nothing was changed.
    #[error("`{release}` is not activated: something else was, while it was judged by what was active before")]
    ActivationMoved {
        /// What was to be active.
        release: String,
    },
    /// A directory was to be served where a release is active; nothing was changed.
    #[error(
        "{release} of {domain} is active in `{environment}` of this store: a directory decides about no access beside what was approved; \
         give the directory a store of its own, or release what is in it"
    )]
    BesideReleases {
        /// The release.
        release: String,
        /// Whose it is.
        domain: DomainName,
        /// Where it is active.
        environment: EnvironmentName,
    },
    /// Somebody has decided about the dead letter already.
    #[error("dead letter `{id}` is settled already")]
    LetterSettled {
        /// Which.
        id: String,
    },
    /// Somebody has decided already, or it has ended.
    #[error("{what} `{id}` is {state} already")]
    AccessStands {
        /// `request`, `grant` or `recertification item`.
        what: &'static str,
        /// Which.
        id: String,
        /// How it stands.
        state: &'static str,
    },
    /// Who asked for it, or opened it, is not who decides.
    #[error("{what} `{id}` is `{by}`'s own: somebody else decides about it")]
    OwnAccess {
        /// `request` or `grant`.
        what: &'static str,
        /// Which.
        id: String,
        /// Whose.
        by: String,
    },
    /// Terms that are not narrower than those that a lease has.
    #[error("grant `{id}` is not narrowed: {because}")]
    Unnarrowed {
        /// Which lease.
        id: String,
        /// Why not.
        because: String,
    },
    /// A lease without approval was to last too long.
    #[error("what is opened without approval lasts {} hours at most", most.as_secs() / 3600)]
    BreakGlassLong {
        /// The longest.
        most: Duration,
    },
    /// One without approval was opened before, for the same consumer and interface, and it is not settled that it was right.
    #[error("`{id}` was opened without approval before: {because}")]
    BreakGlassStands {
        /// The one of before.
        id: String,
        /// What of it stands in the way.
        because: &'static str,
    },
    /// Another node has taken the capture, or a person has said how it goes on.
    #[error("the capture is no longer held with fence {fence}")]
    CaptureFenced {
        /// The fence that the node held.
        fence: i64,
    },
    /// The operation is worked on, is looked up by itself, or has its outcome: it is not a person's to settle.
    #[error("operation `{operation}` is not stuck but {state}")]
    NotStuck {
        /// Which operation.
        operation: OperationId,
        /// How it stands.
        state: &'static str,
    },
    /// The operation is of before operations had an environment, and nobody says of which it is.
    #[error("of which environment operation `{operation}` is, is not known")]
    Nobodys {
        /// Which operation.
        operation: OperationId,
    },
    /// Neither `sqlite:<path>` nor `postgres://…`.
    #[error("the store's address is not `sqlite:<path>` or `postgres://user@host/database`: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// No such thing is stored.
    #[error("the store has no {what} `{id}`")]
    NotFound {
        /// What was looked for: `release`, `key`, `grant`, `block`, `node`, `operation`, `effect`, `event stream`, `reader`, `subscription`, `dead letter`,
        /// `change`, `paused capture`, `running capture`, `request`, `break-glass grant`, `recertification item`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Another record or key stands there already.
    #[error("`{system}` already has another cross-reference for record `{record}` or key `{key}` of `{object}`")]
    Taken {
        /// The system.
        system: String,
        /// The object.
        object: String,
        /// The record that was to be linked.
        record: String,
        /// The key that was to be linked.
        key: String,
    },
    /// The database says that it answers before a commit is on stable storage. INVARIANT: NOTHING-LOST
    #[error("the database may lose what it acknowledged: `{setting}` is `off`")]
    Unsafe {
        /// The setting.
        setting: &'static str,
    },
    /// A backup is not what was written.
    #[error("the backup is damaged at line {line}: {reason}")]
    BackupDamaged {
        /// Where.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A backup is what was written, and what was written is not what was entered or signed.
    #[error("what the backup holds is not what was entered and signed: {}", .faults.join("; "))]
    BackupUntrue {
        /// What is wrong, in words.
        faults: Vec<String>,
    },
    /// A backup cannot be written or read.
    #[error("the backup's file cannot be used: {reason}")]
    BackupFile {
        /// What the system says.
        reason: String,
    },
    /// There is a store where a backup was to go.
    #[error("there is a store already: a backup is restored into nothing")]
    Occupied,
    /// Nobody has said that the access state of a backup is to count. INVARIANT: REVOKED-NOW
    #[error(
        "keys, grants and blocks are as they were at {taken:.0}: what was revoked, ended or blocked since would count again, \
         and nobody has said that it may"
    )]
    Unaccepted {
        /// The moment of the backup.
        taken: jiff::Timestamp,
    },
    /// A lost store was made by a version that did not have what is to be read of it.
    #[error("the lost store has version {found}, and can be read from version {needed} on")]
    LostTooOld {
        /// The store's.
        found: i64,
        /// The oldest that can be read.
        needed: i64,
    },
    /// The database does not allow or understand it: rights, a full quota, a missing table.
    #[error("the database refused a statement of the store: {source}")]
    Refused {
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Its code in the catalogue.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable { .. } => code::STORE_UNAVAILABLE,
            Self::Damaged { .. } => code::STORE_DAMAGED,
            Self::Newer { .. } => code::STORE_NEWER,
            Self::OtherSteps { .. } => code::STORE_STEPS,
            Self::Fenced { .. } => code::FENCED,
            Self::EventsBehind { .. } => code::LOG_GAP,
            Self::CursorFenced { .. } => code::CURSOR_FENCED,
            Self::SubscriptionStands { .. } => code::SUBSCRIPTION_STANDS,
            Self::ChangeStands { .. } => code::CHANGE_STANDS,
            Self::ChangeStale { .. } => code::CHANGE_STALE,
            Self::ActivationMoved { .. } => code::ACTIVATION_MOVED,
            Self::BesideReleases { .. } => code::DIRECTORY_BESIDE_RELEASES,
            Self::NoReplay { .. } => code::NO_REPLAY,
            Self::ReplayUnsent { .. } => code::REPLAY_UNSENT,
            Self::ReplayTarget { .. } => code::REPLAY_TARGET,
            Self::LetterSettled { .. } => code::DEAD_LETTER_SETTLED,
            Self::AccessStands { .. } => code::ACCESS_STANDS,
            Self::OwnAccess { .. } => code::ACCESS_DECIDER,
            Self::Unnarrowed { .. } => code::GRANT_UNNARROWED,
            Self::BreakGlassLong { .. } => code::BREAK_GLASS_LONG,
            Self::BreakGlassStands { .. } => code::BREAK_GLASS_STANDS,
            Self::CaptureFenced { .. } => code::CAPTURE_FENCED,
            Self::NotStuck { .. } => code::NOT_STUCK,
            Self::Nobodys { .. } => code::OPERATION_NOBODYS,
            Self::Address { .. } => code::STORE_ADDRESS,
            Self::NotFound { .. } => code::NOT_IN_STORE,
            Self::Taken { .. } => code::CROSS_REFERENCE_TAKEN,
            Self::Unsafe { .. } => code::STORE_UNSAFE,
            Self::BackupDamaged { .. } => code::BACKUP_DAMAGED,
            Self::BackupFile { .. } => code::BACKUP_FILE,
            Self::BackupUntrue { .. } => code::BACKUP_UNTRUE,
            Self::Occupied => code::RESTORE_OCCUPIED,
            Self::Unaccepted { .. } => code::RESTORE_UNACCEPTED,
            Self::LostTooOld { .. } => code::LOST_STORE_OLD,
            Self::Refused { .. } => code::STORE_REFUSED,
        }
    }

    /// Whether the store has looked, and what stands in it does not take the step.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::SubscriptionStands { .. }
                | Self::NoReplay { .. }
                | Self::ReplayUnsent { .. }
                | Self::ReplayTarget { .. }
                | Self::ChangeStands { .. }
                | Self::ChangeStale { .. }
                | Self::ActivationMoved { .. }
                | Self::BesideReleases { .. }
                | Self::LetterSettled { .. }
                | Self::AccessStands { .. }
                | Self::OwnAccess { .. }
                | Self::Unnarrowed { .. }
                | Self::BreakGlassLong { .. }
                | Self::BreakGlassStands { .. }
                | Self::NotStuck { .. }
                | Self::Nobodys { .. }
                | Self::BackupUntrue { .. }
                | Self::Unaccepted { .. }
        )
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether there is no space left for what is to be written.
    pub fn is_full(&self) -> bool {
        let Self::Unavailable { source: Some(sqlx::Error::Database(database)), .. } = self else { return false };
        match database.try_downcast_ref::<PgDatabaseError>() {
            Some(postgres) => postgres.code() == "53100",
            None => sqlite_primary(database.code().as_deref()) == Some(SQLITE_FULL),
        }
    }

    /// Whether others hold SQLite's file at the moment.
    pub(crate) fn is_held(&self) -> bool {
        let Self::Unavailable { source: Some(sqlx::Error::Database(database)), .. } = self else { return false };
        sqlite_primary(database.code().as_deref()) == Some(SQLITE_BUSY)
    }

    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged { reason: reason.into() }
    }

    pub(crate) fn timed_out() -> Self {
        Self::Unavailable { reason: "no answer in time".to_owned(), source: None }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        let class = match &source {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::BeginFailed => Class::Unavailable,
            sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
                Some(postgres) => postgres_class(postgres.code()),
                None => sqlite_class(database.code().as_deref()),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => Class::Damaged,
            _ => Class::Refused,
        };
        match class {
            Class::Unavailable => Self::Unavailable { reason: source.to_string(), source: Some(source) },
            Class::Damaged => Self::Damaged { reason: source.to_string() },
            Class::Refused => Self::Refused { source },
        }
    }
}

enum Class {
    Unavailable,
    Damaged,
    Refused,
}

/// By SQLSTATE: connection, rollback for concurrency, read-only after a failover, resources, locks, operator's act.
fn postgres_class(state: &str) -> Class {
    let transient = ["08", "40", "53", "57"].iter().any(|class| state.starts_with(class));
    match state {
        "25006" | "55P03" => Class::Unavailable,
        _ if transient => Class::Unavailable,
        _ if state.starts_with("XX") => Class::Damaged,
        _ => Class::Refused,
    }
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_FULL: i32 = 13;

/// SQLite's primary result code is the low byte of the extended one.
fn sqlite_primary(code: Option<&str>) -> Option<i32> {
    code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff)
}

/// By SQLite's primary result code: busy, locked, I/O, full, cannot open; corrupt, not a database.
fn sqlite_class(code: Option<&str>) -> Class {
    match sqlite_primary(code) {
        Some(SQLITE_BUSY | 6 | 10 | SQLITE_FULL | 14) => Class::Unavailable,
        Some(11 | 26) => Class::Damaged,
        _ => Class::Refused,
    }
}
