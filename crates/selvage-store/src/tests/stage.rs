//! A fresh store for each test: a file in a temporary directory, or a database of its own on the server of
//! `SELVAGE_TEST_POSTGRES`.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::database::{Database, Patience};
use crate::migration::MIGRATIONS;
use crate::{Store, checksum};

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

    /// A database that is up to date: taking every step for each test would be most of what the tests do.
    pub(crate) async fn postgres() -> Self {
        let server = server();
        let template = template(&server).await;
        Self::made(server, &format!("TEMPLATE {template}")).await
    }

    /// A database with nothing in it.
    pub(crate) async fn postgres_bare() -> Self {
        Self::made(server(), "").await
    }

    async fn made(server: String, from: &str) -> Self {
        let database = format!("selvage_{:032x}", Uuid::new_v4().as_u128());
        administer(&server, format!("CREATE DATABASE {database} {from}")).await;
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

    /// The same with nothing in it, for what begins before the newest step.
    pub(crate) async fn emptied(&self) -> Database {
        if let Self::Postgres { .. } = self {
            administer(&self.url(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned()).await;
        }
        Database::connect(&self.url(), Patience::Node).await.unwrap()
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

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
fn server() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL server")
    })
}

/// A database that had every step, made by the first test that needs it; tests run in processes of their own.
async fn template(server: &str) -> String {
    let steps = MIGRATIONS.iter().flat_map(|step| step.as_bytes().iter().copied()).collect::<Vec<u8>>();
    let name = format!("selvage_template_{:08x}", checksum(&[&steps]));
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(7101)").execute(&mut connection).await.unwrap();
    let known = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(&name);
    if known.fetch_optional(&mut connection).await.unwrap().is_none() {
        let making = Stage::postgres_bare().await;
        making.open().await.close().await;
        let Stage::Postgres { database, .. } = making else { unreachable!() };
        administer(server, format!("ALTER DATABASE {database} RENAME TO {name}")).await;
    }
    connection.close().await.unwrap();
    name
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

/// Does harm to a store.
pub(crate) async fn tamper(store: &Store, statement: &'static str) {
    let mut transaction = store.database.write().await.unwrap();
    transaction.script(statement).await.unwrap();
    transaction.commit().await.unwrap();
}
