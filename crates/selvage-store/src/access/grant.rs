//! Leases, as manifests ask for them. What ended is never revived, by no release and no rollback: only terms that the
//! manifests did not have before make a new lease.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::access::{GrantTerms, LiveGrant};
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Store;
use crate::access::{self, past};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// What manifests' grants came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppliedGrants {
    /// New leases, by id.
    pub granted: Vec<String>,
    /// Leases whose terms are others now, by id.
    pub changed: Vec<String>,
    /// Leases that no manifest asks for any more, by id.
    pub ended: Vec<String>,
    /// Asked for, and not given, since a lease with these terms was ended.
    pub held_back: Vec<HeldBack>,
}

/// A grant that a manifest asks for and that has ended before: it takes other terms (a new end, a new purpose).
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// Who.
    pub consumer: ConsumerName,
    /// What.
    pub interface: InterfaceRef,
    /// When the lease with these terms ended.
    pub ended: Timestamp,
}

statements! {
    ALL = "SELECT id, consumer, interface, terms, ended_at FROM lease ORDER BY granted_at, id";
    TOUCHED = "SELECT id, consumer, interface, terms, ended_at FROM lease WHERE touched > $1 ORDER BY granted_at, id";
    COUNT = "SELECT COUNT(*) AS leases, COUNT(ended_at) AS ended FROM lease";
    OF_MANIFESTS = "SELECT id, consumer, interface, terms, ended_at FROM lease WHERE origin = 'manifest' ORDER BY granted_at, id";
    NARROWED = "SELECT id, consumer, interface, terms, ended_at FROM lease WHERE of_manifest = 1 AND ended_at IS NULL \
                ORDER BY granted_at, id";
    ALL_TERMS = "SELECT lease, digest FROM lease_terms";
    GRANT = "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at) VALUES ($1, 'manifest', $2, $3, $4, $5)";
    CHANGE = "UPDATE lease SET terms = $2 WHERE id = $1";
    REMEMBER = "INSERT INTO lease_terms (lease, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    HAND_ON = "INSERT INTO lease_terms (lease, digest) SELECT CAST($2 AS TEXT), digest FROM lease_terms WHERE lease = $1 ON CONFLICT DO NOTHING";
    LET_GO = "DELETE FROM lease_terms WHERE lease = $1";
    END = "UPDATE lease SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    BY_ID = "SELECT id, consumer, interface, terms, ended_at FROM lease WHERE id = $1";
}

type Digest = [u8; 32];

/// What a lease is about.
type Subject = (ConsumerName, InterfaceRef);

/// A grant as it is asked for.
pub(crate) type Asked = (ConsumerName, InterfaceRef, GrantTerms);

impl AppliedGrants {
    /// Whether everything is as it was.
    pub(crate) fn is_nothing(&self) -> bool {
        self.granted.is_empty() && self.changed.is_empty() && self.ended.is_empty()
    }
}

impl Store {
    /// Makes the leases of origin `manifest` what the manifests ask for: new ones are granted, changed ones changed,
    /// vanished ones ended. INVARIANT: REVOKED-NOW: what was ended stays ended unless its terms are new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn apply_manifest_grants(&self, asked: &[Asked], by: &str) -> Result<AppliedGrants, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let applied = apply(&mut transaction, asked, by).await?;
        if !applied.is_nothing() {
            access::end_overdue(&mut transaction).await?;
            access::raise(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(applied)
    }

    /// Ends a lease, for good; again is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no lease has.
    pub async fn end_grant(&self, id: &str, by: &str, because: &str) -> Result<LiveGrant, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let before = find(&mut transaction, id).await?;
        if before.ended.is_some() {
            return Ok(before);
        }
        end(&mut transaction, &before, by, because).await?;
        access::end_overdue(&mut transaction).await?;
        access::raise(&mut transaction).await?;
        let grant = find(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(grant)
    }
}

/// Makes leases what is asked for. The caller holds the access state, ends what lived by them, and raises the revision.
pub(crate) async fn apply(
    transaction: &mut Transaction,
    asked: &[Asked],
    by: &str,
) -> Result<AppliedGrants, StoreError> {
    let plan = planned(transaction, asked).await?;
    carry_out(transaction, plan, by).await
}

/// What has to be done so that leases are what is asked for. It reads all of them, and holds for as long as the revision stays.
pub(crate) async fn planned(transaction: &mut Transaction, asked: &[Asked]) -> Result<Plan, StoreError> {
    let mut plan = plan(known(transaction).await?, asked);
    // What was left of a manifest's lease goes with the manifest, whatever its terms have become.
    for row in transaction.all(NARROWED, bind![]).await? {
        let left = live(&row)?;
        if !asked.iter().any(|(consumer, interface, _)| (consumer, interface) == (&left.consumer, &left.interface)) {
            plan.end.push(left);
        }
    }
    Ok(plan)
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<LiveGrant, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    live(&row.ok_or_else(|| StoreError::NotFound { what: "grant", id: id.to_owned() })?)
}

/// Ends one that is alive, and says so in the ledger. The caller ends what lived by it and raises the revision.
pub(super) async fn end(
    transaction: &mut Transaction,
    grant: &LiveGrant,
    by: &str,
    because: &str,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    transaction.run(END, bind![grant.id.as_str(), now]).await?;
    let detail = json!({
        "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(), "because": because,
    });
    ledger::append(transaction, by, "grant.ended", &grant.id, &detail).await
}

/// Every lease, oldest first.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<LiveGrant>, StoreError> {
    transaction.all(ALL, bind![]).await?.iter().map(live).collect()
}

/// Every lease, where those of a revision are known: what was written since is read, and stands in the place of what it was. What was
/// granted since stands last. Where that does not come to what is there, all of them are read.
pub(crate) async fn all_after(
    transaction: &mut Transaction,
    (known, revision): (&[LiveGrant], u64),
) -> Result<Vec<LiveGrant>, StoreError> {
    let touched = transaction.all(TOUCHED, bind![i64::try_from(revision).unwrap_or(i64::MAX)]).await?;
    let touched = touched.iter().map(live).collect::<Result<Vec<_>, _>>()?;
    let mut grants = known.to_vec();
    let mut places: HashMap<&str, usize> = HashMap::new();
    if !touched.is_empty() {
        places.extend(known.iter().enumerate().map(|(place, grant)| (grant.id.as_str(), place)));
    }
    for grant in touched {
        match places.get(grant.id.as_str()).and_then(|place| grants.get_mut(*place)) {
            Some(before) => *before = grant,
            None => grants.push(grant),
        }
    }
    let count = transaction.only(COUNT, bind![]).await?;
    let ended = grants.iter().filter(|grant| grant.ended.is_some()).count();
    let is_whole = (count.count("leases")?, count.count("ended")?) == (grants.len() as u64, ended as u64);
    if is_whole { Ok(grants) } else { all(transaction).await }
}

pub(super) fn live(row: &Row) -> Result<LiveGrant, StoreError> {
    Ok(LiveGrant {
        id: row.text("id")?,
        consumer: row.parsed("consumer")?,
        interface: row.parsed("interface")?,
        terms: Arc::new(row.json("terms")?),
        ended: row.optional_time("ended_at")?,
    })
}

/// A lease that a manifest asked for, with every terms that it has had.
struct Known {
    grant: LiveGrant,
    terms: BTreeSet<Digest>,
}

async fn known(transaction: &mut Transaction) -> Result<Vec<Known>, StoreError> {
    let mut terms: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for row in transaction.all(ALL_TERMS, bind![]).await? {
        terms.entry(row.text("lease")?).or_default().insert(row.hash("digest")?);
    }
    let grants = transaction.all(OF_MANIFESTS, bind![]).await?;
    let grants = grants.iter().map(live).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(grants.map(|grant| Known { terms: terms.remove(&grant.id).unwrap_or_default(), grant }).collect())
}

/// What has to be done.
#[derive(Default)]
pub(crate) struct Plan {
    grant: Vec<Asked>,
    change: Vec<(LiveGrant, GrantTerms)>,
    end: Vec<LiveGrant>,
    /// Leases whose consumer goes on under another one, by its id.
    merge: Vec<(LiveGrant, String)>,
    held_back: Vec<HeldBack>,
}

fn plan(known: Vec<Known>, asked: &[Asked]) -> Plan {
    let mut by_subject: BTreeMap<Subject, (Vec<Known>, Vec<GrantTerms>)> = BTreeMap::new();
    for known in known {
        let subject = (known.grant.consumer.clone(), known.grant.interface.clone());
        by_subject.entry(subject).or_default().0.push(known);
    }
    for (consumer, interface, terms) in asked {
        by_subject.entry((consumer.clone(), interface.clone())).or_default().1.push(terms.clone());
    }
    let mut plan = Plan::default();
    for (subject, (known, asked)) in by_subject {
        plan.add(&subject, known, asked);
    }
    plan
}

impl Plan {
    /// Settles one consumer's leases on one interface.
    fn add(&mut self, (consumer, interface): &Subject, known: Vec<Known>, asked: Vec<GrantTerms>) {
        let (ended, mut alive): (Vec<_>, Vec<_>) = known.into_iter().partition(|known| known.grant.ended.is_some());
        let mut open: BTreeMap<Digest, GrantTerms> = asked.into_iter().map(|terms| (digest(&terms), terms)).collect();
        let mut survivor = None;
        alive.retain(|known| {
            let is_asked = open.remove(&digest(&known.grant.terms)).is_some();
            if is_asked {
                survivor = Some(known.grant.id.clone());
            }
            !is_asked
        });
        for (digest, terms) in open {
            let before = ended.iter().rfind(|known| known.terms.contains(&digest));
            if let Some(ended) = before.and_then(|known| known.grant.ended) {
                self.held_back.push(HeldBack { consumer: consumer.clone(), interface: interface.clone(), ended });
            } else if let Some(known) = alive.pop() {
                self.change.push((known.grant, terms));
            } else {
                self.grant.push((consumer.clone(), interface.clone(), terms));
            }
        }
        // Access that goes on under other terms has not ended: going back to these terms is no revival.
        match survivor {
            Some(survivor) => self.merge.extend(alive.into_iter().map(|known| (known.grant, survivor.clone()))),
            None => self.end.extend(alive.into_iter().map(|known| known.grant)),
        }
    }
}

/// Does what was planned. The caller holds the access state, ends what lived by it, and raises the revision.
pub(crate) async fn carry_out(
    transaction: &mut Transaction,
    plan: Plan,
    by: &str,
) -> Result<AppliedGrants, StoreError> {
    let now = transaction.now().await?;
    let mut applied = AppliedGrants { held_back: plan.held_back, ..AppliedGrants::default() };
    for (consumer, interface, terms) in plan.grant {
        let id = format!("grt_{:032x}", Uuid::new_v4().as_u128());
        let interface = interface.to_string();
        let words = json!(terms);
        transaction
            .run(GRANT, bind![id.as_str(), consumer.as_str(), interface.as_str(), words.to_string(), now])
            .await?;
        past::note(transaction, &id).await?;
        transaction.run(REMEMBER, bind![id.as_str(), digest(&terms)]).await?;
        let detail = json!({"consumer": consumer.as_str(), "interface": interface, "terms": words});
        ledger::append(transaction, by, "grant.granted", &id, &detail).await?;
        applied.granted.push(id);
    }
    for (grant, terms) in plan.change {
        let words = json!(terms);
        transaction.run(CHANGE, bind![grant.id.as_str(), words.to_string()]).await?;
        past::note(transaction, &grant.id).await?;
        transaction.run(REMEMBER, bind![grant.id.as_str(), digest(&terms)]).await?;
        let detail = json!({"before": *grant.terms, "terms": words});
        ledger::append(transaction, by, "grant.changed", &grant.id, &detail).await?;
        applied.changed.push(grant.id);
    }
    for (grant, survivor) in plan.merge {
        end(transaction, &grant, by, "its consumer goes on under other terms").await?;
        transaction.run(HAND_ON, bind![grant.id.as_str(), survivor.as_str()]).await?;
        transaction.run(LET_GO, bind![grant.id.as_str()]).await?;
        applied.ended.push(grant.id);
    }
    for grant in plan.end {
        end(transaction, &grant, by, "no manifest asks for it any more").await?;
        applied.ended.push(grant.id);
    }
    Ok(applied)
}

/// Says which terms are the same: in whatever order they were written.
pub(crate) fn digest(terms: &GrantTerms) -> Digest {
    let mut terms = terms.clone();
    terms.operations.sort();
    terms.operations.dedup();
    terms.except.sort();
    terms.classes.sort();
    terms.classes.dedup();
    for (_, values) in &mut terms.rows {
        values.sort_by_key(ToString::to_string);
    }
    terms.rows.sort_by(|(left, _), (right, _)| left.cmp(right));
    Sha256::digest(json!(terms).to_string().as_bytes()).into()
}
