//! The store goes away in the middle of a write and comes back: what was promised is kept, and done once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use selvage_factory::odoo::{Fault, FaultKind};
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{self, Bench, create, done, refused, verb};
use crate::claim::database;

/// A way to the database that can be cut: connections end, and no new one is taken.
#[derive(Clone)]
struct Way {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Way {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self { address: listener.local_addr().unwrap(), cut: Arc::default() };
        let cut = Arc::clone(&way.cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), Arc::clone(&cut)));
            }
        });
        way
    }

    fn set(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, server: String, cut: Arc<AtomicBool>) {
    if cut.load(Ordering::SeqCst) {
        return;
    }
    let Ok(mut database) = TcpStream::connect(server).await else { return };
    let watching = async {
        while !cut.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut database) => {}
        () = watching => {}
    }
}

/// The address of a database of its own, through a way that can be cut.
async fn behind_a_way() -> (String, Way) {
    let url = database().await;
    let (head, name) = url.rsplit_once('/').unwrap();
    let (scheme, rest) = head.split_once("://").unwrap();
    let (login, server) =
        rest.rsplit_once('@').map_or((String::new(), rest), |(login, server)| (format!("{login}@"), server));
    let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
    let way = Way::to(server).await;
    (format!("{scheme}://{login}{}/{name}", way.address), way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_before_or_after_the_send_loses_and_doubles_nothing() {
    let (after_claim, before_finish) = (("product.product", "search_read"), ("mrp.production", "load"));
    for (model, method) in [after_claim, ("ir.model.data", "search_read"), before_finish] {
        let bench = Bench::new().await;
        let (url, way) = behind_a_way().await;
        let node = bench::node("a", &url, Arc::clone(&bench.fabric)).await;
        done(node.ask(bench::list("production-orders@1", &[])).await);
        let slow = FaultKind::Latency(Duration::from_millis(500));
        bench.factory.odoo.inject(Fault::once(slow, model, method));
        let asking = node.ask(create("k-1", "outage"));
        let cutting = async {
            tokio::time::sleep(Duration::from_millis(250)).await;
            way.set(true);
        };
        let (answer, ()) = tokio::join!(asking, cutting);
        assert!(matches!(answer, MediatedAnswer::Accepted { .. }), "{method}: {answer:?}");
        // Nothing can be claimed, and that is said soon.
        let problem = refused(node.ask(create("k-2", "never")).await);
        assert_eq!((problem.status, problem.code.as_str()), (503, "FAB5005"), "{method}");
        way.set(false);
        let (status, body) = done(node.insist(&create("k-1", "outage")).await);
        assert_eq!((status, &body["origin"]), (201, &json!("outage")), "{method}");
        assert_eq!((bench.orders("outage").len(), bench.orders("never").len()), (1, 0), "{method}");
        assert_eq!(bench.committed("mrp.production", "load"), 1, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_store_goes_away_in_the_middle_ends_as_it_was_meant() {
    let bench = Bench::new().await;
    let (url, way) = behind_a_way().await;
    let node = bench::node("a", &url, Arc::clone(&bench.fabric)).await;
    let order = bench.order_in(1, "confirmed");
    bench.factory.odoo.inject(Fault::once(FaultKind::Latency(Duration::from_millis(600)), "stock.move", "write"));
    let report = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "OUT-1", "remainder": "backorder"});
    let request = verb(Operation::Report, order, "k-1", report);
    let cutting = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        way.set(true);
        tokio::time::sleep(Duration::from_secs(2)).await;
        way.set(false);
    };
    let (_, ()) = tokio::join!(node.ask(request.clone()), cutting);
    let (_, body) = done(node.insist(&request).await);
    assert_eq!((&body["status"], &body["produced"]["value"]), (&json!("done"), &json!("1")));
    assert_eq!(bench.committed("mrp.production", "button_mark_done"), 1);
}
