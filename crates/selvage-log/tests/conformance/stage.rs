//! A fresh log for each test: in a file, in a database of its own on the server of `SELVAGE_TEST_POSTGRES`, or in streams of its own
//! at the server of `SELVAGE_TEST_NATS`.

use std::sync::Arc;

use selvage_log::{EventLog, JetStreamConfig, JetStreamLog, SqlLog};
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
    broker: Option<JetStreamConfig>,
    /// The store of the first node.
    pub(crate) store: Store,
}

impl Stage {
    pub(crate) async fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("store.db").display());
        let store = Store::open(&url).await.unwrap();
        Self { directory, url, database: None, broker: None, store }
    }

    /// Marks and cursors in a file, the events at the server of `SELVAGE_TEST_NATS`.
    pub(crate) async fn jetstream() -> Self {
        let broker = JetStreamConfig {
            monitoring: vec![named("SELVAGE_TEST_NATS_MONITORING")],
            prefix: format!("test-{:016x}", Uuid::new_v4().as_u128() as u64),
            ..JetStreamConfig::new(named("SELVAGE_TEST_NATS"))
        };
        Self { broker: Some(broker), ..Self::sqlite().await }
    }

    pub(crate) async fn postgres() -> Self {
        let server = named("SELVAGE_TEST_POSTGRES");
        let database = format!("selvage_log_{:032x}", Uuid::new_v4().as_u128());
        administer(&server, format!("CREATE DATABASE {database}")).await;
        let url = format!("{}/{database}", server.rsplit_once('/').unwrap().0);
        let store = Store::open(&url).await.unwrap();
        Self { directory: TempDir::new().unwrap(), url, database: Some((server, database)), broker: None, store }
    }

    /// The log as another process opens it, by connections of its own; the stream of orders is open.
    pub(crate) async fn log(&self) -> Arc<dyn EventLog> {
        let store = Store::open(&self.url).await.unwrap();
        let log: Arc<dyn EventLog> = match &self.broker {
            Some(broker) => Arc::new(JetStreamLog::connect(broker, store).await.unwrap()),
            None => Arc::new(SqlLog::new(store, Some(&self.directory.path().join("marks"))).unwrap()),
        };
        let opened = log.open(&orders()).await.unwrap();
        assert_eq!(opened.gap, None);
        log
    }

    pub(crate) async fn end(self) {
        if let Some(broker) = self.broker {
            let client = async_nats::connect(&broker.url).await.unwrap();
            for stream in ["work-order-events-v1", "stock-events-v2"] {
                let delete = format!("$JS.API.STREAM.DELETE.{}-{stream}", broker.prefix);
                client.request(delete, "".into()).await.unwrap();
            }
        }
        if let Some((server, database)) = self.database {
            self.store.close().await;
            administer(&server, format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the servers that tests use are named by their runner")]
fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests with `cargo xtask test`, which starts the servers that they need")
    })
}

async fn administer(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}
