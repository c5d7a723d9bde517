//! Leases that somebody asks for, and what came of it. Approved, a lease is alive in the same transaction; whoever asks never
//! decides. What stands against a request is judged elsewhere and kept here.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::access::GrantTerms;
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::{Value, json};
use uuid::Uuid;

use super::lease::{self, LeaseOrigin};
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// Who refuses what cannot be granted any more, in the ledger.
const BY_ITSELF: &str = "selvage";

/// A lease as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAccessRequest {
    /// Who is to have it.
    pub consumer: ConsumerName,
    /// On what.
    pub interface: InterfaceRef,
    /// On which terms.
    pub terms: GrantTerms,
    /// What is known against it.
    pub findings: Value,
    /// Who asks.
    pub by: String,
}

/// A request, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessRequest {
    /// Its id (`req_…`).
    pub id: String,
    /// What was asked for, and by whom.
    pub asked: NewAccessRequest,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub state: RequestState,
    /// When it was settled, by whom, and why.
    pub settled: Option<(Timestamp, String, String)>,
    /// The lease that it became.
    pub lease: Option<String>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided.
    Open,
    /// It is a lease.
    Approved,
    /// Somebody said no.
    Rejected,
    /// It cannot be granted any more.
    Refused,
}

impl RequestState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RequestState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Open, Self::Approved, Self::Rejected, Self::Refused];
        all.into_iter().find(|state| state.as_str() == word).ok_or(())
    }
}

statements! {
    ASK = "INSERT INTO access_request (id, consumer, interface, terms, asked_by, asked_at, findings, state) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')";
    SAME = "SELECT id, consumer, interface, terms, asked_by, asked_at, findings, state, settled_at, settled_by, because, lease \
            FROM access_request WHERE state = 'open' AND consumer = $1 AND interface = $2 AND terms = $3 AND asked_by = $4";
    ALL = "SELECT id, consumer, interface, terms, asked_by, asked_at, findings, state, settled_at, settled_by, because, lease \
           FROM access_request ORDER BY asked_at, id";
    OPEN = "SELECT id, consumer, interface, terms, asked_by, asked_at, findings, state, settled_at, settled_by, because, lease \
            FROM access_request WHERE state = 'open' ORDER BY asked_at, id";
    BY_ID = "SELECT id, consumer, interface, terms, asked_by, asked_at, findings, state, settled_at, settled_by, because, lease \
             FROM access_request WHERE id = $1";
    SETTLE = "UPDATE access_request SET state = $2, settled_at = $3, settled_by = $4, because = $5, lease = $6 \
              WHERE id = $1 AND state = 'open'";
}

impl Store {
    /// Keeps a request, for somebody to decide. Who asks for the same again while it is open has asked once: that request is given.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn request_access(&self, new: &NewAccessRequest) -> Result<AccessRequest, StoreError> {
        let mut transaction = self.database.write().await?;
        // Two that come at once come one after the other.
        access::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let id = format!("req_{:032x}", Uuid::new_v4().as_u128());
        let (interface, terms) = (new.interface.to_string(), json!(new.terms));
        let (by, findings) = (new.by.as_str(), new.findings.to_string());
        let same = bind![new.consumer.as_str(), interface.as_str(), terms.to_string(), by];
        if let Some(same) = transaction.first(SAME, same).await? {
            return request(&same);
        }
        let values =
            bind![id.as_str(), new.consumer.as_str(), interface.as_str(), terms.to_string(), by, now, findings];
        transaction.run(ASK, values).await?;
        let detail = json!({"consumer": new.consumer.as_str(), "interface": interface, "terms": terms});
        ledger::append(&mut transaction, by, "access.requested", &id, &detail).await?;
        let request = find(&mut transaction, &id).await?;
        transaction.commit().await?;
        Ok(request)
    }

    /// Every request, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access_requests(&self) -> Result<Vec<AccessRequest>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(request).collect()
    }

    /// Those that nobody has decided, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_access_requests(&self) -> Result<Vec<AccessRequest>, StoreError> {
        self.database.read().await?.all(OPEN, bind![]).await?.iter().map(request).collect()
    }

    /// One request.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no request has.
    pub async fn access_request(&self, id: &str) -> Result<AccessRequest, StoreError> {
        find(&mut self.database.read().await?, id).await
    }

    /// Makes a request a lease, alive at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no request has, [`StoreError::AccessStands`] for one that is settled, and
    /// [`StoreError::OwnAccess`] for who asked.
    pub async fn approve_request(&self, id: &str, by: &str, because: &str) -> Result<AccessRequest, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let open = open(&mut transaction, id, by).await?;
        let NewAccessRequest { consumer, interface, terms, .. } = &open.asked;
        let lease = lease::insert(&mut transaction, LeaseOrigin::Request, (consumer, interface), terms).await?;
        let detail = json!({
            "request": id, "asked_by": open.asked.by, "because": because,
            "consumer": consumer.as_str(), "interface": interface.to_string(), "terms": terms,
        });
        ledger::append(&mut transaction, by, "grant.granted", &lease, &detail).await?;
        access::raise(&mut transaction).await?;
        settle(transaction, &open, (RequestState::Approved, Some(lease)), (by, because)).await
    }

    /// Says no to a request.
    ///
    /// # Errors
    /// As [`Store::approve_request`].
    pub async fn reject_request(&self, id: &str, by: &str, because: &str) -> Result<AccessRequest, StoreError> {
        let mut transaction = self.database.write().await?;
        // Before the request is: whoever approves has it when they come to settle.
        ledger::hold(&mut transaction).await?;
        let open = open(&mut transaction, id, by).await?;
        settle(transaction, &open, (RequestState::Rejected, None), (by, because)).await
    }

    /// Settles a request that cannot be granted any more, and says why.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no request has, [`StoreError::AccessStands`] for one that is settled.
    pub async fn refuse_request(&self, id: &str, because: &str) -> Result<AccessRequest, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let open = open(&mut transaction, id, BY_ITSELF).await?;
        settle(transaction, &open, (RequestState::Refused, None), (BY_ITSELF, because)).await
    }
}

/// A request that is still open, for somebody who did not make it.
async fn open(transaction: &mut Transaction, id: &str, by: &str) -> Result<AccessRequest, StoreError> {
    let found = find(transaction, id).await?;
    if found.state != RequestState::Open {
        return Err(StoreError::AccessStands { what: "request", id: id.to_owned(), state: found.state.as_str() });
    }
    if found.asked.by == by {
        return Err(StoreError::OwnAccess { what: "request", id: id.to_owned(), by: by.to_owned() });
    }
    Ok(found)
}

async fn settle(
    mut transaction: Transaction,
    open: &AccessRequest,
    (state, lease): (RequestState, Option<String>),
    (by, because): (&str, &str),
) -> Result<AccessRequest, StoreError> {
    let now = transaction.now().await?;
    let id = open.id.as_str();
    // Two who decide at once: the second finds it settled.
    if transaction.run(SETTLE, bind![id, state.as_str(), now, by, because, lease.clone()]).await? == 0 {
        return Err(StoreError::AccessStands { what: "request", id: id.to_owned(), state: "settled" });
    }
    let detail = json!({"because": because, "grant": lease});
    ledger::append(&mut transaction, by, &format!("access.{state}"), id, &detail).await?;
    let request = find(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(request)
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<AccessRequest, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    request(&row.ok_or_else(|| StoreError::NotFound { what: "request", id: id.to_owned() })?)
}

fn request(row: &Row) -> Result<AccessRequest, StoreError> {
    let asked = NewAccessRequest {
        consumer: row.parsed("consumer")?,
        interface: row.parsed("interface")?,
        terms: row.json("terms")?,
        findings: row.json("findings")?,
        by: row.text("asked_by")?,
    };
    let settled = match row.optional_time("settled_at")? {
        Some(at) => Some((at, row.text("settled_by")?, row.text("because")?)),
        None => None,
    };
    Ok(AccessRequest {
        id: row.text("id")?,
        asked,
        at: row.time("asked_at")?,
        state: row.parsed("state")?,
        settled,
        lease: row.optional_text("lease")?,
    })
}
