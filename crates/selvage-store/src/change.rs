//! Changes, as they are proposed, altered, decided and released. Every step is one transaction with its entry in the ledger; what
//! was decided is never edited. It does not judge: who may decide, and whether that is enough, is for whoever calls.
//! Steps follow one another: each holds the ledger's head before it touches a change.

pub(crate) mod delegation;
pub(crate) mod waiting;

use std::collections::BTreeMap;

use selvage_model::change::{Change, ChangeState, Decision, DecisionVerdict, Report, Requirement};
use selvage_model::name::DomainName;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// A change that is to be proposed, or what becomes of one that is altered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChange {
    /// Whose release it becomes.
    pub domain: DomainName,
    /// What it is, in a line.
    pub title: String,
    /// Who proposes it.
    pub author: String,
    /// What it starts from.
    pub base: Option<String>,
    /// The content address of what is proposed.
    pub release: String,
    /// Its files by path.
    pub content: Value,
    /// Whether one person may release it.
    pub emergency: bool,
    /// What was found.
    pub report: Report,
    /// Whose approval it takes.
    pub requirements: Vec<Requirement>,
}

/// Which changes are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedChanges {
    /// Of this domain.
    pub domain: Option<DomainName>,
    /// That stand so.
    pub states: ChangeStates,
    /// Behind this one.
    pub after: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// How changes stand that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeStates {
    /// In whichever way.
    All,
    /// Open or rejected.
    Undecided,
    /// So.
    Only(ChangeState),
}

statements! {
    PROPOSE = "INSERT INTO change_proposal (id, domain, title, author, version, base_release, release_id, content, state, emergency, \
               report, requirements, proposed_at, changed_at) VALUES ($1, $2, $3, $4, 1, $5, $6, $7, 'open', $8, $9, $10, $11, $11)";
    AMEND = "UPDATE change_proposal SET title = $2, author = $3, version = version + 1, base_release = $4, release_id = $5, content = $6, \
             state = 'open', emergency = $7, report = $8, requirements = $9, proposed_at = $10, changed_at = $10 \
             WHERE id = $1 AND state IN ('open', 'rejected') AND version = $11";
    SETTLE = "UPDATE change_proposal SET state = $2, changed_at = $3 WHERE id = $1 AND state = $4 AND version = $5";
    RELEASE = "UPDATE change_proposal SET state = 'released', ratify_until = $2, changed_at = $3, released_at = $3, requirements = $6, \
               release_ordinal = (SELECT COALESCE(MAX(release_ordinal), 0) + 1 FROM change_proposal) \
               WHERE id = $1 AND state = $4 AND version = $5";
    TAKE_OVER = "INSERT INTO change_proposal (id, domain, title, author, version, base_release, release_id, content, state, emergency, \
                 ratified_late, report, requirements, proposed_at, changed_at, released_at, release_ordinal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \
                 'released', $9, $10, $11, $12, $13, $14, $14, (SELECT COALESCE(MAX(release_ordinal), 0) + 1 FROM change_proposal))";
    HEAD = "SELECT release_id FROM change_proposal WHERE domain = $1 AND release_ordinal IS NOT NULL ORDER BY release_ordinal DESC LIMIT 1";
    APPROVED_HEAD = "SELECT release_id FROM change_proposal WHERE domain = $1 AND release_ordinal IS NOT NULL AND ratify_until IS NULL \
                     ORDER BY release_ordinal DESC LIMIT 1";
    OF_RELEASE = "SELECT id FROM change_proposal WHERE release_id = $1 AND release_ordinal IS NOT NULL ORDER BY release_ordinal";
    RATIFIED = "UPDATE change_proposal SET ratified_late = CASE WHEN ratify_until < $2 THEN ratify_until ELSE NULL END, \
                ratify_until = NULL, changed_at = $2 WHERE id = $1 AND state = 'released' AND ratify_until IS NOT NULL";
    ALL = "SELECT id, domain, title, author, version, base_release, release_id, state, emergency, ratify_until, ratified_late, report, \
           requirements, proposed_at, changed_at FROM change_proposal ORDER BY proposed_at, id";
    PAGE = "SELECT id, domain, title, author, version, base_release, release_id, state, emergency, ratify_until, ratified_late, report, \
            requirements, proposed_at, changed_at FROM change_proposal WHERE (CAST($1 AS TEXT) = '' OR domain = CAST($1 AS TEXT)) \
            AND (CAST($2 AS TEXT) = '' OR state = CAST($2 AS TEXT) OR (CAST($2 AS TEXT) = 'undecided' AND (state IN ('open', 'rejected') \
            OR ratify_until IS NOT NULL OR ratified_late IS NOT NULL))) \
            AND (CAST($3 AS TEXT) = '' OR (proposed_at, id) < (SELECT proposed_at, id FROM change_proposal WHERE id = CAST($3 AS TEXT))) \
            ORDER BY proposed_at DESC, id DESC LIMIT $4";
    BY_ID = "SELECT id, domain, title, author, version, base_release, release_id, state, emergency, ratify_until, ratified_late, report, \
             requirements, proposed_at, changed_at FROM change_proposal WHERE id = $1";
    CONTENT = "SELECT content FROM change_proposal WHERE id = $1 AND version = $2";
    DECIDE = "INSERT INTO change_decision (change_id, ordinal, version, person, verdict, because, decided_at, unproven) \
              SELECT CAST($1 AS TEXT), COALESCE(MAX(ordinal), 0) + 1, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), \
              CAST($6 AS BIGINT), CAST($7 AS BIGINT) FROM change_decision WHERE change_id = $1";
    DECISIONS = "SELECT change_id, version, person, verdict, because, decided_at, unproven FROM change_decision ORDER BY change_id, ordinal";
    DECISIONS_OF = "SELECT change_id, version, person, verdict, because, decided_at, unproven FROM change_decision WHERE change_id = $1 ORDER BY ordinal";
}

impl Store {
    /// Keeps a change that somebody proposes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn propose(&self, new: &NewChange) -> Result<Change, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let id = format!("chg_{}", Uuid::new_v4().simple());
        let (report, requirements) = (json!(new.report).to_string(), json!(new.requirements).to_string());
        let parameters = bind![
            id.as_str(),
            new.domain.as_str(),
            new.title.as_str(),
            new.author.as_str(),
            new.base.clone(),
            new.release.as_str(),
            new.content.to_string(),
            i64::from(new.emergency),
            report,
            requirements,
            now,
        ];
        transaction.run(PROPOSE, parameters).await?;
        ledger::append(&mut transaction, &new.author, "change.proposed", &id, &entered(new, 1)).await?;
        let change = find(&mut transaction, &id).await?;
        transaction.commit().await?;
        Ok(change)
    }

    /// Puts another version in the place of a change that is open or was rejected; what was decided about the one before counts no
    /// more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no change has, [`StoreError::ChangeStands`] where it is released or withdrawn, or has
    /// another version by now.
    pub async fn amend(&self, id: &str, version: u32, new: &NewChange) -> Result<Change, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let (report, requirements) = (json!(new.report).to_string(), json!(new.requirements).to_string());
        let parameters = bind![
            id,
            new.title.as_str(),
            new.author.as_str(),
            new.base.clone(),
            new.release.as_str(),
            new.content.to_string(),
            i64::from(new.emergency),
            report,
            requirements,
            now,
            i64::from(version),
        ];
        let done = transaction.run(AMEND, parameters).await? == 1;
        let change = find(&mut transaction, id).await?;
        if !done {
            return Err(stands(&change, "altered"));
        }
        ledger::append(&mut transaction, &new.author, "change.altered", id, &entered(new, change.version)).await?;
        transaction.commit().await?;
        Ok(change)
    }

    /// Keeps what somebody says about a version of a change; a released one is still spoken about while it waits to be ratified.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::ChangeStands`] where it is settled or has another version by now.
    pub async fn decide_change(
        &self,
        id: &str,
        version: u32,
        person: &str,
        verdict: DecisionVerdict,
        because: &str,
    ) -> Result<Change, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let before = find(&mut transaction, id).await?;
        let takes = match before.state {
            ChangeState::Open | ChangeState::Rejected => true,
            ChangeState::Released => before.ratify_until.is_some(),
            ChangeState::Withdrawn => false,
        };
        if !takes || before.version != version {
            return Err(stands(&before, "decided"));
        }
        let unproven = i64::from(!transaction.is_proven());
        let parameters = bind![id, i64::from(version), person, verdict.as_str(), because, now, unproven];
        transaction.run(DECIDE, parameters).await?;
        let detail =
            json!({"version": version, "verdict": verdict.as_str(), "because": because, "release": before.release});
        ledger::append(&mut transaction, person, "change.decided", id, &detail).await?;
        let change = find(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(change)
    }

    /// Rejects, opens again or withdraws a version of a change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::ChangeStands`] where it does not stand as it was seen to.
    pub async fn settle_change(
        &self,
        seen: &Change,
        to: ChangeState,
        by: &str,
        because: &str,
    ) -> Result<Change, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        settle(&mut transaction, seen, to).await?;
        let detail = json!({"version": seen.version, "because": because});
        let action = format!("change.{}", if to == ChangeState::Open { "reopened" } else { to.as_str() });
        ledger::append(&mut transaction, by, &action, &seen.id, &detail).await?;
        let change = find(&mut transaction, &seen.id).await?;
        transaction.commit().await?;
        Ok(change)
    }

    /// Notes that an emergency has the approvals that it takes; after its time, that stays known. Again is no change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ratify_change(&self, id: &str, by: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        if transaction.run(RATIFIED, bind![id, now]).await? == 0 {
            return Ok(());
        }
        let late = find(&mut transaction, id).await?.ratified_late;
        let detail = json!({"late": late.is_some(), "due": late.map(|due| due.to_string())});
        ledger::append(&mut transaction, by, "change.ratified", id, &detail).await?;
        transaction.commit().await
    }

    /// A change by its id, with what was decided.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no change has.
    pub async fn change(&self, id: &str) -> Result<Change, StoreError> {
        find(&mut self.database.read().await?, id).await
    }

    /// Every change, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn changes(&self) -> Result<Vec<Change>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut decisions: BTreeMap<String, Vec<Decision>> = BTreeMap::new();
        for row in transaction.all(DECISIONS, bind![]).await? {
            decisions.entry(row.text("change_id")?).or_default().push(decision(&row)?);
        }
        let rows = transaction.all(ALL, bind![]).await?;
        let with = |row: &Row| {
            let id = row.text("id")?;
            change(row, decisions.remove(&id).unwrap_or_default())
        };
        rows.iter().map(with).collect()
    }

    /// The release that a domain made last of a change that has its approvals: not of an emergency that waits for them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn approved_head(&self, domain: &DomainName) -> Result<Option<String>, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.first(APPROVED_HEAD, bind![domain.as_str()]).await?;
        row.map(|row| row.text("release_id")).transpose()
    }

    /// The changes that became this release, in the order in which they did: several where the same files were released again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn changes_of_release(&self, release: &str) -> Result<Vec<Change>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut changes = Vec::new();
        for row in transaction.all(OF_RELEASE, bind![release]).await? {
            changes.push(find(&mut transaction, &row.text("id")?).await?);
        }
        Ok(changes)
    }

    /// Some changes, newest first, and the last of them where there are more behind it: what the next page is asked for `after`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn changes_page(&self, asked: &AskedChanges) -> Result<(Vec<Change>, Option<String>), StoreError> {
        let mut transaction = self.database.read().await?;
        let domain = asked.domain.as_ref().map(DomainName::as_str).unwrap_or_default();
        let state = match asked.states {
            ChangeStates::All => "",
            ChangeStates::Undecided => "undecided",
            ChangeStates::Only(state) => state.as_str(),
        };
        let (after, most) = (asked.after.as_deref().unwrap_or_default(), i64::from(asked.limit.max(1)));
        let mut rows = transaction.all(PAGE, bind![domain, state, after, most + 1]).await?;
        let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > most;
        rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let mut changes = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = row.text("id")?;
            let decisions = transaction.all(DECISIONS_OF, bind![id.as_str()]).await?;
            changes.push(change(row, decisions.iter().map(decision).collect::<Result<Vec<_>, StoreError>>()?)?);
        }
        let next = changes.last().filter(|_| more).map(|last| last.id.clone());
        Ok((changes, next))
    }

    /// The files of a version of a change, by path.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it has no such version now.
    pub async fn change_content(&self, id: &str, version: u32) -> Result<Value, StoreError> {
        content(&mut self.database.read().await?, id, version).await
    }
}

pub(crate) async fn content(transaction: &mut Transaction, id: &str, version: u32) -> Result<Value, StoreError> {
    let row = transaction.first(CONTENT, bind![id, i64::from(version)]).await?;
    row.ok_or_else(|| not_found(id))?.json("content")
}

/// Moves a change on from how it was seen to stand.
async fn settle(transaction: &mut Transaction, seen: &Change, to: ChangeState) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let parameters = bind![seen.id.as_str(), to.as_str(), now, seen.state.as_str(), i64::from(seen.version)];
    if transaction.run(SETTLE, parameters).await? == 1 {
        return Ok(());
    }
    Err(stands(&find(transaction, &seen.id).await?, to.as_str()))
}

/// Makes a change, as it was seen to stand, a release.
pub(crate) async fn release(
    transaction: &mut Transaction,
    seen: &Change,
    ratify_until: Option<Micros>,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let (state, version, requirements) =
        (seen.state.as_str(), i64::from(seen.version), json!(seen.requirements).to_string());
    let parameters = bind![seen.id.as_str(), ratify_until, now, state, version, requirements];
    if transaction.run(RELEASE, parameters).await? == 1 {
        return Ok(());
    }
    Err(stands(&find(transaction, &seen.id).await?, ChangeState::Released.as_str()))
}

/// Keeps a change that was released in another store, with what was decided there, as the last that its domain released.
pub(crate) async fn take_over(
    transaction: &mut Transaction,
    change: &Change,
    content: &Value,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let parameters = bind![
        change.id.as_str(),
        change.domain.as_str(),
        change.title.as_str(),
        change.author.as_str(),
        i64::from(change.version),
        change.base.clone(),
        change.release.as_str(),
        content.to_string(),
        i64::from(change.emergency),
        change.ratified_late.map(Micros::from),
        json!(change.report).to_string(),
        json!(change.requirements).to_string(),
        Micros::from(change.proposed),
        now,
    ];
    transaction.run(TAKE_OVER, parameters).await?;
    for it in &change.decisions {
        let (id, version, person) = (change.id.as_str(), i64::from(it.version), it.person.as_str());
        let (verdict, because, at) = (it.verdict.as_str(), it.because.as_str(), Micros::from(it.at));
        let parameters = bind![id, version, person, verdict, because, at, i64::from(it.unproven)];
        transaction.run(DECIDE, parameters).await?;
    }
    Ok(())
}

/// Whether this is the change, and became the same release.
pub(crate) fn is_same_release(here: &Change, other: &Change) -> bool {
    here.state == ChangeState::Released
        && (&here.domain, &here.release, here.version) == (&other.domain, &other.release, other.version)
}

/// The release that a domain made last.
pub(crate) async fn head(transaction: &mut Transaction, domain: &DomainName) -> Result<Option<String>, StoreError> {
    let row = transaction.first(HEAD, bind![domain.as_str()]).await?;
    row.map(|row| row.text("release_id")).transpose()
}

pub(crate) async fn find(transaction: &mut Transaction, id: &str) -> Result<Change, StoreError> {
    maybe(transaction, id).await?.ok_or_else(|| not_found(id))
}

/// A change by its id, where there is one.
pub(crate) async fn maybe(transaction: &mut Transaction, id: &str) -> Result<Option<Change>, StoreError> {
    let Some(row) = transaction.first(BY_ID, bind![id]).await? else { return Ok(None) };
    let decisions = transaction.all(DECISIONS_OF, bind![id]).await?;
    change(&row, decisions.iter().map(decision).collect::<Result<_, _>>()?).map(Some)
}

fn change(row: &Row, decisions: Vec<Decision>) -> Result<Change, StoreError> {
    Ok(Change {
        id: row.text("id")?,
        domain: row.parsed("domain")?,
        title: row.text("title")?,
        author: row.text("author")?,
        version: version(row)?,
        base: row.optional_text("base_release")?,
        release: row.text("release_id")?,
        state: row.parsed("state")?,
        emergency: row.integer("emergency")? != 0,
        ratify_until: row.optional_time("ratify_until")?,
        ratified_late: row.optional_time("ratified_late")?,
        report: row.json("report")?,
        requirements: row.json("requirements")?,
        proposed: row.time("proposed_at")?,
        changed: row.time("changed_at")?,
        decisions,
    })
}

fn decision(row: &Row) -> Result<Decision, StoreError> {
    Ok(Decision {
        person: row.text("person")?,
        version: version(row)?,
        verdict: row.parsed("verdict")?,
        because: row.text("because")?,
        at: row.time("decided_at")?,
        unproven: row.integer("unproven")? != 0,
    })
}

fn version(row: &Row) -> Result<u32, StoreError> {
    let version = row.integer("version")?;
    u32::try_from(version).map_err(|_| StoreError::damaged(format!("`version` is {version}")))
}

fn entered(new: &NewChange, version: u32) -> Value {
    json!({
        "domain": new.domain.as_str(),
        "title": new.title,
        "version": version,
        "base": new.base,
        "release": new.release,
        "emergency": new.emergency,
        "risk": new.report.risk,
        "requires": new.requirements.iter().map(|requirement| requirement.need.to_string()).collect::<Vec<_>>(),
    })
}

pub(crate) fn stands(change: &Change, step: &str) -> StoreError {
    StoreError::ChangeStands {
        id: change.id.clone(),
        state: change.state,
        version: change.version,
        step: step.to_owned(),
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "change", id: id.to_owned() }
}
