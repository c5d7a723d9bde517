//! Importing: a release that another store approved and signed becomes one of this store, where its signatures are trusted, it starts from
//! what the domain has here, and nothing here asks for an approval that it lacks. What that store saw of it comes along.
//! INVARIANT: APPROVED

use selvage_governance::approval::standing;
use selvage_governance::seat::Act;
use selvage_model::change::{Change, ChangeState};
use selvage_model::code;
use selvage_model::name::DomainName;
use selvage_store::{NewImport, StoreError};
use serde_json::Value;

use super::package::{self, Package};
use super::release::report;
use super::theirs::{Step, act_for};
use super::{Desk, DeskError};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The release.
    pub release: String,
    /// Whose.
    pub domain: DomainName,
    /// The change that made it.
    pub change: String,
    /// The id of the key with which the other store signed the package.
    pub from: String,
    /// Whether it is a release here since now, and was none before.
    pub is_new: bool,
    /// How many receipts are new.
    pub receipts: usize,
}

impl Desk {
    /// Takes a release over from a package. Again is no change, but for receipts that are newer.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for what is no package, was altered, is not trusted, does not follow what the domain has here, or lacks what
    /// this store asks for; those of the store. Nothing is written then.
    pub async fn import(&self, text: &str, by: &str) -> Result<Imported, DeskError> {
        let keys = self.store.release_keys().await?;
        let read = self.hard(|| package::read(text).and_then(|read| read.verify(&keys).map(|()| read))).await?;
        self.refuse_distrusted(&read.key, "the package").await?;
        let (package, change) = (&read.package, read.package.change());
        self.refuse_distrusted(&package.release().key, "the release").await?;
        let act = act_for(std::slice::from_ref(&change), Act::Release);
        self.must_be_theirs(&Step { by, act, domain: &change.domain, environment: None }).await?;
        read.refuse_future(self.store.now().await?)?;
        if !self.is_here(&change).await? {
            self.refuse_other_base(&change).await?;
            self.refuse_unapproved(package, &change).await?;
        }
        let release = package.release();
        let new = NewImport {
            change: &change,
            release: &release,
            from: &read.key,
            seen: package.exported,
            receipts: &package.receipts,
            digest: &read.digest,
            by,
        };
        let applied = self.store.import_release(&new).await?;
        Ok(Imported {
            release: release.id,
            domain: release.domain,
            change: release.change,
            from: read.key,
            is_new: applied.is_new,
            receipts: applied.receipts,
        })
    }

    /// The same for a package that came as JSON, in whatever way that was written.
    ///
    /// # Errors
    /// The same.
    pub async fn import_value(&self, value: &Value, by: &str) -> Result<Imported, DeskError> {
        self.import(&package::rewritten(value), by).await
    }

    /// Whether a change of this id is here; what it is, the store looks at where it is written.
    async fn is_here(&self, change: &Change) -> Result<bool, DeskError> {
        match self.store.change(&change.id).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What was approved is the difference to what it was compared with: on something else it would be another.
    async fn refuse_other_base(&self, change: &Change) -> Result<(), DeskError> {
        let head = self.store.head(&change.domain).await?;
        if head == change.base {
            return Ok(());
        }
        let (base, head) = (change.base.as_deref().unwrap_or("nothing"), head.as_deref().unwrap_or("nothing"));
        let message = format!(
            "{} of {} was compared with {base}, and the domain's last release here is {head}",
            change.release, change.domain
        );
        let fix = "import what is between, in order, or propose it here";
        Err(DeskError::refused(code::PACKAGE_ASTRAY, message, fix))
    }

    /// Looks at it as it would be released here: beside what the other domains released here, by who sits here, and by what is used here.
    async fn refuse_unapproved(&self, package: &Package, change: &Change) -> Result<(), DeskError> {
        let mut here = Change { state: ChangeState::Open, ..change.clone() };
        let new = self.need_again(&mut here, package.files()).await?;
        let standing = standing(&here, &self.sitting().await?);
        let mut lacks: Vec<String> =
            new.into_iter().map(|it| format!("{}, who was not asked there", it.need)).collect();
        lacks.extend(standing.open.iter().map(report));
        if let Some(rejected) = &standing.rejected {
            lacks.push(format!("`{}` rejects it: {}", rejected.person, rejected.because));
        }
        if lacks.is_empty() {
            return Ok(());
        }
        let message = format!("{} lacks what this store asks for: {}", change.id, lacks.join("; "));
        Err(DeskError::refused(code::PACKAGE_UNAPPROVED, message, "propose it here, and have it approved"))
    }
}
