//! What a write does, whichever it is: the same steps for a create and for a verb.

use selvage_connect::odoo::{Failure, Sure};
use selvage_model::manifest::api::Operation;
use selvage_model::operation::StoredAnswer;
use selvage_model::verb::Verb;
use selvage_store::{CrossReference, NewEffect, StoreError};
use serde_json::Value;

use crate::capture;
use crate::create::Create;
use crate::fabric::Served;
use crate::job::{Job, Unread};
use crate::reach::{Found, Reach};
use crate::state::Proof;
use crate::trouble::Trouble;
use crate::verb::Act;

/// A write under way.
pub(crate) enum Deed {
    /// Something is made.
    Create(Create),
    /// A record is brought to a target.
    Verb(Box<Act>),
}

/// What was read back.
pub(crate) struct Shown {
    /// For the caller and the key.
    pub(crate) answer: StoredAnswer,
    /// The record with its business key, of what was made.
    pub(crate) reference: Option<CrossReference>,
    /// What proves it.
    pub(crate) evidence: Value,
    /// What it left in the system, where a record is.
    pub(crate) left: Option<Left>,
}

/// A record as a write left it, for captures of it.
pub(crate) struct Left {
    pub(crate) record: String,
    pub(crate) id: i64,
    pub(crate) content: [u8; 32],
    pub(crate) stood: Stood,
    /// The attributes that were written; none where all of it was made.
    pub(crate) wrote: Option<Vec<String>>,
}

/// How a record stood before a write began with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stood {
    /// It was not there.
    Nothing,
    /// The hash of the object, in hex.
    So(String),
    /// Nobody looked, or somebody may have written it since: all that is other is somebody's change.
    #[default]
    Unknown,
}

impl Stood {
    /// Of what was read.
    pub(crate) fn of(reach: &Reach, found: &Found) -> Self {
        Self::So(capture::hex(&capture::content_hash(&found.canonical, &capture::stamps(reach))))
    }
}

impl Left {
    /// Of what was read back.
    pub(crate) fn of(reach: &Reach, found: &Found, stood: Stood, wrote: Option<Vec<String>>) -> Self {
        let content = capture::content_hash(&found.canonical, &capture::stamps(reach));
        Self { record: reach.mapping.record().to_owned(), id: found.id, content, stood, wrote }
    }
}

impl Deed {
    /// Not yet prepared.
    pub(crate) fn new(kind: Operation, served: &Served) -> Self {
        match kind {
            Operation::Create => Self::Create(Create::new()),
            _ => Self::Verb(Box::new(Act::new(served.verb(kind)))),
        }
    }

    /// From the effect that was recorded last.
    pub(crate) fn restore(kind: Operation, effect: &NewEffect) -> Option<Self> {
        match kind {
            Operation::Create => Create::restore(effect).map(Self::Create),
            _ => {
                let record = effect.target.get("record").and_then(Value::as_str)?;
                Act::restore(Verb::of(kind, record)?, effect).map(|act| Self::Verb(Box::new(act)))
            }
        }
    }

    /// How it is told from its repetition.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Create(_) => Proof::Key,
            Self::Verb(act) => act.proof(),
        }
    }

    /// Looks up what must be known before anything is sent.
    pub(crate) async fn prepare(&mut self, job: &Job) -> Result<(), Trouble> {
        match self {
            Self::Create(create) => create.prepare(job).await,
            Self::Verb(act) => act.prepare(job).await,
        }
    }

    /// Waits for its turn on the record; what stands in the way, where something does.
    pub(crate) async fn enter_lane(&mut self, job: &Job, epoch: i64) -> Result<Result<(), Trouble>, StoreError> {
        match self {
            Self::Create(_) => Ok(Ok(())),
            Self::Verb(act) => act.enter_lane(job, epoch).await,
        }
    }

    /// The effect as it is recorded before anything is sent; `None` before it is prepared.
    pub(crate) fn effect(&self, job: &Job) -> Option<NewEffect> {
        match self {
            Self::Create(create) => create.effect(job),
            Self::Verb(act) => act.effect(job),
        }
    }

    /// Changes the system, for as long as it is surely held.
    pub(crate) async fn send(&mut self, job: &Job, sure: Sure) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.send(job, sure).await,
            Self::Verb(act) => act.send(job, sure).await,
        }
    }

    /// Looks whether it happened.
    pub(crate) async fn probe(&mut self, job: &Job) -> Result<bool, Failure> {
        match self {
            Self::Create(create) => create.probe(job).await,
            Self::Verb(act) => act.probe(job).await,
        }
    }

    /// Reads back what was done.
    pub(crate) async fn read_back(&self, job: &Job) -> Result<Shown, Unread> {
        match self {
            Self::Create(create) => create.read_back(job).await,
            Self::Verb(act) => act.read_back(job).await,
        }
    }

    /// Where a person looks, when nobody else can.
    pub(crate) fn whereabouts(&self) -> Option<String> {
        match self {
            Self::Create(create) => create.whereabouts(),
            Self::Verb(act) => act.whereabouts(),
        }
    }
}
