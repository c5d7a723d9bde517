//! Promises of compatibility, held where something is proposed and again where it is released: towards what the domain released last, and where
//! a promise is transitive, towards every release of it.

use selvage_governance::compare::compatibility::{Earlier, broken, looks_back};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::DomainName;

use super::{Desk, DeskError, Files, union};

impl Desk {
    /// Refuses what breaks a promise.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with each thing that breaks one; those of the store.
    pub(super) async fn refuse_broken_promises(
        &self,
        domain: &DomainName,
        was: &Fabric,
        after: &Fabric,
    ) -> Result<(), DeskError> {
        let earlier = if looks_back(was, after) { self.states_of(domain).await? } else { Vec::new() };
        let found = self
            .hard(|| {
                let earlier: Vec<Earlier<'_>> = earlier.iter().map(|(name, fabric)| Earlier { name, fabric }).collect();
                broken(Earlier { name: "what is released", fabric: was }, &earlier, after)
            })
            .await;
        if found.is_empty() {
            return Ok(());
        }
        let fix = "keep what is promised, or loosen the promise by a change of its own, before";
        Err(DeskError::found(code::COMPATIBILITY_BROKEN, "a promise of compatibility is broken", fix, found))
    }

    /// What each release of a domain declared, the newest first.
    async fn states_of(&self, domain: &DomainName) -> Result<Vec<(String, Fabric)>, DeskError> {
        let releases = self.store.signed_releases().await?;
        let mut states = Vec::new();
        for known in releases.into_iter().rev().filter(|release| &release.domain == domain) {
            let release = union::find(&self.store, &known.id).await?;
            let mut files = Files::new();
            union::add(&release, &mut files)?;
            states.push((release.id, self.hard(|| self.look.read(&files)).await));
        }
        Ok(states)
    }
}
