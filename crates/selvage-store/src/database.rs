//! One face for both databases: connections, transactions and the clock. Every wait is bounded.
//! Knows nothing of what is stored.

use std::fs::OpenOptions;
use std::future::Future;
use std::str::FromStr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool, Postgres, Row as _, Sqlite, SqlitePool};

use crate::error::StoreError;
use crate::statement::Sql;
use crate::turns::{FileWriter, Turns};
use crate::value::{Micros, Parameter, Row};

/// How long a caller waits for a connection, and SQLite for another process's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Of a node: who waits there holds up others. INVARIANT: SHIELDED-PATH
    Node,
    /// Of a command: a person would only have to give it again, and nobody waits behind it.
    Command,
}

impl Patience {
    /// Until it is given up.
    pub(crate) const fn within(self) -> Duration {
        match self {
            Self::Node => Duration::from_secs(2),
            Self::Command => Duration::from_secs(15),
        }
    }
}

/// How long one statement may take before its transaction is given up.
const STATEMENT_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before a file that others hold is opened again.
const OPEN_AGAIN: Duration = Duration::from_millis(10);
const POSTGRES_CONNECTIONS: u32 = 16;
const SQLITE_READERS: u32 = 4;
/// Of a new file: larger than SQLite's own, since most of what is written is events of a kilobyte or so, appended many at a time.
const SQLITE_PAGE: u32 = 8 * 1_024;
/// How many pages SQLite's journal has before they are brought into the file, which the one writer does in a commit: each time it waits for
/// the disk twice, and on a slow one (10 MB a second) for less than half of [`STATEMENT_WITHIN`].
const SQLITE_JOURNAL_PAGES: &str = "2000";
/// How many statements a connection to a file keeps prepared.
const SQLITE_STATEMENTS: usize = 256;

/// A statement with its parameters.
macro_rules! prepared {
    ($sql:expr, $parameters:expr) => {{
        let mut query = sqlx::query($sql);
        for parameter in $parameters {
            query = match parameter {
                Parameter::Integer(value) => query.bind(value),
                Parameter::Text(value) => query.bind(value),
                Parameter::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

pub(crate) use prepared;

/// A store's database, for somebody whose name is proven or not.
#[derive(Clone)]
pub(crate) struct Database {
    connections: Connections,
    is_proven: bool,
}

/// The connections to one of the two databases.
#[derive(Clone)]
enum Connections {
    Sqlite { writer: FileWriter, readers: SqlitePool },
    Postgres(PgPool),
}

impl Connections {
    async fn open(url: &str, patience: Patience) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(path.strip_prefix("//").unwrap_or(path), patience).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url, patience).await;
        }
        Err(StoreError::Address { reason: "unknown scheme".to_owned() })
    }

    /// INVARIANT: NOTHING-LOST: `synchronous=FULL`, so that a commit is on the disk and not only with the kernel.
    async fn open_sqlite(path: &str, patience: Patience) -> Result<Self, StoreError> {
        if path.is_empty() || path.starts_with(':') {
            return Err(StoreError::Address { reason: "a store in memory would lose what it acknowledged".to_owned() });
        }
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .page_size(SQLITE_PAGE)
            .pragma("wal_autocheckpoint", SQLITE_JOURNAL_PAGES)
            .statement_cache_capacity(SQLITE_STATEMENTS)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(patience.within())
            .disable_statement_logging();
        // The file keeps its mode, so that only the first connection sets it.
        let first = options.clone().journal_mode(SqliteJournalMode::Wal);
        let writer = patiently(patience, || first.connect()).await?;
        let writer = FileWriter::new(options.clone(), patience.within(), Some(writer));
        let readers = SqlitePoolOptions::new().max_connections(SQLITE_READERS).acquire_timeout(patience.within());
        Ok(Self::Sqlite { writer, readers: readers.test_before_acquire(false).connect_lazy_with(options) })
    }

    async fn open_for_reading(url: &str) -> Result<Self, StoreError> {
        let Some(path) = url.strip_prefix("sqlite:") else {
            let options = PgConnectOptions::from_str(url)
                .map_err(|_| StoreError::Address { reason: "not a PostgreSQL address".to_owned() })?
                .application_name("selvage")
                .options([("default_transaction_read_only", "on")])
                .disable_statement_logging();
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Patience::Command.within());
            return Ok(Self::Postgres(within(pool.connect_with(options)).await?));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        // Without a journal nobody writes, and nothing is put beside it either.
        let is_still = !std::path::Path::new(&format!("{path}-wal")).exists();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_still)
            .busy_timeout(Patience::Command.within())
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Patience::Command.within());
        let writer = FileWriter::new(options.clone(), Patience::Command.within(), None);
        Ok(Self::Sqlite { writer, readers: within(pool.connect_with(options)).await? })
    }

    async fn open_postgres(url: &str, patience: Patience) -> Result<Self, StoreError> {
        let limit = format!("{}s", STATEMENT_WITHIN.as_secs());
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Address { reason: "not a PostgreSQL address".to_owned() })?
            .application_name("selvage")
            .options([
                ("statement_timeout", limit.as_str()),
                ("lock_timeout", limit.as_str()),
                ("idle_in_transaction_session_timeout", "30s"),
            ])
            .disable_statement_logging();
        let mut first = connected(patience, options.connect()).await?;
        if let Some(setting) = within(unsafe_setting(&mut first)).await? {
            return Err(StoreError::Unsafe { setting });
        }
        // It may be turned off later, and every connection begins with what is so then.
        let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(patience.within());
        let pool = pool.after_connect(|connection, _| {
            Box::pin(async move {
                let refused = |setting| Err(sqlx::Error::Protocol(format!("`{setting}` is `off`")));
                unsafe_setting(connection).await?.map_or(Ok(()), refused)
            })
        });
        Ok(Self::Postgres(pool.connect_with(options).await?))
    }
}

impl Database {
    pub(crate) async fn connect(url: &str, patience: Patience) -> Result<Self, StoreError> {
        Ok(Self { connections: Connections::open(url, patience).await?, is_proven: true })
    }

    /// Connects to what is there and must not be changed by it.
    pub(crate) async fn connect_for_reading(url: &str) -> Result<Self, StoreError> {
        Ok(Self { connections: Connections::open_for_reading(url).await?, is_proven: true })
    }

    /// The same for somebody whose name is only said.
    pub(crate) fn unproven(&self) -> Self {
        Self { is_proven: false, ..self.clone() }
    }

    /// Whether the name of who acts is proven.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Whether it is a file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.connections, Connections::Sqlite { .. })
    }

    fn begun(&self, on: Connection) -> Transaction {
        Transaction { on, is_proven: self.is_proven }
    }

    /// Begins a transaction that writes; dropped without [`Transaction::commit`], it has done nothing.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.write_in_turns().await?;
        if let Connection::SqliteWrite(turns) = &mut transaction.on {
            turns.flushed().await?;
        }
        Ok(transaction)
    }

    /// The same, but in SQLite it begins with the first statement that is answered.
    pub(crate) async fn write_in_turns(&self) -> Result<Transaction, StoreError> {
        let on = match &self.connections {
            Connections::Sqlite { writer, .. } => Connection::SqliteWrite(writer.begin().await?),
            Connections::Postgres(pool) => Connection::Postgres(within(pool.begin()).await?),
        };
        Ok(self.begun(on))
    }

    /// Begins a transaction that reads, all of it at one moment.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        let on = match &self.connections {
            Connections::Sqlite { readers, .. } => Connection::SqliteRead(within(readers.begin()).await?),
            Connections::Postgres(pool) => {
                let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Connection::Postgres(within(pool.begin_with(snapshot)).await?)
            }
        };
        Ok(self.begun(on))
    }

    /// Reads by one statement alone, which needs no transaction around it: half the way to a server and back.
    pub(crate) async fn look(
        &self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<Vec<Row>, StoreError> {
        match &self.connections {
            Connections::Sqlite { readers, .. } => {
                let rows = within(prepared!(sql.sqlite, parameters).fetch_all(readers)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connections::Postgres(pool) => {
                let rows = within(prepared!(sql.postgres, parameters).fetch_all(pool)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub(crate) async fn close(&self) {
        match &self.connections {
            Connections::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Connections::Postgres(pool) => pool.close().await,
        }
    }
}

/// A script in the words of SQLite.
fn in_sqlite(text: &str) -> String {
    text.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB").replace("\n);", "\n) STRICT;")
}

/// What of the server's settings lets it answer before it has written.
async fn unsafe_setting(connection: &mut PgConnection) -> Result<Option<&'static str>, sqlx::Error> {
    for setting in ["fsync", "synchronous_commit"] {
        let value = sqlx::query("SELECT current_setting($1) AS value").bind(setting);
        let value: String = value.fetch_one(&mut *connection).await?.try_get("value")?;
        if value == "off" {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

/// Makes the file where there is none, readable by its owner alone; its journals take over the rights.
fn make_private(path: &str) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Unavailable {
            reason: format!("cannot make `{path}`: {error}"),
            source: Some(sqlx::Error::Io(error)),
        }),
    }
}

/// Tries again while others hold the file. SQLite's own patience does not cover a change of the journal's mode, which
/// answers "locked" at once where two do it.
async fn patiently<T, F>(patience: Patience, connect: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let deadline = Instant::now() + patience.within();
    loop {
        match connect().await.map_err(StoreError::from) {
            Err(error) if error.is_held() && Instant::now() < deadline => tokio::time::sleep(OPEN_AGAIN).await,
            outcome => return outcome,
        }
    }
}

/// The same for a connection that is made.
async fn connected<T>(patience: Patience, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(patience.within().max(STATEMENT_WITHIN), work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StoreError::timed_out()),
    }
}

pub(crate) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_WITHIN, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StoreError::timed_out()),
    }
}

/// A transaction on one of the two, of somebody whose name is proven or not.
pub(crate) struct Transaction {
    pub(crate) on: Connection,
    is_proven: bool,
}

pub(crate) enum Connection {
    SqliteRead(sqlx::Transaction<'static, Sqlite>),
    SqliteWrite(Turns),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Whether whoever acts has proven who they are.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Does something and says how many rows it concerned.
    pub(crate) async fn run(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<u64, StoreError> {
        match &mut self.on {
            Connection::SqliteRead(transaction) => {
                let done = within(prepared!(sql.sqlite, parameters).execute(&mut **transaction)).await?;
                Ok(done.rows_affected())
            }
            Connection::SqliteWrite(turns) => turns.run(sql, parameters).await,
            Connection::Postgres(transaction) => {
                let done = within(prepared!(sql.postgres, parameters).execute(&mut **transaction)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Does something before the next statement that is answered, or before the commit: then it fails, if it does, and rows of it come before
    /// those of that one. In SQLite both take one turn to the connection's thread. Parameters of such a statement are named by `?`.
    pub(crate) async fn later(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<(), StoreError> {
        match &mut self.on {
            Connection::SqliteWrite(turns) => turns.later(sql, parameters),
            _ => drop(self.run(sql, parameters).await?),
        }
        Ok(())
    }

    /// Lets statements take as long as they need, until the transaction ends: for what goes over everything that is stored.
    pub(crate) async fn without_limit(&mut self) -> Result<(), StoreError> {
        if let Connection::Postgres(transaction) = &mut self.on {
            within(sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut **transaction)).await?;
        }
        Ok(())
    }

    /// Does something whose text was put together of names that our own migrations gave.
    pub(crate) async fn run_text(
        &mut self,
        sql: String,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<(), StoreError> {
        match &mut self.on {
            Connection::SqliteRead(transaction) => {
                prepared!(AssertSqlSafe(sql), parameters).persistent(false).execute(&mut **transaction).await?;
            }
            Connection::SqliteWrite(turns) => {
                let connection = turns.flushed().await?;
                prepared!(AssertSqlSafe(sql), parameters).persistent(false).execute(connection).await?;
            }
            Connection::Postgres(transaction) => {
                prepared!(AssertSqlSafe(sql), parameters).persistent(false).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }

    /// Every row.
    pub(crate) async fn all(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<Vec<Row>, StoreError> {
        match &mut self.on {
            Connection::SqliteRead(transaction) => {
                let rows = within(prepared!(sql.sqlite, parameters).fetch_all(&mut **transaction)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::SqliteWrite(turns) => turns.all(sql, parameters).await,
            Connection::Postgres(transaction) => {
                let rows = within(prepared!(sql.postgres, parameters).fetch_all(&mut **transaction)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, where there is one.
    pub(crate) async fn first(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql, parameters).await?.into_iter().next())
    }

    /// The row that is always there.
    pub(crate) async fn only(
        &mut self,
        sql: Sql,
        parameters: impl IntoIterator<Item = Parameter>,
    ) -> Result<Row, StoreError> {
        let row = self.first(sql, parameters).await?;
        row.ok_or_else(|| StoreError::damaged("a row that every store has is missing"))
    }

    /// Runs the statements of a step, written in PostgreSQL's words and translated for SQLite. They wait for nobody once the transaction has
    /// begun, and take as long as there are rows: an end by the clock would only make them begin again.
    pub(crate) async fn script(&mut self, text: &str) -> Result<(), StoreError> {
        match &mut self.on {
            Connection::SqliteRead(transaction) => {
                sqlx::raw_sql(AssertSqlSafe(in_sqlite(text))).execute(&mut **transaction).await?;
            }
            Connection::SqliteWrite(turns) => {
                let connection = turns.flushed().await?;
                sqlx::raw_sql(AssertSqlSafe(in_sqlite(text))).execute(connection).await?;
            }
            Connection::Postgres(transaction) => {
                sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }

    /// Whether it is on a file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.on, Connection::SqliteRead(_) | Connection::SqliteWrite(_))
    }

    /// What each of the two has its own words for.
    pub(crate) fn of<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        if self.is_file() { sqlite } else { postgres }
    }

    /// Lets only one transaction at a time past this number. On SQLite a write transaction is alone anyway.
    pub(crate) async fn alone(&mut self, number: i64) -> Result<(), StoreError> {
        if let Connection::Postgres(transaction) = &mut self.on {
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(number);
            within(lock.execute(&mut **transaction)).await?;
        }
        Ok(())
    }

    /// The time by the database's clock, so that several nodes agree on leases. SQLite has its machine's.
    pub(crate) async fn now(&mut self) -> Result<Micros, StoreError> {
        match &mut self.on {
            Connection::SqliteRead(_) | Connection::SqliteWrite(_) => Ok(Micros::from(Timestamp::now())),
            Connection::Postgres(transaction) => {
                let clock = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now";
                let row = within(sqlx::query(clock).fetch_one(&mut **transaction)).await?;
                Ok(Micros(row.try_get("now")?))
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.on {
            Connection::SqliteRead(transaction) => within(transaction.commit()).await,
            Connection::SqliteWrite(turns) => turns.commit().await,
            Connection::Postgres(transaction) => within(transaction.commit()).await,
        }
    }
}
