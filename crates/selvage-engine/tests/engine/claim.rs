//! One key sent many times at once to two engines on one PostgreSQL.

use std::sync::Arc;

use selvage_factory::odoo::{Fault, FaultKind};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::bench::{self, Bench, create, done};

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
pub(crate) async fn database() -> String {
    let server = std::env::var("SELVAGE_TEST_POSTGRES").expect(
        "SELVAGE_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, or see `cargo xtask services`",
    );
    let name = format!("engine_{}_{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_on_two_engines_make_one_order_and_get_one_answer() {
    for fault in [None, Some(FaultKind::ResetAfter), Some(FaultKind::Serialization)] {
        let bench = Bench::new().await;
        let url = database().await;
        let a = Arc::new(bench::node("a", &url, Arc::clone(&bench.fabric)).await);
        let b = Arc::new(bench::node("b", &url, Arc::clone(&bench.fabric)).await);
        if let Some(kind) = fault {
            bench.factory.odoo.inject(Fault::once(kind, "mrp.production", "load"));
        }
        let callers: Vec<_> = (0..50)
            .map(|number| {
                let node = Arc::clone(if number % 2 == 0 { &a } else { &b });
                tokio::spawn(async move { done(node.insist(&create("k-1", "fifty")).await) })
            })
            .collect();
        let mut answers: Vec<(u16, Value)> = Vec::new();
        for caller in callers {
            answers.push(caller.await.unwrap());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{fault:?}: {answers:#?}");
        assert_eq!(answers[0].0, 201);
        assert_eq!(bench.orders("fifty").len(), 1, "{fault:?}");
    }
}
