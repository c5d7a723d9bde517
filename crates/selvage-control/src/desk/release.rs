//! Releasing: an approved change becomes a release, signed and never edited. An emergency may lack approvals; it is loud, and has a
//! day to be ratified. INVARIANT: APPROVED

use selvage_model::change::ChangeState;
use selvage_model::code;
use selvage_store::{NewRelease, SignedRelease, StoreError};

use super::{Desk, DeskError, Seal};

/// How long an emergency may stand without the approvals that it takes.
const RATIFY_WITHIN_HOURS: u32 = 24;

impl Desk {
    /// Makes a change a release.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where approvals are missing; those of the store.
    pub async fn release(&self, id: &str, by: &str, seal: &Seal) -> Result<SignedRelease, DeskError> {
        let change = self.store.change(id).await?;
        if change.state != ChangeState::Open {
            let (state, version) = (change.state, change.version);
            return Err(StoreError::ChangeStands { id: change.id, state, version, step: "released".to_owned() }.into());
        }
        let standing = self.standing(&change).await?;
        let is_early = !standing.is_approved();
        if is_early && !change.emergency {
            let missing: Vec<String> = standing
                .open
                .iter()
                .map(|waiting| {
                    let people: Vec<&str> = waiting.people.iter().map(String::as_str).collect();
                    let who = if people.is_empty() { "nobody can give it".to_owned() } else { people.join(", ") };
                    format!("{} ({who})", waiting.requirement.need)
                })
                .collect();
            let message = format!("{id} waits for {}", missing.join("; "));
            let fix = format!("`selvage change show {id}` says why each is needed");
            return Err(DeskError::refused(code::CHANGE_UNAPPROVED, message, fix));
        }
        self.store.keep_release_key(seal.key(), by).await?;
        let signature = seal.sign(&change.release, &change.domain, &change.id);
        let ratify_within_hours = is_early.then_some(RATIFY_WITHIN_HOURS);
        if is_early {
            tracing::error!(
                change = change.id,
                by,
                "an emergency is released without its approvals; it has to be ratified within {RATIFY_WITHIN_HOURS} hours"
            );
        }
        let new = NewRelease { change: &change, key: &seal.key().id, signature: &signature, by, ratify_within_hours };
        Ok(self.store.release_change(new).await?)
    }
}
