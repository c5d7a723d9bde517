//! Nodes that are replaced one after the other while they are asked and written to: whoever spreads requests by `/readyz` loses none, and no
//! write is done twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, StatusCode};

use serde_json::json;

use crate::fixture::{Place, Served, eventually};
use crate::two_nodes::database;

const POSITIONS: &str = "inventory/v2/inventory-positions?limit=1";
const ORDERS: &str = "production-orders/v1/production-orders";
/// How long a writer waits between two writes: a consumer keeps to its rate.
const BETWEEN_WRITES: Duration = Duration::from_millis(250);
/// Much longer than it takes to see that a node ends.
const ANNOUNCE: &str = "5s";
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What spreads requests over the nodes that say they are ready.
#[derive(Default)]
struct Spread {
    /// Each node by where it is asked and where it says whether it is ready.
    nodes: Mutex<Vec<(String, String)>>,
    ready: Mutex<Vec<String>>,
    turn: AtomicUsize,
    stop: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Spread {
    fn add(&self, served: &Served) {
        let ready = served.metrics.replace("/metrics", "/readyz");
        self.nodes.lock().unwrap().push((served.base.clone(), ready));
    }

    fn is_ready(&self, served: &Served) -> bool {
        self.ready.lock().unwrap().contains(&served.base)
    }

    /// Looks which nodes are ready until it is told to stop.
    async fn look(self: Arc<Self>) {
        let client = Client::new();
        while !self.stop.load(Ordering::SeqCst) {
            let nodes = self.nodes.lock().unwrap().clone();
            let mut ready = Vec::new();
            for (base, readyz) in nodes {
                let answer = client.get(readyz).send().await;
                if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                    ready.push(base);
                }
            }
            *self.ready.lock().unwrap() = ready;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The node whose turn it is.
    fn next(&self) -> Option<String> {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        let ready = self.ready.lock().unwrap();
        ready.get(turn % ready.len().max(1)).cloned()
    }

    /// Makes one order after the other, each with a key of its own; the origins of those that were taken.
    async fn write(self: Arc<Self>, key: String) -> Vec<String> {
        let (client, mut taken) = (Client::new(), Vec::new());
        while !self.stop.load(Ordering::SeqCst) {
            let Some(base) = self.next() else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            let origin = format!("rolling-{}", uuid::Uuid::new_v4().simple());
            let body =
                json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": origin});
            let request = client.post(format!("{base}/{ORDERS}")).bearer_auth(&key).json(&body);
            match request.header("idempotency-key", &origin).send().await {
                // What is not done in time goes on, and is done once as well.
                Ok(answer) if matches!(answer.status(), StatusCode::CREATED | StatusCode::ACCEPTED) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                    taken.push(origin);
                }
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {}
                Ok(answer) => self.failed.lock().unwrap().push(format!("{base}: a write: {}", answer.status())),
                Err(error) => self.failed.lock().unwrap().push(format!("{base}: a write: {error:?}")),
            }
            tokio::time::sleep(BETWEEN_WRITES).await;
        }
        taken
    }

    /// Asks one node after the other, and keeps connections as clients do.
    async fn ask(self: Arc<Self>, key: String) {
        let client = Client::new();
        while !self.stop.load(Ordering::SeqCst) {
            let Some(base) = self.next() else {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            match client.get(format!("{base}/{POSITIONS}")).bearer_auth(&key).send().await {
                // What a limit refuses was answered by a node that serves.
                Ok(answer) if matches!(answer.status(), StatusCode::OK | StatusCode::TOO_MANY_REQUESTS) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                Ok(answer) => self.failed.lock().unwrap().push(format!("{base}: {}", answer.status())),
                Err(error) => self.failed.lock().unwrap().push(format!("{base}: {error:?}")),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Replaces three nodes one after the other while so many read and so many write; the origins of the orders that were taken.
async fn replaced(place: &Place, (readers, writers): (usize, usize)) -> Vec<String> {
    let store = database().await;
    let (board, planning) = (place.key(&store, "shop-floor-board"), place.key(&store, "planning"));
    let serve = || place.serve(&store, &["--announce", ANNOUNCE]);
    let mut nodes: Vec<Served> = (0..3).map(|_| serve()).collect();
    let spread = Arc::new(Spread::default());
    nodes.iter().for_each(|served| spread.add(served));
    let mut tasks = vec![tokio::spawn(Arc::clone(&spread).look())];
    tasks.extend((0..readers).map(|_| tokio::spawn(Arc::clone(&spread).ask(board.clone()))));
    let writers: Vec<_> = (0..writers).map(|_| tokio::spawn(Arc::clone(&spread).write(planning.clone()))).collect();
    let all_ready = |nodes: &[Served]| nodes.iter().all(|served| spread.is_ready(served));
    for _ in 0..3 {
        eventually("every node is ready", || async { all_ready(&nodes).then_some(()) }).await;
        let before = spread.answered.load(Ordering::SeqCst);
        let enough = || async { (spread.answered.load(Ordering::SeqCst) > before + 30).then_some(()) };
        eventually("requests are answered", enough).await;
        let oldest = nodes.remove(0);
        // It is told to end, says so, and ends when what it has in hand is done.
        tokio::task::spawn_blocking(move || drop(oldest)).await.unwrap();
        let next = serve();
        spread.add(&next);
        nodes.push(next);
    }
    eventually("the last of them is ready", || async { all_ready(&nodes).then_some(()) }).await;
    spread.stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let mut taken = Vec::new();
    for writer in writers {
        taken.extend(writer.await.unwrap());
    }
    let orders = |origin: &String| place.factory.odoo.orders_with_origin(origin).len();
    // What was not done in time goes on: at the nodes that are there still.
    eventually("each write is done", || async { taken.iter().all(|origin| orders(origin) > 0).then_some(()) }).await;
    let failed = spread.failed.lock().unwrap();
    assert!(failed.is_empty(), "{} of {}: {failed:?}", failed.len(), spread.answered.load(Ordering::SeqCst));
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_replaced_one_after_the_other_without_a_failed_request() {
    replaced(&Place::new().await, (4, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_replaced_one_after_the_other_without_a_doubled_write() {
    let place = Place::new().await;
    let taken = replaced(&place, (0, 2)).await;
    let doubled: Vec<&String> =
        taken.iter().filter(|origin| place.factory.odoo.orders_with_origin(origin).len() != 1).collect();
    assert!(taken.len() > 30 && doubled.is_empty(), "{} writes: {doubled:?}", taken.len());
}
