//! A fresh store for each test: a file in a temporary directory, or a database of its own on the server of
//! `SELVAGE_TEST_POSTGRES`.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::Store;
use crate::database::Connection;

/// The variable that `cargo xtask test` sets.
const VARIABLE: &str = "SELVAGE_TEST_POSTGRES";

/// Where a test's store is.
pub(crate) enum Stage {
    Sqlite(TempDir),
    Postgres { server: String, database: String },
}

impl Stage {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
    pub(crate) async fn postgres() -> Self {
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL server")
        });
        let database = format!("selvage_{:032x}", Uuid::new_v4().as_u128());
        administer(&server, format!("CREATE DATABASE {database}")).await;
        Self::Postgres { server, database }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite:{}", directory.path().join("store.db").display()),
            Self::Postgres { server, database } => {
                let (base, _) = server.rsplit_once('/').unwrap();
                format!("{base}/{database}")
            }
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// Deletes the database.
    pub(crate) async fn end(self) {
        if let Self::Postgres { server, database } = self {
            administer(&server, format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
    }
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

/// Does harm to a store.
pub(crate) async fn tamper(store: &Store, statement: &'static str) {
    let mut transaction = store.database.write().await.unwrap();
    match &mut transaction.on {
        Connection::Sqlite(connection) => {
            sqlx::raw_sql(statement).execute(&mut **connection).await.unwrap();
        }
        Connection::Postgres(connection) => {
            sqlx::raw_sql(statement).execute(&mut **connection).await.unwrap();
        }
    }
    transaction.commit().await.unwrap();
}
