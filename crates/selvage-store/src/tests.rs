//! One suite over both databases, through the store's own methods; where a test has to do harm, by SQL.

mod access;
mod backup;
mod budget;
mod capture;
mod change;
mod checkpoint;
mod claim;
mod contract_check;
mod cross_reference;
mod delivery;
mod environment;
mod event;
mod group;
mod import;
mod issuer;
mod known;
mod lease;
mod ledger;
mod migration;
mod node;
mod notice;
mod opening;
mod operation;
mod past;
mod person;
mod pulled;
mod release;
mod session;
mod sqlite;
mod stage;
mod statement;
mod subscription;
mod turns;
mod usage;
mod webhook;

use selvage_model::manifest::api::Operation;
use selvage_model::operation::{OperationId, StoredAnswer};
use serde_json::json;
use std::time::Duration;

use crate::{Claim, NewClaim, Store};

/// Runs each case on SQLite and on PostgreSQL, each on a store of its own.
macro_rules! both {
    (bare: $($case:ident),* $(,)?) => {
        $crate::tests::both!(@postgres_bare $($case),*);
    };
    (@$postgres:ident $($case:ident),*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&$crate::tests::stage::Stage::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let stage = $crate::tests::stage::Stage::$postgres().await;
                super::$case(&stage).await;
                stage.end().await;
            })*
        }
    };
    ($($case:ident),* $(,)?) => {
        $crate::tests::both!(@postgres $($case),*);
    };
}

use both;

const LEASE: Duration = Duration::from_secs(30);

fn new_claim(key: &str) -> NewClaim {
    NewClaim {
        consumer: "mes-ghent".parse().unwrap(),
        interface: "production-orders@1".parse().unwrap(),
        operation: Operation::Create,
        key: key.to_owned(),
        payload_hash: [7; 32],
        request: json!({"body": {"product": "FRM-1", "quantity": {"value": "2.50", "unit": "1"}}}),
        node: "node-a".to_owned(),
        lease: LEASE,
    }
}

/// Claims a key that nobody has claimed.
async fn claimed(store: &Store, key: &str) -> (OperationId, i64) {
    claimed_for(store, key, LEASE).await
}

async fn claimed_for(store: &Store, key: &str, lease: Duration) -> (OperationId, i64) {
    match store.claim(&NewClaim { lease, ..new_claim(key) }).await.unwrap() {
        Claim::New { operation, epoch } => (operation, epoch),
        other => panic!("`{key}` is not new: {other:?}"),
    }
}

fn answer() -> StoredAnswer {
    StoredAnswer {
        status: 201,
        body: json!({"reference": "WH/MO/00007", "quantity": {"value": "2.50", "unit": "1"}}),
        location: Some("/production-orders/v1/production-orders/odoo-7".to_owned()),
    }
}
