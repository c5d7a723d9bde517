//! Budgets are shared out exactly, come back, and are lost only by name.

use std::time::Duration;

use selvage_model::budget::{BudgetAsk, BudgetShare};

use super::both;
use super::stage::Stage;
use crate::Store;

both!(
    what_is_spent_outlives_the_store,
    nodes_share_and_never_exceed,
    what_a_lost_node_held_counts_as_spent,
    a_rates_share_comes_back,
    nodes_that_settle_at_once_do_not_exceed,
    windows_that_are_over_are_forgotten,
);

const LEASE: Duration = Duration::from_secs(30);
const FAR: i64 = 4_000_000_000;

fn quota(spent: u64, want: u64) -> BudgetAsk {
    BudgetAsk { name: "stock@1".to_owned(), begins: 86_400, ends: FAR, limit: 100, spent, want, demand: 1 }
}

fn rate(demand: u64) -> BudgetAsk {
    BudgetAsk { begins: 0, spent: 0, want: 1, demand, ..quota(0, 1) }
}

async fn settle(store: &Store, node: &str, ask: BudgetAsk) -> BudgetShare {
    store.settle_budgets(node, LEASE, &[ask]).await.unwrap()[0]
}

async fn what_is_spent_outlives_the_store(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(settle(&store, "a", quota(0, 40)).await, BudgetShare { held: 40, spent: 0, lost: 0 });
    assert_eq!(settle(&store, "a", quota(35, 0)).await, BudgetShare { held: 0, spent: 35, lost: 0 });
    store.close().await;
    let store = stage.open().await;
    assert_eq!(settle(&store, "b", quota(0, 80)).await, BudgetShare { held: 65, spent: 35, lost: 0 });
    assert!(store.settle_budgets("b", LEASE, &[]).await.unwrap().is_empty());
}

async fn nodes_share_and_never_exceed(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(settle(&store, "a", quota(0, 70)).await.held, 70);
    assert_eq!(settle(&store, "b", quota(0, 70)).await.held, 30);
    // The first gives some back; the other can have it.
    assert_eq!(settle(&store, "a", quota(10, 20)).await.held, 20);
    assert_eq!(settle(&store, "b", quota(30, 70)).await, BudgetShare { held: 40, spent: 40, lost: 0 });
    assert_eq!(settle(&store, "a", quota(20, 70)).await, BudgetShare { held: 0, spent: 60, lost: 0 });
}

async fn what_a_lost_node_held_counts_as_spent(stage: &Stage) {
    let store = stage.open().await;
    let share = store.settle_budgets("a", Duration::from_millis(1), &[quota(0, 25)]).await.unwrap()[0];
    assert_eq!(share.held, 25);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(settle(&store, "b", quota(0, 90)).await, BudgetShare { held: 75, spent: 25, lost: 25 });
    assert_eq!(settle(&store, "b", quota(0, 90)).await, BudgetShare { held: 75, spent: 25, lost: 0 });
}

async fn a_rates_share_comes_back(stage: &Stage) {
    let store = stage.open().await;
    let share = store.settle_budgets("a", Duration::from_millis(1), &[rate(5)]).await.unwrap()[0];
    assert_eq!(share.held, 100);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(settle(&store, "b", rate(5)).await, BudgetShare { held: 100, spent: 0, lost: 0 });
    assert_eq!(settle(&store, "a", rate(5)).await.held, 0, "the other has it");
    assert_eq!(settle(&store, "b", rate(5)).await.held, 50);
    assert_eq!(settle(&store, "a", rate(5)).await.held, 50);
}

async fn nodes_that_settle_at_once_do_not_exceed(stage: &Stage) {
    let store = stage.open().await;
    let mut nodes = Vec::new();
    for node in 0..8 {
        let store = store.clone();
        nodes.push(tokio::spawn(async move {
            let mut held = 0;
            for _ in 0..5 {
                held = settle(&store, &format!("node-{node}"), quota(held, 7)).await.held;
            }
            settle(&store, &format!("node-{node}"), quota(held, 0)).await;
        }));
    }
    for node in nodes {
        node.await.unwrap();
    }
    assert_eq!(settle(&store, "last", quota(0, 100)).await, BudgetShare { held: 0, spent: 100, lost: 0 });
}

async fn windows_that_are_over_are_forgotten(stage: &Stage) {
    let store = stage.open().await;
    settle(&store, "a", BudgetAsk { begins: 1, ends: 2, ..quota(5, 5) }).await;
    settle(&store, "a", quota(5, 5)).await;
    assert_eq!(store.forget_budgets().await.unwrap(), 1);
    assert_eq!(settle(&store, "a", quota(0, 0)).await.spent, 5);
}
