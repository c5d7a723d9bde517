//! The relational state behind one handle: releases, access state, nodes, cross-references, claims, operations, effects,
//! usage, counts of checked messages, the event log's tables, lanes of subscriptions that are set aside, captures, calls of webhooks and the ledger, on SQLite (one file) or PostgreSQL, and backups of all of
//! it. Every method is one use case in one transaction.
//! It never decides what to do about what it holds, and never keeps a secret of anybody's.

mod access;
mod backup;
mod budget;
mod capture;
mod change;
mod claim;
mod contract_check;
mod cross_reference;
mod database;
mod delivery;
mod effect;
mod environment;
mod error;
mod event;
mod issuer;
mod ledger;
mod migration;
mod node;
mod notice;
mod observed;
mod operation;
mod person;
mod promise;
mod release;
mod statement;
#[cfg(test)]
mod tests;
mod turns;
mod usage;
mod value;
mod webhook;

pub use access::break_glass::{BreakGlass, Review};
pub use access::grant::{AppliedGrants, HeldBack};
pub use access::key::{COULD_SIGN, LET_IN, NewKey, Rotated};
pub use access::lease::{LeaseOrigin, LeaseRecord};
pub use access::past::ActiveThen;
pub use access::recertification::{Answer, ItemState, NewRecertificationItem, Recertification, RecertificationItem};
pub use access::request::{AccessRequest, NewAccessRequest, RequestState};
pub use access::session::{SessionKind, SessionOf};
pub use access::subscription::SubscriptionStep;
pub use access::subscription::ask::{AppliedSubscriptions, AskedSubscription};
pub use access::subscription::replay::NewReplay;
pub use backup::BackupSummary;
pub use backup::examine::{CheckedBackup, check_backup, releases_of_backup};
pub use backup::lost::{LostStore, Narrows};
pub use backup::restore::{Postponed, Restored, Restoring};
pub use capture::hint::Echo;
pub use capture::known::{Captured, CapturedId, CopyPage, CopyState, Standing};
pub use capture::outbox::Waiting;
pub use capture::parked::{ParkedRecord, ParkedRow, RecordPlace};
pub use capture::step::{CaptureStep, ParkedCapture, Unmoved};
pub use capture::{
    CaptureHold, CapturePause, CaptureRow, CaptureStage, CaptureState, HeldCapture, NewCapture, TakenCapture,
};
pub use change::waiting::WaitingChange;
pub use change::{AskedChanges, ChangeStates, NewChange};
pub use claim::{Claim, NewClaim};
pub use cross_reference::CrossReference;
pub use delivery::choice::LaneChoice;
pub use delivery::kept::{EventDelivery, KeptDelivery};
pub use delivery::letter::{DeadLetter, DeadLetterDetail, Settled};
pub use delivery::passed::{Passed, PassedEvents};
pub use delivery::view::{LaneCounts, LanePlace, LaneView, NotAPlace, SubscriptionView};
pub use delivery::withheld::WithheldMessage;
pub use delivery::{AttemptRecord, Deliveries, LaneTrouble, NewDeadLetter, ParkedMessage};
pub use effect::{EffectId, EffectRecord, EffectState, NewEffect};
pub use error::StoreError;
pub use event::append::EventBatch;
pub use event::checksum::checksum;
pub use event::cursor::{Cursor, CursorMove, NewCursor, TakenCursor};
pub use event::home::EventHome;
pub use event::opening::{BrokerStream, OpenedStream};
pub use event::pulled::PulledTo;
pub use event::read::{ReadBatch, ReadFault, ReadLimit};
pub use event::retention::{Behind, Retired};
pub use event::{EventEpochs, StreamState};
pub use issuer::ShownKeys;
pub use ledger::checkpoint::{Checkpoint, LedgerHead};
pub use ledger::entry::LedgerEntry;
pub use ledger::token::TokensAsked;
pub use ledger::verify::{LedgerCheck, LedgerFault};
pub use node::ran::ReleaseRun;
pub use node::released::{NodeReleases, NodeWord, RefusedReleases, Runs, digests_of_active, releases_digest};
pub use node::{NewNode, NodeRecord, SignOfLife};
pub use notice::{LifecycleNotice, NewNotice};
pub use operation::lane::Lane;
pub use operation::person::Word;
pub use operation::{OperationRecord, Waits};
pub use person::erase::ErasedPerson;
pub use person::{Person, is_nobody};
pub use release::active::{Activated, AppliedActivation, AskedAccess, DomainActivation, NewActivation};
pub use release::import::{AppliedImport, NewImport, ReleaseImport};
pub use release::receipt::{ForeignReceipt, Ran, Receipt, Spell};
pub use release::signed::{KnownKey, NewRelease, ReleaseKey, SignedRelease};
pub use release::{Activation, NewDirectory, Release};
pub use usage::UsageBatch;

use database::{Database, Patience};
use environment::Scope;
use event::known::NewestIds;
use jiff::Timestamp;
use selvage_model::name::EnvironmentName;

/// The store. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
    scope: Scope,
    newest_ids: NewestIds,
}

impl Store {
    /// Opens `sqlite:<path>` (made where there is none) or `postgres://…`, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Address`] for another address, [`StoreError::Newer`] for a store that a newer binary made,
    /// [`StoreError::OtherSteps`] for one that was made by other steps, [`StoreError::Unsafe`] for a server that answers before it has written, [`StoreError::Unavailable`] and
    /// [`StoreError::Damaged`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::opened(url, Patience::Node).await
    }

    /// The same for a command: it waits longer where the database is busy, since nobody waits behind it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_patiently(url: &str) -> Result<Self, StoreError> {
        Self::opened(url, Patience::Command).await
    }

    async fn opened(url: &str, patience: Patience) -> Result<Self, StoreError> {
        let database = Database::connect(url, patience).await?;
        migration::run(&database).await?;
        Ok(Self::on(database))
    }

    fn on(database: Database) -> Self {
        Self { database, scope: Scope::default(), newest_ids: NewestIds::default() }
    }

    /// Whether it is a file of this machine, and not a server that several machines share.
    pub fn is_file(&self) -> bool {
        self.database.is_file()
    }

    /// The same store for somebody whose name was said and not proven: what is entered in the ledger by them says so.
    pub fn unproven(&self) -> Self {
        Self { database: self.database.unproven(), ..self.clone() }
    }

    /// Whether who acts on it has proven who they are.
    pub fn is_proven(&self) -> bool {
        self.database.is_proven()
    }

    /// The same store for who works in an environment: what it claims, takes over and links is of that environment alone. Without one it is
    /// what nobody's is, as in stores of before environments were kept apart.
    pub fn in_environment(&self, environment: &EnvironmentName) -> Self {
        Self { scope: Scope::of(environment), ..self.clone() }
    }

    /// Now, by the clock that every node of the store goes by.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        self.database.read().await?.now().await?.timestamp()
    }

    /// Ends every connection of every clone; what runs is finished first.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
