//! Who is logged in at the console, and links that log in once: by the hash of a token, so that every node knows them and whoever reads
//! the store opens nothing by it. They end with the key that they were begun with, and no backup has them. INVARIANT: SECRET-FREE

use std::time::Duration;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

/// Beyond so many that go on new ones are refused: nobody has ten thousand operators.
const MOST: u64 = 10_000;
/// As many as one key opens at a time: the oldest ends, so that nobody's script keeps others out.
const MOST_OF_ONE: i64 = 50;

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// The console, until it ends.
    Session,
    /// A session, once.
    Link,
}

impl SessionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Link => "link",
        }
    }
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOf {
    /// The operator's name.
    pub operator: String,
    /// The id of the key that it was begun with.
    pub credential: String,
}

statements! {
    PRUNE = "DELETE FROM console_session WHERE ends_at <= $1";
    PRUNE_OLDEST = "DELETE FROM console_session WHERE credential = $1 AND kind = $2 AND token_hash NOT IN \
                    (SELECT token_hash FROM console_session WHERE credential = $1 AND kind = $2 ORDER BY ends_at DESC LIMIT $3)";
    COUNT = "SELECT COUNT(*) AS sessions FROM console_session";
    BEGIN = "INSERT INTO console_session (token_hash, kind, credential, ends_at) VALUES ($1, $2, $3, $4)";
    OF = "SELECT c.principal, c.id FROM console_session AS s JOIN credential AS c ON c.id = s.credential \
          WHERE s.token_hash = $1 AND s.kind = $2 AND s.ends_at > $3 AND c.principal_kind = 'operator' \
          AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $3)";
    THERE = "SELECT credential FROM console_session WHERE token_hash = $1 AND kind = $2";
    END = "DELETE FROM console_session WHERE token_hash = $1 AND kind = $2";
    END_OF = "DELETE FROM console_session WHERE credential = $1";
}

impl Store {
    /// Begins one with a key, for so long; takes away what is over. False where there are far too many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin_session(
        &self,
        kind: SessionKind,
        token: [u8; 32],
        credential: &str,
        lasts: Duration,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        transaction.run(PRUNE, bind![now]).await?;
        transaction.run(PRUNE_OLDEST, bind![credential, kind.as_str(), MOST_OF_ONE - 1]).await?;
        let is_room = transaction.only(COUNT, bind![]).await?.count("sessions")? < MOST;
        if is_room {
            transaction.run(BEGIN, bind![token, kind.as_str(), credential, now.after(lasts)]).await?;
        }
        transaction.commit().await?;
        Ok(is_room)
    }

    /// Whose session it is, while it goes on and its key counts. INVARIANT: REVOKED-NOW: whoever's key was taken back is out at once, on
    /// every node.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn session(&self, token: [u8; 32]) -> Result<Option<SessionOf>, StoreError> {
        let mut transaction = self.database.read().await?;
        let now = transaction.now().await?;
        let row = transaction.first(OF, bind![token, SessionKind::Session.as_str(), now]).await?;
        row.map(|row| Ok(SessionOf { operator: row.text("principal")?, credential: row.text("id")? })).transpose()
    }

    /// Uses a link up, and says whose it is; by one of several nodes alone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn redeem_link(&self, token: [u8; 32]) -> Result<Option<SessionOf>, StoreError> {
        let kind = SessionKind::Link.as_str();
        // Anybody may show a token: nothing is written, and nobody who writes waits, for one that is not there.
        if !self.has_token(token, kind).await? {
            return Ok(None);
        }
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let row = transaction.first(OF, bind![token, kind, now]).await?;
        if transaction.run(END, bind![token, kind]).await? == 0 {
            return Ok(None);
        }
        transaction.commit().await?;
        row.map(|row| Ok(SessionOf { operator: row.text("principal")?, credential: row.text("id")? })).transpose()
    }

    /// Ends a session on every node; again is no change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_session(&self, token: [u8; 32]) -> Result<(), StoreError> {
        let kind = SessionKind::Session.as_str();
        if !self.has_token(token, kind).await? {
            return Ok(());
        }
        let mut transaction = self.database.write().await?;
        transaction.run(END, bind![token, kind]).await?;
        transaction.commit().await
    }

    async fn has_token(&self, token: [u8; 32], kind: &str) -> Result<bool, StoreError> {
        Ok(self.database.read().await?.first(THERE, bind![token, kind]).await?.is_some())
    }
}

/// Ends everything that was begun with a key.
pub(super) async fn end_of(transaction: &mut Transaction, credential: &str) -> Result<(), StoreError> {
    transaction.run(END_OF, bind![credential]).await.map(drop)
}
