//! One face for both databases: connections, transactions, parameters, rows and the clock. Every wait is bounded.
//! Knows nothing of what is stored.

use std::fs::OpenOptions;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Type};

use crate::error::StoreError;
use crate::statement::Sql;

/// How long a caller waits for a connection, and SQLite for another process's write. INVARIANT: SHIELDED-PATH
const ACQUIRE_WITHIN: Duration = Duration::from_secs(2);
/// How long one statement may take before its transaction is given up.
const STATEMENT_WITHIN: Duration = Duration::from_secs(5);
const POSTGRES_CONNECTIONS: u32 = 16;
const SQLITE_READERS: u32 = 4;

/// The connections to one of the two databases.
#[derive(Clone)]
pub(crate) enum Database {
    /// One writer, since SQLite has one anyway: callers queue for it fairly instead of polling for a lock.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::connect_sqlite(path.strip_prefix("//").unwrap_or(path)).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::connect_postgres(url).await;
        }
        Err(StoreError::Address { reason: "unknown scheme".to_owned() })
    }

    /// INVARIANT: NOTHING-LOST: `synchronous=FULL`, so that a commit is on the disk and not only with the kernel.
    async fn connect_sqlite(path: &str) -> Result<Self, StoreError> {
        if path.is_empty() || path.starts_with(':') {
            return Err(StoreError::Address { reason: "a store in memory would lose what it acknowledged".to_owned() });
        }
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_WITHIN)
            .disable_statement_logging();
        let pool = |most| {
            SqlitePoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE_WITHIN).test_before_acquire(false)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(SQLITE_READERS).connect_lazy_with(options);
        Ok(Self::Sqlite { writer, readers })
    }

    async fn connect_postgres(url: &str) -> Result<Self, StoreError> {
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
        let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_WITHIN);
        let pool = pool.connect_with(options).await?;
        for setting in ["fsync", "synchronous_commit"] {
            let value = sqlx::query("SELECT current_setting($1) AS value").bind(setting);
            let value: String = within(value.fetch_one(&pool)).await?.try_get("value")?;
            if value == "off" {
                return Err(StoreError::Unsafe { setting });
            }
        }
        Ok(Self::Postgres(pool))
    }

    /// Begins a transaction that writes; dropped without [`Transaction::commit`], it has done nothing.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite { writer, .. } => within(writer.begin_with("BEGIN IMMEDIATE")).await.map(Transaction::Sqlite),
            Self::Postgres(pool) => within(pool.begin()).await.map(Transaction::Postgres),
        }
    }

    /// Begins a transaction that reads, all of it at one moment.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => within(readers.begin()).await.map(Transaction::Sqlite),
            Self::Postgres(pool) => {
                let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                within(pool.begin_with(snapshot)).await.map(Transaction::Postgres)
            }
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
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

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_WITHIN, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StoreError::timed_out()),
    }
}

/// A transaction on one of the two.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

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

impl Transaction {
    /// Does something and says how many rows it concerned.
    pub(crate) async fn run<const N: usize>(
        &mut self,
        sql: Sql,
        parameters: [Parameter; N],
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(transaction) => {
                let done = within(prepared!(sql.sqlite, parameters).execute(&mut **transaction)).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(transaction) => {
                let done = within(prepared!(sql.postgres, parameters).execute(&mut **transaction)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Every row.
    pub(crate) async fn all<const N: usize>(
        &mut self,
        sql: Sql,
        parameters: [Parameter; N],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(transaction) => {
                let rows = within(prepared!(sql.sqlite, parameters).fetch_all(&mut **transaction)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(transaction) => {
                let rows = within(prepared!(sql.postgres, parameters).fetch_all(&mut **transaction)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, where there is one.
    pub(crate) async fn first<const N: usize>(
        &mut self,
        sql: Sql,
        parameters: [Parameter; N],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql, parameters).await?.into_iter().next())
    }

    /// The row that is always there.
    pub(crate) async fn only<const N: usize>(
        &mut self,
        sql: Sql,
        parameters: [Parameter; N],
    ) -> Result<Row, StoreError> {
        let row = self.first(sql, parameters).await?;
        row.ok_or_else(|| StoreError::damaged("a row that every store has is missing"))
    }

    /// The time by the database's clock, so that several nodes agree on leases. SQLite has its machine's.
    pub(crate) async fn now(&mut self) -> Result<Micros, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Micros::from(Timestamp::now())),
            Self::Postgres(transaction) => {
                let clock = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now";
                let row = within(sqlx::query(clock).fetch_one(&mut **transaction)).await?;
                Ok(Micros(row.try_get("now")?))
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => within(transaction.commit()).await,
            Self::Postgres(transaction) => within(transaction.commit()).await,
        }
    }
}

/// A point in time as it is stored: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) i64);

impl Micros {
    /// So much later.
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// So much earlier.
    pub(crate) fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn timestamp(self) -> Result<Timestamp, StoreError> {
        let time = Timestamp::from_microsecond(self.0);
        time.map_err(|_| StoreError::damaged(format!("{} microseconds is no point in time", self.0)))
    }
}

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

/// A value given to a statement.
pub(crate) enum Parameter {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! parameters {
    ($($type:ty => |$value:ident| $parameter:expr;)*) => {$(
        impl From<$type> for Parameter {
            fn from($value: $type) -> Self {
                $parameter
            }
        }
    )*};
}

parameters! {
    i64 => |value| Self::Integer(Some(value));
    Micros => |value| Self::Integer(Some(value.0));
    Option<Micros> => |value| Self::Integer(value.map(|time| time.0));
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    Option<String> => |value| Self::Text(value);
    [u8; 32] => |value| Self::Bytes(value.to_vec());
}

/// Parameters in the order of `$1`, `$2`, …
macro_rules! bind {
    ($($value:expr),* $(,)?) => {
        [$($crate::database::Parameter::from($value)),*]
    };
}

pub(crate) use bind;

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn get<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    /// A number that only grows from 0.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        let value = self.integer(column)?;
        u64::try_from(value).map_err(|_| StoreError::damaged(format!("`{column}` is {value}")))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Micros(self.integer(column)?).timestamp()
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time: Option<i64> = self.get(column)?;
        time.map(|time| Micros(time).timestamp()).transpose()
    }

    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        let bytes: Vec<u8> = self.get(column)?;
        let length = bytes.len();
        bytes.try_into().map_err(|_| StoreError::damaged(format!("`{column}` has {length} bytes, not 32")))
    }

    /// A name, an id or another text with a form of its own.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| StoreError::damaged(format!("`{column}` has no valid value")))
    }

    /// JSON kept as text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|error| StoreError::damaged(format!("`{column}` is not JSON: {error}")))
    }

    /// JSON kept as text, where there is any.
    pub(crate) fn optional_json(&self, column: &'static str) -> Result<Option<serde_json::Value>, StoreError> {
        match self.optional_text(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }
}
