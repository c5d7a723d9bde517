//! Exporting: a release that was approved here is written for another store, with what it takes to believe it there. Nothing that lacks its
//! approvals leaves. INVARIANT: APPROVED

use selvage_governance::seat::Act;
use selvage_model::code;
use selvage_model::name::DomainName;
use selvage_store::SignedRelease;

use super::package::Package;
use super::theirs::{Step, act_for};
use super::{Desk, DeskError, Seal, seal, union};

/// How ids of changes begin.
const CHANGE: &str = "chg_";

/// What was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The release.
    pub release: String,
    /// Whose.
    pub domain: DomainName,
    /// Of how many environments it tells what was seen.
    pub receipts: usize,
    /// The package.
    pub text: String,
}

impl Desk {
    /// Writes a release for another store: by its id, or by the id of the change that made it, where several made the same. Whoever has the
    /// key may; a node signs for those who may release.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not what was signed, lacks approvals, or the key is none of this store's; those of the store.
    pub async fn export(&self, id: &str, with: &Seal, by: Option<&str>) -> Result<Exported, DeskError> {
        let release = self.exported(id).await?;
        let change = self.store.change(&release.change).await?;
        if let Some(by) = by {
            let act = act_for(std::slice::from_ref(&change), Act::Release);
            self.must_be_theirs(&Step { by, act, domain: &release.domain, environment: None }).await?;
        }
        let keys = self.store.release_keys().await?;
        super::release::refuse_strange_key(&keys, with)?;
        self.refuse_distrusted(&with.key().id, "the package").await?;
        self.refuse_distrusted(&release.key, &release.id).await?;
        seal::verify(&release, &keys)?;
        if let Some(until) = change.ratify_until {
            let message = format!("the emergency {} is to be ratified by {until:.0}, and was not yet", change.id);
            let fix = "have it ratified: what lacks its approvals goes to no other store";
            return Err(DeskError::refused(code::PACKAGE_UNAPPROVED, message, fix));
        }
        let (exported, receipts) = self.store.receipts_here(&release.domain, &release.id).await?;
        let (id, domain, count) = (release.id.clone(), release.domain.clone(), receipts.len());
        let package = Package::new(release, change, (exported, receipts))?;
        let text = self.ahead().hard(|| package.write(with)).await?;
        Ok(Exported { release: id, domain, receipts: count, text })
    }

    /// The release that is meant, as the change made it.
    async fn exported(&self, id: &str) -> Result<SignedRelease, DeskError> {
        if !id.starts_with(CHANGE) {
            return union::find(&self.store, id).await;
        }
        let listed = self.store.signed_releases().await?.into_iter().find(|release| release.change == id);
        let not_found = || selvage_store::StoreError::NotFound { what: "release of the change", id: id.to_owned() };
        let listed = listed.ok_or_else(not_found)?;
        let content = union::find(&self.store, &listed.id).await?.content;
        Ok(SignedRelease { content, ..listed })
    }
}
