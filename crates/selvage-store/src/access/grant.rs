//! Leases, as manifests ask for them, those of each environment by themselves. What ended is never revived, by no release and no rollback:
//! only terms that the manifests did not have before make a new lease. What a person took back stays so in every environment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::access::{GrantTerms, LiveGrant};
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Store;
use crate::access::{self, past};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::home;
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
    /// Leases of before they had an environment, by id: they are of this one since now.
    pub adopted: Vec<String>,
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
    ALL = "SELECT id, consumer, interface, terms, environment, ended_at FROM lease ORDER BY granted_at, id";
    TOUCHED = "SELECT id, consumer, interface, terms, environment, ended_at FROM lease WHERE touched > $1 ORDER BY granted_at, id";
    COUNT = "SELECT COUNT(*) AS leases, COUNT(ended_at) AS ended FROM lease";
    OF_MANIFESTS = "SELECT id, consumer, interface, terms, environment, ended_at FROM lease WHERE origin = 'manifest' \
                    AND (environment IS NULL OR environment = $1 OR withdrawn = 1) ORDER BY granted_at, id";
    NARROWED = "SELECT id, consumer, interface, terms, environment, ended_at FROM lease WHERE of_manifest = 1 AND ended_at IS NULL \
                AND (environment IS NULL OR environment = $1) ORDER BY granted_at, id";
    ALL_TERMS = "SELECT lease, digest FROM lease_terms";
    GRANT = "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, environment) VALUES ($1, 'manifest', $2, $3, $4, $5, $6)";
    ADOPT = "UPDATE lease SET environment = $2 WHERE id = $1 AND environment IS NULL";
    CHANGE = "UPDATE lease SET terms = $2 WHERE id = $1";
    REMEMBER = "INSERT INTO lease_terms (lease, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    HAND_ON = "INSERT INTO lease_terms (lease, digest) SELECT CAST($2 AS TEXT), digest FROM lease_terms WHERE lease = $1 ON CONFLICT DO NOTHING";
    LET_GO = "DELETE FROM lease_terms WHERE lease = $1";
    END = "UPDATE lease SET ended_at = $2, withdrawn = $3 WHERE id = $1 AND ended_at IS NULL";
    BY_ID = "SELECT id, consumer, interface, terms, environment, ended_at FROM lease WHERE id = $1";
}

type Digest = [u8; 32];

/// What a lease is about.
type Subject = (ConsumerName, InterfaceRef);

/// A grant as it is asked for.
pub(crate) type Asked = (ConsumerName, InterfaceRef, GrantTerms);

impl AppliedGrants {
    /// Whether everything is as it was.
    pub(crate) fn is_nothing(&self) -> bool {
        self.granted.is_empty() && self.changed.is_empty() && self.ended.is_empty() && self.adopted.is_empty()
    }
}

impl Store {
    /// Makes the leases of origin `manifest` that count in every environment what the manifests ask for: new ones are granted, changed ones
    /// changed, vanished ones ended. INVARIANT: REVOKED-NOW: what was ended stays ended unless its terms are new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn apply_manifest_grants(&self, asked: &[Asked], by: &str) -> Result<AppliedGrants, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let applied = apply(&mut transaction, (None, asked), by).await?;
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

/// Makes the leases of an environment what is asked for there. The caller holds the access state, ends what lived by them, and raises the revision.
pub(crate) async fn apply(
    transaction: &mut Transaction,
    (environment, asked): (Option<&EnvironmentName>, &[Asked]),
    by: &str,
) -> Result<AppliedGrants, StoreError> {
    let plan = planned(transaction, (environment, asked)).await?;
    carry_out(transaction, plan, by).await
}

/// What has to be done so that the leases of an environment are what is asked for there. It reads all of them, and holds for as long as the
/// revision stays.
pub(crate) async fn planned(
    transaction: &mut Transaction,
    (environment, asked): (Option<&EnvironmentName>, &[Asked]),
) -> Result<Plan, StoreError> {
    let known = known(transaction, environment).await?;
    let alive = known.iter().map(|known| &known.grant).filter(|grant| grant.ended.is_none());
    let mut adopt: Vec<String> = alive.filter(|grant| grant.environment.is_none()).map(|it| it.id.clone()).collect();
    let mut plan = plan(known, asked);
    // What was left of a manifest's lease goes with the manifest, whatever its terms have become.
    for row in transaction.all(NARROWED, bind![environment.map(|it| it.as_str().to_owned())]).await? {
        let left = live(&row)?;
        if !asked.iter().any(|(consumer, interface, _)| (consumer, interface) == (&left.consumer, &left.interface)) {
            plan.end.push(left);
        } else if left.environment.is_none() {
            adopt.push(left.id);
        }
    }
    plan.environment = environment.cloned();
    // A lease that a node of before wrote has no environment: it is of the one that settles it first.
    plan.adopt = if environment.is_some() { adopt } else { Vec::new() };
    Ok(plan)
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<LiveGrant, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    live(&row.ok_or_else(|| StoreError::NotFound { what: "grant", id: id.to_owned() })?)
}

/// Ends one that is alive since somebody took it back, so that no environment's manifests give it again, and says so in the ledger. The
/// caller ends what lived by it and raises the revision.
pub(super) async fn end(
    transaction: &mut Transaction,
    grant: &LiveGrant,
    by: &str,
    because: &str,
) -> Result<(), StoreError> {
    end_of(transaction, grant, true, (by, because)).await
}

/// Ends one: taken back by a person, or since the manifests of its environment do not ask for it any more.
async fn end_of(
    transaction: &mut Transaction,
    grant: &LiveGrant,
    is_withdrawn: bool,
    (by, because): (&str, &str),
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    transaction.run(END, bind![grant.id.as_str(), now, i64::from(is_withdrawn)]).await?;
    let detail = json!({
        "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(), "because": because,
    });
    ledger::append(transaction, by, "grant.ended", &grant.id, &detail).await
}

/// Every lease by which events of the store may be had: those that count where they are kept, or all where nobody keeps any yet.
pub(crate) async fn all_of_events(transaction: &mut Transaction) -> Result<Vec<LiveGrant>, StoreError> {
    let home = home::of(transaction).await?;
    let mut grants = all(transaction).await?;
    grants.retain(|grant| home.as_ref().is_none_or(|home| grant.counts_in(home)));
    Ok(grants)
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

pub(crate) fn live(row: &Row) -> Result<LiveGrant, StoreError> {
    Ok(LiveGrant {
        id: row.text("id")?,
        consumer: row.parsed("consumer")?,
        interface: row.parsed("interface")?,
        terms: Arc::new(row.json("terms")?),
        environment: row.optional_text("environment")?.map(|_| row.parsed("environment")).transpose()?,
        ended: row.optional_time("ended_at")?,
    })
}

/// A lease that a manifest asked for, with every terms that it has had.
struct Known {
    grant: LiveGrant,
    terms: BTreeSet<Digest>,
}

/// Those of an environment, those of before they had one, and what was taken back in any.
async fn known(transaction: &mut Transaction, environment: Option<&EnvironmentName>) -> Result<Vec<Known>, StoreError> {
    let mut terms: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for row in transaction.all(ALL_TERMS, bind![]).await? {
        terms.entry(row.text("lease")?).or_default().insert(row.hash("digest")?);
    }
    let grants = transaction.all(OF_MANIFESTS, bind![environment.map(|it| it.as_str().to_owned())]).await?;
    let grants = grants.iter().map(live).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(grants.map(|grant| Known { terms: terms.remove(&grant.id).unwrap_or_default(), grant }).collect())
}

/// What has to be done.
#[derive(Default)]
pub(crate) struct Plan {
    /// Where; everywhere where none is said.
    environment: Option<EnvironmentName>,
    /// Leases that are this environment's from now on, by id.
    adopt: Vec<String>,
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
    let mut applied = AppliedGrants { held_back: plan.held_back, ..AppliedGrants::default() };
    if let Some(environment) = &plan.environment {
        for id in plan.adopt {
            transaction.run(ADOPT, bind![id.as_str(), environment.as_str()]).await?;
            applied.adopted.push(id);
        }
    }
    for asked in plan.grant {
        applied.granted.push(give(transaction, plan.environment.as_ref(), &asked, by).await?);
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
        end_of(transaction, &grant, false, (by, "its consumer goes on under other terms")).await?;
        transaction.run(HAND_ON, bind![grant.id.as_str(), survivor.as_str()]).await?;
        transaction.run(LET_GO, bind![grant.id.as_str()]).await?;
        applied.ended.push(grant.id);
    }
    for grant in plan.end {
        end_of(transaction, &grant, false, (by, "no manifest asks for it any more")).await?;
        applied.ended.push(grant.id);
    }
    Ok(applied)
}

/// Grants what manifests ask for, and gives the lease's id.
async fn give(
    transaction: &mut Transaction,
    environment: Option<&EnvironmentName>,
    (consumer, interface, terms): &Asked,
    by: &str,
) -> Result<String, StoreError> {
    let now = transaction.now().await?;
    let id = format!("grt_{:032x}", Uuid::new_v4().as_u128());
    let (interface, words) = (interface.to_string(), json!(terms));
    let whose = environment.map(|it| it.as_str().to_owned());
    let row = bind![id.as_str(), consumer.as_str(), interface.as_str(), words.to_string(), now, whose];
    transaction.run(GRANT, row).await?;
    past::note(transaction, &id).await?;
    transaction.run(REMEMBER, bind![id.as_str(), digest(terms)]).await?;
    let environment = environment.map(EnvironmentName::as_str);
    let detail =
        json!({"consumer": consumer.as_str(), "interface": interface, "environment": environment, "terms": words});
    ledger::append(transaction, by, "grant.granted", &id, &detail).await?;
    Ok(id)
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
