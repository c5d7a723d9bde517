//! What manifests ask for, against what is alive.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_model::event::Position;
use selvage_model::name::{ConsumerName, InterfaceRef, SubscriptionName};
use selvage_model::subscription::{Beginning, LiveSubscription, SubscriptionState, SubscriptionTerms};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{all, change, end, ended_at, find, hold_events};
use crate::Store;
use crate::access::{self, grant};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::{Stream, stored};
use crate::ledger;
use crate::statement::statements;
use crate::value::bind;

statements! {
    ALL_TERMS = "SELECT subscription, digest FROM subscription_terms";
    INSERT = "INSERT INTO subscription (id, consumer, name, interface, terms, state, begins, acts, requested_at, changed_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)";
    REMEMBER = "INSERT INTO subscription_terms (subscription, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
}

/// A subscription as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedSubscription {
    /// Who.
    pub consumer: ConsumerName,
    /// Its name among those of its consumer.
    pub name: SubscriptionName,
    /// What.
    pub interface: InterfaceRef,
    /// On which terms.
    pub terms: SubscriptionTerms,
}

impl AskedSubscription {
    fn label(&self) -> String {
        format!("{}/{}", self.consumer, self.name)
    }
}

/// What manifests' subscriptions came to, each by `consumer/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedSubscriptions {
    /// New ones.
    pub made: Vec<String>,
    /// Those whose terms are others now.
    pub changed: Vec<String>,
    /// Those that no manifest asks for any more.
    pub ended: Vec<String>,
    /// Asked for, and not given: one with these terms has ended, at this time.
    pub held_back: Vec<(String, Timestamp)>,
    /// Asked for, and not given: the consumer has no grant for it.
    pub ungranted: Vec<String>,
}

type Digest = [u8; 32];

impl AppliedSubscriptions {
    /// Whether everything is as it was.
    pub(crate) fn is_nothing(&self) -> bool {
        self.made.is_empty() && self.changed.is_empty() && self.ended.is_empty()
    }
}

impl Store {
    /// Makes the subscriptions what the manifests ask for; new ones are approved at once where `approve` says so.
    /// INVARIANT: REVOKED-NOW: what was ended stays ended unless its terms are new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn apply_manifest_subscriptions(
        &self,
        asked: &[AskedSubscription],
        approve: bool,
        by: &str,
    ) -> Result<AppliedSubscriptions, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let applied = apply(&mut transaction, asked, (approve, by)).await?;
        if !applied.is_nothing() {
            access::raise(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(applied)
    }
}

/// Makes subscriptions what is asked for. The caller holds the access state and raises the revision.
pub(crate) async fn apply(
    transaction: &mut Transaction,
    asked: &[AskedSubscription],
    (approve, by): (bool, &str),
) -> Result<AppliedSubscriptions, StoreError> {
    let mut applied = AppliedSubscriptions::default();
    let known = all(transaction).await?;
    let terms = terms(transaction).await?;
    let wanted: BTreeSet<_> = asked.iter().map(|asked| (&asked.consumer, &asked.name, &asked.interface)).collect();
    // Replays are asked for by people.
    let of_manifests = |live: &&LiveSubscription| live.terms.replay.is_none();
    for live in known.iter().filter(of_manifests).filter(|live| live.state != SubscriptionState::Ended) {
        if !wanted.contains(&(&live.consumer, &live.name, &live.interface)) {
            end(transaction, live, by, "no manifest asks for it any more").await?;
            applied.ended.push(live.label());
        }
    }
    for asked in asked {
        take(transaction, asked, (&known, &terms), (approve, by), &mut applied).await?;
    }
    Ok(applied)
}

async fn terms(transaction: &mut Transaction) -> Result<BTreeMap<String, BTreeSet<Digest>>, StoreError> {
    let mut terms: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for row in transaction.all(ALL_TERMS, bind![]).await? {
        terms.entry(row.text("subscription")?).or_default().insert(row.hash("digest")?);
    }
    Ok(terms)
}

async fn take(
    transaction: &mut Transaction,
    asked: &AskedSubscription,
    (known, terms): (&[LiveSubscription], &BTreeMap<String, BTreeSet<Digest>>),
    (approve, by): (bool, &str),
    applied: &mut AppliedSubscriptions,
) -> Result<(), StoreError> {
    let digest = digest(&asked.terms);
    let same = |live: &&LiveSubscription| {
        live.consumer == asked.consumer && live.name == asked.name && live.interface == asked.interface
    };
    let alive = known.iter().filter(same).find(|live| live.state != SubscriptionState::Ended);
    if alive.is_some_and(|live| self::digest(&live.terms) == digest) {
        return Ok(());
    }
    let had = |live: &&LiveSubscription| terms.get(&live.id).is_some_and(|had| had.contains(&digest));
    if let Some(at) = known.iter().filter(same).filter(had).find_map(ended_at) {
        applied.held_back.push((asked.label(), at));
        return Ok(());
    }
    if let Some(live) = alive {
        change(transaction, live, &asked.terms, by).await?;
        transaction.run(REMEMBER, bind![live.id.as_str(), digest]).await?;
        applied.changed.push(asked.label());
        return Ok(());
    }
    let now = transaction.now().await?.timestamp()?;
    let opens = |grant: &selvage_model::access::LiveGrant| {
        grant.consumer == asked.consumer && grant.interface == asked.interface && grant.is_subscription_right(now)
    };
    if !grant::all_of_events(transaction).await?.iter().any(opens) {
        applied.ungranted.push(asked.label());
        return Ok(());
    }
    insert(transaction, asked, digest, (approve, by)).await?;
    applied.made.push(asked.label());
    Ok(())
}

async fn insert(
    transaction: &mut Transaction,
    asked: &AskedSubscription,
    digest: Digest,
    (approve, by): (bool, &str),
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let id = format!("sub_{:032x}", Uuid::new_v4().as_u128());
    let state = match &asked.terms.deliver {
        _ if !approve => SubscriptionState::Requested,
        Some(_) => SubscriptionState::Approved,
        // There is nothing to probe.
        None => SubscriptionState::Active,
    };
    let begins = match asked.terms.from {
        Beginning::Oldest => Position::START,
        Beginning::Newest => match Stream::find(transaction, &asked.interface).await {
            Ok(stream) => stream.head()?,
            // Nothing was ever appended: it gets everything that will be.
            Err(StoreError::NotFound { .. }) => Position::START,
            Err(error) => return Err(error),
        },
    };
    let (interface, words) = (asked.interface.to_string(), json!(asked.terms));
    let row = bind![
        id.as_str(),
        asked.consumer.as_str(),
        asked.name.as_str(),
        interface.as_str(),
        words.to_string(),
        state.as_str(),
        stored(begins),
        now
    ];
    transaction.run(INSERT, row).await?;
    transaction.run(REMEMBER, bind![id.as_str(), digest]).await?;
    let made = find(transaction, &id).await?;
    hold_events(transaction, &made).await?;
    let detail = json!({
        "subscription": asked.label(), "interface": interface, "terms": words, "begins": begins.to_string(),
    });
    ledger::append(transaction, by, "subscription.requested", &id, &detail).await?;
    if approve {
        let detail = json!({"subscription": asked.label(), "because": "the environment is not protected"});
        ledger::append(transaction, by, "subscription.approved", &id, &detail).await?;
    }
    Ok(())
}

/// Says which terms are the same: in whatever order the events were written.
fn digest(terms: &SubscriptionTerms) -> Digest {
    let mut terms = terms.clone();
    terms.events.sort();
    terms.events.dedup();
    Sha256::digest(json!(terms).to_string().as_bytes()).into()
}
