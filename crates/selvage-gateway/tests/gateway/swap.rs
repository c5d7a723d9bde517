//! A snapshot swapped under load: nothing is lost, and what is revoked is refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::{authorization, head};
use super::fabric::{self, access, try_compile};
use super::running::Running;

#[test]
fn swaps_under_load_lose_nothing() {
    let running = Running::start();
    let upstream = running.upstream.address.to_string();
    let over = AtomicBool::new(false);
    let asked: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut client, mut asked) = (running.client(), 0);
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(client.get("shop", "/stock/v1/items/1").status, 200);
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        for _ in 0..100 {
            running.gateway.swap(Arc::new(fabric::snapshot(&upstream)));
            std::thread::sleep(Duration::from_millis(3));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let traffic = running.gateway.traffic();
    let stock = &traffic.interfaces[&"stock@1".parse().unwrap()];
    assert_eq!((stock.requests, stock.refused, stock.failed), (asked, 0, 0), "counters survive swaps");
}

#[test]
fn a_request_in_hand_finishes_on_its_snapshot() {
    let running = Running::start();
    let mut client = running.client();
    client.send(head("GET", "/stock/v1/items/pause", &[&authorization("shop")], 0));
    std::thread::sleep(Duration::from_millis(100));
    let fabric = fabric::fabric(&running.upstream.address.to_string());
    let mut ended = access(&fabric);
    ended.revision = 2;
    ended.credentials.clear();
    running.gateway.swap(Arc::new(try_compile(&fabric, &ended, "dev").unwrap()));
    assert_eq!(running.gateway.snapshot().revision(), 2);
    // INVARIANT: REVOKED-NOW: on every thread, on the very next request.
    let began = Instant::now();
    for _ in 0..8 {
        assert_eq!(running.client().get("shop", "/stock/v1/items/1").said(), (401, "FAB4011".to_owned()));
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(client.read().status, 200);
    assert_eq!(client.get("shop", "/stock/v1/items/1").status, 401, "the next one on that connection is refused");
}

/// What was joined with its counters in the snapshot before is looked up again where it is another now.
#[test]
fn what_changed_is_counted_as_what_it_is_now() {
    let running = Running::start();
    let upstream = running.upstream.address.to_string();
    let swap = |change: &dyn Fn(&mut selvage_model::access::AccessState)| {
        let fabric = fabric::fabric(&upstream);
        let mut changed = access(&fabric);
        change(&mut changed);
        running.gateway.swap(Arc::new(try_compile(&fabric, &changed, "dev").unwrap()));
    };
    let counted = |consumer: &str, operation: &str| {
        let line =
            format!("{{interface=\"stock@1\",consumer=\"{consumer}\",operation=\"{operation}\",status=\"2xx\"}} ");
        let metrics = running.gateway.metrics();
        let found = metrics.lines().find_map(|known| known.split_once(&line).map(|it| it.1.parse::<u64>().unwrap()));
        found.unwrap_or(0)
    };
    let of_stock = |grant: &&mut selvage_model::access::LiveGrant| {
        (grant.consumer.as_str(), grant.interface.to_string().as_str()) == ("shop", "stock@1")
    };
    let get = |consumer: &str| running.client().get(consumer, "/stock/v1/items/1").said();
    assert_eq!(get("shop").0, 200);
    // The same grant, by its id, is another consumer's.
    swap(&|access| access.grants.iter_mut().filter(of_stock).for_each(|it| it.consumer = "stranger".parse().unwrap()));
    assert_eq!((get("stranger").0, get("shop").0), (200, 403));
    assert_eq!((counted("shop", "get-item"), counted("stranger", "get-item")), (1, 1));
    // It gets a limit, and loses it again.
    swap(&|access| {
        access.grants.iter_mut().filter(of_stock).for_each(|it| {
            Arc::make_mut(&mut it.terms).rate = "1/h".parse().ok();
        });
    });
    assert_eq!((get("shop").0, get("shop").1), (200, "FAB4040".to_owned()));
    swap(&|_| {});
    assert_eq!((get("shop").0, get("shop").0), (200, 200));
    // Operations stand elsewhere in the contract: each keeps its own counters.
    let before = "  /items/{id}:\n    get:\n      operationId: get-item";
    let moved = "  /a:\n    get:\n      operationId: a-first\n      responses: {'200': {description: New}}\n"
        .to_owned()
        + before;
    running.gateway.swap(Arc::new(fabric::contracted(&upstream, before, &moved)));
    assert_eq!(get("shop").0, 200);
    assert_eq!((counted("shop", "get-item"), counted("shop", "a-first")), (5, 0));
}
