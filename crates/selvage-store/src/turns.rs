//! Writing to a SQLite file: one connection, which callers queue for, and transactions in as few turns to its thread as may be. What needs no
//! answer goes with the next statement that does, and the last of it with the commit: each turn is a wait for another thread and back, which
//! for small statements is most of their time.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::database::{prepared, within};
use crate::error::StoreError;
use crate::statement::Sql;
use crate::value::{Parameter, Row};

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// What SQLite says to that where there is no transaction: it has no code of its own.
const NONE_ACTIVE: &str = "no transaction is active";

/// The one connection that writes, since SQLite has one writer anyway: callers queue for it fairly instead of polling for a lock.
#[derive(Clone)]
pub(crate) struct FileWriter {
    options: Arc<SqliteConnectOptions>,
    patience: Duration,
    place: Arc<Mutex<Place>>,
}

/// Where the connection is, or is not.
enum Place {
    Open(SqliteConnection),
    /// To be opened by whoever writes next.
    Empty,
    Closed,
}

impl FileWriter {
    /// Writes by this connection; by one of these options once it is lost.
    pub(crate) fn new(options: SqliteConnectOptions, patience: Duration, connection: Option<SqliteConnection>) -> Self {
        let place = connection.map_or(Place::Empty, Place::Open);
        Self { options: Arc::new(options), patience, place: Arc::new(Mutex::new(place)) }
    }

    /// Begins a transaction with its first turn.
    pub(crate) async fn begin(&self) -> Result<Turns, StoreError> {
        let waiting = tokio::time::timeout(self.patience, Arc::clone(&self.place).lock_owned()).await;
        let mut place = waiting.map_err(|_| sqlx::Error::PoolTimedOut)?;
        match *place {
            Place::Open(_) => {}
            Place::Empty => *place = Place::Open(within(self.options.connect()).await?),
            Place::Closed => return Err(sqlx::Error::PoolClosed.into()),
        }
        Ok(Turns { place: Some(place), text: BEGIN.to_owned(), parameters: Vec::new(), has_begun: false })
    }

    /// Waits for whoever writes, and closes the connection.
    pub(crate) async fn close(&self) {
        let before = std::mem::replace(&mut *self.place.lock().await, Place::Closed);
        if let Place::Open(connection) = before {
            // What was committed is on the disk, however this ends.
            let _ = connection.close().await;
        }
    }
}

/// Such a transaction. Dropped without a commit it has done nothing.
pub(crate) struct Turns {
    /// Nothing once it is over.
    place: Option<OwnedMutexGuard<Place>>,
    /// What waits for the next turn.
    text: String,
    parameters: Vec<Parameter>,
    has_begun: bool,
}

impl Turns {
    /// Keeps a statement for the next turn. Its parameters, and those of whatever goes with it, are named by `?`: they are counted through.
    pub(crate) fn later(&mut self, sql: Sql, parameters: impl IntoIterator<Item = Parameter>) {
        debug_assert!(!sql.sqlite.contains('$') || self.parameters.is_empty(), "counted through: {}", sql.sqlite);
        self.add(sql.sqlite);
        self.parameters.extend(parameters);
    }

    /// Every row of what waits and of this statement.
    pub(crate) async fn all(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<Vec<Row>, StoreError> {
        if !self.parameters.is_empty() && sql.sqlite.contains('$') {
            self.turn().await?;
        }
        let rows = if self.text.is_empty() {
            within(prepared!(sql.sqlite, parameters).fetch_all(self.connection()?)).await?
        } else {
            self.later(sql, parameters);
            let (text, parameters) = self.take();
            within(prepared!(AssertSqlSafe(text), parameters).fetch_all(self.connection()?)).await?
        };
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    /// Does something and says how many rows it concerned.
    pub(crate) async fn run(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<u64, StoreError> {
        let connection = self.flushed().await?;
        let done = within(prepared!(sql.sqlite, parameters).execute(connection)).await?;
        Ok(done.rows_affected())
    }

    /// Its connection, once nothing waits any more.
    pub(crate) async fn flushed(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if !self.text.is_empty() {
            self.turn().await?;
        }
        self.connection()
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.add(COMMIT);
        self.turn().await?;
        drop(self.place.take());
        Ok(())
    }

    /// Does what waits.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let (text, parameters) = self.take();
        within(prepared!(AssertSqlSafe(text), parameters).execute(self.connection()?)).await?;
        Ok(())
    }

    fn add(&mut self, statement: &str) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(statement);
    }

    fn take(&mut self) -> (String, Vec<Parameter>) {
        self.has_begun = true;
        (std::mem::take(&mut self.text), std::mem::take(&mut self.parameters))
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match self.place.as_deref_mut() {
            Some(Place::Open(connection)) => Ok(connection),
            _ => Err(StoreError::damaged("a transaction that is over was asked")),
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        let Some(mut place) = self.place.take().filter(|_| self.has_begun) else { return };
        // Closed, if it is never rolled back. INVARIANT: NOTHING-LOST: nobody works on in a transaction that another began.
        let before = std::mem::replace(&mut *place, Place::Empty);
        if let (Place::Open(connection), Ok(runtime)) = (before, Handle::try_current()) {
            runtime.spawn(roll_back(place, connection));
        }
    }
}

/// Puts the connection back into its place once nothing is begun on it any more: rolled back, or ended already, by SQLite where there was no
/// space, by its own commit where that was not waited for, or never begun where others had the file. One that says anything else, or nothing
/// in time, is closed instead.
async fn roll_back(mut place: OwnedMutexGuard<Place>, mut connection: SqliteConnection) {
    let is_over = match within(sqlx::raw_sql(ROLLBACK).execute(&mut connection)).await {
        Ok(_) => true,
        Err(error) => error.to_string().contains(NONE_ACTIVE),
    };
    if is_over {
        *place = Place::Open(connection);
    }
}
