//! Releases that come from changes: signed, with the change that was approved, never edited. The keys that nodes may trust are kept
//! with them; private keys never are. INVARIANT: SECRET-FREE

use selvage_model::change::{Change, signature};
use selvage_model::name::DomainName;
use serde_json::{Value, json};

use crate::Store;
use crate::change;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// A change that becomes a release.
#[derive(Clone, Copy, Debug)]
pub struct NewRelease<'a> {
    /// The change, as it was seen to stand.
    pub change: &'a Change,
    /// The id of the key that signs it.
    pub key: &'a str,
    /// The signature, 64 bytes.
    pub signature: &'a [u8],
    /// Who releases it.
    pub by: &'a str,
    /// It is an emergency that lacks approvals, and has to be ratified within so many hours.
    pub ratify_within_hours: Option<u32>,
}

/// A release of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedRelease {
    /// Its content address.
    pub id: String,
    /// Whose it is.
    pub domain: DomainName,
    /// The change that was approved.
    pub change: String,
    /// Its files by path.
    pub content: Value,
    /// The id of the key that signed it.
    pub key: String,
    /// The signature.
    pub signature: Vec<u8>,
    /// Since when there is it.
    pub recorded: jiff::Timestamp,
    /// Who released it.
    pub by: String,
    /// That name was said, and nobody proved to be who bears it.
    pub unproven: bool,
}

impl SignedRelease {
    /// Who released it, and whether that was proven, as it is shown.
    pub fn signed_by(&self) -> String {
        signature(&self.by, self.unproven)
    }
}

/// A key that signs releases, as the world may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseKey {
    /// Its id (`rk_…`).
    pub id: String,
    /// The public key, 32 bytes.
    pub public: [u8; 32],
}

/// A key that a store knows, and whether what it signs counts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: ReleaseKey,
    /// Since when it is known.
    pub made: jiff::Timestamp,
    /// Since when nothing counts that it signs, where somebody said so.
    pub distrusted: Option<jiff::Timestamp>,
}

statements! {
    KEEP = "INSERT INTO fabric_release (id, content, recorded_at, recorded_by, domain, change_id, signed_with, signature) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    SEAL = "INSERT INTO release_seal (change_id, release_id, signed_with, signature, made_at, made_by, unproven) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
    BY_ID = "SELECT r.id, r.content, COALESCE(s.made_at, r.recorded_at) AS recorded_at, COALESCE(s.made_by, r.recorded_by) AS recorded_by, \
             r.domain, COALESCE(s.change_id, r.change_id) AS change_id, COALESCE(s.signed_with, r.signed_with) AS signed_with, \
             COALESCE(s.signature, r.signature) AS signature, COALESCE(s.unproven, 0) AS unproven FROM fabric_release AS r LEFT JOIN release_seal AS s ON s.release_id = r.id \
             LEFT JOIN change_proposal AS p ON p.id = s.change_id WHERE r.id = $1 AND r.domain IS NOT NULL \
             ORDER BY COALESCE(p.release_ordinal, 0) DESC LIMIT 1";
    OF_DOMAIN = "SELECT r.id, '{}' AS content, COALESCE(s.made_at, r.recorded_at) AS recorded_at, \
                 COALESCE(s.made_by, r.recorded_by) AS recorded_by, r.domain, COALESCE(s.change_id, r.change_id) AS change_id, \
                 COALESCE(s.signed_with, r.signed_with) AS signed_with, COALESCE(s.signature, r.signature) AS signature, \
                 COALESCE(s.unproven, 0) AS unproven \
                 FROM fabric_release AS r LEFT JOIN release_seal AS s ON s.release_id = r.id \
                 LEFT JOIN change_proposal AS p ON p.id = COALESCE(s.change_id, r.change_id) WHERE r.domain IS NOT NULL \
                 ORDER BY COALESCE(p.release_ordinal, 0), COALESCE(s.made_at, r.recorded_at), r.id";
    KEEP_KEY = "INSERT INTO release_key (id, public_key, made_at, made_by) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    KEYS = "SELECT id, public_key, made_at, distrusted_at FROM release_key ORDER BY made_at, id";
    TRUST_AGAIN = "UPDATE release_key SET distrusted_at = NULL WHERE id = $1 AND distrusted_at IS NOT NULL";
    DISTRUST = "UPDATE release_key SET distrusted_at = $2 WHERE id = $1 AND distrusted_at IS NULL";
    KEY = "SELECT id, public_key, made_at, distrusted_at FROM release_key WHERE id = $1";
}

impl Store {
    /// Makes a change, as it was seen to stand, a release. INVARIANT: APPROVED: the decisions and what they are about are one row's
    /// version; who decides between reading and this makes no difference to what is released.
    ///
    /// # Errors
    /// [`StoreError::ChangeStands`] where it stands otherwise by now.
    pub async fn release_change(&self, new: NewRelease<'_>) -> Result<SignedRelease, StoreError> {
        let NewRelease { change, key, signature, by, ratify_within_hours } = new;
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        // Somebody may have said something since it was looked at.
        let now_stands = change::find(&mut transaction, &change.id).await?;
        if now_stands.decisions != change.decisions {
            return Err(change::stands(&now_stands, "released by what was seen of it: somebody has decided since"));
        }
        let head = change::head(&mut transaction, &change.domain).await?;
        if head != change.base {
            return Err(StoreError::ChangeStale { id: change.id.clone(), base: change.base.clone(), head });
        }
        let now = transaction.now().await?;
        let hours = |hours: u32| std::time::Duration::from_secs(u64::from(hours) * 3600);
        let ratify_until: Option<Micros> = ratify_within_hours.map(|within| now.after(hours(within)));
        change::release(&mut transaction, change, ratify_until).await?;
        let release = SignedRelease {
            id: change.release.clone(),
            domain: change.domain.clone(),
            change: change.id.clone(),
            content: change::content(&mut transaction, &change.id, change.version).await?,
            key: key.to_owned(),
            signature: signature.to_vec(),
            recorded: now.timestamp()?,
            by: by.to_owned(),
            unproven: !transaction.is_proven(),
        };
        keep(&mut transaction, &release).await?;
        let detail = json!({
            "change": change.id, "domain": change.domain.as_str(), "base": change.base, "signed_with": key,
            "ratify_until": ratify_until.map(|until| until.timestamp()).transpose()?.map(|until| until.to_string()),
        });
        let action = if ratify_until.is_some() { "release.made-in-emergency" } else { "release.made" };
        ledger::append(&mut transaction, by, action, &change.release, &detail).await?;
        transaction.commit().await?;
        Ok(release)
    }

    /// A release of a domain by its id; by the change that made it last, where several did.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn signed_release(&self, id: &str) -> Result<Option<SignedRelease>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.first(BY_ID, bind![id]).await?.map(|row| signed(&row)).transpose()
    }

    /// Every release of every domain without its content, oldest first by their count, whatever the clock was; once for each change
    /// that made it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn signed_releases(&self) -> Result<Vec<SignedRelease>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(OF_DOMAIN, bind![]).await?.iter().map(signed).collect()
    }

    /// The release that a domain made last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn head(&self, domain: &DomainName) -> Result<Option<String>, StoreError> {
        change::head(&mut self.database.read().await?, domain).await
    }

    /// Makes a public key known by which releases are verified, or lets what it signs count again; again is no change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_release_key(&self, key: &ReleaseKey, by: &str, because: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        if transaction.run(KEEP_KEY, bind![key.id.as_str(), key.public, now, by]).await? == 1 {
            ledger::append(&mut transaction, by, "release-key.made", &key.id, &json!({"because": because})).await?;
            transaction.commit().await?;
        } else if transaction.run(TRUST_AGAIN, bind![key.id.as_str()]).await? == 1 {
            let detail = json!({"because": because});
            ledger::append(&mut transaction, by, "release-key.trusted-again", &key.id, &detail).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Lets nothing count any more that a key signs, nor what it says of other stores; again is no change. What it signed before is still
    /// verified by it, so that what runs goes on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a key that the store does not know.
    pub async fn distrust_release_key(&self, id: &str, by: &str, because: &str) -> Result<KnownKey, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let is_new = transaction.run(DISTRUST, bind![id, now]).await? == 1;
        let found = transaction.first(KEY, bind![id]).await?;
        let key = known(&found.ok_or_else(|| StoreError::NotFound { what: "release key", id: id.to_owned() })?)?;
        if is_new {
            ledger::append(&mut transaction, by, "release-key.distrusted", id, &json!({"because": because})).await?;
            transaction.commit().await?;
        }
        Ok(key)
    }

    /// Every key that the store knows, oldest first, and whether what it signs counts.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn known_release_keys(&self) -> Result<Vec<KnownKey>, StoreError> {
        self.database.read().await?.all(KEYS, bind![]).await?.iter().map(known).collect()
    }

    /// The keys by which releases are verified, oldest first; also those whose new signatures do not count.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release_keys(&self) -> Result<Vec<ReleaseKey>, StoreError> {
        Ok(self.known_release_keys().await?.into_iter().map(|known| known.key).collect())
    }
}

fn known(row: &Row) -> Result<KnownKey, StoreError> {
    Ok(KnownKey {
        key: ReleaseKey { id: row.text("id")?, public: row.hash("public_key")? },
        made: row.time("made_at")?,
        distrusted: row.optional_time("distrusted_at")?,
    })
}

/// Keeps a release, with its signature for the change that made it.
pub(super) async fn keep(transaction: &mut Transaction, release: &SignedRelease) -> Result<(), StoreError> {
    let (id, change, by) = (release.id.as_str(), release.change.as_str(), release.by.as_str());
    let (key, signature, made) = (release.key.as_str(), release.signature.as_slice(), Micros::from(release.recorded));
    let (content, domain) = (release.content.to_string(), release.domain.as_str());
    transaction.run(KEEP, bind![id, content, made, by, domain, change, key, signature]).await?;
    transaction.run(SEAL, bind![change, id, key, signature, made, by, i64::from(release.unproven)]).await?;
    Ok(())
}

fn signed(row: &Row) -> Result<SignedRelease, StoreError> {
    Ok(SignedRelease {
        id: row.text("id")?,
        domain: row.parsed("domain")?,
        change: row.text("change_id")?,
        content: row.json("content")?,
        key: row.text("signed_with")?,
        signature: row.bytes("signature")?,
        recorded: row.time("recorded_at")?,
        by: row.text("recorded_by")?,
        unproven: row.integer("unproven")? != 0,
    })
}
