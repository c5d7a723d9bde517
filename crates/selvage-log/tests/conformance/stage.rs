//! A fresh log for each test: in a file, or in a database of its own on the server of `SELVAGE_TEST_POSTGRES`.

use std::sync::Arc;

use selvage_log::{EventLog, SqlLog};
use selvage_store::Store;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::orders;

pub(crate) struct Stage {
    directory: TempDir,
    url: String,
    /// The server and the database that are to be dropped.
    database: Option<(String, String)>,
    /// The store of the first node.
    pub(crate) store: Store,
}

impl Stage {
    pub(crate) async fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("store.db").display());
        let store = Store::open(&url).await.unwrap();
        Self { directory, url, database: None, store }
    }

    #[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
    pub(crate) async fn postgres() -> Self {
        let server = std::env::var("SELVAGE_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!("SELVAGE_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server")
        });
        let database = format!("selvage_log_{:032x}", Uuid::new_v4().as_u128());
        administer(&server, format!("CREATE DATABASE {database}")).await;
        let url = format!("{}/{database}", server.rsplit_once('/').unwrap().0);
        let store = Store::open(&url).await.unwrap();
        Self { directory: TempDir::new().unwrap(), url, database: Some((server, database)), store }
    }

    /// The log as another process opens it, by connections of its own; the stream of orders is open.
    pub(crate) async fn log(&self) -> Arc<dyn EventLog> {
        let store = Store::open(&self.url).await.unwrap();
        let log = SqlLog::new(store, Some(&self.directory.path().join("marks"))).unwrap();
        let opened = log.open(&orders()).await.unwrap();
        assert_eq!(opened.gap, None);
        Arc::new(log)
    }

    pub(crate) async fn end(self) {
        if let Some((server, database)) = self.database {
            self.store.close().await;
            administer(&server, format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
    }
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}
