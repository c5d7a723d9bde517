//! Releasing: an approved change becomes a release, signed and never edited. An emergency may lack approvals; it is loud, and has a
//! day to be ratified. INVARIANT: APPROVED

use selvage_governance::approval::Waiting;
use selvage_governance::seat::Act;
use selvage_model::change::{Change, ChangeState, Requirement};
use selvage_model::code;
use selvage_store::{NewRelease, ReleaseKey, SignedRelease, StoreError};

use super::theirs::{Step, act_for};
use super::{Desk, DeskError, Files, Seal};

/// How long an emergency may stand without the approvals that it takes.
const RATIFY_WITHIN_HOURS: u32 = 24;

impl Desk {
    /// Makes a change a release.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where approvals are missing; those of the store.
    pub async fn release(&self, id: &str, by: &str, seal: &Seal) -> Result<SignedRelease, DeskError> {
        let mut change = self.store.change(id).await?;
        let act = act_for(std::slice::from_ref(&change), Act::Release);
        self.must_be_theirs(&Step { by, act, domain: &change.domain, environment: None }).await?;
        if change.state != ChangeState::Open {
            let (state, version, step) = (change.state, change.version, "released".to_owned());
            return Err(StoreError::ChangeStands { id: change.id, state, version, step }.into());
        }
        let content = self.store.change_content(&change.id, change.version).await?;
        let files: Files = serde_json::from_value(content).map_err(|_| {
            let message = format!("{} holds something else than files", change.id);
            DeskError::refused(code::CHANGE_UNFIT, message, "propose it again")
        })?;
        let mut new = self.need_again(&mut change, files).await?;
        if change.emergency {
            // It does not wait for what came since it was proposed: whoever ratifies it is asked for that, too.
            change.requirements.append(&mut new);
        }
        let standing = self.standing(&change).await?;
        if let Some(rejected) = &standing.rejected {
            let message = format!("`{}` rejects {id}: {}", rejected.person, rejected.because);
            return Err(DeskError::refused(code::CHANGE_UNAPPROVED, message, "mend it, and propose it again"));
        }
        let is_early = !standing.is_approved();
        if is_early && !change.emergency {
            return Err(lacks(id, standing.open.iter().map(report)));
        }
        if !is_early && !new.is_empty() {
            return Err(lacks(id, new.into_iter().map(|it| format!("{}, since it was proposed", it.need))));
        }
        self.known_key(seal, by).await?;
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

    /// The first key that signs in a store is the store's; every other one is let in by a word of its own. INVARIANT: APPROVED: nodes trust
    /// the keys that the store knows.
    async fn known_key(&self, seal: &Seal, by: &str) -> Result<(), DeskError> {
        let keys = self.store.release_keys().await?;
        if keys.is_empty() {
            return Ok(self.store.keep_release_key(seal.key(), by, "the first key that signs here").await?);
        }
        self.refuse_distrusted(&seal.key().id, "a release here").await?;
        refuse_strange_key(&keys, seal)
    }

    /// Looks at a change again as of now: other domains have released since it was proposed, people have gone, and use goes on. Who sits
    /// where is put in as it is; what it takes besides is returned. What has errors by now, would end what is used by now, or breaks what is promised by now, is refused.
    pub(super) async fn need_again(&self, change: &mut Change, files: Files) -> Result<Vec<Requirement>, DeskError> {
        let weighed = self.weigh(&change.domain, change.base.as_deref(), files).await?;
        self.refuse_what_ends(&change.domain, change.emergency, &weighed).await?;
        let (_, now) = self.judge(&change.domain, &change.author, change.emergency, &weighed).await?;
        let mut new = Vec::new();
        for requirement in now {
            match change.requirements.iter_mut().find(|before| before.need == requirement.need) {
                Some(before) => before.seats = requirement.seats,
                None => new.push(requirement),
            }
        }
        Ok(new)
    }
}

/// Refuses to sign with a key that is none of the store's.
pub(super) fn refuse_strange_key(keys: &[ReleaseKey], seal: &Seal) -> Result<(), DeskError> {
    if keys.contains(seal.key()) {
        return Ok(());
    }
    let message = format!("releases of this store are not signed with the key {}", seal.key().id);
    let fix = "sign with the key that it knows, or let the new one in with `selvage release trust`";
    Err(DeskError::refused(code::RELEASE_KEY_NEW, message, fix))
}

/// A refusal for approvals that are missing.
fn lacks(id: &str, missing: impl Iterator<Item = String>) -> DeskError {
    let message = format!("{id} waits for {}", missing.collect::<Vec<_>>().join("; "));
    let fix = format!(
        "`selvage change show {id}` says why each is needed; where one is new, propose it again with `--change {id}`"
    );
    DeskError::refused(code::CHANGE_UNAPPROVED, message, fix)
}

pub(super) fn report(waiting: &Waiting) -> String {
    let people: Vec<&str> = waiting.people.iter().map(String::as_str).collect();
    let who = if people.is_empty() { "nobody can give it".to_owned() } else { people.join(", ") };
    format!("{} ({who})", waiting.requirement.need)
}
