//! The desk of changes: proposes, decides, releases and activates, for the commands and the control API alike. What is judged is
//! judged by the rules of governance, what is kept is kept by the store; here the two meet. INVARIANT: APPROVED

mod access;
mod activate;
mod affected;
mod again;
mod board;
mod checkpoint;
pub(crate) mod cut;
mod decide;
mod elsewhere;
mod ending;
mod error;
mod export;
mod gate;
mod hard;
mod history;
mod import;
mod judging;
pub mod kept_checkpoint;
pub mod lease;
mod order;
mod package;
mod plan;
mod promise;
mod propose;
mod release;
mod retire;
mod seal;
mod seen;
mod shown;
mod theirs;
mod time;
mod union;
mod unratified;
mod uses;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use selvage_governance::approval::{Sitting, Standing, standing};
use selvage_model::change::{Change, ChangeState};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{AskedChanges, DomainActivation, ForeignReceipt, ReleaseImport, SignedRelease, Store};
use tokio::sync::Semaphore;

pub use activate::{Activating, GoingBack, Went};
pub use board::Boards;
pub(crate) use checkpoint::unhex;
pub use checkpoint::{checkpoint_line, is_signed, public_key_text, read_checkpoint, read_public_key, sign_checkpoint};
pub use decide::Deciding;
pub use elsewhere::{
    Fits, ReceiptSays, import_shown, receipt_line, receipt_shown, says as receipt_says, spent as receipt_spent,
};
pub use error::DeskError;
pub use export::Exported;
pub use gate::Gate;
pub use history::Passage;
pub use import::Imported;
pub use judging::{Judging, counting};
pub use plan::{Plan, planned};
pub use propose::Proposal;
pub use propose::finding;
pub use seal::{Seal, SealError, key_of, public_key, verify};
pub(crate) use seal::{address_of, digests, hex, is_released, is_signed_text};
pub use seen::impact;
pub use shown::{shown, told_and_folded};
use union::Released;
pub use union::{Releases, active_in, files_of};
pub use uses::{Uses, uses};

/// Files by their path in the fabric's directory.
pub type Files = BTreeMap<String, String>;

/// What a set of files says.
pub struct Looked {
    /// What is declared.
    pub fabric: Fabric,
    /// What the check finds, by place.
    pub findings: Vec<Finding>,
    /// The files themselves, and those of the packs that they take.
    pub files: Files,
}

/// Reads, checks and tries files; how, is the binary's to say.
pub trait Look: Send + Sync {
    /// Reads files that were checked before.
    fn read(&self, files: &Files) -> Fabric;
    /// Reads and checks files as of a day.
    fn look(&self, files: &Files, today: Date) -> Looked;
    /// What stands in the way of running what was read in an environment, beyond the check.
    fn trial(&self, looked: &Looked, environment: &EnvironmentName) -> Vec<Finding>;
    /// Runs the tests that the fabric declares, for a release of this domain.
    fn tests(&self, looked: &Looked, domain: &DomainName) -> Tried;
    /// Tries what is declared against simulated systems whose calls fail, in an environment, for a release of this domain.
    fn faults<'a>(&'a self, looked: &'a Looked, place: (&'a EnvironmentName, &'a DomainName)) -> BoxFuture<'a, Tried>;
}

/// What came of tests, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// What holds.
    pub held: Vec<String>,
    /// What does not.
    pub failed: Vec<String>,
    /// What does not, and is of other domains, and stands on nothing of the one that is released: it keeps no release out.
    pub elsewhere: Vec<String>,
    /// What was not tried, with the reason: the simulation does not have it, or it is of a kind that is not tried.
    pub skipped: Vec<String>,
    /// How many interfaces and subscriptions that can be tried the domain declares.
    pub own: usize,
    /// Of those, what nothing was tried of.
    pub untried: Vec<Untried>,
}

/// Something that a domain declares and of which nothing came to an end when it was tried, good or bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untried {
    /// What: an interface, or a subscription as `consumer/name`.
    pub what: String,
    /// On what a waiver is that sets this aside.
    pub on: Vec<String>,
}

impl Tried {
    /// Notes what does not hold, where that is for the release to answer for, or for others.
    pub fn fail(&mut self, is_its_own: bool, says: String) {
        if is_its_own { self.failed.push(says) } else { self.elsewhere.push(says) }
    }

    /// Whether the domain declares what can be tried, and nothing of it was.
    pub fn is_idle(&self) -> bool {
        self.own > 0 && self.untried.len() == self.own
    }
}

/// The desk.
#[derive(Clone)]
pub struct Desk {
    pub(crate) store: Store,
    pub(crate) look: Arc<dyn Look>,
    one_at_a_time: Arc<Semaphore>,
    /// The same for what must not wait behind a proposal: going back, and saying who may do what.
    ahead: Arc<Semaphore>,
    /// Packages of evidence are handed out one at a time.
    pub(crate) papers: Arc<Semaphore>,
    /// What the domains' last releases say, until one of them releases again.
    released: Arc<Mutex<Option<Released>>>,
    /// What runs at the node whose desk it is: its people count where nothing that was released names any.
    runs: Option<Arc<Fabric>>,
    /// The environment of the node whose desk it is.
    here: Option<EnvironmentName>,
    /// What is active in every environment, as it was read last.
    judges: judging::Read,
    /// Where the last checkpoint of the ledger is kept apart from the store.
    pub(crate) apart: Option<PathBuf>,
}

/// How long an emergency that was ratified late stands on the board; `selvage change list` has it for ever.
const LATE_STANDS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A change that waits for somebody.
#[derive(Clone, Debug)]
pub struct Waits {
    /// The change.
    pub change: Change,
    /// How it stands.
    pub standing: Standing,
    /// An emergency whose time to be ratified is over.
    pub is_breach: bool,
}

impl Waits {
    /// Whether this person is waited for: to decide, or, as its author, to mend what was rejected or to have released what is approved.
    pub fn waits_for(&self, person: &str) -> bool {
        let is_authors = self.standing.rejected.is_some() || self.standing.open.is_empty();
        self.standing.waits_for(person) || (is_authors && self.change.author == person)
    }
}

impl Desk {
    /// A desk over this store.
    pub fn new(store: Store, look: Arc<dyn Look>) -> Self {
        Self {
            store,
            look,
            one_at_a_time: Arc::new(Semaphore::new(1)),
            ahead: Arc::new(Semaphore::new(1)),
            papers: Arc::new(Semaphore::new(1)),
            released: Arc::default(),
            runs: None,
            here: None,
            judges: judging::Read::default(),
            apart: None,
        }
    }

    /// The same desk at a node of this environment.
    #[must_use]
    pub fn in_environment(self, here: EnvironmentName) -> Self {
        Self { here: Some(here), ..self }
    }

    /// The same desk where the last checkpoint of the ledger is kept in this file, apart from the store.
    #[must_use]
    pub fn vouched_by(self, apart: Option<PathBuf>) -> Self {
        Self { apart, ..self }
    }

    /// The same desk at a node that runs this.
    pub(crate) fn where_runs(&self, fabric: Arc<Fabric>) -> Self {
        Self { runs: Some(fabric), ..self.clone() }
    }

    /// A change with how it stands.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn change(&self, id: &str) -> Result<(Change, Standing), DeskError> {
        let change = self.store.change(id).await?;
        let standing = self.standing(&change).await?;
        Ok((change, standing))
    }

    /// Every change with how it stands, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn changes(&self) -> Result<Vec<(Change, Standing)>, DeskError> {
        let sitting = self.sitting().await?;
        let changes = self.store.changes().await?.into_iter().rev();
        Ok(changes.map(|change| (change.clone(), standing(&change, &sitting))).collect())
    }

    /// Some changes with how they stand, the newest first; and the last of them where there are more behind it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn changes_page(
        &self,
        asked: &AskedChanges,
    ) -> Result<(Vec<(Change, Standing)>, Option<String>), DeskError> {
        let sitting = self.sitting().await?;
        let (changes, next) = self.store.changes_page(asked).await?;
        Ok((changes.into_iter().map(|it| (it.clone(), standing(&it, &sitting))).collect(), next))
    }

    /// Every release without its files, oldest first, and what is active where.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn releases(&self) -> Result<(Vec<SignedRelease>, Vec<DomainActivation>), DeskError> {
        Ok((self.store.signed_releases().await?, self.store.active_domains().await?))
    }

    /// What was ever activated, newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn activations(&self) -> Result<Vec<DomainActivation>, DeskError> {
        Ok(self.store.activations().await?)
    }

    /// A release that has to be there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn find_release(&self, id: &str) -> Result<SignedRelease, DeskError> {
        union::find(&self.store, id).await
    }

    /// From where a release was taken over, where it was, and what other stores saw of it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of_other_stores(
        &self,
        release: &SignedRelease,
    ) -> Result<(Option<ReleaseImport>, Vec<ForeignReceipt>), DeskError> {
        let import = self.store.release_imports().await?.into_iter().find(|it| it.change == release.change);
        Ok((import, self.store.receipts_of(&release.domain, &release.id).await?))
    }

    /// How a change stands now.
    async fn standing(&self, change: &Change) -> Result<Standing, DeskError> {
        Ok(standing(change, &self.sitting().await?))
    }

    /// What words are weighed by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sitting(&self) -> Result<Sitting, DeskError> {
        let (now, delegations) = self.store.delegations().await?;
        let proven_only = !self.store.operator_keys().await?.is_empty();
        Ok(Sitting { now, delegations, proven_only })
    }

    /// Emergencies that were ratified after their time, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ratified_late(&self) -> Result<Vec<(Change, Standing)>, DeskError> {
        let mut changes = self.changes().await?;
        changes.retain(|(change, _)| change.ratified_late.is_some());
        Ok(changes)
    }

    /// Those of them that stand on the board still: for a month.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn late_on_board(&self) -> Result<Vec<(Change, Standing)>, DeskError> {
        let mut late = self.ratified_late().await?;
        let since = Timestamp::now() - LATE_STANDS;
        late.retain(|(change, _)| change.changed > since);
        Ok(late)
    }

    /// What waits for somebody, or for this person: emergencies to be ratified first, then the oldest.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn board(&self, person: Option<&str>) -> Result<Vec<Waits>, DeskError> {
        let sitting = self.sitting().await?;
        let changes = self.store.changes().await?;
        let waits = changes.into_iter().filter(is_open).map(|change| {
            let is_breach = change.ratify_until.is_some_and(|until| until <= sitting.now);
            Waits { standing: standing(&change, &sitting), change, is_breach }
        });
        let concerns = |waits: &Waits| person.is_none_or(|person| waits.waits_for(person));
        let mut waits: Vec<Waits> = waits.filter(concerns).collect();
        waits.sort_by_key(|waits| (waits.change.ratify_until.is_none(), waits.change.proposed));
        Ok(waits)
    }
}

fn is_open(change: &Change) -> bool {
    matches!(change.state, ChangeState::Open | ChangeState::Rejected) || change.ratify_until.is_some()
}

/// The day of a moment, in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
